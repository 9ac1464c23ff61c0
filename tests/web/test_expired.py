"""A password past its age closes every door but the one to its change; the clock is set, on pages and API alike."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.web.conftest import ADMIN, AGENT, AUDITOR, HOST, SUPERVISOR, Front
from tests.web.doors import closed_doors, is_shut, knock, open_for
from vault.domain.people import Must
from vault.storage import people

EXPIRED_DOORS = {"people.sign_out", "own.password", "own.change_password", "api.sign_out", "api.change_password"}
TAKES_AWAY = {"second_factor.drop", "api.drop_second_factor"}
"""Doors behind which the second factor is gone, so that no other door opens any more."""

TICK = timedelta(microseconds=1)
NEW = "seven green umbrellas in line"

SetClock = Callable[[datetime], None]


def edge(front: Front, work_number: str = AGENT) -> datetime:
    with front.parts.database.read() as connection:
        account = people.by_work_number(connection, work_number)
    assert account is not None
    assert account.password_changed_at is not None
    return account.password_changed_at + timedelta(days=front.parts.policy.passwords.max_age_days)


@pytest.fixture
def unseen(lone_front: Front) -> Front:
    """A front door that has not seen anybody's password too old yet, however often the clock was moved before."""
    lone_front.tokens.clear()
    with lone_front.parts.database.write() as connection:
        connection.exec_driver_sql("UPDATE accounts SET password_expired_at = NULL")
        connection.commit()
    return lone_front


def at(front: Front, set_clock: SetClock, moment: datetime, who: str = AGENT) -> None:
    """Move the clock, with a session that was opened just then."""
    front.tokens[who] = front.sign_in(who, moment - timedelta(minutes=1)).token
    front.proved_at.pop(who, None)
    set_clock(moment)


def test_the_doors_that_stay_open_are_these_and_no_others(front: Front) -> None:
    found = open_for(front, Must.PASSWORD)
    assert found == EXPIRED_DOORS


@pytest.mark.parametrize("who", [AGENT, SUPERVISOR, AUDITOR, ADMIN])
def test_at_fifteen_days_every_door_is_shut_but_those(unseen: Front, set_clock: SetClock, who: str) -> None:
    at(unseen, set_clock, edge(unseen, who), who)
    knocked = 0
    for endpoint, method, path in closed_doors(unseen):
        if endpoint in EXPIRED_DOORS:
            continue
        assert is_shut(knock(unseen, method, path, who), path, method), (endpoint, method)
        knocked += 1
    assert knocked > 20
    assert knock(unseen, "GET", "/password", who).status_code == 200


@pytest.mark.parametrize("who", [AGENT, SUPERVISOR, AUDITOR, ADMIN])
def test_one_microsecond_earlier_no_door_is_shut_for_the_password(unseen: Front, set_clock: SetClock, who: str) -> None:
    at(unseen, set_clock, edge(unseen, who) - TICK, who)
    for endpoint, method, path in closed_doors(unseen):
        if endpoint in EXPIRED_DOORS | TAKES_AWAY or method == "HEAD":  # a refusal without a body does not say why
            continue
        assert not is_shut(knock(unseen, method, path, who), path, method), (endpoint, method)


def test_what_needs_nobody_stays_open(unseen: Front, set_clock: SetClock) -> None:
    at(unseen, set_clock, edge(unseen))
    for path in ("/sign-in", "/activate", "/healthz", "/static/vault.css", "/api/v1/openapi.json"):
        assert unseen.browser(AGENT).get(path, base_url=HOST, buffered=True).status_code == 200, path


def test_a_clock_set_back_opens_no_door_again(unseen: Front, set_clock: SetClock) -> None:
    at(unseen, set_clock, edge(unseen))
    assert is_shut(knock(unseen, "GET", "/api/v1/cases", AGENT), "/api/v1/cases", "GET")
    set_clock(edge(unseen) - timedelta(minutes=2))
    assert is_shut(knock(unseen, "GET", "/api/v1/cases", AGENT), "/api/v1/cases", "GET")
    assert is_shut(knock(unseen, "GET", "/lookup", AGENT), "/lookup", "GET")


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (timedelta(days=3) + TICK, None),
        (timedelta(days=3), "密码将于 3 天后到期"),
        (timedelta(days=2) + TICK, "密码将于 3 天后到期"),
        (timedelta(days=2), "密码将于 2 天后到期"),
        (timedelta(days=1), "密码将于 1 天内到期"),
        (TICK, "密码将于 1 天内到期"),
    ],
)
@pytest.mark.parametrize(
    ("who", "path"), [(AGENT, "/lookup"), (AGENT, "/cases"), (ADMIN, "/accounts"), (AUDITOR, "/log")]
)
def test_every_page_reminds_from_three_days_before(
    unseen: Front, set_clock: SetClock, before: timedelta, said: str | None, who: str, path: str
) -> None:
    at(unseen, set_clock, edge(unseen, who) - before, who)
    page = unseen.browser(who).get(path, base_url=HOST)
    assert page.status_code == 200
    assert ("密码将于" in page.text) == (said is not None)
    assert said is None or said in page.text


