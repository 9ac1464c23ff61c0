"""The administrator's pages and routes: lists without customers, acts with a fresh proof, programs at the gate."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.web.conftest import ADMIN, AGENT, HOST, INSPECTOR, OTHER_AGENT, POOL_PHONE, SUPERVISOR, Front
from vault.domain.accounts import FOR_PROGRAMS
from vault.services import sessions
from vault.web import gate

SetClock = Callable[[datetime], None]
PROGRAM = "BOT01"


def send(browser: Any, page: str, action: str, **values: Any) -> Any:
    """Send the form of a page as a browser would."""
    text = browser.get(page, base_url=HOST).text
    assert f'action="{action}"' in text, action
    token = re.search(r'name="csrf_token" value="([^"]+)"', text)
    assert token
    return browser.post(action, data={"csrf_token": token[1], **values}, base_url=HOST)


def signed_in(front: Front, who: str) -> str:
    return sessions.sign_in(front.parts, who, front.passwords[who], "127.0.0.1", datetime.now(UTC)).token


def call(front: Front, method: str, path: str, token: str, **given: Any) -> Any:
    return front.api(method, path, who=None, headers={"Authorization": f"Bearer {token}"}, **given)


def state(front: Front, number: str) -> str:
    answer = front.api("GET", f"/accounts/{number}", ADMIN)
    assert answer.status_code == 200
    found: str = answer.json["state"]
    return found


@pytest.fixture(scope="module")
def at_first(lone_front: Front) -> list[dict[str, Any]]:
    """Every account as it is before the first test."""
    with lone_front.parts.database.read() as connection:
        return [dict(row._mapping) for row in connection.exec_driver_sql("SELECT * FROM accounts")]


@pytest.fixture(autouse=True)
def as_at_first(request: pytest.FixtureRequest) -> None:
    """Undo what an earlier test did to the people of the lone front."""
    if "lone_front" not in request.fixturenames:
        return
    front: Front = request.getfixturevalue("lone_front")
    with front.parts.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM sessions")
        connection.exec_driver_sql("DELETE FROM sign_in_failures")
        connection.exec_driver_sql("DELETE FROM account_resets")
        for row in request.getfixturevalue("at_first"):
            names = ", ".join(f"{name} = ?" for name in row)
            key = (*row.values(), row["account_id"])
            connection.exec_driver_sql(f"UPDATE accounts SET {names} WHERE account_id = ?", key)
        connection.commit()
    front.tokens.clear()


@pytest.fixture
def program(lone_front: Front) -> str:
    """A service account."""
    answer = lone_front.api("GET", f"/accounts/{PROGRAM}", ADMIN)
    if answer.status_code == 404:
        body = {"work_number": PROGRAM, "name": "查件机器人", "role": "agent", "outlet": "NJ-GL-01"}
        assert lone_front.api("POST", "/accounts", ADMIN, json=body).status_code == 201
    return PROGRAM


def new_token(front: Front, *purposes: str, days: int = 30) -> str:
    body = {"purposes": list(purposes or ("query",)), "days": days}
    answer = front.api("POST", f"/accounts/{PROGRAM}/tokens", ADMIN, json=body)
    assert answer.status_code == 201, answer.json
    token: str = answer.json["token"]
    return token


# -- lists -------------------------------------------------------------------------------------------------------


def test_the_list_shows_people_and_can_be_narrowed_to_a_state(front: Front) -> None:
    browser = front.browser(ADMIN)
    page = browser.get("/accounts", base_url=HOST).text
    assert all(f'href="/accounts/{one}"' in page for one in (AGENT, SUPERVISOR, ADMIN))
    assert browser.get("/accounts?state=left", base_url=HOST).text.count('href="/accounts/KF') == 0
    assert f'href="/accounts/{AGENT}"' in browser.get("/accounts?state=nonsense", base_url=HOST).text
    listed = front.api("GET", "/accounts?state=active", ADMIN).json["accounts"]
    assert {one["state"] for one in listed} == {"active"}
    assert front.api("GET", "/accounts?state=nonsense", ADMIN).status_code == 400


def test_an_account_says_what_it_is_and_what_can_be_done(front: Front) -> None:
    told = front.api("GET", f"/accounts/{SUPERVISOR.lower()}", ADMIN).json
    assert (told["work_number"], told["role"], told["second_factor"], told["program"]) == (
        SUPERVISOR, "supervisor", True, False,
    )  # fmt: skip
    assert told["acts"] == ["leave", "lock", "reset", "suspend"]
    page = front.browser(ADMIN).get(f"/accounts/{SUPERVISOR}", base_url=HOST).text
    assert f'action="/accounts/{SUPERVISOR}/lock"' in page
    assert "慕容汐棠" in page


def test_nothing_is_offered_on_ones_own_account(front: Front) -> None:
    page = front.browser(ADMIN).get(f"/accounts/{ADMIN}", base_url=HOST).text
    assert f'action="/accounts/{ADMIN}/' not in page
    assert front.api("POST", f"/accounts/{ADMIN}/lock", ADMIN).json["reason"] == "own_account"


@pytest.mark.parametrize("who", [AGENT, SUPERVISOR, INSPECTOR])
def test_nobody_else_passes_any_of_these_doors(front: Front, who: str) -> None:
    shut = [("GET", "/accounts"), ("GET", f"/accounts/{AGENT}"), ("GET", f"/accounts/{AGENT}/leaving")]
    for method, path in shut:
        assert front.browser(who).open(path, method=method, base_url=HOST).status_code == 403
        assert front.api(method, path, who).status_code == 403
    for path in ("reset", "suspend", "unlock", "invitations"):
        assert front.api("POST", f"/accounts/{OTHER_AGENT}/{path}", who).status_code == 403
    assert front.api("POST", f"/accounts/{OTHER_AGENT}/leaving", who, json={}).status_code == 403
    body = {"role": "admin", "outlet": ""}
    assert front.api("PUT", f"/accounts/{who}/place", who, json=body).status_code == 403


def test_what_is_no_account_is_not_found(front: Front) -> None:
    for number in ("KF0000", "x" * 65, "%00", "a%20b"):
        assert front.browser(ADMIN).get(f"/accounts/{number}", base_url=HOST).status_code == 404
        assert front.api("GET", f"/accounts/{number}", ADMIN).status_code == 404
        assert front.api("POST", f"/accounts/{number}/lock", ADMIN).status_code == 404


# -- acts --------------------------------------------------------------------------------------------------------


def test_an_administrator_suspends_and_brings_back_from_the_page(lone_front: Front) -> None:
    token = signed_in(lone_front, AGENT)
    browser, page = lone_front.browser(ADMIN), f"/accounts/{AGENT}"
    done = send(browser, page, f"{page}/suspend")
    assert (done.status_code, done.location) == (303, f"{page}?done=suspend")
    assert "账号已停用" in browser.get(done.location, base_url=HOST).text
    assert call(lone_front, "GET", "/cases", token).status_code == 401
    assert send(browser, page, f"{page}/unlock").status_code == 303
    assert state(lone_front, AGENT) == "active"
    again = lone_front.api("POST", f"{page}/unlock", ADMIN)
    assert (again.status_code, again.json["reason"]) == (400, "act_not_possible")


def test_a_stale_proof_is_asked_for_again_before_an_act(lone_front: Front, set_clock: SetClock) -> None:
    browser = lone_front.browser(ADMIN)
    page = browser.get(f"/accounts/{AGENT}", base_url=HOST)
    assert "/confirm" not in page.text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert token
    set_clock(datetime.now(UTC) + timedelta(minutes=6))
    assert f"/confirm?back=%2Faccounts%2F{AGENT}" in browser.get(f"/accounts/{AGENT}", base_url=HOST).text
    refused = browser.post(f"/accounts/{AGENT}/lock", data={"csrf_token": token[1]}, base_url=HOST)
    assert refused.status_code == 403
    leaving = browser.get(f"/accounts/{AGENT}/leaving", base_url=HOST)
    assert (leaving.status_code, leaving.location) == (303, f"/confirm?back=%2Faccounts%2F{AGENT}%2Fleaving")
    answer = call(lone_front, "POST", f"/accounts/{AGENT}/lock", lone_front.tokens[ADMIN])
    assert (answer.status_code, answer.json["code"]) == (403, "step_up_needed")
    assert call(lone_front, "GET", f"/accounts/{AGENT}", lone_front.tokens[ADMIN]).json["state"] == "active"


def test_a_reset_shows_the_secret_once_and_the_person_chooses(lone_front: Front) -> None:
    page = f"/accounts/{OTHER_AGENT}"
    shown = send(lone_front.browser(ADMIN), page, f"{page}/reset")
    secret = re.search(r"<code>([A-Za-z0-9_-]{22})</code>", shown.text)
    assert secret
    assert "no-store" in shown.headers["Cache-Control"]
    assert state(lone_front, OTHER_AGENT) == "invited"
    new = "seven green umbrellas in line"
    browser = lone_front.client()
    form = {"work_number": OTHER_AGENT, "secret": secret[1], "password": new, "again": new, "code": ""}
    done = send(browser, "/activate", "/activate", **form)
    assert (done.status_code, done.location) == (303, "/sign-in?activated=1")
    token = sessions.sign_in(lone_front.parts, OTHER_AGENT, new, "127.0.0.1", datetime.now(UTC)).token
    assert call(lone_front, "GET", "/cases", token).json["reason"] == "must_be_confirmed"
    for text in (lone_front.browser(ADMIN).get(one, base_url=HOST).text for one in (page, "/accounts")):
        assert "/returns" in text
    assert call(lone_front, "GET", f"/accounts/{OTHER_AGENT}", lone_front.token(ADMIN)).json["return_owed"] is True
    assert lone_front.api("POST", f"{page}/return-confirmation", SUPERVISOR).status_code == 204
    assert call(lone_front, "GET", "/cases", token).status_code == 200
    assert call(lone_front, "GET", f"/accounts/{OTHER_AGENT}", lone_front.token(ADMIN)).json["return_owed"] is False


def test_a_role_changes_under_a_live_session(lone_front: Front) -> None:
    token = signed_in(lone_front, INSPECTOR)
    body = {"number": POOL_PHONE, "purpose": "query"}
    assert call(lone_front, "POST", "/lookups", token, json=body).status_code == 403
    page = f"/accounts/{INSPECTOR}"
    place = {"role": "agent", "outlet": "NJ-GL-01", "team": "T1"}
    assert send(lone_front.browser(ADMIN), page, f"{page}/place", **place).status_code == 303
    assert call(lone_front, "POST", "/lookups", token, json=body).status_code == 200
    lowered = lone_front.api("PUT", f"{page}/place", ADMIN, json={"role": "quality_inspector", "outlet": "NJ-GL-01"})
    assert lowered.status_code == 204
    assert call(lone_front, "POST", "/lookups", token, json=body).status_code == 403
    wrong = send(lone_front.browser(ADMIN), page, f"{page}/place", role="king", outlet="", team="")
    assert wrong.status_code == 400
    assert "king" not in wrong.text


def test_a_supervisor_locks_one_of_theirs_from_a_page_of_their_own(lone_front: Front) -> None:
    token = signed_in(lone_front, AGENT)
    browser = lone_front.browser(SUPERVISOR)
    assert f'value="{AGENT}"' in browser.get(f"/lock?work_number={AGENT}", base_url=HOST).text
    assert send(browser, "/lock", "/lock", work_number=AGENT).status_code == 303
    assert call(lone_front, "GET", "/cases", token).status_code == 401
    assert state(lone_front, AGENT) == "locked"
    twice = send(browser, "/lock", "/lock", work_number=AGENT)
    assert twice.status_code == 400
    for number in ("KF0000", ADMIN):
        assert send(browser, "/lock", "/lock", work_number=number).status_code == 404
    assert lone_front.api("POST", f"/accounts/{AGENT}/lock", SUPERVISOR).status_code == 400
    assert lone_front.api("POST", f"/accounts/{AGENT}/unlock", ADMIN).json == {"state": "active"}
    assert lone_front.browser(AGENT).get("/lock", base_url=HOST).status_code == 403


# -- programs ----------------------------------------------------------------------------------------------------


def test_a_program_is_made_and_given_a_token_from_the_pages(lone_front: Front) -> None:
    browser = lone_front.browser(ADMIN)
    form = {"work_number": "bot09", "name": "夜间核对", "role": "agent", "outlet": "NJ-GL-01"}
    made = send(browser, "/accounts", "/accounts", **form)
    assert (made.status_code, made.location) == (303, "/accounts/BOT09?done=program")
    page = "/accounts/BOT09"
    shown = send(browser, page, f"{page}/tokens", purposes=["query", "pickup"], days="10")
    token = re.search(r"<code>(dvt_[A-Za-z0-9_-]{43})</code>", shown.text)
    assert token
    body = {"number": POOL_PHONE, "purpose": "pickup"}
    assert call(lone_front, "POST", "/lookups", token[1], json=body).status_code == 200
    text = browser.get(page, base_url=HOST).text
    assert token[1] not in text
    ending = re.search(rf'action="({page}/tokens/[0-9a-f]{{32}}/end)"', text)
    assert ending
    assert send(browser, page, ending[1]).status_code == 303
    assert call(lone_front, "POST", "/lookups", token[1], json=body).status_code == 401
    for wrong in ({"purposes": [], "days": "10"}, {"purposes": ["query"], "days": "ten"}, {"purposes": ["query"]}):
        assert send(browser, page, f"{page}/tokens", **wrong).status_code == 400


def test_a_program_works_within_its_purposes(lone_front: Front, program: str) -> None:
    del program
    token = new_token(lone_front, "query")
    body = {"number": POOL_PHONE, "purpose": "query"}
    assert call(lone_front, "POST", "/lookups", token, json=body).status_code == 200
    refused = call(lone_front, "POST", "/lookups", token, json=body | {"purpose": "delivery"})
    assert (refused.status_code, refused.json["reason"]) == (403, "purpose_not_yours")


def test_every_other_door_is_shut_to_a_program(lone_front: Front, program: str) -> None:
    del program
    token, knocked = new_token(lone_front), 0
    for rule in lone_front.app.url_map.iter_rules():
        here = gate.door_of(lone_front.app.view_functions[rule.endpoint])
        if not rule.rule.startswith("/api/") or here is None or here.is_open or here.right in FOR_PROGRAMS:
            continue
        path = re.sub(r"<hex32:\w+>", "0" * 32, rule.rule.removeprefix("/api/v1")).replace("<work_number>", AGENT)
        for method in (rule.methods or set()) - {"OPTIONS", "HEAD"}:
            answer = call(lone_front, method, path, token)
            assert (answer.status_code, answer.json["reason"]) == (403, "not_for_programs"), (method, path)
            knocked += 1
    assert knocked > 10
    assert call(lone_front, "GET", "/cases", signed_in(lone_front, OTHER_AGENT)).status_code == 200


def test_a_token_is_no_cookie_and_a_cookie_no_token(lone_front: Front, program: str) -> None:
    del program
    token = new_token(lone_front)
    browser = lone_front.client()
    with browser.session_transaction(base_url=HOST) as cookie:
        cookie["_user_id"] = token
    assert browser.get("/lookup", base_url=HOST).location == "/sign-in"
    session = signed_in(lone_front, OTHER_AGENT)
    for wrong in (f"dvt_{session}", token[4:], token[:-1], token + "A"):
        assert call(lone_front, "POST", "/lookups", wrong, json={}).status_code == 401


def test_tokens_are_listed_and_ended_by_their_ids_only(lone_front: Front, program: str) -> None:
    token = new_token(lone_front, "query", "pickup", days=1)
    line = lone_front.api("GET", f"/accounts/{program}/tokens", ADMIN).json["tokens"][0]
    assert (line["purposes"], line["made_by"], line["ended_at"]) == (["pickup", "query"], ADMIN, None)
    elsewhere = lone_front.api("DELETE", f"/accounts/{AGENT}/tokens/{line['id']}", ADMIN)
    assert elsewhere.status_code == 404
    assert lone_front.api("DELETE", f"/accounts/{program}/tokens/{line['id']}", ADMIN).status_code == 204
    assert call(lone_front, "POST", "/lookups", token, json={}).status_code == 401
    too_long = {"purposes": ["query"], "days": 91}
    answer = lone_front.api("POST", f"/accounts/{program}/tokens", ADMIN, json=too_long)
    assert (answer.status_code, answer.json["field"], answer.json["most"]) == (400, "days", 90)


# -- off-boarding ------------------------------------------------------------------------------------------------


def test_leaving_is_shown_first_and_then_done_for_good(lone_front: Front) -> None:
    token = signed_in(lone_front, OTHER_AGENT)
    assert call(lone_front, "POST", "/lookups", token, json={"number": "13912345609", "purpose": "query"}).json["case"]
    browser, page = lone_front.browser(ADMIN), f"/accounts/{OTHER_AGENT}/leaving"
    text = browser.get(page, base_url=HOST).text
    assert "请指定接手人" in text
    assert f'method="post" action="{page}"' not in text
    foretold = lone_front.api("GET", f"{page}?successor={AGENT}", ADMIN).json
    assert (foretold["cases"], foretold["customers"], foretold["hindrance"]) == (1, 1, None)
    assert lone_front.api("POST", page, ADMIN, json={}).json["reason"] == "successor_needed"
    done = send(browser, f"{page}?successor={AGENT.lower()}", page, successor=AGENT)
    assert (done.status_code, done.location) == (303, f"/accounts/{OTHER_AGENT}?done=left")
    text = browser.get(done.location, base_url=HOST).text
    assert f'action="/accounts/{OTHER_AGENT}/' not in text
    assert call(lone_front, "GET", "/cases", token).status_code == 401
    assert browser.get(page, base_url=HOST).status_code == 404
    assert lone_front.api("POST", page, ADMIN, json={}).status_code == 404
    cases = lone_front.api("GET", "/cases", AGENT).json["cases"]
    assert any(one["purpose"] == "query" for one in cases)
