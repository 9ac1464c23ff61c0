"""Accepting that a part of the signed log is lost: seen, said in a signed statement, and everything open is ended.

A database that went back in time stays sealed until somebody does this. It brings nothing back: it states, under the
log's own key, from where to where events are lost, so that whoever kept a checkpoint of them learns of it for ever.

The walk: compare what the signer remembers with what the database holds; show it; then, in one transaction, keep the
statement, write the event, and end what may have been ended since. The next settling publishes the statement, takes
up the tree from the events that were kept, and signs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate

from sqlalchemy import Connection

from vault.crypto.key_chain import KeyChain
from vault.domain.log import Action, Actor, Outcome
from vault.domain.log_checkpoints import Checkpoint
from vault.domain.log_gaps import GapReason, GapStatement
from vault.domain.log_tree import Frontier
from vault.domain.notices import NoticeKind
from vault.domain.people import AccountState
from vault.domain.rules.access import Right
from vault.errors import IntegrityError, InvalidValue, NotFound, StorageError, VaultSealed
from vault.services.steps.gaps import BATCH, accepted
from vault.services.steps.parts import Parts
from vault.services.steps.settling import rewound
from vault.services.steps.signing import key_chain, signer
from vault.storage import live_access, log, log_gaps, notifications, people
from vault.storage.live_access import LiveAccess
from vault.storage.log_files import SignedState
from vault.storage.unit_of_work import unit_of_work

__all__ = ["GapReason", "Loss", "accept", "examine"]


@dataclass(frozen=True, slots=True)
class Loss:
    """What is lost, what is left, and what accepting it would end.

    Args:
        fault: ``database_rewound`` or ``history_rewritten``.
        kept: the largest signed state that the database proves to hold.
        kept_until: time of its last event, as it says itself.
        found: events that the database holds; nothing vouches for those after the kept ones.
        found_until: time of the last of these.
        lost: the state that was signed last.
        signed_at: when that was, by the time of its file; None where the file is gone.
        live: what opens doors now.
        is_accepted: somebody accepted it already, and nothing has been signed since.
    """

    fault: str
    kept: Checkpoint
    kept_until: str
    found: int
    found_until: str
    lost: Checkpoint
    signed_at: datetime | None
    live: LiveAccess
    is_accepted: bool = False

    @property
    def events(self) -> int:
        """How many signed events are lost."""
        return self.lost.size - self.kept.size


def examine(parts: Parts, actor: Actor, now: datetime) -> Loss:
    """Compare what was signed with what the database holds; nothing is changed.

    Args:
        parts: the vault's parts, opened to inspect.
        actor: the local operator.
        now: UTC.

    Returns:
        What is lost.

    Raises:
        NotFound: ``nothing_to_accept``: the database holds everything that was signed.
        VaultSealed: no statement helps: the signer's memory is gone (``signer_memory_unreadable``), entries were cut
            off beside checkpoints that speak of them (``log_was_cut``), or no signed state is left in this database
            (``nothing_in_common``).
    """
    before = parts.log_files.signed()
    with parts.database.read() as connection:
        size = log.size(connection)
        if before is None:
            raise VaultSealed("signer_memory_unreadable", path="signer.json")
        fault = rewound(connection, before, size)
        if fault is not None:
            return _loss(parts, connection, before, size, fault)
    refused = parts.event(now, actor, Action.LOG_GAP_ACCEPTED, Outcome.REFUSED, rule="nothing_to_accept", size=size)
    parts.log_writer.write(refused)
    raise NotFound("nothing_to_accept")


def accept(parts: Parts, actor: Actor, seen: Loss, reason: GapReason, now: datetime) -> None:
    """Accept a loss: the database opens again, with a signed statement of what it lacks.

    Sessions, tokens of programs, one-time secrets, grants, shares and emergency accesses end in the same transaction:
    whoever ended one of them since the database was copied must not find it open again.

    Args:
        parts: the vault's parts, opened to inspect.
        actor: the local operator.
        seen: what they were shown.
        reason: why events are lost, as they say.
        now: UTC.

    Raises:
        StorageError: ``changed_meanwhile``: it is not what they were shown any more; nothing was changed.
        NotFound: ``nothing_to_accept``.
        VaultSealed: as :func:`examine` says.
    """
    with parts.log_files.locked():  # nobody signs meanwhile, and of two who accept at once one does
        found = examine(parts, actor, now)
        if found.is_accepted:
            return
        if (found.kept, found.lost) != (seen.kept, seen.lost):
            raise StorageError("changed_meanwhile")
        statement = GapStatement(found.kept, found.lost, now, reason)
        with parts.database.read() as connection:
            note = signer(parts, connection).sign(statement.body())
        with unit_of_work(parts.database) as work:
            live = live_access.count(work.connection)
            live_access.end(work.connection, now)
            log_gaps.add(work.connection, statement, note)
            event = parts.event(
                now,
                actor,
                Action.LOG_GAP_ACCEPTED,
                Outcome.DONE,
                size=found.kept.size,
                lost=found.events,
                reason=reason.value,
                ended=live.to_end,
            )
            work.announce(event)
            # While it is sealed nobody signs in and nothing is written: this is the first moment to tell anybody.
            notifications.add(
                work.connection, _watching(parts, work.connection), NoticeKind.LOG_GAP_ACCEPTED, event.event_id, now
            )
            work.commit()


def _watching(parts: Parts, connection: Connection) -> list[bytes]:
    """Return the accounts of those who are to know that events are lost: who reads the log, and who destroys."""
    rights = {Right.LOG_READ, Right.DESTROY}
    return [
        one.account_id
        for one in people.every(connection)
        if one.kind == people.PERSON
        and one.state is not AccountState.LEFT
        and parts.policy.roles[one.role].rights & rights
    ]


def _loss(parts: Parts, connection: Connection, before: SignedState, size: int, fault: VaultSealed) -> Loss:
    gap = accepted(parts, connection, before)
    if gap is not None:
        kept = gap.statement.kept
    else:
        if log_gaps.largest_checkpoint(connection) > size:
            raise VaultSealed("log_was_cut", found=size)
        common = _common(parts, connection, before, size)
        if common is None:
            raise VaultSealed("nothing_in_common")
        kept = common
    file = parts.log_files.checkpoint
    signed_at = datetime.fromtimestamp(file.stat().st_mtime, UTC) if file.exists() else None
    return Loss(
        fault.reason,
        kept,
        _time_of(connection, kept.size - 1),
        size,
        _time_of(connection, size - 1),
        Checkpoint(kept.origin, before.frontier.size, before.frontier.root()),
        signed_at,
        live_access.count(connection),
        gap is not None,
    )


def _time_of(connection: Connection, index: int) -> str:
    """Return when the event at a place happened, as it says itself; empty where somebody took it away or changed it."""
    try:
        return str(json.loads(log_gaps.event_at(connection, index) or b"")["at"])
    except (ValueError, KeyError, TypeError):
        return ""


def _common(parts: Parts, connection: Connection, before: SignedState, size: int) -> Checkpoint | None:
    """Return the largest signed state that is the beginning of both histories, as far as anybody can tell.

    A checkpoint beside the log counts when our key signed it and the events give its root. That the lost history went
    through it too is the signer's rule, not proved; but the signer's memory holds the roots of some beginnings of what
    was lost, and where the events contradict one of these, what comes later is another history.
    """
    remembered = before.frontier.hashes()
    lost = before.frontier.size
    subtrees = [1 << level for level in reversed(range(lost.bit_length())) if lost >> level & 1]
    beginnings = {end: remembered[: place + 1] for place, end in enumerate(accumulate(subtrees))}
    chain = key_chain(parts, connection)
    best: Checkpoint | None = None
    tree = Frontier()
    stop = min(size, lost - 1)
    for start in range(0, stop, BATCH):
        end = min(start + BATCH, stop)
        leaves = log.leaf_hashes(connection, start, end)
        notes = dict(log_gaps.checkpoints(connection, start, end))
        agreed: list[tuple[Checkpoint, str]] = []
        is_other = len(leaves) < end - start  # an event is missing: nothing behind it has its place
        for mark in sorted({*notes, *(one for one in beginnings if start < one <= end), end}):
            if is_other:
                break
            tree.extend(leaves[tree.size - start : mark - start])
            state = _state_in(notes.get(mark))
            is_other = mark in beginnings and beginnings[mark] != tree.hashes()
            if state is not None and not is_other and (state.size, state.root) == (mark, tree.root()):
                agreed.append((state, notes[mark]))
        best = next((state for state, note in reversed(agreed) if _is_signed(chain, note)), best)
        if is_other:
            break
    return best


def _state_in(note: str | None) -> Checkpoint | None:
    """Return what a note states, its signature not looked at yet."""
    try:
        return None if note is None else Checkpoint.parse(note.partition("\n\n")[0] + "\n")
    except InvalidValue:
        return None


def _is_signed(chain: KeyChain, note: str) -> bool:
    try:
        return bool(chain.checkpoint(note))
    except (IntegrityError, InvalidValue):
        return False
