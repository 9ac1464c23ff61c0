"""The terms under which events of the access log are found; those that are there already get theirs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vault.domain.log_search import named_by
from vault.storage import log_search
from vault.storage.schema import grant_to_application

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_BATCH = 2000


def upgrade() -> None:
    op.create_table(
        "log_terms",
        sa.Column(
            "term", sa.LargeBinary(80), nullable=False, comment="by which an event is found; checked against canonical"
        ),
        sa.Column("at", sa.BigInteger(), nullable=False, comment="copy, for searching; checked against canonical"),
        sa.Column("leaf_index", sa.BigInteger(), nullable=False, comment="the event"),
        sa.PrimaryKeyConstraint("term", "at", "leaf_index", name=op.f("pk_log_terms")),
        sqlite_with_rowid=False,
    )
    grant_to_application("SELECT, INSERT", "log_terms")
    connection, start = op.get_bind(), 0
    some = sa.text(
        "SELECT leaf_index, canonical FROM log_events WHERE leaf_index >= :start ORDER BY leaf_index LIMIT :most"
    )
    while rows := connection.execute(some, {"start": start, "most": _BATCH}).all():
        log_search.index(connection, [(row.leaf_index, named_by(row.canonical)) for row in rows])
        start = rows[-1].leaf_index + 1


def downgrade() -> None:
    op.drop_table("log_terms")
