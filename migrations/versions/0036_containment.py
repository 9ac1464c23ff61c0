"""Measures against an incident: taken, ended, kept beyond its end, or only rehearsed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vault.storage.schema import grant_to_application

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "containments",
        sa.Column("containment_id", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("incident_id", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("measure", sa.String(20), nullable=False, comment="of the policy"),
        sa.Column(
            "target", sa.LargeBinary(16), nullable=False, comment="an account, a customer or a radius; empty: all"
        ),
        sa.Column("affected", sa.Integer(), nullable=False, comment="sessions, tokens, grants or records it reached"),
        sa.Column("rehearsed", sa.Boolean(), nullable=False, comment="in a drill: nothing was changed"),
        sa.Column("taken_by", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("taken_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_by", sa.LargeBinary(16), nullable=True, comment="16 random bytes"),
        sa.Column("ended_at", sa.BigInteger(), nullable=True, comment="empty while it stands"),
        sa.Column("kept_by", sa.LargeBinary(16), nullable=True, comment="who let it outlast the incident"),
        sa.Column("kept_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["ended_by"], ["accounts.account_id"], name=op.f("fk_containments_ended_by")),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.incident_id"], name=op.f("fk_containments_incident_id")),
        sa.ForeignKeyConstraint(["kept_by"], ["accounts.account_id"], name=op.f("fk_containments_kept_by")),
        sa.ForeignKeyConstraint(["taken_by"], ["accounts.account_id"], name=op.f("fk_containments_taken_by")),
        sa.PrimaryKeyConstraint("containment_id", name=op.f("pk_containments")),
    )
    op.create_index(op.f("ix_containments_incident_id_taken_at"), "containments", ["incident_id", "taken_at"])
    stands = sa.text("ended_at IS NULL")
    op.create_index(
        op.f("ix_containments_standing"),
        "containments",
        ["target", "measure", "incident_id"],
        unique=True,
        sqlite_where=stands,
        postgresql_where=stands,
    )
    op.create_table(
        "containment_holds",
        sa.Column("containment_id", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("record_id", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("hold_id", sa.LargeBinary(16), nullable=True, comment="empty: it was destroyed before"),
        sa.ForeignKeyConstraint(
            ["containment_id"],
            ["containments.containment_id"],
            name=op.f("fk_containment_holds_containment_id"),
        ),
        sa.PrimaryKeyConstraint("containment_id", "record_id", name=op.f("pk_containment_holds")),
        sqlite_with_rowid=False,
    )
    grant_to_application("SELECT, INSERT, UPDATE", "containments")
    grant_to_application("SELECT, INSERT", "containment_holds")


def downgrade() -> None:
    # Accounts that were suspended and records that are held stay so; freezes end with their rows.
    op.drop_table("containment_holds")
    op.drop_table("containments")
