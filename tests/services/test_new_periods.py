"""A policy that keeps records for another time: what it would move is counted before, and what is stored follows."""

import dataclasses
import os
from datetime import UTC, datetime, timedelta

import pytest

from tests.destroying import PROPOSER, ids, old_customer
from tests.services.staff_at_work import in_use
from tests.simulator import NOW, local
from vault import bootstrap
from vault.domain.ids import RecordClass
from vault.domain.log import Actor
from vault.domain.retention import expires_at
from vault.services import policy_effect, retention
from vault.services.steps import new_periods
from vault.services.steps.new_periods import follow_policy
from vault.storage import records

CUSTOMER, SERVICE = RecordClass.CUSTOMER, RecordClass.SERVICE_RECORD
SYSTEM = Actor("system", "system")


def policy_with(world, record_class=CUSTOMER, zone="", **keep):
    policy = world.parts.policy
    rule = dataclasses.replace(policy.retention[record_class], **({"keep_years": 0, "keep_days": 0} | keep))
    company = dataclasses.replace(policy.company, zone=zone or policy.company.zone)
    return dataclasses.replace(policy, company=company, retention={**policy.retention, record_class: rule})


def load(world, policy):
    world.parts = dataclasses.replace(world.parts, policy=policy)


def follow(world):
    return follow_policy(world.parts, SYSTEM, world.now)


def stored(world):
    """Return every record's metadata, checked against its MAC."""
    with world.parts.database.read() as connection:
        store = world.parts.keys.current(connection)
        everything = [row[0] for row in world.rows("SELECT record_id FROM records")]
        found = records.load(connection, everything)
    for one in found.values():
        store.keys_of(one.meta.cohort_id).check(one.meta, one.mac)
    return {key: one.meta for key, one in found.items()}


def agree(world):
    """Return whether every settled record has the expiry that the policy in force says."""
    policy = world.parts.policy
    return all(
        meta.expires_at == expires_at(meta.activity_at, policy.retention[meta.record_class].keep(), policy.zone)
        for meta in stored(world).values()
        if meta.expires_at is not None
    )


def effect(world, policy):
    return policy_effect.effect(world.parts, bootstrap.operator(world.config), policy, world.now)


@pytest.mark.parametrize("keep", [{"keep_years": 1}, {"keep_years": 3}, {"keep_days": 400}])
def test_stored_expiries_follow_the_policy_both_ways_and_nothing_else_changes(company, keep):
    before = stored(company)
    assert agree(company)
    load(company, policy_with(company, **keep))
    assert not agree(company)
    assert follow(company) == len(ids(company, "customer"))
    assert agree(company)
    after = stored(company)
    assert {key: dataclasses.replace(meta, expires_at=None) for key, meta in before.items()} == {
        key: dataclasses.replace(meta, expires_at=None) for key, meta in after.items()
    }
    assert follow(company) == 0
    events = company.events("retention.periods_changed")
    assert sum(one["facts"]["updated"] for one in events) == len(ids(company, "customer"))
    assert all(one["actor"] == "system" and one["records"] == [] for one in events)


def test_another_zone_moves_every_midnight(world):
    world.customer()
    load(world, policy_with(world, zone="Europe/Berlin", keep_years=2))
    assert follow(world) == 1
    assert agree(world)


def test_open_records_have_no_expiry_before_nor_after(company):
    still_open = [key for key, meta in stored(company).items() if meta.expires_at is None]
    load(company, policy_with(company, SERVICE, keep_days=30))
    follow(company)
    assert still_open
    assert all(stored(company)[key].expires_at is None for key in still_open)


def test_a_run_that_is_killed_is_gone_on_with(company, monkeypatch):
    monkeypatch.setattr(new_periods, "_BATCH", 40)
    load(company, policy_with(company, keep_years=1))
    seen = []

    def killed(*args, **kwargs):
        seen.append(1)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return followed(*args, **kwargs)

    followed = new_periods._follow
    with monkeypatch.context() as patched:
        patched.setattr(new_periods, "_follow", killed)
        with pytest.raises(KeyboardInterrupt):
            follow(company)
    assert not agree(company)
    assert follow(company) == len(ids(company, "customer")) - 80
    assert agree(company)


def test_a_damaged_record_is_reported_and_keeps_none_back(world):
    world.customers(*(old_customer() for _ in range(3)))
    damaged = ids(world, "customer")[1]
    world.tamper("UPDATE records SET mac = :m WHERE record_id = :r", m=os.urandom(32), r=damaged)
    load(world, policy_with(world, keep_years=1))
    assert follow(world) == 2
    (reported,) = world.events("record.integrity_failure")
    assert [one["id"] for one in reported["records"]] == [damaged.hex()]


def test_a_later_file_finds_a_record_whose_expiry_followed_as_it_left_it(world):
    row = old_customer()
    world.customers(row)
    load(world, policy_with(world, keep_years=1))
    follow(world)
    report = world.load_rows("customer", [row | {"name": "赵明"}])
    assert (report.updated, report.conflicts) == (1, [])
    assert agree(world)


def test_the_nights_draft_is_made_by_the_policy_in_force(world):
    in_use(world, PROPOSER)
    world.customer(last_activity_at=local(NOW - timedelta(days=400)))
    load(world, policy_with(world, keep_years=1))
    made = retention.tend(world.parts, world.now)
    assert made.numbers.due[CUSTOMER] == 1


# -- what it would do ----------------------------------------------------------------------------------------------


def test_the_effect_counts_both_ways_and_what_is_due_at_once_to_the_second(world):
    world.customer(last_activity_at="2025-11-20 12:00:00")
    shorter, longer = policy_with(world, keep_years=1), policy_with(world, keep_years=3)
    due_at = datetime(2026, 11, 20, 16, 0, tzinfo=UTC)
    world.now = due_at - timedelta(seconds=1)
    assert dataclasses.astuple(effect(world, shorter)[CUSTOMER]) == (1, 1, 0, 0, 0)
    assert dataclasses.astuple(effect(world, longer)[CUSTOMER]) == (1, 0, 1, 0, 0)
    world.now = due_at
    assert dataclasses.astuple(effect(world, shorter)[CUSTOMER]) == (1, 1, 0, 1, 0)
    world.now = due_at + timedelta(days=365)
    assert dataclasses.astuple(effect(world, shorter)[CUSTOMER]) == (1, 1, 0, 0, 0)
    assert dataclasses.astuple(effect(world, longer)[CUSTOMER]) == (1, 0, 1, 0, 1)


def test_the_effect_of_the_same_periods_is_none_and_nothing_is_changed_by_looking(company):
    before = company.rows("SELECT record_id, expires_at, revision FROM records ORDER BY record_id")
    found = effect(company, company.parts.policy)
    assert {(one.earlier, one.later, one.due_at_once, one.no_longer_due) for one in found.values()} == {(0, 0, 0, 0)}
    assert found[CUSTOMER].records == len(ids(company, "customer"))
    effect(company, policy_with(company, keep_years=1))
    assert company.rows("SELECT record_id, expires_at, revision FROM records ORDER BY record_id") == before
    assert company.events()[-1]["action"] == "retention.viewed"


def test_what_was_foretold_is_what_happens(company):
    new = policy_with(company, keep_years=1)
    foretold = effect(company, new)[CUSTOMER]
    before = stored(company)
    load(company, new)
    follow(company)
    after = stored(company)
    now_due = [key for key in after if after[key].restricted(company.now) and not before[key].restricted(company.now)]
    assert foretold.earlier == sum(after[key].expires_at < before[key].expires_at for key in ids(company, "customer"))
    assert foretold.due_at_once == len(now_due) > 0
