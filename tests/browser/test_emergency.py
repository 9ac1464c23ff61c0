"""Emergency access in a real browser: asked for, approved by two, opened with a second person, ended."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visitor
from tests.browser.test_accessibility import violations
from tests.web.conftest import AGENT, IMD, OTHER_AGENT, OWNED_PHONE, SUPERVISOR

pytestmark = pytest.mark.browser

Visit = Callable[..., Visitor]


@pytest.mark.parametrize("width", [1280, 390])
def test_an_emergency_from_the_empty_answer_to_its_end(visit: Visit, width: int) -> None:
    agent = visit(width)
    agent.sign_in(AGENT)
    agent.type_number(OWNED_PHONE)
    page = agent.page
    page.click("form[action='/break-glass/form'] button")
    expect(page.locator("#emergency-number")).to_have_value(OWNED_PHONE)
    for name, value in (("profile", "owner_unreachable"), ("reason", "owner_absent"), ("owner_contact", "no")):
        page.check(f"[name={name}][value={value}]", force=True)
    assert violations(page) == []
    page.click("#ask button.main")
    place = urlsplit(page.url).path
    assert OWNED_PHONE not in page.url
    for who in (SUPERVISOR, IMD):
        approver = visit(width)
        approver.sign_in(who)
        approver.page.goto(f"{approver.address}{place}")
        assert violations(approver.page) == []
        approver.page.click("button[value=emergency_confirmed]")
        expect(approver.page.get_by_role("status").first).to_contain_text("您的表决已登记")
    page.reload()
    assert violations(page) == []
    page.fill("#second-number", OTHER_AGENT)
    page.fill("#second-password", agent.passwords[OTHER_AGENT])
    page.click("form[action$='/opening'] button.main")
    expect(page.locator("[data-until]")).to_be_visible()
    assert violations(page) == []
    assert int(page.evaluate("document.documentElement.scrollWidth")) <= width
    page.click(".next a.button")
    expect(page.locator("article")).to_have_count(1)
    page.go_back()
    page.click("form[action$='/end'] button")
    expect(page.get_by_role("status").first).to_contain_text("已结束")
