"""Sharing a customer with one named colleague: a link for a purpose and a time, never the data (SC-06).

The link opens nothing by itself: its receiver takes it up, which opens a case of theirs, and sees the record as the
policy shows it to them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from vault.crypto.key_store import KeyStore
from vault.domain.access import GRANT_RULE
from vault.domain.breach.containment import Doing
from vault.domain.ids import RecordClass, new_id
from vault.domain.log import Action, Opened, Outcome
from vault.domain.notices import NoticeKind
from vault.domain.people import AccountState, Person, normal_work_number
from vault.domain.requests import GrantKind
from vault.domain.rules.access import Right, Scope
from vault.errors import AccessRefused, InvalidValue, NotFound
from vault.services.steps import scope
from vault.services.steps.admission import case_of, may_use
from vault.services.steps.breach.containing import stopped_by_freeze
from vault.services.steps.humans import same_human
from vault.services.steps.opening import reporting
from vault.services.steps.parts import Parts
from vault.storage import cases, grants, notifications, people
from vault.storage.cases import Case
from vault.storage.grants import GivenGrant, Grant
from vault.storage.people import Account
from vault.storage.unit_of_work import unit_of_work

SHAREABLE = frozenset({"scope.owner", "scope.team", "scope.outlet_without_team_supervisor"})
"""The rules by which a customer is one's own to share: neither the pool's, nor somebody else's by a grant."""


@dataclass(frozen=True, slots=True)
class TakenUp:
    """Where a share leads: the case opened with it, and the customer's record."""

    case_id: bytes
    record_id: bytes


@stopped_by_freeze(Doing.BUSINESS, Action.SHARED)
def share(
    parts: Parts,
    person: Person,
    case_id: bytes,
    record_id: bytes,
    work_number: str,
    purpose: str,
    hours: int,
    now: datetime,
) -> bytes:
    """Share a customer of one's own with a colleague.

    Args:
        parts: the vault's parts.
        person: who shares.
        case_id: their open case in which they see the customer.
        record_id: the customer.
        work_number: the colleague.
        purpose: for which, one of the colleague's role.
        hours: for how long, one of the policy's choices.
        now: UTC.

    Returns:
        The grant's id: the link leads to it.

    Raises:
        AccessRefused: the role may not share, or the customer is not theirs to share (logged).
        InvalidValue: the colleague, the purpose or the time cannot be.
        NotFound: the case or the record is not there, or not theirs.
        IntegrityError: something does not fit; logged, nothing stored.
    """
    with parts.database.read() as connection:
        case = case_of(connection, person, case_id)
        may_use(parts, person, Right.SHARE, case.purpose, now)
        store = parts.keys.current(connection)
        rule = _rule_to_share(connection, parts, person, store, case, record_id, now)
        if hours not in parts.policy.grants.share_hours:
            raise InvalidValue("not_on_list", field="hours")
        with reporting(parts, person.actor(), {}, now):
            colleague = _receiver(connection, parts, person, store, work_number)
    if purpose not in parts.policy.roles[colleague.role].purposes:
        raise InvalidValue("not_on_list", field="purpose")
    grant_id = new_id()
    with unit_of_work(parts.database) as work:
        case_of(work.connection, person, case_id)
        grants.add(
            work.connection,
            {
                "grant_id": grant_id,
                "kind": GrantKind.SHARED.value,
                "account_id": colleague.account_id,
                "record_id": record_id,
                "case_id": None,
                "request_id": None,
                "purpose": purpose,
                "granted_by": person.account_id,
                "granted_at": now,
                "expires_at": now + timedelta(hours=hours),
            },
        )
        notifications.add(work.connection, [colleague.account_id], NoticeKind.ACCESS_SHARED, grant_id, now)
        work.announce(
            parts.event(
                now,
                person.actor(),
                Action.SHARED,
                Outcome.DONE,
                purpose=purpose,
                case=case_id,
                rule=rule,
                # By id, with no field: the log shows who was shared with whom, and opens nothing.
                opened=(Opened(record_id, RecordClass.CUSTOMER.value, ()),),
                grant=grant_id.hex(),
                account=colleague.work_number,
                hours=hours,
            )
        )
        work.commit()
    return grant_id


