"""The blast radius of an incident: what is asked for, the kinds of data, and the numbers of the law beside the counts.

What was shown in clear counts against a threshold; what was only shown masked is counted beside it (Criminal Law 253-1
with the interpretation of 2017, art. 5: halved for who obtained it while providing a service; UL-04; PIPL 52).
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from vault.domain.clocks import in_utc
from vault.domain.ids import RecordClass
from vault.domain.log import micros_text
from vault.domain.people import normal_work_number
from vault.errors import InvalidValue

MOST_RECORDS = 10_000
"""So many records are asked about at once."""

COMPANY_RECORDS = 51
"""More than 50 leaked records go to the police, of whatever kind (UL-04)."""

MILLION = 1_000_000
"""So many persons make an incident one that the cyberspace administration hears of within hours (PIPL 52)."""

_ID = re.compile(r"[0-9a-f]{32}")
_ACTOR = re.compile(r"[A-Za-z0-9_.:-]{1,64}", re.ASCII)
_NOT_AN_ADDRESS = ("local", "unknown")


class DataKind(StrEnum):
    """Kinds of personal data, as the criminal law weighs them."""

    WHEREABOUTS = "whereabouts"
    COMMUNICATION = "communication"
    IDENTITY = "identity"
    TRANSACTION = "transaction"
    OTHER = "other"


LEGAL: Mapping[DataKind, int] = {
    DataKind.WHEREABOUTS: 25,
    DataKind.COMMUNICATION: 25,
    DataKind.IDENTITY: 250,
    DataKind.TRANSACTION: 250,
    DataKind.OTHER: 2_500,
}
"""From how many people on it is serious: half of 50, 500 and 5,000, because staff got it while providing a service."""

_KIND_OF = {
    # An address says where somebody lives and a track where their parcel met them: both count as the strictest kind.
    "customer.sender_address": DataKind.WHEREABOUTS,
    "customer.recipient_address": DataKind.WHEREABOUTS,
    "shipment.track": DataKind.WHEREABOUTS,
    "service_record.text": DataKind.COMMUNICATION,
    "request.note": DataKind.COMMUNICATION,
    "customer.id_number": DataKind.IDENTITY,
    "id_copy.image": DataKind.IDENTITY,
    "shipment.waybill": DataKind.TRANSACTION,
    "shipment.item_type": DataKind.TRANSACTION,
}
_NOT_PERSONAL = frozenset(
    {
        "customer.id_type",
        "customer.notice",
        "customer.source_number",
        "shipment.parcel",
        "service_record.source_number",
        "service_record.details",
    }
)
"""Named in each line, and counted against no threshold: every look-up shows some of them (IM-01 to IM-03)."""


def kind_of(field: str) -> DataKind | None:
    """Return the kind of data of a field, given as ``class.field``; None for what tells nothing of a person."""
    return None if field in _NOT_PERSONAL else _KIND_OF.get(field, DataKind.OTHER)


@dataclass(frozen=True, slots=True)
class RadiusScope:
    """What a radius is drawn around.

    Of the log: who, which session, which address, a span of time and certain records, all of them together. Or of the
    rows: one cohort, one backup or everything, with all fields, because they may have been read. Or of a drill.

    Args:
        person: work number or other actor, as events name them.
        session: id of a session or token (hex).
        source: network address, or ``local``.
        since: UTC, inclusive.
        until: UTC, exclusive.
        records: only these records, as events name them.
        cohort: every record of one cohort.
        backup: what one backup held.
        everything: the whole database.
        drill: the made-up customers of a drill.
    """

    person: str = ""
    session: str = ""
    source: str = ""
    since: datetime | None = None
    until: datetime | None = None
    records: tuple[bytes, ...] = ()
    cohort: bytes | None = None
    backup: bytes | None = None
    everything: bool = False
    drill: bool = False

    @property
    def of_rows(self) -> bool:
        """Whether the rows answer, and not the log: then what it names may have been read, nothing says that it was."""
        return self.everything or self.cohort is not None or self.backup is not None

    def checked(self) -> RadiusScope:
        """Return the scope in its canonical spelling.

        Raises:
            InvalidValue: ``scope_empty``; ``scope_mixed``: two that answer differently; ``span_empty``;
                ``wrong_form``; ``too_many_records``; ``impossible_date`` or ``no_time_zone``.
        """
        around_log = bool(self.person or self.session or self.source or self.records)
        whole = (self.everything, self.cohort is not None, self.backup is not None, self.drill)
        spanned = self.since is not None or self.until is not None
        if sum(whole) > 1 or (any(whole) and around_log) or (spanned and (self.drill or self.backup is not None)):
            raise InvalidValue("scope_mixed", field="scope")
        if not (any(whole) or around_log or spanned):
            raise InvalidValue("scope_empty", field="scope")
        since = None if self.since is None else in_utc(self.since, "since")
        until = None if self.until is None else in_utc(self.until, "until")
        if since is not None and until is not None and until <= since:
            raise InvalidValue("span_empty", field="until")
        if len(set(self.records)) > MOST_RECORDS:
            raise InvalidValue("too_many_records", field="records", most=MOST_RECORDS)
        return replace(
            self,
            person=_checked_actor(self.person),
            session=_checked_id(self.session, "session"),
            source=_checked_source(self.source),
            since=since,
            until=until,
            records=tuple(sorted(set(self.records))),
        )

    def as_json(self) -> dict[str, Any]:
        """Return what was asked for, without what was not; of records their number and a digest over them."""
        told: dict[str, Any] = {
            name: value for name in ("person", "session", "source") if (value := getattr(self, name))
        }
        told |= {name: micros_text(at) for name in ("since", "until") if (at := getattr(self, name)) is not None}
        told |= {name: one.hex() for name in ("cohort", "backup") if (one := getattr(self, name)) is not None}
        told |= {name: True for name in ("everything", "drill") if getattr(self, name)}
        if self.records:
            digest = hashlib.sha256(b"".join(self.records)).hexdigest()
            told["records"] = {"count": len(self.records), "digest": digest}
        return told


@dataclass(frozen=True, slots=True)
class KindCount:
    """How many customers a kind of data of whom was seen, and whether the law's number is reached.

    Args:
        kind: the kind.
        customers: distinct ones of whom anything of the kind was shown, in clear or masked.
        clear: those of whom some was shown in clear.
    """

    kind: DataKind
    customers: int
    clear: int

    @property
    def masked(self) -> int:
        """Customers of whom it was shown masked only."""
        return self.customers - self.clear

    @property
    def threshold(self) -> int:
        """From how many on it is serious."""
        return LEGAL[self.kind]

    @property
    def crossed(self) -> bool:
        """Whether so many were shown in clear."""
        return self.clear >= self.threshold


@dataclass(frozen=True, slots=True)
class RadiusCounts:
    """What a radius comes to.

    Args:
        customers: distinct customers of whom anything was shown.
        clear: those of whom something personal was shown in clear.
        records: distinct records of which anything was shown.
        records_clear: those of which something personal was shown in clear.
        unlinked: records whose customers are not known any more, destroyed ones mostly.
        destroyed_since: customers whose record was destroyed before the radius was drawn.
        kinds: by kind of data.
        possible: it may have been read; nothing says that it was.
        cohorts: of rows: how many cohorts their keys lie in.
        cohorts_destroyed: how many of these keys are destroyed in every registered copy.
    """

    customers: int
    clear: int
    records: int
    records_clear: int
    unlinked: int
    destroyed_since: int
    kinds: tuple[KindCount, ...]
    possible: bool = False
    cohorts: int = 0
    cohorts_destroyed: int = 0

    @property
    def over_company(self) -> bool:
        """Whether the company's rule sends it to the police (UL-04)."""
        return self.records_clear >= COMPANY_RECORDS

    @property
    def for_police(self) -> bool:
        """Whether the company's rule or the law does: the stricter one counts."""
        return self.over_company or any(one.crossed for one in self.kinds)

    @property
    def over_million(self) -> bool:
        """Whether so many persons are concerned that the cyberspace administration must hear of it."""
        return self.customers >= MILLION

    def as_json(self) -> dict[str, Any]:
        """Return the counts as programs read them; the same words on page, API and command line."""
        numbers = ("customers", "clear", "records", "records_clear", "unlinked", "destroyed_since", "possible")
        told: dict[str, Any] = {name: getattr(self, name) for name in numbers}
        if self.cohorts:
            told |= {"cohorts": self.cohorts, "cohorts_destroyed": self.cohorts_destroyed}
        names = ("kind", "customers", "clear", "masked", "threshold", "crossed")
        told["by_kind"] = [{name: getattr(one, name) for name in names} for one in self.kinds]
        told["thresholds"] = [
            {"id": "company", "clause": "UL-04", "count": self.records_clear, "threshold": COMPANY_RECORDS,
             "crossed": self.over_company},
            {"id": "million", "clause": "PIPL 52", "count": self.customers, "threshold": MILLION,
             "crossed": self.over_million},
        ]  # fmt: skip
        return told

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> RadiusCounts:
        """Read back what :meth:`as_json` wrote."""
        kinds = tuple(KindCount(DataKind(one["kind"]), one["customers"], one["clear"]) for one in told["by_kind"])
        names = ("customers", "clear", "records", "records_clear", "unlinked", "destroyed_since", "possible")
        more = {name: told[name] for name in ("cohorts", "cohorts_destroyed") if name in told}
        return cls(**{name: told[name] for name in names}, kinds=kinds, **more)


