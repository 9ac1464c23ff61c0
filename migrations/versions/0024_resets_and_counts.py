"""Who took away whose password or second factor and who confirmed the return; asks and searches are counted too."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vault.storage.schema import grant_to_application

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_BEFORE = "kind IN ('lookup', 'miss', 'reveal')", "the event that the log holds of it"
_NOW = "kind IN ('lookup', 'miss', 'reveal', 'ask', 'search')", "of what was read: the event that the log holds of it"


def upgrade() -> None:
    op.create_table(
        "account_resets",
        sa.Column("reset_id", sa.LargeBinary(16), nullable=False, comment="the event that the log holds of it"),
        sa.Column("account_id", sa.LargeBinary(16), nullable=False, comment="whose"),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("reset_by", sa.LargeBinary(16), nullable=True, comment="empty: the local operator"),
        sa.Column("reset_at", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_by", sa.LargeBinary(16), nullable=True, comment="who spoke with the person"),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("kind IN ('password', 'second_factor', 'secret')", name=op.f("ck_account_resets_kind")),
        sa.CheckConstraint("confirmed_by <> reset_by", name=op.f("ck_account_resets_four_eyes")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_account_resets_account_id")),
        sa.ForeignKeyConstraint(["confirmed_by"], ["accounts.account_id"], name=op.f("fk_account_resets_confirmed_by")),
        sa.ForeignKeyConstraint(["reset_by"], ["accounts.account_id"], name=op.f("fk_account_resets_reset_by")),
        sa.PrimaryKeyConstraint("reset_id", name=op.f("pk_account_resets")),
    )
    op.create_index(op.f("ix_account_resets_account_id_reset_at"), "account_resets", ["account_id", "reset_at"])
    grant_to_application("SELECT, INSERT, UPDATE, DELETE", "account_resets")
    _count(*_NOW, before=_BEFORE[1])


def downgrade() -> None:
    op.execute("DELETE FROM disclosures WHERE kind IN ('ask', 'search')")
    _count(*_BEFORE, before=_NOW[1])
    op.drop_table("account_resets")


def _count(kinds: str, comment: str, before: str) -> None:
    with op.batch_alter_table("disclosures", recreate=_recreate()) as disclosures:
        disclosures.drop_constraint(op.f("ck_disclosures_kind"), type_="check")
        disclosures.create_check_constraint(op.f("ck_disclosures_kind"), kinds)
        disclosures.alter_column(
            "disclosure_id",
            existing_type=sa.LargeBinary(16),
            existing_nullable=False,
            comment=comment,
            existing_comment=before,
        )


def _recreate() -> str:
    # SQLite changes no constraint in place.
    return "always" if op.get_bind().dialect.name == "sqlite" else "never"
