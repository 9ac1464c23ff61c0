"""The task to hand a case over to the police: opened once, by the company's rule or the law's, whichever is first."""

from __future__ import annotations

from datetime import datetime

from vault.domain.breach.incident_clocks import ClockStart
from vault.domain.breach.incidents import Incident
from vault.services.steps.breach.incidents import start_clocks
from vault.services.steps.parts import Parts
from vault.storage.unit_of_work import UnitOfWork


def open_police_task(
    parts: Parts, work: UnitOfWork, one: Incident, distinct: int, now: datetime, *, legal: bool = False
) -> bool:
    """Open the task if so much was taken; it stays open whatever is counted later.

    Args:
        parts: the vault's parts.
        work: the transaction it belongs to; its caller commits.
        one: the incident, locked by the caller or new.
        distinct: distinct customers or records of one person, of any kind: the 51st opens it (UL-04).
        now: UTC.
        legal: a threshold of the law was crossed: 25, 250 or 2,500 by the kind of data (Criminal Law 253-1 with its
            interpretation of 2017, article 5, halved for those who provide services).

    Returns:
        Whether it was opened now.
    """
    if not legal and distinct < parts.policy.limits.alarm_customers:
        return False
    return bool(start_clocks(parts, work, one, ClockStart.POLICE, now, now))
