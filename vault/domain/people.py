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
        must_change: the password is too old; nothing but its change is open (AC-04).
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
    must_change: bool = False

    def actor(self) -> Actor:
        """Return the person as an event names them."""
        return Actor(self.work_number, self.role.value, self.session_id.hex(), self.source, self.node)
