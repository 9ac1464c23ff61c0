"""A misuse from the first signal to the report: an agent reveals sixty customers at night, and officers answer."""

import json
from datetime import timedelta

import pytest

from tests import breach
from tests.mailbox import Mailbox
from tests.simulator import customer_row
from vault.domain.breach.containment import Measure
from vault.domain.breach.incident_clocks import ClockState
from vault.domain.breach.incidents import IncidentKind, IncidentState, Verdict
from vault.domain.breach.radius import RadiusScope
from vault.errors import AccessRefused
from vault.services import viewing
from vault.services.breach import (
    containment,
    incident_reminders,
    incident_report,
    incident_response,
    incidents,
    misuse,
    misuse_reading,
    notice_sending,
    radius,
    signals,
)
from vault.services.breach.misuse import Draft
from vault.services.steps.breach.containing import standing

AGENT, SUPERVISOR, OFFICER, COLLEAGUE = "KF2001", "KF2009", "KF2012", "KF2013"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
REVEALED, ALARM = 60, 50


class Night:
    """A vault of one agent's customers, and the hours in which they reveal sixty of them.

    Args:
        world: the vault.
        box: where mail arrives.
    """

    def __init__(self, world, box):
        self.world = world
        breach.with_mail(world, box.url)
        for number in (AGENT, SUPERVISOR, OFFICER, COLLEAGUE):
            world.activate(number)
        rows = [customer_row(owner=AGENT, email=f"c{number}@example.com") for number in range(REVEALED + 5)]
        world.customers(*rows)
        self.phones = [row["phone"] for row in rows]
        case = world.look_up(AGENT, rows[0]["phone"])
        first = case.cards[0].record_id
        rest = [row[0] for row in world.rows("SELECT record_id FROM records WHERE record_class = 'customer'")]
        self.case_id, self.begun = case.case_id, world.now
        self.customers = [first, *(one for one in rest if one != first)][:REVEALED]
        for customer in self.customers[:ALARM]:
            self.reveal(customer)
        with pytest.raises(AccessRefused, match="limit_alarm"):
            self.reveal(self.customers[ALARM])
        self.alarmed_at = world.now
        for customer in self.customers[ALARM:]:
            world.now += 10 * MINUTE  # after the alarm one further customer in ten minutes
            self.reveal(customer)
        signals.tend(world.parts, world.now)

    def reveal(self, customer):
        world = self.world
        viewing.reveal(world.parts, world.person(AGENT), self.case_id, customer, "phone", 0, world.now)

    def officer(self, number=OFFICER):
        return self.world.person(number)

    def incident(self):
        (listed,) = incidents.listed(self.world.parts, self.officer(), self.world.now)[0]
        return listed.incident

    def clock(self, name):
        one = incidents.shown(self.world.parts, self.officer(), self.incident().incident_id, self.world.now)
        return next(each for each in one.clocks if each.clock_id == name)


@pytest.fixture
def box():
    with Mailbox() as box:
        yield box


