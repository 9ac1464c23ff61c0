"""The pages of coming back after a reset under the rules of axe, and confirming one with the keyboard alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visitor
from tests.browser.test_accessibility import faults
from tests.web.conftest import AGENT, SUPERVISOR
from tests.web.test_returns import reset
from vault.storage.resets import Reset

__all__ = ["reset"]

pytestmark = pytest.mark.browser

Visit = Callable[..., Visitor]


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_pages_of_a_return_break_no_rule(
    visit: Visit,
    reset: Reset,
    width: int,
    scheme: str,
    language: str,
) -> None:
    del reset
    for who, path in ((AGENT, "/coming-back"), (SUPERVISOR, "/returns"), (SUPERVISOR, "/board")):
        visitor = visit(width, color_scheme=scheme)
        visitor.page.context.add_cookies([{"name": "language", "value": language, "url": visitor.address}])
        visitor.sign_in(who)
        visitor.page.goto(f"{visitor.address}{path}")
        assert faults(visitor.page, unfolded=True) == []


def test_a_supervisor_confirms_with_the_keyboard_alone(
    visit: Visit,
    reset: Reset,
) -> None:
    del reset
    agent, supervisor = visit(), visit(390)
    agent.sign_in(AGENT)
    expect(agent.page.locator("h1")).to_have_text("等待确认")
    supervisor.sign_in(SUPERVISOR)
    page = supervisor.page
    page.goto(f"{supervisor.address}/returns")
    page.locator("main form button").focus()
    supervisor.press_and_go("Enter")
    expect(page.locator("[role=status].notice.good")).to_be_visible()
    agent.page.locator("main a.button").focus()
    agent.press_and_go("Enter")
    expect(agent.page.locator("#number")).to_be_visible()
