"""Check a log against its signed checkpoints: complete, unaltered, unbroken, or exactly what is wrong.

This file stands alone on purpose: the standard library and ``cryptography``, nothing else of the vault, so that a
stranger can read it in one sitting and run it with ``python -I``. It therefore repeats the tree (RFC 6962 section 2.1)
and the notes (C2SP signed-note and tlog-checkpoint) in its own words, and what it says does not rest on the code that
wrote the log.

How it judges. Entries stream by once, in batches. Each entry's bytes must give the leaf hash stored beside it: that
names a changed entry exactly. The tree grows over the leaf hashes, and wherever a checkpoint with a valid signature of
the pinned key speaks of that size, the roots must agree: that finds what was changed together with its hash, between
two checkpoints. The checkpoint kept outside the database closes the last gap: a log cut short, or replaced as a whole.
"""

from __future__ import annotations

import base64
import binascii
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain, islice
from typing import Final, Literal, cast

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
]
"""Closed. ``column_mismatch`` is for the callers that hold the other columns of a row; it never arises here."""

MOST_FINDINGS: Final = 1000  # bounds the memory of a report on a log that is wrong everywhere; the rest is counted
_BATCH: Final = 1024
_LONGEST_NOTE: Final = 256 * 1024  # characters


class CannotJudge(ValueError):
    """The pinned key cannot be read: there is nothing to judge by."""


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
    """

    findings: tuple[Finding, ...]
    size: int
    checked_size: int
    unsigned_tail: int
    unlisted: int

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
    walk = _Walk(heads.roots)
    for batch in _batches(events):
        walk.take(batch)
    found = heads.findings() + walk.findings() + _missing_tail(walk.next_index, last_inside, heads.largest)
    found += _root_findings(walk.judged, found)
    agreed = max((size for size, _, agrees in walk.judged if agrees), default=0)
    return Report(
        tuple(found), walk.size, agreed, unsigned_tail=max(0, walk.size - heads.largest), unlisted=walk.unlisted
    )


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
    """

    def __init__(self, roots: dict[int, set[bytes]]) -> None:
        self.size = 0
        self.next_index = 0
        self.unlisted = 0
        self.judged: list[tuple[int, int, bool]] = []  # size, different signed roots for it, do the entries agree
        self._roots = roots
        self._due = sorted(roots, reverse=True)
        self._trees = [_Tree()]
        self._in_order = True
        self._grown = 0
        self._found: list[Finding] = []
        self._holes: list[tuple[int, int]] = []  # indices that were skipped: first, and one past the last
        self._judge_if_due()

    def take(self, batch: list[Entry]) -> None:
        """Check the next entries; nothing here runs once per entry in Python code while all is well."""
        indices, canonical, stored = zip(*batch, strict=True)
        first, self.size = self.next_index, self.size + len(batch)
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
        self._name, self._key_id, self._key = _read_pin(pin)
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
        text, _, signatures = note.rpartition("\n\n")
        if len(note) > _LONGEST_NOTE or not signatures.endswith("\n"):
            raise _Refused("bad_checkpoint", "is not a signed note")
        self._check(f"{text}\n".encode(errors="surrogatepass"), signatures[:-1].split("\n"))
        body = re.fullmatch(r"([^\x00-\x1f]+)\n(0|[1-9][0-9]{0,18})\n([A-Za-z0-9+/]{43}=)((?:\n[^\x00-\x1f]+)*)", text)
        if body is None or body[1] != self._name:
            raise _Refused("bad_checkpoint", "is signed, but does not speak of this log")
        size, root = int(body[2]), base64.b64decode(body[3])
        self.roots.setdefault(size, set()).add(root)
        return size

    def _check(self, text: bytes, lines: list[str]) -> None:
        """Demand a valid signature of the pinned key, and no wrong one; signatures of other keys do not matter."""
        signed = False
        for line in lines:
            parts = re.fullmatch(r"— ([^\s+]+) (\S+)", line)
            name, signature = (parts[1], _decode(parts[2])) if parts else ("", b"")
            if len(signature) <= len(self._key_id):
                raise _Refused("bad_checkpoint", "has a signature line that cannot be read")
            if name == self._name and signature.startswith(self._key_id):
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


def _root_findings(judged: list[tuple[int, int, bool]], known: list[Finding]) -> list[Finding]:
    """Turn roots that disagree into findings.

    The first bad entry lies between the last size that agreed and the first that does not. Nothing is added where an
    entry already named in that range explains it. If a later root agrees again, or one size has two signed roots, two
    histories were signed.
    """
    named = sorted(found.index for found in known if found.index is not None)
    last_agreed = max((size for size, _, agrees in judged if agrees), default=-1)
    found: list[Finding] = []
    good = 0
    for size, roots, agrees in judged:
        said = bool(found) and found[-1].index == good
        if roots > 1 or (not agrees and size < last_agreed):
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