def test_sixty_customers_revealed_at_night_are_found_told_and_reported(world, box):
    night = Night(world, box)
    parts, person, other = world.parts, night.officer, night.officer(COLLEAGUE)

    # The 51st customer raised the alarm, and the alarm opened one incident.
    one = night.incident()
    assert (one.kind, one.state, one.drill) == (IncidentKind.MISUSE, IncidentState.REPORTED, False)
    assert one.aware_since == night.alarmed_at
    assert night.clock("police").started_at <= world.now

    # Activated by one officer alone, within two hours of the alarm.
    assert world.now < night.alarmed_at + 2 * HOUR
    incident_response.activate(parts, person(), one.incident_id, "夜间大量查看", world.now)
    assert night.clock("activate").state(world.now) is ClockState.MET

    # Contained: the account suspended and its sessions ended; the next reveal is refused.
    containment.take(parts, person(), one.incident_id, Measure.SUSPEND_ACCOUNT, AGENT, "", world.now)
    containment.take(parts, person(), one.incident_id, Measure.FREEZE_REVEALS, "", "", world.now)
    with pytest.raises(AccessRefused):
        viewing.reveal(parts, world.person(AGENT), night.case_id, night.customers[0], "name", 0, world.now)

    # Where the signal points is what the radius page asks first.
    asked = radius.reach(parts, person(), one.incident_id, None, b"", 1, world.now)
    assert (asked.suspect, asked.since) == (AGENT, night.begun)

    # The radius: exactly the sixty, the telephone in clear.
    scope = RadiusScope(person=AGENT, since=night.begun, until=world.now + MINUTE)
    frozen = radius.freeze(parts, person(), one.incident_id, scope, world.now)
    assert frozen.counts.as_json()["clear"] == REVEALED
    reached = radius.reach(parts, person(), one.incident_id, None, b"", 1000, world.now)
    in_clear = {line.record_id: line.clear for line in reached.lines if line.clear}
    looked_up = {night.customers[0]: ("customer.id_type", "customer.notice", "customer.phone")}
    assert in_clear == dict.fromkeys(night.customers, ("customer.phone",)) | looked_up
    assert frozen.counts.over_company

    incident_response.assess(parts, person(), one.incident_id, Verdict.BREACH, "日志为证", world.now)
    for state in ("contained", "repaired"):
        incident_response.advance(parts, person(), one.incident_id, IncidentState(state), "已处理", world.now)

    # Told: prepared by one, released by the other, sent once to each.
    campaign = breach.prepared(world, one.incident_id, frozen.radius_id)
    breach.release(world, one.incident_id, campaign)
    notice_sending.run(parts, person(), one.incident_id, world.now)
    assert len(box.got) == len(set(box.recipients)) == REVEALED
    written = "".join(letter.get_content() for _, letter in box.got)
    assert not any(phone in written for phone in night.phones)
    incident_response.advance(parts, person(), one.incident_id, IncidentState.NOTIFIED, "已通知", world.now)

    # The record of the misuse, signed by two; the tasks with a deadline; the freeze lifted.
    made = misuse.draft(parts, person(), one.incident_id, Draft(AGENT, "夜间查看六十名客户电话"), world.now)
    (shown,) = misuse_reading.shown(parts, other, one.incident_id, world.now).records
    misuse.sign(parts, other, made, shown.record.digest.hex(), world.now)
    for clock in ("postal", "police"):
        incident_response.finish_clock(parts, person(), one.incident_id, clock, "已报告", world.now)
    with parts.database.read() as connection:
        taken = standing(connection, one.incident_id)
    for measure in taken:
        if measure.measure is Measure.FREEZE_REVEALS:
            containment.end(parts, person(), one.incident_id, measure.containment_id, "已控制", world.now)
        else:
            containment.keep(parts, person(), one.incident_id, measure.containment_id, "等待处分", world.now)

    # Closed by two, with the report.
    incident_response.ask_closing(parts, person(), one.incident_id, "夜间查看须审批", world.now)
    incident_response.close(parts, other, one.incident_id, "同意", world.now)
    report = incident_report.show(parts, other, one.incident_id, world.now)
    assert report
    assert world.verify().holds
    logged = json.dumps(world.events())
    assert not any(phone in logged for phone in night.phones)


def test_the_same_night_missed_shows_missed_escalated_and_late_with_its_reason(world, box):
    night = Night(world, box)
    one = night.incident()
    world.now = night.alarmed_at + 3 * HOUR
    incident_reminders.tend(world.parts, world.now)
    assert night.clock("activate").state(world.now) is ClockState.MISSED
    assert world.events("incident.clock_missed")
    incident_response.activate(world.parts, night.officer(), one.incident_id, "值班人员未看到", world.now)
    late = night.clock("activate")
    assert late.state(world.now) is ClockState.LATE
    assert late.missed_at is not None

    incident_reminders.tend(world.parts, night.alarmed_at)  # a clock set back revives nothing
    assert night.clock("activate").state(night.alarmed_at) is ClockState.LATE
