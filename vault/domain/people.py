"""A person at the door, and the states of an account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vault.domain.ids import Role
from vault.domain.log import Actor


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

    def actor(self) -> Actor:
        """Return the person as an event names them."""
        return Actor(self.work_number, self.role.value, self.session_id.hex(), self.source, self.node)
