"""Asking, granting and sharing at the front door: two clicks, a page that opens by itself, and nothing told aside."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.web.conftest import (
    ABSENT_PHONE,
    ADMIN,
    AGENT,
    AUDITOR,
    HOST,
    INSPECTOR,
    OTHER_AGENT,
    OWNED_PHONE,
    POOL_PHONE,
    SUPERVISOR,
    Front,
)
from tests.web.test_pages import form, look_up, send
from vault.web.api import grants, requests, shapes

NAME = "曹怡邦"
SetClock = Callable[[datetime], None]


@pytest.fixture(autouse=True)
def _without_access(lone_front: Front) -> None:
    """End what other tests granted: the agent is to see nothing of the owner's customer."""
    with lone_front.parts.database.write() as connection:
        connection.exec_driver_sql("UPDATE grants SET ended_at = 1 WHERE ended_at IS NULL")
        connection.commit()


def asked(front: Front, number: str = OWNED_PHONE, who: str = AGENT) -> str:
    """Ask for a number as a program; returns the request."""
    case = front.api("POST", "/lookups", who=who, json={"number": number, "purpose": "query"}).json["case"]
    answer = front.api("POST", "/requests", who=who, json={"case": case, "number": number})
    assert answer.status_code == 202
    return str(answer.json["request"])


def granted(front: Front, request: str, who: str = OTHER_AGENT, minutes: int = 30) -> Any:
    return front.api("POST", f"/requests/{request}/grants", who=who, json={"minutes": minutes})


def stands(front: Front, request: str, who: str = AGENT) -> Any:
    return front.api("GET", f"/requests/{request}", who=who)


def page(browser: Any, path: str) -> Any:
    return browser.get(path, base_url=HOST)


# -- two clicks --------------------------------------------------------------------------------------------------


def test_a_request_is_granted_in_two_clicks_and_the_askers_page_leads_on_by_itself(lone_front: Front) -> None:
    agent, owner = lone_front.browser(AGENT), lone_front.browser(OTHER_AGENT)
    waits = send(agent, form(look_up(agent, OWNED_PHONE), "/ask")).location
    waiting = page(agent, waits)
    assert "data-waiting" in waiting.text
    assert '<noscript><meta http-equiv="refresh" content="5">' in waiting.text
    listed = page(owner, "/requests")
    assert AGENT in listed.text
    link = waits.replace("/mine", "")
    assert f'href="{link}"' in listed.text
    shown = page(owner, link)
    assert "曹*" in shown.text
    assert NAME not in shown.text
    assert "/reveal" not in shown.text
    done = send(owner, form(shown, "/grant"), minutes="30")
    assert (done.status_code, done.location) == (303, "/requests?done=granted")
    assert "data-until" in page(owner, "/requests").text
    polled = agent.get(waits, base_url=HOST, headers={"Accept": "application/json"})
    assert (polled.json["state"], polled.json["said"]) == ("granted", "已授权")
    record = page(agent, polled.json["open"])
    assert record.status_code == 200
    assert 'role="timer"' in record.text
    assert "data-say-300" in record.text
    assert NAME not in record.text
    assert polled.json["open"] in page(agent, "/cases").text


def test_refusing_takes_two_clicks_and_the_asker_learns_no_reason(lone_front: Front) -> None:
    agent, owner = lone_front.browser(AGENT), lone_front.browser(OTHER_AGENT)
    waits = send(agent, form(look_up(agent, OWNED_PHONE), "/ask")).location
    shown = page(owner, waits.replace("/mine", ""))
    done = send(owner, form(shown, "/refuse"), reason="owner_will_call")
    assert done.location == "/requests?done=refused"
    told = page(agent, waits).text
    assert "未获授权" in told
    assert "归属客服" not in told
    assert OTHER_AGENT not in told


