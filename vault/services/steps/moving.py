"""Giving an open case to somebody else inside a unit of work: what goes with it, what ends, what is shared."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from vault.crypto.key_store import KeyStore
from vault.domain.ids import RecordClass, new_id
from vault.domain.log import Action, Opened, Outcome
from vault.domain.people import Person
from vault.domain.records import RecordMeta
from vault.domain.rules.access import Right
from vault.errors import AccessRefused
from vault.services.steps.humans import same_human
from vault.services.steps.opening import check
from vault.services.steps.parts import Parts
from vault.storage import cases, grants, handovers, people, records
from vault.storage.cases import Case
from vault.storage.people import Account
from vault.storage.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Move:
    """From whom to whom cases move, and why.

    Args:
        actor: who makes them move.
        giver: who holds them.
        taker: who will hold them; their role was checked with :func:`require_usable`.
        rule: why, for the log; empty for a hand-over.
        handover: the hand-over they move with, if they move with one.
    """

    actor: Person
    giver: Account
    taker: Account
    rule: str = ""
    handover: bytes = b""


def require_usable(parts: Parts, taker: Account, moved: Collection[Case]) -> None:
    """Refuse to give cases to somebody whose role could not go on with them.

    Raises:
        AccessRefused: the role may not take cases (``no_right``), or not use the purpose of one
            (``purpose_not_yours``).
    """
    if not parts.policy.allows(taker.role, Right.HAND_OVER):
        raise AccessRefused("no_right")
    if not {one.purpose for one in moved} <= set(parts.policy.roles[taker.role].purposes):
        raise AccessRefused("purpose_not_yours")


def move_case(parts: Parts, work: UnitOfWork, store: KeyStore, move: Move, case: Case, now: datetime) -> bool:
    """Move one case with its grants; from the next request on it gives whoever held it nothing (AC-02, SH-06).

    Emergency access was opened for one person with a second one beside them: it ends. So does what the taker has
    granted in the case themselves, under whichever account: nobody receives what they have granted. Customers whom the
    giver owns are shared with the taker for this case, or the taker could not go on with it.

    Args:
        parts: the vault's parts.
        work: the transaction it belongs to; its caller commits.
        store: the key store in force.
        move: from whom to whom, and why.
        case: the case.
        now: UTC.

    Returns:
        Whether it moved; a case that was closed or moved meanwhile stays as it is.

    Raises:
        IntegrityError: a customer of the case, or the name of somebody who granted in it, was edited behind the
            vault's back.
    """
    giver, taker = move.giver, move.taker
    if not cases.move(work.connection, case.case_id, giver.account_id, taker.account_id):
        return False
    handovers.end_emergency(work.connection, case.case_id, now)
    ended = _end_granted_by(work, store, case, taker, now)
    grants.move_with_case(work.connection, case.case_id, taker.account_id)
    shared = _share_owned(parts, work, store, case, giver, taker, now)
    facts: dict[str, str | int] = {"account": taker.work_number}
    if ended:
        facts["ended"] = ended
    if move.handover:
        facts["handover"] = move.handover.hex()
    work.announce(
        parts.event(
            now,
            move.actor.actor(),
            Action.CASE_MOVED,
            Outcome.DONE,
            purpose=case.purpose,
            case=case.case_id,
            rule=move.rule,
            # By id, with no field: who is shared with the taker; it grants no opening here.
            opened=tuple(Opened(one.record_id, one.record_class.value, ()) for one in shared),
            **facts,
        )
    )
    return True


def _end_granted_by(work: UnitOfWork, store: KeyStore, case: Case, taker: Account, now: datetime) -> int:
    """End the grants of a case whose giver is the human who takes it; returns how many."""
    givers = people.by_ids(work.connection, grants.givers_in(work.connection, case.case_id))
    own = [key for key, one in givers.items() if same_human(store, one, taker)]
    return grants.end_given_in(work.connection, case.case_id, own, now) if own else 0


def _share_owned(
    parts: Parts, work: UnitOfWork, store: KeyStore, case: Case, giver: Account, taker: Account, now: datetime
) -> list[RecordMeta]:
    """Share the customers of a case that the giver owns with the taker, until the case closes, for some hours."""
    if not parts.policy.allows(giver.role, Right.SHARE):
        return []
    ends = now + timedelta(hours=max(parts.policy.grants.share_hours))
    shared = []
    for found in records.load(work.connection, cases.records_of(work.connection, case.case_id)).values():
        check(store, found)
        if found.meta.record_class is not RecordClass.CUSTOMER or found.meta.owner != giver.account_id:
            continue
        grants.add(
            work.connection,
            {
                "grant_id": new_id(),
                "kind": "shared",
                "account_id": taker.account_id,
                "record_id": found.meta.record_id,
                "case_id": case.case_id,
                "request_id": None,
                "purpose": case.purpose,
                "granted_by": giver.account_id,
                "granted_at": now,
                "expires_at": ends,
                "ended_at": None,
            },
        )
        shared.append(found.meta)
    return shared
