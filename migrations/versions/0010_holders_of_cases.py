"""Whose case it is now: a hand-over changes it, who opened it stays."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index(op.f("ix_cases_opened_by_opened_at"), "cases")
    with op.batch_alter_table("cases", recreate=_recreate()) as cases:
        cases.add_column(
            sa.Column(
                "held_by", sa.LargeBinary(16), nullable=True, comment="whose case it is now; a hand-over changes it"
            )
        )
    op.execute("UPDATE cases SET held_by = opened_by")
    with op.batch_alter_table("cases", recreate=_recreate()) as cases:
        cases.alter_column("held_by", existing_type=sa.LargeBinary(16), nullable=False)
        cases.create_foreign_key(op.f("fk_cases_held_by"), "accounts", ["held_by"], ["account_id"])
    op.create_index(op.f("ix_cases_held_by_opened_at"), "cases", ["held_by", "opened_at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_cases_held_by_opened_at"), "cases")
    with op.batch_alter_table("cases", recreate=_recreate()) as cases:
        cases.drop_constraint(op.f("fk_cases_held_by"), type_="foreignkey")
        cases.drop_column("held_by")
    op.create_index(op.f("ix_cases_opened_by_opened_at"), "cases", ["opened_by", "opened_at"])


def _recreate() -> str:
    # SQLite adds a column where the tables do not say it stands; a copy has it where it belongs.
    return "always" if op.get_bind().dialect.name == "sqlite" else "never"
