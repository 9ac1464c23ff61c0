"""Tables of destruction: holds, plans, tombstones, certificates and boxes of paper."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
)

from vault.storage.tables.base import ID, RANDOM_ID, UtcTime, id_column, metadata

holds = Table(
    "holds",
    metadata,
    Column("hold_id", ID, primary_key=True, comment=RANDOM_ID),
    id_column("record_id", comment="what must not be destroyed, and with it what it links to"),
    Column("record_class", String(20), nullable=False),
    Column("reason", String(40), nullable=False, comment="from the policy"),
    Column("sealed_source", LargeBinary, nullable=False, comment="the document asking for it; under the people key"),
    id_column(
        "placed_by",
        ForeignKey("accounts.account_id"),
        nullable=True,
        comment="empty: a restore brought it back from the ledger",
    ),
    Column("placed_at", UtcTime, nullable=False),
    Column("review_on", Date, nullable=False, comment="by when somebody looks at it again, company time zone"),
    id_column("released_by", ForeignKey("accounts.account_id"), nullable=True),
    Column("released_at", UtcTime, nullable=True),
    Column("release", String(40), nullable=False, server_default="", comment="why it ended, from the policy"),
    Index(None, "record_id"),
    Index(None, "review_on"),
)

destruction_plans = Table(
    "destruction_plans",
    metadata,
    Column("plan_id", ID, primary_key=True, comment=RANDOM_ID),
    Column("state", String(10), nullable=False),
    Column("as_of", UtcTime, nullable=False, comment="the moment at which its records were due"),
    Column("policy", String(64), nullable=False, comment="digest of the policy it was made under"),
    Column("digest", LargeBinary(32), nullable=False, comment="over its records; frozen"),
    Column("made_at", UtcTime, nullable=False),
    id_column(
        "proposed_by", ForeignKey("accounts.account_id"), nullable=True, comment="empty: a draft of the timetable"
    ),
    Column("proposed_at", UtcTime, nullable=True),
    id_column("approved_by", ForeignKey("accounts.account_id"), nullable=True),
    Column("approved_at", UtcTime, nullable=True),
    Column("starts_at", UtcTime, nullable=True, comment="before this nothing of it is destroyed"),
    id_column("stopped_by", ForeignKey("accounts.account_id"), nullable=True),
    Column("stopped_at", UtcTime, nullable=True),
    Column("started_at", UtcTime, nullable=True),
    Column("executed_by", String(64), nullable=False, server_default="", comment="actor, as events name them"),
    Column("finished_at", UtcTime, nullable=True),
    CheckConstraint(
        "state IN ('draft', 'proposed', 'approved', 'running', 'paused', 'done', 'stopped', 'superseded')", name="state"
    ),
    CheckConstraint("approved_by IS NULL OR approved_by <> proposed_by", name="four_eyes"),
    CheckConstraint("state NOT IN ('approved', 'running', 'paused', 'done') OR approved_by IS NOT NULL", name="signed"),
    CheckConstraint("approved_by IS NULL OR proposed_by IS NOT NULL", name="two_people"),
    Index(None, "state", "made_at"),
)

destruction_items = Table(
    "destruction_items",
    metadata,
    id_column("plan_id", ForeignKey("destruction_plans.plan_id")),
    id_column("record_id"),
    Column("record_class", String(20), nullable=False),
    id_column("cohort_id"),
    Column("expires_at", UtcTime, nullable=False, comment="since when it is due"),
    Column("outlet", String(32), nullable=False),
    Column("state", String(10), nullable=False),
    Column("reason", String(40), nullable=False, server_default="", comment="why it was kept, held or has failed"),
    Column("wrap_digest", LargeBinary(32), nullable=True, comment="SHA-256 of the erased wrap, to look for residue"),
    Column("done_at", UtcTime, nullable=True),
    PrimaryKeyConstraint("plan_id", "record_id"),
    CheckConstraint("state IN ('due', 'destroyed', 'held', 'kept', 'failed')", name="state"),
    Index(None, "plan_id", "state", "record_class", "expires_at"),
    Index(None, "record_id"),
    sqlite_with_rowid=False,
)

destruction_counts = Table(
    "destruction_counts",
    metadata,
    id_column("plan_id", ForeignKey("destruction_plans.plan_id")),
    Column("record_class", String(20), nullable=False),
    Column("outlet", String(32), nullable=False),
    Column("reason", String(40), nullable=False, comment="why these are held; empty: due"),
    Column("count", Integer, nullable=False),
    Column("oldest", UtcTime, nullable=False, comment="since when the first of them is past its time"),
    PrimaryKeyConstraint("plan_id", "record_class", "outlet", "reason"),
    sqlite_with_rowid=False,
)

tombstones = Table(
    "tombstones",
    metadata,
    Column("record_id", ID, primary_key=True, comment=RANDOM_ID),
    Column("record_class", String(20), nullable=False),
    id_column("cohort_id", comment="whose key wrapped its data key: out of reach of every copy once that is destroyed"),
    id_column("plan_id", nullable=True, comment="empty: destroyed again after a restore"),
    Column("entered_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("destroyed_at", UtcTime, nullable=False),
    Index(None, "plan_id"),
    Index(None, "cohort_id"),
    sqlite_with_rowid=False,
)

certificates = Table(
    "certificates",
    metadata,
    Column("certificate_id", ID, primary_key=True, comment=RANDOM_ID),
    Column("kind", String(10), nullable=False),
    id_column("about", comment="the plan of one kind, the cohort of the other"),
    Column("statement", LargeBinary, nullable=False, comment="canonical JSON (RFC 8785)"),
    id_column("event_id", comment="the event that holds the statement's digest"),
    Column("issued_at", UtcTime, nullable=False),
    UniqueConstraint("kind", "about"),
    CheckConstraint("kind IN ('erased', 'final')", name="kind"),
)

certificate_waits = Table(
    "certificate_waits",
    metadata,
    Column("plan_id", ID, ForeignKey("destruction_plans.plan_id"), primary_key=True, comment=RANDOM_ID),
    Column("reason", String(40), nullable=False, comment="why the last try did not certify it"),
    Column("finding", String(20), nullable=False, comment="the check that found something, or empty"),
    Column("count", Integer, nullable=False, comment="how many it found"),
    Column("since", UtcTime, nullable=False),
    Column("tried_at", UtcTime, nullable=False),
)

paper_boxes = Table(
    "paper_boxes",
    metadata,
    Column("box_id", ID, primary_key=True, comment=RANDOM_ID),
    Column("label", String(40), nullable=False, comment="as written on the box"),
    Column("record_class", String(20), nullable=False),
    Column("outlet", String(32), nullable=False),
    id_column("custodian", ForeignKey("accounts.account_id")),
    id_column("registered_by", ForeignKey("accounts.account_id")),
    Column("registered_at", UtcTime, nullable=False),
    Column("due_on", Date, nullable=False, comment="company time zone"),
    id_column("shredded_by", ForeignKey("accounts.account_id"), nullable=True),
    id_column("witnessed_by", ForeignKey("accounts.account_id"), nullable=True),
    Column("shredded_at", UtcTime, nullable=True),
    UniqueConstraint("label"),
    CheckConstraint("witnessed_by IS NULL OR witnessed_by <> shredded_by", name="two_people"),
    Index(None, "due_on"),
)
