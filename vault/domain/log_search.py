"""Questions to the access log, and the terms under which an event is found.

A term is a short text made of a closed word or a random id, such as ``actor:KF2001`` or ``record:<hex>``. Every event
has the term :data:`EVERY`; a question is answered by the events that have, of each of its groups, one term.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

EVERY = "*"
"""The term of every event."""

_FACETS = ("actor", "role", "action", "outcome", "purpose")
_RARE = ("refused", "miss", "failed")
_BY_RARITY = ("actor", "action", "purpose", "role", "outcome")


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody wants to see of the log; what is left empty is not asked for.

    Args:
        since: UTC, the first moment.
        until: UTC, the first moment no longer asked for.
        actor: work number, ``system``, ``unknown`` or ``operator:<os user>``.
        role: role id.
        action: an action's word.
        outcome: an outcome's word.
        purpose: purpose id.
        records: random ids; an event that names one of them is meant.
        outside_shift: only what happened outside the shift of the policy.
    """

    since: datetime | None = None
    until: datetime | None = None
    actor: str = ""
    role: str = ""
    action: str = ""
    outcome: str = ""
    purpose: str = ""
    records: tuple[bytes, ...] = ()
    outside_shift: bool = False

    def asks_for_all(self) -> bool:
        """Return whether nothing narrows the question."""
        return not any(getattr(self, one.name) for one in fields(self))

    def groups(self) -> list[tuple[str, ...]]:
        """Return the terms asked for, group by group, the one likely to be rarest first: the search walks along it."""
        found: list[tuple[str, ...]] = []
        if self.records:
            found.append(tuple(f"record:{one.hex()}" for one in self.records))
        order = ("outcome", *_BY_RARITY[:-1]) if self.outcome in _RARE else _BY_RARITY
        found += [(f"{name}:{value}",) for name in order if (value := getattr(self, name))]
        return found or [(EVERY,)]


def terms_of(event: Mapping[str, Any]) -> set[str]:
    """Return the terms under which an event is found.

    Args:
        event: its canonical body, parsed.
    """
    terms = {EVERY} | {f"{name}:{event[name]}" for name in _FACETS if event[name]}
    return terms | {f"record:{one['id']}" for one in event["records"]}
