"""Sending notices: one effective notice for each customer, whatever the server or a kill does in between."""

import dataclasses
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from tests import breach
from tests.mailbox import Mailbox
from tests.simulator import customer_row
from vault.domain.breach.breach_notices import CallOutcome, Channel, DoubtDecision
from vault.domain.breach.incidents import IncidentKind
from vault.domain.breach.radius import RadiusScope
from vault.domain.log import Action, Actor, Opened, Outcome
from vault.domain.records import FieldRef
from vault.errors import AccessRefused, AlreadyDecided, InvalidValue, VaultError
from vault.services.breach import (
    breach_notices,
    drills,
    notice_calls,
    notice_files,
    notice_letters,
    notice_sample,
    notice_sending,
    notice_waiver,
    radius,
)
from vault.services.steps.breach import notice_stock, noticing
from vault.storage import records
from vault.storage.breach import breach_notices as campaigns
from vault.storage.mail import Session

LEASE = timedelta(seconds=120)


@pytest.fixture
def box():
    with Mailbox() as mailbox:
        yield mailbox


def outstanding(world, incident_id):
    with world.parts.database.read() as connection:
        return noticing.outstanding(connection, incident_id)


def test_every_customer_gets_one_notice_in_both_languages(world, box):
    breach.with_mail(world, box.url)
    incident, campaign = breach.released(world)
    breach.send(world, incident)
    assert sorted(box.recipients) == [f"c{number:05d}@example.com" for number in range(3)]
    assert breach.states(world, campaign) == {"sent": 3}
    assert breach.send(world, incident).counts.total() == 0
    assert len(box.got) == 3
    assert outstanding(world, incident) == 0
    said = box.got[0][1].get_content()
    for words in ("致歉", "apologise", "一名员工越权查看", "an employee looked", "姓名", "postal addresses", "95300"):
        assert words in said


def test_a_notice_holds_the_masked_name_and_nothing_else_of_its_customer(world, box):
    breach.with_mail(world, box.url)
    incident, _ = breach.released(world, 1)
    breach.send(world, incident)
    row = world.values_of(breach.ids_of(world)[0])
    said = box.got[0][1].get_content() + str(box.got[0][1]["Subject"])
    assert "王*" in said
    assert not [value for (field, _), value in row.items() if field not in ("notice", "id_type") and value in said]


def test_contacts_are_opened_after_one_event_that_names_exactly_them(world, box):
    breach.with_mail(world, box.url)
    incident, _ = breach.released(world, 4)
    breach.send(world, incident)
    (event,) = world.events("notice.contacts_opened")
    assert event["purpose"] == "breach_notice"
    assert event["outcome"] == "granted"
    assert sorted(one["id"] for one in event["records"]) == sorted(one.hex() for one in breach.ids_of(world))
    assert {tuple(one["fields"]) for one in event["records"]} == {("email", "name")}
    assert event["facts"]["incident"] == incident.hex()
    everything = json.dumps(world.events(), ensure_ascii=False)
    assert "example.com" not in everything
    assert "王小明" not in everything
    assert "越权" not in everything


def test_the_address_of_the_time_is_used_not_the_one_of_today(world, box):
    breach.with_mail(world, box.url)
    row = customer_row(email="then@example.com")
    world.customers(row)
    incident = breach.opened(world)
    world.now += timedelta(hours=1)
    later = {"last_activity_at": row["last_activity_at"], "email": "now@example.com"}
    assert world.load_rows("customer", [row | later]).updated == 1
    radius = breach.frozen(world, incident, breach.ids_of(world))
    breach.release(world, incident, breach.prepared(world, incident, radius))
    breach.send(world, incident)
    assert box.recipients == ["then@example.com"]


