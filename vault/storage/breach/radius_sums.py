"""The sums of a radius: in memory while they are few, in a private temporary database as soon as they are many.

That database has no name, spills to a temporary file by itself and is gone with its connection. It holds random ids,
names of fields and times.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple

from vault.domain.ids import RecordClass

MOST_IN_MEMORY: Final = 20_000

_PAGE: Final = 2_000
_CUSTOMER: Final = RecordClass.CUSTOMER.value
_TABLE: Final = (
    "CREATE TABLE sums (record_id BLOB PRIMARY KEY, class TEXT, clear INTEGER, masked INTEGER,"
    " first_at BLOB, last_at BLOB, gone INTEGER) WITHOUT ROWID"
)
_ADD: Final = (
    "INSERT INTO sums VALUES (?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (record_id) DO UPDATE SET clear = clear | excluded.clear, masked = masked | excluded.masked,"
    " first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at)"
)
_PAGES: Final = {
    None: "SELECT * FROM sums WHERE record_id > ? ORDER BY record_id LIMIT ?",
    True: "SELECT * FROM sums WHERE class = ? AND record_id > ? ORDER BY record_id LIMIT ?",
    False: "SELECT * FROM sums WHERE class <> ? AND record_id > ? ORDER BY record_id LIMIT ?",
}


class SumRow(NamedTuple):
    """What was shown of one record.

    Args:
        record_id: the record.
        record_class: its class.
        clear: fields seen in clear, as bits.
        masked: fields seen masked, as bits.
        first_at: when first, as events say it; None where the rows answered.
        last_at: when last.
        gone: whether its row is gone; SQLite says 0 or 1.
    """

    record_id: bytes
    record_class: str
    clear: int
    masked: int
    first_at: bytes | None
    last_at: bytes | None
    gone: bool = False


class Sums:
    """Sums by record, each of them once."""

    def __init__(self) -> None:
        self._few: dict[bytes, SumRow] | None = {}
        self._many: sqlite3.Connection | None = None

    def close(self) -> None:
        """Forget them."""
        self._few = None
        if self._many is not None:
            self._many.close()

    def add(self, rows: Iterable[SumRow]) -> None:
        """Add to the sums."""
        if self._few is not None:
            few = self._few
            for one in rows:
                known = few.get(one.record_id)
                few[one.record_id] = one if known is None else _together(known, one)
                if len(few) > MOST_IN_MEMORY:
                    break
            else:
                return
            self._few, self._many = None, _temporary()
            self._put(few.values())
        self._put(rows)

    def mark_gone(self, ids: Iterable[bytes]) -> None:
        """Note of some records that their row is gone."""
        if self._few is not None:
            self._few |= {one: self._few[one]._replace(gone=True) for one in ids}
        else:
            self._connection().executemany("UPDATE sums SET gone = 1 WHERE record_id = ?", [(one,) for one in ids])

    def pages(self, *, customers: bool | None = None) -> Iterator[Sequence[SumRow]]:
        """Yield them in order of id, page by page: all, customers only, or all others only."""
        if self._few is not None:
            rows = (self._few[one] for one in sorted(self._few))
            fit = (one for one in rows if customers is None or (one.record_class == _CUSTOMER) is customers)
            while some := list(islice(fit, _PAGE)):
                yield some
            return
        values = () if customers is None else (_CUSTOMER,)
        after = b""
        while found := self._connection().execute(_PAGES[customers], (*values, after, _PAGE)).fetchall():
            yield [SumRow(*row) for row in found]
            after = found[-1][0]

    def sets(self, *, customers: bool | None = None) -> dict[tuple[int, int], tuple[int, int]]:
        """Count records by the set of fields in clear and that of fields masked: how many, and of how many no row is.

        There are few such sets, however many records there are.

        Args:
            customers: which of them, as for :meth:`pages`.
        """
        counts: Counter[tuple[int, int]] = Counter()
        gone: Counter[tuple[int, int]] = Counter()
        for page in self.pages(customers=customers):
            counts.update((one.clear, one.masked) for one in page)
            gone.update((one.clear, one.masked) for one in page if one.gone)
        return {shown: (count, gone[shown]) for shown, count in counts.items()}

    def _connection(self) -> sqlite3.Connection:
        if self._many is None:
            raise sqlite3.ProgrammingError
        return self._many

    def _put(self, rows: Iterable[SumRow]) -> None:
        many = self._connection()
        many.execute("BEGIN")
        many.executemany(_ADD, rows)
        many.execute("COMMIT")


def _temporary() -> sqlite3.Connection:
    made = sqlite3.connect("", isolation_level=None, check_same_thread=False)
    made.execute("PRAGMA journal_mode = off")
    made.execute(_TABLE)
    return made


def _together(one: SumRow, other: SumRow) -> SumRow:
    times = [at for at in (one.first_at, one.last_at, other.first_at, other.last_at) if at is not None]
    first, last = (min(times), max(times)) if times else (None, None)
    return SumRow(
        one.record_id, one.record_class, one.clear | other.clear, one.masked | other.masked, first, last, one.gone
    )
