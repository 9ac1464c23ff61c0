"""By what a request for access is known again, and the record a granted one leads to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def _reason() -> sa.Column[str]:
    # As the table says it: what SQLite tells of a default would be written down in another spelling.
    return sa.Column("reason", sa.String(40), nullable=False, server_default="")


def _recreate() -> str:
    # SQLite itself would add the columns behind the table's constraints: another statement than that of the table.
    return "always" if op.get_bind().dialect.name == "sqlite" else "never"


def upgrade() -> None:
    with op.batch_alter_table("access_requests", recreate=_recreate(), reflect_args=[_reason()]) as requests:
        requests.add_column(
            sa.Column(
                "sought", sa.LargeBinary(16), nullable=True, comment="keyed tag of case and identifier: asked once"
            )
        )
        requests.add_column(
            sa.Column("leads_to", sa.LargeBinary(16), nullable=True, comment="the record to go on with once granted")
        )


def downgrade() -> None:
    with op.batch_alter_table("access_requests", recreate=_recreate(), reflect_args=[_reason()]) as requests:
        requests.drop_column("leads_to")
        requests.drop_column("sought")
