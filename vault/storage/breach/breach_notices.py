"""Campaigns of notices to customers, the files made for other senders, and decisions to tell nobody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, insert, literal, or_, select, update

from vault.domain.breach.breach_notices import OUTSTANDING, CampaignState, Channel, RecipientState
from vault.domain.breach.incidents import IncidentState
from vault.domain.ids import RecordClass
from vault.storage.breach.notice_runs import left_over
from vault.storage.tables import (
    incident_radii,
    incidents,
    notice_campaigns,
    notice_files,
    notice_recipients,
    notice_waivers,
    radius_customers,
)

_COLUMNS = (
    notice_campaigns.c.campaign_id,
    notice_campaigns.c.incident_id,
    notice_campaigns.c.radius_id,
    notice_campaigns.c.state,
    notice_campaigns.c.template,
    notice_campaigns.c.channels,
    notice_campaigns.c.kinds,
    notice_campaigns.c.contacts_at,
    notice_campaigns.c.sealed_texts,
    notice_campaigns.c.digest,
    notice_campaigns.c.prepared_by,
    notice_campaigns.c.prepared_at,
    notice_campaigns.c.released_by,
    notice_campaigns.c.released_at,
)
UNFINISHED = bytes(32)
"""The digest of a campaign whose recipients are not all listed yet; nobody can release it."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """Notices about one incident to the customers of one frozen radius.

    Args:
        campaign_id: random id.
        incident_id: the incident.
        radius_id: whose customers.
        state: draft, released or replaced.
        template: id and version.
        channels: in the order in which they are tried.
        kinds: of data that the notice names.
        contacts_at: contacts as they were then.
        sealed_texts: what officers typed.
        digest: over all that will be said, and to whom.
        prepared_by: account.
        prepared_at: when.
        released_by: account of the second officer.
        released_at: when.
    """

    campaign_id: bytes
    incident_id: bytes
    radius_id: bytes | None
    state: CampaignState
    template: str
    channels: tuple[Channel, ...]
    kinds: tuple[str, ...]
    contacts_at: datetime
    sealed_texts: bytes
    digest: bytes
    prepared_by: bytes
    prepared_at: datetime
    released_by: bytes | None = None
    released_at: datetime | None = None

    @property
    def is_ready(self) -> bool:
        """Whether every recipient is listed, so that it can be released."""
        return self.digest != UNFINISHED


@dataclass(frozen=True, slots=True)
class NoticeFile:
    """One file made for another sender; its name is its id."""

    file_id: bytes
    campaign_id: bytes
    count: int
    digest: bytes
    made_by: str
    made_at: datetime
    removed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Waiver:
    """A decision to tell no customer: one officer asks, another confirms."""

    incident_id: bytes
    sealed_reason: bytes
    asked_by: bytes
    asked_at: datetime
    confirmed_by: bytes | None
    confirmed_at: datetime | None


def add(connection: Connection, one: Campaign) -> None:
    """Insert a draft."""
    connection.execute(
        insert(notice_campaigns).values(
            campaign_id=one.campaign_id,
            incident_id=one.incident_id,
            radius_id=one.radius_id,
            state=one.state.value,
            template=one.template,
            channels=",".join(one.channels),
            kinds=",".join(one.kinds),
            contacts_at=one.contacts_at,
            sealed_texts=one.sealed_texts,
            digest=one.digest,
            prepared_by=one.prepared_by,
            prepared_at=one.prepared_at,
        )
    )


def campaign(connection: Connection, campaign_id: bytes, *, locked: bool = False) -> Campaign | None:
    """Return a campaign; locked, nobody else moves it until this transaction ends."""
    query = select(*_COLUMNS).where(notice_campaigns.c.campaign_id == campaign_id)
    row = connection.execute(query.with_for_update() if locked else query).first()
    return None if row is None else _campaign(row)


def of_incident(connection: Connection, incident_id: bytes) -> list[Campaign]:
    """List the campaigns of an incident that were not replaced, the newest first."""
    column = notice_campaigns.c
    query = (
        select(*_COLUMNS)
        .where(column.incident_id == incident_id, column.state != CampaignState.REPLACED.value)
        .order_by(column.prepared_at.desc(), column.campaign_id)
    )
    return [_campaign(row) for row in connection.execute(query)]


def with_work(connection: Connection) -> list[Campaign]:
    """List the released campaigns of open incidents that have somebody to tell or to tell of, the earliest first."""
    column, line = notice_campaigns.c, notice_recipients.c
    is_open = (
        select(incidents.c.incident_id)
        .where(incidents.c.incident_id == column.incident_id, incidents.c.state != IncidentState.CLOSED.value)
        .exists()
    )
    left = (
        select(line.record_id)
        .where(line.campaign_id == column.campaign_id, line.state.in_(["waiting", "sending"]))
        .exists()
    )
    released = column.state == CampaignState.RELEASED.value
    query = select(*_COLUMNS).where(released, is_open, or_(left, left_over(column.campaign_id)))
    query = query.order_by(column.released_at)
    return [_campaign(row) for row in connection.execute(query)]


def change(connection: Connection, campaign_id: bytes, of: CampaignState, values: Mapping[str, Any]) -> bool:
    """Set columns of a campaign that is still in a state; returns whether it was."""
    column = notice_campaigns.c
    query = update(notice_campaigns).where(column.campaign_id == campaign_id, column.state == of.value)
    return connection.execute(query.values(**values)).rowcount == 1


def replace_drafts(connection: Connection, incident_id: bytes, but: bytes) -> list[bytes]:
    """Let one draft take the place of the others of an incident; returns their ids."""
    column = notice_campaigns.c
    others = (
        column.incident_id == incident_id,
        column.state == CampaignState.DRAFT.value,
        column.campaign_id != but,
    )
    ids = list(connection.execute(select(column.campaign_id).where(*others)).scalars())
    if ids:
        query = update(notice_campaigns).where(*others, column.campaign_id.in_(ids))
        connection.execute(query.values(state=CampaignState.REPLACED.value))
    return ids


def has_released(connection: Connection, incident_id: bytes) -> bool:
    """Return whether notices of an incident were released."""
    query = select(literal(1)).where(*_released_of(incident_id)).limit(1)
    return connection.execute(query).first() is not None


def outstanding(connection: Connection, incident_id: bytes) -> int:
    """Return how many customers of released campaigns wait for something, those of a file that lies there included."""
    column, line, kept = notice_campaigns.c, notice_recipients.c, notice_files.c
    lines = (
        select(func.count())
        .select_from(notice_recipients.join(notice_campaigns, column.campaign_id == line.campaign_id))
        .where(*_released_of(incident_id), line.state.in_([state.value for state in OUTSTANDING]))
    )
    lying = (
        select(func.coalesce(func.sum(kept.count), 0))
        .select_from(notice_files.join(notice_campaigns, column.campaign_id == kept.campaign_id))
        .where(*_released_of(incident_id), kept.removed_at.is_(None))
    )
    return int(connection.execute(lines).scalar_one()) + int(connection.execute(lying).scalar_one())


def untold(connection: Connection, incident_id: bytes) -> int:
    """Return how many customers of the radii that stand are in no released campaign of their incident."""
    column, line, drawn = notice_campaigns.c, notice_recipients.c, incident_radii.c
    known = (
        select(radius_customers.c.record_id)
        .select_from(radius_customers.join(incident_radii, drawn.radius_id == radius_customers.c.radius_id))
        .where(
            drawn.incident_id == incident_id,
            drawn.set_aside_at.is_(None),
            radius_customers.c.record_class == RecordClass.CUSTOMER.value,
        )
    )
    told = (
        select(line.record_id)
        .select_from(notice_recipients.join(notice_campaigns, column.campaign_id == line.campaign_id))
        .where(*_released_of(incident_id))
    )
    left = known.except_(told).subquery()
    return int(connection.execute(select(func.count()).select_from(left)).scalar_one())


def overlaps(connection: Connection, campaign_id: bytes, incident_id: bytes) -> bool:
    """Return whether somebody of a draft has a notice of a released campaign of the same incident already."""
    mine, theirs = notice_recipients.alias("mine"), notice_recipients.alias("theirs")
    joined = mine.join(theirs, theirs.c.record_id == mine.c.record_id).join(
        notice_campaigns, notice_campaigns.c.campaign_id == theirs.c.campaign_id
    )
    query = (
        select(literal(1))
        .select_from(joined)
        .where(
            mine.c.campaign_id == campaign_id,
            theirs.c.state != RecipientState.UNREACHABLE.value,
            *_released_of(incident_id),
        )
        .limit(1)
    )
    return connection.execute(query).first() is not None


# -- files -------------------------------------------------------------------------------------------------------


def add_file(connection: Connection, one: NoticeFile) -> None:
    """Insert a file that was made."""
    connection.execute(
        insert(notice_files).values(
            file_id=one.file_id,
            campaign_id=one.campaign_id,
            count=one.count,
            digest=one.digest,
            made_by=one.made_by,
            made_at=one.made_at,
        )
    )


def files_of(connection: Connection, campaign_id: bytes) -> list[NoticeFile]:
    """List the files of a campaign, the newest first."""
    query = select(notice_files).where(notice_files.c.campaign_id == campaign_id)
    return [_file(row) for row in connection.execute(query.order_by(notice_files.c.made_at.desc()))]


def file(connection: Connection, file_id: bytes) -> NoticeFile | None:
    """Return one file."""
    row = connection.execute(select(notice_files).where(notice_files.c.file_id == file_id)).first()
    return None if row is None else _file(row)


def old_files(connection: Connection, before: datetime) -> list[NoticeFile]:
    """List the files that lie there since a moment or longer, and those of closed incidents, the oldest first."""
    column, incident = notice_files.c, incidents.c
    joined = notice_files.join(notice_campaigns, notice_campaigns.c.campaign_id == column.campaign_id).join(
        incidents, incident.incident_id == notice_campaigns.c.incident_id
    )
    too_old = or_(column.made_at <= before, incident.state == IncidentState.CLOSED.value)
    query = select(*column).select_from(joined).where(column.removed_at.is_(None), too_old)
    return [_file(row) for row in connection.execute(query.order_by(column.made_at))]


def remove_file(connection: Connection, file_id: bytes, at: datetime) -> bool:
    """Note that a file was removed; returns whether it was not before."""
    column = notice_files.c
    query = update(notice_files).where(column.file_id == file_id, column.removed_at.is_(None))
    return connection.execute(query.values(removed_at=at)).rowcount == 1


# -- telling nobody ----------------------------------------------------------------------------------------------


def waiver(connection: Connection, incident_id: bytes) -> Waiver | None:
    """Return the decision to tell nobody, confirmed or not."""
    row = connection.execute(select(notice_waivers).where(notice_waivers.c.incident_id == incident_id)).first()
    if row is None:
        return None
    return Waiver(row.incident_id, row.sealed_reason, row.asked_by, row.asked_at, row.confirmed_by, row.confirmed_at)


def ask_waiver(connection: Connection, one: Waiver) -> bool:
    """Write down who asks for it and why, in place of one that nobody has confirmed; returns False if one was."""
    column = notice_waivers.c
    values = {"sealed_reason": one.sealed_reason, "asked_by": one.asked_by, "asked_at": one.asked_at}
    if waiver(connection, one.incident_id) is None:
        connection.execute(insert(notice_waivers).values(incident_id=one.incident_id, **values))
        return True
    query = update(notice_waivers).where(column.incident_id == one.incident_id, column.confirmed_by.is_(None))
    return connection.execute(query.values(**values)).rowcount == 1


def confirm_waiver(connection: Connection, incident_id: bytes, by: bytes, asked_at: datetime, at: datetime) -> bool:
    """Confirm exactly what was asked at a moment; returns whether that still stood."""
    column = notice_waivers.c
    query = update(notice_waivers).where(
        column.incident_id == incident_id, column.asked_at == asked_at, column.confirmed_by.is_(None)
    )
    return connection.execute(query.values(confirmed_by=by, confirmed_at=at)).rowcount == 1


def reopen_waiver(connection: Connection, incident_id: bytes) -> bool:
    """Take the confirmation of it away, so that it needs another; returns whether it was confirmed."""
    column = notice_waivers.c
    query = update(notice_waivers).where(column.incident_id == incident_id, column.confirmed_at.is_not(None))
    return connection.execute(query.values(confirmed_by=None, confirmed_at=None)).rowcount == 1


def _released_of(incident_id: bytes) -> tuple[ColumnElement[bool], ...]:
    column = notice_campaigns.c
    return column.incident_id == incident_id, column.state == CampaignState.RELEASED.value


def _campaign(row: Row[*tuple[Any, ...]]) -> Campaign:
    told = {column.name: value for column, value in zip(_COLUMNS, row, strict=True)}
    told["state"] = CampaignState(told["state"])
    told["channels"] = tuple(Channel(one) for one in told["channels"].split(",") if one)
    told["kinds"] = tuple(one for one in told["kinds"].split(",") if one)
    return Campaign(**told)


def _file(row: Row[*tuple[Any, ...]]) -> NoticeFile:
    return NoticeFile(*row)
