"""When the incoming colleague read the note of a hand-over: before that nobody can accept it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("handovers", recreate=_recreate()) as handovers:
        # Said again, because a copy on SQLite would put it in brackets.
        handovers.alter_column("reason", existing_type=sa.String(40), existing_nullable=False, server_default="")
        handovers.add_column(
            sa.Column("read_at", sa.BigInteger(), nullable=True, comment="when the incoming colleague read the note")
        )


def downgrade() -> None:
    with op.batch_alter_table("handovers", recreate=_recreate()) as handovers:
        handovers.alter_column("reason", existing_type=sa.String(40), existing_nullable=False, server_default="")
        handovers.drop_column("read_at")


def _recreate() -> str:
    # SQLite adds a column where the tables do not say it stands; a copy has it where it belongs.
    return "always" if op.get_bind().dialect.name == "sqlite" else "never"
