from datetime import timedelta

import pytest

from tests.factories import NOW, account
from vault.domain.ids import new_id
from vault.domain.returns import ResetKind
from vault.errors import StorageError
from vault.storage import people, resets
from vault.storage.resets import Reset
from vault.storage.unit_of_work import unit_of_work

TICK = timedelta(microseconds=1)


@pytest.fixture
def three(database):
    return [account(database, number) for number in ("KF1", "KF2", "KF3")]


def changed(database, change, *args):
    with unit_of_work(database) as work:
        result = change(work.connection, *args)
        work.commit()
    return result


def add(database, whose, kind=ResetKind.PASSWORD, by=None, at=NOW):
    reset = Reset(new_id(), whose, kind, by, at)
    changed(database, resets.add, reset)
    return reset


def owed_since(database):
    with database.read() as connection:
        return {one.work_number: one.return_owed_since for one in people.every(connection)}


def test_a_return_is_owed_since_the_first_reset_until_all_are_confirmed(database, three):
    whose, by, other = three
    later = add(database, whose, ResetKind.SECOND_FACTOR, by, NOW + TICK)
    first = add(database, whose, by=by)
    assert owed_since(database) == {"KF1": NOW, "KF2": None, "KF3": None}
    with database.read() as connection:
        assert resets.unconfirmed_of(connection, whose) == [first, later]
        assert resets.unconfirmed_of(connection, by) == []
    assert changed(database, resets.confirm, whose, other, NOW + 2 * TICK) == 2
    assert changed(database, resets.confirm, whose, other, NOW + 3 * TICK) == 0
    assert owed_since(database)["KF1"] is None
    with database.read() as connection:
        assert {one.confirmed_at for one in resets.lately(connection, NOW - TICK)} == {NOW + 2 * TICK}


def test_a_further_secret_owes_no_return(database, three):
    add(database, three[0], ResetKind.SECRET)
    assert owed_since(database)["KF1"] is None


def test_an_account_read_in_any_way_tells_what_it_owes(database, three):
    add(database, three[0])
    with unit_of_work(database) as work:
        found = [
            people.by_work_number(work.connection, "KF1"),
            people.locked(work.connection, ["KF1", "KF2"])["KF1"],
            people.by_ids(work.connection, three)[three[0]],
        ]
        assert people.by_ids(work.connection, [new_id()]) == {}
    assert [one.return_owed_since for one in found] == [NOW] * 3


def test_nobody_confirms_what_they_did_themselves_whatever_the_code_says(database, three):
    whose, by, _ = three
    add(database, whose, by=by)
    with pytest.raises(StorageError) as raised:
        changed(database, resets.confirm, whose, by, NOW)
    assert raised.value.facts == {"constraint": "ck_account_resets_four_eyes"}


def test_lately_lists_what_is_young_and_what_is_still_owed(database, three):
    old = add(database, three[0], at=NOW - timedelta(days=400))
    add(database, three[1], ResetKind.SECRET, at=NOW - timedelta(days=31))
    young = add(database, three[1], ResetKind.SECRET, at=NOW - timedelta(days=29))
    with database.read() as connection:
        assert resets.lately(connection, NOW - timedelta(days=30)) == [young, old]


def test_forgetting_keeps_what_is_young_and_what_is_owed(database, three):
    whose, by, other = three
    add(database, whose)
    add(database, by)
    add(database, other, ResetKind.SECRET)
    changed(database, resets.confirm, by, other, NOW)
    assert changed(database, resets.forget, NOW, 10) == 0
    assert changed(database, resets.forget, NOW + TICK, 1) == 1
    assert changed(database, resets.forget, NOW + TICK, 10) == 1
    with database.read() as connection:
        assert [one.account_id for one in resets.lately(connection, NOW - TICK)] == [whose]
