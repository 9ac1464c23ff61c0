"""The inventory names every column, and what it says to end with a record ends with it, on both engines."""

from datetime import date

import pytest
from sqlalchemy import LargeBinary, insert, select

from tests.factories import NOW, account, cohort, vault
from vault.domain.ids import RecordClass, new_id
from vault.domain.inventory import INVENTORY, Fate
from vault.domain.records import RecordMeta, RecordState
from vault.storage import erasure
from vault.storage.tables import UtcTime, metadata
from vault.storage.unit_of_work import unit_of_work

OWN = b"\x5a" * 16
"""The record that is destroyed; every value that derives from it holds these bytes."""
OTHER = b"\xc3" * 16


def test_every_column_of_every_table_has_a_line_and_no_line_is_of_no_column():
    known = {name: set(columns) for name, columns in INVENTORY.items()}
    assert known == {name: {column.name for column in table.columns} for name, table in metadata.tables.items()}


def test_what_is_sealed_or_tagged_is_never_called_harmless():
    telling = {"sealed", "wrapped", "tag", "mac", "sought", "sealed_source"}
    found = {(column, fate) for columns in INVENTORY.values() for column, fate in columns.items() if column in telling}
    assert found == {(column, Fate.ERASED) for column in telling - {"sought"}} | {("sought", Fate.REQUEST)}


def tables_with(*fates):
    return [metadata.tables[name] for name, columns in INVENTORY.items() if set(columns.values()) & set(fates)]


def row(table, record_id, cohort_id, account_id):
    """Return a row that hangs on a record, its telling columns full of the record's own bytes."""
    words = {
        "record_class": RecordClass.CUSTOMER.value,
        "cohort_id": cohort_id,
        "state": "settled",
        "outlet": "NJ-01",
        "wrapped": record_id * 3 + record_id[:14],
        "sealed": record_id * 4,
        "mac": record_id * 2,
        "tag": record_id,
    }
    return {column.name: words.get(column.name) or filling(column, record_id, account_id) for column in table.columns}


def filling(column, record_id, account_id):
    if column.name == "superseded_at" or (column.nullable and column.foreign_keys):
        return None
    if column.foreign_keys:
        return account_id
    if column.name == "hold_id":
        return new_id()
    if isinstance(column.type, LargeBinary):
        return record_id
    if isinstance(column.type, UtcTime):
        return NOW
    return {bool: False, int: 1, str: "", date: NOW.date()}[column.type.python_type]


@pytest.fixture
def filled(database):
    made, who = cohort(RecordClass.CUSTOMER), account(database)
    vault(database, made)
    with unit_of_work(database) as work:
        for table in tables_with(Fate.ERASED):
            for record_id in (OWN, OTHER):
                work.connection.execute(insert(table), row(table, record_id, made.key_id, who))
        work.commit()
    return database, made.key_id


def telling(connection, table, value):
    """Return the telling columns of the rows of a table that hold bytes of a record."""
    names = [name for name, fate in INVENTORY[table.name].items() if fate is Fate.ERASED]
    rows = connection.execute(select(*(table.c[name] for name in names))).all()
    return [row for row in rows if any(isinstance(one, bytes) and value in one for one in row)]


def test_what_is_said_to_end_with_a_record_ends_with_it_and_nothing_else_does(filled):
    database, cohort_id = filled
    tables = tables_with(Fate.ERASED)
    assert len(tables) >= 5
    with database.read() as connection:
        assert all(telling(connection, table, OWN) for table in tables)
    with unit_of_work(database) as work:
        meta = RecordMeta(
            OWN, RecordClass.CUSTOMER, cohort_id, None, "NJ-01", "", RecordState.SETTLED, held=False, activity_at=NOW,
            expires_at=NOW,
        )  # fmt: skip
        assert erasure.erase(work.connection, meta, None, NOW) == OWN * 3 + OWN[:14]
        work.commit()
    with database.read() as connection:
        assert [table.name for table in tables if telling(connection, table, OWN)] == []
        assert all(telling(connection, table, OTHER) for table in tables)
