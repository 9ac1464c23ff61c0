"""Incidents on the pages and for programs: everybody reports, officers act, and the board tells whose turn it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event as sql_event

from tests.web.conftest import (
    ADMIN,
    AGENT,
    AUDITOR,
    HOST,
    IMD,
    INSPECTOR,
    OTHER_AGENT,
    SUPERVISOR,
    Front,
)
from tests.web.officers import add_officer
from vault.domain.breach.containment import Measure
from vault.domain.breach.incidents import AwareSource, IncidentKind
from vault.services.breach import containment, incidents
from vault.services.sessions import person_of
from vault.services.steps.breach.incidents import NOTE_LENGTH, Opening
from vault.web.api import incidents as shapes
from vault.web.app import create_app

OFFICER = "KF2012"
MARKER = "13800138000"
ABSENT = "0" * 32
KINDS = ("leak", "loss", "alteration", "system_failure", "misuse", "surge")
EVERYBODY = (AGENT, SUPERVISOR, AUDITOR, INSPECTOR, IMD, ADMIN)
VIEWERS = (SUPERVISOR, AUDITOR, IMD)
ACTS = {
    "activate": {"note": "x"},
    "assess": {"verdict": "breach", "note": "x"},
    "advance": {"state": "contained", "note": "x"},
    "awareness": {"aware_at": "2026-01-01T08:00", "note": "x"},
    "closing": {"note": "x"},
    "close": {"note": "x"},
}


@pytest.fixture(scope="module")
def front(lone_front: Front, tmp_path_factory: pytest.TempPathFactory) -> Front:
    """A vault of its own, with a second officer."""
    add_officer(lone_front, OFFICER, tmp_path_factory.mktemp("staff"))
    return lone_front


def person(front: Front, who: str) -> Any:
    return person_of(front.parts, front.token(who), "127.0.0.1", datetime.now(UTC))


def opened(front: Front, kind: str = "leak", who: str = AGENT, minutes: int = 0, **said: Any) -> str:
    now = datetime.now(UTC)
    opening = Opening(IncidentKind(kind), AwareSource.REPORT, now - timedelta(minutes=minutes), **said)
    return incidents.open_one(front.parts, person(front, who), opening, now).hex()


def get(front: Front, path: str, who: str = IMD) -> Any:
    return front.browser(who).get(path, base_url=HOST)


def send(front: Front, path: str, who: str = IMD, page: str = "/incidents/report", **values: str) -> Any:
    """Send a form as a browser would, with the token of a page."""
    browser = front.browser(who)
    token = re.search(r'name="csrf_token" value="([^"]+)"', browser.get(page, base_url=HOST).text)
    assert token
    return browser.post(path, data={"csrf_token": token[1], **values}, base_url=HOST)


def act(front: Front, incident: str, name: str, who: str = IMD, **values: str) -> Any:
    return send(front, f"/incidents/{incident}/{name}", who, **values)


def call(front: Front, method: str, path: str, who: str = IMD, **body: Any) -> Any:
    return front.api(method, f"/incidents{path}", who, **({"json": body} if body else {}))


def listed(front: Front, limit: int = 200) -> list[list[Any]]:
    """List all incidents as a program does, page by page."""
    pages, after = [], ""
    while after or not pages:
        answer = call(front, "GET", f"?limit={limit}{'&after=' + after if after else ''}")
        shapes.Incidents.model_validate_json(answer.text)
        pages.append(answer.json["incidents"])
        after = answer.json["after"]
    return pages


def everything(front: Front) -> list[Any]:
    return [one for page in listed(front) for one in page]


def shown(front: Front, incident: str) -> Any:
    answer = call(front, "GET", f"/{incident}")
    assert answer.status_code == 200
    shapes.IncidentShown.model_validate_json(answer.text)
    return answer.json


def assessed(front: Front, verdict: str = "no_breach", **given: Any) -> str:
    incident = opened(front, "surge", **given)
    assert call(front, "POST", f"/{incident}/activate", note="synthetic").status_code == 204
    assert call(front, "POST", f"/{incident}/assess", verdict=verdict, note="synthetic").status_code == 204
    return incident


def closed(front: Front) -> str:
    incident = assessed(front)
    assert call(front, "POST", f"/{incident}/closing", note="synthetic").status_code == 204
    assert call(front, "POST", f"/{incident}/close", OFFICER, note="synthetic").status_code == 204
    return incident


@contextmanager
def counted(front: Front) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not statement.startswith("PRAGMA"):
            statements.append(statement)

    sql_event.listen(front.parts.database.engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        sql_event.remove(front.parts.database.engine, "before_cursor_execute", note)


# -- reporting -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", EVERYBODY)
def test_everybody_finds_the_form_in_the_head_of_every_page_and_reports_in_one_press(front: Front, who: str) -> None:
    assert 'href="/incidents/report"' in get(front, "/sessions", who).text
    form = get(front, "/incidents/report", who).text
    assert all(f'name="kind" value="{kind}"' in form for kind in KINDS)
    answer = send(front, "/incidents", who, kind="loss")
    assert (answer.status_code, answer.location[-14:]) == (303, "?done=reported")
    page = get(front, answer.location, who).text
    number = answer.location.removeprefix("/incidents/")[:8].upper()
    assert number in page
    assert "信息管理部门、客服主管" in page


def test_enter_in_a_field_of_the_form_reports_nothing(front: Front) -> None:
    first = re.search(r"<button[^>]*>", get(front, "/incidents/report", AGENT).text.partition("report-incident")[2])
    assert first
    assert "disabled" in first[0]


def test_who_may_read_no_incidents_sees_how_far_their_own_report_has_come_and_nothing_else(front: Front) -> None:
    answer = send(front, "/incidents", AGENT, kind="misuse", note=f"客户 {MARKER}", aware_at="")
    incident = re.findall(r"[0-9a-f]{32}", answer.location)[0]
    page = get(front, f"/incidents/{incident}", AGENT)
    assert page.status_code == 200
    assert "已报告" in page.text
    assert MARKER not in page.text
    assert "data-due" not in page.text
    assert "/activate" not in page.text


@pytest.mark.parametrize("who", [AGENT, INSPECTOR, ADMIN])
def test_the_report_of_somebody_else_is_not_there(front: Front, who: str) -> None:
    theirs, absent = (get(front, f"/incidents/{one}", who) for one in (opened(front, who=OTHER_AGENT), ABSENT))
    assert theirs.status_code == absent.status_code == 404


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kind", ""),
        ("kind", "fire"),
        ("aware_at", "2999-01-01T08:00"),
        ("aware_at", "yesterday"),
        ("aware_at", "0001-01-01T00:00"),
        ("aware_at", "2026-02-30T08:00"),
        ("note", "x" * (NOTE_LENGTH + 1)),
    ],
)
def test_what_cannot_be_is_said_beside_its_field_and_opens_nothing(front: Front, field: str, value: str) -> None:
    before = everything(front)
    answer = send(front, "/incidents", AGENT, **({"kind": "leak"} | {field: value}))
    assert answer.status_code == 400
    assert f'id="report-{field.partition("_")[0]}-error"' in answer.text
    assert everything(front) == before


def test_what_was_typed_stays_in_the_form_when_something_cannot_be(front: Front) -> None:
    answer = send(front, "/incidents", AGENT, kind="leak", note="看到一张表", aware_at="2999-01-01T08:00")
    assert ">看到一张表</textarea>" in answer.text
    assert 'value="2999-01-01T08:00"' in answer.text


def test_a_note_is_in_no_event_no_line_and_no_address(front: Front, capsys: pytest.CaptureFixture[str]) -> None:
    answer = send(front, "/incidents", AGENT, kind="leak", note=f"客户 {MARKER}")
    assert MARKER not in answer.location
    with front.parts.database.read() as connection:
        for table in ("log_inbox", "log_events"):
            rows = connection.exec_driver_sql(f"SELECT canonical FROM {table}")
            assert not any(MARKER.encode() in bytes(row[0]) for row in rows)
    assert MARKER not in capsys.readouterr().err


def test_a_report_and_the_start_of_the_plan_go_through_while_everything_is_frozen(front: Front) -> None:
    why, now = opened(front), datetime.now(UTC)
    officer = person(front, IMD)
    frozen = [
        containment.take(front.parts, officer, bytes.fromhex(why), measure, "", "x", now)
        for measure in (Measure.FREEZE_REVEALS, Measure.FREEZE_EXPORTS, Measure.FREEZE_IMPORTS, Measure.READ_ONLY)
    ]
    try:
        answer = send(front, "/incidents", AGENT, kind="system_failure", note="打不开")
        assert answer.status_code == 303
        incident = re.findall(r"[0-9a-f]{32}", answer.location)[0]
        assert act(front, incident, "activate", note="x").status_code == 303
        assert act(front, incident, "clocks", SUPERVISOR, clock="technical").status_code == 303
        assert get(front, "/incidents").status_code == 200
    finally:
        for one in frozen:
            containment.end(front.parts, officer, bytes.fromhex(why), one.containment_id, "x", now)


# -- who may pass --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", EVERYBODY)
def test_the_board_and_an_incident_are_for_those_who_may_read_them(front: Front, who: str) -> None:
    incident = opened(front, who=OTHER_AGENT)
    may = who in VIEWERS
    assert get(front, "/incidents", who).status_code == (200 if may else 403)
    assert get(front, f"/incidents/{incident}", who).status_code == (200 if may else 404)
    assert ('<a href="/incidents"' in get(front, "/sessions", who).text) is may


@pytest.mark.parametrize("name", ACTS)
@pytest.mark.parametrize("who", [one for one in EVERYBODY if one != IMD])
def test_only_officers_act_and_a_refusal_is_logged(front: Front, who: str, name: str) -> None:
    incident = opened(front)
    front.token(who)
    before = front.events()
    answer = act(front, incident, name, who, **ACTS[name])
    assert (answer.status_code, front.events()) == (403, before + 1)
    assert call(front, "GET", f"/{incident}").json["incident"]["state"] == "reported"


@pytest.mark.parametrize("name", [*ACTS, "clocks"])
def test_an_act_on_an_incident_that_is_not_there_is_not_there(front: Front, name: str) -> None:
    assert act(front, ABSENT, name, **ACTS.get(name, {"clock": "postal"})).status_code == 404


# -- acting --------------------------------------------------------------------------------------------------------


def test_one_officer_starts_the_plan_from_the_report_in_one_step(front: Front) -> None:
    incident = opened(front)
    page = get(front, f"/incidents/{incident}").text
    assert page.count('class="main"') == 1  # one primary button
    answer = act(front, incident, "activate", note="先启动")
    assert (answer.status_code, answer.location) == (303, f"/incidents/{incident}?done=step")
    found = shown(front, incident)
    assert found["incident"]["state"] == "activated"
    assert {one["id"]: one["state"] for one in found["incident"]["clocks"]}["activate"] == "met"
    assert "先启动" in get(front, f"/incidents/{incident}").text


@pytest.mark.parametrize("name", ["activate", "assess", "advance", "closing"])
def test_an_act_without_a_reason_says_so_beside_its_field(front: Front, name: str) -> None:
    answer = act(front, opened(front), name, **(ACTS[name] | {"note": "  "}))
    assert answer.status_code == 400
    assert 'id="next-note-error"' in answer.text


def test_a_verdict_outside_the_list_is_said_beside_its_field(front: Front) -> None:
    incident = opened(front)
    act(front, incident, "activate", note="x")
    answer = act(front, incident, "assess", verdict="perhaps", note="x")
    assert answer.status_code == 400
    assert 'id="verdict-error"' in answer.text


@pytest.mark.parametrize("state", ["repaired", "notified", "closed", "reported", "", "elsewhere"])
def test_no_step_is_left_out(front: Front, state: str) -> None:
    incident = assessed(front, "breach")
    assert act(front, incident, "advance", state=state, note="x").status_code in (400, 409)
    assert shown(front, incident)["incident"]["state"] == "assessed"


def test_the_steps_are_shown_with_the_one_to_come(front: Front) -> None:
    page = get(front, f"/incidents/{assessed(front, 'breach')}").text
    standing = re.findall(r'<li class="(done|now|to_come|left_out)"', page)
    assert standing == ["done"] * 3 + ["now"] + ["to_come"] * 3
    page = get(front, f"/incidents/{assessed(front)}").text
    standing = re.findall(r'<li class="(done|now|to_come|left_out)"', page)
    assert standing == ["done"] * 3 + ["left_out"] * 3 + ["now"]


def test_one_asks_for_the_closing_and_another_closes(front: Front) -> None:
    incident = assessed(front)
    assert act(front, incident, "closing", note="多看一眼").location.endswith("?done=asked")
    assert f"/incidents/{incident}/close" not in get(front, f"/incidents/{incident}", IMD).text
    alone = act(front, incident, "close", IMD, note="x")
    assert alone.status_code == 403
    assert 'action="/incidents/' in get(front, f"/incidents/{incident}", OFFICER).text
    answer = act(front, incident, "close", OFFICER, note="核对过", answer="yes")
    assert answer.location.endswith("?done=closed")
    page = get(front, f"/incidents/{incident}").text
    assert "已结案" in page
    assert "<textarea" not in page


def test_the_second_person_may_send_it_back(front: Front) -> None:
    incident = assessed(front)
    act(front, incident, "closing", note="x")
    answer = act(front, incident, "close", OFFICER, note="报告不全", answer="no")
    assert answer.location.endswith("?done=sent_back")
    assert shown(front, incident)["incident"]["state"] == "assessed"
    assert act(front, incident, "closing", note="补全了").status_code == 303


def test_closing_asks_for_password_and_code_of_a_moment_ago(front: Front, set_clock: Any) -> None:
    incident = assessed(front)
    browser = front.browser(IMD)
    later = datetime.now(UTC) + timedelta(minutes=12)
    set_clock(later)
    page = browser.get(f"/incidents/{incident}", base_url=HOST).text
    assert f"/confirm?back=%2Fincidents%2F{incident}" in page
    assert 'id="next-note"' not in page


# -- awareness and clocks ------------------------------------------------------------------------------------------


def local(front: Front, at: datetime) -> str:
    return at.astimezone(front.parts.policy.zone).strftime("%Y-%m-%dT%H:%M")


def test_an_earlier_awareness_brings_the_deadlines_forward_and_is_shown_beside_the_first(front: Front) -> None:
    incident = opened(front)
    before = {one["id"]: one["due"] for one in shown(front, incident)["incident"]["clocks"]}
    earlier = local(front, datetime.now(UTC) - timedelta(hours=1))
    answer = act(front, incident, "awareness", aware_at=earlier, note="值班记录")
    assert answer.location.endswith("?done=awareness")
    after = {one["id"]: one["due"] for one in shown(front, incident)["incident"]["clocks"]}
    assert all(after[name] < before[name] for name in before)
    assert "所述最早时间" in get(front, f"/incidents/{incident}").text


def test_a_later_awareness_is_noted_and_changes_no_deadline(front: Front) -> None:
    incident = opened(front, minutes=90)
    before = shown(front, incident)["incident"]["clocks"]
    later = local(front, datetime.now(UTC) - timedelta(minutes=30))
    assert act(front, incident, "awareness", aware_at=later, note="x").location.endswith("?done=later")
    assert shown(front, incident)["incident"]["clocks"] == before


@pytest.mark.parametrize("aware_at", ["", "soon", "2999-01-01T08:00"])
def test_an_awareness_that_cannot_be_is_said_beside_its_field(front: Front, aware_at: str) -> None:
    answer = act(front, opened(front), "awareness", aware_at=aware_at, note="x")
    assert answer.status_code == 400
    assert 'id="aware-at-error"' in answer.text


def test_a_clock_is_done_by_its_own_roles_and_late_only_with_a_reason(front: Front) -> None:
    incident = opened(front, "system_failure", minutes=30)
    page = get(front, f"/incidents/{incident}", SUPERVISOR).text
    assert 'name="clock" value="technical"' in page
    assert 'name="clock" value="network"' not in page
    assert 'name="clock"' not in get(front, f"/incidents/{incident}", AUDITOR).text
    assert act(front, incident, "clocks", AUDITOR, clock="technical").status_code == 403
    answer = act(front, incident, "clocks", SUPERVISOR, clock="technical", note=" ")
    assert answer.status_code == 400
    assert 'id="late-technical-error"' in answer.text
    done = act(front, incident, "clocks", SUPERVISOR, clock="technical", note="电话占线")
    assert done.location.endswith("?done=clock")
    assert act(front, incident, "clocks", SUPERVISOR, clock="technical", note="x").status_code == 409
    page = get(front, f"/incidents/{incident}").text
    assert "电话占线" in page
    assert {one["id"]: one["state"] for one in shown(front, incident)["incident"]["clocks"]}["technical"] == "late"


@pytest.mark.parametrize("clock", ["", "unheard_of", "police"])
def test_a_clock_that_does_not_run_is_not_there(front: Front, clock: str) -> None:
    assert act(front, opened(front), "clocks", clock=clock).status_code == 404


@pytest.mark.parametrize("clock", ["activate", "report"])
def test_a_clock_that_a_step_ends_is_not_for_people_to_end(front: Front, clock: str) -> None:
    assert act(front, opened(front), "clocks", clock=clock, note="x").status_code == 400


def test_a_clock_says_in_words_how_it_stands_without_any_script(front: Front) -> None:
    page = get(front, f"/incidents/{opened(front, minutes=90)}").text
    faces = {
        name: " ".join(re.sub(r"<[^>]*>", " ", face).split())
        for name, face in re.findall(r'<div class="clock-face \w+">\s*<h3>([^<]+)</h3>(.*?)</div>', page, re.DOTALL)
    }
    assert "进行中" in faces["启动应急方案"]
    assert re.search(r"(29|30) 分钟", faces["启动应急方案"])
    assert "已逾期" in faces["报告邮政管理部门"]
    assert "超时 30 分钟" in faces["报告邮政管理部门"]


# -- the page of one, and the board --------------------------------------------------------------------------------


def test_a_look_at_an_incident_is_logged_before_its_notes_are_opened(front: Front) -> None:
    incident = opened(front, note="看到一张表")
    front.token(IMD)
    before = front.events()
    assert "看到一张表" in get(front, f"/incidents/{incident}").text
    assert front.events() == before + 1


def test_the_parts_of_an_incident_lead_only_to_pages_that_are_there_and_theirs(front: Front) -> None:
    incident = opened(front)
    for who in VIEWERS:
        page = get(front, f"/incidents/{incident}", who).text
        nav = page.partition('class="tabs')[2].partition("</nav>")[0]
        links = re.findall(r'href="([^"]+)"', nav)
        assert links[0] == f"/incidents/{incident}"
        for link in links:
            assert get(front, link, who).status_code == 200, link


def test_typed_text_is_text_on_the_page(front: Front) -> None:
    page = get(front, f"/incidents/{opened(front, note='<script>alert(1)</script>')}").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_the_board_marks_drills_and_keeps_them_apart(front: Front) -> None:
    drill = opened(front, drill=True, who=IMD)
    page = get(front, "/incidents").text
    real, _, drills = page.partition('class="drills"')
    assert f'id="i-{drill}"' in drills
    assert f'id="i-{drill}"' not in real
    assert "drill-mark" in get(front, f"/incidents/{drill}").text


def test_a_notice_of_the_inbox_leads_to_the_incident(front: Front) -> None:
    incident = opened(front)
    for who in (IMD, SUPERVISOR):
        assert f'href="/incidents/{incident}"' in get(front, "/inbox", who).text


def test_officers_begin_at_the_board_and_supervisors_see_the_most_urgent_clock_where_they_look_up(front: Front) -> None:
    opened(front, "system_failure", minutes=600)
    assert get(front, "/").location == "/incidents"
    assert "urgent-clock" in get(front, "/lookup", SUPERVISOR).text
    assert "urgent-clock" not in get(front, "/lookup", AGENT).text


def test_the_board_asks_the_same_number_of_questions_however_many_there_are(front: Front) -> None:
    front.token(IMD)
    opened(front, "system_failure")
    with counted(front) as few:
        assert get(front, "/incidents").status_code == 200
    for _ in range(10):
        opened(front, "system_failure")
    with counted(front) as many:
        assert get(front, "/incidents").status_code == 200
    # Whether the database went back in time is asked once a second, whoever comes.
    few, many = ([one for one in each if "log_events" not in one] for each in (few, many))
    assert len(many) == len(few) <= 14


def test_closed_ones_are_listed_by_page(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vault.services.breach.incident_board._CLOSED", 1)
    first, second = closed(front), closed(front)
    page = get(front, "/incidents").text
    assert f'href="/incidents/{second}"' in page
    assert f'href="/incidents/{first}"' not in page
    older = re.search(r'href="(/incidents\?before=[0-9a-f]{32})"', page)
    assert older
    assert f'href="/incidents/{first}"' in get(front, older[1]).text


def test_many_open_ones_are_listed_by_page_and_all_of_them_are_counted(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    def listed(page: str) -> list[str]:
        shown = page.partition('id="open-title"')[2].partition('class="drills"')[0]
        return re.findall(r'<h3 id="i-([0-9a-f]{32})"', shown)

    monkeypatch.setattr("vault.services.breach.incident_board._OPEN", 100_000)  # whatever others have left open
    everybody = {opened(front, minutes=minutes) for minutes in (1, 2, 3)} | set(listed(get(front, "/incidents").text))
    monkeypatch.setattr("vault.services.breach.incident_board._OPEN", len(everybody) - 1)
    page = get(front, "/incidents").text
    assert f'<dd class="number">{len(everybody)}</dd>' in page
    assert f"第 1 页，共 2 页：{len(everybody)} 起未结事件中的 {len(everybody) - 1} 起" in page
    rest = get(front, "/incidents?page=2").text
    assert 'href="/incidents?page=2#open-title"' in page
    assert 'href="/incidents?page=1#open-title"' in rest
    assert len(listed(rest)) == 1
    assert {*listed(page), *listed(rest)} == everybody
    for odd in ("9", "0", "-1", "x", "9" * 40):
        assert get(front, f"/incidents?page={odd}").status_code == 200


def test_whoever_reports_without_end_gets_the_number_of_their_newest_one(front: Front) -> None:
    policy = front.parts.policy
    few = replace(policy, incidents=replace(policy.incidents, reports_hour=1))
    parts = replace(front.parts, policy=few)
    strict = Front(create_app(parts, front.config), parts, front.config, front.passwords)
    number = opened(front, who=OTHER_AGENT)
    made = [strict.api("POST", "/incidents", OTHER_AGENT, json={"kind": "loss", "note": MARKER}) for _ in range(3)]
    assert [(one.status_code, one.json["id"]) for one in made] == [(201, number)] * 3
    sent = send(strict, "/incidents", OTHER_AGENT, kind="leak")
    assert sent.location.startswith(f"/incidents/{number}")
    assert get(strict, f"/incidents/{number}", OTHER_AGENT).status_code == 200
    page = get(strict, f"/incidents/{number}").text
    assert page.count("同一人再次报告") == 1
    assert page.count("此后同一人另报告 3 次，最后一次在") == 1
    assert page.count(MARKER) == 3
    line = front.api("GET", f"/incidents/{number}", IMD).json["timeline"][-1]
    assert (line["action"], line["more"], line["more_notes"]) == ("incident.reported", 3, f"{MARKER}\n{MARKER}")
    report = get(front, f"/incidents/{number}/report").text
    assert "此后同一人另报告 3 次" in report
    assert MARKER not in report
    assert f'href="/incidents/{number}"' in get(strict, "/inbox").text


@pytest.mark.parametrize(("before", "status"), [(ABSENT, 404), ("zz", 400), ("00", 404), ("é", 400)])
def test_a_page_that_cannot_be_is_refused(front: Front, before: str, status: int) -> None:
    assert get(front, f"/incidents?before={before}").status_code == status


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_every_page_speaks_both_languages(front: Front, language: str) -> None:
    incident = opened(front, drill=True, who=IMD)
    browser = front.browser(IMD)
    browser.set_cookie("language", language, domain="127.0.0.1")
    for path in ("/incidents", f"/incidents/{incident}", "/incidents/report"):
        page = browser.get(path, base_url=HOST).text
        assert f'<html lang="{language}"' in page
        title = re.search(r"<h1>(.*?)</h1>", page, re.DOTALL)
        assert title
        assert bool(re.search(r"[\u4e00-\u9fff]", title[1])) is (language == "zh-CN")


# -- for programs --------------------------------------------------------------------------------------------------


def test_a_program_lists_page_by_page_open_ones_first(front: Front) -> None:
    gone, still = closed(front), opened(front)
    whole = [one["id"] for one in everything(front)]
    assert whole.index(still) < whole.index(gone)
    pages = listed(front, 2)
    assert [len(page) for page in pages[:-1]] == [2] * (len(pages) - 1)
    assert [one["id"] for page in pages for one in page] == whole
    assert len(set(whole)) == len(whole)
    for query, status in (("after=x", 400), ("after=o" + "0" * 32, 404), ("limit=-1", 400), ("limit=999999", 200)):
        assert call(front, "GET", f"?{query}").status_code == status


def test_a_program_reports_and_lists_with_clocks(front: Front) -> None:
    answer = call(front, "POST", "", AGENT, kind="alteration", note=f"客户 {MARKER}")
    assert answer.status_code == 201
    shapes.ReportedIncident.model_validate_json(answer.text)
    listing = everything(front)
    assert MARKER not in str(listing)
    one = next(each for each in listing if each["id"] == answer.json["id"])
    assert (one["kind"], one["drill"], one["state"], one["opened_by"]) == ("alteration", False, "reported", AGENT)
    clocks = {each["id"]: each for each in one["clocks"]}
    assert set(clocks) == {"activate", "postal", "report"}
    due = datetime.fromisoformat(clocks["activate"]["due"]) - datetime.fromisoformat(one["aware_at"])
    assert due == timedelta(hours=2)
    assert clocks["activate"]["missed"] is False


@pytest.mark.parametrize("who", [AGENT, INSPECTOR, ADMIN])
def test_a_program_of_somebody_who_may_read_none_gets_none(front: Front, who: str) -> None:
    for path in ("", f"/{opened(front)}"):
        assert call(front, "GET", path, who).status_code == 403


def test_a_program_walks_the_whole_way_in_order(front: Front) -> None:
    incident = opened(front, "surge")
    assert call(front, "POST", f"/{incident}/assess", verdict="breach", note="x").status_code == 400
    assert call(front, "POST", f"/{incident}/activate", note="先启动").status_code == 204
    assert call(front, "POST", f"/{incident}/activate", note="again").json["reason"] == "incident_is_there"
    assert call(front, "POST", f"/{incident}/assess", verdict="breach", note="x").status_code == 204
    for state in ("contained", "repaired"):
        assert call(front, "POST", f"/{incident}/advance", state=state, note="x").status_code == 204
    sooner = call(front, "POST", f"/{incident}/awareness", aware_at="2026-01-01T08:00:00+08:00", note="x")
    assert sooner.json == {"sooner": True}
    for name in ("surge_plan", "surge_complaints"):
        assert call(front, "POST", f"/{incident}/clocks/{name}/done").status_code == 415
        empty = call(front, "POST", f"/{incident}/clocks/{name}/done", note="")
        assert (empty.status_code, empty.json["reason"]) == (400, "late_reason_missing")
        assert call(front, "POST", f"/{incident}/clocks/{name}/done", note="x").status_code == 204
    found = shown(front, incident)
    assert found["incident"]["state"] == "repaired"
    assert set(found["late_reasons"]) >= {"surge_plan", "surge_complaints"}
    assert "先启动" in [one["note"] for one in found["timeline"]]
    assert "steps" in found["missing"]
    incomplete = call(front, "POST", f"/{incident}/closing", note="x")
    assert (incomplete.status_code, incomplete.json["reason"]) == (400, "incident_out_of_order")


def test_a_program_cannot_act_on_what_is_not_there(front: Front) -> None:
    for name, body in ACTS.items():
        given = body | ({"aware_at": "2026-01-01T08:00:00Z"} if name == "awareness" else {})
        assert call(front, "POST", f"/{ABSENT}/{name}", **given).status_code == 404, name
    assert call(front, "POST", f"/{ABSENT}/clocks/postal/done", note="x").status_code == 404
    assert call(front, "GET", f"/{ABSENT}").status_code == 404
    assert call(front, "GET", f"?after=o{ABSENT}").status_code == 404
