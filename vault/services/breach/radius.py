"""The blast radius of an incident: drawn as often as an officer likes, frozen as evidence, taken home as a table.

Nothing sealed is opened: a radius names random ids, fields and times. Every drawing settles the log first, so that it
rests on a signed checkpoint and on everything that happened before it.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from vault.domain.breach.containment import Doing
from vault.domain.breach.incident_clocks import ClockStart
from vault.domain.breach.incidents import Incident
from vault.domain.breach.radius import Affected, RadiusCounts, RadiusScope, digest_of
from vault.domain.log import Action, Outcome, micros_text
from vault.domain.log_tree import Frontier
from vault.domain.people import Person
from vault.errors import AlreadyDecided, NotFound, StorageUnavailable
from vault.services.steps.breach import incidents as steps
from vault.services.steps.breach import noticing
from vault.services.steps.breach.containing import stopped_by_freeze
from vault.services.steps.breach.radius import draw as drawn
from vault.services.steps.breach.radius_asides import Aside, aside_of
from vault.services.steps.breach.short_ids import only_one
from vault.services.steps.log_tables import BOM, cell
from vault.services.steps.parts import Parts
from vault.services.steps.settling import settle
from vault.storage.breach import incident_signals, radius, radius_reading
from vault.storage.breach.radius import FrozenRadius
from vault.storage.engine import Database
from vault.storage.unit_of_work import unit_of_work

FIRST_LINES = 50
"""So many lines a drawing shows; a frozen radius has all of them, page by page."""

_PIECE = 1 << 16
_PATIENCE_SECONDS, _A_MOMENT = 5.0, 0.02
_COLUMNS = ("record", "class", "clear", "masked", "first", "last", "destroyed")


@dataclass(frozen=True, slots=True)
class DrawnRadius:
    """What a radius comes to, drawn from a signed checkpoint.

    Args:
        incident_id: the incident.
        scope: what was asked for.
        size: events of the checkpoint.
        root: the root over these.
        counts: what it comes to.
        lines: the first lines, in order of id; or as many as were asked for.
        radius_id: of the evidence, where it was frozen.
        digest: over all lines, where it was frozen.
    """

    incident_id: bytes
    scope: RadiusScope
    size: int
    root: bytes
    counts: RadiusCounts
    lines: Sequence[Affected]
    radius_id: bytes | None = None
    digest: bytes | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as programs read it, without its lines."""
        checkpoint = {"size": self.size, "root": self.root.hex()}
        told = {"incident": self.incident_id.hex(), "scope": self.scope.as_json(), "checkpoint": checkpoint}
        frozen = None
        if self.radius_id is not None and self.digest is not None:
            frozen = {"radius": self.radius_id.hex(), "digest": self.digest.hex()}
        return told | self.counts.as_json() | {"frozen": frozen}


@dataclass(frozen=True, slots=True)
class Reach:
    """What is known of the reach of an incident.

    Args:
        incident: the incident.
        radii: its frozen radii, the newest first.
        lines: a page of the chosen one, in order of id.
        chosen: whose lines these are; None where nothing is frozen yet.
        more: whether there are further lines.
        suspect: whose acts the incident's signal is about, or empty.
        since: from when on these were counted.
        asides: what was asked of those that somebody says were frozen by mistake, by id.
    """

    incident: Incident
    radii: Sequence[FrozenRadius]
    lines: Sequence[Affected]
    chosen: FrozenRadius | None
    more: bool
    suspect: str = ""
    since: datetime | None = None
    asides: Mapping[bytes, Aside] = field(default_factory=dict)

    def aside_of(self, radius_id: bytes) -> Aside:
        """Return what was asked of a radius; empty where nobody said that it was frozen by mistake."""
        return self.asides.get(radius_id, Aside("", ""))


@dataclass(frozen=True, slots=True)
class Taken:
    """A table on its way.

    Args:
        name: of the file.
        pieces: its content, to be taken once.
    """

    name: str
    pieces: Iterator[bytes]


