"""Adding up a radius: per record what was shown of it, then per customer, in memory that does not grow with it."""

from __future__ import annotations

from binascii import unhexlify
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from types import TracebackType
from typing import Any, Final, Self

from sqlalchemy import Connection

from vault.domain.breach.radius import Affected, DataKind, KindCount, RadiusCounts
from vault.domain.breach.radius_events import FieldBits, Reader, Sum
from vault.domain.ids import RecordClass
from vault.domain.records import LinkRole
from vault.storage.breach.radius_sums import MOST_IN_MEMORY, SumRow, Sums
from vault.storage.lists import rows_in

_CUSTOMER: Final = RecordClass.CUSTOMER.value
_LINKS: Final = "SELECT record_id, sender_id, recipient_id, customer_id FROM records WHERE record_id"
_THERE: Final = "SELECT record_id FROM records WHERE record_id"
_ROLES: Final = (LinkRole.SENDER, LinkRole.RECIPIENT, LinkRole.CUSTOMER)

_Sets = Mapping[tuple[int, int], tuple[int, int]]


class Tally:
    """The sums of one radius; a context manager, which forgets them at its end.

    Args:
        bits: of fields.
    """

    def __init__(self, bits: FieldBits) -> None:
        self._bits = bits
        self._seen, self._affected = Sums(), Sums()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Forget the sums."""
        self.close()

    def close(self) -> None:
        """Forget the sums."""
        self._seen.close()
        self._affected.close()

    def see(self, reader: Reader, batches: Iterable[Iterable[bytes]]) -> None:
        """Add what events showed of records.

        Args:
            reader: reads events.
            batches: their canonical bytes, in any order; some of them may come more than once.
        """
        at_hand: dict[bytes, Sum] = {}
        for events in batches:
            reader.read(events, at_hand)
            if len(at_hand) >= MOST_IN_MEMORY:
                self._seen.add(map(_row, at_hand.items()))
                at_hand = {}
        self._seen.add(map(_row, at_hand.items()))

    def hold(self, rows: Iterable[tuple[bytes, str, int]]) -> None:
        """Add records that may have been read, with the bits of all their fields."""
        self._seen.add(SumRow(record_id, its_class, bits, 0, None, None) for record_id, its_class, bits in rows)

    def make_up(self, rows: Iterable[tuple[bytes, int]]) -> None:
        """Add the customers of a drill, who are no records; nothing is looked up about them."""
        for record_id, bits in rows:
            made = [SumRow(record_id, _CUSTOMER, bits, 0, None, None)]
            self._seen.add(made)
            self._affected.add(made)

    def link(self, connection: Connection) -> None:
        """Find the customers behind what was shown, and which of them were destroyed since.

        Args:
            connection: an open connection of the vault's database.
        """
        tells = {role: self._bits.telling_of(role) for role in _ROLES}
        for some in self._seen.pages(customers=True):
            self._affected.add(some)
        for some in self._seen.pages(customers=False):
            links = {row[0]: row[1:] for row in rows_in(connection, _LINKS, [one.record_id for one in some])}
            self._affected.add(_behind(some, links, tells))
        for some in self._affected.pages(customers=True):
            there = {row[0] for row in rows_in(connection, _THERE, [one.record_id for one in some])}
            self._affected.mark_gone([one.record_id for one in some if one.record_id not in there])

    def shown_beside(self, connection: Connection) -> Iterator[bytes]:
        """Yield the records that were shown, are no customers and are still there, in order of id.

        Args:
            connection: an open connection of the vault's database.
        """
        for some in self._seen.pages(customers=False):
            there = {row[0] for row in rows_in(connection, _THERE, [one.record_id for one in some])}
            yield from (one.record_id for one in some if one.record_id in there)

    def counts(self) -> RadiusCounts:
        """Return what it comes to."""
        bits = {kind: self._bits.of_kind(kind) for kind in DataKind}
        personal = sum(bits.values())
        customers, others, seen = (
            self._affected.sets(customers=True),
            self._affected.sets(customers=False),
            self._seen.sets(),
        )
        return RadiusCounts(
            customers=_how_many(customers),
            clear=_how_many(customers, personal),
            records=_how_many(seen),
            records_clear=_how_many(seen, personal),
            unlinked=_how_many(others),
            destroyed_since=sum(gone for _, gone in customers.values()),
            kinds=tuple(
                KindCount(kind, _how_many(customers, one, one), _how_many(customers, one)) for kind, one in bits.items()
            ),
        )

    def lines(self) -> Iterator[Affected]:
        """Yield every customer, and every record without one, in order of id."""
        for some in self._affected.pages():
            yield from map(self._line, some)

    def first_lines(self, limit: int) -> list[Affected]:
        """Return the first lines in order of id."""
        return list(islice(self.lines(), limit))

    def _line(self, row: SumRow) -> Affected:
        return Affected(
            row.record_id,
            RecordClass(row.record_class),
            self._bits.names(row.clear),
            self._bits.names(row.masked & ~row.clear),
            _moment(row.first_at),
            _moment(row.last_at),
            row.gone,
        )


def _how_many(sets: _Sets, clear: int | None = None, masked: int = 0) -> int:
    """Count those of which one of some fields was seen in clear or one of some others masked; without any, all."""
    return sum(
        count
        for (its_clear, its_masked), (count, _) in sets.items()
        if clear is None or its_clear & clear or its_masked & masked
    )


def _row(item: tuple[bytes, Sum]) -> SumRow:
    record_id, one = item
    return SumRow(unhexlify(record_id), one.record_class, one.clear, one.masked, one.first, one.last)


def _behind(some: Sequence[SumRow], links: Mapping[bytes, Any], tells: Mapping[LinkRole, int]) -> Iterator[SumRow]:
    """Yield the customers behind records; a record that has none, or is gone with its links, stands for itself."""
    for one in some:
        found = links.get(one.record_id)
        behind = [
            one._replace(
                record_id=customer,
                record_class=_CUSTOMER,
                clear=one.clear & tells[role],
                masked=one.masked & tells[role],
            )
            for role, customer in zip(_ROLES, found or (), strict=False)
            if customer is not None and (one.clear | one.masked) & tells[role]
        ]
        yield from behind or [one._replace(gone=found is None)]


def _moment(text: bytes | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text.decode())
