"""A letter and its bytes: plain text in UTF-8, with headers that nobody can add to."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
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
    # Both are of closed patterns by now, ASCII without white space, and neither can begin a line of its own.
    own = f"To: {to}\r\nMessage-ID: <{letter.key}@{sender.rpartition('@')[2]}>\r\n"
    # Base64 whatever it says: nothing on the way rewrites its lines, and none begins with a dot.
    said = "\r\n".join([*letter.body.splitlines(), ""]).encode(errors="replace")
    body = base64.encodebytes(said).replace(b"\n", b"\r\n")
    return own.encode("ascii") + _common(sender, letter.subject, letter.at) + b"\r\n\r\n" + body


@lru_cache(maxsize=64)
def _common(sender: str, subject: str, at: datetime) -> bytes:
    """Return the headers that many letters share; making them takes longer than sending one."""
    message = EmailMessage(policy=SMTP)
    message["From"], message["Subject"], message["Date"] = sender, subject, at
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: answering machines stay silent
    message.set_content("", cte="base64")
    return message.as_bytes().partition(b"\r\n\r\n")[0]
