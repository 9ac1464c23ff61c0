"""Steps that the walks of emergency access share: one request with its people, who is told of it, and refusals."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from sqlalchemy import Connection

from vault.crypto.key_store import KeyStore
from vault.domain.access import Colleague, deciders
from vault.domain.emergency import Emergency, Standing, Vote
from vault.domain.ids import Role
from vault.domain.log import Action, Event, Outcome
from vault.domain.people import AccountState, Person
from vault.domain.policy import Policy
from vault.domain.rules.access import Right
from vault.errors import AccessRefused, NotFound
from vault.services.steps.humans import same_human
from vault.services.steps.parts import Parts
from vault.storage import break_glass, people
from vault.storage.people import Account


@dataclass(frozen=True, slots=True)
class Matter:
    """One request with its votes, its purpose, and the accounts that have had a part in it.

    Args:
        emergency: the request.
        purpose: of its case.
        votes: first one first.
        accounts: by id: asker, voters, second person, reviewer.
    """

    emergency: Emergency
    purpose: str
    votes: tuple[Vote, ...]
    accounts: dict[bytes, Account]

    def asker(self) -> Account:
        """Return who asked."""
        return self.accounts[self.emergency.asked_by]

    def involved(self) -> list[Account]:
        """Return who asked, voted or stood by."""
        emergency = self.emergency
        ids = {emergency.asked_by, emergency.second_person, *(one.account_id for one in self.votes)}
        return [account for key, account in self.accounts.items() if key in ids]

    def number_of(self, account_id: bytes | None) -> str:
        """Return the work number of one of its accounts, or an empty string."""
        return "" if account_id is None else self.accounts[account_id].work_number


def matter(connection: Connection, break_glass_id: bytes, *, locked: bool = False) -> Matter:
    """Load one request; locked, nobody else changes it until this transaction ends.

    Raises:
        NotFound: there is none.
    """
    emergency = break_glass.one(connection, break_glass_id, locked=locked)
    if emergency is None:
        raise NotFound("break_glass")
    votes = break_glass.votes(connection, break_glass_id)
    ids = {emergency.asked_by, emergency.second_person, emergency.reviewed_by, *(one.account_id for one in votes)}
    accounts = people.by_ids(connection, [one for one in ids if one is not None])
    purpose = break_glass.purpose_of(connection, emergency.case_id)
    return Matter(emergency, purpose, tuple(votes), accounts)


def standing_of(policy: Policy, emergency: Emergency, now: datetime) -> Standing:
    """Return what has become of a request by now."""
    return emergency.standing(policy.break_glass.answer(), now)


def account_of(connection: Connection, person: Person) -> Account:
    """Return the account of somebody who is signed in.

    Raises:
        NotFound: it is gone.
    """
    account = people.by_work_number(connection, person.work_number)
    if account is None:
        raise NotFound("account")
    return account


def is_one_of(store: KeyStore, account: Account, others: Collection[Account]) -> bool:
    """Return whether an account must be taken for the human behind one of some others."""
    return any(same_human(store, account, other) for other in others)


def approvers(connection: Connection, policy: Policy, store: KeyStore, profile: str, asker: Account) -> list[bytes]:
    """Return who may approve a request of somebody: at work, of a role of the profile, and another human."""
    roles = policy.break_glass.profiles[profile].approvers
    return [
        one.account_id
        for one in people.every(connection)
        if _is_at_work(one)
        and one.role in roles
        and policy.allows(one.role, Right.APPROVE_BREAK_GLASS)
        and not same_human(store, one, asker)
    ]


def is_approved_still(connection: Connection, policy: Policy, store: KeyStore, about: Matter) -> bool:
    """Return whether enough of those who approved a request may approve it at this moment: who left decides no more."""
    able = approvers(connection, policy, store, about.emergency.profile, about.asker())
    return sum(one.approved and one.account_id in able for one in about.votes) >= policy.break_glass.approvals


def told_when_opened(
    connection: Connection, policy: Policy, asker: Account, owners: Collection[bytes | None]
) -> set[bytes]:
    """Return who is told that access was opened: the privacy officer, the owners, and the supervisors of each.

    Args:
        connection: an open connection.
        policy: the rules in force.
        asker: whose team and outlet count where there is no owner.
        owners: of the customers that were opened; None stands for the pool.
    """
    everyone = {one.account_id: one for one in people.every(connection)}
    able = [_place(one) for one in everyone.values() if _is_at_work(one) and one.account_id != asker.account_id]
    told = {one.account_id for one in everyone.values() if one.work_number == policy.company.privacy_officer}
    for owner in owners:
        known = everyone.get(owner) if owner is not None else None
        told |= deciders(_place(asker), _place(known) if known else None, able)
    return told


def refusal(
    parts: Parts, person: Person, action: Action, rule: str, now: datetime, about: Matter | None = None, **facts: str
) -> Event:
    """Return what the log says of somebody who may not do something about a request.

    Args:
        parts: the vault's parts.
        person: who may not.
        action: what they tried.
        rule: why not.
        now: UTC.
        about: the request.
        facts: further facts for the log.
    """
    return parts.event(
        now,
        person.actor(),
        action,
        Outcome.REFUSED,
        purpose="" if about is None else about.purpose,
        case=b"" if about is None else about.emergency.case_id,
        rule=rule,
        opened=(),
        break_glass="" if about is None else about.emergency.break_glass_id.hex(),
        **facts,
    )


def refuse(
    parts: Parts, person: Person, action: Action, rule: str, now: datetime, about: Matter | None = None, **facts: str
) -> NoReturn:
    """Log that somebody may not do something about a request, and refuse it; see :func:`refusal`.

    Raises:
        AccessRefused: always; its reason is the rule.
    """
    parts.log_writer.write(refusal(parts, person, action, rule, now, about, **facts))
    raise AccessRefused(rule)


def _is_at_work(account: Account) -> bool:
    return account.state is AccountState.ACTIVE and account.kind == "person"


def _place(account: Account) -> Colleague:
    return Colleague(account.account_id, account.team, account.outlet, account.role is Role.SUPERVISOR)