@dataclass(frozen=True, slots=True)
class Affected:
    """One line of a radius: a customer, or a record whose customers are not known any more.

    Args:
        record_id: its random id.
        record_class: ``customer``, or what it is.
        clear: fields shown in clear, as ``class.field``, sorted.
        masked: fields shown masked only, likewise.
        first_at: of the first event that showed one of them, UTC; None where the rows answered.
        last_at: of the last.
        destroyed: its record was destroyed before the radius was drawn.
    """

    record_id: bytes
    record_class: RecordClass
    clear: tuple[str, ...]
    masked: tuple[str, ...]
    first_at: datetime | None
    last_at: datetime | None
    destroyed: bool

    def line(self) -> bytes:
        """Return the line that the digest is made over (docs/formats.md, "Radius of an incident")."""
        times = ["" if at is None else micros_text(at) for at in (self.first_at, self.last_at)]
        cells = (self.record_id.hex(), self.record_class.value, " ".join(self.clear), " ".join(self.masked), *times)
        return ("\t".join((*cells, "1" if self.destroyed else "0")) + "\n").encode()


def record_ids(typed: str) -> tuple[bytes, ...]:
    """Read ids as people paste them: with white space, commas or line ends between, in any order.

    Raises:
        InvalidValue: ``wrong_form``, field ``records``.
    """
    words = [word for word in re.split(r"[\s,;]+", typed.lower()) if word]
    if not all(map(_ID.fullmatch, words)):
        raise InvalidValue("wrong_form", field="records")
    return tuple(bytes.fromhex(one) for one in words)


