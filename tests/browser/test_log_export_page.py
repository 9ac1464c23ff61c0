"""Taking the log home in a real browser: the page breaks no rule, and the file that arrives holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.test_accessibility import Visit, violations
from tests.web.conftest import AUDITOR, Front
from vault.verify_log import judge_bundle

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("width", "scheme", "language"), [(1280, "light", "zh-CN"), (390, "dark", "en")])
def test_the_export_page_breaks_no_rule_and_is_no_wider_than_the_screen(
    visit: Visit, width: int, scheme: str, language: str
) -> None:
    visitor = visit(width, color_scheme=scheme)
    visitor.page.context.add_cookies([{"name": "language", "value": language, "url": visitor.address}])
    visitor.sign_in(AUDITOR)
    page = visitor.page
    page.goto(f"{visitor.address}/log/export")
    assert violations(page) == []
    page.locator("button[name=do][value=count]").click()
    page.wait_for_selector("[role=status]")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_file_that_arrives_holds(visit: Visit, front: Front, tmp_path: Path) -> None:
    visitor = visit()
    visitor.sign_in(AUDITOR)
    page = visitor.page
    page.goto(f"{visitor.address}/log/export")
    with page.expect_download() as arriving:
        page.locator("button[name=do][value=export]").click()
    arriving.value.save_as(tmp_path / "log.zip")
    assert arriving.value.suggested_filename.startswith("access-log-")
    assert judge_bundle(tmp_path / "log.zip", front.parts.log_files.pin.read_text().strip()).status == 0
