"""Legal holds: an officer keeps single records from being destroyed, looks at them again, and releases them.

Officers see no customers. They name a record by the random id that stands in the log or in a plan, or by a number they
were given, which becomes tags and is forgotten; they learn how many records of which class are held, and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256

from vault.domain.breach.containment import Doing
from vault.domain.destruction import ORDER, PURPOSE
from vault.domain.holds import checked_review, checked_source
from vault.domain.identifiers import readings
from vault.domain.ids import ID_BYTES, RecordClass
from vault.domain.log import Action, Outcome
from vault.domain.notices import NoticeKind
from vault.domain.people import Person
from vault.domain.rules.access import Right
from vault.errors import InvalidValue, NotFound
from vault.services.steps import plans
from vault.services.steps.admission import require_fresh
from vault.services.steps.breach.containing import refuse_standing, stopped_by_freeze
from vault.services.steps.finding import carriers
from vault.services.steps.hold_agreement import tell_afterwards, told_first
from vault.services.steps.holding import SOURCE, Wish, lift, put
from vault.services.steps.limits import count_search
from vault.services.steps.opening import reporting
from vault.services.steps.parts import Parts
from vault.services.steps.refusing import refusals_logged
from vault.storage import holds, notifications, people
from vault.storage.breach import containments
from vault.storage.holds import Hold
from vault.storage.records import StoredRecord
from vault.storage.unit_of_work import unit_of_work

MOST_RECORDS = 20
"""So many records of one number are held at once."""

_LISTED = 200


@dataclass(frozen=True, slots=True)
class Why:
    """What an officer says of a hold.

    Args:
        reason: of the policy.
        source: the document that asks for it, by its own number.
        review_on: by when somebody looks at it again, company time zone; None for as late as may be.
    """

    reason: str
    source: str
    review_on: date | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """What is held now: how many records, and of which classes."""

    classes: tuple[RecordClass, ...]
    hold_ids: tuple[bytes, ...]

    @property
    def record_class(self) -> RecordClass:
        """The class; the first, where one of the company's own numbers stands on records of several."""
        return self.classes[0]


@dataclass(frozen=True, slots=True)
class ShownHold:
    """One hold as officers and auditors see it.

    Args:
        hold: ids, words and times.
        officer: work number of who placed it.
        source: the document that asks for it.
        is_overdue: its review is overdue.
    """

    hold: Hold
    officer: str
    source: str
    is_overdue: bool


def place(parts: Parts, person: Person, record_id: bytes, why: Why, now: datetime) -> Placed:
    """Put a record under legal hold, due or not; it may have several holds.

    Args:
        parts: the vault's parts.
        person: the officer.
        record_id: the record.
        why: reason, source and review.
        now: UTC.

    Raises:
        AccessRefused: no such right (logged).
        IntegrityError: the record was edited behind the vault's back (logged).
        InvalidValue: what was said cannot be, or the record is destroyed; ``field`` names it.
        NotFound: there is no such record.
    """
    plans.require(parts, person, Right.DESTROY, Action.HOLD_PLACED, now)
    return _place(parts, person, [record_id], _wish(parts, why, now), now)


def place_by_number(parts: Parts, person: Person, typed: str, why: Why, now: datetime) -> Placed:
    """Put every record that carries a number under legal hold.

    Args:
        parts: the vault's parts.
        person: the officer; the search counts against their limit.
        typed: a phone, waybill or ID number, or one of the company's own; it goes nowhere but into tags.
        why: reason, source and review.
        now: UTC.

    Raises:
        AccessRefused: no such right, or too many searches (logged).
        IntegrityError: a record was edited behind the vault's back (logged).
        InvalidValue: what was typed is no such number, too many carry it, or what was said cannot be.
        NotFound: no record carries it (logged).
    """
    action = Action.HOLD_PLACED
    plans.require(parts, person, Right.DESTROY, action, now)
    wish = _wish(parts, why, now)
    ways = readings(typed, parts.policy.carriers)
    count_search(parts, person, now)
    with parts.database.read() as connection:
        found = [one for one, _ in carriers(connection, parts.keys.current(connection), ways)]
    if not found:
        kind = ways[0][0].value
        parts.log_writer.write(parts.event(now, person.actor(), action, Outcome.MISS, purpose=PURPOSE, identifier=kind))
        raise NotFound("number_to_hold")
    if len(found) > MOST_RECORDS:
        raise InvalidValue("too_many_to_hold", field="number", most=MOST_RECORDS)
    return _place(parts, person, found, wish, now)


@stopped_by_freeze(Doing.BUSINESS, Action.HOLD_RELEASED)
def release(parts: Parts, person: Person, hold_id: bytes, reason: str, now: datetime) -> None:
    """Release a hold; the record is due again at the next plan if its time is over and nothing else keeps it.

    Args:
        parts: the vault's parts.
        person: any officer; password and second factor given a moment ago.
        hold_id: the hold.
        reason: why it ends, of the policy.
        now: UTC.

    Raises:
        AccessRefused: no such right; ``incident_keeps_it``: it holds evidence, and ends with that measure (logged).
        IntegrityError: the record was edited behind the vault's back (logged).
        InvalidValue: the reason is not on the policy's list.
        NotFound: there is no such hold, or it was released already (logged).
        StepUpNeeded: password and second factor must be given again.
    """
    plans.require(parts, person, Right.DESTROY, Action.HOLD_RELEASED, now)
    require_fresh(parts, person, now)
    if reason not in parts.policy.destruction.releases:
        raise InvalidValue("not_on_list", field="release")
    met: dict[bytes, StoredRecord] = {}
    with (
        refusals_logged(parts, person, Action.HOLD_RELEASED, now),
        reporting(parts, person.actor(), met, now),
        unit_of_work(parts.database) as work,
    ):
        hold = holds.one(work.connection, hold_id)
        if hold is None:
            raise NotFound("hold")
        refuse_standing(containments.held_by(work.connection, hold.record_id, hold_id))
        entry = lift(parts, work, person, hold, reason, met, now)
        work.commit()
    tell_afterwards(parts, entry)


