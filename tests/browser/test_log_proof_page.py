"""The page of one entry of the log in a real browser: its rules, its width, and the pair of files it gives."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.browser.test_accessibility import Visit, violations
from tests.web.conftest import AUDITOR, POOL_PHONE, Front
from vault.verify_log import judge_proof

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_breaks_no_rule_and_is_not_wider_than_the_screen(
    visit: Visit, front: Front, width: int, language: str, scheme: str
) -> None:
    front.api("POST", "/lookups", json={"number": POOL_PHONE, "purpose": "query"})
    visitor = visit(width, color_scheme=scheme)
    visitor.page.context.add_cookies([{"name": "language", "value": language, "url": visitor.address}])
    visitor.sign_in(AUDITOR)
    page = visitor.page
    page.goto(f"{visitor.address}/log?action=record.lookup")
    page.locator("table.log tbody tr td:last-child a").first.click()
    page.wait_for_url("**/log/events/*")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.eval_on_selector_all(".table", "all => all.some(one => one.scrollWidth > one.clientWidth)") is False


def test_the_pair_is_taken_with_the_keyboard_alone_and_holds(visit: Visit, front: Front, tmp_path: Path) -> None:
    front.api("POST", "/lookups", json={"number": POOL_PHONE, "purpose": "query"})
    visitor = visit()
    visitor.sign_in(AUDITOR)
    page = visitor.page
    page.goto(f"{visitor.address}/log?action=record.lookup")
    page.locator("table.log tbody tr td:last-child a").first.focus()
    visitor.press_and_go("Enter")
    page.locator("form button.main").focus()
    with page.expect_download() as coming:
        page.keyboard.press("Enter")
    coming.value.save_as(tmp_path / "pair.zip")
    with zipfile.ZipFile(tmp_path / "pair.zip") as zipped:
        event, proof = (zipped.read(name) for name in sorted(zipped.namelist()))
    assert judge_proof(event, proof.decode(), front.parts.log_files.pin.read_text().strip()).status == 0
