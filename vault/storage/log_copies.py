"""Comparing with the events what searches find them by: the id beside each event, and its terms.

Both are copies that the tree says nothing of. The terms are in another order than the events, and too many to keep:
what is compared is a sum. Each event has a random weight and each term a keyed hash; every row counts as their product.
Rows of one term mostly lie together, so that their weights are added first and multiplied once.
Nobody who does not know this run's numbers can make rows whose differences cancel out.
"""

from __future__ import annotations

import secrets
from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from operator import mul
from typing import Any, Final

from sqlalchemy import Connection

from vault.domain.log_search import Named, named_by
from vault.storage.streams import streamed

_EVENTS: Final = "SELECT leaf_index, canonical, event_id FROM log_events ORDER BY leaf_index"
_TERMS: Final = "SELECT term, at, leaf_index FROM log_terms"
_EVENTS_WITHIN: Final = "SELECT leaf_index, canonical FROM log_events WHERE leaf_index >= ? AND leaf_index < ?"
_TERMS_WITHIN: Final = "SELECT term, at, leaf_index FROM log_terms WHERE leaf_index >= ? AND leaf_index < ?"
_BATCH: Final = 1024
_BUCKET: Final = 4096
"""Events whose terms are compared together; only where they differ is each looked at."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A copy that says something else than the event.

    Args:
        leaf_index: the first event concerned; None for a row that is of no event.
        words: one English sentence.
    """

    leaf_index: int | None
    words: str


def differences(connection: Connection) -> list[Difference]:
    """Compare ids and terms with the events they were made of, as far as the log has no hole.

    Returns:
        Of each sort the first that differs; nothing when all agree.
    """
    compared = _Comparison(connection)
    first = compared.events()
    found = [] if first is None else [Difference(first, f"entry {first}: the id beside it differs from the event")]
    if compared.terms_agree():
        return found
    stray, first = compared.first_term()
    if stray:
        found.append(Difference(None, "a search term is of no event"))
    elif first is not None:
        found.append(Difference(first, f"entry {first}: its search terms differ from the event"))
    return found


class _Comparison:
    """One pass over the events, and one over the terms.

    Args:
        connection: an open connection.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._times = array("q")
        self._weights = array("I")  # 32 bits: sums of them stay within a machine word, which is quickest
        self._wanted = Counter[int]()  # by bucket
        self._is_whole = True
        self._hash = lru_cache(maxsize=1 << 16)(_keyed(secrets.token_bytes(32)))
        self._hashes = lru_cache(maxsize=1 << 13)(self._sum)

    def _sum(self, terms: Sequence[bytes]) -> int:
        return sum(map(self._hash, terms))

    def events(self) -> int | None:
        """Take in the events; returns the first whose id is not the one beside it."""
        times, weights, wanted = self._times, self._weights, self._wanted
        first = None
        for batch in streamed(self._connection, _EVENTS, _BATCH):
            weights.frombytes(secrets.token_bytes(weights.itemsize * len(batch)))
            for leaf_index, canonical, event_id in batch:
                if leaf_index != len(times):
                    self._is_whole = False  # which the tree shows; nothing behind can be told apart
                    return first
                named = _named(canonical)
                if named is None:
                    times.append(0)
                    continue
                times.append(named.at)
                hashes = self._hashes(named.facets) + self._sum(named.records)
                wanted[leaf_index // _BUCKET] += weights[leaf_index] * hashes
                if named.event_id != event_id and first is None:
                    first = leaf_index
        return first

    def terms_agree(self) -> bool:
        """Say whether the terms are those of the events, without saying which are not."""
        if not self._is_whole:
            return False
        time_of, weight_of, hashed, total = self._times.__getitem__, self._weights.__getitem__, self._hash, 0
        for batch in streamed(self._connection, _TERMS, _BATCH):
            terms, at, places = zip(*batch, strict=True)
            try:
                if min(places) < 0 or tuple(map(time_of, places)) != at:
                    return False
                if terms.count(terms[0]) == len(terms):
                    total += hashed(terms[0]) * sum(map(weight_of, places))
                else:
                    total += sum(map(mul, map(weight_of, places), map(hashed, terms)))
            except (TypeError, IndexError):  # SQLite keeps a value of any type in any column
                return False
        return total == self._wanted.total()

    def first_term(self) -> tuple[bool, int | None]:
        """Return whether a term is of no event, and else the first event whose terms differ."""
        sums, size = self._wanted.copy(), len(self._times)
        for batch in streamed(self._connection, _TERMS, _BATCH):
            for term, at, place in batch:
                if not (isinstance(term, bytes) and isinstance(place, int) and place >= 0):
                    return True, None
                if place < size:
                    weight = self._weights[place] if self._times[place] == at else 1
                    sums[place // _BUCKET] -= weight * self._hash(term)
                elif self._is_whole:
                    return True, None
        differing = min((bucket for bucket, left in sums.items() if left), default=None)
        return False, None if differing is None else self._first_in(differing * _BUCKET, size)

    def _first_in(self, start: int, size: int) -> int | None:
        bounds = start, min(start + _BUCKET, size)
        events = [row for rows in streamed(self._connection, _EVENTS_WITHIN, _BATCH, *bounds) for row in rows]
        wanted = {(term, by.at, place) for place, data in events if (by := _named(data)) for term in by.terms}
        found = {row for rows in streamed(self._connection, _TERMS_WITHIN, _BATCH, *bounds) for row in rows}
        return min((place for _, _, place in wanted ^ found), default=None)


def _keyed(key: bytes) -> Callable[[bytes], int]:
    return lambda term: int.from_bytes(sha256(key + term).digest()[:8], "little")


def _named(canonical: Any) -> Named | None:  # noqa: ANN401 - SQLite keeps a value of any type in any column
    try:
        return named_by(canonical)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None  # bytes that are no event of ours have no terms
