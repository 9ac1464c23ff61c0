"""Answers as people may see them: what of a record will be shown, what must be opened for it, and the masked card.

Every answer is made in the same three steps: a :class:`Glimpse` says what will be shown of a record, the event
announces what must be opened for it, and with the receipt the glimpse becomes a card.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from vault.crypto.key_store import KeyStore
from vault.domain.access import other_party_fields, visible_fields
from vault.domain.fields import FIELDS
from vault.domain.identifiers import IdentifierKind
from vault.domain.ids import RecordClass, Role
from vault.domain.log import Opened, Receipt
from vault.domain.masks import VALUELESS, mask
from vault.domain.policy import Policy
from vault.domain.records import RecordState
from vault.domain.rules.access import View
from vault.services.steps.opening import announced, check_found_by, open_record
from vault.storage.records import StoredRecord

OTHER_PARTY_RULE = "other_party"


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
        part: what it is in the answer: match, sender, recipient, or its class.
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


@dataclass(frozen=True, slots=True)
class Glimpse:
    """What will be shown of one record, decided before anything is opened.

    Args:
        found: the stored record.
        part: what it is in the answer.
        rule: the scope rule; ``other_party`` for the party of a shipment who is not in scope.
        views: how each shown field is seen.
        masks: by field the mask that stands before it.
        sought: the identifier by which the record was found; index rows carry no MAC, so that the opened record
            itself must hold it.
    """

    found: StoredRecord
    part: str
    rule: str
    views: Mapping[str, View]
    masks: Mapping[str, str]
    sought: tuple[IdentifierKind, str] | None = None

    def announced(self) -> Opened:
        """Return what the event says: fields whose mask says the same of every value need not be opened."""
        fields = FIELDS[self.found.meta.record_class]
        names = {name for name, mask_id in self.masks.items() if mask_id not in VALUELESS}
        if self.sought is not None:
            names |= {ref.field for ref in self.found.meta.fields if fields[ref.field].index is self.sought[0]}
        return announced(self.found, names)

    def card(self, store: KeyStore, receipt: Receipt, wrapped: bytes | None) -> Card:
        """Open what was announced and make the masked card.

        Raises:
            IntegrityError: something does not fit.
        """
        meta = self.found.meta
        opened = open_record(store, receipt, self.found, wrapped, self.announced().fields)
        if self.sought is not None:
            check_found_by(meta.record_class, opened, *self.sought)
        shown = []
        for ref in meta.fields:
            view = self.views.get(ref.field)
            if view is None:
                continue
            value = opened[ref].disclose() if ref in opened else ""
            shown.append(Shown(ref.field, ref.ordinal, mask(self.masks[ref.field], value), view is View.REVEAL))
        order = list(FIELDS[meta.record_class])
        shown.sort(key=lambda one: (order.index(one.field), one.ordinal))
        return Card(
            meta.record_id,
            meta.record_class,
            self.part,
            self.rule,
            tuple(shown),
            "" if self.rule == OTHER_PARTY_RULE else meta.outlet,
            meta.kind,
            meta.state is RecordState.OPEN,
        )


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks and what for: the role, and the purpose of the case at hand."""

    role: Role
    purpose: str


def glimpse(
    policy: Policy,
    viewer: Viewer,
    found: StoredRecord,
    part: str,
    rule: str,
    in_scope: Collection[bytes],
    typed: str = "",
    sought: tuple[IdentifierKind, str] | None = None,
) -> Glimpse:
    """Decide what will be shown of a record.

    Args:
        policy: the rules in force.
        viewer: who looks, and what for.
        found: the stored record.
        part: what it is in the answer.
        rule: the scope rule that lets it be shown, or ``other_party``: masked surname and city, nothing to reveal.
        in_scope: the customers in scope; who signed for a parcel is not revealed where its recipient is not among them.
        typed: the field whose value the person has just typed in full, so that a mask would hide nothing.
        sought: the identifier by which the record was found, if it was found by one.
    """
    present = {ref.field for ref in found.meta.fields}
    record_class = found.meta.record_class
    if rule == OTHER_PARTY_RULE:
        views = other_party_fields(policy, part, present)
        return Glimpse(found, part, rule, views, {name: policy.masks.other_party[name] for name in views})
    views = visible_fields(policy, viewer.role, viewer.purpose, record_class, present, part)
    for name in views:
        tells_of = FIELDS[record_class][name].tells_of
        if tells_of is not None and found.meta.linked(tells_of) not in in_scope:
            views[name] = View.MASKED
    if typed in views:
        views[typed] = View.PLAIN
    masks = {
        name: "plain" if view is View.PLAIN else policy.masks.of(record_class, name) for name, view in views.items()
    }
    return Glimpse(found, part, rule, views, masks, sought)
