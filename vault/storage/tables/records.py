"""Tables of records: metadata in clear under a MAC, sealed fields, wrapped keys and index tags."""

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
    SmallInteger,
    String,
    Table,
)

from vault.storage.tables.base import ID, RANDOM_ID, UtcTime, id_column, metadata

records = Table(
    "records",
    metadata,
    Column("record_id", ID, primary_key=True, comment=RANDOM_ID),
    Column("record_class", String(20), nullable=False),
    id_column("cohort_id", ForeignKey("cohorts.cohort_id"), comment="whose key wraps the record's data key"),
    id_column(
        "owner_id", ForeignKey("accounts.account_id"), nullable=True, comment="归属客服, or who handles the service"
    ),
    Column("outlet", String(32), nullable=False),
    Column("kind", String(16), nullable=False, comment="service records: consultation, complaint, callback, rating"),
    Column("state", String(10), nullable=False),
    Column("held", Boolean, nullable=False, comment="under legal hold"),
    Column("activity_at", UtcTime, nullable=False, comment="from which the expiry is computed"),
    Column("expires_at", UtcTime, nullable=True, comment="restricted from this second; empty while open"),
    id_column("sender_id", nullable=True),
    id_column("recipient_id", nullable=True),
    id_column("customer_id", nullable=True),
    id_column("shipment_id", nullable=True),
    Column("mac", LargeBinary(32), nullable=False, comment="over all columns above and the list of current fields"),
    Column("revision", Integer, nullable=False, comment="counts every change"),
    Column("import_revision", Integer, nullable=True, comment="the revision the last import left; empty: made here"),
    Column("entered_at", UtcTime, nullable=False, comment="when it was entered (CE-02)"),
    Column("late", Boolean, nullable=False, comment="entered more than 30 minutes after the service ended (CE-02)"),
    Column("notice_missing", Boolean, nullable=False, comment="no notice was given or recorded (CE-01)"),
    CheckConstraint("state IN ('settled', 'open')", name="state"),
    CheckConstraint("state = 'open' OR expires_at IS NOT NULL", name="settled_expires"),
    CheckConstraint("record_class = 'service_record' OR (state = 'settled' AND kind = '')", name="only_services_open"),
    Index(None, "cohort_id"),
)
Index(
    "ix_records_late",
    records.c.owner_id,
    records.c.entered_at,
    sqlite_where=records.c.late.is_(True),
    postgresql_where=records.c.late.is_(True),
)
for _link in ("sender_id", "recipient_id", "customer_id", "shipment_id"):
    Index(
        f"ix_records_{_link}",
        records.c[_link],
        sqlite_where=records.c[_link].is_not(None),
        postgresql_where=records.c[_link].is_not(None),
    )

# A link may outlive the record it names: then the name of a tombstone is all that is left of that one.
#

# Fields, wraps and index rows have no foreign key on their record: they are written in its own transaction by
# record_writes alone, the metadata MAC covers the list of fields, and on PostgreSQL the checks cost as much as
# the rest of an import (docs/adr).
record_fields = Table(
    "record_fields",
    metadata,
    id_column("record_id"),
    Column("field", String(24), nullable=False),
    Column("ordinal", SmallInteger, nullable=False, comment="several phones or addresses: 0, 1, …"),
    Column("generation", Integer, nullable=False, comment="how often this value has been replaced"),
    Column("sealed", LargeBinary, nullable=False),
    Column("valid_from", UtcTime, nullable=False),
    Column("superseded_at", UtcTime, nullable=True, comment="kept sealed for breach notices; dies with the record"),
    PrimaryKeyConstraint("record_id", "field", "ordinal", "generation"),
    # A sealed value is at least layout, suite, nonce and tag: a value in clear that slips in here is refused.
    CheckConstraint("length(sealed) >= 30", name="is_sealed"),
    sqlite_with_rowid=False,
)

wrapped_keys = Table(
    "wrapped_keys",
    metadata,
    id_column("cohort_id"),
    id_column("record_id"),
    Column("wrapped", LargeBinary, nullable=False, comment="the record's data key under the cohort's wrap key"),
    PrimaryKeyConstraint("cohort_id", "record_id"),
    CheckConstraint("length(wrapped) = 62", name="is_wrapped"),
    sqlite_with_rowid=False,
    postgresql_partition_by="LIST (cohort_id)",
)

record_index = Table(
    "record_index",
    metadata,
    Column("tag", LargeBinary(16), nullable=False, comment="blind-index tag under a cohort's key for the kind"),
    id_column("record_id"),
    Column("kind", String(16), nullable=False),
    Column("ordinal", SmallInteger, nullable=False),
    PrimaryKeyConstraint("tag", "record_id", "kind", "ordinal"),
    CheckConstraint("length(tag) = 16", name="full_tag"),
    Index(None, "record_id"),
    sqlite_with_rowid=False,
)