def test_who_had_no_address_then_is_reached_by_the_next_channel_or_not_at_all(world, box):
    breach.with_mail(world, box.url)
    breach.customers(world, 1, email="")
    breach.customers(world, 1)
    incident = breach.opened(world)
    radius = breach.frozen(world, incident, breach.ids_of(world))
    only_mail = breach.prepared(world, incident, radius, (Channel.MAIL,))
    assert breach.states(world, only_mail) == {"unreachable": 1, "waiting": 1}
    both = breach.prepared(world, incident, radius, (Channel.MAIL, Channel.CALL))
    assert breach.states(world, both) == {"waiting": 2}
    assert breach.states(world, only_mail) == {}  # replaced: nobody is listed for nothing
    ways = world.rows("SELECT channel FROM notice_recipients WHERE campaign_id = :one ORDER BY channel", one=both)
    assert [row[0] for row in ways] == ["call", "mail"]


def test_whose_own_address_leaked_gets_a_letter_unless_told_otherwise(world):
    breach.customers(world, 1)
    incident = breach.opened(world)
    radius = breach.frozen(world, incident, breach.ids_of(world), clear=("customer.email",))
    channels = (Channel.MAIL, Channel.LETTER)
    letter = breach.prepared(world, incident, radius, channels)
    assert world.rows("SELECT channel FROM notice_recipients WHERE campaign_id = :one", one=letter) == [("letter",)]
    mail = breach.prepared(world, incident, radius, channels, post_if_leaked=False)
    assert world.rows("SELECT channel FROM notice_recipients WHERE campaign_id = :one", one=mail) == [("mail",)]


def test_a_leaked_telephone_is_no_reason_to_write_no_mail(world):
    breach.customers(world, 1)
    incident = breach.opened(world)
    radius = breach.frozen(world, incident, breach.ids_of(world), clear=("customer.phone",))
    ways = "SELECT channel FROM notice_recipients WHERE campaign_id = :one"
    mail = breach.prepared(world, incident, radius, (Channel.CALL, Channel.MAIL, Channel.LETTER))
    assert world.rows(ways, one=mail) == [("mail",)]
    letter = breach.prepared(world, incident, radius, (Channel.CALL, Channel.LETTER))
    assert world.rows(ways, one=letter) == [("letter",)]


def test_destroyed_customers_are_counted_as_not_to_be_reached_and_nothing_is_left_for_them(world):
    breach.customers(world, 1)
    incident = breach.opened(world)
    alive, gone, never = breach.ids_of(world)[0], bytes(15) + b"\1", bytes(15) + b"\2"
    radius = breach.frozen(world, incident, [alive, gone, never], gone=[gone])
    campaign = breach.prepared(world, incident, radius)
    assert breach.states(world, campaign) == {"unreachable_destroyed": 2, "waiting": 1}


def test_a_server_that_is_silent_after_the_last_dot_leaves_a_doubt_and_nobody_gets_it_twice(world, box):
    breach.with_mail(world, box.url, patience=0.2)
    box.keeps_silent = lambda to: to.startswith("c00000")
    incident, campaign = breach.released(world)
    breach.send(world, incident)
    assert breach.states(world, campaign) == {"sent": 2, "unknown": 1}
    world.now += timedelta(days=1)
    breach.send(world, incident)
    assert len(box.got) == 3  # it had arrived after all
    assert breach.states(world, campaign) == {"sent": 2, "unknown": 1}
    assert outstanding(world, incident) == 1


def test_five_failures_in_a_row_end_on_the_call_list(world, box):
    breach.with_mail(world, box.url)
    box.to_rcpt = lambda _: "451 later"
    incident, campaign = breach.released(world, 1)
    for wait in (0, 1, 5, 30, 120):
        assert breach.states(world, campaign) == {"waiting": 1}
        world.now += timedelta(minutes=wait, seconds=-15)
        tries = len(box.asked)
        if wait:
            breach.send(world, incident)
        assert len(box.asked) == tries  # not too early
        world.now += timedelta(seconds=30)
        breach.send(world, incident)
    assert len(box.asked) == 5
    assert breach.states(world, campaign) == {"failed": 1}
    world.now += timedelta(days=3)
    breach.send(world, incident)
    assert len(box.asked) == 5


