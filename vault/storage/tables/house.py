"""Tables of the vault itself: its state, cohorts, backups, the clock, rules in force, and the timetable."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from vault.storage.tables.base import ID, RANDOM_ID, UtcTime, id_column, metadata

vault_state = Table(
    "vault_state",
    metadata,
    Column("singleton", SmallInteger, primary_key=True, autoincrement=False, comment="always 1: there is one vault"),
    id_column("vault_id", comment="bound into every ciphertext; tells another vault's files apart"),
    Column("origin", String(120), nullable=False, comment="first line of each checkpoint, and the name of its key"),
    Column("pin", String(250), nullable=False, comment="public key of checkpoints, as a C2SP verifier key"),
    Column("key_store_version", BigInteger, nullable=False, comment="mirrors the key store file; never ahead of it"),
    Column("created_at", UtcTime, nullable=False),
    CheckConstraint("singleton = 1", name="one_row"),
)

cohorts = Table(
    "cohorts",
    metadata,
    Column("cohort_id", ID, primary_key=True, comment="random id of the cohort key; never reused"),
    Column("record_class", String(20), nullable=False),
    Column("end_on", Date, nullable=False, comment="last day of its span, company time zone"),
    Column("state", String(10), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("closing_at", UtcTime, nullable=True, comment="since when nothing is sealed under it"),
    Column("emptied_at", UtcTime, nullable=True, comment="when the last wrap under it was gone"),
    Column("destroyed_at", UtcTime, nullable=True, comment="when every registered copy had lost its key"),
    Column(
        "moved_size",
        BigInteger,
        nullable=True,
        comment="events in the log when the last record had left; a backup of as many holds every move",
    ),
    UniqueConstraint("record_class", "end_on", comment="two processes meeting a new month make one cohort"),
    CheckConstraint("state IN ('open', 'closing', 'empty', 'destroyed')", name="state"),
)

backups = Table(
    "backups",
    metadata,
    Column("backup_id", ID, primary_key=True, comment=RANDOM_ID),
    Column("made_at", UtcTime, nullable=False, comment="its snapshot holds everything committed before"),
    Column("log_size", BigInteger, nullable=False, comment="events in its snapshot"),
    Column("manifest_digest", LargeBinary(32), nullable=False, comment="SHA-256 of its manifest"),
    Column("verified_at", UtcTime, nullable=True, comment="when it was last read back and held"),
    Column("place", Text, nullable=False, server_default="", comment="the folder it was put into"),
    Index(None, "made_at"),
)

clock_marks = Table(
    "clock_marks",
    metadata,
    Column("singleton", SmallInteger, primary_key=True, autoincrement=False, comment="always 1"),
    Column("seen_at", UtcTime, nullable=False, comment="the clock when last looked at; never set back"),
    Column("jumped_from", UtcTime, nullable=True, comment="the mark before a jump nobody has confirmed yet"),
    id_column("confirmed_by", ForeignKey("accounts.account_id"), nullable=True),
    Column("confirmed_at", UtcTime, nullable=True),
    CheckConstraint("singleton = 1", name="one_row"),
)

policy_texts = Table(
    "policy_texts",
    metadata,
    Column("digest", String(64), primary_key=True, comment="of the whole policy, as events name it"),
    Column("name", String(40), primary_key=True, comment="file name without .toml"),
    Column("content", LargeBinary, nullable=False, comment="the file's bytes"),
)

job_runs = Table(
    "job_runs",
    metadata,
    Column("job", String(32), nullable=False),
    Column("slot", BigInteger, nullable=False, comment="when it was due, seconds since 1970"),
    Column("started_at", UtcTime, nullable=False, comment="when it was last claimed"),
    Column("finished_at", UtcTime, nullable=True, comment="empty while it runs, or when it was killed"),
    Column("late", Boolean, nullable=False, comment="it makes up for runs that were missed or killed"),
    Column("node", String(64), nullable=False, comment="who runs it"),
    PrimaryKeyConstraint("job", "slot"),
    sqlite_with_rowid=False,
)
