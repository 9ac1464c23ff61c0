"""Destruction: the life of a plan, what becomes of each record in it, and the digest that freezes it (RD-03, RD-05)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from hashlib import sha256
from zoneinfo import ZoneInfo

from vault.domain.encoding import prefixed
from vault.domain.ids import RecordClass
from vault.domain.records import to_micros

PURPOSE = "retention"
"""The purpose under which officers see what a plan names, and the vault opens what it must move or prove."""

NIGHT = time(2)
"""When the day's draft is due, company time zone."""

ORDER = (RecordClass.SERVICE_RECORD, RecordClass.SHIPMENT, RecordClass.CUSTOMER, RecordClass.ID_COPY)
"""Classes in the order in which they are destroyed: what links to others goes first."""


class PlanState(StrEnum):
    """The life of a plan.

    The timetable leaves a *draft*; an officer who stands behind it makes it *proposed*, another one *approved*. It
    *runs*, may be *paused*, and is *done* once nothing in it is left to try. It can be *stopped* before it has begun,
    and a newer one makes it *superseded*.
    """

    DRAFT = "draft"
    PROPOSED = "proposed"
    APPROVED = "approved"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    STOPPED = "stopped"
    SUPERSEDED = "superseded"


class ItemState(StrEnum):
    """What became of one record of a plan.

    ``due`` until it is tried; ``held`` and ``kept`` if it must stay after all, which a later plan looks at again;
    ``failed`` if it could not be destroyed, which the run tries again.
    """

    DUE = "due"
    DESTROYED = "destroyed"
    HELD = "held"
    KEPT = "kept"
    FAILED = "failed"


class Stays(StrEnum):
    """Why a record is not destroyed.

    ``hold``, ``open_service`` (a service on it is open) and ``linked`` (a record under hold links to it) keep what is
    past its time; ``open`` and ``not_due`` say that its time has not come, ``gone`` that it was destroyed before.
    """

    HOLD = "hold"
    OPEN_SERVICE = "open_service"
    LINKED = "linked"
    OPEN = "open"
    NOT_DUE = "not_due"
    GONE = "gone"


class CertificateKind(StrEnum):
    """What a certificate says: gone from the engine, or out of reach of every copy."""

    ERASED = "erased"
    FINAL = "final"


@dataclass(frozen=True, slots=True)
class Item:
    """One record of a plan, by its random id.

    Args:
        record_id: the record.
        record_class: its class.
        cohort_id: whose key wraps its data key.
        expires_at: since when it is due, UTC.
        outlet: the outlet's code.
    """

    record_id: bytes
    record_class: RecordClass
    cohort_id: bytes
    expires_at: datetime
    outlet: str


@dataclass(frozen=True, slots=True)
class Count:
    """How many records of a class and outlet are past their time.

    Args:
        record_class: their class.
        outlet: their outlet's code.
        why: why they stay, a word of :class:`Stays`; empty for those that are due.
        count: how many.
        oldest: since when the first of them is past its time, UTC.
    """

    record_class: RecordClass
    outlet: str
    why: str
    count: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class Numbers:
    """What was counted for a plan, and what it comes to."""

    counts: tuple[Count, ...] = ()

    @property
    def due(self) -> dict[RecordClass, int]:
        """How many records of each class are due; every class stands there."""
        return self._by_class(one for one in self.counts if not one.why)

    @property
    def held(self) -> dict[RecordClass, int]:
        """How many records of each class are past their time and stay; every class stands there."""
        return self._by_class(one for one in self.counts if one.why)

    @property
    def held_why(self) -> dict[RecordClass, dict[str, int]]:
        """How many records stay, by class and reason; only what there is."""
        found: dict[RecordClass, dict[str, int]] = {}
        for one in self.counts:
            if one.why:
                reasons = found.setdefault(one.record_class, {})
                reasons[one.why] = reasons.get(one.why, 0) + one.count
        return found

    @property
    def outlets(self) -> dict[str, int]:
        """How many records of each outlet are due, by its code."""
        found: dict[str, int] = {}
        for one in self.counts:
            if not one.why:
                found[one.outlet] = found.get(one.outlet, 0) + one.count
        return dict(sorted(found.items()))

    @property
    def oldest(self) -> datetime | None:
        """Since when the first of those that are due is due."""
        return min((one.oldest for one in self.counts if not one.why), default=None)

    @staticmethod
    def _by_class(counts: Iterable[Count]) -> dict[RecordClass, int]:
        found = dict.fromkeys(ORDER, 0)
        for one in counts:
            found[one.record_class] += one.count
        return found


def plan_digest(plan_id: bytes, as_of: datetime, policy: str, items: Iterable[Item]) -> bytes:
    """Return the digest that freezes a plan.

    Args:
        plan_id: 16 random bytes.
        as_of: the moment at which its records were due, UTC.
        policy: digest of the policy it was made under (hex).
        items: its records, ordered by record id; they stream by.

    Returns:
        SHA-256 (docs/formats.md, "Destruction plan").
    """
    running = sha256(prefixed((b"datavault/plan/1", plan_id, b"%d" % to_micros(as_of), bytes.fromhex(policy))))
    for one in items:
        running.update(
            prefixed(
                (
                    one.record_id,
                    one.record_class.encode(),
                    one.cohort_id,
                    b"%d" % to_micros(one.expires_at),
                    one.outlet.encode(),
                )
            )
        )
    return running.digest()


def last_night(now: datetime, zone: ZoneInfo) -> datetime:
    """Return the last moment at which a draft was due.

    Args:
        now: the present, UTC.
        zone: the company's time zone.
    """
    today = now.astimezone(zone).date()
    due = datetime.combine(today, NIGHT, zone).astimezone(UTC)
    return due if due <= now else datetime.combine(today - timedelta(days=1), NIGHT, zone).astimezone(UTC)
