"""Nobody works on an incident that is about themselves, reads it, or is told of it (BR-01, UL-03).

An incident is about whoever a signal, a misuse record or a measure of it names, and about everybody who must be taken
for the same human. To them it is not there: a refusal with a reason would tell a suspect that they are one.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from vault.domain.breach.signals import Evidence
from vault.domain.people import Person
from vault.services.steps.humans import same_human
from vault.services.steps.parts import Parts
from vault.storage import people
from vault.storage.breach import concerned


def is_own(parts: Parts, connection: Connection, person: Person, incident_id: bytes) -> bool:
    """Return whether an incident is about this person."""
    return bool(_same(parts, connection, person.account_id, concerned.accounts(connection, incident_id)))


def own_ones(parts: Parts, connection: Connection, person: Person) -> set[bytes]:
    """Return the incidents that are about this person, for lists: they are left out."""
    about = _same(parts, connection, person.account_id, concerned.accounts(connection))
    return concerned.incidents_about(connection, about)


def not_about(parts: Parts, connection: Connection, person: Person, signals: Iterable[Evidence]) -> list[Evidence]:
    """Return the signals that are not about this person, nor of an incident that is."""
    signals = list(signals)
    accounts = {one.found.account_id for one in signals if one.found.account_id is not None}
    accounts = _same(parts, connection, person.account_id, accounts)
    own = own_ones(parts, connection, person)
    return [one for one in signals if one.found.account_id not in accounts and one.incident_id not in own]


def others(
    parts: Parts,
    connection: Connection,
    account_ids: Iterable[bytes],
    incident_id: bytes | None,
    about: bytes | None = None,
) -> list[bytes]:
    """Return who of some people may be told of an incident, or of a signal: those whom it is not about.

    Args:
        parts: the vault's parts.
        connection: an open connection.
        account_ids: of people.
        incident_id: the incident; None for a signal that leads to none.
        about: an account that it is about as well, where the incident does not say so yet.
    """
    suspects = set() if incident_id is None else concerned.accounts(connection, incident_id)
    if about is not None:
        suspects.add(about)
    return [one for one in account_ids if not _same(parts, connection, one, suspects)]


def _same(parts: Parts, connection: Connection, account_id: bytes, suspects: set[bytes]) -> set[bytes]:
    """Return which of some accounts belong to the human of another one."""
    if not suspects:
        return set()
    found = people.by_ids(connection, suspects | {account_id})
    store = parts.keys.current(connection)
    return {one for one in suspects if one in found and same_human(store, found[account_id], found[one])}