def test_a_server_that_is_away_costs_one_try_and_the_rest_waits(world, box):
    incident, campaign = breach.released(world)
    breach.with_mail(world, "smtp://127.0.0.1:9")
    assert breach.send(world, incident).server_away
    tries = world.rows("SELECT tries FROM notice_recipients WHERE campaign_id = :one ORDER BY 1", one=campaign)
    assert [row[0] for row in tries] == [0, 0, 1]
    world.now += timedelta(minutes=2)  # a try counts from its own end, which a busy machine brings late
    breach.with_mail(world, box.url)
    breach.send(world, incident)
    assert breach.states(world, campaign) == {"sent": 3}


def test_without_a_mail_server_everybody_waits(world):
    incident, campaign = breach.released(world, 2)
    ran = breach.send(world, incident)
    assert ran.server_away
    assert breach.states(world, campaign) == {"waiting": 2}


def write_address(world, record_id, address):
    """Seal an address that no import takes in, as somebody who holds the keys could."""
    place = FieldRef("email")
    grant = (Opened(record_id, "customer", ("email",)),)
    system = Actor("system", "system")
    event = world.parts.event(world.now, system, Action.IMPORT_COMPARE, Outcome.GRANTED, opened=grant)
    receipt = world.parts.log_writer.write(event)
    with world.parts.database.read() as connection:
        keys = world.parts.keys.current(connection)
        found = records.load(connection, [record_id])[record_id].meta
        wrap = records.wraps(connection, [found])[record_id]
    (sealed,) = keys.keys_of(found.cohort_id).seal_more(receipt, record_id, wrap, [(place, address)])
    query = "UPDATE record_fields SET sealed = :sealed WHERE record_id = :one AND field = 'email'"
    assert world.tamper(query, sealed=sealed, one=record_id) == 1


@pytest.mark.parametrize(
    "address",
    [
        "a@example.com\r\nBcc: b@example.com",
        "а@example.com",
        "a@exаmple.com",
        "a@example.com, b@example.com",
        "no address",
    ],
)
def test_an_address_that_is_none_fails_by_itself_and_stops_nobody_else(sqlite_world, box, address):
    world = sqlite_world
    breach.with_mail(world, box.url)
    row = customer_row(email="good@example.com")
    world.customers(row)
    (good,) = breach.ids_of(world)
    world.customers(customer_row(email="bad@example.com"))
    (bad,) = set(breach.ids_of(world)) - {good}
    write_address(world, bad, address)
    incident = breach.opened(world)
    campaign = breach.prepared(world, incident, breach.frozen(world, incident, breach.ids_of(world)))
    breach.release(world, incident, campaign)
    breach.send(world, incident)
    assert box.recipients == ["good@example.com"]
    assert breach.states(world, campaign) == {"failed": 1, "sent": 1}
    reasons = world.rows("SELECT reason FROM notice_recipients WHERE state = 'failed'")
    assert reasons == [("bad_mail_address",)]


def test_a_record_changed_behind_our_back_fails_by_itself(world, box):
    breach.with_mail(world, box.url)
    incident, campaign = breach.released(world, 3)
    victim = breach.ids_of(world)[0]
    world.tamper("UPDATE records SET outlet = 'XX' WHERE record_id = :one", one=victim)
    breach.send(world, incident)
    assert breach.states(world, campaign) == {"failed": 1, "sent": 2}


def test_a_customer_destroyed_between_release_and_sending_is_counted_so(world, box):
    breach.with_mail(world, box.url)
    incident, campaign = breach.released(world, 2)
    victim = breach.ids_of(world)[0]
    for table in ("record_fields", "wrapped_keys", "record_index", "records"):
        world.tamper(f"DELETE FROM {table} WHERE record_id = :one", one=victim)
    breach.send(world, incident)
    assert breach.states(world, campaign) == {"sent": 1, "unreachable_destroyed": 1}


class Killed(BaseException):
    """A process is gone."""


def is_killed():
    return isinstance(sys.exception(), Killed)


def told_in_lines(world, fact):
    """Add up what the timeline says of notices."""
    lines = world.rows("SELECT facts FROM incident_entries WHERE action = 'notice.sent'")
    return sum(json.loads(facts)[fact] for (facts,) in lines)


