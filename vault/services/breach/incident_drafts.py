"""What an incident says of itself for drafts: the public statement, and reports to the authority and the police."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vault.domain.breach.breach_notices import LANGUAGES
from vault.domain.breach.incidents import Incident
from vault.domain.breach.radius import RadiusCounts
from vault.domain.log import Action, Outcome
from vault.domain.people import Person
from vault.services.steps.breach import incidents as steps
from vault.services.steps.breach import noticing
from vault.services.steps.parts import Parts
from vault.storage.breach import breach_notices, notice_recipients, radius


class DraftKind(StrEnum):
    """Who reads it."""

    STATEMENT = "statement"
    REGULATOR = "regulator"
    POLICE = "police"


@dataclass(frozen=True, slots=True)
class Draft:
    """What a draft is filled with: numbers, and what officers wrote; nothing of a customer.

    Args:
        incident: it.
        counts: of the newest frozen radius that stands, None without one.
        evidence: digest of that radius, in hexadecimal digits, or empty.
        kinds: of data, as customers are told them, by language.
        texts: what officers wrote for customers, by language; empty before that.
        contact: whom to ask, by language.
        company: by language.
        told: how many customers were reached, and how many there are to tell.
    """

    incident: Incident
    counts: RadiusCounts | None
    evidence: str
    kinds: Mapping[str, str]
    texts: Mapping[str, Mapping[str, str]]
    contact: Mapping[str, str]
    company: Mapping[str, str]
    told: tuple[int, int]


def draft(parts: Parts, person: Person, incident_id: bytes, now: datetime) -> Draft:
    """Return what the drafts of an incident are filled with; that somebody read what officers wrote is logged.

    Raises:
        AccessRefused: ``no_right``; logged.
        LogUnavailable: it could not be logged; nothing is shown.
        NotFound: there is no such incident.
    """
    steps.viewer(parts, person, now, incident_id)
    policy = parts.policy.breach_notices
    with parts.database.read() as connection:
        one = steps.matter(connection, incident_id)
        drawn = next((each for each in radius.of_incident(connection, incident_id) if each.stands), None)
        campaigns = breach_notices.of_incident(connection, incident_id)
        states = notice_recipients.states_of(connection, [each.campaign_id for each in campaigns])
        store = parts.keys.current(connection)
    parts.log_writer.write(
        parts.event(now, person.actor(), Action.INCIDENT_VIEW, Outcome.DONE, incident=incident_id.hex())
    )
    newest = campaigns[0] if campaigns else None
    texts = {language: dict[str, str]() for language in LANGUAGES}
    kinds = dict.fromkeys(LANGUAGES, "")
    if newest is not None:
        texts = noticing.texts_of(store, newest)
        kinds = {language: texts[language]["kinds"] for language in LANGUAGES}
    return Draft(
        one,
        None if drawn is None else drawn.counts,
        "" if drawn is None else drawn.digest.hex(),
        kinds,
        texts,
        {language: getattr(policy.contact, language) for language in LANGUAGES},
        {language: getattr(parts.policy.company, language) for language in LANGUAGES},
        noticing.reached(states.values()),
    )
