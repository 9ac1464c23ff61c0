"""The return of somebody whose password or second factor an administrator took away: who says that it was them.

Whoever makes a one-time secret has seen it. So another human confirms that the person themselves came back, before
the account does anything (four eyes).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from vault.domain.ids import Role
from vault.domain.policy import Policy
from vault.domain.rules.people import Confirmer


class ResetKind(StrEnum):
    """What was done to an account: after the first two its return is owed, the third only tells who has a secret."""

    PASSWORD = "password"  # noqa: S105 - a word, not a secret
    SECOND_FACTOR = "second_factor"
    SECRET = "secret"  # noqa: S105 - the same


@dataclass(frozen=True, slots=True)
class Able:
    """Who could confirm a return: at work, and other humans than the person and all who did the resetting.

    Args:
        supervisors: of the person's team, else of their outlet.
        administrators: all of them.
        privacy_officer: the one of the policy, or nobody.
    """

    supervisors: frozenset[bytes]
    administrators: frozenset[bytes]
    privacy_officer: frozenset[bytes]


def is_needed(policy: Policy, role: Role) -> bool:
    """Return whether somebody of a role must be confirmed after a reset; with no word in the policy, grave roles."""
    return bool(policy.passwords.reset_needs_confirmation_by) or policy.roles[role].second_factor


def confirmers(named: Iterable[Confirmer], able: Able) -> frozenset[bytes]:
    """Return who confirms a return.

    Where none of those whom the policy names is there, other administrators and the privacy officer do; where these
    are not there either, nobody does, and the account stays shut.

    Args:
        named: by the policy; nobody named means the supervisors.
        able: who could.
    """
    groups = {Confirmer.SUPERVISOR: able.supervisors, Confirmer.ADMIN: able.administrators}
    chosen = frozenset[bytes]().union(*(groups[one] for one in set(named) or {Confirmer.SUPERVISOR}))
    return chosen or able.administrators | able.privacy_officer
