"""Whether the database a process works on is still the one that was signed: asked again while it runs.

A database may be put back, or a standby promoted, under a running process. New connections are looked at before
anything is done on them; a pool in between, or a file written over in place, would hide that, so it is asked once a
second besides.
"""

from __future__ import annotations

import time

from vault.services.steps.parts import Parts
from vault.services.steps.settling import refuse_rewound_connection, refuse_rewound_database

_LOOK_AGAIN_SECONDS = 1.0


class Seal:
    """Closes the vault while its database is older than what was signed, or holds another history.

    Args:
        parts: the vault's parts.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._good_until = 0.0
        parts.database.look_first(lambda connection: refuse_rewound_connection(parts, connection))

    def refuse(self) -> None:
        """Refuse to go on unless the database was found whole a moment ago.

        Raises:
            VaultSealed: ``database_rewound``, ``history_rewritten`` or ``signer_memory_unreadable``.
            StorageUnavailable: the database does not answer.
        """
        if time.monotonic() < self._good_until:
            return
        refuse_rewound_database(self._parts)
        self._good_until = time.monotonic() + _LOOK_AGAIN_SECONDS
