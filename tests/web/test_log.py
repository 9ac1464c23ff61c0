"""The auditor's search of the access log: pages, forms and charts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.web.conftest import (
    ABSENT_PHONE,
    AGENT,
    AUDITOR,
    HOST,
    OTHER_AGENT,
    POOL_ID_NUMBER,
    POOL_PHONE,
    SUPERVISOR,
    WAYBILL,
    Front,
)
from tests.web.test_pages import form, send
from vault.services import log_search
from vault.web.api.log import EventCounts, Events

ROW = re.compile(r'<td class="number muted">(\d+)</td>')


@pytest.fixture
def auditor(front: Front) -> FlaskClient:
    browser: FlaskClient = front.browser(AUDITOR)
    return browser


def get(browser: FlaskClient, path: str) -> Any:
    return browser.get(path, base_url=HOST)


def rows(page: Any) -> list[str]:
    """Return the rows of the list, tags and all."""
    body: str = page.text.partition('<table class="log">')[2].partition("</table>")[0]
    return re.findall(r"<tr>\s*<td class=.*?</tr>", body, re.DOTALL)


def last_event(front: Front, action: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = front.api("GET", f"/events?action={action}&limit=1", who=AUDITOR).json["events"]
    event: dict[str, Any] = found[0]["event"]
    return event


def test_a_typed_phone_leads_to_who_saw_the_customer_and_stands_nowhere(
    front: Front, auditor: FlaskClient, found: dict[str, Any]
) -> None:
    done = send(auditor, form(get(auditor, "/log"), "/log/find"), number=POOL_PHONE)
    record = found["records"][0]["id"]
    assert (done.status_code, done.location) == (303, f"/log?record={record}&around=1")
    page = get(auditor, done.location)
    assert record[:8] in rows(page)[0]
    assert AGENT in rows(page)[0]
    assert POOL_PHONE not in page.text
    event = last_event(front, "log.search")
    assert POOL_PHONE not in str(event)
    everything = front.api("GET", "/events?limit=20", who=AUDITOR).text
    assert POOL_PHONE not in everything
    searched = [one["event"] for one in front.api("GET", "/events?limit=20&action=log.search", AUDITOR).json["events"]]
    by_number = [one for one in searched if one["facts"]]
    assert by_number[0]["facts"] == {"identifier": "phone"}
    assert by_number[0]["records"] == []


@pytest.mark.parametrize("number", [POOL_ID_NUMBER, WAYBILL])
def test_an_id_number_or_a_waybill_leads_there_too(front: Front, auditor: FlaskClient, number: str) -> None:
    front.api("POST", "/lookups", json={"number": number, "purpose": "query"})
    done = send(auditor, form(get(auditor, "/log"), "/log/find"), number=number)
    assert re.fullmatch(r"/log\?record=[0-9a-f]{32}&around=1", done.location)
    assert AGENT in rows(get(auditor, done.location))[0]


def test_a_companys_own_number_leads_there_too_and_stands_in_no_address(
    front: Front, auditor: FlaskClient, found: dict[str, Any]
) -> None:
    done = send(auditor, form(get(auditor, "/log"), "/log/find"), number="c1")
    assert (done.status_code, done.location) == (303, f"/log?record={found['records'][0]['id']}&around=1")
    assert AGENT in rows(get(auditor, done.location))[0]
    searched = [one["event"] for one in front.api("GET", "/events?limit=20&action=log.search", AUDITOR).json["events"]]
    assert next(one for one in searched if one["facts"])["facts"] == {"identifier": "source_number"}
    absent = send(auditor, form(get(auditor, "/log"), "/log/find"), number="NO-999/99")
    assert absent.location == "/log?none=source_number"
    assert "没有任何记录使用该号码" in get(auditor, absent.location).text


def test_a_number_that_no_record_carries_is_said_so_by_its_kind(auditor: FlaskClient) -> None:
    done = send(auditor, form(get(auditor, "/log"), "/log/find"), number=ABSENT_PHONE)
    assert (done.status_code, done.location) == (303, "/log?none=phone")
    assert "没有任何记录使用该号码（电话号码）。" in get(auditor, done.location).text


def test_what_is_no_number_is_refused_beside_its_field_and_not_repeated(front: Front, auditor: FlaskClient) -> None:
    page = send(auditor, form(get(auditor, "/log"), "/log/find"), number="王小明 <b>")
    assert page.status_code == 400
    assert 'id="number-error"' in page.text
    assert "王小明" not in page.text


def test_what_was_asked_for_is_kept_when_a_customer_is_looked_for(auditor: FlaskClient, found: dict[str, Any]) -> None:
    page = get(auditor, "/log?outcome=granted&since=2020-01-01T00:00&shift=outside")
    done = send(auditor, form(page, "/log/find"), number=POOL_PHONE)
    assert "outcome=granted" in done.location
    assert "since=2020-01-01T00:00" in done.location.replace("%3A", ":")


@pytest.mark.parametrize("path", ["/log", "/log/charts"])
def test_only_who_reads_the_log_may_search_it(front: Front, path: str) -> None:
    for who in (AGENT, SUPERVISOR):
        browser, before = front.browser(who), front.events()
        assert get(browser, path).status_code == 403
        assert front.events() == before + 1


def test_filters_narrow_the_list_and_stay_in_the_form(front: Front, auditor: FlaskClient) -> None:
    front.api("POST", "/lookups", json={"number": ABSENT_PHONE, "purpose": "query"}, who=OTHER_AGENT)
    page = get(auditor, f"/log?person={OTHER_AGENT}&outcome=miss&action=record.lookup&role=agent&purpose=query")
    assert rows(page)
    assert all(OTHER_AGENT in one and "未找到" in one for one in rows(page))
    for word in (OTHER_AGENT, "miss", "record.lookup", "agent", "query"):
        assert f'value="{word}" selected' in page.text
    assert not rows(get(auditor, f"/log?person={OTHER_AGENT}&outcome=miss&action=record.reveal"))


def test_pages_follow_on_from_each_other_and_keep_the_question(front: Front, auditor: FlaskClient) -> None:
    for _ in range(52):
        front.api("GET", "/events?limit=1&role=auditor", who=AUDITOR)
    page = get(auditor, "/log?action=log.search")
    older = re.search(r'href="(/log\?before=\d+&amp;action=log.search)"', page.text)
    assert older
    following = get(auditor, older[1].replace("&amp;", "&"))
    first, second = (list(map(int, ROW.findall(one.text))) for one in (page, following))
    assert len(first) == 50
    assert max(second) < min(first)
    assert "前往" not in following.text


def test_the_language_switch_keeps_what_was_asked_for(auditor: FlaskClient) -> None:
    page = get(auditor, "/log?action=record.lookup&since=2026-01-01T08:00")
    done = send(auditor, form(page, "/language"), language="en")
    assert done.location.startswith("/log?")
    english = get(auditor, done.location)
    assert 'value="record.lookup" selected' in english.text
    assert 'value="2026-01-01T08:00"' in english.text
    send(auditor, form(english, "/language"), language="zh-CN")


@pytest.mark.parametrize(
    "query",
    [
        "action=nothing",
        "outcome=perhaps",
        "role=nobody",
        "purpose=fun",
        "since=yesterday",
        "since=2026-02-30T00:00",
        "until=0001-01-01T00:00",
        "record=13912345601",
        "since=2026-02-02T00:00&until=2026-02-01T00:00",
        "&".join(["record=" + "0" * 32] * 21),
        "person=" + "A" * 65,
        "person=13912345601",
    ],
)
def test_a_question_that_cannot_be_is_refused_and_not_repeated(auditor: FlaskClient, query: str) -> None:
    for path in ("/log", "/log/charts"):
        page = get(auditor, f"{path}?{query}")
        assert page.status_code == 400, query
        assert query.partition("=")[2] not in page.text


def test_saved_questions_are_links_that_answer(front: Front, auditor: FlaskClient, found: dict[str, Any]) -> None:
    page = get(auditor, f"/log?record={found['records'][0]['id']}")
    saved = page.text.partition('class="log-saved"')[2].partition("</nav>")[0]
    links = [one.replace("&amp;", "&") for one in re.findall(r'href="([^"]+)"', saved)]
    assert len(links) == 4
    assert [get(auditor, link).status_code for link in links] == [200] * 4
    assert AGENT in rows(get(auditor, links[0]))[0]
    front.api("GET", "/events", who=AGENT)
    assert any(AGENT in one and "拒绝" in one for one in rows(get(auditor, links[2])))


def test_the_charts_have_the_same_numbers_as_their_tables(front: Front, auditor: FlaskClient) -> None:
    for _ in range(3):
        front.api("POST", "/lookups", json={"number": ABSENT_PHONE, "purpose": "query"})
    page = get(auditor, f"/log/charts?action=record.lookup&person={AGENT}").text
    heights = [float(one) for one in re.findall(r'<rect x=[^>]* height="([^"]+)"', page)]
    assert len(heights) == 24
    by_hour = page.partition("<tbody>")[2].partition("</tbody>")[0]
    hours = [int(one) for one in re.findall(r'<td class="number">(\d+)</td>', by_hour)]
    assert len([one for one in heights if one]) == len(hours)
    by_person = page.partition('class="by-person"')[2]
    people = re.findall(
        r'<th scope="row" class="number"><a [^>]*>(\w+)</a></th>\s*<td class="number">(\d+)</td>', by_person
    )
    assert people == [(AGENT, str(sum(hours)))]
    assert sum(hours) >= 3
    assert "style=" not in page


def test_the_list_opens_with_its_newest_entry_whatever_place_is_asked_for(auditor: FlaskClient) -> None:
    for before in ("x", "9" * 15, "-1", ""):
        assert rows(get(auditor, f"/log?before={before}"))


# -- for programs ------------------------------------------------------------------------------------------------


def test_a_program_searches_by_a_number_that_its_answer_does_not_hold(front: Front, found: dict[str, Any]) -> None:
    body = {"number": POOL_PHONE, "action": "record.lookup", "limit": 2}
    answer = front.api("POST", "/events/search", who=AUDITOR, json=body)
    Events.model_validate_json(answer.text)
    assert answer.json["records"] == [found["records"][0]["id"]]
    assert all(found["records"][0]["id"] in str(one["event"]["records"]) for one in answer.json["events"])
    assert answer.json["events"]
    assert POOL_PHONE not in answer.text


def test_a_program_searches_by_a_number_of_the_companys_own(front: Front, found: dict[str, Any]) -> None:
    body = {"number": "C1", "action": "record.lookup", "limit": 2}
    answer = front.api("POST", "/events/search", who=AUDITOR, json=body)
    assert answer.json["records"] == [found["records"][0]["id"]]
    assert answer.json["events"]


def test_a_program_searches_by_records_and_what_hangs_on_them(front: Front, found: dict[str, Any]) -> None:
    customer = found["records"][0]["id"]
    narrow, wide = (
        front.api("POST", "/events/search", who=AUDITOR, json={"records": [customer], "around": around}).json
        for around in (False, True)
    )
    assert narrow["records"] == [customer]
    assert len(wide["records"]) == 2  # the customer's shipment


def test_a_record_with_too_much_around_it_is_told_alone_and_the_page_says_so(
    front: Front, found: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_search, "_MOST_AROUND", 0)
    customer = found["records"][0]["id"]
    for path in ("/log", "/log/charts"):
        page = front.browser(AUDITOR).get(f"{path}?record={customer}&around=1", base_url=HOST)
        assert page.status_code == 200
        assert 'role="alert"' in page.text
    body = {"records": [customer], "around": True}
    answer = front.api("POST", "/events/search", who=AUDITOR, json=body)
    assert (answer.status_code, answer.json["reason"]) == (400, "too_much_around")


def test_a_number_that_nothing_carries_gives_no_events_and_not_all_of_them(front: Front) -> None:
    answer = front.api("POST", "/events/search", who=AUDITOR, json={"number": ABSENT_PHONE})
    assert answer.json == {"events": [], "older": None, "records": []}


def test_a_number_and_records_at_once_are_refused(front: Front) -> None:
    body = {"number": POOL_PHONE, "records": ["0" * 32]}
    answer = front.api("POST", "/events/search", who=AUDITOR, json=body)
    assert (answer.status_code, answer.json["reason"]) == (400, "number_or_records")


def test_a_program_pages_by_the_index_it_was_given_to_the_end(front: Front, found: dict[str, Any]) -> None:
    record, seen, before = found["records"][0]["id"], [], ""
    while True:
        page = front.api("GET", f"/events?record={record}&limit=1{before}", who=AUDITOR).json
        seen += [one["index"] for one in page["events"]]
        if page["older"] is None:
            break
        before = f"&before={page['older']}"
    assert seen == sorted(set(seen), reverse=True)
    whole = front.api("GET", f"/events?record={record}&limit=200", who=AUDITOR).json
    assert [one["index"] for one in whole["events"]] == seen


def test_counts_say_the_same_as_the_list(front: Front, found: dict[str, Any]) -> None:
    counts = front.api("GET", f"/events/counts?action=record.lookup&outcome=granted&person={AGENT}", who=AUDITOR)
    EventCounts.model_validate_json(counts.text)
    narrowed = f"action=record.lookup&outcome=granted&person={AGENT}&limit=200"
    listed = front.api("GET", f"/events?{narrowed}", who=AUDITOR).json["events"]
    assert counts.json["people"] == [{"person": AGENT, "count": len(listed)}]
    assert sum(one["count"] for one in counts.json["hours"]) == len(listed)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("since=2026-01-01", "since"),
        ("since=2026-13-01T00:00Z", "since"),
        ("action=x", "action"),
        ("action=record.nothing", "action"),
        ("shift=inside", "shift"),
        ("record=1", "record"),
        ("person=", "person"),
        ("phone=13912345601", "phone"),
        ("since=2026-02-02T00:00Z&until=2026-02-02T00:00Z", "until"),
    ],
)
def test_a_question_of_a_program_that_cannot_be_names_its_field(front: Front, query: str, field: str) -> None:
    answer = front.api("GET", f"/events?{query}", who=AUDITOR)
    assert (answer.status_code, answer.json["field"]) == (400, field)


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/events"), ("GET", "/events/counts"), ("POST", "/events/search")]
)
def test_nobody_else_searches_the_log_by_program(front: Front, method: str, path: str) -> None:
    front.token(AGENT)
    before = front.events()
    answer = front.api(method, path, who=AGENT, json={"number": POOL_PHONE} if method == "POST" else None)
    assert (answer.status_code, front.events()) == (403, before + 1)
