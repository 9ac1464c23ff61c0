"""Incidents, their clocks, and what was done about them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vault.storage.schema import grant_to_application

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

_RANDOM_ID = "16 random bytes"


def upgrade() -> None:
    op.create_table(
        "incidents",
        sa.Column("incident_id", sa.LargeBinary(16), nullable=False, comment=_RANDOM_ID),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("drill", sa.Boolean(), nullable=False, comment="fixed at opening"),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("aware_at", sa.BigInteger(), nullable=False, comment="as said at opening; never changed"),
        sa.Column("aware_since", sa.BigInteger(), nullable=False, comment="the earliest time anybody said"),
        sa.Column("aware_source", sa.String(12), nullable=False),
        sa.Column("opened_by", sa.String(64), nullable=False, comment="actor, as events name them"),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("verdict", sa.String(12), server_default="", nullable=False, comment="of the assessment, or empty"),
        sa.Column("closing_by", sa.LargeBinary(16), nullable=True, comment="who asked for it to be closed"),
        sa.Column("closing_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_by", sa.LargeBinary(16), nullable=True, comment="somebody else, who closed it"),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("closed_by <> closing_by", name=op.f("ck_incidents_four_eyes")),
        sa.ForeignKeyConstraint(["closed_by"], ["accounts.account_id"], name=op.f("fk_incidents_closed_by")),
        sa.ForeignKeyConstraint(["closing_by"], ["accounts.account_id"], name=op.f("fk_incidents_closing_by")),
        sa.PrimaryKeyConstraint("incident_id", name=op.f("pk_incidents")),
    )
    op.create_index(op.f("ix_incidents_opened_at_incident_id"), "incidents", ["opened_at", "incident_id"])
    op.create_table(
        "incident_clocks",
        sa.Column("incident_id", sa.LargeBinary(16), nullable=False, comment=_RANDOM_ID),
        sa.Column("clock_id", sa.String(20), nullable=False, comment="of the policy"),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.Column("done_by", sa.String(64), server_default="", nullable=False, comment="actor, or empty"),
        sa.Column("missed_at", sa.BigInteger(), nullable=True, comment="when it was recorded as missed, for ever"),
        sa.Column("dropped_at", sa.BigInteger(), nullable=True, comment="the assessment found no breach"),
        sa.Column("sealed_reason", sa.LargeBinary(), nullable=True, comment="why it was done late"),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.incident_id"], name=op.f("fk_incident_clocks_incident_id")
        ),
        sa.PrimaryKeyConstraint("incident_id", "clock_id", name=op.f("pk_incident_clocks")),
    )
    still_open = sa.text("done_at IS NULL AND dropped_at IS NULL")
    op.create_index(
        op.f("ix_incident_clocks_due_at"),
        "incident_clocks",
        ["due_at"],
        sqlite_where=still_open,
        postgresql_where=still_open,
    )
    op.create_table(
        "incident_entries",
        sa.Column(
            "arrival", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=False), nullable=False
        ),
        sa.Column("event_id", sa.LargeBinary(16), nullable=False, comment="the event that the log holds of it"),
        sa.Column("incident_id", sa.LargeBinary(16), nullable=False, comment=_RANDOM_ID),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False, comment="as events name them"),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("outcome", sa.String(10), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False, comment="JSON, as the event has them"),
        sa.Column("sealed_note", sa.LargeBinary(), nullable=True, comment="what somebody typed"),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.incident_id"], name=op.f("fk_incident_entries_incident_id")
        ),
        sa.PrimaryKeyConstraint("arrival", name=op.f("pk_incident_entries")),
        sa.UniqueConstraint("event_id", name=op.f("uq_incident_entries_event_id")),
    )
    op.create_index(op.f("ix_incident_entries_incident_id_at"), "incident_entries", ["incident_id", "at"])
    grant_to_application("SELECT, INSERT, UPDATE", "incidents")
    grant_to_application("SELECT, INSERT, UPDATE", "incident_clocks")
    grant_to_application("SELECT, INSERT", "incident_entries")


def downgrade() -> None:
    # What happened stays in the access log; notes are lost with their rows.
    op.drop_table("incident_entries")
    op.drop_table("incident_clocks")
    op.drop_table("incidents")