def csrf(page: Any) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)
    assert found
    return found[1]


def test_an_expired_person_signs_in_and_is_led_to_the_change_and_then_on(unseen: Front, set_clock: SetClock) -> None:
    who = SUPERVISOR
    set_clock(edge(unseen, who))
    browser = unseen.client()
    form = {"work_number": who, "password": unseen.passwords[who]}
    token = csrf(browser.get("/sign-in", base_url=HOST))
    entered = browser.post("/sign-in", data={**form, "csrf_token": token}, base_url=HOST)
    assert (entered.status_code, entered.location) == (303, "/")
    assert browser.get("/", base_url=HOST).location == "/second-factor"
    code = {"code": unseen.code(who, edge(unseen, who))}
    page = browser.get("/second-factor", base_url=HOST)
    browser.post("/second-factor", data={**code, "csrf_token": csrf(page)}, base_url=HOST)
    assert browser.get("/", base_url=HOST).location == "/password"
    page = browser.get("/password", base_url=HOST)
    assert "您的密码已满 15 天" in page.text
    assert "/lookup" not in page.text
    assert (
        browser.post("/language", data={"csrf_token": csrf(page), "language": "en"}, base_url=HOST).status_code == 303
    )
    page = browser.get("/password", base_url=HOST)
    assert "Your password has reached its 15 days." in page.text
    words = {"csrf_token": csrf(page), "current": unseen.passwords[who], "new": NEW}
    assert browser.post("/password", data={**words, "again": "x"}, base_url=HOST).status_code == 400
    with browser.session_transaction(base_url=HOST) as cookie:
        before = cookie["_user_id"]
    changed = browser.post("/password", data={**words, "again": NEW}, base_url=HOST)
    assert (changed.status_code, changed.location) == (303, "/password?changed=1")
    unseen.passwords = {**unseen.passwords, who: NEW}  # the vault is shared with other tests
    with browser.session_transaction(base_url=HOST) as cookie:
        assert cookie["_user_id"] != before
    assert browser.get("/lookup", base_url=HOST).status_code == 200
    thief = unseen.client()
    with thief.session_transaction(base_url=HOST) as cookie:
        cookie["_user_id"] = before
    assert thief.get("/password", base_url=HOST).location == "/sign-in"


def test_a_program_with_an_expired_password_gets_a_token_for_the_change_only(
    unseen: Front, set_clock: SetClock
) -> None:
    who = AUDITOR
    set_clock(edge(unseen, who))
    code = unseen.code(who, edge(unseen, who))
    body = {"work_number": who, "password": unseen.passwords[who], "code": code}
    signed_in = unseen.api("POST", "/sessions", who=None, json=body)
    assert (signed_in.status_code, signed_in.json["must_change_password"]) == (201, True)

    def call(method: str, path: str, token: str, **given: Any) -> Any:
        return unseen.api(method, path, who=None, headers={"Authorization": f"Bearer {token}"}, **given)

    refused = call("GET", "/events", signed_in.json["token"])
    assert (refused.status_code, refused.json["code"]) == (403, "password_expired")
    assert refused.json["type"] == "urn:datavault:problem:password_expired"
    near = {"current": unseen.passwords[who], "new": unseen.passwords[who] + "1"}
    answer = call("POST", "/password", signed_in.json["token"], json=near)
    assert (answer.status_code, answer.json["reason"], answer.json["field"]) == (400, "password_nearly_the_same", "new")
    fresh = call("POST", "/password", signed_in.json["token"], json={**near, "new": NEW})
    assert (fresh.status_code, fresh.json["must_change_password"]) == (200, False)
    unseen.passwords = {**unseen.passwords, who: NEW}
    assert call("GET", "/events", signed_in.json["token"]).status_code == 401
    assert call("GET", "/events", fresh.json["token"]).status_code == 200


def test_an_expired_person_may_sign_out(unseen: Front, set_clock: SetClock) -> None:
    at(unseen, set_clock, edge(unseen))
    assert unseen.api("DELETE", "/sessions/current").status_code == 204
    assert unseen.api("GET", "/cases").status_code == 401
