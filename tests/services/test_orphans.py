from datetime import timedelta

import pytest

from tests.ended_cohorts import DECEMBER, DUE_IN_DECEMBER, LATER, close_all, destroy, turn_to
from tests.simulator import customer_row
from vault.domain.ids import new_id
from vault.services import orphans
from vault.storage.orphans import QUESTIONS, count


@pytest.fixture
def record_id(world):
    world.customer(last_activity_at=DUE_IN_DECEMBER)
    return bytes(world.rows("SELECT record_id FROM records")[0][0])


def found(world):
    told = orphans.compare(world.parts, world.now)
    return {kind: count for kind, count in told.found.items() if count}


def test_a_sound_vault_has_none(company):
    told = orphans.compare(company.parts, company.now)
    assert told.found == dict.fromkeys(QUESTIONS, 0)
    assert (told.total, told.past, told.oldest) == (0, 0, None)


def test_a_vault_in_which_cohorts_were_closed_has_none(world, record_id):
    turn_to(world)
    close_all(world)
    destroy(world, record_id)
    close_all(world)
    told = orphans.compare(world.parts, world.now)
    assert (told.total, told.past) == (0, 0)


@pytest.mark.parametrize(
    ("harm", "kinds"),
    [
        (
            "DELETE FROM records WHERE record_id = :id",
            {"keys_without_record": 1, "values_without_record": 8, "tags_without_record": 3},
        ),
        ("DELETE FROM wrapped_keys WHERE record_id = :id", {"records_without_key": 1}),
    ],
    ids=["record", "key"],
)
def test_what_has_one_and_not_the_other_is_counted(world, record_id, harm, kinds):
    world.tamper(harm, id=record_id)
    assert found(world) == kinds


def test_a_destroyed_record_that_has_its_key_again_is_found(world, record_id):
    ((cohort_id, wrapped),) = world.rows(
        "SELECT cohort_id, wrapped FROM wrapped_keys WHERE record_id = :id", id=record_id
    )
    destroy(world, record_id)
    assert found(world) == {}
    world.tamper(
        "INSERT INTO wrapped_keys (cohort_id, record_id, wrapped) VALUES (:cohort, :id, :wrapped)",
        cohort=bytes(cohort_id),
        id=record_id,
        wrapped=bytes(wrapped),
    )
    assert found(world) == {"keys_without_record": 1, "tombstones_with_key": 1}


@pytest.mark.parametrize("piece", [1, 2, 3, 20_000])
def test_orphans_are_counted_once_however_small_the_pieces(world, monkeypatch, piece):
    world.customers(*(customer_row() for _ in range(5)))
    first, second, third, _, last = (
        bytes(row[0]) for row in world.rows("SELECT record_id FROM records ORDER BY record_id")
    )
    for one in (first, third, last):
        world.tamper("DELETE FROM records WHERE record_id = :id", id=one)
    world.tamper("DELETE FROM wrapped_keys WHERE record_id IN (:two, :last)", two=second, last=last)
    values = world.rows("SELECT count(*) FROM record_fields WHERE record_id NOT IN (SELECT record_id FROM records)")
    tags = world.rows("SELECT count(*) FROM record_index WHERE record_id NOT IN (SELECT record_id FROM records)")
    monkeypatch.setattr("vault.storage.orphans._PIECE", piece)
    assert found(world) == {
        "keys_without_record": 2,
        "records_without_key": 1,
        "values_without_record": values[0][0],
        "tags_without_record": tags[0][0],
    }


def test_no_transaction_is_open_for_more_than_a_piece(world, monkeypatch):
    """A reader of whole tables would keep SQLite's log from being cut for as long as it reads."""
    world.customers(*(customer_row() for _ in range(5)))
    monkeypatch.setattr("vault.storage.orphans._PIECE", 1)
    begun = []
    real = world.parts.database.read

    def reading():
        begun.append(len(begun))
        return real()

    monkeypatch.setattr(world.parts.database, "read", reading)
    assert set(count(world.parts.database).values()) == {0}
    assert len(begun) >= 3 * len(QUESTIONS)  # of two rows at most


def test_cohorts_without_key_and_keys_without_cohort_are_counted(world):
    world.tamper("UPDATE cohorts SET state = 'destroyed' WHERE record_class = 'customer' AND end_on = :day",
                 day=DECEMBER.isoformat() if world.place.server is None else DECEMBER)  # fmt: skip
    told = orphans.compare(world.parts, world.now)
    assert (told.cohorts_without_key, told.keys_without_cohort, told.total) == (0, 1, 1)
    world.tamper("UPDATE cohorts SET cohort_id = :id WHERE record_class = 'shipment' AND end_on = :day",
                 id=new_id(), day=DECEMBER.isoformat() if world.place.server is None else DECEMBER)  # fmt: skip
    told = orphans.compare(world.parts, world.now)
    assert (told.cohorts_without_key, told.keys_without_cohort) == (1, 2)


def test_a_cohort_past_its_last_day_is_told_and_is_no_orphan(world):
    turn_to(world)
    told = orphans.compare(world.parts, LATER)
    assert told.total == 0
    assert told.past > 0
    assert told.oldest < LATER.date() - timedelta(days=30)


def test_the_daily_report_is_an_event_of_counts(world, record_id):
    orphans.report(world.parts, world.now)
    world.tamper("DELETE FROM wrapped_keys WHERE record_id = :id", id=record_id)
    orphans.report(world.parts, world.now)
    sound, unsound = world.events("retention.orphans")
    assert (sound["outcome"], sound["facts"]) == ("done", {"cohorts": 0, "count": 0})
    assert (unsound["outcome"], unsound["facts"]) == ("failed", {"cohorts": 0, "count": 1})
    assert sound["actor"] == "system"
