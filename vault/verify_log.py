"""Check a log against its signed checkpoints: complete, unaltered, unbroken, or exactly what is wrong.

    python -I verify_log.py BUNDLE --key PIN [--since CHECKPOINT]

BUNDLE is an export of the access log: the ZIP as it came, or the folder it was unpacked into. PIN is the public key
that you keep from the day the log began, or a file that holds it; the key inside a bundle proves nothing, because who
forges a bundle forges that too. CHECKPOINT is a file ``checkpoint`` that you kept from an earlier bundle: the log must
still contain everything it spoke of. The verdict is the last line. Exit code 0: holds; 1: something is wrong, and it is
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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any, Final, Literal, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

Entry = tuple[int, bytes, bytes]
"""One ordered event: its index from 0, its canonical bytes, the leaf hash stored beside it."""

Kind = Literal[
    "changed",
    "removed",
    "inserted",
    "reordered",
    "truncated",
    "forked",
    "rolled_back",
    "wrong_key",
    "bad_checkpoint",
    "column_mismatch",
    "gap",
]
"""Closed. ``column_mismatch``: a copy says something else than the event, in another column of its row (which only the
callers see that hold it) or in the table of a bundle. ``gap``: the entries do not reach as far as was asked for."""

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
class Report:
    """What one verification saw.

    Attributes:
        findings: everything that is wrong; empty means the log holds.
        size: ordered entries seen.
        checked_size: the largest size at which a signed checkpoint agreed with the entries.
        unsigned_tail: entries after the last signed checkpoint, which nothing vouches for yet.
        unlisted: findings beyond the first 1000, counted only.
        tail_since: time of the first of the unsigned entries, as it says itself; empty without any.
    """

    findings: tuple[Finding, ...]
    size: int
    checked_size: int
    unsigned_tail: int
    unlisted: int
    tail_since: str = ""

    @property
    def first_bad_index(self) -> int | None:
        """The earliest entry that any finding names."""
        return min((found.index for found in self.findings if found.index is not None), default=None)


def verify(
    events: Iterable[Entry] | Iterable[list[Entry]],
    checkpoints: Sequence[str],
    trusted: str | None,
    pin: str,
) -> Report:
    """Judge a log in one pass and flat memory.

    Args:
        events: the ordered events from index 0, singly or in lists of any length (lists are faster).
        checkpoints: the checkpoint notes kept with the log, oldest first.
        trusted: the checkpoint note kept outside the database, if there is one.
        pin: the verifier key obtained out of band (``name+key id+base64``), whose name is the log's origin.

    Returns:
        The report.

    Raises:
        CannotJudge: the pin is not an Ed25519 verifier key.
    """
    heads = _Heads(pin)
    for number, note in enumerate(checkpoints, start=1):
        heads.add(note, f"checkpoint {number}")
    last_inside = heads.largest
    if trusted is not None:
        heads.add_trusted(trusted)
    walk = _Walk(heads.roots, tail=heads.largest)
    for batch in _batches(events):
        walk.take(batch)
    found = heads.findings() + walk.findings() + _missing_tail(walk.next_index, last_inside, heads.largest)
    found += _root_findings(walk.judged, found)
    agreed = max((size for size, _, agrees in walk.judged if agrees), default=0)
    tail = max(0, walk.size - heads.largest)
    return Report(tuple(found), walk.size, agreed, tail, walk.unlisted, walk.tail_since if tail else "")


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

    def __init__(self, waiting: list[bytes | None] | None = None) -> None:
        self.waiting = waiting or []

    def grow(self, nodes: Sequence[bytes]) -> None:
        """Add leaf hashes, carrying whole levels of siblings upwards: one list comprehension for each level."""
        level = 0
        while nodes:
            if level == len(self.waiting):
                self.waiting.append(None)
            left = self.waiting[level]
            if left is not None:
                nodes = [left, *nodes]
            self.waiting[level] = nodes[-1] if len(nodes) % 2 else None
            pairs = iter(nodes)
            nodes = [sha256(b"\x01" + a + b).digest() for a, b in zip(pairs, pairs, strict=False)]
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
        """Check the next entries; nothing here runs once per entry in Python code while all is well."""
        indices, canonical, stored = zip(*batch, strict=True)
        first, self.size = self.next_index, self.size + len(batch)
        if self._tail is not None and first <= self._tail < first + len(batch):
            self.tail_since = _time_of(canonical[self._tail - first])
        try:
            hashes = tuple([sha256(b"\x00" + data).digest() for data in canonical])
        except TypeError:  # a database may hand out text or nothing where bytes stood
            hashes = tuple([sha256(b"\x00" + data).digest() for data in _only_bytes(canonical)])
        ordered = len(batch)
        if indices == tuple(range(first, first + len(batch))):
            self.next_index += len(batch)
        else:
            ordered = self._place_all(indices)
        if hashes != stored:
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


# -- the checkpoints: C2SP signed-note and tlog-checkpoint -------------------------------------------------------


class _Refused(Exception):
    """A note that does not count, and why."""

    def __init__(self, kind: Kind, words: str) -> None:
        super().__init__(words)
        self.kind, self.words = kind, words


class _Heads:
    """The signed sizes and roots, and what is wrong with the notes that state them."""

    def __init__(self, pin: str) -> None:
        self.roots: dict[int, set[bytes]] = {}
        self.largest = 0
        self.name, self._key_id, self._key = _read_pin(pin)
        self._first: dict[Kind, str] = {}
        self._count: dict[Kind, int] = {}

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

    def findings(self) -> list[Finding]:
        """Return one finding per kind, naming the first note concerned; a log nobody signed is one as well."""
        if not self.roots and not self._first:
            return [Finding("bad_checkpoint", None, "there is no checkpoint: nothing is proved")]
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

    def state(self, note: str) -> tuple[int, bytes]:
        """Check a checkpoint and return the size and the root it states."""
        text = self.text(note)
        body = re.fullmatch(r"([^\x00-\x1f]+)\n(0|[1-9][0-9]{0,18})\n([A-Za-z0-9+/]{43}=)((?:\n[^\x00-\x1f]+)*)", text)
        if body is None or body[1] != self.name:
            raise _Refused("bad_checkpoint", "is signed, but does not speak of this log")
        return int(body[2]), base64.b64decode(body[3])

    def text(self, note: str) -> str:
        """Check a note's signature and return what it signs, without the last newline."""
        text, _, signatures = note.rpartition("\n\n")
        if len(note) > _LONGEST_NOTE or not signatures.endswith("\n"):
            raise _Refused("bad_checkpoint", "is not a signed note")
        self._check(f"{text}\n".encode(errors="surrogatepass"), signatures[:-1].split("\n"))
        return text

    def _check(self, text: bytes, lines: list[str]) -> None:
        """Demand a valid signature of the pinned key, and no wrong one; signatures of other keys do not matter."""
        signed = False
        for line in lines:
            parts = re.fullmatch(r"— ([^\s+]+) (\S+)", line)
            name, signature = (parts[1], _decode(parts[2])) if parts else ("", b"")
            if len(signature) <= len(self._key_id):
                raise _Refused("bad_checkpoint", "has a signature line that cannot be read")
            if name == self.name and signature.startswith(self._key_id):
                signed = True
                try:
                    self._key.verify(signature.removeprefix(self._key_id), text)
                except InvalidSignature:
                    raise _Refused("bad_checkpoint", "has a wrong signature of the pinned key") from None
        if not signed:
            raise _Refused("wrong_key", "is not signed by the pinned key")


