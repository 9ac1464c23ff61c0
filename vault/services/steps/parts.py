"""What every service stands on, put together once by :mod:`vault.bootstrap`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from vault.domain.ids import Role
from vault.domain.log import Action, Actor, Event, Opened, Outcome
from vault.domain.policy import Policy
from vault.services.steps.keys import KeyRing
from vault.services.steps.remembering import Memory
from vault.storage.breach.outbox import Outbox
from vault.storage.engine import Database
from vault.storage.group_commit import GroupCommit
from vault.storage.ledger import Ledger
from vault.storage.log_anchors import Anchors
from vault.storage.log_files import LogFiles
from vault.storage.mail import Mailer


def _unwatched(event: Event) -> None:
    """Tell nobody of an event."""
    del event


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one running vault.

    Args:
        database: rows.
        keys: the key store in force.
        policy: the rules in force.
        log_writer: earns receipts for reads.
        log_files: what the log keeps outside the database.
        node: this host's name.
        anchors: places elsewhere that get each signed checkpoint.
        ledger: what a restore of the database must not forget, kept beside the key store.
        outbox: files for senders outside the vault.
        mailer: sends letters, where a mail server is set.
        role_mail: duty mailboxes by role.
        noted: told of events that became durable past the log writer, to count them.
        memory: what this process has read of the ledger.
    """

    database: Database
    keys: KeyRing
    policy: Policy
    log_writer: GroupCommit
    log_files: LogFiles
    node: str
    anchors: Anchors
    ledger: Ledger
    outbox: Outbox
    mailer: Mailer = field(default_factory=Mailer)
    role_mail: Mapping[Role, str] = field(default_factory=dict)
    noted: Callable[[Event], None] = _unwatched
    memory: Memory = field(default_factory=Memory)

    def event(
        self,
        at: datetime,
        actor: Actor,
        action: Action,
        outcome: Outcome,
        *,
        purpose: str = "",
        case: bytes = b"",
        rule: str = "",
        opened: tuple[Opened, ...] = (),
        **facts: str | int,
    ) -> Event:
        """Make an event that carries the digest of the policy in force."""
        return Event(at, actor, action, outcome, self.policy.digest, purpose, case.hex(), rule, opened, facts)
