"""The life of an account: which act leads from which state to which (AC-03, AC-06)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from vault.domain.people import AccountState
from vault.domain.rules.access import Right

_INVITED, _ACTIVE, _LOCKED, _SUSPENDED, _LEFT = (
    AccountState.INVITED,
    AccountState.ACTIVE,
    AccountState.LOCKED,
    AccountState.SUSPENDED,
    AccountState.LEFT,
)


class Act(StrEnum):
    """What is done to an account."""

    INVITE = "invite"
    ACTIVATE = "activate"
    RESET = "reset"
    SUSPEND = "suspend"
    LOCK = "lock"
    UNLOCK = "unlock"
    LEAVE = "leave"


_LEADS: Mapping[tuple[AccountState, Act], AccountState] = {
    (_INVITED, Act.INVITE): _INVITED,
    (_INVITED, Act.ACTIVATE): _ACTIVE,
    # A one-time secret of the local operator leaves a password in use until its owner chooses the next one.
    (_ACTIVE, Act.ACTIVATE): _ACTIVE,
    (_ACTIVE, Act.RESET): _INVITED,
    (_LOCKED, Act.RESET): _LOCKED,
    (_SUSPENDED, Act.RESET): _SUSPENDED,
    (_INVITED, Act.SUSPEND): _SUSPENDED,
    (_ACTIVE, Act.SUSPEND): _SUSPENDED,
    (_INVITED, Act.LOCK): _LOCKED,
    (_ACTIVE, Act.LOCK): _LOCKED,
    (_SUSPENDED, Act.LOCK): _LOCKED,
    (_LOCKED, Act.UNLOCK): _ACTIVE,
    (_SUSPENDED, Act.UNLOCK): _ACTIVE,
    (_INVITED, Act.LEAVE): _LEFT,
    (_ACTIVE, Act.LEAVE): _LEFT,
    (_LOCKED, Act.LEAVE): _LEFT,
    (_SUSPENDED, Act.LEAVE): _LEFT,
}

FOR_PROGRAMS = frozenset({Right.LOOKUP, Right.REVEAL, Right.ASK})
"""What a program with a token may do at most, whatever its role; to decide, approve and administer takes a human."""


def led_to(state: AccountState, act: Act, *, can_sign_in: bool) -> AccountState | None:
    """Return the state an act leads to, None when it is not possible; nothing leads out of ``left``.

    Args:
        state: of the account now.
        act: what is to be done.
        can_sign_in: whether it has a password, or is a program that needs none; one that has not waits for its
            owner to choose one when it is unlocked.
    """
    following = _LEADS.get((state, act))
    if act is Act.UNLOCK and following is not None and not can_sign_in:
        return AccountState.INVITED
    return following


def possible(state: AccountState, *, is_program: bool) -> frozenset[Act]:
    """Return what an administrator can do to an account in this state; a program has no password to reset."""
    acts = {act for of, act in _LEADS if of is state and act is not Act.ACTIVATE}
    return frozenset(acts - {Act.INVITE, Act.RESET} if is_program else acts)