def test_a_run_killed_at_every_tenth_send_tells_nobody_twice_and_leaves_nobody_out(sqlite_world, box, monkeypatch):
    world, count = sqlite_world, 45
    breach.with_mail(world, box.url)
    incident, campaign = breach.released(world, count)
    sent, real = [0], Session.send

    def killed(self, letter):
        sent[0] += 1
        if sent[0] % 10 == 5:  # before it goes out
            raise Killed
        answer = real(self, letter)
        if sent[0] % 10 == 0:  # after it has gone out
            raise Killed
        return answer

    monkeypatch.setattr(Session, "send", killed)
    # A process that is killed puts nothing back, and says nothing of what it did.
    at_the_end = notice_stock.of_run
    monkeypatch.setattr(notice_stock, "of_run", lambda *given: None if is_killed() else at_the_end(*given))
    kills = 0
    for _ in range(60):
        try:
            breach.send(world, incident)
        except Killed:
            kills += 1
        world.now += LEASE + timedelta(seconds=1)
    states = breach.states(world, campaign)
    assert kills >= 8
    assert len(box.recipients) == len(set(box.recipients))  # nobody twice
    assert states["unknown"] == kills  # one in doubt for each kill, and each of them is listed
    assert states["sent"] + states["unknown"] == count  # nobody left out
    assert states["sent"] <= len(box.got) <= count
    # The timeline has a line for each run, the killed ones too, and tells of everybody once.
    assert (told_in_lines(world, "sent"), told_in_lines(world, "unknown")) == (states["sent"], states["unknown"])
    modes = [one["facts"].get("mode", "") for one in world.events("notice.sent")]
    assert modes.count("interrupted") == kills


def test_a_run_killed_after_its_last_message_is_told_of_by_the_timetable_once(world, box, monkeypatch):
    breach.with_mail(world, box.url)
    incident, campaign = breach.released(world, 3)
    with monkeypatch.context() as killed:
        killed.setattr(notice_stock, "of_run", lambda *_: None)
        breach.send(world, incident)
    assert breach.states(world, campaign) == {"sent": 3}
    notice_sending.tend(world.parts, world.now)
    assert world.events("notice.sent") == []  # it may still be at it
    world.now += LEASE * 2
    for _ in range(2):
        notice_sending.tend(world.parts, world.now)
    (line,) = world.events("notice.sent")
    assert (line["facts"]["mode"], line["facts"]["sent"], line["facts"]["unknown"]) == ("interrupted", 3, 0)
    with world.parts.database.read() as connection:
        assert campaigns.with_work(connection) == []


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_run_of_many_is_told_of_in_portions_that_no_statement_takes_long_for(world, box, monkeypatch, is_killed):
    monkeypatch.setattr(notice_stock, "_PORTION", 2)
    breach.with_mail(world, box.url)
    incident, _ = breach.released(world, 5)
    with monkeypatch.context() as killed:
        if is_killed:
            killed.setattr(notice_stock, "of_run", lambda *_: None)
        breach.send(world, incident)
    if is_killed:
        world.now += LEASE * 2
        notice_sending.tend(world.parts, world.now)
    assert [line["facts"]["sent"] for line in world.events("notice.sent")] == [2, 2, 1]
    assert world.rows("SELECT count(*) FROM notice_recipients WHERE worker IS NOT NULL") == [(0,)]
    with world.parts.database.read() as connection:
        assert campaigns.with_work(connection) == []


def test_what_is_wrong_with_one_campaign_keeps_no_other_from_being_sent(sqlite_world, box):
    world = sqlite_world
    breach.with_mail(world, box.url)
    _, first = breach.released(world, 2)
    _, second = breach.released(world, 3)
    world.tamper("UPDATE notice_campaigns SET sealed_texts = x'00' WHERE campaign_id = :one", one=first)
    with pytest.raises(VaultError):
        notice_sending.tend(world.parts, world.now)
    assert (breach.states(world, first), breach.states(world, second)) == ({"waiting": 2}, {"sent": 5})


