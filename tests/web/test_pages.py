"""The pages as a browser without scripts gets them."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any, cast

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.web.conftest import (
    ABSENT_PHONE,
    ADMIN,
    AGENT,
    AUDITOR,
    HOST,
    INSPECTOR,
    OTHER_AGENT,
    OWNED_PHONE,
    POOL_ID_NUMBER,
    POOL_NAME,
    POOL_PHONE,
    SUPERVISOR,
    WAYBILL,
    Front,
)
from vault.web.presenting import way_back

FULL_NAME, ADDRESS, ID_NUMBER = POOL_NAME, "半夏路", POOL_ID_NUMBER


class Forms(HTMLParser):
    """Collects each form's address and hidden values."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[dict[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append({"action": given.get("action", "")})
        elif tag == "input" and self.found and given.get("type") == "hidden":
            self.found[-1][given["name"]] = given["value"]


def form(page: TestResponse, ends: str) -> dict[str, str]:
    """Return the first form whose address ends so."""
    return next(one for one in Forms(page.text).found if one["action"].endswith(ends))


def send(browser: FlaskClient, filled: dict[str, str], **values: str) -> TestResponse:
    data = {name: value for name, value in filled.items() if name != "action"} | values
    return browser.post(filled["action"], data=data, base_url=HOST)


def verified(browser: FlaskClient) -> TestResponse:
    """Return the record page of the pool customer once the caller has proved to be them."""
    page = look_up(browser, POOL_PHONE)
    for question, answer in (("name", FULL_NAME), ("id_last4", ID_NUMBER[-4:])):
        page = send(browser, form(page, "/caller-checks"), question=question, answer=answer)
        assert page.status_code == 303
        page = browser.get(page.location, base_url=HOST)
    return page


def look_up(browser: FlaskClient, number: str, purpose: str = "query", **values: str) -> TestResponse:
    page = browser.get("/lookup", base_url=HOST)
    return send(browser, form(page, "/lookup"), number=number, purpose=purpose, **values)


@pytest.fixture
def agent(front: Front) -> FlaskClient:
    browser: FlaskClient = front.browser(AGENT)
    return browser


# -- looking up --------------------------------------------------------------------------------------------------


def test_a_look_up_answers_on_the_same_page_with_masks_only(agent: FlaskClient) -> None:
    page = look_up(agent, POOL_PHONE)
    assert page.status_code == 200
    assert "139********" in page.text
    assert "南京市江宁区***" in page.text
    for clear in (POOL_PHONE, FULL_NAME, ADDRESS, ID_NUMBER):
        assert clear not in page.text


def test_a_waybill_shows_the_party_in_scope_and_of_the_other_only_surname_and_city(agent: FlaskClient) -> None:
    page = look_up(agent, WAYBILL)
    assert page.text.count("<article") == 3
    assert page.text.index("寄件人") < page.text.index("收件人")
    other = page.text[page.text.index('class="card recipient"') :]
    assert "曹*" in other
    assert "厦门市" in other
    assert "思明区" not in other
    assert "/reveal" not in other[: other.index("</article>")]


def test_not_yours_and_not_there_are_the_same_page_but_for_what_is_random_or_typed(agent: FlaskClient) -> None:
    def bare(number: str) -> str:
        text = look_up(agent, number).text.replace(number, "")
        text = re.sub(r'name="csrf_token" value="[^"]*"', "", text)
        return re.sub(r"[0-9a-f]{8,32}", "", text)

    assert "没有可显示的记录" in bare(OWNED_PHONE)
    assert bare(OWNED_PHONE) == bare(ABSENT_PHONE)


def test_a_number_that_cannot_be_read_stays_in_the_box_with_the_reason_beside_it(agent: FlaskClient) -> None:
    page = look_up(agent, '12"><b>3')
    assert page.status_code == 400
    assert 'value="12&#34;&gt;&lt;b&gt;3"' in page.text
    assert 'aria-describedby="number-error"' in page.text
    assert "请逐位核对" in page.text


def test_a_look_up_without_a_purpose_asks_for_one_and_logs_nothing(front: Front, agent: FlaskClient) -> None:
    agent.get("/lookup", base_url=HOST)
    before = front.events()
    page = look_up(agent, POOL_PHONE, purpose="")
    assert (page.status_code, front.events()) == (400, before)
    assert "请选择用途。" in page.text


def test_a_forbidden_purpose_is_refused_in_words(agent: FlaskClient) -> None:
    page = look_up(agent, POOL_PHONE, purpose="advertising")
    assert page.status_code == 403
    assert "不得用于此用途" in page.text


def test_the_next_look_up_can_go_on_in_the_case_and_another_purpose_opens_its_own(agent: FlaskClient) -> None:
    first = look_up(agent, POOL_PHONE)
    case = re.search(r'name="case" value="([0-9a-f]{32})"', first.text)
    assert case
    filled = form(first, "/lookup")
    again = send(agent, filled, number=WAYBILL, purpose="query", case=case[1])
    assert f'value="{case[1]}"' in again.text
    other = send(agent, filled, number=WAYBILL, purpose="delivery", case=case[1])
    assert other.status_code == 200
    assert f'value="{case[1]}"' not in other.text


