"""Every page of every role under the rules of axe (WCAG 2.2 A and AA), in both languages, wide and narrow."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import axe_core_python
import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Visitor
from tests.web.conftest import ADMIN, AGENT, AUDITOR, IMD, INSPECTOR, POOL_PHONE, SUPERVISOR, WAYBILL

pytestmark = pytest.mark.browser

AXE = (Path(axe_core_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

Visit = Callable[..., Visitor]


def violations(page: Page) -> list[str]:
    """Return what axe finds on a page: the rule and the element, never its text."""
    page.evaluate(AXE)
    found = page.evaluate("rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']})", RULES)
    return [f"{one['id']}: {node['target']}" for one in found["violations"] for node in one["nodes"]]


def faults(page: Page, *, unfolded: bool = False) -> list[str]:
    """Return what is wrong with a page: what axe finds, and by how much it is wider than its window.

    Args:
        page: the page as it stands.
        unfolded: open what can be opened before looking.
    """
    if unfolded:
        page.eval_on_selector_all("details", "all => all.forEach(one => { one.open = true; })")
    over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return violations(page) + ([f"{over} px too wide"] if over else [])


def addresses(page: Page) -> list[str]:
    """Return the pages that the head of a page leads to."""
    links: Iterable[str] = page.eval_on_selector_all(
        "header a[href]", "all => all.map(one => one.getAttribute('href'))"
    )
    return sorted(set(links))


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("who", [AGENT, SUPERVISOR, AUDITOR, ADMIN, INSPECTOR, IMD])
def test_no_page_of_a_role_breaks_a_rule(visit: Visit, who: str, width: int, language: str) -> None:
    visitor = visit(width)
    visitor.page.context.add_cookies([{"name": "language", "value": language, "url": visitor.address}])
    visitor.sign_in(who)
    page = visitor.page
    found = {}
    for address in addresses(page):
        page.goto(f"{visitor.address}{address}")
        found[address] = violations(page)
    assert found
    assert {address: some for address, some in found.items() if some} == {}


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("number", [POOL_PHONE, WAYBILL, "13912345609"])
def test_an_answer_and_a_record_break_no_rule(visit: Visit, number: str, language: str) -> None:
    visitor = visit()
    visitor.page.context.add_cookies([{"name": "language", "value": language, "url": visitor.address}])
    visitor.sign_in(AGENT)
    visitor.type_number(number)
    page = visitor.page
    assert violations(page) == []
    more = page.locator("article footer a")
    if more.count():
        more.first.click()
        page.wait_for_load_state()
        page.eval_on_selector_all("details", "all => all.forEach(one => { one.open = true; })")
        assert violations(page) == []


@pytest.mark.parametrize("path", ["/sign-in", "/activate"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_before_signing_in_break_no_rule(visit: Visit, path: str, scheme: str) -> None:
    visitor = visit(color_scheme=scheme)
    visitor.page.goto(f"{visitor.address}{path}")
    assert violations(visitor.page) == []
