"""A plan of destruction in a real browser: proposed, approved by a colleague, cooled, carried out while two look on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect
from sqlalchemy import text

from tests.browser.conftest import Visitor
from tests.browser.test_accessibility import faults
from tests.web.conftest import AUDITOR, IMD, Front, small_vault
from tests.web.retention import COLLEAGUE, PHONE, SOURCE, add_colleague, add_due
from vault import jobs
from vault.domain.records import to_micros

pytestmark = pytest.mark.browser

Visit = Callable[..., Visitor]


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """A vault of this module's own: what is destroyed here is gone."""
    with small_vault(tmp_path_factory.mktemp("retention")) as opened:
        add_colleague(opened, tmp_path_factory.mktemp("colleague"))
        yield opened


def starts_in(front: Front, place: str, seconds: float) -> None:
    """Let the time in which an approved plan can be stopped end so many seconds from now."""
    starts = datetime.now(UTC) + timedelta(seconds=seconds)
    with front.parts.database.write() as connection:
        connection.execute(
            text("UPDATE destruction_plans SET approved_at = :then, starts_at = :starts WHERE plan_id = :plan"),
            {
                "then": to_micros(starts - timedelta(hours=1)),
                "starts": to_micros(starts),
                "plan": bytes.fromhex(place.rpartition("/")[2]),
            },
        )
        connection.commit()


def run_due(front: Front, *names: str) -> None:
    """Let the timetable do some of its jobs, in a minute that has not had them."""
    lines = [one for one in jobs.TIMETABLE if one.name in names]
    for one in lines:
        one.call(front.parts, datetime.now(UTC))


@pytest.mark.parametrize("width", [1280, 390])
def test_a_plan_from_its_draft_to_its_end(visit: Visit, front: Front, width: int, tmp_path: Path) -> None:
    due = add_due(front, tmp_path)
    officer, colleague = visit(width), visit(width)
    officer.sign_in(IMD)
    page = officer.page
    page.goto(f"{officer.address}/retention")
    assert faults(page) == []
    with page.expect_navigation():
        page.click("form[action$='/plans'] button")
    place = urlsplit(page.url).path
    assert faults(page) == []
    with page.expect_navigation():
        page.click("form[action$='/sample'] button")
    expect(page.locator("table.sample")).to_contain_text("*")
    assert faults(page) == []
    with page.expect_navigation():
        page.click("form[action$='/proposal'] button")
    expect(page.locator("form[action$='/approval']")).to_have_count(0)
    assert faults(page) == []

    colleague.sign_in(COLLEAGUE)
    theirs = colleague.page
    theirs.goto(f"{colleague.address}{place}")
    total = int(theirs.locator("table tbody tr td:nth-child(2)").evaluate_all(
        "cells => cells.slice(0, 4).reduce((sum, one) => sum + Number(one.textContent.match(/\\d+/)[0]), 0)"
    ))  # fmt: skip
    assert total >= due.total
    theirs.fill("#count", str(total))
    with theirs.expect_navigation():
        theirs.keyboard.press("Enter")
    expect(theirs.locator("[data-until]")).to_be_visible()
    assert faults(theirs) == []

    starts_in(front, place, 4)
    page.goto(f"{officer.address}{place}")
    expect(page.locator("[data-until]")).to_be_visible()
    expect(page.locator("form[action$='/run'] button")).to_be_visible(timeout=12_000)  # it renews itself
    assert faults(page) == []
    run_due(front, "destruction")
    expect(page.locator("[data-said]")).to_contain_text(f"{total} / {total}", timeout=12_000)
    assert faults(page) == []
    run_due(front, "certificates")
    page.reload()
    page.click("a[href*='/retention/certificates/']")
    expect(page.locator("h1")).to_contain_text("销毁证明")
    assert faults(page) == []


