"""Steps of telling customers: campaigns, what a notice says filled in, and whether anybody still waits for one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn

from sqlalchemy import Connection

from vault.crypto.key_store import KeyStore
from vault.domain.breach.breach_notices import (
    BREACH_NOTICE,
    LANGUAGES,
    MASKED,
    NAME,
    REACHED,
    Letter,
    RecipientState,
    Texts,
    campaign_digest,
    fill,
)
from vault.domain.breach.incidents import Incident
from vault.domain.ids import RecordClass
from vault.domain.log import Action, Actor, Event, Opened, Outcome, micros_text
from vault.domain.masks import mask
from vault.domain.policy import Policy
from vault.domain.rules.breach_notices import BreachNoticePolicy, NoticeTemplate
from vault.errors import AccessRefused, IntegrityError, InvalidValue, NotFound
from vault.services.steps.breach import incidents as steps
from vault.services.steps.parts import Parts
from vault.storage.breach import breach_notices, notice_recipients, radius
from vault.storage.breach.breach_notices import Campaign, Waiver
from vault.storage.unit_of_work import UnitOfWork

TEXTS = "notice"
"""Name under which what officers wrote for customers is sealed with the people key."""

SUBJECT, BODY = "subject", "body"
"""Where the wording of the template stands among the texts of a campaign."""

WAIVER = "waiver"
"""The same, of why nobody is told."""

_ONLY_MASKED = {"zh": "{kind}（仅显示遮盖后的内容）", "en": "{kind} (shown masked only)"}
NO_NAME = {"zh": "尊敬的客户", "en": "customer"}
_PAGE = 1_000
_BETWEEN = "\n" + "—" * 20 + "\n\n"


def outstanding(connection: Connection, incident_id: bytes) -> int:
    """Return how many customers of an incident still wait for something; none when everybody was told or tried.

    Whoever is in a frozen radius and in no released campaign waits too. An incident without a released campaign counts
    as one that waits, unless two officers decided to tell nobody; a decision before a release has no say after it.

    Args:
        connection: an open connection.
        incident_id: the incident.
    """
    if breach_notices.has_released(connection, incident_id):
        return breach_notices.outstanding(connection, incident_id) + breach_notices.untold(connection, incident_id)
    waiver = breach_notices.waiver(connection, incident_id)
    if waiver is not None and waiver.confirmed_at is not None:
        return 0
    return max(1, breach_notices.untold(connection, incident_id))


def campaign_of(connection: Connection, incident_id: bytes, campaign_id: bytes, *, locked: bool = False) -> Campaign:
    """Return a campaign of an incident.

    Raises:
        NotFound: it has none of this id.
    """
    found = breach_notices.campaign(connection, campaign_id, locked=locked)
    if found is None or found.incident_id != incident_id:
        raise NotFound("notice")
    return found


def template_of(policy: Policy, name: str) -> NoticeTemplate:
    """Return a template of the policy.

    Raises:
        InvalidValue: ``not_on_list``, field ``template``.
    """
    found = policy.breach_notices.templates.get(name)
    if found is None:
        raise InvalidValue("not_on_list", field="template")
    return found


def texts_of(store: KeyStore, campaign: Campaign) -> dict[str, dict[str, str]]:
    """Return what the customers of a campaign are told, by language and name; nothing of a customer is in it.

    Raises:
        IntegrityError: it was not sealed for this campaign.
    """
    opened: dict[str, dict[str, str]] = json.loads(
        store.open_person(campaign.campaign_id, TEXTS, campaign.sealed_texts).disclose()
    )
    return opened


def whole_texts(policy: Policy, template: str, typed: Texts, kinds: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return all that a campaign will say but for name, date and number, so that no later policy can change it.

    Args:
        policy: the rules in force.
        template: id and version.
        typed: what officers wrote, by language.
        kinds: of data, as :meth:`~vault.domain.rules.breach_notices.BreachNoticePolicy.kinds_of` names them.

    Raises:
        InvalidValue: ``not_on_list``, field ``template``.
    """
    rules, wording = policy.breach_notices, template_of(policy, template).texts
    return {
        language: {
            **typed[language],
            "kinds": joined((_kind_words(rules, kind, language) for kind in kinds), language),
            "contact": getattr(rules.contact, language),
            "company": getattr(policy.company, language),
            SUBJECT: wording[language].subject,
            BODY: wording[language].body,
        }
        for language in LANGUAGES
    }


