"""Filing a service record and closing a case through the front door: pages and API."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.web.conftest import (
    ABSENT_PHONE,
    AGENT,
    HOST,
    INSPECTOR,
    OTHER_AGENT,
    OWNED_PHONE,
    POOL_PHONE,
    SUPERVISOR,
    WAYBILL,
    Front,
    small_vault,
)
from tests.web.test_pages import form, look_up, send
from vault.web.api import shapes

SECOND = timedelta(seconds=1)
TEXT = "客户询问何时送到，已答复。"
MARKER = "13800138000"


def case_of(front: Front, number: str = POOL_PHONE, who: str = AGENT) -> dict[str, Any]:
    answer = front.api("POST", "/lookups", who=who, json={"number": number, "purpose": "query"})
    document: dict[str, Any] = answer.json
    return document


def entry(found: dict[str, Any], **changes: Any) -> dict[str, Any]:
    body = {
        "case": found["case"],
        "customer": next(one["id"] for one in found["records"] if one["class"] == "customer"),
        "kind": "consultation",
        "channel": "phone",
        "text": TEXT,
        "result": "resolved",
        "notice": {"version": "notice-2024-1", "channel": "phone"},
    }
    return body | changes


def file(front: Front, body: dict[str, Any], who: str | None = AGENT) -> Any:
    return front.api("POST", "/service-records", who=who, json=body)


def services(front: Front) -> int:
    with front.parts.database.read() as connection:
        query = "SELECT count(*) FROM records WHERE record_class = 'service_record'"
        return int(connection.exec_driver_sql(query).scalar_one())


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """A vault of its own: what is filed here would be seen by the other tests."""
    with small_vault(tmp_path_factory.mktemp("filing")) as opened:
        yield opened


@pytest.fixture
def agent(front: Front) -> FlaskClient:
    browser: FlaskClient = front.browser(AGENT)
    return browser


@pytest.fixture
def page(agent: FlaskClient) -> TestResponse:
    """The page of the pool customer's record, in a fresh case."""
    address = re.search(r'href="(/cases/[0-9a-f]{32}/records/[0-9a-f]{32})#file"', look_up(agent, POOL_PHONE).text)
    assert address
    return agent.get(address[1], base_url=HOST)


def filled(page: TestResponse, **changes: str) -> dict[str, str]:
    values = {
        "kind": "consultation",
        "channel": "phone",
        "text": TEXT,
        "result": "resolved",
        "notice_version": "notice-2024-1",
        "closes": "1",
    }
    return form(page, "/service-records") | values | changes


# -- the API -----------------------------------------------------------------------------------------------------


def test_a_record_is_filed_and_its_case_is_over(front: Front, found: dict[str, Any]) -> None:
    answer = file(front, entry(found))
    assert answer.status_code == 201
    shapes.FiledRecord.model_validate_json(answer.text)
    assert answer.json["late"] is False
    lines = {one["case"]: one for one in front.api("GET", "/cases").json["cases"]}
    assert lines[found["case"]]["closed_at"]
    assert lines[found["case"]]["clock"] is None


def test_a_filed_record_is_seen_again_with_its_notice(front: Front, found: dict[str, Any]) -> None:
    record = file(front, entry(found, close=False)).json["record"]
    answer = front.api("GET", f"/cases/{found['case']}/records/{record}")
    shown = {one["field"]: one for one in answer.json["record"]["values"]}
    assert shown["details"]["value"]["notice"]["version"] == "notice-2024-1"
    assert TEXT not in answer.text
    assert {one["case"]: one["clock"] for one in front.api("GET", "/cases").json["cases"]}[found["case"]] == "green"


@pytest.mark.parametrize(("beyond", "late"), [(-SECOND, False), (timedelta(0), False), (SECOND, True)])
def test_the_thirty_minutes_are_exact(
    front: Front, found: dict[str, Any], monkeypatch: pytest.MonkeyPatch, beyond: timedelta, *, late: bool
) -> None:
    moment = datetime.now(UTC)
    monkeypatch.setattr("vault.web.api.cases.now", lambda: moment)
    ended = moment - timedelta(minutes=30) - beyond
    assert file(front, entry(found, ended_at=ended.isoformat())).json["late"] is late


def test_a_shipment_can_be_named_when_it_is_the_customers(front: Front) -> None:
    found = case_of(front, WAYBILL)
    ids = {one["part"]: one["id"] for one in found["records"]}
    assert file(front, entry(found, customer=ids["recipient"], shipment=ids["match"])).status_code == 404
    assert file(front, entry(found, customer=ids["sender"], shipment=ids["match"])).status_code == 201