def record_id(typed: str, field: str) -> bytes:
    """Read one id.

    Raises:
        InvalidValue: ``wrong_form``.
    """
    word = _checked_id(typed, field)
    if not word:
        raise InvalidValue("wrong_form", field=field)
    return bytes.fromhex(word)


def canonical(told: Mapping[str, Any]) -> str:
    """Return canonical JSON of what a radius says of itself."""
    return json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest_of(lines: Iterable[Affected]) -> bytes:
    """Return SHA-256 over the lines, which come in order of id."""
    digest = hashlib.sha256()
    for one in lines:
        digest.update(one.line())
    return digest.digest()


def _checked_actor(typed: str) -> str:
    if not typed.strip():
        return ""
    name = typed.strip() if ":" in typed or typed.strip() in ("system", "unknown") else normal_work_number(typed)
    if not _ACTOR.fullmatch(name):
        raise InvalidValue("wrong_form", field="person")
    return name


def _checked_id(typed: str, field: str) -> str:
    word = typed.strip().lower()
    if word and not _ID.fullmatch(word):
        raise InvalidValue("wrong_form", field=field)
    return word


def _checked_source(typed: str) -> str:
    word = typed.strip()
    if not word or word in _NOT_AN_ADDRESS:
        return word
    try:
        return ipaddress.ip_address(word).compressed
    except ValueError:
        raise InvalidValue("wrong_form", field="source") from None
