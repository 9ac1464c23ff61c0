"""One batch of an import: find, compare, seal, store in one transaction, count; begun again when others were faster."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache

from sqlalchemy import Connection

from vault.crypto.key_store import KeyStore
from vault.domain.breach.containment import Doing
from vault.domain.cohorts import Cohort, home_of
from vault.domain.fields import FIELDS
from vault.domain.identifiers import IdentifierKind
from vault.domain.ids import RecordClass, new_id
from vault.domain.log import Action, Actor, Opened, Outcome
from vault.domain.records import FieldRef, LinkRole, RecordMeta, RecordState
from vault.domain.retention import expires_at
from vault.errors import StorageError
from vault.services.steps.activity import move_activity
from vault.services.steps.attempts import until_stored
from vault.services.steps.breach.containing import refuse_frozen
from vault.services.steps.intake_compare import Verdict, compare
from vault.services.steps.intake_report import Fault, ImportReport
from vault.services.steps.intake_rows import Entry, Identity, RowReader
from vault.services.steps.opening import check, reporting
from vault.services.steps.parts import Parts
from vault.storage import record_writes, records, vault_state
from vault.storage.mapping_files import HeaderMapping
from vault.storage.moments import moment
from vault.storage.record_writes import Change, NewRecord
from vault.storage.unit_of_work import UnitOfWork, unit_of_work

_REMEMBERED = 100_000
"""Bounds what one run keeps in memory: links already resolved, and phones already seen."""

_LINK_REASONS = {
    LinkRole.SENDER: ("unknown_sender", "sender"),
    LinkRole.RECIPIENT: ("unknown_recipient", "recipient"),
    LinkRole.CUSTOMER: ("unknown_customer", "customer"),
    LinkRole.SHIPMENT: ("unknown_shipment", "waybill"),
}
_LINK_CLASS = {
    LinkRole.SENDER: RecordClass.CUSTOMER,
    LinkRole.RECIPIENT: RecordClass.CUSTOMER,
    LinkRole.CUSTOMER: RecordClass.CUSTOMER,
    LinkRole.SHIPMENT: RecordClass.SHIPMENT,
}

Key = tuple[RecordClass, Identity]


@dataclass(slots=True)
class Run:
    """What one import carries from batch to batch; every part of it is bounded."""

    parts: Parts
    actor: Actor
    record_class: RecordClass
    reader: RowReader
    mapping: HeaderMapping
    now: datetime
    dry_run: bool
    owners: Mapping[str, bytes]
    report: ImportReport = field(default_factory=ImportReport)
    resolved: OrderedDict[Key, bytes] = field(default_factory=OrderedDict)
    phones: OrderedDict[int, int] = field(default_factory=OrderedDict)

    def fault(self, line: int, reason: str, name: str = "") -> None:
        """Note a bad row by line, column header and reason."""
        self.report.fault(Fault(line, reason, name, self.mapping.header_of(name) if name else ""))

    def remember(self, key: Key, record_id: bytes) -> None:
        """Keep a resolved identity, dropping the oldest beyond the bound."""
        self.resolved[key] = record_id
        if len(self.resolved) > _REMEMBERED:
            self.resolved.popitem(last=False)


def import_batch(run: Run, batch: Sequence[Entry]) -> None:
    """Import one batch; begin again when somebody stored one of its records or changed the keys meanwhile.

    Args:
        run: the import it belongs to; its report is added to.
        batch: entries with different identities.

    Raises:
        AccessRefused: imports were frozen meanwhile (logged); what was stored before stays.
        StorageUnavailable: the database did not answer; nothing of the batch is stored.
    """

    def attempt() -> None:
        """Try once; what does not fit is reported."""
        with reporting(run.parts, run.actor, {}, run.now):
            _attempt(run, batch)

    until_stored(attempt)


def _attempt(run: Run, batch: Sequence[Entry]) -> None:
    parts, now = run.parts, run.now
    # 1. Find what is there already, and what the rows link to.
    with parts.database.read() as connection:
        refuse_frozen(parts, connection, run.actor, Doing.IMPORT, Action.IMPORT_BATCH, now)
        seen = moment(connection)
        store = parts.keys.current(connection)
        tags = _tags(store, [(run.record_class, entry.identity) for entry in batch])
        known = _find(connection, tags)
        usable, faults = _resolve(run, connection, store, batch)
        stored = records.load(connection, {record_id for ids in known.values() for record_id in ids})
        wraps = records.wraps(connection, (one.meta for one in stored.values()))
    # 2. Compare with what is there, by a logged opening.
    fresh, existing = [], []
    for entry in usable:
        candidates = [stored[one] for one in known.get((run.record_class, entry.identity), ()) if one in stored]
        if candidates:
            existing.append((entry, candidates))
        else:
            fresh.append(entry)
    for one in stored.values():
        check(store, one)
    compared = compare(parts, run.actor, store, existing, wraps, lambda entry: _links(run, entry), run.owners, now)
    verdicts = [verdict for verdict in compared if not verdict.somebody_else]
    fresh += [verdict.entry for verdict in compared if verdict.somebody_else]
    changes = [verdict.change for verdict in verdicts if verdict.change is not None]
    # 3. Seal what is new, before the writing turn is taken.
    home = _homes(run, store)
    sealed = [_seal(run, store, home, entry) for entry in fresh]
    # 4. Store, in one transaction with its event.
    if not run.dry_run and (sealed or changes):
        with unit_of_work(parts.database) as work:
            # One person entered twice at once becomes one record: whoever comes second waits, then sees the first.
            record_writes.lock_identities(work.connection, [store.lock_tag(*entry.identity) for entry in fresh])
            if moment(work.connection) != seen and _appeared(work.connection, tags, known):
                raise StorageError("seen_meanwhile")
            _store(run, work, store, sealed, changes)
    for entry, new in zip(fresh, sealed, strict=True):
        if not run.dry_run:
            run.remember((run.record_class, entry.identity), new.meta.record_id)
    for line, reason, name in faults:
        run.fault(line, reason, name)
    _count(run, usable, fresh, verdicts)


def _tags(store: KeyStore, identities: Iterable[Key]) -> dict[bytes, Key]:
    """Return the tags of identities under every live cohort of their class."""
    return {keys.tag(*key[1]): key for key in identities for keys in store.class_keys(key[0])}


def _find(connection: Connection, tags: Mapping[bytes, Key]) -> dict[Key, set[bytes]]:
    """Find records by the tags of their identities; several may have one number on ID papers of different types."""
    found: dict[Key, set[bytes]] = {}
    for tag, ids in records.ids_by_tag(connection, tags).items():
        found.setdefault(tags[tag], set()).update(ids)
    return found


def _appeared(connection: Connection, tags: Mapping[bytes, Key], known: Mapping[Key, set[bytes]]) -> bool:
    """Return whether somebody stored one of these identities since they were looked for."""
    return any(ids - known.get(key, set()) for key, ids in _find(connection, tags).items())


def _resolve(
    run: Run, connection: Connection, store: KeyStore, batch: Sequence[Entry]
) -> tuple[list[Entry], list[tuple[int, str, str]]]:
    """Resolve links and owners; entries whose link leads nowhere are faults (line, reason, field)."""
    wanted = {(_LINK_CLASS[role], identity) for entry in batch for role, identity in entry.links.items()}
    missing = [key for key in wanted if key not in run.resolved]
    for key, ids in _find(connection, _tags(store, missing)).items():
        run.remember(key, min(ids))
    usable, faults = [], []
    for entry in batch:
        lost = [role for role, identity in entry.links.items() if (_LINK_CLASS[role], identity) not in run.resolved]
        if lost:
            faults.append((entry.line, *_LINK_REASONS[lost[0]]))
        elif entry.owner and entry.owner not in run.owners:
            is_service = run.record_class is RecordClass.SERVICE_RECORD
            faults.append((entry.line, *(("unknown_agent", "agent") if is_service else ("unknown_owner", "owner"))))
        else:
            usable.append(entry)
    return usable, faults


def _links(run: Run, entry: Entry) -> tuple[tuple[LinkRole, bytes], ...]:
    return tuple(sorted((role, run.resolved[_LINK_CLASS[role], identity]) for role, identity in entry.links.items()))


def _homes(run: Run, store: KeyStore) -> Callable[[datetime | None], Cohort]:
    """Return what tells the cohort of a record by its expiry; worked out once for each day, not for each row."""
    zone = run.parts.policy.zone
    today = run.now.astimezone(zone).date()
    cohorts = [one for one in store.cohorts() if one.record_class is run.record_class]
    return cache(lambda expiry: home_of(cohorts, run.record_class, expiry, today, zone))


def _seal(run: Run, store: KeyStore, home: Callable[[datetime | None], Cohort], entry: Entry) -> NewRecord:
    policy = run.parts.policy
    expiry = None
    if entry.state is RecordState.SETTLED:
        expiry = expires_at(entry.activity_at, policy.retention[run.record_class].keep(), policy.zone)
    cohort = home(expiry)
    keys = store.keys_of(cohort.key_id)
    places = sorted(entry.values)
    fields = tuple(FieldRef(name, ordinal) for name, ordinal in places)
    meta = RecordMeta(
        record_id=new_id(),
        record_class=run.record_class,
        cohort_id=cohort.key_id,
        owner=run.owners.get(entry.owner),
        outlet=entry.outlet,
        kind=entry.kind,
        state=entry.state,
        held=False,
        activity_at=entry.activity_at,
        expires_at=expiry,
        links=_links(run, entry),
        fields=fields,
    )
    values = entry.values
    wrapped, sealed = keys.seal(meta.record_id, [(ref, values[ref.field, ref.ordinal]) for ref in fields])
    tags = [(kind, ordinal, keys.tag(kind, value)) for kind, ordinal, value in entry.tagged]
    return NewRecord(meta, keys.mac(meta), wrapped, sealed, tags, entry.entered_at, entry.late, entry.notice_missing)


def _store(
    run: Run,
    work: UnitOfWork,
    store: KeyStore,
    sealed: Sequence[NewRecord],
    changes: Sequence[Change],
) -> None:
    connection = work.connection
    touched = [*(one.meta for one in sealed), *(one.meta for one in changes)]
    # A changed record stays under the key it has, which may be about to close: whoever moves it meets its new revision.
    vault_state.require_open(connection, {one.meta.cohort_id for one in sealed}, store.version)
    keep = frozenset(name for name, spec in FIELDS[run.record_class].items() if spec.contact)
    record_writes.store(connection, sealed)
    record_writes.change(connection, changes, keep)
    move_activity(connection, run.parts.policy, store, touched, run.now)
    work.announce(
        run.parts.event(
            run.now,
            run.actor,
            Action.IMPORT_BATCH,
            Outcome.DONE,
            purpose="import",
            # The records by id, with no field: the log shows that each was stored, and grants nothing.
            opened=tuple(Opened(meta.record_id, meta.record_class.value, ()) for meta in touched),
            added=len(sealed),
            updated=len(changes),
            record_class=run.record_class.value,
        )
    )
    work.commit()


# -- the report --------------------------------------------------------------------------------------------------


def _count(run: Run, usable: Sequence[Entry], fresh: Sequence[Entry], verdicts: Sequence[Verdict]) -> None:
    report = run.report
    report.added += len(fresh)
    for verdict in verdicts:
        if verdict.conflict:
            report.conflict(verdict.entry.line)
        elif verdict.change is not None:
            report.updated += 1
        else:
            report.unchanged += 1
    for entry in usable:
        if entry.late:
            report.late_line(entry.line)
        if entry.notice_missing:
            report.missing_notice_line(entry.line)
        for kind, _, value in entry.tagged:
            if kind is IdentifierKind.PHONE and run.record_class is RecordClass.CUSTOMER:
                _warn_same_phone(run, entry.line, value)


def _warn_same_phone(run: Run, line: int, phone: str) -> None:
    # Only a hash that differs from run to run is remembered, and only for the run.
    key = hash(phone)
    earlier = run.phones.get(key)
    if earlier is not None and earlier != line:
        run.report.same_phone(earlier, line, run.mapping.header_of("phone"))
        return
    run.phones[key] = line
    if len(run.phones) > _REMEMBERED:
        run.phones.popitem(last=False)
