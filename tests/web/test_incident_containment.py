"""The page and the API of containment, and what everybody meets while something is frozen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.web.conftest import (
    ADMIN,
    AGENT,
    AUDITOR,
    HOST,
    IMD,
    INSPECTOR,
    OTHER_AGENT,
    POOL_PHONE,
    SUPERVISOR,
    Front,
)
from vault import bootstrap, words
from vault.domain.breach.incidents import AwareSource, IncidentKind
from vault.services.breach import containment_reading as reading
from vault.services.breach import incidents
from vault.services.steps.breach.incidents import Opening
from vault.web import gate

ID = "0" * 32
WHY = "不再需要"


@pytest.fixture
def front(lone_front: Front) -> Iterator[Front]:
    """A vault of its own: freezes concern everybody. Whatever a test froze ends with it."""
    yield lone_front
    for incident in {one["incident"] for one in standing(lone_front)}:
        for one in lone_front.api("GET", f"/incidents/{incident}/containment", IMD).json["measures"]:
            if one["ended_at"] is None:
                path = f"/incidents/{incident}/containment/{one['id']}/end"
                assert lone_front.api("POST", path, IMD, json={"note": WHY}).status_code == 204
    assert lone_front.api("GET", "/freezes", AGENT).json == {"in_force": []}


def standing(front: Front) -> list[dict[str, str]]:
    with front.parts.database.read() as connection:
        rows = connection.exec_driver_sql("SELECT incident_id FROM containments WHERE ended_at IS NULL")
        return [{"incident": bytes(row[0]).hex()} for row in rows]


@pytest.fixture
def incident(front: Front) -> str:
    return opened(front)


def opened(front: Front, *, drill: bool = False) -> str:
    opening = Opening(IncidentKind.LEAK, AwareSource.OPERATOR, drill=drill)
    return incidents.open_one(front.parts, bootstrap.operator(front.config), opening, gate.now()).hex()


def taken(front: Front, incident: str, measure: str, target: str = "", who: str = IMD) -> Any:
    body = {"measure": measure, "target": target}
    return front.api("POST", f"/incidents/{incident}/containment", who, json=body)


def token_of(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def sent(front: Front, browser: Any, path: str, back: str, **form: str) -> Any:
    """Send a form of a page as a browser would."""
    page = browser.get(back, base_url=HOST).text
    return browser.post(path, data={"csrf_token": token_of(page), **form}, base_url=HOST)


# -- who may -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "status"), [(IMD, 200), (SUPERVISOR, 200), (AUDITOR, 200), (AGENT, 403), (INSPECTOR, 403), (ADMIN, 403)]
)
def test_who_may_see_the_page_and_what_they_find_there(front: Front, incident: str, who: str, status: int) -> None:
    answer = front.browser(who).get(f"/incidents/{incident}/containment", base_url=HOST)
    assert answer.status_code == status
    assert ("立即冻结" in answer.text) == (who == IMD)
    assert front.api("GET", f"/incidents/{incident}/containment", who).status_code == status


@pytest.mark.parametrize("who", [AGENT, SUPERVISOR, AUDITOR, ADMIN])
def test_nobody_but_an_officer_contains(front: Front, incident: str, who: str) -> None:
    assert taken(front, incident, "read_only", who=who).status_code == 403
    for act in ("end", "keep"):
        answer = front.api("POST", f"/incidents/{incident}/containment/{ID}/{act}", who, json={"note": WHY})
        assert answer.status_code == 403
    assert front.api("GET", "/freezes", who).json == {"in_force": []}


def test_an_incident_or_measure_that_is_none_is_not_there(front: Front, incident: str) -> None:
    other = opened(front)
    measure = taken(front, incident, "read_only").json["id"]
    for path in (
        f"/incidents/{ID}/containment/{measure}/end",
        f"/incidents/{other}/containment/{measure}/end",
        f"/incidents/{incident}/containment/{ID}/end",
        f"/incidents/{other}/containment/{measure}/keep",
    ):
        assert front.api("POST", path, IMD, json={"note": WHY}).status_code == 404
    assert front.api("POST", f"/incidents/{other}/containment/{measure}/hold", IMD).status_code == 404
    assert taken(front, ID, "read_only").status_code == 404
    assert front.browser(IMD).get(f"/incidents/{ID}/containment", base_url=HOST).status_code == 404


# -- by programs ---------------------------------------------------------------------------------------------------


def test_what_is_frozen_is_frozen_on_the_next_request_and_says_so(front: Front, incident: str) -> None:
    found = front.api("POST", "/lookups", json={"number": POOL_PHONE, "purpose": "query"}).json
    front.verify_caller(found)
    path = f"/cases/{found['case']}/records/{found['records'][0]['id']}/reveals"
    assert front.api("POST", path, json={"field": "name"}).status_code == 200
    measure = taken(front, incident, "freeze_reveals").json["id"]
    answer = front.api("POST", path, json={"field": "name"})
    assert (answer.status_code, answer.json["reason"]) == (403, "reveals_frozen")
    assert front.api("POST", "/lookups", json={"number": POOL_PHONE, "purpose": "query"}).status_code == 200
    [one] = front.api("GET", "/freezes").json["in_force"]
    assert one["measure"] == "freeze_reveals"
    ended = front.api("POST", f"/incidents/{incident}/containment/{measure}/end", IMD, json={"note": WHY})
    assert ended.status_code == 204
    assert front.api("POST", path, json={"field": "name"}).status_code == 200
    again = front.api("POST", f"/incidents/{incident}/containment/{measure}/end", IMD, json={"note": WHY})
    assert (again.status_code, again.json["reason"]) == (409, "measure_ended")


def test_read_only_stops_the_work_of_the_day_and_no_look_up(front: Front, incident: str) -> None:
    found = front.api("POST", "/lookups", json={"number": POOL_PHONE, "purpose": "query"}).json
    for measure in ("read_only", "freeze_reveals", "freeze_exports", "freeze_imports"):
        taken(front, incident, measure)
    close = front.api("POST", f"/cases/{found['case']}/close", json={"reason": "caller_gone"})
    assert (close.status_code, close.json["reason"]) == (403, "read_only")
    assert front.api("GET", "/cases").status_code == 200
    reported = front.api("POST", "/incidents", json={"kind": "misuse"})
    assert reported.status_code == 201  # BR-04: whoever notices something reports it, whatever is frozen
    act = f"/incidents/{reported.json['id']}/activate"
    assert front.api("POST", act, IMD, json={"note": "先启动"}).status_code < 300


def test_a_measure_is_previewed_taken_and_listed(front: Front, incident: str) -> None:
    front.token(OTHER_AGENT)
    body = {"measure": "suspend_account", "target": OTHER_AGENT}
    seen = front.api("POST", f"/incidents/{incident}/containment/preview", IMD, json=body).json
    assert (seen["account"], seen["drill"], seen["counts"]["sessions"] > 0) == (OTHER_AGENT, False, True)
    assert front.api("GET", "/cases", OTHER_AGENT).status_code == 200  # nothing was changed
    measure = taken(front, incident, "suspend_account", OTHER_AGENT).json["id"]
    bearer = {"Authorization": f"Bearer {front.tokens.pop(OTHER_AGENT)}"}
    assert front.client().get("/api/v1/cases", headers=bearer, base_url=HOST).status_code == 401
    kept = front.api("POST", f"/incidents/{incident}/containment/{measure}/keep", IMD, json={"note": WHY})
    assert kept.status_code == 204
    [one] = front.api("GET", f"/incidents/{incident}/containment", SUPERVISOR).json["measures"]
    assert (one["account"], one["taken_by"], one["kept_by"], one["ended_at"]) == (OTHER_AGENT, IMD, IMD, None)


@pytest.mark.parametrize(
    ("measure", "target", "status", "reason"),
    [
        ("melt_down", "", 400, "not_on_list"),
        ("read_only", "KF9001", 400, "not_for_this_measure"),
        ("end_sessions", "", 400, "value_missing"),
        ("end_sessions", "KF0000", 404, "account"),
        ("end_sessions", IMD, 403, "own_account"),
        ("suspend_account", ADMIN, 403, "last_administrator"),
        ("hold_evidence", "", 404, "radius_to_hold"),
    ],
)
def test_what_cannot_be_is_said(
    front: Front, incident: str, measure: str, target: str, status: int, reason: str
) -> None:
    answer = taken(front, incident, measure, target)
    assert answer.status_code == status
    assert answer.json.get("reason", reason) == reason
    assert standing(front) == []


# -- the page ------------------------------------------------------------------------------------------------------


def test_everybody_is_told_what_is_frozen_and_since_when_and_not_why(front: Front, incident: str) -> None:
    agent = front.browser(AGENT)
    assert "暂停查看明文" not in agent.get("/lookup", base_url=HOST).text
    taken(front, incident, "freeze_reveals")
    page = agent.get("/lookup", base_url=HOST).text
    assert "目前暂停查看明文。" in page
    assert incident[:8].upper() not in page.upper()
    since = next(iter(reading.frozen(front.parts).values()))
    assert (since + timedelta(hours=8)).strftime("%Y-%m-%d %H:%M") in page
    english = front.browser(SUPERVISOR)
    english.set_cookie(gate.LANGUAGE_COOKIE, "en", domain="127.0.0.1")
    assert "Nothing is shown in clear for now." in english.get("/lookup", base_url=HOST).text


def test_a_freeze_is_one_button_and_ending_it_one_reason(front: Front, incident: str) -> None:
    browser, page = front.browser(IMD), f"/incidents/{incident}/containment"
    answer = sent(front, browser, page, page, measure="freeze_imports")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{page}?done=taken")
    shown = browser.get(answer.headers["Location"], base_url=HOST).text
    assert "所有人下一次请求起生效" in shown
    [one] = front.api("GET", page, IMD).json["measures"]
    refused = sent(front, browser, f"{page}/{one['id']}/end", page, note=" ")
    assert refused.status_code == 400
    assert f'aria-describedby="end-{one["id"]}-error"' in refused.text
    assert sent(front, browser, f"{page}/{one['id']}/end", page, note=WHY).status_code == 303
    assert front.api("GET", "/freezes").json == {"in_force": []}
    twice = sent(front, browser, f"{page}/{one['id']}/end", page, note=WHY)
    assert twice.status_code == 409


def test_an_act_on_an_account_is_counted_first_and_done_by_the_second_button(front: Front, incident: str) -> None:
    browser, page = front.browser(IMD), f"/incidents/{incident}/containment"
    front.token(OTHER_AGENT)
    seen = sent(front, browser, f"{page}/preview", page, measure="end_sessions", target=OTHER_AGENT.lower(), note="x")
    assert seen.status_code == 200
    assert re.search(r'<span class="number">[1-9]\d*</span> 个会话将结束', seen.text)
    assert standing(front) == []
    done = sent(front, browser, page, page, measure="end_sessions", target=OTHER_AGENT)
    assert done.status_code == 303
    assert "即时完成" in browser.get(page, base_url=HOST).text
    front.tokens.pop(OTHER_AGENT)


@pytest.mark.parametrize(
    ("target", "status", "reason"),
    [("KF0000", 404, "account"), (IMD, 403, "own_account"), ("", 400, "value_missing"), ("<b>x</b>", 404, "account")],
)
def test_what_cannot_be_used_is_said_beside_its_field(
    front: Front, incident: str, target: str, status: int, reason: str
) -> None:
    browser, page = front.browser(IMD), f"/incidents/{incident}/containment"
    answer = sent(front, browser, page, page, measure="end_sessions", target=target)
    assert answer.status_code == status
    assert 'aria-describedby="contain-target-error"' in answer.text
    assert "<b>x</b>" not in answer.text
    assert words.reason(words.CHINESE, reason, {"field": "target"}) in answer.text


def test_a_drill_says_that_it_is_one_and_freezes_nothing(front: Front) -> None:
    incident = opened(front, drill=True)
    browser, page = front.browser(IMD), f"/incidents/{incident}/containment"
    answer = sent(front, browser, page, page, measure="read_only")
    shown = browser.get(answer.headers["Location"], base_url=HOST).text
    assert "已演练" in shown
    assert "目前为只读模式" not in shown
    [one] = front.api("GET", page, IMD).json["measures"]
    assert one["rehearsed"] is True
    found = front.api("POST", "/lookups", json={"number": POOL_PHONE, "purpose": "query"}).json
    assert front.api("POST", f"/cases/{found['case']}/close", json={"reason": "caller_gone"}).status_code == 204


def test_the_forms_are_of_this_site_only(front: Front, incident: str) -> None:
    page = f"/incidents/{incident}/containment"
    answer = front.browser(IMD).post(page, data={"measure": "read_only"}, base_url=HOST)
    assert answer.status_code == 400
    assert standing(front) == []