def draw(
    parts: Parts, person: Person, incident_id: bytes, scope: RadiusScope, now: datetime, most: int = FIRST_LINES
) -> DrawnRadius:
    """Draw a radius and keep nothing of it.

    Args:
        parts: the vault's parts.
        person: an officer.
        incident_id: the incident.
        scope: what to draw around.
        now: UTC.
        most: so many lines at most.

    Raises:
        AccessRefused: ``no_right``; logged.
        InvalidValue: the scope cannot be; ``field`` names what of it.
        LogUnavailable: the drawing could not be logged; nothing was read.
        NotFound: there is no such incident.
        StorageUnavailable: ``log_busy``.
        VaultSealed: the log is not what was signed.
    """
    one, scope, size, root = _begin(parts, person, incident_id, scope, Action.INCIDENT_RADIUS_DRAWN, now)
    asked = parts.event(
        now, person.actor(), Action.INCIDENT_RADIUS_DRAWN, Outcome.DONE, incident=incident_id.hex(), size=size
    )
    parts.log_writer.write(asked)
    with parts.database.read() as connection:
        tally, counts = drawn(parts, connection, one, scope, size, now)
    with tally:
        return DrawnRadius(incident_id, scope, size, root, counts, tally.first_lines(most))


def freeze(parts: Parts, person: Person, incident_id: bytes, scope: RadiusScope, now: datetime) -> DrawnRadius:
    """Draw a radius and freeze it as evidence of the incident, with its checkpoint and a digest over its lines.

    What it comes to starts the clocks that wait for it: the police, and the cyberspace administration. With customers
    in it, a decision to tell nobody needs a second officer anew.

    Args:
        parts: the vault's parts.
        person: an officer.
        incident_id: the incident, not closed.
        scope: what to draw around.
        now: UTC.

    Raises:
        AccessRefused: ``no_right``; logged.
        AlreadyDecided: ``incident_closed``.
        InvalidValue: the scope cannot be; ``field`` names what of it.
        NotFound: there is no such incident.
        StorageUnavailable: ``log_busy``.
        VaultSealed: the log is not what was signed.
    """
    one, scope, size, root = _begin(parts, person, incident_id, scope, Action.INCIDENT_RADIUS_FROZEN, now)
    if one.is_closed:
        raise AlreadyDecided("incident_closed")
    with parts.database.read() as connection:
        tally, counts = drawn(parts, connection, one, scope, size, now)
    with tally:
        digest = digest_of(tally.lines())
        event = parts.event(
            now,
            person.actor(),
            Action.INCIDENT_RADIUS_FROZEN,
            Outcome.DONE,
            incident=incident_id.hex(),
            count=counts.customers,
            size=size,
            digest=digest.hex(),
        )
        radius.add_lines(parts.database, event.event_id, tally.lines())
        if not scope.of_rows:  # else it is every record there is, and nothing says that one of them was read
            with parts.database.read() as connection:
                radius.add_records(parts.database, event.event_id, tally.shown_beside(connection))
        first = tally.first_lines(FIRST_LINES)
    frozen = FrozenRadius(
        event.event_id, incident_id, scope.as_json(), now, person.work_number, size, root, counts, digest
    )
    with unit_of_work(parts.database) as work:
        one = steps.open_matter(work.connection, incident_id)
        radius.add(work.connection, frozen)
        steps.enter(parts, work, incident_id, event)
        if counts.customers:
            noticing.reopen_waiver(parts, work, incident_id, person.actor(), now)
        for wanted, start in ((counts.for_police, ClockStart.POLICE), (counts.over_million, ClockStart.MILLION)):
            if wanted:
                at = steps.effective(work.connection, now)
                steps.start_clocks(parts, work, one, start, at, at)
        work.commit()
    return DrawnRadius(incident_id, scope, size, root, counts, first, event.event_id, digest)


def found(parts: Parts, incident_id: bytes, typed: str) -> bytes:
    """Return the frozen radius of an incident whose id begins with what somebody typed, at least six digits.

    Raises:
        NotFound: none does, or more than one.
    """
    with parts.database.read() as connection:
        ids = [one.radius_id for one in radius.of_incident(connection, incident_id)]
    return only_one(ids, typed, "radius")


def reach(
    parts: Parts,
    person: Person,
    incident_id: bytes,
    radius_id: bytes | None,
    after: bytes,
    limit: int,
    now: datetime,
) -> Reach:
    """Show the frozen radii of an incident, and a page of the lines of one.

    Args:
        parts: the vault's parts.
        person: somebody who may read incidents.
        incident_id: the incident.
        radius_id: whose lines to show; None for the newest.
        after: id of the last line before; empty for the beginning.
        limit: so many lines at most.
        now: UTC.

    Raises:
        AccessRefused: ``no_right``; logged.
        LogUnavailable: the view could not be logged; nothing is shown.
        NotFound: there is no such incident, or no such radius of it.
    """
    steps.viewer(parts, person, now, incident_id)
    with parts.database.read() as connection:
        one = steps.matter(connection, incident_id)
        radii = radius.of_incident(connection, incident_id)
        raised = [signal for signal in incident_signals.of_incident(connection, incident_id) if signal.work_number]
        chosen = _chosen(radii, radius_id)
        lines = [] if chosen is None else radius.lines(connection, chosen.radius_id, after, limit + 1)
        store = parts.keys.current(connection)
    event = parts.event(now, person.actor(), Action.INCIDENT_VIEW, Outcome.DONE, incident=incident_id.hex())
    parts.log_writer.write(event)
    asides = {each.radius_id: asked for each in radii if (asked := aside_of(store, each)) is not None}
    suspect, since = (raised[0].work_number, raised[0].found.since) if raised else ("", None)
    return Reach(one, radii, lines[:limit], chosen, len(lines) > limit, suspect, since, asides)


