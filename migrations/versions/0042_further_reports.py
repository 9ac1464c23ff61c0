"""Reports beyond the hour's lines are counted on one of them; what people typed about an incident ends some day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vault.storage.schema import APPLICATION_ROLE, grant_to_application, has_application_role

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "further_reports",
        sa.Column("line_id", sa.LargeBinary(16), nullable=False, comment="event of the line they are counted on"),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("newest_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "newest_id", sa.LargeBinary(16), nullable=False, comment="the event that the log holds of the newest"
        ),
        sa.Column("sealed_notes", sa.LargeBinary(), nullable=True, comment="what was typed, the newest first"),
        sa.ForeignKeyConstraint(["line_id"], ["incident_entries.event_id"], name=op.f("fk_further_reports_line_id")),
        sa.PrimaryKeyConstraint("line_id", name=op.f("pk_further_reports")),
    )
    grant_to_application("SELECT, INSERT, UPDATE", "further_reports")
    # Of a line of the timeline nothing else is ever changed.
    grant_to_application("UPDATE (sealed_note)", "incident_entries")


def downgrade() -> None:
    # Each report stays in the access log; notes of those that were counted are lost with their rows.
    op.drop_table("further_reports")
    if has_application_role(op.get_bind()):
        op.execute(f"REVOKE UPDATE (sealed_note) ON TABLE incident_entries FROM {APPLICATION_ROLE}")
