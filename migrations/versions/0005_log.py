"""The access log: inbox, ordered events, checkpoints. The application can add to the log and nothing else."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vault.storage.schema import grant_to_application

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "log_inbox",
        sa.Column("arrival", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(), nullable=False),
        sa.Column(
            "canonical",
            sa.LargeBinary(),
            nullable=False,
            comment="a durable event that has no place in the log yet",
        ),
        sa.PrimaryKeyConstraint("arrival", name=op.f("pk_log_inbox")),
    )
    copy = "copy, for searching; checked against canonical"
    op.create_table(
        "log_events",
        sa.Column("leaf_index", sa.BigInteger(), autoincrement=False, nullable=False, comment="dense, from 0"),
        sa.Column("canonical", sa.LargeBinary(), nullable=False, comment="canonical JSON (RFC 8785); the event itself"),
        sa.Column("leaf_hash", sa.LargeBinary(32), nullable=False, comment="RFC 6962 leaf hash of canonical"),
        sa.Column("event_id", sa.LargeBinary(16), nullable=False, comment=copy),
        sa.Column("at", sa.BigInteger(), nullable=False, comment=copy),
        sa.Column("action", sa.String(40), nullable=False, comment=copy),
        sa.Column("outcome", sa.String(10), nullable=False, comment=copy),
        sa.Column("actor", sa.String(64), nullable=False, comment=copy),
        sa.PrimaryKeyConstraint("leaf_index", name=op.f("pk_log_events")),
        sa.UniqueConstraint("event_id", name=op.f("uq_log_events_event_id")),
    )
    op.create_index(op.f("ix_log_events_actor_at"), "log_events", ["actor", "at"])
    op.create_table(
        "log_checkpoints",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False, comment="events covered"),
        sa.Column("note", sa.Text(), nullable=False, comment="C2SP signed note"),
        sa.Column("signed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_log_checkpoints")),
    )
    grant_to_application("SELECT, INSERT, DELETE", "log_inbox")
    grant_to_application("SELECT, INSERT", "log_events", "log_checkpoints")


def downgrade() -> None:
    op.drop_table("log_checkpoints")
    op.drop_table("log_events")
    op.drop_table("log_inbox")