@pytest.mark.parametrize("who", [OTHER_AGENT, SUPERVISOR])
def test_not_yours_and_not_there_are_one_answer(front: Front, found: dict[str, Any], who: str) -> None:
    before = services(front)
    theirs = file(front, entry(found), who)
    nowhere = file(front, entry(found, case="0" * 32), who)
    assert theirs.status_code == nowhere.status_code == 404
    assert theirs.data == nowhere.data
    closed = [
        front.api("POST", f"/cases/{case}/close", who=who, json={"reason": "duplicate"})
        for case in (found["case"], "0" * 32)
    ]
    assert {one.status_code for one in closed} == {404}
    assert closed[0].data == closed[1].data
    assert services(front) == before
    assert file(front, entry(found)).status_code == 201


def test_a_customer_of_a_colleague_is_as_absent_as_none(front: Front, found: dict[str, Any]) -> None:
    owned = case_of(front, OWNED_PHONE, OTHER_AGENT)["records"][0]["id"]
    answers = [file(front, entry(found, customer=one)) for one in (owned, "0" * 32)]
    assert {one.status_code for one in answers} == {404}
    assert answers[0].data == answers[1].data


def test_whoever_may_not_look_up_neither_files_nor_closes(front: Front, found: dict[str, Any]) -> None:
    assert file(front, entry(found), INSPECTOR).status_code == 403
    assert file(front, entry(found), None).status_code == 401
    closing = front.api("POST", f"/cases/{found['case']}/close", who=INSPECTOR, json={"reason": "duplicate"})
    assert closing.status_code == 403


@pytest.mark.parametrize(
    "extra",
    ["owner", "outlet", "late", "entered_at", "imported", "record", "state", "expires_at", "agent", "source_number"],
)
def test_nothing_but_the_named_keys_can_be_set(front: Front, found: dict[str, Any], extra: str) -> None:
    answer = file(front, entry(found, **{extra: "1"}))
    assert (answer.status_code, answer.json["reason"], answer.json["field"]) == (400, "unknown_key", extra)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"notice": {"version": "notice-1999-9", "channel": "phone"}}, "notice"),
        ({"kind": "advertising"}, "kind"),
        ({"kind": "complaint"}, "category"),
        ({"rating": 3}, "rating"),
        ({"ended_at": "2999-01-01T00:00:00Z"}, "ended_at"),
        ({"ended_at": "2001-01-01T00:00:00Z"}, "ended_at"),
        ({"ended_at": "2026-02-30T00:00:00Z"}, "ended_at"),
        ({"text": f"{MARKER}\x1b"}, "text"),
        ({"text": f"{MARKER}\u202e"}, "text"),
        ({"text": MARKER * 200}, "text"),
    ],
)
def test_a_value_that_cannot_be_names_its_field_and_is_never_repeated(
    front: Front, found: dict[str, Any], changes: dict[str, Any], field: str
) -> None:
    answer = file(front, entry(found, **changes))
    assert (answer.status_code, answer.json["field"]) == (400, field)
    assert answer.json["detail"]
    assert MARKER not in answer.text


def test_without_a_notice_nothing_is_stored(front: Front, found: dict[str, Any]) -> None:
    body, before = entry(found), services(front)
    del body["notice"]
    answer = file(front, body)
    assert (answer.status_code, answer.json["field"], answer.json["reason"]) == (400, "notice", "missing")
    assert services(front) == before


def test_a_case_is_closed_with_a_reason_of_the_list_and_only_once(front: Front, found: dict[str, Any]) -> None:
    path = f"/cases/{found['case']}/close"
    refused = front.api("POST", path, json={"reason": "boredom"})
    assert (refused.status_code, refused.json["field"]) == (400, "reason")
    done = front.api("POST", path, json={"reason": "caller_gone"})
    assert (done.status_code, done.data) == (204, b"")
    assert front.api("POST", path, json={"reason": "caller_gone"}).status_code == 404


def close_by_api(front: Front, found: dict[str, Any]) -> None:
    answer = front.api("POST", f"/cases/{found['case']}/close", json={"reason": "duplicate"})
    assert answer.status_code == 204


def close_by_filing(front: Front, found: dict[str, Any]) -> None:
    assert file(front, entry(found)).status_code == 201


