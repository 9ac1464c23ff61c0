"""What a run of notices did and has not written into the timeline is found at once, also after it was cut short."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

_NAME = "ix_notice_recipients_settled"


def upgrade() -> None:
    untold = sa.text("worker IS NOT NULL AND settled_at IS NOT NULL")
    op.create_index(_NAME, "notice_recipients", ["campaign_id", "worker"], sqlite_where=untold, postgresql_where=untold)


def downgrade() -> None:
    op.drop_index(_NAME, "notice_recipients")
