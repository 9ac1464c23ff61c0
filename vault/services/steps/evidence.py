"""What the answers to single clauses are made with: the rules in force, counts of this moment, and ways to say both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from vault.domain.compliance import Said, Standing
from vault.domain.policy import Policy
from vault.storage.compliance import Counts, Tally

EVIDENCE_DAYS = 30
"""So many days back events and entries are counted."""


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the vault.

    Args:
        policy: the rules in force.
        counts: what can be counted at this moment.
        destinations: to how many places outside checkpoints are sent.
        mail_servers: how many servers take the letters about incidents and the notices of a breach.
    """

    policy: Policy
    counts: Counts
    destinations: int
    mail_servers: int


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of one clause, apart from its words."""

    rules: tuple[Said, ...] = ()
    evidence: tuple[Said, ...] = ()
    standing: Standing = Standing.IN_LINE
    oldest: datetime | None = None
    search: Mapping[str, str] = field(default_factory=dict)


Answers = Mapping[str, Callable[[Look], Told]]
"""How each clause is answered, by its id."""


def said(word: str, **facts: str | int) -> Said:
    """Return a sentence of the report."""
    return Said(word, facts)


def late(word: str, **facts: str | int) -> Said:
    """Return a sentence about the days that are counted."""
    return Said(word, {"days": EVIDENCE_DAYS, **facts})


def judged(rules: tuple[Said, ...], evidence: tuple[Said, ...], *exceptions: Tally, **search: str) -> Told:
    """Return what is told of a clause that holds unless one of the exceptions is there."""
    there = [one for one in exceptions if one.count]
    oldest = min((one.oldest for one in there if one.oldest), default=None)
    return Told(rules, evidence, Standing.EXCEPTION if there else Standing.IN_LINE, oldest, search)


def not_built(*evidence: Said, rules: tuple[Said, ...] = (), oldest: datetime | None = None) -> Told:
    """Return what is told of a clause whose part of the product is not there yet."""
    return Told(rules, evidence, Standing.NOT_BUILT, oldest)
