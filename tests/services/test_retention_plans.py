"""Plans of destruction: what they name and leave, who signs them, and what a stranger of the two may stop."""

import dataclasses
import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.colleagues import at_once, notices
from tests.destroying import APPROVER, PROPOSER, drafted, fill, ids, old_customer, old_service, old_shipment
from tests.services.staff_at_work import in_use
from tests.simulator import NOW, local, staff_row
from vault import bootstrap
from vault.domain.destruction import ORDER, PlanState, Stays
from vault.domain.ids import RecordClass, new_id
from vault.domain.retention import expires_at
from vault.errors import AccessRefused, AlreadyDecided, IntegrityError, InvalidValue, NotFound, StepUpNeeded
from vault.services import holds, retention, retention_reading
from vault.services.steps import plans
from vault.services.steps.due import why_it_stays
from vault.storage import destruction, records
from vault.word_tables import NAMES

THIRD = "KF2020"
HOUR = timedelta(hours=1)


def draft(world, as_of=None):
    return retention.draft(world.parts, bootstrap.operator(world.config), world.now, as_of)


def propose(world, plan_id, who=PROPOSER):
    retention.propose(world.parts, world.person(who), plan_id, world.now)


def approve(world, plan_id, who=APPROVER):
    return retention.approve(world.parts, world.person(who), plan_id, world.now)


def stop(world, plan_id, who=PROPOSER):
    retention.stop(world.parts, world.person(who), plan_id, world.now)


def show(world, plan_id, who=PROPOSER):
    return retention_reading.show(world.parts, world.person(who), plan_id, world.now)


def state(world, plan_id):
    return world.rows("SELECT state FROM destruction_plans WHERE plan_id = :p", p=plan_id)[0][0]


def third(world, name="第三人"):
    world.staff(staff_row(THIRD, "imd") | {"name": name})
    in_use(world, THIRD)


def refusal(act):
    with pytest.raises(AccessRefused) as raised:
        act()
    return raised.value.reason


def of_class(numbers):
    return {record_class.value: count for record_class, count in numbers.items() if count}


def expiry(world, number=0):
    rows = world.rows("SELECT expires_at FROM records ORDER BY record_id")
    return datetime.fromtimestamp(rows[number][0] / 1_000_000, UTC)


# -- what is due ---------------------------------------------------------------------------------------------------


def test_a_draft_counts_what_is_due_and_names_it_by_id_only(world):
    fill(world)
    made = draft(world)
    assert of_class(made.numbers.due) == {"service_record": 2, "shipment": 2, "customer": 4}
    assert list(made.numbers.due) == list(ORDER)
    assert made.numbers.held == dict.fromkeys(ORDER, 0)
    named = {row[0] for row in world.rows("SELECT record_id FROM destruction_items WHERE plan_id = :p", p=made.plan_id)}
    assert named == {one for name in ("customer", "shipment", "service_record") for one in ids(world, name)}
    (event,) = world.events("destruction.drafted")
    facts = {"plan": made.plan_id.hex(), "digest": made.digest.hex(), "due": 8, "held": 0}
    assert (event["facts"], event["records"]) == (facts, [])
    assert event["actor"].startswith("operator:")


def test_a_record_is_due_from_its_expiry_on_and_not_a_second_before(world):
    in_use(world, PROPOSER)
    world.customer()
    due_at = expiry(world)
    for moment, count in ((due_at - timedelta(seconds=1), 0), (due_at, 1), (due_at + timedelta(seconds=1), 1)):
        world.now = moment
        assert sum(draft(world).numbers.due.values()) == count
        assert sum(draft(world, moment).numbers.due.values()) == count


