from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.web.conftest import ABSENT_PHONE, AGENT, HOST, OWNED_PHONE, POOL_PHONE, Front, small_vault
from vault import errors, jobs
from vault.services import log, readiness
from vault.storage.log_anchors import Anchors, FolderAnchor
from vault.web.app import create_app
from vault.web.gate import now

Break = Callable[[str, BaseException], None]


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    file = tmp_path / "metrics.token"
    file.write_text("a-token-for-the-monitor\n")
    return file


def metrics(front: Front) -> dict[str, float]:
    """Return every sample by name and labels."""
    text = front.client().get("/metrics", base_url=HOST).text
    return {
        one.name + str(sorted(one.labels.items())): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def grown(before: dict[str, float], after: dict[str, float], name: str, **labels: str) -> float:
    key = name + str(sorted(labels.items()))
    return after[key] - before.get(key, 0)


# -- alive and ready ---------------------------------------------------------------------------------------------


def test_alive_asks_nothing_of_the_database(front: Front, broken: Break) -> None:
    broken("vault.storage.engine.Database.read", errors.StorageUnavailable())
    answer = front.client().get("/healthz", base_url=HOST)
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})


def test_ready_says_so_and_leaves_nothing_in_the_log(front: Front) -> None:
    before = front.events()
    answer = front.client().get("/readyz", base_url=HOST)
    assert (answer.status_code, answer.json) == (200, {"status": "ready"})
    assert front.events() == before


def not_ready(front: Front) -> str:
    answer = front.client().get("/readyz", base_url=HOST)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "2"
    assert set(answer.json) == {"status", "reason"}
    reason: str = answer.json["reason"]
    return reason


def test_without_a_database_it_is_not_ready(front: Front, broken: Break) -> None:
    broken("vault.storage.engine.Database.read", errors.StorageUnavailable("database_unavailable"))
    assert not_ready(front) == "database_unavailable"


def test_with_another_schema_it_is_not_ready(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "_schema_head", lambda: "9999")
    assert not_ready(front) == "schema_not_current"


