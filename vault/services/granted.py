"""Access that one person gave another: listing what lives, and taking it back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from vault.domain.ids import RecordClass, Role
from vault.domain.log import Action, Opened, Outcome
from vault.domain.notices import NoticeKind
from vault.domain.people import Person
from vault.domain.requests import GrantKind
from vault.domain.rules.access import Right
from vault.errors import NotFound
from vault.services.steps.deciders import deciders_by_owner
from vault.services.steps.opening import check, reporting
from vault.services.steps.parts import Parts
from vault.storage import grants, notifications, records, requests
from vault.storage.grants import GivenGrant, Grant
from vault.storage.unit_of_work import unit_of_work

_LISTED = 200


@dataclass(frozen=True, slots=True)
class Granted:
    """What lives of the access that a person answers for.

    Args:
        given: what they gave, and what others gave on customers they decide on; the newest first.
        shared_with_me: what colleagues shared with them, each with who shared it.
    """

    given: tuple[GivenGrant, ...]
    shared_with_me: tuple[GivenGrant, ...]


def listed(parts: Parts, person: Person, now: datetime) -> Granted:
    """List the living grants a person gave or may revoke, and what was shared with them; ids and times only.

    Raises:
        IntegrityError: a customer's metadata was edited behind the vault's back; logged.
    """
    with parts.database.read() as connection, reporting(parts, person.actor(), {}, now):
        return Granted(
            tuple(_given(connection, parts, person, now)),
            tuple(grants.shared_with(connection, person.account_id, now, _LISTED)),
        )


def revoke(parts: Parts, person: Person, grant_id: bytes, now: datetime) -> None:
    """Take access back: from the next request on it opens nothing.

    Args:
        parts: the vault's parts.
        person: who gave it, or decides on the customer.
        grant_id: a grant that was asked for or shared.
        now: UTC.

    Raises:
        NotFound: it is not there, over already, or not theirs to revoke; one answer, logged.
        IntegrityError: the customer's metadata was edited behind the vault's back; logged.
    """
    with parts.database.read() as connection, reporting(parts, person.actor(), {}, now):
        found = grants.one(connection, grant_id)
        theirs = found is not None and bool(_revocable(connection, parts, person, [found]))
    if found is not None and theirs:
        with unit_of_work(parts.database) as work:
            if grants.revoke(work.connection, grant_id, now):
                current = grants.one(work.connection, grant_id) or found  # its case may have moved a moment ago
                work.announce(
                    parts.event(
                        now,
                        person.actor(),
                        Action.GRANT_REVOKED,
                        Outcome.DONE,
                        purpose=current.purpose,
                        case=current.case_id or b"",
                        opened=(Opened(current.record_id, RecordClass.CUSTOMER.value, ()),),
                        grant=grant_id.hex(),
                        account=requests.work_number_of(work.connection, current.account_id),
                    )
                )
                notifications.add(work.connection, [current.account_id], NoticeKind.ACCESS_REVOKED, grant_id, now)
                work.commit()
                return
    outcome = Outcome.MISS if found is None else Outcome.REFUSED
    parts.log_writer.write(parts.event(now, person.actor(), Action.GRANT_REVOKED, outcome))
    raise NotFound("grant")


def _given(connection: Connection, parts: Parts, person: Person, now: datetime) -> list[GivenGrant]:
    """Go through the living grants until the list is full: what others may revoke takes no place in it."""
    # On whose customers a supervisor decides rests on who else is at work; others decide on their own alone.
    concerned = None if person.role is Role.SUPERVISOR else person.account_id
    found: list[GivenGrant] = []
    last: Grant | None = None
    while len(found) < _LISTED:
        living = grants.decided(connection, now, _LISTED, concerned, last)
        mine = _revocable(connection, parts, person, [one.grant for one in living])
        found += [one for one in living if one.grant.grant_id in mine]
        if len(living) < _LISTED:
            break
        last = living[-1].grant
    return found[:_LISTED]


def _revocable(connection: Connection, parts: Parts, person: Person, living: Collection[Grant]) -> set[bytes]:
    """Return which grants a person gave or may take back: those on customers they decide on."""
    mine = {one.grant_id for one in living if one.granted_by == person.account_id and _is_decided(one)}
    others = [one for one in living if one.grant_id not in mine and _is_decided(one)]
    if not parts.policy.allows(person.role, Right.DECIDE):
        return mine
    store = parts.keys.current(connection)
    customers = records.load_as_stored(connection, {one.record_id for one in others})
    by_holder: dict[bytes, list[Grant]] = defaultdict(list)
    for one in others:
        if one.record_id in customers:
            by_holder[one.account_id].append(one)
    for holder, held in by_holder.items():
        owners = {customers[one.record_id].meta.owner for one in held}
        by_owner = deciders_by_owner(connection, parts.policy, store, {holder}, holder, owners)
        theirs = [one for one in held if person.account_id in by_owner[customers[one.record_id].meta.owner]]
        for one in theirs:
            check(store, customers[one.record_id])
        mine |= {one.grant_id for one in theirs}
    return mine


def _is_decided(grant: Grant) -> bool:
    # Emergency access ends by rules of its own.
    return grant.kind is not GrantKind.BREAK_GLASS
