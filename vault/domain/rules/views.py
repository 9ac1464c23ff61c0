"""Rules of seeing: what a role sees of a field for a purpose, and which mask stands before a masked value.

Deny wins: of all that is said about a field the least applies, and what nothing is said about is hidden.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from vault.domain.fields import FIELDS
from vault.domain.ids import RecordClass, Role
from vault.domain.masks import masks_within
from vault.domain.rules.access import View
from vault.domain.rules.shape import STRICT

PURPOSES = "purposes"
"""The entry of a field that narrows what every role sees of it for some purposes."""

DEFAULT = "default"
"""The role whose entry stands for every role that is not named; in a role's table, the same for purposes."""

_RANK = {View.HIDDEN: 0, View.MASKED: 1, View.REVEAL: 2, View.PLAIN: 3}

Entry = View | Mapping[str, View]
"""What a role sees of a field: the same for every purpose, or by purpose."""


@dataclass(frozen=True, slots=True)
class Views:
    """Who sees what of each field.

    Args:
        entries: as the policy has them: by class, field, and role or :data:`PURPOSES`.
    """

    entries: Mapping[RecordClass, Mapping[str, Mapping[str, Entry]]]
    _decided: dict[tuple[RecordClass, str, Role, str], View] = field(default_factory=dict, repr=False, compare=False)

    def of(self, record_class: RecordClass, name: str, role: Role, purpose: str) -> View:
        """Return what a role sees of a field for a purpose."""
        asked = (record_class, name, role, purpose)
        view = self._decided.get(asked)
        if view is None:
            view = self._decided[asked] = self._decide(*asked)
        return view

    def reasons(self, record_class: RecordClass, name: str, role: Role, purpose: str) -> tuple[str, ...]:
        """Return the places in ``fields.toml`` that decide; none where nothing is said."""
        return tuple(place for place, _ in self._said(record_class, name, role, purpose))

    def _decide(self, record_class: RecordClass, name: str, role: Role, purpose: str) -> View:
        said = [view for place, view in self._said(record_class, name, role, purpose)]
        # A purpose may only narrow what a role sees; by itself it opens nothing.
        about_role = bool(said) and self._entry(record_class, name, role)[1] is not None
        return min(said, key=_RANK.__getitem__) if about_role else View.HIDDEN

    def _said(self, record_class: RecordClass, name: str, role: Role, purpose: str) -> Iterator[tuple[str, View]]:
        place = f"fields.{record_class.value}.{name}"
        who, entry = self._entry(record_class, name, role)
        if isinstance(entry, View):
            yield f"{place}.{who}", entry
        elif entry is not None:
            which = purpose if purpose in entry else DEFAULT
            yield f"{place}.{who}.{which}", entry.get(which, View.HIDDEN)
        narrowing = self.entries.get(record_class, {}).get(name, {}).get(PURPOSES, {})
        if isinstance(narrowing, Mapping) and purpose in narrowing:
            yield f"{place}.{PURPOSES}.{purpose}", narrowing[purpose]

    def _entry(self, record_class: RecordClass, name: str, role: Role) -> tuple[str, Entry | None]:
        entries = self.entries.get(record_class, {}).get(name, {})
        who = role.value if role.value in entries else DEFAULT
        return who, entries.get(who)

    def every_entry(self) -> Iterator[tuple[RecordClass, str, str, Entry]]:
        """Yield every entry: class, field, role or :data:`PURPOSES`, and what it says."""
        for record_class, fields in self.entries.items():
            for name, entries in fields.items():
                for who, entry in entries.items():
                    yield record_class, name, who, entry


@dataclass(frozen=True, slots=True)
class MaskPolicy:
    """Which mask is in force for each field; what is not named is hidden whole.

    Args:
        other_party: masks of what is shown of a party of a shipment who is not in scope.
        customer: by field.
        shipment: by field.
        service_record: by field.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    other_party: Mapping[str, str]
    customer: Mapping[str, str]
    shipment: Mapping[str, str]
    service_record: Mapping[str, str]

    def of(self, record_class: RecordClass, name: str) -> str:
        """Return the id of the mask of a field."""
        by_field: Mapping[str, str] = getattr(self, record_class.value, {})
        return by_field.get(name, "hidden")

    def findings(self) -> Iterator[tuple[str, str]]:
        """Find masks that are not made for their field, or would show more than it may."""
        for table, record_class in (
            ("other_party", RecordClass.CUSTOMER),
            ("customer", RecordClass.CUSTOMER),
            ("shipment", RecordClass.SHIPMENT),
            ("service_record", RecordClass.SERVICE_RECORD),
        ):
            by_field: Mapping[str, str] = getattr(self, table)
            for name, mask in by_field.items():
                known = FIELDS[record_class].get(name)
                if known is None:
                    yield "unknown_field", f"masks.{table}.{name}"
                elif mask not in masks_within(known.mask) or mask == "plain":
                    yield "mask_not_of_field", f"masks.{table}.{name}"
