"""What an event disclosed: of which records which fields, and whether they were seen in clear or only masked.

An event names the fields that were opened. Whether a mask stood before one is told by the rules that were in force,
whose digest the event names (:data:`_CARDS`). What nothing is said about counts as seen in clear: a new kind of event
makes a radius too large rather than too small.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple

from vault.domain.fields import FIELDS
from vault.domain.ids import RecordClass, Role
from vault.domain.log import Action, micros_text
from vault.domain.radius import DataKind, RadiusScope, kind_of
from vault.domain.records import LinkRole
from vault.domain.rules.access import View
from vault.domain.rules.views import Views

_CARDS = frozenset({Action.LOOKUP, Action.RECORD_VIEW, Action.REQUEST_VIEW, Action.RETENTION_VIEW})
"""Actions that show masked cards: in clear is what the policy shows plain."""

_NOBODY_SEES = frozenset(
    {
        Action.CALLER_CHECKED,  # compared with what the caller said: yes or no
        Action.BREAK_GLASS_OPENED,  # compared with the number that was asked for
        Action.IMPORT_COMPARE,
        Action.RECORD_MOVED,
        Action.BACKUP_DRILLED,
    }
)
"""Actions that open values and show them to nobody."""

# Canonical JSON has sorted keys, and a quote inside a string has a backslash: what matches reads the same as parsed.
_EVENT: Final = re.compile(
    rb'\{"action":"([^"\\]*+)","actor":"([^"\\]*+)","at":"([^"\\]*+)","case":"[^"\\]*+","facts":\{([^{}]*+)\},'
    rb'"id":"[0-9a-f]{32}","node":"[^"\\]*+","outcome":"[^"\\]*+","policy":"([^"\\]*+)","purpose":"([^"\\]*+)",'
    rb'"records":\[(.*)\],"role":"([^"\\]*+)","rule":"[^"\\]*+","session":"([^"\\]*+)","source":"([^"\\]*+)","v":1\}'
)
_RECORD: Final = re.compile(rb'\{"class":"([a-z_]++)","fields":\[([^\]]*+)\],"id":"([0-9a-f]{32})"\}')
_TYPED_WAYBILL: Final = b'"identifier":"waybill"'


class Disclosed(NamedTuple):
    """What one event showed of one record.

    Args:
        record_id: the record.
        record_class: its class, as the event names it.
        at: when, as the event says it: such texts sort by time.
        clear: fields seen in clear, as bits of :class:`FieldBits`.
        masked: fields seen masked.
    """

    record_id: bytes
    record_class: str
    at: str
    clear: int
    masked: int


class FieldBits:
    """Fields as bits of a number, so that millions of sets of them cost little; a name we do not know gets its own."""

    def __init__(self) -> None:
        known = [f"{record_class.value}.{name}" for record_class, fields in FIELDS.items() for name in fields]
        self._names = known
        self._bits = {name: 1 << at for at, name in enumerate(known)}

    def of(self, names: Iterable[str]) -> int:
        """Return the bits of fields, given as ``class.field``."""
        bits = 0
        for name in names:
            if name not in self._bits:
                self._bits[name] = 1 << len(self._names)
                self._names.append(name)
            bits |= self._bits[name]
        return bits

    def names(self, bits: int) -> tuple[str, ...]:
        """Return the fields of some bits, sorted."""
        return tuple(sorted(name for name, bit in self._bits.items() if bits & bit))

    def of_kind(self, kind: DataKind) -> int:
        """Return the bits of the fields of a kind of data."""
        return sum(bit for name, bit in self._bits.items() if kind_of(name) is kind)

    def telling_of(self, role: LinkRole) -> int:
        """Return the bits of the fields that tell of the customer who stands in a role to the record."""
        told = 0
        for name, bit in self._bits.items():
            record_class, _, field = name.partition(".")
            known = FIELDS[RecordClass(record_class)].get(field) if record_class in list(RecordClass) else None
            if known is None or known.tells_of in (None, role):
                told |= bit
        return told


class Reader:
    """Reads events for a radius.

    Args:
        bits: of fields.
        scope: what of the log is asked for.
        views_of: returns what a policy shows of each field, by its digest; None where its text was not kept.
    """

    def __init__(self, bits: FieldBits, scope: RadiusScope, views_of: Callable[[str], Views | None]) -> None:
        self._bits, self._scope, self._views_of = bits, scope, views_of
        self._since = micros_text(scope.since) if scope.since else ""
        self._until = micros_text(scope.until) if scope.until else "~"  # behind every digit
        self._records = frozenset(one.hex().encode() for one in scope.records)
        self._seen: dict[tuple[bytes, ...], tuple[int, int]] = {}

    def read(self, events: Iterable[bytes]) -> Iterator[Disclosed]:
        """Yield what events of the scope disclosed.

        Args:
            events: their canonical bytes; those of another scope are left out.
        """
        person, session, source = (
            one.encode() for one in (self._scope.person, self._scope.session, self._scope.source)
        )
        since, until, wanted, seen = self._since, self._until, self._records, self._seen
        for canonical in events:
            found = _EVENT.fullmatch(canonical)
            values = found.groups() if found is not None else _parsed(canonical)
            action, actor, moment, facts, policy, purpose, named, role, its_session, its_source = values
            if not named or (person and actor != person):
                continue
            if (session and its_session != session) or (source and its_source != source):
                continue
            at = moment.decode()
            if not since <= at < until:
                continue
            typed = b"1" if _TYPED_WAYBILL in facts else b""
            for record_class, fields, record_id in _RECORD.findall(named):
                if not fields or (wanted and record_id not in wanted):
                    continue
                key = (action, policy, purpose, role, typed, record_class, fields)
                bits = seen.get(key)
                if bits is None:
                    bits = seen[key] = self._shown(*(one.decode() for one in key))
                if bits != (0, 0):
                    yield Disclosed(bytes.fromhex(record_id.decode()), record_class.decode(), at, *bits)

    def _shown(
        self, action: str, policy: str, purpose: str, role: str, typed: str, record_class: str, fields: str
    ) -> tuple[int, int]:
        """Return the fields seen in clear, and those seen masked."""
        if action in _NOBODY_SEES:
            return 0, 0
        names = json.loads(f"[{fields}]")
        clear = {name for name in names if self._is_clear(action, policy, purpose, role, typed, record_class, name)}
        qualified = {name: f"{record_class}.{name}" for name in names}
        return (
            self._bits.of(qualified[name] for name in names if name in clear),
            self._bits.of(qualified[name] for name in names if name not in clear),
        )

    def _is_clear(
        self, action: str, policy: str, purpose: str, role: str, typed: str, record_class: str, name: str
    ) -> bool:
        if action not in _CARDS:
            return True
        views = self._views_of(policy)
        if views is None or role not in list(Role) or record_class not in list(RecordClass):
            return True
        view = views.of(RecordClass(record_class), name, Role(role), purpose)
        if action == Action.LOOKUP and typed and (record_class, name) == ("shipment", "waybill"):
            return view is not View.HIDDEN  # who has just typed it sees it whole
        return view is View.PLAIN


def _parsed(canonical: bytes) -> tuple[bytes, ...]:
    """Return the same of an event that is not written as ever."""
    event: dict[str, Any] = json.loads(canonical)
    compact: Any = {"ensure_ascii": False, "separators": (",", ":"), "sort_keys": True}
    facts = json.dumps(event["facts"], **compact)
    records = ",".join(json.dumps(one, **compact) for one in event["records"])
    names = ("policy", "purpose")
    return tuple(
        one.encode()
        for one in (
            event["action"], event["actor"], event["at"], facts, *(event[name] for name in names), records,
            event["role"], event["session"], event["source"],
        )
    )  # fmt: skip
