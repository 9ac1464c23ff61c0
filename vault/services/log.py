"""The access log: put in order and signed (:mod:`vault.services.steps.settling`), and judged."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from vault import verify_log
from vault.domain.log import Action, Actor, Outcome
from vault.services.steps.parts import Parts
from vault.services.steps.settling import refuse_rewound, settle
from vault.storage import log, log_search
from vault.verify_log import Entry, Finding, Report

__all__ = [
    "Action", "Actor", "Outcome", "Verdict", "record_verification", "refuse_rewound", "settle", "verify",
    "verify_bundle",
]  # fmt: skip

verify_bundle = verify_log.main
"""Judges an exported bundle as the auditor's own copy of the verifier does, and prints what came of it."""

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - only for text: the columns are UTC, the text ends in Z


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verifying this vault's log found.

    Args:
        report: the verifier's report, with findings on search columns added.
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
        with_terms: compare the terms that searches walk along too; that takes several times as long.

    Returns:
        The verdict, or None when one of the two files is missing or the key unreadable: then nobody can judge.
    """
    files = parts.log_files
    if not files.checkpoint.is_file() or not files.pin.is_file():
        return None
    trusted = files.checkpoint.read_text(encoding="utf-8", errors="replace")  # a damaged note is a finding
    pin = files.pin.read_text(encoding="ascii", errors="replace").strip()
    wrong: list[Finding] = []
    with parts.database.read() as connection:
        notes = log.checkpoint_notes(connection)
        entries = _with_columns_checked(log.all_events(connection), wrong)
        try:
            report = verify_log.verify(entries, notes, trusted, pin)
        except verify_log.CannotJudge:
            return None
        waiting, oldest = log.waiting(connection), log.oldest_waiting(connection)
        differing = log_search.first_difference(connection) if with_terms else None
    if differing is not None:
        index = None if differing == log_search.NO_EVENT else differing
        wrong.append(Finding("column_mismatch", index, f"entry {index}: its search terms differ from the event"))
    findings = tuple(sorted((*wrong, *report.findings), key=lambda one: -1 if one.index is None else one.index))
    whole = Report(findings, report.size, report.checked_size, report.unsigned_tail, report.unlisted, report.tail_since)
    since = report.tail_since or (json.loads(oldest)["at"] if oldest else "")
    return Verdict(whole, waiting, since, files.checkpoint, files.pin)


def _with_columns_checked(batches: Iterable[list[tuple[Any, ...]]], wrong: list[Finding]) -> Iterator[list[Entry]]:
    """Check each row's search columns against its canonical bytes, and pass the entries on.

    Canonical JSON has sorted keys and escapes every quote inside a string, so the fragments compared here can
    stand nowhere else.
    """
    for batch in batches:
        for row in batch:
            if not _columns_fit(row) and len(wrong) < verify_log.MOST_FINDINGS:
                wrong.append(Finding("column_mismatch", row[0], f"entry {row[0]}: a column differs from the event"))
        yield [row[:3] for row in batch]


def _columns_fit(row: tuple[Any, ...]) -> bool:
    _, canonical, _, event_id, at, action, outcome, actor = row
    try:
        head = _head(action, actor), _second(at // 1_000_000), at % 1_000_000
        return (
            canonical.startswith(b'%b%b.%06dZ","case":"' % head)
            and b'"id":"%b","node":"' % event_id.hex().encode() in canonical
            and _outcome_and_next(outcome) in canonical
        )
    except (TypeError, AttributeError, ValueError, OverflowError):
        # SQLite keeps a value of any type in any column, and a number need not be a time.
        return False


# A log of a million events has few different actors, actions and outcomes, and neighbours mostly share their second.


@lru_cache(maxsize=4096)
def _head(action: str, actor: str) -> bytes:
    return f'{{"action":"{action}","actor":"{actor}","at":"'.encode()


@lru_cache(maxsize=1024)
def _second(seconds: int) -> bytes:
    return (_EPOCH + timedelta(seconds=seconds)).isoformat().encode()


@lru_cache(maxsize=64)
def _outcome_and_next(outcome: str) -> bytes:
    return f'","outcome":"{outcome}","policy":"'.encode()


def record_verification(parts: Parts, actor: Actor, verdict: Verdict | None, now: datetime) -> None:
    """Log that somebody verified the log, and what came of it."""
    outcome = Outcome.FAILED if verdict is None or not verdict.holds else Outcome.DONE
    size = 0 if verdict is None else verdict.report.size
    parts.log_writer.write(parts.event(now, actor, Action.LOG_VERIFY, outcome, size=size))
