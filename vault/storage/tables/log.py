"""Tables of the access log."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
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

from vault.storage.tables.base import ID, UtcTime, metadata

log_inbox = Table(
    "log_inbox",
    metadata,
    Column("arrival", BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True),
    Column("canonical", LargeBinary, nullable=False, comment="a durable event that has no place in the log yet"),
)

log_events = Table(
    "log_events",
    metadata,
    Column(
        "leaf_index",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=False,
        comment="dense, from 0",
    ),
    Column("canonical", LargeBinary, nullable=False, comment="canonical JSON (RFC 8785); the event itself"),
    Column("leaf_hash", LargeBinary(32), nullable=False, comment="RFC 6962 leaf hash of canonical"),
    Column("event_id", ID, nullable=False, comment="copy, for searching; checked against canonical"),
    UniqueConstraint("event_id"),
)

log_terms = Table(
    "log_terms",
    metadata,
    Column("term", LargeBinary(80), nullable=False, comment="by which an event is found; checked against canonical"),
    Column("at", UtcTime, nullable=False, comment="copy, for searching; checked against canonical"),
    Column("leaf_index", BigInteger, nullable=False, comment="the event"),
    PrimaryKeyConstraint("term", "at", "leaf_index"),
    sqlite_with_rowid=False,
)

log_checkpoints = Table(
    "log_checkpoints",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False, comment="events covered"),
    Column("note", Text, nullable=False, comment="C2SP signed note"),
    Column("signed_at", UtcTime, nullable=False),
)

log_gaps = Table(
    "log_gaps",
    metadata,
    Column("lost_size", BigInteger, nullable=False, autoincrement=False, comment="events signed last"),
    Column("lost_root", LargeBinary(32), nullable=False, comment="the root over them"),
    Column("kept_size", BigInteger, nullable=False, comment="events that both histories begin with"),
    Column("note", Text, nullable=False, comment="the statement, a C2SP signed note"),
    Column("accepted_at", UtcTime, nullable=False),
    PrimaryKeyConstraint("lost_size", "lost_root"),
    CheckConstraint("kept_size < lost_size", name="something_is_lost"),
)

log_keys = Table(
    "log_keys",
    metadata,
    Column("old_key", String(250), nullable=False, comment="verifier key that was replaced"),
    Column("new_key", String(250), nullable=False, comment="verifier key that follows it"),
    Column("size", BigInteger, nullable=False, comment="events that the replaced key signed last"),
    Column("note", Text, nullable=False, comment="the key statement, signed by both"),
    Column("changed_at", UtcTime, nullable=False),
    PrimaryKeyConstraint("old_key", "new_key"),
)

log_tiles = Table(
    "log_tiles",
    metadata,
    Column("level", SmallInteger, primary_key=True, autoincrement=False, comment="hashes of tree level 8 * level"),
    Column(
        "number",
        BigInteger,
        primary_key=True,
        autoincrement=False,
        comment="place among the tiles of its level, from 0",
    ),
    Column("root", LargeBinary(32), nullable=False, comment="over the 256 hashes"),
    Column("hashes", LargeBinary, nullable=False, comment="256 hashes side by side; never changes"),
    Column("middle", LargeBinary, nullable=False, comment="the 16 nodes half-way up, side by side"),
)

log_exports = Table(
    "log_exports",
    metadata,
    Column("export_id", ID, primary_key=True, comment="the event that the log holds of it"),
    Column("exported_by", String(64), nullable=False, comment="actor, as events name them"),
    Column("at", UtcTime, nullable=False),
    Column("size", BigInteger, nullable=False, comment="of the checkpoint in the bundle"),
    Column("root", LargeBinary(32), nullable=False, comment="of the checkpoint in the bundle"),
    Column("question", Text, nullable=False, comment="what was asked for, as the manifest says it"),
    Index(None, "exported_by", "at"),
)
