"""Ledger and database say the same of every legal hold, also after a full disk or a kill between the two."""

import errno
import os
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from tests.destroying import APPROVER, PROPOSER, approved, fill, ids, run
from tests.ended_cohorts import SYSTEM
from tests.services.test_holds import WHY, is_held, place, release
from vault.domain.destruction import ItemState
from vault.domain.ids import new_id
from vault.domain.ledger import Entry, EntryKind
from vault.errors import StorageUnavailable
from vault.services import holds, orphans
from vault.services.steps.hold_agreement import agree, apart
from vault.services.steps.ledger_judging import judge
from vault.services.steps.remembering import remember
from vault.storage import holds as stored_holds
from vault.storage.ledger import Ledger


@pytest.fixture
def old(world):
    """One customer past their time, with officers at work."""
    fill(world, customers=1, shipments=0, services=0)
    return ids(world, "customer")[0]


def full_disk(patch, fault=errno.ENOSPC):
    def failing(*_):
        raise OSError(fault, os.strerror(fault))

    patch.setattr(os, "pwrite", failing)


def said(world):
    """What the ledger says of holds: each hold's record, and whether it is released."""
    return {hold: (record, at is not None) for hold, (record, _, at) in remember(world.parts.ledger).holds.items()}


def had(world):
    rows = world.rows("SELECT hold_id, record_id, released_at FROM holds")
    return {hold: (record, at is not None) for hold, record, at in rows}


def agreed(world):
    return agree(world.parts, remember(world.parts.ledger).holds, SYSTEM, world.now)


def stands(world):
    """Ledger and database say the same."""
    assert {hold: one for hold, one in said(world).items() if not one[1] or hold in had(world)} == had(world)
    assert apart(world.parts, remember(world.parts.ledger).holds).count == judge(world.parts).holds == 0


# -- a full disk ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EIO])
def test_a_hold_that_the_ledger_cannot_be_told_of_is_not_placed(world, old, monkeypatch, fault):
    with monkeypatch.context() as patch:
        full_disk(patch, fault)
        with pytest.raises(StorageUnavailable) as raised:
            place(world, old)
    assert raised.value.reason == "ledger_unwritable"
    assert had(world) == said(world) == {}
    assert not is_held(world, old)
    assert world.events("hold.placed", "done") == []
    place(world, old)
    stands(world)


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EIO])
def test_a_release_that_the_ledger_cannot_be_told_of_holds_and_is_told_later(world, old, monkeypatch, fault):
    (hold_id,) = place(world, old).hold_ids
    with monkeypatch.context() as patch:
        full_disk(patch, fault)
        release(world, hold_id)
    assert not is_held(world, old)
    assert (said(world), had(world)) == ({hold_id: (old, False)}, {hold_id: (old, True)})
    assert judge(world.parts).holds == 1
    world.now += timedelta(days=1)
    orphans.report(world.parts, world.now)
    stands(world)
    told = remember(world.parts.ledger).holds[hold_id]
    assert told[2] == world.now - timedelta(days=1)  # as it was, not as it was told
    assert len(world.events("hold.released")) == 1
    before = world.parts.ledger.head()
    orphans.report(world.parts, world.now)
    assert world.parts.ledger.head() == before


def test_as_long_as_the_disk_is_full_nothing_is_destroyed_and_then_the_run_evens_it_out(world, old, monkeypatch):
    (hold_id,) = place(world, old).hold_ids
    fill(world, customers=1, shipments=0, services=0)
    plan_id = approved(world)
    with monkeypatch.context() as patch:
        full_disk(patch)
        release(world, hold_id)
        with pytest.raises(StorageUnavailable):
            run(world, plan_id)
    assert world.count("tombstones") == 0
    run(world, plan_id)
    stands(world)
    assert world.count("tombstones") == 1


def no_commit(patch):
    def failing(_connection):
        raise StorageUnavailable("database_unavailable")

    patch.setattr(Connection, "commit", failing)


def test_a_hold_whose_commit_fails_is_taken_back_in_the_ledger(world, old, monkeypatch):
    with monkeypatch.context() as patch:
        no_commit(patch)
        with pytest.raises(StorageUnavailable):
            place(world, old)
    assert had(world) == {}
    assert [one[1] for one in said(world).values()] == [True]
    assert agreed(world) == 0
    assert not is_held(world, old)
    stands(world)


