"""Setting up a second factor and confirming in a real browser: the picture scans, the rules of axe hold."""

from __future__ import annotations

import re
from collections.abc import Callable

import pyotp
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visitor
from tests.browser.test_accessibility import violations
from tests.web.conftest import OTHER_AGENT, SUPERVISOR

pytestmark = pytest.mark.browser

Visit = Callable[..., Visitor]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_a_second_factor_is_set_up_with_the_keyboard_and_taken_away_again(
    visit: Visit, width: int, scheme: str
) -> None:
    visitor = visit(width, color_scheme=scheme)
    visitor.sign_in(OTHER_AGENT)
    page = visitor.page
    page.goto(f"{visitor.address}/second-factor")
    assert violations(page) == []
    page.goto(f"{visitor.address}/second-factor/new")
    assert violations(page) == []
    expect(page.get_by_role("button", name="显示二维码")).to_be_focused()
    visitor.press_and_go("Enter")
    assert violations(page) == []
    box = page.locator(".qr svg").bounding_box()
    assert box is not None
    assert 150 < box["width"] <= width
    assert abs(box["width"] - box["height"]) < 1
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    secret = re.sub(r"\s", "", page.locator(".secret code").inner_text())
    expect(page.locator("#code")).to_be_focused()
    page.keyboard.type(pyotp.TOTP(secret).now())
    visitor.press_and_go("Enter")
    expect(page.locator(".codes li")).to_have_count(10)
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.goto(f"{visitor.address}/confirm")
    assert violations(page) == []
    page.goto(f"{visitor.address}/second-factor")
    page.get_by_role("button", name="移除二次验证").click()
    page.wait_for_url("**/second-factor/new")


def test_the_page_that_asks_for_the_code_breaks_no_rule(visit: Visit) -> None:
    visitor = visit(390)
    page = visitor.page
    page.goto(f"{visitor.address}/sign-in")
    page.keyboard.type(SUPERVISOR)
    page.keyboard.press("Tab")
    page.keyboard.type(visitor.passwords[SUPERVISOR])
    visitor.press_and_go("Enter")
    expect(page).to_have_url(f"{visitor.address}/second-factor")
    assert violations(page) == []
