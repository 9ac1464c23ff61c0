"""Steps that the walks of destruction share: who may act on a plan, whose signatures still count, and refusing."""

from __future__ import annotations

from datetime import datetime
from typing import NoReturn

from sqlalchemy import Connection

from vault.crypto.key_store import KeyStore
from vault.domain.destruction import PURPOSE, plan_digest
from vault.domain.log import Action, Actor, Outcome
from vault.domain.notices import NoticeKind
from vault.domain.people import AccountState, Person
from vault.domain.policy import Policy
from vault.domain.rules.access import Right
from vault.errors import AccessRefused, IntegrityError, NotFound
from vault.services.steps.humans import same_human
from vault.services.steps.parts import Parts
from vault.storage import destruction, notifications, people
from vault.storage.destruction import Plan
from vault.storage.people import Account


def require(parts: Parts, person: Person, right: Right, action: Action, now: datetime, plan: str = "") -> None:
    """Let a person go on only with a right; a program never destroys and sees no plan.

    Raises:
        AccessRefused: ``no_right`` (logged).
    """
    if not parts.policy.allows(person.role, right) or person.purposes is not None:
        refuse(parts, person.actor(), action, "no_right", now, plan)


def refuse(parts: Parts, actor: Actor, action: Action, rule: str, now: datetime, plan: str = "") -> NoReturn:
    """Log that somebody may not do something, and refuse it.

    Args:
        parts: the vault's parts.
        actor: who may not.
        action: what they tried.
        rule: why not.
        now: UTC.
        plan: id of the plan it is about, in hexadecimal digits, if there is one.

    Raises:
        AccessRefused: always; its reason is the rule.
    """
    facts = {"plan": plan} if plan else {}
    event = parts.event(now, actor, action, Outcome.REFUSED, purpose=PURPOSE, rule=rule, case=b"", opened=(), **facts)
    parts.log_writer.write(event)
    raise AccessRefused(rule)


def one(connection: Connection, plan_id: bytes) -> Plan:
    """Return a plan.

    Raises:
        NotFound: there is none.
    """
    found = destruction.plan(connection, plan_id)
    if found is None:
        raise NotFound("plan")
    return found


def still_signed(connection: Connection, policy: Policy, store: KeyStore, plan: Plan) -> str:
    """Return why the two signatures of an approved plan no longer count, or an empty string.

    Both are asked for again whenever the plan is used: somebody who left, was suspended, changed role or name between
    approving and carrying out signs nothing.

    Args:
        connection: an open connection.
        policy: the rules in force.
        store: the key store in force, to open the names.
        plan: an approved plan.

    Returns:
        ``proposer_not_able``, ``approver_not_able`` or ``own_plan``.
    """
    proposer, approver = signer(connection, policy, plan.proposed_by), signer(connection, policy, plan.approved_by)
    if proposer is None:
        return "proposer_not_able"
    if approver is None:
        return "approver_not_able"
    return "own_plan" if same_human(store, proposer, approver) else ""


def signer(connection: Connection, policy: Policy, account_id: bytes | None) -> Account | None:
    """Return the account of an officer who may sign now; None if there is none, or it may not."""
    found = {} if account_id is None else people.by_ids(connection, [account_id])
    return next((one for one in found.values() if may_sign(policy, one)), None)


def tell_officers(
    connection: Connection, policy: Policy, but: Person, kind: NoticeKind, about: bytes, now: datetime
) -> None:
    """Tell every other officer who may destroy."""
    told = [
        account.account_id
        for account in people.every(connection)
        if may_sign(policy, account) and account.account_id != but.account_id
    ]
    notifications.add(connection, told, kind, about, now)


def require_unchanged(parts: Parts, actor: Actor, plan: Plan, now: datetime) -> None:
    """Refuse a plan whose records are not those it was frozen with.

    Raises:
        IntegrityError: ``plan_changed`` (logged).
    """
    with parts.database.read() as connection:
        try:
            found = plan_digest(plan.plan_id, plan.as_of, plan.policy, destruction.items(connection, plan.plan_id))
        except (ValueError, TypeError, OverflowError, AttributeError):  # a word or a time that is none of ours
            found = b""
    if found != plan.digest:
        parts.log_writer.write(
            parts.event(
                now, actor, Action.INTEGRITY_FAILURE, Outcome.FAILED, reason="plan_changed", plan=plan.plan_id.hex()
            )
        )
        raise IntegrityError("plan_changed")


def may_sign(policy: Policy, account: Account) -> bool:
    """Return whether somebody is an officer at work: an active account of a person whose role destroys."""
    return (
        account.state is AccountState.ACTIVE
        and account.kind == people.PERSON
        and policy.allows(account.role, Right.DESTROY)
    )