def test_what_is_due_in_the_past_or_later_is_asked_for_by_as_of(world):
    in_use(world, PROPOSER)
    fill(world, customers=1, shipments=0, services=0)
    world.customer()
    assert sum(draft(world, NOW - timedelta(days=900)).numbers.due.values()) == 0
    with pytest.raises(InvalidValue) as raised:
        draft(world, NOW + timedelta(seconds=1))
    assert (raised.value.reason, raised.value.facts["field"]) == ("as_of_in_future", "as_of")
    actor = bootstrap.operator(world.config)
    later = retention.preview(world.parts, actor, world.now, NOW + timedelta(days=900))
    assert sum(later.numbers.due.values()) == 2
    assert later.plan_id is None


def test_looking_ahead_stores_nothing_but_its_event(world):
    fill(world)
    before = world.count("destruction_plans"), world.count("destruction_items")
    made = retention.preview(world.parts, bootstrap.operator(world.config), world.now)
    assert sum(made.numbers.due.values()) == 8
    assert (world.count("destruction_plans"), world.count("destruction_items")) == before == (0, 0)
    assert world.events()[-1]["action"] == "retention.viewed"


def test_an_open_service_keeps_its_customer_and_its_shipment_and_not_the_parties_behind(world):
    in_use(world, PROPOSER)
    sender, recipient, caller = (old_customer() for _ in range(3))
    world.customers(sender, recipient, caller)
    parcel = old_shipment(sender, recipient)
    world.shipments(parcel)
    world.services(old_service(caller, waybill=parcel["waybill"], result="处理中"))
    numbers = draft(world).numbers
    assert of_class(numbers.due) == {"customer": 2}
    assert {name.value: why for name, why in numbers.held_why.items()} == {
        "customer": {"open_service": 1},
        "shipment": {"open_service": 1},
    }
    for one, expected in (
        (ids(world, "shipment")[0], Stays.OPEN_SERVICE),
        (ids(world, "service_record")[0], Stays.OPEN),
    ):
        with world.parts.database.read() as connection:
            meta = records.load(connection, [one])[one].meta
            assert why_it_stays(connection, world.parts.policy, meta, world.now) is expected


def test_each_record_is_judged_alone_as_the_draft_judges_all(company):
    company.now = NOW + timedelta(days=800)
    in_use(company, PROPOSER)
    held = ids(company, "service_record")[:3] + ids(company, "shipment")[:3]
    for record_id in held:
        person = company.person(PROPOSER)
        holds.place(company.parts, person, record_id, holds.Why("dispute", "x"), company.now)
    made = draft(company)
    due = {row[0] for row in company.rows("SELECT record_id FROM destruction_items")}
    alone, why = set(), {}
    with company.parts.database.read() as connection:
        everything = [row[0] for row in company.rows("SELECT record_id FROM records")]
        for one in records.load(connection, everything).values():
            stays = why_it_stays(connection, company.parts.policy, one.meta, company.now)
            if stays is None:
                alone.add(one.meta.record_id)
            elif stays in (Stays.HOLD, Stays.LINKED, Stays.OPEN_SERVICE):
                why[stays.value] = why.get(stays.value, 0) + 1
    assert due == alone
    assert len(due) > 100
    counted: dict[str, int] = {}
    for reasons in made.numbers.held_why.values():
        for reason, count in reasons.items():
            counted[reason] = counted.get(reason, 0) + count
    assert counted == why
    assert set(counted) == {"hold", "open_service", "linked"}


def test_what_the_policy_in_force_keeps_longer_is_not_due_although_its_row_says_so(world):
    in_use(world, PROPOSER)
    world.customer()
    world.now = expiry(world)
    policy = world.parts.policy
    rule = dataclasses.replace(policy.retention[RecordClass.CUSTOMER], keep_years=3)
    longer = dataclasses.replace(policy, retention={**policy.retention, RecordClass.CUSTOMER: rule})
    world.parts = dataclasses.replace(world.parts, policy=longer)
    assert sum(draft(world).numbers.due.values()) == 0
    (record_id,) = ids(world, "customer")
    with world.parts.database.read() as connection:
        meta = records.load(connection, [record_id])[record_id].meta
        assert why_it_stays(connection, policy, meta, world.now) is None
        assert why_it_stays(connection, longer, meta, world.now) is Stays.NOT_DUE