def test_what_several_find_of_a_killed_run_at_once_is_told_once(world, box, monkeypatch):
    breach.with_mail(world, box.url)
    incident, campaign = breach.released(world, 5)
    with monkeypatch.context() as killed:
        killed.setattr(notice_stock, "of_run", lambda *_: None)
        breach.send(world, incident)
    with world.parts.database.read() as connection:
        one = campaigns.campaign(connection, campaign)
    later, start = world.now + LEASE * 2, Barrier(3)

    def find(_):
        start.wait()
        notice_stock.of_runs_cut_short(world.parts, Actor("system", "system"), one, later - LEASE, later)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(find, range(3)))
    assert told_in_lines(world, "sent") == 5


def test_a_run_that_was_taken_for_lost_and_goes_on_is_told_of_once(world, box, monkeypatch):
    breach.with_mail(world, box.url)
    incident, _ = breach.released(world, 6)
    real, count = Session.send, [0]

    def slow(self, letter):
        count[0] += 1
        if count[0] == 4:  # for long nothing was heard of it
            later = world.now + LEASE * 2
            with world.parts.database.read() as connection:
                (campaign,) = campaigns.of_incident(connection, incident)
            notice_stock.of_runs_cut_short(world.parts, Actor("system", "system"), campaign, later - LEASE, later)
        return real(self, letter)

    monkeypatch.setattr(Session, "send", slow)
    breach.send(world, incident)
    assert len(box.recipients) == 6
    assert told_in_lines(world, "sent") == 6
    assert told_in_lines(world, "unknown") == 1  # in doubt for a while, and then it had arrived


def test_two_runs_at_once_send_each_notice_once(world, box):
    breach.with_mail(world, box.url)
    incident, campaign = breach.released(world, 40)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: breach.send(world, incident), range(2)))
    assert len(box.recipients) == len(set(box.recipients)) == 40
    assert breach.states(world, campaign) == {"sent": 40}


def test_the_timetable_sends_what_was_released_and_nothing_else(world, box):
    breach.with_mail(world, box.url)
    breach.customers(world, 2)
    incident = breach.opened(world)
    campaign = breach.prepared(world, incident, breach.frozen(world, incident, breach.ids_of(world)))
    notice_sending.tend(world.parts, world.now)
    assert box.got == []
    with pytest.raises(AlreadyDecided, match="notice_not_released"):
        breach.send(world, incident)
    breach.release(world, incident, campaign)
    notice_sending.tend(world.parts, world.now)
    assert len(box.got) == 2
    (entry,) = world.events("notice.sent")
    assert (entry["actor"], entry["facts"]["sent"]) == ("system", 2)


def test_what_was_released_is_sent_whatever_the_policy_says_by_then(world, box):
    breach.with_mail(world, box.url)
    incident, _ = breach.released(world, 1)
    policy = world.parts.policy
    rules = dataclasses.replace(policy.breach_notices, templates={}, kinds={})
    later = dataclasses.replace(policy, breach_notices=rules)
    world.parts = dataclasses.replace(world.parts, policy=later)
    breach.send(world, incident)
    assert "致歉" in box.got[0][1].get_content()
    assert "姓名" in box.got[0][1].get_content()


def test_only_officers_send(sqlite_world):
    world = sqlite_world
    incident, _ = breach.released(world, 1)
    for who in ("KF2001", "KF2011", "ADMIN01"):
        with pytest.raises(AccessRefused, match="no_right"):
            notice_sending.run(world.parts, world.person(who), incident, world.now)
    assert len(world.events("notice.sent", "refused")) == 3


def test_a_second_campaign_of_an_incident_leaves_out_who_was_told(world, box):
    breach.with_mail(world, box.url)
    incident, _ = breach.released(world, 2)
    breach.customers(world, 1, email="late@example.com")
    radius = breach.frozen(world, incident, breach.ids_of(world))
    second = breach.prepared(world, incident, radius)
    assert breach.states(world, second) == {"waiting": 1}


def test_a_drill_reaches_its_sink_and_no_mail_server(world, box):
    breach.with_mail(world, box.url)
    incident = drills.begin(world.parts, world.person(breach.OFFICER), IncidentKind.LEAK, world.now)
    made_up = [row[0] for row in world.rows("SELECT record_id FROM drill_customers")]
    assert made_up
    campaign = breach.prepared(world, incident, breach.frozen(world, incident, made_up), ())
    breach.release(world, incident, campaign)
    breach.send(world, incident)
    assert breach.states(world, campaign) == {"sent": len(made_up)}
    assert box.got == []
    (sink,) = (world.config.data_dir / "outbox").glob("drill-*.jsonl")
    assert len(sink.read_text(encoding="utf-8").splitlines()) == len(made_up)


