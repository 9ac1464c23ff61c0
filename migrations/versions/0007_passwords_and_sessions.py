"""Passwords used before, the mark of one seen too old, who saw which sign-in, and failed sign-ins."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vault.storage.schema import grant_to_application

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("accounts", recreate=_recreate()) as accounts:
        accounts.add_column(
            sa.Column(
                "password_expired_at", sa.BigInteger(), nullable=True, comment="first seen too old; empty once changed"
            )
        )
    with op.batch_alter_table("sessions", recreate=_recreate()) as sessions:
        sessions.add_column(
            sa.Column(
                "acknowledged_at",
                sa.BigInteger(),
                nullable=True,
                comment="when its person last saw who else was signed in",
            )
        )
    op.create_table(
        "password_history",
        sa.Column("account_id", sa.LargeBinary(16), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), autoincrement=False, nullable=False, comment="when it was chosen"),
        sa.Column("password", sa.Text(), nullable=False, comment="Argon2id PHC string"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_password_history_account_id")),
        sa.PrimaryKeyConstraint("account_id", "changed_at", name=op.f("pk_password_history")),
    )
    op.create_table(
        "sign_in_failures",
        sa.Column("source", sa.String(64), nullable=False, comment="network address, or network of IPv6 addresses"),
        sa.Column(
            "who",
            sa.BigInteger(),
            autoincrement=False,
            nullable=False,
            comment="keyed tag of a work number; 0: the source",
        ),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "who", name=op.f("pk_sign_in_failures")),
    )
    grant_to_application("SELECT, INSERT, UPDATE, DELETE", "password_history", "sign_in_failures")


def downgrade() -> None:
    op.drop_table("sign_in_failures")
    op.drop_table("password_history")
    with op.batch_alter_table("sessions", recreate=_recreate()) as sessions:
        sessions.drop_column("acknowledged_at")
    with op.batch_alter_table("accounts", recreate=_recreate()) as accounts:
        accounts.drop_column("password_expired_at")


def _recreate() -> str:
    # SQLite adds a column where the tables do not say it stands; a copy has it where it belongs.
    return "always" if op.get_bind().dialect.name == "sqlite" else "never"
