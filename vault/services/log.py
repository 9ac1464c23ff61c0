"""The access log: put in order and signed (:mod:`vault.services.steps.settling`), and judged, each night by itself."""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection

from vault import verify_log
from vault.domain.log import Action, Actor, Outcome
from vault.services.steps.gaps import declared
from vault.services.steps.parts import Parts
from vault.services.steps.settling import refuse_rewound, settle
from vault.services.steps.signing import key_statements
from vault.storage import log, log_checks, log_copies
from vault.storage.log_tiles import TileWatch
from vault.verify_log import Finding, Gap, KeyChange, Kind, Report

__all__ = [
    "Action", "Actor", "Gap", "KeyChange", "Outcome", "Verdict", "check", "record_verification", "refuse_rewound",
    "settle", "verify", "verify_bundle",
]  # fmt: skip

verify_bundle = verify_log.main
"""Judges an exported bundle as the auditor's own copy of the verifier does, and prints what came of it."""

_NO_VERDICT: Final = "0" * 64
_COPY: Final[Kind] = "column_mismatch"
_OUT_OF_ORDER: Final = frozenset({"removed", "inserted", "reordered"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verifying this vault's log found.

    Args:
        report: the verifier's report, with findings on stored copies added: tiles, ids and terms.
        waiting: durable events that have no place in the log yet.
        tail_since: time of the oldest event that no checkpoint covers, as it says itself; empty without any.
        checkpoint: where the trusted checkpoint lies.
        pin: where the pinned key lies.
        with_terms: ids and terms were compared too.
    """

    report: Report
    waiting: int
    tail_since: str
    checkpoint: Path
    pin: Path
    with_terms: bool

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong."""
        return not self.report.findings

    @property
    def digest(self) -> str:
        """SHA-256 over what is wrong, so that the same findings are known again."""
        report = self.report
        found = sorted((one.kind, -1 if one.index is None else one.index) for one in report.findings)
        return hashlib.sha256(json.dumps([found, report.unlisted]).encode()).hexdigest()


def verify(parts: Parts, *, with_terms: bool = False) -> Verdict | None:
    """Judge this vault's log by the checkpoint and the pinned key kept outside the database.

    A checkpoint that was sent to another folder, and can be read back, must fit as well: whoever holds this host and
    the signing key cannot replace it.

    Args:
        parts: the vault's parts.
        with_terms: compare ids and terms, by which searches find events, too; that takes several times as long.

    Returns:
        The verdict, or None when one of the two files is missing or the key unreadable: then nobody can judge.
    """
    files = parts.log_files
    if not files.checkpoint.is_file() or not files.pin.is_file():
        return None
    trusted = files.checkpoint.read_text(encoding="utf-8", errors="replace")  # a damaged note is a finding
    pin = files.pin.read_text(encoding="ascii", errors="replace").strip()
    tiles, elsewhere = TileWatch(), parts.anchors.kept()
    with parts.database.read() as connection:
        notes, gaps = log.checkpoint_notes(connection), declared(parts, connection)
        try:
            keys = key_statements(parts, connection)
            events = log.all_events(connection)
            report = verify_log.verify(events, notes, trusted, pin, gaps, tiles.take, keys, elsewhere)
        except verify_log.CannotJudge:
            return None
        waiting, oldest = log.waiting(connection), log.oldest_waiting(connection)
        wrong = [*_wrong_tiles(tiles, connection, report)]
        if with_terms:
            wrong += [Finding(_COPY, one.leaf_index, one.words) for one in log_copies.differences(connection)]
    findings = tuple(sorted((*wrong, *report.findings), key=lambda one: -1 if one.index is None else one.index))
    unlisted = report.unlisted + max(0, len(findings) - verify_log.MOST_FINDINGS)
    whole = replace(report, findings=findings[: verify_log.MOST_FINDINGS], unlisted=unlisted)
    since = report.tail_since or (json.loads(oldest)["at"] if oldest else "")
    return Verdict(whole, waiting, since, files.checkpoint, files.pin, with_terms)


def _wrong_tiles(tiles: TileWatch, connection: Connection, report: Report) -> Iterator[Finding]:
    """Name tiles that differ from the events; not those over an entry that is itself named, which explains them."""
    named = sorted(one.index for one in report.findings if one.index is not None)
    is_whole = not any(one.kind in _OUT_OF_ORDER for one in report.findings)
    for one in tiles.compare(connection, is_whole=is_whole):
        place = bisect_left(named, one.entries.start)
        if one.entries and place < len(named) and named[place] in one.entries:
            continue
        yield Finding(_COPY, one.entries.start if one.entries else None, one.words)


def check(parts: Parts, now: datetime) -> Verdict | None:
    """Verify the whole log, ids and terms included, and record what came of it; safe to repeat.

    It reads one state of the database while others read and write on, and keeps some bytes of each event at a time.

    Args:
        parts: the vault's parts.
        now: UTC.

    Returns:
        The verdict, or None when nobody can judge.

    Raises:
        LogUnavailable: the event could not be made durable.
    """
    verdict = verify(parts, with_terms=True)
    record_verification(parts, Actor("system", "system", node=parts.node), verdict, now)
    return verdict


def record_verification(parts: Parts, actor: Actor, verdict: Verdict | None, now: datetime) -> None:
    """Log that somebody verified the log, and what came of it.

    A verification of everything says how many findings there were, and whether they are just those of the last one:
    what an altered entry gives rise to is told once, although it is found again each night.
    """
    holds = verdict is not None and verdict.holds
    facts: dict[str, Any] = {"size": 0 if verdict is None else verdict.report.size}
    if verdict is None or verdict.with_terms:
        count = 0 if verdict is None else len(verdict.report.findings) + verdict.report.unlisted
        digest = _NO_VERDICT if verdict is None else verdict.digest
        with parts.database.read() as connection:
            before = log_checks.last_check(connection)
        is_known = not holds and before is not None and not before.holds and before.digest == digest
        facts |= {"count": count, "digest": digest, "unchanged": int(is_known)}
    outcome = Outcome.DONE if holds else Outcome.FAILED
    parts.log_writer.write(parts.event(now, actor, Action.LOG_VERIFY, outcome, **facts))
