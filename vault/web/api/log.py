"""The access log, for programs: searching it by words and times, and by a number that is sent in a body."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from vault.domain.log_search import Question
from vault.domain.rules.access import Right
from vault.errors import InvalidValue
from vault.services import log_search
from vault.services.log_search import LogPage
from vault.web import gate
from vault.web.api.routes import moment_of, route, time_text
from vault.web.api.shapes import Digits, Id, Moment, Shape, Typed, Word, clean_text
from vault.web.gate import now, parts, person

_MOST_EVENTS = 200

Dotted = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{0,19}\.[a-z_]{1,20}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(clean_text)]


class Narrowing(Shape):
    """What narrows a search; all of it must hold."""

    since: Moment | None = Field(None, description="The first moment, with its offset from UTC.")
    until: Moment | None = Field(None, description="The first moment no longer asked for.")
    person: Name | None = Field(None, description="Work number, `system` or `operator:…`.")
    role: Word | None = None
    action: Dotted | None = None
    outcome: Word | None = None
    purpose: Word | None = None
    shift: Annotated[str, StringConstraints(pattern="^outside$")] | None = Field(
        None, description="`outside`: only what happened outside the shift of the policy."
    )


class EventsQuery(Narrowing):
    """Which events of the log to list."""

    record: Id | None = Field(None, description="Only events that name this record.")
    before: Digits | None = Field(None, description="The index of the event to go on after.")
    limit: Digits = Field("50", description="How many at most, 1 to 200.")


class SearchBody(Narrowing):
    """A search by records, or by a number that is turned into record ids and forgotten."""

    number: Typed | None = Field(
        None, description="A waybill, phone or ID number, or one of the company's own, whole and exact."
    )
    records: Annotated[list[Id], Field(min_length=1, max_length=log_search.MOST_RECORDS)] | None = Field(
        None, description="Events that name one of these records."
    )
    around: bool = Field(default=False, description="Also what hangs on the records.")
    before: Annotated[int, Field(ge=0, lt=10**15)] | None = None
    limit: Annotated[int, Field(ge=1, le=_MOST_EVENTS)] = 50


class EventLine(Shape):
    """One event of the access log."""

    index: int
    event: dict[str, Any]


class Events(Shape):
    """Events of the access log, newest first."""

    events: list[EventLine]
    older: int | None = Field(description="Go on with `before` this index; null at the end.")
    records: list[Id] = Field(description="The records that were searched for.")


class HourCount(Shape):
    """How many events one hour holds."""

    hour: AwareDatetime
    count: int


class PersonCount(Shape):
    """How many events somebody has."""

    person: str
    count: int


class EventCounts(Shape):
    """Events by hour and by person, over at most 72 hours."""

    since: AwareDatetime
    until: AwareDatetime
    hours: list[HourCount]
    people: list[PersonCount]
    whole: bool = Field(description="False when only the newest were counted.")


@route("GET", "/events", gate.door(Right.LOG_READ), answer=Events, query=EventsQuery)
def list_events(query: EventsQuery) -> dict[str, Any]:
    """List events of the access log, newest first."""
    limit = int(query.limit)
    if not 1 <= limit <= _MOST_EVENTS:
        raise InvalidValue("out_of_range", field="limit")
    before = None if query.before is None else int(query.before)
    question = _question(query, () if query.record is None else (bytes.fromhex(query.record),))
    return _answer(log_search.page(parts(), person(), question, before, limit, now()), question)


@route("POST", "/events/search", gate.door(Right.LOG_READ), answer=Events, body=SearchBody)
def search_events(body: SearchBody) -> dict[str, Any]:
    """Search the access log by records, or by a number that stands nowhere afterwards."""
    records = [bytes.fromhex(one) for one in body.records or ()]
    if body.number is not None:
        if records:
            raise InvalidValue("number_or_records", field="number")
        records = list(log_search.find(parts(), person(), body.number, now()).records)
        if not records:
            return {"events": [], "older": None, "records": []}
    question = _question(body, tuple(records))
    if body.around:
        question = log_search.around(parts(), question)
    return _answer(log_search.page(parts(), person(), question, body.before, body.limit, now()), question)


@route("GET", "/events/counts", gate.door(Right.LOG_READ), answer=EventCounts, query=Narrowing)
def count_events(query: Narrowing) -> dict[str, Any]:
    """Count events by hour and by person; without a beginning, over a day."""
    counts = log_search.counts(parts(), person(), _question(query, ()), now())
    return {
        "since": time_text(counts.since),
        "until": time_text(counts.until),
        "hours": [{"hour": time_text(hour), "count": count} for hour, count in counts.hours],
        "people": [{"person": who, "count": count} for who, count in counts.people],
        "whole": counts.whole,
    }


def _question(narrowing: Narrowing, records: tuple[bytes, ...]) -> Question:
    return Question(
        since=moment_of(narrowing.since, "since"),
        until=moment_of(narrowing.until, "until"),
        actor=narrowing.person or "",
        role=narrowing.role or "",
        action=narrowing.action or "",
        outcome=narrowing.outcome or "",
        purpose=narrowing.purpose or "",
        records=records,
        outside_shift=narrowing.shift is not None,
    )


def _answer(page: LogPage, question: Question) -> dict[str, Any]:
    return {
        "events": [{"index": one.leaf_index, "event": one.body} for one in page.events],
        "older": page.older,
        "records": [one.hex() for one in question.records],
    }
