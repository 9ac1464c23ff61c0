"""The closing report of an incident on A4 and on every screen, and the pages of drills under the rules of axe."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page

from tests import drilling
from tests.browser.paper import cut_off, lines_to_sign, sheets, still_shown, to_paper
from tests.browser.test_accessibility import Visit, violations
from tests.web.conftest import AUDITOR, IMD, Front, small_vault
from tests.web.retention import COLLEAGUE, add_colleague
from tests.web.test_incident_drills import Stage
from vault import jobs

pytestmark = pytest.mark.browser

MOST_SHEETS = 5


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """A vault in which a drill was held, scored and reported, and another one is under way."""
    with small_vault(tmp_path_factory.mktemp("printing")) as opened:
        add_colleague(opened, tmp_path_factory.mktemp("colleague"))
        drilling.held(Stage(opened), (IMD, COLLEAGUE))
        next(one for one in jobs.TIMETABLE if one.name == "drills").call(opened.parts, datetime.now(UTC))
        drilling.begun(Stage(opened), who=IMD)
        yield opened


def drills(front: Front) -> tuple[str, str]:
    """Return the drill that is over and the one that is under way."""
    found = front.api("GET", "/incidents/drills", AUDITOR).json["drills"]
    return found[1]["incident"], found[0]["incident"]


def page_at(visit: Visit, path: str, language: str, width: int = 1280, scheme: str = "light", who: str = IMD) -> Page:
    visitor = visit(width, color_scheme=scheme)
    visitor.page.context.add_cookies([{"name": "language", "value": language, "url": visitor.address}])
    visitor.sign_in(who)
    visitor.page.goto(f"{visitor.address}{path}")
    return visitor.page


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_a_report_prints_on_a4_whole_and_without_what_is_for_the_screen(
    visit: Visit, front: Front, language: str
) -> None:
    over, _ = drills(front)
    page = page_at(visit, f"/incidents/{over}/report", language, who=AUDITOR)
    to_paper(page)
    assert cut_off(page) == []
    assert still_shown(page, ".bar", ".title-acts", ".tabs", "button") == []
    assert lines_to_sign(page) == 6  # three names, three dates
    assert 1 <= sheets(page) <= MOST_SHEETS


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_on_the_screen_drills_and_reports_break_no_rule_and_are_not_wider_than_it(
    visit: Visit, front: Front, language: str, width: int, scheme: str
) -> None:
    over, under_way = drills(front)
    page = page_at(visit, "/incidents/drills", language, width, scheme)
    origin = page.url.removesuffix("/incidents/drills")
    for path in ("drills", f"{over}/drill", f"{under_way}/drill", f"{over}/report", f"{under_way}/report"):
        page.goto(f"{origin}/incidents/{path}")
        assert violations(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_a_drill_is_followed_with_the_keyboard_alone(visit: Visit, front: Front) -> None:
    _, under_way = drills(front)
    page = page_at(visit, f"/incidents/{under_way}/drill", "zh-CN")
    page.locator(".guide .now a").focus()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.url.endswith(f"/incidents/{under_way}")
