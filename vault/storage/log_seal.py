"""Whom a vault that sealed itself has told: a file beside the checkpoints, as its database may not be written to."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from vault.storage.log_files import replace_file

_FILE: Final = "sealed.json"


@dataclass(frozen=True, slots=True)
class SealTold:
    """How far a seal has been told.

    Args:
        seal: names the seal: why, and what was signed last; another seal is told anew.
        since: when it was noticed first, UTC.
        tries: how often letters were tried.
        again_at: not before is the next try, UTC.
        roles: whose duty mailboxes have a letter, or refused it for ever.
    """

    seal: str
    since: datetime
    tries: int
    again_at: datetime
    roles: tuple[str, ...] = ()


def read(folder: Path) -> SealTold | None:
    """Return how far the last seal has been told; None before the first, or where that cannot be read."""
    try:
        kept = json.loads((folder / _FILE).read_text(encoding="ascii"))
        since, again_at = (datetime.fromisoformat(kept[name]) for name in ("since", "again_at"))
        return SealTold(str(kept["seal"]), since, int(kept["tries"]), again_at, tuple(map(str, kept["roles"])))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep(folder: Path, told: SealTold) -> None:
    """Keep how far a seal has been told, synced.

    Raises:
        StorageUnavailable: it cannot be written.
    """
    kept = asdict(told) | {"since": told.since.isoformat(), "again_at": told.again_at.isoformat()}
    replace_file(folder / _FILE, json.dumps(kept).encode())
