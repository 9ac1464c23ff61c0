"""Tables of the response to a breach: incidents and their clocks, measures, notices, signals and drills."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from vault.storage.tables.base import ID, RANDOM_ID, UtcTime, id_column, metadata

incidents = Table(
    "incidents",
    metadata,
    Column("incident_id", ID, primary_key=True, comment=RANDOM_ID),
    Column("kind", String(20), nullable=False),
    Column("drill", Boolean, nullable=False, comment="fixed at opening"),
    Column("state", String(12), nullable=False),
    Column("aware_at", UtcTime, nullable=False, comment="as said at opening; never changed"),
    Column("aware_since", UtcTime, nullable=False, comment="the earliest time anybody said"),
    Column("aware_source", String(12), nullable=False),
    Column("opened_by", String(64), nullable=False, comment="actor, as events name them"),
    Column("opened_at", UtcTime, nullable=False),
    Column("verdict", String(12), nullable=False, server_default="", comment="of the assessment, or empty"),
    id_column("closing_by", ForeignKey("accounts.account_id"), nullable=True, comment="who asked for it to be closed"),
    Column("closing_at", UtcTime, nullable=True),
    id_column("closed_by", ForeignKey("accounts.account_id"), nullable=True, comment="somebody else, who closed it"),
    Column("closed_at", UtcTime, nullable=True),
    CheckConstraint("closed_by <> closing_by", name="four_eyes"),
    Index(None, "opened_at", "incident_id"),
)

incident_clocks = Table(
    "incident_clocks",
    metadata,
    id_column("incident_id", ForeignKey("incidents.incident_id")),
    Column("clock_id", String(20), nullable=False, comment="of the policy"),
    Column("started_at", UtcTime, nullable=False),
    Column("due_at", UtcTime, nullable=False),
    Column("done_at", UtcTime, nullable=True),
    Column("done_by", String(64), nullable=False, server_default="", comment="actor, or empty"),
    Column("missed_at", UtcTime, nullable=True, comment="when it was recorded as missed, for ever"),
    Column("dropped_at", UtcTime, nullable=True, comment="the assessment found no breach"),
    Column("sealed_reason", LargeBinary, nullable=True, comment="why it was done late"),
    PrimaryKeyConstraint("incident_id", "clock_id"),
)
Index(
    "ix_incident_clocks_due_at",
    incident_clocks.c.due_at,
    sqlite_where=incident_clocks.c.done_at.is_(None) & incident_clocks.c.dropped_at.is_(None),
    postgresql_where=incident_clocks.c.done_at.is_(None) & incident_clocks.c.dropped_at.is_(None),
)

incident_entries = Table(
    "incident_entries",
    metadata,
    Column("arrival", BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True),
    Column("event_id", ID, nullable=False, comment="the event that the log holds of it"),
    id_column("incident_id", ForeignKey("incidents.incident_id")),
    Column("at", UtcTime, nullable=False),
    Column("actor", String(64), nullable=False, comment="as events name them"),
    Column("action", String(40), nullable=False),
    Column("outcome", String(10), nullable=False),
    Column("facts", Text, nullable=False, comment="JSON, as the event has them"),
    Column("sealed_note", LargeBinary, nullable=True, comment="what somebody typed"),
    UniqueConstraint("event_id"),
    Index(None, "incident_id", "at"),
)

further_reports = Table(
    "further_reports",
    metadata,
    Column(
        "line_id",
        ID,
        ForeignKey("incident_entries.event_id"),
        primary_key=True,
        comment="event of the line they are counted on",
    ),
    Column("count", Integer, nullable=False),
    Column("newest_at", UtcTime, nullable=False),
    id_column("newest_id", comment="the event that the log holds of the newest"),
    Column("sealed_notes", LargeBinary, nullable=True, comment="what was typed, the newest first"),
)

incident_reminders = Table(
    "incident_reminders",
    metadata,
    Column("reminder_id", ID, nullable=False, unique=True, comment=RANDOM_ID),
    id_column("incident_id"),
    Column("clock_id", String(20), nullable=False, comment="of the policy"),
    Column("mark", Integer, nullable=False, comment="percent of the span; beyond 100 one more for each repeat"),
    Column("role", String(32), nullable=False, comment="who was told"),
    Column("at", UtcTime, nullable=False),
    Column("late", Boolean, nullable=False, comment="told long after its time: the vault stood still"),
    Column("mail", String(10), nullable=False, comment="what became of the letter to the duty mailbox"),
    Column("tries", SmallInteger, nullable=False),
    Column("next_try_at", UtcTime, nullable=True, comment="empty unless a mail waits"),
    Column("mailed_at", UtcTime, nullable=True),
    PrimaryKeyConstraint("incident_id", "clock_id", "mark", "role"),
    ForeignKeyConstraint(["incident_id", "clock_id"], ["incident_clocks.incident_id", "incident_clocks.clock_id"]),
    CheckConstraint("mail IN ('none', 'waiting', 'sent', 'refused', 'given_up', 'overtaken')", name="mail"),
)
Index(
    "ix_incident_reminders_next_try_at",
    incident_reminders.c.next_try_at,
    sqlite_where=incident_reminders.c.next_try_at.is_not(None),
    postgresql_where=incident_reminders.c.next_try_at.is_not(None),
)

drill_customers = Table(
    "drill_customers",
    metadata,
    Column("record_id", ID, primary_key=True, comment=RANDOM_ID),
    id_column("incident_id", ForeignKey("incidents.incident_id")),
    Column("serial", Integer, nullable=False, comment="from 1 within its drill"),
    Column("sealed_fields", LargeBinary, nullable=False, comment="made-up fields, sealed under the people key"),
    UniqueConstraint("incident_id", "serial"),
)

drill_scores = Table(
    "drill_scores",
    metadata,
    Column("incident_id", ID, ForeignKey("incidents.incident_id"), primary_key=True, comment=RANDOM_ID),
    Column("month", Date, nullable=False, comment="first day of the company's month it was held in"),
    Column("scored_at", UtcTime, nullable=False),
    Column("passed", Boolean, nullable=False),
    Column("lines", Text, nullable=False, comment="JSON: what was measured, and against what"),
    id_column("event_id", comment="the event that the log holds of it"),
)

incident_reports = Table(
    "incident_reports",
    metadata,
    Column("incident_id", ID, ForeignKey("incidents.incident_id"), primary_key=True, comment=RANDOM_ID),
    Column("fixed_at", UtcTime, nullable=False),
    Column("digest", String(64), nullable=False, comment="SHA-256 of the statement, as its event names it"),
    id_column("event_id", comment="the event that the log holds of it"),
    Column("sealed_statement", LargeBinary, nullable=False, comment="sealed under the people key"),
)

notice_campaigns = Table(
    "notice_campaigns",
    metadata,
    Column("campaign_id", ID, primary_key=True, comment=RANDOM_ID),
    id_column("incident_id", ForeignKey("incidents.incident_id")),
    id_column("radius_id", nullable=True, comment="whose customers; empty in a drill"),
    Column("state", String(10), nullable=False),
    Column("template", String(40), nullable=False, comment="id and version, of the policy"),
    Column("channels", String(60), nullable=False, comment="in the order in which they are tried"),
    Column("kinds", String(250), nullable=False, comment="kinds of data that the notice names"),
    Column("contacts_at", UtcTime, nullable=False, comment="contacts as they were then"),
    Column("sealed_texts", LargeBinary, nullable=False, comment="JSON; under the people key"),
    Column("digest", LargeBinary(32), nullable=False, comment="over template, texts, moment of contacts, recipients"),
    id_column("prepared_by", ForeignKey("accounts.account_id")),
    Column("prepared_at", UtcTime, nullable=False),
    id_column("released_by", ForeignKey("accounts.account_id"), nullable=True, comment="another officer"),
    Column("released_at", UtcTime, nullable=True),
    CheckConstraint("state IN ('draft', 'released', 'replaced')", name="state"),
    CheckConstraint("released_by <> prepared_by", name="four_eyes"),
    CheckConstraint("state <> 'released' OR released_by IS NOT NULL", name="signed"),
    Index(None, "incident_id", "prepared_at"),
)

# The customers of a campaign outlive neither its evidence nor the tombstones that their ids then name.
notice_recipients = Table(
    "notice_recipients",
    metadata,
    id_column("campaign_id"),
    id_column("record_id", comment="the customer, or a drill's"),
    Column("channel", String(8), nullable=False, comment="empty: there is no contact"),
    Column("state", String(24), nullable=False),
    id_column("key", comment="made before the first try; names the message"),
    Column("tries", SmallInteger, nullable=False),
    Column("calls", SmallInteger, nullable=False, comment="how often somebody called in vain"),
    id_column("shown_to", nullable=True, comment="account that was last shown the number"),
    Column("next_try_at", UtcTime, nullable=True, comment="empty: nothing is to be tried"),
    id_column("worker", nullable=True, comment="who has set it aside, sends it, or printed its letter"),
    Column("claimed_at", UtcTime, nullable=True, comment="when that began"),
    Column("settled_at", UtcTime, nullable=True, comment="when its state became what it is"),
    Column("reason", String(40), nullable=False, server_default="", comment="why it failed or is in doubt"),
    PrimaryKeyConstraint("campaign_id", "record_id"),
    CheckConstraint(
        "state IN ('waiting', 'sending', 'sent', 'unknown', 'failed', 'unreachable', 'unreachable_destroyed',"
        " 'called', 'posted')",
        name="state",
    ),
    CheckConstraint("channel IN ('', 'mail', 'call', 'file', 'letter', 'sink')", name="channel"),
    Index(None, "campaign_id", "state", "channel", "record_id"),
    Index(None, "record_id"),
    sqlite_with_rowid=False,
)
Index(
    "ix_notice_recipients_settled",
    notice_recipients.c.campaign_id,
    notice_recipients.c.worker,
    sqlite_where=notice_recipients.c.worker.is_not(None) & notice_recipients.c.settled_at.is_not(None),
    postgresql_where=notice_recipients.c.worker.is_not(None) & notice_recipients.c.settled_at.is_not(None),
)

notice_calls = Table(
    "notice_calls",
    metadata,
    Column("call_id", ID, primary_key=True, comment="the event that the log holds of it"),
    id_column("campaign_id"),
    id_column("record_id"),
    id_column("called_by", ForeignKey("accounts.account_id")),
    Column("at", UtcTime, nullable=False),
    Column("outcome", String(16), nullable=False),
    CheckConstraint("outcome IN ('reached', 'not_reached', 'wrong_number')", name="outcome"),
    Index(None, "campaign_id", "record_id"),
)

notice_files = Table(
    "notice_files",
    metadata,
    Column("file_id", ID, primary_key=True, comment="the event that the log holds of it"),
    id_column("campaign_id", ForeignKey("notice_campaigns.campaign_id")),
    Column("count", Integer, nullable=False, comment="lines of the file"),
    Column("digest", LargeBinary(32), nullable=False, comment="SHA-256 of the file"),
    Column("made_by", String(64), nullable=False, comment="actor, as events name them"),
    Column("made_at", UtcTime, nullable=False),
    Column("removed_at", UtcTime, nullable=True, comment="when it was removed: picked up, or too old"),
    Index(None, "campaign_id"),
)

notice_waivers = Table(
    "notice_waivers",
    metadata,
    Column("incident_id", ID, ForeignKey("incidents.incident_id"), primary_key=True, comment=RANDOM_ID),
    Column("sealed_reason", LargeBinary, nullable=False, comment="under the people key"),
    id_column("asked_by", ForeignKey("accounts.account_id")),
    Column("asked_at", UtcTime, nullable=False),
    id_column("confirmed_by", ForeignKey("accounts.account_id"), nullable=True, comment="another officer"),
    Column("confirmed_at", UtcTime, nullable=True),
    CheckConstraint("confirmed_by <> asked_by", name="four_eyes"),
)

containments = Table(
    "containments",
    metadata,
    Column("containment_id", ID, primary_key=True, comment=RANDOM_ID),
    id_column("incident_id", ForeignKey("incidents.incident_id")),
    Column("measure", String(20), nullable=False, comment="of the policy"),
    Column("target", ID, nullable=False, comment="an account, a customer or a radius; empty: all"),
    Column("affected", Integer, nullable=False, comment="sessions, tokens, grants or records it reached"),
    Column("rehearsed", Boolean, nullable=False, comment="in a drill: nothing was changed"),
    id_column("taken_by", ForeignKey("accounts.account_id")),
    Column("taken_at", UtcTime, nullable=False),
    id_column("ended_by", ForeignKey("accounts.account_id"), nullable=True),
    Column("ended_at", UtcTime, nullable=True, comment="empty while it stands"),
    id_column("kept_by", ForeignKey("accounts.account_id"), nullable=True, comment="who let it outlast the incident"),
    Column("kept_at", UtcTime, nullable=True),
    Index(None, "incident_id", "taken_at"),
)
Index(
    "ix_containments_standing",
    containments.c.target,
    containments.c.measure,
    containments.c.incident_id,
    unique=True,
    sqlite_where=containments.c.ended_at.is_(None),
    postgresql_where=containments.c.ended_at.is_(None),
)

containment_holds = Table(
    "containment_holds",
    metadata,
    id_column("containment_id", ForeignKey("containments.containment_id")),
    id_column("record_id"),
    id_column("hold_id", nullable=True, comment="empty: it was destroyed before"),
    PrimaryKeyConstraint("containment_id", "record_id"),
    sqlite_with_rowid=False,
)

signal_turns = Table(
    "signal_turns",
    metadata,
    Column("signal", String(24), nullable=False, comment="of the policy"),
    Column("subject", String(80), nullable=False, comment="account, or source of addresses, or empty"),
    Column("told_until", UtcTime, nullable=False, comment="what happened until then is counted no more"),
    Column("leaf_index", BigInteger, nullable=False, comment="events of the log looked at"),
    id_column("incident_id", ForeignKey("incidents.incident_id"), nullable=True, comment="the last one it opened"),
    PrimaryKeyConstraint("signal", "subject"),
)

incident_signals = Table(
    "incident_signals",
    metadata,
    Column("evidence_id", ID, primary_key=True, comment=RANDOM_ID),
    Column("signal", String(24), nullable=False, comment="of the policy"),
    id_column(
        "account_id",
        ForeignKey("accounts.account_id"),
        nullable=True,
        comment="whose acts gave rise to it, or empty",
    ),
    Column("source", String(64), nullable=False, comment="network address it came from, or empty"),
    Column("count", Integer, nullable=False),
    Column("threshold", Integer, nullable=False, comment="of the policy at that time"),
    Column("since", UtcTime, nullable=False),
    Column("until", UtcTime, nullable=False),
    Column("events", Text, nullable=False, comment="JSON: ids of the newest of the events counted"),
    id_column(
        "incident_id",
        ForeignKey("incidents.incident_id"),
        nullable=True,
        comment="that it opened or joined, or empty",
    ),
    Column("tested", Boolean, nullable=False, comment="fired by the test of signals"),
    Column("raised_at", UtcTime, nullable=False),
    id_column("signal_id", nullable=True, comment="the limit somebody ran into, or empty"),
    UniqueConstraint("signal_id"),
    Index(None, "incident_id"),
    Index(None, "raised_at"),
)

misuse_records = Table(
    "misuse_records",
    metadata,
    Column("misuse_id", ID, primary_key=True, comment=RANDOM_ID),
    id_column("incident_id", ForeignKey("incidents.incident_id")),
    id_column("account_id", ForeignKey("accounts.account_id"), comment="who did it"),
    Column("distinct_records", Integer, nullable=False),
    Column("evidence", Text, nullable=False, comment="canonical JSON (RFC 8785)"),
    Column("evidence_digest", LargeBinary(32), nullable=False, comment="SHA-256 of it"),
    Column("account_frozen", Boolean, nullable=False),
    Column("contract_ended", Boolean, nullable=False),
    Column("loss_claimed", Boolean, nullable=False),
    Column("sealed_police_reference", LargeBinary, nullable=True, comment="empty: none"),
    Column("sealed_statement", LargeBinary, nullable=False, comment="what is held against them"),
    Column("digest", LargeBinary(32), nullable=False, comment="of all that is signed"),
    id_column("drafted_by", ForeignKey("accounts.account_id")),
    Column("drafted_at", UtcTime, nullable=False),
    id_column(
        "signed_by",
        ForeignKey("accounts.account_id"),
        nullable=True,
        comment="somebody else; from then on it is fixed",
    ),
    Column("signed_at", UtcTime, nullable=True),
    Column("withdrawn_at", UtcTime, nullable=True, comment="when the draft was taken back, or empty"),
    UniqueConstraint("incident_id", "account_id"),
    CheckConstraint("signed_by <> drafted_by AND signed_by <> account_id", name="four_eyes"),
    Index(None, "signed_at"),
)
