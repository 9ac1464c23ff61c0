"""What an incident reached: frozen evidence, and the customers it names."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vault.storage.schema import grant_to_application

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

_RANDOM_ID = "16 random bytes"


def upgrade() -> None:
    op.create_table(
        "incident_radii",
        sa.Column("radius_id", sa.LargeBinary(16), nullable=False, comment="the event that the log holds of it"),
        sa.Column("incident_id", sa.LargeBinary(16), nullable=False, comment=_RANDOM_ID),
        sa.Column("scope", sa.Text(), nullable=False, comment="canonical JSON: what was asked for"),
        sa.Column("drawn_at", sa.BigInteger(), nullable=False),
        sa.Column("drawn_by", sa.String(64), nullable=False, comment="actor, as events name them"),
        sa.Column("log_size", sa.BigInteger(), nullable=False, comment="events of the checkpoint it was drawn from"),
        sa.Column("log_root", sa.LargeBinary(32), nullable=False, comment="root over these events"),
        sa.Column("counts", sa.Text(), nullable=False, comment="canonical JSON: what was counted, by kind of data"),
        sa.Column("digest", sa.LargeBinary(32), nullable=False, comment="SHA-256 over its lines, in order of id"),
        sa.Column(
            "set_aside_by", sa.String(64), nullable=True, comment="actor who said it was frozen by mistake, or empty"
        ),
        sa.Column(
            "set_aside_at",
            sa.BigInteger(),
            nullable=True,
            comment="from then on it says nothing of who is to be told",
        ),
        sa.Column("sealed_reason", sa.LargeBinary(), nullable=True, comment="why, under the people key"),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.incident_id"], name=op.f("fk_incident_radii_incident_id")),
        sa.PrimaryKeyConstraint("radius_id", name=op.f("pk_incident_radii")),
    )
    op.create_index(op.f("ix_incident_radii_incident_id_drawn_at"), "incident_radii", ["incident_id", "drawn_at"])
    op.create_table(
        "radius_customers",
        sa.Column("radius_id", sa.LargeBinary(16), nullable=False, comment=_RANDOM_ID),
        sa.Column("record_id", sa.LargeBinary(16), nullable=False, comment="a customer; else what has none any more"),
        sa.Column("record_class", sa.String(20), nullable=False),
        sa.Column("clear", sa.Text(), nullable=False, comment="fields seen in clear, as class.field, with spaces"),
        sa.Column("masked", sa.Text(), nullable=False, comment="fields seen only masked, in the same way"),
        sa.Column("first_at", sa.BigInteger(), nullable=True, comment="of the first event; empty: not from the log"),
        sa.Column("last_at", sa.BigInteger(), nullable=True),
        sa.Column("destroyed", sa.Boolean(), nullable=False, comment="destroyed before the radius was drawn"),
        sa.PrimaryKeyConstraint("radius_id", "record_id", name=op.f("pk_radius_customers")),
        sqlite_with_rowid=False,
    )
    grant_to_application("SELECT, INSERT, UPDATE", "incident_radii")
    grant_to_application("SELECT, INSERT", "radius_customers")


def downgrade() -> None:
    op.drop_table("radius_customers")
    op.drop_table("incident_radii")