def test_a_run_is_watched_paused_and_resumed(
    visit: Visit, front: Front, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vault.web.pages import plans  # noqa: PLC0415 - the module's own name is what is patched

    add_due(front, tmp_path)
    made = front.api("POST", "/retention/plans", IMD).json
    place = f"/retention/plans/{made['plan']}"
    assert front.api("POST", f"{place}/proposal", IMD).status_code == 204
    assert front.api("POST", f"{place}/approval", COLLEAGUE, json={"digest": made["digest"]}).status_code == 200
    starts_in(front, place, -1)
    monkeypatch.setattr(plans, "_FIRST_SECONDS", -1.0)
    officer = visit()
    officer.sign_in(IMD)
    page = officer.page
    page.goto(f"{officer.address}{place}")
    with page.expect_navigation():
        page.click("form[action$='/run'] button")
    expect(page.locator("[data-progress]")).to_be_visible()
    assert faults(page) == []
    with page.expect_navigation():
        page.click("form[action$='/pause'] button")
    expect(page.locator("form[action$='/resume'] button")).to_be_visible()
    assert faults(page) == []
    with page.expect_navigation():
        page.click("form[action$='/resume'] button")
    run_due(front, "destruction")
    expect(page.locator("[data-said]")).to_contain_text(
        f"{sum(made['due'].values())} / {sum(made['due'].values())}", timeout=12_000
    )
    expect(page.locator("[data-progress]")).to_have_count(0, timeout=12_000)


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("width", [1280, 390])
def test_holds_and_paper_break_no_rule(visit: Visit, front: Front, width: int, language: str, tmp_path: Path) -> None:
    add_due(front, tmp_path)
    officer = visit(width)
    officer.page.context.add_cookies([{"name": "language", "value": language, "url": officer.address}])
    officer.sign_in(IMD)
    page = officer.page
    page.goto(f"{officer.address}/retention/holds")
    page.click("details.panel summary")
    assert faults(page) == []
    page.fill("#hold-number", PHONE)
    page.check("[value=dispute]", force=True)
    page.fill("#hold-source", SOURCE)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.get_by_role("status").first).to_be_visible()
    assert PHONE not in page.url + page.content()
    page.locator(".hold-acts summary").first.click()
    assert faults(page) == []
    page.goto(f"{officer.address}/retention/paper")
    page.click("details.panel summary")
    page.fill("#box-label", f"BOX-{width}-{language.upper()}")
    page.fill("#box-custodian", IMD)
    page.select_option("#box-class", "shipment")
    page.select_option("#box-outlet", "NJ-GL-01")
    page.fill("#box-newest", "2024-03-01")
    assert faults(page) == []
    with page.expect_navigation():
        page.keyboard.press("Enter")
    with page.expect_navigation():
        page.locator("form[action$='/shredded'] button").first.click()
    assert faults(page) == []


@pytest.mark.parametrize("who", [IMD, AUDITOR])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_first_page_breaks_no_rule_in_either_light(
    visit: Visit, front: Front, who: str, scheme: str, tmp_path: Path
) -> None:
    add_due(front, tmp_path)
    visitor = visit(color_scheme=scheme)
    visitor.sign_in(who)
    visitor.page.goto(f"{visitor.address}/retention")
    assert faults(visitor.page) == []


def test_everything_works_without_scripts(visit: Visit, front: Front, tmp_path: Path) -> None:
    add_due(front, tmp_path)
    officer = visit(java_script_enabled=False)
    officer.sign_in(IMD)
    page = officer.page
    for selector in (
        "form[action$='/plans'] button",
        "form[action$='/sample'] button",
        "form[action$='/proposal'] button",
    ):
        if "/plans/" not in page.url:
            page.goto(f"{officer.address}/retention")
        with page.expect_navigation():
            page.click(selector)
    place = urlsplit(page.url).path
    total = front.api("GET", f"{place}/progress", IMD).json["total"]
    colleague = visit(java_script_enabled=False)
    colleague.sign_in(COLLEAGUE)
    colleague.page.goto(f"{colleague.address}{place}")
    colleague.page.fill("#count", str(total))
    with colleague.page.expect_navigation():
        colleague.page.keyboard.press("Enter")
    starts_in(front, place, -1)
    page.goto(f"{officer.address}{place}")
    with page.expect_navigation():
        page.click("form[action$='/run'] button")
    expect(page.locator("[data-said]")).to_contain_text(f"{total} / {total}")
