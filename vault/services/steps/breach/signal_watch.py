"""Looking for signals in what was logged: single events, refusals in series, and storms of failed sign-ins.

Each look begins where the last one ended, by what is stored: a missed one is only late, and so many within so long are
found wherever they lie in what was not looked at yet. First it only reads; inside the writing turn of a signal it asks
whether anybody has told it meanwhile, so that of several processes one raises it.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from vault.domain.breach.signals import OF_EVENTS, Found, Seen, Series
from vault.domain.log import Outcome
from vault.domain.rules.signals import COUNTED, SignalName, SignalRule
from vault.domain.throttling import source_of
from vault.services.steps.breach.signals import raise_signal, subject_of
from vault.services.steps.parts import Parts
from vault.storage import log_watch, people
from vault.storage.breach import incident_signals
from vault.storage.breach.incident_signals import Turn
from vault.storage.unit_of_work import unit_of_work

_FIRST_LOOK = timedelta(days=7)
"""How far back a vault looks that has never looked: it may just have got its signals."""

_FAILED_SIGN_INS = ("role:none", f"outcome:{Outcome.REFUSED.value}")
"""Terms of every failed proof of who somebody is, slowed down or not."""


@dataclass(frozen=True, slots=True)
class _Watched:
    """What is looked at for one signal about one subject.

    Args:
        name: the signal.
        account_id: whose acts they are, if anybody's.
        source: network address they come from, or empty.
        told: events in so many places of the log were looked at when a signal told of them; they count no more.
        series: those that come thick.
    """

    name: SignalName
    account_id: bytes | None
    source: str
    told: int
    series: Series

    def add(self, one: Seen) -> None:
        """Look at the next event."""
        if one.leaf_index >= self.told:
            self.series.add(one)


def events(parts: Parts, name: SignalName, now: datetime) -> int:
    """Raise a signal for the new events of the log that are one, all at once.

    What only finds again what was told before is none: an altered entry stays altered, and is told once.

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
        told = [one for one in seen if not one.is_known]
        if told:
            raise_signal(parts, work, _found(parts, name, told, 1), now)
        if seen:
            behind = max(one.leaf_index for one in seen)
            incident_signals.set_turn(work.connection, name, "", leaf_index=behind + 1)
        work.commit()
    return int(bool(told))


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
        since = _since(connection, SignalName.PROBING, rule, now)
        counts = log_watch.refusals(connection, since)
    return sum(_probing(parts, number, since, now) for number, count in sorted(counts.items()) if count >= rule.count)


def storms(parts: Parts, now: datetime) -> int:
    """Raise a signal for each source, and each account, at which so many sign-ins failed within so long.

    An account counts when its failures come from several sources; those from one are a storm of that source.

    Args:
        parts: the vault's parts.
        now: UTC.

    Returns:
        How many signals were raised.
    """
    name = SignalName.SIGN_IN_STORM
    rule = parts.policy.signals.signals[name]
    by_source, by_number = Counter[str](), Counter[str]()
    sources_of: dict[str, set[str]] = defaultdict(set)
    with parts.database.read() as connection:
        since = _since(connection, name, rule, now)
        for one in log_watch.events(connection, _FAILED_SIGN_INS, since):
            source = source_of(one.source)
            by_source[source] += 1
            by_number[one.actor] += 1
            sources_of[one.actor].add(source)
        sources = [one for one, count in by_source.items() if count >= rule.count]
        spread = [one for one, count in by_number.items() if count >= rule.count and len(sources_of[one]) > 1]
        at_source = {one: _watched(parts, connection, name, source=one) for one in sources}
        at_account = {one: _watched(parts, connection, name, number=one) for one in spread}
        for one in log_watch.events(connection, _FAILED_SIGN_INS, since) if sources or spread else ():
            for watched in (at_source.get(source_of(one.source)), at_account.get(one.actor)):
                if watched is not None:
                    watched.add(one)
    known = (one for one in at_account.values() if one.account_id is not None)
    return sum(_raise(parts, one, now) for one in (*at_source.values(), *known))


def looked(connection: Connection, now: datetime) -> None:
    """Keep how far was looked: the next look begins there, with a window before it for what came in late.

    Args:
        connection: inside a writing transaction.
        now: of the look, UTC; a clock that was set back takes the mark with it.
    """
    for name in COUNTED:
        incident_signals.take_turn(connection, name, "", now)
        incident_signals.set_turn(connection, name, "", told_until=now)


def _new(connection: Connection, name: SignalName, turn: Turn) -> list[Seen]:
    """Return the events behind what was looked at; when they happened by their own clock does not matter."""
    found: list[Seen] = []
    for action, outcome in OF_EVENTS[name]:
        terms = [f"action:{action.value}", f"outcome:{outcome.value}"]
        if outcome is Outcome.FAILED:  # of both the rarer one
            terms.reverse()
        found += log_watch.events(connection, terms, turn.told_until, turn.leaf_index - 1)
    return found


def _probing(parts: Parts, number: str, since: datetime, now: datetime) -> int:
    with parts.database.read() as connection:
        watched = _watched(parts, connection, SignalName.PROBING, number=number)
        streams = (
            log_watch.events(connection, [f"actor+outcome:{number} {outcome.value}"], since)
            for outcome in (Outcome.REFUSED, Outcome.MISS)
        )
        for one in heapq.merge(*streams, key=lambda seen: (seen.at, seen.leaf_index)):
            if one.session:  # a stranger who fails to sign in under somebody's number is not that person
                watched.add(one)
    return _raise(parts, watched, now)


def _since(connection: Connection, name: SignalName, rule: SignalRule, now: datetime) -> datetime:
    """Return from when on is looked: a window before the end of the last look, however long ago that was."""
    turn = incident_signals.turn(connection, name, "")
    return (now - _FIRST_LOOK if turn is None else min(turn.told_until, now)) - rule.window()


def _watched(parts: Parts, connection: Connection, name: SignalName, *, number: str = "", source: str = "") -> _Watched:
    """Begin to look for a signal about a person, or a source of addresses."""
    account = people.by_work_number(connection, number) if number else None
    account_id = None if account is None else account.account_id
    turn = incident_signals.turn(connection, name, subject_of(account_id, source))
    rule = parts.policy.signals.signals[name]
    series = Series(rule.count, rule.window(), parts.policy.signals.evidence_events)
    return _Watched(name, account_id, source, 0 if turn is None else turn.leaf_index, series)


def _raise(parts: Parts, watched: _Watched, now: datetime) -> int:
    """Raise what was found, unless another process told it since it was read."""
    name = watched.name
    found = watched.series.found(name, watched.account_id, watched.source)
    if found is None:
        return 0
    subject = subject_of(watched.account_id, watched.source)
    with unit_of_work(parts.database) as work:
        if incident_signals.take_turn(work.connection, name, subject, now).leaf_index != watched.told:
            return 0
        raise_signal(parts, work, found, now)
        incident_signals.set_turn(work.connection, name, subject, leaf_index=watched.series.places)
        work.commit()
    return 1


def _found(parts: Parts, name: SignalName, seen: Sequence[Seen], threshold: int) -> Found:
    ordered = sorted(seen, key=lambda one: (one.at, one.leaf_index))
    ids = tuple(one.event_id for one in ordered[-parts.policy.signals.evidence_events :])
    return Found(name, len(ordered), threshold, ordered[0].at, ordered[-1].at, events=ids)
