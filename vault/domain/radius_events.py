"""What an event disclosed: of which records which fields, and whether they were seen in clear or only masked.

An event names the fields that were opened. Whether a mask stood before one is told by the rules that were in force,
whose digest the event names (:data:`_CARDS`). What nothing is said about counts as seen in clear: a new kind of event
makes a radius too large rather than too small.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from vault.domain.fields import FIELDS
from vault.domain.ids import RecordClass, Role
from vault.domain.log import Action, micros_text
from vault.domain.radius import DataKind, RadiusScope, kind_of
from vault.domain.records import LinkRole
from vault.domain.rules.access import View
from vault.domain.rules.views import Views
from vault.errors import IntegrityError

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

# Canonical JSON has sorted keys, and a quote inside a string has a backslash before it: these marks stand where they
# always do and nowhere else. Slices cost a tenth of parsing.
_ACTOR: Final = b'","actor":"'
_CASE: Final = b'","case":"'
_POLICY: Final = b'"policy":"'
_RECORDS: Final = b'"records":[{"class":"'
_NEXT_RECORD: Final = b'"},{"class":"'
_END_OF_RECORDS: Final = b'"}],"role":"'
_END_OF_ROLE: Final = b'","rule":"'
_TYPED_WAYBILL: Final = b'"identifier":"waybill"'
_TIME_LENGTH: Final = len("2026-11-20T03:04:05.000006Z")
_ID_DIGITS: Final = 32
_BEFORE_ID: Final = _ID_DIGITS + len(b'],"id":"')
_MOST_KEPT: Final = 10_000


class Sum:
    """What was shown of one record.

    Args:
        record_class: its class.
        clear: fields seen in clear, as bits of :class:`FieldBits`.
        masked: fields seen masked.
        at: when, as an event says it: such texts sort by time.
    """

    __slots__ = ("clear", "first", "last", "masked", "record_class")

    def __init__(self, record_class: str, clear: int, masked: int, at: bytes) -> None:
        self.record_class, self.clear, self.masked = record_class, clear, masked
        self.first = self.last = at


_ROLES: Final = frozenset(Role)
_CLASSES: Final = frozenset(RecordClass)
_NOTHING: Final = ("", 0, 0)
_Shapes = dict[bytes, tuple[str, int, int]]


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
        self._bits, self._views_of = bits, views_of
        self._since = micros_text(scope.since).encode() if scope.since else b""
        self._until = micros_text(scope.until).encode() if scope.until else b"~"  # behind every digit
        self._records = frozenset(one.hex().encode() for one in scope.records)
        self._actor = f'","actor":"{scope.person}","at":"'.encode() if scope.person else b""
        self._within = [
            f'"{name}":"{value}"'.encode() for name in ("session", "source") if (value := getattr(scope, name))
        ]
        self._known: dict[tuple[bytes, bytes, bytes, bool], _Shapes] = {}

    def read(self, events: Iterable[bytes], sums: dict[bytes, Sum]) -> None:
        """Add up what events of the scope disclosed.

        Args:
            events: their canonical bytes; those of another scope are left out.
            sums: by the record's id in hexadecimal; what is there is added to.

        Raises:
            IntegrityError: ``unreadable``: something that is no event of ours stands in the log.
        """
        try:
            self._read(events, sums)
        except (ValueError, KeyError, TypeError, IndexError):
            raise IntegrityError("unreadable") from None

    def _read(self, events: Iterable[bytes], sums: dict[bytes, Sum]) -> None:  # one loop: a call an event costs as much
        since, until, actor, within = self._since, self._until, self._actor, self._within
        wanted, known = self._records, self._known
        for event in events:
            before, mark, rest = event.partition(_RECORDS)
            if not mark:
                continue
            named, _, behind = rest.partition(_END_OF_RECORDS)
            at_case = before.find(_CASE)
            at, at_actor = before[at_case - _TIME_LENGTH : at_case], before.find(_ACTOR)
            if not since <= at < until or (actor and not before.startswith(actor, at_actor)):
                continue
            if within and not all(one in behind for one in within):
                continue
            typed = before.find(_TYPED_WAYBILL, at_case) >= 0
            key = (before[:at_actor], before[before.rfind(_POLICY) :], behind[: behind.find(_END_OF_ROLE)], typed)
            shapes = known.get(key)
            if shapes is None:
                if len(known) >= _MOST_KEPT:
                    known.clear()
                shapes = known[key] = {}
            for one in named.split(_NEXT_RECORD):
                shape, record_id = one[:-_BEFORE_ID], one[-_ID_DIGITS:]
                shown = shapes.get(shape)
                if shown is None:
                    shown = shapes[shape] = self._shown(event, shape, is_typed=typed)
                if shown is _NOTHING or (wanted and record_id not in wanted):
                    continue
                record_class, clear, masked = shown
                total = sums.get(record_id)
                if total is None:
                    sums[record_id] = Sum(record_class, clear, masked, at)
                    continue
                total.clear |= clear
                total.masked |= masked
                if at < total.first:
                    total.first = at
                elif at > total.last:
                    total.last = at

    def _shown(self, event: bytes, shape: bytes, *, is_typed: bool) -> tuple[str, int, int]:
        """Return the class of a record that an event names, the fields seen in clear, and those seen masked."""
        body: dict[str, Any] = json.loads(event)
        one = json.loads(b'{"class":"' + shape + b"]}")
        record_class, names = str(one["class"]), list(one["fields"])
        if not names or body["action"] in _NOBODY_SEES:
            return _NOTHING
        clear = [name for name in names if self._is_clear(body, record_class, name, is_typed=is_typed)]
        masked = [name for name in names if name not in clear]
        return record_class, *(self._bits.of(f"{record_class}.{name}" for name in some) for some in (clear, masked))

    def _is_clear(self, event: Mapping[str, Any], record_class: str, name: str, *, is_typed: bool) -> bool:
        role = event["role"]
        if event["action"] not in _CARDS or role not in _ROLES or record_class not in _CLASSES:
            return True
        views = self._views_of(event["policy"])
        if views is None:
            return True
        view = views.of(RecordClass(record_class), name, Role(role), event["purpose"])
        if is_typed and event["action"] == Action.LOOKUP and (record_class, name) == ("shipment", "waybill"):
            return view is not View.HIDDEN  # who has just typed it sees it whole
        return view is View.PLAIN
