"""How everything here is measured: two cases in turn, round by round, and the median of the rounds' ratios.

A shared machine changes its speed within minutes; the ratio of two runs side by side does not.
"""

from __future__ import annotations

import gc
import os
import platform
import sqlite3
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

LIBRARIES = ("cryptography", "Flask", "gunicorn", "psycopg", "SQLAlchemy")


@dataclass(frozen=True)
class Result:
    """One measured ratio.

    Args:
        part: letter of the goal, ``a`` to ``g``.
        what: what was measured.
        engine: ``SQLite``, ``PostgreSQL`` or empty.
        value: the median ratio, or a size or time.
        low: its lowest round.
        high: its highest round.
        rounds: how many.
        goal: the limit; None where there is none.
        at_least: the goal is a lower limit.
        unit: ``x``, ``%``, ``MB`` or ``ms``.
        detail: the absolute medians.
    """

    part: str
    what: str
    engine: str
    value: float
    low: float
    high: float
    rounds: int
    goal: float | None = None
    at_least: bool = False
    unit: str = "x"
    detail: str = ""

    @property
    def reached(self) -> bool | None:
        """Whether the goal is reached; None without one."""
        if self.goal is None:
            return None
        return self.value >= self.goal if self.at_least else self.value <= self.goal

    def as_json(self) -> dict[str, Any]:
        """Return the facts, rounded."""
        facts = asdict(self)
        facts |= {name: round(facts[name], 3) for name in ("value", "low", "high")}
        return facts | {"reached": self.reached}


def ratio(part: str, what: str, engine: str, pairs: Sequence[tuple[float, float]], **rest: Any) -> Result:
    """Return the median of ours / theirs over the rounds."""
    each = [ours / theirs for ours, theirs in pairs]
    return Result(part, what, engine, statistics.median(each), min(each), max(each), len(each), **rest)


def in_turn(rounds: int, ours: Callable[[int], Any], theirs: Callable[[int], Any]) -> list[tuple[Any, Any]]:
    """Run two cases side by side, the other one first in every second round.

    Args:
        rounds: how many.
        ours: called with the number of the round.
        theirs: the same for the other case.

    Returns:
        What both returned, round by round.
    """
    found = []
    for at in range(rounds):
        if at % 2:
            second = theirs(at)
            found.append((ours(at), second))
        else:
            found.append((ours(at), theirs(at)))
    return found


def seconds(work: Callable[[], object]) -> float:
    """Return how long a piece of work takes; rubbish of earlier work is collected before."""
    gc.collect()
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def median(values: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which this share of them lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def machine() -> dict[str, str]:
    """Describe the machine without naming it."""
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return {
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} on {platform.machine()}",
        "Python": platform.python_version(),
        "libraries": f"{libraries}, SQLite {sqlite3.sqlite_version}",
    }
