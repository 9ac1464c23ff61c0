"""Gap statements: what of the log was lost when the database went back in time, and that somebody accepted it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vault.storage.schema import grant_to_application

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "log_gaps",
        sa.Column("lost_size", sa.BigInteger(), autoincrement=False, nullable=False, comment="events signed last"),
        sa.Column("lost_root", sa.LargeBinary(32), nullable=False, comment="the root over them"),
        sa.Column("kept_size", sa.BigInteger(), nullable=False, comment="events that both histories begin with"),
        sa.Column("note", sa.Text(), nullable=False, comment="the statement, a C2SP signed note"),
        sa.Column("accepted_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("lost_size", "lost_root", name=op.f("pk_log_gaps")),
        sa.CheckConstraint("kept_size < lost_size", name=op.f("ck_log_gaps_something_is_lost")),
    )
    grant_to_application("SELECT, INSERT", "log_gaps")


def downgrade() -> None:
    op.drop_table("log_gaps")