def offered(parts: Parts, person: Person, grant_id: bytes, now: datetime) -> GivenGrant:
    """Return what a share's link says to its receiver: who shares, for which purpose and until when.

    Raises:
        NotFound: it is not there, over, or somebody else's; logged.
    """
    with parts.database.read() as connection:
        found = next(iter(grants.shared_with(connection, person.account_id, now, 1, grant_id)), None)
        known = found is not None or grants.one(connection, grant_id) is not None
    if found is None:
        outcome = Outcome.REFUSED if known else Outcome.MISS
        parts.log_writer.write(parts.event(now, person.actor(), Action.SHARE_OPENED, outcome))
        raise NotFound("share")
    return found


@stopped_by_freeze(Doing.BUSINESS, Action.SHARE_OPENED)
def take_up(parts: Parts, person: Person, grant_id: bytes, now: datetime) -> TakenUp:
    """Take up what a colleague shared: open a case of its purpose with it, or go on in the one it opened before.

    Args:
        parts: the vault's parts.
        person: with whom it was shared.
        grant_id: the share.
        now: UTC.

    Raises:
        AccessRefused: the role may not look up for its purpose (any more); logged.
        NotFound: it is not there, over, or somebody else's; one answer, logged.
    """
    grant = offered(parts, person, grant_id, now).grant
    may_use(parts, person, Right.LOOKUP, grant.purpose, now)
    if grant.case_id is None:
        grant = _bound(parts, person, grant, now)
    if grant.case_id is None:
        raise NotFound("share")
    return TakenUp(grant.case_id, grant.record_id)


def _bound(parts: Parts, person: Person, grant: Grant, now: datetime) -> Grant:
    """Open a case with a share; of two who do so at once, both go on in the same one."""
    case_id = new_id()
    with unit_of_work(parts.database) as work:
        cases.start(work.connection, Case(case_id, grant.purpose, person.account_id, now, None, person.account_id))
        if grants.take_up(work.connection, grant.grant_id, person.account_id, case_id, now):
            cases.bind(work.connection, case_id, [grant.record_id])
            work.announce(
                parts.event(
                    now,
                    person.actor(),
                    Action.SHARE_OPENED,
                    Outcome.DONE,
                    purpose=grant.purpose,
                    case=case_id,
                    rule=GRANT_RULE,
                    opened=(Opened(grant.record_id, RecordClass.CUSTOMER.value, ()),),
                    grant=grant.grant_id.hex(),
                )
            )
            work.commit()
    return offered(parts, person, grant.grant_id, now).grant


def _rule_to_share(
    connection: Connection,
    parts: Parts,
    person: Person,
    store: KeyStore,
    case: Case,
    record_id: bytes,
    now: datetime,
) -> str:
    """Return the rule by which a customer is somebody's own to share; whose is not is refused, and that is logged."""
    subject, rules = scope.within_case(connection, parts, person, store, case, record_id, Action.SHARED, now)
    rule = rules.get(record_id, "")
    if subject.meta.record_class is RecordClass.CUSTOMER and rule in SHAREABLE:
        return rule
    parts.log_writer.write(
        parts.event(
            now,
            person.actor(),
            Action.SHARED,
            Outcome.REFUSED,
            purpose=case.purpose,
            case=case.case_id,
            rule="not_to_share",
        )
    )
    raise AccessRefused("not_to_share")


def _receiver(connection: Connection, parts: Parts, person: Person, store: KeyStore, work_number: str) -> Account:
    """Return the colleague of a work number: another human, who can be shared with."""
    colleague = people.by_work_number(connection, normal_work_number(work_number))
    me = people.by_work_number(connection, person.work_number)
    if colleague is None or me is None or not _receives(parts, colleague) or same_human(store, me, colleague):
        raise InvalidValue("no_such_colleague", field="colleague")
    return colleague


def _receives(parts: Parts, account: Account) -> bool:
    """Return whether somebody can be shared with at all: a human at work whose role looks customers up."""
    role = parts.policy.roles[account.role]
    at_work = account.state is AccountState.ACTIVE and account.kind == "person"
    return at_work and Right.LOOKUP in role.rights and role.scope is not Scope.NONE
