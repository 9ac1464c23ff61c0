import pytest

from tests.simulator import staff_row
from vault.errors import IntegrityError
from vault.services.steps.humans import same_human, shared_names
from vault.storage import people


def same(world, one, other):
    with world.parts.database.read() as connection:
        store = world.parts.keys.current(connection)
        return same_human(store, people.by_work_number(connection, one), people.by_work_number(connection, other))


@pytest.mark.parametrize("written", ["窦然可", "窦 然可", "\u3000窦然\u200b可", "窦·然可"])
def test_two_accounts_of_one_name_are_one_human_however_it_is_written(sqlite_world, written):
    sqlite_world.staff(staff_row("KF3001") | {"name": written})
    assert same(sqlite_world, "KF3001", "KF2001")
    assert same(sqlite_world, "KF2001", "KF3001")
    assert not same(sqlite_world, "KF3001", "KF2002")


def test_letters_of_another_width_or_case_make_no_other_human(sqlite_world):
    sqlite_world.staff(staff_row("KF3001") | {"name": "Li Wei"}, staff_row("KF3002") | {"name": "ＬＩ－ＷＥＩ"})
    assert same(sqlite_world, "KF3001", "KF3002")


def test_an_account_is_the_same_human_as_itself(sqlite_world):
    assert same(sqlite_world, "KF2001", "KF2001")
    assert not same(sqlite_world, "KF2001", "KF2009")


def test_a_name_moved_to_another_account_is_not_believed(sqlite_world):
    sqlite_world.tamper(
        "UPDATE accounts SET sealed_name = (SELECT sealed_name FROM accounts WHERE work_number = 'KF2002')"
        " WHERE work_number = 'KF2001'"
    )
    with pytest.raises(IntegrityError):
        same(sqlite_world, "KF2001", "KF2009")


def test_names_that_several_bear_are_found_by_account():
    names = [(b"1", "窦然可"), (b"2", "魏海"), (b"3", "窦 然可"), (b"4", "魏 海"), (b"5", "孔景欣")]
    assert shared_names(names) == {b"1", b"2", b"3", b"4"}
