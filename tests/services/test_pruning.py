"""Old rows go when nothing rests on them any more, once, and the log says how many."""

from datetime import timedelta

import pytest

from tests.colleagues import at_once
from tests.services.staff_at_work import ADMIN, in_use
from vault.domain.ids import new_id
from vault.services import accounts, cases, people, pruning, returns
from vault.storage import break_glass, caller_checks
from vault.storage.unit_of_work import unit_of_work

AGENT, SUPERVISOR = "KF2001", "KF2009"
TICK = timedelta(microseconds=1)


@pytest.fixture
def case(world):
    in_use(world, AGENT)
    return world.look_up(AGENT, world.customer()["phone"])


def kept(world):
    return timedelta(days=31) * world.parts.policy.log.keep_months


def check(world, case, at, outcome="no_match"):
    values = {
        "check_id": new_id(),
        "case_id": case.case_id,
        "record_id": case.cards[0].record_id,
        "account_id": world.person(AGENT).account_id,
        "question": "name",
        "outcome": outcome,
        "reason": "",
        "at": at,
    }
    with unit_of_work(world.parts.database) as work:
        caller_checks.add(work.connection, values)
        work.commit()


def emergency(world, case, at, state="refused", *, opened=False):
    break_glass_id = new_id()
    values = {
        "break_glass_id": break_glass_id,
        "case_id": case.case_id,
        "asked_by": world.person(AGENT).account_id,
        "profile": "urgent_delivery",
        "reason": "danger",
        "identifier_kind": "phone",
        "asked_at": at,
        "state": state,
        "owner_contact": "no",
        "opened_at": at if opened else None,
        "finding": "",
    }
    with unit_of_work(world.parts.database) as work:
        break_glass.add(work.connection, values)
        given = {"approved": False, "reason": "", "at": at}
        break_glass.vote(work.connection, break_glass_id, world.person(SUPERVISOR).account_id, given)
        work.commit()
    return break_glass_id


def close(world, case):
    cases.close(world.parts, world.person(AGENT), case.case_id, "caller_gone", world.now)


def test_tries_of_closed_cases_go_when_the_log_need_not_be_kept_any_longer_and_only_then(world, case):
    for at in (world.now, world.now + TICK):
        check(world, case, at)
    close(world, case)
    end = world.now + kept(world)
    assert pruning.prune(world.parts, end) == 0
    assert world.events("vault.pruned") == []
    assert pruning.prune(world.parts, end + TICK) == 1
    assert world.count("caller_checks") == 1
    (event,) = world.events("vault.pruned")
    assert (event["actor"], event["outcome"], event["facts"]) == (
        "system",
        "done",
        {"kind": "caller_checks", "count": 1},
    )
    assert pruning.prune(world.parts, end + TICK) == 0
    assert len(world.events("vault.pruned")) == 1


def test_what_an_open_case_rests_on_stays_however_old(world, case):
    check(world, case, world.now, "refused")
    emergency(world, case, world.now)
    assert pruning.prune(world.parts, world.now + 5 * kept(world)) == 0
    assert (world.count("caller_checks"), world.count("break_glass")) == (1, 1)


def test_an_emergency_goes_with_its_votes_but_not_before_its_review_is_closed(world, case):
    emergency(world, case, world.now)
    emergency(world, case, world.now, "ended")
    emergency(world, case, world.now, "reviewed", opened=True)
    waits = [emergency(world, case, world.now, state, opened=True) for state in ("opened", "ended")]
    close(world, case)
    assert pruning.prune(world.parts, world.now + kept(world)) == 0
    assert pruning.prune(world.parts, world.now + kept(world) + TICK) == 3
    left = {row[0] for row in world.rows("SELECT break_glass_id FROM break_glass")}
    assert left == {row[0] for row in world.rows("SELECT break_glass_id FROM break_glass_votes")} == set(waits)
    assert world.events("vault.pruned")[0]["facts"] == {"kind": "break_glass", "count": 3}


def test_a_confirmed_return_goes_and_one_that_is_owed_stays(world):
    in_use(world, ADMIN, SUPERVISOR, "KF2002")
    world.activate(AGENT)
    secret = accounts.reset(world.parts, world.person(ADMIN), AGENT, world.now)
    people.activate(world.parts, AGENT, secret, "seven green umbrellas in line", "203.0.113.9", world.now)
    returns.confirm(world.parts, world.person(SUPERVISOR), AGENT, world.now)
    accounts.reset(world.parts, world.person(ADMIN), "KF2002", world.now)
    assert pruning.prune(world.parts, world.now + kept(world) + TICK) == 1
    assert world.rows("SELECT confirmed_at FROM account_resets") == [(None,)]
    world.tamper("UPDATE accounts SET state = 'left' WHERE work_number = 'KF2002'")
    assert pruning.prune(world.parts, world.now + kept(world) + TICK) == 1


def test_more_rows_than_one_transaction_takes_are_one_event(world, case, monkeypatch):
    monkeypatch.setattr(pruning, "_AT_ONCE", 2)
    for _ in range(5):
        check(world, case, world.now)
    close(world, case)
    assert pruning.prune(world.parts, world.now + kept(world) + TICK) == 5
    assert [one["facts"]["count"] for one in world.events("vault.pruned")] == [5]


def test_a_case_that_is_pruned_twice_at_once_is_counted_once(world, case):
    for _ in range(4):
        check(world, case, world.now)
    close(world, case)
    later = world.now + kept(world) + TICK
    assert at_once([lambda: pruning.prune(world.parts, later)] * 3) == ["done"] * 3
    assert sum(one["facts"]["count"] for one in world.events("vault.pruned")) == 4
