from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask

from tests.web.conftest import ADMIN, AGENT, AUDITOR, HOST, INSPECTOR, POOL_PHONE, Front
from vault.domain.rules.access import Right
from vault.web import gate

COOKIE = "__Host-datavault"


def csrf_of(page: Any) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)
    assert found, "the page has a form with a token"
    return found[1]


def sign_in(front: Front, browser: Any, work_number: str = AGENT) -> Any:
    token = csrf_of(browser.get("/sign-in", base_url=HOST))
    form = {"csrf_token": token, "work_number": work_number, "password": front.passwords[work_number]}
    return browser.post("/sign-in", data=form, base_url=HOST)


def test_every_view_says_who_may_pass(front: Front) -> None:
    silent = [name for name, view in front.app.view_functions.items() if gate.door_of(view) is None]
    assert silent == []


def test_the_open_doors_are_these_and_no_others(front: Front) -> None:
    doors = {name: gate.door_of(view) for name, view in front.app.view_functions.items()}
    assert {name for name, door in doors.items() if door and door.is_open} == {
        "static", "health.alive", "health.ready", "health.read_metrics", "openapi.describe", "api.sign_in",
        "people.sign_in_form", "people.sign_in", "people.activate_form", "people.activate", "pages.choose_language",
    }  # fmt: skip


def test_a_view_that_says_nothing_is_not_there(front: Front) -> None:
    app = front.with_settings()
    app.add_url_rule("/forgotten", "forgotten", lambda: "reached")
    assert app.test_client().get("/forgotten", base_url=HOST).status_code == 404


def test_a_stranger_is_led_to_the_sign_in_page(front: Front) -> None:
    for path in ("/", "/lookup", "/cases", "/log", "/accounts"):
        answer = front.client().get(path, base_url=HOST)
        assert (answer.status_code, answer.location) == (303, "/sign-in"), path


def test_a_form_without_a_session_leads_to_the_sign_in_page_and_not_to_a_refused_form(front: Front) -> None:
    answer = front.client().post("/lookup", data={"number": POOL_PHONE, "purpose": "query"}, base_url=HOST)
    assert (answer.status_code, answer.location) == (303, "/sign-in")


def test_a_program_without_a_token_gets_401_and_the_challenge(front: Front) -> None:
    answer = front.api("GET", "/cases", who=None)
    assert (answer.status_code, answer.json["reason"]) == (401, "not_signed_in")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Bearer x", "Basic {}", "{}", "Bearer {}x", "Bearer\t{}"])
def test_anything_but_a_living_bearer_token_is_401(front: Front, header: str) -> None:
    given = header.format(front.token(AGENT))
    answer = front.api("GET", "/cases", who=None, headers={"Authorization": given})
    assert answer.status_code == 401


def test_a_bearer_token_opens_no_page(front: Front) -> None:
    headers = {"Authorization": f"Bearer {front.token(AGENT)}"}
    assert front.client().get("/lookup", headers=headers, base_url=HOST).status_code == 303


def test_a_cookie_opens_nothing_on_the_api(front: Front) -> None:
    browser = front.browser(AGENT)
    assert browser.get("/lookup", base_url=HOST).status_code == 200
    assert browser.get("/api/v1/cases", base_url=HOST).status_code == 401


@pytest.mark.parametrize(
    ("who", "method", "path"),
    [
        (INSPECTOR, "POST", "/lookups"),
        (AUDITOR, "POST", "/lookups"),
        (ADMIN, "POST", "/requests"),
        (ADMIN, "POST", f"/cases/{'0' * 32}/records/{'0' * 32}/reveals"),
        (AGENT, "GET", "/events"),
        (ADMIN, "GET", "/events"),
    ],
)
def test_whoever_lacks_the_right_is_refused_at_the_gate_and_logged_once(
    front: Front, who: str, method: str, path: str
) -> None:
    front.token(who)
    before = front.events()
    answer = front.api(method, path, who=who, json={"number": POOL_PHONE, "purpose": "query"})
    assert (answer.status_code, answer.json["reason"]) == (403, "no_right")
    assert front.events() == before + 1


def test_a_page_whose_right_is_missing_is_refused_and_logged_once(front: Front) -> None:
    browser, before = front.browser(AGENT), front.events()
    assert browser.get("/log", base_url=HOST).status_code == 403
    assert front.events() == before + 1


