"""Counting what the compliance report rests on: numbers and times, nothing of a customer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, FromClause, exists, func, or_, select, true

from vault.domain.cohorts import CohortState
from vault.domain.destruction import CertificateKind, ItemState, PlanState
from vault.domain.ids import RecordClass, Role
from vault.domain.people import AccountState
from vault.domain.records import RecordState
from vault.storage import certificate_waits
from vault.storage.log_checks import Checked, last_check
from vault.storage.log_search import count_since
from vault.storage.tables import (
    accounts,
    api_tokens,
    break_glass,
    cases,
    certificates,
    cohorts,
    destruction_items,
    destruction_plans,
    grants,
    holds,
    incident_clocks,
    incidents,
    log_gaps,
    misuse_records,
    paper_boxes,
    record_index,
    records,
    sessions,
    signals,
)

_POLICE = "police"
"""Name of the clock of cases for the police."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many there are, and the time of the oldest; None where there is none."""

    count: int
    oldest: datetime | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """A view on one open connection at one moment.

    Args:
        connection: an open connection.
        now: UTC.
        since: from which events and entries of the past are counted.
    """

    connection: Connection
    now: datetime
    since: datetime

    def records(self, record_class: RecordClass) -> int:
        """Return how many records a class holds."""
        return self._count(records, records.c.record_class == record_class.value)

    def log_gaps(self) -> int:
        """Return how often signed events were lost, and the operator said so."""
        return self._count(log_gaps)

    @property
    def log_check(self) -> Checked | None:
        """The last verification of the whole log; None before the first."""
        return last_check(self.connection)

    def log_does_not_verify(self) -> Tally:
        """Return the last verification of the whole log where it found something."""
        last = self.log_check
        return Tally(0) if last is None or last.holds else Tally(1, last.at)

    def without_notice(self) -> Tally:
        """Return records that came without the notice to the customer."""
        return self._tally(records.c.entered_at, records.c.notice_missing.is_(True))

    def entered_late(self) -> Tally:
        """Return service records of late that were entered after the limit."""
        return self._tally(records.c.entered_at, records.c.late.is_(True), records.c.entered_at >= self.since)

    def open_longer_than(self, limit: timedelta) -> Tally:
        """Return open cases that are older than a limit."""
        return self._tally(cases.c.opened_at, cases.c.closed_at.is_(None), cases.c.opened_at <= self.now - limit)

    def past_their_time(self, *classes: RecordClass, longer_than: timedelta = timedelta()) -> Tally:
        """Return records of some classes that are past their expiry, longer than that, and that nothing keeps."""
        return self._tally(
            records.c.expires_at,
            *self._past(classes),
            records.c.expires_at < self.now - longer_than if longer_than else true(),
            records.c.held.is_(False),
            ~or_(*map(_kept_by, _LINKS)),
        )

    def kept_past_their_time(self, *classes: RecordClass) -> int:
        """Return how many records of some classes are past their expiry and stay: held, or linked to what is."""
        keeps = or_(records.c.held.is_(True), *map(_kept_by, _LINKS))
        return self._count(records, *self._past(classes), keeps)

    def open_for_longer(self, than: timedelta, *classes: RecordClass) -> Tally:
        """Return records of some classes that nobody has settled for so long: while open they never expire."""
        column = records.c
        return self._tally(
            column.activity_at,
            column.record_class.in_([one.value for one in classes]),
            column.state == RecordState.OPEN.value,
            column.activity_at < self.now - than,
        )

    def _past(self, classes: Sequence[RecordClass]) -> tuple[ColumnElement[bool], ...]:
        column = records.c
        return (
            column.record_class.in_([one.value for one in classes]),
            column.state == RecordState.SETTLED.value,
            column.expires_at <= self.now,
        )

    def plans(self, *states: PlanState) -> int:
        """Return how many plans of destruction are in one of these states."""
        return self._count(destruction_plans, destruction_plans.c.state.in_([one.value for one in states]))

    def carried_out(self, since: datetime) -> int:
        """Return how many plans were carried out since a moment; two officers have signed each."""
        column = destruction_plans.c
        return self._count(destruction_plans, column.state == PlanState.DONE.value, column.finished_at >= since)

    def not_destroyed(self) -> Tally:
        """Return records of plans that could not be destroyed and are still to be tried."""
        column = destruction_items.c
        return self._tally(column.done_at, column.state == ItemState.FAILED.value)

    def certificates(self, since: datetime) -> int:
        """Return how many plans were certified since a moment."""
        column = certificates.c
        return self._count(certificates, column.kind == CertificateKind.ERASED.value, column.issued_at >= since)

    def not_certified(self, before: datetime) -> Tally:
        """Return plans that were carried out before a moment and have no certificate."""
        column = destruction_plans.c
        there = exists().where(
            certificates.c.kind == CertificateKind.ERASED.value, certificates.c.about == column.plan_id
        )
        return self._tally(
            column.finished_at, column.state == PlanState.DONE.value, column.finished_at < before, ~there
        )

    def still_there(self) -> Tally:
        """Return plans that were carried out and of which something is still there."""
        found = certificate_waits.found(self.connection)
        return Tally(len(found), min((one.since for one in found), default=None))

    def forgotten_holds(self, zone: ZoneInfo) -> Tally:
        """Return legal holds whose day of review has passed."""
        return self._past_day(holds.c.review_on, zone, timedelta(), holds.c.released_at.is_(None))

    def overdue_boxes(self, zone: ZoneInfo) -> Tally:
        """Return boxes of paper that are past their day and not shredded before two people."""
        return self._past_day(paper_boxes.c.due_on, zone, timedelta(), paper_boxes.c.witnessed_by.is_(None))

    def boxes(self) -> int:
        """Return how many boxes of paper are kept."""
        return self._count(paper_boxes, paper_boxes.c.witnessed_by.is_(None))

    def cohorts_ended(self, zone: ZoneInfo, patience: timedelta) -> Tally:
        """Return cohorts of customers' data whose last day is longer ago than that, and whose keys are still there."""
        column = cohorts.c
        there = column.state != CohortState.DESTROYED.value
        return self._past_day(column.end_on, zone, patience, there, column.record_class != RecordClass.REQUEST.value)

    def indexed(self, kind: str) -> int:
        """Return how many numbers of a kind are found by their tag."""
        return self._count(record_index, record_index.c.kind == kind)

    def open_cohorts(self) -> int:
        """Return how many cohorts take records."""
        return self._count(cohorts, cohorts.c.state == "open")

    def live_grants(self, *kinds: str) -> int:
        """Return how many grants of some kinds open something at this moment."""
        column = grants.c
        return self._count(grants, column.kind.in_(kinds), column.ended_at.is_(None), column.expires_at > self.now)

    def active(self, kind: str) -> int:
        """Return how many accounts of people, or of programs, are active."""
        return self._count(accounts, accounts.c.kind == kind, accounts.c.state == AccountState.ACTIVE.value)

    def old_passwords(self, max_age: timedelta) -> Tally:
        """Return active accounts of people whose password is past its age."""
        return self._tally(
            accounts.c.password_changed_at,
            accounts.c.kind == "person",
            accounts.c.state == AccountState.ACTIVE.value,
            accounts.c.password_changed_at <= self.now - max_age,
        )

    def without_second_factor(self, roles: list[Role]) -> int:
        """Return active accounts of these roles that have no second factor yet."""
        return self._count(
            accounts,
            accounts.c.kind == "person",
            accounts.c.state == AccountState.ACTIVE.value,
            accounts.c.role.in_([role.value for role in roles]),
            accounts.c.totp_confirmed_at.is_(None),
        )

    def signed_in_elsewhere(self, idle: timedelta) -> Tally:
        """Return accounts with living sessions from several addresses."""
        column = sessions.c
        several = (
            select(column.account_id, func.max(column.created_at).label("latest"))
            .where(column.ended_at.is_(None), column.expires_at > self.now, column.seen_at > self.now - idle)
            .group_by(column.account_id)
            .having(func.count(column.source.distinct()) > 1)
            .subquery()
        )
        return self._tally(several.c.latest)

    def shut_out(self) -> int:
        """Return accounts that are locked or suspended."""
        states = (AccountState.LOCKED.value, AccountState.SUSPENDED.value)
        return self._count(accounts, accounts.c.state.in_(states))

    def left_behind(self) -> int:
        """Return what accounts that left still hold: open sessions, tokens, grants, cases and boxes of paper."""
        gone = select(accounts.c.account_id).where(accounts.c.state == AccountState.LEFT.value)
        return (
            self._count(sessions, sessions.c.account_id.in_(gone), sessions.c.ended_at.is_(None))
            + self._count(api_tokens, api_tokens.c.account_id.in_(gone), api_tokens.c.ended_at.is_(None))
            + self._count(grants, grants.c.account_id.in_(gone), grants.c.ended_at.is_(None))
            + self._count(cases, cases.c.held_by.in_(gone), cases.c.closed_at.is_(None))
            + self._count(paper_boxes, paper_boxes.c.custodian.in_(gone), paper_boxes.c.witnessed_by.is_(None))
        )

    def standing_signals(self, kind: str) -> Tally:
        """Return signals of a kind that nobody has released."""
        return self._tally(signals.c.at, signals.c.kind == kind, signals.c.released_at.is_(None))

    def misuse_signed(self, since: datetime) -> tuple[int, int]:
        """Return how many records of proven misuse were signed since a moment, and about how many people."""
        column = misuse_records.c
        query = select(func.count(), func.count(column.account_id.distinct())).where(column.signed_at >= since)
        count, people = self.connection.execute(query).one()
        return int(count), int(people)

    def misuse_of_month(self, zone: ZoneInfo) -> tuple[int, int]:
        """Return the same of the month of this moment, by the company's calendar (UL-07)."""
        first = self.now.astimezone(zone).date().replace(day=1)
        return self.misuse_signed(datetime.combine(first, time(), zone).astimezone(UTC))

    def misuse_unsigned(self, patience: timedelta) -> Tally:
        """Return records of proven misuse that have waited longer for their second signature."""
        column = misuse_records.c
        waits = (column.signed_at.is_(None), column.withdrawn_at.is_(None))
        return self._tally(column.drafted_at, *waits, column.drafted_at < self.now - patience)

    def misuse_still_active(self) -> Tally:
        """Return signed records about somebody whose account is still open."""
        column = misuse_records.c
        active = exists().where(
            accounts.c.account_id == column.account_id, accounts.c.state == AccountState.ACTIVE.value
        )
        return self._tally(column.signed_at, column.signed_at.is_not(None), active)

    def police_tasks(self) -> tuple[int, Tally]:
        """Return how many cases were to be handed over to the police, drills aside, and those past their time."""
        column = incident_clocks.c
        mine = (
            column.clock_id == _POLICE,
            exists().where(incidents.c.incident_id == column.incident_id, incidents.c.drill.is_(False)),
        )
        open_still = (column.done_at.is_(None), column.dropped_at.is_(None), column.due_at < self.now)
        return self._count(incident_clocks, *mine), self._tally(column.due_at, *mine, *open_still)

    def overdue_reviews(self) -> Tally:
        """Return emergencies whose review is overdue."""
        column = break_glass.c
        return self._tally(
            column.review_due_at, column.state.in_(("opened", "ended")), column.review_due_at <= self.now
        )

    def opened_alone(self) -> Tally:
        """Return emergencies that were opened without a second person."""
        column = break_glass.c
        return self._tally(column.opened_at, column.opened_at.is_not(None), column.second_person.is_(None))

    def events(self, *terms: str) -> int:
        """Return how many events of late have all of these terms."""
        return count_since(self.connection, terms, self.since)

    def cohorts_destroyed(self) -> int:
        """Return how many cohort keys are gone from every registered copy."""
        return self._count(cohorts, cohorts.c.state == CohortState.DESTROYED.value)

    def _count(self, table: FromClause, *conditions: ColumnElement[bool]) -> int:
        query = select(func.count()).select_from(table).where(*conditions)
        return int(self.connection.execute(query).scalar_one())

    def _past_day(
        self, day: ColumnElement[date], zone: ZoneInfo, patience: timedelta, *conditions: ColumnElement[bool]
    ) -> Tally:
        """Return what is past a day of the company's calendar, longer than that; the oldest since the day's end."""
        today = self.now.astimezone(zone).date()
        query = select(func.count(), func.min(day)).where(day < today - patience, *conditions)
        count, first = self.connection.execute(query).one()
        ended = None if first is None else datetime.combine(first + timedelta(days=1), time(), zone)
        return Tally(count, ended)

    def _tally(self, at: ColumnElement[datetime], *conditions: ColumnElement[bool]) -> Tally:
        count, oldest = self.connection.execute(select(func.count(), func.min(at)).where(*conditions)).one()
        return Tally(count, oldest)


_LINKS = ("customer_id", "sender_id", "recipient_id", "shipment_id")


def _kept_by(link: str) -> ColumnElement[bool]:
    """Return the condition that an open or held record links to one by this column."""
    other = records.alias()
    keeps = or_(other.c.state == RecordState.OPEN.value, other.c.held.is_(True))
    return exists().where(other.c[link] == records.c.record_id, keeps)
