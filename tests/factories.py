"""Rows and events for tests: synthetic, valid, and different from each other unless told otherwise."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from vault.domain.cohorts import Cohort
from vault.domain.identifiers import IdentifierKind
from vault.domain.ids import RecordClass, new_id
from vault.domain.log import Action, Actor, Event, Opened, Outcome
from vault.domain.records import FieldRef, LinkRole, RecordMeta, RecordState
from vault.storage import people, vault_state
from vault.storage.engine import Database
from vault.storage.record_writes import NewRecord
from vault.storage.unit_of_work import unit_of_work

NOW = datetime(2026, 11, 20, 3, 4, 5, 6, tzinfo=UTC)
KEY_STORE_VERSION = 3


def event(*opened: Opened, **changes: Any) -> Event:
    """Return an event as a look-up makes it."""
    made = Event(NOW, Actor("KF1001", "agent"), Action.LOOKUP, Outcome.GRANTED, "0" * 64, "query", opened=opened)
    return replace(made, **changes)


def cohort(record_class: RecordClass = RecordClass.CUSTOMER, end_on: date = date(2028, 11, 30)) -> Cohort:
    """Return a cohort with a fresh key id."""
    return Cohort(new_id(), record_class, end_on)


def vault(database: Database, *cohorts: Cohort) -> None:
    """Make the database a vault with these cohorts."""
    state = vault_state.VaultState(new_id(), "vault.example/log", "vault.example/log+00+AA==", KEY_STORE_VERSION)
    with unit_of_work(database) as work:
        vault_state.create(work.connection, state, NOW)
        vault_state.mirror_key_store(work.connection, KEY_STORE_VERSION, cohorts, NOW)
        work.commit()


def account_row(work_number: str, **changes: Any) -> dict[str, Any]:
    """Return an account's columns."""
    row = {
        "account_id": new_id(),
        "work_number": work_number,
        "role": "agent",
        "outlet": "O1",
        "team": "T1",
        "state": "invited",
        "sealed_name": os.urandom(40),
        "password": None,
        "password_changed_at": None,
        "invite_hash": None,
        "invite_expires_at": None,
        "created_at": NOW,
        "password_expired_at": None,
    }
    return row | changes


def account(database: Database, work_number: str = "KF1001", **changes: Any) -> bytes:
    """Store an account and return its id."""
    row = account_row(work_number, **changes)
    with unit_of_work(database) as work:
        people.add(work.connection, [row])
        work.commit()
    account_id: bytes = row["account_id"]
    return account_id


CUSTOMER_FIELDS = (
    FieldRef("id_number"),
    FieldRef("id_type"),
    FieldRef("name"),
    FieldRef("notice"),
    FieldRef("other_contact"),
    FieldRef("phone"),
    FieldRef("recipient_address"),
    FieldRef("sender_address"),
    FieldRef("source_number"),
)


def customer(home: Cohort, fields: Sequence[FieldRef] = CUSTOMER_FIELDS, **changes: Any) -> NewRecord:
    """Return a customer about to be stored, with random bytes for everything sealed."""
    meta = RecordMeta(
        record_id=new_id(),
        record_class=home.record_class,
        cohort_id=home.key_id,
        owner=None,
        outlet="O1",
        kind="",
        state=RecordState.SETTLED,
        held=False,
        activity_at=NOW,
        expires_at=NOW + timedelta(days=731),
        fields=tuple(fields),
    )
    return NewRecord(
        meta=replace(meta, **changes),
        mac=os.urandom(32),
        wrapped=os.urandom(62),
        sealed=[os.urandom(48) for _ in fields],
        tags=[
            (IdentifierKind.PHONE, 0, os.urandom(16)),
            (IdentifierKind.PHONE, 1, os.urandom(16)),
            (IdentifierKind.ID_NUMBER, 0, os.urandom(16)),
            (IdentifierKind.SOURCE_NUMBER, 0, os.urandom(16)),
        ],
        entered_at=NOW,
    )


def service_record(home: Cohort, links: Mapping[LinkRole, bytes], **changes: Any) -> NewRecord:
    """Return an open complaint about to be stored."""
    opened: dict[str, Any] = {
        "kind": "complaint",
        "state": RecordState.OPEN,
        "expires_at": None,
        "links": tuple(sorted(links.items())),
    }
    made = customer(home, [FieldRef("text")], **(opened | changes))
    return replace(made, tags=[(IdentifierKind.SOURCE_NUMBER, 0, os.urandom(16))])