def test_who_decides_on_a_number_nobody_has_is_told_so_and_can_only_refuse(lone_front: Front) -> None:
    agent, supervisor = lone_front.browser(AGENT), lone_front.browser(SUPERVISOR)
    waits = send(agent, form(look_up(agent, ABSENT_PHONE), "/ask")).location
    shown = page(supervisor, waits.replace("/mine", ""))
    assert "查无此记录" in shown.text
    assert "data-grant" not in shown.text
    assert ABSENT_PHONE not in shown.text
    answer = granted(lone_front, waits.rpartition("/")[2], SUPERVISOR)
    assert (answer.status_code, answer.json["reason"]) == (400, "no_such_record")


def test_a_second_decision_is_told_that_it_came_too_late(lone_front: Front) -> None:
    request = asked(lone_front)
    answer = granted(lone_front, request)
    assert answer.status_code == 201
    requests.GrantedUntil.model_validate_json(answer.text)
    late = granted(lone_front, request, SUPERVISOR)
    assert (late.status_code, late.json["code"]) == (409, "already_decided")
    assert page(lone_front.browser(SUPERVISOR), f"/requests/{request}").status_code == 409
    refusal = lone_front.api("POST", f"/requests/{request}/refusals", who=SUPERVISOR, json={"reason": "no_need"})
    assert refusal.status_code == 409


# -- one answer --------------------------------------------------------------------------------------------------


def bare(text: str) -> str:
    text = re.sub(r"[0-9a-f]{8,32}", "", re.sub(r'name="csrf_token" value="[^"]*"', "", text))
    return re.sub(r"\d{4}-\d\d-\d\d[T ][0-9:.]+|\d\d:\d\d|data-waiting=\"\d+\"", "", text)


def test_asking_for_a_colleagues_customer_and_for_nobody_are_one_answer_at_every_door(lone_front: Front) -> None:
    agent = lone_front.browser(AGENT)
    pages, programs = [], []
    for number in (OWNED_PHONE, ABSENT_PHONE):
        done = send(agent, form(look_up(agent, number), "/ask"))
        assert done.status_code == 303
        pages.append(bare(page(agent, done.location).text))
        answer = stands(lone_front, done.location.rpartition("/")[2])
        shapes.RequestLine.model_validate_json(answer.text)
        programs.append((answer.status_code, sorted(answer.headers.keys()), bare(answer.text)))
        assert number not in page(agent, done.location).text
    assert pages[0] == pages[1]
    assert programs[0] == programs[1]


def test_a_refused_request_reads_the_same_whether_the_number_exists_or_not(lone_front: Front) -> None:
    told = []
    for number, who in ((OWNED_PHONE, OTHER_AGENT), (ABSENT_PHONE, SUPERVISOR)):
        request = asked(lone_front, number)
        answer = lone_front.api("POST", f"/requests/{request}/refusals", who=who, json={"reason": "no_need"})
        assert answer.status_code == 204
        told.append(bare(stands(lone_front, request).text))
    assert told[0] == told[1]


# -- nobody else's -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", [AGENT, INSPECTOR, AUDITOR, ADMIN])
def test_nobody_decides_who_was_not_asked(lone_front: Front, who: str) -> None:
    request = asked(lone_front)
    tried = [
        lone_front.api("GET", f"/requests/{request}/subject", who=who),
        granted(lone_front, request, who),
        lone_front.api("POST", f"/requests/{request}/refusals", who=who, json={"reason": "no_need"}),
        page(lone_front.browser(who), f"/requests/{request}"),
    ]
    assert {one.status_code for one in tried} <= {403, 404}
    assert stands(lone_front, request).json["state"] == "asked"


@pytest.mark.parametrize("who", [OTHER_AGENT, SUPERVISOR, AUDITOR])
def test_nobody_else_learns_how_a_request_stands(lone_front: Front, who: str) -> None:
    request = asked(lone_front)
    assert stands(lone_front, request, who).status_code in (403, 404)
    assert page(lone_front.browser(who), f"/requests/mine/{request}").status_code in (403, 404)


