"""A second factor, its recovery codes, proof of it in a session, and tokens of service accounts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vault.storage.schema import grant_to_application

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("accounts", recreate=_recreate()) as accounts:
        accounts.add_column(
            sa.Column(
                "kind",
                sa.String(8),
                nullable=False,
                server_default="person",
                comment="a person, or a program with tokens",
            )
        )
        accounts.add_column(
            sa.Column(
                "sealed_totp",
                sa.LargeBinary(),
                nullable=True,
                comment="shared secret of RFC 6238, sealed under the people key",
            )
        )
        accounts.add_column(
            sa.Column(
                "totp_confirmed_at",
                sa.BigInteger(),
                nullable=True,
                comment="when its first code was given; empty: no second factor",
            )
        )
        accounts.add_column(
            sa.Column(
                "totp_step",
                sa.BigInteger(),
                nullable=True,
                comment="the last time step whose code was taken: none is twice",
            )
        )
        accounts.drop_constraint(op.f("ck_accounts_active_has_password"), type_="check")
        accounts.create_check_constraint(
            op.f("ck_accounts_active_has_password"), "state <> 'active' OR password IS NOT NULL OR kind = 'service'"
        )
        accounts.create_check_constraint(op.f("ck_accounts_kind"), "kind IN ('person', 'service')")
    with op.batch_alter_table("sessions", recreate=_recreate()) as sessions:
        sessions.add_column(
            sa.Column(
                "proved_at",
                sa.BigInteger(),
                nullable=True,
                comment="when password and second factor were last given; empty: owed",
            )
        )
    op.create_table(
        "recovery_codes",
        sa.Column("account_id", sa.LargeBinary(16), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(32), nullable=False, comment="SHA-256 of a code of 100 random bits"),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_recovery_codes_account_id")),
        sa.PrimaryKeyConstraint("account_id", "code_hash", name=op.f("pk_recovery_codes")),
    )
    op.create_table(
        "api_tokens",
        sa.Column("token_hash", sa.LargeBinary(32), nullable=False, comment="SHA-256 of the token, 256 random bits"),
        sa.Column("token_id", sa.LargeBinary(16), nullable=False, comment="how the access log names the token"),
        sa.Column("account_id", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("purposes", sa.String(200), nullable=False, comment="purpose ids it is limited to, with commas"),
        sa.Column("made_by", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=True, comment="written at most once a minute"),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_api_tokens_account_id")),
        sa.ForeignKeyConstraint(["made_by"], ["accounts.account_id"], name=op.f("fk_api_tokens_made_by")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_api_tokens")),
    )
    op.create_index(op.f("ix_api_tokens_account_id"), "api_tokens", ["account_id"])
    grant_to_application("SELECT, INSERT, UPDATE, DELETE", "recovery_codes", "api_tokens")


def downgrade() -> None:
    op.drop_table("api_tokens")
    op.drop_table("recovery_codes")
    with op.batch_alter_table("sessions", recreate=_recreate()) as sessions:
        sessions.drop_column("proved_at")
    # A program has no password to live by in the older schema: its account is left, and stays so.
    op.execute("UPDATE accounts SET state = 'left' WHERE kind = 'service'")
    with op.batch_alter_table("accounts", recreate=_recreate()) as accounts:
        accounts.drop_constraint(op.f("ck_accounts_kind"), type_="check")
        accounts.drop_constraint(op.f("ck_accounts_active_has_password"), type_="check")
        accounts.create_check_constraint(
            op.f("ck_accounts_active_has_password"), "state <> 'active' OR password IS NOT NULL"
        )
        accounts.drop_column("totp_step")
        accounts.drop_column("totp_confirmed_at")
        accounts.drop_column("sealed_totp")
        accounts.drop_column("kind")


def _recreate() -> str:
    # SQLite adds a column where the tables do not say it stands; a copy has it where it belongs.
    return "always" if op.get_bind().dialect.name == "sqlite" else "never"
