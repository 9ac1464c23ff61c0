"""The page of containment under the rules of axe, on a phone too; a freeze taken and ended with the keyboard alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visitor
from tests.browser.test_accessibility import faults
from tests.web.conftest import AGENT, IMD, OTHER_AGENT, SUPERVISOR, Front
from tests.web.test_incident_containment import opened, taken

pytestmark = pytest.mark.browser

Visit = Callable[..., Visitor]


@pytest.fixture
def incident(front: Front) -> Iterator[str]:
    """An incident with a freeze, an ended session and a drill beside it; the freeze ends with the test."""
    made = opened(front)
    front.token(OTHER_AGENT)
    taken(front, made, "end_sessions", OTHER_AGENT)
    front.tokens.pop(OTHER_AGENT)
    taken(front, made, "freeze_exports")
    yield made
    for one in front.api("GET", f"/incidents/{made}/containment", IMD).json["measures"]:
        if one["ended_at"] is None:
            path = f"/incidents/{made}/containment/{one['id']}/end"
            assert front.api("POST", path, IMD, json={"note": "over"}).status_code == 204


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_breaks_no_rule(visit: Visit, incident: str, width: int, scheme: str, language: str) -> None:
    for who in (IMD, SUPERVISOR):
        visitor = visit(width, color_scheme=scheme)
        visitor.page.context.add_cookies([{"name": "language", "value": language, "url": visitor.address}])
        visitor.sign_in(who)
        visitor.page.goto(f"{visitor.address}/incidents/{incident}/containment")
        assert faults(visitor.page, unfolded=True) == []


def test_a_freeze_is_taken_and_ended_with_the_keyboard_alone(visit: Visit, incident: str) -> None:
    agent, officer = visit(), visit(390)
    officer.sign_in(IMD)
    page = officer.page
    page.goto(f"{officer.address}/incidents/{incident}/containment")
    page.locator(".measures form button").nth(1).focus()
    officer.press_and_go("Enter")
    expect(page.locator("[role=status].notice.good")).to_be_visible()
    agent.sign_in(AGENT)
    expect(agent.page.locator(".frozen")).to_contain_text("目前暂停导入。")
    page.locator("td.acts summary").first.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("不再需要")
    officer.press_and_go("Enter")
    expect(page.locator("[role=status].notice.good")).to_have_text("措施已解除。")