@pytest.mark.parametrize("closed", [close_by_api, close_by_filing])
def test_a_closed_case_gives_nothing_on_every_route(
    front: Front, found: dict[str, Any], agent: FlaskClient, closed: Callable[[Front, dict[str, Any]], None]
) -> None:
    case, record = found["case"], found["records"][0]["id"]
    token = form(agent.get("/lookup", base_url=HOST), "/lookup")["csrf_token"]
    closed(front, found)
    placed = f"/cases/{case}/records/{record}"
    number = {"number": POOL_PHONE, "purpose": "query", "case": case}
    calls = [
        front.api("GET", placed),
        front.api("POST", f"{placed}/reveals", json={"field": "name"}),
        front.api("GET", f"{placed}/caller"),
        front.api("POST", f"{placed}/caller-checks", json={"question": "name", "answer": "华雨贤"}),
        front.api("POST", f"{placed}/caller-refusals", json={"reason": "not_the_customer"}),
        front.api("POST", "/lookups", json=number),
        front.api("POST", "/requests", json={"case": case, "number": POOL_PHONE}),
        file(front, entry(found)),
        front.api("POST", f"/cases/{case}/close", json={"reason": "duplicate"}),
        front.api("POST", f"/cases/{case}/move", who=SUPERVISOR, json={"to": OTHER_AGENT}),
        agent.get(placed, base_url=HOST),
    ]
    for path, values in (
        (f"{placed}/reveal", {"field": "name", "ordinal": "0"}),
        (f"{placed}/caller-checks", {"question": "name", "answer": "华雨贤"}),
        (f"{placed}/caller-refusals", {"reason": "not_the_customer"}),
        (f"{placed}/shares", {"work_number": OTHER_AGENT, "purpose": "query", "hours": "8"}),
        (f"{placed}/service-records", {"customer": record, "kind": "consultation", "text": TEXT}),
        (f"/cases/{case}/close", {"reason": "duplicate"}),
        ("/ask", {"case": case, "number": POOL_PHONE}),
        ("/lookup", number | {"case_purpose": "query"}),
    ):
        calls.append(agent.post(path, data={"csrf_token": token, **values}, base_url=HOST))
    supervisor = front.browser(SUPERVISOR)
    shown = form(supervisor.get("/board", base_url=HOST), "/sign-out")["csrf_token"]
    values = {"csrf_token": shown, "to": OTHER_AGENT}
    calls.append(supervisor.post(f"/board/cases/{case}/move", data=values, base_url=HOST))
    assert [one.status_code for one in calls] == [404] * len(calls)
    for one in calls:
        assert "139********" not in one.text
    routes = {rule.rule for rule in front.app.url_map.iter_rules() if "<hex32:case>" in rule.rule}
    assert routes == {
        "/cases/<hex32:case>/records/<hex32:record>/shares",
        "/board/cases/<hex32:case>/move",
        "/api/v1/cases/<hex32:case>/move",
        "/cases/<hex32:case>/close",
        "/cases/<hex32:case>/records/<hex32:record>",
        "/cases/<hex32:case>/records/<hex32:record>/reveal",
        "/cases/<hex32:case>/records/<hex32:record>/caller-checks",
        "/cases/<hex32:case>/records/<hex32:record>/caller-refusals",
        "/cases/<hex32:case>/records/<hex32:record>/service-records",
        "/api/v1/cases/<hex32:case>/close",
        "/api/v1/cases/<hex32:case>/records/<hex32:record>",
        "/api/v1/cases/<hex32:case>/records/<hex32:record>/reveals",
        "/api/v1/cases/<hex32:case>/records/<hex32:record>/caller",
        "/api/v1/cases/<hex32:case>/records/<hex32:record>/caller-checks",
        "/api/v1/cases/<hex32:case>/records/<hex32:record>/caller-refusals",
    }, "a new route within a case belongs in the list above"


# -- the pages ---------------------------------------------------------------------------------------------------


def test_a_record_is_filed_from_its_page_and_leads_back_to_the_board(agent: FlaskClient, page: TestResponse) -> None:
    done = send(agent, filled(page))
    assert (done.status_code, done.location) == (303, "/cases?done=filed")
    board = agent.get(done.location, base_url=HOST)
    assert "服务记录已保存，工单已关闭。" in board.text


def test_a_late_entry_is_accepted_said_and_listed(agent: FlaskClient, page: TestResponse, front: Front) -> None:
    ended = (datetime.now(UTC) - timedelta(hours=2)).astimezone(front.parts.policy.zone).strftime("%Y-%m-%dT%H:%M")
    done = send(agent, filled(page, ended_at=ended))
    assert done.location == "/cases?done=late"
    board = agent.get(done.location, base_url=HOST).text
    assert "您迟录的服务记录" in board
    assert ended.replace("T", " ") in board
    again = look_up(agent, POOL_PHONE)
    address = re.search(r'href="(/cases/[0-9a-f]{32}/records/[0-9a-f]{32})#file"', again.text)
    assert address
    assert '<span class="chip warn">迟录</span>' in agent.get(address[1], base_url=HOST).text


