"""Files for senders outside the vault, such as a sender of text messages: made whole, picked up, and removed again."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from vault.domain.breach.breach_notices import LANGUAGES, Channel, RecipientState
from vault.domain.breach.incidents import Incident
from vault.domain.ids import new_id
from vault.domain.log import Action, Actor
from vault.domain.people import Person
from vault.errors import AlreadyDecided, InvalidValue, NotFound
from vault.services.steps.breach import incidents as steps
from vault.services.steps.breach import notice_disclosing, noticing
from vault.services.steps.breach.notice_contacts import INSTEAD
from vault.services.steps.parts import Parts
from vault.storage.breach import breach_notices, notice_papers, notice_recipients
from vault.storage.breach.breach_notices import Campaign, NoticeFile
from vault.storage.breach.notice_recipients import Recipient, Settled
from vault.storage.unit_of_work import unit_of_work

FORMATS = ("csv", "jsonl")
COLUMNS = ("key", "phone", *LANGUAGES)
EXPIRED = "file_expired"
"""Why customers are in doubt whose file was removed before anybody said that it was picked up."""
_OURS = re.compile(r"\.?notice-([0-9a-f]{32})\.", re.ASCII)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""
_DIALLED = re.compile(r"\+[0-9]+", re.ASCII)
"""A number with its country's: no formula, and with anything before it nobody can be reached by it."""


@dataclass(frozen=True, slots=True)
class MadeFile:
    """A file in the outbox.

    Args:
        file_id: also the id of the event that names it.
        path: where it lies, mode 0600.
        count: how many customers it holds.
        digest: SHA-256, in hexadecimal digits.
    """

    file_id: bytes
    path: str
    count: int
    digest: str


def make(parts: Parts, person: Person, incident_id: bytes, campaign_id: bytes, form: str, now: datetime) -> MadeFile:
    """Make one file of everybody who waits for it; batch by batch, each after a disclosure of its own.

    A run that is killed leaves those it had claimed in doubt, for an officer to decide on; :func:`sweep` removes what
    it had written.

    Args:
        parts: the vault's parts.
        person: an officer.
        incident_id: the incident.
        campaign_id: a released campaign.
        form: ``csv`` or ``jsonl``.
        now: UTC.

    Raises:
        AccessRefused: ``no_right``; logged.
        AlreadyDecided: ``incident_closed``; ``notice_not_released``; ``nobody_to_tell``: nobody waits for a file.
        InvalidValue: ``not_on_list``, field ``format``.
        NotFound: there is no such campaign.
        StorageUnavailable: ``outbox_unwritable``.
    """
    steps.officer(parts, person, Action.NOTICE_FILE, now, incident_id)
    if form not in FORMATS:
        raise InvalidValue("not_on_list", field="format")
    with parts.database.read() as connection:
        incident = steps.matter(connection, incident_id)
        campaign = notice_disclosing.released(connection, incident_id, campaign_id)
        texts = noticing.texts_of(parts.keys.current(connection), campaign)
    this = _Making(parts, person, campaign, incident, texts, form, now)
    event = noticing.event(parts, now, person.actor(), Action.NOTICE_FILE, campaign)
    name = f"notice-{event.event_id.hex()}.{form}"
    path = parts.outbox.put(name, this.pieces())
    if not this.count:
        parts.outbox.remove(name)
        raise AlreadyDecided("nobody_to_tell")
    digest = this.hashed.digest()
    manifest = {
        "file": name,
        "count": this.count,
        "sha256": digest.hex(),
        "columns": list(COLUMNS),
        "notice": campaign_id.hex(),
        "digest": campaign.digest.hex(),
        "made_at": now.isoformat(),
    }
    parts.outbox.put(f"{name}.manifest.json", [json.dumps(manifest, indent=2).encode() + b"\n"])
    with unit_of_work(parts.database) as work:
        values = {"state": RecipientState.SENT.value, "reason": "", "settled_at": now, "next_try_at": None}
        notice_recipients.settle_all(work.connection, campaign_id, this.worker, values | {"worker": None})
        made = NoticeFile(event.event_id, campaign_id, this.count, digest, person.work_number, now, None)
        breach_notices.add_file(work.connection, made)
        event = replace(event, facts=dict(event.facts) | {"count": this.count, "digest": digest.hex()})
        steps.enter(parts, work, incident_id, event)
        work.commit()
    return MadeFile(event.event_id, str(path), this.count, digest.hex())


def remove(parts: Parts, person: Person, incident_id: bytes, file_id: bytes, now: datetime) -> None:
    """Remove a file that was picked up, with its manifest.

    Raises:
        AccessRefused: ``no_right``; logged.
        AlreadyDecided: ``notice_moved_on``: it was removed before.
        NotFound: there is none.
        StorageUnavailable: ``outbox_unwritable``.
    """
    steps.officer(parts, person, Action.NOTICE_FILE_REMOVED, now, incident_id)
    with unit_of_work(parts.database) as work:
        one = breach_notices.file(work.connection, file_id)
        if one is None:
            raise NotFound("notice")
        campaign = noticing.campaign_of(work.connection, incident_id, one.campaign_id)
        if not breach_notices.remove_file(work.connection, file_id, now):
            raise AlreadyDecided("notice_moved_on")
        event = noticing.event(
            parts, now, person.actor(), Action.NOTICE_FILE_REMOVED, campaign, digest=one.digest.hex(), count=one.count
        )
        steps.enter(parts, work, incident_id, event)
        _unlink(parts, file_id)
        work.commit()


