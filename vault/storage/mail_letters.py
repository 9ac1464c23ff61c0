"""A letter and its bytes: plain text in UTF-8, with headers that nobody can add to."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime
from functools import lru_cache

from vault.errors import InvalidValue

_KEY = re.compile(r"[0-9A-Za-z]+([.-][0-9A-Za-z]+)*")
_LONGEST_KEY = 100


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter to one address.

    Args:
        to: the address and nothing else.
        subject: one line, printable.
        body: plain text.
        key: names the letter for ever, letters, digits, dots and hyphens; the same at each try.
        at: the date it bears, UTC; the same at each try.
    """

    to: str
    subject: str
    body: str
    key: str
    at: datetime


def wire(letter: Letter, sender: str, to: str) -> bytes:
    """Return a letter as it goes over the wire.

    Every header is made of what was matched against a closed pattern, or is encoded whole; no line begins with a dot.

    Args:
        letter: it.
        sender: a normal address.
        to: a normal address.

    Returns:
        Lines ending with CRLF, ASCII only.

    Raises:
        InvalidValue: ``bad_letter``: the subject is no single line, or the key none that a Message-ID can hold.
    """
    if not letter.subject.isprintable() or not _KEY.fullmatch(letter.key) or len(letter.key) > _LONGEST_KEY:
        raise InvalidValue("bad_letter", field="subject")
    head = (
        f"From: {sender}",
        f"To: {to}",
        f"Subject: {_encoded(letter.subject)}",
        f"Date: {format_datetime(letter.at)}",
        f"Message-ID: <{letter.key}@{sender.rpartition('@')[2]}>",
        "Auto-Submitted: auto-generated",  # RFC 3834: answering machines stay silent
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: base64",
    )
    body = "\r\n".join([*letter.body.splitlines(), ""]).encode(errors="replace")
    return "\r\n".join([*head, "", ""]).encode("ascii") + base64.encodebytes(body).replace(b"\n", b"\r\n")


@lru_cache(maxsize=64)  # a thousand notices have one subject
def _encoded(subject: str) -> str:
    return Header(subject, "utf-8", header_name="Subject").encode(linesep="\r\n")
