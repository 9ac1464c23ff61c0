"""The register of paper copies: what stands in which box, who keeps it, and two officers who saw it shredded.

Retention ends on paper too (RD-01, RD-03). The vault cannot see a shredder: it records who says what, and counts a box
as gone only when a second officer has said so from a session of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection

from vault.domain.breach.containment import Doing
from vault.domain.destruction import ORDER, PURPOSE
from vault.domain.ids import RecordClass, new_id
from vault.domain.log import Action, Event, Outcome
from vault.domain.notices import NoticeKind
from vault.domain.paper import checked_label, shred_from
from vault.domain.people import AccountState, Person, normal_work_number
from vault.domain.rules.access import Right
from vault.domain.spelling import folded
from vault.errors import AlreadyDecided, InvalidValue, NotFound, StorageError
from vault.services.steps import plans
from vault.services.steps.admission import require_fresh
from vault.services.steps.breach.containing import stopped_by_freeze
from vault.services.steps.humans import same_human
from vault.services.steps.parts import Parts
from vault.services.steps.refusing import refusals_logged
from vault.storage import notifications, paper, people
from vault.storage.paper import Box
from vault.storage.people import PERSON
from vault.storage.unit_of_work import unit_of_work

_STANDING = 500
_GONE = 100


@dataclass(frozen=True, slots=True)
class NewBox:
    """What an officer says of a box.

    Args:
        label: as written on it.
        record_class: what its papers are copies of.
        outlet: where it stands; the code of an outlet where somebody works.
        custodian: work number of who keeps it.
        newest_on: the date of its newest paper, from which its due date follows; or None.
        due_on: a due date, if nobody knows that date.
    """

    label: str
    record_class: RecordClass
    outlet: str
    custodian: str
    newest_on: date | None = None
    due_on: date | None = None


@dataclass(frozen=True, slots=True)
class ShownBox:
    """One box, its people by work number.

    Args:
        box: ids, words and days.
        custodian: who keeps it.
        shredder: who says it was shredded, or empty.
        witness: who saw it too, or empty.
        is_due: its day has come and it is not gone.
        may_witness: whoever looks is asked to say whether they saw it.
    """

    box: Box
    custodian: str
    shredder: str
    witness: str
    is_due: bool
    may_witness: bool

    def told(self) -> dict[str, object]:
        """Return what programs are told of it, by the names of the API; days and times as text (ISO 8601)."""
        return {
            "box": self.box.box_id.hex(),
            "label": self.box.label,
            "class": self.box.record_class.value,
            "outlet": self.box.outlet,
            "custodian": self.custodian,
            "due_on": self.box.due_on.isoformat(),
            "due": self.is_due,
            "shredded_by": self.shredder,
            "shredded_at": None if self.box.shredded_at is None else self.box.shredded_at.isoformat(),
            "witnessed_by": self.witness,
        }


@dataclass(frozen=True, slots=True)
class Register:
    """The boxes that stand, the longest due first, and those that are gone, newest first."""

    standing: tuple[ShownBox, ...]
    gone: tuple[ShownBox, ...]


@stopped_by_freeze(Doing.BUSINESS, Action.PAPER_REGISTERED)
def register(parts: Parts, person: Person, new: NewBox, now: datetime) -> bytes:
    """Enter a box.

    Args:
        parts: the vault's parts.
        person: the officer.
        new: what they say of it.
        now: UTC.

    Returns:
        Its id.

    Raises:
        AccessRefused: ``no_right`` (logged).
        InvalidValue: something of it cannot be; ``field`` names it.
    """
    plans.require(parts, person, Right.DESTROY, Action.PAPER_REGISTERED, now)
    label = checked_label(new.label, parts.policy.carriers)
    if new.record_class not in ORDER:
        raise InvalidValue("not_on_list", field="record_class")
    due_on = _due_on(parts, new, now)
    try:
        with unit_of_work(parts.database) as work:
            custodian = _custodian(work.connection, new.custodian)
            if new.outlet not in _outlets(work.connection):
                raise InvalidValue("not_on_list", field="outlet")
            box = Box(new_id(), label, new.record_class, new.outlet, custodian, person.account_id, now, due_on)
            paper.add(work.connection, box)
            work.announce(_event(parts, person, Action.PAPER_REGISTERED, box, now))
            work.commit()
    except StorageError as error:
        if error.reason == "conflict":
            raise InvalidValue("label_taken", field="label") from None
        raise
    return box.box_id


@stopped_by_freeze(Doing.BUSINESS, Action.PAPER_SHREDDED)
def say_shredded(parts: Parts, person: Person, box_id: bytes, now: datetime) -> None:
    """Say that a box was shredded; it counts once another officer has seen it too.

    Args:
        parts: the vault's parts.
        person: the officer.
        box_id: a box that is due.
        now: UTC.

    Raises:
        AccessRefused: ``no_right``, or ``box_not_due``: its papers must be kept until then (logged).
        AlreadyDecided: somebody has said so before.
        NotFound: there is no such box (logged).
    """
    action = Action.PAPER_SHREDDED
    plans.require(parts, person, Right.DESTROY, action, now)
    with refusals_logged(parts, person, action, now), parts.database.read() as connection:
        box = _one(connection, box_id)
    if box.due_on > _today(parts, now):
        plans.refuse(parts, person.actor(), action, "box_not_due", now)
    with unit_of_work(parts.database) as work:
        if not paper.say_shredded(work.connection, box_id, person.account_id, now):
            raise AlreadyDecided
        work.announce(_event(parts, person, action, box, now))
        work.commit()


@stopped_by_freeze(Doing.BUSINESS, Action.PAPER_WITNESSED)
def witness(parts: Parts, person: Person, box_id: bytes, now: datetime) -> None:
    """Say that one saw what another officer says: the box is gone.

    Args:
        parts: the vault's parts.
        person: another officer; password and second factor given a moment ago.
        box_id: a box of which somebody says that it was shredded.
        now: UTC.

    Raises:
        AccessRefused: ``no_right``, or ``own_shredding``: it was they who said so, or the same human (logged).
        AlreadyDecided: nobody says so (any more), or somebody has seen it already.
        NotFound: there is no such box (logged).
        StepUpNeeded: password and second factor must be given again.
    """
    action = Action.PAPER_WITNESSED
    plans.require(parts, person, Right.DESTROY, action, now)
    require_fresh(parts, person, now)
    with refusals_logged(parts, person, action, now), parts.database.read() as connection:
        box = _one(connection, box_id)
        is_own = box.shredded_by is not None and _is_same(parts, connection, box.shredded_by, person.account_id)
    if box.shredded_by is None or box.witnessed_by is not None:
        raise AlreadyDecided("box_not_shredded")
    if is_own:
        plans.refuse(parts, person.actor(), action, "own_shredding", now)
    with unit_of_work(parts.database) as work:
        if not paper.witness(work.connection, box_id, box.shredded_by, person.account_id):
            raise AlreadyDecided
        work.announce(_event(parts, person, action, box, now, second_person=box.shredded_by.hex()))
        work.commit()


@stopped_by_freeze(Doing.BUSINESS, Action.PAPER_TAKEN_BACK)
def take_back(parts: Parts, person: Person, box_id: bytes, now: datetime) -> None:
    """Say that a box still stands, whoever said that it was shredded; possible until a second officer has seen it.

    Raises:
        AccessRefused: ``no_right`` (logged).
        AlreadyDecided: nobody says so (any more), or two have seen it.
        NotFound: there is no such box (logged).
    """
    action = Action.PAPER_TAKEN_BACK
    plans.require(parts, person, Right.DESTROY, action, now)
    with refusals_logged(parts, person, action, now), parts.database.read() as connection:
        box = _one(connection, box_id)
    with unit_of_work(parts.database) as work:
        if box.shredded_by is None or not paper.take_back(work.connection, box_id, box.shredded_by):
            raise AlreadyDecided("box_not_shredded")
        work.announce(_event(parts, person, action, box, now, second_person=box.shredded_by.hex()))
        work.commit()


@stopped_by_freeze(Doing.BUSINESS, Action.PAPER_HANDED_ON)
def hand_on(parts: Parts, person: Person, box_id: bytes, custodian: str, now: datetime) -> None:
    """Give a box another custodian, who is told; the one before may have left the company.

    Args:
        parts: the vault's parts.
        person: the officer.
        box_id: a box that is not gone.
        custodian: work number of who keeps it from now on.
        now: UTC.

    Raises:
        AccessRefused: ``no_right`` (logged).
        AlreadyDecided: ``box_gone``, or somebody handed it on at this very moment.
        InvalidValue: ``no_custodian`` or ``same_custodian``.
        NotFound: there is no such box (logged).
    """
    action = Action.PAPER_HANDED_ON
    plans.require(parts, person, Right.DESTROY, action, now)
    with refusals_logged(parts, person, action, now), parts.database.read() as connection:
        box = _one(connection, box_id)
        former = people.by_ids(connection, [box.custodian])[box.custodian].work_number
    if box.witnessed_by is not None:
        raise AlreadyDecided("box_gone")
    with unit_of_work(parts.database) as work:
        keeper = _custodian(work.connection, custodian)
        if keeper == box.custodian:
            raise InvalidValue("same_custodian", field="custodian")
        if not paper.hand_on(work.connection, box_id, box.custodian, keeper):
            raise AlreadyDecided
        event = _event(parts, person, action, box, now, account=former, to=normal_work_number(custodian))
        notifications.add(work.connection, [keeper], NoticeKind.BOX_RECEIVED, event.event_id, now)
        work.announce(event)
        work.commit()


def labelled(parts: Parts, person: Person, label: str, now: datetime) -> bytes:
    """Return the id of the box with a label, for commands; whoever acts on it is asked for their right again.

    Raises:
        AccessRefused: ``no_right`` (logged).
        NotFound: there is no such box (logged).
    """
    action = Action.RETENTION_VIEW
    plans.require(parts, person, Right.DESTROY, action, now)
    with refusals_logged(parts, person, action, now), parts.database.read() as connection:
        found = paper.labelled(connection, folded(label).strip())
        if found is None:
            raise NotFound("box")
    return found.box_id


def listed(parts: Parts, person: Person, now: datetime) -> Register:
    """List the register; the look is logged.

    Args:
        parts: the vault's parts.
        person: an officer or auditor.
        now: UTC.

    Raises:
        AccessRefused: ``no_right`` (logged).
        LogUnavailable: the event could not be made durable; nothing is shown.
    """
    plans.require(parts, person, Right.RETENTION, Action.RETENTION_VIEW, now)
    parts.log_writer.write(parts.event(now, person.actor(), Action.RETENTION_VIEW, Outcome.GRANTED, purpose=PURPOSE))
    with parts.database.read() as connection:
        standing, gone = paper.standing(connection, _STANDING), paper.gone(connection, _GONE)
        ids = {
            one
            for box in (*standing, *gone)
            for one in (box.custodian, box.shredded_by, box.witnessed_by)
            if one is not None
        }
        numbers = {key: account.work_number for key, account in people.by_ids(connection, ids).items()}
    today, may_destroy = _today(parts, now), parts.policy.allows(person.role, Right.DESTROY)

    def shown(box: Box) -> ShownBox:
        """Return a box with the names of who had a hand in it, and whether it is this person's turn."""
        waits = box.shredded_by is not None and box.witnessed_by is None
        return ShownBox(
            box,
            numbers[box.custodian],
            "" if box.shredded_by is None else numbers[box.shredded_by],
            "" if box.witnessed_by is None else numbers[box.witnessed_by],
            box.witnessed_by is None and box.due_on <= today,
            may_destroy and waits and box.shredded_by != person.account_id,
        )

    return Register(tuple(map(shown, standing)), tuple(map(shown, gone)))


