"""Anchors: places outside this host's data to which each signed checkpoint is sent, so that no owner can replace it.

Gap statements and key statements are sent there too, each before the first checkpoint that follows it: who reads along
sees why the log grew shorter, or which key signs from now on. What was sent where is kept beside the checkpoints. A
place that cannot be reached stops nothing: the fault is kept, ``doctor`` and ``/readyz`` say so, and the next signing
tries again.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from logging.handlers import SysLogHandler
from pathlib import Path
from typing import Protocol

from vault.errors import SetupError
from vault.storage.log_files import replace_file

PATIENCE_SECONDS = 3.0
"""So long a place may take; a share that hangs must not hold up the signing."""

_STATE = "anchors.json"
_LONGEST_NOTE = 1 << 18  # characters


class Statement(StrEnum):
    """What is declared beside checkpoints."""

    GAP = "gap"
    KEY = "key"


class Anchor(Protocol):
    """A place that keeps checkpoints and statements."""

    name: str
    is_outbound: bool

    def send(self, note: str, now: datetime) -> None:
        """Send a checkpoint there.

        Raises:
            OSError: it could not be sent.
        """

    def declare(self, what: Statement, note: str, now: datetime) -> None:
        """Send a statement there.

        Raises:
            OSError: it could not be sent.
        """

    def kept(self) -> str:
        """Return the last checkpoint that lies there; empty where nothing can be read back.

        Raises:
            OSError: it could not be read.
        """


@dataclass(frozen=True, slots=True)
class Sent:
    """How an anchor stands.

    Args:
        name: what it is and where.
        is_outbound: it lies behind the network.
        size: events covered by the last checkpoint sent there; 0 before the first.
        at: when that was, UTC.
        fault: why the last try failed: a word of the operating system; empty when it did not.
        gaps: how many gap statements were sent there.
        keys: how many key statements were.
    """

    name: str
    is_outbound: bool
    size: int = 0
    at: datetime | None = None
    fault: str = ""
    gaps: int = 0
    keys: int = 0


class FolderAnchor:
    """Another folder, such as the share of another site: the last checkpoint, and by month every note sent.

    Args:
        folder: it must be there; it is never made, because an unmounted share would then be this host's own disk.
    """

    is_outbound = False

    def __init__(self, folder: Path) -> None:
        self.name = f"folder:{folder}"
        self._folder = folder

    def send(self, note: str, now: datetime) -> None:
        """Append the checkpoint to the month's file, and replace the last one."""
        self._append(note, now)
        fresh = self._folder / "checkpoint.new"
        fresh.write_text(note, encoding="utf-8")
        fresh.replace(self._folder / "checkpoint")

    def declare(self, what: Statement, note: str, now: datetime) -> None:
        """Append the statement to the month's file, where it stands between the checkpoints that it explains."""
        del what  # the note says what it is
        self._append(note, now)

    def kept(self) -> str:
        """Return the last checkpoint that lies there."""
        with (self._folder / "checkpoint").open(encoding="utf-8", errors="replace", newline="") as file:
            return file.read(_LONGEST_NOTE)

    def _append(self, note: str, now: datetime) -> None:
        history = self._folder / f"checkpoints-{now.astimezone(UTC):%Y-%m}"
        with os.fdopen(os.open(history, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644), "wb") as file:
            file.write(f"{note}\n".encode())
            file.flush()
            os.fsync(file.fileno())


class SyslogAnchor:
    """A syslog server or the host's own syslog: one line of JSON for each note.

    Over UDP nobody answers, so only what this host notices is a fault.

    Args:
        address: ``udp:HOST:PORT`` or ``unix:/PATH``.

    Raises:
        SetupError: ``not_a_syslog_address``.
    """

    def __init__(self, address: str) -> None:
        kind, _, place = address.partition(":")
        host, _, port = place.rpartition(":")
        if kind == "unix" and place.startswith("/"):
            self._address: str | tuple[str, int] = place
        elif kind == "udp" and host and port.isascii() and port.isdigit() and 0 < int(port) < 1 << 16:
            self._address = (host.strip("[]"), int(port))
        else:
            raise SetupError("not_a_syslog_address", setting="DATAVAULT_CHECKPOINT_SYSLOG")
        self.name = f"syslog:{address}"
        self.is_outbound = kind == "udp"

    def send(self, note: str, now: datetime) -> None:
        """Send the checkpoint as one line."""
        self._emit({"checkpoint": note, "sent_at": now.isoformat()})

    def declare(self, what: Statement, note: str, now: datetime) -> None:
        """Send the statement as one line."""
        self._emit({what.value: note, "sent_at": now.isoformat()})

    def kept(self) -> str:
        """Return nothing: a syslog is not asked."""
        return ""

    def _emit(self, told: dict[str, str]) -> None:
        line = json.dumps(told)
        handler = _Handler(self._address, SysLogHandler.LOG_AUTH)
        handler.ident = "datavault: "
        handler.append_nul = False
        try:
            handler.emit(logging.LogRecord("datavault", logging.INFO, "", 0, "%s", (line,), None))
        finally:
            handler.close()


