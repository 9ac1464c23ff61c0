from datetime import timedelta

from tests.factories import NOW, account
from vault.storage import password_history
from vault.storage.unit_of_work import unit_of_work


def keep(database, account_id, serial, most=3):
    with unit_of_work(database) as work:
        password_history.keep(work.connection, account_id, f"hash {serial}", NOW + timedelta(days=serial), most)
        work.commit()


def hashes(database, account_id):
    with database.read() as connection:
        return password_history.hashes(connection, account_id)


def test_the_latest_hashes_are_kept_and_the_oldest_go(database):
    mine, other = account(database, "KF1"), account(database, "KF2")
    keep(database, other, 0)
    for serial in range(5):
        keep(database, mine, serial)
    assert hashes(database, mine) == ["hash 4", "hash 3", "hash 2"]
    assert hashes(database, other) == ["hash 0"]


def test_one_that_was_chosen_at_the_very_same_time_takes_the_place_of_the_other(database):
    mine = account(database)
    keep(database, mine, 1)
    keep(database, mine, 1)
    assert hashes(database, mine) == ["hash 1"]


def test_a_history_of_one_keeps_nothing_but_the_present_password(database):
    mine = account(database)
    keep(database, mine, 1, most=0)
    assert hashes(database, mine) == []
