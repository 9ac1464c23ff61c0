"""Reminders of an incident's clocks, for programs: who was told when, and what became of the letters."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AwareDatetime, Field

from vault.domain.rules.access import Right
from vault.services.breach import incident_reminders
from vault.web import gate
from vault.web.api.routes import route, time_text
from vault.web.api.shapes import Shape, Word
from vault.web.gate import now, parts, person


class IncidentReminder(Shape):
    """One reminder to one role."""

    clock: Word
    mark: int = Field(description="Percent of the clock's length; beyond 100 one more for each repeat.")
    role: Word
    at: AwareDatetime
    late: bool = Field(description="It came long after its time: the vault stood still.")
    mail: Literal["none", "waiting", "sent", "refused", "given_up", "overtaken"]
    tries: int
    mailed_at: AwareDatetime | None


class IncidentReminders(Shape):
    """The reminders, the earliest first."""

    reminders: list[IncidentReminder]


@route(
    "GET",
    "/incidents/<hex32:incident>/reminders",
    gate.door(Right.INCIDENT_VIEW),
    answer=IncidentReminders,
)
def incident_reminders_given(incident: bytes) -> dict[str, Any]:
    """See who was reminded of which deadline, and whether the mail went out."""
    found = incident_reminders.listed(parts(), person(), incident, now())
    return {
        "reminders": [
            {
                "clock": one.clock_id,
                "mark": one.mark,
                "role": one.role.value,
                "at": time_text(one.at),
                "late": one.late,
                "mail": one.mail.value,
                "tries": one.tries,
                "mailed_at": time_text(one.mailed_at) if one.mailed_at else None,
            }
            for one in found
        ]
    }
