"""The page of the blast radius in a real browser: drawn and frozen by keyboard, on a phone, under the rules of axe."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visitor
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
    page.locator("summary", has_text=re.compile("误固定|by mistake")).click()
    page.locator("#aside-note").fill("误选了 everything")
    page.locator("#aside-note").press("Tab")
    officer.press_and_go("Enter")
    expect(page.locator("#aside-title")).to_be_visible()
    expect(page.locator("input[name=digest]")).to_have_count(0)  # their own: another officer confirms it
    assert (violations(page), sideways(page)) == ([], 0)
