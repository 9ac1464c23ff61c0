"""Cases, the records they were opened on, and requests for access."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vault.storage.schema import grant_to_application

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cases",
        sa.Column("case_id", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("purpose", sa.String(24), nullable=False),
        sa.Column("opened_by", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["opened_by"], ["accounts.account_id"], name=op.f("fk_cases_opened_by")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_cases")),
    )
    op.create_index(op.f("ix_cases_opened_by_opened_at"), "cases", ["opened_by", "opened_at"])
    op.create_table(
        "case_records",
        sa.Column("case_id", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column(
            "record_id",
            sa.LargeBinary(16),
            nullable=False,
            comment="a record this case was opened on from an exact identifier",
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name=op.f("fk_case_records_case_id")),
        sa.PrimaryKeyConstraint("case_id", "record_id", name=op.f("pk_case_records")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_case_records_record_id"), "case_records", ["record_id"])
    op.create_table(
        "access_requests",
        sa.Column(
            "request_id",
            sa.LargeBinary(16),
            nullable=False,
            comment="also the id of the record of class request that holds it",
        ),
        sa.Column("case_id", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("asked_by", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("identifier_kind", sa.String(16), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.CheckConstraint("state IN ('asked', 'granted', 'refused', 'ended')", name=op.f("ck_access_requests_state")),
        sa.ForeignKeyConstraint(["asked_by"], ["accounts.account_id"], name=op.f("fk_access_requests_asked_by")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name=op.f("fk_access_requests_case_id")),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_access_requests")),
    )
    op.create_index(op.f("ix_access_requests_asked_by_asked_at"), "access_requests", ["asked_by", "asked_at"])
    grant_to_application("SELECT, INSERT, UPDATE, DELETE", "cases", "case_records", "access_requests")


def downgrade() -> None:
    op.drop_table("access_requests")
    op.drop_table("case_records")
    op.drop_table("cases")
