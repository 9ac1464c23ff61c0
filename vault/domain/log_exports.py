"""What an auditor asks of an export of the access log: a span of time, and perhaps only some people or actions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from vault.domain.log import Action
from vault.errors import InvalidValue

_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?([Zz]|[+-]\d\d:\d\d)?", re.ASCII)
_HEAD: Final = re.compile(rb'\{"action":"([^"\\]*)","actor":"([^"\\]*)","at":"([0-9T:.-]{26}Z)",')
_ACTOR: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class LogQuestion:
    """Which events to export.

    Args:
        since: UTC, inclusive.
        until: UTC, exclusive; may lie in the future.
        actors: work numbers or other actors; none for everybody.
        actions: none for every action.
        table: whether a table for spreadsheets comes with the events.
    """

    since: datetime
    until: datetime
    actors: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    table: bool = False

    @property
    def is_range(self) -> bool:
        """Whether every event of the span is asked for, so that completeness can be proved."""
        return not self.actors and not self.actions

    def asks_for(self, canonical: bytes) -> bool:
        """Return whether an event is one of those asked for; bytes that are no event are not.

        Args:
            canonical: its bytes.
        """
        head = head_of(canonical)
        if head is None or not self.since <= head.at < self.until:
            return False
        return (not self.actors or head.actor in self.actors) and (not self.actions or head.action in self.actions)


class Head(NamedTuple):
    """What an event says first: what happened, who did it, and when (UTC)."""

    action: str
    actor: str
    at: datetime


def head_of(canonical: bytes) -> Head | None:
    """Return what an event says first; None for bytes that are no event.

    Args:
        canonical: its bytes; its keys are sorted.
    """
    found = _HEAD.match(canonical)
    try:
        if found is not None:
            return Head(found[1].decode(), found[2].decode(), datetime.fromisoformat(found[3].decode()))
        event = json.loads(canonical)
        return Head(str(event["action"]), str(event["actor"]), datetime.fromisoformat(event["at"]).astimezone(UTC))
    except (ValueError, KeyError, TypeError):
        return None


def log_question(
    since: str, until: str, zone: ZoneInfo, actors: Iterable[str] = (), actions: Iterable[str] = (), *, table: bool
) -> LogQuestion:
    """Read a question as people type it.

    Args:
        since: a day of the company's zone, from its beginning, or a time by RFC 3339.
        until: the same, exclusive: of a day, its beginning too.
        zone: the company's time zone.
        actors: work numbers or other actors, as events name them.
        actions: actions, as events name them.
        table: whether a table for spreadsheets is wanted.

    Raises:
        InvalidValue: ``wrong_form``, ``impossible_date``, ``no_time_zone``, ``span_empty`` or ``not_on_list``.
    """
    question = LogQuestion(
        read_moment(since, zone, "since"),
        read_moment(until, zone, "until"),
        tuple(sorted(set(actors))),
        tuple(sorted(set(actions))),
        table,
    )
    if question.until <= question.since:
        raise InvalidValue("span_empty", field="until")
    if not all(map(_ACTOR.fullmatch, question.actors)):
        raise InvalidValue("wrong_form", field="actor")
    if not set(question.actions) <= {action.value for action in Action}:
        raise InvalidValue("not_on_list", field="action")
    return question


def read_moment(typed: str, zone: ZoneInfo, field: str) -> datetime:
    """Read a moment as people type it.

    Args:
        typed: a day of the company's zone, from its beginning, or a time by RFC 3339.
        zone: the company's time zone.
        field: the field named in the refusal.

    Returns:
        The moment, in UTC.

    Raises:
        InvalidValue: ``wrong_form``, ``impossible_date`` or ``no_time_zone``.
    """
    given = typed.strip()
    try:
        if _DAY.fullmatch(given):
            return datetime.combine(date.fromisoformat(given), time(), zone).astimezone(UTC)
        if not _MOMENT.fullmatch(given):
            raise InvalidValue("wrong_form", field=field)
        moment = datetime.fromisoformat(given.upper())
        if moment.tzinfo is None:
            raise InvalidValue("no_time_zone", field=field)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidValue("impossible_date", field=field) from None
