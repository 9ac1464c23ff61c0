"""Where a backup was put; a hold that a restore brought back from the ledger names no officer."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("backups", recreate=_recreate()) as backups:
        backups.add_column(
            sa.Column("place", sa.Text(), server_default="", nullable=False, comment="the folder it was put into")
        )
    with op.batch_alter_table("holds", recreate=_recreate()) as holds:
        holds.alter_column(
            "placed_by",
            existing_type=sa.LargeBinary(16),
            nullable=True,
            existing_comment="16 random bytes",
            comment="empty: a restore brought it back from the ledger",
        )
        _plainly(holds)


def downgrade() -> None:
    # A hold must not be lost: an officer who is there stands for the one nobody knows.
    op.execute(
        "UPDATE holds SET placed_by = (SELECT account_id FROM accounts ORDER BY role = 'imd' DESC, account_id LIMIT 1)"
        " WHERE placed_by IS NULL"
    )
    with op.batch_alter_table("holds", recreate=_recreate()) as holds:
        holds.alter_column(
            "placed_by",
            existing_type=sa.LargeBinary(16),
            nullable=False,
            existing_comment="empty: a restore brought it back from the ledger",
            comment="16 random bytes",
        )
        _plainly(holds)
    with op.batch_alter_table("backups", recreate=_recreate()) as backups:
        backups.drop_column("place")


def _plainly(holds: BatchOperations) -> None:
    # A copy on SQLite would write this default in brackets.
    comment = "why it ended, from the policy"
    holds.alter_column(
        "release", existing_type=sa.String(40), existing_nullable=False, existing_comment=comment, server_default=""
    )


def _recreate() -> str:
    # SQLite adds a column where the tables do not say it stands; a copy has it where it belongs.
    return "always" if op.get_bind().dialect.name == "sqlite" else "never"
