"""Proving who calls, on the pages and for programs."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.web.conftest import (
    AGENT,
    AUDITOR,
    HOST,
    OTHER_AGENT,
    POOL_ID_NUMBER,
    POOL_NAME,
    POOL_PHONE,
    WAYBILL,
    Front,
)
from vault.web.api import caller as shapes

WRONG = "0000"


@pytest.fixture
def front(lone_front: Front) -> Front:
    """A vault of its own: wrong answers count for a day."""
    return lone_front


@pytest.fixture
def found(front: Front) -> dict[str, Any]:
    answer = front.api("POST", "/lookups", json={"number": POOL_PHONE, "purpose": "query"})
    document: dict[str, Any] = answer.json
    return document


@pytest.fixture
def place(found: dict[str, Any]) -> str:
    return f"/cases/{found['case']}/records/{found['records'][0]['id']}"


@pytest.fixture
def agent(front: Front) -> FlaskClient:
    browser: FlaskClient = front.browser(AGENT)
    return browser


def post(browser: FlaskClient, place: str, act: str, **values: str) -> TestResponse:
    """Send the panel's form on the page of a record."""
    page = browser.get(place, base_url=HOST).text
    assert f'action="{place}/{act}"' in page
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token
    return browser.post(f"{place}/{act}", data={"csrf_token": token[1], **values}, base_url=HOST)


def follow(browser: FlaskClient, answer: TestResponse) -> str:
    assert answer.status_code == 303
    return browser.get(answer.location, base_url=HOST).text


# -- for programs ------------------------------------------------------------------------------------------------


def test_a_program_sees_what_may_be_asked_and_proves_the_caller(front: Front, place: str) -> None:
    before = front.api("GET", f"{place}/caller")
    shapes.CallerStanding.model_validate_json(before.text)
    assert (before.json["required"], before.json["verified"], before.json["tries_left"]) == (True, False, 3)
    reveal = front.api("POST", f"{place}/reveals", json={"field": "phone"})
    assert (reveal.status_code, reveal.json["reason"]) == (403, "caller_not_verified")
    answers = [("id_last4", WRONG), ("id_last4", POOL_ID_NUMBER[-4:]), ("name", POOL_NAME)]
    given = [front.api("POST", f"{place}/caller-checks", json={"question": q, "answer": a}) for q, a in answers]
    shapes.AnswerChecked.model_validate_json(given[0].text)
    assert [one.json for one in given] == [
        {"match": False, "verified": False, "tries_left": 2},
        {"match": True, "verified": False, "tries_left": 2},
        {"match": True, "verified": True, "tries_left": 2},
    ]
    after = front.api("GET", f"{place}/caller").json
    assert [one["question"] for one in after["questions"] if one["matched"]] == ["id_last4", "name"]
    assert [one["question"] for one in after["questions"]] == ["id_last4", "name", "town", "item"]
    assert [one["question"] for one in after["questions"] if one["weak"]] == ["item"]
    assert front.api("POST", f"{place}/reveals", json={"field": "phone"}).json["value"] == POOL_PHONE


def test_a_program_meets_the_same_limits(front: Front, place: str) -> None:
    short = front.api("POST", f"{place}/caller-checks", json={"question": "id_last4", "answer": "1"})
    assert (short.status_code, short.json["reason"]) == (400, "answer_not_four")
    typed = front.api("POST", f"{place}/caller-checks", json={"question": "phone_last4", "answer": POOL_PHONE[-4:]})
    assert (typed.status_code, typed.json["reason"], typed.json["field"]) == (400, "answer_was_typed", "question")
    refused = front.api("POST", f"{place}/caller-refusals", json={"reason": "not_the_customer"})
    assert refused.status_code == 204
    checked = front.api("POST", f"{place}/caller-checks", json={"question": "name", "answer": POOL_NAME})
    assert (checked.status_code, checked.json["reason"]) == (403, "caller_refused")


def test_nobody_else_asks_about_the_caller_of_a_case(front: Front, place: str) -> None:
    for who, status in ((OTHER_AGENT, 404), (AUDITOR, 403)):
        assert front.api("GET", f"{place}/caller", who).status_code == status
        body = {"question": "name", "answer": POOL_NAME}
        assert front.api("POST", f"{place}/caller-checks", who, json=body).status_code == status
        refusal = {"reason": "not_the_customer"}
        assert front.api("POST", f"{place}/caller-refusals", who, json=refusal).status_code == status


