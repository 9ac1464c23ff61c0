"""The daily comparison of keys and records: nothing that was destroyed has a key, and nothing that lives lacks one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from vault.domain.cohorts import CohortState
from vault.domain.log import Action, Actor, Outcome
from vault.services.steps.hold_agreement import agree
from vault.services.steps.parts import Parts
from vault.storage import cohorts, orphans


@dataclass(frozen=True, slots=True)
class Orphans:
    """What was found.

    Args:
        found: how many orphans of each kind, all kinds named.
        cohorts_without_key: cohorts that are not destroyed and have no key in the key store.
        keys_without_cohort: keys in the key store of cohorts that are destroyed, or that the database does not know.
        past: cohorts whose last day has passed and whose keys are not destroyed; that is no orphan.
        oldest: the earliest of their last days; None without any.
    """

    found: dict[str, int]
    cohorts_without_key: int
    keys_without_cohort: int
    past: int
    oldest: date | None

    @property
    def total(self) -> int:
        """How many orphans there are; none in a sound vault."""
        return sum(self.found.values()) + self.cohorts_without_key + self.keys_without_cohort


def compare(parts: Parts, now: datetime) -> Orphans:
    """Compare keys and records.

    Args:
        parts: the vault's parts.
        now: UTC.
    """
    with parts.database.read() as connection:
        there = {one.key_id for one in parts.keys.current(connection).cohorts()}
        rows = cohorts.listed(connection)
        past = cohorts.ended(connection, now.astimezone(parts.policy.zone).date())
    found = orphans.count(parts.database)
    living = {row.cohort.key_id for row in rows if row.state is not CohortState.DESTROYED}
    # A key goes before its cohort's row says so: between the two it is only empty.
    needed = {row.cohort.key_id for row in rows if row.state in (CohortState.OPEN, CohortState.CLOSING)}
    oldest = min((row.cohort.end_on for row in past), default=None)
    return Orphans(found, len(needed - there), len(there - living), len(past), oldest)


def report(parts: Parts, now: datetime) -> Orphans:
    """Compare keys and records and log what was found; the timetable does it daily.

    The ledger is read from end to end in every copy, as a run reads only what was added since its process began. What
    ledger and database know of holds is evened out by the way.

    Args:
        parts: the vault's parts.
        now: UTC.

    Raises:
        StorageUnavailable: database or ledger cannot be read or written.
        VaultSealed: the ledger is damaged.
    """
    told = compare(parts, now)
    system = Actor("system", "system", node=parts.node)
    outcome = Outcome.FAILED if told.total else Outcome.DONE
    parts.log_writer.write(
        parts.event(now, system, Action.RETENTION_ORPHANS, outcome, count=told.total, cohorts=told.past)
    )
    parts.ledger.check()
    agree(parts, parts.memory.recall(parts.ledger).holds, system, now)
    return told
