"""Rows of the log lose copies that nobody asks any more; what is asked together is a term; tiles get their middle.

On SQLite the place becomes the table's own key, so that reading in order is reading from front to back.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from vault.domain.log_search import Named, named_by
from vault.domain.records import to_micros
from vault.storage import log_search

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_BATCH = 2000
_COPY = "copy, for searching; checked against canonical"
_COPIES = (
    ("at", sa.BigInteger()),
    ("action", sa.String(40)),
    ("outcome", sa.String(10)),
    ("actor", sa.String(64)),
)


def upgrade() -> None:
    op.drop_index(op.f("ix_log_events_actor_at"), "log_events")
    with op.batch_alter_table("log_events", recreate=_recreate()) as events:
        if _is_sqlite():
            events.alter_column("leaf_index", type_=sa.Integer(), existing_nullable=False, autoincrement=False)
        for name, _ in _COPIES:
            events.drop_column(name)
    # Tiles are built anew when the log is next put in order; every one of them.
    op.execute("DELETE FROM log_tiles")
    with op.batch_alter_table("log_tiles", recreate=_recreate()) as tiles:
        tiles.add_column(_middle())
    for rows in _events():
        log_search.index(op.get_bind(), [(row.leaf_index, _pairs_of(row.canonical)) for row in rows])


def downgrade() -> None:
    with op.batch_alter_table("log_tiles", recreate=_recreate()) as tiles:
        tiles.drop_column("middle")
    pairs = {"low": b"actor+", "high": b"actor,"}  # the comma comes after the plus
    op.get_bind().execute(sa.text("DELETE FROM log_terms WHERE term >= :low AND term < :high"), pairs)
    with op.batch_alter_table("log_events", recreate=_recreate()) as events:
        if _is_sqlite():
            events.alter_column("leaf_index", type_=sa.BigInteger(), existing_nullable=False, autoincrement=False)
        for name, kind in _COPIES:
            events.add_column(sa.Column(name, kind, nullable=True, comment=_COPY))
    _fill()
    with op.batch_alter_table("log_events", recreate=_recreate()) as events:
        for name, kind in _COPIES:
            events.alter_column(name, existing_type=kind, nullable=False, existing_comment=_COPY)
    op.create_index(op.f("ix_log_events_actor_at"), "log_events", ["actor", "at"])


def _middle() -> sa.Column[bytes]:
    words = "the 16 nodes half-way up, side by side"
    return sa.Column("middle", sa.LargeBinary(), nullable=False, comment=words)


def _pairs_of(canonical: bytes) -> Named:
    named = named_by(canonical)
    return named._replace(facets=tuple(term for term in named.facets if term.startswith(b"actor+")), records=())


def _fill() -> None:
    put = sa.text(
        "UPDATE log_events SET at = :at, action = :action, outcome = :outcome, actor = :actor"
        " WHERE leaf_index = :leaf_index"
    )
    for rows in _events():
        events = [(row.leaf_index, json.loads(row.canonical)) for row in rows]
        op.get_bind().execute(
            put,
            [
                {"leaf_index": leaf_index, "at": to_micros(datetime.fromisoformat(event["at"]))}
                | {name: event[name] for name in ("action", "outcome", "actor")}
                for leaf_index, event in events
            ],
        )


def _events() -> Iterator[Sequence[sa.Row[Any]]]:
    start, most = 0, _BATCH
    some = sa.text(
        "SELECT leaf_index, canonical FROM log_events WHERE leaf_index >= :start ORDER BY leaf_index LIMIT :most"
    )
    while rows := op.get_bind().execute(some, {"start": start, "most": most}).all():
        yield rows
        start = rows[-1].leaf_index + 1


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _recreate() -> str:
    # Only a copy of the table has another key on SQLite, and its columns where they belong.
    return "always" if _is_sqlite() else "never"
