"""Adding up a radius: per record what was shown of it, then per customer; on disk as soon as it is much.

The sums lie in a private temporary database of SQLite, which has no name, spills to a temporary file by itself and is
gone with its connection. It holds random ids, names of fields and times.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Final

from sqlalchemy import Connection

from vault.domain.ids import RecordClass
from vault.domain.radius import Affected, DataKind, KindCount, RadiusCounts
from vault.domain.radius_events import FieldBits, Reader, Sum
from vault.domain.records import LinkRole
from vault.storage.lists import rows_in

_AT_HAND: Final = 20_000
"""So many records are summed up in memory before they go to the temporary database."""

_BATCH: Final = 2_000
_CUSTOMER: Final = RecordClass.CUSTOMER.value
_TABLE: Final = (
    "CREATE TABLE {name} (record_id BLOB PRIMARY KEY, class TEXT, clear INTEGER, masked INTEGER,"
    " first_at BLOB, last_at BLOB, destroyed INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID"
)
_ADD: Final = (
    "INSERT INTO {name} (record_id, class, clear, masked, first_at, last_at, destroyed) VALUES (?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (record_id) DO UPDATE SET clear = clear | excluded.clear, masked = masked | excluded.masked,"
    " first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at)"
)
_PAGE: Final = "SELECT * FROM {name} WHERE {which} record_id > ? ORDER BY record_id LIMIT ?"
_LINKS: Final = "SELECT record_id, sender_id, recipient_id, customer_id FROM records WHERE record_id"
_THERE: Final = "SELECT record_id FROM records WHERE record_id"
_ROLES: Final = (LinkRole.SENDER, LinkRole.RECIPIENT, LinkRole.CUSTOMER)

_Row = tuple[bytes, str, int, int, bytes | None, bytes | None, int]


class Tally:
    """The sums of one radius; a context manager, which forgets them at its end.

    Args:
        bits: of fields.
    """

    def __init__(self, bits: FieldBits) -> None:
        self._bits = bits
        self._sums = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._sums.execute("PRAGMA journal_mode = off")
        for name in ("seen", "affected"):
            self._sums.execute(_TABLE.format(name=name))

    def __enter__(self) -> Tally:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Forget the sums."""
        self.close()

    def close(self) -> None:
        """Forget the sums."""
        self._sums.close()

    def see(self, reader: Reader, batches: Iterable[Iterable[bytes]]) -> None:
        """Add what events showed of records.

        Args:
            reader: reads events.
            batches: their canonical bytes, in any order; some of them may come more than once.
        """
        at_hand: dict[bytes, Sum] = {}
        for events in batches:
            reader.read(events, at_hand)
            if len(at_hand) >= _AT_HAND:
                self._put("seen", map(_row, at_hand.items()))
                at_hand = {}
        self._put("seen", map(_row, at_hand.items()))

    def hold(self, rows: Iterable[tuple[bytes, str, int]]) -> None:
        """Add records that may have been read, with the bits of all their fields."""
        self._put("seen", ((record_id, its_class, bits, 0, None, None, 0) for record_id, its_class, bits in rows))

    def made_up(self, rows: Iterable[tuple[bytes, int]]) -> None:
        """Add the customers of a drill, who are no records; nothing is looked up about them."""
        made = [(record_id, _CUSTOMER, bits, 0, None, None, 0) for record_id, bits in rows]  # a few hundred at most
        for name in ("seen", "affected"):
            self._put(name, made)

    def link(self, connection: Connection) -> None:
        """Find the customers behind what was shown, and which of them were destroyed since.

        Args:
            connection: an open connection of the vault's database.
        """
        tells = {role: self._bits.telling_of(role) for role in _ROLES}
        self._sums.execute("INSERT INTO affected SELECT * FROM seen WHERE class = ?", (_CUSTOMER,))
        for some in self._pages("seen", f"class <> '{_CUSTOMER}' AND"):
            links = {row[0]: row[1:] for row in rows_in(connection, _LINKS, [row[0] for row in some])}
            self._put("affected", _behind(some, links, tells))
        for some in self._pages("affected", f"class = '{_CUSTOMER}' AND"):
            ids = [row[0] for row in some]
            there = {row[0] for row in rows_in(connection, _THERE, ids)}
            gone = [(one,) for one in ids if one not in there]
            self._sums.executemany("UPDATE affected SET destroyed = 1 WHERE record_id = ?", gone)

    def counts(self) -> RadiusCounts:
        """Return what it comes to."""
        masks = [self._bits.of_kind(kind) for kind in DataKind]
        sums = ", ".join(f"sum((clear | masked) & {one} <> 0), sum(clear & {one} <> 0)" for one in masks)
        personal = f"sum(clear & {sum(masks)} <> 0)"
        customers = f"SELECT count(*), {personal}, sum(destroyed), {sums} FROM affected WHERE class = ?"  # noqa: S608 - numbers of ours
        found = [int(one or 0) for one in self._sums.execute(customers, (_CUSTOMER,)).fetchone()]
        records = self._sums.execute(f"SELECT count(*), {personal} FROM seen").fetchone()  # noqa: S608
        (unlinked,) = self._sums.execute("SELECT count(*) FROM affected WHERE class <> ?", (_CUSTOMER,)).fetchone()
        pairs = zip(DataKind, found[3::2], found[4::2], strict=True)
        return RadiusCounts(
            customers=found[0],
            clear=found[1],
            records=int(records[0]),
            records_clear=int(records[1] or 0),
            unlinked=int(unlinked),
            destroyed_since=found[2],
            kinds=tuple(KindCount(*pair) for pair in pairs),
        )

    def lines(self) -> Iterator[Affected]:
        """Yield every customer, and every record without one, in order of id."""
        for some in self._pages("affected", ""):
            yield from map(self._line, some)

    def first_lines(self, limit: int) -> list[Affected]:
        """Return the first lines in order of id."""
        return [self._line(row) for row in self._page("affected", "", b"", limit)]

    def _line(self, row: _Row) -> Affected:
        record_id, record_class, clear, masked, first_at, last_at, destroyed = row
        return Affected(
            record_id,
            RecordClass(record_class),
            self._bits.names(clear),
            self._bits.names(masked & ~clear),
            _moment(first_at),
            _moment(last_at),
            bool(destroyed),
        )

    def _put(self, name: str, rows: Iterable[tuple[Any, ...]]) -> None:
        self._sums.execute("BEGIN")
        self._sums.executemany(_ADD.format(name=name), rows)
        self._sums.execute("COMMIT")

    def _pages(self, name: str, which: str) -> Iterator[list[_Row]]:
        after = b""
        while some := self._page(name, which, after, _BATCH):
            yield some
            after = some[-1][0]

    def _page(self, name: str, which: str, after: bytes, limit: int) -> list[_Row]:
        return self._sums.execute(_PAGE.format(name=name, which=which), (after, limit)).fetchall()


def _row(item: tuple[bytes, Sum]) -> _Row:
    record_id, one = item
    return bytes.fromhex(record_id.decode()), one.record_class, one.clear, one.masked, one.first, one.last, 0


def _behind(some: Sequence[_Row], links: dict[bytes, Any], tells: dict[LinkRole, int]) -> Iterator[_Row]:
    """Yield the customers behind records; a record that has none, or is gone with its links, stands for itself."""
    for record_id, record_class, clear, masked, first_at, last_at, _ in some:
        found = links.get(record_id)
        behind = [
            (customer, clear & tells[role], masked & tells[role])
            for role, customer in zip(_ROLES, found or (), strict=False)
            if customer is not None and (clear | masked) & tells[role]
        ]
        for customer, its_clear, its_masked in behind:
            yield customer, _CUSTOMER, its_clear, its_masked, first_at, last_at, 0
        if not behind:
            yield record_id, record_class, clear, masked, first_at, last_at, int(found is None)


def _moment(text: bytes | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text.decode())
