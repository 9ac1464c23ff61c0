"""Check a log against its signed checkpoints: complete, unaltered, unbroken, or exactly what is wrong.

    python -I verify_log.py BUNDLE --key PIN [--since CHECKPOINT]
    python -I verify_log.py EVENT --proof PROOF --key PIN
    python -I verify_log.py CERTIFICATE --key PIN
    … --keys STATEMENTS

BUNDLE is an export of the access log: the ZIP as it came, or the folder it was unpacked into. CERTIFICATE is a
certificate of destruction in the same way, or its statement where ``--proof`` is given. PIN is the public key
that you keep from the day the log began, or a file that holds it; the key inside a bundle proves nothing, because who
forges a bundle forges that too. CHECKPOINT is a file ``checkpoint`` that you kept from an earlier bundle: the log must
still contain everything it spoke of. EVENT is the file of one entry, or a statement whose digest an entry holds, and
PROOF its ``.tlog-proof``. Where the log's key was replaced, key statements lead from the one to the other; what was
made since brings them along, and STATEMENTS is a file of those that you keep: for what was made before, judged by a
newer key. The verdict is the last line. Exit code 0: holds; 1: something is wrong, and it is
named; 2: nothing can be judged, for want of a key or of a readable bundle.

This file stands alone on purpose: the standard library and ``cryptography``, nothing else of the vault, so that a
stranger can read it in one sitting and run it with ``python -I``. It therefore repeats the tree (RFC 6962 section 2.1)
and the notes (C2SP signed-note and tlog-checkpoint) in its own words, and what it says does not rest on the code that
wrote the log. Take your own copy, not only the one in the bundle.

How it judges. Entries stream by once, in batches. Each entry's bytes must give the leaf hash stored beside it: that
names a changed entry exactly. The tree grows over the leaf hashes, and wherever a checkpoint with a valid signature of
the pinned key speaks of that size, the roots must agree: that finds what was changed together with its hash, between
two checkpoints. The checkpoint kept outside the database closes the last gap: a log cut short, or replaced as a whole.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import csv
import io
import json
import re
import struct
import sys
import zipfile
import zlib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import chain, islice
from operator import add, itemgetter
from pathlib import Path
from typing import IO, Any, Final, Literal, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

Entry = tuple[int, bytes, bytes]
"""One ordered event: its index from 0, its canonical bytes, the leaf hash stored beside it."""

Told = Callable[[int, Sequence[bytes]], None]
"""Takes the roots of the next complete subtrees of a level of the tree; level 0 are the leaf hashes."""

Kind = Literal[
    "changed",
    "removed",
    "inserted",
    "reordered",
    "truncated",
    "forked",
    "rolled_back",
    "wrong_key",
    "retired_key",
    "bad_checkpoint",
    "column_mismatch",
    "gap",
    "uncounted",
]
"""Closed. ``column_mismatch``: a copy says something else than the event, in another column of its row (which only the
callers see that hold it) or in the table of a bundle. ``retired_key``: signed by a key of this log, but for a state
beyond the one at which that key was replaced. ``gap``: the entries do not reach as far as was asked for, or
what a checkpoint signs was lost, and the operator said so in a signed statement.
``uncounted``: a process says of itself that it unwrapped more keys than it used receipts."""

MOST_FINDINGS: Final = 1000  # bounds the memory of a report on a log that is wrong everywhere; the rest is counted
_BATCH: Final = 1024
_TIME: Final = re.compile(rb'\{"action":"[^"]*","actor":"[^"]*","at":"([0-9T:.-]{26}Z)"')
_LONGEST_NOTE: Final = 256 * 1024  # characters


class CannotJudge(ValueError):
    """The pinned key or the bundle cannot be read: there is nothing to judge, or nothing to judge by."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        kind: what happened, one of :data:`Kind`.
        index: the (first) entry concerned; None when a checkpoint itself is at fault.
        words: one English sentence for a person; holds indices and sizes only.
    """

    kind: Kind
    index: int | None
    words: str


@dataclass(frozen=True, slots=True)
class Gap:
    """A part of the log that was lost, as a signed statement says; it never turns a finding into a verdict that holds.

    Attributes:
        kept: size and root that both histories begin with.
        lost: size and root that were signed last before.
        at: when the operator accepted it, as the statement says.
        reason: why, as the statement says.
    """

    kept: tuple[int, bytes]
    lost: tuple[int, bytes]
    at: str
    reason: str

    @property
    def words(self) -> str:
        """One English sentence for a person."""
        because = _BECAUSE.get(self.reason, self.reason)
        told = f"entries {self.kept[0]} to {self.lost[0] - 1} were lost; the operator accepted this on {self.at}"
        return f"{told}, because {because}"

    def covers(self, size: int, root: bytes) -> bool:
        """Say whether a signed state may be of what was lost; only of the last one it is certain."""
        return self.kept[0] < size < self.lost[0] or (size, root) == self.lost

    def finding(self, size: int, root: bytes) -> Finding:
        """Return what to say of a checkpoint that the log no longer leads to."""
        if (size, root) == self.lost:
            return Finding("gap", self.kept[0], f"what the checkpoint of {size} entries signs is gone: {self.words}")
        doubt = "if it was signed after that, the log was forked"
        words = f"what the checkpoint of {size} entries signs is gone: {self.words}; {doubt}"
        return Finding("gap", self.kept[0], words)


@dataclass(frozen=True, slots=True)
class KeyChange:
    """That the log's key was replaced, as a checkpoint says that both keys signed.

    Attributes:
        old: verifier key that was replaced; of it nothing is believed beyond this state.
        new: verifier key that follows it.
        size: entries of the log then.
        root: their root.
        at: when, as the statement says.
    """

    old: str
    new: str
    size: int
    root: bytes
    at: str

    @property
    def ids(self) -> tuple[str, str]:
        """The ids of both keys, hexadecimal."""
        return _key_id(self.old), _key_id(self.new)

    @property
    def words(self) -> str:
        """One English sentence for a person."""
        return f"key {_key_id(self.old)} was replaced by {_key_id(self.new)} at {self.size} entries on {self.at}"


_BECAUSE: Final[Mapping[str, str]] = {
    "restored_backup": "a backup was restored",
    "promoted_standby": "a standby that lagged behind took over",
    "lost_disk": "a disk was lost",
    "other_history": "the database held another history",
}


@dataclass(frozen=True, slots=True)
class Report:
    """What one verification saw.

    Attributes:
        findings: everything that is wrong; empty means the log holds.
        size: ordered entries seen.
        checked_size: the largest size at which a signed checkpoint agreed with the entries.
        unsigned_tail: entries after the last signed checkpoint, which nothing vouches for yet.
        unlisted: findings beyond the first 1000, counted only.
        tail_since: time of the first of the unsigned entries, as it says itself; empty without any.
        gaps: the losses that were declared, oldest first.
        keys: the changes of the signing key that lead to or from the pinned one, oldest first.
    """

    findings: tuple[Finding, ...]
    size: int
    checked_size: int
    unsigned_tail: int
    unlisted: int
    tail_since: str = ""
    gaps: tuple[Gap, ...] = ()
    keys: tuple[KeyChange, ...] = ()

    @property
    def first_bad_index(self) -> int | None:
        """The earliest entry that any finding names."""
        return min((found.index for found in self.findings if found.index is not None), default=None)


def verify(
    events: Iterable[Entry] | Iterable[list[Entry]],
    checkpoints: Sequence[str],
    trusted: str | None,
    pin: str,
    gaps: Sequence[str] = (),
    told: Told | None = None,
    keys: Sequence[str] = (),
    elsewhere: Sequence[str] = (),
) -> Report:
    """Judge a log in one pass and flat memory.

    Args:
        events: the ordered events from index 0, singly or in lists of any length (lists are faster).
        checkpoints: the checkpoint notes kept with the log, oldest first.
        trusted: the checkpoint note kept outside the database, if there is one.
        pin: the verifier key obtained out of band (``name+key id+base64``), whose name is the log's origin.
        gaps: the gap statements kept with the log, oldest first.
        told: told of each complete subtree while the tree grows, for callers that keep copies of them.
        keys: the key statements kept with the log, in any order.
        elsewhere: checkpoint notes of any age that were sent to other places.

    Returns:
        The report.

    Raises:
        CannotJudge: the pin is not an Ed25519 verifier key.
    """
    heads = _Heads(pin, keys)
    for number, note in enumerate(checkpoints, start=1):
        heads.add(note, f"checkpoint {number}")
    last_inside = heads.largest
    if trusted is not None:
        heads.add_trusted(trusted)
    heads.add_gaps(gaps)
    heads.add_changes()
    for note in elsewhere:
        heads.add_kept(note)
    walk, openings = _Walk(heads.roots, tree=_Tree(told=told), tail=heads.largest), _Openings()
    for batch in _batches(events):
        walk.take(batch)
        openings.take(batch)
    lost, last = heads.lost(trusted, walk.judged), heads.largest
    found = heads.findings() + walk.findings() + _missing_states(heads, walk.next_index)
    if lost is None:
        found += _missing_tail(walk.next_index, last_inside, last) + _root_findings(walk.judged, found)
    else:  # the checkpoint kept outside is still the lost one
        last = last_inside
        found += _missing_tail(walk.next_index, last, last)
        found += _root_findings([one for one in walk.judged if one[0] != lost.lost[0]], found)
        found.append(lost.finding(*lost.lost))  # behind them: it explains none of them
    found += openings.findings()  # last: these entries say what is wrong, they are not wrong themselves
    agreed = max((size for size, _, agrees in walk.judged if agrees), default=0)
    tail = max(0, walk.size - last)
    unlisted = walk.unlisted + openings.unlisted
    since = walk.tail_since if tail else ""
    return Report(tuple(found), walk.size, agreed, tail, unlisted, since, heads.gaps, heads.changes)


def _batches(events: Iterable[Entry] | Iterable[list[Entry]]) -> Iterator[list[Entry]]:
    """Yield the entries in lists, whichever way they came."""
    source = iter(cast(Iterable[Entry | list[Entry]], events))
    first = next(source, None)
    if first is None:
        return
    whole = chain((first,), source)
    if isinstance(first, list):
        yield from (batch for batch in cast(Iterator[list[Entry]], whole) if batch)
    else:
        while batch := list(islice(cast(Iterator[Entry], whole), _BATCH)):
            yield batch


# -- the tree: RFC 6962 section 2.1 ------------------------------------------------------------------------------


class _Tree:
    """The right edge of the tree: for each power of two, the complete subtree that waits for its sibling."""

    def __init__(self, waiting: list[bytes | None] | None = None, told: Told | None = None) -> None:
        self.waiting = waiting or []
        self._told = told

    def grow(self, nodes: Sequence[bytes]) -> None:
        """Add leaf hashes, carrying whole levels of siblings upwards: one list for each level."""
        level = 0
        while nodes:
            if self._told is not None:
                self._told(level, nodes)
            if level == len(self.waiting):
                self.waiting.append(None)
            left = self.waiting[level]
            if left is not None:
                nodes = [left, *nodes]
            self.waiting[level] = nodes[-1] if len(nodes) % 2 else None
            pairs = iter(nodes)
            nodes = _digests(b"\x01", map(add, pairs, pairs))
            level += 1

    def put(self, level: int, node: bytes) -> None:
        """Add one complete subtree; only smaller ones may follow, or one that is its neighbour."""
        while level < len(self.waiting) and (left := self.waiting[level]) is not None:
            node, self.waiting[level], level = sha256(b"\x01" + left + node).digest(), None, level + 1
        self.waiting += [None] * (level + 1 - len(self.waiting))
        self.waiting[level] = node

    def root(self) -> bytes:
        """Join the subtrees from the right; the root of nothing is the hash of nothing."""
        right = b""
        for left in self.waiting:
            if left is not None:
                right = sha256(b"\x01" + left + right).digest() if right else left
        return right or sha256().digest()


def _digests(first: bytes, messages: Iterable[bytes]) -> list[bytes]:
    """Return the SHA-256 of each message behind the same first byte: a hash begun once and copied costs least."""
    copy, found = sha256(first).copy, []
    for message in messages:
        one = copy()
        one.update(message)
        found.append(one.digest())
    return found


# -- the entries -------------------------------------------------------------------------------------------------


class _Walk:
    """The one pass over the entries.

    While the entries come in order it grows a tree and compares roots. The first wrong leaf adds a second tree: one
    over the hashes of the bytes as they are, one over the hashes as stored. If either agrees with the checkpoints, the
    rest of the log is still proven. Once an entry is missing or too many, no later root can agree, and only bytes
    against stored hashes are compared.

    Args:
        roots: signed roots by size.
        start: the first entry to come, where a bundle holds a part of the log.
        tree: the tree over all entries before that.
        tail: the first entry after the last signed size.
    """

    def __init__(
        self, roots: dict[int, set[bytes]], start: int = 0, tree: _Tree | None = None, tail: int | None = None
    ) -> None:
        self.size = 0
        self.next_index = start
        self.unlisted = 0
        self.tail_since = ""
        self.judged: list[tuple[int, int, bool]] = []  # size, different signed roots for it, do the entries agree
        self._roots = roots
        self._due = sorted((size for size in roots if size >= start), reverse=True)
        self._trees = [tree or _Tree()]
        self._in_order = True
        self._grown = start
        self._tail = tail
        self._found: list[Finding] = []
        self._holes: list[tuple[int, int]] = []  # indices that were skipped: first, and one past the last
        self._judge_if_due()

    def take(self, batch: list[Entry]) -> None:
        """Check the next entries; little runs once per entry in Python code while all is well."""
        indices, canonical, stored = zip(*batch, strict=True)
        first, self.size = self.next_index, self.size + len(batch)
        if self._tail is not None and first <= self._tail < first + len(batch):
            self.tail_since = _time_of(canonical[self._tail - first])
        try:
            hashes = _digests(b"\x00", canonical)
        except TypeError:  # a database may hand out text or nothing where bytes stood
            hashes = _digests(b"\x00", _only_bytes(canonical))
        ordered = len(batch)
        if indices == tuple(range(first, first + len(batch))):
            self.next_index += len(batch)
        else:
            ordered = self._place_all(indices)
        if tuple(hashes) != stored:
            stored = _only_bytes(stored)
            self._name_changed(indices, hashes, stored)
        if self._in_order:
            self._grow(hashes[:ordered], stored[:ordered])
            self._in_order = ordered == len(batch)

    def end(self, size: int, right: Sequence[tuple[int, bytes]]) -> None:
        """Judge the whole tree: the subtrees behind the last entry complete it."""
        self._due = [size]
        if self._in_order and not (self.judged and self.judged[-1][0] == size):
            for tree in self._trees:
                for level, node in right:
                    tree.put(level, node)
            self._grown = size
            self._judge_if_due()

    def findings(self) -> list[Finding]:
        """Return what the entries alone show; the gaps that no late entry filled were removed."""
        removed = [
            Finding("removed", first, f"entries {first} to {end - 1} are missing")
            if end - first > 1
            else Finding("removed", first, f"entry {first} is missing")
            for first, end in self._holes
        ]
        return self._found + removed

    def _grow(self, hashes: Sequence[bytes], stored: Sequence[bytes]) -> None:
        """Grow the trees, stopping at each size that a checkpoint speaks of."""
        done = 0
        while done < len(hashes):
            stop = len(hashes)
            if self._due:
                stop = min(stop, self._due[-1] - self._grown + done)
            self._trees[0].grow(hashes[done:stop])
            for tree in self._trees[1:]:
                tree.grow(stored[done:stop])
            self._grown += stop - done
            done = stop
            self._judge_if_due()

    def _judge_if_due(self) -> None:
        """Compare the roots if a checkpoint speaks of exactly this size."""
        if self._due and self._due[-1] == self._grown:
            signed = self._roots[self._due.pop()]
            self.judged.append((self._grown, len(signed), any(tree.root() in signed for tree in self._trees)))

    def _name_changed(self, indices: Sequence[int], hashes: Sequence[bytes], stored: Sequence[bytes]) -> None:
        """Name each entry whose bytes do not give its stored hash."""
        if len(self._trees) == 1:
            self._trees.append(_Tree(self._trees[0].waiting.copy()))
        for index, computed, kept in zip(indices, hashes, stored, strict=True):
            if computed != kept:
                self._add("changed", index, f"entry {index} does not give the hash stored beside it")

    def _place_all(self, indices: Sequence[int]) -> int:
        """Find what is out of order in a batch, and return how many entries before that were in order."""
        ordered = None
        for position, index in enumerate(indices):
            if index == self.next_index:
                self.next_index += 1
                continue
            ordered = position if ordered is None else ordered
            if index < self.next_index:
                self._place_late(index)
                continue
            if len(self._holes) < MOST_FINDINGS:
                self._holes.append((self.next_index, index))
            else:
                self.unlisted += 1
            self.next_index = index + 1
        return len(indices) if ordered is None else ordered

    def _place_late(self, index: int) -> None:
        """Say of an entry behind its turn whether it fills a gap (reordered) or stands there twice (inserted)."""
        for place, (first, end) in enumerate(self._holes):
            if first <= index < end:
                rest = ((first, index), (index + 1, end))
                self._holes[place : place + 1] = [hole for hole in rest if hole[0] < hole[1]]
                self._add("reordered", index, f"entry {index} stands behind entry {self.next_index - 1}")
                return
        self._add("inserted", index, f"there is more than one entry {index}")

    def _add(self, kind: Kind, index: int, words: str) -> None:
        """List a finding, or only count it when the list is full."""
        if len(self._found) < MOST_FINDINGS:
            self._found.append(Finding(kind, index, words))
        else:
            self.unlisted += 1


def _time_of(canonical: object) -> str:
    """Return when an event says it happened; empty where it says nothing readable."""
    found = _TIME.match(canonical) if isinstance(canonical, bytes) else None
    return found[1].decode() if found else ""


def _only_bytes(column: Iterable[object]) -> tuple[bytes, ...]:
    """Put empty bytes, which no hash equals, where a column holds another type."""
    return tuple([value if isinstance(value, bytes) else b"" for value in column])


# -- what processes say of their own openings --------------------------------------------------------------------

_COUNTED: Final = b'{"action":"log.counted",'  # canonical JSON sorts its keys
_CANONICAL: Final = itemgetter(1)
_TELLING: Final = itemgetter(15)  # where hardly another action has this letter: most entries cost one look
_LETTER: Final = _COUNTED[15]
_MOST_RUNS: Final = 50_000  # so many runs are remembered, those that spoke last
_LONGEST_NODE: Final = 80  # characters of a name that are repeated


class _Openings:
    """How often each run of a process unwrapped keys and used receipts; every unwrap must have had a receipt."""

    def __init__(self) -> None:
        self.unlisted = 0
        self._newest: dict[str, tuple[int, int, int, str]] = {}  # by run: unwraps, receipts, entry, node
        self._found: list[Finding] = []

    def take(self, batch: Sequence[Entry]) -> None:
        """Look through the next entries; those whose bytes do not give their stored hash say nothing."""
        try:
            if _LETTER not in bytes(map(_TELLING, map(_CANONICAL, batch))):
                return
            told = [one for one in batch if one[1].startswith(_COUNTED)]
        except (TypeError, IndexError):  # a database may hand out nothing where bytes stood
            told = [one for one in batch if isinstance(one[1], bytes) and one[1].startswith(_COUNTED)]
        for index, canonical, stored in told:
            if sha256(b"\x00" + canonical).digest() == stored:
                self._note(index, canonical)

    def findings(self) -> list[Finding]:
        """Return what is wrong, the newest word of each run among it."""
        for run in list(self._newest):
            self._close(run)
        return self._found

    def _note(self, index: int, canonical: bytes) -> None:
        try:
            run, newest = _counts_of(index, canonical)
        except (ValueError, KeyError, TypeError, RecursionError):
            self._add(index, f"entry {index} tells counts of openings that no process writes")
            return
        before = self._newest.get(run)
        if before is not None:
            if index <= before[2]:
                return  # out of order, which is found elsewhere
            if newest[0] < before[0] or newest[1] < before[1]:
                self._add(index, f"entry {index}: the counts of run {run} of node {newest[3]} went down")
            del self._newest[run]
        self._newest[run] = newest  # behind all others: it spoke last
        if len(self._newest) > _MOST_RUNS:
            self._close(next(iter(self._newest)))

    def _close(self, run: str) -> None:
        unwraps, receipts, index, node = self._newest.pop(run)
        if unwraps > receipts:
            words = f"in run {run} of node {node} keys were unwrapped {unwraps} times for {receipts} receipts used"
            self._add(index, words)

    def _add(self, index: int, words: str) -> None:
        if len(self._found) < MOST_FINDINGS:
            self._found.append(Finding("uncounted", index, words))
        else:
            self.unlisted += 1


def _counts_of(index: int, canonical: bytes) -> tuple[str, tuple[int, int, int, str]]:
    """Read which run speaks and what it says: unwraps, receipts, the entry itself, the node."""
    event = json.loads(canonical)
    facts = event["facts"]
    run, node = re.fullmatch("[0-9a-f]{32}", facts["run"]), _word(event["node"])
    if run is None:
        raise TypeError
    return run[0], (_count(facts["unwraps"]), _count(facts["receipts"]), index, node[:_LONGEST_NODE])


# -- the checkpoints: C2SP signed-note and tlog-checkpoint -------------------------------------------------------


_SIZE_AND_ROOT: Final = r"(?P<{0}>0|[1-9][0-9]{{0,18}}) (?P<{0}_root>[A-Za-z0-9+/]{{43}}=)"
_GAP: Final = re.compile(
    rf"(?P<origin>[^\x00-\x1f]+)/gap/v1\nkept {_SIZE_AND_ROOT.format('kept')}\nlost {_SIZE_AND_ROOT.format('lost')}"
    r"\naccepted (?P<at>[0-9-]{10}T[0-9:.]{15}Z)\nreason (?P<reason>[a-z_]{1,40})"
)


class _Refused(Exception):
    """A note that does not count, and why."""

    def __init__(self, kind: Kind, words: str) -> None:
        super().__init__(words)
        self.kind, self.words = kind, words


_LEDGER: Final = re.compile(r"\nledger (0|[1-9][0-9]{0,18}) ([A-Za-z0-9+/]{43}=)\n")
"""An extension line of our own checkpoints: how many entries the ledger has, and the hash of the last one."""


_STATE: Final = re.compile(r"([^\x00-\x1f]+)\n(0|[1-9][0-9]{0,18})\n([A-Za-z0-9+/]{43}=)((?:\n[^\x00-\x1f]+)*)")
_CHANGE: Final = re.compile(r"\nkey-change ([0-9-]{10}T[0-9:.]{15}Z) ([A-Za-z0-9+/]{44}) ([A-Za-z0-9+/]{44})(?:\n|$)")
"""An extension line of key statements: since when, the key that is replaced, the key that follows."""


class _Heads:
    """The signed sizes and roots, and what is wrong with the notes that state them.

    Args:
        pin: the verifier key that is trusted.
        keys: key statements, in any order. Those that lead from the pinned key to another, forwards or backwards, make
            that one count as well: a new key always, an old one up to the state at which it was replaced.
    """

    def __init__(self, pin: str, keys: Iterable[str] = ()) -> None:
        self.roots: dict[int, set[bytes]] = {}
        self.gaps: tuple[Gap, ...] = ()
        self.kept: list[tuple[int, bytes]] = []  # by gap statements
        self.changes: tuple[KeyChange, ...] = ()
        self.largest = 0
        self._first: dict[Kind, str] = {}
        self._count: dict[Kind, int] = {}
        self.name, public = _read_pin(pin)
        self._keys: dict[str, Ed25519PublicKey] = {}
        self._ends: dict[str, KeyChange] = {}
        self._know(_verifier_key(self.name, public))
        self._follow(keys)

    def add(self, note: str, which: str) -> None:
        """Take the next note in order of age."""
        try:
            size = self._open(note)
        except _Refused as refused:
            self._refuse(refused.kind, f"{which}: {refused.words}")
            return
        if size < self.largest:
            self._refuse("rolled_back", f"{which}: states size {size} after size {self.largest} was signed")
        self.largest = max(size, self.largest)

    def add_trusted(self, note: str) -> None:
        """Take the note kept outside the database, which may be of any age."""
        largest, self.largest = self.largest, 0
        self.add(note, "the checkpoint kept outside")
        self.largest = max(largest, self.largest)

    def add_gaps(self, notes: Iterable[str]) -> None:
        """Take the gap statements; each signs, as a checkpoint does, the state it says was kept."""
        gaps = []
        for number, note in enumerate(notes, start=1):
            try:
                gaps.append(self._gap(note))
            except _Refused as refused:
                self._refuse(refused.kind, f"gap statement {number}: {refused.words}")
        for gap in gaps:
            if not any(later.covers(*gap.kept) for later in gaps if later.at > gap.at):
                self.kept.append(gap.kept)
                self.roots.setdefault(gap.kept[0], set()).add(gap.kept[1])
        self.gaps = tuple(gaps)

    def add_changes(self) -> None:
        """Take the states at which keys were replaced, unless they lie in what was lost later."""
        for one in self.standing:
            self.roots.setdefault(one.size, set()).add(one.root)

    def add_kept(self, note: str) -> None:
        """Take a note that was sent elsewhere, of any age; behind the gaps: it may speak of what was lost since."""
        try:
            size, root = self.state(note, is_kept=True)
        except _Refused as refused:
            self._refuse(refused.kind, f"a checkpoint sent elsewhere: {refused.words}")
            return
        if not any(gap.covers(size, root) for gap in self.gaps):
            self.roots.setdefault(size, set()).add(root)
            self.largest = max(size, self.largest)

    @property
    def standing(self) -> list[KeyChange]:
        """The changes whose state is part of this log's history, as far as declared gaps say."""
        gaps = self.gaps
        return [
            one for one in self.changes if not any(gap.covers(one.size, one.root) and gap.at > one.at for gap in gaps)
        ]

    def lost(self, trusted: str | None, judged: Iterable[tuple[int, int, bool]]) -> Gap | None:
        """Return the gap whose lost state is the very one kept outside, unless the entries lead to it after all."""
        try:
            state = (0, b"") if trusted is None else self.state(trusted)
        except _Refused:
            return None
        gap = next((one for one in self.gaps if one.lost == state), None)
        return None if any(size == state[0] and agrees for size, _, agrees in judged) else gap

    def findings(self) -> list[Finding]:
        """Return one finding per kind, naming the first note concerned; a log nobody signed is one as well."""
        if not self.roots and not self._first:
            return [Finding("bad_checkpoint", None, "there is no checkpoint: nothing is proved")]
        return self.refused()

    def refused(self) -> list[Finding]:
        """Return one finding per kind of the notes that do not count, naming the first one concerned."""
        found = []
        for kind, words in self._first.items():
            more = self._count[kind] - 1
            found.append(Finding(kind, None, words + (f" (and {more} more)" if more else "")))
        return found

    def _refuse(self, kind: Kind, words: str) -> None:
        self._first.setdefault(kind, words)
        self._count[kind] = self._count.get(kind, 0) + 1

    def _open(self, note: str) -> int:
        """Check a note, remember its root and return its size."""
        size, root = self.state(note)
        self.roots.setdefault(size, set()).add(root)
        return size

    def state(self, note: str, *, is_kept: bool = False) -> tuple[int, bytes]:
        """Check a checkpoint and return the size and the root it states.

        One that somebody kept may be of what was lost since: then the key of that time was replaced at a smaller size.
        """
        text, signers = self.opened(note)
        body = _STATE.fullmatch(text)
        if body is None or body[1] != self.name:
            raise _Refused("bad_checkpoint", "is signed, but does not speak of this log")
        size, root = int(body[2]), base64.b64decode(body[3])
        if not (is_kept and any(gap.covers(size, root) for gap in self.gaps)):
            self.demand(signers, size)
        return size, root

    def demand(self, signers: Iterable[str], size: int) -> None:
        """Demand that one of these keys was in force when the log had a size."""
        last = self.ended(signers)
        if last is not None and last.size < size:
            words = f"speaks of {size} entries, but is signed by key {last.ids[0]}, replaced at {last.size}"
            raise _Refused("retired_key", words)

    def ended(self, signers: Iterable[str]) -> KeyChange | None:
        """Return the change by which the last of these keys was replaced; None where one of them was not."""
        ends = [self._ends.get(one) for one in signers]
        known = [one for one in ends if one is not None]
        return max(known, key=lambda one: one.size) if known and len(known) == len(ends) else None

    def signer(self, note: str) -> tuple[str, KeyChange | None]:
        """Return the key that speaks in a note, and the change by which it was replaced, if it was."""
        _, signers = self.opened(note)
        ended = self.ended(signers)
        return next(one for one in signers if one not in self._ends) if ended is None else ended.old, ended

    def _gap(self, note: str) -> Gap:
        """Check a gap statement and return what it states."""
        text, signers = self.opened(note)
        found = _GAP.fullmatch(text)
        if found is None or found["origin"] != self.name or int(found["kept"]) >= int(found["lost"]):
            raise _Refused("bad_checkpoint", "is signed, but states no gap of this log")
        kept, lost = ((int(found[one]), base64.b64decode(found[f"{one}_root"])) for one in ("kept", "lost"))
        end = self.ended(signers)
        if end is not None and (kept[0] > end.size or found["at"] > end.at):
            raise _Refused("retired_key", "is of a time when the key that signed it had been replaced")
        return Gap(kept, lost, found["at"], found["reason"])

    def opened(self, note: str) -> tuple[str, list[str]]:
        """Check a note; return what it signs, without the last newline, and the known keys that signed it."""
        text, signers = _opened(note, self.name, self._keys)
        if not signers:
            others = " or one that statements connect with it" if self.changes else ""
            raise _Refused("wrong_key", f"is not signed by the pinned key{others}")
        return text, signers

    def _know(self, key: str) -> None:
        self._keys.setdefault(key, Ed25519PublicKey.from_public_bytes(_read_pin(key)[1][1:]))

    def _follow(self, notes: Iterable[str]) -> None:
        """Go from the pinned key to those that whole statements connect it with."""
        waiting: list[KeyChange] = []
        for number, note in enumerate(dict.fromkeys(notes), start=1):
            try:
                waiting.append(self._change(note))
            except _Refused as refused:
                self._refuse(refused.kind, f"key statement {number}: {refused.words}")
        joined: list[KeyChange] = []
        while near := [one for one in waiting if not self._keys.keys().isdisjoint((one.old, one.new))]:
            for one in near:
                waiting.remove(one)
                joined.append(one)
                self._know(one.old)
                self._know(one.new)
                before = self._ends.setdefault(one.old, one)
                if before != one:  # of two that contradict each other neither is to be believed any further
                    self._ends[one.old] = min(before, one, key=lambda end: end.size)
                    words = f"was replaced twice: by {_key_id(before.new)} and {_key_id(one.new)}"
                    self._refuse("forked", f"key {_key_id(one.old)} {words}")
        for one in waiting:
            words = f"nothing leads from the pinned key to {_key_id(one.old)}, which {_key_id(one.new)} shall follow"
            self._refuse("wrong_key", f"a key statement: {words}")
        self.changes = tuple(sorted(joined, key=lambda one: one.at))

    def _change(self, note: str) -> KeyChange:
        """Check a key statement, which both of its keys must have signed."""
        body = _STATE.fullmatch(note.rpartition("\n\n")[0])
        found = None if body is None or body[1] != self.name else _CHANGE.search(body[4])
        if body is None or found is None:
            raise _Refused("bad_checkpoint", "replaces no key of this log")
        both = [_decode(found[2]), _decode(found[3])]
        if both[0] == both[1] or any(one[:1] != b"\x01" for one in both):
            raise _Refused("bad_checkpoint", "names no two keys")
        old, new = (_verifier_key(self.name, one) for one in both)
        keys = {_verifier_key(self.name, one): Ed25519PublicKey.from_public_bytes(one[1:]) for one in both}
        if len(_opened(note, self.name, keys)[1]) != len(keys):
            raise _Refused("wrong_key", "is not signed by both of the keys it names")
        return KeyChange(old, new, int(body[2]), base64.b64decode(body[3]), found[1])


