"""Setting a radius aside takes two: who asked for it stands beside who confirmed it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("incident_radii", recreate=_recreate()) as radii:
        radii.add_column(
            sa.Column(
                "aside_asked_by", sa.String(64), nullable=True, comment="actor who asked to set it aside, or empty"
            )
        )
        radii.add_column(sa.Column("aside_asked_at", sa.BigInteger(), nullable=True))
        # Who set one aside before this revision did so alone: nobody stands beside them.
        radii.create_check_constraint(op.f("ck_incident_radii_four_eyes"), "set_aside_by <> aside_asked_by")


def downgrade() -> None:
    # What was asked for and not confirmed is gone: before this revision a reason meant that it was done.
    op.execute("UPDATE incident_radii SET sealed_reason = NULL WHERE set_aside_at IS NULL")
    with op.batch_alter_table("incident_radii", recreate=_recreate()) as radii:
        radii.drop_constraint(op.f("ck_incident_radii_four_eyes"), type_="check")
        radii.drop_column("aside_asked_at")
        radii.drop_column("aside_asked_by")


def _recreate() -> str:
    # SQLite adds a column where the tables do not say it stands; a copy has it where it belongs.
    return "always" if op.get_bind().dialect.name == "sqlite" else "never"
