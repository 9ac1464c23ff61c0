"""The access log: put in order and signed (:mod:`vault.services.steps.settling`), and judged."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from vault import verify_log
from vault.domain.log import Action, Actor, Outcome
from vault.services.steps.gaps import declared
from vault.services.steps.parts import Parts
from vault.services.steps.settling import refuse_rewound, settle
from vault.services.steps.signing import key_statements
from vault.storage import log, log_copies
from vault.storage.log_tiles import TileWatch
from vault.verify_log import Finding, Gap, KeyChange, Kind, Report

__all__ = [
    "Action", "Actor", "Gap", "KeyChange", "Outcome", "Verdict", "record_verification", "refuse_rewound",
    "settle", "verify", "verify_bundle",
]  # fmt: skip

verify_bundle = verify_log.main
"""Judges an exported bundle as the auditor's own copy of the verifier does, and prints what came of it."""

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
    """

    report: Report
    waiting: int
    tail_since: str
    checkpoint: Path
    pin: Path

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong."""
        return not self.report.findings


def verify(parts: Parts, *, with_terms: bool = False) -> Verdict | None:
    """Judge this vault's log by the checkpoint and the pinned key kept outside the database.

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
    tiles = TileWatch()
    with parts.database.read() as connection:
        notes, gaps = log.checkpoint_notes(connection), declared(parts, connection)
        try:
            keys = key_statements(parts, connection)
            report = verify_log.verify(log.all_events(connection), notes, trusted, pin, gaps, tiles.take, keys)
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
    return Verdict(whole, waiting, since, files.checkpoint, files.pin)


def _wrong_tiles(tiles: TileWatch, connection: Connection, report: Report) -> Iterator[Finding]:
    """Name tiles that differ from the events; not those over an entry that is itself named, which explains them."""
    named = sorted(one.index for one in report.findings if one.index is not None)
    is_whole = not any(one.kind in _OUT_OF_ORDER for one in report.findings)
    for one in tiles.compare(connection, is_whole=is_whole):
        place = bisect_left(named, one.entries.start)
        if one.entries and place < len(named) and named[place] in one.entries:
            continue
        yield Finding(_COPY, one.entries.start if one.entries else None, one.words)


def record_verification(parts: Parts, actor: Actor, verdict: Verdict | None, now: datetime) -> None:
    """Log that somebody verified the log, and what came of it."""
    outcome = Outcome.FAILED if verdict is None or not verdict.holds else Outcome.DONE
    size = 0 if verdict is None else verdict.report.size
    parts.log_writer.write(parts.event(now, actor, Action.LOG_VERIFY, outcome, size=size))
