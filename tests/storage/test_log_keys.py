from datetime import timedelta

import pytest

from tests.factories import NOW
from vault.errors import StorageError
from vault.storage import log_keys
from vault.storage.unit_of_work import unit_of_work


def keep(database, *rows):
    with unit_of_work(database) as work:
        for row in rows:
            log_keys.add(work.connection, *row)
        work.commit()


def test_statements_come_back_oldest_first_and_are_found_by_their_two_keys(database):
    keep(database, ("b", "c", 20, "second", NOW + timedelta(days=1)), ("a", "b", 10, "first", NOW))
    with database.read() as connection:
        assert log_keys.notes(connection) == ["first", "second"]
        assert log_keys.is_there(connection, "a", "b")
        assert not log_keys.is_there(connection, "b", "a")
        assert not log_keys.is_there(connection, "a", "c")


def test_of_two_keys_there_is_one_statement_and_what_others_wrote_of_the_old_one_is_in_nobodys_way(database):
    keep(database, ("a", "b", 10, "first", NOW), ("a", "x", 3, "another", NOW))
    with pytest.raises(StorageError):
        keep(database, ("a", "b", 11, "again", NOW))
    with database.read() as connection:
        assert sorted(log_keys.notes(connection)) == ["another", "first"]
