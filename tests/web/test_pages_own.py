"""The pages of a person's own account, the same for programs, and what the turnstile lets through."""

from __future__ import annotations

import re
import threading
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.web.conftest import ADMIN, AGENT, HOST, INSPECTOR, OTHER_AGENT, Front
from vault.errors import SignInBusy
from vault.services import sessions
from vault.services.steps.tokens import SignedIn
from vault.web.api import shapes
from vault.web.turnstile import Turnstile, stand_in

HOME = "198.51.100.7"


def sign_in(front: Front, work_number: str, source: str = "127.0.0.1") -> SignedIn:
    now = datetime.now(UTC)
    return sessions.sign_in(
        front.parts, work_number, front.passwords[work_number], source, now, front.code(work_number, now)
    )


def browser_of(front: Front, signed_in: SignedIn) -> Any:
    browser = front.client()
    with browser.session_transaction(base_url=HOST) as cookie:
        cookie["_user_id"] = signed_in.token
    return browser


def send(browser: Any, page: str, action: str, **values: str) -> Any:
    """Send the form of a page as a browser would."""
    text = browser.get(page, base_url=HOST).text
    assert f'action="{action}"' in text
    token = re.search(r'name="csrf_token" value="([^"]+)"', text)
    assert token
    return browser.post(action, data={"csrf_token": token[1], **values}, base_url=HOST)


def call(front: Front, method: str, path: str, token: str) -> Any:
    return front.api(method, path, who=None, headers={"Authorization": f"Bearer {token}"})


def test_own_sessions_are_listed_with_this_one_marked_and_end_one_by_one(lone_front: Front) -> None:
    here, there = sign_in(lone_front, AGENT), sign_in(lone_front, AGENT, HOME)
    browser = browser_of(lone_front, here)
    page = browser.get("/sessions", base_url=HOST).text
    assert page.count("当前会话") == 1
    assert HOME in page
    assert f"/sessions/{here.person.session_id.hex()}/end" not in page
    done = send(browser, "/sessions", f"/sessions/{there.person.session_id.hex()}/end")
    assert (done.status_code, done.location) == (303, "/sessions")
    assert browser_of(lone_front, there).get("/sessions", base_url=HOST).location == "/sign-in"
    assert browser.get("/sessions", base_url=HOST).status_code == 200


def test_all_others_end_at_once(lone_front: Front) -> None:
    here, others = sign_in(lone_front, AGENT), [sign_in(lone_front, AGENT), sign_in(lone_front, AGENT, HOME)]
    assert send(browser_of(lone_front, here), "/sessions", "/sessions/end-others").status_code == 303
    assert [call(lone_front, "GET", "/cases", one.token).status_code for one in (here, *others)] == [200, 401, 401]


def test_ending_the_session_at_hand_is_signing_out(lone_front: Front) -> None:
    here = sign_in(lone_front, AGENT)
    browser = browser_of(lone_front, here)
    token = re.search(r'name="csrf_token" value="([^"]+)"', browser.get("/sessions", base_url=HOST).text)
    assert token
    path = f"/sessions/{here.person.session_id.hex()}/end"
    done = browser.post(path, data={"csrf_token": token[1]}, base_url=HOST)
    assert (done.status_code, done.location) == (303, "/sign-in")
    assert call(lone_front, "GET", "/cases", here.token).status_code == 401


def test_a_sign_in_from_elsewhere_is_shown_on_both_until_it_is_waved_through(lone_front: Front) -> None:
    who = INSPECTOR
    older = browser_of(lone_front, sign_in(lone_front, who))
    said = f"您的账号还在 {HOME} 登录"
    assert said not in older.get("/", base_url=HOST).text
    newer = browser_of(lone_front, sign_in(lone_front, who, HOME))
    assert said in older.get("/", base_url=HOST).text
    assert "您的账号还在 127.0.0.1 登录" in newer.get("/", base_url=HOST).text
    done = send(older, "/sessions", "/sessions/acknowledge", back="/sessions")
    assert (done.status_code, done.location) == (303, "/sessions")
    assert said not in older.get("/", base_url=HOST).text
    assert "您的账号还在 127.0.0.1 登录" in newer.get("/", base_url=HOST).text


def test_waving_through_leads_to_no_other_site(lone_front: Front) -> None:
    older = browser_of(lone_front, sign_in(lone_front, INSPECTOR))
    sign_in(lone_front, INSPECTOR, "192.0.2.77")
    assert send(older, "/sessions", "/sessions/acknowledge", back="//evil.example/").location == "/"


def test_an_administrator_ends_the_sessions_of_an_account_from_its_page(lone_front: Front) -> None:
    theirs, admin = sign_in(lone_front, OTHER_AGENT), browser_of(lone_front, sign_in(lone_front, ADMIN))
    page = f"/accounts/{OTHER_AGENT}"
    done = send(admin, page, f"{page}/end-sessions")
    assert (done.status_code, done.location) == (303, page)
    assert call(lone_front, "GET", "/cases", theirs.token).status_code == 401
    assert f"{page}/end-sessions" not in admin.get(page, base_url=HOST).text


