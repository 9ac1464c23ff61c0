"""Exporting the access log: one bundle that an auditor can check on a machine that has never seen the vault.

The walk: settle the log, so that a checkpoint covers all there is; count; write the event, and in the same transaction
what this auditor takes home; then stream. The tree of a checkpoint's size never changes any more, so the stream reads
page by page in short transactions, and a slow receiver keeps nothing waiting.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from vault import verify_log
from vault.crypto.key_chain import KeyStatement
from vault.crypto.signing import NoteSigner
from vault.domain.log import Action, Actor, Event, Outcome, micros_text
from vault.domain.log_checkpoints import Checkpoint
from vault.domain.log_exports import LogQuestion
from vault.domain.log_tree import Frontier, consistency_proof, cover, inclusion_proof
from vault.domain.people import Person
from vault.domain.rules.access import Right
from vault.errors import AccessRefused, InvalidValue, VaultSealed
from vault.services.steps import log_tables
from vault.services.steps.admission import require_fresh
from vault.services.steps.gaps import declared
from vault.services.steps.log_bundle import LETTER, BundleWriter
from vault.services.steps.log_tables import Name
from vault.services.steps.parts import Parts
from vault.services.steps.settling import settle
from vault.services.steps.signing import key_chain, signer
from vault.storage import log, log_exports, people, policy_texts, schema
from vault.storage.log_exports import Entry, Known
from vault.storage.log_tiles import TileReader
from vault.storage.unit_of_work import unit_of_work

_PAGE: Final = 2048
_STEP: Final = 256  # lines in a piece
_ABOUT: Final = 1 << 10  # bytes of an event, roughly
_MOST_NOTES: Final = 256
_MOST_EARLIER: Final = 20
_POLICY: Final = re.compile(rb'"policy":"([0-9a-f]{64})"')


@dataclass(frozen=True, slots=True)
class Preview:
    """What an export would hold.

    Args:
        events: events asked for.
        size: entries of the log.
        extends: size of the log in this auditor's previous export; None for the first.
    """

    events: int
    size: int
    extends: int | None


@dataclass(slots=True)
class Export:
    """A bundle on its way.

    Args:
        name: for the file.
        pieces: the ZIP, to be taken once.
        events: events asked for.
        total: entries to be read, for showing progress.
        done: entries read so far.
    """

    name: str
    pieces: Iterator[bytes]
    events: int
    total: int
    done: int = 0


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is exported: fixed before the first byte is sent."""

    parts: Parts
    question: LogQuestion
    name: Name
    at: datetime
    event: Event
    signer: NoteSigner
    keys: Sequence[KeyStatement]
    note: str
    head: Checkpoint
    earlier: Sequence[Known]
    start: int
    stop: int
    events: int
    waiting: tuple[int, str]
    tiles: TileReader
    policies: set[str] = field(default_factory=set)


def preview(parts: Parts, who: Person | Actor, question: LogQuestion, now: datetime) -> Preview:
    """Count what an export would hold; that somebody asked is an event.

    Args:
        parts: the vault's parts.
        who: an auditor, or the local operator.
        question: what is asked for.
        now: UTC.

    Raises:
        AccessRefused: the role has no right to read the log.
        InvalidValue: ``nobody_of_that_name``.
    """
    actor = _admitted(parts, who, now)
    log.order(parts.database)
    with parts.database.read() as connection:
        size = log.size(connection)
        events = log_exports.count(connection, question, size)
        earlier = log_exports.taken_home(connection, actor.name, 1)
    _refuse_unknown(parts, question)
    parts.log_writer.write(parts.event(now, actor, Action.LOG_VIEW, Outcome.GRANTED, count=events))
    return Preview(events, size, earlier[0].size if earlier else None)


def export(parts: Parts, who: Person | Actor, question: LogQuestion, name: Name, now: datetime) -> Export:
    """Begin an export: its event is durable before the first byte is given out.

    Args:
        parts: the vault's parts.
        who: an auditor who confirmed a moment ago who they are, or the local operator.
        question: what is asked for.
        name: words for the table.
        now: UTC.

    Returns:
        The bundle; it is made while its pieces are taken.

    Raises:
        AccessRefused: the role has no right to read the log.
        StepUpNeeded: password and second factor were not given a moment ago.
        InvalidValue: ``nobody_of_that_name``.
        VaultSealed: the log cannot be signed.
    """
    actor = _admitted(parts, who, now)
    if isinstance(who, Person):
        require_fresh(parts, who, now)
    _refuse_unknown(parts, question)
    plan = _plan(parts, actor, question, name, settle(parts, now), now)
    row = {
        "export_id": plan.event.event_id,
        "exported_by": actor.name,
        "at": now,
        "size": plan.head.size,
        "root": plan.head.root,
        "question": json.dumps(_asked(plan), sort_keys=True),
    }
    with unit_of_work(parts.database) as work:
        log_exports.remember(work.connection, row)
        work.announce(plan.event)
        work.commit()
    day = now.astimezone(parts.policy.zone).strftime("%Y%m%d-%H%M%S")
    passes = 1 if question.is_range else 2
    bundle = Export(
        f"access-log-{day}.zip", iter(()), plan.events, (plan.stop - plan.start) * (passes + question.table)
    )
    bundle.pieces = _bundle(plan, bundle)
    return bundle


