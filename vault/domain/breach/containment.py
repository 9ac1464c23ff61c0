"""Measures against a breach: what each is about, which of them stand until they are ended, and what they stop."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

THE_VAULT = b""
"""Target of a measure that is about the whole vault."""


class Target(StrEnum):
    """What a measure is about."""

    ACCOUNT = "account"
    ACCOUNT_OR_CUSTOMER = "account_or_customer"
    RADIUS = "radius"
    VAULT = "vault"


class Measure(StrEnum):
    """What an officer can do at once; the policy names each."""

    SUSPEND_ACCOUNT = "suspend_account"
    END_SESSIONS = "end_sessions"
    REVOKE_TOKENS = "revoke_tokens"
    REVOKE_GRANTS = "revoke_grants"
    FREEZE_REVEALS = "freeze_reveals"
    FREEZE_EXPORTS = "freeze_exports"
    FREEZE_IMPORTS = "freeze_imports"
    READ_ONLY = "read_only"
    HOLD_EVIDENCE = "hold_evidence"

    @property
    def target(self) -> Target:
        """What it is about."""
        return _TARGETS.get(self, Target.VAULT)

    @property
    def stands(self) -> bool:
        """Whether it is in force until somebody ends it; what was merely ended does not come back."""
        return self not in (Measure.END_SESSIONS, Measure.REVOKE_TOKENS, Measure.REVOKE_GRANTS)

    @property
    def of_an_account(self) -> bool:
        """Whether somebody's account may be its target: such an act asks who does it once more."""
        return self.target in (Target.ACCOUNT, Target.ACCOUNT_OR_CUSTOMER)


_TARGETS: Mapping[Measure, Target] = {
    Measure.SUSPEND_ACCOUNT: Target.ACCOUNT,
    Measure.END_SESSIONS: Target.ACCOUNT,
    Measure.REVOKE_TOKENS: Target.ACCOUNT,
    Measure.REVOKE_GRANTS: Target.ACCOUNT_OR_CUSTOMER,
    Measure.HOLD_EVIDENCE: Target.RADIUS,
}


class Doing(StrEnum):
    """What people and jobs do that a freeze can stop.

    ``business`` is whatever changes records, or who sees them, for the company's daily work. Reading masked values,
    signing in, accounts, the log, and the response to an incident are none of it and stop for nothing.
    """

    REVEAL = "reveal"
    EXPORT = "export"
    IMPORT = "import"
    BUSINESS = "business"


_STOPPED_REASONS: Mapping[Measure, str] = {
    Measure.FREEZE_REVEALS: "reveals_frozen",
    Measure.FREEZE_EXPORTS: "exports_frozen",
    Measure.FREEZE_IMPORTS: "imports_frozen",
    Measure.READ_ONLY: "read_only",
}
_STOPPED_BY: Mapping[Doing, tuple[Measure, ...]] = {
    Doing.REVEAL: (Measure.FREEZE_REVEALS,),
    Doing.EXPORT: (Measure.FREEZE_EXPORTS,),
    Doing.IMPORT: (Measure.FREEZE_IMPORTS, Measure.READ_ONLY),
    Doing.BUSINESS: (Measure.READ_ONLY,),
}


def stopped(doing: Doing, in_force: Container[Measure]) -> str:
    """Return the reason why something cannot be done now, or an empty string."""
    return next((_STOPPED_REASONS[one] for one in _STOPPED_BY[doing] if one in in_force), "")


@dataclass(frozen=True, slots=True)
class Containment:
    """One measure that was taken.

    Args:
        containment_id: random id.
        incident_id: for which incident.
        measure: what.
        target: account, customer or radius it is about; :data:`THE_VAULT` for all.
        affected: sessions, tokens, grants or records it reached.
        rehearsed: it was taken in a drill, and nothing was changed.
        taken_by: account of the officer.
        taken_at: when, UTC.
        ended_by: account of who ended it; None while it stands.
        ended_at: when; for what does not stand, the moment it was taken.
        kept_by: account of who let it outlast its incident; None if nobody did.
        kept_at: when.
    """

    containment_id: bytes
    incident_id: bytes
    measure: Measure
    target: bytes
    affected: int
    rehearsed: bool
    taken_by: bytes
    taken_at: datetime
    ended_by: bytes | None = None
    ended_at: datetime | None = None
    kept_by: bytes | None = None
    kept_at: datetime | None = None

    @property
    def is_standing(self) -> bool:
        """Whether nobody has ended it."""
        return self.ended_at is None
