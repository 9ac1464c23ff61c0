"""Erasing what people typed for one another once its days are over: records of class ``request``.

They are internal: no plan names them and no certificate tells of them. Their key goes with their day; until then the
rows would only lie in the way.
"""

from __future__ import annotations

from datetime import datetime

from vault.domain.ids import RecordClass
from vault.domain.log import Action, Actor, Outcome
from vault.services.steps.parts import Parts
from vault.storage import erasure
from vault.storage.unit_of_work import unit_of_work

_AT_ONCE = 200
"""Rows of one transaction: nobody waits long for their turn."""


def sweep(parts: Parts, now: datetime) -> int:
    """Erase the records of class ``request`` that are past their expiry, and the tags of what they held.

    Args:
        parts: the vault's parts.
        now: UTC.

    Returns:
        How many were erased; an event tells of each transaction that erased some.
    """
    system = Actor("system", "system", node=parts.node)
    erased = 0
    while True:
        with unit_of_work(parts.database) as work:
            past = erasure.past_expiry(work.connection, RecordClass.REQUEST, now, _AT_ONCE)
            if not past:
                return erased
            for record_id, cohort_id in past:
                erasure.erase_request(work.connection, record_id, cohort_id)
            rule = parts.policy.retention[RecordClass.REQUEST].id
            work.announce(parts.event(now, system, Action.REQUESTS_ERASED, Outcome.DONE, rule=rule, count=len(past)))
            work.commit()
        erased += len(past)
