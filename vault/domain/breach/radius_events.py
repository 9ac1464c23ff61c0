"""What an event disclosed: of which records which fields, and whether they were seen in clear or only masked.

An event names the fields that were opened. Whether a mask stood before one is told by the rules that were in force,
whose digest the event names (:data:`_CARDS`). What nothing is said about counts as seen in clear: a new kind of event
makes a radius too large rather than too small.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter
from typing import Any, Final, NamedTuple

from vault.domain.breach.radius import DataKind, RadiusScope, kind_of
from vault.domain.fields import FIELDS
from vault.domain.ids import RecordClass, Role
from vault.domain.log import Action, micros_text
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
# always do and nowhere else.
_ACTOR: Final = b'","actor":"'
_AT: Final = b'","at":"'
_CASE: Final = b'","case":"'
_FACTS: Final = b'","facts":{'
_EVENT_ID: Final = b'},"id":"'
_RECORDS: Final = b'"records":['
_RECORD_ID: Final = b'],"id":"'
_RULE: Final = b'","rule":"'
_TYPED_WAYBILL: Final = "waybill"
_ID_DIGITS: Final = 32
_MOST_KEPT: Final = 10_000
_ROLES: Final = frozenset(Role)
_CLASSES: Final = frozenset(RecordClass)


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

    def add(self, clear: int, masked: int, at: bytes) -> None:
        """Add what one more event showed of it."""
        self.clear |= clear
        self.masked |= masked
        if at < self.first:
            self.first = at
        elif at > self.last:
            self.last = at


class _Seen(NamedTuple):
    """What events of one form disclose, and where in them to read what differs.

    Args:
        at: where the time stands.
        records: where the id of each record stands of which something was seen, its class, what was seen in clear and
            what masked; none for an event of another scope, or one that discloses nothing.
    """

    at: slice
    records: tuple[tuple[slice, str, int, int], ...]


class _Layout(NamedTuple):
    """Where in an event stands what is the same for many, and what is known by that.

    Most events of a person differ in nothing but ids and times. What else there is to them is taken out by one call
    and found among what was parsed before: that costs a tenth of parsing, and reads the same.
    """

    places: list[slice]
    same: Callable[[bytes], tuple[bytes, ...]]
    known: dict[tuple[bytes, ...], _Seen]


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
        self._person = scope.person
        self._within = [
            f'"{name}":"{value}"'.encode() for name in ("session", "source") if (value := getattr(scope, name))
        ]
        self._layouts: dict[int, list[_Layout]] = {}
        self._kept = 0

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
        except (ValueError, KeyError, TypeError):
            raise IntegrityError("unreadable") from None

    def _read(self, events: Iterable[bytes], sums: dict[bytes, Sum]) -> None:  # one loop: a call an event costs as much
        since, until, within, wanted, layouts = self._since, self._until, self._within, self._records, self._layouts
        for event in events:
            seen, at_rule = None, event.rfind(_RULE)
            for _, same, known in layouts.get(at_rule, ()):
                seen = known.get(same(event))
                if seen is not None:
                    break
            seen = seen or self._learn(event, at_rule)
            at = event[seen.at]
            if not since <= at < until or (within and not all(one in event[at_rule:] for one in within)):
                continue
            for where, record_class, clear, masked in seen.records:
                record_id = event[where]
                if not wanted or record_id in wanted:
                    total = sums.get(record_id)
                    if total is None:
                        sums[record_id] = Sum(record_class, clear, masked, at)
                    else:
                        total.add(clear, masked, at)

    def _learn(self, event: bytes, at_rule: int) -> _Seen:
        """Parse an event, and remember how to read those like it."""
        body: dict[str, Any] = json.loads(event)
        at_actor, at_time = event.index(_ACTOR) + len(_ACTOR), event.index(_AT) + len(_AT)
        at_case, at_facts = event.index(_CASE), event.index(_FACTS)
        at_id = event.index(_EVENT_ID, at_facts) + len(_EVENT_ID)
        ids, place = [], event.index(_RECORDS, at_id)
        for _ in body["records"]:
            place = event.index(_RECORD_ID, place) + len(_RECORD_ID)
            ids.append(slice(place, place + _ID_DIGITS))
        differs = [slice(at_time, at_case), slice(at_case + len(_CASE), at_facts)]
        differs += [] if self._person else [slice(at_actor, at_time - len(_AT))]
        # Facts matter for a look-up alone, and hold ids for others.
        differs += [] if body["action"] == Action.LOOKUP else [slice(at_facts + len(_FACTS), at_id - len(_EVENT_ID))]
        differs += [slice(at_id, at_id + _ID_DIGITS), *ids, slice(at_rule, len(event))]
        seen = _Seen(slice(at_time, at_case), ())
        if not self._person or body["actor"] == self._person:
            shown = ((where, *self._shown(body, one)) for where, one in zip(ids, body["records"], strict=True))
            seen = seen._replace(records=tuple(one for one in shown if one[2] | one[3]))
        self._keep(event, at_rule, sorted(differs, key=lambda one: one.start), seen)
        return seen

    def _keep(self, event: bytes, at_rule: int, differs: list[slice], seen: _Seen) -> None:
        same, start = [], 0
        for one in differs:
            same.append(slice(start, one.start))
            start = one.stop
        if self._kept >= _MOST_KEPT:
            self._layouts.clear()
            self._kept = 0
        layouts = self._layouts.setdefault(at_rule, [])
        layout = next((one for one in layouts if one.places == same), None)
        if layout is None:
            layout = _Layout(same, itemgetter(*same), {})
            layouts.append(layout)
        layout.known[layout.same(event)] = seen
        self._kept += 1

    def _shown(self, event: Mapping[str, Any], one: Mapping[str, Any]) -> tuple[str, int, int]:
        """Return the class of a record that an event names, the fields seen in clear, and those seen masked."""
        record_class, names = str(one["class"]), list(one["fields"])
        if event["action"] in _NOBODY_SEES:
            return record_class, 0, 0
        clear = [name for name in names if self._is_clear(event, record_class, name)]
        masked = [name for name in names if name not in clear]
        in_clear, behind_mask = (self._bits.of(f"{record_class}.{name}" for name in some) for some in (clear, masked))
        return record_class, in_clear, behind_mask

    def _is_clear(self, event: Mapping[str, Any], record_class: str, name: str) -> bool:
        role = event["role"]
        if event["action"] not in _CARDS or role not in _ROLES or record_class not in _CLASSES:
            return True
        views = self._views_of(event["policy"])
        if views is None:
            return True
        view = views.of(RecordClass(record_class), name, Role(role), event["purpose"])
        typed = event["action"] == Action.LOOKUP and event["facts"].get("identifier") == _TYPED_WAYBILL
        if typed and (record_class, name) == ("shipment", "waybill"):
            return view is not View.HIDDEN  # who has just typed it sees it whole
        return view is View.PLAIN
