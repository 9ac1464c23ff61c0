"""Tables of the reach of a breach: frozen radii, the customers they name, and what was shown of them."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

from vault.storage.tables.base import ID, UtcTime, id_column, metadata

incident_radii = Table(
    "incident_radii",
    metadata,
    Column("radius_id", ID, primary_key=True, comment="the event that the log holds of it"),
    id_column("incident_id", ForeignKey("incidents.incident_id")),
    Column("scope", Text, nullable=False, comment="canonical JSON: what was asked for"),
    Column("drawn_at", UtcTime, nullable=False),
    Column("drawn_by", String(64), nullable=False, comment="actor, as events name them"),
    Column("log_size", BigInteger, nullable=False, comment="events of the checkpoint it was drawn from"),
    Column("log_root", LargeBinary(32), nullable=False, comment="root over these events"),
    Column("counts", Text, nullable=False, comment="canonical JSON: what was counted, by kind of data"),
    Column("digest", LargeBinary(32), nullable=False, comment="SHA-256 over its lines, in order of id"),
    Column("set_aside_by", String(64), nullable=True, comment="actor who said it was frozen by mistake, or empty"),
    Column("set_aside_at", UtcTime, nullable=True, comment="from then on it says nothing of who is to be told"),
    Column("sealed_reason", LargeBinary, nullable=True, comment="why, under the people key"),
    Column("aside_asked_by", String(64), nullable=True, comment="actor who asked to set it aside, or empty"),
    Column("aside_asked_at", UtcTime, nullable=True),
    CheckConstraint("set_aside_by <> aside_asked_by", name="four_eyes"),
    Index(None, "incident_id", "drawn_at"),
)

radius_customers = Table(
    "radius_customers",
    metadata,
    # Written before its radius, in as many transactions as it takes: nobody waits long for their turn.
    id_column("radius_id"),
    id_column("record_id", comment="a customer; else what has none any more"),
    Column("record_class", String(20), nullable=False),
    Column("clear", Text, nullable=False, comment="fields seen in clear, as class.field, with spaces"),
    Column("masked", Text, nullable=False, comment="fields seen only masked, in the same way"),
    Column("first_at", UtcTime, nullable=True, comment="of the first event; empty: not from the log"),
    Column("last_at", UtcTime, nullable=True),
    Column("destroyed", Boolean, nullable=False, comment="destroyed before the radius was drawn"),
    PrimaryKeyConstraint("radius_id", "record_id"),
    sqlite_with_rowid=False,
)

radius_records = Table(
    "radius_records",
    metadata,
    id_column("radius_id"),
    id_column("record_id", comment="no customer: what was shown and hangs on some"),
    PrimaryKeyConstraint("radius_id", "record_id"),
    sqlite_with_rowid=False,
)
