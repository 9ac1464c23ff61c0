"""Drawing a radius: who was affected and by what, from the log or from the rows, without opening anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import Connection

from vault.domain.breach.incidents import Incident
from vault.domain.breach.radius import RadiusCounts, RadiusScope
from vault.domain.breach.radius_events import FieldBits, Reader
from vault.domain.rules.views import Views
from vault.errors import InvalidValue
from vault.services.steps.parts import Parts
from vault.storage import log
from vault.storage.breach import drill_customers, radius_reading
from vault.storage.breach.radius_tally import Tally

_CONTACT = ("customer.name", "customer.phone", "customer.other_contact", "customer.recipient_address")
"""What a customer of a drill is made up of, and what a drill says was shown in clear."""

_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Distinct:
    """How many were shown to somebody.

    Args:
        customers: distinct customers.
        customers_clear: those of whom something was shown in clear.
        records: distinct records.
        records_clear: those of which something was shown in clear.
    """

    customers: int
    customers_clear: int
    records: int
    records_clear: int


def draw(
    parts: Parts, connection: Connection, one: Incident, scope: RadiusScope, size: int, now: datetime
) -> tuple[Tally, RadiusCounts]:
    """Draw a radius.

    Args:
        parts: the vault's parts.
        connection: for reading, in one snapshot.
        one: the incident; a drill reaches its made-up customers and nobody else.
        scope: checked.
        size: so many events of the log are looked at.
        now: UTC.

    Returns:
        The sums, which the caller closes, and what they come to.

    Raises:
        InvalidValue: ``scope_of_drill``: a drill reaches nobody real, and nothing else reaches its customers;
            ``nobody_of_that_name``; ``not_on_list``: no such cohort or backup.
    """
    if scope.drill is not one.drill:
        raise InvalidValue("scope_of_drill", field="scope")
    bits = FieldBits()
    tally = Tally(bits)
    try:
        if scope.drill:
            tally.make_up((record_id, bits.of(_CONTACT)) for record_id in _made_up(connection, one.incident_id))
            return tally, tally.counts()
        if not scope.of_rows:
            _see(parts, connection, tally, bits, scope, size)
            tally.link(connection)
            return tally, tally.counts()
        since, until = _span(connection, scope, now)
        rows = radius_reading.held(connection, scope.cohort, since, until)
        tally.hold((record_id, its_class, bits.of(names)) for record_id, its_class, names in rows)
        if scope.cohort is not None:
            rows = radius_reading.moved_out(connection, scope.cohort, since, size)
            tally.hold((record_id, its_class, bits.of(names)) for record_id, its_class, names in rows)
        tally.link(connection)
        many, destroyed = radius_reading.keys_behind(connection, scope.cohort, since, until)
        counts = replace(tally.counts(), possible=True, cohorts=many, cohorts_destroyed=destroyed)
    except BaseException:
        tally.close()
        raise
    return tally, counts


def distinct_of(
    parts: Parts, connection: Connection, work_number: str, since: datetime | None, until: datetime | None
) -> Distinct:
    """Count whom and what somebody was shown within a time, by the log.

    Events that wait for their place in the log are not counted; whoever needs them orders the log first.

    Args:
        parts: the vault's parts.
        connection: for reading.
        work_number: whose reading.
        since: UTC, inclusive; None from the beginning.
        until: UTC, exclusive; None to the end.
    """
    bits, scope = FieldBits(), RadiusScope(person=work_number, since=since, until=until)
    with Tally(bits) as tally:
        _see(parts, connection, tally, bits, scope, log.size(connection))
        tally.link(connection)
        counts = tally.counts()
    return Distinct(counts.customers, counts.clear, counts.records, counts.records_clear)


def _see(parts: Parts, connection: Connection, tally: Tally, bits: FieldBits, scope: RadiusScope, size: int) -> None:
    if scope.person and not radius_reading.knows_actor(connection, scope.person):
        raise InvalidValue("nobody_of_that_name", field="person")
    known: dict[str, Views | None] = {parts.policy.digest: parts.policy.views}

    def views_of(digest: str) -> Views | None:
        """Return the views of the policy that an event was written under, read once for each policy."""
        if digest not in known:
            # Events stream on the other connection, which answers one question at a time.
            with parts.database.read() as beside:
                known[digest] = radius_reading.views_of(beside, digest)
        return known[digest]

    walked = scope
    if scope.session and not scope.person and not scope.records:
        walked = replace(scope, person=radius_reading.person_of_session(connection, bytes.fromhex(scope.session)))
    tally.see(Reader(bits, scope, views_of), radius_reading.events(connection, walked, size))


def _made_up(connection: Connection, incident_id: bytes) -> Iterator[bytes]:
    after = 0
    while some := drill_customers.listed(connection, incident_id, after, _PAGE):
        yield from (one.record_id for one in some)
        after = some[-1].serial


def _span(connection: Connection, scope: RadiusScope, now: datetime) -> tuple[datetime, datetime]:
    """Return from when on what was destroyed or moved counts, and until when what was entered does.

    Around a cohort everything counts that its key ever opened, if nobody says since when others had that.
    """
    if scope.backup is not None:
        made_at = radius_reading.backup_made_at(connection, scope.backup)
        if made_at is None:
            raise InvalidValue("not_on_list", field="backup")
        return made_at, made_at
    if scope.cohort is not None and not radius_reading.knows_cohort(connection, scope.cohort):
        raise InvalidValue("not_on_list", field="cohort")
    until = scope.until or now
    since = until if scope.cohort is None else datetime.min.replace(tzinfo=UTC)
    return scope.since or since, until
