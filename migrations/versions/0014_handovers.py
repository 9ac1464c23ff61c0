"""Cases handed from one shift to the next."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vault.storage.schema import grant_to_application

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "handovers",
        sa.Column(
            "handover_id",
            sa.LargeBinary(16),
            nullable=False,
            comment="also the id of the record of class request with the note",
        ),
        sa.Column("from_account", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("to_account", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("offered_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column(
            "reason", sa.String(40), server_default="", nullable=False, comment="why it was refused, from the policy"
        ),
        sa.CheckConstraint("state IN ('offered', 'accepted', 'refused', 'withdrawn')", name=op.f("ck_handovers_state")),
        sa.ForeignKeyConstraint(["from_account"], ["accounts.account_id"], name=op.f("fk_handovers_from_account")),
        sa.ForeignKeyConstraint(["to_account"], ["accounts.account_id"], name=op.f("fk_handovers_to_account")),
        sa.PrimaryKeyConstraint("handover_id", name=op.f("pk_handovers")),
    )
    op.create_index(op.f("ix_handovers_from_account_offered_at"), "handovers", ["from_account", "offered_at"])
    op.create_index(op.f("ix_handovers_to_account_offered_at"), "handovers", ["to_account", "offered_at"])
    op.create_table(
        "handover_cases",
        sa.Column("handover_id", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("case_id", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name=op.f("fk_handover_cases_case_id")),
        sa.ForeignKeyConstraint(["handover_id"], ["handovers.handover_id"], name=op.f("fk_handover_cases_handover_id")),
        sa.PrimaryKeyConstraint("handover_id", "case_id", name=op.f("pk_handover_cases")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_handover_cases_case_id"), "handover_cases", ["case_id"])
    grant_to_application("SELECT, INSERT, UPDATE, DELETE", "handovers", "handover_cases")


def downgrade() -> None:
    op.drop_table("handover_cases")
    op.drop_table("handovers")
