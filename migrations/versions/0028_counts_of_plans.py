"""What a plan counted when it was made stays with it; the records of a draft that nobody signed may be forgotten."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vault.storage.schema import APPLICATION_ROLE, grant_to_application, has_application_role

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "destruction_counts",
        sa.Column("plan_id", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("record_class", sa.String(20), nullable=False),
        sa.Column("outlet", sa.String(32), nullable=False),
        sa.Column("reason", sa.String(40), nullable=False, comment="why these are held; empty: due"),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("oldest", sa.BigInteger(), nullable=False, comment="since when the first of them is past its time"),
        sa.ForeignKeyConstraint(["plan_id"], ["destruction_plans.plan_id"], name=op.f("fk_destruction_counts_plan_id")),
        sa.PrimaryKeyConstraint("plan_id", "record_class", "outlet", "reason", name=op.f("pk_destruction_counts")),
        sqlite_with_rowid=False,
    )
    grant_to_application("SELECT, INSERT", "destruction_counts")
    # Every night leaves a draft: kept whole, those that nobody signs would outgrow the records themselves.
    grant_to_application("DELETE", "destruction_items")


def downgrade() -> None:
    if has_application_role(op.get_bind()):
        op.execute(f"REVOKE DELETE ON TABLE destruction_items FROM {APPLICATION_ROLE}")
    op.drop_table("destruction_counts")