# -- the pages ---------------------------------------------------------------------------------------------------


def test_the_panel_says_match_or_no_match_and_the_address_holds_no_answer(agent: FlaskClient, place: str) -> None:
    answers = [
        ("id_last4", WRONG, "no_match", "不一致"),
        ("id_last4", POOL_ID_NUMBER[-4:], "match", "请再问一个问题"),
        ("name", POOL_NAME, "verified", "来电人已通过核验"),
        ("town", "无此路", "no_match", "不一致"),
    ]
    for question, answer, code, said in answers:
        done = post(agent, place, "caller-checks", question=question, answer=answer)
        assert parse_qs(urlsplit(done.location).query) == {"caller": [code]}
        page = follow(agent, done)
        assert said in page
        assert POOL_NAME not in page
    assert "来电人已核验" in page


def test_an_answer_that_can_be_none_is_said_to_be_so(agent: FlaskClient, place: str) -> None:
    page = follow(agent, post(agent, place, "caller-checks", question="id_last4", answer="12"))
    assert "请准确输入后四位" in page
    assert "剩余次数：3" in page


def test_what_was_typed_is_not_asked_and_to_ask_it_all_the_same_is_refused(agent: FlaskClient, place: str) -> None:
    page = agent.get(place, base_url=HOST).text
    assert re.findall(r'name="question" value="(\w+)"', page) == ["id_last4", "name", "town", "item"]
    assert "最近包裹的物品类型 · 不计入核验" in page
    page = follow(agent, post(agent, place, "caller-checks", question="phone_last4", answer=POOL_PHONE[-4:]))
    assert "不能用于核验" in page
    assert "剩余次数：3" in page


def test_after_three_wrong_answers_the_form_is_gone_and_the_refusal_stays(agent: FlaskClient, place: str) -> None:
    for _ in range(3):
        page = follow(agent, post(agent, place, "caller-checks", question="id_last4", answer=WRONG))
    assert f'action="{place}/caller-checks"' not in page
    assert "次数已用完" in page
    page = follow(agent, post(agent, place, "caller-refusals", reason="not_the_customer"))
    assert "已登记拒绝" in page
    assert f'action="{place}/caller-refusals"' not in page


def test_words_in_the_address_that_are_not_ours_are_not_shown(agent: FlaskClient, place: str) -> None:
    page = agent.get(f"{place}?caller=%E4%BD%A0%E5%A5%BD<b>", base_url=HOST).text
    assert "你好" not in page
    assert "<b>" not in page


def test_beside_a_shipment_only_the_party_in_scope_is_asked_and_the_way_leads_back_to_it(
    front: Front, agent: FlaskClient
) -> None:
    answer = front.api("POST", "/lookups", json={"number": WAYBILL, "purpose": "query"}).json
    by_part = {one["part"]: one["id"] for one in answer["records"]}
    shipment = f"/cases/{answer['case']}/records/{by_part['match']}"
    page = agent.get(shipment, base_url=HOST).text
    assert page.count("/caller-checks") == 1
    assert f"/records/{by_part['sender']}/caller-checks" in page
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token
    values = {"csrf_token": token[1], "question": "name", "answer": POOL_NAME, "page": by_part["match"]}
    address = f"/cases/{answer['case']}/records/{by_part['sender']}/caller-checks"
    done = agent.post(address, data=values, base_url=HOST)
    assert urlsplit(done.location).path == shipment
    astray = agent.post(address, data=values | {"page": "//example.com/" + "0" * 18}, base_url=HOST)
    assert urlsplit(astray.location).path == f"/cases/{answer['case']}/records/{by_part['sender']}"


def test_an_own_customer_needs_no_proof_and_the_panel_says_so(front: Front) -> None:
    found = front.api("POST", "/lookups", OTHER_AGENT, json={"number": "13912345602", "purpose": "query"}).json
    place = f"/cases/{found['case']}/records/{found['records'][0]['id']}"
    page = front.browser(OTHER_AGENT).get(place, base_url=HOST).text
    assert "此处非必须" in page
    assert front.api("POST", f"{place}/reveals", OTHER_AGENT, json={"field": "phone"}).status_code == 200
