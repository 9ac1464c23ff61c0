"""What people are told inside the vault."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vault.storage.schema import grant_to_application

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "notifications",
        sa.Column("notification_id", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("account_id", sa.LargeBinary(16), nullable=False, comment="who is told"),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column(
            "about",
            sa.LargeBinary(16),
            nullable=False,
            comment="id of what it is about; told once for each person, kind and thing",
        ),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_notifications_account_id")),
        sa.PrimaryKeyConstraint("notification_id", name=op.f("pk_notifications")),
        sa.UniqueConstraint("account_id", "kind", "about", name=op.f("uq_notifications_account_id_kind_about")),
    )
    op.create_index(op.f("ix_notifications_account_id_at"), "notifications", ["account_id", "at"])
    grant_to_application("SELECT, INSERT, UPDATE, DELETE", "notifications")


def downgrade() -> None:
    op.drop_table("notifications")
