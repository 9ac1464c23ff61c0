"""Rows of plans: seen only when whole, moved on by conditions, forgotten if unsigned; and what is past its time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.factories import NOW, account, cohort, customer, service_record, vault
from vault.domain.destruction import Count, Item, ItemState, Numbers, PlanState
from vault.domain.ids import RecordClass, new_id
from vault.domain.records import LinkRole, RecordState, to_micros
from vault.errors import StorageError
from vault.storage import destruction, destruction_run, record_writes, retention
from vault.storage.unit_of_work import unit_of_work

POLICY = "ab" * 32
DIGEST = b"d" * 32
CUSTOMER, SERVICE = RecordClass.CUSTOMER, RecordClass.SERVICE_RECORD
PAST = NOW - timedelta(days=1)


def item(**changes):
    values = {
        "record_id": new_id(),
        "record_class": CUSTOMER,
        "cohort_id": new_id(),
        "expires_at": PAST,
        "outlet": "O1",
    }
    return Item(**(values | changes))


def do(database, act, *args):
    with unit_of_work(database) as work:
        done = act(work.connection, *args)
        work.commit()
    return done


def made(database, items=(), counts=(), made_at=NOW, digest=DIGEST):
    """Store a draft; without a digest it stays unfinished."""
    plan_id = new_id()
    do(database, destruction.begin, plan_id, NOW, POLICY, made_at)
    do(database, destruction.put, plan_id, list(items))
    if digest:
        do(database, destruction.finish, plan_id, digest, counts)
    return plan_id


def read(database, act, *args):
    with database.read() as connection:
        found = act(connection, *args)
        return list(found) if hasattr(found, "__next__") else found


@pytest.fixture
def officers(database):
    return account(database, "KF2012", role="imd"), account(database, "KF2013", role="imd")


# -- plans ---------------------------------------------------------------------------------------------------------


def test_a_plan_is_seen_once_it_is_whole(database):
    unfinished = made(database, [item()], digest=None)
    assert read(database, destruction.plan, unfinished) is None
    assert not do(database, destruction.move, unfinished, list(PlanState), PlanState.DONE, {})
    do(database, destruction.finish, unfinished, DIGEST, ())
    plan = read(database, destruction.plan, unfinished)
    assert (plan.state, plan.digest, plan.as_of, plan.policy, plan.made_at) == (
        PlanState.DRAFT,
        DIGEST,
        NOW,
        POLICY,
        NOW,
    )
    assert read(database, destruction.plan, new_id()) is None


def test_items_stream_in_the_order_of_their_ids_and_come_back_as_they_were(database):
    some = [item(expires_at=PAST - timedelta(microseconds=number)) for number in range(5)]
    plan_id = made(database, some)
    made(database, [item()])
    assert read(database, destruction.items, plan_id) == sorted(some, key=lambda one: one.record_id)


def test_what_was_counted_comes_back_and_the_states_are_counted(database):
    counts = (Count(CUSTOMER, "O1", "", 2, PAST), Count(SERVICE, "", "hold", 3, PAST - timedelta(days=9)))
    some = [item(), item(), item(record_class=SERVICE)]
    plan_id = made(database, some, counts)
    assert read(database, destruction.numbers, plan_id) == Numbers(counts)
    due = {CUSTOMER: {ItemState.DUE: 2}, SERVICE: {ItemState.DUE: 1}}
    assert read(database, destruction.states, plan_id) == due
    assert read(database, destruction.numbers, made(database)) == Numbers()


def test_a_plan_moves_only_from_the_states_it_may(database, officers):
    plan_id = made(database)
    signed = {"proposed_by": officers[0], "proposed_at": NOW}
    assert not do(database, destruction.move, plan_id, [PlanState.PROPOSED], PlanState.STOPPED, {})
    assert do(database, destruction.move, plan_id, [PlanState.DRAFT], PlanState.PROPOSED, signed)
    assert not do(database, destruction.move, plan_id, [PlanState.DRAFT], PlanState.PROPOSED, signed)
    assert read(database, destruction.plan, plan_id).proposed_by == officers[0]


@pytest.mark.parametrize("values", [{}, {"approved_by": 0}, {"proposed_by": None, "approved_by": 1}])
def test_the_database_itself_takes_no_plan_approved_by_one_or_none(database, officers, values):
    plan_id = made(database)
    do(database, destruction.move, plan_id, [PlanState.DRAFT], PlanState.PROPOSED, {"proposed_by": officers[0]})
    people = {name: None if at is None else officers[at] for name, at in values.items()}
    with pytest.raises(StorageError) as raised:
        do(database, destruction.move, plan_id, [PlanState.PROPOSED], PlanState.APPROVED, people)
    assert raised.value.reason == "conflict"


def test_a_new_draft_replaces_drafts_and_approvals_that_are_over_and_nothing_else(database, officers):
    old, proposed, over, fresh, begun = (made(database) for _ in range(5))
    one, other = officers
    do(database, destruction.move, proposed, [PlanState.DRAFT], PlanState.PROPOSED, {"proposed_by": one})
    signed = {"proposed_by": one, "approved_by": other}
    for plan_id, more in (
        (over, {"approved_at": PAST}),
        (fresh, {"approved_at": NOW}),
        (begun, {"approved_at": PAST, "started_at": PAST}),
    ):
        do(database, destruction.move, plan_id, [PlanState.DRAFT], PlanState.APPROVED, signed | more)
    new = made(database)
    do(database, destruction.supersede, new, PAST)
    states = {plan_id: read(database, destruction.plan, plan_id).state.value for plan_id in (old, over)}
    assert set(states.values()) == {"superseded"}
    kept = [read(database, destruction.plan, one).state.value for one in (new, proposed, fresh, begun)]
    assert kept == ["draft", "proposed", "approved", "approved"]


def test_what_nobody_signed_is_forgotten_in_parts_and_what_it_counted_stays(database, officers):
    counts = (Count(CUSTOMER, "O1", "", 5, PAST),)
    old, signed = made(database, [item() for _ in range(5)], counts), made(database, [item()])
    half = made(database, [item()], digest=None)
    do(database, destruction.move, signed, [PlanState.DRAFT], PlanState.STOPPED, {"proposed_by": officers[0]})
    new = made(database, [item()])
    do(database, destruction.supersede, new, PAST)
    assert [do(database, destruction.forget, NOW, 2) for _ in range(4)] == [2, 2, 1, 0]
    assert read(database, destruction.items, old) == []
    assert read(database, destruction.numbers, old) == Numbers(counts)
    assert [len(read(database, destruction.items, one)) for one in (signed, half, new)] == [1, 1, 1]
    assert do(database, destruction.forget, NOW + timedelta(seconds=1), 9) == 1
    assert read(database, destruction.items, half) == []


def test_plans_are_listed_newest_first_and_the_one_before_a_moment_is_found(database):
    first = made(database, made_at=NOW - timedelta(days=40))
    second = made(database, made_at=NOW - timedelta(days=2))
    made(database, made_at=NOW, digest=None)
    assert [one.plan_id for one in read(database, destruction.newest, 9)] == [second, first]
    assert [one.plan_id for one in read(database, destruction.newest, 1)] == [second]
    assert read(database, destruction.latest_before, NOW).plan_id == second
    assert read(database, destruction.latest_before, NOW - timedelta(days=30)).plan_id == first
    assert read(database, destruction.latest_before, NOW - timedelta(days=40)).plan_id == first
    assert read(database, destruction.latest_before, NOW - timedelta(days=41)) is None


def test_a_sample_is_of_the_plan_without_doubles_and_the_same_each_time(database):
    some = [item() for _ in range(30)]
    plan_id, other = made(database, some), made(database, some)
    chosen = read(database, destruction.sample, plan_id, 20)
    assert len(set(chosen)) == 20
    assert set(chosen) <= {one.record_id for one in some}
    assert read(database, destruction.sample, plan_id, 20) == chosen
    assert read(database, destruction.sample, other, 20) != chosen
    assert set(read(database, destruction.sample, plan_id, 99)) == {one.record_id for one in some}
    assert read(database, destruction.sample, made(database), 20) == []


# -- past their time -----------------------------------------------------------------------------------------------


def stored(database, home, *new):
    with unit_of_work(database) as work:
        record_writes.store(work.connection, new)
        work.commit()
    return [one.meta.record_id for one in new]


@pytest.fixture
def home(database):
    made_home = cohort()
    vault(database, made_home)
    return made_home


def test_the_words_in_the_questions_are_those_of_the_lists():
    for questions in retention._KEEPERS.values():
        assert all(f"state = '{RecordState.OPEN.value}'" in one for one in questions)
    for question in (retention._FALLING_DUE, retention._PERIODS):
        assert f"'{RecordClass.REQUEST.value}'" in question
        assert f"'{RecordState.SETTLED.value}'" in question


@pytest.mark.parametrize("step", [1, 3, 5000])
def test_what_is_past_its_time_streams_by_id_from_the_second_on(database, home, monkeypatch, step):
    monkeypatch.setattr(retention, "_BATCH", step)
    ids = stored(database, home, *(customer(home, expires_at=NOW) for _ in range(4)))
    stored(database, home, customer(home, expires_at=NOW + timedelta(microseconds=1)))
    found = read(database, retention.past_their_time, NOW)
    assert [one.record_id for one in found] == sorted(ids)
    assert {(one.record_class, one.cohort_id, one.expires_at, one.why) for one in found} == {
        ("customer", home.key_id, to_micros(NOW), "")
    }
    assert read(database, retention.past_their_time, NOW - timedelta(microseconds=1)) == []


@pytest.mark.parametrize("role", [LinkRole.CUSTOMER, LinkRole.SENDER, LinkRole.RECIPIENT])
@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, "open_service"),
        ({"held": True}, "open_service"),
        ({"state": RecordState.SETTLED, "expires_at": NOW + timedelta(days=9), "held": True}, "linked"),
        ({"state": RecordState.SETTLED, "expires_at": NOW + timedelta(days=9)}, ""),
    ],
)
def test_a_customer_stays_for_what_links_to_it(database, home, role, changes, why):
    (linked,) = stored(database, home, customer(home, expires_at=PAST))
    stored(database, home, service_record(home, {role: linked}, record_class=SERVICE, **changes))
    (found,) = read(database, retention.past_their_time, NOW)
    assert (found.record_id, found.why) == (linked, why)
    with database.read() as connection:
        alone = retention.why_linked(connection, linked, CUSTOMER)
    assert (alone.value if alone else "") == why


def test_a_shipment_stays_for_a_service_on_it_and_what_holds_it_holds_nobody_behind(database, home):
    sender, *_ = stored(database, home, customer(home, expires_at=PAST))
    parcel = customer(home, record_class=RecordClass.SHIPMENT, expires_at=PAST, links=((LinkRole.SENDER, sender),))
    (shipment,) = stored(database, home, parcel)
    service = service_record(home, {LinkRole.SHIPMENT: shipment}, record_class=SERVICE)
    stored(database, home, service)
    found = {one.record_id: one.why for one in read(database, retention.past_their_time, NOW)}
    assert found == {shipment: "open_service", sender: ""}


def test_a_record_under_hold_stays_for_that_whatever_else_keeps_it(database, home):
    (held,) = stored(database, home, customer(home, expires_at=PAST, held=True))
    stored(database, home, service_record(home, {LinkRole.CUSTOMER: held}, record_class=SERVICE))
    assert [one.why for one in read(database, retention.past_their_time, NOW)] == ["hold"]


def test_what_falls_due_leaves_held_ones_and_open_ones_out(database, home):
    stored(database, home, customer(home, expires_at=PAST), customer(home, expires_at=NOW, held=True))
    stored(database, home, service_record(home, {}, record_class=SERVICE))
    assert read(database, retention.falling_due, NOW) == [(CUSTOMER, PAST)]
    assert len(read(database, retention.periods)) == 2
    assert read(database, retention.falling_due, PAST - timedelta(seconds=1)) == []


def test_postgresql_settles_a_record_without_going_through_its_plan(postgresql_database):
    """Without statistics, as a new plan has none, it would go by the plan's states: through all that is still due."""
    values = ("destroyed", "", None, 1, new_id(), new_id())
    with postgresql_database.read() as connection:
        driver = connection.connection.driver_connection
        told = driver.execute(f"EXPLAIN {destruction_run._SETTLE_BY_RECORD}", values).fetchall()
    assert "ix_destruction_items_record_id" in "".join(row[0] for row in told)


def test_a_record_is_settled_once_and_only_in_its_plan(database):
    home = cohort()
    vault(database, home)
    plans = [new_id(), new_id()]
    one = item()
    for plan_id in plans:
        do(database, destruction.begin, plan_id, NOW, POLICY, NOW)
        do(database, destruction.put, plan_id, [one])
    settle = (one.record_id, ItemState.DESTROYED, "", b"w" * 32, NOW)
    assert do(database, destruction_run.settle, plans[0], *settle)
    assert not do(database, destruction_run.settle, plans[0], *settle)
    assert not do(database, destruction_run.settle, new_id(), *settle)
    with database.read() as connection:
        assert destruction_run.state_of(connection, plans[0], one.record_id) == (ItemState.DESTROYED, "")
        assert destruction_run.state_of(connection, plans[1], one.record_id) == (ItemState.DUE, "")
