"""Which kinds of number were looked up in a case: what was typed there does not prove who calls.

Of the cases that are open nobody knows it any more: they count as looked up by every kind that a question is about.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vault.storage.schema import grant_to_application

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_KINDS = ("phone", "id_number")


def upgrade() -> None:
    op.create_table(
        "case_lookups",
        sa.Column("case_id", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column(
            "identifier_kind", sa.String(16), nullable=False, comment="a kind of number that was looked up in this case"
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name=op.f("fk_case_lookups_case_id")),
        sa.PrimaryKeyConstraint("case_id", "identifier_kind", name=op.f("pk_case_lookups")),
        sqlite_with_rowid=False,
    )
    grant_to_application("SELECT, INSERT", "case_lookups")
    cases, lookups = _table("cases", "case_id", "closed_at"), _table("case_lookups", "case_id", "identifier_kind")
    for kind in _KINDS:
        still_open = sa.select(cases.c.case_id, sa.literal(kind)).where(cases.c.closed_at.is_(None))
        op.execute(lookups.insert().from_select(["case_id", "identifier_kind"], still_open))


def downgrade() -> None:
    op.drop_table("case_lookups")


def _table(name: str, *columns: str) -> sa.TableClause:
    return sa.table(name, *(sa.column(one) for one in columns))
