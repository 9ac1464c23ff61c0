"""A unit of work: one writing transaction that carries its own log events and rolls back unless told to commit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from vault.domain.log import Event, Receipt
from vault.storage.bulk import insert_few
from vault.storage.engine import Database
from vault.storage.tables import log_inbox


class UnitOfWork:
    """One writing transaction.

    Args:
        connection: inside the transaction.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._events: list[Event] = []

    def announce(self, *events: Event) -> None:
        """Add events that become durable together with the change, or not at all."""
        self._events.extend(events)

    def commit(self) -> tuple[Receipt, ...]:
        """Make the change and its events durable.

        Returns:
            One receipt for each announced event, in order.
        """
        if self._events:
            rows = [{"canonical": event.canonical()} for event in self._events]
            insert_few(self.connection, log_inbox, rows)
        self.connection.commit()
        receipts = tuple(Receipt(event.event_id, event.covers()) for event in self._events)
        self._events = []
        return receipts


@contextmanager
def unit_of_work(database: Database) -> Iterator[UnitOfWork]:
    """Open a unit of work.

    Raises:
        StorageUnavailable: the database did not give a writing turn in time.
    """
    with database.write() as connection:
        yield UnitOfWork(connection)
