"""What a plan destroys next is read from an index: a run of many records does not sort them over and over."""

from __future__ import annotations

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_BEFORE = "ix_destruction_items_plan_id_state"
_NOW = "ix_destruction_items_plan_id_state_record_class_expires_at"


def upgrade() -> None:
    op.drop_index(op.f(_BEFORE), "destruction_items")
    op.create_index(op.f(_NOW), "destruction_items", ["plan_id", "state", "record_class", "expires_at"])


def downgrade() -> None:
    op.drop_index(op.f(_NOW), "destruction_items")
    op.create_index(op.f(_BEFORE), "destruction_items", ["plan_id", "state"])