def test_the_expiry_in_each_row_is_the_one_that_the_policy_says(company):
    policy = company.parts.policy
    with company.parts.database.read() as connection:
        everything = [row[0] for row in company.rows("SELECT record_id FROM records")]
        for one in records.load(connection, everything).values():
            if one.meta.expires_at is not None:
                keep = policy.retention[one.meta.record_class].keep()
                assert one.meta.expires_at == expires_at(one.meta.activity_at, keep, policy.zone)


def test_what_people_typed_for_each_other_is_in_no_plan(world):
    in_use(world, PROPOSER)
    world.customer()
    world.tamper("UPDATE records SET record_class = 'request', expires_at = 1")
    assert sum(draft(world).numbers.due.values()) == 0


# -- drafts --------------------------------------------------------------------------------------------------------


def test_a_newer_draft_replaces_older_ones_and_what_they_named_is_forgotten(world):
    fill(world)
    first, second = draft(world), draft(world)
    assert (state(world, first.plan_id), state(world, second.plan_id)) == ("superseded", "draft")
    rows = world.rows("SELECT plan_id, count(*) FROM destruction_items GROUP BY plan_id")
    assert rows == [(second.plan_id, 8)]
    with world.parts.database.read() as connection:
        assert destruction.numbers(connection, first.plan_id) == first.numbers
        assert [one.plan_id for one in destruction.newest(connection, 9)] == [second.plan_id]


def test_what_was_proposed_is_replaced_by_no_draft_and_keeps_what_it_names(world):
    fill(world)
    first = draft(world)
    propose(world, first.plan_id)
    second = draft(world)
    assert (state(world, first.plan_id), state(world, second.plan_id)) == ("proposed", "draft")
    assert world.count("destruction_items") == 16


def test_an_approval_that_nobody_used_in_time_is_over_with_the_next_draft(world):
    fill(world)
    plan_id = draft(world).plan_id
    propose(world, plan_id)
    approve(world, plan_id)
    world.now += world.parts.policy.destruction.approval() - timedelta(seconds=1)
    draft(world)
    assert (state(world, plan_id), show(world, plan_id).listed.is_over) == ("approved", False)
    world.now += timedelta(seconds=1)
    assert show(world, plan_id).listed.is_over
    draft(world)
    assert state(world, plan_id) == "superseded"


def test_a_draft_that_was_not_finished_can_be_seen_by_nobody_and_is_given_up(world, monkeypatch):
    fill(world)

    def killed(*_args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(destruction, "finish", killed)
        with pytest.raises(KeyboardInterrupt):
            draft(world)
    ((plan_id,),) = world.rows("SELECT plan_id FROM destruction_plans")
    for act in (show, propose, approve, stop):
        with pytest.raises(NotFound):
            act(world, plan_id)
    draft(world)
    assert world.count("destruction_items") == 16  # it may still be at work
    world.now += timedelta(days=1, seconds=1)
    draft(world)
    assert world.count("destruction_items") == 8


def test_every_night_leaves_one_draft_and_a_missed_night_is_made_up_for(world):
    fill(world, customers=1, shipments=0, services=0)
    night = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)  # 02:00 in Shanghai
    assert retention.tend(world.parts, night - timedelta(seconds=1)) is not None
    assert retention.tend(world.parts, night - timedelta(seconds=1)) is None
    made = retention.tend(world.parts, night)
    assert sum(made.numbers.due.values()) == 1
    assert retention.tend(world.parts, night + timedelta(hours=23)) is None
    assert retention.tend(world.parts, night + timedelta(days=5)) is not None
    assert {one["actor"] for one in world.events("destruction.drafted")} == {"system"}


def test_a_night_with_nothing_due_leaves_a_draft_that_nobody_can_propose(world):
    in_use(world, PROPOSER)
    made = retention.tend(world.parts, world.now)
    with pytest.raises(InvalidValue) as raised:
        propose(world, made.plan_id)
    assert raised.value.reason == "nothing_due"


