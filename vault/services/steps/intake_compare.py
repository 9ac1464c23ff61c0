"""Comparing imported rows with what the vault holds: equal, different, or changed here since its import."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from vault.crypto.key_store import KeyStore
from vault.domain.fields import FIELDS
from vault.domain.identifiers import IdentifierKind
from vault.domain.ids import RecordClass
from vault.domain.log import Action, Actor, Outcome
from vault.domain.plaintext import Plaintext
from vault.domain.records import FieldRef, LinkRole, RecordState
from vault.domain.retention import expires_at
from vault.services.steps.intake_rows import Entry
from vault.services.steps.opening import announced, check_found_by, open_record
from vault.services.steps.parts import Parts
from vault.storage import records
from vault.storage.record_writes import Change
from vault.storage.records import StoredRecord

Existing = tuple[Entry, Sequence[StoredRecord]]
"""A row and the records that carry its identity."""
Links = Callable[[Entry], tuple[tuple[LinkRole, bytes], ...]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What comparing one row came to.

    Args:
        entry: the row.
        change: the new state, if the record differs and may be overwritten.
        conflict: it differs, but was changed in the vault since its import.
        somebody_else: the number is the same, but on an ID paper of another type: another person.
    """

    entry: Entry
    change: Change | None = None
    conflict: bool = False
    somebody_else: bool = False


def compare(
    parts: Parts,
    actor: Actor,
    store: KeyStore,
    existing: Sequence[Existing],
    wraps: Mapping[bytes, bytes],
    links: Links,
    owners: Mapping[str, bytes],
    now: datetime,
) -> list[Verdict]:
    """Compare rows with their stored records by a logged system opening, one event a batch.

    Returns:
        One verdict a row, in order; changed values are already sealed.

    Raises:
        LogUnavailable: the opening could not be logged; nothing was opened.
        IntegrityError: a stored value does not fit its place.
    """
    if not existing:
        return []
    met = {found.meta.record_id: found for _, candidates in existing for found in candidates}
    grants = tuple(announced(found, {ref.field for ref in found.sealed}) for found in met.values())
    receipt = parts.log_writer.write(
        parts.event(now, actor, Action.IMPORT_COMPARE, Outcome.GRANTED, purpose="import", opened=grants, mode="compare")
    )
    opened = {
        key: open_record(store, receipt, found, wraps.get(key), {ref.field for ref in found.sealed})
        for key, found in met.items()
    }
    drafts, others = [], []
    for entry, candidates in existing:
        found = next((one for one in candidates if _is_the_same(entry, opened[one.meta.record_id])), None)
        if found is None:
            others.append(Verdict(entry, somebody_else=True))
        else:
            drafts.append(_draft(parts, entry, found, opened[found.meta.record_id], links(entry), owners))
    return others + _sealed(parts, actor, store, wraps, drafts, now)


def _is_the_same(entry: Entry, opened: Mapping[FieldRef, Plaintext]) -> bool:
    """Return whether a record is the row's: without a source number, ID type and number must both be the same.

    Raises:
        IntegrityError: the record does not hold the identity it was found by.
    """
    kind, number = entry.identity
    check_found_by(entry.record_class, opened, kind, number)
    if kind is not IdentifierKind.ID_NUMBER:
        return True
    return any(ref.field == "id_type" and value.same_as(entry.values["id_type", 0]) for ref, value in opened.items())


@dataclass(frozen=True, slots=True)
class _Draft:
    """A stored record and the row it meets: what differs."""

    entry: Entry
    changed: Mapping[tuple[str, int], str]
    dropped: frozenset[tuple[str, int]]
    found: StoredRecord
    meta_differs: bool
    conflict: bool


def _draft(
    parts: Parts,
    entry: Entry,
    found: StoredRecord,
    opened: Mapping[FieldRef, Plaintext],
    links: tuple[tuple[LinkRole, bytes], ...],
    owners: Mapping[str, bytes],
) -> _Draft:
    stored = {(ref.field, ref.ordinal): value for ref, value in opened.items()}
    changed = {
        place: value for place, value in entry.values.items() if place not in stored or not stored[place].same_as(value)
    }
    # A file without source numbers, which met the record by its ID number, does not take its source number away.
    dropped = frozenset(place for place in stored if place not in entry.values and place[0] != "source_number")
    meta = found.meta
    activity = entry.activity_at
    if meta.record_class is RecordClass.CUSTOMER:  # whom a later shipment or service may have moved on
        activity = max(activity, meta.activity_at)
    expiry = None
    if entry.state is RecordState.SETTLED:
        expiry = expires_at(activity, parts.policy.retention[meta.record_class].keep(), parts.policy.zone)
    fresh = replace(
        meta,
        owner=owners.get(entry.owner),
        outlet=entry.outlet,
        kind=entry.kind,
        state=entry.state,
        activity_at=activity,
        expires_at=expiry,
        links=links,
    )
    differs = bool(changed or dropped) or fresh != meta
    in_vault = found.import_revision != found.revision
    return _Draft(entry, changed, dropped, replace(found, meta=fresh), fresh != meta, differs and in_vault)


def _sealed(
    parts: Parts,
    actor: Actor,
    store: KeyStore,
    wraps: Mapping[bytes, bytes],
    drafts: Sequence[_Draft],
    now: datetime,
) -> list[Verdict]:
    """Seal changed values under their records' own data keys, after a second event that says so."""
    resealed = [draft for draft in drafts if draft.changed and not draft.conflict]
    receipt = None
    generations: dict[bytes, dict[tuple[str, int], int]] = {}
    if resealed:
        grants = tuple(announced(draft.found, {name for name, _ in draft.changed}) for draft in resealed)
        receipt = parts.log_writer.write(
            parts.event(
                now, actor, Action.IMPORT_COMPARE, Outcome.GRANTED, purpose="import", opened=grants, mode="change"
            )
        )
        with parts.database.read() as connection:
            generations = records.generations(connection, (draft.found.meta.record_id for draft in resealed))
    verdicts = []
    for draft in drafts:
        entry = draft.entry
        if draft.conflict:
            verdicts.append(Verdict(entry, conflict=True))
            continue
        if not (draft.changed or draft.dropped or draft.meta_differs):
            verdicts.append(Verdict(entry))
            continue
        meta, keys = draft.found.meta, store.keys_of(draft.found.meta.cohort_id)
        wrapped = wraps.get(meta.record_id)
        past = generations.get(meta.record_id, {})
        fresh = {
            FieldRef(name, ordinal, past.get((name, ordinal), -1) + 1): value
            for (name, ordinal), value in draft.changed.items()
        }
        sealed: dict[FieldRef, bytes] = {}
        if fresh and receipt is not None and wrapped is not None:
            blobs = keys.seal_more(receipt, meta.record_id, wrapped, list(fresh.items()))
            sealed = dict(zip(fresh, blobs, strict=True))
        gone = draft.dropped | set(draft.changed)
        kept = [ref for ref in meta.fields if (ref.field, ref.ordinal) not in gone]
        meta = meta.with_fields(tuple(sorted([*kept, *fresh])))
        kinds = (FIELDS[meta.record_class][name].index for name, _ in gone)
        retagged = frozenset(kind for kind in kinds if kind is not None)
        tags = [(kind, ordinal, keys.tag(kind, value)) for kind, ordinal, value in entry.tagged if kind in retagged]
        change = Change(
            meta,
            keys.mac(meta),
            draft.found.revision,
            now,
            sealed,
            tags,
            retagged,
            late=entry.late,
            notice_missing=entry.notice_missing,
        )
        verdicts.append(Verdict(entry, change))
    return verdicts