def test_nobody_is_told_only_by_two_humans_with_a_reason(world):
    incident = breach.opened(world)
    assert outstanding(world, incident) == 1
    notice_waiver.ask(world.parts, world.person(breach.OFFICER), incident, "数据已加密", world.now)
    assert outstanding(world, incident) == 1
    with pytest.raises(AccessRefused, match="own_notice"):
        breach.confirm_waiver(world, incident, breach.OFFICER)
    breach.confirm_waiver(world, incident)
    assert outstanding(world, incident) == 0
    standing = breach_notices.standing(world.parts, world.person(breach.OFFICER), incident, world.now)
    assert standing.waiver_reason == "数据已加密"
    assert "加密" not in json.dumps(world.events(), ensure_ascii=False)


def test_who_asks_anew_for_telling_nobody_asks_for_another_yes(world):
    incident = breach.opened(world)
    officer, second = world.person(breach.OFFICER), world.person(breach.SECOND)
    notice_waiver.ask(world.parts, officer, incident, "数据已加密", world.now)
    read = breach_notices.standing(world.parts, second, incident, world.now).waiver_digest
    notice_waiver.ask(world.parts, officer, incident, "麻烦", world.now)
    with pytest.raises(InvalidValue, match="notice_digest_differs"):
        notice_waiver.confirm(world.parts, second, incident, read, world.now)
    assert outstanding(world, incident) == 1
    breach.confirm_waiver(world, incident)
    assert outstanding(world, incident) == 0


def frozen_around(world, incident, number):
    """Freeze what somebody was shown."""
    return radius.freeze(world.parts, world.person(breach.OFFICER), incident, RadiusScope(person=number), world.now)


def test_telling_nobody_is_decided_anew_once_customers_are_known(world):
    (row,) = breach.customers(world, 1)
    incident = breach.opened(world)
    notice_waiver.ask(world.parts, world.person(breach.OFFICER), incident, "无人受影响", world.now)
    breach.confirm_waiver(world, incident)
    assert frozen_around(world, incident, breach.OFFICER).counts.customers == 0
    assert outstanding(world, incident) == 0  # nobody new
    world.look_up("KF2001", row["phone"])
    world.now += timedelta(seconds=1)
    assert frozen_around(world, incident, "KF2001").counts.customers == 1
    assert outstanding(world, incident) == 1
    standing = breach_notices.standing(world.parts, world.person(breach.OFFICER), incident, world.now)
    assert (standing.waiver.confirmed_by, standing.waiver_reason) == (None, "无人受影响")
    assert [one["facts"]["mode"] for one in world.events("notice.waived")] == ["asked", "confirmed", "reopened"]
    breach.confirm_waiver(world, incident)  # with the radius before their eyes
    assert outstanding(world, incident) == 0


def test_who_confirms_telling_nobody_confirms_the_radii_they_read_of(world):
    (row,) = breach.customers(world, 1)
    incident, second = breach.opened(world), world.person(breach.SECOND)
    notice_waiver.ask(world.parts, world.person(breach.OFFICER), incident, "无人受影响", world.now)
    read = breach_notices.standing(world.parts, second, incident, world.now).waiver_digest
    world.look_up("KF2001", row["phone"])
    world.now += timedelta(seconds=1)
    frozen_around(world, incident, "KF2001")
    with pytest.raises(InvalidValue, match="notice_digest_differs"):
        notice_waiver.confirm(world.parts, second, incident, read, world.now)
    assert outstanding(world, incident) == 1