def test_programs_list_and_end_their_own_sessions_and_nobody_elses(lone_front: Front) -> None:
    here, there, other = sign_in(lone_front, AGENT), sign_in(lone_front, AGENT, HOME), sign_in(lone_front, OTHER_AGENT)
    listed = call(lone_front, "GET", "/sessions", here.token)
    shapes.MySessions.model_validate_json(listed.text)
    lines = {one["session"]: one for one in listed.json["sessions"]}
    assert [one["session"] for one in lines.values() if one["current"]] == [here.person.session_id.hex()]
    assert lines[there.person.session_id.hex()]["source"] == HOME
    assert other.person.session_id.hex() not in lines
    refusals = [
        call(lone_front, "DELETE", f"/sessions/{session}", here.token)
        for session in (other.person.session_id.hex(), "0" * 32)
    ]
    assert {(one.status_code, one.text) for one in refusals} == {(404, refusals[0].text)}
    assert call(lone_front, "DELETE", f"/sessions/{there.person.session_id.hex()}", here.token).status_code == 204
    assert call(lone_front, "GET", "/cases", there.token).status_code == 401
    assert call(lone_front, "GET", "/cases", other.token).status_code == 200


def test_the_password_page_shows_the_rules_and_what_was_wrong_beside_its_field(lone_front: Front) -> None:
    browser = browser_of(lone_front, sign_in(lone_front, AGENT))
    page = browser.get("/password", base_url=HOST).text
    for rule in ("至少 12 个字符，最多 256 个", "最近 12 个密码", "不能与当前密码相近", "有效期 15 天"):
        assert rule in page
    current = lone_front.passwords[AGENT]

    def tried(**values: str) -> Any:
        filled = {"current": current, "new": "seven green umbrellas", "again": "seven green umbrellas"} | values
        return send(browser, "/password", "/password", **filled)

    for values, field, said in (
        ({"again": "another"}, "again", "两次输入的密码不一致"),
        ({"current": "not this one at all"}, "current", "当前密码未通过"),
        ({"new": "short", "again": "short"}, "new", "密码太短"),
        ({}, "new", "不足 24 小时"),
    ):
        answer = tried(**values)
        assert answer.status_code == 400
        error = re.search(rf'id="{field}-error">([^<]*)<', answer.text)
        assert error, values
        assert said in error[1]
        assert "seven green" not in answer.text
        assert current not in answer.text
    assert browser.get("/sessions", base_url=HOST).status_code == 200


def test_a_session_planted_before_signing_in_is_not_the_one_after_it(lone_front: Front) -> None:
    planted = sign_in(lone_front, OTHER_AGENT)
    browser = browser_of(lone_front, planted)
    form = {"work_number": AGENT, "password": lone_front.passwords[AGENT]}
    assert send(browser, "/sign-in", "/sign-in", **form).status_code == 303
    with browser.session_transaction(base_url=HOST) as cookie:
        token = cookie["_user_id"]
    assert token != planted.token
    assert AGENT in browser.get("/sessions", base_url=HOST).text
    assert (
        call(lone_front, "GET", "/sessions", planted.token).json["sessions"]
        != (call(lone_front, "GET", "/sessions", token).json["sessions"])
    )


# -- the turnstile -----------------------------------------------------------------------------------------------


def test_so_many_of_one_source_are_inside_and_no_more_and_others_pass() -> None:
    turnstile = Turnstile(2)
    with turnstile.passing("a"), turnstile.passing("a"):
        with pytest.raises(SignInBusy), turnstile.passing("a"):
            pytest.fail("a third was let in")
        with turnstile.passing("b"):
            pass
    with turnstile.passing("a"), turnstile.passing("a"):
        pass
    assert not turnstile._inside


def test_whoever_comes_too_many_at_once_is_told_to_come_again_whatever_they_typed(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = front.with_settings()
    stand_in(app, threads=2)
    waiting, go_on = threading.Event(), threading.Event()
    real = sessions.sign_in

    def slow(*given: Any) -> SignedIn:
        waiting.set()
        assert go_on.wait(10)
        return real(*given)

    monkeypatch.setattr(sessions, "sign_in", slow)

    def attempt(work_number: str, password: str, address: str = "127.0.0.1") -> Any:
        body = {"work_number": work_number, "password": password}
        place = {"REMOTE_ADDR": address}
        return app.test_client().post("/api/v1/sessions", json=body, base_url=HOST, environ_base=place)

    answers: list[int] = []
    inside = threading.Thread(target=lambda: answers.append(attempt(AGENT, front.passwords[AGENT]).status_code))
    inside.start()
    assert waiting.wait(10)
    known, unknown = attempt(AGENT, front.passwords[AGENT]), attempt("KF0000", "anything")
    assert (known.status_code, known.json["code"], known.headers["Retry-After"]) == (503, "sign_in_busy", "2")
    assert known.text == unknown.text
    go_on.set()
    assert attempt(AGENT, front.passwords[AGENT], HOME).status_code == 201
    inside.join()
    assert answers == [201]