def test_a_hold_whose_commit_came_through_though_nobody_heard_is_not_taken_back(world, old, monkeypatch):
    real = Connection.commit

    def unheard(connection):
        real(connection)
        raise StorageUnavailable("database_unavailable")

    with monkeypatch.context() as patch:
        patch.setattr(Connection, "commit", unheard)
        with pytest.raises(StorageUnavailable):
            place(world, old)
    assert [one[1] for one in said(world).values()] == [False]
    assert is_held(world, old)
    stands(world)


# -- what a kill or a lost commit leaves ----------------------------------------------------------------------------


def lost_hold(world, record_id):
    """A hold that the ledger knows and the database does not."""
    hold_id = new_id()
    world.parts.ledger.append([Entry(EntryKind.HOLD_PLACED, world.now, hold_id, (record_id,))])
    return hold_id


def test_a_hold_that_only_the_ledger_knows_keeps_its_record_from_the_next_run(world, old):
    plan_id = approved(world)
    hold_id = lost_hold(world, old)
    assert judge(world.parts).holds == 1
    assert run(world, plan_id).counts == {ItemState.HELD: 1}
    assert had(world) == {hold_id: (old, False)}
    assert is_held(world, old)
    stands(world)
    (event,) = world.events("hold.placed")
    assert event["facts"] == {"hold": hold_id.hex(), "reason": "restored"}
    (shown,) = holds.listed(world.parts, world.person(PROPOSER), world.now)
    assert (shown.officer, shown.hold.review_on) == ("", world.now.date())
    release(world, hold_id, APPROVER)
    stands(world)


def test_a_hold_on_what_is_gone_is_over(world, old):
    run(world, approved(world))
    hold_id = lost_hold(world, old)
    assert agreed(world) == 0
    assert (had(world), said(world)) == ({}, {hold_id: (old, True)})


def test_a_hold_that_the_ledger_never_heard_of_or_believes_to_be_over_is_told_to_it(world, old):
    (known,) = place(world, old).hold_ids
    (unknown,) = place(world, old).hold_ids
    world.tamper("UPDATE holds SET hold_id = :new WHERE hold_id = :old", new=bytes(16), old=unknown)
    over = [Entry(EntryKind.HOLD_RELEASED, world.now, one, (old,)) for one in (known, unknown)]
    world.parts.ledger.append(over)
    assert judge(world.parts).holds == 2
    assert agreed(world) == 0
    stands(world)
    assert said(world)[known] == said(world)[bytes(16)] == (old, False)


def test_a_damaged_record_keeps_no_other_from_agreement(world):
    fill(world, customers=2, shipments=0, services=0)
    damaged, other = ids(world, "customer")
    world.tamper("UPDATE records SET outlet = 'X' WHERE record_id = :r", r=damaged)
    for one in (damaged, other):
        lost_hold(world, one)
    assert agreed(world) == 1
    assert is_held(world, other)


class Waiting(Ledger):
    """A ledger that lets its writer wait behind the entry."""

    def __init__(self, kept):
        super().__init__(kept.copies, kept._lock, b"")
        self._beginning, self.told, self.go_on = kept._beginning, threading.Event(), threading.Event()

    def append(self, entries):
        head = super().append(entries)
        self.told.set()
        assert self.go_on.wait(5)
        return head


def test_a_hold_that_is_being_placed_is_not_brought_back_beside_itself(world, old, monkeypatch):
    """Between the entry and the commit the ledger is ahead, as after a kill; but this one comes through."""
    ledger, real, asked = Waiting(world.parts.ledger), stored_holds.lock_record, threading.Event()

    def lock_record(*arguments):
        asked.set()
        real(*arguments)

    slow, officer, placed = replace(world.parts, ledger=ledger), world.person(PROPOSER), []
    placing = threading.Thread(target=lambda: placed.append(holds.place(slow, officer, old, WHY, world.now)))
    placing.start()
    assert ledger.told.wait(5)
    monkeypatch.setattr(stored_holds, "lock_record", lock_record)
    evening_out = threading.Thread(target=agreed, args=(world,))
    evening_out.start()
    asked.wait(0.2)  # on SQLite it waits for its turn to write, and does not come so far
    ledger.go_on.set()
    placing.join()
    evening_out.join()
    assert list(had(world)) == list(placed[0].hold_ids)
    assert len(world.events("hold.placed")) == 1
    stands(world)
