"""A real, small vault behind the front door: one pool customer, one of another agent, a shipment between them."""

from __future__ import annotations

import io
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests import codes
from tests.quotas import without_quotas
from vault import bootstrap
from vault.config import Config, load_config
from vault.domain.ids import RecordClass
from vault.domain.log import Actor
from vault.domain.people import Must
from vault.services import intake, intake_staff, people, sessions
from vault.services.sessions import person_of
from vault.services.steps.parts import Parts
from vault.services.steps.tokens import SignedIn
from vault.web import logs
from vault.web.app import create_app

AGENT, OTHER_AGENT, SUPERVISOR, AUDITOR, INSPECTOR = "KF9001", "KF9002", "KF9003", "KF9004", "KF9005"
IMD = "KF9006"
ADMIN = bootstrap.FIRST_ADMIN
POOL_PHONE, OWNED_PHONE, ABSENT_PHONE = "13912345601", "13912345602", "13912345609"
POOL_ID_NUMBER = "991201197910100465"
POOL_NAME = "华雨贤"
WAYBILL = "YT6778014258766"
HOST = "http://127.0.0.1:8321"
_STALE = timedelta(minutes=3)

_STAFF = [
    "工号,姓名,角色,网点,班组",
    f"{AGENT},窦然可,agent,NJ-GL-01,T1",
    f"{OTHER_AGENT},魏海,agent,NJ-GL-01,T2",
    f"{SUPERVISOR},慕容汐棠,supervisor,NJ-GL-01,T1",
    f"{AUDITOR},华莉青,auditor,NJ-GL-01,",
    f"{INSPECTOR},金青泽,quality_inspector,NJ-GL-01,",
    f"{IMD},卫芳沛,imd,NJ-GL-01,",
]


@dataclass(repr=False)
class Front:
    """The front door of the small vault, and the people who stand before it."""

    app: Flask
    parts: Parts
    config: Config
    passwords: Mapping[str, str]
    tokens: dict[str, str] = field(default_factory=dict)
    proved_at: dict[str, datetime] = field(default_factory=dict)

    def client(self) -> Any:
        """Return a fresh browser or program."""
        return self.app.test_client()

    def token(self, work_number: str) -> str:
        """Return a person's bearer token, of a session that is fresh enough for every act."""
        now = datetime.now(UTC)
        stale = now - self.proved_at.get(work_number, now) > _STALE
        known = self.tokens.get(work_number)
        # Another test may have ended the session; asked by this name, also when a test breaks the one of the gate.
        if known is None or stale or person_of(self.parts, known, "127.0.0.1", now) is None:
            self.tokens[work_number] = self.sign_in(work_number, now).token
            self.proved_at[work_number] = now
        return self.tokens[work_number]

    def sign_in(self, work_number: str, now: datetime) -> SignedIn:
        """Sign somebody in with all they need, at a moment."""
        code = self.code(work_number, now)
        done = sessions.sign_in(self.parts, work_number, self.passwords[work_number], "127.0.0.1", now, code)
        if done.person.must is Must.ENROL:  # another test took it away
            codes.enrol(self.parts, done.person, now)
        return done

    def code(self, work_number: str, now: datetime | None = None) -> str:
        """Return the code that somebody's app shows; empty without a second factor."""
        return codes.code_of(self.parts, work_number, now or datetime.now(UTC))

    def api(self, method: str, path: str, who: str | None = AGENT, **given: Any) -> Any:
        """Call the API as somebody."""
        headers = dict(given.pop("headers", {}))
        if who is not None:
            headers["Authorization"] = f"Bearer {self.token(who)}"
        return self.client().open(f"/api/v1{path}", method=method, headers=headers, base_url=HOST, **given)

    def browser(self, work_number: str) -> Any:
        """Return a browser that holds a person's cookie."""
        browser = self.client()
        with browser.session_transaction(base_url=HOST) as session:
            session["_user_id"] = self.token(work_number)
            session["_fresh"] = True
        return browser

    def verify_caller(self, found: Mapping[str, Any], who: str = AGENT) -> None:
        """Let the caller of a look-up prove to be the pool customer, by name and ID number."""
        path = f"/cases/{found['case']}/records/{found['records'][0]['id']}/caller-checks"
        for question, answer in (("name", POOL_NAME), ("id_last4", POOL_ID_NUMBER[-4:])):
            checked = self.api("POST", path, who, json={"question": question, "answer": answer})
            assert checked.json["match"], checked.json

    def with_settings(self, **settings: Any) -> Flask:
        """Return another application on the same vault with other settings."""
        return create_app(self.parts, replace(self.config, **settings))

    def events(self) -> int:
        """Return how many events are durable, without the counts of openings, which come by the clock."""
        own = 'substr(canonical, 1, 23) <> CAST(\'{"action":"log.counted"\' AS BLOB)'
        counts = (f"(SELECT COUNT(*) FROM {table} WHERE {own})" for table in ("log_inbox", "log_events"))
        with self.parts.database.read() as connection:
            return int(connection.exec_driver_sql(f"SELECT {' + '.join(counts)}").scalar_one())


