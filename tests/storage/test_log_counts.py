from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from tests.factories import NOW, event
from vault.domain.ids import new_id
from vault.domain.log import Action, Actor, Opened, Outcome
from vault.domain.log_search import Question
from vault.storage import log, log_counts
from vault.storage.unit_of_work import unit_of_work

ONE, OTHER = new_id(), new_id()
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
KF2 = Actor("KF1002", "supervisor")


@pytest.fixture
def made(database):
    """Sixty events of two people within two hours, a few of them refused or about the same two records."""
    events = [
        event(
            *[Opened(one, "customer", ()) for one in (ONE, OTHER)[: number % 3]],
            at=NOW + number * timedelta(minutes=2),
            actor=KF2 if number % 4 == 0 else Actor("KF1001", "agent"),
            action=Action.REVEAL if number % 5 == 0 else Action.LOOKUP,
            outcome=Outcome.REFUSED if number % 7 == 0 else Outcome.GRANTED,
        )
        for number in range(60)
    ]
    with unit_of_work(database) as work:
        work.announce(*events)
        work.commit()
    log.order(database)
    return events


def counted(database, step, since=NOW - HOUR, until=NOW + 9 * HOUR, **asked):
    with database.read() as connection:
        return dict(log_counts.per_step(connection, Question(**asked).groups(), since, until, step))


@pytest.mark.parametrize(
    ("asked", "fits"),
    [
        ({}, bool),
        ({"actor": "KF1002"}, lambda one: one.actor == KF2),
        (
            {"actor": "KF1002", "action": "record.reveal"},
            lambda one: one.actor == KF2 and one.action == "record.reveal",
        ),
        (
            {"action": "record.reveal", "outcome": "refused"},
            lambda one: "reveal" in one.action and "ref" in one.outcome,
        ),
        ({"records": (ONE, OTHER)}, lambda one: bool(one.opened)),
        ({"records": (OTHER,), "role": "agent"}, lambda one: len(one.opened) == 2 and one.actor.role == "agent"),
        ({"actor": "nobody"}, lambda one: one.actor.name == "nobody"),
    ],
)
@pytest.mark.parametrize("step", [HOUR, MINUTE])
def test_each_step_of_the_clock_has_the_number_that_counting_by_hand_gives(database, made, asked, fits, step):
    whole = {"second": 0, "microsecond": 0} | ({"minute": 0} if step == HOUR else {})
    by_hand = Counter(one.at.replace(**whole) for one in made if fits(one))
    assert counted(database, step, **asked) == by_hand


def test_the_first_moment_counts_and_the_last_does_not(database, made):
    second, last = made[1].at, made[-1].at
    assert sum(counted(database, HOUR, second, last).values()) == len(made) - 2
    assert sum(counted(database, HOUR, second, last + timedelta(microseconds=1)).values()) == len(made) - 1
    assert counted(database, HOUR, second, second) == {}


def test_the_end_of_the_newest_is_told_only_where_there_are_more(database, made):
    with database.read() as connection:
        ends = [log_counts.end_of_newest(connection, NOW, NOW + 9 * HOUR, most) for most in (1, 59, 60, 61)]
    assert ends == [made[-2].at, made[0].at, None, None]
