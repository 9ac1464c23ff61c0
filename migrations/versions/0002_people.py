"""Accounts and their sessions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vault.storage.schema import grant_to_application

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("account_id", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column(
            "work_number", sa.String(32), nullable=False, comment="工号; how a person is named in the access log"
        ),
        sa.Column("role", sa.String(24), nullable=False),
        sa.Column("outlet", sa.String(32), nullable=False),
        sa.Column("team", sa.String(32), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("sealed_name", sa.LargeBinary(), nullable=False, comment="sealed under the people key"),
        sa.Column("password", sa.Text(), nullable=True, comment="Argon2id PHC string"),
        sa.Column("password_changed_at", sa.BigInteger(), nullable=True),
        sa.Column(
            "invite_hash",
            sa.LargeBinary(32),
            nullable=True,
            comment="SHA-256 of a one-time secret of 128 random bits",
        ),
        sa.Column("invite_expires_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('invited', 'active', 'locked', 'suspended', 'left')", name=op.f("ck_accounts_state")
        ),
        sa.CheckConstraint("state <> 'active' OR password IS NOT NULL", name=op.f("ck_accounts_active_has_password")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("work_number", name=op.f("uq_accounts_work_number")),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("COMMENT ON CONSTRAINT uq_accounts_work_number ON accounts IS 'one human, one account (AC-03)'")
    op.create_table(
        "sessions",
        sa.Column("session_hash", sa.LargeBinary(32), nullable=False, comment="SHA-256 of the opaque session token"),
        sa.Column("session_id", sa.LargeBinary(16), nullable=False, comment="how the access log names the session"),
        sa.Column("account_id", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("source", sa.String(64), nullable=False, comment="network address at sign-in"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False, comment="written at most once a minute"),
        sa.Column("expires_at", sa.BigInteger(), nullable=False, comment="absolute limit, set once"),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_sessions_account_id")),
        sa.PrimaryKeyConstraint("session_hash", name=op.f("pk_sessions")),
    )
    op.create_index(op.f("ix_sessions_account_id"), "sessions", ["account_id"])
    grant_to_application("SELECT, INSERT, UPDATE, DELETE", "accounts", "sessions")


def downgrade() -> None:
    op.drop_table("sessions")
    op.drop_table("accounts")
