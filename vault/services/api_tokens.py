"""Service accounts and their tokens: programs that call the API, limited to purposes and to what needs no human."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from vault.domain.breach.containment import Doing
from vault.domain.ids import Role, new_id
from vault.domain.log import Action, Outcome
from vault.domain.people import AccountState, Person, normal_work_number
from vault.errors import InvalidValue, NotFound
from vault.services.steps.account_acts import (
    fits_programs,
    known_role,
    logging_refusals,
    require_accounts,
    require_administrator,
    require_fitting,
    taken,
)
from vault.services.steps.breach.containing import stopped_by_freeze
from vault.services.steps.intake_rows import checked_code
from vault.services.steps.parts import Parts
from vault.services.steps.tokens import digest
from vault.storage import api_tokens, people
from vault.storage.api_tokens import TokenLine
from vault.storage.people import SERVICE
from vault.storage.unit_of_work import unit_of_work

PREFIX = "dvt_"
"""By which people, and tools that look for lost secrets, know a token of ours."""

MOST_NAME = 64
"""Characters in the name of a program."""

_TOUCH_EVERY = timedelta(minutes=1)
_LISTED = 100


@dataclass(frozen=True, slots=True)
class NewToken:
    """A fresh token: shown once, stored as its digest."""

    token: str
    token_id: bytes
    expires_at: datetime


@stopped_by_freeze(Doing.BUSINESS, Action.SERVICE_ACCOUNT)
def make_service_account(
    parts: Parts, person: Person, work_number: str, name: str, role: str, outlet: str, now: datetime
) -> str:
    """Make an account for a program; it has no password and no second factor, only tokens.

    Args:
        parts: the vault's parts.
        person: the administrator.
        work_number: of the program; how the log names it.
        name: what it is called.
        role: whose scope and field views it has, among what a program may do.
        outlet: code of the outlet.
        now: UTC.

    Returns:
        The work number as stored.

    Raises:
        AccessRefused: no right to accounts.
        StepUpNeeded: password and second factor were not given a moment ago.
        InvalidValue: the work number is none or taken, the name is missing or too long, there is no such role or
            it is none for programs, the outlet is no code.
    """
    number = normal_work_number(work_number)
    with (
        logging_refusals(parts, person, Action.SERVICE_ACCOUNT, "", now),
        unit_of_work(parts.database) as work,
    ):
        require_administrator(parts, work, person, now)
        if not number:
            raise InvalidValue("not_a_work_number", field="work_number")
        called = " ".join(name.split())
        if not called:
            raise InvalidValue("value_missing", field="name")
        if len(called) > MOST_NAME:
            raise InvalidValue("text_too_long", field="name", most=MOST_NAME)
        fitting = known_role(role)
        require_fitting(parts, SERVICE, fitting)
        values: dict[str, Any] = {"role": fitting.value, "outlet": checked_code(outlet, "outlet"), "team": ""}
        if people.by_work_number(work.connection, number) is not None:
            raise InvalidValue("work_number_taken", field="work_number")
        account_id = new_id()
        sealed = parts.keys.current(work.connection).seal_person(account_id, "name", called)
        values |= {"account_id": account_id, "work_number": number, "state": AccountState.ACTIVE.value}
        people.add(work.connection, [{**values, "kind": SERVICE, "sealed_name": sealed, "created_at": now}])
        work.announce(
            parts.event(
                now,
                person.actor(),
                Action.SERVICE_ACCOUNT,
                Outcome.DONE,
                account=number,
                account_role=fitting.value,
            )
        )
        work.commit()
    return number


@stopped_by_freeze(Doing.BUSINESS, Action.TOKEN_MADE)
def make_token(
    parts: Parts, person: Person, work_number: str, purposes: Sequence[str], days: int, now: datetime
) -> NewToken:
    """Make a token for a program.

    Args:
        parts: the vault's parts.
        person: the administrator.
        work_number: of the service account.
        purposes: what it is limited to, some of its role's.
        days: how long it lives, at most what the policy allows.
        now: UTC.

    Returns:
        The token, shown once.

    Raises:
        AccessRefused: no right to accounts.
        StepUpNeeded: password and second factor were not given a moment ago.
        InvalidValue: not a program, or one that is not in use; no purpose, or one that is not its role's; too long.
        NotFound: no account has this work number.
    """
    token, token_id = PREFIX + secrets.token_urlsafe(32), new_id()
    most = parts.policy.sessions.tokens.most_days
    with (
        logging_refusals(parts, person, Action.TOKEN_MADE, work_number, now),
        unit_of_work(parts.database) as work,
    ):
        account = taken(parts, work, person, work_number, now).account
        if account.kind != SERVICE or account.state is not AccountState.ACTIVE:
            raise InvalidValue("act_not_possible", field="account")
        wanted = set(purposes)
        if not wanted or not wanted.issubset(parts.policy.roles[account.role].purposes):
            raise InvalidValue("not_on_list", field="purposes")
        if not 1 <= days <= most:
            raise InvalidValue("days_out_of_range", field="days", least=1, most=most)
        expires_at = now + timedelta(days=days)
        api_tokens.add(
            work.connection, digest(token), token_id, account.account_id, wanted, person.account_id, now, expires_at
        )
        work.announce(
            parts.event(
                now,
                person.actor(),
                Action.TOKEN_MADE,
                Outcome.DONE,
                account=account.work_number,
                token=token_id.hex(),
                purposes=",".join(sorted(wanted)),
            )
        )
        work.commit()
    return NewToken(token, token_id, expires_at)


def end_token(parts: Parts, person: Person, work_number: str, token_id: bytes, now: datetime) -> None:
    """End a token at once.

    Raises:
        AccessRefused: no right to accounts.
        StepUpNeeded: password and second factor were not given a moment ago.
        NotFound: the account has no such token, or it was ended before.
    """
    with (
        logging_refusals(parts, person, Action.TOKEN_ENDED, work_number, now),
        unit_of_work(parts.database) as work,
    ):
        account = taken(parts, work, person, work_number, now).account
        if not api_tokens.end_one(work.connection, account.account_id, token_id, now):
            raise NotFound("token")
        work.announce(
            parts.event(
                now,
                person.actor(),
                Action.TOKEN_ENDED,
                Outcome.DONE,
                account=account.work_number,
                token=token_id.hex(),
            )
        )
        work.commit()


def list_tokens(parts: Parts, person: Person, work_number: str, now: datetime) -> list[TokenLine]:
    """List the tokens of a service account, newest first; never the tokens themselves.

    Raises:
        AccessRefused: no right to accounts.
        NotFound: no account has this work number.
    """
    with logging_refusals(parts, person, Action.PEOPLE_LIST, work_number, now):
        require_accounts(parts, person)
        with parts.database.read() as connection:
            account = people.by_work_number(connection, normal_work_number(work_number))
            if account is None:
                raise NotFound("account")
            return api_tokens.listed(connection, account.account_id, _LISTED)


def person_of(parts: Parts, token: str, source: str, now: datetime) -> Person | None:
    """Return the program that a token belongs to at this moment, or None.

    State, role and expiry are read anew for each request. An expired token is ended when it is first seen, so that a
    clock that goes back does not revive it; the time of last use is written at most once a minute.
    """
    with parts.database.read() as connection:
        found = api_tokens.by_hash(connection, digest(token))
    if found is None or found.account.kind != SERVICE or found.account.state is not AccountState.ACTIVE:
        return None
    account = found.account
    if now >= found.expires_at:
        with unit_of_work(parts.database) as work:
            api_tokens.end_one(work.connection, account.account_id, found.token_id, now)
            work.commit()
        return None
    if found.seen_at is None or now - found.seen_at >= _TOUCH_EVERY:
        with unit_of_work(parts.database) as work:
            api_tokens.touch(work.connection, found.token_id, now)
            work.commit()
    return Person(
        account.account_id,
        account.work_number,
        account.role,
        account.outlet,
        account.team,
        found.made_at,
        found.token_id,
        source,
        parts.node,
        purposes=found.purposes,
    )


def roles_for_programs(parts: Parts) -> list[Role]:
    """List the roles that a program can have, in the order of the policy."""
    return [role for role in parts.policy.roles if fits_programs(parts, role)]