# -- the two signatures --------------------------------------------------------------------------------------------


def test_one_officer_proposes_another_approves_and_it_may_begin_after_the_cooling_time(world):
    fill(world)
    third(world)
    made = draft(world)
    propose(world, made.plan_id)
    assert set(notices(world, "destruction_proposed")) == {APPROVER, THIRD}
    starts_at = approve(world, made.plan_id)
    assert starts_at == world.now + HOUR
    assert set(notices(world, "destruction_approved")) == {PROPOSER, THIRD}
    listed = show(world, made.plan_id).listed
    assert (listed.proposer, listed.approver, listed.plan.starts_at) == (PROPOSER, APPROVER, starts_at)
    proposed, approved = world.events("destruction.proposed")[0], world.events("destruction.approved")[0]
    assert proposed["facts"] == approved["facts"] == {"plan": made.plan_id.hex(), "digest": made.digest.hex()}
    assert (proposed["actor"], approved["actor"]) == (PROPOSER, APPROVER)


@pytest.mark.parametrize("who", ["KF2001", "KF2009", "KF2011", "KF2014"])
def test_nobody_else_proposes_approves_or_stops(world, who):
    fill(world)
    plan_id = draft(world).plan_id
    for act in (propose, approve, stop):
        assert refusal(lambda act=act: act(world, plan_id, who)) == "no_right"
    assert len(world.events(outcome="refused")) == 3
    assert state(world, plan_id) == "draft"


def test_a_program_signs_nothing_whatever_its_role(world):
    fill(world)
    plan_id = draft(world).plan_id
    program = dataclasses.replace(world.person(PROPOSER), purposes=frozenset())
    for act in (retention.propose, retention.approve, retention.stop, retention_reading.show):
        assert refusal(lambda act=act: act(world.parts, program, plan_id, world.now)) == "no_right"


def test_nobody_approves_their_own_plan(world):
    fill(world)
    plan_id = draft(world).plan_id
    propose(world, plan_id)
    assert refusal(lambda: approve(world, plan_id, PROPOSER)) == "own_plan"
    (event,) = world.events("destruction.approved", "refused")
    assert (event["rule"], event["facts"]) == ("own_plan", {"plan": plan_id.hex()})
    assert state(world, plan_id) == "proposed"


def test_one_human_with_two_accounts_is_not_two_people(world):
    fill(world)
    third(world, "上官 雨")  # spelled as nearly the same name as the proposer's
    plan_id = draft(world).plan_id
    propose(world, plan_id)
    assert refusal(lambda: approve(world, plan_id, THIRD)) == "own_plan"
    approve(world, plan_id)


def test_approving_and_stopping_take_a_fresh_proof(world):
    fill(world)
    plan_id = draft(world).plan_id
    propose(world, plan_id)
    stale = dataclasses.replace(world.person(APPROVER), proved_at=world.now - HOUR)
    for act in (retention.approve, retention.stop):
        with pytest.raises(StepUpNeeded):
            act(world.parts, stale, plan_id, world.now)
    assert state(world, plan_id) == "proposed"


@pytest.mark.parametrize("lost", ["role = 'auditor'", "state = 'suspended'", "state = 'left'", "kind = 'service'"])
def test_a_proposer_who_may_not_sign_any_more_has_signed_nothing(world, lost):
    fill(world)
    plan_id = draft(world).plan_id
    propose(world, plan_id)
    world.tamper(f"UPDATE accounts SET {lost} WHERE work_number = :n", n=PROPOSER)
    assert refusal(lambda: approve(world, plan_id)) == "proposer_not_able"
    assert state(world, plan_id) == "proposed"