def test_the_case_can_stay_open(agent: FlaskClient, page: TestResponse) -> None:
    values = filled(page)
    del values["closes"]
    done = send(agent, values)
    assert re.fullmatch(r"/cases/[0-9a-f]{32}/records/[0-9a-f]{32}\?done=filed", done.location)
    assert "工单仍未关闭" in agent.get(done.location, base_url=HOST).text


def test_the_form_of_a_shipment_offers_the_parties_in_scope_only(agent: FlaskClient) -> None:
    address = re.search(r'href="(/cases/[0-9a-f]{32}/records/[0-9a-f]{32})#file"', look_up(agent, WAYBILL).text)
    assert address
    page = agent.get(address[1], base_url=HOST)
    values = filled(page)
    assert values["shipment"] in values["action"]
    assert values["customer"] != values["shipment"]
    assert send(agent, values).status_code == 303


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"notice_version": ""}, "notice"),
        ({"text": ""}, "text"),
        ({"kind": "complaint"}, "category"),
        ({"kind": "rating"}, "rating"),
        ({"ended_at": "2999-01-01T00:00"}, "ended_at"),
        ({"ended_at": "yesterday"}, "ended_at"),
    ],
)
def test_what_cannot_be_used_is_marked_where_it_stands_and_what_was_typed_stays(
    agent: FlaskClient, page: TestResponse, front: Front, changes: dict[str, str], field: str
) -> None:
    before = services(front)
    answer = send(agent, filled(page, **changes))
    assert answer.status_code == 400
    assert f'id="file-{field}-error"' in answer.text
    assert changes.get("text", TEXT) in answer.text
    assert services(front) == before


def test_a_customer_that_is_no_id_is_refused_at_its_field(agent: FlaskClient, page: TestResponse) -> None:
    for customer in ("", "zz" * 16, "0" * 31):
        assert send(agent, filled(page, customer=customer)).status_code == 400


def test_another_kinds_fields_left_over_in_the_form_are_not_entered(agent: FlaskClient, page: TestResponse) -> None:
    assert send(agent, filled(page, category="price", severity="major", rating="5")).status_code == 303


def test_a_form_sets_nothing_but_its_own_fields(front: Front, agent: FlaskClient, page: TestResponse) -> None:
    marked = filled(page, owner="0" * 32, outlet="XX", late="0", entered_at="2020-01-01T00:00", record_id="1" * 32)
    assert send(agent, marked).status_code == 303
    with front.parts.database.read() as connection:
        query = "SELECT count(*) FROM records WHERE outlet = 'XX' OR record_id = :id"
        assert connection.exec_driver_sql(query.replace(":id", f"x'{'11' * 16}'")).scalar_one() == 0


@pytest.mark.parametrize("which", ["/service-records", "/close"])
def test_a_form_without_its_token_changes_nothing(
    front: Front, agent: FlaskClient, page: TestResponse, which: str
) -> None:
    values = filled(page) if which == "/service-records" else form(page, which) | {"reason": "duplicate"}
    before = front.events()
    assert send(agent, values | {"csrf_token": ""}).status_code == 400
    assert front.events() == before


def test_no_get_files_or_closes(agent: FlaskClient, page: TestResponse) -> None:
    for which in ("/service-records", "/close"):
        assert agent.get(form(page, which)["action"], base_url=HOST).status_code == 405


def test_a_case_is_closed_with_one_press_from_record_miss_and_board(agent: FlaskClient, page: TestResponse) -> None:
    for show in (
        lambda: page,
        lambda: look_up(agent, ABSENT_PHONE),
        lambda: look_up(agent, POOL_PHONE) and agent.get("/cases", base_url=HOST),
    ):
        done = send(agent, form(show(), "/close"), reason="wrong_number")
        assert (done.status_code, done.location) == (303, "/cases?done=closed")
    assert "工单已关闭，未录入服务记录。" in agent.get("/cases?done=closed", base_url=HOST).text


def test_the_board_says_only_what_it_knows(agent: FlaskClient) -> None:
    assert "notice" not in agent.get("/cases?done=<script>", base_url=HOST).text.split("<main")[1]


def test_neither_page_nor_log_holds_what_a_refused_form_said_but_the_form_itself(
    agent: FlaskClient, page: TestResponse, written: Any
) -> None:
    answer = send(agent, filled(page, text=f"{MARKER}", ended_at=MARKER))
    assert answer.status_code == 400
    assert MARKER not in written.getvalue()
    errors = re.findall(r'class="error"[^>]*>([^<]*)<', answer.text)
    assert errors
    assert MARKER not in json.dumps(errors)
