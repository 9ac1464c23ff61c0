"""Asking and granting in two real browsers: keys only, and a record that opens by itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visitor
from tests.browser.test_accessibility import violations
from tests.web.conftest import AGENT, OTHER_AGENT, OWNED_PHONE, Front

pytestmark = pytest.mark.browser

Visit = Callable[..., Visitor]
RECORD = re.compile(r"/cases/[0-9a-f]{32}/records/[0-9a-f]{32}$")


@pytest.fixture
def agent(visit: Visit) -> Visitor:
    visitor = visit()
    visitor.sign_in(AGENT)
    visitor.type_number(OWNED_PHONE)
    visitor.press_and_go("a")
    expect(visitor.page.locator("#number")).to_be_focused()
    return visitor


@pytest.fixture
def owner(visit: Visit) -> Visitor:
    visitor = visit()
    visitor.sign_in(OTHER_AGENT)
    return visitor


@pytest.fixture(autouse=True)
def _without_access(front: Front) -> Iterator[None]:
    """Leave nothing granted and nothing asked to the tests that come after."""
    yield
    with front.parts.database.write() as connection:
        connection.exec_driver_sql("UPDATE grants SET ended_at = 1 WHERE ended_at IS NULL")
        connection.exec_driver_sql("UPDATE access_requests SET state = 'ended' WHERE state = 'asked'")
        connection.commit()


def decide(owner: Visitor, key: str) -> None:
    """Open the request that was made last and answer it: two acts."""
    owner.page.goto(f"{owner.address}/requests")
    owner.page.get_by_role("link", name=f"审批 {AGENT}").last.click()
    expect(owner.page.locator("h1")).to_be_focused()
    owner.press_and_go(key)
    expect(owner.page.get_by_role("status").first).to_be_visible()


def test_a_granted_record_opens_by_itself_counts_down_and_closes_when_it_is_revoked(
    agent: Visitor, owner: Visitor
) -> None:
    decide(owner, "g")
    agent.page.wait_for_url(RECORD)
    timer = agent.page.locator("[data-until]")
    expect(timer).to_have_text(re.compile(r"^29:\d\d$"))
    owner.page.get_by_role("button", name=f"撤销 {AGENT}").click()
    expect(owner.page.get_by_role("status").first).to_contain_text("授权已撤销")
    assert agent.page.reload().status == 404  # type: ignore[union-attr]  # a page was loaded
    agent.complaints.clear()  # the browser says so of the status


def test_a_page_is_never_taken_away_under_somebodys_typing(agent: Visitor, owner: Visitor) -> None:
    agent.page.keyboard.type("139")
    decide(owner, "g")
    link = agent.page.locator("[data-open-record]")
    expect(link).to_be_visible()
    expect(agent.page.locator("#number")).to_have_value("139")
    agent.page.locator("main").focus()
    agent.press_and_go("o")
    assert RECORD.search(agent.page.url)


def test_a_refusal_is_told_without_a_reason(agent: Visitor, owner: Visitor) -> None:
    decide(owner, "x")
    expect(agent.page.locator(".waiting")).to_contain_text("未获授权")


def test_when_its_time_is_over_what_was_granted_leaves_the_screen(agent: Visitor, owner: Visitor) -> None:
    agent.page.clock.install()
    decide(owner, "g")
    agent.page.clock.run_for(4_000)
    agent.page.wait_for_url(RECORD)
    expect(agent.page.locator("article.card").first).to_be_visible()
    agent.page.clock.fast_forward(25 * 60_000)
    expect(agent.page.locator("#status")).to_have_text("授权将在 5 分钟后结束。")
    agent.page.clock.fast_forward(5 * 60_000)
    expect(agent.page.locator("#status")).to_have_text("授权已结束。")
    expect(agent.page.locator("article.card").first).to_be_hidden()


@pytest.mark.parametrize("width", [1280, 390])
def test_the_pages_fit_the_screen_and_break_no_rule(agent: Visitor, visit: Visit, width: int) -> None:
    small = visit(width)
    small.sign_in(OTHER_AGENT)
    small.page.goto(f"{small.address}/requests")
    assert small.page.evaluate("document.documentElement.scrollWidth") <= width
    small.page.get_by_role("link", name=f"审批 {AGENT}").last.click()
    assert small.page.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(small.page) == []
    agent.page.set_viewport_size({"width": width, "height": 800})
    assert agent.page.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(agent.page) == []
    small.press_and_go("g")
    agent.page.wait_for_url(RECORD)
    assert violations(agent.page) == []


def test_a_customer_is_shared_and_the_link_is_opened(visit: Visit, owner: Visitor) -> None:
    owner.type_number(OWNED_PHONE)
    owner.page.locator("article footer a").first.click()
    owner.page.get_by_text("共享给同事").click()
    owner.page.fill("#share-colleague", AGENT)
    assert violations(owner.page) == []
    owner.page.locator("[data-share] button").click()
    expect(owner.page.get_by_role("status").first).to_contain_text("已通知同事")
    receiver = visit()
    receiver.sign_in(AGENT)
    receiver.page.goto(f"{receiver.address}/requests")
    receiver.page.get_by_role("link", name="打开记录").click()
    expect(receiver.page.locator("h1")).to_contain_text(OTHER_AGENT)
    assert violations(receiver.page) == []
    receiver.press_and_go("Enter")
    assert RECORD.search(receiver.page.url)
    expect(receiver.page.locator("[data-until]")).to_have_text(re.compile(r"^07:59:\d\d$"))
