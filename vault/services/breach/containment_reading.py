"""What is frozen now, what was done to contain an incident, and what a measure would reach; nothing is changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from vault.domain.breach.containment import Containment, Measure
from vault.domain.breach.incidents import Incident
from vault.domain.log import Action
from vault.domain.people import Person
from vault.domain.rules.access import Right
from vault.errors import AlreadyDecided, NotFound
from vault.services.steps.breach import containing, incidents
from vault.services.steps.breach import containment_acts as acts
from vault.services.steps.breach.containment_acts import Aim
from vault.services.steps.parts import Parts
from vault.storage import people
from vault.storage.breach import containments, radius


@dataclass(frozen=True, slots=True)
class Taken:
    """A measure as people see it.

    Args:
        containment: the measure.
        work_number: of the account it is about; empty where it is about none.
        taken_by: work number.
        ended_by: work number, or empty.
        kept_by: work number, or empty.
        to_hold: records of the radius that are to be held, for a hold on evidence; else 0.
        is_unfinished: some of them were not reached yet.
    """

    containment: Containment
    work_number: str
    taken_by: str
    ended_by: str
    kept_by: str
    to_hold: int = 0
    is_unfinished: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """What was done to contain an incident.

    Args:
        incident: the incident.
        taken: its measures, the newest first.
        in_force: the freezes of the whole vault, of whichever incident, each since when.
        mine: the measures that the person may take.
        signed_in: people and programs whom a freeze would concern at this moment.
        evidence: records of the newest frozen radius that can be held; None where there is none.
    """

    incident: Incident
    taken: Sequence[Taken]
    in_force: Mapping[Measure, datetime]
    mine: Sequence[Measure]
    signed_in: int
    evidence: int | None


@dataclass(frozen=True, slots=True)
class Preview:
    """What a measure would reach; nothing was changed.

    Args:
        measure: the measure.
        work_number: of the account it is about, or empty.
        counts: by what is counted.
        drill: whether it would only be rehearsed.
    """

    measure: Measure
    work_number: str
    counts: Mapping[str, int]
    drill: bool


def frozen(parts: Parts) -> Mapping[Measure, datetime]:
    """Return the freezes that are in force at this moment, each since when; everybody may know, nobody is told why."""
    with parts.database.read() as connection:
        return containing.in_force(connection)


def shown(parts: Parts, person: Person, incident_id: bytes, now: datetime) -> Shown:
    """Show what was done to contain an incident: words, work numbers and times only.

    Raises:
        AccessRefused: ``no_right``; logged.
        NotFound: there is no such incident.
    """
    incidents.viewer(parts, person, now, incident_id)
    with parts.database.read() as connection:
        one = incidents.matter(connection, incident_id)
        taken = _taken(connection, containments.of_incident(connection, incident_id))
        in_force = containing.in_force(connection)
        signed_in = acts.reach(parts, connection, Aim(Measure.READ_ONLY), now)["people"]
        radii = radius.of_incident(connection, incident_id)
        evidence = radius.count_to_hold(connection, radii[0].radius_id) if radii else None
    return Shown(one, taken, in_force, [] if one.is_closed else _mine(parts, person), signed_in, evidence)


def preview(parts: Parts, person: Person, incident_id: bytes, measure: Measure, target: str, now: datetime) -> Preview:
    """Count what a measure would reach; nothing is changed.

    Args:
        parts: the vault's parts.
        person: an officer.
        incident_id: an incident that is not closed.
        measure: the measure.
        target: as for :func:`vault.services.breach.containment.take`.
        now: UTC.

    Raises:
        AccessRefused: ``no_right`` or ``measure_not_yours``; logged.
        AlreadyDecided: ``incident_closed``.
        InvalidValue: the target does not fit the measure.
        NotFound: there is no such incident or target.
    """
    acts.require_measure(parts, person, measure, Action.INCIDENT_VIEW, now, incident_id)
    with parts.database.read() as connection:
        one = incidents.matter(connection, incident_id)
        if one.is_closed:
            raise AlreadyDecided("incident_closed")
        aim = acts.aimed(connection, measure, target, incident_id)
        counts = acts.reach(parts, connection, aim, now)
    return Preview(measure, aim.work_number, counts, one.drill)


def standing_one(
    parts: Parts, person: Person, incident_id: bytes, measure: Measure, target: str, now: datetime
) -> Containment:
    """Return the measure of an incident that stands on a target, for those who name it so.

    Raises:
        AccessRefused: ``no_right``; logged.
        InvalidValue: the target does not fit the measure.
        NotFound: there is no such incident or target, or no such measure stands on it; without a target, none or more
            than one.
    """
    incidents.viewer(parts, person, now, incident_id)
    with parts.database.read() as connection:
        incidents.matter(connection, incident_id)
        if target.strip():
            aim = acts.aimed(connection, measure, target, incident_id)
            found: list[Containment | None] = [containments.standing_on(connection, incident_id, measure, aim.target)]
        else:  # the one there is
            taken = containments.of_incident(connection, incident_id)
            found = [one for one in taken if one.measure is measure and one.is_standing]
    if len(found) != 1 or found[0] is None:
        raise NotFound("measure")
    return found[0]


def _mine(parts: Parts, person: Person) -> list[Measure]:
    if not parts.policy.allows(person.role, Right.INCIDENT) or person.purposes is not None:
        return []
    return [one for one in Measure if person.role in parts.policy.containment.measures[one].who]


def _taken(connection: Connection, found: Sequence[Containment]) -> list[Taken]:
    ids = {each for one in found for each in (one.target, one.taken_by, one.ended_by, one.kept_by) if each}
    known = {key: account.work_number for key, account in people.by_ids(connection, ids).items()}
    return [
        Taken(
            one,
            known.get(one.target, ""),
            known.get(one.taken_by, ""),
            known.get(one.ended_by or b"", ""),
            known.get(one.kept_by or b"", ""),
            *(_holding(connection, one) if one.measure is Measure.HOLD_EVIDENCE else ()),
        )
        for one in found
    ]


def _holding(connection: Connection, one: Containment) -> tuple[int, bool]:
    goes_on = one.is_standing and not one.rehearsed
    left = goes_on and radius.to_hold(connection, one.target, containments.last_held(connection, one.containment_id), 1)
    return radius.count_to_hold(connection, one.target), bool(left)
