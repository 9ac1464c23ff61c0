"""Comparing keys and records: what has one and not the other, anywhere in the database. Counts only."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sqlalchemy import Connection, text

_FIELDS_WITHOUT_RECORD = (
    "SELECT count(*) FROM {} v WHERE NOT EXISTS (SELECT 1 FROM records r WHERE r.record_id = v.record_id)"
)
QUESTIONS: Mapping[str, str] = MappingProxyType(
    {
        "keys_without_record": (
            "SELECT count(*) FROM wrapped_keys w WHERE NOT EXISTS (SELECT 1 FROM records r"
            " WHERE r.record_id = w.record_id AND r.cohort_id = w.cohort_id)"
        ),
        "records_without_key": (
            "SELECT count(*) FROM records r WHERE NOT EXISTS (SELECT 1 FROM wrapped_keys w"
            " WHERE w.cohort_id = r.cohort_id AND w.record_id = r.record_id)"
        ),
        "values_without_record": _FIELDS_WITHOUT_RECORD.format("record_fields"),
        "tags_without_record": _FIELDS_WITHOUT_RECORD.format("record_index"),
        "tombstones_with_key": ("SELECT count(*) FROM wrapped_keys w JOIN tombstones t ON t.record_id = w.record_id"),
    }
)
"""One question for each kind of orphan; each reads its table once."""


def count(connection: Connection) -> dict[str, int]:
    """Return how many orphans of each kind there are."""
    return {kind: int(connection.execute(text(question)).scalar_one()) for kind, question in QUESTIONS.items()}