def _opened(note: str, origin: str, keys: Mapping[str, Ed25519PublicKey]) -> tuple[str, list[str]]:
    """Return what a note signs, without the last newline, and which of these keys signed it.

    A wrong signature of one of them is not passed over; signatures of other keys do not matter.
    """
    text, _, signatures = note.rpartition("\n\n")
    if len(note) > _LONGEST_NOTE or not signatures.endswith("\n"):
        raise _Refused("bad_checkpoint", "is not a signed note")
    signed, content = [], f"{text}\n".encode(errors="surrogatepass")
    for line in signatures[:-1].split("\n"):
        parts = re.fullmatch(r"— ([^\s+]+) (\S+)", line)
        name, signature = (parts[1], _decode(parts[2])) if parts else ("", b"")
        if len(signature) <= _ID_BYTES:
            raise _Refused("bad_checkpoint", "has a signature line that cannot be read")
        for verifier, key in keys.items():
            if name == origin and signature[:_ID_BYTES].hex() == _key_id(verifier):
                try:
                    key.verify(signature[_ID_BYTES:], content)
                except InvalidSignature:
                    raise _Refused("bad_checkpoint", "has a wrong signature of the pinned key") from None
                signed.append(verifier)
    return text, list(dict.fromkeys(signed))


_ID_BYTES: Final = 4


