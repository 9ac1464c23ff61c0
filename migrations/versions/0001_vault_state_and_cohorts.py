"""Which vault this is, and the rows of its retention cohorts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vault.storage.schema import APPLICATION_ROLE, grant_to_application, has_application_role

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "vault_state",
        sa.Column(
            "singleton", sa.SmallInteger(), autoincrement=False, nullable=False, comment="always 1: there is one vault"
        ),
        sa.Column(
            "vault_id",
            sa.LargeBinary(16),
            nullable=False,
            comment="bound into every ciphertext; tells another vault's files apart",
        ),
        sa.Column(
            "origin", sa.String(120), nullable=False, comment="first line of each checkpoint, and the name of its key"
        ),
        sa.Column("pin", sa.String(250), nullable=False, comment="public key of checkpoints, as a C2SP verifier key"),
        sa.Column(
            "key_store_version",
            sa.BigInteger(),
            nullable=False,
            comment="mirrors the key store file; never ahead of it",
        ),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("singleton = 1", name=op.f("ck_vault_state_one_row")),
        sa.PrimaryKeyConstraint("singleton", name=op.f("pk_vault_state")),
    )
    op.create_table(
        "cohorts",
        sa.Column("cohort_id", sa.LargeBinary(16), nullable=False, comment="random id of the cohort key; never reused"),
        sa.Column("record_class", sa.String(20), nullable=False),
        sa.Column("end_on", sa.Date(), nullable=False, comment="last day of its span, company time zone"),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('open', 'closing', 'empty', 'destroyed')", name=op.f("ck_cohorts_state")),
        sa.PrimaryKeyConstraint("cohort_id", name=op.f("pk_cohorts")),
        sa.UniqueConstraint("record_class", "end_on", name=op.f("uq_cohorts_record_class_end_on")),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "COMMENT ON CONSTRAINT uq_cohorts_record_class_end_on ON cohorts"
            " IS 'two processes meeting a new month make one cohort'"
        )
    if has_application_role(op.get_bind()):
        schema = op.get_bind().dialect.identifier_preparer.quote(op.get_bind().scalar(sa.text("SELECT current_schema")))
        op.execute(f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC, {APPLICATION_ROLE}")
        op.execute(f"GRANT USAGE ON SCHEMA {schema} TO {APPLICATION_ROLE}")
    grant_to_application("SELECT", "alembic_version")
    grant_to_application("SELECT, INSERT, UPDATE", "vault_state")
    grant_to_application("SELECT, INSERT, UPDATE, DELETE", "cohorts")


def downgrade() -> None:
    op.drop_table("cohorts")
    op.drop_table("vault_state")
