"""What is counted of each person's reading, and the signals that come of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vault.storage.schema import grant_to_application

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "disclosures",
        sa.Column("disclosure_id", sa.LargeBinary(16), nullable=False, comment="the event that the log holds of it"),
        sa.Column("account_id", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column(
            "record_id",
            sa.LargeBinary(16),
            nullable=True,
            comment="the customer of a reveal; for counting distinct ones",
        ),
        sa.CheckConstraint("kind IN ('lookup', 'miss', 'reveal')", name=op.f("ck_disclosures_kind")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_disclosures_account_id")),
        sa.PrimaryKeyConstraint("disclosure_id", name=op.f("pk_disclosures")),
    )
    op.create_index(op.f("ix_disclosures_account_id_at"), "disclosures", ["account_id", "at"])
    op.create_table(
        "signals",
        sa.Column("signal_id", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("account_id", sa.LargeBinary(16), nullable=False, comment="whose reading gave rise to it"),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("released_by", sa.LargeBinary(16), nullable=True, comment="the supervisor who lifted the limit"),
        sa.Column("released_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_signals_account_id")),
        sa.ForeignKeyConstraint(["released_by"], ["accounts.account_id"], name=op.f("fk_signals_released_by")),
        sa.PrimaryKeyConstraint("signal_id", name=op.f("pk_signals")),
    )
    op.create_index(op.f("ix_signals_account_id_at"), "signals", ["account_id", "at"])
    grant_to_application("SELECT, INSERT, UPDATE, DELETE", "disclosures", "signals")


def downgrade() -> None:
    op.drop_table("signals")
    op.drop_table("disclosures")