def test_telling_nobody_is_no_way_out_once_notices_are_released(world):
    breach.customers(world, 2)
    incident = breach.opened(world)
    campaign = breach.prepared(world, incident, breach.frozen(world, incident, breach.ids_of(world)))
    notice_waiver.ask(world.parts, world.person(breach.OFFICER), incident, "无需通知", world.now)
    breach.release(world, incident, campaign)
    with pytest.raises(AlreadyDecided, match="notice_released"):
        breach.confirm_waiver(world, incident)
    with pytest.raises(AlreadyDecided, match="notice_released"):
        notice_waiver.ask(world.parts, world.person(breach.OFFICER), incident, "无需通知", world.now)
    assert outstanding(world, incident) == 2


def test_what_is_released_after_nobody_was_to_be_told_counts_all_the_same(world):
    breach.customers(world, 2)
    incident = breach.opened(world)
    notice_waiver.ask(world.parts, world.person(breach.OFFICER), incident, "无需通知", world.now)
    breach.confirm_waiver(world, incident)
    campaign = breach.prepared(world, incident, breach.frozen(world, incident, breach.ids_of(world)))
    assert outstanding(world, incident) == 0
    breach.release(world, incident, campaign)
    assert outstanding(world, incident) == 2


def test_a_closed_incident_sends_calls_prints_and_hands_out_nothing(world, box):
    breach.with_mail(world, box.url)
    incident, campaign = breach.released(world, 2)
    world.tamper("UPDATE incidents SET state = 'closed' WHERE incident_id = :one", one=incident)
    notice_sending.tend(world.parts, world.now)
    with world.parts.database.read() as connection:
        assert campaigns.with_work(connection) == []
    officer, one = world.person(breach.OFFICER), breach.ids_of(world)[0]
    for walk, *more in (
        (notice_sending.run,),
        (notice_sample.sample, campaign),
        (notice_letters.printed, campaign),
        (notice_letters.posted, campaign, [one]),
        (notice_calls.listed, campaign),
        (notice_calls.number, campaign, one),
        (notice_calls.tick, campaign, one, CallOutcome.REACHED),
        (notice_calls.decide, campaign, DoubtDecision.AGAIN),
        (notice_files.make, campaign, "csv"),
    ):
        with pytest.raises(AlreadyDecided, match="incident_closed"):
            walk(world.parts, officer, incident, *more, world.now)
    assert box.got == []
    assert world.events("notice.contacts_opened") == []


def test_a_run_stops_at_the_batch_in_which_its_incident_is_closed(sqlite_world, box):
    world = sqlite_world
    breach.with_mail(world, box.url)
    incident, campaign = breach.released(world, 60)  # a batch is 50

    def closes(_settled, _total):
        world.tamper("UPDATE incidents SET state = 'closed' WHERE incident_id = :one", one=incident)

    notice_sending.run(world.parts, world.person(breach.OFFICER), incident, world.now, progress=closes)
    assert breach.states(world, campaign) == {"sent": 50, "waiting": 10}


def test_whom_one_channel_cannot_reach_another_campaign_reaches(world, box):
    breach.with_mail(world, box.url)
    breach.customers(world, 1, email="")
    breach.customers(world, 1)
    incident = breach.opened(world)
    radius = breach.frozen(world, incident, breach.ids_of(world))
    first = breach.prepared(world, incident, radius)
    breach.release(world, incident, first)
    breach.send(world, incident)
    assert breach.states(world, first) == {"sent": 1, "unreachable": 1}
    second = breach.prepared(world, incident, radius, (Channel.CALL,))
    assert breach.states(world, second) == {"waiting": 1}
    breach.release(world, incident, second)
    assert outstanding(world, incident) == 1


def test_a_contact_written_after_somebody_noticed_is_not_used_however_late_the_span_ends(world, box):
    breach.with_mail(world, box.url)
    row = customer_row(email="then@example.com")
    world.customers(row)
    incident = breach.opened(world)
    world.now += timedelta(hours=1)
    later = {"last_activity_at": row["last_activity_at"], "email": "intruder@example.com"}
    assert world.load_rows("customer", [row | later]).updated == 1
    world.now += timedelta(hours=1)
    radius = breach.frozen(world, incident, breach.ids_of(world), until=world.now)
    breach.release(world, incident, breach.prepared(world, incident, radius))
    breach.send(world, incident)
    assert box.recipients == ["then@example.com"]