def test_nobody_revokes_what_is_not_theirs(lone_front: Front) -> None:
    request = asked(lone_front)
    granted(lone_front, request)
    listed = lone_front.api("GET", "/grants", who=OTHER_AGENT)
    grants.Grants.model_validate_json(listed.text)
    grant = listed.json["given"][0]["grant"]
    for who in (AGENT, AUDITOR, INSPECTOR):
        assert lone_front.api("DELETE", f"/grants/{grant}", who=who).status_code in (403, 404)
    assert lone_front.api("DELETE", f"/grants/{grant}", who=OTHER_AGENT).status_code == 204
    gone = stands(lone_front, request).json
    assert (gone["state"], gone["record"], gone["until"]) == ("granted", None, None)


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("/requests/{id}/grant", {"minutes": "30", "record": "x"}),
        ("/requests/{id}/grant", {"minutes": "30", "record": "0" * 32}),
        ("/requests/{id}/grant", {"minutes": "٣٠"}),
        ("/requests/{id}/grant", {"minutes": "31"}),
        ("/requests/{id}/grant", {}),
        ("/requests/{id}/refuse", {"reason": "<b>"}),
        ("/requests/{id}/refuse", {}),
    ],
)
def test_a_form_filled_in_by_hand_decides_nothing(lone_front: Front, path: str, data: dict[str, str]) -> None:
    request = asked(lone_front)
    owner = lone_front.browser(OTHER_AGENT)
    filled = form(page(owner, f"/requests/{request}"), "/grant")
    answer = send(owner, filled | {"action": path.format(id=request)}, **data)
    assert answer.status_code in (400, 404)
    assert "<b>" not in answer.text
    assert stands(lone_front, request).json["state"] == "asked"


def test_no_get_decides_revokes_or_takes_up(lone_front: Front) -> None:
    request = asked(lone_front)
    owner = lone_front.browser(OTHER_AGENT)
    for path in (f"/requests/{request}/grant", f"/requests/{request}/refuse", f"/grants/{request}/revoke"):
        assert page(owner, path).status_code in (404, 405)
    assert stands(lone_front, request).json["state"] == "asked"


# -- to the second -----------------------------------------------------------------------------------------------


def test_access_ends_to_the_second_at_the_front_door(lone_front: Front, set_clock: SetClock) -> None:
    start = datetime.now(UTC).replace(microsecond=0)
    set_clock(start)
    request = asked(lone_front)
    assert granted(lone_front, request, minutes=15).json["until"] == (start + timedelta(minutes=15)).isoformat()
    line = stands(lone_front, request).json
    path = f"/cases/{line['case']}/records/{line['record']}"
    set_clock(start + timedelta(minutes=15, seconds=-1))
    answer = lone_front.api("GET", path)
    assert (answer.status_code, answer.json["until"]) == (200, line["until"])
    shapes.RecordInCase.model_validate_json(answer.text)
    set_clock(start + timedelta(minutes=15))
    assert lone_front.api("GET", path).status_code == 404
    absent = lone_front.api("GET", f"/cases/{line['case']}/records/{'0' * 32}")
    assert lone_front.api("GET", path).text == absent.text
    assert page(lone_front.browser(AGENT), path).status_code == 404


def test_a_waiting_page_stops_looking_by_itself_before_it_keeps_a_session_alive(
    lone_front: Front, set_clock: SetClock
) -> None:
    request = asked(lone_front)
    set_clock(datetime.now(UTC) + timedelta(minutes=21))
    text = page(lone_front.browser(AGENT), f"/requests/mine/{request}").text
    assert 'data-waiting="0"' in text
    assert "http-equiv" not in text


# -- sharing -----------------------------------------------------------------------------------------------------


@pytest.fixture
def of_owner(lone_front: Front) -> tuple[Any, str]:
    """The owner's browser, and the page of their customer."""
    owner = lone_front.browser(OTHER_AGENT)
    found = look_up(owner, OWNED_PHONE).text
    link = re.search(r'href="(/cases/[0-9a-f]{32}/records/[0-9a-f]{32})"', found)
    assert link
    return owner, link[1]