def test_every_right_has_an_action_to_log_its_refusal_with() -> None:
    assert set(gate._REFUSED) == set(Right)


def test_signing_in_sets_one_cookie_that_only_this_host_gets_back(front: Front) -> None:
    answer = sign_in(front, front.client())
    assert answer.status_code == 303
    (cookie,) = answer.headers.getlist("Set-Cookie")
    name, _, rest = cookie.partition("=")
    attributes = {part.strip() for part in rest.split(";")[1:]}
    assert name == COOKIE
    assert attributes == {"Secure", "HttpOnly", "Path=/", "SameSite=Strict"}


def test_the_cookie_holds_the_opaque_token_and_nothing_about_the_person(front: Front) -> None:
    browser = front.client()
    sign_in(front, browser)
    browser.get("/lookup", base_url=HOST)
    with browser.session_transaction(base_url=HOST) as session:
        assert set(session) <= {"_user_id", "_fresh", "csrf_token"}
        assert len(session["_user_id"]) == 43
        assert AGENT not in str(dict(session))


def test_signing_in_throws_away_what_the_cookie_held_before(front: Front) -> None:
    browser = front.client()
    browser.get("/sign-in", base_url=HOST)
    with browser.session_transaction(base_url=HOST) as session:
        session["planted"], planted_csrf = "x", session["csrf_token"]
    sign_in(front, browser)
    with browser.session_transaction(base_url=HOST) as session:
        assert "planted" not in session
        assert session.get("csrf_token") != planted_csrf


def test_a_cookie_replayed_after_signing_out_opens_nothing(front: Front) -> None:
    browser = front.client()
    sign_in(front, browser)
    cookie = browser.get_cookie(COOKIE, domain="127.0.0.1")
    page = browser.get("/lookup", base_url=HOST)
    assert browser.post("/sign-out", data={"csrf_token": csrf_of(page)}, base_url=HOST).status_code == 303
    assert browser.get("/lookup", base_url=HOST).status_code == 303
    thief = front.client()
    thief.set_cookie(COOKIE, cookie.value, domain="127.0.0.1")
    assert thief.get("/lookup", base_url=HOST).status_code == 303


def test_a_cookie_signed_with_another_secret_opens_nothing(front: Front) -> None:
    other = front.with_settings()
    other.config["SECRET_KEY"] = "0" * 64
    forger: Any = other.test_client()
    with forger.session_transaction(base_url=HOST) as session:
        session["_user_id"] = front.token(AGENT)
    browser: Any = front.client()
    browser.set_cookie(COOKIE, forger.get_cookie(COOKIE, domain="127.0.0.1").value, domain="127.0.0.1")
    assert browser.get("/lookup", base_url=HOST).status_code == 303


def test_a_remember_me_cookie_is_no_way_in(front: Front) -> None:
    browser = front.client()
    browser.set_cookie("remember_token", f"{front.token(AGENT)}|{'0' * 128}", domain="127.0.0.1")
    assert browser.get("/lookup", base_url=HOST).status_code == 303


@pytest.mark.parametrize("path", ["/sign-in", "/activate", "/language", "/lookup", "/ask", "/sign-out"])
def test_a_form_without_its_token_is_refused(front: Front, path: str) -> None:
    before = front.events()
    answer = front.browser(AGENT).post(path, data={"work_number": AGENT}, base_url=HOST)
    assert answer.status_code == 400
    assert front.events() == before


def test_a_form_over_tls_needs_no_referer(front: Front) -> None:
    secure, browser = "https://127.0.0.1:8321", front.client()
    token = csrf_of(browser.get("/sign-in", base_url=secure))
    form = {"csrf_token": token, "work_number": AGENT, "password": front.passwords[AGENT]}
    assert browser.post("/sign-in", data=form, base_url=secure).status_code == 303


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "127.0.0.1@evil.example", "", "a b"])
def test_a_host_name_that_is_not_ours_is_refused_before_anything_else(front: Front, host: str) -> None:
    for path in ("/lookup", "/healthz", "/api/v1/cases"):
        answer = front.client().get(path, base_url=HOST, headers={"Host": host})
        assert answer.status_code == 400, path
        assert host == "" or host not in answer.text


@pytest.mark.parametrize("host", ["localhost", "localhost:8321", "127.0.0.1", "127.0.0.1:8321"])
def test_the_hosts_of_the_settings_are_served(front: Front, host: str) -> None:
    assert front.client().get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("path", ["/lookup//", "/lookup/", "//evil.example/", "/api//v1/cases", "/./lookup"])
