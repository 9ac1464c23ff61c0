"""What opens doors in the vault at this moment, of everybody at once: counted, and ended in one transaction.

After the database went back in time nobody knows which of it had been ended since.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, func, select, update

from vault.domain.emergency import Stage
from vault.storage.tables import accounts, api_tokens, break_glass, grants, sessions

_OPEN = (Stage.ASKED.value, Stage.APPROVED.value, Stage.OPENED.value)
_LIVING: dict[Table, ColumnElement[bool]] = {
    sessions: sessions.c.ended_at.is_(None),
    accounts: accounts.c.invite_hash.is_not(None),
    grants: grants.c.ended_at.is_(None),
    break_glass: break_glass.c.state.in_(_OPEN),
    api_tokens: api_tokens.c.ended_at.is_(None),
}


@dataclass(frozen=True, slots=True)
class LiveAccess:
    """How much of it there is, whether or not the clock has overtaken it.

    Args:
        sessions: that were not ended.
        secrets: one-time secrets of invitations and resets.
        grants: asked, shared (taken up or not) and given in emergencies, that were not ended.
        emergencies: requests for emergency access that wait, are approved or are open.
        tokens: of programs, which need new ones then: no program can sign in.
    """

    sessions: int
    secrets: int
    grants: int
    emergencies: int
    tokens: int

    @property
    def to_end(self) -> int:
        """How many of them :func:`end` ends."""
        return self.sessions + self.secrets + self.grants + self.emergencies + self.tokens


def count(connection: Connection) -> LiveAccess:
    """Count what opens doors."""
    found = [
        int(connection.execute(select(func.count()).select_from(table).where(living)).scalar_one())
        for table, living in _LIVING.items()
    ]
    return LiveAccess(*found)


def end(connection: Connection, at: datetime) -> None:
    """End all of it: what was ended since the copy was taken must not open again, and nobody can tell which it was."""
    values: dict[Table, dict[str, object]] = {
        sessions: {"ended_at": at},
        accounts: {"invite_hash": None, "invite_expires_at": None},
        grants: {"ended_at": at},
        break_glass: {"state": Stage.ENDED.value},
        api_tokens: {"ended_at": at},
    }
    for table, changed in values.items():
        connection.execute(update(table).where(_LIVING[table]).values(**changed))
