"""A person's own cases with the requests made in them, and closing one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from vault.domain.breach.containment import Doing
from vault.domain.clocks import Light, light
from vault.domain.log import Action, Outcome
from vault.domain.people import Person
from vault.domain.policy import Policy
from vault.errors import AccessRefused, InvalidValue
from vault.services.steps.admission import case_of
from vault.services.steps.asked import AskedRequest, as_asked
from vault.services.steps.breach.containing import stopped_by_freeze
from vault.services.steps.closing import close_case
from vault.services.steps.parts import Parts
from vault.storage import cases, records, requests
from vault.storage.cases import Case
from vault.storage.records import LateEntry
from vault.storage.unit_of_work import unit_of_work

_LISTED = 200


@dataclass(frozen=True, slots=True)
class OpenCase:
    """One open case on the board.

    Args:
        case: the case.
        clock: how it stands against the time to enter its record.
        record_id: the record to go on from, None when its look-up showed nothing.
    """

    case: Case
    clock: Light
    record_id: bytes | None


@dataclass(frozen=True, slots=True)
class CaseBoard:
    """A person's work: open cases, closed ones, requests for access, and records they entered late."""

    still_open: tuple[OpenCase, ...]
    closed: tuple[Case, ...]
    requests: tuple[AskedRequest, ...]
    late: tuple[LateEntry, ...]


def my_cases(parts: Parts, person: Person, now: datetime) -> tuple[list[Case], list[AskedRequest]]:
    """List a person's own cases, open ones first, and their requests, newest first; both hold ids and times only."""
    with parts.database.read() as connection:
        asked = requests.of_case_holder(connection, person.account_id, _LISTED)
        return (
            cases.held_by(connection, person.account_id, _LISTED),
            as_asked(connection, parts.policy, asked, now),
        )


def board(parts: Parts, person: Person, now: datetime) -> CaseBoard:
    """Return a person's case board: ids, words and times only, nothing of a customer."""
    opened, asked = my_cases(parts, person, now)
    still_open = tuple(one for one in opened if one.closed_at is None)
    with parts.database.read() as connection:
        leading = cases.leading_records(connection, [one.case_id for one in still_open])
        late = records.late_entries(connection, person.account_id, now, _LISTED)
    return CaseBoard(
        still_open=tuple(
            OpenCase(one, clock_of(parts.policy, one, now), leading.get(one.case_id)) for one in still_open
        ),
        closed=tuple(one for one in opened if one.closed_at is not None),
        requests=tuple(asked),
        late=tuple(late),
    )


def clock_of(policy: Policy, case: Case, now: datetime) -> Light:
    """Return how an open case stands against the time to enter its record (CE-02)."""
    return light(case.opened_at, now, policy.cases.amber(), policy.entry.limit())


@stopped_by_freeze(Doing.BUSINESS, Action.CASE_CLOSED)
def close(parts: Parts, person: Person, case_id: bytes, reason: str, now: datetime) -> None:
    """Close a person's own case without a service record; a program closes those of its token's purposes.

    Args:
        parts: the vault's parts.
        person: who closes.
        case_id: their case.
        reason: one of the policy's reasons.
        now: UTC.

    Raises:
        AccessRefused: a program's token is not for the case's purpose (logged).
        InvalidValue: the reason is not on the policy's list.
        NotFound: the case is not theirs, or closed already.
    """
    if reason not in parts.policy.cases.reasons:
        raise InvalidValue("not_on_list", field="reason")
    with unit_of_work(parts.database) as work:
        case = case_of(work.connection, person, case_id)
        # People close also what their role works on no more; a token is for its purposes and nothing else.
        others = person.purposes is not None and case.purpose not in person.purposes
        if others:
            work.announce(
                parts.event(
                    now,
                    person.actor(),
                    Action.CASE_CLOSED,
                    Outcome.REFUSED,
                    purpose=case.purpose,
                    case=case_id,
                    rule="purpose_not_yours",
                )
            )
        else:
            close_case(parts, work, person, case, reason, now)
        work.commit()
    if others:
        raise AccessRefused("purpose_not_yours")