def sweep(parts: Parts, now: datetime) -> None:
    """Remove what lies there too long, or of a closed incident, and what runs left behind that were killed.

    A file that nobody said to be picked up leaves its customers in doubt: an officer decides on them.

    Raises:
        StorageUnavailable: ``outbox_unwritable``.
    """
    with parts.database.read() as connection:
        old = breach_notices.old_files(connection, now - parts.policy.breach_notices.file_age())
    for one in old:
        _expire(parts, one, now)
    left = {
        name: bytes.fromhex(found[1])
        for name in parts.outbox.untouched(now - parts.policy.breach_notices.lease())
        if (found := _OURS.match(name))
    }
    with parts.database.read() as connection:
        unknown = [name for name, file_id in left.items() if breach_notices.file(connection, file_id) is None]
    for name in unknown:
        parts.outbox.remove(name)


def _expire(parts: Parts, one: NoticeFile, now: datetime) -> None:
    system = Actor("system", "system", node=parts.node)
    with unit_of_work(parts.database) as work:
        campaign = breach_notices.campaign(work.connection, one.campaign_id)
        if campaign is None or not breach_notices.remove_file(work.connection, one.file_id, now):
            return
        lost = notice_papers.lost_with_file(work.connection, one.campaign_id, one.made_at, EXPIRED, now)
        event = noticing.event(
            parts,
            now,
            system,
            Action.NOTICE_FILE_REMOVED,
            campaign,
            digest=one.digest.hex(),
            count=one.count,
            unknown=lost,
        )
        steps.enter(parts, work, campaign.incident_id, event)
        _unlink(parts, one.file_id)
        work.commit()


def _unlink(parts: Parts, file_id: bytes) -> None:
    for form in FORMATS:
        parts.outbox.remove(f"notice-{file_id.hex()}.{form}")
        parts.outbox.remove(f"notice-{file_id.hex()}.{form}.manifest.json")


class _Making:
    """One file on its way: its pieces are made while they are written.

    Args:
        parts: the vault's parts.
        person: an officer.
        campaign: the campaign.
        incident: the incident.
        texts: what officers wrote.
        form: csv or jsonl.
        now: UTC.
    """

    def __init__(
        self,
        parts: Parts,
        person: Person,
        campaign: Campaign,
        incident: Incident,
        texts: dict[str, dict[str, str]],
        form: str,
        now: datetime,
    ) -> None:
        self._parts, self._person, self._campaign, self._incident = parts, person, campaign, incident
        self._texts, self._form, self._now = texts, form, now
        self._begun = time.monotonic()
        self.worker, self.count, self.hashed = new_id(), 0, hashlib.sha256()

    def pieces(self) -> Iterator[bytes]:
        """Yield the file's content, and count and hash it."""
        for piece in self._lines():
            self.hashed.update(piece)
            yield piece

    def _lines(self) -> Iterator[bytes]:
        if self._form == "csv":
            yield b"\xef\xbb\xbf" + _csv_line(COLUMNS)
        while batch := self._claimed():
            wanted = {one.record_id: Channel.FILE for one in batch}
            done = notice_disclosing.disclose(self._parts, self._person.actor(), self._campaign, wanted, self._clock())
            self._take_out(done.missing)
            for one in batch:
                contact = done.contacts.get(one.record_id)
                if contact is None:
                    continue
                self.count += 1
                name = noticing.masked_name(self._parts.policy, contact.name.disclose() if contact.name else "")
                at = self._campaign.released_at or self._now
                said = noticing.written(self._parts.policy, self._incident, self._texts, name, at)
                cells = (one.key.hex(), contact.address.disclose(), *(said[language].body for language in LANGUAGES))
                if self._form == "csv":
                    yield _csv_line(cells)
                else:
                    line = dict(zip(COLUMNS, cells, strict=True))
                    yield (json.dumps(line, ensure_ascii=False) + "\n").encode()

    def _claimed(self) -> list[Recipient]:
        policy = self._parts.policy.breach_notices
        with unit_of_work(self._parts.database) as work:
            batch = notice_recipients.set_aside(
                work.connection,
                self._campaign.campaign_id,
                Channel.FILE,
                self.worker,
                policy.batch,
                self._clock(),
                self._clock() - policy.lease(),
            )
            notice_recipients.claim_all(work.connection, self._campaign.campaign_id, self.worker, self._clock())
            work.commit()
        return batch

    def _take_out(self, missing: Mapping[bytes, str]) -> None:
        with unit_of_work(self._parts.database) as work:
            for record_id, why in missing.items():
                gone = Settled(INSTEAD[why], why, self._now)
                notice_recipients.settle(work.connection, self._campaign.campaign_id, record_id, self.worker, gone)
            work.commit()

    def _clock(self) -> datetime:
        return self._now + timedelta(seconds=time.monotonic() - self._begun)


def _csv_line(cells: tuple[str, ...]) -> bytes:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerow(
        [f"'{one}" if one.startswith(_FORMULA) and not _DIALLED.fullmatch(one) else one for one in cells]
    )
    return written.getvalue().encode()
