"""An index for each person's own late entries: without it the list would read every record."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    late = sa.column("late", sa.Boolean()).is_(True)
    op.create_index(
        op.f("ix_records_late"), "records", ["owner_id", "entered_at"], sqlite_where=late, postgresql_where=late
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_records_late"), "records")
