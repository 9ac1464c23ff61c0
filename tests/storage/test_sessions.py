import hashlib
from datetime import timedelta

import pytest

from tests.factories import NOW, account
from vault.domain.ids import new_id
from vault.errors import StorageError
from vault.storage import sessions
from vault.storage.unit_of_work import unit_of_work

TOKEN = hashlib.sha256(b"token").digest()


def open_session(database, account_id, token=TOKEN, **changes):
    values = {
        "session_hash": token,
        "session_id": new_id(),
        "account_id": account_id,
        "source": "192.0.2.1",
        "created_at": NOW,
        "seen_at": NOW,
        "expires_at": NOW + timedelta(hours=12),
        "ended_at": None,
    }
    with unit_of_work(database) as work:
        sessions.add(work.connection, values | changes)
        work.commit()
    return values | changes


def session(database, token=TOKEN):
    with database.read() as connection:
        return sessions.by_hash(connection, token)


def test_a_session_is_read_together_with_its_account(database):
    account_id = account(database, "KF7")
    opened = open_session(database, account_id)
    found = session(database)
    assert found.account.work_number == "KF7"
    assert (found.session_id, found.source, found.seen_at, found.expires_at) == (
        opened["session_id"], "192.0.2.1", NOW, NOW + timedelta(hours=12),
    )  # fmt: skip
    assert session(database, hashlib.sha256(b"another").digest()) is None


def test_a_session_can_be_touched_and_is_gone_once_ended(database):
    open_session(database, account(database))
    later = NOW + timedelta(minutes=5)
    with unit_of_work(database) as work:
        sessions.touch(work.connection, TOKEN, later)
        work.commit()
    assert session(database).seen_at == later
    with unit_of_work(database) as work:
        sessions.end(work.connection, TOKEN, later)
        work.commit()
    assert session(database) is None


def test_the_sweep_ends_what_is_too_old_or_unused_and_nothing_else(database):
    account_id = account(database)
    tokens = {name: hashlib.sha256(name.encode()).digest() for name in ("old", "unused", "fresh")}
    open_session(database, account_id, tokens["old"], expires_at=NOW)
    open_session(database, account_id, tokens["unused"], seen_at=NOW - timedelta(minutes=30))
    open_session(database, account_id, tokens["fresh"], seen_at=NOW - timedelta(minutes=29))
    for ended in (2, 0):
        with unit_of_work(database) as work:
            assert sessions.end_stale(work.connection, NOW, NOW - timedelta(minutes=30)) == ended
            work.commit()
    assert [name for name, token in tokens.items() if session(database, token)] == ["fresh"]


def test_a_session_of_nobody_is_refused(database):
    with pytest.raises(StorageError) as raised:
        open_session(database, new_id())
    assert raised.value.reason == "conflict"
