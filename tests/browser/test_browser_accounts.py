"""The administrator's pages under the rules of axe, wide and narrow, and without a page wider than its window."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser.conftest import Visitor
from tests.browser.test_accessibility import faults
from tests.web.conftest import ADMIN, AGENT, SUPERVISOR

pytestmark = pytest.mark.browser

Visit = Callable[..., Visitor]
PAGES = ("/accounts", f"/accounts/{AGENT}", f"/accounts/{ADMIN}", f"/accounts/{AGENT}/leaving")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_pages_of_accounts_break_no_rule(visit: Visit, width: int, scheme: str) -> None:
    visitor = visit(width, color_scheme=scheme)
    visitor.sign_in(ADMIN)
    for path in PAGES:
        visitor.page.goto(f"{visitor.address}{path}")
        assert faults(visitor.page, unfolded=True) == []


def test_a_program_and_its_token_are_made_with_the_keyboard_alone(visit: Visit) -> None:
    visitor = visit(390)
    visitor.sign_in(ADMIN)
    page = visitor.page
    page.goto(f"{visitor.address}/accounts")
    page.locator("details.panel > summary").focus()
    page.keyboard.press("Enter")
    for typed in ("BOT-AXE", "夜间核对"):
        page.keyboard.press("Tab")
        page.keyboard.type(typed)
    page.keyboard.press("Enter")
    page.wait_for_url("**/accounts/BOT-AXE?done=program")
    assert faults(visitor.page, unfolded=True) == []
    page.locator("[name=purposes]").first.focus()
    page.keyboard.press("Space")
    page.locator("#days").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".secret code")
    assert page.locator(".secret code").inner_text().startswith("dvt_")
    assert faults(visitor.page, unfolded=True) == []
    page.goto(f"{visitor.address}/accounts/BOT-AXE")
    assert faults(visitor.page, unfolded=True) == []


def test_the_supervisors_emergency_breaks_no_rule(visit: Visit) -> None:
    visitor = visit(390)
    visitor.sign_in(SUPERVISOR)
    visitor.page.goto(f"{visitor.address}/lock?work_number={AGENT}")
    assert faults(visitor.page, unfolded=True) == []