def test_a_customer_is_shared_from_its_page_and_the_link_opens_for_the_colleague(
    lone_front: Front, of_owner: tuple[Any, str]
) -> None:
    owner, record = of_owner
    filled = form(page(owner, record), "/shares")
    done = send(owner, filled, colleague=AGENT, purpose="delivery", hours="8")
    assert (done.status_code, done.location) == (303, f"{record}?done=shared")
    assert "已通知同事" in page(owner, done.location).text
    agent = lone_front.browser(AGENT)
    link = re.search(r'href="(/shared/[0-9a-f]{32})"', page(agent, "/requests").text)
    assert link
    offer = page(agent, link[1])
    assert OTHER_AGENT in offer.text
    assert "曹" not in offer.text
    taken = send(agent, form(offer, link[1]))
    assert taken.status_code == 303
    assert "曹*" in page(agent, taken.location).text
    assert send(agent, form(offer, link[1])).location == taken.location
    assert page(lone_front.browser(SUPERVISOR), link[1]).status_code == 404


@pytest.mark.parametrize(
    ("colleague", "purpose", "hours"),
    [("KF0000", "query", "8"), (OTHER_AGENT, "query", "8"), (AGENT, "advertising", "8"), (AGENT, "query", "9")],
)
def test_what_cannot_be_shared_is_said_beside_its_field(
    of_owner: tuple[Any, str], colleague: str, purpose: str, hours: str
) -> None:
    owner, record = of_owner
    filled = form(page(owner, record), "/shares")
    answer = send(owner, filled, colleague=colleague, purpose=purpose, hours=hours)
    assert answer.status_code == 400
    assert re.search(r'id="share-(colleague|purpose|hours)-error"', answer.text)


def test_the_form_to_share_is_offered_for_ones_own_customers_only(lone_front: Front, of_owner: tuple[Any, str]) -> None:
    assert "data-share" in page(*of_owner).text
    agent = lone_front.browser(AGENT)
    link = re.search(r'href="(/cases/[0-9a-f]{32}/records/[0-9a-f]{32})"', look_up(agent, POOL_PHONE).text)
    assert link
    assert "data-share" not in page(agent, link[1]).text


def test_a_program_shares_and_takes_up(lone_front: Front) -> None:
    found = lone_front.api("POST", "/lookups", who=OTHER_AGENT, json={"number": OWNED_PHONE, "purpose": "query"}).json
    body = {"case": found["case"], "record": found["records"][0]["id"], "work_number": AGENT, "purpose": "query"}
    shared = lone_front.api("POST", "/shares", who=OTHER_AGENT, json={**body, "hours": 1})
    assert shared.status_code == 201
    grants.Shared.model_validate_json(shared.text)
    path = f"/shares/{shared.json['share']}/cases"
    assert lone_front.api("POST", path, who=SUPERVISOR).status_code == 404
    taken = lone_front.api("POST", path)
    grants.TakenUp.model_validate_json(taken.text)
    seen = lone_front.api("GET", f"/cases/{taken.json['case']}/records/{taken.json['record']}")
    assert (seen.status_code, seen.json["record"]["rule"]) == (200, "scope.grant")
    lists = [lone_front.api("GET", "/grants", who=who).json for who in (OTHER_AGENT, AGENT)]
    assert shared.json["share"] in {one["grant"] for one in lists[0]["given"]}
    assert shared.json["share"] in {one["grant"] for one in lists[1]["shared_with_me"]}


def test_a_program_sees_what_waits_and_what_it_leads_to(lone_front: Front) -> None:
    request = asked(lone_front)
    waiting = lone_front.api("GET", "/requests", who=OTHER_AGENT)
    requests.WaitingRequests.model_validate_json(waiting.text)
    assert request in {one["request"] for one in waiting.json["requests"]}
    subject = lone_front.api("GET", f"/requests/{request}/subject", who=OTHER_AGENT)
    requests.Subject.model_validate_json(subject.text)
    assert (subject.json["number"], subject.json["choose"]) == ("139********", False)
    assert not any(one["revealable"] for one in subject.json["records"][0]["values"])
