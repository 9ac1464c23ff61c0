"""Misuse records and signals on the pages and for programs: drafted, signed by another officer, and read by few."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.web.conftest import ADMIN, AGENT, AUDITOR, HOST, IMD, INSPECTOR, OTHER_AGENT, SUPERVISOR, Front
from tests.web.officers import add_officer
from vault import bootstrap
from vault.domain.breach.incidents import AwareSource, IncidentKind
from vault.domain.log import Action, Outcome
from vault.domain.rules.signals import SignalName
from vault.services.breach import incidents, signals
from vault.services.sessions import person_of
from vault.services.steps.breach.incidents import Opening
from vault.storage.breach import incident_signals
from vault.web.api import incident_misuse as shapes

OFFICER = "KF9107"
MARKER = "13800138000"
ABSENT = "0" * 32


@pytest.fixture(scope="module")
def front(lone_front: Front, tmp_path_factory: pytest.TempPathFactory) -> Front:
    """A vault of its own, with a second officer."""
    add_officer(lone_front, OFFICER, tmp_path_factory.mktemp("staff"))
    return lone_front


@pytest.fixture
def incident(front: Front) -> str:
    now = datetime.now(UTC)
    person = person_of(front.parts, front.token(AGENT), "127.0.0.1", now)
    assert person is not None
    opening = Opening(IncidentKind.MISUSE, AwareSource.REPORT, now - timedelta(minutes=1))
    return incidents.open_one(front.parts, person, opening, now).hex()


def form_of(front: Front, browser: Any, path: str) -> str:
    page = browser.get(path, base_url=HOST).get_data(as_text=True)
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def post(front: Front, path: str, who: str, at: str, **said: str) -> Any:
    browser = front.browser(who)
    said["csrf_token"] = form_of(front, browser, at)
    return browser.post(path, data=said, base_url=HOST)


def draft(front: Front, incident: str, who: str = IMD, **said: str) -> Any:
    page = f"/incidents/{incident}/misuse"
    return post(front, page, who, page, **({"account": OTHER_AGENT, "statement": f"外传 {MARKER}"} | said))


def record(front: Front, incident: str, who: str = IMD) -> dict[str, Any]:
    answer = front.api("GET", f"/incidents/{incident}/misuse", who=who)
    shapes.MisuseRecords.model_validate_json(answer.text)
    (found,) = answer.json["records"]
    return dict(found)


def test_a_record_is_drafted_on_the_page_and_signed_by_another_officer(front: Front, incident: str) -> None:
    assert draft(front, incident, loss_claimed="on", police_reference="受案 1").status_code == 303
    page = front.browser(IMD).get(f"/incidents/{incident}/misuse", base_url=HOST).get_data(as_text=True)
    assert MARKER in page
    assert '/sign"' not in page  # the drafter is offered no signature
    made = record(front, incident)
    assert (made["loss_claimed"], made["contract_ended"], made["police_reference"]) == (True, False, "受案 1")
    address = f"/incidents/{incident}/misuse"
    sign = f"{address}/{made['id']}/sign"
    assert sign in front.browser(OFFICER).get(address, base_url=HOST).get_data(as_text=True)
    stale = post(front, sign, OFFICER, address, digest="0" * 64)
    assert (stale.status_code, record(front, incident)["signed_by"]) == (400, "")
    assert post(front, sign, OFFICER, address, digest=made["digest"]).status_code == 303
    assert record(front, incident)["signed_by"] == OFFICER
    again = draft(front, incident)
    assert again.status_code == 409


def test_the_drafter_cannot_sign_by_the_api_either(front: Front, incident: str) -> None:
    body = {"account": OTHER_AGENT, "statement": "外传"}
    made = front.api("POST", f"/incidents/{incident}/misuse", who=IMD, json=body)
    assert made.status_code == 201
    found = record(front, incident)
    alone = front.api("POST", f"/misuse-records/{found['id']}/sign", who=IMD, json={"digest": found["digest"]})
    assert (alone.status_code, alone.json["reason"]) == (403, "own_request")
    other = front.api("POST", f"/misuse-records/{found['id']}/sign", who=OFFICER, json={"digest": found["digest"]})
    assert other.status_code == 204
    twice = front.api("POST", f"/misuse-records/{found['id']}/sign", who=OFFICER, json={"digest": found["digest"]})
    assert twice.status_code == 409


@pytest.mark.parametrize("who", [AGENT, SUPERVISOR, AUDITOR, INSPECTOR, ADMIN])
def test_the_page_and_the_api_are_for_officers_only(front: Front, incident: str, who: str) -> None:
    assert front.browser(who).get(f"/incidents/{incident}/misuse", base_url=HOST).status_code == 403
    body = {"account": OTHER_AGENT, "statement": "外传"}
    for method, path, given in (
        ("GET", f"/incidents/{incident}/misuse", {}),
        ("POST", f"/incidents/{incident}/misuse", {"json": body}),
        ("POST", f"/misuse-records/{ABSENT}/sign", {"json": {"digest": "0" * 64}}),
    ):
        assert front.api(method, path, who=who, **given).status_code == 403


def test_ids_that_are_not_there_are_not_found(front: Front, incident: str) -> None:
    assert front.browser(IMD).get(f"/incidents/{ABSENT}/misuse", base_url=HOST).status_code == 404
    assert front.browser(IMD).get(f"/misuse-records/{ABSENT}", base_url=HOST).status_code == 404
    assert front.browser(IMD).get(f"/signals/{ABSENT}", base_url=HOST).status_code == 404
    assert front.api("GET", f"/incidents/{ABSENT}/signals", who=IMD).status_code == 404
    lost = front.api("POST", f"/misuse-records/{ABSENT}/sign", who=IMD, json={"digest": "0" * 64})
    assert lost.status_code == 404


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"statement": " "}, "misuse-statement-error"),
        ({"account": "KF0000"}, "misuse-account-error"),
        ({"since": "2026-13-40T00:00"}, "misuse-since-error"),
        ({"since": "2026-01-02T00:00", "until": "2026-01-01T00:00"}, "misuse-until-error"),
    ],
)
def test_what_cannot_be_used_is_said_beside_its_field(
    front: Front, incident: str, said: dict[str, str], field: str
) -> None:
    answer = draft(front, incident, **said)
    assert answer.status_code in (400, 404)
    assert f'id="{field}"' in answer.get_data(as_text=True)
    assert front.api("GET", f"/incidents/{incident}/misuse", who=IMD).json["records"] == []


def test_an_officer_reads_nothing_about_themselves(front: Front, incident: str) -> None:
    assert draft(front, incident, account=OFFICER).status_code == 303
    browser = front.browser(OFFICER)
    for path in ("", "/misuse", "/signals", "/radius", "/containment", "/notices", "/report"):
        assert front.api("GET", f"/incidents/{incident}{path}", who=OFFICER).status_code == 404
        page = browser.get(f"/incidents/{incident}{path}", base_url=HOST)
        assert page.status_code == 404
        assert MARKER not in page.get_data(as_text=True)
    assert incident not in browser.get("/incidents", base_url=HOST).get_data(as_text=True)


def test_the_notice_of_a_draft_leads_to_its_incident(front: Front, incident: str) -> None:
    draft(front, incident)
    made = record(front, incident)
    inbox = front.browser(OFFICER).get("/inbox", base_url=HOST).get_data(as_text=True)
    assert f"/misuse-records/{made['id']}" in inbox
    led = front.browser(OFFICER).get(f"/misuse-records/{made['id']}", base_url=HOST)
    assert led.headers["Location"].endswith(f"/incidents/{incident}/misuse")


# -- signals ----------------------------------------------------------------------------------------------------------


def test_a_signal_stands_on_its_incident_with_its_evidence_and_in_the_inbox_of_those_it_tells(front: Front) -> None:
    now, parts = datetime.now(UTC), front.parts
    system = bootstrap.operator(front.config)
    event = parts.event(now, system, Action.INTEGRITY_FAILURE, Outcome.FAILED, reason="unreadable")
    parts.log_writer.write(event)
    assert signals.tend(parts, now) == 1
    with parts.database.read() as connection:
        found = incident_signals.newest(connection, 1)[0]
    assert found.incident_id is not None
    address = found.incident_id.hex()
    for who in (IMD, SUPERVISOR, AUDITOR):
        answer = front.api("GET", f"/incidents/{address}/signals", who=who)
        shapes.SignalsOfIncident.model_validate_json(answer.text)
        assert [one["events"] for one in answer.json["signals"]] == [[event.event_id.hex()]]
        page = front.browser(who).get(f"/incidents/{address}", base_url=HOST).get_data(as_text=True)
        assert event.event_id.hex() in page
    assert front.api("GET", f"/incidents/{address}/signals", who=AGENT).status_code == 403
    one = f"/signals/{found.evidence_id.hex()}"
    assert one in front.browser(AUDITOR).get("/inbox", base_url=HOST).get_data(as_text=True)
    assert address in front.browser(AUDITOR).get(one, base_url=HOST).get_data(as_text=True)
    assert front.browser(AGENT).get(one, base_url=HOST).status_code == 404


def test_a_test_of_signals_says_that_it_is_one_and_an_administrator_reads_what_they_were_told(front: Front) -> None:
    now = datetime.now(UTC)
    (tested,) = signals.test(front.parts, bootstrap.operator(front.config), [SignalName.SIGN_IN_STORM], now)
    assert tested.came_through
    with front.parts.database.read() as connection:
        found = incident_signals.newest(connection, 1)[0]
    page = front.browser(ADMIN).get(f"/signals/{found.evidence_id.hex()}", base_url=HOST).get_data(as_text=True)
    assert "这是测试" in page
    assert "登录失败激增" in page


def test_a_draft_is_taken_back_on_the_page_with_a_reason(front: Front, incident: str) -> None:
    draft(front, incident)
    made = record(front, incident)
    page = f"/incidents/{incident}/misuse"
    back = f"{page}/{made['id']}/withdraw"
    missing = post(front, back, IMD, page, note=" ")
    assert (missing.status_code, f"back-{made['id']}-error" in missing.get_data(as_text=True)) == (400, True)
    assert post(front, back, IMD, page, note="查无实据").status_code == 303
    assert record(front, incident)["withdrawn_at"]
    again = front.api("POST", f"/misuse-records/{made['id']}/withdraw", who=IMD, json={"note": "x"})
    assert (again.status_code, again.json["reason"]) == (409, "misuse_withdrawn")
    assert front.api("POST", f"/misuse-records/{made['id']}/withdraw", who=AGENT, json={"note": "x"}).status_code == 403
