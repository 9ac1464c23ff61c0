"""The pages of incidents in a real browser: clocks that tick, a phone, the keyboard alone, and the rules of axe."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitor
from tests.browser.test_accessibility import violations
from tests.web.conftest import AGENT, IMD, SUPERVISOR, Front, lone_front  # noqa: F401 - a fixture
from vault.domain.breach.incidents import AwareSource, IncidentKind, Verdict
from vault.services.breach import incident_response, incidents
from vault.services.sessions import person_of
from vault.services.steps.breach.incidents import Opening

pytestmark = pytest.mark.browser

Visit = Callable[..., Visitor]
LONG = "客户来电说收到短信。" * 30


@pytest.fixture(scope="module")
def front(lone_front: Front) -> Front:  # noqa: F811 - pytest hands the imported fixture by name
    """A vault of its own: its incidents concern no other test."""
    return lone_front


def opened(front: Front, kind: str, ago: timedelta, *, drill: bool = False) -> str:
    now = datetime.now(UTC)
    reporter = person_of(front.parts, front.token(IMD if drill else AGENT), "127.0.0.1", now)
    assert reporter is not None
    opening = Opening(IncidentKind(kind), AwareSource.REPORT, now - ago, LONG, drill)
    return incidents.open_one(front.parts, reporter, opening, now).hex()


@pytest.fixture(scope="module")
def busy(front: Front) -> list[str]:
    """Incidents of every look: running, missed, a drill, and one further on."""
    some = [
        opened(front, "leak", timedelta(minutes=20)),
        opened(front, "system_failure", timedelta(hours=3)),
        opened(front, "misuse", timedelta(minutes=5), drill=True),
        opened(front, "surge", timedelta(hours=1)),
    ]
    now = datetime.now(UTC)
    officer = person_of(front.parts, front.token(IMD), "127.0.0.1", now)
    assert officer is not None
    further = bytes.fromhex(some[0])
    incident_response.activate(front.parts, officer, further, "先启动", now)
    incident_response.assess(front.parts, officer, further, Verdict.BREACH, LONG, now)
    return some


def pages(who: str, busy: list[str]) -> list[str]:
    if who == AGENT:
        return ["/incidents/report", f"/incidents/{busy[0]}"]
    return ["/incidents", "/incidents/report", *(f"/incidents/{one}" for one in busy)]


def sideways(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
@pytest.mark.parametrize("who", [AGENT, SUPERVISOR, IMD])
def test_no_page_breaks_a_rule_or_scrolls_sideways(
    visit: Visit, busy: list[str], who: str, width: int, scheme: str, language: str
) -> None:
    visitor = visit(width, color_scheme=scheme)
    visitor.page.context.add_cookies([{"name": "language", "value": language, "url": visitor.address}])
    visitor.sign_in(who)
    for path in pages(who, busy):
        answer = visitor.page.goto(f"{visitor.address}{path}")
        assert answer is not None
        assert answer.status == 200, path
        visitor.page.eval_on_selector_all("main details", "all => all.forEach(one => { one.open = true; })")
        assert violations(visitor.page) == [], path
        assert sideways(visitor.page) == 0, path


def test_a_clock_ticks_and_turns_into_a_missed_one_at_its_end(visit: Visit, front: Front) -> None:
    incident = opened(front, "leak", timedelta(hours=2) - timedelta(seconds=8))
    visitor = visit()
    visitor.sign_in(IMD)
    page = visitor.page
    page.goto(f"{visitor.address}/incidents/{incident}")
    face = page.locator(".clock-face", has_text="启动应急方案")
    digits = face.locator(".clock-digits")
    if "超时" not in digits.inner_text():
        expect(digits).to_have_text(re.compile(r"^00:00:0\d$"))
        expect(face.locator(".clock-left")).to_have_class(re.compile("running"))
    expect(digits).to_have_text(re.compile(r"^超时 00:00:0\d$"), timeout=15_000)
    expect(face.locator(".clock-word")).to_have_text("已逾期")
    expect(face).to_have_class(re.compile("missed"))


def test_a_clock_follows_the_server_and_not_the_clock_of_the_machine(visit: Visit, front: Front) -> None:
    incident = opened(front, "leak", timedelta(minutes=30))
    visitor = visit()
    visitor.sign_in(IMD)
    visitor.page.clock.install(time=datetime.now(UTC) + timedelta(days=400))
    visitor.page.goto(f"{visitor.address}/incidents/{incident}")
    digits = visitor.page.locator(".clock-face", has_text="启动应急方案").locator(".clock-digits")
    expect(digits).to_have_text(re.compile(r"^01:(29|30):\d\d$"))


def test_what_is_days_away_stands_in_days(visit: Visit, front: Front) -> None:
    incident = opened(front, "leak", timedelta(minutes=30))
    visitor = visit()
    visitor.sign_in(IMD)
    visitor.page.goto(f"{visitor.address}/incidents/{incident}")
    digits = visitor.page.locator(".clock-face", has_text="结案报告").locator(".clock-digits")
    expect(digits).to_have_text("29 天 23 小时")


def test_an_incident_is_reported_and_the_plan_started_by_the_keyboard_alone(visit: Visit) -> None:
    reporter = visit()
    reporter.sign_in(AGENT)
    reporter.page.get_by_role("link", name="报告安全事件").focus()
    reporter.press_and_go("Enter")
    page = reporter.page
    page.locator("main summary").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("看到一张表")
    for _ in range(12):  # through the parts of the time, to the first kind
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == "kind":
            break
    reporter.press_and_go("Enter")
    number = re.search(r"[0-9A-F]{8}", page.locator("h1").inner_text())
    assert number
    officer = visit()
    officer.sign_in(IMD)
    task = officer.page.locator(".task-list a", has_text=number[0]).filter(has_text="启动应急方案")
    task.focus()
    officer.press_and_go("Enter")
    officer.page.locator("#next-note").focus()
    officer.page.keyboard.type("先启动")
    officer.page.keyboard.press("Tab")
    officer.press_and_go("Enter")
    expect(officer.page.locator(".steps [aria-current]")).to_contain_text("进行评估")


def test_without_scripts_the_clocks_say_what_is_left(visit: Visit, busy: list[str], front: Front) -> None:
    visitor = visit(java_script_enabled=False)
    token = front.browser(IMD).get_cookie("__Host-datavault", domain="127.0.0.1")
    assert token is not None
    secure = visitor.address.replace("http:", "https:")
    visitor.page.context.add_cookies([{"name": token.key, "value": token.value, "url": secure, "secure": True}])
    visitor.page.goto(f"{visitor.address}/incidents")
    expect(visitor.page.locator(f'[aria-labelledby="i-{busy[1]}"] .clock-big')).to_contain_text("超时 1 小时")
