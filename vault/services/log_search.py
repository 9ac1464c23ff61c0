"""Searching the access log: questions, whose numbers are forgotten once they are tags, and counts for charts.

The walk opens nothing and names nobody but by random id. What was typed to find a customer leads to record ids and
goes nowhere else; the log notes the kind of number only.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from vault.domain.identifiers import IdentifierKind, readings
from vault.domain.ids import Role
from vault.domain.log import Action, Outcome
from vault.domain.log_search import Question
from vault.domain.people import Person
from vault.domain.records import LinkRole
from vault.domain.rules.access import Right
from vault.errors import AccessRefused, InvalidValue
from vault.services.steps.finding import carriers
from vault.services.steps.limits import count_search
from vault.services.steps.parts import Parts
from vault.services.steps.refusing import refusals_logged
from vault.storage import log, log_counts, log_search, people, records
from vault.storage.log_search import Place, Walked

MOST_RECORDS = 20
"""So many customers of one number are searched for at once."""

CHART_HOURS = 72
"""So many hours a chart shows at most, the latest of those asked for."""

QUESTION_DAYS = 30
"""So far back the saved questions look."""

_MOST_LOOKED_AT = 10_000
_MOST_COUNTED = 250_000
_MOST_AROUND = 1000
_POSSIBLE = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
_LONGEST_ACTOR = 64
_NOT_A_ROLE = ("operator", "system", "none")
_LINKS = (LinkRole.SENDER, LinkRole.RECIPIENT, LinkRole.CUSTOMER)


@dataclass(frozen=True, slots=True)
class FoundEvent:
    """One event as pages and programs list it."""

    leaf_index: int
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LogPage:
    """One page of a search.

    Args:
        events: what fits, newest first.
        older: where to go on, as a leaf index; None at the end.
        looked_through: the page ended because so many entries were looked at, not because it was full.
    """

    events: tuple[FoundEvent, ...]
    older: int | None
    looked_through: bool


@dataclass(frozen=True, slots=True)
class Found:
    """What a typed number leads to: the first kind as which it was found or can be read, and the ids of its records."""

    kind: IdentifierKind
    records: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class LogCounts:
    """How many events fit, by hour and by person.

    Args:
        since: UTC, the first moment counted.
        until: UTC, the first moment no longer counted.
        hours: every hour of the span, those without an event too: its beginning and its count.
        people: who, and how many; the most first.
        whole: everything in the span was counted; else only the newest.
    """

    since: datetime
    until: datetime
    hours: tuple[tuple[datetime, int], ...]
    people: tuple[tuple[str, int], ...]
    whole: bool


def page(parts: Parts, person: Person, question: Question, before: int | None, limit: int, now: datetime) -> LogPage:
    """List the events that answer a question, newest first.

    Args:
        parts: the vault's parts.
        person: who asks.
        question: what to see; an empty one lists everything.
        before: leaf index of the entry to go on after; None for the newest.
        limit: how many events at most.
        now: UTC.

    Raises:
        AccessRefused: the role has no right to read the log.
        InvalidValue: a word of the question is on no list; ``field`` names it.
        LogUnavailable: the event could not be made durable; nothing was read.
    """
    _begin(parts, person, question, now)
    found: list[Place] = []
    looked_at, older = 0, None
    with parts.database.read() as connection:
        for stretch in _walk(parts, connection, question, before):
            found += stretch.found
            looked_at += stretch.looked_at
            if len(found) > limit:
                older = found[limit - 1].leaf_index
                break
            if looked_at >= _MOST_LOOKED_AT:
                older = stretch.through.leaf_index
                break
        shown = found[:limit]
        bodies = log_search.events_at(connection, shown)
    events = tuple(FoundEvent(one.leaf_index, json.loads(bodies[one.leaf_index])) for one in shown)
    return LogPage(events, older, looked_through=older is not None and len(found) <= limit)


def counts(parts: Parts, person: Person, question: Question, now: datetime) -> LogCounts:
    """Count the events that answer a question, by hour and by person, over the latest hours asked for.

    Args:
        parts: the vault's parts.
        person: who asks.
        question: what to count; without a beginning, a day is counted.
        now: UTC.

    Raises:
        AccessRefused: the role has no right to read the log.
        InvalidValue: a word of the question is on no list; ``field`` names it.
        LogUnavailable: the event could not be made durable; nothing was read.
    """
    _begin(parts, person, question, now)
    since, until = _span(question, now)
    first, behind = max(since, question.since or since), min(until, question.until or until)
    people: dict[str, int] = {}
    with parts.database.read() as connection:
        end = log_counts.end_of_newest(connection, first, behind, _MOST_COUNTED)
        if end is not None:  # a moment that would be counted in part is left out
            first = end + timedelta(microseconds=1)
        hours = _tally(parts, connection, question, first, behind)
        if hours:
            for name in [question.actor] if question.actor else log_search.actors(connection):
                count = _tally(parts, connection, replace(question, actor=name), first, behind).total()
                people |= {name: count} if count else {}
    every = [since + timedelta(hours=step) for step in range(int((until - since) / timedelta(hours=1)))]
    by_count = sorted(people.items(), key=lambda one: (-one[1], one[0]))
    return LogCounts(since, until, tuple((hour, hours[hour]) for hour in every), tuple(by_count), end is None)


def find(parts: Parts, person: Person, typed: str, now: datetime) -> Found:
    """Find the records that carry a phone, waybill or ID number, or one of the company's own, to ask who saw them.

    A company's own number may look like another: it is read in both ways, as one search.

    Args:
        parts: the vault's parts.
        person: who asks.
        typed: what they typed; it goes nowhere but into tags.
        now: UTC.

    Returns:
        The ids of the records, restricted ones too; none where nothing carries the number.

    Raises:
        AccessRefused: the role has no right to read the log, or has searched too often within the hour
            (``quota_searches``).
        InvalidValue: what was typed is no such number.
        LogUnavailable: the event could not be made durable; nothing was told.
    """
    _may_read(parts, person, now)
    ways = readings(typed, parts.policy.carriers)
    count_search(parts, person, now)
    with parts.database.read() as connection:
        store = parts.keys.current(connection)
        by_kind = {kind: carriers(connection, store, [(kind, number)]) for kind, number in ways}
    kind = next((one for one, there in by_kind.items() if there), ways[0][0])
    found = sorted({record_id for there in by_kind.values() for record_id, _ in there})[:MOST_RECORDS]
    outcome = Outcome.GRANTED if found else Outcome.MISS
    parts.log_writer.write(parts.event(now, person.actor(), Action.LOG_SEARCH, outcome, identifier=kind.value))
    return Found(kind, tuple(found))


def around(parts: Parts, question: Question) -> Question:
    """Return a question that also asks for what hangs on its records: shipments and service records of a customer.

    Raises:
        InvalidValue: ``too_much_around``: an answer to a part of them would look like one to all.
    """
    ids = dict.fromkeys(question.records)
    with parts.database.read() as connection:
        for record_id in question.records:
            for role in _LINKS:
                ids.update(dict.fromkeys(records.linked_to(connection, role, record_id, _MOST_AROUND + 1)))
                if len(ids) > _MOST_AROUND + len(question.records):
                    raise InvalidValue("too_much_around", field="around", most=_MOST_AROUND)
    return replace(question, records=tuple(ids))


def actors(parts: Parts) -> list[str]:
    """Return everybody whom the log may name: every account, and who else it has events of, in order.

    An account may have events that wait for their place in the log.
    """
    with parts.database.read() as connection:
        return sorted({*log_search.actors(connection), *people.ids_by_work_number(connection)})


def _may_read(parts: Parts, person: Person, now: datetime) -> None:
    with refusals_logged(parts, person, Action.LOG_VIEW, now):
        if not parts.policy.allows(person.role, Right.LOG_READ):
            raise AccessRefused("no_right")


def _begin(parts: Parts, person: Person, question: Question, now: datetime) -> None:
    """Let somebody go on who may, with words that are on our lists; the look is logged, and the log put in order."""
    _may_read(parts, person, now)
    for name, known in (
        ("role", [role.value for role in Role] + list(_NOT_A_ROLE)),
        ("action", list(Action)),
        ("outcome", list(Outcome)),
        ("purpose", list(parts.policy.purposes)),
    ):
        value = getattr(question, name)
        if value and value not in known:
            raise InvalidValue("not_on_list", field=name)
    if len(question.actor) > _LONGEST_ACTOR:
        raise InvalidValue("too_long", field="person")
    for name, moment in (("since", question.since), ("until", question.until)):
        if moment is not None and not _POSSIBLE[0] <= moment < _POSSIBLE[1]:
            raise InvalidValue("impossible_date", field=name)
    if question.since and question.until and question.since >= question.until:
        raise InvalidValue("ends_before_it_begins", field="until")
    action = Action.LOG_VIEW if question.asks_for_all() else Action.LOG_SEARCH
    parts.log_writer.write(parts.event(now, person.actor(), action, Outcome.GRANTED))
    log.order(parts.database)


def _walk(parts: Parts, connection: Connection, question: Question, before: int | None) -> Iterator[Walked]:
    stretches = log_search.walk(connection, question.groups(), question.since, question.until, before)
    rule, zone = parts.policy.log, parts.policy.zone
    for one in stretches:
        if question.outside_shift:
            found = tuple(each for each in one.found if not rule.in_shift(each.at.astimezone(zone).time()))
            yield replace(one, found=found)
        else:
            yield one


def _tally(
    parts: Parts, connection: Connection, question: Question, since: datetime, until: datetime
) -> Counter[datetime]:
    """Count the events of a time that answer a question, by hour; a shift begins and ends with a minute."""
    rule, zone, hours = parts.policy.log, parts.policy.zone, Counter[datetime]()
    step = timedelta(minutes=1) if question.outside_shift else timedelta(hours=1)
    for at, count in log_counts.per_step(connection, question.groups(), since, until, step):
        if not (question.outside_shift and rule.in_shift(at.astimezone(zone).time())):
            hours[_hour(at)] += count
    return hours


def _span(question: Question, now: datetime) -> tuple[datetime, datetime]:
    end = question.until or now
    until = _hour(end) if question.until == _hour(end) else _hour(end) + timedelta(hours=1)
    earliest = until - timedelta(hours=CHART_HOURS)
    since = _hour(question.since) if question.since else until - timedelta(hours=24)
    return max(since, earliest), until


def _hour(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
