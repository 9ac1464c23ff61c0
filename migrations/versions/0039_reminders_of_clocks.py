"""Reminders of the clocks of incidents, each once, and the mails by which they go to duty mailboxes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vault.storage.schema import grant_to_application

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "incident_reminders",
        sa.Column("reminder_id", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("incident_id", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("clock_id", sa.String(20), nullable=False, comment="of the policy"),
        sa.Column(
            "mark", sa.Integer(), nullable=False, comment="percent of the span; beyond 100 one more for each repeat"
        ),
        sa.Column("role", sa.String(32), nullable=False, comment="who was told"),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False, comment="told long after its time: the vault stood still"),
        sa.Column("mail", sa.String(10), nullable=False, comment="what became of the letter to the duty mailbox"),
        sa.Column("tries", sa.SmallInteger(), nullable=False),
        sa.Column("next_try_at", sa.BigInteger(), nullable=True, comment="empty unless a mail waits"),
        sa.Column("mailed_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["incident_id", "clock_id"],
            ["incident_clocks.incident_id", "incident_clocks.clock_id"],
            name=op.f("fk_incident_reminders_incident_id_clock_id"),
        ),
        sa.PrimaryKeyConstraint("incident_id", "clock_id", "mark", "role", name=op.f("pk_incident_reminders")),
        sa.UniqueConstraint("reminder_id", name=op.f("uq_incident_reminders_reminder_id")),
        sa.CheckConstraint(
            "mail IN ('none', 'waiting', 'sent', 'refused', 'given_up', 'overtaken')",
            name=op.f("ck_incident_reminders_mail"),
        ),
    )
    op.create_index(
        op.f("ix_incident_reminders_next_try_at"),
        "incident_reminders",
        ["next_try_at"],
        sqlite_where=sa.text("next_try_at IS NOT NULL"),
        postgresql_where=sa.text("next_try_at IS NOT NULL"),
    )
    grant_to_application("SELECT, INSERT, UPDATE", "incident_reminders")


def downgrade() -> None:
    # What was missed is told by the clocks; who was reminded of it is lost.
    op.drop_table("incident_reminders")
