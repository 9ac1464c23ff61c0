from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from tests.simulator import NOW, World
from vault import bootstrap
from vault.errors import VaultSealed
from vault.services.steps.keys import make_cohorts_ahead


def make(world, at):
    parts, actor = world.parts, bootstrap.operator(world.config)
    return make_cohorts_ahead(parts.database, parts.keys, parts.policy, actor, at)


def test_making_cohorts_again_makes_none_and_says_nothing(world):
    before = len(world.events())
    assert make(world, NOW) == []
    assert len(world.events()) == before


def test_a_new_month_brings_one_cohort_for_each_class_of_months_and_days_for_the_others(world):
    made = make(world, NOW + timedelta(days=20))
    names = [one.record_class.value for one in made]
    assert {name: names.count(name) for name in ("customer", "shipment", "service_record")} == {
        "customer": 1,
        "shipment": 1,
        "service_record": 1,
    }
    assert world.events("keys.cohorts_made")[-1]["facts"]["cohorts"] == len(made)


def test_two_processes_that_meet_a_new_month_make_one_cohort_each(world):
    other = World(world.config, world.place)
    later = NOW + timedelta(days=20)
    with ThreadPoolExecutor(2) as threads:
        made = list(threads.map(lambda one: make(one, later), [world, other]))
    pairs = world.rows("SELECT record_class, end_on FROM cohorts")
    assert len(pairs) == len(set(pairs))
    assert min(map(len, made)) == 0
    # Either process seals into the new cohorts and reads what the other sealed.
    row = world.customer(last_activity_at="2026-11-19 10:00:00")
    other.now = world.now = later
    row = other.customer(last_activity_at="2026-12-09 10:00:00")
    assert world.look_up("KF2001", row["phone"]).cards
    other.close()


def test_a_process_reloads_when_the_database_says_that_the_keys_moved_on(world):
    other = World(world.config, world.place)
    make(other, NOW + timedelta(days=20))
    with world.parts.database.read() as connection:
        version = world.parts.keys.current(connection).version
    with other.parts.database.read() as connection:
        assert other.parts.keys.current(connection).version == version
    other.close()


def test_keys_that_cannot_be_read_any_more_seal_the_process_when_they_are_needed(world):
    other = World(world.config, world.place)
    make(other, NOW + timedelta(days=20))
    world.config.root_key_file.unlink()
    with world.parts.database.read() as connection, pytest.raises(VaultSealed) as sealed:
        world.parts.keys.current(connection)
    assert sealed.value.reason == "key_store_unreadable"
    other.close()
