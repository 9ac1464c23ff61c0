"""Long work rests while others are at work, and does not where it is alone."""

import time

from tests.simulator import NOW
from vault.domain.log import Action, Actor, Outcome
from vault.services.steps.courtesy import Courtesy
from vault.storage.unit_of_work import unit_of_work

PIECES = 25


def leave_an_event(world):
    with unit_of_work(world.parts.database) as work:
        work.announce(world.parts.event(NOW, Actor("system", "system"), Action.RECORD_DESTROYED, Outcome.DONE))
        work.commit()


def rested(world, monkeypatch, beside=lambda _number: None):
    """Do some pieces of work and return after which of them it rested."""
    rests, courtesy = [], Courtesy(world.parts.database)
    monkeypatch.setattr(time, "sleep", lambda seconds: rests.append((number, seconds)))
    for number in range(PIECES):
        with courtesy.piece():
            leave_an_event(world)
        beside(number)
    monkeypatch.undo()
    return rests


def test_alone_it_never_rests(world, monkeypatch):
    assert rested(world, monkeypatch) == []


def test_it_rests_as_long_as_others_leave_events_and_not_for_long(world, monkeypatch):
    rests = rested(world, monkeypatch, lambda number: leave_an_event(world) if number == 5 else None)
    assert [number for number, _ in rests] == list(range(10, 20))
    assert all(0 < seconds <= 0.05 for _, seconds in rests)


def test_ordering_the_log_meanwhile_is_nobody_at_work(world, monkeypatch):
    assert rested(world, monkeypatch, lambda number: world.settle() if number == 5 else None) == []
