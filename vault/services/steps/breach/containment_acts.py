"""What each measure of containment reaches and does inside its transaction, and how it is undone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from vault.domain.accounts import Act
from vault.domain.breach.containment import THE_VAULT, Containment, Measure, Target
from vault.domain.ids import ID_BYTES, RecordClass, Role
from vault.domain.log import Action, Outcome
from vault.domain.people import AccountState, Person, normal_work_number
from vault.errors import AccessRefused, InvalidValue, NotFound
from vault.services.steps.account_acts import NO_SECRET, moved
from vault.services.steps.breach import incidents
from vault.services.steps.humans import same_human
from vault.services.steps.parts import Parts
from vault.services.steps.tokens import idle_span
from vault.storage import people, records, sessions
from vault.storage.breach import containments, radius
from vault.storage.people import Account
from vault.storage.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Aim:
    """What a measure is about, found in the database.

    Args:
        measure: the measure.
        target: id of the account, the customer or the radius; :data:`THE_VAULT` for all.
        account: the account, where it is one.
    """

    measure: Measure
    target: bytes = THE_VAULT
    account: Account | None = None

    @property
    def work_number(self) -> str:
        """The work number of the account, or an empty string."""
        return "" if self.account is None else self.account.work_number


def require_measure(
    parts: Parts, person: Person, measure: Measure, action: Action, now: datetime, incident_id: bytes
) -> None:
    """Let only those take or end a measure whom the policy names; a refusal is logged.

    Raises:
        AccessRefused: ``no_right`` or ``measure_not_yours``.
        NotFound: the incident is about themselves.
    """
    incidents.officer(parts, person, action, now, incident_id)
    if person.role not in parts.policy.containment.measures[measure].who:
        rule = "measure_not_yours"
        refusal = parts.event(now, person.actor(), action, Outcome.REFUSED, rule=rule, measure=measure.value)
        parts.log_writer.write(refusal)
        raise AccessRefused(rule)


def one_of(connection: Connection, incident_id: bytes, containment_id: bytes) -> Containment:
    """Return one measure of an incident.

    Raises:
        NotFound: there is none of this incident.
    """
    found = containments.one(connection, incident_id, containment_id)
    if found is None:
        raise NotFound("measure")
    return found


def aimed(connection: Connection, measure: Measure, typed: str, incident_id: bytes) -> Aim:
    """Find what a measure is about.

    Args:
        connection: an open connection.
        measure: the measure.
        typed: a work number, or the id of a customer or of a frozen radius of this incident; empty for the whole
            vault, and for the newest radius.
        incident_id: the incident.

    Raises:
        InvalidValue: ``value_missing`` or ``not_for_this_measure``; field ``target``.
        NotFound: there is no such account, customer or radius.
    """
    typed = typed.strip()
    if measure.target is Target.VAULT:
        if typed:
            raise InvalidValue("not_for_this_measure", field="target")
        return Aim(measure)
    if measure.target is Target.RADIUS:
        return Aim(measure, _radius(connection, typed, incident_id))
    if not typed:
        raise InvalidValue("value_missing", field="target")
    if measure.target is Target.ACCOUNT_OR_CUSTOMER and (customer := _id(typed)) is not None:
        found = records.load(connection, [customer]).get(customer)
        if found is None or found.meta.record_class is not RecordClass.CUSTOMER:
            raise NotFound("record")
        return Aim(measure, customer)
    account = people.by_work_number(connection, normal_work_number(typed))
    if account is None:
        raise NotFound("account")
    return Aim(measure, account.account_id, account)


def reach(parts: Parts, connection: Connection, aim: Aim, now: datetime) -> Mapping[str, int]:
    """Count what a measure would reach at this moment; nothing is changed.

    Args:
        parts: the vault's parts.
        connection: an open connection.
        aim: the measure and what it is about.
        now: UTC.

    Returns:
        Counts by what is counted: ``sessions``, ``tokens``, ``grants``, ``people`` or ``records``.
    """
    match aim.measure:
        case Measure.SUSPEND_ACCOUNT | Measure.END_SESSIONS:
            return {"sessions": containments.count_sessions(connection, aim.target)}
        case Measure.REVOKE_TOKENS:
            return {"tokens": containments.count_tokens(connection, aim.target, now)}
        case Measure.REVOKE_GRANTS:
            return {"grants": containments.count_grants(connection, aim.target, now)}
        case Measure.HOLD_EVIDENCE:
            return {"records": radius.count_to_hold(connection, aim.target)}
        case _:
            return {"people": len(sessions.count_living(connection, now, now - idle_span(parts)))}


def refuse_target(parts: Parts, work: UnitOfWork, person: Person, aim: Aim) -> Aim:
    """Let an officer act on an account of somebody else; it, theirs and the administrators' stay as they are now.

    Nobody acts on themselves, and of two who act on each other at once only the first does: an officer is left.

    Args:
        parts: the vault's parts.
        work: the transaction of the act.
        person: the officer.
        aim: the measure and its account.

    Returns:
        The same aim with the account as it is until the transaction ends.

    Raises:
        AccessRefused: ``no_right``: the officer's own account is not in use any more; ``own_account``: it is one of
            the same human.
    """
    if aim.account is None:
        return aim
    number, store = aim.account.work_number, parts.keys.current(work.connection)
    admins = containments.active_in_role(work.connection, Role.ADMIN.value)
    held = people.locked(work.connection, {number, person.work_number, *admins})
    account, own = held[number], held[person.work_number]
    if own.state is not AccountState.ACTIVE:
        raise AccessRefused("no_right")
    if same_human(store, account, own):
        raise AccessRefused("own_account")
    return Aim(aim.measure, aim.target, account)


def apply(parts: Parts, work: UnitOfWork, person: Person, one: Containment, aim: Aim, now: datetime) -> None:
    """Do what a measure does to its target; a freeze needs nothing but its row.

    Args:
        parts: the vault's parts.
        work: the transaction of the act; its caller commits.
        person: the officer.
        one: the measure as it will be stored.
        aim: the measure and what it is about.
        now: UTC.

    Raises:
        AccessRefused: ``last_administrator``.
        InvalidValue: ``act_not_possible``: the account is locked or suspended already, by somebody else.
    """
    match one.measure:
        case Measure.SUSPEND_ACCOUNT:
            _suspend(parts, work, person, one, aim, now)
        case Measure.END_SESSIONS:
            sessions.end_all(work.connection, aim.target, now)
        case Measure.REVOKE_TOKENS:
            containments.end_tokens(work.connection, aim.target, now)
        case Measure.REVOKE_GRANTS:
            containments.end_grants(work.connection, aim.target, now)
        case _:
            return


def undo(parts: Parts, work: UnitOfWork, person: Person, one: Containment, aim: Aim, now: datetime) -> None:
    """Bring a suspended account back, unless another incident still needs it so or somebody has moved it meanwhile.

    Args:
        parts: the vault's parts.
        work: the transaction of the act; its caller commits.
        person: the officer.
        one: the measure that ends.
        aim: what it was about.
        now: UTC.
    """
    account = aim.account
    if account is None or one.measure is not Measure.SUSPEND_ACCOUNT or account.state is not AccountState.SUSPENDED:
        return
    if containments.others_on(work.connection, one):
        return
    moved(work, account, Act.UNLOCK, {})
    named, incident = account.work_number, one.incident_id.hex()
    work.announce(parts.event(now, person.actor(), Action.UNLOCKED, Outcome.DONE, account=named, incident=incident))


def _suspend(parts: Parts, work: UnitOfWork, person: Person, one: Containment, aim: Aim, now: datetime) -> None:
    account = aim.account
    if account is None:
        raise NotFound("account")
    if account.state is AccountState.SUSPENDED and containments.others_on(work.connection, one):
        return  # another incident has suspended it: it comes back when both are done with it
    # An administrator can always make another officer, who ends this; the last one who can act stays.
    if containments.active_in_role(work.connection, Role.ADMIN.value) == [account.work_number]:
        raise AccessRefused("last_administrator")
    moved(work, account, Act.SUSPEND, NO_SECRET)
    ended = sessions.end_all(work.connection, account.account_id, now)
    named, incident = account.work_number, one.incident_id.hex()
    work.announce(
        parts.event(now, person.actor(), Action.SUSPENDED, Outcome.DONE, account=named, ended=ended, incident=incident)
    )


def _radius(connection: Connection, typed: str, incident_id: bytes) -> bytes:
    frozen = radius.of_incident(connection, incident_id)
    if typed:
        frozen = [one for one in frozen if one.radius_id == _id(typed)]
    if not frozen:
        raise NotFound("radius_to_hold")
    return frozen[0].radius_id


def _id(typed: str) -> bytes | None:
    try:
        found = bytes.fromhex(typed.lower())
    except ValueError:
        return None
    return found if len(found) == ID_BYTES and len(typed) == 2 * ID_BYTES else None
