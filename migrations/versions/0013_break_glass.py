"""Emergency access: two approvers, a second person, a hard limit and a review."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vault.storage.schema import grant_to_application

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "break_glass",
        sa.Column(
            "break_glass_id",
            sa.LargeBinary(16),
            nullable=False,
            comment="also the id of the record of class request that holds it",
        ),
        sa.Column("case_id", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("asked_by", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("profile", sa.String(40), nullable=False),
        sa.Column("reason", sa.String(40), nullable=False),
        sa.Column("identifier_kind", sa.String(16), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column(
            "owner_contact", sa.String(10), nullable=False, comment="whether the owner was reached by phone (KY-03)"
        ),
        sa.Column("owner_called_at", sa.BigInteger(), nullable=True, comment="to the minute; empty: not called"),
        sa.Column("second_person", sa.LargeBinary(16), nullable=True, comment="who stood by (KY-11)"),
        sa.Column("opened_at", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True, comment="hard limit, set once when it is opened"),
        sa.Column("review_due_at", sa.BigInteger(), nullable=True),
        sa.Column("reviewed_by", sa.LargeBinary(16), nullable=True, comment="16 random bytes"),
        sa.Column("reviewed_at", sa.BigInteger(), nullable=True),
        sa.Column(
            "finding", sa.String(40), server_default="", nullable=False, comment="of the review, from the policy"
        ),
        sa.CheckConstraint("owner_contact IN ('yes', 'attempted', 'no')", name=op.f("ck_break_glass_owner_contact")),
        sa.CheckConstraint(
            "state IN ('asked', 'approved', 'opened', 'refused', 'ended', 'reviewed')",
            name=op.f("ck_break_glass_state"),
        ),
        sa.ForeignKeyConstraint(["asked_by"], ["accounts.account_id"], name=op.f("fk_break_glass_asked_by")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name=op.f("fk_break_glass_case_id")),
        sa.ForeignKeyConstraint(["reviewed_by"], ["accounts.account_id"], name=op.f("fk_break_glass_reviewed_by")),
        sa.ForeignKeyConstraint(["second_person"], ["accounts.account_id"], name=op.f("fk_break_glass_second_person")),
        sa.PrimaryKeyConstraint("break_glass_id", name=op.f("pk_break_glass")),
    )
    op.create_index(op.f("ix_break_glass_case_id"), "break_glass", ["case_id"])
    op.create_index(op.f("ix_break_glass_state_asked_at"), "break_glass", ["state", "asked_at"])
    op.create_table(
        "break_glass_votes",
        sa.Column("break_glass_id", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("account_id", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("approved", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(40), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_break_glass_votes_account_id")),
        sa.ForeignKeyConstraint(
            ["break_glass_id"], ["break_glass.break_glass_id"], name=op.f("fk_break_glass_votes_break_glass_id")
        ),
        sa.PrimaryKeyConstraint("break_glass_id", "account_id", name=op.f("pk_break_glass_votes")),
    )
    grant_to_application("SELECT, INSERT, UPDATE, DELETE", "break_glass", "break_glass_votes")


def downgrade() -> None:
    op.drop_table("break_glass_votes")
    op.drop_table("break_glass")
