"""A small world: a real vault with a clock that tests set, filled through the real import path.

Rows are given by field name, in the words of a company's export; every number is synthetic (ID numbers of the
unassigned area 990101).
"""

from __future__ import annotations

import csv
import itertools
import json
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text

from tests import codes
from tests.conftest import Place
from vault import bootstrap
from vault.config import ROOT, Config, load_config
from vault.domain.ids import RecordClass, new_id
from vault.domain.people import Person
from vault.errors import IntegrityError
from vault.services import caller_verification, intake, log, lookup, people, sessions, viewing
from vault.services.caller_verification import Checked
from vault.services.intake_staff import import_staff
from vault.services.log import Verdict
from vault.services.lookup import LookupAnswer
from vault.services.steps.cards import Card
from vault.services.steps.intake_report import ImportReport
from vault.services.steps.opening import announced, open_record
from vault.services.steps.parts import Parts
from vault.services.steps.tokens import SignedIn
from vault.services.viewing import ViewAnswer
from vault.storage import people as accounts
from vault.storage import records
from vault.storage.engine import Database
from vault.storage.mapping_files import HeaderMapping, load_mapping

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
PASSWORD = "correct horse battery staple"
DATA = ROOT / "tests" / "data"
MAPPINGS = ROOT / "policies" / "mappings"

Row = Mapping[str, str]

_FILES = {"staff": "staff", "customer": "customers", "shipment": "shipments", "service_record": "service-records"}
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_numbers = itertools.count(1)


def mapping(record_class: str) -> HeaderMapping:
    """Return the company's own mapping of a class."""
    return load_mapping(MAPPINGS / f"{_FILES[record_class]}.toml")


# -- rows --------------------------------------------------------------------------------------------------------


def local(at: datetime) -> str:
    """Return a time as the export writes it: Shanghai, to the second."""
    return (at + timedelta(hours=8)).strftime("%Y-%m-%d %H:%M:%S")


def id_number(serial: int) -> str:
    """Return a valid resident ID number of nobody."""
    body = f"990101{19600101 + serial % 28 + 10000 * (serial // 28 % 40)}{serial % 1000:03d}"
    total = sum(int(digit) * weight for digit, weight in zip(body, _WEIGHTS, strict=True))
    return body + "10X98765432"[total % 11]


def staff_row(work_number: str, role: str = "agent", outlet: str = "NJ-GL-01", team: str = "T1") -> dict[str, str]:
    """Return one row of a staff file."""
    return {"work_number": work_number, "name": "测试员工", "role": role, "outlet": outlet, "team": team}


def customer_row(**changes: str) -> dict[str, str]:
    """Return one row of a customer file, different from every other; by default of the hotline pool."""
    serial = next(_numbers)
    return {
        "source_number": f"C{serial:06d}",
        "name": "王小明",
        "phone": f"139{serial:08d}",
        "other_contact": "",
        "sender_address": "江苏省南京市鼓楼区拾光大街740号4单元401室",
        "recipient_address": "福建省厦门市思明区半夏路222号2单元2004室",
        "id_type": "居民身份证",
        "id_number": id_number(serial),
        "owner": "",
        "outlet": "NJ-GL-01",
        "notice_version": "notice-2024-1",
        "notice_at": local(NOW - timedelta(days=40)),
        "notice_channel": "电话",
        "last_activity_at": local(NOW - timedelta(days=30)),
    } | changes


def shipment_row(sender: Row, recipient: Row, **changes: str) -> dict[str, str]:
    """Return one row of a shipment file, between two customers."""
    serial = next(_numbers)
    return {
        "waybill": f"YT{serial:013d}",
        "sender": sender["source_number"],
        "recipient": recipient["source_number"],
        "item_type": "鞋靴",
        "weight_kg": "1.25",
        "declared_value": "300",
        "pickup_at": local(NOW - timedelta(days=5)),
        "transit_at": local(NOW - timedelta(days=4)),
        "delivery_at": local(NOW - timedelta(days=3, hours=1)),
        "signed_at": local(NOW - timedelta(days=3)),
        "signed_by": "李大海",
        "outlet": "NJ-GL-01",
    } | changes


def service_row(customer: Row, **changes: str) -> dict[str, str]:
    """Return one row of a service file: by default a resolved consultation entered in time."""
    serial = next(_numbers)
    return {
        "source_number": f"S{serial:06d}",
        "customer": customer["source_number"],
        "waybill": "",
        "kind": "咨询",
        "channel": "电话",
        "agent": "KF2001",
        "started_at": local(NOW - timedelta(days=2, minutes=20)),
        "ended_at": local(NOW - timedelta(days=2)),
        "entered_at": local(NOW - timedelta(days=2) + timedelta(minutes=5)),
        "text": "询问包裹何时送到,已答复。",
        "result": "已解决",
        "complaint_category": "",
        "complaint_severity": "",
        "rating": "",
    } | changes


def complaint_row(customer: Row, agent: str = "KF2008", **changes: str) -> dict[str, str]:
    """Return one row of a service file: by default a complaint still being handled by the specialist."""
    words = {"kind": "投诉", "result": "处理中", "complaint_category": "服务质量", "complaint_severity": "一般"}
    return service_row(customer, **(words | {"agent": agent} | changes))


