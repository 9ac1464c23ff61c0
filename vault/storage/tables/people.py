"""Tables of people: accounts, sessions, secrets, and what they are told."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from vault.storage.tables.base import ID, RANDOM_ID, UtcTime, id_column, metadata

accounts = Table(
    "accounts",
    metadata,
    Column("account_id", ID, primary_key=True, comment=RANDOM_ID),
    Column("work_number", String(32), nullable=False, comment="工号; how a person is named in the access log"),
    Column("role", String(24), nullable=False),
    Column("outlet", String(32), nullable=False),
    Column("team", String(32), nullable=False),
    Column("state", String(10), nullable=False),
    Column("sealed_name", LargeBinary, nullable=False, comment="sealed under the people key"),
    Column("password", Text, nullable=True, comment="Argon2id PHC string"),
    Column("password_changed_at", UtcTime, nullable=True),
    Column("invite_hash", LargeBinary(32), nullable=True, comment="SHA-256 of a one-time secret of 128 random bits"),
    Column("invite_expires_at", UtcTime, nullable=True),
    Column("created_at", UtcTime, nullable=False),
    Column("password_expired_at", UtcTime, nullable=True, comment="first seen too old; empty once changed"),
    Column("kind", String(8), nullable=False, server_default="person", comment="a person, or a program with tokens"),
    Column("sealed_totp", LargeBinary, nullable=True, comment="shared secret of RFC 6238, sealed under the people key"),
    Column(
        "totp_confirmed_at", UtcTime, nullable=True, comment="when its first code was given; empty: no second factor"
    ),
    Column("totp_step", BigInteger, nullable=True, comment="the last time step whose code was taken: none is twice"),
    UniqueConstraint("work_number", comment="one human, one account (AC-03)"),
    CheckConstraint("state IN ('invited', 'active', 'locked', 'suspended', 'left')", name="state"),
    CheckConstraint("state <> 'active' OR password IS NOT NULL OR kind = 'service'", name="active_has_password"),
    CheckConstraint("kind IN ('person', 'service')", name="kind"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("session_hash", LargeBinary(32), primary_key=True, comment="SHA-256 of the opaque session token"),
    id_column("session_id", comment="how the access log names the session"),
    id_column("account_id", ForeignKey("accounts.account_id")),
    Column("source", String(64), nullable=False, comment="network address at sign-in"),
    Column("created_at", UtcTime, nullable=False),
    Column("seen_at", UtcTime, nullable=False, comment="written at most once a minute"),
    Column("expires_at", UtcTime, nullable=False, comment="absolute limit, set once"),
    Column("ended_at", UtcTime, nullable=True),
    Column("acknowledged_at", UtcTime, nullable=True, comment="when its person last saw who else was signed in"),
    Column("proved_at", UtcTime, nullable=True, comment="when password and second factor were last given; empty: owed"),
    Index(None, "account_id"),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("token_hash", LargeBinary(32), primary_key=True, comment="SHA-256 of the token, 256 random bits"),
    id_column("token_id", comment="how the access log names the token"),
    id_column("account_id", ForeignKey("accounts.account_id")),
    Column("purposes", String(200), nullable=False, comment="purpose ids it is limited to, with commas"),
    id_column("made_by", ForeignKey("accounts.account_id")),
    Column("made_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("seen_at", UtcTime, nullable=True, comment="written at most once a minute"),
    Column("ended_at", UtcTime, nullable=True),
    Index(None, "account_id"),
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("account_id", ID, ForeignKey("accounts.account_id"), primary_key=True),
    Column("code_hash", LargeBinary(32), primary_key=True, comment="SHA-256 of a code of 100 random bits"),
    Column("used_at", UtcTime, nullable=True),
)

password_history = Table(
    "password_history",
    metadata,
    Column("account_id", ID, ForeignKey("accounts.account_id"), primary_key=True),
    Column("changed_at", UtcTime, primary_key=True, autoincrement=False, comment="when it was chosen"),
    Column("password", Text, nullable=False, comment="Argon2id PHC string"),
)

sign_in_failures = Table(
    "sign_in_failures",
    metadata,
    Column("source", String(64), primary_key=True, comment="network address, or network of IPv6 addresses"),
    Column(
        "who", BigInteger, primary_key=True, autoincrement=False, comment="keyed tag of a work number; 0: the source"
    ),
    Column("failures", Integer, nullable=False),
    Column("failed_at", UtcTime, nullable=False),
)

account_resets = Table(
    "account_resets",
    metadata,
    Column("reset_id", ID, primary_key=True, comment="the event that the log holds of it"),
    id_column("account_id", ForeignKey("accounts.account_id"), comment="whose"),
    Column("kind", String(16), nullable=False),
    id_column("reset_by", ForeignKey("accounts.account_id"), nullable=True, comment="empty: the local operator"),
    Column("reset_at", UtcTime, nullable=False),
    id_column("confirmed_by", ForeignKey("accounts.account_id"), nullable=True, comment="who spoke with the person"),
    Column("confirmed_at", UtcTime, nullable=True),
    CheckConstraint("kind IN ('password', 'second_factor', 'secret')", name="kind"),
    CheckConstraint("confirmed_by <> reset_by", name="four_eyes"),
    Index(None, "account_id", "reset_at"),
)

notifications = Table(
    "notifications",
    metadata,
    Column("notification_id", ID, primary_key=True, comment=RANDOM_ID),
    id_column("account_id", ForeignKey("accounts.account_id"), comment="who is told"),
    Column("kind", String(32), nullable=False),
    id_column("about", comment="id of what it is about; told once for each person, kind and thing"),
    Column("at", UtcTime, nullable=False),
    Column("seen_at", UtcTime, nullable=True),
    UniqueConstraint("account_id", "kind", "about"),
    Index(None, "account_id", "at"),
)
