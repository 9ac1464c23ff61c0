"""A page of another site, in the browser of somebody who is signed in, makes the vault do nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import Visitor
from tests.web.conftest import AGENT, POOL_PHONE, Front

pytestmark = pytest.mark.browser

Visit = Callable[..., Visitor]
ELSEWHERE = "http://elsewhere.example/"


def lure(path: str, **values: str) -> str:
    """Return a page that sends a form to the vault as soon as its button is clicked."""
    inputs = "".join(f'<input type="hidden" name="{name}" value="{value}">' for name, value in values.items())
    return f'<!doctype html><form method="post" action="{path}">{inputs}<button>win</button></form>'


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("/lookup", {"number": POOL_PHONE, "purpose": "query"}),
        ("/sign-out", {}),
        ("/sessions/end-others", {}),
        ("/inbox/seen", {}),
    ],
)
def test_a_form_of_another_site_does_nothing_and_shows_nothing(
    visit: Visit, front: Front, path: str, values: dict[str, str]
) -> None:
    visitor = visit()
    visitor.sign_in(AGENT)
    page, before = visitor.page, front.events()

    def elsewhere(route: Route) -> None:
        route.fulfill(body=lure(f"{visitor.address}{path}", **values), content_type="text/html")

    page.route(f"{ELSEWHERE}**", elsewhere)
    page.goto(ELSEWHERE)
    with page.expect_navigation():
        page.get_by_role("button").click()
    assert POOL_PHONE[:3] not in page.locator("main").inner_text()
    assert front.events() == before
    visitor.complaints.clear()  # the refusal's status is what the console tells
    page.goto(f"{visitor.address}/lookup")
    expect(page.locator("#number")).to_be_focused()  # still signed in


def test_a_link_of_another_site_leads_on_and_signs_nobody_out(visit: Visit) -> None:
    visitor = visit()
    visitor.sign_in(AGENT)
    page = visitor.page
    link = f'<!doctype html><a href="{visitor.address}/cases">cases</a>'
    page.route(f"{ELSEWHERE}**", lambda route: route.fulfill(body=link, content_type="text/html"))
    page.goto(ELSEWHERE)
    page.get_by_role("link").click()
    page.wait_for_url(f"{visitor.address}/cases")
    expect(page.locator("h1")).to_have_text("我的工单")


def test_no_other_site_shows_the_vault_in_a_frame(visit: Visit) -> None:
    visitor = visit()
    visitor.sign_in(AGENT)
    page = visitor.page
    frame = f'<!doctype html><iframe src="{visitor.address}/lookup"></iframe>'
    page.route(f"{ELSEWHERE}**", lambda route: route.fulfill(body=frame, content_type="text/html"))
    page.goto(ELSEWHERE)
    page.wait_for_timeout(300)
    assert [one.locator("form, main").count() for one in page.frames] == [0, 0]
    visitor.complaints.clear()