def sealed_texts(store: KeyStore, campaign_id: bytes, texts: Texts) -> bytes:
    """Seal what a campaign says."""
    text = json.dumps(texts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return store.seal_person(campaign_id, TEXTS, text)


def is_as_frozen(connection: Connection, store: KeyStore, campaign: Campaign) -> bool:
    """Return whether texts and recipients are those that the digest was made over."""
    return frozen_digest(connection, campaign, texts_of(store, campaign)) == campaign.digest


def frozen_digest(connection: Connection, campaign: Campaign, texts: Texts) -> bytes:
    """Return the digest of a campaign as it stands now, over its texts and every one of its recipients."""
    frozen = _frozen(connection, campaign.campaign_id)
    return campaign_digest(
        campaign.campaign_id, campaign.template, campaign.channels, texts, campaign.contacts_at, frozen
    )


def waiver_digest(connection: Connection, store: KeyStore, waiver: Waiver) -> bytes:
    """Return the digest of a decision to tell nobody: reason, who and when, and the radii that tell of whom."""
    reason = store.open_person(waiver.incident_id, WAIVER, waiver.sealed_reason).disclose()
    standing = [one for one in radius.of_incident(connection, waiver.incident_id) if one.stands]
    reached = sorted(one.radius_id.hex() for one in standing if one.counts.customers)
    asked = [waiver.incident_id.hex(), waiver.asked_by.hex(), micros_text(waiver.asked_at), reason, reached]
    return hashlib.sha256(json.dumps(asked, ensure_ascii=False, separators=(",", ":")).encode()).digest()


def reopen_waiver(parts: Parts, work: UnitOfWork, incident_id: bytes, actor: Actor, now: datetime) -> None:
    """Let a decision to tell nobody wait for a second officer anew: customers came to be known whom it did not weigh.

    Args:
        parts: the vault's parts.
        work: the transaction in which a radius is frozen, with the incident locked; its caller commits.
        incident_id: the incident.
        actor: who froze it.
        now: UTC.
    """
    if breach_notices.has_released(work.connection, incident_id):
        return  # it has no say any more
    if breach_notices.reopen_waiver(work.connection, incident_id):
        incident = incident_id.hex()
        steps.enter(
            parts,
            work,
            incident_id,
            parts.event(now, actor, Action.NOTICE_WAIVED, Outcome.DONE, incident=incident, mode="reopened"),
        )


def written(policy: Policy, incident: Incident, texts: Texts, name: str, at: datetime) -> dict[str, Letter]:
    """Return what one customer is told, by language.

    Args:
        policy: the rules in force, for the company's time zone.
        incident: the incident.
        texts: of the campaign, whole.
        name: of the customer, masked; empty where there is none.
        at: the day it bears, UTC.
    """
    day = at.astimezone(policy.zone).date().isoformat()
    letters = {}
    for language in LANGUAGES:
        mine = texts[language]
        values = {**mine, NAME: name or NO_NAME[language], "date": day, "reference": incident.short}
        letters[language] = Letter(fill(mine[SUBJECT], values), fill(mine[BODY], values).strip() + "\n")
    return letters


def joined(names: Iterable[str], language: str) -> str:
    """Return names as a list in a sentence."""
    return ("、" if language == "zh" else ", ").join(names)


def reached(states: Iterable[Mapping[RecipientState, int]]) -> tuple[int, int]:
    """Return how many customers of some campaigns were reached, and how many there are."""
    each = list(states)
    return sum(one.get(state, 0) for one in each for state in REACHED), sum(sum(one.values()) for one in each)


def both(letters: dict[str, Letter]) -> Letter:
    """Return one notice in both languages, Chinese first."""
    return Letter(
        " / ".join(letters[language].subject for language in LANGUAGES),
        _BETWEEN.join(letters[language].body for language in LANGUAGES),
    )


def masked_name(policy: Policy, name: str) -> str:
    """Return a customer's name as a notice bears it: whoever else reads it learns no name."""
    return mask(policy.masks.of(RecordClass.CUSTOMER, NAME), name) if name else ""


def event(
    parts: Parts,
    now: datetime,
    actor: Actor,
    action: Action,
    campaign: Campaign,
    opened: tuple[Opened, ...] = (),
    outcome: Outcome = Outcome.DONE,
    **facts: str | int,
) -> Event:
    """Make an event about a campaign; it names incident and campaign."""
    rule = parts.policy.breach_notices.id
    told: dict[str, Any] = {"incident": campaign.incident_id.hex(), "notice": campaign.campaign_id.hex(), **facts}
    return parts.event(now, actor, action, outcome, purpose=BREACH_NOTICE, rule=rule, opened=opened, **told)


def refuse(parts: Parts, actor: Actor, action: Action, rule: str, incident_id: bytes, now: datetime) -> NoReturn:
    """Log that somebody may not do something about notices, and refuse it.

    Raises:
        AccessRefused: always, except
        IntegrityError: ``notice_changed``.
    """
    parts.log_writer.write(parts.event(now, actor, action, Outcome.REFUSED, rule=rule, incident=incident_id.hex()))
    if rule == "notice_changed":
        raise IntegrityError("notice_changed")
    raise AccessRefused(rule)


def _kind_words(rules: BreachNoticePolicy, kind: str, language: str) -> str:
    """Return how customers are told of a kind of data; that nobody saw it unmasked is said."""
    words: str = getattr(rules.kinds[kind.removesuffix(MASKED)], language)
    return _ONLY_MASKED[language].format(kind=words) if kind.endswith(MASKED) else words


def _frozen(connection: Connection, campaign_id: bytes) -> Iterator[tuple[bytes, str]]:
    after = b""
    while page := notice_recipients.page(connection, campaign_id, after, _PAGE):
        for one in page:
            yield one.record_id, one.channel.value if one.channel else ""
        after = page[-1].record_id
