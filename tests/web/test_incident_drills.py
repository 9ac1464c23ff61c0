"""Drills and closing reports on pages and for programs: begun, led through, scored, reported, taken home."""

from __future__ import annotations

import html
import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests import drilling
from tests.web.conftest import ADMIN, AGENT, AUDITOR, HOST, IMD, INSPECTOR, SUPERVISOR, Front
from tests.web.retention import COLLEAGUE, add_colleague
from tests.web.test_incidents import get, person, send
from vault import jobs
from vault.domain.people import Person
from vault.services import inbox
from vault.services.breach import drills
from vault.verify_log import main
from vault.web.api import incident_drills, incident_report
from vault.web.pages import incident_report as incident_report_page
from vault.web.pages.inbox import PLACES

NONE = "0" * 32
READERS = (SUPERVISOR, AUDITOR, IMD)


class Stage:
    """The front door's vault as a place to hold a drill, three quarters of an hour ago."""

    def __init__(self, front: Front) -> None:
        self.parts = front.parts
        self.now = datetime.now(UTC) - timedelta(minutes=45)
        self._front = front

    def person(self, work_number: str) -> Person:
        """Return somebody who confirmed a moment ago who they are."""
        found: Person = person(self._front, work_number)
        return replace(found, proved_at=self.now)

    def rows(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        """Read rows of the vault."""
        with self.parts.database.read() as connection:
            return [tuple(row) for row in connection.execute(text(statement), values)]


@pytest.fixture(scope="module")
def office(lone_front: Front, tmp_path_factory: pytest.TempPathFactory) -> Front:
    add_colleague(lone_front, tmp_path_factory.mktemp("office"))
    return lone_front


@pytest.fixture(scope="module")
def drill(office: Front) -> str:
    """A drill that two officers held; its score and report are written by the timetable."""
    stage = Stage(office)
    held = drilling.held(stage, (IMD, COLLEAGUE)).hex()
    next(one for one in jobs.TIMETABLE if one.name == "drills").call(office.parts, datetime.now(UTC))
    return held


@pytest.fixture
def closing(office: Front) -> Callable[[str], None]:
    """Close a drill that was only begun, so that the next test can begin one."""

    def close(begun: str) -> None:
        stage = Stage(office)
        stage.now = datetime.now(UTC)
        by, one = (IMD, COLLEAGUE), bytes.fromhex(begun)
        drilling.activated(stage, one, by)
        verdict = drilling.Verdict.NO_BREACH
        drilling.incident_response.assess(stage.parts, stage.person(IMD), one, verdict, "x", stage.now)
        drilling.closed(stage, one, by)

    return close


def text_of(answer: Any) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text)))


def test_the_page_of_drills_tells_months_and_scores_in_words_and_bars(office: Front, drill: str) -> None:
    answer = get(office, "/incidents/drills")
    assert answer.status_code == 200
    assert drill[:8] in answer.text
    assert len(re.findall(rf"<progress[^>]*{drill}", answer.text)) == 3
    assert "全部按时" in text_of(answer)
    assert "已演练" in text_of(answer)


@pytest.mark.parametrize("who", READERS)
def test_who_may_read_incidents_reads_drills_and_only_officers_find_the_form(
    office: Front, drill: str, who: str
) -> None:
    page = get(office, "/incidents/drills", who).text
    assert ('name="kind"' in page) is (who == IMD)
    for part in ("drill", "report"):
        assert get(office, f"/incidents/{drill}/{part}", who).status_code == 200


@pytest.mark.parametrize("who", [AGENT, INSPECTOR, ADMIN])
def test_others_are_refused_on_pages_and_for_programs(office: Front, drill: str, who: str) -> None:
    for path in ("/incidents/drills", f"/incidents/{drill}/drill", f"/incidents/{drill}/report"):
        assert get(office, path, who).status_code == 403
        assert office.api("GET", path, who).status_code == 403
    for path in ("/incidents/drills", f"/incidents/{drill}/report/files"):
        assert send(office, path, who, kind="leak").status_code == 403
    assert office.api("POST", "/incidents/drills", who, json={"kind": "leak"}).status_code == 403


@pytest.mark.parametrize("part", ["drill", "report"])
def test_what_is_not_there_is_not_there(office: Front, part: str) -> None:
    assert get(office, f"/incidents/{NONE}/{part}").status_code == 404
    assert office.api("GET", f"/incidents/{NONE}/{part}", IMD).status_code == 404


def test_an_officer_begins_a_drill_with_one_form_and_is_led_on(
    office: Front, drill: str, closing: Callable[[str], None]
) -> None:
    sent = send(office, "/incidents/drills", page="/incidents/drills", kind="misuse")
    assert sent.status_code == 303
    begun = re.fullmatch(r"/incidents/([0-9a-f]{32})/drill", sent.location)
    assert begun
    guide = get(office, sent.location).text
    assert 'aria-current="step"' in guide
    assert f'href="/incidents/{begun[1]}"' in guide
    assert send(office, "/incidents/drills", page="/incidents/drills", kind="leak").status_code == 409
    closing(begun[1])
    assert 'aria-current="step"' not in get(office, sent.location).text


