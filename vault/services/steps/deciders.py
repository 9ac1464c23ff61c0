"""Who may decide on a request for access, or take a grant back: worked out anew at every decision."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection

from vault.crypto.key_store import KeyStore
from vault.domain.access import Colleague, deciders
from vault.domain.ids import Role
from vault.domain.people import AccountState
from vault.domain.policy import Policy
from vault.domain.rules.access import Right
from vault.services.steps.humans import same_human
from vault.storage import requests
from vault.storage.people import Account


def deciders_by_owner(
    connection: Connection,
    policy: Policy,
    store: KeyStore,
    askers: Collection[bytes],
    home: bytes,
    owners: Collection[bytes | None],
) -> dict[bytes | None, frozenset[bytes]]:
    """Return who decides on customers, by their owner.

    Nobody decides on a request of their own, under whichever of their accounts, and no program does.

    Args:
        connection: an open connection.
        policy: the rules in force.
        store: the key store in force, to tell humans by their names.
        askers: the accounts that ask, or hold what was asked: none of their humans decides.
        home: the account whose team and outlet count where there is no owner.
        owners: owners of the customers; None stands for a pool customer, and for a number that nobody has.

    Raises:
        IntegrityError: a stored name was not sealed for its account.
    """
    asking = {*askers, home}
    found = requests.who_could_decide(connection, asking | {one for one in owners if one is not None})
    places = {one.account_id: _place(one) for one in found}
    themselves = [one for one in found if one.account_id in asking]
    able = [
        places[one.account_id]
        for one in found
        if _decides(policy, one) and not any(same_human(store, one, other) for other in themselves)
    ]
    return {owner: deciders(places[home], places.get(owner) if owner is not None else None, able) for owner in owners}


def _decides(policy: Policy, account: Account) -> bool:
    return (
        account.state is AccountState.ACTIVE and account.kind == "person" and policy.allows(account.role, Right.DECIDE)
    )


def _place(account: Account) -> Colleague:
    supervises = account.role is Role.SUPERVISOR
    return Colleague(account.account_id, account.team, account.outlet, supervises)
