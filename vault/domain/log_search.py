"""Questions to the access log, and the terms under which an event is found.

A term is a short text made of a closed word or a random id, such as ``actor:KF2001`` or ``record:<hex>``. Every event
has the term :data:`EVERY`; a question is answered by the events that have, of each of its groups, one term. Somebody
and what they did have a term of their own, such as ``actor+action:KF2001 record.reveal``, and so have somebody and an
end that is not the usual one: both halves may be so common that looking for where they meet would take long.
"""

from __future__ import annotations

import json
import re
from binascii import unhexlify
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

from vault.domain.records import to_micros

EVERY = "*"
"""The term of every event."""

_FACETS = ("actor", "role", "action", "outcome", "purpose")
_PAIRS = (("actor", "action"), ("actor", "outcome"))
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
        """Return the terms asked for, group by group, the one likely to be rarest first."""
        found: list[tuple[str, ...]] = []
        if self.records:
            found.append(tuple(f"record:{one.hex()}" for one in self.records))
        asked = {name: value for name in _FACETS if (value := getattr(self, name))}
        pairs = _pairs(asked)
        found += [(pair,) for pair in pairs.values()]
        order = ("outcome", *_BY_RARITY[:-1]) if self.outcome in _RARE else _BY_RARITY
        in_pairs = {name for pair in pairs for name in pair}
        found += [(f"{name}:{asked[name]}",) for name in order if name in asked and name not in in_pairs]
        return found or [(EVERY,)]


def _pairs(facets: Mapping[str, str]) -> dict[tuple[str, str], str]:
    """Return the terms made of two facets."""
    return {
        (one, other): f"{one}+{other}:{facets[one]} {facets[other]}"
        for one, other in _PAIRS
        if facets.get(one) and facets.get(other) and (other != "outcome" or facets[other] in _RARE)
    }


# Canonical JSON has sorted keys, and a quote inside a string has a backslash: what matches reads the same as parsed.
_EVENT: Final = re.compile(
    rb'\{"action":"([^"\\]*+)","actor":"([^"\\]*+)","at":"(.{13}):([0-5][0-9]):([0-5][0-9])\.([0-9]{6})Z",'
    rb'"case":"[^"\\]*+","facts":\{[^{}]*+\},"id":"([0-9a-f]{32})","node":"[^"\\]*+","outcome":"([^"\\]*+)","policy":"[^"\\]*+","purpose":"([^"\\]*+)",'
    rb'"records":\[(.*)\],"role":"([^"\\]*+)","rule":"[^"\\]*+","session":"[^"\\]*+","source":"[^"\\]*+","v":1\}'
)
_RECORD: Final = re.compile(rb'"id":"([0-9a-f]{32})"')


class Named(NamedTuple):
    """By what an event is found.

    Args:
        event_id: its own id.
        at: its time in microseconds since 1970.
        facets: the terms made of closed words and names, the same for many events.
        records: a term for each record it names, each once.
    """

    event_id: bytes
    at: int
    facets: tuple[bytes, ...]
    records: tuple[bytes, ...]

    @property
    def terms(self) -> tuple[bytes, ...]:
        """All of its terms."""
        return self.facets + self.records


def named_by(canonical: bytes) -> Named:
    """Return by what an event is found, without parsing it as JSON where it is written as ever.

    Args:
        canonical: its bytes.

    Raises:
        ValueError: the bytes are no event.
        KeyError: the same.
        TypeError: the same.
        AttributeError: the same.
    """
    found = _EVENT.fullmatch(canonical)
    if found is None:
        return _parsed(json.loads(canonical))
    action, actor, hour, minute, second, micros, event_id, outcome, purpose, records, role = found.groups()
    return Named(
        unhexlify(event_id),
        _hour(hour) + (int(minute) * 60 + int(second)) * 1_000_000 + int(micros),
        _facets(actor, role, action, outcome, purpose),
        _records(_RECORD.findall(records)) if records else (),
    )


@lru_cache(maxsize=1024)  # neighbours mostly share their hour
def _hour(text: bytes) -> int:
    return to_micros(datetime.fromisoformat(f"{text.decode()}:00:00+00:00"))


@lru_cache(maxsize=8192)  # a log of a million events has few different ones
def _facets(*values: bytes) -> tuple[bytes, ...]:
    facets = {name: value.decode() for name, value in zip(_FACETS, values, strict=True) if value}
    terms = (EVERY, *(f"{name}:{value}" for name, value in facets.items()), *_pairs(facets).values())
    return tuple([term.encode() for term in terms])


def _records(ids: Sequence[bytes]) -> tuple[bytes, ...]:
    return (b"record:" + ids[0],) if len(ids) == 1 else tuple([b"record:" + one for one in dict.fromkeys(ids)])


def _parsed(event: Mapping[str, Any]) -> Named:
    records = _records([one["id"].encode() for one in event["records"]])
    facets = _facets(*(event[name].encode() for name in _FACETS))
    return Named(bytes.fromhex(event["id"]), to_micros(datetime.fromisoformat(event["at"])), facets, records)
