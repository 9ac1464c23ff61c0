"""One entry of the access log, seen in full or taken home with its proof.

What is taken home is a pair of files: the event, byte for byte as it was hashed, and a C2SP ``.tlog-proof``. Together
they can be judged years later, by somebody who has nothing but them, the verifier and the pinned key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vault.domain.log import Action, Actor, Outcome
from vault.domain.log_proofs import SUFFIX
from vault.domain.people import Person
from vault.domain.rules.access import Right
from vault.errors import AccessRefused, IntegrityError, NotFound
from vault.services.steps.admission import require_fresh
from vault.services.steps.entry_proof import proven_entry
from vault.services.steps.log_bundle import whole_bundle
from vault.services.steps.parts import Parts
from vault.services.steps.refusing import refusals_logged
from vault.services.steps.settling import settle
from vault.storage import log, log_entries


@dataclass(frozen=True, slots=True)
class SeenEntry:
    """One entry as a page shows it.

    Args:
        leaf_index: its place in the log.
        body: the event.
    """

    leaf_index: int
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EntryProof:
    """An entry and its proof, as two files.

    Args:
        event_id: the event's id, hexadecimal; the files are named by it.
        leaf_index: its place in the log.
        size: entries of the log that the proof's checkpoint signs.
        event: the event's canonical bytes.
        proof: the proof's text.
    """

    event_id: str
    leaf_index: int
    size: int
    event: bytes
    proof: bytes

    def files(self) -> dict[str, bytes]:
        """Return the content of each file by its name."""
        return {f"{self.event_id}.json": self.event, f"{self.event_id}{SUFFIX}": self.proof}


@dataclass(frozen=True, slots=True)
class ZippedProof:
    """The pair as one file to be sent.

    Args:
        name: for the file.
        pieces: the ZIP, to be taken once.
    """

    name: str
    pieces: Iterator[bytes]


def see(parts: Parts, person: Person, event_id: bytes, now: datetime) -> SeenEntry:
    """Show one entry of the log in full.

    Args:
        parts: the vault's parts.
        person: an auditor.
        event_id: the event's id.
        now: UTC.

    Raises:
        AccessRefused: the role has no right to read the log.
        NotFound: ``no_such_entry``: there is no such event, or it has no place in the log yet.
        IntegrityError: ``unreadable``: what stands there is no event.
        LogUnavailable: the event could not be made durable; nothing was read.
    """
    _admit(parts, person, Action.LOG_VIEW, now)
    log.order(parts.database)
    with parts.database.read() as connection:
        place = log_entries.place_of(connection, event_id)
    outcome = Outcome.MISS if place is None else Outcome.GRANTED
    parts.log_writer.write(parts.event(now, person.actor(), Action.LOG_VIEW, outcome, count=0 if place is None else 1))
    if place is None:
        raise NotFound("no_such_entry")
    with parts.database.read() as connection:
        canonical = log_entries.at_place(connection, place)
    return SeenEntry(place, _body(canonical, event_id))


def prove(parts: Parts, who: Person | Actor, entry: bytes | int, now: datetime) -> EntryProof:
    """Give out one entry with its proof; that it was taken is an event before it is given.

    Args:
        parts: the vault's parts.
        who: an auditor who confirmed a moment ago who they are, or the local operator.
        entry: the event's id, or its place in the log.
        now: UTC.

    Raises:
        AccessRefused: the role has no right to read the log.
        StepUpNeeded: password and second factor were not given a moment ago.
        NotFound: ``no_such_entry``: there is no such event, or it has no place in the log yet.
        IntegrityError: ``unreadable``: what stands there is no event.
        VaultSealed: the log cannot be signed.
        LogUnavailable: the event could not be made durable; nothing is given out.
    """
    if isinstance(who, Person):
        _admit(parts, who, Action.LOG_EXPORT, now)
        require_fresh(parts, who, now)
    actor = who if isinstance(who, Actor) else who.actor()
    found = proven_entry(parts, entry, settle(parts, now))
    if found is None:
        parts.log_writer.write(parts.event(now, actor, Action.LOG_EXPORT, Outcome.MISS, count=0, mode="proof"))
        raise NotFound("no_such_entry")
    event_id = str(_body(found.canonical, entry)["id"])
    taken = parts.event(now, actor, Action.LOG_EXPORT, Outcome.GRANTED, count=1, size=found.size, mode="proof")
    parts.log_writer.write(taken)
    return EntryProof(event_id, found.proof.index, found.size, found.canonical, found.proof.text().encode())


def zipped(parts: Parts, proof: EntryProof, now: datetime) -> ZippedProof:
    """Return an entry and its proof as one file.

    Args:
        parts: the vault's parts.
        proof: both.
        now: UTC, the time that the files are given.
    """
    pieces = whole_bundle(proof.files(), now.astimezone(parts.policy.zone))
    return ZippedProof(f"log-entry-{proof.leaf_index}.zip", pieces)


def _admit(parts: Parts, person: Person, action: Action, now: datetime) -> None:
    with refusals_logged(parts, person, action, now):
        if not parts.policy.allows(person.role, Right.LOG_READ):
            raise AccessRefused("no_right")


def _body(canonical: bytes | None, entry: bytes | int) -> dict[str, Any]:
    """Parse an event; bytes that are none, or one of another id, were put there by somebody else."""
    try:
        body = json.loads(canonical or b"")
        is_event = isinstance(body, dict) and re.fullmatch("[0-9a-f]{32}", body["id"])
        if is_event and (isinstance(entry, int) or body["id"] == entry.hex()):
            return dict(body)
    except (ValueError, KeyError, TypeError):
        pass
    raise IntegrityError("unreadable")
