"""Closing a case inside a unit of work: a step of filing a service record, and of closing without one."""

from __future__ import annotations

from datetime import datetime

from vault.domain.log import Action, Outcome
from vault.domain.people import Person
from vault.errors import NotFound
from vault.services.steps.parts import Parts
from vault.storage import cases, grants, requests
from vault.storage.cases import Case
from vault.storage.unit_of_work import UnitOfWork


def close_case(parts: Parts, work: UnitOfWork, person: Person, case: Case, reason: str, now: datetime) -> None:
    """Close a case: from the next request on it gives no access, and what was asked in it is over.

    Args:
        parts: the vault's parts.
        work: the transaction it belongs to; its caller commits.
        person: whose case it is.
        case: the case.
        reason: ``service_filed``, or a reason of the policy.
        now: UTC.

    Raises:
        NotFound: somebody has closed it meanwhile, or it was handed over.
    """
    if not cases.close(work.connection, case.case_id, case.held_by, now):
        raise NotFound("case")
    grants.end_with_case(work.connection, case.case_id, now)
    requests.end_with_case(work.connection, case.case_id, now)
    work.announce(
        parts.event(
            now,
            person.actor(),
            Action.CASE_CLOSED,
            Outcome.DONE,
            purpose=case.purpose,
            case=case.case_id,
            reason=reason,
        )
    )
