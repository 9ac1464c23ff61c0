"""The field dictionary: which fields a class has, how each is masked and by which it can be found.

All values listed here are sealed, personal or not: there is no place in the store for a value in clear.
"""

from __future__ import annotations

from dataclasses import dataclass

from vault.domain.identifiers import IdentifierKind
from vault.domain.ids import RecordClass
from vault.domain.records import LinkRole


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a class.

    Args:
        name: the field's id, stable; it is bound into each ciphertext.
        mask: the widest mask it may have, an id in :mod:`vault.domain.masks`; ``plain`` for what is not personal.
        index: the identifier kind by which it can be found, if any.
        many: whether a record may hold several values (ordinals 0, 1, …).
        contact: whether a superseded value is kept sealed, for notices after a breach.
        tells_of: in which role the one customer stands to the record whom the value tells of; None: all of its
            customers.
    """

    name: str
    mask: str = "text"
    index: IdentifierKind | None = None
    many: bool = False
    contact: bool = False
    tells_of: LinkRole | None = None


def _table(*fields: Field) -> dict[str, Field]:
    return {field.name: field for field in fields}


FIELDS: dict[RecordClass, dict[str, Field]] = {
    RecordClass.CUSTOMER: _table(
        Field("source_number", index=IdentifierKind.SOURCE_NUMBER),
        Field("name", mask="name"),
        Field("phone", mask="phone", index=IdentifierKind.PHONE, contact=True),
        Field("other_contact", mask="phone", index=IdentifierKind.PHONE, many=True, contact=True),
        Field("sender_address", mask="address", many=True, contact=True),
        Field("recipient_address", mask="address", many=True, contact=True),
        Field("id_type", mask="plain"),
        Field("id_number", mask="id_number", index=IdentifierKind.ID_NUMBER),
        Field("notice", mask="plain"),
        Field("email", mask="hidden", contact=True),
    ),
    RecordClass.SHIPMENT: _table(
        Field("waybill", mask="waybill", index=IdentifierKind.WAYBILL),
        Field("item_type", mask="hidden"),
        Field("parcel", mask="plain"),
        Field("track", mask="plain"),
        Field("signed_by", mask="name", tells_of=LinkRole.RECIPIENT),
    ),
    RecordClass.SERVICE_RECORD: _table(
        Field("source_number", index=IdentifierKind.SOURCE_NUMBER),
        Field("text", mask="text"),
        Field("details", mask="plain"),
    ),
    RecordClass.ID_COPY: _table(Field("image", mask="hidden", many=True)),
    RecordClass.REQUEST: _table(Field("identifier", mask="hidden"), Field("note", mask="hidden")),
}
"""Classes IM-01 (customer), IM-02 (shipment), IM-03 (service record), ID-01 (copy of the ID card)."""
