"""The page of misuse records and of one signal: the rules of axe, a phone, and a sheet of paper."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.browser.test_accessibility import Visit, violations
from tests.web.conftest import AGENT, IMD, OTHER_AGENT, Front, lone_front  # noqa: F401 - a fixture
from vault import bootstrap
from vault.domain.breach.incidents import AwareSource, IncidentKind
from vault.domain.log import Action, Outcome
from vault.services.breach import incidents, misuse, signals
from vault.services.breach.misuse import Draft
from vault.services.sessions import person_of
from vault.services.steps.breach.incidents import Opening
from vault.storage.breach import incident_signals

pytestmark = pytest.mark.browser

STATEMENT = "于夜间查看客户电话并外传。\n" + "核对过访问日志，" * 40


@pytest.fixture(scope="module")
def front(lone_front: Front) -> Front:  # noqa: F811 - pytest hands the imported fixture by name
    """A vault of its own: its incidents concern no other test."""
    return lone_front


@pytest.fixture(scope="module")
def pages(front: Front) -> list[str]:
    """An incident with two records, one of them taken back, and one that a signal opened."""
    now, parts = datetime.now(UTC), front.parts
    agent, officer = (person_of(parts, front.token(who), "127.0.0.1", now) for who in (AGENT, IMD))
    assert agent is not None
    assert officer is not None
    opening = Opening(IncidentKind.MISUSE, AwareSource.REPORT, now - timedelta(minutes=1))
    incident_id = incidents.open_one(parts, agent, opening, now)
    misuse.draft(parts, officer, incident_id, Draft(AGENT, STATEMENT, contract_ended=True), now)
    back = misuse.draft(parts, officer, incident_id, Draft(OTHER_AGENT, STATEMENT), now)
    misuse.withdraw(parts, officer, back, "查无实据", now)
    actor = bootstrap.operator(front.config)
    parts.log_writer.write(parts.event(now, actor, Action.INTEGRITY_FAILURE, Outcome.FAILED))
    assert signals.tend(parts, now) == 1
    with parts.database.read() as connection:
        (found,) = incident_signals.newest(connection, 1)
    assert found.incident_id is not None
    return [
        f"/incidents/{incident_id.hex()}/misuse",
        f"/incidents/{found.incident_id.hex()}",
        f"/signals/{found.evidence_id.hex()}",
    ]


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_no_page_breaks_a_rule_or_scrolls_sideways(
    visit: Visit, pages: list[str], width: int, scheme: str, language: str
) -> None:
    visitor = visit(width, color_scheme=scheme)
    page = visitor.page
    page.context.add_cookies([{"name": "language", "value": language, "url": visitor.address}])
    visitor.sign_in(IMD)
    for path in pages:
        answer = page.goto(f"{visitor.address}{path}")
        assert answer is not None
        assert answer.status == 200, path
        page.eval_on_selector_all("main details", "all => all.forEach(one => { one.open = true; })")
        assert violations(page) == [], path
        width_over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert width_over == 0, path


def test_on_paper_the_record_stands_without_forms(visit: Visit, pages: list[str]) -> None:
    visitor = visit()
    visitor.sign_in(IMD)
    visitor.page.emulate_media(media="print")
    visitor.page.goto(f"{visitor.address}{pages[0]}")
    expect(visitor.page.get_by_text("核对过访问日志").first).to_be_visible()
    for hidden in ("#misuse-account", ".bar", ".tabs", "button"):
        assert not any(one.is_visible() for one in visitor.page.locator(hidden).all()), hidden
    assert visitor.page.locator(".on-paper .line").count() == 6  # three names and dates; none on what was taken back
    expect(visitor.page.get_by_text("整份记录的摘要").first).to_be_visible()
