"""What callers were asked, how it compared, and refusals of callers who are not the customer."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vault.storage.schema import grant_to_application

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "caller_checks",
        sa.Column("check_id", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("case_id", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("record_id", sa.LargeBinary(16), nullable=False, comment="the customer the caller says to be"),
        sa.Column("account_id", sa.LargeBinary(16), nullable=False, comment="who asked the caller"),
        sa.Column("question", sa.String(40), nullable=False, comment="of the policy; empty for a refusal"),
        sa.Column("outcome", sa.String(10), nullable=False),
        sa.Column("reason", sa.String(40), nullable=False, comment="of a refusal, from the policy"),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("outcome IN ('match', 'no_match', 'refused')", name=op.f("ck_caller_checks_outcome")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_caller_checks_account_id")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name=op.f("fk_caller_checks_case_id")),
        sa.PrimaryKeyConstraint("check_id", name=op.f("pk_caller_checks")),
    )
    op.create_index(op.f("ix_caller_checks_case_id_record_id"), "caller_checks", ["case_id", "record_id"])
    op.create_index(op.f("ix_caller_checks_record_id_at"), "caller_checks", ["record_id", "at"])
    grant_to_application("SELECT, INSERT, UPDATE, DELETE", "caller_checks")


def downgrade() -> None:
    op.drop_table("caller_checks")
