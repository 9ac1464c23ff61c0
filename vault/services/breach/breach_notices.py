"""Preparing notices to the customers whom a breach concerns, and releasing them by two (BR-03, PIPL 57).

A draft is made from a frozen radius: one row for each customer, by the first channel for which they had a contact
when it happened. It is frozen by a digest; another officer repeats that digest and releases it.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from vault.domain.breach.breach_notices import (
    OUTSTANDING,
    CampaignState,
    Channel,
    Letter,
    RecipientState,
    Texts,
    checked_texts,
)
from vault.domain.breach.incidents import Incident
from vault.domain.ids import new_id
from vault.domain.log import Action, Actor
from vault.domain.notices import NoticeKind
from vault.domain.people import Person
from vault.errors import AlreadyDecided, InvalidValue, NotFound
from vault.services.steps.admission import require_fresh
from vault.services.steps.breach import incidents as steps
from vault.services.steps.breach import noticing
from vault.services.steps.breach.concerned import others
from vault.services.steps.breach.notice_listing import list_recipients
from vault.services.steps.breach.short_ids import only_one
from vault.services.steps.humans import same_human
from vault.services.steps.parts import Parts
from vault.storage import notifications, people
from vault.storage.breach import breach_notices, incidents, notice_papers, notice_recipients, radius
from vault.storage.breach.breach_notices import UNFINISHED, Campaign, NoticeFile, Waiver
from vault.storage.breach.radius import FrozenRadius
from vault.storage.unit_of_work import unit_of_work

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Wish:
    """What an officer wants to be sent.

    Args:
        radius_id: a frozen radius of the incident: whom it concerns.
        template: id and version, of the policy.
        channels: in the order in which they are tried; a drill has none but its sink.
        texts: by language, what is said of the incident.
        post_if_leaked: a contact that was shown in clear is not used where another one or a letter reaches them.
    """

    radius_id: bytes
    template: str
    channels: Sequence[Channel]
    texts: Texts
    post_if_leaked: bool = True


@dataclass(frozen=True, slots=True)
class Told:
    """How one campaign stands.

    Args:
        campaign: it.
        counts: customers by channel (empty: none) and state.
        preparer: work number.
        releaser: work number, or empty.
        files: made for other senders.
        handed_out: letters that were printed and are not said to be posted.
    """

    campaign: Campaign
    counts: Mapping[tuple[str, RecipientState], int]
    preparer: str
    releaser: str
    files: Sequence[NoticeFile]
    handed_out: int

    @property
    def total(self) -> int:
        """How many customers it has."""
        return sum(self.counts.values())

    @property
    def left(self) -> int:
        """How many of them still wait for something."""
        return sum(count for (_, state), count in self.counts.items() if state in OUTSTANDING)

    def by_state(self) -> dict[RecipientState, int]:
        """Return how many customers by state; states of none are left out."""
        return {
            state: count
            for state in RecipientState
            if (count := sum(number for (_, its), number in self.counts.items() if its is state))
        }


@dataclass(frozen=True, slots=True)
class Standing:
    """How telling the customers of an incident stands.

    Args:
        incident: it.
        campaigns: that were not replaced, the newest first.
        waiver: the decision to tell nobody, asked for or confirmed.
        waiver_reason: what was typed.
        waiver_by: work numbers of who asked and who confirmed.
        waiver_digest: of what was asked, which who confirms it repeats; in hexadecimal digits.
        outstanding: how many still wait, as the incident's next step counts it.
    """

    incident: Incident
    campaigns: Sequence[Told]
    waiver: Waiver | None
    waiver_reason: str
    waiver_by: tuple[str, str]
    waiver_digest: str
    outstanding: int


def prepare(parts: Parts, person: Person, incident_id: bytes, wish: Wish, now: datetime) -> bytes:
    """Prepare notices to every customer of a frozen radius; nothing is opened and nothing is sent.

    Whoever a released campaign of the same incident has already is left out. The new draft takes the place of an
    earlier one.

    Args:
        parts: the vault's parts.
        person: an officer.
        incident_id: an incident that is not closed.
        wish: what is to be said, and how.
        now: UTC.

    Returns:
        The draft's id.

    Raises:
        AccessRefused: ``no_right``; logged.
        AlreadyDecided: ``incident_closed``.
        InvalidValue: a text is missing or too long, or something is not on its list; ``field`` names it.
            ``nobody_to_tell``: everybody of the radius was told before.
        NotFound: there is no such incident, or no such radius of it.
    """
    steps.officer(parts, person, Action.NOTICE_PREPARED, now, incident_id)
    texts = checked_texts(wish.texts)
    template = noticing.template_of(parts.policy, wish.template)
    with parts.database.read() as connection:
        one = steps.matter(connection, incident_id)
        drawn = radius.one(connection, wish.radius_id)
        store = parts.keys.current(connection)
    if drawn is None or drawn.incident_id != incident_id or not drawn.stands:
        raise NotFound("radius")
    channels = (Channel.SINK,) if one.drill else tuple(dict.fromkeys(wish.channels))
    if not one.drill and (not channels or not set(channels) <= set(template.channels)):
        raise InvalidValue("not_on_list", field="channels")
    campaign_id = new_id()
    draft = Campaign(
        campaign_id,
        incident_id,
        wish.radius_id,
        CampaignState.DRAFT,
        wish.template,
        channels,
        (),
        _moment(one, drawn.scope, now),
        noticing.sealed_texts(store, campaign_id, noticing.whole_texts(parts.policy, wish.template, texts, ())),
        UNFINISHED,
        person.account_id,
        now,
    )
    with unit_of_work(parts.database) as work:
        steps.open_matter(work.connection, incident_id)
        breach_notices.add(work.connection, draft)
        work.commit()
    seen = list_recipients(parts, draft, now, post_if_leaked=wish.post_if_leaked)
    draft = replace(draft, kinds=tuple(parts.policy.breach_notices.kinds_of(seen.clear, seen.masked)))
    _freeze(parts, person, draft, texts, now)
    return campaign_id


def standing(parts: Parts, who: Person | Actor, incident_id: bytes, now: datetime) -> Standing:
    """Tell how telling the customers of an incident stands: counts and work numbers, nothing of a customer.

    Raises:
        AccessRefused: ``no_right``; logged.
        NotFound: there is none.
    """
    if isinstance(who, Person):
        steps.viewer(parts, who, now, incident_id)
    with parts.database.read() as connection:
        one = steps.matter(connection, incident_id)
        campaigns = breach_notices.of_incident(connection, incident_id)
        waiver = breach_notices.waiver(connection, incident_id)
        ids = {each for campaign in campaigns for each in (campaign.prepared_by, campaign.released_by)}
        ids |= {waiver.asked_by, waiver.confirmed_by} if waiver else set()
        numbers = {
            key: account.work_number for key, account in people.by_ids(connection, [i for i in ids if i]).items()
        }
        told = [
            Told(
                campaign,
                notice_recipients.counts(connection, campaign.campaign_id),
                numbers.get(campaign.prepared_by, ""),
                numbers.get(campaign.released_by or b"", ""),
                breach_notices.files_of(connection, campaign.campaign_id),
                notice_papers.handed_out(connection, campaign.campaign_id),
            )
            for campaign in campaigns
        ]
        left = noticing.outstanding(connection, incident_id)
        store = parts.keys.current(connection)
        digest = "" if waiver is None else noticing.waiver_digest(connection, store, waiver).hex()
    reason = ""
    by = ("", "")
    if waiver is not None:
        reason = store.open_person(incident_id, noticing.WAIVER, waiver.sealed_reason).disclose()
        by = (numbers.get(waiver.asked_by, ""), numbers.get(waiver.confirmed_by or b"", ""))
    return Standing(one, told, waiver, reason, by, digest, left)


def radii(parts: Parts, person: Person, incident_id: bytes, now: datetime) -> Sequence[FrozenRadius]:
    """List the frozen radii of an incident that stand, the newest first: for whom notices can be prepared.

    Raises:
        AccessRefused: ``no_right``; logged.
    """
    steps.viewer(parts, person, now, incident_id)
    with parts.database.read() as connection:
        return [one for one in radius.of_incident(connection, incident_id) if one.stands]


def found(parts: Parts, incident_id: bytes, typed: str) -> bytes:
    """Return the campaign of an incident whose id begins with what somebody typed, at least six digits.

    Raises:
        NotFound: none does, or more than one; one that was replaced does not count.
    """
    with parts.database.read() as connection:
        ids = [one.campaign_id for one in breach_notices.of_incident(connection, incident_id)]
    return only_one(ids, typed, "notice")


def wording(parts: Parts, person: Person, incident_id: bytes, campaign_id: bytes, now: datetime) -> dict[str, Letter]:
    """Return what a campaign says, by language, with no customer's name: nothing is opened.

    Raises:
        AccessRefused: ``no_right``; logged.
        NotFound: there is none.
    """
    steps.viewer(parts, person, now, incident_id)
    with parts.database.read() as connection:
        one = steps.matter(connection, incident_id)
        campaign = noticing.campaign_of(connection, incident_id, campaign_id)
        texts = noticing.texts_of(parts.keys.current(connection), campaign)
    return noticing.written(parts.policy, one, texts, "", campaign.released_at or now)


def release(parts: Parts, person: Person, incident_id: bytes, campaign_id: bytes, digest: str, now: datetime) -> None:
    """Release notices: another human than who prepared them, who repeats their digest; then they are sent.

    Args:
        parts: the vault's parts.
        person: another officer, who gave password and second factor a moment ago.
        incident_id: the incident.
        campaign_id: a draft.
        digest: of what they looked at, in hexadecimal digits.
        now: UTC.

    Raises:
        AccessRefused: ``no_right``, ``own_notice``; logged.
        AlreadyDecided: ``incident_closed``, ``notice_moved_on``: released or replaced meanwhile, or its radius set
            aside; ``notice_overlaps``: some of its customers have a notice by now.
        IntegrityError: ``notice_changed``: it is not what was prepared; logged.
        InvalidValue: ``notice_digest_differs``, field ``digest``.
        NotFound: there is none.
        StepUpNeeded: password and second factor are too old.
    """
    steps.officer(parts, person, Action.NOTICE_RELEASED, now, incident_id)
    require_fresh(parts, person, now)
    # 1. What is looked at takes long for many customers, so nobody waits for it: a draft that is ready never changes.
    with parts.database.read() as connection:
        steps.matter(connection, incident_id)
        campaign = noticing.campaign_of(connection, incident_id, campaign_id)
        if campaign.state is not CampaignState.DRAFT or not campaign.is_ready:
            raise AlreadyDecided("notice_moved_on")
        if not hmac.compare_digest(digest.strip().lower().encode(), campaign.digest.hex().encode()):
            raise InvalidValue("notice_digest_differs", field="digest")
        store = parts.keys.current(connection)
        signers = people.by_ids(connection, [campaign.prepared_by, person.account_id])
        fault = ""
        if same_human(store, signers[campaign.prepared_by], signers[person.account_id]):
            fault = "own_notice"
        elif not noticing.is_as_frozen(connection, store, campaign):
            fault = "notice_changed"
    if fault:
        noticing.refuse(parts, person.actor(), Action.NOTICE_RELEASED, fault, incident_id, now)
    # 2. Released, if it is still that draft.
    with unit_of_work(parts.database) as work:
        steps.open_matter(work.connection, incident_id)
        drawn = radius.one(work.connection, campaign.radius_id) if campaign.radius_id else None
        if drawn is None or not drawn.stands:
            raise AlreadyDecided("notice_moved_on")
        # The incident is locked: no other campaign of it is released between this question and the answer.
        if breach_notices.overlaps(work.connection, campaign_id, incident_id):
            raise AlreadyDecided("notice_overlaps")
        values = {"state": CampaignState.RELEASED.value, "released_by": person.account_id, "released_at": now}
        if not breach_notices.change(work.connection, campaign_id, CampaignState.DRAFT, values):
            raise AlreadyDecided("notice_moved_on")
        event = noticing.event(
            parts, now, person.actor(), Action.NOTICE_RELEASED, campaign, digest=campaign.digest.hex()
        )
        steps.enter(parts, work, incident_id, event)
        work.commit()


# -- making a draft ----------------------------------------------------------------------------------------------


def _freeze(parts: Parts, person: Person, draft: Campaign, texts: Texts, now: datetime) -> None:
    with parts.database.read() as connection:
        whole = noticing.whole_texts(parts.policy, draft.template, texts, draft.kinds)
        sealed = noticing.sealed_texts(parts.keys.current(connection), draft.campaign_id, whole)
        digest = noticing.frozen_digest(connection, draft, whole)
        counts = notice_recipients.counts(connection, draft.campaign_id)
    with unit_of_work(parts.database) as work:
        steps.open_matter(work.connection, draft.incident_id)
        values = {"digest": digest, "kinds": ",".join(draft.kinds), "sealed_texts": sealed}
        if not breach_notices.change(work.connection, draft.campaign_id, CampaignState.DRAFT, values):
            raise AlreadyDecided("notice_moved_on")
        old = breach_notices.replace_drafts(work.connection, draft.incident_id, draft.campaign_id)
        event = noticing.event(
            parts,
            now,
            person.actor(),
            Action.NOTICE_PREPARED,
            draft,
            digest=digest.hex(),
            template=draft.template,
            count=sum(counts.values()),
        )
        steps.enter(parts, work, draft.incident_id, event)
        told = others(parts, work.connection, incidents.people_of(work.connection, [person.role]), draft.incident_id)
        told = [each for each in told if each != person.account_id]
        notifications.add(work.connection, told, NoticeKind.BREACH_NOTICE_WAITS, draft.incident_id, now)
        work.commit()
    for campaign_id in old:
        _forget(parts, campaign_id)


def _forget(parts: Parts, campaign_id: bytes) -> None:
    """Remove the rows of a draft that was replaced, so that nobody is listed for nothing."""
    dropped = _BATCH
    while dropped == _BATCH:
        with unit_of_work(parts.database) as work:
            dropped = notice_recipients.drop(work.connection, campaign_id, _BATCH)
            work.commit()


def _moment(one: Incident, scope: Mapping[str, object], now: datetime) -> datetime:
    """Return as of when contacts are used: when somebody noticed, or the end of the radius' span where it is earlier.

    However late a span ends, what was written after somebody noticed may be an intruder's.
    """
    until, moment = scope.get("until"), min(one.aware_since, now)
    # What was changed at the very moment is taken as it was before: the span is exclusive of its end.
    return min(moment, datetime.fromisoformat(until) - timedelta(microseconds=1)) if isinstance(until, str) else moment
