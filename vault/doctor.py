"""What ``datavault doctor`` looks at: every check ends with its fix; every store location and destination is named."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from vault import bootstrap
from vault.config import Config
from vault.crypto import self_test
from vault.errors import VaultError, VaultSealed
from vault.services import keys_signing, orphans
from vault.services.readiness import VERIFIED_WITHIN
from vault.services.steps import ledger_judging
from vault.services.steps.evidence import EVIDENCE_DAYS
from vault.services.steps.gaps import declared
from vault.services.steps.parts import Parts
from vault.services.steps.settling import refuse_rewound
from vault.storage import backups, certificate_waits, job_runs, log, log_checks, log_search, log_webhook, schema
from vault.storage.breach import incident_reminders
from vault.storage.policy_files import load_policy

_CHECKPOINT_AGE = timedelta(minutes=5)
_LEAST_FREE_BYTES = 1 << 30
_CLOSING_AGE = timedelta(days=14)
"""So long a cohort may wait for two officers, their plan, and a backup."""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report.

    Args:
        state: ok, warn or bad.
        what: what was looked at, as a message id.
        found: what was found: paths, counts, reason ids; never a secret.
        fix: what to do, as a message id; empty when nothing is to be done.
    """

    state: str
    what: str
    found: str
    fix: str = ""


def _judged(*, good: bool, what: str, found: object, fix: str, otherwise: str = "warn") -> Check:
    """Return a check whose fix is named only where something is to be done."""
    return Check("ok", what, str(found)) if good else Check(otherwise, what, str(found), fix)


def examine(config: Config, now: datetime) -> Iterator[Check]:
    """Look at everything a healthy vault rests on.

    Args:
        config: the settings.
        now: UTC.

    Yields:
        One check after another; a vault that cannot be opened ends the list with the reason.
    """
    yield from _machine(config)
    yield from _places(config)
    try:
        policy = load_policy(config.policies_dir)
        yield Check("ok", "Company rules", policy.digest[:16])
    except VaultError as error:
        yield Check("bad", "Company rules", error.reason, "Run datavault policy check and correct the named file")
    try:
        with bootstrap.open_vault(config, to_inspect=True) as parts:
            yield Check("ok", "Key store", ", ".join(str(folder) for folder in config.key_copies))
            yield from _log(parts, now)
            yield _verified(parts, now)
            yield from _timetable(parts, now)
            yield from _keys(parts, now)
            yield from _ledger(parts)
            yield _left(parts)
            yield _reminders(parts, now)
            yield _backups(parts, now)
    except VaultError as error:
        yield Check("bad", "Opening the vault", error.reason, "See the runbook of this reason in ops/runbooks")


def _left(parts: Parts) -> Check:
    """Look for plans whose certificate waits because something that was destroyed is still there."""
    with parts.database.read() as connection:
        found = certificate_waits.found(connection)
    told = ", ".join(f"{one.plan_id.hex()} {one.finding} {one.count}" for one in found)
    fix = "See ops/runbooks/failed-run.md; the certificate comes by itself once it is gone"
    return _judged(good=not found, what="Destroyed and still there", found=told or 0, fix=fix, otherwise="bad")


def _reminders(parts: Parts, now: datetime) -> Check:
    """Look for letters about deadlines of incidents that no mail server took."""
    with parts.database.read() as connection:
        lost = incident_reminders.count_lost(connection, now - timedelta(days=EVIDENCE_DAYS))
    fix = "See that the mail server takes letters to the duty mailboxes; the incident's page lists the reminders"
    return _judged(good=not lost, what="Reminders that could not be mailed", found=lost, fix=fix)


def _backups(parts: Parts, now: datetime) -> Check:
    """Look how old the newest backup is that was read back and held."""
    with parts.database.read() as connection:
        newest = backups.newest_verified(connection)
    good = newest is not None and now - newest < parts.policy.destruction.backup_warning()
    found = "none" if newest is None else newest.isoformat(timespec="seconds")
    fix = "Run datavault backup create and backup verify, every day by a timer; see ops/runbooks/restore.md"
    return _judged(good=good, what="Newest verified backup", found=found, fix=fix)


def _machine(config: Config) -> Iterator[Check]:
    try:
        self_test.run()
        yield Check("ok", "Cryptography self-test", "AES-256-GCM+HMAC-SHA-256")
    except VaultError as error:
        yield Check("bad", "Cryptography self-test", error.reason, "Install the locked requirements again: make setup")
    yield Check("ok", "SQLite", sqlite3.sqlite_version)
    try:
        ZoneInfo("Asia/Shanghai")
        yield Check("ok", "Time zones", "Asia/Shanghai")
    except ZoneInfoNotFoundError:
        yield Check("bad", "Time zones", "Asia/Shanghai", "Install the tzdata package")
    limit = _core_limit()
    fix = "Set LimitCORE=0 (ops/systemd does): a core dump would hold keys"
    yield _judged(good=limit == 0, what="Core dumps", found=limit, fix=fix)
    if config.data_dir.exists():
        space = os.statvfs(config.data_dir)
        free = space.f_bavail * space.f_frsize
        fix = "Free some space: with a full disk nothing can be logged, so nothing is shown"
        yield _judged(good=free >= _LEAST_FREE_BYTES, what="Free disk space", found=f"{free >> 20} MiB", fix=fix)


