"""The page of the blast radius in a real browser: drawn and frozen by keyboard, on a phone, under the rules of axe."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect
from werkzeug.serving import make_server

from tests.browser.conftest import Visitor, _Quiet
from tests.browser.test_accessibility import violations
from tests.browser.test_incidents import sideways
from tests.web.conftest import AGENT, IMD, POOL_PHONE, WAYBILL, Front, lone_front  # noqa: F401 - a fixture
from vault.domain.breach.incidents import AwareSource, IncidentKind
from vault.services.breach import incidents
from vault.services.sessions import person_of
from vault.services.steps.breach.incidents import Opening

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def front(lone_front: Front) -> Front:  # noqa: F811 - pytest hands the imported fixture by name
    """A vault of its own, where an agent has looked."""
    for number in (POOL_PHONE, WAYBILL):
        lone_front.api("POST", "/lookups", json={"number": number, "purpose": "query"})
    return lone_front


@pytest.fixture(scope="module")
def address(front: Front) -> Iterator[str]:
    """Serve it while the tests of this file run."""
    server = make_server("127.0.0.1", 0, front.with_settings(env="demo"), threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(("width", "scheme", "language"), [(1280, "light", "zh-CN"), (390, "dark", "en")])
def test_an_officer_draws_and_freezes_it_with_the_keyboard(
    visit: Callable[..., Visitor], front: Front, width: int, scheme: str, language: str
) -> None:
    now = datetime.now(UTC)
    reporter = person_of(front.parts, front.token(AGENT), "127.0.0.1", now)
    assert reporter is not None
    opening = Opening(IncidentKind.MISUSE, AwareSource.REPORT)
    incident = incidents.open_one(front.parts, reporter, opening, now).hex()
    officer = visit(width, color_scheme=scheme)
    officer.sign_in(IMD)
    page = officer.page
    page.context.add_cookies([{"name": "language", "value": language, "url": officer.address}])
    page.goto(f"{officer.address}/incidents/{incident}/radius")
    assert violations(page) == []
    page.locator("#radius-person").focus()
    page.keyboard.type(AGENT)
    officer.press_and_go("Enter")
    expect(page.locator("#drawn-title")).to_be_focused()
    assert (violations(page), sideways(page)) == ([], 0)
    expect(page.locator("#radius-person")).to_have_value(AGENT)
    page.locator("button[value=freeze]").focus()
    officer.press_and_go("Enter")
    expect(page.locator("#frozen-title")).to_be_visible()
    assert (violations(page), sideways(page)) == ([], 0)