@stopped_by_freeze(Doing.EXPORT, Action.INCIDENT_RADIUS_TAKEN)
def take(parts: Parts, person: Person, incident_id: bytes, radius_id: bytes, now: datetime) -> Taken:
    """Return a frozen radius as a table for spreadsheets: random ids, fields and times.

    Args:
        parts: the vault's parts.
        person: somebody who may read incidents.
        incident_id: the incident.
        radius_id: one of its radii.
        now: UTC.

    Raises:
        AccessRefused: ``no_right``; logged.
        LogUnavailable: it could not be logged; nothing is given out.
        NotFound: there is no such incident, or no such radius of it.
    """
    steps.viewer(parts, person, now, incident_id)
    with unit_of_work(parts.database) as work:
        steps.matter(work.connection, incident_id)
        chosen = radius.one(work.connection, radius_id)
        if chosen is None or chosen.incident_id != incident_id:
            raise NotFound("radius")
        event = parts.event(
            now,
            person.actor(),
            Action.INCIDENT_RADIUS_TAKEN,
            Outcome.DONE,
            incident=incident_id.hex(),
            digest=chosen.digest.hex(),
        )
        steps.enter(parts, work, incident_id, event)
        work.commit()
    return Taken(f"radius-{radius_id.hex()[:8]}.csv", _table(parts.database, radius_id))


def _begin(
    parts: Parts, person: Person, incident_id: bytes, scope: RadiusScope, action: Action, now: datetime
) -> tuple[Incident, RadiusScope, int, bytes]:
    """Let an officer go on with a scope that can be, and settle the log: its size and root are those signed."""
    steps.officer(parts, person, action, now, incident_id)
    scope = scope.checked()
    with parts.database.read() as connection:
        one = steps.matter(connection, incident_id)
    if one.drill and scope.everything:  # everything that a drill may reach
        scope = RadiusScope(drill=True)
    _settle(parts, now)
    signed = parts.log_files.signed()
    frontier = Frontier() if signed is None else signed.frontier
    return one, scope, frontier.size, frontier.root()


def _settle(parts: Parts, now: datetime) -> None:
    """Settle the log with everything that is durable by now, also where another process is putting it in order.

    Raises:
        StorageUnavailable: ``log_busy``: it was not done in time; what was drawn now would lack something.
    """
    with parts.database.read() as connection:
        newest = radius_reading.newest_waiting(connection)
    settle(parts, now)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while newest is not None and _waits(parts, newest):
        if time.monotonic() > deadline:
            raise StorageUnavailable("log_busy")
        time.sleep(_A_MOMENT)
        settle(parts, now)
    settle(parts, now)  # the last of them may have got its place since


def _waits(parts: Parts, arrival: int) -> bool:
    with parts.database.read() as connection:
        return radius_reading.still_waits(connection, arrival)


def _chosen(radii: Sequence[FrozenRadius], radius_id: bytes | None) -> FrozenRadius | None:
    if radius_id is None:
        return radii[0] if radii else None
    found = next((one for one in radii if one.radius_id == radius_id), None)
    if found is None:
        raise NotFound("radius")
    return found


def _table(database: Database, radius_id: bytes) -> Iterator[bytes]:
    """Yield the lines of a radius as CSV, in which no cell is a formula and no id looks like a number."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    yield BOM
    with database.read() as connection:
        for one in radius.every_line(connection, radius_id):
            times = ["" if at is None else micros_text(at) for at in (one.first_at, one.last_at)]
            shown = (" ".join(one.clear), " ".join(one.masked), *times)
            cells = (one.record_id.hex(), one.record_class.value, *shown, int(one.destroyed))
            writer.writerow([cell(each) for each in cells])
            if text.tell() > _PIECE:
                yield text.getvalue().encode()
                text.seek(0)
                text.truncate()
    yield text.getvalue().encode()
