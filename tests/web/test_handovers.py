"""Hand-overs, inbox and team board through the front door: pages and API."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.web.conftest import ABSENT_PHONE, AGENT, AUDITOR, HOST, INSPECTOR, OTHER_AGENT, SUPERVISOR, Front
from vault.domain.notices import NoticeKind
from vault.web.pages.inbox import PLACES

NOTE = "<b>客户13912345602</b> 明早回电"


def a_case(front: Front, who: str = AGENT, number: str = ABSENT_PHONE) -> str:
    answer = front.api("POST", "/lookups", who, json={"number": number, "purpose": "query"})
    return str(answer.json["case"])


def offered(front: Front, to: str = OTHER_AGENT, **changes: Any) -> str:
    body = {"cases": [a_case(front)], "to": to, "note": NOTE} | changes
    answer = front.api("POST", "/handovers", json=body)
    assert answer.status_code == 201, answer.json
    return str(answer.json["handover"])


def send(browser: Any, page: str, action: str, **values: Any) -> Any:
    """Send the form of a page as a browser would."""
    text = browser.get(page, base_url=HOST).text
    assert f'action="{action}"' in text
    token = re.search(r'name="csrf_token" value="([^"]+)"', text)
    assert token
    return browser.post(action, data={"csrf_token": token[1], **values}, base_url=HOST)


def test_a_shift_is_handed_over_on_the_pages_and_both_signatures_are_shown(front: Front) -> None:
    case = a_case(front)
    browser = front.browser(AGENT)
    form = browser.get("/handovers", base_url=HOST).text
    assert f'name="cases" value="{case}" checked' in form
    assert f'value="{OTHER_AGENT}"' in form
    assert f'value="{AGENT}"' not in form
    done = send(browser, "/handovers", "/handovers", cases=[case], to=OTHER_AGENT, note=NOTE)
    assert (done.status_code, done.location) == (303, "/handovers?done=offered")
    other = front.browser(OTHER_AGENT)
    listed = other.get("/handovers", base_url=HOST).text
    sheet = re.findall(r'href="(/handovers/[0-9a-f]{32})"', listed)[0]
    page = other.get(sheet, base_url=HOST)
    assert page.headers["Cache-Control"].startswith("no-store")
    assert "&lt;b&gt;客户13912345602&lt;/b&gt;" in page.text
    assert "<b>客户" not in page.text
    assert "未签名" in page.text
    assert send(other, sheet, f"{sheet}/accept").location == "/handovers?done=accepted"
    assert case in str(front.api("GET", "/cases", OTHER_AGENT).json)
    assert case not in str(front.api("GET", "/cases").json)
    for who in (browser, other):
        after = who.get(sheet, base_url=HOST).text
        assert "未签名" not in after
        assert f"{sheet}/accept" not in after


def test_a_form_with_something_wrong_keeps_what_was_typed_and_stores_nothing(front: Front) -> None:
    case = a_case(front)
    browser = front.browser(AGENT)
    for values, said in (
        ({"cases": [case], "to": AGENT, "note": "说明"}, "这位同事不能接班"),
        ({"to": OTHER_AGENT, "note": "说明"}, "请至少选择一个"),
        ({"cases": ["x"], "to": OTHER_AGENT, "note": "说明"}, "请至少选择一个"),
        ({"cases": [case], "to": OTHER_AGENT, "note": " "}, "不能为空"),
    ):
        answer = send(browser, "/handovers", "/handovers", **values)
        assert answer.status_code == 400
        assert said in answer.text
    assert ">说明</textarea>" in send(browser, "/handovers", "/handovers", cases=[case], to=AGENT, note="说明").text
    assert f'value="{case}" checked' in browser.get("/handovers", base_url=HOST).text


def test_programs_read_refuse_withdraw_and_accept(front: Front) -> None:
    first = offered(front)
    unread = front.api("POST", f"/handovers/{first}/accept", OTHER_AGENT)
    assert (unread.status_code, unread.json["reason"]) == (400, "note_not_read")
    whole = front.api("GET", f"/handovers/{first}", OTHER_AGENT).json
    assert (whole["note"], whole["from"], whole["to"], whole["state"]) == (NOTE, AGENT, OTHER_AGENT, "offered")
    assert [one["clock"] for one in whole["cases"]] == ["green"]
    refused = front.api("POST", f"/handovers/{first}/refuse", OTHER_AGENT, json={"reason": "too_many"})
    assert refused.status_code == 204
    second = offered(front)
    assert front.api("POST", f"/handovers/{second}/withdraw").status_code == 204
    third = offered(front)
    front.api("GET", f"/handovers/{third}", OTHER_AGENT)
    assert front.api("POST", f"/handovers/{third}/accept", OTHER_AGENT).json == {"moved": 1}
    assert front.api("POST", f"/handovers/{third}/accept", OTHER_AGENT).status_code == 404
    states = {one["handover"]: one["state"] for one in front.api("GET", "/handovers").json["handovers"]}
    assert [states[one] for one in (first, second, third)] == ["refused", "withdrawn", "accepted"]


def test_other_peoples_hand_overs_are_not_there_for_anybody_else(front: Front) -> None:
    handover = offered(front)
    for who in (SUPERVISOR,):
        assert front.api("GET", f"/handovers/{handover}", who).status_code == 404
        for act in ("accept", "withdraw"):
            assert front.api("POST", f"/handovers/{handover}/{act}", who).status_code == 404
        answer = front.api("POST", f"/handovers/{handover}/refuse", who, json={"reason": "too_many"})
        assert answer.status_code == 404
        assert front.browser(who).get(f"/handovers/{handover}", base_url=HOST).status_code == 404
    assert front.api("POST", f"/handovers/{handover}/withdraw", OTHER_AGENT).status_code == 404
    for who in (AUDITOR, INSPECTOR):
        assert front.api("GET", f"/handovers/{handover}", who).status_code == 403
        assert front.browser(who).get("/handovers", base_url=HOST).status_code == 403
    strange = a_case(front, OTHER_AGENT)
    body = {"cases": [strange], "to": OTHER_AGENT, "note": NOTE}
    assert front.api("POST", "/handovers", json=body).status_code == 404


@pytest.mark.parametrize(
    "changes",
    [{"cases": []}, {"cases": ["x"]}, {"cases": "0" * 32}, {"to": ""}, {"note": ""}, {"note": "\0"}, {"more": 1}],
)
def test_a_body_that_is_not_as_described_is_refused_without_its_values(front: Front, changes: dict[str, Any]) -> None:
    answer = front.api("POST", "/handovers", json={"cases": ["0" * 32], "to": OTHER_AGENT, "note": NOTE} | changes)
    assert answer.status_code == 400
    assert "13912345602" not in answer.text


# -- inbox -------------------------------------------------------------------------------------------------------


def test_the_bell_counts_new_notices_until_they_are_seen(front: Front) -> None:
    handover = offered(front)
    browser = front.browser(OTHER_AGENT)
    assert re.search(r'class="bell"[^>]*aria-label="通知：[1-9]\d* 条未读"', browser.get("/cases", base_url=HOST).text)
    page = browser.get("/inbox", base_url=HOST).text
    assert f'href="/handovers/{handover}"' in page
    newest = re.search(r'name="up_to" value="([^"]+)"', page)
    assert newest
    seen = send(browser, "/inbox", "/inbox/seen", up_to=newest[1])
    assert (seen.status_code, seen.location) == (303, "/inbox")
    assert 'aria-label="通知：0 条未读"' in browser.get("/cases", base_url=HOST).text
    bad = browser.post("/inbox/seen", data={"up_to": "gestern"}, base_url=HOST)
    assert bad.status_code == 400


def test_programs_list_and_see_their_own_notices_only(front: Front) -> None:
    handover = offered(front)
    mine = front.api("GET", "/inbox", OTHER_AGENT).json
    assert mine["new"] >= 1
    assert handover in {one["about"] for one in mine["notices"] if one["kind"] == "handover_offered"}
    assert handover not in str(front.api("GET", "/inbox").json)
    seen = front.api("POST", "/inbox/seen", OTHER_AGENT, json={"up_to": mine["notices"][0]["at"]})
    assert seen.json["seen"] >= 1
    assert front.api("POST", "/inbox/seen", OTHER_AGENT, json={}).json == {"seen": 0}
    assert front.api("GET", "/inbox", OTHER_AGENT).json["new"] == 0
    for bad in ({"up_to": "2026-02-30T00:00:00Z"}, {"up_to": "x"}, {"up_to": 1}):
        assert front.api("POST", "/inbox/seen", json=bad).status_code == 400


def test_every_kind_of_notice_leads_to_a_page_that_is_there(front: Front) -> None:
    assert set(PLACES) == set(NoticeKind)
    for place in PLACES.values():
        for endpoint in filter(None, (place.endpoint, place.supervisors)):
            (rule,) = [one for one in front.app.url_map.iter_rules(endpoint) if "GET" in (one.methods or ())]
            assert rule.arguments == ({place.about} if place.about and endpoint == place.endpoint else set())


# -- team board --------------------------------------------------------------------------------------------------


def test_a_supervisor_sees_the_team_and_moves_a_case_of_theirs(front: Front) -> None:
    case = a_case(front)
    browser = front.browser(SUPERVISOR)
    page = browser.get("/board", base_url=HOST)
    assert page.status_code == 200
    for text in (AGENT, OTHER_AGENT, case[:8], "班组看板"):
        assert text in page.text
    moved = send(browser, "/board", f"/board/cases/{case}/move", to=OTHER_AGENT)
    assert (moved.status_code, moved.location) == (303, "/board?done=moved")
    found = front.api("GET", "/board", SUPERVISOR).json
    assert {one["case"]: one["held_by"] for one in found["cases"]}[case] == OTHER_AGENT
    assert front.api("POST", f"/cases/{case}/move", SUPERVISOR, json={"to": AGENT}).status_code == 204
    answer = front.api("POST", f"/cases/{case}/move", SUPERVISOR, json={"to": AUDITOR})
    assert (answer.status_code, answer.json["field"]) == (400, "to")
    assert front.api("POST", f"/cases/{'0' * 32}/move", SUPERVISOR, json={"to": AGENT}).status_code == 404


def test_the_board_is_for_supervisors(front: Front) -> None:
    case = a_case(front)
    for who in (AGENT, AUDITOR, INSPECTOR):
        assert front.api("GET", "/board", who).status_code == 403
        assert front.api("POST", f"/cases/{case}/move", who, json={"to": OTHER_AGENT}).status_code == 403
        assert front.browser(who).get("/board", base_url=HOST).status_code == 403


def test_the_pages_speak_english_too(front: Front) -> None:
    handover = offered(front)
    for who, path, text in (
        (OTHER_AGENT, "/handovers", "Waiting for your answer"),
        (OTHER_AGENT, f"/handovers/{handover}", "Sign and accept all"),
        (OTHER_AGENT, "/inbox", "Cases are offered to you for hand-over"),
        (SUPERVISOR, "/board", "Open cases of the team"),
    ):
        browser = front.browser(who)
        browser.set_cookie("language", "en", domain="127.0.0.1")
        page = browser.get(path, base_url=HOST)
        assert page.status_code == 200
        assert text in page.text