def _read_pin(pin: str) -> tuple[str, bytes, Ed25519PublicKey]:
    """Read a verifier key: name, key id in hex, base64 of 0x01 and the public key."""
    name, key_id, encoded = (*pin.strip().split("+", 2), "", "")[:3]
    key = _decode(encoded)
    computed = sha256(name.encode(errors="surrogatepass") + b"\n" + key).digest()[:4]
    if not name or len(key) != 1 + 32 or key[0] != 1 or key_id != computed.hex():
        raise CannotJudge("the pinned key is not an Ed25519 verifier key")
    return name, computed, Ed25519PublicKey.from_public_bytes(key[1:])


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
            self.names = self._zip.namelist()
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
    """

    claims: Claims
    findings: tuple[Finding, ...]
    unlisted: int
    has_key: bool
    doubt: str
    first: int | None
    last: int | None
    signed_until: str

    @property
    def status(self) -> int:
        """0: holds, 1: something is wrong, 2: cannot judge; without a key nothing can be judged, whatever is found."""
        if not self.has_key or (self.doubt and not self.findings):
            return 2
        return 1 if self.findings else 0


def judge_bundle(path: Path, pin: str | None, since: str | None = None) -> Judgement:
    """Judge an export of the log, in flat memory.

    Args:
        path: the ZIP, or the folder it was unpacked into.
        pin: the verifier key obtained out of band; None to see only whether the bundle agrees with itself.
        since: an earlier checkpoint that the log must still extend.

    Returns:
        The judgement.

    Raises:
        CannotJudge: pin, bundle or earlier checkpoint cannot be read.
    """
    try:
        with ExitStack() as until:
            return _Judge(_Bundle(path, until), pin).judge(since)
    except _UNREADABLE as error:
        raise CannotJudge(f"the bundle cannot be read ({type(error).__name__})") from None
    except (KeyError, TypeError, AttributeError):
        raise CannotJudge("a file of proofs cannot be read") from None


class _Judge:
    """One judgement of one bundle, from its manifest to its last entry."""

    def __init__(self, bundle: _Bundle, pin: str | None) -> None:
        self._bundle = bundle
        self._claims = _claims(bundle)
        self._heads = _Heads(self._claims.key if pin is None else pin)
        self._found: list[Finding] = []
        self._has_key = pin is not None
        self._undecided: int | None = None  # size of the earlier checkpoint, until something leads there
        self._unlisted = 0
        # Of the entries, while they stream by:
        self._first: int | None = None
        self._last: int | None = None
        self._times = ["", ""]  # of the first and the last
        self._inside = 0  # within the time asked for

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
        found = sorted(self._found, key=lambda one: -1 if one.index is None else one.index)
        unlisted = self._unlisted + max(0, len(found) - MOST_FINDINGS)
        listed = tuple(found[:MOST_FINDINGS])
        doubt, until = self._doubt(), self._times[1]
        return Judgement(self._claims, listed, unlisted, self._has_key, doubt, self._first, self._last, until)

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
            signed = self._heads.text(self._bundle.read("manifest.note").decode())
            if signed != f"{FORMAT}\n{self._heads.name}\n{manifest}":
                self._add("changed", None, "manifest.json is not the one that was signed")
        except _Refused as refused:
            kind: Kind = "wrong_key" if refused.kind == "wrong_key" else "changed"
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
        self._found += self._heads.findings()
        try:
            head = self._heads.state(newest)
        except _Refused:
            return None
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
        if since is None:
            return
        try:
            size, root = self._heads.state(since)
        except _Refused as refused:
            raise CannotJudge(f"the earlier checkpoint {refused.words}") from None
        if size > head[0]:
            words = f"the log ends at {head[0]} entries, your earlier checkpoint signs {size}"
            self._add("rolled_back", head[0], words)
        elif size in known:
            if known[size] != root:
                self._add("forked", size, f"this log had another root at {size} entries than your earlier checkpoint")
        else:  # the entries of a range decide, if they reach there
            self._heads.roots.setdefault(size, set()).add(root)
            self._undecided = size

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
        found += _root_findings(walk.judged, found, start, stop)
        self._found += found
        if self._undecided in {one for one, _, _ in walk.judged}:
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
            yield index, canonical, bytes.fromhex(found[2].decode())


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
    "bad_checkpoint": "检查点无效",
    "column_mismatch": "表格与事件不符",
    "gap": "范围有缺口",
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
    for one in judged.findings:
        yield f"[{one.kind}] {_CHINESE[one.kind]} · {one.words}"
    if judged.unlisted:
        yield f"… and {judged.unlisted} more"
    if judged.doubt:
        yield f"[?] {judged.doubt}"
    yield _VERDICTS[judged.status]


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge a bundle and print what came of it.

    Args:
        arguments: of the command line; None for those of the process.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(
        prog="verify_log.py", description="校验访问日志的导出包 · Check an export of the access log."
    )
    parser.add_argument("bundle", type=Path, help="ZIP 或解开后的文件夹 · the ZIP, or the folder it was unpacked into")
    parser.add_argument("--key", metavar="PIN", help="固定公钥或存放它的文件 · the pinned key, or a file that holds it")
    parser.add_argument(
        "--since", metavar="CHECKPOINT", type=Path, help="上次留存的检查点文件 · a checkpoint kept from before"
    )
    given = parser.parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a console that has no Chinese still gets the verdict
    try:
        pin = None if given.key is None else given.key if "+" in given.key else _short_text(Path(given.key))
        since = None if given.since is None else _short_text(given.since)
        judged = judge_bundle(given.bundle, pin, since)
    except CannotJudge as error:
        _say([f"[?] {error}", _VERDICTS[2]])
        return 2
    _say(report(judged))
    return judged.status


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
