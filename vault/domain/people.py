"""A person at the door, and the states of an account."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vault.domain.ids import Role
from vault.domain.log import Actor

_WORK_NUMBER = re.compile(r"[A-Z0-9][A-Z0-9_-]{0,31}")


def normal_work_number(typed: str) -> str:
    """Return a work number as it is stored, or an empty string, which no account has, for what cannot be one."""
    number = typed.strip().upper()
    return number if _WORK_NUMBER.fullmatch(number) else ""


class AccountState(StrEnum):
    """The life of an account (AC-03, AC-06)."""

    INVITED = "invited"
    ACTIVE = "active"
    LOCKED = "locked"
    SUSPENDED = "suspended"
    LEFT = "left"


class Must(StrEnum):
    """What a session's person must do before any other door opens to them."""

    CODE = "code"
    PASSWORD = "password"  # noqa: S105 - a word, not a secret
    ENROL = "enrol"
    CONFIRMATION = "confirmation"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is signed in.

    Args:
        account_id: their account.
        work_number: 工号.
        role: their role now, not at sign-in.
        outlet: their outlet's code.
        team: their team (班组).
        password_changed_at: from which the password's age counts.
        session_id: the session, as the log names it.
        source: network address.
        node: name of the host that serves them.
        must: what they must do first: give the code of their second factor, change a password that is too old
            (AC-04), set up the second factor their role requires (AC-05), or wait until a colleague has confirmed that
            it was them who came back after a reset; nothing else is open to them.
        proved_at: when password and second factor were last given in this session.
        purposes: for a program with a token, the purposes it is limited to; None for a person.
    """

    account_id: bytes
    work_number: str
    role: Role
    outlet: str
    team: str
    password_changed_at: datetime
    session_id: bytes
    source: str
    node: str
    must: Must | None = None
    proved_at: datetime | None = None
    purposes: frozenset[str] | None = None

    @property
    def must_change(self) -> bool:
        """Whether the password is too old."""
        return self.must is Must.PASSWORD

    def actor(self) -> Actor:
        """Return the person as an event names them."""
        return Actor(self.work_number, self.role.value, self.session_id.hex(), self.source, self.node)
