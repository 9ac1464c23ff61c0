"""The one gate that freezes stand at, and what keeps an incident from being closed.

Freezes are rows, read anew each time: one that was committed stops the next request in every process, on every engine,
whichever door it comes through. A walk says by decorator what it does that a freeze can stop; a test finds every walk
that says nothing (tests/house/test_freezes.py).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Final, ParamSpec, TypeVar, cast

from sqlalchemy import Connection

from vault.domain.breach.containment import Containment, Doing, Measure, stopped
from vault.domain.breach.incidents import short_name
from vault.domain.log import Action, Actor, Outcome
from vault.domain.people import Person
from vault.errors import AccessRefused
from vault.services.steps.parts import Parts
from vault.storage.breach import containments

Given = ParamSpec("Given")
Answer = TypeVar("Answer")

STOPPED_BY: Final = "datavault_stopped_by"
"""Attribute under which a walk carries what a freeze stops it for."""


def in_force(connection: Connection) -> dict[Measure, datetime]:
    """Return the freezes that are in force at this moment, each since when."""
    return containments.in_force(connection)


def hindrance(connection: Connection, doing: Doing) -> str:
    """Return the reason why something cannot be done at this moment, or an empty string."""
    return stopped(doing, in_force(connection))


def refuse_frozen(
    parts: Parts, connection: Connection, who: Person | Actor, doing: Doing, action: Action, now: datetime
) -> None:
    """Let somebody go on only with what is not frozen; a refusal is logged.

    Args:
        parts: the vault's parts.
        connection: an open connection.
        who: who acts.
        doing: what a freeze may stop it for.
        action: what they want to do, for the log.
        now: UTC.

    Raises:
        AccessRefused: ``reveals_frozen``, ``exports_frozen``, ``imports_frozen`` or ``read_only``.
        LogUnavailable: the refusal could not be logged.
    """
    rule = hindrance(connection, doing)
    if rule:
        actor = who.actor() if isinstance(who, Person) else who
        parts.log_writer.write(parts.event(now, actor, action, Outcome.REFUSED, rule=rule))
        raise AccessRefused(rule)


def refuse_frozen_program(parts: Parts, connection: Connection, who: Person, action: Action, now: datetime) -> None:
    """Let a program read only while exports are not frozen: with a token records leave one after the other.

    A person's reading asks nothing here, and costs nothing.

    Args:
        parts: the vault's parts.
        connection: an open connection.
        who: who reads.
        action: what they want to do, for the log.
        now: UTC.

    Raises:
        AccessRefused: ``exports_frozen``; logged.
    """
    if who.purposes is not None:
        refuse_frozen(parts, connection, who, Doing.EXPORT, action, now)


def stopped_by_freeze(doing: Doing, action: Action) -> Callable[[Callable[Given, Answer]], Callable[Given, Answer]]:
    """Declare a walk that a freeze stops before it does anything; its refusal is logged.

    The walk takes the parts first, who acts second, and ``now``.

    Args:
        doing: what a freeze may stop it for.
        action: what the log calls it.
    """

    def declare(walk: Callable[Given, Answer]) -> Callable[Given, Answer]:
        """Put the freeze before one walk."""
        at = list(inspect.signature(walk).parameters).index("now")

        @wraps(walk)
        def gated(*args: Given.args, **named: Given.kwargs) -> Answer:
            """Refuse while a freeze is in force, otherwise walk."""
            given = cast("tuple[object, ...]", args)
            parts, who = cast("Parts", given[0]), cast("Person | Actor", given[1])
            now = cast("datetime", named["now"] if "now" in named else given[at])
            with parts.database.read() as connection:
                refuse_frozen(parts, connection, who, doing, action, now)
            return walk(*args, **named)

        setattr(gated, STOPPED_BY, doing)
        return gated

    return declare


def refuse_standing(incident_id: bytes | None) -> None:
    """Let an act go on only if no measure of an incident needs the thing as it is; it is ended in that incident.

    Args:
        incident_id: of the measure; None if there is none.

    Raises:
        AccessRefused: ``incident_keeps_it``; its fact ``incident`` is the name that people say.
    """
    if incident_id is not None:
        raise AccessRefused("incident_keeps_it", incident=short_name(incident_id))


def standing(connection: Connection, incident_id: bytes) -> list[Containment]:
    """Return the measures that keep an incident from being closed: they stand, and nobody said that they may stay."""
    found = containments.of_incident(connection, incident_id)
    return [one for one in found if one.is_standing and one.kept_at is None]