def review(parts: Parts, person: Person, hold_id: bytes, review_on: date | None, now: datetime) -> date:
    """Say that a hold is still needed, and by when it is looked at again.

    Args:
        parts: the vault's parts.
        person: any officer.
        hold_id: the hold.
        review_on: company time zone; None for as late as may be.
        now: UTC.

    Returns:
        The day of review.

    Raises:
        AccessRefused: no such right (logged).
        InvalidValue: ``review_not_possible``.
        NotFound: there is no such hold, or it was released (logged).
    """
    plans.require(parts, person, Right.DESTROY, Action.HOLD_REVIEWED, now)
    day = checked_review(review_on, _today(parts, now), parts.policy.destruction.hold_review_months)
    with refusals_logged(parts, person, Action.HOLD_REVIEWED, now), unit_of_work(parts.database) as work:
        if not holds.review(work.connection, hold_id, day):
            raise NotFound("hold")
        work.announce(
            parts.event(now, person.actor(), Action.HOLD_REVIEWED, Outcome.DONE, purpose=PURPOSE, hold=hold_id.hex())
        )
        work.commit()
    return day


def listed(
    parts: Parts, person: Person, now: datetime, limit: int = _LISTED, after: tuple[date, bytes] | None = None
) -> list[ShownHold]:
    """List the holds that hold: who placed each, why, by which document and until when; the look is logged.

    Args:
        parts: the vault's parts.
        person: an officer or auditor.
        now: UTC.
        limit: how many at most.
        after: review date and id of the last one of the page before.

    Raises:
        AccessRefused: no such right (logged).
        IntegrityError: a source was not sealed for its hold.
        LogUnavailable: the event could not be made durable; nothing is shown.
    """
    plans.require(parts, person, Right.RETENTION, Action.RETENTION_VIEW, now)
    parts.log_writer.write(parts.event(now, person.actor(), Action.RETENTION_VIEW, Outcome.GRANTED, purpose=PURPOSE))
    today = _today(parts, now)
    with parts.database.read() as connection:
        store = parts.keys.current(connection)
        found = holds.listed(connection, limit, after)
    return [
        ShownHold(
            one.hold,
            one.officer,
            store.open_person(one.hold.hold_id, SOURCE, one.hold.sealed_source).disclose(),
            one.hold.review_on < today,
        )
        for one in found
    ]


def nag(parts: Parts, now: datetime) -> int:
    """Remind officers of holds whose review is near, once, and of those it has passed, every day until it is done.

    Whoever placed a hold is told; where they may not act any more, every officer is.

    Returns:
        How many holds are within the days of the reminder, or past them.
    """
    today = _today(parts, now)
    near = today + timedelta(days=parts.policy.destruction.hold_nag_days)
    with unit_of_work(parts.database) as work:
        due = holds.to_review(work.connection, near)
        able = {
            account.account_id for account in people.every(work.connection) if plans.may_sign(parts.policy, account)
        }
        for hold in due:
            told = able & {hold.placed_by} or able
            overdue = hold.review_on < today
            kind = NoticeKind.HOLD_OVERDUE if overdue else NoticeKind.HOLD_REVIEW
            # What is about another day is another thing, so that it is told again.
            day = today if overdue else hold.review_on
            about = sha256(hold.hold_id + day.isoformat().encode()).digest()[:ID_BYTES]
            notifications.add(work.connection, told, kind, about, now)
        work.commit()
    return len(due)


def _wish(parts: Parts, why: Why, now: datetime) -> Wish:
    rule = parts.policy.destruction
    if why.reason not in rule.reasons:
        raise InvalidValue("not_on_list", field="reason")
    source = checked_source(why.source, parts.policy.carriers)
    return Wish(why.reason, source, checked_review(why.review_on, _today(parts, now), rule.hold_review_months))


def _place(parts: Parts, person: Person, ids: Sequence[bytes], wish: Wish, now: datetime) -> Placed:
    met: dict[bytes, StoredRecord] = {}
    with (
        refusals_logged(parts, person, Action.HOLD_PLACED, now),
        reporting(parts, person.actor(), met, now),
        told_first(parts, now) as tell,
        unit_of_work(parts.database) as work,
    ):
        placed = [put(parts, work, person, record_id, wish, met, now) for record_id in ids]
        tell([entry for _, entry in placed])
        work.commit()
    classes = {hold.record_class for hold, _ in placed}
    return Placed(tuple(one for one in ORDER if one in classes), tuple(hold.hold_id for hold, _ in placed))


def _today(parts: Parts, now: datetime) -> date:
    return now.astimezone(parts.policy.zone).date()
