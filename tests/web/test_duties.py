"""Whoever owes a code or a second factor finds every door shut but the way to it, on pages and API alike."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pyotp
import pytest

from tests.web.conftest import ADMIN, AGENT, AUDITOR, HOST, SUPERVISOR, Front
from tests.web.doors import FIRST, closed_doors, is_shut, knock, open_for
from vault.domain.ids import new_id
from vault.domain.people import Must
from vault.domain.returns import ResetKind
from vault.services import sessions
from vault.services.steps.tokens import SignedIn
from vault.storage import people, resets
from vault.storage.resets import Reset

SIGN_OUT = {"people.sign_out", "api.sign_out"}
STAY_OPEN = {
    Must.CODE: SIGN_OUT | {"second_factor.overview", "second_factor.give_code", "api.give_code"},
    Must.ENROL: SIGN_OUT
    | {
        "second_factor.new",
        "second_factor.begin",
        "second_factor.finish",
        "second_factor.confirm_form",
        "second_factor.confirm",
        "api.begin_second_factor",
        "api.finish_second_factor",
        "api.confirm",
    },
    Must.CONFIRMATION: SIGN_OUT | {"returns.waiting"},
}


def by_password(front: Front, who: str) -> SignedIn:
    """Sign somebody in by password alone, and let them go on so."""
    now = datetime.now(UTC)
    done = sessions.sign_in(front.parts, who, front.passwords[who], "127.0.0.1", now)
    front.tokens[who] = done.token
    front.proved_at[who] = now
    return done


def without_factor(front: Front, who: str) -> SignedIn:
    with front.parts.database.write() as connection:
        account = people.by_work_number(connection, who)
        assert account is not None
        none = {"sealed_totp": None, "totp_confirmed_at": None, "totp_step": None}
        people.change(connection, account.account_id, none)
        connection.commit()
    return by_password(front, who)


def after_a_reset(front: Front, who: str) -> SignedIn:
    """Let somebody be back after a reset that nobody has confirmed, and go on so."""
    now = datetime.now(UTC)
    with front.parts.database.write() as connection:
        account = people.by_work_number(connection, who)
        assert account is not None
        resets.add(connection, Reset(new_id(), account.account_id, ResetKind.PASSWORD, None, now))
        connection.commit()
    done = front.sign_in(who, now)
    front.tokens[who] = done.token
    front.proved_at[who] = now
    return done


OWING = {Must.CODE: by_password, Must.ENROL: without_factor, Must.CONFIRMATION: after_a_reset}


def owing(front: Front, must: Must, who: str) -> None:
    front.tokens.pop(who, None)
    front.token(who)  # with a second factor, whatever another test did
    assert OWING[must](front, who).person.must is must


@pytest.fixture
def door(lone_front: Front) -> Front:
    lone_front.tokens.clear()
    with lone_front.parts.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM account_resets")
        connection.commit()
    return lone_front


def csrf(page: Any) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)
    assert found
    return found[1]


def send(browser: Any, page: str, action: str, **values: str) -> Any:
    token = csrf(browser.get(page, base_url=HOST))
    return browser.post(action, data={"csrf_token": token, **values}, base_url=HOST)


# -- every door --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("must", STAY_OPEN)
def test_the_doors_that_stay_open_are_these_and_no_others(front: Front, must: Must) -> None:
    assert open_for(front, must) == STAY_OPEN[must]


@pytest.mark.parametrize("who", [SUPERVISOR, AUDITOR, ADMIN])
@pytest.mark.parametrize("must", STAY_OPEN)
def test_every_other_door_is_shut(door: Front, must: Must, who: str) -> None:
    owing(door, must, who)
    knocked = 0
    for endpoint, method, path in closed_doors(door):
        if endpoint in STAY_OPEN[must]:
            continue
        assert is_shut(knock(door, method, path, who), path, method, must), (endpoint, method)
        knocked += 1
    assert knocked > 40
    assert knock(door, "GET", FIRST[must], who).status_code == 200


@pytest.mark.parametrize("must", STAY_OPEN)
def test_what_needs_nobody_stays_open_and_shows_nothing_of_the_inside(door: Front, must: Must) -> None:
    owing(door, must, SUPERVISOR)
    browser = door.browser(SUPERVISOR)
    page = browser.get(FIRST[must], base_url=HOST)
    assert "/lookup" not in page.text
    assert "watermark" not in page.text
    changed = browser.post("/language", data={"csrf_token": csrf(page), "language": "en"}, base_url=HOST)
    assert changed.status_code == 303
    assert send(browser, FIRST[must], "/sign-out").location == "/sign-in"
    assert browser.get("/", base_url=HOST).location == "/sign-in"


# -- the walks of a browser --------------------------------------------------------------------------------------


def test_a_browser_signs_in_in_two_steps_and_the_cookie_of_the_first_is_worth_nothing_after(door: Front) -> None:
    door.token(SUPERVISOR)
    browser = door.client()
    form = {"work_number": SUPERVISOR, "password": door.passwords[SUPERVISOR]}
    assert send(browser, "/sign-in", "/sign-in", **form).location == "/"
    assert browser.get("/", base_url=HOST).location == "/second-factor"
    with browser.session_transaction(base_url=HOST) as cookie:
        before = cookie["_user_id"]
    wrong = send(browser, "/second-factor", "/second-factor", code="not a code")
    assert wrong.status_code == 400
    assert "not a code" not in wrong.text
    assert 'aria-invalid="true"' in wrong.text
    done = send(browser, "/second-factor", "/second-factor", code=door.code(SUPERVISOR))
    assert (done.status_code, done.location) == (303, "/")
    assert browser.get("/lookup", base_url=HOST).status_code == 200
    thief = door.client()
    with thief.session_transaction(base_url=HOST) as cookie:
        cookie["_user_id"] = before
    assert thief.get("/second-factor", base_url=HOST).location == "/sign-in"


def test_a_person_sets_up_their_second_factor_on_the_page(door: Front) -> None:
    owing(door, Must.ENROL, SUPERVISOR)
    browser = door.browser(SUPERVISOR)
    page = browser.get("/second-factor/new", base_url=HOST)
    assert "<svg" not in page.text
    assert send(browser, "/second-factor/new", "/second-factor/begin").location == "/second-factor/new"
    page = browser.get("/second-factor/new", base_url=HOST)
    assert page.headers["Cache-Control"] == "no-store"
    assert "<svg" in page.text
    assert "style" not in re.search(r"<svg.*?</svg>", page.text, re.DOTALL)[0]  # type: ignore[index]
    secret = re.search(r'class="secret"><code>([A-Z2-7 ]+)</code>', page.text)
    assert secret
    app = pyotp.TOTP(secret[1].replace(" ", ""))
    refused = send(browser, "/second-factor/new", "/second-factor/new", code="000000 ")
    assert refused.status_code == 400
    assert secret[1] in refused.text  # the same code goes on: nothing is scanned twice
    done = send(browser, "/second-factor/new", "/second-factor/new", code=app.now())
    shown = re.findall(r"<li><code>([A-Z2-7 ]+)</code></li>", done.text)
    assert (done.status_code, len(shown)) == (200, 10)
    assert browser.get("/lookup", base_url=HOST).status_code == 200
    assert browser.get("/second-factor/new", base_url=HOST).text.count("<svg") == 0
    overview = browser.get("/second-factor", base_url=HOST)
    assert overview.status_code == 200
    assert not [code for code in shown if code in overview.text]
    signed_in = by_password(door, SUPERVISOR)
    assert signed_in.person.must is Must.CODE
    again = send(door.browser(SUPERVISOR), "/second-factor", "/second-factor", code=shown[0])
    assert again.location == "/"


def test_a_stale_session_is_led_to_confirm_and_back_and_then_does_it(door: Front, set_clock: Any) -> None:
    now = datetime.now(UTC)
    set_clock(now + timedelta(minutes=10))
    browser = door.browser(SUPERVISOR)
    led = browser.get("/second-factor/new", base_url=HOST)
    assert (led.status_code, led.location) == (303, "/confirm?back=%2Fsecond-factor%2Fnew")
    head = browser.head("/second-factor/new", base_url=HOST)
    assert (head.status_code, head.location) == (led.status_code, led.location)
    posted = send(browser, "/second-factor", "/second-factor/recovery-codes")
    assert posted.status_code == 403
    assert 'href="/confirm?back=%2Fsecond-factor"' in posted.text
    page = browser.get("/confirm?back=/second-factor", base_url=HOST)
    assert 'name="code"' in page.text
    form = {"password": door.passwords[SUPERVISOR], "back": "/second-factor"}
    wrong = send(browser, "/confirm", "/confirm", **form, code="12345")
    assert wrong.status_code == 400
    assert door.passwords[SUPERVISOR] not in wrong.text
    assert 'value="/second-factor"' in wrong.text
    code = door.code(SUPERVISOR, now + timedelta(minutes=10))
    open_elsewhere = csrf(browser.get("/second-factor", base_url=HOST))
    done = send(browser, "/confirm", "/confirm", **form, code=code)
    assert (done.status_code, done.location) == (303, "/second-factor")
    in_other_tab = browser.post("/second-factor/recovery-codes", data={"csrf_token": open_elsewhere}, base_url=HOST)
    assert in_other_tab.status_code == 200


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_confirming_leads_nowhere_else(door: Front, back: str) -> None:
    browser = door.browser(AGENT)
    page = browser.get("/confirm", query_string={"back": back}, base_url=HOST)
    assert "evil" not in page.text
    done = send(browser, "/confirm", "/confirm", password=door.passwords[AGENT], back=back)
    assert done.location == "/"


def test_without_a_second_factor_confirming_asks_for_the_password_only(door: Front) -> None:
    assert 'name="code"' not in door.browser(AGENT).get("/confirm", base_url=HOST).text


# -- programs ----------------------------------------------------------------------------------------------------


def call(front: Front, method: str, path: str, token: str | None = None, **body: str) -> Any:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    given = {"json": body} if body else {}
    return front.api(method, path, who=None, headers=headers, **given)


def test_a_program_signs_in_at_once_or_in_two_steps(door: Front) -> None:
    door.token(SUPERVISOR)
    known = {"work_number": SUPERVISOR, "password": door.passwords[SUPERVISOR]}
    first = call(door, "POST", "/sessions", **known)
    assert (first.status_code, first.json["must"]) == (201, "code")
    wrong = call(door, "POST", "/second-factor", first.json["token"], code="123")
    assert (wrong.status_code, wrong.json["reason"], wrong.json["field"]) == (400, "code_refused", "code")
    code = door.code(SUPERVISOR)
    second = call(door, "POST", "/second-factor", first.json["token"], code=code)
    assert (second.status_code, second.json["must"]) == (200, None)
    assert call(door, "GET", "/sessions", first.json["token"]).status_code == 401
    assert call(door, "GET", "/sessions", second.json["token"]).status_code == 200
    used = call(door, "POST", "/sessions", **known, code=code)
    unknown = call(door, "POST", "/sessions", **(known | {"work_number": "KF0000"}), code=code)
    assert (used.status_code, used.json) == (unknown.status_code, unknown.json)
    assert used.status_code == 401
    assert call(door, "POST", "/sessions", **known, code=door.code(SUPERVISOR)).json["must"] is None


def test_a_program_sets_up_replaces_and_resets(door: Front) -> None:
    token = without_factor(door, SUPERVISOR).token
    assert call(door, "GET", "/second-factor", token).json["reason"] == "must_enrol"
    made = call(door, "POST", "/second-factor/secret", token)
    assert made.status_code == 201
    code = pyotp.TOTP(made.json["secret"]).now()
    done = call(door, "POST", "/second-factor/first-code", token, code=code)
    assert (done.status_code, len(done.json["recovery_codes"])) == (200, 10)
    told = call(door, "GET", "/second-factor", token).json
    assert (told["recovery_codes_left"], told["required"]) == (10, True)
    fresh = call(door, "POST", "/second-factor/recovery-codes", token)
    assert not set(fresh.json["recovery_codes"]) & set(done.json["recovery_codes"])
    refused = call(door, "POST", "/second-factor/resets", token, work_number=AUDITOR)
    assert (refused.status_code, refused.json["reason"]) == (403, "no_right")
    reset = door.api("POST", "/second-factor/resets", who=ADMIN, json={"work_number": SUPERVISOR})
    assert reset.status_code == 204
    assert call(door, "GET", "/second-factor", token).status_code == 401
    for nobody in (SUPERVISOR, "KF0000"):
        again = door.api("POST", "/second-factor/resets", who=ADMIN, json={"work_number": nobody})
        assert again.status_code == 404


def test_a_program_that_is_stale_confirms_and_goes_on_with_the_new_token(door: Front, set_clock: Any) -> None:
    later = datetime.now(UTC) + timedelta(minutes=10)
    token = door.token(SUPERVISOR)
    set_clock(later)
    stale = call(door, "POST", "/second-factor/recovery-codes", token)
    assert (stale.status_code, stale.json["code"]) == (403, "step_up_needed")
    form = {"password": door.passwords[SUPERVISOR], "code": door.code(SUPERVISOR, later)}
    alone = call(door, "POST", "/confirmations", token, password=form["password"])
    assert (alone.status_code, alone.json["reason"]) == (400, "confirmation_refused")
    done = call(door, "POST", "/confirmations", token, **form)
    assert done.status_code == 200
    assert call(door, "GET", "/sessions", token).status_code == 401
    assert call(door, "POST", "/second-factor/recovery-codes", done.json["token"]).status_code == 200
    set_clock(later - timedelta(minutes=1))  # a clock set back makes no proof fresh that is yet to come
    assert call(door, "POST", "/second-factor/recovery-codes", done.json["token"]).json["code"] == "step_up_needed"
