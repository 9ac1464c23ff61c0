"""Which run of each job of the timetable was claimed last."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vault.storage.schema import grant_to_application

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "job_runs",
        sa.Column("job", sa.String(32), nullable=False),
        sa.Column(
            "slot",
            sa.BigInteger(),
            nullable=False,
            comment="the latest run claimed: its due time in seconds since 1970",
        ),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True, comment="empty while it runs, or when it was killed"),
        sa.PrimaryKeyConstraint("job", name=op.f("pk_job_runs")),
    )
    grant_to_application("SELECT, INSERT, UPDATE", "job_runs")


def downgrade() -> None:
    op.drop_table("job_runs")
