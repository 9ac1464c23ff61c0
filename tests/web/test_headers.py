from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from werkzeug.test import TestResponse

from tests.web.conftest import ADMIN, AGENT, AUDITOR, HOST, Front
from vault.web.headers import EVERY_ANSWER

ID = "0" * 32


def complete(answer: TestResponse) -> bool:
    given = [(name, value) for name, value in answer.headers if name in dict(EVERY_ANSWER)]
    return sorted(given) == sorted(EVERY_ANSWER) and len(answer.headers.getlist("Cache-Control")) == 1


def addresses(front: Front) -> Iterator[tuple[str, str]]:
    for rule in front.app.url_map.iter_rules():
        path = re.sub(r"<(?:path:)?filename>", "vault.css", rule.rule)
        path = re.sub(r"<hex32:\w+>", ID, path)
        path = path.replace("<work_number>", "KF0000").replace("<clock>", "postal")
        assert "<" not in path, path
        for method in sorted((rule.methods or set()) | {"OPTIONS", "PUT"}):
            yield method, path


@pytest.mark.parametrize("who", [None, AGENT, *(pytest.param(who, marks=pytest.mark.slow) for who in (AUDITOR, ADMIN))])
def test_every_answer_of_every_route_carries_every_header_once(front: Front, who: str | None) -> None:
    statuses = set()
    for method, path in addresses(front):
        # Signing out would end the session that the other routes need; without a second factor most doors are shut.
        ends = path.endswith(("/sign-out", "/sessions/current")) or ("/second-factor" in path and method != "GET")
        who_now = None if ends else who
        client = front.browser(who_now) if who_now else front.client()
        headers = {"Authorization": f"Bearer {front.token(who_now)}"} if who_now else {}
        answer = client.open(path, method=method, headers=headers, base_url=HOST, buffered=True)
        statuses.add(answer.status_code)
        assert complete(answer), (method, path, answer.headers)
        if not path.startswith("/static/"):
            assert answer.headers["Cache-Control"] == "no-store", (method, path)
        assert "Server" not in answer.headers
    assert {303, 400, 401, 405} <= statuses if who is None else {200, 400, 405} <= statuses


def test_an_unexpected_error_a_wrong_host_and_no_address_carry_them_too(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vault.services.cases.my_cases", lambda *_: 1 / 0)
    assert complete(front.api("GET", "/cases"))
    assert complete(front.client().get("/nowhere", base_url=HOST))
    assert complete(front.client().get("/", headers={"Host": "evil.example"}))


def test_static_files_may_be_kept_and_set_no_cookie(front: Front) -> None:
    answer = front.browser(AGENT).get("/static/vault.css", base_url=HOST, buffered=True)
    assert answer.status_code == 200
    assert "max-age=3600" in answer.headers["Cache-Control"]
    assert "Set-Cookie" not in answer.headers
    assert "Vary" not in answer.headers


def test_nothing_outside_the_static_folder_is_served_from_it(front: Front) -> None:
    for path in (
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static//etc/passwd",
        "/static/",
    ):
        assert front.client().get(path, base_url=HOST).status_code == 404, path


def test_over_tls_browsers_are_told_to_stay_there(front: Front) -> None:
    name = "Strict-Transport-Security"
    assert front.client().get("/healthz", base_url="https://127.0.0.1").headers[name] == "max-age=31536000"
    assert name not in front.client().get("/healthz", base_url=HOST).headers


def test_the_policy_lets_in_no_inline_script_or_style_and_no_frame() -> None:
    policy = dict(EVERY_ANSWER)["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
