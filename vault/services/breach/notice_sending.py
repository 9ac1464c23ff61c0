"""Sending released notices: one effective notice for each customer, resumable after any kill.

A run sets a small batch of customers aside, discloses their contacts with one event, opens them in memory, and then
claims each one singly right before its message goes out. What became of it is written in the same transaction as the
next claim, so that a kill leaves one customer of each sender in doubt and never sends to anybody twice by itself.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from vault.crypto.key_store import KeyStore
from vault.domain.breach.breach_notices import CampaignState, Channel, RecipientState
from vault.domain.breach.incidents import Incident
from vault.domain.ids import new_id
from vault.domain.log import Action, Actor, Outcome, Receipt
from vault.domain.people import Person
from vault.errors import AlreadyDecided, IntegrityError, VaultError
from vault.services.steps.breach import incidents as steps
from vault.services.steps.breach import notice_contacts, notice_stock, noticing
from vault.services.steps.breach.notice_contacts import INSTEAD, Gathered
from vault.services.steps.parts import Parts
from vault.storage.breach import breach_notices, notice_recipients
from vault.storage.breach.breach_notices import Campaign
from vault.storage.breach.notice_recipients import Recipient, Settled
from vault.storage.mail import Fate, Sent, Session
from vault.storage.mail_letters import Letter
from vault.storage.unit_of_work import unit_of_work

Progress = Callable[[int, int], None]
"""Told how many customers are settled, and how many there are."""

TOO_OFTEN = "too_often"
"""Why a message is given up: there is no other try."""
_REQUEST_SECONDS = 4.0
_JOB_SECONDS = 8.0
"""So long the timetable is at it in one go."""
_STATES = {
    Fate.SENT: RecipientState.SENT,
    Fate.REFUSED: RecipientState.FAILED,
    Fate.UNKNOWN: RecipientState.UNKNOWN,
}
_CHANNELS = (Channel.MAIL, Channel.SINK)
"""Ways on which the vault itself sends."""


@dataclass(slots=True)
class Ran:
    """What a run did.

    Args:
        counts: how many customers came to which state; ``waiting`` are those that are tried again later.
        server_away: the mail server did not answer, or wants no letter of ours: the rest waits.
    """

    counts: Counter[RecipientState] = field(default_factory=Counter)
    server_away: bool = False

    def add(self, other: Ran) -> None:
        """Add what another run did."""
        self.counts.update(other.counts)
        self.server_away |= other.server_away


@dataclass(frozen=True, slots=True)
class _Run:
    """One run over one campaign: who runs it, and what its letters have in common."""

    parts: Parts
    actor: Actor
    campaign: Campaign
    incident: Incident
    texts: Mapping[str, Mapping[str, str]]
    worker: bytes
    clock: Callable[[], datetime]

    @property
    def campaign_id(self) -> bytes:
        """Return which campaign it is."""
        return self.campaign.campaign_id

    def stale(self) -> datetime:
        """Return since when an unfinished letter counts as left behind by a run that died."""
        return self.clock() - self.parts.policy.breach_notices.lease()


@dataclass(frozen=True, slots=True)
class _Batch:
    """Customers set aside for a run, and the right to open their contacts."""

    recipients: list[Recipient]
    gathered: Gathered
    receipt: Receipt
    store: KeyStore


def tend(parts: Parts, now: datetime) -> None:
    """Send what was released, for a while; the timetable does it every half minute."""
    begun = time.monotonic()
    with parts.database.read() as connection:
        waiting = breach_notices.with_work(connection)
    actor = Actor("system", "system", node=parts.node)
    fault: VaultError | None = None
    for campaign in waiting:
        spent = time.monotonic() - begun
        if spent > _JOB_SECONDS:
            break
        at = now + timedelta(seconds=spent)
        try:
            _send(parts, actor, campaign, at, None, lambda: time.monotonic() - begun > _JOB_SECONDS)
        except VaultError as error:  # what is wrong with one campaign keeps no other from being sent
            fault = fault or error
    if fault is not None:
        raise fault


def run(
    parts: Parts,
    person: Person,
    incident_id: bytes,
    now: datetime,
    *,
    progress: Progress | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Ran:
    """Send what was released for an incident, until nothing is left to try now.

    Args:
        parts: the vault's parts.
        person: an officer.
        incident_id: the incident.
        now: UTC, as the run begins; how long it takes is added.
        progress: told after each batch.
        stop: asked before each message.

    Raises:
        AccessRefused: ``no_right``; logged.
        AlreadyDecided: ``incident_closed``; ``notice_not_released``: there is nothing to send.
        NotFound: there is no such incident.
    """
    steps.officer(parts, person, Action.NOTICE_SENT, now, incident_id)
    with parts.database.read() as connection:
        if steps.matter(connection, incident_id).is_closed:
            raise AlreadyDecided("incident_closed")
        campaigns = breach_notices.of_incident(connection, incident_id)
    released = [one for one in campaigns if one.state is CampaignState.RELEASED]
    if not released:
        raise AlreadyDecided("notice_not_released")
    ran, begun = Ran(), time.monotonic()
    for campaign in released:
        at = now + timedelta(seconds=time.monotonic() - begun)
        one = _send(parts, person.actor(), campaign, at, progress, stop)
        ran.add(one)
    return ran


def run_for_a_moment(parts: Parts, person: Person, incident_id: bytes, now: datetime) -> Ran:
    """Send within a request instead of waiting for the timetable, which goes on with it; else like :func:`run`."""
    begun = time.monotonic()
    return run(parts, person, incident_id, now, stop=lambda: time.monotonic() - begun > _REQUEST_SECONDS)


# -- one campaign --------------------------------------------------------------------------------------------------


def _send(
    parts: Parts,
    actor: Actor,
    campaign: Campaign,
    now: datetime,
    progress: Progress | None,
    stop: Callable[[], bool],
) -> Ran:
    begun = time.monotonic()

    def clock() -> datetime:
        """Return the present of this run: its beginning, and the time that has passed since."""
        return now + timedelta(seconds=time.monotonic() - begun)

    with parts.database.read() as connection:
        incident = steps.matter(connection, campaign.incident_id)
        texts = noticing.texts_of(parts.keys.current(connection), campaign)
        states = notice_recipients.counts(connection, campaign.campaign_id)
    this = _Run(parts, actor, campaign, incident, texts, new_id(), clock)
    lost = notice_stock.of_runs_cut_short(parts, actor, campaign, this.stale(), clock())
    total = sum(states.values())
    waiting = sum(count for (_, state), count in states.items() if state is RecipientState.WAITING)
    rules = parts.policy.breach_notices
    # Each sender has a connection and a claim of its own: while one waits for the server, another one writes.
    senders = max(1, min(rules.senders, waiting // rules.batch))
    runs = [(replace(this, worker=new_id()), Ran()) for _ in range(senders)]
    told = _told(progress, [ran for _, ran in runs], total - waiting, total)
    try:
        if senders == 1:
            _sender(*runs[0], stop, told)
        else:
            with ThreadPoolExecutor(senders, "notices") as pool:
                for done in [pool.submit(_sender, one, ran, stop, told) for one, ran in runs]:
                    done.result()
    finally:
        again = sum(ran.counts[RecipientState.WAITING] for _, ran in runs)
        notice_stock.of_run(parts, actor, campaign, [one.worker for one, _ in runs], again, clock())
    whole = Ran(Counter({RecipientState.UNKNOWN: lost}))
    for _, ran in runs:
        whole.add(ran)
    return whole


def _sender(this: _Run, ran: Ran, stop: Callable[[], bool], told: Callable[[], None]) -> None:
    """Send on one connection, channel by channel."""
    for channel in this.campaign.channels:
        if channel in _CHANNELS:
            with this.parts.mailer.open() as session:
                _channel(this, channel, session, ran, stop, told)


def _channel(
    this: _Run, channel: Channel, session: Session, ran: Ran, stop: Callable[[], bool], told: Callable[[], None]
) -> None:
    """Send batch by batch while there is anybody to send to, and a server that takes it."""
    if channel is Channel.MAIL and session.is_down:
        ran.server_away = True
        return
    while not stop():
        batch = _disclose(this, channel, ran)
        if batch is None:
            return
        result: tuple[Recipient, Settled] | None = None
        for recipient in batch.recipients:
            if recipient.record_id in batch.gathered.missing:
                continue
            if stop() or (channel is Channel.MAIL and session.is_down):
                break
            # One transaction: what became of the one before, and the claim of this one.
            if not _claim(this, recipient, result, ran):
                result = None
                continue
            result = recipient, _became(this, recipient, _deliver(this, recipient, session, batch))
        _claim(this, None, result, ran)
        told()
        if channel is Channel.MAIL and session.is_down:
            ran.server_away = True
            return


def _disclose(this: _Run, channel: Channel, ran: Ran) -> _Batch | None:
    """Set a batch aside and make the event durable that discloses its contacts; None when nobody waits.

    An incident that was closed meanwhile tells nobody any more.
    """
    parts, now = this.parts, this.clock()
    with unit_of_work(parts.database) as work:
        if steps.matter(work.connection, this.incident.incident_id).is_closed:
            return None
        most = parts.policy.breach_notices.batch
        batch = notice_recipients.set_aside(
            work.connection, this.campaign_id, channel, this.worker, most, now, this.stale()
        )
        work.commit()
    with parts.database.read() as connection:
        store = parts.keys.current(connection)
        wanted = {one.record_id: channel for one in batch}
        gathered = notice_contacts.gather(parts, connection, store, this.campaign, wanted)
    if not batch:
        return None
    opened = gathered.announced()
    disclosed = noticing.event(
        parts,
        now,
        this.actor,
        Action.NOTICE_CONTACTS,
        this.campaign,
        opened,
        Outcome.GRANTED,
        channel=channel.value,
        count=len(opened),
    )
    with unit_of_work(parts.database) as work:
        for record_id, why in gathered.missing.items():
            state = INSTEAD[why]
            values = {"state": state.value, "settled_at": now, "reason": why, "next_try_at": None, "claimed_at": None}
            if notice_recipients.move(work.connection, this.campaign_id, record_id, [RecipientState.WAITING], values):
                ran.counts[state] += 1
        work.announce(disclosed)
        receipt = work.commit()[-1]
    return _Batch(batch, gathered, receipt, store)


def _claim(this: _Run, recipient: Recipient | None, result: tuple[Recipient, Settled] | None, ran: Ran) -> bool:
    """Write what became of one message, and claim the next customer; returns whether that one is ours to send to."""
    mine = False
    with unit_of_work(this.parts.database) as work:
        if result is not None:
            before, values = result
            if notice_recipients.settle(work.connection, this.campaign_id, before.record_id, this.worker, values):
                ran.counts[values.state] += 1
        if recipient is not None:
            mine = notice_recipients.claim(
                work.connection, this.campaign_id, recipient.record_id, this.worker, this.clock()
            )
        work.commit()
    return mine


def _deliver(this: _Run, recipient: Recipient, session: Session, batch: _Batch) -> Sent:
    """Open one contact and send one message; whatever goes wrong is told by what is returned."""
    try:
        contact = notice_contacts.opened(batch.store, batch.receipt, batch.gathered, recipient.record_id)
    except IntegrityError:
        concerned = tuple(one for one in batch.gathered.announced() if one.record_id == recipient.record_id)
        this.parts.log_writer.write(
            this.parts.event(
                this.clock(),
                this.actor,
                Action.INTEGRITY_FAILURE,
                Outcome.FAILED,
                opened=concerned,
                reason="unreadable",
            )
        )
        return Sent(Fate.REFUSED, notice_contacts.UNREADABLE)
    at = this.campaign.released_at or this.clock()
    name = noticing.masked_name(this.parts.policy, contact.name.disclose() if contact.name else "")
    said = noticing.both(noticing.written(this.parts.policy, this.incident, this.texts, name, at))
    if this.incident.drill:
        line = {"key": recipient.key.hex(), "subject": said.subject, "body": said.body}
        name_of_file = f"drill-{this.campaign_id.hex()}.jsonl"
        this.parts.outbox.add_line(name_of_file, (json.dumps(line, ensure_ascii=False) + "\n").encode())
        return Sent(Fate.SENT)
    return session.send(Letter(contact.address.disclose(), said.subject, said.body, recipient.key.hex(), at))


def _became(this: _Run, recipient: Recipient, sent: Sent) -> Settled:
    """Return what is known of a customer after one try."""
    now = this.clock()
    if sent.fate is Fate.AGAIN:
        wait = this.parts.policy.breach_notices.wait(recipient.tries + 1)
        if wait is None:
            return Settled(RecipientState.FAILED, TOO_OFTEN, now)
        return Settled(RecipientState.WAITING, sent.reason, None, now + wait)
    return Settled(_STATES[sent.fate], sent.reason, now)


def _told(progress: Progress | None, rans: Sequence[Ran], before: int, total: int) -> Callable[[], None]:
    def tell() -> None:
        """Say how many letters are settled."""
        if progress is not None:
            settled = sum(ran.counts.total() - ran.counts[RecipientState.WAITING] for ran in rans)
            progress(before + settled, total)

    return tell