def outlets(parts: Parts) -> list[str]:
    """Return the codes of the outlets where somebody works, for the form."""
    with parts.database.read() as connection:
        return sorted(_outlets(connection))


def _due_on(parts: Parts, new: NewBox, now: datetime) -> date:
    today, keep = _today(parts, now), parts.policy.retention[new.record_class].keep()
    if (new.newest_on is None) == (new.due_on is None):
        raise InvalidValue("newest_or_due", field="newest_on")
    if new.newest_on is not None:
        if new.newest_on > today:
            raise InvalidValue("date_in_future", field="newest_on")
        return shred_from(new.newest_on, keep)
    if new.due_on is None or new.due_on > shred_from(today, keep):
        raise InvalidValue("due_too_late", field="due_on")  # a paper of today is not kept so long
    return new.due_on


def _outlets(connection: Connection) -> set[str]:
    return {account.outlet for account in people.every(connection)} - {""}


def _custodian(connection: Connection, work_number: str) -> bytes:
    """Return the account of somebody who works here and, until the transaction ends, does not leave."""
    number = normal_work_number(work_number)
    account = people.locked(connection, [number]).get(number)
    if account is None or account.kind != PERSON or account.state is not AccountState.ACTIVE:
        raise InvalidValue("no_custodian", field="custodian")
    return account.account_id


def _one(connection: Connection, box_id: bytes) -> Box:
    box = paper.one(connection, box_id)
    if box is None:
        raise NotFound("box")
    return box


def _is_same(parts: Parts, connection: Connection, one: bytes, other: bytes) -> bool:
    accounts = people.by_ids(connection, [one, other])
    return same_human(parts.keys.current(connection), accounts[one], accounts[other])


def _event(parts: Parts, person: Person, action: Action, box: Box, now: datetime, **facts: str) -> Event:
    named = {"box": box.box_id.hex(), "record_class": box.record_class.value, **facts}
    return parts.event(
        now, person.actor(), action, Outcome.DONE, purpose=PURPOSE, rule="", case=b"", opened=(), **named
    )


def _today(parts: Parts, now: datetime) -> date:
    return now.astimezone(parts.policy.zone).date()