def _core_limit() -> int:
    import resource  # noqa: PLC0415 - not on every system that can read this module

    return resource.getrlimit(resource.RLIMIT_CORE)[0]


def _places(config: Config) -> Iterator[Check]:
    """Name every location where anything is stored, and every destination data could go to."""
    address = config.database_url if config.database_url.startswith("sqlite") else "postgresql"
    yield Check("ok", "Store: database", address)
    for folder in config.key_copies:
        yield _private(folder)
    devices = {folder.stat().st_dev for folder in config.key_copies if folder.exists()}
    apart = len(devices) == len(config.key_copies)
    fix = "Put one copy on another device: DATAVAULT_KEY_COPIES"
    yield _judged(good=apart, what="Key store copies on different devices", found=len(devices), fix=fix)
    yield Check("ok", "Store: root key", str(config.root_key_file))
    yield Check("ok", "Store: checkpoints", str(config.checkpoint_dir))
    copies = [folder for folder in (config.checkpoint_copy_dir,) if folder is not None]
    for folder in copies:
        yield Check("ok", "Store: copies of checkpoints", str(folder))
    folders = [config.checkpoint_dir, *copies]
    webhook = log_webhook.shown(config.checkpoint_webhook) if config.checkpoint_webhook else ""
    outbound = [one for one in (config.checkpoint_syslog, webhook) if one]
    outside = bool(outbound) or not all(one.is_relative_to(config.data_dir) for one in folders)
    fix = "Keep checkpoints on another host or site: DATAVAULT_CHECKPOINT_COPY_DIR, _SYSLOG or _WEBHOOK"
    yield _judged(good=outside, what="Checkpoints outside the data folder", found=outside, fix=fix)
    try:
        mailer, boxes = bootstrap.post(config)
    except VaultError as error:
        yield Check("bad", "Mail", error.reason, "Correct DATAVAULT_SMTP_URL, _MAIL_FROM or _ROLE_MAIL")
        yield Check("ok", "Outbound destinations", " ".join(outbound) or "none")
        return
    found = f"{mailer.name} {' '.join(sorted(boxes))}".strip() or "none"
    fix = "Set DATAVAULT_SMTP_URL, _MAIL_FROM and _ROLE_MAIL: without, a deadline at night reaches nobody"
    yield _judged(good=mailer.is_set_up and bool(boxes), what="Mail", found=found, fix=fix)
    yield Check("ok", "Outbound destinations", " ".join([*outbound, *filter(None, [mailer.name])]) or "none")


def _private(folder: Path) -> Check:
    if not folder.is_dir():
        return Check("bad", "Store: key store copy", str(folder), "Copy both files of a good copy there, mode 0600")
    closed = not stat.S_IMODE(folder.stat().st_mode) & 0o077
    fix = "Close the folder to others: chmod 700"
    return _judged(good=closed, what="Store: key store copy", found=folder, fix=fix, otherwise="bad")


def _sealed(parts: Parts) -> str:
    """Return why the database may not be worked on, or an empty string."""
    try:
        refuse_rewound(parts)
    except VaultSealed as sealed:
        return sealed.reason
    return ""


def _log(parts: Parts, now: datetime) -> Iterator[Check]:
    since = now - timedelta(days=EVIDENCE_DAYS)
    with parts.database.read() as connection:
        size, waiting = log.size(connection), log.waiting(connection)
        unowed = log_search.count_since(connection, ("outcome:failed", "action:log.counted"), since)
    signed = parts.log_files.signed()
    covered = signed.frontier.size if signed else 0
    yield Check("ok", "Log: events in order", str(size))
    behind = size - covered + waiting
    age = now.timestamp() - parts.log_files.checkpoint.stat().st_mtime if parts.log_files.checkpoint.exists() else 0
    late = behind > 0 and age > _CHECKPOINT_AGE.total_seconds()
    fix = "Start the scheduler, or run datavault run-due"
    yield _judged(good=not late, what="Log: events not yet signed", found=max(0, behind), fix=fix)
    for anchor in parts.anchors.standing():
        behind = covered - anchor.size
        found = f"{anchor.name} {anchor.size}/{covered} {anchor.fault}".rstrip()
        fix = "Bring the place back; the next checkpoint is sent there by itself"
        yield _judged(
            good=not anchor.fault and behind <= 0, what="Log: checkpoints kept elsewhere", found=found, fix=fix
        )
    sealed = _sealed(parts)
    fix = "See ops/runbooks/rewound-database.md; datavault log accept-gap --dry-run shows what is lost"
    found = f"{size}/{covered} {sealed}".rstrip()
    yield _judged(good=not sealed, what="Log: all that was signed is there", found=found, fix=fix, otherwise="bad")
    with parts.database.read() as connection:
        gaps = len(declared(parts, connection))
    fix = "datavault log verify names them; checkpoints that auditors keep from inside a gap do not hold any more"
    yield _judged(good=not gaps, what="Log: declared gaps", found=gaps, fix=fix)
    fix = "Run datavault log verify: it names the runs; see ops/runbooks/auditing.md"
    yield _judged(good=not unowed, what="Log: openings beyond receipts", found=unowed, fix=fix, otherwise="bad")
    current = schema.current(parts.database.url.render_as_string(hide_password=False))
    fix = "Run datavault db upgrade"
    yield _judged(good=current == schema.head(), what="Schema", found=current, fix=fix, otherwise="bad")


