"""A draft of a misuse record may be taken back, so that a mistake keeps no incident open."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("misuse_records", recreate=_recreate()) as records:
        records.add_column(
            sa.Column("withdrawn_at", sa.BigInteger(), nullable=True, comment="when the draft was taken back, or empty")
        )


def downgrade() -> None:
    with op.batch_alter_table("misuse_records", recreate=_recreate()) as records:
        records.drop_column("withdrawn_at")


def _recreate() -> str:
    # SQLite adds a column where the tables do not say it stands; a copy has it where it belongs.
    return "always" if op.get_bind().dialect.name == "sqlite" else "never"