def test_a_case_can_be_taken_up_again_from_the_list(agent: FlaskClient) -> None:
    look_up(agent, POOL_PHONE, purpose="delivery")
    link = re.search(r'href="(/lookup\?case=[^"]+)"', agent.get("/cases", base_url=HOST).text)
    assert link
    page = agent.get(link[1].replace("&amp;", "&"), base_url=HOST)
    assert "data-same-case checked" in page.text
    assert agent.get("/lookup?case=nonsense", base_url=HOST).status_code == 404


def test_asking_needs_one_press_and_is_confirmed(agent: FlaskClient) -> None:
    page = look_up(agent, OWNED_PHONE)
    done = send(agent, form(page, "/ask"))
    assert done.status_code == 303
    assert re.fullmatch("/requests/mine/[0-9a-f]{32}", done.location)
    assert "申请已提交" in agent.get(done.location, base_url=HOST).text
    assert "待审批" in agent.get("/cases", base_url=HOST).text


# -- one record --------------------------------------------------------------------------------------------------


def test_without_scripts_a_reveal_is_the_page_that_shows_the_value_and_leads_away_from_it(agent: FlaskClient) -> None:
    filled = next(one for one in Forms(verified(agent).text).found if one.get("field") == "phone")
    page = send(agent, filled)
    assert page.text.count(POOL_PHONE) == 1
    address = filled["action"].removesuffix("/reveal")
    assert f'<a class="hide" href="{address}"' in page.text
    assert f'content="30;url={address}"' in page.text
    assert POOL_PHONE not in agent.get(address, base_url=HOST).text


def test_with_scripts_a_reveal_is_one_value_as_json(agent: FlaskClient) -> None:
    filled = next(one for one in Forms(verified(agent).text).found if one.get("field") == "name")
    data = {name: value for name, value in filled.items() if name != "action"}
    answer = agent.post(filled["action"], data=data, base_url=HOST, headers={"Accept": "application/json"})
    assert answer.json == {"field": "name", "ordinal": 0, "value": FULL_NAME, "seconds": 30}
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("ordinal", ["", "-1", "٣", "9999", "x"])
def test_an_ordinal_that_is_none_is_a_miss(agent: FlaskClient, ordinal: str) -> None:
    filled = next(one for one in Forms(look_up(agent, POOL_PHONE).text).found if one.get("field") == "name")
    assert send(agent, filled, ordinal=ordinal).status_code == 404


def test_the_record_page_lists_what_hangs_on_the_customer(agent: FlaskClient) -> None:
    address = re.search(r'href="(/cases/[0-9a-f]{32}/records/[0-9a-f]{32})"', look_up(agent, POOL_PHONE).text)
    assert address
    page = agent.get(address[1], base_url=HOST)
    assert "YT*********8766" in page.text
    assert WAYBILL not in page.text


def test_a_customer_never_told_is_marked(front: Front) -> None:
    with front.app.test_request_context("/lookup"):
        template = front.app.jinja_env.get_template("_card.html")
        module: Any = template.make_module({"_": lambda sentence: sentence})
        assert "no notice on record" in module.notice({})
        assert "no notice on record" not in module.notice(
            {"at": "2026-01-01T00:00:00Z", "channel": "phone", "version": "1"}
        )


def test_times_are_shown_in_beijing(front: Front) -> None:
    with front.app.test_request_context("/lookup"):
        template = front.app.jinja_env.get_template("_card.html")
        module: Any = template.make_module({"_": lambda sentence: sentence})
        shown = module.track({"pickup": "2026-10-01T18:22:00Z"})
    assert "2026-10-02 02:22" in shown


# -- around ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "first"), [(AGENT, "/lookup"), (SUPERVISOR, "/lookup"), (AUDITOR, "/log"), (ADMIN, "/accounts")]
)
def test_the_start_page_leads_to_the_first_page_of_the_role(front: Front, who: str, first: str) -> None:
    assert front.browser(who).get("/", base_url=HOST).location == first


def test_a_role_with_nothing_yet_gets_a_calm_page_and_no_menu(front: Front) -> None:
    page = front.browser(INSPECTOR).get("/", base_url=HOST)
    assert "暂无待办事项" in page.text
    assert "<nav" not in page.text


def test_the_menu_lists_only_what_the_role_may_open(front: Front) -> None:
    page = front.browser(AUDITOR).get("/log", base_url=HOST).text
    assert 'href="/log"' in page
    for closed in ("/lookup", "/cases", "/accounts"):
        assert f'href="{closed}"' not in page


def test_the_language_switch_keeps_the_page(agent: FlaskClient) -> None:
    page = agent.get("/cases", base_url=HOST)
    assert '<html lang="zh-CN">' in page.text
    answer = send(agent, form(page, "/language"), language="en")
    assert (answer.status_code, answer.location) == (303, "/cases")
    assert '<html lang="en">' in agent.get("/cases", base_url=HOST).text
    assert "My cases" in agent.get("/cases", base_url=HOST).text


