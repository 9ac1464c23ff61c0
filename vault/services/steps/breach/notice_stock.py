"""Steps of writing down what runs of notices did: one line of the timeline a run, also for one that was killed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from vault.domain.breach.breach_notices import RecipientState
from vault.domain.log import Action, Actor
from vault.services.steps.breach import incidents as steps
from vault.services.steps.breach import noticing
from vault.services.steps.parts import Parts
from vault.storage.breach import notice_recipients, notice_runs
from vault.storage.breach.breach_notices import Campaign
from vault.storage.unit_of_work import UnitOfWork, unit_of_work

_PORTION = 5_000
"""So many customers at once are let go of: 200,000 took PostgreSQL eight seconds, longer than any answer may take."""

_NOT_TOLD = (RecipientState.FAILED, RecipientState.UNREACHABLE, RecipientState.UNREACHABLE_DESTROYED)


def of_run(parts: Parts, actor: Actor, campaign: Campaign, workers: Iterable[bytes], again: int, now: datetime) -> None:
    """Let go of whom a run has not come to, and write down what it did.

    Args:
        parts: the vault's parts.
        actor: who ran it.
        campaign: the campaign.
        workers: ids of its senders.
        again: how many tries came to nothing yet, and are made again later.
        now: UTC.
    """
    left = list(workers)
    with unit_of_work(parts.database) as work:
        for worker in left:
            notice_recipients.put_back(work.connection, campaign.campaign_id, worker)
        done = Counter({RecipientState.WAITING: again}) + _portion(work, campaign, left)
        _enter(parts, work, actor, campaign, done, now)
        work.commit()
    _enter_the_rest(parts, actor, campaign, left, now)


def of_runs_cut_short(parts: Parts, actor: Actor, campaign: Campaign, stale: datetime, now: datetime) -> int:
    """Write down what runs did that were cut short: what they had settled bears their ids.

    What they were sending is in doubt from now on: nobody knows whether it arrived.

    Args:
        parts: the vault's parts.
        actor: who found it.
        campaign: the campaign.
        stale: a run that was not heard of since is cut short, UTC.
        now: UTC.

    Returns:
        How many are in doubt now who were not before.
    """
    with unit_of_work(parts.database) as work:
        lost = notice_recipients.doubt(work.connection, campaign.campaign_id, stale, now)
        left = notice_runs.cut_short(work.connection, campaign.campaign_id, stale)
        done = Counter({RecipientState.UNKNOWN: lost}) + _portion(work, campaign, left)
        _enter(parts, work, actor, campaign, done, now, mode="interrupted")
        work.commit()
    _enter_the_rest(parts, actor, campaign, left, now, mode="interrupted")
    return lost


def _enter_the_rest(
    parts: Parts, actor: Actor, campaign: Campaign, left: list[bytes], now: datetime, mode: str = ""
) -> None:
    """Enter what runs of many customers did, portion by portion, each with a line of its own."""
    while left:
        with unit_of_work(parts.database) as work:
            done = _portion(work, campaign, left)
            _enter(parts, work, actor, campaign, done, now, mode)
            work.commit()


def _portion(work: UnitOfWork, campaign: Campaign, left: list[bytes]) -> Counter[RecipientState]:
    """Count a portion of what runs did, which a statement lets go of in time; who is through leaves the list."""
    done: Counter[RecipientState] = Counter()
    while left and (room := _PORTION - done.total()) > 0:
        some = notice_runs.take_stock(work.connection, campaign.campaign_id, left[0], room)
        done += some
        if some.total() < room:
            left.pop(0)
    return done


def _enter(
    parts: Parts,
    work: UnitOfWork,
    actor: Actor,
    campaign: Campaign,
    done: Counter[RecipientState],
    now: datetime,
    mode: str = "",
) -> None:
    """Enter one line: not one for each message, which the log has; none where nothing came of it."""
    said: dict[str, Any] = {
        "sent": done[RecipientState.SENT],
        "unknown": done[RecipientState.UNKNOWN],
        "failed": sum(done[state] for state in _NOT_TOLD),
        "waiting": done[RecipientState.WAITING],
    }
    if not any(said.values()):
        return
    said |= {"mode": mode} if mode else {}
    event = noticing.event(parts, now, actor, Action.NOTICE_SENT, campaign, **said)
    steps.enter(parts, work, campaign.incident_id, event)
