"""What every rule has: how strictly its file is read, its id, its clause and its names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

STRICT: Mapping[str, object] = {"extra": "forbid", "strict": True, "frozen": True}
"""For pydantic: an unknown key or a value of another type is refused."""


@dataclass(frozen=True, slots=True)
class Named:
    """One entry of a closed list: its id, the clause it comes from, and its names for people."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    id: str
    clause: str
    zh: str
    en: str