def test_an_address_spelled_otherwise_is_not_there_and_leads_nowhere(front: Front, path: str) -> None:
    # Put in as the server would: the test's client reads a second slash at the front as a host name.
    answer = front.browser(AGENT).get("/", base_url=HOST, environ_overrides={"PATH_INFO": path})
    assert answer.status_code == 404
    assert answer.location is None


def test_slashes_at_the_front_are_one_slash_with_the_same_guard(front: Front) -> None:
    for path in ("//lookup", "///lookup"):
        assert front.client().get("/", base_url=HOST, environ_overrides={"PATH_INFO": path}).location == "/sign-in"


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_a_method_in_a_header_changes_nothing(front: Front, name: str) -> None:
    front.token(AGENT)  # signing in is an event of its own
    before = front.events()
    answer = front.api("GET", "/lookups", headers={name: "POST"}, json={"number": POOL_PHONE, "purpose": "query"})
    assert answer.status_code == 405
    assert front.events() == before


def test_options_is_not_answered_so_no_other_site_learns_what_is_allowed(front: Front) -> None:
    for path in ("/lookup", "/api/v1/lookups", "/sign-in"):
        answer = front.client().options(path, base_url=HOST, headers={"Origin": "https://evil.example"})
        assert answer.status_code == 405
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_head_is_guarded_as_get_is(front: Front) -> None:
    assert front.api("HEAD", "/cases", who=None).status_code == 401
    answer = front.api("HEAD", "/cases")
    assert (answer.status_code, answer.data) == (200, b"")


def test_behind_no_known_proxy_a_forwarded_address_is_not_believed(front: Front) -> None:
    headers = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}
    with front.app.test_request_context("/", base_url=HOST, headers=headers, environ_base={"REMOTE_ADDR": "10.0.0.7"}):
        assert gate.source() == "10.0.0.7"
    answer = front.client().get("/healthz", base_url=HOST, headers=headers)
    assert "Strict-Transport-Security" not in answer.headers


def test_behind_a_known_proxy_the_last_forwarded_address_counts(front: Front) -> None:
    app = front.with_settings(proxy_hops=1)
    headers = {"X-Forwarded-For": "127.0.0.1, 203.0.113.9", "X-Forwarded-Proto": "https"}
    answer = app.test_client().get("/metrics", base_url=HOST, headers=headers)
    assert answer.status_code == 403, "the address a client put in front of the proxy's is not believed"
    assert "Strict-Transport-Security" in answer.headers


def test_the_language_of_pages_is_chinese_until_somebody_switches(front: Front) -> None:
    browser = front.client()
    assert 'lang="zh-CN"' in browser.get("/sign-in", base_url=HOST, headers={"Accept-Language": "en"}).text
    browser.set_cookie(gate.LANGUAGE_COOKIE, "en", domain="127.0.0.1")
    assert 'lang="en"' in browser.get("/sign-in", base_url=HOST).text
    browser.set_cookie(gate.LANGUAGE_COOKIE, "<script>", domain="127.0.0.1")
    assert 'lang="zh-CN"' in browser.get("/sign-in", base_url=HOST).text


@pytest.mark.parametrize(
    ("told", "noted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("13912340001 张三", "unknown"),
        ("1" * 300, "unknown"),
        ("", "unknown"),
    ],
)
def test_what_a_proxy_tells_is_noted_only_if_it_is_an_address(told, noted):
    with Flask(__name__).test_request_context(environ_base={"REMOTE_ADDR": told}):
        assert gate.source() == noted


@pytest.mark.parametrize(("method", "status"), [("GET", 200), ("HEAD", 200), ("POST", 403), ("DELETE", 403)])
def test_what_another_site_leads_to_reads_and_writes_no_cookie(front: Front, method: str, status: int) -> None:
    for browser in (front.client(), front.browser(AGENT)):
        answer = browser.open("/lookup", method=method, base_url=HOST, headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == status
        assert "Set-Cookie" not in answer.headers
        assert AGENT not in answer.text
        assert ("url=/lookup" in answer.text) is (method == "GET")


def test_an_address_that_is_not_ours_is_not_led_on_to(front: Front) -> None:
    answer = front.client().get("//elsewhere.example/", base_url=HOST, headers={"Sec-Fetch-Site": "cross-site"})
    assert "elsewhere.example" not in answer.text
