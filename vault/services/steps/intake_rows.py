"""From a row of cells to a checked entry: formats, check digits, dates and what must be there (CE-03, CE-04).

Every refusal names the field and the reason, never the value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from vault.domain import service_records
from vault.domain.clocks import entry_lateness
from vault.domain.id_numbers import id_type_of, normal_id_number
from vault.domain.identifiers import IdentifierKind, normal_source_number
from vault.domain.ids import RecordClass
from vault.domain.mail_addresses import normal_mail_address
from vault.domain.phones import normal_phone
from vault.domain.policy import Policy
from vault.domain.records import LinkRole, RecordState
from vault.domain.service_records import utc_text
from vault.domain.waybills import normal_waybill
from vault.errors import InvalidValue
from vault.storage.mapping_files import HeaderMapping

_CLOCK_SKEW = timedelta(days=1)
_TIME = re.compile(r"(\d{4})-(\d{2})-(\d{2}) (\d{2}):(\d{2}):(\d{2})", re.ASCII)
_ISO_FORMAT = "%Y-%m-%d %H:%M:%S"

Identity = tuple[IdentifierKind, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """One record as a row describes it.

    Args:
        line: where it stands in the file.
        record_class: its class.
        identity: what makes it the same record on another import.
        values: what will be sealed, by (field, ordinal).
        tagged: identifiers by which it can be found: (kind, ordinal, normal form).
        links: records it must link to, by role: their identity.
        owner: work number of the owner or handler, empty for none.
        outlet: outlet code.
        kind: kind of service record.
        state: settled or open.
        activity_at: last activity, sign-off or service end.
        entered_at: when it was entered.
        late: entered after the limit.
        notice_missing: no notice recorded.
    """

    line: int
    record_class: RecordClass
    identity: Identity
    values: Mapping[tuple[str, int], str]
    tagged: tuple[tuple[IdentifierKind, int, str], ...]
    activity_at: datetime
    entered_at: datetime
    links: Mapping[LinkRole, Identity] = field(default_factory=dict)
    owner: str = ""
    outlet: str = ""
    kind: str = ""
    state: RecordState = RecordState.SETTLED
    late: bool = False
    notice_missing: bool = False


class RowReader:
    """Reads the rows of one file.

    Args:
        mapping: the header mapping.
        header: the file's header row.
        policy: the rules in force.
        now: UTC; nothing may lie more than a day after it.
    """

    def __init__(self, mapping: HeaderMapping, header: tuple[str, ...], policy: Policy, now: datetime) -> None:
        self._names = [mapping.columns.get(name, "") for name in header]
        self._required = mapping.mapping.required
        self._words = mapping.values
        self._policy = policy
        self._latest = now + _CLOCK_SKEW
        self._now = now
        times = mapping.times
        self._format = times.format if times else _ISO_FORMAT
        self._zone = ZoneInfo(times.zone) if times else policy.zone
        readers: dict[str, Callable[[int, dict[str, str]], Entry]] = {
            "customer": self._customer,
            "shipment": self._shipment,
            "service_record": self._service,
        }
        self._read = readers.get(mapping.mapping.record_class)

    def cells(self, values: tuple[str, ...]) -> dict[str, str]:
        """Return a row's cells by field name, words of closed lists already turned into ids.

        Raises:
            InvalidValue: a required cell is empty, or a word is not on its list.
        """
        row = {name: value for name, value in zip(self._names, values, strict=False) if name}
        for name in self._required:
            if not row.get(name):
                raise InvalidValue("value_missing", field=name)
        for name, words in self._words.items():
            value = row.get(name)
            if value:
                word = words.get(value)
                if word is None:
                    raise InvalidValue(f"unknown_{name}", field=name)
                row[name] = word
        return row

    def entry(self, line: int, values: tuple[str, ...]) -> Entry:
        """Turn one row into an entry.

        Raises:
            InvalidValue: with the field and the reason.
        """
        if self._read is None:
            raise InvalidValue("unknown_class", field="class")
        return self._read(line, self.cells(values))

    # -- classes -------------------------------------------------------------------------------------------------

    def _customer(self, line: int, row: dict[str, str]) -> Entry:
        id_type = id_type_of(row["id_type"])
        id_number = normal_id_number(row["id_number"], id_type)
        phone = normal_phone(row["phone"])
        source = normal_source_number(row["source_number"]) if row.get("source_number") else ""
        notice = {"version": row.get("notice_version", ""), "channel": row.get("notice_channel", "")}
        if notice_at := self._time(row, "notice_at"):
            notice["at"] = utc_text(notice_at)
        missing = not (notice["version"] and notice["channel"] and notice_at)
        values = {
            ("name", 0): row["name"],
            ("phone", 0): phone,
            ("sender_address", 0): row["sender_address"],
            ("recipient_address", 0): row["recipient_address"],
            ("id_type", 0): id_type.value,
            ("id_number", 0): id_number,
            ("notice", 0): _json({} if missing else notice),
        }
        # The tag holds no ID type, because agents type the number alone.
        tagged = [(IdentifierKind.PHONE, 0, phone), (IdentifierKind.ID_NUMBER, 0, id_number)]
        if other := row.get("other_contact", ""):
            contact, is_phone = _contact(other)
            values["other_contact", 0] = contact
            if is_phone:
                tagged.append((IdentifierKind.PHONE, 1, contact))
        if email := row.get("email", ""):
            values["email", 0] = normal_mail_address(email)
        if source:
            values["source_number", 0] = source
            tagged.append((IdentifierKind.SOURCE_NUMBER, 0, source))
        return Entry(
            line=line,
            record_class=RecordClass.CUSTOMER,
            identity=(IdentifierKind.SOURCE_NUMBER, source) if source else (IdentifierKind.ID_NUMBER, id_number),
            values=values,
            tagged=tuple(tagged),
            owner=row.get("owner", ""),
            outlet=checked_code(row["outlet"], "outlet"),
            activity_at=self._needed_time(row, "last_activity_at"),
            entered_at=self._now,
            notice_missing=missing,
        )

    def _shipment(self, line: int, row: dict[str, str]) -> Entry:
        waybill = normal_waybill(row["waybill"], self._policy.carriers).number
        track: dict[str, str] = {}
        steps = [(name, self._time(row, f"{name}_at")) for name in ("pickup", "transit", "delivery", "signed")]
        earlier: datetime | None = None
        for name, at in steps:
            if at is None:
                continue
            if earlier is not None and at < earlier:
                reason = "signed_before_pickup" if name == "signed" else "out_of_order"
                raise InvalidValue(reason, field=f"{name}_at")
            track[name], earlier = utc_text(at), at
        values = {
            ("waybill", 0): waybill,
            ("item_type", 0): row["item_type"],
            ("parcel", 0): _json(
                {
                    "weight_kg": _number(row["weight_kg"], "weight_kg"),
                    "declared_value": _number(row.get("declared_value", ""), "declared_value"),
                }
            ),
            ("track", 0): _json(track),
        }
        if row.get("signed_by"):
            values["signed_by", 0] = row["signed_by"]
        if earlier is None:
            raise InvalidValue("value_missing", field="pickup_at")
        return Entry(
            line=line,
            record_class=RecordClass.SHIPMENT,
            identity=(IdentifierKind.WAYBILL, waybill),
            values=values,
            tagged=((IdentifierKind.WAYBILL, 0, waybill),),
            links={
                LinkRole.SENDER: (IdentifierKind.SOURCE_NUMBER, normal_source_number(row["sender"], "sender")),
                LinkRole.RECIPIENT: (IdentifierKind.SOURCE_NUMBER, normal_source_number(row["recipient"], "recipient")),
            },
            outlet=checked_code(row["outlet"], "outlet"),
            activity_at=earlier,
            entered_at=self._now,
        )

    def _service(self, line: int, row: dict[str, str]) -> Entry:
        started, ended = self._needed_time(row, "started_at"), self._needed_time(row, "ended_at")
        entered = self._needed_time(row, "entered_at")
        if ended < started:
            raise InvalidValue("ended_before_start", field="ended_at")
        if entered < started:
            raise InvalidValue("entered_before_start", field="entered_at")
        # Entered while the customer was still on the line is in time.
        late = entry_lateness(ended, max(ended, entered), self._policy.entry.limit())
        kind = row["kind"]
        if (
            kind not in service_records.KINDS
        ):  # stands in clear, so that no other word may get there by a mapping without words
            raise InvalidValue("unknown_kind", field="kind")
        result = row.get("result", "")
        source = normal_source_number(row["source_number"])
        details = service_records.details_text(
            {"started_at": started, "ended_at": ended, "entered_at": entered},
            channel=row["channel"],
            result=result,
            category=row.get("complaint_category", ""),
            severity=row.get("complaint_severity", ""),
            rating=_rating(row.get("rating", "")),
        )
        links = {LinkRole.CUSTOMER: (IdentifierKind.SOURCE_NUMBER, normal_source_number(row["customer"], "customer"))}
        if row.get("waybill"):
            waybill = normal_waybill(row["waybill"], self._policy.carriers).number
            links[LinkRole.SHIPMENT] = (IdentifierKind.WAYBILL, waybill)
        return Entry(
            line=line,
            record_class=RecordClass.SERVICE_RECORD,
            identity=(IdentifierKind.SOURCE_NUMBER, source),
            values={("source_number", 0): source, ("text", 0): row["text"], ("details", 0): details},
            tagged=((IdentifierKind.SOURCE_NUMBER, 0, source),),
            links=links,
            owner=row["agent"],
            kind=kind,
            state=service_records.state_of(kind, result),
            activity_at=ended,
            entered_at=entered,
            late=late is not None,
        )

    # -- times ---------------------------------------------------------------------------------------------------

    def _time(self, row: Mapping[str, str], name: str) -> datetime | None:
        text = row.get(name, "")
        if not text:
            return None
        at = _read_time(text, self._format, self._zone)
        if at is None:
            raise InvalidValue("impossible_date", field=name)
        if at > self._latest:
            raise InvalidValue("date_in_future", field=name)
        return at

    def _needed_time(self, row: Mapping[str, str], name: str) -> datetime:
        at = self._time(row, name)
        if at is None:
            raise InvalidValue("value_missing", field=name)
        return at


@lru_cache(maxsize=65_536)
def _read_time(text: str, form: str, zone: ZoneInfo) -> datetime | None:
    try:
        match = _TIME.fullmatch(text) if form == _ISO_FORMAT else None
        if match is not None:  # the usual format, six times as fast as strptime
            year, month, day, hour, minute, second = map(int, match.groups())
            return datetime(year, month, day, hour, minute, second, tzinfo=zone).astimezone(UTC)
        return datetime.strptime(text, form).replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


_json = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode
_CODE = re.compile(r"[A-Za-z0-9_-]{0,32}")
_NUMBER = re.compile(r"\d{1,9}(\.\d{1,3})?", re.ASCII)


def _number(text: str, name: str) -> str:
    if text and not _NUMBER.fullmatch(text):
        raise InvalidValue("not_a_number", field=name)
    return text


def _rating(text: str) -> str:
    if text and text not in service_records.RATINGS:
        raise InvalidValue("rating_out_of_range", field="rating")
    return text


def checked_code(text: str, name: str) -> str:
    """Return an outlet's or team's code; codes stand in clear, so nothing else may get into their column.

    Raises:
        InvalidValue: ``not_a_code``.
    """
    if not _CODE.fullmatch(text):
        raise InvalidValue("not_a_code", field=name)
    return text


def _contact(text: str) -> tuple[str, bool]:
    """Return another contact in canonical form if it is a telephone number, else as written (a WeChat id, say)."""
    try:
        return normal_phone(text), True
    except InvalidValue:
        return text, False