@pytest.fixture(scope="session")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """The front door of a small vault, shared by the tests of a process: none of them changes what others rely on."""
    with small_vault(tmp_path_factory.mktemp("front")) as opened:
        yield opened


@pytest.fixture(scope="module")
def lone_front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """Another one, for the tests of one module that move the clock or change passwords."""
    with small_vault(tmp_path_factory.mktemp("lone_front")) as opened:
        yield opened


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Set the clock of the whole front door."""

    def set_to(moment: datetime) -> None:
        for name, module in list(sys.modules.items()):
            if name.startswith("vault.web.") and hasattr(module, "now"):
                monkeypatch.setattr(module, "now", lambda: moment)

    return set_to


@contextmanager
def small_vault(folder: Path) -> Iterator[Front]:
    """Make and open a small vault in a folder."""
    config = load_config({"DATAVAULT_DATA_DIR": str(folder / "data"), "DATAVAULT_ENV": "test", "DATAVAULT_NODE": "n1"})
    now = datetime.now(UTC)
    bootstrap.init(config, now)
    with bootstrap.open_vault(config) as opened:
        parts = without_quotas(opened)
        _fill(parts, config, folder, now)
        staff, actor = (AGENT, OTHER_AGENT, SUPERVISOR, AUDITOR, INSPECTOR, IMD, ADMIN), bootstrap.operator(config)
        passwords = {work_number: let_in(parts, actor, work_number, now) for work_number in staff}
        yield Front(create_app(parts, config), parts, config, passwords)


@pytest.fixture
def written(front: Front) -> Iterator[io.StringIO]:
    """What is written to the log while a test runs."""
    stream = io.StringIO()
    logs.configure(front.config.node, stream)
    yield stream
    logs.configure(front.config.node)


@pytest.fixture
def found(front: Front) -> dict[str, Any]:
    """A look-up of the pool customer by the agent."""
    answer = front.api("POST", "/lookups", json={"number": POOL_PHONE, "purpose": "query"})
    assert answer.status_code == 200
    document: dict[str, Any] = answer.json
    return document


@pytest.fixture
def broken(front: Front, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, BaseException], None]:
    """Make a service function fail in a chosen way."""

    def break_it(name: str, error: BaseException) -> None:
        def fail(*_args: object, **_given: object) -> None:
            raise error

        monkeypatch.setattr(name, fail)

    return break_it


def let_in(parts: Parts, actor: Actor, work_number: str, now: datetime) -> str:
    """Activate an account with all that its role asks for, and return its password."""
    password = secrets.token_urlsafe(16)
    secret = people.invite(parts, actor, work_number, now)
    people.activate(parts, work_number, secret, password, "127.0.0.1", now)
    signed_in = sessions.sign_in(parts, work_number, password, "127.0.0.1", now)
    if signed_in.person.must is Must.ENROL:
        codes.enrol(parts, signed_in.person, now)
    sessions.sign_out(parts, signed_in.person, signed_in.token, now)
    return password


def _fill(parts: Parts, config: Config, folder: Path, now: datetime) -> None:
    def ago(days: int) -> str:
        return (now - timedelta(days=days)).astimezone(parts.policy.zone).strftime("%Y-%m-%d %H:%M:%S")

    notice = f"notice-2024-1,{ago(40)},电话"
    customers = [
        "客户编号,姓名,手机号,其他联系方式,寄件地址,收件地址,证件类型,证件号码,归属客服,网点,告知版本,告知时间,告知渠道,最近业务时间",
        f"C1,华雨贤,{POOL_PHONE},,江苏省南京市江宁区半夏路222号,江苏省南京市鼓楼区拾光大街740号,居民身份证,991201197910100465,,NJ-GL-01,{notice},{ago(30)}",
        f"C2,曹怡邦,{OWNED_PHONE},,福建省厦门市集美区墨竹里街979号,福建省厦门市思明区拾光大街84号,居民身份证,997648198409015475,{OTHER_AGENT},NJ-GL-01,{notice},{ago(30)}",
    ]
    shipments = [
        "运单号,寄件客户编号,收件客户编号,物品类型,重量(kg),声明价值(元),揽件时间,中转时间,派送时间,签收时间,签收人,网点",
        f"{WAYBILL},C1,C2,鞋靴,1.00,,{ago(9)},{ago(8)},{ago(7)},{ago(6)},本人,NJ-GL-01",
    ]
    actor, mappings = bootstrap.operator(config), config.policies_dir / "mappings"
    report = intake_staff.import_staff(parts, actor, _csv(folder, "staff", _STAFF), mappings, now)
    assert not report.faults, report
    for record_class, rows in ((RecordClass.CUSTOMER, customers), (RecordClass.SHIPMENT, shipments)):
        file = _csv(folder, record_class.value, rows)
        report = intake.import_records(parts, actor, record_class, file, mappings, now)
        assert not report.faults, report


def _csv(folder: Path, name: str, rows: list[str]) -> Path:
    file = folder / f"{name}.csv"
    file.write_text("\n".join([*rows, ""]), encoding="utf-8")
    return file