@pytest.mark.parametrize(("who", "rule"), [(PROPOSER, "proposer_not_able"), (APPROVER, "approver_not_able")])
def test_both_signatures_are_asked_for_again_when_the_plan_is_used(world, who, rule):
    fill(world)
    plan_id = draft(world).plan_id
    propose(world, plan_id)
    approve(world, plan_id)

    def signed():
        with world.parts.database.read() as connection:
            plan = plans.one(connection, plan_id)
            return plans.still_signed(connection, world.parts.policy, world.parts.keys.current(connection), plan)

    assert signed() == ""
    world.tamper("UPDATE accounts SET role = 'agent' WHERE work_number = :n", n=who)
    assert signed() == rule
    world.tamper("UPDATE accounts SET role = 'imd'")
    assert signed() == ""


def test_of_two_who_approve_at_once_one_counts(world):
    fill(world)
    third(world)
    plan_id = draft(world).plan_id
    propose(world, plan_id)
    acts = [lambda who=who: approve(world, plan_id, who) for who in (APPROVER, THIRD)]
    assert at_once(acts) == ["already_decided", "done"]
    assert len(world.events("destruction.approved", "done")) == 1


def test_of_two_who_propose_at_once_one_counts(world):
    fill(world)
    plan_id = draft(world).plan_id
    acts = [lambda who=who: propose(world, plan_id, who) for who in (APPROVER, PROPOSER)]
    assert at_once(acts) == ["already_decided", "done"]


def test_a_plan_is_signed_in_its_order_only(world):
    fill(world)
    plan_id = draft(world).plan_id
    for act in (approve, stop):
        with pytest.raises(AlreadyDecided):
            act(world, plan_id)
    propose(world, plan_id)
    with pytest.raises(AlreadyDecided):
        propose(world, plan_id, APPROVER)
    approve(world, plan_id)
    with pytest.raises(AlreadyDecided):
        approve(world, plan_id)
    for act in (propose, approve, stop, show):
        with pytest.raises(NotFound):
            act(world, new_id())


def test_a_plan_drafted_under_other_rules_is_neither_proposed_nor_approved(world):
    fill(world)
    plan_id, other = draft(world).plan_id, dataclasses.replace(world.parts.policy, digest="0" * 64)
    own = world.parts
    world.parts = dataclasses.replace(own, policy=other)
    with pytest.raises(AlreadyDecided) as raised:
        propose(world, plan_id)
    assert raised.value.reason == "plan_of_other_rules"
    world.parts = own
    propose(world, plan_id)
    world.parts = dataclasses.replace(own, policy=other)
    with pytest.raises(AlreadyDecided):
        approve(world, plan_id)
    world.parts = own


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM destruction_items WHERE record_id = (SELECT min(record_id) FROM destruction_items)",
        "UPDATE destruction_items SET cohort_id = plan_id",
        "UPDATE destruction_items SET expires_at = expires_at - 1",
        "UPDATE destruction_items SET outlet = 'elsewhere'",
        "UPDATE destruction_items SET record_class = 'id_copy' WHERE record_class = 'customer'",
        "UPDATE destruction_items SET record_class = 'nonsense'",
        "UPDATE destruction_plans SET as_of = as_of - 1",
    ],
)
def test_a_plan_that_was_changed_behind_the_vaults_back_is_not_approved(world, change):
    fill(world)
    plan_id = draft(world).plan_id
    propose(world, plan_id)
    assert world.tamper(change)
    with pytest.raises(IntegrityError) as raised:
        approve(world, plan_id)
    assert raised.value.reason == "plan_changed"
    (event,) = world.events("record.integrity_failure")
    assert event["facts"] == {"plan": plan_id.hex(), "reason": "plan_changed"}
    assert state(world, plan_id) == "proposed"


def test_what_became_of_a_record_does_not_change_the_digest(world):
    fill(world)
    plan_id = draft(world).plan_id
    propose(world, plan_id)
    world.tamper("UPDATE destruction_items SET state = 'failed', reason = 'x', done_at = 1")
    approve(world, plan_id)
    assert state(world, plan_id) == "approved"


