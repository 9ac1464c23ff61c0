import hashlib
from datetime import timedelta

import pytest

from tests.factories import NOW, account, account_row
from vault.domain.access import OwnerFacts
from vault.domain.ids import new_id
from vault.domain.people import AccountState
from vault.errors import StorageError
from vault.storage import people
from vault.storage.unit_of_work import unit_of_work

TOKEN = hashlib.sha256(b"token").digest()


def change(database, account_id, **values):
    with unit_of_work(database) as work:
        people.change(work.connection, account_id, values)
        work.commit()


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
        people.open_session(work.connection, values | changes)
        work.commit()
    return values | changes


def session(database, token=TOKEN):
    with database.read() as connection:
        return people.session(connection, token)


def test_an_account_is_found_by_its_work_number_as_it_was_stored(database):
    row = account_row("KF1001", invite_hash=b"h" * 32, invite_expires_at=NOW)
    account(database, **row)
    with database.read() as connection:
        found = people.by_work_number(connection, "KF1001")
        assert people.by_work_number(connection, "KF9999") is None
    assert found is not None
    assert {name: getattr(found, name) for name in row if name != "created_at"} == {
        name: value for name, value in row.items() if name != "created_at"
    }


def test_accounts_are_listed_by_work_number(database):
    ids = {number: account(database, number) for number in ("KF2", "KF1")}
    with database.read() as connection:
        assert [one.work_number for one in people.every(connection)] == ["KF1", "KF2"]
        assert people.ids_by_work_number(connection) == ids


def test_a_work_number_belongs_to_one_account(database):
    account(database, "KF1")
    with pytest.raises(StorageError) as raised:
        account(database, "KF1")
    assert raised.value.reason == "conflict"


def test_an_account_without_a_password_cannot_become_active(database):
    account_id = account(database)
    with pytest.raises(StorageError) as raised:
        change(database, account_id, state="active")
    assert raised.value.facts == {"constraint": "ck_accounts_active_has_password"}
    change(database, account_id, state="active", password="$argon2id$", password_changed_at=NOW)
    with database.read() as connection:
        found = people.by_work_number(connection, "KF1001")
    assert (found.state, found.password_changed_at) == (AccountState.ACTIVE, NOW)


def test_an_unknown_state_is_refused(database):
    account_id = account(database)
    with pytest.raises(StorageError) as raised:
        change(database, account_id, state="retired")
    assert raised.value.facts == {"constraint": "ck_accounts_state"}


def test_a_team_has_a_supervisor_unless_they_left(database):
    account(database, "ZG1", role="supervisor", team="T1")
    account(database, "ZG2", role="supervisor", team="T2", state="left")
    first, second = account(database, "KF1", team="T1"), account(database, "KF2", team="T2", outlet="O2")
    with database.read() as connection:
        assert people.owner_facts(connection, [first, second, new_id()]) == {
            first: OwnerFacts("T1", "O1", team_has_supervisor=True),
            second: OwnerFacts("T2", "O2", team_has_supervisor=False),
        }


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
        people.touch_session(work.connection, TOKEN, later)
        work.commit()
    assert session(database).seen_at == later
    with unit_of_work(database) as work:
        people.end_session(work.connection, TOKEN, later)
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
            assert people.end_stale_sessions(work.connection, NOW, NOW - timedelta(minutes=30)) == ended
            work.commit()
    assert [name for name, token in tokens.items() if session(database, token)] == ["fresh"]


def test_a_session_of_nobody_is_refused(database):
    with pytest.raises(StorageError) as raised:
        open_session(database, new_id())
    assert raised.value.reason == "conflict"
