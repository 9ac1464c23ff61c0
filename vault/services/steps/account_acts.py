"""Steps around every act on somebody else's account: who may, on whom, and how a refusal is logged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from vault.domain.accounts import FOR_PROGRAMS, Act, led_to
from vault.domain.ids import Role
from vault.domain.log import Action, Outcome
from vault.domain.people import AccountState, Person, normal_work_number
from vault.domain.rules.access import Right
from vault.errors import AccessRefused, InvalidValue, NotFound
from vault.services.steps.admission import require_fresh
from vault.services.steps.humans import same_human
from vault.services.steps.parts import Parts
from vault.storage import people, supervision
from vault.storage.people import SERVICE, Account
from vault.storage.unit_of_work import UnitOfWork

NO_SECRET: Final[Mapping[str, None]] = {"invite_hash": None, "invite_expires_at": None}
"""What an account keeps of a one-time secret that must open nothing any more."""


@dataclass(frozen=True, slots=True)
class Taken:
    """The accounts of an act, as they are until its transaction ends.

    Args:
        account: on which it is done.
        other: a second account that was asked for by work number, None when there is none.
    """

    account: Account
    other: Account | None = None


def require_accounts(parts: Parts, person: Person) -> None:
    """Let a person go on only with the right to accounts.

    Raises:
        AccessRefused: the role does not have it.
    """
    if not parts.policy.allows(person.role, Right.ACCOUNTS):
        raise AccessRefused("no_right")


def require_administrator(parts: Parts, work: UnitOfWork, person: Person, now: datetime) -> None:
    """Let an act go on only if its actor is an administrator at this very moment, and proved it a moment ago.

    Raises:
        AccessRefused: no right to accounts, or their own account is not in use any more.
        StepUpNeeded: password and second factor were not given a moment ago.
    """
    found = people.locked(work.connection, [person.work_number])
    if Right.ACCOUNTS not in _rights(parts, found.get(person.work_number)):
        raise AccessRefused("no_right")
    require_fresh(parts, person, now)


def taken(
    parts: Parts,
    work: UnitOfWork,
    person: Person,
    work_number: str,
    now: datetime,
    *,
    other: str = "",
    by_supervisor: bool = False,
) -> Taken:
    """Take the account that an administrator acts on; nobody else changes it, or the administrator's, meanwhile.

    The administrator's own account is read again here: whoever was lowered or locked a moment ago does nothing more,
    and of two who act on each other at once only the first does. As nobody acts on their own account, one
    administrator always stays.

    Args:
        parts: the vault's parts.
        work: the transaction of the act.
        person: who acts.
        work_number: on whose account.
        now: UTC.
        other: work number of a second account to take.
        by_supervisor: let the person's supervisors do it too, unless the person supervises or administers.

    Raises:
        AccessRefused: no right to do it (``no_right``), or on an account of one's own (``own_account``): the same
            one, or another of the same human.
        StepUpNeeded: password and second factor were not given a moment ago.
        NotFound: no such account, or for a supervisor: not one of theirs.
    """
    number, second = normal_work_number(work_number), normal_work_number(other)
    found = people.locked(work.connection, (person.work_number, number, second))
    account, rights = found.get(number), _rights(parts, found.get(person.work_number))
    if Right.ACCOUNTS not in rights and not (by_supervisor and Right.SUPERVISE in rights):
        raise AccessRefused("no_right")
    require_fresh(parts, person, now)
    if account is None:
        raise NotFound("account")
    if same_human(parts.keys.current(work.connection), account, found[person.work_number]):
        raise AccessRefused("own_account")
    if Right.ACCOUNTS not in rights and not _supervises(parts, work, person, account):
        raise NotFound("account")
    return Taken(account, found.get(second))


@contextmanager
def logging_refusals(parts: Parts, person: Person, action: Action, work_number: str, now: datetime) -> Iterator[None]:
    """Log a refusal of an act on an account, then let it go on; to be put around the transaction.

    Args:
        parts: the vault's parts.
        person: who acts.
        action: what they wanted to do.
        work_number: as typed; only that of an account is logged.
        now: UTC.
    """
    try:
        yield
    except (AccessRefused, InvalidValue, NotFound) as refused:
        with parts.database.read() as connection:
            account = people.by_work_number(connection, normal_work_number(work_number))
        facts: dict[str, Any] = {} if account is None else {"account": account.work_number}
        event = parts.event(now, person.actor(), action, Outcome.REFUSED, rule=refused.reason, **facts)
        parts.log_writer.write(event)
        raise


def moved(work: UnitOfWork, account: Account, act: Act, values: Mapping[str, Any]) -> AccountState:
    """Lead an account to the state that an act leads to, set what belongs to it, and return that state.

    Raises:
        InvalidValue: the act does not lead out of its state.
    """
    usable = account.password is not None or account.kind == SERVICE
    state = led_to(account.state, act, can_sign_in=usable)
    if state is None:
        raise InvalidValue("act_not_possible", field="account")
    people.change(work.connection, account.account_id, {"state": state.value, **values})
    return state


def known_role(role: str) -> Role:
    """Return a role by its id.

    Raises:
        InvalidValue: there is no such role.
    """
    if role not in list(Role):
        raise InvalidValue("not_on_list", field="role")
    return Role(role)


def require_fitting(parts: Parts, kind: str, role: Role) -> None:
    """Refuse a role in which a program could do nothing, or could administer accounts.

    Raises:
        InvalidValue: the account is a program and the role is of that kind.
    """
    if kind == SERVICE and not fits_programs(parts, role):
        raise InvalidValue("role_not_for_programs", field="role")


def fits_programs(parts: Parts, role: Role) -> bool:
    """Return whether a program can have a role: there is something it may do, and it leads and administers nothing.

    With a program that supervises, whoever holds its token would read a whole team's customers.
    """
    rule = parts.policy.roles[role]
    leads = rule.rights & {Right.SUPERVISE, Right.ACCOUNTS}
    return bool(rule.purposes and rule.rights & FOR_PROGRAMS) and not leads


def _rights(parts: Parts, actor: Account | None) -> frozenset[Right]:
    if actor is None or actor.state is not AccountState.ACTIVE:
        return frozenset()
    return parts.policy.roles[actor.role].rights


def _supervises(parts: Parts, work: UnitOfWork, person: Person, account: Account) -> bool:
    rights = parts.policy.roles[account.role].rights
    # Those who watch or decide over a supervisor are not theirs, wherever they sit.
    led = Right.LOOKUP in rights and not rights & {Right.SUPERVISE, Right.ACCOUNTS}
    return led and person.account_id in supervision.supervisors_of(work.connection, account.account_id)
