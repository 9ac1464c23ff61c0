"""Made-up customers of drills, what drills were scored, and closing reports."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vault.storage.schema import grant_to_application

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

_RANDOM_ID = "16 random bytes"


def upgrade() -> None:
    op.create_table(
        "drill_customers",
        sa.Column("record_id", sa.LargeBinary(16), nullable=False, comment=_RANDOM_ID),
        sa.Column("incident_id", sa.LargeBinary(16), nullable=False, comment=_RANDOM_ID),
        sa.Column("serial", sa.Integer(), nullable=False, comment="from 1 within its drill"),
        sa.Column(
            "sealed_fields", sa.LargeBinary(), nullable=False, comment="made-up fields, sealed under the people key"
        ),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.incident_id"], name=op.f("fk_drill_customers_incident_id")
        ),
        sa.PrimaryKeyConstraint("record_id", name=op.f("pk_drill_customers")),
        sa.UniqueConstraint("incident_id", "serial", name=op.f("uq_drill_customers_incident_id_serial")),
    )
    op.create_table(
        "drill_scores",
        sa.Column("incident_id", sa.LargeBinary(16), nullable=False, comment=_RANDOM_ID),
        sa.Column("month", sa.Date(), nullable=False, comment="first day of the company's month it was held in"),
        sa.Column("scored_at", sa.BigInteger(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("lines", sa.Text(), nullable=False, comment="JSON: what was measured, and against what"),
        sa.Column("event_id", sa.LargeBinary(16), nullable=False, comment="the event that the log holds of it"),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.incident_id"], name=op.f("fk_drill_scores_incident_id")),
        sa.PrimaryKeyConstraint("incident_id", name=op.f("pk_drill_scores")),
    )
    op.create_table(
        "incident_reports",
        sa.Column("incident_id", sa.LargeBinary(16), nullable=False, comment=_RANDOM_ID),
        sa.Column("fixed_at", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False, comment="SHA-256 of the statement, as its event names it"),
        sa.Column("event_id", sa.LargeBinary(16), nullable=False, comment="the event that the log holds of it"),
        sa.Column("sealed_statement", sa.LargeBinary(), nullable=False, comment="sealed under the people key"),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.incident_id"], name=op.f("fk_incident_reports_incident_id")
        ),
        sa.PrimaryKeyConstraint("incident_id", name=op.f("pk_incident_reports")),
    )
    grant_to_application("SELECT, INSERT", "drill_customers")
    grant_to_application("SELECT, INSERT", "drill_scores")
    grant_to_application("SELECT, INSERT", "incident_reports")


def downgrade() -> None:
    # What a drill was scored stays in the access log; fixed reports are lost: take them home first.
    op.drop_table("incident_reports")
    op.drop_table("drill_scores")
    op.drop_table("drill_customers")
