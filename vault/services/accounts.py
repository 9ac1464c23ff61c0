"""What an administrator does to somebody else's account; nobody does any of it to their own."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from vault.domain.accounts import Act
from vault.domain.log import Action, Outcome
from vault.domain.notices import NoticeKind
from vault.domain.people import AccountState, Person
from vault.domain.returns import ResetKind
from vault.errors import InvalidValue, NotFound
from vault.services.steps import new_passwords
from vault.services.steps.account_acts import NO_SECRET, known_role, logging_refusals, moved, require_fitting, taken
from vault.services.steps.breach.containing import refuse_standing
from vault.services.steps.intake_rows import checked_code
from vault.services.steps.parts import Parts
from vault.services.steps.returning import could_act, note_reset
from vault.services.steps.tokens import digest
from vault.storage import grants, notifications, people, resets, sessions
from vault.storage.breach import containments
from vault.storage.people import SERVICE
from vault.storage.unit_of_work import unit_of_work


def invite(parts: Parts, person: Person, work_number: str, now: datetime) -> str:
    """Make a one-time secret for an account that waits for its person; returns it, shown once.

    Raises:
        AccessRefused: no right to accounts, or one's own.
        StepUpNeeded: password and second factor were not given a moment ago.
        InvalidValue: the account is not waiting for its person (``act_not_possible``).
        NotFound: no account has this work number.
    """
    secret = secrets.token_urlsafe(16)
    with (
        logging_refusals(parts, person, Action.INVITE, work_number, now),
        unit_of_work(parts.database) as work,
    ):
        account = taken(parts, work, person, work_number, now).account
        moved(work, account, Act.INVITE, _secret_values(parts, secret, now))
        event = parts.event(now, person.actor(), Action.INVITE, Outcome.DONE, account=account.work_number)
        if resets.unconfirmed_of(work.connection, account.account_id):
            # Whoever makes the next secret of a reset account has seen it too, and does not confirm the return.
            note_reset(parts, work, event, account, ResetKind.SECRET, person, now)
        work.announce(event)
        work.commit()
    return secret


def reset(parts: Parts, person: Person, work_number: str, now: datetime) -> str:
    """Take an account's password away and make a one-time secret with which its person chooses a new one.

    The old password opens nothing from now on and every session ends. A second factor stays, and activation asks for
    its code: whoever carries the secret to the person cannot take the account over with it. The person is told in
    the vault and the event names them; a locked or suspended account stays so, and its secret waits. Supervisors, the
    other administrators and the privacy officer are told who did it, and the account does nothing more before somebody
    else has confirmed that its person came back (:mod:`vault.services.returns`).

    Args:
        parts: the vault's parts.
        person: the administrator; they neither learn nor choose a password.
        work_number: whose account.
        now: UTC.

    Returns:
        The secret, shown once; it ends after the policy's hours.

    Raises:
        AccessRefused: no right to accounts, or one's own.
        StepUpNeeded: password and second factor were not given a moment ago.
        InvalidValue: the account has no password to reset (``act_not_possible``).
        NotFound: no account has this work number.
    """
    secret = secrets.token_urlsafe(16)
    with (
        logging_refusals(parts, person, Action.RESET, work_number, now),
        unit_of_work(parts.database) as work,
    ):
        account = taken(parts, work, person, work_number, now).account
        if account.kind == SERVICE:
            raise InvalidValue("act_not_possible", field="account")
        gone = {"password": None, "password_changed_at": None, "password_expired_at": None}
        moved(work, account, Act.RESET, gone | _secret_values(parts, secret, now))
        new_passwords.remember(work.connection, parts, account, now)
        ended = sessions.end_all(work.connection, account.account_id, now)
        event = parts.event(now, person.actor(), Action.RESET, Outcome.DONE, account=account.work_number, ended=ended)
        notifications.add(work.connection, [account.account_id], NoticeKind.ACCOUNT_RESET, event.event_id, now)
        if could_act(account) or resets.unconfirmed_of(work.connection, account.account_id):
            note_reset(parts, work, event, account, ResetKind.PASSWORD, person, now)
        work.announce(event)
        work.commit()
    return secret


def suspend(parts: Parts, person: Person, work_number: str, now: datetime) -> AccountState:
    """Suspend an account for a leave of absence: its sessions end at once; returns its new state.

    Raises:
        AccessRefused: no right to accounts, or one's own.
        StepUpNeeded: password and second factor were not given a moment ago.
        InvalidValue: its state does not allow that (``act_not_possible``).
        NotFound: no account has this work number.
    """
    return _stop(parts, person, work_number, Act.SUSPEND, Action.SUSPENDED, now)


def lock(parts: Parts, person: Person, work_number: str, now: datetime) -> AccountState:
    """Lock an account in an emergency, such as a suspected leak: its sessions end at once; returns its new state.

    Supervisors may do it to the people they answer for; only an administrator unlocks. The vault never does it by
    itself: nobody can lock a colleague out by typing wrong passwords.

    Raises:
        AccessRefused: no right, or one's own account.
        StepUpNeeded: password and second factor were not given a moment ago.
        InvalidValue: its state does not allow that (``act_not_possible``).
        NotFound: no such account, or not one of the supervisor's people: one answer.
    """
    return _stop(parts, person, work_number, Act.LOCK, Action.LOCKED, now)


def unlock(parts: Parts, person: Person, work_number: str, now: datetime) -> AccountState:
    """Bring a locked or suspended account back: to use, or to waiting for its person when it has no password.

    Raises:
        AccessRefused: no right to accounts, or one's own; ``incident_keeps_it``: an officer suspended it for an
            incident, and ends that there.
        StepUpNeeded: password and second factor were not given a moment ago.
        InvalidValue: it is neither locked nor suspended (``act_not_possible``).
        NotFound: no account has this work number.
    """
    with (
        logging_refusals(parts, person, Action.UNLOCKED, work_number, now),
        unit_of_work(parts.database) as work,
    ):
        account = taken(parts, work, person, work_number, now).account
        refuse_standing(containments.suspended_by(work.connection, account.account_id))
        state = moved(work, account, Act.UNLOCK, {})
        work.announce(parts.event(now, person.actor(), Action.UNLOCKED, Outcome.DONE, account=account.work_number))
        work.commit()
    return state


def change_place(
    parts: Parts, person: Person, work_number: str, role: str, outlet: str, team: str, now: datetime
) -> None:
    """Give an account another role, outlet or team; a live session acts by it from its next request on.

    What the old role was granted ends with it; cases stay, and show only what the new role may see.

    Args:
        parts: the vault's parts.
        person: the administrator.
        work_number: whose account.
        role: role id.
        outlet: code of the outlet.
        team: code of the team, or empty.
        now: UTC.

    Raises:
        AccessRefused: no right to accounts, or one's own.
        StepUpNeeded: password and second factor were not given a moment ago.
        InvalidValue: no such role, or what was typed is no code.
        NotFound: no account has this work number, or its person has left.
    """
    with (
        logging_refusals(parts, person, Action.ROLE_CHANGED, work_number, now),
        unit_of_work(parts.database) as work,
    ):
        account = taken(parts, work, person, work_number, now).account
        if account.state is AccountState.LEFT:
            raise NotFound("account")
        fresh = replace(
            account, role=known_role(role), outlet=checked_code(outlet, "outlet"), team=checked_code(team, "team")
        )
        require_fitting(parts, account.kind, fresh.role)
        if fresh == account:
            return
        people.change(
            work.connection, account.account_id, {"role": fresh.role.value, "outlet": fresh.outlet, "team": fresh.team}
        )
        ended = 0
        if fresh.role is not account.role:
            ended = grants.end_all_of(work.connection, account.account_id, now)
        moved: dict[str, Any] = {}
        if (fresh.outlet, fresh.team) != (account.outlet, account.team):
            moved = {"from_outlet": account.outlet, "from_team": account.team}
            moved |= {"to_outlet": fresh.outlet, "to_team": fresh.team}
        event = parts.event(
            now,
            person.actor(),
            Action.ROLE_CHANGED,
            Outcome.DONE,
            account=account.work_number,
            account_role=account.role.value,
            to=fresh.role.value,
            ended=ended,
            **moved,
        )
        work.announce(event)
        work.commit()


def _stop(parts: Parts, person: Person, work_number: str, act: Act, action: Action, now: datetime) -> AccountState:
    by_supervisor = act is Act.LOCK
    with (
        logging_refusals(parts, person, action, work_number, now),
        unit_of_work(parts.database) as work,
    ):
        account = taken(parts, work, person, work_number, now, by_supervisor=by_supervisor).account
        # A one-time secret may be in wrong hands too; tokens open nothing while the account is not in use.
        state = moved(work, account, act, NO_SECRET)
        ended = sessions.end_all(work.connection, account.account_id, now)
        event = parts.event(now, person.actor(), action, Outcome.DONE, account=account.work_number, ended=ended)
        work.announce(event)
        work.commit()
    return state


def _secret_values(parts: Parts, secret: str, now: datetime) -> dict[str, Any]:
    ends = now + timedelta(hours=parts.policy.sessions.invite_hours)
    return {"invite_hash": digest(secret), "invite_expires_at": ends}
