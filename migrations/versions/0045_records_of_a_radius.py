"""A frozen radius names the records that were shown beside its customers, so that evidence holds them too."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vault.storage.schema import grant_to_application

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None

_RANDOM_ID = "16 random bytes"


def upgrade() -> None:
    op.create_table(
        "radius_records",
        sa.Column("radius_id", sa.LargeBinary(16), nullable=False, comment=_RANDOM_ID),
        sa.Column(
            "record_id", sa.LargeBinary(16), nullable=False, comment="no customer: what was shown and hangs on some"
        ),
        sa.PrimaryKeyConstraint("radius_id", "record_id", name=op.f("pk_radius_records")),
        sqlite_with_rowid=False,
    )
    grant_to_application("SELECT, INSERT", "radius_records")


def downgrade() -> None:
    # Lines and digests of radii stay; evidence of customers alone is held then, as before.
    op.drop_table("radius_records")
