"""Handing open cases over: offered with a sealed note, accepted or refused by the incoming colleague (SH-01 to SH-06).

Both signatures are events: the offer is the outgoing person's, the acceptance the incoming one's. Until it is
accepted, every case stays with whoever offered it; acceptance moves cases and grants in one transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from vault.crypto.key_store import KeyStore
from vault.domain.breach.containment import Doing
from vault.domain.log import Action, Outcome
from vault.domain.notices import NoticeKind
from vault.domain.people import AccountState, Person, normal_work_number
from vault.domain.rules.access import Right
from vault.domain.service_records import checked_text
from vault.errors import AccessRefused, InvalidValue, NotFound
from vault.services.steps.attempts import until_stored
from vault.services.steps.breach.containing import stopped_by_freeze
from vault.services.steps.humans import same_human
from vault.services.steps.moving import Move, move_case, require_usable
from vault.services.steps.opening import reporting
from vault.services.steps.parts import Parts
from vault.services.steps.refusing import refusals_logged
from vault.services.steps.request_records import sealed
from vault.storage import handovers, notifications, people, record_writes, supervision, vault_state
from vault.storage.cases import Case
from vault.storage.handovers import Handover
from vault.storage.people import Account
from vault.storage.unit_of_work import unit_of_work

MOST_CASES = 200


@stopped_by_freeze(Doing.BUSINESS, Action.HANDOVER_OFFERED)
def offer(parts: Parts, person: Person, case_ids: Sequence[bytes], to: str, note: str, now: datetime) -> bytes:
    """Offer open cases to one colleague, with a note; it is the outgoing person's signature.

    Args:
        parts: the vault's parts.
        person: who hands over.
        case_ids: their open cases.
        to: work number of the colleague, as typed.
        note: what the colleague must know; it is sealed.
        now: UTC.

    Returns:
        The hand-over's id.

    Raises:
        AccessRefused: the role may not hand over.
        InvalidValue: no case, one that is offered already, a colleague who cannot take them, or a note that cannot be.
        NotFound: a case is not theirs, or closed.
    """
    _require(parts, person, Action.HANDOVER_OFFERED, now)
    wanted = set(case_ids)
    if not wanted or len(wanted) > MOST_CASES:
        raise InvalidValue("no_case_chosen", field="cases")
    text = checked_text(note, "note", parts.policy.handovers.most_note)
    return until_stored(lambda: _offer(parts, person, wanted, normal_work_number(to), text, now))


def _offer(parts: Parts, person: Person, wanted: set[bytes], to: str, text: str, now: datetime) -> bytes:
    logged = refusals_logged(parts, person, Action.HANDOVER_OFFERED, now)
    with logged, unit_of_work(parts.database) as work:
        offered = handovers.locked_cases(work.connection, wanted)
        mine = [one for one in offered.values() if one.held_by == person.account_id and one.closed_at is None]
        if len(mine) != len(wanted):
            raise NotFound("case")
        if wanted & handovers.offered_by(work.connection, person.account_id):
            raise InvalidValue("offered_already", field="cases")
        store = parts.keys.current(work.connection)
        taker = _receiver(parts, work.connection, store, person, to, mine)
        new = sealed(parts, person, store, "note", text, now)
        handover_id = new.meta.record_id
        vault_state.require_open(work.connection, {new.meta.cohort_id}, store.version)
        record_writes.store(work.connection, [new])
        values = {
            "handover_id": handover_id,
            "from_account": person.account_id,
            "to_account": taker.account_id,
            "offered_at": now,
            "state": handovers.OFFERED,
        }
        handovers.add(work.connection, values, wanted)
        notifications.add(work.connection, [taker.account_id], NoticeKind.HANDOVER_OFFERED, handover_id, now)
        work.announce(
            parts.event(
                now,
                person.actor(),
                Action.HANDOVER_OFFERED,
                Outcome.DONE,
                handover=handover_id.hex(),
                account=taker.work_number,
                cases=len(wanted),
            )
        )
        work.commit()
    return handover_id


@stopped_by_freeze(Doing.BUSINESS, Action.HANDOVER_ACCEPTED)
def accept(parts: Parts, person: Person, handover_id: bytes, now: datetime) -> int:
    """Accept a hand-over after reading its note: the incoming person's signature, and the cases are theirs.

    Args:
        parts: the vault's parts.
        person: who takes over.
        handover_id: a hand-over offered to them.
        now: UTC.

    Returns:
        How many cases moved; those closed meanwhile do not.

    Raises:
        AccessRefused: their role can no longer go on with one of the cases.
        InvalidValue: they have not read the note yet (SH-02).
        NotFound: no hand-over waits for them under this id.
        IntegrityError: a customer was edited behind the vault's back; nothing moves.
    """
    action = Action.HANDOVER_ACCEPTED
    _require(parts, person, action, now)
    with (
        refusals_logged(parts, person, action, now),
        reporting(parts, person.actor(), {}, now),
        unit_of_work(parts.database) as work,
    ):
        handover = _waiting_for(work.connection, person, handover_id)
        if handover.read_at is None:
            raise InvalidValue("note_not_read", field="note")
        if not handovers.decide(work.connection, handover_id, "accepted", now):
            raise NotFound("handover")
        giver = _account(work.connection, handover.from_number)
        taker = _account(work.connection, handover.to_number)
        given = [
            one
            for one in handovers.cases_of(work.connection, [handover_id])[handover_id]
            if one.closed_at is None and one.held_by == giver.account_id
        ]
        require_usable(parts, taker, given)
        store = parts.keys.current(work.connection)
        move = Move(person, giver, taker, handover=handover_id)
        moved = sum(move_case(parts, work, store, move, one, now) for one in given)
        notifications.add(work.connection, [giver.account_id], NoticeKind.HANDOVER_ACCEPTED, handover_id, now)
        work.announce(
            parts.event(
                now,
                person.actor(),
                action,
                Outcome.DONE,
                handover=handover_id.hex(),
                account=handover.from_number,
                cases=moved,
            )
        )
        work.commit()
    return moved


@stopped_by_freeze(Doing.BUSINESS, Action.HANDOVER_REFUSED)
def refuse(parts: Parts, person: Person, handover_id: bytes, reason: str, now: datetime) -> None:
    """Refuse a hand-over; who offered it and their supervisors are told (SH-03).

    Args:
        parts: the vault's parts.
        person: to whom it was offered.
        handover_id: the hand-over.
        reason: one of the policy's.
        now: UTC.

    Raises:
        InvalidValue: the reason is not on the policy's list.
        NotFound: no hand-over waits for them under this id.
    """
    if reason not in parts.policy.handovers.refusals:
        raise InvalidValue("not_on_list", field="reason")
    logged = refusals_logged(parts, person, Action.HANDOVER_REFUSED, now)
    with logged, unit_of_work(parts.database) as work:
        handover = _waiting_for(work.connection, person, handover_id)
        if not handovers.decide(work.connection, handover_id, "refused", now, reason):
            raise NotFound("handover")
        told = {handover.from_account, *supervision.supervisors_of(work.connection, handover.from_account)}
        notifications.add(work.connection, told, NoticeKind.HANDOVER_REFUSED, handover_id, now)
        work.announce(
            parts.event(
                now,
                person.actor(),
                Action.HANDOVER_REFUSED,
                Outcome.DONE,
                handover=handover_id.hex(),
                account=handover.from_number,
                reason=reason,
            )
        )
        work.commit()


@stopped_by_freeze(Doing.BUSINESS, Action.HANDOVER_WITHDRAWN)
def withdraw(parts: Parts, person: Person, handover_id: bytes, now: datetime) -> None:
    """Take back a hand-over that nobody has answered yet.

    Raises:
        NotFound: no open hand-over of theirs has this id.
    """
    logged = refusals_logged(parts, person, Action.HANDOVER_WITHDRAWN, now)
    with logged, unit_of_work(parts.database) as work:
        handover = handovers.one(work.connection, handover_id)
        if handover is None or handover.from_account != person.account_id:
            raise NotFound("handover")
        if not handovers.decide(work.connection, handover_id, "withdrawn", now):
            raise NotFound("handover")
        work.announce(
            parts.event(
                now,
                person.actor(),
                Action.HANDOVER_WITHDRAWN,
                Outcome.DONE,
                handover=handover_id.hex(),
                account=handover.to_number,
            )
        )
        work.commit()


def _require(parts: Parts, person: Person, action: Action, now: datetime) -> None:
    with refusals_logged(parts, person, action, now):
        if not parts.policy.allows(person.role, Right.HAND_OVER):
            raise AccessRefused("no_right")


def _waiting_for(connection: Connection, person: Person, handover_id: bytes) -> Handover:
    handover = handovers.one(connection, handover_id)
    if handover is None or handover.to_account != person.account_id or not handover.is_open:
        raise NotFound("handover")
    return handover


def _account(connection: Connection, work_number: str) -> Account:
    account = people.by_work_number(connection, work_number)
    if account is None:
        raise NotFound("account")
    return account


def _receiver(
    parts: Parts, connection: Connection, store: KeyStore, person: Person, to: str, given: Sequence[Case]
) -> Account:
    """Return the colleague who can take these cases; everybody who cannot is refused alike."""
    taker, giver = people.by_work_number(connection, to), _account(connection, person.work_number)
    if taker is None or taker.state is not AccountState.ACTIVE or taker.kind != "person":
        raise InvalidValue("cannot_take_over", field="to")
    if same_human(store, giver, taker):  # two signatures of one human are one
        raise InvalidValue("cannot_take_over", field="to")
    try:
        require_usable(parts, taker, given)
    except AccessRefused:
        raise InvalidValue("cannot_take_over", field="to") from None
    return taker