# -- stopping ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", [PROPOSER, APPROVER, THIRD])
def test_any_officer_stops_a_plan_until_it_has_begun(world, who):
    fill(world)
    third(world)
    plan_id = draft(world).plan_id
    propose(world, plan_id)
    approve(world, plan_id)
    world.now += HOUR + timedelta(seconds=1)  # its time has come, and it has not begun
    stop(world, plan_id, who)
    assert state(world, plan_id) == "stopped"
    assert show(world, plan_id).listed.stopper == who
    assert set(notices(world, "destruction_stopped")) == {PROPOSER, APPROVER, THIRD} - {who}
    for act in (propose, approve, stop):
        with pytest.raises(AlreadyDecided):
            act(world, plan_id)


def test_what_was_proposed_can_be_stopped_too(world):
    fill(world)
    plan_id = draft(world).plan_id
    propose(world, plan_id)
    stop(world, plan_id, APPROVER)
    assert state(world, plan_id) == "stopped"


@pytest.mark.parametrize("begun", ["running", "paused", "done"])
def test_nothing_stops_a_plan_that_has_begun(world, begun):
    fill(world)
    plan_id = draft(world).plan_id
    propose(world, plan_id)
    approve(world, plan_id)
    world.tamper("UPDATE destruction_plans SET state = :s", s=begun)
    with pytest.raises(AlreadyDecided) as raised:
        stop(world, plan_id)
    assert raised.value.reason == "plan_begun"
    assert state(world, plan_id) == begun


def test_of_stopping_and_approving_at_once_one_comes_first_and_both_are_logged(world):
    fill(world)
    plan_id = draft(world).plan_id
    propose(world, plan_id)
    outcome = at_once([lambda: approve(world, plan_id), lambda: stop(world, plan_id)])
    assert outcome in (["done", "done"], ["already_decided", "done"])
    assert state(world, plan_id) == "stopped"


# -- looking -------------------------------------------------------------------------------------------------------


def test_a_plan_shows_a_masked_sample_that_is_the_same_each_time_and_logged(world):
    old = fill(world, customers=12, shipments=9, services=9)
    plan_id = draft(world).plan_id
    first, second = show(world, plan_id), show(world, plan_id)
    assert first.sample == second.sample
    shown = {card.record_class.value: card for card in first.sample}
    assert set(shown) == {"customer", "shipment", "service_record"}
    assert (shown["service_record"].values, len(first.sample)) == ((), world.parts.policy.destruction.sample)
    assert {one.field for one in shown["customer"].values} == {"name", "phone", "recipient_address"}
    told = json.dumps([[one.text for one in card.values] for card in first.sample], ensure_ascii=False)
    for row in old.customers:
        assert row["phone"] not in told
        assert row["id_number"] not in told
    assert not any(one.revealable for card in first.sample for one in card.values)
    event = world.events("retention.viewed")[-1]
    assert (event["actor"], event["purpose"], event["facts"]) == (PROPOSER, "retention", {"plan": plan_id.hex()})
    assert {one["id"] for one in event["records"]} == {card.record_id.hex() for card in first.sample}
    assert {tuple(one["fields"]) for one in event["records"]} <= {
        ("name", "phone", "recipient_address"),
        ("waybill",),
        (),
    }


def test_a_sample_is_as_large_as_the_policy_says_or_everything_there_is(world):
    fill(world, customers=30, shipments=0, services=0)
    size = world.parts.policy.destruction.sample
    chosen = {card.record_id for card in show(world, draft(world).plan_id).sample}
    again = {card.record_id for card in show(world, draft(world).plan_id).sample}
    assert len(chosen) == len(again) == size
    assert chosen != again  # another plan, another sample
    with world.parts.database.read() as connection:
        plan_id = retention_reading.newest(world.parts)
        assert len(set(destruction.sample(connection, plan_id, 99))) == 30


def test_an_auditor_sees_numbers_and_no_record_and_others_nothing(world):
    fill(world)
    plan_id = draft(world).plan_id
    shown = show(world, plan_id, "KF2014")
    assert shown.sample == ()
    assert of_class(shown.listed.numbers.due) == {"service_record": 2, "shipment": 2, "customer": 4}
    assert world.events("retention.viewed")[-1]["records"] == []
    for who in ("KF2001", "KF2009", "KF2011"):
        assert refusal(lambda who=who: show(world, plan_id, who)) == "no_right"
        assert (
            refusal(lambda who=who: retention_reading.listed(world.parts, world.person(who), world.now)) == "no_right"
        )
        assert (
            refusal(lambda who=who: retention_reading.horizon(world.parts, world.person(who), world.now)) == "no_right"
        )