def test_with_an_old_key_store_it_is_not_ready(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vault.storage.records.key_store_version", lambda _connection: 10**6)
    assert not_ready(front) == "key_store_older"


def test_without_a_writable_log_it_is_not_ready(front: Front) -> None:
    """The table is there and can be read, and takes no row."""
    refuse = "CREATE TRIGGER full BEFORE INSERT ON log_inbox BEGIN SELECT RAISE(ABORT, 'full'); END"
    with front.parts.database.write() as connection:
        connection.exec_driver_sql(refuse)
        connection.commit()
    try:
        assert not_ready(front) == "log_not_writable"
    finally:
        with front.parts.database.write() as connection:
            connection.exec_driver_sql("DROP TRIGGER full")
            connection.commit()
    assert front.client().get("/readyz", base_url=HOST).status_code == 200


# -- metrics: who may ask ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.10", "::1"])
def test_metrics_are_for_this_host(front: Front, address: str) -> None:
    answer = front.client().get("/metrics", base_url=HOST, environ_base={"REMOTE_ADDR": address})
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain; version=")


@pytest.mark.parametrize("address", ["10.0.0.7", "203.0.113.9", "2001:db8::1", "", "127.0.0.1.evil.example"])
def test_metrics_are_for_nobody_elsewhere_without_a_token(front: Front, address: str) -> None:
    for authorization in ("", "Bearer ", "Bearer None", "Bearer a-token-for-the-monitor"):
        headers = {"Authorization": authorization}
        answer = front.client().get("/metrics", base_url=HOST, headers=headers, environ_base={"REMOTE_ADDR": address})
        assert answer.status_code == 403
        assert "http_request" not in answer.text


@pytest.mark.parametrize("hops", [0, 1])
@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded"])
def test_nobody_is_local_through_a_proxy_or_by_saying_so(front: Front, name: str, hops: int) -> None:
    client = front.with_settings(proxy_hops=hops).test_client()
    for address in ("127.0.0.1", "203.0.113.9"):
        answer = client.get(
            "/metrics", base_url=HOST, headers={name: "127.0.0.1"}, environ_base={"REMOTE_ADDR": address}
        )
        assert answer.status_code == 403
    assert client.get("/metrics", base_url=HOST).status_code == 200


def test_the_token_of_the_file_lets_in_from_elsewhere(front: Front, token_file: Path) -> None:
    client, elsewhere = front.with_settings(metrics_token_file=token_file).test_client(), {"REMOTE_ADDR": "10.0.0.7"}

    def status(token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return client.get("/metrics", base_url=HOST, headers=headers, environ_base=elsewhere).status_code

    assert status("a-token-for-the-monitor") == 200
    assert status("a-token-for-the-monitoR") == 403
    assert status(front.token(AGENT)) == 403
    token_file.write_text("another-token")
    assert (status("a-token-for-the-monitor"), status("another-token")) == (403, 200)
    token_file.write_text("\n")
    assert status("") == 403
    token_file.unlink()
    assert status("another-token") == 403


# -- metrics: what they say --------------------------------------------------------------------------------------


def test_lookups_are_counted_by_purpose_and_a_refusal_counts_as_a_miss(front: Front) -> None:
    front.token(AGENT)
    before = metrics(front)
    for number, purpose in ((POOL_PHONE, "query"), (OWNED_PHONE, "query"), (ABSENT_PHONE, "query"), (POOL_PHONE, "no")):
        front.api("POST", "/lookups", json={"number": number, "purpose": purpose})
    after = metrics(front)
    assert grown(before, after, "lookups_total", purpose="query", outcome="granted") == 1
    assert grown(before, after, "lookups_total", purpose="query", outcome="nothing_shown") == 2
    assert grown(before, after, "lookups_total", purpose="", outcome="nothing_shown") == 1


def test_reveals_are_counted_by_class_and_field_once_they_are_logged(front: Front, found: dict[str, object]) -> None:
    records = found["records"]
    assert isinstance(records, list)
    front.verify_caller(found)
    path, before = f"/cases/{found['case']}/records/{records[0]['id']}/reveals", metrics(front)
    front.api("POST", path, json={"field": "phone"})
    front.api("POST", path, json={"field": "source_number"})
    after = metrics(front)
    assert grown(before, after, "reveals_total", **{"class": "customer", "field": "phone"}) == 1
    assert not any("source_number" in name for name in after)


def test_failed_sign_ins_are_counted_and_good_ones_are_not(front: Front) -> None:
    before = metrics(front)
    for password in ("wrong", front.passwords[AGENT]):
        front.api("POST", "/sessions", who=None, json={"work_number": AGENT, "password": password})
    assert grown(before, metrics(front), "sign_in_failures_total") == 1


def test_requests_are_timed_by_the_name_of_the_endpoint(front: Front) -> None:
    before = metrics(front)
    front.api("GET", "/cases")
    front.client().get("/13800138000", base_url=HOST)
    after = metrics(front)
    assert grown(before, after, "http_request_duration_seconds_count", endpoint="api.my_cases") == 1
    assert grown(before, after, "http_request_duration_seconds_count", endpoint="none") == 1


def test_the_log_shows_its_size_and_the_age_of_its_checkpoint(front: Front) -> None:
    shown = metrics(front)
    assert shown["log_size[]"] >= 1
    assert 0 <= shown["checkpoint_age_seconds[]"] < 3600


def test_monitoring_sees_when_the_log_was_verified_and_is_warned_when_it_does_not_hold(
    tmp_path: Path, set_clock: Callable[[datetime], None]
) -> None:
    line, moment = [one for one in jobs.TIMETABLE if one.name == "log_check"], now()
    with small_vault(tmp_path) as mine:
        assert not {"log_verified[]", "log_verified_age_seconds[]"} & metrics(mine).keys()
        for days, expected in ((1, {}), (2, {"warning": "log_not_verified"})):
            later = moment + timedelta(days=days)
            set_clock(later)
            assert jobs.run_due(mine.parts, later, line)[0].outcome == "done"
            log.settle(mine.parts, later)
            shown = metrics(mine)
            assert (shown["log_verified[]"], shown["log_verified_age_seconds[]"]) == (not expected, 0)
            monitored = mine.client().get("/readyz", base_url=HOST)
            assert (monitored.status_code, monitored.json) == (200, {"status": "ready"} | expected)
            mine.parts.log_files.pin.unlink(missing_ok=True)


def test_without_a_database_the_other_metrics_are_still_told(front: Front, broken: Break) -> None:
    broken("vault.storage.engine.Database.read", errors.StorageUnavailable())
    shown = metrics(front)
    assert "log_size[]" not in shown
    assert "sign_in_failures_total[]" in shown


def test_no_label_holds_anything_personal(front: Front) -> None:
    front.api("POST", "/lookups", json={"number": POOL_PHONE, "purpose": "query"})
    text = front.client().get("/metrics", base_url=HOST).text
    values = set(re.findall(r'(\w+)="([^"]*)"', text))
    assert {name for name, _ in values} <= {"purpose", "outcome", "class", "field", "endpoint", "le"}
    words = {value for name, value in values if name != "le"}
    assert all(re.fullmatch(r"[a-z_]*(\.[a-z_]+)?", word) for word in words), words


def test_ready_warns_of_a_place_elsewhere_that_cannot_be_reached(lone_front: Front, tmp_path: Path) -> None:
    share = tmp_path / "share"
    anchors = Anchors(tmp_path, [FolderAnchor(share)])
    app = create_app(replace(lone_front.parts, anchors=anchors), lone_front.config)
    answers = []
    for _ in range(2):
        anchors.deliver("note", 1, now())
        answers.append(app.test_client().get("/readyz", base_url=HOST))
        share.mkdir(exist_ok=True)
    assert [(one.status_code, one.json) for one in answers] == [
        (200, {"status": "ready", "warning": "anchor_unreachable"}),
        (200, {"status": "ready"}),
    ]


def test_a_timetable_that_stands_still_is_a_warning_to_monitoring(
    lone_front: Front, set_clock: Callable[[datetime], None]
) -> None:
    moment = now()
    jobs.run_due(lone_front.parts, moment, [jobs.Job("checkpoint", 60, lambda _parts, _now: None)])
    for minutes, told in ((0, {}), (9, {}), (11, {"warning": "timetable_stands_still"})):
        set_clock(moment + timedelta(minutes=minutes))
        monitored = lone_front.client().get("/readyz", base_url=HOST)
        assert (monitored.status_code, monitored.json) == (200, {"status": "ready"} | told)
