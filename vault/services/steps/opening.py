"""Steps that the walks share: checking metadata, opening announced fields, reporting what does not fit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from vault.crypto.key_store import KeyStore
from vault.domain.fields import FIELDS
from vault.domain.identifiers import IdentifierKind
from vault.domain.ids import RecordClass
from vault.domain.log import Action, Actor, Opened, Outcome, Receipt
from vault.domain.plaintext import Plaintext
from vault.domain.records import FieldRef
from vault.errors import IntegrityError, KeyStoreError
from vault.services.steps.parts import Parts
from vault.storage.records import StoredRecord


def check(store: KeyStore, found: StoredRecord) -> None:
    """Refuse a record whose metadata was edited behind the vault's back.

    Raises:
        IntegrityError: the MAC does not fit.
    """
    try:
        store.keys_of(found.meta.cohort_id).check(found.meta, found.mac)
    except (KeyStoreError, TypeError):  # a cohort that never was; SQLite holds text where bytes should be
        raise IntegrityError("unreadable") from None


def announced(found: StoredRecord, names: Iterable[str]) -> Opened:
    """Return what an event says of opening these fields of a record."""
    return Opened(found.meta.record_id, found.meta.record_class.value, tuple(sorted(names)))


def open_record(
    store: KeyStore, receipt: Receipt, found: StoredRecord, wrapped: bytes | None, names: Iterable[str]
) -> dict[FieldRef, Plaintext]:
    """Open the announced fields of one record.

    Args:
        store: the key store in force.
        receipt: of the event that announced exactly these fields.
        found: the stored record.
        wrapped: its wrapped data key; None when the row is missing.
        names: field names to open.

    Returns:
        The values by place.

    Raises:
        IntegrityError: the wrap is gone or something does not fit.
    """
    if wrapped is None:
        raise IntegrityError("unreadable")
    wanted = set(names)
    sealed = [(ref, value) for ref, value in found.sealed.items() if ref.field in wanted]
    values = store.keys_of(found.meta.cohort_id).open(receipt, found.meta.record_id, wrapped, sealed)
    return {ref: value for (ref, _), value in zip(sealed, values, strict=True)}


def check_found_by(
    record_class: RecordClass, opened: Mapping[FieldRef, Plaintext], kind: IdentifierKind, number: str
) -> None:
    """Refuse a record that does not hold the identifier it was found by: its index row was redirected.

    Raises:
        IntegrityError: no opened value of that kind is the number.
    """
    fields = FIELDS[record_class]
    if not any(fields[ref.field].index is kind and value.same_as(number) for ref, value in opened.items()):
        raise IntegrityError("unreadable")


@contextmanager
def reporting(parts: Parts, actor: Actor, found: Mapping[bytes, StoredRecord], now: datetime) -> Iterator[None]:
    """Log an integrity failure as an event of its own, then let it go on: nothing is shown.

    Args:
        parts: the vault's parts.
        actor: who was served.
        found: the records at hand; the event names them without opening anything.
        now: when.
    """
    try:
        yield
    except IntegrityError:
        report(parts, actor, found.values(), now)
        raise


def report(parts: Parts, actor: Actor, found: Iterable[StoredRecord], now: datetime) -> None:
    """Log an integrity failure of records as an event of its own, which names them without opening anything.

    Args:
        parts: the vault's parts.
        actor: who was served.
        found: the records.
        now: when.

    Raises:
        LogUnavailable: the event could not be made durable.
    """
    concerned = tuple(announced(one, ()) for one in found)
    parts.log_writer.write(
        parts.event(now, actor, Action.INTEGRITY_FAILURE, Outcome.FAILED, opened=concerned, reason="unreadable")
    )
