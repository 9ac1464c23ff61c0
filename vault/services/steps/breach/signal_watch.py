"""Looking for signals in what was logged: single events, refusals in series, and storms of failed sign-ins.

Each look begins where the last one ended, by what is stored: a missed one is only late. First it only reads; what it
finds is found again inside the writing turn of that signal, so that of several processes one raises it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from vault.domain.breach.signals import OF_EVENTS, Found
from vault.domain.log import Outcome
from vault.domain.rules.signals import SignalName, SignalRule
from vault.domain.throttling import source_of
from vault.services.steps.breach.signals import raise_signal, subject_of
from vault.services.steps.parts import Parts
from vault.storage import log_watch, people
from vault.storage.breach import incident_signals
from vault.storage.breach.incident_signals import Turn
from vault.storage.log_watch import Seen
from vault.storage.unit_of_work import unit_of_work

_FIRST_LOOK = timedelta(days=7)
"""How far back a vault looks that has never looked: it may just have got its signals."""

_MICROSECOND = timedelta(microseconds=1)
_UNKNOWN = "unknown"
_FAILED_SIGN_INS = ("role:none", f"outcome:{Outcome.REFUSED.value}")
"""Terms of every failed proof of who somebody is, slowed down or not."""

_MOST_READ = 20_000
"""Of a storm so many are looked at; by then there is no doubt."""


def events(parts: Parts, name: SignalName, now: datetime) -> int:
    """Raise a signal for the new events of the log that are one, all at once.

    Args:
        parts: the vault's parts.
        name: one of :data:`vault.domain.breach.signals.OF_EVENTS`.
        now: UTC.

    Returns:
        How many signals were raised.
    """
    with parts.database.read() as connection:
        turn = incident_signals.turn(connection, name, "")
        if turn is not None and not _new(connection, name, turn):
            return 0
    with unit_of_work(parts.database) as work:
        turn = incident_signals.take_turn(work.connection, name, "", now - _FIRST_LOOK)
        seen = _new(work.connection, name, turn)
        if seen:
            raise_signal(parts, work, _found(parts, name, seen, 1), now)
            behind = max(one.leaf_index for one in seen)
            incident_signals.set_turn(work.connection, name, "", leaf_index=behind + 1)
        work.commit()
    return int(bool(seen))


def probing(parts: Parts, now: datetime) -> int:
    """Raise a signal for each person who was refused, or found nothing, so often within so long.

    Args:
        parts: the vault's parts.
        now: UTC.

    Returns:
        How many signals were raised.
    """
    rule = parts.policy.signals.signals[SignalName.PROBING]
    with parts.database.read() as connection:
        counts = log_watch.refusals(connection, now - rule.window())
    return sum(_probing(parts, rule, number, now) for number, count in sorted(counts.items()) if count >= rule.count)


def storms(parts: Parts, now: datetime) -> int:
    """Raise a signal for each source, and each account, at which so many sign-ins failed within so long.

    An account counts when its failures come from several sources; those from one are a storm of that source.

    Args:
        parts: the vault's parts.
        now: UTC.

    Returns:
        How many signals were raised.
    """
    rule = parts.policy.signals.signals[SignalName.SIGN_IN_STORM]
    with parts.database.read() as connection:
        failed = log_watch.events(connection, _FAILED_SIGN_INS, now - rule.window(), most=_MOST_READ)
    if len(failed) < rule.count:
        return 0
    by_source: dict[str, int] = defaultdict(int)
    sources_of: dict[str, set[str]] = defaultdict(set)
    for one in failed:
        by_source[source_of(one.source)] += 1
        sources_of[one.actor].add(source_of(one.source))
    raised = sum(_storm(parts, rule, now, source=one) for one, count in by_source.items() if count >= rule.count)
    spread = [one for one, sources in sources_of.items() if one != _UNKNOWN and len(sources) > 1]
    return raised + sum(_storm(parts, rule, now, number=one) for one in spread)


def _new(connection: Connection, name: SignalName, turn: Turn) -> list[Seen]:
    """Return the events behind what was looked at; when they happened by their own clock does not matter."""
    found: list[Seen] = []
    for action, outcome in OF_EVENTS[name]:
        terms = [f"action:{action.value}", f"outcome:{outcome.value}"]
        if outcome is Outcome.FAILED:  # of both the rarer one
            terms.reverse()
        found += log_watch.events(connection, terms, turn.told_until, turn.leaf_index - 1)
    return found


def _probing(parts: Parts, rule: SignalRule, number: str, now: datetime) -> int:
    begin, name = now - rule.window(), SignalName.PROBING
    with parts.database.read() as connection:
        account = people.by_work_number(connection, number)
        if account is None:
            return 0
        subject = subject_of(account.account_id)
        if len(_refused(connection, number, begin, incident_signals.turn(connection, name, subject))) < rule.count:
            return 0
    with unit_of_work(parts.database) as work:
        turn = incident_signals.take_turn(work.connection, name, subject, begin - _MICROSECOND)
        seen = _refused(work.connection, number, begin, turn)
        if len(seen) < rule.count:
            return 0
        raise_signal(parts, work, _found(parts, name, seen, rule.count, account_id=account.account_id), now)
        incident_signals.set_turn(work.connection, name, subject, told_until=max(one.at for one in seen))
        work.commit()
    return 1


def _refused(connection: Connection, number: str, begin: datetime, turn: Turn | None) -> list[Seen]:
    """Return what a signed-in person was refused, or did not find, and what no signal has told yet."""
    since = _from(begin, turn)
    return [
        one
        for outcome in (Outcome.REFUSED, Outcome.MISS)
        for one in log_watch.events(connection, [f"actor+outcome:{number} {outcome.value}"], since)
        if one.session  # a stranger who fails to sign in under somebody's number is not that person
    ]


def _storm(parts: Parts, rule: SignalRule, now: datetime, *, source: str = "", number: str = "") -> int:
    begin, name = now - rule.window(), SignalName.SIGN_IN_STORM
    with unit_of_work(parts.database) as work:
        account = people.by_work_number(work.connection, number) if number else None
        account_id = None if account is None else account.account_id
        subject = subject_of(account_id, source)
        since = _from(begin, incident_signals.take_turn(work.connection, name, subject, begin - _MICROSECOND))
        seen = [
            one
            for one in log_watch.events(work.connection, _FAILED_SIGN_INS, since, most=_MOST_READ)
            if (one.actor == number if number else source_of(one.source) == source)
        ]
        if len(seen) < rule.count:
            return 0
        raise_signal(parts, work, _found(parts, name, seen, rule.count, account_id=account_id, source=source), now)
        incident_signals.set_turn(work.connection, name, subject, told_until=max(one.at for one in seen))
        work.commit()
    return 1


def _from(begin: datetime, turn: Turn | None) -> datetime:
    return begin if turn is None else max(begin, turn.told_until + _MICROSECOND)


def _found(
    parts: Parts,
    name: SignalName,
    seen: Sequence[Seen],
    threshold: int,
    *,
    account_id: bytes | None = None,
    source: str = "",
) -> Found:
    ordered = sorted(seen, key=lambda one: (one.at, one.leaf_index))
    ids = tuple(one.event_id for one in ordered[-parts.policy.signals.evidence_events :])
    return Found(name, len(ordered), threshold, ordered[0].at, ordered[-1].at, account_id, source, ids)
