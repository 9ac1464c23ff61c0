"""A request for access that waits is reminded of once, when half of its time is over."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("access_requests", recreate=_recreate()) as requests:
        requests.add_column(
            sa.Column(
                "reminded_at",
                sa.BigInteger(),
                nullable=True,
                comment="when who may decide was worked out anew and reminded",
            )
        )
        _plainly(requests)


def downgrade() -> None:
    with op.batch_alter_table("access_requests", recreate=_recreate()) as requests:
        requests.drop_column("reminded_at")
        _plainly(requests)


def _plainly(requests: BatchOperations) -> None:
    # A copy on SQLite would write this default in brackets.
    comment = "why it was refused; not told to the asker"
    requests.alter_column(
        "reason", existing_type=sa.String(40), existing_nullable=False, existing_comment=comment, server_default=""
    )


def _recreate() -> str:
    # SQLite adds a column where the tables do not say it stands; a copy has it where it belongs.
    return "always" if op.get_bind().dialect.name == "sqlite" else "never"