def test_after_an_answer_the_language_switch_leads_to_the_record_and_never_repeats_the_number(
    agent: FlaskClient,
) -> None:
    back = form(look_up(agent, POOL_PHONE), "/language")["back"]
    assert re.fullmatch(r"/cases/[0-9a-f]{32}/records/[0-9a-f]{32}", back)


@pytest.mark.parametrize(
    "path", ["//evil.example", "https://evil.example", "/\\evil.example", "/a?b=c", "javascript:x", "", "/a\n"]
)
def test_the_way_back_leads_nowhere_but_to_our_pages(path: str) -> None:
    assert way_back(path) == "/"


def test_the_watermark_says_who_when_and_from_where_and_is_never_kept(agent: FlaskClient) -> None:
    answer = agent.get("/watermark.svg", base_url=HOST)
    assert answer.mimetype == "image/svg+xml"
    assert f">{AGENT} 窦然可<" in answer.text
    assert re.search(r">\d{4}-\d\d-\d\d \d\d:\d\d · 127\.0\.0\.1<", answer.text)
    assert answer.headers["Cache-Control"] == "no-store"


def test_only_the_demo_has_the_banner(front: Front) -> None:
    assert 'class="demo"' not in front.client().get("/sign-in", base_url=HOST).text
    assert 'class="demo"' in front.with_settings(env="demo").test_client().get("/sign-in", base_url=HOST).text


def test_no_page_holds_a_style_or_a_script_inside(front: Front) -> None:
    pages = [front.client().get("/sign-in", base_url=HOST), look_up(front.browser(AGENT), WAYBILL)]
    pages.append(front.browser(ADMIN).get("/accounts", base_url=HOST))
    for page in pages:
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?! src=)", page.text)


# -- accounts ----------------------------------------------------------------------------------------------------


def test_a_wrong_password_is_answered_beside_the_form(front: Front) -> None:
    browser = front.client()
    page = send(browser, form(browser.get("/sign-in", base_url=HOST), "/sign-in"), work_number=AGENT, password="wrong")
    assert page.status_code == 401
    assert "登录未通过" in page.text


def test_an_invited_person_chooses_a_password_and_signs_in(front: Front) -> None:
    admin, browser = front.browser(ADMIN), front.client()
    account = admin.get(f"/accounts/{OTHER_AGENT}", base_url=HOST)
    invited = send(admin, form(account, f"/accounts/{OTHER_AGENT}/reset"))
    secret = re.search(r"<code>([^<]+)</code>", invited.text)
    assert secret
    assert secret[1] not in admin.get(f"/accounts/{OTHER_AGENT}", base_url=HOST).text

    def activate(**values: str) -> Any:
        filled = form(browser.get("/activate", base_url=HOST), "/activate")
        return send(browser, filled, work_number=OTHER_AGENT, **values)

    good = "five quiet couriers"
    assert activate(secret=secret[1], password=good, again="another").status_code == 400
    assert "至少 12 个字符" in activate(secret=secret[1], password="short", again="short").text
    assert activate(secret="wrong", password=good, again=good).status_code == 401
    done = activate(secret=secret[1], password=good, again=good)
    cast("dict[str, str]", front.passwords)[OTHER_AGENT] = good  # the vault is shared with other tests
    with front.parts.database.write() as connection:  # and nobody is to wait for a confirmation there
        connection.exec_driver_sql("DELETE FROM account_resets")
        connection.commit()
    assert (done.status_code, done.location) == (303, "/sign-in?activated=1")
    assert "账号已激活" in browser.get(done.location, base_url=HOST).text
    entered = send(
        browser,
        form(browser.get("/sign-in", base_url=HOST), "/sign-in"),
        work_number=OTHER_AGENT.lower(),
        password=good,
    )
    assert (entered.status_code, entered.location) == (303, "/")


# -- the log -----------------------------------------------------------------------------------------------------


def test_the_log_lists_events_in_words_and_pages_back(front: Front, agent: FlaskClient) -> None:
    look_up(agent, POOL_PHONE)
    auditor = front.browser(AUDITOR)
    page = auditor.get("/log", base_url=HOST)
    indices = [int(one) for one in re.findall(r'<td class="number muted">(\d+)</td>', page.text)]
    assert len(indices) == len(set(indices)) > 3
    assert "查询" in page.text
    assert POOL_PHONE not in page.text
    older = auditor.get(f"/log?before={indices[2]}", base_url=HOST)
    assert f'<td class="number muted">{indices[3]}</td>' in older.text
    assert f'<td class="number muted">{indices[2]}</td>' not in older.text


def test_verifying_says_in_words_that_the_log_holds(front: Front) -> None:
    auditor = front.browser(AUDITOR)
    verdict = send(auditor, form(auditor.get("/log", base_url=HOST), "/log/verify"))
    assert "日志校验通过" in verdict.text
