"""Import mappings: which header is which field, and which word is which id; another company needs a file, no code."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from vault.errors import PolicyError

_NEEDED = {
    "staff": {"work_number", "name", "role", "outlet"},
    "customer": {
        "name", "phone", "sender_address", "recipient_address", "id_type", "id_number", "outlet", "last_activity_at",
    },
    "shipment": {"waybill", "sender", "recipient", "item_type", "weight_kg", "outlet"},
    "service_record": {
        "source_number", "customer", "kind", "channel", "agent", "started_at", "ended_at", "entered_at", "text",
    },
}  # fmt: skip
"""What a row of each class cannot do without, whatever a mapping says."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class _Head(_Strict):
    id: str
    record_class: Literal["staff", "customer", "shipment", "service_record"] = Field(alias="class")
    clause: str
    required: tuple[str, ...]
    optional: tuple[str, ...]


class _Times(_Strict):
    format: str
    zone: str

    @field_validator("zone")
    @classmethod
    def _known(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError from None
        return zone


class HeaderMapping(_Strict):
    """One mapping file.

    Args:
        mapping: id, class, and which fields must be there.
        columns: header text to field name.
        values: by field, the file's word to our id.
        times: how times are written, and in which zone; staff have none.
    """

    mapping: _Head
    columns: dict[str, str]
    values: dict[str, dict[str, str]] = {}
    times: _Times | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        required = set(self.mapping.required)
        if not _NEEDED[self.mapping.record_class] <= required or not required <= set(self.columns.values()):
            raise ValueError
        return self

    def header_of(self, field: str) -> str:
        """Return the header text of a field, or the field's name where the file has no such column."""
        return next((header for header, name in self.columns.items() if name == field), field)


def load_mapping(path: Path) -> HeaderMapping:
    """Read one mapping file.

    Raises:
        PolicyError: it is not there, or not of the right shape.
    """
    try:
        return HeaderMapping.model_validate_json(json.dumps(tomllib.loads(path.read_text(encoding="utf-8"))))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        raise PolicyError("mapping_unreadable", file=path.name) from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise PolicyError("mapping_malformed", file=path.name, place=place) from None


def choose_mapping(folder: Path, record_class: str, header: Sequence[str]) -> HeaderMapping | None:
    """Choose the mapping of a class that knows the most of a header row.

    Args:
        folder: where the mapping files lie.
        record_class: staff, customer, shipment or service_record.
        header: the header row's cells.

    Returns:
        The best match, or None when no mapping knows even one of the headers.
    """
    best, known = None, 0
    for path in sorted(folder.glob("*.toml")):
        mapping = load_mapping(path)
        count = sum(1 for name in header if name in mapping.columns)
        if mapping.mapping.record_class == record_class and count > known:
            best, known = mapping, count
    return best
