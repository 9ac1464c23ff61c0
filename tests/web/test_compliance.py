"""The compliance report as a page and for programs."""

from __future__ import annotations

import re

import pytest

from tests.web.conftest import ADMIN, AGENT, AUDITOR, HOST, IMD, POOL_PHONE, SUPERVISOR, Front
from vault.domain.compliance import CLAUSES
from vault.services import log
from vault.web.api.compliance import ComplianceReport
from vault.web.gate import now


def page(front: Front, who: str, **given: object) -> str:
    answer = front.browser(who).get("/compliance", base_url=HOST, **given)
    assert answer.status_code == 200
    text: str = answer.text
    return text


def test_every_clause_is_there_in_its_own_words(front: Front) -> None:
    text = page(front, AUDITOR)
    rows = re.findall(r'<th scope="row">(\w\w-\d\d) .*?<q lang="zh-CN">([^<]+)</q>', text, re.DOTALL)
    assert rows == [(clause.id, clause.zh) for clause in CLAUSES]
    assert text.count("尚未建成</span>") == 4
    assert POOL_PHONE not in text


def test_it_names_the_checkpoint_it_was_drawn_from(front: Front) -> None:
    size = log.settle(front.parts, now())
    assert f"依据覆盖 {size} 个事件的检查点" in page(front, AUDITOR)


def test_in_english_the_clause_stands_beside_its_meaning(front: Front) -> None:
    browser = front.browser(AUDITOR)
    browser.set_cookie("language", "en", domain="127.0.0.1")
    text = browser.get("/compliance", base_url=HOST).text
    assert "Everybody signs in with a personal account." in text
    assert "访问系统时需使用个人账号登录" in text
    assert "not built yet" in text


def test_the_auditor_is_led_to_the_events_and_information_management_which_may_not_read_them_is_not(
    front: Front,
) -> None:
    links = [one.replace("&amp;", "&") for one in re.findall(r'href="(/log\?since=[^"]+)"', page(front, AUDITOR))]
    assert len(links) > 10
    browser = front.browser(AUDITOR)
    assert {browser.get(link, base_url=HOST).status_code for link in set(links)} == {200}
    assert "/log" not in page(front, IMD)


@pytest.mark.parametrize("who", [AGENT, SUPERVISOR, ADMIN])
def test_others_are_refused_on_page_and_api_and_that_is_logged(front: Front, who: str) -> None:
    browser, _, before = front.browser(who), front.token(who), front.events()
    assert browser.get("/compliance", base_url=HOST).status_code == 403
    assert front.api("GET", "/compliance", who=who).status_code == 403
    assert front.events() == before + 2


def test_a_program_gets_the_same_clauses_with_the_ids_of_their_sentences(front: Front) -> None:
    answer = front.api("GET", "/compliance", who=AUDITOR)
    report = ComplianceReport.model_validate_json(answer.text)
    assert [one.clause for one in report.clauses] == [clause.id for clause in CLAUSES]
    assert sum(report.counts.values()) == len(CLAUSES)
    assert report.in_line == (report.counts["exception"] == 0)
