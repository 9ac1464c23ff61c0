"""The pages of notices to customers in a real browser: no sideways scroll on a phone, and the rules of axe."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.breach import TEXTS
from tests.browser.conftest import Visitor
from tests.browser.test_accessibility import violations
from tests.web.conftest import IMD, SUPERVISOR, Front, lone_front  # noqa: F401 - a fixture
from tests.web.test_incident_notices import matter, released
from tests.web.test_incidents import OFFICER, front

__all__ = ["front", "matter"]

pytestmark = pytest.mark.browser

Visit = Callable[..., Visitor]


def sideways(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def keep(page: Page, name: str) -> None:
    """Keep a picture for somebody who wants to look, where the environment names a folder."""
    folder = os.environ.get("DATAVAULT_TEST_PICTURES")
    if folder:
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


@pytest.mark.parametrize(("width", "scheme", "language"), [(1280, "light", "zh-CN"), (390, "dark", "en")])
def test_no_page_breaks_a_rule_or_scrolls_sideways(
    visit: Visit, front: Front, matter: tuple[str, str], width: int, scheme: str, language: str
) -> None:
    incident, radius_id = matter
    visitor = visit(width, color_scheme=scheme)
    visitor.page.context.add_cookies([{"name": "language", "value": language, "url": visitor.address}])
    visitor.sign_in(IMD)
    here = f"{visitor.address}/incidents/{incident}"

    def look(name: str) -> None:
        visitor.page.eval_on_selector_all("main details", "all => all.forEach(one => { one.open = true; })")
        keep(visitor.page, f"{name}-{width}")
        assert violations(visitor.page) == [], name
        assert sideways(visitor.page) == 0, name

    visitor.page.goto(f"{here}/notices")
    look("empty")
    notice = released(front, incident, radius_id)
    visitor.page.goto(f"{here}/notices")
    look("released")
    visitor.page.goto(f"{here}/notices/{notice}/calls")
    look("calls")
    visitor.page.locator("td form button").first.click()
    look("number")
    visitor.page.goto(f"{here}/drafts?kind=police")
    look("drafts")


def test_notices_are_prepared_and_released_by_two_without_a_script(
    visit: Visit, front: Front, matter: tuple[str, str]
) -> None:
    incident, _ = matter
    first = visit(java_script_enabled=False)
    first.sign_in(IMD)
    page = first.page
    page.goto(f"{first.address}/incidents/{incident}/notices")
    page.locator("input[name=channel_call]").check()
    for language, texts in TEXTS.items():
        for name, text in texts.items():
            page.locator(f"#{language}_{name}").fill(text)
    page.locator("form:has(#radius) button.main").click()
    assert page.locator("form[action$='/release']").count() == 0
    second = visit(java_script_enabled=False)
    second.sign_in(OFFICER)
    second.page.goto(f"{second.address}/incidents/{incident}/notices")
    second.page.locator("form[action$='/release'] input[name=sure]").check()
    keep(second.page, "release")
    second.page.locator("form[action$='/release'] button").click()
    assert "done=released" in second.page.url
    caller = visit()
    caller.sign_in(SUPERVISOR)
    caller.page.goto(f"{caller.address}/incidents/{incident}/notices")
    assert caller.page.locator("form:has(#radius)").count() == 0
