"""Notices to customers whom a breach concerns: what each says, how it reaches them, and what became of it (PIPL 57).

A notice is filled from a template of the policy and from what officers typed; of the customer it holds their masked
name and nothing else. It is frozen by a digest, which the second officer repeats when releasing it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vault.domain.records import to_micros
from vault.errors import InvalidValue

BREACH_NOTICE = "breach_notice"
"""The purpose for which contacts are opened."""

NAME = "name"
"""The one placeholder that is filled from a customer's own data; masked."""

TYPED = ("cause", "harm", "measures", "advice")
"""What officers write about the incident, in both languages (PIPL 57: cause, harm, measures, what you can do)."""

COMPUTED = ("kinds", "contact", "date", "reference", "company")
"""What the vault knows itself: kinds of data, who to ask, the day, the incident's short id, the company's name."""

MANDATORY = ("kinds", "cause", "harm", "measures", "advice", "contact")
"""What each notice must say, by PIPL 57."""

MASKED = "*"
"""Stands behind the name of a kind of data that was seen of nobody but masked."""

PLACEHOLDERS = frozenset({NAME, *TYPED, *COMPUTED})
LANGUAGES = ("zh", "en")
MOST_TYPED = 2_000
"""Characters of one text."""

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f\u2028\u2029\ud800-\udfff]")


class Channel(StrEnum):
    """How a notice reaches a customer; the sink is a drill's, and reaches nobody."""

    MAIL = "mail"
    CALL = "call"
    FILE = "file"
    LETTER = "letter"
    SINK = "sink"


CONTACTS: Mapping[Channel, tuple[str, ...]] = {
    Channel.MAIL: ("email",),
    Channel.CALL: ("phone", "other_contact"),
    Channel.FILE: ("phone", "other_contact"),
    Channel.LETTER: ("recipient_address", "sender_address"),
}
"""By channel the fields that hold the contact, the first one that is there is used."""


class CampaignState(StrEnum):
    """How a campaign stands."""

    DRAFT = "draft"
    RELEASED = "released"
    REPLACED = "replaced"


class RecipientState(StrEnum):
    """What became of one customer's notice."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    UNKNOWN = "unknown"
    FAILED = "failed"
    CALLED = "called"
    POSTED = "posted"
    UNREACHABLE = "unreachable"
    UNREACHABLE_DESTROYED = "unreachable_destroyed"


OUTSTANDING = (RecipientState.WAITING, RecipientState.SENDING, RecipientState.UNKNOWN, RecipientState.FAILED)
"""While one of these is left, not every customer has been told and not everything was tried."""

REACHED = (RecipientState.SENT, RecipientState.CALLED, RecipientState.POSTED)


class CallOutcome(StrEnum):
    """How a call went."""

    REACHED = "reached"
    NOT_REACHED = "not_reached"
    WRONG_NUMBER = "wrong_number"


class DoubtDecision(StrEnum):
    """What an officer decides on a message of which nobody knows whether it arrived."""

    ARRIVED = "arrived"
    AGAIN = "again"


Texts = Mapping[str, Mapping[str, str]]
"""By language (``zh``, ``en``), what officers typed, by name of :data:`TYPED`."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One notice in one language, filled.

    Args:
        subject: its head line.
        body: its text, lines separated by line feeds.
    """

    subject: str
    body: str


def placeholders(text: str) -> set[str]:
    """Return the names that stand in braces in a template's text."""
    return set(_PLACEHOLDER.findall(text))


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put values where their names stand in braces, each once: braces in a value stay as they are.

    Args:
        text: of a template whose placeholders are all known.
        values: by name.
    """
    return _PLACEHOLDER.sub(lambda found: values[found.group(1)], text)


def checked_texts(texts: Texts) -> dict[str, dict[str, str]]:
    """Return what officers typed as it will be frozen, or refuse it.

    Raises:
        InvalidValue: ``value_missing``, ``text_too_long``, or ``not_text`` for control characters; the field is
            ``<language>_<name>``.
    """
    whole: dict[str, dict[str, str]] = {}
    for language in LANGUAGES:
        whole[language] = {}
        for name in TYPED:
            field = f"{language}_{name}"
            text = texts.get(language, {}).get(name, "").replace("\r\n", "\n").strip()
            if not text:
                raise InvalidValue("value_missing", field=field)
            if len(text) > MOST_TYPED:
                raise InvalidValue("text_too_long", field=field, most=MOST_TYPED)
            if _CONTROL.search(text):
                raise InvalidValue("not_text", field=field)
            whole[language][name] = text
    return whole


def campaign_digest(
    campaign_id: bytes,
    template: str,
    channels: Sequence[Channel],
    texts: Texts,
    contacts_at: datetime,
    recipients: Iterable[tuple[bytes, str]],
) -> bytes:
    """Return the digest that the second officer repeats: SHA-256 over what will be said, and to whom by which way.

    Args:
        campaign_id: the campaign.
        template: id and version.
        channels: in order.
        texts: all that will be said but for name, date and number.
        contacts_at: moment as of which contacts are used, UTC.
        recipients: record id and channel, in ascending order of ids.
    """
    head = [campaign_id.hex(), template, [one.value for one in channels], texts, to_micros(contacts_at)]
    canonical = json.dumps(head, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(canonical.encode() + b"\n")
    for record_id, channel in recipients:
        digest.update(record_id + channel.encode() + b"\n")
    return digest.digest()
