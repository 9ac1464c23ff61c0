"""The agent's day in a real browser: keys only, reveal and re-mask, no scripts, two languages, a small screen."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitor
from tests.web.conftest import ADMIN, AGENT, AUDITOR, OWNED_PHONE, POOL_ID_NUMBER, POOL_NAME, POOL_PHONE, WAYBILL

pytestmark = pytest.mark.browser

Visit = Callable[..., Visitor]
FULL_NAME = POOL_NAME


@pytest.fixture
def agent(visit: Visit) -> Visitor:
    visitor = visit()
    visitor.sign_in(AGENT)
    return visitor


def prove_caller(visitor: Visitor) -> None:
    """Look the pool customer up and let the caller prove to be them, with keys only."""
    visitor.type_number(POOL_PHONE)
    for answer in (POOL_ID_NUMBER[-4:], FULL_NAME):
        visitor.page.keyboard.press("v")
        visitor.page.keyboard.type(answer)
        visitor.press_and_go("Enter")
    expect(visitor.page.locator(".caller .chip.good")).to_have_count(1)


def scroll_width(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth"))


def test_an_agent_comes_from_signing_in_to_a_revealed_name_without_touching_the_mouse(agent: Visitor) -> None:
    prove_caller(agent)
    card = agent.page.locator("article")
    expect(card).to_have_count(1)
    expect(card).not_to_contain_text(FULL_NAME)
    agent.page.keyboard.press("r")
    agent.page.keyboard.press("1")
    expect(card.locator(".clear")).to_have_text(FULL_NAME)
    expect(card.get_by_role("timer")).to_have_text(re.compile(r"^(30|29) s$"))
    agent.page.keyboard.press("Escape")
    expect(card.locator(".clear")).to_have_count(0)
    assert FULL_NAME not in agent.page.content()
    agent.page.keyboard.press("/")
    expect(agent.page.locator("#number")).to_be_focused()


def test_from_a_typed_number_to_the_card_it_takes_three_keys(agent: Visitor) -> None:
    expect(agent.page.locator("#number")).to_be_focused()
    agent.page.keyboard.type(WAYBILL)
    pressed = ["Enter", "1"]
    for key in pressed:
        agent.page.keyboard.press(key)
    agent.press_and_go("Enter")
    expect(agent.page.locator("article")).to_have_count(3)
    assert WAYBILL not in agent.page.url


def test_a_revealed_value_is_masked_again_when_its_time_is_over(agent: Visitor) -> None:
    agent.page.clock.install()
    prove_caller(agent)
    agent.page.locator("article button").nth(1).click()
    expect(agent.page.locator(".clear")).to_have_text(POOL_PHONE)
    agent.page.clock.fast_forward(29_000)
    expect(agent.page.locator(".clear")).to_have_count(1)
    agent.page.clock.fast_forward(2_000)
    expect(agent.page.locator(".clear")).to_have_count(0)
    assert POOL_PHONE not in agent.page.content()


def test_numbers_of_values_do_not_move_while_one_is_shown(agent: Visitor) -> None:
    prove_caller(agent)
    marks = agent.page.locator("form[data-reveal] kbd")
    before = marks.all_text_contents()
    agent.page.keyboard.press("r")
    agent.page.keyboard.press("1")
    expect(agent.page.locator(".clear")).to_have_count(1)
    assert marks.all_text_contents() == before
    agent.page.keyboard.press("r")
    agent.page.keyboard.press("2")
    expect(agent.page.locator(".clear")).to_have_count(2)


def test_a_print_holds_the_watermark_and_no_revealed_value(agent: Visitor) -> None:
    prove_caller(agent)
    agent.page.keyboard.press("r")
    agent.page.keyboard.press("1")
    expect(agent.page.locator(".clear")).to_be_visible()
    agent.page.emulate_media(media="print")
    expect(agent.page.locator(".clear")).to_be_hidden()
    expect(agent.page.locator("article .mask").first).to_be_visible()
    expect(agent.page.locator(".watermark")).to_be_visible()
    expect(agent.page.locator(".look-up")).to_be_hidden()


def test_what_is_not_shown_can_be_asked_for_with_one_key(agent: Visitor) -> None:
    agent.type_number(OWNED_PHONE)
    expect(agent.page.locator("h2").first).to_have_text("没有可显示的记录")
    agent.press_and_go("a")
    expect(agent.page.get_by_role("status").first).to_contain_text("申请已提交")
    expect(agent.page.locator("#number")).to_be_focused()


def test_single_keys_can_be_switched_off(agent: Visitor) -> None:
    agent.type_number(POOL_PHONE)
    agent.page.keyboard.press("?")
    expect(agent.page.get_by_role("dialog")).to_be_visible()
    agent.page.get_by_role("checkbox", name="启用单键快捷键").uncheck()
    agent.page.keyboard.press("Escape")
    agent.page.keyboard.press("/")
    expect(agent.page.locator("#number")).not_to_be_focused()
    expect(agent.page.locator("form[data-reveal] kbd").first).to_be_hidden()


def test_letters_typed_into_the_box_are_letters(agent: Visitor) -> None:
    expect(agent.page.locator("#number")).to_be_focused()
    agent.page.keyboard.type("ra?/c1")
    expect(agent.page.locator("#number")).to_have_value("ra?/c1")


def test_a_service_record_is_filed_with_the_keyboard_and_the_case_is_closed(agent: Visitor) -> None:
    agent.type_number(POOL_PHONE)
    agent.press_and_go("f")
    agent.page.keyboard.press("f")
    expect(agent.page.locator("#file-text")).to_be_focused()
    agent.page.keyboard.type("ra?/c1 f")
    agent.page.keyboard.press("Control+Enter")  # the notice is missing: the browser keeps the form
    expect(agent.page.locator("[name=notice_version]")).to_be_focused()
    agent.page.keyboard.press("Space")
    agent.press_and_go("Control+Enter")
    expect(agent.page.get_by_role("status").first).to_contain_text("服务记录已保存")
    assert agent.page.url.endswith("/cases?done=filed")


def test_the_form_shows_what_belongs_to_the_chosen_kind_even_without_scripts(visit: Visit) -> None:
    visitor = visit(java_script_enabled=False)
    visitor.sign_in(AGENT)
    page = visitor.page
    page.fill("#number", POOL_PHONE)
    page.check("input[value=query]", force=True)
    page.click(".look-up .send button")
    page.click("a[data-file]")
    topic, stars = page.locator(".only-complaint").first, page.locator(".only-rating")
    expect(topic).to_be_hidden()
    page.check("[name=kind][value=complaint]", force=True)
    expect(topic).to_be_visible()
    expect(stars).to_be_hidden()
    page.check("[name=kind][value=rating]", force=True)
    expect(stars).to_be_visible()
    page.check("[name=rating][value='5']", force=True)
    page.fill("#file-text", "synthetic text")
    page.check("[name=notice_version]")
    page.click("[data-filing] .send button")
    expect(page.get_by_role("status").first).to_contain_text("服务记录已保存")


def test_without_scripts_the_whole_walk_still_works(visit: Visit) -> None:
    visitor = visit(java_script_enabled=False)
    visitor.sign_in(AGENT)
    page = visitor.page
    page.fill("#number", POOL_PHONE)
    page.check("input[value=query]", force=True)
    page.click(".send button")
    for answer in (POOL_ID_NUMBER[-4:], FULL_NAME):
        page.fill("[data-caller] input[name=answer]", answer)
        page.click("[data-caller] .send button")
    page.locator("article button").nth(1).click()
    expect(page.locator(".clear")).to_have_text(POOL_PHONE)
    page.click("a.hide")
    expect(page.locator(".clear")).to_have_count(0)
    page.fill("#number", OWNED_PHONE)
    page.check("input[value=query]", force=True)
    page.click(".send button")
    page.click("form[action='/ask'] button")
    expect(page.locator(".waiting")).to_be_visible()


def test_the_language_switch_keeps_the_record_on_the_screen(agent: Visitor) -> None:
    agent.type_number(POOL_PHONE)
    agent.page.get_by_role("button", name="English").click()
    expect(agent.page.locator("html")).to_have_attribute("lang", "en")
    expect(agent.page.locator("article")).to_contain_text("Phone")
    assert re.search(r"/cases/[0-9a-f]{32}/records/[0-9a-f]{32}$", agent.page.url)


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("width", [390, 640])
def test_no_page_scrolls_sideways_on_a_phone_or_at_twice_the_size(visit: Visit, width: int, language: str) -> None:
    visitor = visit(width)
    page = visitor.page
    page.context.add_cookies([{"name": "language", "value": language, "url": visitor.address}])
    for path in ("/sign-in", "/activate"):
        page.goto(visitor.address + path)
        assert scroll_width(page) <= width, path
    for who, paths in ((AGENT, ("/lookup", "/cases")), (AUDITOR, ("/log",)), (ADMIN, ("/accounts",))):
        visitor.sign_in(who)
        for path in paths:
            page.goto(visitor.address + path)
            assert scroll_width(page) <= width, path
        if who == AGENT:
            page.goto(visitor.address + "/lookup")
            visitor.type_number(WAYBILL)
            assert scroll_width(page) <= width
            page.locator("article footer a").first.click()
            page.locator(".record").wait_for()
            assert scroll_width(page) <= width
        page.context.clear_cookies(name="__Host-datavault")


def test_the_watermark_lies_over_everything_and_takes_no_click(agent: Visitor) -> None:
    mark = agent.page.locator(".watermark")
    styles = mark.evaluate(
        "e => { const s = getComputedStyle(e); return [s.position, s.pointerEvents, s.backgroundImage]; }"
    )
    assert styles[:2] == ["fixed", "none"]
    assert "/watermark.svg" in styles[2]
    assert mark.get_attribute("aria-hidden") == "true"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_edges_stand_out_enough_in_both_schemes(visit: Visit, scheme: str) -> None:
    page = visit(color_scheme=scheme).page
    page.goto(visit().address + "/sign-in")
    colours = page.evaluate(
        """() => { const s = getComputedStyle(document.documentElement), out = {};
        for (const n of ["ground","paper","raised","ink","soft","edge","brand","brand-ink","brand-tint","focus","good",
          "good-tint","warn","warn-tint","bad","bad-tint","clear-ink","clear-tint"])
          out[n] = s.getPropertyValue("--" + n).trim(); return out; }"""
    )

    def light(name: str) -> float:
        channels = [int(colours[name][at : at + 2], 16) / 255 for at in (1, 3, 5)]
        r, g, b = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels]
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    def ratio(one: str, other: str) -> float:
        low, high = sorted((light(one), light(other)))
        return (high + 0.05) / (low + 0.05)

    text = [(ink, under) for ink in ("ink", "soft", "brand") for under in ("ground", "paper", "raised")]
    text += [("brand", "brand-tint"), ("brand-ink", "brand"), ("good", "good-tint"), ("warn", "warn-tint")]
    text += [("bad", "bad-tint"), ("bad", "paper"), ("warn", "paper"), ("clear-ink", "clear-tint")]
    assert {pair: round(ratio(*pair), 2) for pair in text if ratio(*pair) < 4.5} == {}
    edges = [("edge", "paper"), ("focus", "paper"), ("focus", "ground")]
    assert {pair: round(ratio(*pair), 2) for pair in edges if ratio(*pair) < 3} == {}
