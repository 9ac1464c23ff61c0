"""Answers as people may see them: masked cards, made from opened values by the role's views."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vault.domain.fields import FIELDS
from vault.domain.ids import RecordClass
from vault.domain.masks import VALUELESS, mask
from vault.domain.plaintext import Plaintext
from vault.domain.policy import View
from vault.domain.records import FieldRef, RecordMeta

OTHER_PARTY = {"name": "surname_only", "sender_address": "city", "recipient_address": "city"}
"""What is shown of the party of a shipment who is not in scope: masked surname and city."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One value on a card, already masked.

    Args:
        field: field name.
        ordinal: which of several.
        text: what may be shown.
        revealable: whether this person may ask for the value in clear.
    """

    field: str
    ordinal: int
    text: str
    revealable: bool


@dataclass(frozen=True, slots=True)
class Card:
    """One record as shown.

    Args:
        record_id: the record.
        record_class: its class.
        part: what it is in the answer: match, sender, recipient, shipment, service.
        rule: the scope rule that let it be shown; ``other_party`` where only surname and city are.
        values: what is shown.
        outlet: outlet code.
        kind: kind of service record.
        is_open: a service record still being handled.
    """

    record_id: bytes
    record_class: RecordClass
    part: str
    rule: str
    values: tuple[Shown, ...]
    outlet: str
    kind: str = ""
    is_open: bool = False

    def value(self, field: str) -> str:
        """Return the first shown value of a field, or an empty string."""
        return next((one.text for one in self.values if one.field == field), "")


def fields_to_open(record_class: RecordClass, views: Mapping[str, View]) -> set[str]:
    """Return which visible fields need their value: those whose mask says the same of every value do not."""
    return {
        name for name, view in views.items() if view is View.PLAIN or FIELDS[record_class][name].mask not in VALUELESS
    }


def card(
    meta: RecordMeta, part: str, rule: str, views: Mapping[str, View], opened: Mapping[FieldRef, Plaintext]
) -> Card:
    """Make a masked card of a record in scope.

    Args:
        meta: the record's metadata.
        part: what it is in the answer.
        rule: the scope rule that let it be shown.
        views: how the role sees each field.
        opened: the opened values.
    """
    shown = []
    for ref in meta.fields:
        view = views.get(ref.field)
        if view is None:
            continue
        value = opened[ref].disclose() if ref in opened else ""
        kind = "plain" if view is View.PLAIN else FIELDS[meta.record_class][ref.field].mask
        shown.append(Shown(ref.field, ref.ordinal, mask(kind, value), view is View.REVEAL))
    order = list(FIELDS[meta.record_class])
    shown.sort(key=lambda one: (order.index(one.field), one.ordinal))
    return Card(
        meta.record_id, meta.record_class, part, rule, tuple(shown), meta.outlet, meta.kind, meta.state.value == "open"
    )


def other_party(meta: RecordMeta, part: str, opened: Mapping[FieldRef, Plaintext]) -> Card:
    """Make the card of a shipment's other party: masked surname and city, nothing that can be revealed."""
    shown = tuple(
        Shown(ref.field, ref.ordinal, mask(OTHER_PARTY[ref.field], value.disclose()), revealable=False)
        for ref, value in opened.items()
    )
    return Card(meta.record_id, meta.record_class, part, "other_party", shown, "")
