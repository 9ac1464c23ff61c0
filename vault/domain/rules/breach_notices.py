"""Rules of notices to customers whom a breach concerns: their wording, how they are sent, and who is to be asked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from vault.domain.breach.breach_notices import (
    BREACH_NOTICE,
    CONTACTS,
    LANGUAGES,
    MANDATORY,
    MASKED,
    NAME,
    PLACEHOLDERS,
    Channel,
    placeholders,
)
from vault.domain.fields import FIELDS
from vault.domain.ids import RecordClass, Role
from vault.domain.rules.access import View
from vault.domain.rules.shape import STRICT, Named
from vault.domain.rules.views import Views

_APOLOGY = {"zh": re.compile("致歉|道歉"), "en": re.compile("apologi[sz]e", re.IGNORECASE)}
_MOST_SUBJECT = 100


@dataclass(frozen=True, slots=True)
class Wording:
    """What a template says in one language."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class NoticeTemplate(Named):
    """One version of one template; a text that was sent is never edited, it gets another version.

    Args:
        channels: ways by which it may be sent.
        texts: by language.
    """

    channels: Sequence[Channel]
    texts: Mapping[str, Wording]


@dataclass(frozen=True, slots=True)
class KindWords:
    """What customers are told a kind of data is, and which fields it stands for, as ``class.field``."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    zh: str
    en: str
    fields: Sequence[str]


@dataclass(frozen=True, slots=True)
class HandlerContact:
    """Whom a customer can ask (PIPL 57, item 3)."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class BreachNoticePolicy:
    """Notices to customers (BR-03).

    Args:
        id: of the rule.
        clause: where it comes from.
        contact: whom a customer can ask.
        batch: contacts opened by one disclosure, and held in memory at once.
        senders: connections to the mail server at once, of one run.
        retry_minutes: how long to wait after each failed try; one more failure than there are waits, and it is called.
        lease_seconds: after so long without a word from who was sending, a message counts as in doubt.
        call_tries: after so many calls in vain a customer counts as not to be reached.
        letters: most letters of one page to print.
        file_hours: after so long a file for another sender is removed, picked up or not.
        kinds: of data, as customers are told them.
        templates: by id and version, such as ``standard-1``.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    id: str
    clause: str
    contact: HandlerContact
    batch: int
    senders: int
    retry_minutes: Sequence[int]
    lease_seconds: int
    call_tries: int
    letters: int
    file_hours: int
    kinds: Mapping[str, KindWords]
    templates: Mapping[str, NoticeTemplate]

    def lease(self) -> timedelta:
        """Return after how long a claim of nobody counts as in doubt."""
        return timedelta(seconds=self.lease_seconds)

    def file_age(self) -> timedelta:
        """Return after how long a file for another sender is removed."""
        return timedelta(hours=self.file_hours)

    def wait(self, tries: int) -> timedelta | None:
        """Return how long to wait after so many failed tries; None when there is no other."""
        return timedelta(minutes=self.retry_minutes[tries - 1]) if tries <= len(self.retry_minutes) else None

    def kinds_of(self, clear: Iterable[str], masked: Iterable[str]) -> list[str]:
        """Return the kinds of data that were seen, in the policy's order; which of them only masked is said.

        Args:
            clear: fields that were seen in clear, as ``class.field``; one that belongs to no kind tells nothing of a
                customer.
            masked: fields that were seen masked.

        Returns:
            Names of kinds, those that were seen only masked with :data:`~vault.domain.breach.breach_notices.MASKED`
            behind them.
        """
        in_clear, behind_mask = set(clear), set(masked)
        return [
            name if in_clear.intersection(kind.fields) else name + MASKED
            for name, kind in self.kinds.items()
            if (in_clear | behind_mask).intersection(kind.fields)
        ]

    def findings(self, views: Views) -> Iterator[tuple[str, str]]:
        """Find what cannot be sent: a text without what the law wants, or with what the purpose does not allow.

        Args:
            views: what a role sees of each field for a purpose.
        """
        sizes = (self.batch, self.senders, self.lease_seconds, self.call_tries, self.letters, self.file_hours)
        numbers = (*sizes, *self.retry_minutes)
        if min(numbers) <= 0 or not self.retry_minutes:
            yield "limit_not_positive", self.id
        if not (self.contact.zh.strip() and self.contact.en.strip()):
            yield "notice_contact_missing", self.id
        if not self.templates:
            yield "no_notice_template", self.id
        yield from self._kind_findings()
        yield from self._disclosure_findings(views)
        for name, template in self.templates.items():
            yield from _template_findings(name, template, views)

    def _kind_findings(self) -> Iterator[tuple[str, str]]:
        """Find personal fields that no kind names: a customer would not be told of them."""
        named = {field for kind in self.kinds.values() for field in kind.fields}
        known = {
            f"{record_class.value}.{name}": field.mask != "plain" and name != "source_number"
            for record_class, fields in FIELDS.items()
            for name, field in fields.items()
        }
        for field in sorted(named - known.keys()):
            yield "unknown_field", f"{self.id}.kinds.{field}"
        for field, is_personal in known.items():
            if is_personal and field not in named:
                yield "notice_kind_missing", field

    def _disclosure_findings(self, views: Views) -> Iterator[tuple[str, str]]:
        """Find fields that a notice could open and does not need: it needs a name and a way to reach somebody."""
        needed = {NAME}.union(*CONTACTS.values())
        for record_class, fields in FIELDS.items():
            for field in fields:
                wanted = record_class is RecordClass.CUSTOMER and field in needed
                if not wanted and views.of(record_class, field, Role.IMD, BREACH_NOTICE) is not View.HIDDEN:
                    yield "notice_opens_more", f"fields.{record_class.value}.{field}.{BREACH_NOTICE}"


def _template_findings(name: str, template: NoticeTemplate, views: Views) -> Iterator[tuple[str, str]]:
    if not template.channels or Channel.SINK in template.channels:
        yield "notice_channel_impossible", name
    for field in sorted({field for channel in template.channels for field in CONTACTS.get(channel, ())}):
        if not _may_open(views, field):
            yield "notice_field_forbidden", f"{name}.{field}"
    for language in LANGUAGES:
        place, wording = f"{name}.{language}", template.texts.get(language)
        if wording is None:
            yield "notice_without_text", place
        else:
            yield from _wording_findings(place, wording, _APOLOGY[language], views)


def _wording_findings(
    place: str, wording: Wording, apology: re.Pattern[str], views: Views
) -> Iterator[tuple[str, str]]:
    if not wording.subject.isprintable() or not 0 < len(wording.subject.strip()) <= _MOST_SUBJECT:
        yield "notice_subject_impossible", place
    for found in sorted(placeholders(wording.subject) | placeholders(wording.body)):
        if found in FIELDS[RecordClass.CUSTOMER] and not (found == NAME and _may_open(views, found)):
            yield "notice_field_forbidden", f"{place}.{found}"
        elif found not in PLACEHOLDERS:
            yield "unknown_placeholder", f"{place}.{found}"
    for item in MANDATORY:
        if item not in placeholders(wording.body):
            yield "notice_item_missing", f"{place}.{item}"
    if not apology.search(wording.body):
        yield "apology_missing", place


def _may_open(views: Views, field: str) -> bool:
    return views.of(RecordClass.CUSTOMER, field, Role.IMD, BREACH_NOTICE) is View.REVEAL
