"""The evidence of each signal, its turns, and the records of proven misuse."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vault.storage.schema import grant_to_application

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

_RANDOM_ID = "16 random bytes"


def upgrade() -> None:
    op.create_table(
        "signal_turns",
        sa.Column("signal", sa.String(24), nullable=False, comment="of the policy"),
        sa.Column("subject", sa.String(80), nullable=False, comment="account, or source of addresses, or empty"),
        sa.Column("told_until", sa.BigInteger(), nullable=False, comment="what happened until then is counted no more"),
        sa.Column("leaf_index", sa.BigInteger(), nullable=False, comment="events of the log looked at"),
        sa.Column("incident_id", sa.LargeBinary(16), nullable=True, comment="the last one it opened"),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.incident_id"], name=op.f("fk_signal_turns_incident_id")),
        sa.PrimaryKeyConstraint("signal", "subject", name=op.f("pk_signal_turns")),
    )
    op.create_table(
        "incident_signals",
        sa.Column("evidence_id", sa.LargeBinary(16), nullable=False, comment=_RANDOM_ID),
        sa.Column("signal", sa.String(24), nullable=False, comment="of the policy"),
        sa.Column("account_id", sa.LargeBinary(16), nullable=True, comment="whose acts gave rise to it, or empty"),
        sa.Column("source", sa.String(64), nullable=False, comment="network address it came from, or empty"),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("threshold", sa.Integer(), nullable=False, comment="of the policy at that time"),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("events", sa.Text(), nullable=False, comment="JSON: ids of the newest of the events counted"),
        sa.Column("incident_id", sa.LargeBinary(16), nullable=True, comment="that it opened or joined, or empty"),
        sa.Column("tested", sa.Boolean(), nullable=False, comment="fired by the test of signals"),
        sa.Column("raised_at", sa.BigInteger(), nullable=False),
        sa.Column("signal_id", sa.LargeBinary(16), nullable=True, comment="the limit somebody ran into, or empty"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_incident_signals_account_id")),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.incident_id"], name=op.f("fk_incident_signals_incident_id")
        ),
        sa.PrimaryKeyConstraint("evidence_id", name=op.f("pk_incident_signals")),
        sa.UniqueConstraint("signal_id", name=op.f("uq_incident_signals_signal_id")),
    )
    op.create_index(op.f("ix_incident_signals_incident_id"), "incident_signals", ["incident_id"])
    op.create_index(op.f("ix_incident_signals_raised_at"), "incident_signals", ["raised_at"])
    op.create_table(
        "misuse_records",
        sa.Column("misuse_id", sa.LargeBinary(16), nullable=False, comment=_RANDOM_ID),
        sa.Column("incident_id", sa.LargeBinary(16), nullable=False, comment=_RANDOM_ID),
        sa.Column("account_id", sa.LargeBinary(16), nullable=False, comment="who did it"),
        sa.Column("distinct_records", sa.Integer(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False, comment="canonical JSON (RFC 8785)"),
        sa.Column("evidence_digest", sa.LargeBinary(32), nullable=False, comment="SHA-256 of it"),
        sa.Column("account_frozen", sa.Boolean(), nullable=False),
        sa.Column("contract_ended", sa.Boolean(), nullable=False),
        sa.Column("loss_claimed", sa.Boolean(), nullable=False),
        sa.Column("sealed_police_reference", sa.LargeBinary(), nullable=True, comment="empty: none"),
        sa.Column("sealed_statement", sa.LargeBinary(), nullable=False, comment="what is held against them"),
        sa.Column("digest", sa.LargeBinary(32), nullable=False, comment="of all that is signed"),
        sa.Column("drafted_by", sa.LargeBinary(16), nullable=False, comment=_RANDOM_ID),
        sa.Column("drafted_at", sa.BigInteger(), nullable=False),
        sa.Column("signed_by", sa.LargeBinary(16), nullable=True, comment="somebody else; from then on it is fixed"),
        sa.Column("signed_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "signed_by <> drafted_by AND signed_by <> account_id", name=op.f("ck_misuse_records_four_eyes")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_misuse_records_account_id")),
        sa.ForeignKeyConstraint(["drafted_by"], ["accounts.account_id"], name=op.f("fk_misuse_records_drafted_by")),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.incident_id"], name=op.f("fk_misuse_records_incident_id")),
        sa.ForeignKeyConstraint(["signed_by"], ["accounts.account_id"], name=op.f("fk_misuse_records_signed_by")),
        sa.PrimaryKeyConstraint("misuse_id", name=op.f("pk_misuse_records")),
        sa.UniqueConstraint("incident_id", "account_id", name=op.f("uq_misuse_records_incident_id_account_id")),
    )
    op.create_index(op.f("ix_misuse_records_signed_at"), "misuse_records", ["signed_at"])
    grant_to_application("SELECT, INSERT, UPDATE", "signal_turns")
    grant_to_application("SELECT, INSERT, DELETE", "incident_signals")
    grant_to_application("SELECT, INSERT, UPDATE", "misuse_records")


def downgrade() -> None:
    # The access log keeps that signals were raised and records signed; their contents are lost.
    op.drop_table("misuse_records")
    op.drop_table("incident_signals")
    op.drop_table("signal_turns")