def _admitted(parts: Parts, who: Person | Actor, now: datetime) -> Actor:
    if isinstance(who, Actor):
        return who
    if not parts.policy.allows(who.role, Right.LOG_READ):
        refused = parts.event(now, who.actor(), Action.LOG_EXPORT, Outcome.REFUSED, rule="no_right")
        parts.log_writer.write(refused)
        raise AccessRefused("no_right")
    return who.actor()


def _refuse_unknown(parts: Parts, question: LogQuestion) -> None:
    """Refuse a name that is nobody's: what was mistyped would give an empty export, and be kept."""
    with parts.database.read() as connection:
        for actor in question.actors:
            known = log_exports.somebody_acted(connection, actor) or people.by_work_number(connection, actor)
            if not known:
                raise InvalidValue("nobody_of_that_name", field="actor")


def _plan(parts: Parts, actor: Actor, question: LogQuestion, name: Name, size: int, now: datetime) -> _Plan:
    with parts.database.read() as connection:
        note = log_exports.note(connection, size)
        if note is None:
            raise VaultSealed("no_vault_here")
        key, keys = signer(parts, connection), key_chain(parts, connection).statements
        events = log_exports.count(connection, question, size)
        start, stop = log_exports.span(connection, question, size)
        number, oldest = log.waiting(connection), log.oldest_waiting(connection)
        earlier = [one for one in log_exports.taken_home(connection, actor.name, _MOST_EARLIER) if one.size < size]
    mode = "range" if question.is_range else "selection"
    event = parts.event(now, actor, Action.LOG_EXPORT, Outcome.GRANTED, count=events, size=size, mode=mode)
    head = Checkpoint.parse(note.partition("\n\n")[0] + "\n")
    since = json.loads(oldest)["at"] if oldest else ""
    return _Plan(
        parts, question, name, now, event, key, keys, note, head, earlier, start, stop, events, (number, since),
        TileReader(parts.database),
    )  # fmt: skip


# -- the bundle's files ------------------------------------------------------------------------------------------


def _bundle(plan: _Plan, progress: Export) -> Iterator[bytes]:
    writer = BundleWriter(plan.at.astimezone(plan.parts.policy.zone))
    about = (plan.stop - plan.start) * _ABOUT
    yield from writer.file("README.md", [LETTER.read_bytes()])
    yield from writer.file("verify_log.py", [Path(verify_log.__file__).read_bytes()])
    yield from writer.file("checkpoint", [plan.note.encode()])
    yield from writer.file("checkpoints.json", [_json(_older_notes(plan))])
    yield from writer.file("consistency.json", [_json(_consistency(plan))])
    yield from writer.file("gaps.json", [_json(_gaps(plan))])
    if plan.keys:
        yield from writer.file("keys.json", [_json([one.note for one in plan.keys])])
    yield from writer.file("events.jsonl", _together(_lines(plan, progress)), about)
    if plan.question.is_range:
        yield from writer.file("range.json", [_json(_range(plan))])
    else:
        yield from writer.file("proofs.jsonl", _together(_proofs(plan, progress)), about)
    if plan.question.table:
        inside = (one for one in _entries(plan, progress) if plan.question.asks_for(one.canonical))
        table = log_tables.rows(inside, plan.parts.policy.zone, plan.name)
        yield from writer.file("events.csv", _together(table), about)
        yield from writer.file("columns.csv", [log_tables.dictionary()])
    missing = []
    for digest in sorted(plan.policies):
        with plan.parts.database.read() as connection:
            texts = policy_texts.texts(connection, digest)
        missing += [] if texts else [digest]
        for name, content in texts.items():
            yield from writer.file(f"policies/{digest}/{name}.toml", [content])
    manifest = _json(_manifest(plan, writer, missing))
    yield from writer.file("manifest.json", [manifest])
    yield from writer.file("manifest.note", [_signed(plan, manifest).encode()])
    yield writer.end()


