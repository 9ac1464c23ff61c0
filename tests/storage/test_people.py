from datetime import timedelta

import pytest

from tests.factories import NOW, account, account_row
from vault.domain.access import OwnerFacts
from vault.domain.ids import new_id
from vault.domain.people import AccountState
from vault.errors import StorageError
from vault.storage import people
from vault.storage.unit_of_work import unit_of_work


def change(database, account_id, **values):
    with unit_of_work(database) as work:
        people.change(work.connection, account_id, values)
        work.commit()


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


def test_a_change_is_made_only_while_nothing_else_has_changed(database):
    account_id = account(database, "KF1", password="$argon2id$", password_changed_at=NOW, state="active")
    with unit_of_work(database) as work:
        assert not people.change_if(work.connection, account_id, {"team": "T9"}, password="$another$")
        assert not people.change_if(work.connection, account_id, {"team": "T9"}, invite_hash=b"h" * 32)
        assert people.change_if(work.connection, account_id, {"team": "T2"}, password="$argon2id$", invite_hash=None)
        work.commit()
    with database.read() as connection:
        assert people.by_work_number(connection, "KF1").team == "T2"


def test_passwords_that_are_too_old_are_marked_once(database):
    old = {"password": "$argon2id$", "password_changed_at": NOW}
    account(database, "KF1", **old)
    account(database, "KF2", **(old | {"password_changed_at": NOW + timedelta(microseconds=1)}))
    account(database, "KF3")
    for later, marked in ((timedelta(days=15), 1), (timedelta(days=16), 0)):
        with unit_of_work(database) as work:
            assert people.mark_expired(work.connection, NOW, NOW + later) == marked
            work.commit()
    with database.read() as connection:
        marks = [people.by_work_number(connection, number).password_expired_at for number in ("KF1", "KF2", "KF3")]
    assert marks == [NOW + timedelta(days=15), None, None]
