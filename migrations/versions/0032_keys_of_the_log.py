"""The statements by which each signing key of the log named its successor."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vault.storage.schema import grant_to_application

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "log_keys",
        sa.Column("old_key", sa.String(250), nullable=False, comment="verifier key that was replaced"),
        sa.Column("new_key", sa.String(250), nullable=False, comment="verifier key that follows it"),
        sa.Column("size", sa.BigInteger(), nullable=False, comment="events that the replaced key signed last"),
        sa.Column("note", sa.Text(), nullable=False, comment="the key statement, signed by both"),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("old_key", "new_key", name=op.f("pk_log_keys")),
    )
    grant_to_application("SELECT, INSERT", "log_keys")


def downgrade() -> None:
    op.drop_table("log_keys")
