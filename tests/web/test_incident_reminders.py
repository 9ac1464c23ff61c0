"""From a reminder in the inbox to its incident, and the list of reminders on its page and for programs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.mailbox import Mailbox, with_mail
from tests.web.conftest import ADMIN, AGENT, AUDITOR, HOST, IMD, INSPECTOR, SUPERVISOR, Front
from vault.domain.breach.incidents import AwareSource, IncidentKind
from vault.services import inbox
from vault.services.breach import incident_reminders, incidents
from vault.services.sessions import person_of
from vault.services.steps.breach.incidents import Opening

ABSENT = "0" * 32
DUTY = "duty@example.com"


def person(front: Front, who: str) -> Any:
    return person_of(front.parts, front.token(who), "127.0.0.1", datetime.now(UTC))


@pytest.fixture
def reminded(lone_front: Front) -> str:
    """An incident whose two hours are over, and its reminders."""
    now = datetime.now(UTC)
    opening = Opening(IncidentKind.LEAK, AwareSource.REPORT, now - timedelta(hours=2, seconds=1))
    incident_id = incidents.open_one(lone_front.parts, person(lone_front, AGENT), opening, now)
    with Mailbox() as box:
        incident_reminders.tend(with_mail(lone_front.parts, box, imd=DUTY), now)
    return incident_id.hex()


def notice_of(front: Front, who: str) -> str:
    """Return the address that a person's newest notice of a missed deadline leads to."""
    found = [one for one in inbox.listed(front.parts, person(front, who)) if one.kind.value == "incident_clock_missed"]
    return f"/incidents/reminders/{found[0].about.hex()}"


def get(front: Front, path: str, who: str = IMD) -> Any:
    return front.browser(who).get(path, base_url=HOST)


def test_a_reminder_in_the_inbox_leads_to_its_incident(lone_front: Front, reminded: str) -> None:
    for who in (IMD, SUPERVISOR):
        address = notice_of(lone_front, who)
        page = get(lone_front, "/inbox", who).text
        assert f'href="{address}"' in page
        assert "事件时限已逾期" in page
        answer = get(lone_front, address, who)
        assert (answer.status_code, answer.location) == (303, f"/incidents/{reminded}")


def test_who_may_not_read_incidents_is_told_and_led_nowhere(lone_front: Front, reminded: str) -> None:
    assert reminded not in get(lone_front, "/inbox", ADMIN).text
    assert "事件时限已逾期" in get(lone_front, "/inbox", ADMIN).text
    address = notice_of(lone_front, IMD)
    for who in (AGENT, INSPECTOR, ADMIN):
        assert get(lone_front, address, who).status_code == 403
    for wrong in (ABSENT, reminded):
        assert get(lone_front, f"/incidents/reminders/{wrong}").status_code == 404


def test_the_incidents_page_lists_who_was_reminded_and_what_became_of_the_mail(
    lone_front: Front, reminded: str
) -> None:
    page = get(lone_front, f"/incidents/{reminded}").text
    for text in ("已发提醒：", "值班邮箱邮件", "信息管理部门", "邮件服务器已接收", "启动应急方案"):
        assert text in page
    assert DUTY not in page


def test_programs_read_the_same_list(lone_front: Front, reminded: str) -> None:
    for who in (IMD, SUPERVISOR, AUDITOR):
        answer = lone_front.api("GET", f"/incidents/{reminded}/reminders", who)
        assert answer.status_code == 200
    (mine,) = [
        one for one in answer.json["reminders"] if (one["clock"], one["role"], one["mark"]) == ("activate", "imd", 100)
    ]
    assert (mine["mail"], mine["tries"], mine["late"]) == ("sent", 1, False)
    assert datetime.fromisoformat(mine["mailed_at"]) == datetime.fromisoformat(mine["at"])
    for who in (AGENT, ADMIN):
        assert lone_front.api("GET", f"/incidents/{reminded}/reminders", who).status_code == 403
    assert lone_front.api("GET", f"/incidents/{ABSENT}/reminders", IMD).status_code == 404
