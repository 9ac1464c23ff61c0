"""Names of what retention, plans and certificates say in words of closed lists, in English."""

from __future__ import annotations

from collections.abc import Mapping

NAMES_OF_DESTRUCTION: Mapping[str, Mapping[str, str]] = {
    "cohort_state": {
        "open": "in use",
        "closing": "closing",
        "empty": "empty",
        "destroyed": "destroyed",
    },
    "cohort_waits": {
        "earlier": "waits for one that ended earlier",
        "due": "{due} records are past their time and not destroyed: a plan needs two officers",
        "unreadable": "{unreadable} records cannot be moved: see the access log for integrity failures",
        "orphans": "keys without record or records without key: see “datavault keys orphans”",
        "log": "events wait for their place in the log: the next run goes on",
        "backup": "waits for a verified backup: “datavault backup create”, then “verify”",
        "busy": "another process is at it",
        "clock": "the clock jumped: an officer confirms the date first",
    },
    "plan": {
        "draft": "draft",
        "proposed": "waits for a second officer",
        "approved": "approved by two officers",
        "running": "running",
        "paused": "paused",
        "done": "done",
        "stopped": "stopped",
        "superseded": "replaced by a newer one",
    },
    "certificate": {
        "erased": "erased from the engine",
        "final": "out of reach of every registered copy",
    },
    "check": {
        "rows_gone": "No row of a destroyed record is left",
        "opening_fails": "Nothing opens them any more",
        "tombstones": "Each has a tombstone",
        "ledger": "Each stands in the ledger",
        "secure_delete": "The database overwrites what it deletes",
        "wal_truncated": "The write-ahead log was cut to nothing",
        "raw_reread": "No erased key is in the bytes of the database's files",
        "raw_rows": "Nor is a row of their sealed values or index tags",
        "vacuumed": "The tables were vacuumed",
        "cohort_empty": "Nothing lies under the key",
        "key_refused": "No registered copy of the key store holds the key",
    },
    "check_result": {
        "passed": "passed",
        "not_run": "not run: this role may not",
    },
    "residual": {
        "backups": "backups made before",
        "heap": "free space of PostgreSQL's tables",
        "wal": "PostgreSQL's write-ahead log",
        "replicas": "replicas of the database",
    },
    "not_proven": {
        "unregistered_key_stores": "copies of the key store that nobody registered",
        "unregistered_backups": "backups that nobody registered",
        "paper_and_exports": "paper, and what people wrote down elsewhere",
    },
    "stays": {
        "hold": "under legal hold",
        "open_service": "a service on it is open",
        "linked": "a record under hold links to it",
        "open": "still open",
        "not_due": "its time has not come",
        "gone": "destroyed before",
    },
    "item": {
        "due": "to be destroyed",
        "destroyed": "destroyed",
        "held": "held, not destroyed",
        "kept": "kept, not destroyed",
        "failed": "could not be destroyed",
    },
    "held": {
        "sessions": "open sessions, ended",
        "tokens": "tokens, ended",
        "grants": "grants, ended",
        "requests": "unanswered requests, ended",
        "handovers": "hand-overs without an answer",
        "cases": "open cases, handed on",
        "customers": "customers, given to the successor or the pool",
        "services": "open services, handed on",
        "boxes": "boxes of paper, handed on",
    },
}