def test_a_kind_that_is_none_begins_nothing(office: Front, drill: str) -> None:
    assert send(office, "/incidents/drills", page="/incidents/drills", kind="drill").status_code == 400
    assert send(office, "/incidents/drills", page="/incidents/drills").status_code == 400
    assert office.api("POST", "/incidents/drills", IMD, json={"kind": "drill"}).status_code == 400


def test_programs_begin_see_and_list_drills_in_their_shapes(
    office: Front, drill: str, closing: Callable[[str], None]
) -> None:
    made = office.api("POST", "/incidents/drills", IMD, json={"kind": "leak"})
    assert made.status_code == 201
    begun = incident_drills.GuidedDrill.model_validate_json(made.text)
    assert (begun.next, begun.customers, begun.passed) == ("activate", office.parts.policy.drills.customers, None)
    closing(begun.incident)
    told = incident_drills.GuidedDrill.model_validate_json(
        office.api("GET", f"/incidents/{begun.incident}/drill", AUDITOR).text
    )
    assert (told.next, told.passed, [one.passed for one in told.lines]) == (None, False, [True, False, False])
    found = incident_drills.Drills.model_validate_json(office.api("GET", "/incidents/drills", AUDITOR).text)
    assert {drill, begun.incident} <= {one.incident for one in found.drills}
    assert found.months[0].state == "held"
    assert not found.due


def test_reminders_of_drills_lead_to_their_page(office: Front, drill: str) -> None:
    for kind in (drills.NoticeKind.DRILL_DUE, drills.NoticeKind.DRILL_MISSED):
        assert PLACES[kind].endpoint == "incident_drills.listed"
    assert inbox.listed(office.parts, person(office, IMD))


# -- reports ---------------------------------------------------------------------------------------------------------


def test_a_report_tells_the_whole_incident_on_one_page(office: Front, drill: str) -> None:
    page = text_of(get(office, f"/incidents/{drill}/report", AUDITOR))
    policy = office.parts.policy
    for words in (
        drill, "已定稿", "演练", IMD, COLLEAGUE, drilling.LESSONS, "仅为演示", "zh cause", "en advice",
        policy.incidents.clocks["activate"].zh, policy.containment.measures["freeze_reveals"].zh,
    ):  # fmt: skip
        assert words in page, words
    english = office.browser(AUDITOR)
    english.set_cookie("language", "en", domain="127.0.0.1")
    told = text_of(english.get(f"/incidents/{drill}/report", base_url=HOST))
    assert policy.incidents.clocks["activate"].en in told
    assert "Closing report" in told


def test_only_who_reads_the_log_is_led_to_its_entries(office: Front, drill: str) -> None:
    assert "/log/events/" in get(office, f"/incidents/{drill}/report", AUDITOR).text
    assert "/log/events/" not in get(office, f"/incidents/{drill}/report", SUPERVISOR).text


def test_a_draft_says_that_it_is_one(office: Front, drill: str, closing: Callable[[str], None]) -> None:
    begun = office.api("POST", "/incidents/drills", IMD, json={"kind": "leak"}).json["incident"]
    assert "草稿" in get(office, f"/incidents/{begun}/report").text
    answer = incident_report.IncidentReportAnswer.model_validate_json(
        office.api("GET", f"/incidents/{begun}/report", IMD).text
    )
    assert (answer.standing, answer.event) == ("draft", None)
    sent = send(office, f"/incidents/{begun}/report/files")
    assert zipfile.ZipFile(io.BytesIO(sent.data)).namelist() == ["report-draft.json"]
    closing(begun)


def test_what_was_taken_home_is_judged_by_the_verifier_alone(office: Front, drill: str, tmp_path: Path) -> None:
    answer = incident_report.IncidentReportAnswer.model_validate_json(
        office.api("GET", f"/incidents/{drill}/report", AUDITOR).text
    )
    by_form = send(office, f"/incidents/{drill}/report/files", AUDITOR)
    by_program = office.api("GET", f"/incidents/{drill}/report/files", AUDITOR)
    for sent in (by_form, by_program):
        assert (sent.status_code, sent.mimetype) == (200, "application/zip")
        with zipfile.ZipFile(io.BytesIO(sent.data)) as files:
            files.extractall(tmp_path)
        proof = ["--proof", str(tmp_path / "report.tlog-proof")]
        pin = office.parts.log_files.pin.read_text(encoding="ascii").strip()
        assert main([str(tmp_path / "report.json"), "--key", pin, *proof]) == 0
        changed = tmp_path / "changed.json"
        changed.write_bytes((tmp_path / "report.json").read_bytes().replace(b'"leak"', b'"loss"'))
        assert main([str(changed), "--key", pin, *proof]) == 1
    assert answer.report["incident"]["id"] == drill


@pytest.mark.parametrize(("alike", "told", "left_out"), [(1, 1, 0), (5, 5, 0), (6, 2, 4), (1000, 2, 998)])
def test_of_many_lines_alike_in_a_row_the_first_and_the_last_are_printed(alike: int, told: int, left_out: int) -> None:
    other = {"action": "incident.step", "outcome": "done"}
    calls = [{"action": "notice.called", "outcome": "done", "at": number} for number in range(alike)]
    folded = incident_report_page._folded([other, *calls, other])
    assert [line for line, _ in folded] == [other, *(calls if not left_out else [calls[0], calls[-1]]), other]
    assert (len(folded) - 2, sum(more for _, more in folded)) == (told, left_out)
