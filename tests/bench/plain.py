"""The same work in clear: an ordinary schema without seals, tags, MACs, log and cases, written as well as we can.

One row a record with ordinary indexes. The import uses the vault's own CSV reader, row checks and bulk insert; it
asks once a batch which records are there, remembers resolved links, and commits once a batch of the same size. The
look-up is one prepared SQLAlchemy Core select, the same rule of scope and the same masks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Index,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    bindparam,
    or_,
    select,
)

from vault.domain.access import visible_fields
from vault.domain.fields import FIELDS
from vault.domain.identifiers import IdentifierKind, identify
from vault.domain.ids import RecordClass, new_id
from vault.domain.masks import mask
from vault.domain.people import Person
from vault.domain.policy import Policy
from vault.domain.records import LinkRole, RecordState
from vault.domain.retention import expires_at
from vault.domain.rules.access import Right, View
from vault.errors import AccessRefused
from vault.services.intake import BATCH_ROWS, check_header, mapping_for
from vault.services.lookup import LookupAnswer
from vault.services.steps.cards import Card, Shown
from vault.services.steps.intake_rows import Entry, RowReader
from vault.services.steps.parts import Parts
from vault.storage.bulk import insert_rows
from vault.storage.csv_files import open_csv
from vault.storage.engine import Database
from vault.storage.lists import rows_in
from vault.storage.tables import UtcTime

metadata = MetaData()


def _table(name: str, *own: str) -> Table:
    return Table(
        name,
        metadata,
        Column("record_id", LargeBinary(16), primary_key=True),
        *(Column(field, Text) for field in own),
        *(
            Column(link, LargeBinary(16))
            for link in ("owner_id", "sender_id", "recipient_id", "customer_id", "shipment_id")
        ),
        Column("outlet", String(32)),
        Column("kind", String(16)),
        Column("state", String(10)),
        Column("activity_at", UtcTime),
        Column("expires_at", UtcTime),
        Column("entered_at", UtcTime),
        Column("late", Boolean),
        Column("notice_missing", Boolean),
    )


_FIELDS = {
    RecordClass.CUSTOMER: (
        "source_number", "name", "phone", "other_contact", "sender_address", "recipient_address", "id_type",
        "id_number", "notice",
    ),
    RecordClass.SHIPMENT: ("waybill", "item_type", "parcel", "track", "signed_by"),
    RecordClass.SERVICE_RECORD: ("source_number", "text", "details"),
}  # fmt: skip
TABLES = {one: _table(f"plain_{one.value}s", *fields) for one, fields in _FIELDS.items()}
customers, shipments, services = TABLES.values()
for _table_, _columns in (
    (customers, ("source_number", "phone", "other_contact", "id_number")),
    (shipments, ("waybill", "sender_id", "recipient_id")),
    (services, ("source_number", "customer_id", "shipment_id")),
):
    for _name in _columns:
        Index(f"ix_{_table_.name}_{_name}", _table_.c[_name])

_NUMBER = {
    RecordClass.CUSTOMER: "source_number",
    RecordClass.SHIPMENT: "waybill",
    RecordClass.SERVICE_RECORD: "source_number",
}
_LINKED = {role: RecordClass.SHIPMENT if role is LinkRole.SHIPMENT else RecordClass.CUSTOMER for role in LinkRole}
_BY_PHONE = select(customers).where(
    or_(customers.c.phone == bindparam("number"), customers.c.other_contact == bindparam("number"))
)


# -- import ------------------------------------------------------------------------------------------------------


def import_records(
    database: Database,
    policy: Policy,
    owners: Mapping[str, bytes],
    record_class: RecordClass,
    path: Path,
    mappings: Path,
    now: datetime,
) -> int:
    """Import a file into the plaintext tables; returns how many rows were added."""
    added = 0
    resolved: dict[tuple[RecordClass, str], bytes] = {}
    with open_csv(path) as csv:
        mapping = mapping_for(csv, record_class.value, mappings, None)
        check_header(csv.header, mapping)
        reader = RowReader(mapping, csv.header, policy, now)
        batch: list[Entry] = []
        for row in csv.rows():
            batch.append(reader.entry(row.line, row.cells))
            if len(batch) >= BATCH_ROWS:
                added += _store(database, policy, owners, record_class, batch, resolved)
                batch.clear()
        if batch:
            added += _store(database, policy, owners, record_class, batch, resolved)
    return added


def _store(
    database: Database,
    policy: Policy,
    owners: Mapping[str, bytes],
    record_class: RecordClass,
    batch: list[Entry],
    resolved: dict[tuple[RecordClass, str], bytes],
) -> int:
    keep = policy.retention[record_class].keep()
    with database.write() as connection:
        known = _ids(connection, record_class, [entry.identity[1] for entry in batch])
        wanted: dict[RecordClass, set[str]] = {}
        for entry in batch:
            for role, (_, number) in entry.links.items():
                if (_LINKED[role], number) not in resolved:
                    wanted.setdefault(_LINKED[role], set()).add(number)
        for linked, numbers in wanted.items():
            resolved.update(((linked, number), found) for number, found in _ids(connection, linked, numbers).items())
        rows = []
        for entry in batch:
            if entry.identity[1] in known:
                continue
            values = {name: value for (name, ordinal), value in entry.values.items() if ordinal == 0}
            links = {role: resolved[_LINKED[role], number] for role, (_, number) in entry.links.items()}
            expiry = None
            if entry.state is RecordState.SETTLED:
                expiry = expires_at(entry.activity_at, keep, policy.zone)
            rows.append(
                (
                    new_id(),
                    *(values.get(name) for name in _FIELDS[record_class]),
                    owners[entry.owner] if entry.owner else None,
                    links.get(LinkRole.SENDER),
                    links.get(LinkRole.RECIPIENT),
                    links.get(LinkRole.CUSTOMER),
                    links.get(LinkRole.SHIPMENT),
                    entry.outlet,
                    entry.kind,
                    entry.state.value,
                    entry.activity_at,
                    expiry,
                    entry.entered_at,
                    entry.late,
                    entry.notice_missing,
                )
            )
        insert_rows(connection, TABLES[record_class], rows)
        connection.commit()
    return len(rows)


def _ids(connection: Connection, record_class: RecordClass, numbers: Iterable[str]) -> dict[str, bytes]:
    name = _NUMBER[record_class]
    question = f"SELECT {name}, record_id FROM {TABLES[record_class].name} WHERE {name}"
    values: Any = list(numbers)
    return {row[0]: row[1] for row in rows_in(connection, question, values)}


# -- look-up -----------------------------------------------------------------------------------------------------


def look_up(
    parts: Parts,
    person: Person,
    typed: str,
    purpose: str,
    now: datetime,
    case_id: bytes | None = None,
    chosen: bytes | None = None,
) -> LookupAnswer:
    """Look up a phone number in the plaintext tables; stands in for the vault's own look-up behind the same door."""
    del chosen
    role = parts.policy.roles[person.role]
    if Right.LOOKUP not in role.rights or purpose not in role.purposes:
        raise AccessRefused("purpose_not_yours")
    kind, number = identify(typed, parts.policy.carriers)
    with parts.database.read() as connection:
        rows = connection.execute(_BY_PHONE, {"number": number}).all()
    mine = [row for row in rows if row.owner_id in (None, person.account_id) and row.expires_at > now]
    cards = tuple(_card(parts.policy, person, purpose, row) for row in mine)
    return LookupAnswer(case_id or new_id(), purpose, IdentifierKind(kind), cards, len(cards) > 1)


def _card(policy: Policy, person: Person, purpose: str, row: Any) -> Card:
    values = row._mapping
    specs = FIELDS[RecordClass.CUSTOMER]
    present = [name for name in specs if values.get(name) is not None]
    views = visible_fields(policy, person.role, purpose, RecordClass.CUSTOMER, present)
    shown = tuple(
        Shown(
            name,
            0,
            mask("plain" if view is View.PLAIN else policy.masks.of(RecordClass.CUSTOMER, name), values[name]),
            view is View.REVEAL,
        )
        for name, view in views.items()
    )
    rule = "scope.owner" if row.owner_id else "scope.pool_case"
    return Card(row.record_id, RecordClass.CUSTOMER, "match", rule, shown, row.outlet)