class _Handler(SysLogHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        """Let the error go on: the library would print it and forget."""
        del record
        raise  # noqa: PLE0704 - the library calls this while it handles the error


class Anchors:
    """The anchors of one vault.

    Args:
        folder: where it is kept what was sent.
        anchors: the places.
    """

    def __init__(self, folder: Path, anchors: Sequence[Anchor] = ()) -> None:
        self._state = folder / _STATE
        self._anchors = anchors
        self._busy: dict[str, threading.Thread] = {}

    def deliver(self, note: str, size: int, now: datetime, gaps: Sequence[str] = (), keys: Sequence[str] = ()) -> None:
        """Send a checkpoint to every place that has not got it yet; the caller holds the signer's lock.

        Args:
            note: the signed checkpoint.
            size: events it covers.
            now: UTC.
            gaps: every gap statement so far, oldest first; those that a place has not got go there first.
            keys: every key statement so far, in the same way.

        Raises:
            StorageUnavailable: what was sent could not be kept.
        """
        before = {one.name: one for one in self.standing()}
        after = {}
        for anchor in self._anchors:
            last = before[anchor.name]
            if (last.size, last.gaps, last.keys, last.fault) == (size, len(gaps), len(keys), ""):
                after[anchor.name] = last  # a size alone says little once the log has been shorter
                continue
            news = [(Statement.GAP, one) for one in gaps[last.gaps :]]
            news += [(Statement.KEY, one) for one in keys[last.keys :]]
            fault = self._try(anchor, note, news, now)
            done = Sent(anchor.name, anchor.is_outbound, size, now, gaps=len(gaps), keys=len(keys))
            after[anchor.name] = replace(last, fault=fault) if fault else done
        if after != before:
            kept = {one.name: _kept(one) for one in after.values()}
            replace_file(self._state, json.dumps(kept).encode())

    def standing(self) -> tuple[Sent, ...]:
        """Return how each place stands; one of which nothing is known has got nothing yet."""
        try:
            kept = json.loads(self._state.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            kept = {}
        return tuple(
            _sent(anchor, kept.get(anchor.name) if isinstance(kept, dict) else None) for anchor in self._anchors
        )

    def kept(self) -> list[str]:
        """Return the last checkpoint of each place from which it can be read back; of one that is away, nothing."""
        notes: list[str] = []
        for anchor in self._anchors:
            self._in_time(f"{anchor.name} kept", partial(_read_back, anchor, notes))
        return [one for one in notes if one]

    def _try(self, anchor: Anchor, note: str, news: Sequence[tuple[Statement, str]], now: datetime) -> str:
        """Send, and return why it failed."""

        def send() -> None:
            """Send the statements, and then the checkpoint that follows them."""
            for what, one in news:
                anchor.declare(what, one, now)
            anchor.send(note, now)

        return self._in_time(anchor.name, send)

    def _in_time(self, name: str, do: Callable[[], None]) -> str:
        """Do it in a thread of its own, and return why it failed; a place that still hangs is not asked again."""
        faults: list[str] = []

        def run() -> None:
            """Do it, and note why it failed, or that it did not."""
            try:
                do()
            except OSError as error:
                faults.append(errno.errorcode.get(error.errno or 0, type(error).__name__))
            else:
                faults.append("")

        busy = self._busy.get(name)
        if busy is not None and busy.is_alive():
            return errno.errorcode[errno.ETIMEDOUT]
        thread = self._busy[name] = threading.Thread(target=run, name="anchor", daemon=True)
        thread.start()
        thread.join(PATIENCE_SECONDS)
        return faults[0] if faults else errno.errorcode[errno.ETIMEDOUT]


def _read_back(anchor: Anchor, notes: list[str]) -> None:
    notes.append(anchor.kept())


def _kept(sent: Sent) -> dict[str, str | int | None]:
    at = sent.at.isoformat() if sent.at else None
    return {"size": sent.size, "at": at, "fault": sent.fault, "gaps": sent.gaps, "keys": sent.keys}


def _sent(anchor: Anchor, kept: object) -> Sent:
    try:
        size, at, fault = (kept[name] for name in ("size", "at", "fault"))  # type: ignore[index]  # see below
        moment = None if at is None else datetime.fromisoformat(at)
        gaps, keys = (int(kept.get(name, 0)) for name in ("gaps", "keys"))  # type: ignore[attr-defined]  # of before: none
        return Sent(anchor.name, anchor.is_outbound, int(size), moment, str(fault), gaps, keys)
    except (TypeError, KeyError, ValueError, AttributeError):
        return Sent(anchor.name, anchor.is_outbound)