def _read_pin(pin: str) -> tuple[str, bytes]:
    """Read a verifier key: name, key id in hex, base64 of 0x01 and the public key; return the name and the last."""
    name, key_id, encoded = (*pin.strip().split("+", 2), "", "")[:3]
    key = _decode(encoded)
    if not name or len(key) != 1 + 32 or key[0] != 1 or _verifier_key(name, key).split("+")[1] != key_id:
        raise CannotJudge("the pinned key is not an Ed25519 verifier key")
    return name, key


def _verifier_key(name: str, key: bytes) -> str:
    """Return a verifier key: name, id, and 0x01 with the public key."""
    key_id = sha256(name.encode(errors="surrogatepass") + b"\n" + key).digest()[:_ID_BYTES]
    return f"{name}+{key_id.hex()}+{base64.b64encode(key).decode()}"


def _key_id(verifier: str) -> str:
    return verifier.split("+", 2)[1]


def _decode(text: str) -> bytes:
    """Decode base64; what is none becomes empty, which no reader here accepts."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


# -- entries against checkpoints ---------------------------------------------------------------------------------


def _missing_tail(length: int, last_inside: int, last_anywhere: int) -> list[Finding]:
    """Find a log that ends before a signed size.

    Checkpoints beside the log that reach further show that its tail was cut off. If only the one kept outside reaches
    further, log and checkpoints are of one older age: the database went back in time.
    """
    if length < last_inside:
        return [Finding("truncated", length, f"the log ends at {length} entries, a checkpoint signs {last_inside}")]
    if length < last_anywhere:
        words = f"the log ends at {length} entries, the checkpoint kept outside signs {last_anywhere}"
        return [Finding("rolled_back", length, words)]
    return []


def _missing_states(heads: _Heads, length: int) -> list[Finding]:
    """Find a log that ends before a state that a gap statement says was kept."""
    missing = [size for size, _ in heads.kept if size > length]
    words = f"the log ends at {length} entries, a gap statement says that {{}} were kept"
    return [Finding("truncated", length, words.format(max(missing)))] if missing else []


def _root_findings(
    judged: list[tuple[int, int, bool]], known: list[Finding], start: int = 0, stop: int | None = None
) -> list[Finding]:
    """Turn roots that disagree into findings.

    The first bad entry lies between the last size that agreed and the first that does not. Nothing is added where an
    entry already named in that range explains it. If a later root agrees again, or one size has two signed roots, two
    histories were signed. Of a part of the log only the entries from ``start`` to before ``stop`` can be named.
    """
    named = sorted(found.index for found in known if found.index is not None)
    last_agreed = max((size for size, _, agrees in judged if agrees), default=-1)
    found: list[Finding] = []
    good = start
    for signed, roots, agrees in judged:
        size = signed if stop is None else min(signed, stop)
        said = bool(found) and found[-1].index == good
        if roots > 1 or (not agrees and signed < last_agreed):
            words = f"two histories were signed that part between entries {good} and {max(good, size - 1)}"
            if not said:
                found.append(Finding("forked", good, words))
        elif not agrees:
            place = bisect_left(named, good)
            explained = place < len(named) and named[place] < size
            if not explained and not said:
                words = f"the first changed entry is one of {good} to {max(good, size - 1)}"
                found.append(Finding("changed", good, words))
        if agrees:
            good = size
    return found


# -- proofs: RFC 9162 sections 2.1.3.2 and 2.1.4.2, and the subtrees beside a range ----------------------------------


def _root_of_path(index: int, size: int, leaf: bytes, path: Sequence[bytes]) -> bytes | None:
    """Return the root that an inclusion proof leads to; None when the path has another length than the tree asks."""
    here, last, root = index, size - 1, leaf
    for other in path:
        if last == 0:
            return None
        if here & 1 or here == last:
            root = sha256(b"\x01" + other + root).digest()
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            root = sha256(b"\x01" + root + other).digest()
        here, last = here >> 1, last >> 1
    return root if last == 0 and index < size else None


def _extends(old: tuple[int, bytes], new: tuple[int, bytes], path: Sequence[bytes]) -> bool:
    """Say whether a consistency proof shows that the tree of one size and root is the beginning of another."""
    (old_size, old_root), (new_size, new_root) = old, new
    if not 0 < old_size < new_size:
        return not path and (old_size == 0 or old == new)
    nodes = [old_root, *path] if old_size & (old_size - 1) == 0 else list(path)
    if not nodes:
        return False
    here, last = old_size - 1, new_size - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    small = large = nodes[0]
    for node in nodes[1:]:
        if last == 0:
            return False
        if here & 1 or here == last:
            small, large = sha256(b"\x01" + node + small).digest(), sha256(b"\x01" + node + large).digest()
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            large = sha256(b"\x01" + large + node).digest()
        here, last = here >> 1, last >> 1
    return last == 0 and (small, large) == (old_root, new_root)


def _levels_beside(start: int, stop: int) -> list[int]:
    """Return the levels of the fewest complete subtrees that hold exactly these entries, from left to right."""
    levels = []
    while start < stop:
        level = (stop - start).bit_length() - 1
        if start:
            level = min(level, (start & -start).bit_length() - 1)
        levels.append(level)
        start += 1 << level
    return levels


# -- the bundle's files ----------------------------------------------------------------------------------------------

FORMAT: Final = "datavault-log-export/1"
_LARGEST_TEXT: Final = 4 << 20  # bytes of a file that is read whole, of a line, and of a ZIP's list of contents
_MOST_FILES: Final = 4096
_IN_ZIP64: Final = 0xFFFF_FFFF  # "see the record for large files"
_MOST_BLOWN_UP: Final = 200  # times; events shrink to a tenth or so
_FILE_NAME: Final = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9_.-]{0,79}/){0,2}[A-Za-z0-9_-][A-Za-z0-9_.-]{0,79}")
_LINE: Final = re.compile(rb'\{"leaf":(0|[1-9][0-9]{0,18}),"hash":"([0-9a-f]{64})","event":(\{.*\})\}\n')
_REPEATED: Final = (
    "id", "at", "actor", "role", "action", "outcome", "purpose", "case", "rule", "session", "source", "node", "policy",
)  # fmt: skip
"""What the table repeats of an event as it stands there."""
_UNREADABLE: Final = (
    OSError, EOFError, NotImplementedError, RuntimeError, UnicodeError, csv.Error, struct.error, zipfile.BadZipFile,
    zlib.error,
)  # fmt: skip
"""What damaged, encrypted or absurd files make the standard library raise."""


class _Bundle:
    """The files of a bundle, each read as a stream and never further than it may be long."""

    def __init__(self, path: Path, until: ExitStack) -> None:
        self._folder = path if path.is_dir() else None
        self._zip: zipfile.ZipFile | None = None
        self.names: list[str] = []  # of a ZIP; a folder may hold more by now
        if self._folder is None:
            file = until.enter_context(path.open("rb"))
            _refuse_long_list(file)
            self._zip = until.enter_context(zipfile.ZipFile(file))
            # Folders have entries of their own in a bundle that was unpacked and packed again.
            self.names = [one.filename for one in self._zip.infolist() if not (one.is_dir() and one.file_size == 0)]
            if len(self.names) > _MOST_FILES or len(set(self.names)) != len(self.names):
                raise CannotJudge("the ZIP lists too many files, or one of them twice")

    def open(self, name: str) -> IO[bytes]:
        """Open a file; who opens it closes it."""
        if not _FILE_NAME.fullmatch(name):
            raise CannotJudge("a file of the bundle has a name that no export gives")
        if self._folder is not None:
            path = self._folder / name
            if not path.is_file():
                raise CannotJudge(f"{name} is missing")
            return path.open("rb")
        zipped = cast(zipfile.ZipFile, self._zip)
        if name not in self.names:
            raise CannotJudge(f"{name} is missing")
        entry = zipped.getinfo(name)
        if entry.file_size > max(1 << 20, _MOST_BLOWN_UP * entry.compress_size):
            raise CannotJudge(f"{name} would unpack to an absurd size")
        return zipped.open(entry)

    def read(self, name: str) -> bytes:
        """Return the whole of a short file."""
        with self.open(name) as file:
            content = file.read(_LARGEST_TEXT + 1)
        if len(content) > _LARGEST_TEXT:
            raise CannotJudge(f"{name} is too long")
        return content

    def json(self, name: str) -> Any:  # noqa: ANN401 - whatever the file holds
        """Return what a short JSON file holds."""
        try:
            return json.loads(self.read(name), object_pairs_hook=_once)
        except CannotJudge:
            raise
        except ValueError:
            raise CannotJudge(f"{name} cannot be read") from None

    def digest(self, name: str, size: int) -> str:
        """Return the SHA-256 of a file, hexadecimal; of no more than one byte beyond the size it should have."""
        digest, left = sha256(), size + 1
        with self.open(name) as file:
            while left > 0 and (piece := file.read(min(1 << 20, left))):
                digest.update(piece)
                left -= len(piece)
        return digest.hexdigest()

    def lines(self, name: str) -> Iterator[bytes]:
        """Yield a file line by line."""
        with self.open(name) as file:
            while line := file.readline(_LARGEST_TEXT + 1):
                if len(line) > _LARGEST_TEXT:
                    raise CannotJudge(f"{name} has a line that is too long")
                yield line


def _refuse_long_list(file: IO[bytes]) -> None:
    """Refuse a ZIP whose list of contents is long: the standard library would read all of it at once."""
    length = file.seek(0, io.SEEK_END)
    file.seek(max(0, length - (1 << 16) - 22))
    tail = file.read()
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or len(tail) < end + 22:
        raise CannotJudge("this is no ZIP")
    (size,) = struct.unpack_from("<I", tail, end + 12)
    if size == _IN_ZIP64 and tail[max(0, end - 20) :].startswith(b"PK\x06\x07"):
        (place,) = struct.unpack_from("<Q", tail, end - 12)
        file.seek(min(place, length))
        (size,) = struct.unpack("<Q", file.read(56)[40:48])
    if size > _LARGEST_TEXT:
        raise CannotJudge("the ZIP's list of contents is absurdly long")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object that says something twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


@dataclass(frozen=True, slots=True)
class Claims:
    """What a bundle says of itself, in ``manifest.json``; nothing of it is true before it has been compared.

    Attributes:
        created_at: when it was made.
        exported_by: who made it.
        key: the pin inside the bundle.
        size: entries of the log.
        root: root of the log.
        kind: ``range``: every entry from one to another; ``selection``: those of some people or actions.
        since: beginning of the time asked for, inclusive.
        until: end of the time asked for, exclusive.
        events: how many events are within that time.
        waiting: events that were durable, but not yet in the log.
        waiting_since: time of the first of those, or empty.
        files: size and SHA-256 of each file.
    """

    created_at: str
    exported_by: str
    key: str
    size: int
    root: str
    kind: str
    since: str
    until: str
    events: int
    waiting: int
    waiting_since: str
    files: Mapping[str, tuple[int, str]]


def _claims(bundle: _Bundle) -> Claims:
    """Read the manifest."""
    told = bundle.json("manifest.json")
    try:
        if told["format"] != FORMAT:
            raise CannotJudge("the bundle has a format that this file does not know")
        files = {str(name): (_count(one["bytes"]), _word(one["sha256"])) for name, one in told["files"].items()}
        asked = told["question"]
        words = (told["created_at"], told["exported_by"], told["key"], told["root"], told["kind"])
        created_at, exported_by, key, root, kind = map(_word, words)
        since, until, waiting_since = map(_word, (asked["from"], asked["to"], told["waiting_since"]))
        size, events, waiting = map(_count, (told["size"], told["events"], told["waiting"]))
    except (KeyError, TypeError, AttributeError):
        raise CannotJudge("manifest.json cannot be read") from None
    if kind not in ("range", "selection") or len(files) > _MOST_FILES:
        raise CannotJudge("manifest.json cannot be read")
    return Claims(created_at, exported_by, key, size, root, kind, since, until, events, waiting, waiting_since, files)


def _word(value: object) -> str:
    if not isinstance(value, str) or re.search(r"[\x00-\x1f\x7f-\x9f]", value):
        raise TypeError
    return value


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 63:
        raise TypeError
    return value


def _hashes(value: object) -> list[bytes]:
    """Read a list of hashes in base64."""
    if not isinstance(value, list):
        raise TypeError
    found = [_decode(_word(one)) for one in value]
    if any(len(one) != sha256().digest_size for one in found):
        raise TypeError
    return found


# -- the bundle judged -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Judgement:
    """What there is to say about a bundle.

    Attributes:
        claims: what it says of itself.
        findings: everything that is wrong.
        unlisted: findings beyond the first 1000, counted only.
        has_key: whether there was a pinned key to judge by.
        doubt: why nothing can be judged, even where nothing wrong was found; empty otherwise.
        first: the first entry in the bundle; None without any.
        last: the last entry in the bundle.
        signed_until: time of the last entry in the bundle, as it says itself.
        gaps: the losses that were declared, oldest first.
        ledger: what the newest checkpoint says of the ledger of destruction, its entries and the SHA-256 of the last;
            empty where it says nothing.
        keys: the changes of the signing key that lead to or from the pinned one, oldest first.
        ended: the change by which the key that signed this bundle was replaced; None where it was in force, as far as
            anybody told.
        extended: size of the earlier checkpoint, which the log extends if there is neither finding nor doubt.
    """

    claims: Claims
    findings: tuple[Finding, ...]
    unlisted: int
    has_key: bool
    doubt: str
    first: int | None
    last: int | None
    signed_until: str
    gaps: tuple[Gap, ...] = ()
    ledger: str = ""
    keys: tuple[KeyChange, ...] = ()
    ended: KeyChange | None = None
    extended: int | None = None

    @property
    def status(self) -> int:
        """0: holds, 1: something is wrong, 2: cannot judge; without a key nothing can be judged, whatever is found."""
        if not self.has_key or (self.doubt and not self.findings):
            return 2
        return 1 if self.findings else 0


def judge_bundle(path: Path, pin: str | None, since: str | None = None, keys: Sequence[str] = ()) -> Judgement:
    """Judge an export of the log, in flat memory.

    Args:
        path: the ZIP, or the folder it was unpacked into.
        pin: the verifier key obtained out of band; None to see only whether the bundle agrees with itself.
        since: an earlier checkpoint that the log must still extend.
        keys: key statements kept outside the bundle, beside those that it brings along.

    Returns:
        The judgement.

    Raises:
        CannotJudge: pin, bundle or earlier checkpoint cannot be read.
    """
    try:
        with ExitStack() as until:
            return _Judge(_Bundle(path, until), pin, keys).judge(since)
    except _UNREADABLE as error:
        raise CannotJudge(f"the bundle cannot be read ({type(error).__name__})") from None
    except (KeyError, TypeError, AttributeError):
        raise CannotJudge("a file of proofs cannot be read") from None


class _Judge:
    """One judgement of one bundle, from its manifest to its last entry."""

    def __init__(self, bundle: _Bundle, pin: str | None, keys: Sequence[str]) -> None:
        self._bundle = bundle
        self._claims = _claims(bundle)
        told = [_text(one) for one in bundle.json("keys.json")] if "keys.json" in self._claims.files else []
        key = self._claims.key if pin is None else pin
        self._heads, self._own = _Heads(key, [*keys, *told]), _Heads(key, told)
        self._ended: KeyChange | None = None
        self._found: list[Finding] = []
        self._has_key = pin is not None
        self._extended: int | None = None  # size of the earlier checkpoint, where nothing speaks against it
        self._undecided: int | None = None  # size of the earlier checkpoint, until something leads there
        self._gone: Finding | None = None  # what to say of it where nothing does, and a gap explains it
        self._explained: list[Finding] = []
        self._unlisted = 0
        self._ledger = ""
        # Of the entries, while they stream by:
        self._first: int | None = None
        self._last: int | None = None
        self._times = ["", ""]  # of the first and the last
        self._inside = 0  # within the time asked for
        self._openings = _Openings()

    def judge(self, since: str | None) -> Judgement:
        """Compare everything with everything."""
        self._judge_files()
        head = self._judge_checkpoints()
        if head is not None:
            self._judge_history(head, since)
            if self._claims.kind == "range":
                self._judge_range(head)
            else:
                self._judge_selection(head)
            self._judge_counts()
            self._judge_table()
            for one in self._openings.findings():
                self._add(one.kind, one.index, one.words)
            self._unlisted += self._openings.unlisted
            if self._undecided is not None and self._gone is not None:
                self._explained.append(self._gone)
                self._undecided = None
            self._found += self._explained  # behind the others: a gap explains none of them
        found = sorted(self._found, key=lambda one: -1 if one.index is None else one.index)
        unlisted = self._unlisted + max(0, len(found) - MOST_FINDINGS)
        listed = tuple(found[:MOST_FINDINGS])
        doubt, until, gaps, ledger = self._doubt(), self._times[1], self._heads.gaps, self._ledger
        first, last, has_key = self._first, self._last, self._has_key
        told = Judgement(self._claims, listed, unlisted, has_key, doubt, first, last, until, gaps, ledger)
        return replace(told, keys=self._heads.changes, ended=self._ended, extended=self._extended)

    def _doubt(self) -> str:
        """Return why nothing can be judged, if so."""
        if not self._has_key:
            return "no key was given, and the one in the bundle proves nothing"
        if self._undecided is not None:
            return f"nothing in this bundle leads to your earlier checkpoint of {self._undecided} entries"
        return ""

    def _add(self, kind: Kind, index: int | None, words: str) -> None:
        if len(self._found) < MOST_FINDINGS:
            self._found.append(Finding(kind, index, words))
        else:
            self._unlisted += 1

    def _judge_files(self) -> None:
        """Compare the manifest with its signature, and every file with the manifest."""
        manifest = sha256(self._bundle.read("manifest.json")).hexdigest()
        try:
            signed, signers = self._heads.opened(self._bundle.read("manifest.note").decode())
            if signed != f"{FORMAT}\n{self._heads.name}\n{manifest}":
                self._add("changed", None, "manifest.json is not the one that was signed")
            self._heads.demand(signers, self._claims.size)
            ended = self._heads.ended(signers)
            if ended is not None and (self._claims.created_at > ended.at or self._own.ended(signers) is not None):
                words = f"is of a time when key {ended.ids[0]}, which signed it, had been replaced"
                self._add("retired_key", None, f"manifest.note: {words}")
        except _Refused as refused:
            kind: Kind = "changed" if refused.kind == "bad_checkpoint" else refused.kind
            self._add(kind, None, f"manifest.note: {refused.words}")
        for name, (size, digest) in self._claims.files.items():
            if self._bundle.digest(name, size) != digest:
                self._add("changed", None, f"{name} is not the file that the manifest names")
        self._judge_policies()
        for name in set(self._bundle.names) - set(self._claims.files) - {"manifest.json", "manifest.note"}:
            known = _FILE_NAME.fullmatch(name)
            self._add("inserted", None, f"{name if known else 'a file'} is not named in the manifest")

    def _judge_policies(self) -> None:
        """Compare the texts of each policy with the digest by which events name it."""
        folders: dict[str, list[str]] = {}
        for path in sorted(self._claims.files):
            top, _, rest = path.partition("/")
            if top == "policies":
                folders.setdefault(rest.partition("/")[0], []).append(path)
        for digest, paths in folders.items():
            found = sha256()
            for path in paths:
                text = self._bundle.read(path)
                name = path.rpartition("/")[2].removesuffix(".toml")
                found.update(f"{name}\n{len(text)}\n".encode() + text)
            if found.hexdigest() != digest:
                self._add("changed", None, f"the policy {digest} has other texts than its digest says")

    def _judge_checkpoints(self) -> tuple[int, bytes] | None:
        """Check the signed sizes and roots, and return the newest one."""
        older = self._bundle.json("checkpoints.json")
        for number, note in enumerate(older, start=1):
            self._heads.add(_text(note), f"checkpoint {number}")
        newest = self._bundle.read("checkpoint").decode()
        self._heads.add(newest, "the bundle's checkpoint")
        if "gaps.json" in self._claims.files:  # bundles of before there were any have none
            self._heads.add_gaps(_text(one) for one in self._bundle.json("gaps.json"))
        self._heads.add_changes()
        self._found += self._heads.findings()
        try:
            head = self._heads.state(newest)
            _, self._ended = self._heads.signer(newest)
        except _Refused:
            return None
        told = _LEDGER.search(newest)
        self._ledger = f"{told[1]} entries, SHA-256 {told[2]}" if told else ""
        if (self._claims.size, self._claims.root) != (head[0], base64.b64encode(head[1]).decode()):
            self._add("changed", None, "the manifest states another size or root than the checkpoint")
        return head

    def _judge_history(self, head: tuple[int, bytes], since: str | None) -> None:
        """Check that the log extends its earlier states, above all the one the auditor kept."""
        known: dict[int, bytes] = {0: sha256().digest(), head[0]: head[1]}
        for one in self._bundle.json("consistency.json"):
            size, (root,) = _count(one["size"]), _hashes([one["root"]])
            if not _extends((size, root), head, _hashes(one["proof"])):
                words = f"the log of {head[0]} entries is not shown to extend its earlier state of {size}"
                self._add("forked", min(size, head[0]), words)
            known.setdefault(size, root)
        self._found += _missing_states(self._heads, head[0])
        for size, root in self._heads.kept:
            if known.get(size, root) != root:
                self._add("forked", size, f"this log had another root at {size} entries than a gap statement says")
        for change in self._heads.standing:
            if change.size <= head[0] and known.get(change.size) != change.root:
                words = f"is not shown to extend its state of {change.size}, at which its key was replaced"
                self._add("forked", change.size, f"the log of {head[0]} entries {words}")
        if since is not None:
            self._judge_since(head, since, known)

    def _judge_since(self, head: tuple[int, bytes], since: str, known: Mapping[int, bytes]) -> None:
        """Look for the state that the auditor kept; where a declared gap may be why it is gone, that is said."""
        try:
            size, root = self._heads.state(since, is_kept=True)
        except _Refused as refused:
            if refused.kind == "retired_key":
                self._add(refused.kind, None, f"your earlier checkpoint {refused.words}")
                return
            raise CannotJudge(f"the earlier checkpoint {refused.words}") from None
        gap = next((one for one in self._heads.gaps if one.covers(size, root)), None)
        gone = None if gap is None else gap.finding(size, root)
        wrong: Finding | None = None
        if size > head[0]:
            words = f"the log ends at {head[0]} entries, your earlier checkpoint signs {size}"
            wrong = Finding("rolled_back", head[0], words)
        elif known.get(size, root) != root or (gone is not None and self._heads.roots.get(size, {root}) != {root}):
            words = f"this log had another root at {size} entries than your earlier checkpoint"
            wrong = Finding("forked", size, words)
        elif size not in known:  # the entries of a range decide, if they reach there
            self._heads.roots.setdefault(size, set()).add(root)
            self._undecided, self._gone = size, gone
        if wrong is not None and gone is not None:
            self._explained.append(gone)
        elif wrong is not None:
            self._found.append(wrong)
        else:
            self._extended = size

    def _judge_range(self, head: tuple[int, bytes]) -> None:
        """Grow the tree from what lies before the entries over the entries to what lies behind them."""
        size, told = head[0], self._bundle.json("range.json")
        start, stop, left, right = (
            *map(_count, (told["start"], told["stop"])),
            _hashes(told["left"]),
            _hashes(told["right"]),
        )
        before, behind = _levels_beside(0, start), _levels_beside(stop, size)
        if not start <= stop <= size or (len(before), len(behind)) != (len(left), len(right)):
            raise CannotJudge("range.json does not fit the size of the log")
        tree = _Tree()
        for level, node in zip(before, left, strict=True):
            tree.put(level, node)
        walk = _Walk(self._heads.roots, start, tree)
        for batch in _batches(self._entries()):
            walk.take(batch)
        walk.end(size, list(zip(behind, right, strict=True)))
        found = walk.findings()
        self._unlisted += walk.unlisted
        if walk.next_index < stop:
            words = f"the entries end at {walk.next_index}, the bundle speaks of them up to {stop - 1}"
            found.append(Finding("truncated", walk.next_index, words))
        elif walk.next_index > stop:
            found.append(Finding("inserted", stop, f"the bundle speaks of no entry beyond {stop - 1}"))
        judged = walk.judged
        if self._gone is not None:  # then that checkpoint is the only one of its size
            judged = [one for one in judged if one[0] != self._undecided or one[2]]
        found += _root_findings(judged, found, start, stop)
        self._found += found
        if self._undecided in {one for one, _, _ in judged}:
            self._undecided = None
        if not found:
            self._judge_edges(start, stop, size)

    def _judge_edges(self, start: int, stop: int, size: int) -> None:
        """Demand that the entries reach beyond the time asked for on both sides, or to an end of the log."""
        before, behind = self._times
        if start == stop and size:
            self._add("gap", start, "the bundle holds no entry that shows where the time asked for lies")
        elif start > 0 and before >= self._claims.since:
            self._add("gap", start, f"entry {start} is not before the time asked for: there may be earlier ones")
        elif stop < size and behind < self._claims.until:
            self._add("gap", stop, f"entry {stop - 1} is not after the time asked for: there may be later ones")

    def _judge_selection(self, head: tuple[int, bytes]) -> None:
        """Check the inclusion proof of each entry; proofs and entries come in the order of the log."""
        size, root = head
        proofs = self._proofs()
        place, path = next(proofs, (size, []))
        previous = -1
        for index, canonical, stored in self._entries():
            while place < index:
                self._add("removed", place, f"entry {place} has a proof, but is missing")
                place, path = next(proofs, (size, []))
            leaf = sha256(b"\x00" + canonical).digest()
            if index <= previous:
                words = f"entry {index} stands behind entry {previous}"
                self._add("inserted" if index == previous else "reordered", index, words)
            elif leaf != stored:
                self._add("changed", index, f"entry {index} does not give the hash stored beside it")
            elif place != index:
                self._add("inserted", index, f"entry {index} has no proof")
            elif _root_of_path(index, size, leaf, path) != root:
                self._add(
                    "changed", index, f"entry {index} is not the one at this place of the log, or its proof is not"
                )
            if place == index:
                place, path = next(proofs, (size, []))
            previous = max(previous, index)
        while place < size:
            self._add("removed", place, f"entry {place} has a proof, but is missing")
            place, path = next(proofs, (size, []))

    def _proofs(self) -> Iterator[tuple[int, list[bytes]]]:
        """Yield the inclusion proofs of a selection, and name those out of order."""
        previous = -1
        for line in self._bundle.lines("proofs.jsonl"):
            try:
                one = json.loads(line, object_pairs_hook=_once)
                place, path = _count(one["leaf"]), _hashes(one["path"])
            except (ValueError, KeyError, TypeError):
                raise CannotJudge("proofs.jsonl cannot be read") from None
            if place > previous:
                yield place, path
            else:
                self._add("reordered", place, f"the proof of entry {place} stands behind that of entry {previous}")
            previous = max(previous, place)

    def _judge_counts(self) -> None:
        """Compare the number of entries within the time asked for with the number told."""
        told = self._claims.events
        if self._inside != told and not any(one.index is not None for one in self._found):
            kind: Kind = "removed" if self._inside < told else "inserted"
            words = f"{told} events are said to be within the time asked for, there are {self._inside}"
            self._add(kind, self._first, words)

    def _judge_table(self) -> None:
        """Compare the table, where there is one, with the events: row by row, in the order of the log."""
        if "events.csv" not in self._claims.files:
            return
        csv.field_size_limit(_LARGEST_TEXT)
        lines = (line.decode("utf-8-sig") for line in self._bundle.lines("events.csv"))
        rows = csv.DictReader(lines, restval="")
        for index, canonical, _ in self._entries(again=True):
            if not self._claims.since <= _time_of(canonical) < self._claims.until:
                continue
            row = next(rows, None)
            if row is None:
                self._add("column_mismatch", index, f"events.csv ends before entry {index}")
                return
            if not _tells(row, index, canonical):
                self._add("column_mismatch", index, f"events.csv says something else of entry {index} than the event")
        if next(rows, None) is not None:
            self._add("column_mismatch", self._last, "events.csv has more rows than there are events")

    def _entries(self, *, again: bool = False) -> Iterator[Entry]:
        """Yield the entries of the bundle, and note their time and number on the first walk."""
        since, until = self._claims.since, self._claims.until
        for number, line in enumerate(self._bundle.lines("events.jsonl"), start=1):
            found = _LINE.fullmatch(line)
            if found is None:
                if not again:
                    self._add("changed", None, f"line {number} of events.jsonl is not what an export writes")
                continue
            index, canonical = int(found[1]), found[3]
            if not again:
                at = _time_of(canonical)
                self._inside += since <= at < until
                self._times = [at if self._first is None else self._times[0], at]
                self._first = index if self._first is None else self._first
                self._last = index
            entry = (index, canonical, bytes.fromhex(found[2].decode()))
            if not again:
                self._openings.take((entry,))
            yield entry


def _tells(row: Mapping[str, str], index: int, canonical: bytes) -> bool:
    """Say whether a row of the table repeats its event; an apostrophe in front is not part of a value."""
    try:
        event = json.loads(canonical)
        cells = {name: cell.removeprefix("'") for name, cell in row.items()}
        return cells["leaf"] == str(index) and all(cells[name] == event[name] for name in _REPEATED)
    except (ValueError, KeyError, TypeError, AttributeError):
        return False


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


# -- one entry and its proof: C2SP tlog-proof ------------------------------------------------------------------------

_PROOF: Final = "c2sp.org/tlog-proof@v1"
_LONGEST_LINE: Final = 2000  # characters of a line of a statement
_MOST_HASHES: Final = 63  # of a path in the largest log that a checkpoint can speak of


@dataclass(frozen=True, slots=True)
class ProofJudgement:
    """What there is to say about one entry and its proof.

    Attributes:
        index: place of the entry, as the proof states it.
        head: size and root that the pinned key signed; None where the checkpoint does not count.
        signer: name and id of the key that signed: the pinned one, or one that key statements connect with it.
        entry: the entry's bytes.
        is_statement: the file is not the entry, but what the entry names by its SHA-256.
        findings: everything that is wrong.
        certificate: what the statement says, where it is a certificate of destruction; as true as the findings let it.
        keys: the changes of the signing key that lead to or from the pinned one, oldest first.
        ended: the change by which the key that signed was replaced; None where it was in force, as far as anybody told.
    """

    index: int
    head: tuple[int, bytes] | None
    signer: str
    entry: bytes
    is_statement: bool
    findings: tuple[Finding, ...]
    certificate: Mapping[str, Any] | None = None
    keys: tuple[KeyChange, ...] = ()
    ended: KeyChange | None = None

    @property
    def status(self) -> int:
        """0: holds, 1: something is wrong."""
        return 1 if self.findings else 0


def judge_proof(content: bytes, proof: str, pin: str, keys: Sequence[str] = ()) -> ProofJudgement:
    """Judge one entry, or a statement that an entry names, by its proof.

    The proof's extra data is the entry where the file is a statement, and behind it the key statements where the log's
    key was replaced. Nothing vouches for extra data: an entry counts only because it leads to the signed root itself,
    a key statement because both of its keys signed it.

    Args:
        content: the entry's canonical bytes, or the statement.
        proof: text of the ``.tlog-proof``.
        pin: the verifier key obtained out of band.
        keys: key statements kept outside the proof, beside those that it brings along.

    Returns:
        The judgement.

    Raises:
        CannotJudge: the pin or the proof cannot be read.
    """
    _read_pin(pin)
    index, path, extra, note = _read_proof(proof)
    extra, _, statements = extra.partition(b"\n")
    heads = _Heads(pin, [*keys, *_notes(statements.decode(errors="replace"))])
    signer, refusals = pin.strip(), heads.refused()
    try:
        size, root = heads.state(note)
        signer, ended = heads.signer(note)
    except _Refused as refused:
        refusals.append(Finding(refused.kind, None, f"the proof's checkpoint {refused.words}"))
        signer = "+".join(signer.split("+", 2)[:2])
        return ProofJudgement(index, None, signer, content, is_statement=False, findings=tuple(refusals))
    signer = "+".join(signer.split("+", 2)[:2])

    def leads(entry: bytes) -> bool:
        """Tell whether these bytes are the leaf that the proof is of."""
        return _root_of_path(index, size, sha256(b"\x00" + entry).digest(), path) == root

    is_statement = extra != b"" and not leads(content)
    entry, words, certificate = extra if is_statement else content, "", _certificate(content)
    if not leads(entry):
        words = f"entry {index} is not the one at this place of the log, or its proof is not"
    elif is_statement and _named_statement(entry) != sha256(content).hexdigest():
        words = f"entry {index} names another statement than this one"
    elif certificate is not None and not _certifies(entry, certificate):
        words = f"entry {index} certifies no destruction, or another one"
    found = (*refusals, Finding("changed", index, words)) if words else tuple(refusals)
    told = ProofJudgement(index, (size, root), signer, entry, is_statement, found, certificate)
    return replace(told, keys=heads.changes, ended=ended)


_END_OF_NOTE: Final = re.compile(r"\n\n(?!—)")
"""The empty line behind a note; the one inside it stands before a signature."""


def _notes(text: str) -> list[str]:
    """Take apart what holds notes, each with an empty line behind it; what is no note is none."""
    return [f"{one.strip(chr(10))}\n" for one in _END_OF_NOTE.split(text) if "\n\n— " in one]


def _read_proof(text: str) -> tuple[int, list[bytes], bytes, str]:
    """Read a proof: place, path, extra data and the checkpoint's note."""
    head, _, note = text.partition("\n\n")
    found = re.fullmatch(rf"{re.escape(_PROOF)}\n(?:extra (\S+)\n)?index (0|[1-9][0-9]{{0,18}})((?:\n\S+)*)", head)
    if found is None:
        raise CannotJudge(f"the proof is not of the form {_PROOF}")
    extra, path = _decode(found[1] or ""), [_decode(line) for line in found[3].split("\n")[1:]]
    is_whole = len(path) <= _MOST_HASHES and all(len(one) == sha256().digest_size for one in path)
    if not is_whole or bool(extra) != bool(found[1]):
        raise CannotJudge("the proof has a line that cannot be read")
    return int(found[2]), path, extra, note