def _entries(plan: _Plan, progress: Export) -> Iterator[Entry]:
    """Yield the entries of the span, page by page, each in a short transaction of its own."""
    for start in range(plan.start, plan.stop, _PAGE):
        stop = min(start + _PAGE, plan.stop)
        with plan.parts.database.read() as connection:
            page = log_exports.entries(connection, start, stop)
        yield from page
        progress.done += stop - start


def _wanted(plan: _Plan, progress: Export) -> Iterator[Entry]:
    """Yield the entries of the bundle: of a range all, of a selection those asked for."""
    is_range = plan.question.is_range
    return (one for one in _entries(plan, progress) if is_range or plan.question.asks_for(one.canonical))


def _lines(plan: _Plan, progress: Export) -> Iterator[bytes]:
    for one in _wanted(plan, progress):
        policy = _POLICY.search(one.canonical)
        if policy is not None:
            plan.policies.add(policy[1].decode())
        yield b'{"leaf":%d,"hash":"%b","event":%b}\n' % (one.leaf_index, one.leaf_hash.hex().encode(), one.canonical)


def _proofs(plan: _Plan, progress: Export) -> Iterator[bytes]:
    for one in _wanted(plan, progress):
        path = inclusion_proof(one.leaf_index, plan.head.size, plan.tiles.node)
        yield _json({"leaf": one.leaf_index, "path": _base64(path)})


def _range(plan: _Plan) -> dict[str, Any]:
    node, start, stop = plan.tiles.node, plan.start, plan.stop
    left = [node(*place) for place in cover(0, start)]
    right = [node(*place) for place in cover(stop, plan.head.size)]
    return {"start": start, "stop": stop, "left": _base64(left), "right": _base64(right)}


def _older_notes(plan: _Plan) -> list[str]:
    with plan.parts.database.read() as connection:
        return log_exports.notes_between(connection, plan.start, min(plan.stop + 1, plan.head.size), _MOST_NOTES)


def _gaps(plan: _Plan) -> list[str]:
    with plan.parts.database.read() as connection:
        return declared(plan.parts, connection)


def _consistency(plan: _Plan) -> list[dict[str, Any]]:
    known = {one.size for one in plan.earlier}
    changes = [one.state for one in plan.keys if one.state.size < plan.head.size and one.state.size not in known]
    # One that lies in a declared gap is no beginning of this log, and nothing can prove that it were.
    held = [Known(one.size, one.root) for one in changes if _root_at(plan, one.size) == one.root]
    return [
        {
            "size": one.size,
            "root": base64.b64encode(one.root).decode(),
            "proof": _base64(consistency_proof(one.size, plan.head.size, plan.tiles.node)),
        }
        for one in [*plan.earlier, *held]
    ]


def _root_at(plan: _Plan, size: int) -> bytes:
    return Frontier.restore(size, [plan.tiles.node(*place) for place in cover(0, size)]).root()


def _asked(plan: _Plan) -> dict[str, Any]:
    return {
        "from": micros_text(plan.question.since),
        "to": micros_text(plan.question.until),
        "zone": plan.parts.policy.company.zone,
        "actors": plan.question.actors,
        "actions": plan.question.actions,
    }


def _manifest(plan: _Plan, writer: BundleWriter, missing: list[str]) -> dict[str, Any]:
    return {
        "format": verify_log.FORMAT,
        "generator": f"courier-data-vault, schema {schema.head()}",
        "created_at": micros_text(plan.at),
        "exported_by": plan.event.actor.name,
        "event": plan.event.event_id.hex(),
        "key": plan.signer.verifier_key(),
        "size": plan.head.size,
        "root": base64.b64encode(plan.head.root).decode(),
        "kind": "range" if plan.question.is_range else "selection",
        "question": _asked(plan),
        "events": plan.events,
        "waiting": plan.waiting[0],
        "waiting_since": plan.waiting[1],
        "extends": [one.size for one in plan.earlier],
        "policies_not_kept": missing,
        "files": writer.files,
    }


def _signed(plan: _Plan, manifest: bytes) -> str:
    """Sign the manifest with the log's key; its first line is no log's name, so nobody takes it for a checkpoint."""
    digest = hashlib.sha256(manifest).hexdigest()
    return plan.signer.sign(f"{verify_log.FORMAT}\n{plan.head.origin}\n{digest}\n")


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _base64(hashes: Iterable[bytes]) -> list[str]:
    return [base64.b64encode(one).decode() for one in hashes]


def _together(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Join lines into pieces worth compressing."""
    some: list[bytes] = []
    for line in lines:
        some.append(line)
        if len(some) == _STEP:
            yield b"".join(some)
            some.clear()
    yield b"".join(some)
