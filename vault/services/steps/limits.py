"""Quotas and limits on reading: counted before it is decided, and durable with the event of what was read (UL-04)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from vault.domain.breach.containment import Doing
from vault.domain.breach.signals import OF_LIMITS, Found
from vault.domain.ids import RecordClass, new_id
from vault.domain.limits import SignalKind, judge, threshold
from vault.domain.log import Action, Event, Opened, Outcome, Receipt
from vault.domain.notices import NoticeKind
from vault.domain.people import Person
from vault.domain.records import LinkRole, RecordMeta
from vault.errors import AccessRefused, LogUnavailable, StorageUnavailable
from vault.services.steps.breach.containing import hindrance
from vault.services.steps.breach.signals import raise_signal
from vault.services.steps.parts import Parts
from vault.storage import disclosures, notifications, signals, supervision
from vault.storage.breach import incident_signals
from vault.storage.disclosures import ASK, LOOKUP, MISS, REVEAL, SEARCH, Bound
from vault.storage.group_commit import Rows
from vault.storage.tables import disclosures as disclosures_table
from vault.storage.unit_of_work import UnitOfWork, unit_of_work

_RAISED = {
    SignalKind.WARNED: (Action.LIMIT_WARNED, NoticeKind.LIMIT_WARNED),
    SignalKind.ALARMED: (Action.LIMIT_ALARMED, NoticeKind.LIMIT_ALARMED),
    SignalKind.MISSES: (Action.LIMIT_WARNED, NoticeKind.LIMIT_WARNED),
    SignalKind.FORBIDDEN: (Action.LIMIT_WARNED, NoticeKind.FORBIDDEN_PURPOSE),
}
_READ = {SignalKind.WARNED: REVEAL, SignalKind.ALARMED: REVEAL, SignalKind.MISSES: MISS}
"""What of somebody's reading is the evidence of a signal."""

_HOUR = timedelta(hours=1)


def write_look_up(parts: Parts, person: Person, event: Event, rows: Rows, now: datetime, *, found: bool) -> Receipt:
    """Count a look-up and make its event durable, or refuse it, in the commit that many share.

    It is judged where it is written, and all look-ups of one person take turns there: as many as they are allowed are
    answered, however many run at the very same moment.

    Args:
        parts: the vault's parts.
        person: who looks up.
        event: of the look-up, decided by every other rule.
        rows: the case it opens or continues.
        now: UTC.
        found: it shows something.

    Returns:
        The receipt for what the event announced.

    Raises:
        AccessRefused: ``quota_lookups``; logged.
        LogUnavailable: the event could not be made durable; nothing may be shown.
    """
    rule = "quota_lookups"
    quota = parts.policy.limits.quotas.get(person.role)
    hour, day = (quota.lookups_hour, quota.lookups_day) if quota else (0, 0)
    refusal = parts.event(now, person.actor(), Action.LOOKUP, Outcome.REFUSED, purpose=event.purpose, rule=rule)
    counted = {disclosures_table: [_row(person, event.event_id, event.at, LOOKUP if found else MISS, None)]}
    bound = Bound(person.account_id, now, hour, day, refusal)
    receipt = parts.log_writer.write(event, {**rows, **counted}, bound)
    if receipt.event_id != event.event_id:
        raise AccessRefused(rule)
    return receipt


def note_miss(parts: Parts, person: Person, now: datetime) -> None:
    """Raise a signal when look-ups that show nothing pile up: probing, or a list that is tried out.

    A refusal and a miss are the same here, and nobody but the supervisors learns of it. Whichever of several at the
    very same moment comes last sees them all.

    Args:
        parts: the vault's parts.
        person: who looked up, and was shown nothing.
        now: UTC.
    """
    limit = parts.policy.limits.misses_hour
    with parts.database.read() as connection:
        if disclosures.how_many(connection, person.account_id, MISS, now) < limit:
            return
    with unit_of_work(parts.database) as work:
        disclosures.take_turn(work.connection, person.account_id)
        standing = signals.open_of(work.connection, [person.account_id], now - _HOUR)
        if all(one.kind is not SignalKind.MISSES for one in standing):
            misses = disclosures.how_many(work.connection, person.account_id, MISS, now)
            _raise_signal(parts, work, person, SignalKind.MISSES, misses, now - _HOUR, now)
            work.commit()


