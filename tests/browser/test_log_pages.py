"""The auditor's pages in a real browser: search, charts, compliance; opened out, wide and narrow, and printed."""

from __future__ import annotations

import pytest

from tests.browser.test_accessibility import Visit, violations
from tests.web.conftest import AGENT, AUDITOR, POOL_PHONE, Front

pytestmark = pytest.mark.browser

PATHS = ["/log?outcome=granted&person=" + AGENT, "/log/charts", "/compliance"]


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_opened_out_no_page_breaks_a_rule_or_is_wider_than_the_screen(
    visit: Visit, front: Front, width: int, language: str, scheme: str
) -> None:
    front.api("POST", "/lookups", json={"number": POOL_PHONE, "purpose": "query"})
    visitor = visit(width, color_scheme=scheme)
    visitor.page.context.add_cookies([{"name": "language", "value": language, "url": visitor.address}])
    visitor.sign_in(AUDITOR)
    page, found = visitor.page, {}
    for path in PATHS:
        page.goto(f"{visitor.address}{path}")
        page.eval_on_selector_all("details", "all => all.forEach(one => { one.open = true; })")
        found[path] = violations(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    assert {path: some for path, some in found.items() if some} == {}


def test_a_customer_is_searched_for_with_the_keyboard_alone_and_the_number_is_gone(visit: Visit, front: Front) -> None:
    front.api("POST", "/lookups", json={"number": POOL_PHONE, "purpose": "query"})
    visitor = visit()
    visitor.sign_in(AUDITOR)
    page = visitor.page
    page.goto(f"{visitor.address}/log")
    page.locator("#number").focus()
    page.keyboard.type(POOL_PHONE)
    visitor.press_and_go("Enter")
    assert "record=" in page.url
    assert POOL_PHONE not in page.url + page.content()
    assert AGENT in page.locator("table.log tbody").inner_text()
    page.go_back()
    assert page.locator("#number").input_value() == ""


def test_the_compliance_report_prints_on_a4_without_being_cut(visit: Visit) -> None:
    visitor = visit()
    visitor.sign_in(AUDITOR)
    page = visitor.page
    page.goto(f"{visitor.address}/compliance")
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 673, "height": 1000})  # the printable width of A4 at 96 dpi, margins of 16 mm
    assert page.evaluate("document.documentElement.scrollWidth") <= 673
    hidden = page.eval_on_selector_all("table.compliance td", "all => all.filter(one => !one.offsetHeight).length")
    assert hidden == 0
    assert page.pdf(format="A4").startswith(b"%PDF")
