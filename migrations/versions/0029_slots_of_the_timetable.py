"""Each run of a job has a row of its own, so that a missed one is seen; the last ones are kept."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from vault.storage.schema import grant_to_application

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_KEPT = sa.text(
    "SELECT job, slot, started_at, finished_at FROM job_runs AS one"
    " WHERE slot = (SELECT max(slot) FROM job_runs AS same WHERE same.job = one.job)"
)


def upgrade() -> None:
    rows = _last_runs()
    op.drop_table("job_runs")
    made = op.create_table(
        "job_runs",
        sa.Column("job", sa.String(32), nullable=False),
        sa.Column("slot", sa.BigInteger(), nullable=False, comment="when it was due, seconds since 1970"),
        sa.Column("started_at", sa.BigInteger(), nullable=False, comment="when it was last claimed"),
        sa.Column("finished_at", sa.BigInteger(), nullable=True, comment="empty while it runs, or when it was killed"),
        sa.Column("late", sa.Boolean(), nullable=False, comment="it makes up for runs that were missed or killed"),
        sa.Column("node", sa.String(64), nullable=False, comment="who runs it"),
        sa.PrimaryKeyConstraint("job", "slot", name=op.f("pk_job_runs")),
        sqlite_with_rowid=False,
    )
    grant_to_application("SELECT, INSERT, UPDATE, DELETE", "job_runs")
    op.bulk_insert(made, [row | {"late": False, "node": ""} for row in rows])


def downgrade() -> None:
    rows = _last_runs()
    op.drop_table("job_runs")
    made = op.create_table(
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
    op.bulk_insert(made, rows)


def _last_runs() -> list[dict[str, Any]]:
    return [dict(row) for row in op.get_bind().execute(_KEPT).mappings()]
