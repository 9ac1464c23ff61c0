"""The place of an SQLite file: whole or untouched, and never beside the log of another database."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from vault.errors import SetupError, StorageError, StorageUnavailable
from vault.storage.backup_folder import facts_of
from vault.storage.sqlite_restore import SqlitePlace

NOW = datetime(2026, 11, 22, 3, 4, 5, tzinfo=UTC)


def database(path: Path, rows: int, *, wal: bool = False) -> Path:
    path.parent.mkdir(exist_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as made:
        if wal:
            made.execute("PRAGMA journal_mode = wal")
        made.execute("CREATE TABLE one (x)")
        made.executemany("INSERT INTO one VALUES (?)", [(number,) for number in range(rows)])
    return path


def rows(path: Path) -> int:
    with closing(sqlite3.connect(path)) as there:
        return there.execute("SELECT count(*) FROM one").fetchone()[0]


@pytest.fixture
def backup(tmp_path):
    return database(tmp_path / "backup", 5)


@pytest.fixture
def place(tmp_path):
    return SqlitePlace(tmp_path / "db" / "vault.sqlite3")


def loaded(place, backup):
    place.load(backup, facts_of(backup))
    return place


def test_what_was_loaded_lies_beside_the_place_until_it_is_put_there(place, backup, tmp_path):
    loaded(place, backup)
    assert not place.is_taken()
    assert [path.name for path in (tmp_path / "db").iterdir()] == ["vault.sqlite3.restoring"]
    assert place.put_in_place(backup, NOW) is None
    assert rows(tmp_path / "db" / "vault.sqlite3") == 5
    assert [path.name for path in (tmp_path / "db").iterdir()] == ["vault.sqlite3"]
    assert place.put_in_place(backup, NOW) is None  # once more, after a kill


def test_what_was_there_is_set_aside_whole(place, backup, tmp_path):
    database(tmp_path / "db" / "vault.sqlite3", 3, wal=True)
    aside = loaded(place, backup).put_in_place(backup, NOW)
    assert aside == tmp_path / "db" / "vault.sqlite3.replaced-20261122T030405Z"
    assert (rows(aside), rows(tmp_path / "db" / "vault.sqlite3")) == (3, 5)


def test_no_log_of_the_old_database_is_left_beside_the_new_one(place, backup, tmp_path):
    """A kill between the renames, or a database too damaged to be opened."""
    folder = tmp_path / "db"
    folder.mkdir()
    (folder / "vault.sqlite3-wal").write_bytes(b"of another database")
    (folder / "vault.sqlite3").write_bytes(b"no database at all, however one looks at it")
    aside = loaded(place, backup).put_in_place(backup, NOW)
    assert rows(folder / "vault.sqlite3") == 5
    assert not (folder / "vault.sqlite3-wal").exists()
    assert aside.read_bytes().startswith(b"no database")
    assert aside.with_name(f"{aside.name}-wal").read_bytes() == b"of another database"


@pytest.mark.parametrize("wal", [False, True])
def test_a_database_that_somebody_writes_to_is_not_moved(place, backup, tmp_path, wal):
    file = database(tmp_path / "db" / "vault.sqlite3", 3, wal=wal)
    loaded(place, backup)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("SELECT count(*) FROM one").fetchone()
        other.execute("BEGIN IMMEDIATE")
        other.execute("INSERT INTO one VALUES (1)")
        with pytest.raises(SetupError) as refused:
            place.put_in_place(backup, NOW)
        assert refused.value.reason == "database_in_use"
        other.execute("COMMIT")
    assert rows(file) == 4
    place.put_in_place(backup, NOW)
    assert rows(file) == 5


def test_a_file_that_changed_since_it_was_judged_is_not_loaded(place, backup, tmp_path):
    facts = facts_of(backup)
    database(tmp_path / "other", 6)
    with pytest.raises(StorageError) as refused:
        place.load(tmp_path / "other", facts)
    assert refused.value.reason == "backup_differs"
    assert list((tmp_path / "db").iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(backup, tmp_path):
    (tmp_path / "db").write_text("a file where a folder should be")
    with pytest.raises(StorageUnavailable) as refused:
        loaded(SqlitePlace(tmp_path / "db" / "vault.sqlite3"), backup)
    assert refused.value.reason == "backup_unwritable"
