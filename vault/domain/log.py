"""The access log's vocabulary: what an event may say, its canonical bytes, and the receipt it earns.

An event holds random ids and words from closed lists, nothing personal and nothing derived from personal
data. Its canonical form is JSON as RFC 8785 (JCS) writes it: sorted keys, no white space, strings and
integers only, so that any program can hash it again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from vault.domain.ids import new_id
from vault.errors import InvalidValue, ReceiptError

EVENT_VERSION = 1
FACTS = frozenset(
    {
        "account", "account_role", "added", "asked_by", "aware_at", "backup", "box", "break_glass", "called_at",
        "cases", "certificate", "channel", "check", "clock", "cohort", "cohorts", "containment", "copies", "count",
        "destroyed",
        "digest", "drill", "due", "elsewhere", "ended", "ended_session", "failed", "finding", "from_outlet",
        "from_team", "grant", "handover", "held", "hold", "hours", "identifier", "incident", "kept", "kind", "late",
        "lost", "measure", "minutes", "misuse", "mode", "month", "new_key", "notice", "old_key", "owner_contact",
        "passed", "plan", "profile", "purposes", "question", "reason", "receipts", "record_class", "rehearsed",
        "request", "run", "second_person", "seconds", "sent", "signal", "size", "source", "statement", "template", "to",
        "to_activate", "to_list", "to_notify", "to_outlet", "to_team", "token", "unchanged", "unknown", "unwraps",
        "updated", "verdict", "version", "waiting",
    }
)  # fmt: skip
"""Names of the extra facts an event may carry; a name outside this list is refused when the event is made."""


class Action(StrEnum):
    """What happened. Later parts of the product add to this list; nothing is ever renamed."""

    VAULT_INIT = "vault.init"
    PRUNED = "vault.pruned"
    SIGN_IN = "people.sign_in"
    SIGN_OUT = "people.sign_out"
    INVITE = "people.invite"
    ACTIVATE = "people.activate"
    PEOPLE_LIST = "people.list"
    PASSWORD_CHANGED = "people.password_changed"  # noqa: S105 - the name of an event
    PASSWORD_REFUSED = "people.password_refused"  # noqa: S105 - the name of an event
    SESSION_ENDED = "people.session_ended"
    THROTTLED = "people.throttled"
    CODE = "people.code"
    CONFIRMED = "people.confirmed"
    SECOND_FACTOR_SET = "people.second_factor_set"
    SECOND_FACTOR_RESET = "people.second_factor_reset"
    RECOVERY_CODES = "people.recovery_codes"
    RESET = "people.reset"
    RETURN_CONFIRMED = "people.return_confirmed"
    SUSPENDED = "people.suspended"
    LOCKED = "people.locked"
    UNLOCKED = "people.unlocked"
    ROLE_CHANGED = "people.role_changed"
    LEFT = "people.left"
    SERVICE_ACCOUNT = "people.service_account"
    TOKEN_MADE = "people.token_made"  # noqa: S105 - the name of an event
    TOKEN_ENDED = "people.token_ended"  # noqa: S105 - the name of an event
    IMPORT_STAFF = "import.staff"
    IMPORT_BATCH = "import.batch"
    IMPORT_COMPARE = "import.compare"
    LOOKUP = "record.lookup"
    RECORD_VIEW = "record.view"
    REVEAL = "record.reveal"
    ASK = "access.ask"
    REQUEST_VIEW = "access.request_viewed"
    REQUEST_REMINDED = "access.reminded"
    GRANTED = "access.granted"
    GRANT_REFUSED = "access.refused"
    GRANT_REVOKED = "access.revoked"
    SHARED = "access.shared"
    SHARE_OPENED = "access.share_opened"
    CALLER_CHECKED = "caller.checked"
    CALLER_REFUSED = "caller.refused"
    BREAK_GLASS_ASKED = "break_glass.asked"
    BREAK_GLASS_VOTED = "break_glass.voted"
    BREAK_GLASS_OPENED = "break_glass.opened"
    BREAK_GLASS_ENDED = "break_glass.ended"
    BREAK_GLASS_REVIEWED = "break_glass.reviewed"
    HANDOVER_OFFERED = "handover.offered"
    HANDOVER_ACCEPTED = "handover.accepted"
    HANDOVER_REFUSED = "handover.refused"
    HANDOVER_WITHDRAWN = "handover.withdrawn"
    HANDOVER_VIEW = "handover.viewed"
    BOARD_VIEW = "board.view"
    LIMIT_WARNED = "limit.warned"
    LIMIT_ALARMED = "limit.alarmed"
    LIMIT_RELEASED = "limit.released"
    SERVICE_FILED = "service.filed"
    CASE_CLOSED = "case.closed"
    CASE_MOVED = "case.moved"
    OWNER_CHANGED = "record.owner_changed"
    INTEGRITY_FAILURE = "record.integrity_failure"
    HOLD_PLACED = "hold.placed"
    HOLD_RELEASED = "hold.released"
    HOLD_REVIEWED = "hold.reviewed"
    DESTRUCTION_DRAFTED = "destruction.drafted"
    DESTRUCTION_PROPOSED = "destruction.proposed"
    DESTRUCTION_APPROVED = "destruction.approved"
    DESTRUCTION_STOPPED = "destruction.stopped"
    DESTRUCTION_STARTED = "destruction.started"
    DESTRUCTION_PAUSED = "destruction.paused"
    DESTRUCTION_RESUMED = "destruction.resumed"
    DESTRUCTION_GIVEN_UP = "destruction.given_up"
    DESTRUCTION_FINISHED = "destruction.finished"
    DESTRUCTION_CERTIFIED = "destruction.certified"
    CERTIFICATE_TAKEN = "destruction.certificate_taken"
    RECORD_DESTROYED = "record.destroyed"
    RECORD_KEPT = "record.kept"
    REQUESTS_ERASED = "requests.erased"
    CLOCK_JUMPED = "clock.jumped"
    CLOCK_CONFIRMED = "clock.confirmed"
    PAPER_REGISTERED = "paper.registered"
    PAPER_SHREDDED = "paper.shredded"
    PAPER_WITNESSED = "paper.witnessed"
    PAPER_TAKEN_BACK = "paper.taken_back"
    PAPER_HANDED_ON = "paper.handed_on"
    RETENTION_VIEW = "retention.viewed"
    RETENTION_PERIODS = "retention.periods_changed"
    KEYS_COHORTS = "keys.cohorts_made"
    COHORT_CLOSING = "cohort.closing"
    COHORT_EMPTIED = "cohort.emptied"
    COHORT_DESTROYED = "cohort.destroyed"
    RECORD_MOVED = "record.moved"
    KEYS_ROOT_ROTATED = "keys.root_rotated"
    KEYS_SIGNING_ROTATED = "keys.signing_rotated"
    RETENTION_ORPHANS = "retention.orphans"
    BACKUP_CREATED = "backup.created"
    BACKUP_VERIFIED = "backup.verified"
    BACKUP_RESTORED = "backup.restored"
    BACKUP_DRILLED = "backup.drilled"
    INCIDENT_OPENED = "incident.opened"
    INCIDENT_REPORTED = "incident.reported"
    INCIDENT_NOTES_REMOVED = "incident.notes_removed"
    INCIDENT_AWARE = "incident.aware_corrected"
    INCIDENT_STEP = "incident.step"
    INCIDENT_CLOCK_STARTED = "incident.clock_started"
    INCIDENT_CLOCK_DONE = "incident.clock_done"
    INCIDENT_CLOCK_MISSED = "incident.clock_missed"
    INCIDENT_CLOSING = "incident.closing"
    INCIDENT_VIEW = "incident.viewed"
    INCIDENT_RADIUS_DRAWN = "incident.radius_drawn"
    INCIDENT_RADIUS_FROZEN = "incident.radius_frozen"
    INCIDENT_RADIUS_TAKEN = "incident.radius_taken"
    INCIDENT_RADIUS_SET_ASIDE = "incident.radius_set_aside"
    CONTAINMENT_TAKEN = "containment.taken"
    CONTAINMENT_HELD = "containment.held"
    CONTAINMENT_ENDED = "containment.ended"
    CONTAINMENT_KEPT = "containment.kept"
    INCIDENT_REPORT_FIXED = "incident.report_fixed"
    INCIDENT_REPORT_TAKEN = "incident.report_taken"
    DRILL_SCORED = "drill.scored"
    INCIDENT_SIGNAL = "incident.signal"
    MISUSE_DRAFTED = "misuse.drafted"
    MISUSE_SIGNED = "misuse.signed"
    MISUSE_VIEW = "misuse.viewed"
    MISUSE_WITHDRAWN = "misuse.withdrawn"
    NOTICE_PREPARED = "notice.prepared"
    NOTICE_RELEASED = "notice.released"
    NOTICE_CONTACTS = "notice.contacts_opened"
    NOTICE_SENT = "notice.sent"
    NOTICE_CALLED = "notice.called"
    NOTICE_DECIDED = "notice.decided"
    NOTICE_POSTED = "notice.posted"
    NOTICE_FILE = "notice.file_made"
    NOTICE_FILE_REMOVED = "notice.file_removed"
    NOTICE_WAIVED = "notice.waived"
    LOG_VIEW = "log.view"
    LOG_SEARCH = "log.search"
    COMPLIANCE_VIEW = "compliance.view"
    LOG_COUNTED = "log.counted"
    LOG_GAP_ACCEPTED = "log.gap_accepted"
    LOG_VERIFY = "log.verify"
    LOG_EXPORT = "log.export"
    POLICY_LOADED = "policy.loaded"


class Outcome(StrEnum):
    """How it ended."""

    DONE = "done"
    GRANTED = "granted"
    REFUSED = "refused"
    MISS = "miss"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts and from where.

    Args:
        name: work number, ``operator:<os user>`` or ``system``.
        role: role id, ``operator`` or ``system``.
        session: id of the session row (hex), empty outside one.
        source: network address or ``local``.
        node: name of the host.
    """

    name: str
    role: str
    session: str = ""
    source: str = "local"
    node: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """One record an event grants the opening of, and exactly which of its fields."""

    record_id: bytes
    record_class: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    Args:
        at: when, UTC.
        actor: who.
        action: what.
        outcome: how it ended.
        policy: digest of the policy in force (hex).
        purpose: purpose id, empty where none applies.
        case: case id (hex), empty where none applies.
        rule: id of the rule that decided.
        opened: records and fields that this event grants the opening of.
        facts: further facts, names from :data:`FACTS`; values are ids, words of closed lists or counts.
        event_id: 16 random bytes.
    """

    at: datetime
    actor: Actor
    action: Action
    outcome: Outcome
    policy: str
    purpose: str = ""
    case: str = ""
    rule: str = ""
    opened: tuple[Opened, ...] = ()
    facts: Mapping[str, str | int] = field(default_factory=dict)
    event_id: bytes = field(default_factory=new_id)

    def canonical(self) -> bytes:
        """Return the event as canonical JSON bytes (RFC 8785; docs/formats.md, "Event").

        Raises:
            InvalidValue: a fact's name is not on the closed list.
        """
        if not FACTS.issuperset(self.facts):
            raise InvalidValue("unknown_fact", field="facts")
        actor = self.actor
        body = {
            "action": self.action.value,
            "actor": actor.name,
            "at": micros_text(self.at),
            "case": self.case,
            "facts": dict(self.facts),
            "id": self.event_id.hex(),
            "node": actor.node,
            "outcome": self.outcome.value,
            "policy": self.policy,
            "purpose": self.purpose,
            "records": [
                {"class": one.record_class, "fields": list(one.fields), "id": one.record_id.hex()}
                for one in self.opened
            ],
            "role": actor.role,
            "rule": self.rule,
            "session": actor.session,
            "source": actor.source,
            "v": EVENT_VERSION,
        }
        return _canonical_json(body).encode()

    def covers(self) -> dict[bytes, frozenset[str]]:
        """Return what the event grants the opening of: record id to field names."""
        return {one.record_id: frozenset(one.fields) for one in self.opened}


_canonical_json = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def micros_text(at: datetime) -> str:
    """Return a UTC time with exactly six decimals: ``2026-11-20T03:04:05.000006Z``."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Receipt:
    """Proof that an event is durable: the right to open exactly the records and fields it announced, once.

    Only the storage room makes one, after the commit that made the event durable. The decrypting door takes
    it by type and strikes off what has been opened.

    Args:
        event_id: the event it stands for.
        covers: record id to the field names that may be opened.
    """

    __slots__ = ("_left", "event_id")

    def __init__(self, event_id: bytes, covers: Mapping[bytes, Iterable[str]]) -> None:
        self.event_id = event_id
        self._left = {record_id: frozenset(fields) for record_id, fields in covers.items()}

    def take(self, record_id: bytes, fields: Iterable[str]) -> None:
        """Use the receipt up for one record.

        Args:
            record_id: the record about to be opened.
            fields: names of the fields about to be opened.

        Raises:
            ReceiptError: the event did not announce this record or one of these fields, or it was opened before.
        """
        allowed = self._left.pop(record_id, None)
        if allowed is None or not allowed.issuperset(fields):
            raise ReceiptError("not_announced")