def test_the_local_operator_sees_numbers_only(world):
    fill(world)
    plan_id = draft(world).plan_id
    shown = retention_reading.show_to_operator(world.parts, bootstrap.operator(world.config), plan_id, world.now)
    assert (shown.sample, sum(shown.listed.numbers.due.values())) == ((), 8)
    assert world.events("retention.viewed")[-1]["role"] == "operator"


def test_a_damaged_record_in_the_sample_shows_nothing_and_is_reported(world):
    fill(world, customers=3, shipments=0, services=0)
    plan_id = draft(world).plan_id
    world.tamper("UPDATE records SET outlet = 'elsewhere' WHERE record_id = :r", r=ids(world, "customer")[0])
    with pytest.raises(IntegrityError):
        show(world, plan_id)
    assert len(world.events("record.integrity_failure")) == 1


def test_a_plan_is_compared_with_the_one_of_a_month_before(world):
    fill(world, customers=2, shipments=0, services=0)
    first = draft(world)
    assert show(world, first.plan_id).before is None
    world.now += timedelta(days=29)
    assert show(world, draft(world).plan_id).before is None
    world.now += timedelta(days=1)
    world.customers(old_customer())
    shown = show(world, draft(world).plan_id)
    assert shown.before.plan_id == first.plan_id
    assert of_class(shown.numbers_before.due) == {"customer": 2}
    assert of_class(shown.listed.numbers.due) == {"customer": 3}


def test_plans_are_listed_newest_first_without_replaced_drafts(world):
    fill(world)
    first = draft(world).plan_id
    propose(world, first)
    world.now += HOUR
    draft(world)
    world.now += HOUR
    last = draft(world).plan_id
    listed = retention_reading.listed(world.parts, world.person("KF2014"), world.now)
    assert [one.plan.plan_id for one in listed] == [last, first]
    assert [one.proposer for one in listed] == ["", PROPOSER]


def test_the_horizon_counts_what_falls_due_within_its_days_to_the_second(world):
    in_use(world, PROPOSER)
    world.customer(last_activity_at=local(NOW - timedelta(days=700)))
    due_at = expiry(world)
    for days in (30, 60, 90):
        for moment, within in ((due_at - timedelta(days=days, seconds=1), 0), (due_at - timedelta(days=days), 1)):
            horizon = retention_reading.horizon(world.parts, world.person(PROPOSER), moment)
            assert horizon.within[days][RecordClass.CUSTOMER] == within
            assert all(horizon.within[more][RecordClass.CUSTOMER] == 1 for more in (30, 60, 90) if more > days)
    horizon = retention_reading.horizon(world.parts, world.person(PROPOSER), due_at)
    assert (horizon.past[RecordClass.CUSTOMER], horizon.within[30][RecordClass.CUSTOMER]) == (1, 0)


def test_every_state_and_every_reason_has_words():
    assert set(NAMES["plan"]) == {one.value for one in PlanState}
    assert set(NAMES["stays"]) == {one.value for one in Stays}


def test_nothing_personal_is_in_the_events_of_a_plans_life(world):
    old = fill(world)
    plan_id = drafted(world)
    propose(world, plan_id)
    approve(world, plan_id)
    show(world, plan_id)
    stop(world, plan_id)
    told = json.dumps([one for one in world.events() if one["purpose"] == "retention"], ensure_ascii=False)
    assert told.count(plan_id.hex()) == 5
    for row in (*old.customers, *old.shipments, *old.services):
        for name in ("name", "phone", "id_number", "waybill", "source_number"):
            assert name not in row or not row[name] or row[name] not in told
