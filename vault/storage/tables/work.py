"""Tables of the work on records: cases, requests, grants, hand-overs, and what was read."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
)

from vault.storage.tables.base import ID, RANDOM_ID, UtcTime, id_column, metadata

cases = Table(
    "cases",
    metadata,
    Column("case_id", ID, primary_key=True, comment=RANDOM_ID),
    Column("purpose", String(24), nullable=False),
    id_column("opened_by", ForeignKey("accounts.account_id")),
    Column("opened_at", UtcTime, nullable=False),
    Column("closed_at", UtcTime, nullable=True),
    id_column("held_by", ForeignKey("accounts.account_id"), comment="whose case it is now; a hand-over changes it"),
    Index(None, "held_by", "opened_at"),
)

case_records = Table(
    "case_records",
    metadata,
    id_column("case_id", ForeignKey("cases.case_id")),
    id_column("record_id", comment="a record this case was opened on from an exact identifier"),
    PrimaryKeyConstraint("case_id", "record_id"),
    Index(None, "record_id"),
    sqlite_with_rowid=False,
)

case_lookups = Table(
    "case_lookups",
    metadata,
    id_column("case_id", ForeignKey("cases.case_id")),
    Column("identifier_kind", String(16), comment="a kind of number that was looked up in this case"),
    PrimaryKeyConstraint("case_id", "identifier_kind"),
    sqlite_with_rowid=False,
)

access_requests = Table(
    "access_requests",
    metadata,
    Column("request_id", ID, primary_key=True, comment="also the id of the record of class request that holds it"),
    id_column("case_id", ForeignKey("cases.case_id")),
    id_column("asked_by", ForeignKey("accounts.account_id")),
    Column("identifier_kind", String(16), nullable=False),
    Column("asked_at", UtcTime, nullable=False),
    Column("state", String(10), nullable=False),
    id_column("decided_by", ForeignKey("accounts.account_id"), nullable=True),
    Column("decided_at", UtcTime, nullable=True),
    Column(
        "reason", String(40), nullable=False, server_default="", comment="why it was refused; not told to the asker"
    ),
    Column("sought", LargeBinary(16), nullable=True, comment="keyed tag of case and identifier: asked once"),
    id_column("leads_to", nullable=True, comment="the record to go on with once granted"),
    Column("reminded_at", UtcTime, nullable=True, comment="when who may decide was worked out anew and reminded"),
    CheckConstraint("state IN ('asked', 'granted', 'refused', 'ended')", name="state"),
    Index(None, "asked_by", "asked_at"),
    Index(None, "case_id"),
)

request_targets = Table(
    "request_targets",
    metadata,
    id_column("request_id", ForeignKey("access_requests.request_id")),
    id_column("account_id", ForeignKey("accounts.account_id"), comment="who may decide it"),
    PrimaryKeyConstraint("request_id", "account_id"),
    Index(None, "account_id"),
    sqlite_with_rowid=False,
)

grants = Table(
    "grants",
    metadata,
    Column("grant_id", ID, primary_key=True, comment=RANDOM_ID),
    Column("kind", String(12), nullable=False),
    id_column("account_id", ForeignKey("accounts.account_id"), comment="who may see the customer"),
    id_column("record_id", comment="the customer"),
    id_column(
        "case_id", ForeignKey("cases.case_id"), nullable=True, comment="with which it ends; empty: not taken up yet"
    ),
    id_column("request_id", ForeignKey("access_requests.request_id"), nullable=True),
    Column("purpose", String(24), nullable=False),
    id_column("granted_by", ForeignKey("accounts.account_id")),
    Column("granted_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime, nullable=True, comment="revoked, or its case closed"),
    CheckConstraint("kind IN ('asked', 'shared', 'break_glass')", name="kind"),
    Index(None, "account_id", "expires_at"),
    Index(None, "case_id"),
    Index(None, "granted_by", "granted_at"),
    Index(None, "request_id"),
)

caller_checks = Table(
    "caller_checks",
    metadata,
    Column("check_id", ID, primary_key=True, comment=RANDOM_ID),
    id_column("case_id", ForeignKey("cases.case_id")),
    id_column("record_id", comment="the customer the caller says to be"),
    id_column("account_id", ForeignKey("accounts.account_id"), comment="who asked the caller"),
    Column("question", String(40), nullable=False, comment="of the policy; empty for a refusal"),
    Column("outcome", String(10), nullable=False),
    Column("reason", String(40), nullable=False, comment="of a refusal, from the policy"),
    Column("at", UtcTime, nullable=False),
    CheckConstraint("outcome IN ('match', 'no_match', 'refused')", name="outcome"),
    Index(None, "case_id", "record_id"),
    Index(None, "record_id", "at"),
)

break_glass = Table(
    "break_glass",
    metadata,
    Column("break_glass_id", ID, primary_key=True, comment="also the id of the record of class request that holds it"),
    id_column("case_id", ForeignKey("cases.case_id")),
    id_column("asked_by", ForeignKey("accounts.account_id")),
    Column("profile", String(40), nullable=False),
    Column("reason", String(40), nullable=False),
    Column("identifier_kind", String(16), nullable=False),
    Column("asked_at", UtcTime, nullable=False),
    Column("state", String(10), nullable=False),
    Column("owner_contact", String(10), nullable=False, comment="whether the owner was reached by phone (KY-03)"),
    Column("owner_called_at", UtcTime, nullable=True, comment="to the minute; empty: not called"),
    id_column("second_person", ForeignKey("accounts.account_id"), nullable=True, comment="who stood by (KY-11)"),
    Column("opened_at", UtcTime, nullable=True),
    Column("expires_at", UtcTime, nullable=True, comment="hard limit, set once when it is opened"),
    Column("review_due_at", UtcTime, nullable=True),
    id_column("reviewed_by", ForeignKey("accounts.account_id"), nullable=True),
    Column("reviewed_at", UtcTime, nullable=True),
    Column("finding", String(40), nullable=False, server_default="", comment="of the review, from the policy"),
    CheckConstraint("state IN ('asked', 'approved', 'opened', 'refused', 'ended', 'reviewed')", name="state"),
    CheckConstraint("owner_contact IN ('yes', 'attempted', 'no')", name="owner_contact"),
    Index(None, "case_id"),
    Index(None, "state", "asked_at"),
)

break_glass_votes = Table(
    "break_glass_votes",
    metadata,
    id_column("break_glass_id", ForeignKey("break_glass.break_glass_id")),
    id_column("account_id", ForeignKey("accounts.account_id")),
    Column("approved", Boolean, nullable=False),
    Column("reason", String(40), nullable=False),
    Column("at", UtcTime, nullable=False),
    PrimaryKeyConstraint("break_glass_id", "account_id"),
)

handovers = Table(
    "handovers",
    metadata,
    Column("handover_id", ID, primary_key=True, comment="also the id of the record of class request with the note"),
    id_column("from_account", ForeignKey("accounts.account_id")),
    id_column("to_account", ForeignKey("accounts.account_id")),
    Column("offered_at", UtcTime, nullable=False),
    Column("state", String(10), nullable=False),
    Column("decided_at", UtcTime, nullable=True),
    Column("reason", String(40), nullable=False, server_default="", comment="why it was refused, from the policy"),
    Column("read_at", UtcTime, nullable=True, comment="when the incoming colleague read the note"),
    CheckConstraint("state IN ('offered', 'accepted', 'refused', 'withdrawn')", name="state"),
    Index(None, "from_account", "offered_at"),
    Index(None, "to_account", "offered_at"),
)

handover_cases = Table(
    "handover_cases",
    metadata,
    id_column("handover_id", ForeignKey("handovers.handover_id")),
    id_column("case_id", ForeignKey("cases.case_id")),
    PrimaryKeyConstraint("handover_id", "case_id"),
    Index(None, "case_id"),
    sqlite_with_rowid=False,
)

disclosures = Table(
    "disclosures",
    metadata,
    Column("disclosure_id", ID, primary_key=True, comment="of what was read: the event that the log holds of it"),
    id_column("account_id", ForeignKey("accounts.account_id")),
    Column("at", UtcTime, nullable=False),
    Column("kind", String(10), nullable=False),
    id_column("record_id", nullable=True, comment="the customer of a reveal; for counting distinct ones"),
    CheckConstraint("kind IN ('lookup', 'miss', 'reveal', 'ask', 'search')", name="kind"),
    Index(None, "account_id", "at"),
)

signals = Table(
    "signals",
    metadata,
    Column("signal_id", ID, primary_key=True, comment=RANDOM_ID),
    id_column("account_id", ForeignKey("accounts.account_id"), comment="whose reading gave rise to it"),
    Column("kind", String(24), nullable=False),
    Column("count", Integer, nullable=False),
    Column("at", UtcTime, nullable=False),
    id_column(
        "released_by", ForeignKey("accounts.account_id"), nullable=True, comment="the supervisor who lifted the limit"
    ),
    Column("released_at", UtcTime, nullable=True),
    Index(None, "account_id", "at"),
)