def _verified(parts: Parts, now: datetime) -> Check:
    """Look when the whole log was last verified, and whether it held."""
    with parts.database.read() as connection:
        last = log_checks.last_check(connection)
    fix = "Run datavault log verify: it names what is wrong and where; see ops/runbooks/auditing.md"
    if last is not None and not last.holds:
        found = f"{last.at.isoformat(timespec='seconds')} DOES NOT HOLD"
        return Check("bad", "Log: last verified as a whole", found, fix)
    good = last is not None and now - last.at <= VERIFIED_WITHIN
    found = "none" if last is None else last.at.isoformat(timespec="seconds")
    fix = "Start the scheduler, which verifies it each night, or run datavault log verify"
    return _judged(good=good, what="Log: last verified as a whole", found=found, fix=fix)


def _keys(parts: Parts, now: datetime) -> Iterator[Check]:
    told = orphans.compare(parts, now)
    fix = "Run datavault keys orphans: it names the kinds; see ops/runbooks/lost-key.md"
    yield _judged(good=not told.total, what="Keys and records agree", found=told.total, fix=fix, otherwise="bad")
    overdue = told.oldest is not None and told.oldest < (now - _CLOSING_AGE).astimezone(parts.policy.zone).date()
    found = f"{told.past} {told.oldest or ''}".rstrip()
    fix = "Run datavault keys close-cohorts --dry-run: it tells what each waits for"
    yield _judged(good=not overdue, what="Cohorts past their last day", found=found, fix=fix)
    signing = keys_signing.look(parts)
    fix = "Run datavault keys rotate-signing --yes: it ends what was begun"
    found = f"{signing.key_id} {signing.since.date().isoformat()}"
    yield _judged(good=not signing.is_begun, what="Signing key", found=found, fix=fix)


def _ledger(parts: Parts) -> Iterator[Check]:
    yield Check("ok", "Store: ledger of destruction", ", ".join(str(path) for path in parts.ledger.copies))
    try:
        verdict = ledger_judging.judge(parts)
    except VaultError as error:
        fix = "See ops/runbooks/failed-run.md"
        yield Check("bad", "Ledger: copies whole and alike", error.reason, fix)
        return
    yield Check("ok", "Ledger: copies whole and alike", str(verdict.head.count))
    fix = "This database is older than the ledger: see ops/runbooks/restore.md"
    yield _judged(
        good=not verdict.living, what="Ledger: erased records that are there", found=verdict.living, fix=fix,
        otherwise="bad",
    )  # fmt: skip
    fix = "Go on with the plan that was interrupted: datavault retention execute"
    yield _judged(good=not verdict.unsaid, what="Ledger: tombstones without an entry", found=verdict.unsaid, fix=fix)
    fix = "Make room for the ledger; the next run, or the scheduler within a day, evens them out"
    yield _judged(good=not verdict.holds, what="Ledger: holds that only one side knows", found=verdict.holds, fix=fix)


def _timetable(parts: Parts, now: datetime) -> Iterator[Check]:
    with parts.database.read() as connection:
        runs = job_runs.last_runs(connection)
        late = job_runs.late_since(connection, now - timedelta(days=1))
    last = max((run.started_at for run in runs), default=None)
    found = "-" if last is None else last.isoformat(timespec="seconds")
    running = last is not None and now - last <= job_runs.STANDS_STILL_AFTER
    fix = "Start the scheduler, or run datavault run-due"
    yield _judged(good=running, what="Timetable: last run", found=found, fix=fix)
    stuck = [run.job for run in runs if run.finished_at is None and now - run.started_at > job_runs.KILLED_AFTER]
    fix = "See the scheduler's log for the reason; the next run makes up for it"
    yield _judged(good=not stuck, what="Timetable: runs that did not end", found=" ".join(stuck) or 0, fix=fix)
    fix = "Each made up for what was missed; see why the scheduler stood still"
    yield _judged(good=not late, what="Timetable: late runs of the last day", found=late, fix=fix)
