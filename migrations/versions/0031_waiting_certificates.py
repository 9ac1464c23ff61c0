"""Why a plan that was carried out is not certified yet, so that it is said once and seen until it is over."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vault.storage.schema import grant_to_application

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "certificate_waits",
        sa.Column("plan_id", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("reason", sa.String(40), nullable=False, comment="why the last try did not certify it"),
        sa.Column("finding", sa.String(20), nullable=False, comment="the check that found something, or empty"),
        sa.Column("count", sa.Integer(), nullable=False, comment="how many it found"),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("tried_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], ["destruction_plans.plan_id"], name=op.f("fk_certificate_waits_plan_id")),
        sa.PrimaryKeyConstraint("plan_id", name=op.f("pk_certificate_waits")),
    )
    grant_to_application("SELECT, INSERT, UPDATE, DELETE", "certificate_waits")


def downgrade() -> None:
    # Nothing is lost: the next try says it again.
    op.drop_table("certificate_waits")