def _named_statement(entry: bytes) -> str:
    """Return the SHA-256 of the statement that an event names, hexadecimal; empty where it names none."""
    try:
        return _word(json.loads(entry, object_pairs_hook=_once)["facts"]["statement"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


_THEN: Final = (
    "此证明说明签署检查点之时；日志如今是否仍有此条，须看新的导出包 · "
    "this speaks of the time when the checkpoint was signed: whether the log still has the entry, a newer export tells"
)
"""What was signed can be lost later, and the loss be accepted by a gap statement, of which no old proof knows."""


def report_proof(judged: ProofJudgement) -> Iterator[str]:
    """Yield what there is to say about one entry, line by line; the verdict is the last.

    Args:
        judged: the judgement.
    """
    try:
        event = json.loads(judged.entry)
        at, action, actor = (_word(event[name])[:_LONGEST_NODE] for name in ("at", "action", "actor"))
        yield f"entry {judged.index}: {action} by {actor} at {at}"
    except (ValueError, KeyError, TypeError, RecursionError):
        yield f"entry {judged.index}: no event that this file can read"
    if judged.certificate is not None:
        yield from _report_certificate(judged.certificate)
    elif judged.is_statement:
        yield "the file is a statement, which an entry must name by its SHA-256"
    for one in judged.findings:
        yield f"[{one.kind}] {_CHINESE[one.kind]} · {one.words}"
    if judged.findings or judged.head is None:
        yield _VERDICTS[1]
        return
    yield from _report_keys(judged.keys, judged.ended)
    size, root = judged.head
    yield f"root {base64.b64encode(root).decode()}"
    yield _THEN
    what = "the statement is named by entry" if judged.is_statement else "entry"
    yield f"{_VERDICTS[0]}: {what} {judged.index} of the log of {size} entries signed by {judged.signer}"


# -- a certificate of destruction: a statement, its proof, and its event ----------------------------------------------

CERTIFICATE_FORMAT: Final = "datavault/certificate/1"
_STATEMENT, _STATEMENT_PROOF, _STATEMENT_EVENT = "certificate.json", "certificate.tlog-proof", "event.json"
_CERTIFYING: Final = "destruction.certified"
_ABOUT: Final = {"erased": ("plan", "id"), "final": ("cohort", "key")}


def _certificate(content: bytes) -> Mapping[str, Any] | None:
    """Return what a certificate says; None of anything else."""
    try:
        found = json.loads(content, object_pairs_hook=_once)
        return found if isinstance(found, dict) and found["format"] == CERTIFICATE_FORMAT else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _certifies(entry: bytes, certificate: Mapping[str, Any]) -> bool:
    """Say whether an event is the one in which this certificate was issued: of this number, about the same."""
    try:
        event = json.loads(entry, object_pairs_hook=_once)
        facts, (name, key) = event["facts"], _ABOUT[certificate["kind"]]
        about = (certificate["certificate"], certificate["kind"], certificate[name][key])
        named = (facts["certificate"], facts["kind"], facts[name])
    except (ValueError, KeyError, TypeError, RecursionError):
        return False
    return event["action"] == _CERTIFYING and event["outcome"] == "done" and about == named


def _is_certificate(path: Path) -> bool:
    """Say whether a ZIP or folder holds a certificate instead of an export."""
    try:
        with ExitStack() as until:
            bundle = _Bundle(path, until)
            names = bundle.names or [one.name for one in path.iterdir()]
            return _STATEMENT in names and "manifest.json" not in names
    except (CannotJudge, *_UNREADABLE):
        return False


def judge_certificate(path: Path, pin: str, keys: Sequence[str] = ()) -> ProofJudgement:
    """Judge a certificate of destruction by the proof that lies beside it.

    Args:
        path: the ZIP, or the folder it was unpacked into.
        pin: the verifier key obtained out of band.
        keys: key statements kept outside the certificate, beside those that it brings along.

    Returns:
        The judgement.

    Raises:
        CannotJudge: the pin, the proof or a file cannot be read, or the statement is no certificate.
    """
    try:
        with ExitStack() as until:
            bundle = _Bundle(path, until)
            content, proof = bundle.read(_STATEMENT), bundle.read(_STATEMENT_PROOF).decode()
            has_event = _STATEMENT_EVENT in (bundle.names or [one.name for one in path.iterdir()])
            event = bundle.read(_STATEMENT_EVENT) if has_event else None
    except _UNREADABLE as error:
        raise CannotJudge(f"the certificate cannot be read ({type(error).__name__})") from None
    judged = judge_proof(content, proof, pin, keys)
    if judged.certificate is None and not judged.findings:
        raise CannotJudge(f"{_STATEMENT} is no certificate that this file knows")
    if judged.findings or event is None or event == judged.entry:
        return judged
    words = f"{_STATEMENT_EVENT} is not entry {judged.index}"
    return replace(judged, findings=(Finding("changed", judged.index, words),))


def _report_certificate(told: Mapping[str, Any]) -> Iterator[str]:
    """Yield the main lines of a certificate, in both languages; they are as true as the verdict behind them."""
    try:
        lines = list(_lines_of_plan(told) if told["kind"] == "erased" else _lines_of_cohort(told))
        issuer = told["issued_by"]
        head = f"销毁证明 · certificate of destruction {told['certificate']}"
        lines = [f"{head}: {told['issued_at']}, {issuer['name']} ({issuer['role']})", *lines]
        checks = ", ".join(f"{one['check']} {one['result']}" for one in told["checks"])
        ends = [(one["where"], "≤", one["until"]) for one in told["residual"] if "until" in one]
        later = "密钥批次销毁时 · with the cohort key, ≥"
        ends += [(one["where"], later, one["not_before"]) for one in told["residual"] if "until" not in one]
        left = ", ".join(" ".join(one) for one in ends) or "无 none"
        lines += [f"已做检查 · checks: {checks}", f"可能残留的副本及其消亡日 · copies that may be left, until: {left}"]
        lines.append("不能证明 · not proven: " + ", ".join(told["not_proven"]))
        yield from [_word(line)[:_LONGEST_LINE] for line in lines]
    except (KeyError, TypeError, ValueError, AttributeError):
        yield "销毁证明 · a certificate of destruction with lines that this file cannot read"


def _lines_of_plan(told: Mapping[str, Any]) -> Iterator[str]:
    plan, people, times = told["plan"], told["people"], told["times"]
    yield f"方案 · plan {plan['id']}, 截至 · as of {plan['as_of']}, 规则 · rules {', '.join(told['rules'])}"
    for state, words in (("destroyed", "已销毁 · destroyed"), ("held", "留置 · held"), ("kept", "保留 · kept")):
        counts = {name: one[state] for name, one in told["counts"].items()}
        yield f"{words}: " + ", ".join(f"{name} {_count(count)}" for name, count in counts.items())
    for part, words, at in (
        ("proposer", "提出 · proposed by", times["proposed"]),
        ("approver", "批准 · approved by", times["approved"]),
        ("executor", "执行 · carried out by", f"{times['begun']} – {times['finished']}"),
    ):
        yield f"{words} {people[part]['name']} ({people[part]['role']}): {at}"
    yield f"销毁方式 · method: {', '.join(told['method'])}; {', '.join(told['suites'])}"
    for one in told["cohorts"]:
        when = f"最终销毁不早于 · final not before {one['final_from']}"
        yield f"密钥批次 · cohort key {one['key']} ({one['class']} {one['end_on']}): {_count(one['records'])}; {when}"


def _lines_of_cohort(told: Mapping[str, Any]) -> Iterator[str]:
    cohort = told["cohort"]
    gone = f"密钥已于此时自全部登记副本销毁 · destroyed in every registered copy {cohort['destroyed_at']}"
    yield f"密钥批次 · cohort key {cohort['key']} ({cohort['class']} {cohort['end_on']}): {gone}"
    yield f"最终不可恢复的记录 · records out of reach: {_count(told['destroyed'])}"
    for one in told["plans"]:
        yield f"方案 · plan {one['plan']}: {_count(one['records'])}; 全部最终 · all of it final: {one['final']}"


# -- the command -----------------------------------------------------------------------------------------------------

_CHINESE: Final[Mapping[Kind, str]] = {
    "changed": "被改动",
    "removed": "被删除",
    "inserted": "被插入",
    "reordered": "次序被调换",
    "truncated": "尾部被截断",
    "forked": "历史分叉",
    "rolled_back": "倒退到旧状态",
    "wrong_key": "不是固定公钥签署",
    "retired_key": "由已更换的密钥签署",
    "bad_checkpoint": "检查点无效",
    "column_mismatch": "表格与事件不符",
    "gap": "范围有缺口",
    "uncounted": "密钥解封次数多于所用凭据",
}
_VERDICTS: Final = ("成立 · HOLDS", "不成立 · DOES NOT HOLD", "无法判断 · CANNOT JUDGE")


def report(judged: Judgement) -> Iterator[str]:
    """Yield what there is to say about a bundle, line by line; the verdict is the last.

    Args:
        judged: the judgement.
    """
    claims = judged.claims
    yield f"log: {claims.size} entries, root {claims.root}"
    yield f"exported at {claims.created_at} by {claims.exported_by}"
    what = (
        "every entry of the log" if claims.kind == "range" else "a selection, which says nothing of what was left out"
    )
    yield f"asked for: {claims.since} to before {claims.until}; {claims.events} events; {what}"
    if judged.first is not None:
        yield f"entries {judged.first} to {judged.last}; the last one happened at {judged.signed_until}"
    since = f", the oldest of {claims.waiting_since}" if claims.waiting_since else ""
    yield f"unsigned tail when exported: {claims.waiting} events{since}; nothing vouches for them"
    if judged.ledger:
        yield f"销毁台账 · ledger of destruction: {judged.ledger}"
    for gap in judged.gaps:
        yield f"已声明的缺口 · declared gap: {gap.words}"
    yield from _report_keys(judged.keys, judged.ended)
    for one in judged.findings:
        yield f"[{one.kind}] {_CHINESE[one.kind]} · {one.words}"
    if judged.unlisted:
        yield f"… and {judged.unlisted} more"
    if judged.doubt:
        yield f"[?] {judged.doubt}"
    if judged.extended is not None and judged.status == 0:
        yield f"延续您留存的检查点 · extends your earlier checkpoint of {judged.extended} entries"
    yield _VERDICTS[judged.status]


def _report_keys(changes: Iterable[KeyChange], ended: KeyChange | None) -> Iterator[str]:
    """Yield the changes of the signing key, and what follows for something that an earlier key signed."""
    for one in changes:
        yield f"已声明的换钥 · signing key replaced: {one.words}"
    if ended is not None:
        words = f"signed by {_key_id(ended.old)}, which counts only for what was made before {ended.at}"
        yield f"由已更换的密钥签署，只在换钥之前有效 · {words}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge a bundle, or one entry by its proof, and print what came of it.

    Args:
        arguments: of the command line; None for those of the process.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(
        prog="verify_log.py", description="校验访问日志的导出包 · Check an export of the access log."
    )
    parser.add_argument("bundle", type=Path, help="ZIP 或解开后的文件夹 · the ZIP, or its folder")
    parser.add_argument("--key", metavar="PIN", help="固定公钥或存放它的文件 · the pinned key, or a file that holds it")
    parser.add_argument(
        "--since", metavar="CHECKPOINT", type=Path, help="上次留存的检查点文件 · a checkpoint kept from before"
    )
    parser.add_argument(
        "--proof", metavar="PROOF", type=Path, help="单条事件或声明的证明 · the proof of one event or statement"
    )
    parser.add_argument(
        "--keys", metavar="STATEMENTS", type=Path, help="自行留存的换钥声明 · key statements that you keep yourself"
    )
    given = parser.parse_args(arguments)
    if given.proof is not None and given.since is not None:
        parser.error("--since: an export leads back to it, a proof does not")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a console that has no Chinese still gets the verdict
    try:
        pin = None if given.key is None else given.key if "+" in given.key else _short_text(Path(given.key))
        keys = [] if given.keys is None else _kept_keys(given.keys)
        if given.proof is not None:
            return _judge_files(given.bundle, given.proof, pin, keys)
        if given.since is None and _is_certificate(given.bundle):
            return _judge_certificate(given.bundle, pin, keys)
        since = None if given.since is None else _short_text(given.since)
        judged = judge_bundle(given.bundle, pin, since, keys)
    except CannotJudge as error:
        _say([f"[?] {error}", _VERDICTS[2]])
        return 2
    _say(report(judged))
    return judged.status


def _judge_files(content: Path, proof: Path, pin: str | None, keys: Sequence[str]) -> int:
    """Judge one entry by the file of its proof, print what came of it, and return the exit code."""
    if pin is None:
        raise CannotJudge("no key was given, and a proof without one proves nothing")
    try:
        judged = judge_proof(_whole(content), _whole(proof).decode(), pin, keys)
    except UnicodeError:
        raise CannotJudge(f"{proof.name} cannot be read") from None
    _say(report_proof(judged))
    return judged.status


def _judge_certificate(path: Path, pin: str | None, keys: Sequence[str]) -> int:
    """Judge a certificate by what lies beside it, print what came of it, and return the exit code."""
    if pin is None:
        raise CannotJudge("no key was given, and a certificate without one certifies nothing")
    try:
        judged = judge_certificate(path, pin, keys)
    except UnicodeError:
        raise CannotJudge("the certificate's proof cannot be read") from None
    _say(report_proof(judged))
    return judged.status


def _kept_keys(path: Path) -> list[str]:
    """Return the key statements in a file: one behind the other, or a list of them as ``keys.json`` of a bundle is."""
    text = _whole(path).decode(errors="replace")
    try:
        found = [_text(one) for one in json.loads(text)] if text.startswith("[") else _notes(text)
    except (ValueError, TypeError, RecursionError):
        found = []
    if not found:
        raise CannotJudge(f"{path.name} holds no key statement")
    return found


def _whole(path: Path) -> bytes:
    """Return what a file holds that may be somewhat longer."""
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_TEXT + 1)
    except OSError:
        raise CannotJudge(f"{path.name} cannot be read") from None
    if len(content) > _LARGEST_TEXT:
        raise CannotJudge(f"{path.name} is too long")
    return content


def _short_text(path: Path) -> str:
    """Return what a short file of the auditor's own holds."""
    try:
        with path.open("rb") as file:
            return file.read(_LONGEST_NOTE).decode()
    except (OSError, UnicodeError):
        raise CannotJudge(f"{path.name} cannot be read") from None


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)  # noqa: T201 - this is what the file is for


if __name__ == "__main__":
    sys.exit(main())