def write_file(path: Path, record_class: str, rows: Iterable[Row], encoding: str = "utf-8") -> Path:
    """Write rows as a company's CSV file: its headers, in the order of the mapping."""
    headers = {field: header for header, field in reversed(mapping(record_class).columns.items())}
    with path.open("w", encoding=encoding, newline="") as file:
        lines = csv.DictWriter(file, list(reversed(headers)), restval="", extrasaction="raise")
        lines.writerow({field: headers[field] for field in headers})
        lines.writerows(rows)
    return path


# -- the world ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Template:
    """A prepared vault that tests get copies of: its folder and its database."""

    folder: Path
    place: Place


def settings(folder: Path, place: Place) -> Config:
    """Return the settings of a vault whose keys and checkpoints lie in a folder, and whose rows lie at a place."""
    environ = {
        "DATAVAULT_ENV": "test",
        "DATAVAULT_DATA_DIR": str(folder),
        "DATAVAULT_DATABASE_URL": place.url,
        "DATAVAULT_MIGRATOR_URL": place.owner_url,
        "DATAVAULT_NODE": "test",
    }
    return load_config(environ)


class World:
    """A running vault, who works in it, and what time it is there.

    Args:
        config: the settings of a vault that exists.
        place: where its database lies.
        now: UTC; tests move it.
    """

    def __init__(self, config: Config, place: Place, now: datetime = NOW) -> None:
        self.config = config
        self.place = place
        self.now = now
        self._owner = Database(place.owner_url)  # made once, and connected only while somebody looks
        self._open = ExitStack()
        self.parts: Parts = self._open.enter_context(bootstrap.open_vault(config))

    def close(self) -> None:
        """Stop the vault; its files stay."""
        self._open.close()

    def restart(self) -> None:
        """Stop the vault and open it again, as a new process would."""
        self.close()
        self._open = ExitStack()
        self.parts = self._open.enter_context(bootstrap.open_vault(self.config))

    # -- filling it ----------------------------------------------------------------------------------------------

    def load(self, record_class: str, path: Path, **options: Any) -> ImportReport:
        """Import a file."""
        actor = bootstrap.operator(self.config)
        if record_class == "staff":
            return import_staff(self.parts, actor, path, MAPPINGS, self.now, **options)
        return intake.import_records(self.parts, actor, RecordClass(record_class), path, MAPPINGS, self.now, **options)

    def load_rows(self, record_class: str, rows: Iterable[Row], **options: Any) -> ImportReport:
        """Import rows through a file of their own."""
        with tempfile.TemporaryDirectory() as folder:
            return self.load(record_class, write_file(Path(folder, "rows.csv"), record_class, rows), **options)

    def _add(self, record_class: str, rows: tuple[Row, ...]) -> None:
        report = self.load_rows(record_class, rows)
        if report.bad or report.added != len(rows):
            raise AssertionError(report)

    def staff(self, *rows: Row) -> None:
        """Add accounts."""
        self._add("staff", rows)

    def customers(self, *rows: Row) -> None:
        """Add customers."""
        self._add("customer", rows)

    def shipments(self, *rows: Row) -> None:
        """Add shipments."""
        self._add("shipment", rows)

    def services(self, *rows: Row) -> None:
        """Add service records."""
        self._add("service_record", rows)

    def customer(self, **changes: str) -> dict[str, str]:
        """Add one customer and return its row."""
        row = customer_row(**changes)
        self.customers(row)
        return row

    def shipment(self, sender: Row, recipient: Row, **changes: str) -> dict[str, str]:
        """Add one shipment and return its row."""
        row = shipment_row(sender, recipient, **changes)
        self.shipments(row)
        return row

    def company(self) -> dict[str, ImportReport]:
        """Import the repository's whole synthetic set, staff first."""
        names = {
            "staff": "staff",
            "customer": "customers",
            "shipment": "shipments",
            "service_record": "service_records",
        }
        return {record_class: self.load(record_class, DATA / f"{name}.csv") for record_class, name in names.items()}

    # -- people --------------------------------------------------------------------------------------------------

    def person(self, work_number: str) -> Person:
        """Return somebody as the gate knows them, without the work of a sign-in."""
        with self.parts.database.read() as connection:
            account = accounts.by_work_number(connection, work_number)
        if account is None:
            raise AssertionError("no such account")
        return Person(
            account.account_id,
            account.work_number,
            account.role,
            account.outlet,
            account.team,
            self.now,
            new_id(),
            "203.0.113.9",
            "test",
            proved_at=self.now,
        )

    def activate(self, work_number: str, password: str = PASSWORD) -> None:
        """Invite somebody and activate their account, with a second factor where their role needs one."""
        secret = people.invite(self.parts, bootstrap.operator(self.config), work_number, self.now)
        people.activate(self.parts, work_number, secret, password, "203.0.113.9", self.now)
        if codes.must_enrol(self.parts, work_number):
            codes.enrol(self.parts, self.person(work_number), self.now)

    def code(self, work_number: str) -> str:
        """Return the code that somebody's app shows now; empty without a second factor."""
        return codes.code_of(self.parts, work_number, self.now)

    def sign_in(self, work_number: str, password: str = PASSWORD) -> SignedIn:
        """Sign somebody in through the front door."""
        code = self.code(work_number)
        return sessions.sign_in(self.parts, work_number, password, "203.0.113.9", self.now, code)

    # -- the walks -----------------------------------------------------------------------------------------------

    def look_up(self, work_number: str, typed: str, purpose: str = "query", **options: Any) -> LookupAnswer:
        """Look something up as somebody."""
        return lookup.look_up(self.parts, self.person(work_number), typed, purpose, self.now, **options)

    def view(self, work_number: str, case_id: bytes, record_id: bytes) -> ViewAnswer:
        """See a record of a case again."""
        return viewing.view(self.parts, self.person(work_number), case_id, record_id, self.now)

    def reveal(self, work_number: str, case_id: bytes, record_id: bytes, field: str, ordinal: int = 0) -> str:
        """Reveal one value."""
        person = self.person(work_number)
        return viewing.reveal(self.parts, person, case_id, record_id, field, ordinal, self.now).disclose()

    def check_caller(self, work_number: str, case_id: bytes, record_id: bytes, question: str, answer: str) -> Checked:
        """Compare a caller's answer as somebody."""
        person = self.person(work_number)
        return caller_verification.check_answer(self.parts, person, case_id, record_id, question, answer, self.now)

    def verify_caller(self, work_number: str, case_id: bytes, record_id: bytes) -> None:
        """Let the caller of a case prove to be a customer, by ID number and name."""
        values = self.values_of(record_id)
        for question, answer in (("id_last4", values["id_number", 0][-4:]), ("name", values["name", 0])):
            if not self.check_caller(work_number, case_id, record_id, question, answer).match:
                raise AssertionError(question)

    # -- looking behind the walls --------------------------------------------------------------------------------

    def events(self, action: str = "", outcome: str = "") -> list[dict[str, Any]]:
        """Return every durable event in order of arrival, filtered by action and outcome.

        What a process counts of its own openings comes by the clock; it is left out unless it is asked for.
        """
        with self.parts.database.read() as connection:
            rows = [row[0] for row in connection.execute(text("SELECT canonical FROM log_events ORDER BY leaf_index"))]
            rows += [row[0] for row in connection.execute(text("SELECT canonical FROM log_inbox ORDER BY arrival"))]
        events = [json.loads(row) for row in rows]
        return [
            one
            for one in events
            if (one["action"] == action if action else one["action"] != "log.counted")
            and (not outcome or one["outcome"] == outcome)
        ]

    def settle(self) -> int:
        """Put the log in order and sign it."""
        return log.settle(self.parts, self.now)

    def verify(self) -> Verdict | None:
        """Judge the log by what lies outside the database."""
        return log.verify(self.parts)

    def rows(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        """Read rows as somebody who holds the database."""
        try:
            with self._owner.read() as connection:
                return [tuple(row) for row in connection.execute(text(statement), values)]
        finally:
            self._owner.dispose()

    def tamper(self, statement: str, **values: Any) -> int:
        """Change rows as somebody who owns the database, past everything the vault does."""
        try:
            with self._owner.write() as connection:
                changed = connection.execute(text(statement), values).rowcount
                connection.commit()
        finally:
            self._owner.dispose()
        return changed

    def count(self, table: str) -> int:
        """Return how many rows a table holds."""
        return int(self.rows(f"SELECT count(*) FROM {table}")[0][0])

    def values_of(self, record_id: bytes) -> dict[tuple[str, int], str]:
        """Open one record through the one door, and return what it holds."""
        return self._opened([record_id])[record_id]

    def opened(self) -> dict[bytes, dict[tuple[str, int], str]]:
        """Open every record through the one door, and return what each holds; damage raises."""
        with self.parts.database.read() as connection:
            ids = [row[0] for row in connection.execute(text("SELECT record_id FROM records"))]
        return self._opened(ids)

    def _opened(self, ids: list[bytes]) -> dict[bytes, dict[tuple[str, int], str]]:
        actor = bootstrap.operator(self.config)
        with self.parts.database.read() as connection:
            store = self.parts.keys.current(connection)
            found = records.load(connection, ids)
            wraps = records.wraps(connection, (one.meta for one in found.values()))
        whole = {}
        for record_id, one in found.items():
            store.keys_of(one.meta.cohort_id).check(one.meta, one.mac)
            names = {ref.field for ref in one.sealed}
            event = self.parts.event(
                self.now, actor, log.Action.IMPORT_COMPARE, log.Outcome.GRANTED, opened=(announced(one, names),)
            )
            receipt = self.parts.log_writer.write(event)
            if record_id not in wraps:
                raise IntegrityError("unreadable")
            values = open_record(store, receipt, one, wraps[record_id], names)
            whole[record_id] = {(ref.field, ref.ordinal): value.disclose() for ref, value in values.items()}
        return whole


def shown(card: Card) -> dict[str, str]:
    """Return what a card shows, by field."""
    return {one.field: one.text for one in card.values}
