"""Rows of holds: conditions that let one of two through, and the list in its order."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tests.factories import NOW, account
from vault.domain.ids import RecordClass, new_id
from vault.storage import holds
from vault.storage.holds import Hold
from vault.storage.tables import tombstones
from vault.storage.unit_of_work import unit_of_work

DAY = date(2027, 3, 1)


@pytest.fixture
def officer(database):
    return account(database, "KF2012", role="imd")


@pytest.fixture
def add(database, officer):
    def added(**changes):
        values = {
            "hold_id": new_id(),
            "record_id": new_id(),
            "record_class": RecordClass.CUSTOMER,
            "reason": "dispute",
            "sealed_source": b"s" * 40,
            "placed_by": officer,
            "placed_at": NOW,
            "review_on": DAY,
        }
        hold = Hold(**(values | changes))
        with unit_of_work(database) as work:
            holds.add(work.connection, hold)
            work.commit()
        return hold

    return added


def changed(database, act, *args):
    with unit_of_work(database) as work:
        done = act(work.connection, *args)
        work.commit()
    return done


def test_a_hold_is_read_as_it_was_stored(database, add):
    hold = add()
    with database.read() as connection:
        assert holds.one(connection, hold.hold_id) == hold
        assert holds.one(connection, new_id()) is None


def test_a_hold_is_released_once_and_reviewed_only_while_it_holds(database, add, officer):
    hold = add()
    assert changed(database, holds.review, hold.hold_id, DAY + timedelta(days=1))
    assert changed(database, holds.release, hold.hold_id, officer, "settled", NOW)
    assert not changed(database, holds.release, hold.hold_id, officer, "settled", NOW)
    assert not changed(database, holds.review, hold.hold_id, DAY)
    with database.read() as connection:
        stored = holds.one(connection, hold.hold_id)
    assert (stored.released_by, stored.released_at, stored.release) == (officer, NOW, "settled")
    assert stored.review_on == DAY + timedelta(days=1)


def test_holds_on_a_record_are_counted_while_they_hold(database, add, officer):
    record_id = new_id()
    first, _, _ = add(record_id=record_id), add(record_id=record_id), add()
    changed(database, holds.release, first.hold_id, officer, "settled", NOW)
    with database.read() as connection:
        assert holds.living_on(connection, record_id) == 1
        assert holds.living_on(connection, new_id()) == 0


def test_holds_are_listed_by_review_and_reviewed_ones_of_a_day_are_found(database, add, officer):
    made = [add(review_on=DAY + timedelta(days=number)) for number in (2, 0, 1)]
    released = add(review_on=DAY)
    changed(database, holds.release, released.hold_id, officer, "settled", NOW)
    with database.read() as connection:
        listed = holds.listed(connection, 9)
        assert [one.hold.hold_id for one in listed] == [made[1].hold_id, made[2].hold_id, made[0].hold_id]
        assert {one.officer for one in listed} == {"KF2012"}
        assert [one.hold_id for one in holds.to_review(connection, DAY)] == [made[1].hold_id]
        assert holds.to_review(connection, DAY - timedelta(days=1)) == []


def test_pages_of_the_list_meet_without_a_gap_where_days_are_equal(database, add):
    made = {add().hold_id for _ in range(5)}
    seen, after = [], None
    with database.read() as connection:
        while page := holds.listed(connection, 2, after):
            seen += [one.hold.hold_id for one in page]
            after = page[-1].hold.review_on, page[-1].hold.hold_id
    assert len(seen) == 5
    assert set(seen) == made


def test_a_tombstone_says_that_a_record_is_destroyed(database):
    gone = new_id()
    with unit_of_work(database) as work:
        work.connection.execute(
            tombstones.insert().values(
                record_id=gone,
                record_class="customer",
                cohort_id=new_id(),
                entered_at=NOW,
                expires_at=NOW,
                destroyed_at=NOW,
            )
        )
        work.commit()
    with database.read() as connection:
        assert holds.is_destroyed(connection, gone)
        assert not holds.is_destroyed(connection, new_id())