def refuse_forbidden(parts: Parts, person: Person, refusal: Event, now: datetime) -> None:
    """Log that somebody chose a forbidden purpose, and raise a signal: supervisors are told of the first of the day.

    Args:
        parts: the vault's parts.
        person: who chose it.
        refusal: the event of the refusal.
        now: UTC.

    Raises:
        LogUnavailable: neither could be made durable.
    """
    midnight = now.astimezone(parts.policy.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        with unit_of_work(parts.database) as work:
            disclosures.take_turn(work.connection, person.account_id)
            # One raised at midnight itself is of today.
            today = signals.open_of(work.connection, [person.account_id], midnight - timedelta(microseconds=1))
            standing = next((one for one in today if one.kind is SignalKind.FORBIDDEN), None)
            work.announce(refusal)
            if standing is None:
                _raise_signal(parts, work, person, SignalKind.FORBIDDEN, 1, midnight, now, (refusal.event_id,))
            else:
                signals.count_on(work.connection, standing.signal_id)
            work.commit()
    except StorageUnavailable as error:
        raise LogUnavailable("log_not_written") from error
    parts.noted(refusal)


def count_ask(parts: Parts, person: Person, purpose: str, case: bytes, now: datetime) -> None:
    """Count a request for access before anything is looked for; see :func:`_count`.

    Raises:
        AccessRefused: ``quota_asks``; logged.
    """
    rule = "quota_asks"
    refusal = parts.event(now, person.actor(), Action.ASK, Outcome.REFUSED, purpose=purpose, case=case, rule=rule)
    if not _count(parts, person, ASK, parts.policy.limits.asks_hour, refusal, now):
        raise AccessRefused(rule)


def count_search(parts: Parts, person: Person, now: datetime) -> None:
    """Count a search of the log by number before anything is looked for; see :func:`_count`.

    Raises:
        AccessRefused: ``quota_searches``; logged.
    """
    rule = "quota_searches"
    refusal = parts.event(now, person.actor(), Action.LOG_SEARCH, Outcome.REFUSED, rule=rule)
    if not _count(parts, person, SEARCH, parts.policy.limits.searches_hour, refusal, now):
        raise AccessRefused(rule)


def write_reveal(parts: Parts, person: Person, event: Event, customer: bytes, now: datetime) -> Receipt:
    """Count a reveal and make its event durable, or refuse it; all of one person's reveals take turns here.

    Args:
        parts: the vault's parts.
        person: who reveals.
        event: of the reveal, granted by every other rule.
        customer: whose it is.
        now: UTC.

    Returns:
        The receipt for what the event announced.

    Raises:
        AccessRefused: ``reveals_frozen``, ``quota_reveals``, or after the alarm ``limit_alarm``; logged.
        LogUnavailable: the event could not be made durable; nothing may be shown.
    """
    try:
        with unit_of_work(parts.database) as work:
            disclosures.take_turn(work.connection, person.account_id)
            # Asked where the reveal is written: a freeze that was committed by now is in force for it.
            rule = hindrance(work.connection, Doing.REVEAL) or _over_quota(parts, work, person, now)
            rule = rule or _over_limit(parts, work, person, customer, now)
            if rule:
                work.announce(_refusal(event, rule))
                work.commit()
                raise AccessRefused(rule)
            work.connection.execute(
                disclosures_table.insert(), [_row(person, event.event_id, event.at, REVEAL, customer)]
            )
            work.announce(event)
            receipt = work.commit()[-1]
    except StorageUnavailable as error:
        raise LogUnavailable("log_not_written") from error
    parts.noted(event)
    return receipt


def write_call(parts: Parts, person: Person, event: Event, now: datetime) -> Receipt:
    """Count a number that is opened to warn its customer of a breach, and make its event durable; nothing refuses it.

    It counts as a reveal, towards the quota, the warning and the alarm. Neither they nor a freeze of reveals stop it:
    whoever tells customers of a breach must not be held up by what guards against the next one.

    Args:
        parts: the vault's parts.
        person: who calls.
        event: of the opening; one that opens no customer, as in a drill, counts nothing.
        now: UTC.

    Returns:
        The receipt for what the event announced.

    Raises:
        LogUnavailable: the event could not be made durable; nothing may be shown.
    """
    if not event.opened:
        return parts.log_writer.write(event)
    customer = event.opened[0].record_id
    try:
        with unit_of_work(parts.database) as work:
            disclosures.take_turn(work.connection, person.account_id)
            _over_limit(parts, work, person, customer, now)
            row = _row(person, event.event_id, event.at, REVEAL, customer)
            work.connection.execute(disclosures_table.insert(), [row])
            work.announce(event)
            receipt = work.commit()[-1]
    except StorageUnavailable as error:
        raise LogUnavailable("log_not_written") from error
    parts.noted(event)
    return receipt


def customer_of(meta: RecordMeta, in_scope: dict[bytes, str]) -> bytes:
    """Return the customer who counts as revealed with a record: itself, else the recipient, the sender, the caller.

    Args:
        meta: of the record.
        in_scope: the customers by whom the record is in scope; not empty.
    """
    if meta.record_class is RecordClass.CUSTOMER:
        return meta.record_id
    linked = (meta.linked(role) for role in (LinkRole.RECIPIENT, LinkRole.SENDER, LinkRole.CUSTOMER))
    return next(one for one in linked if one is not None and one in in_scope)


def _count(parts: Parts, person: Person, kind: str, most: int, refusal: Event, now: datetime) -> bool:
    """Count one more of a kind and return whether it is within the hour's limit; else its refusal is logged.

    All that one person does of it takes turns here, so the limit is exact however many come at once.

    Raises:
        LogUnavailable: nothing could be written.
    """
    try:
        with unit_of_work(parts.database) as work:
            disclosures.take_turn(work.connection, person.account_id)
            within = disclosures.how_many(work.connection, person.account_id, kind, now) < most
            if within:
                row = _row(person, new_id(), now, kind, None)
                work.connection.execute(disclosures_table.insert(), [row])
            else:
                work.announce(refusal)
            work.commit()
    except StorageUnavailable as error:
        raise LogUnavailable("log_not_written") from error
    if not within:
        parts.noted(refusal)
    return within


def _over_quota(parts: Parts, work: UnitOfWork, person: Person, now: datetime) -> str:
    quota = parts.policy.limits.quotas.get(person.role)
    before = disclosures.reading(work.connection, person.account_id, now)
    within = quota and before.reveals_hour < quota.reveals_hour and before.reveals_day < quota.reveals_day
    return "" if within else "quota_reveals"


def _over_limit(parts: Parts, work: UnitOfWork, person: Person, customer: bytes, now: datetime) -> str:
    policy, connection = parts.policy.limits, work.connection
    since = now - policy.window()
    released = signals.last_release(connection, person.account_id)
    since = max(since, released) if released else since
    revealed = disclosures.revealed_customers(connection, person.account_id, since)
    raised = {one.kind for one in signals.open_of(connection, [person.account_id], since)}
    judged = judge(policy, revealed, customer, raised, now)
    if judged.signal is not None:
        _raise_signal(parts, work, person, judged.signal, judged.count, since, now)
    return "limit_alarm" if judged.refused else ""


def _raise_signal(
    parts: Parts,
    work: UnitOfWork,
    person: Person,
    kind: SignalKind,
    count: int,
    since: datetime,
    now: datetime,
    events: tuple[bytes, ...] = (),
) -> None:
    """Write the signal, tell the person's supervisors, and let it lead to what policies/signals.toml says."""
    action, notice = _RAISED[kind]
    signal_id = signals.add(work.connection, person.account_id, kind, count, now)
    told = supervision.supervisors_of(work.connection, person.account_id)
    notifications.add(work.connection, told, notice, signal_id, now)
    rule = parts.policy.limits.id
    work.announce(parts.event(now, person.actor(), action, Outcome.DONE, rule=rule, kind=kind.value, count=count))
    first: datetime | None = None
    if kind in _READ:
        most = parts.policy.signals.evidence_events
        first, events = incident_signals.read_by(work.connection, person.account_id, _READ[kind], since, most)
    least, began = threshold(parts.policy.limits, kind), first or now
    found = Found(OF_LIMITS[kind], count, least, began, now, person.account_id, "", events, signal_id)
    raise_signal(parts, work, found, now)


def _refusal(event: Event, rule: str) -> Event:
    opened = tuple(Opened(one.record_id, one.record_class, ()) for one in event.opened)
    return replace(event, outcome=Outcome.REFUSED, rule=rule, opened=opened)


def _row(person: Person, row_id: bytes, at: datetime, kind: str, customer: bytes | None) -> dict[str, object]:
    return {
        "disclosure_id": row_id,
        "account_id": person.account_id,
        "at": at,
        "kind": kind,
        "record_id": customer,
    }
