"""A drill from its first button to its score, by two officers who do what the guide says and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitor
from tests.browser.test_accessibility import Visit
from tests.web.conftest import IMD, Front, small_vault
from tests.web.retention import COLLEAGUE, add_colleague
from vault.services.breach import notice_sending

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with small_vault(tmp_path_factory.mktemp("guided")) as opened:
        add_colleague(opened, tmp_path_factory.mktemp("colleague"))
        yield opened


def press(page: Page, selector: str) -> None:
    with page.expect_navigation():
        page.locator(selector).click()


def take_step(page: Page) -> None:
    """Write a note and press the one main button of the incident's overview."""
    page.locator("#next-note").fill("演练")
    press(page, "#next button.main")


def led_on(page: Page, guide: str) -> None:
    """Go back to the guide, and where it leads."""
    page.goto(guide)
    press(page, ".guide .now a")


def test_two_officers_hold_a_drill_by_its_guide_alone(visit: Visit, front: Front) -> None:
    officer, colleague = visit(), visit(390)
    officer.sign_in(IMD)
    page = officer.page
    page.goto(f"{officer.address}/incidents")
    press(page, "main a[href='/incidents/drills']")
    press(page, ".next-act button.main")
    guide = page.url
    incident = guide.removesuffix("/drill")
    led_on(page, guide)  # start the plan
    take_step(page)
    led_on(page, guide)  # assess
    page.locator("input[name=verdict][value=breach]").check(force=True)
    take_step(page)
    led_on(page, guide)  # list
    press(page, "button[name=do][value=freeze]")
    led_on(page, guide)  # contain
    assert page.url.endswith("/containment")
    page.goto(incident)
    take_step(page)
    led_on(page, guide)  # repair
    take_step(page)
    led_on(page, guide)  # notify
    for language in ("zh", "en"):
        for part in ("cause", "harm", "measures", "advice"):
            page.locator(f"textarea[name={language}_{part}]").fill("演练")
    press(page, "form:has(textarea[name=zh_cause]) button.main")
    _release(colleague, f"{incident}/notices")
    notice_sending.tend(front.parts, datetime.now(UTC))  # as the timetable does
    page.goto(incident)
    take_step(page)
    led_on(page, guide)  # close
    press(page, "form:has(input[name=clock][value=postal]) button")
    take_step(page)
    colleague.page.goto(incident)
    take_step(colleague.page)
    page.goto(guide)
    expect(page.locator(".guide .now")).to_have_count(0)
    expect(page.locator(".measure.passed")).to_have_count(3)
    page.goto(f"{officer.address}/incidents/drills")
    expect(page.locator("table.drills .chip.good")).to_have_count(1)
    expect(page.locator(".months .held")).to_have_count(1)
    assert officer.complaints == []
    assert colleague.complaints == []


def _release(colleague: Visitor, notices: str) -> None:
    colleague.sign_in(COLLEAGUE)
    colleague.page.goto(notices)
    colleague.page.locator("input[name=sure]").check()
    press(colleague.page, "form:has(input[name=sure]) button.main")
