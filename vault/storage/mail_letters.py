"""A letter and its bytes: plain text in UTF-8, with headers that nobody can add to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP

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
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"] = sender, to
    message["Subject"], message["Date"] = letter.subject, letter.at
    message["Message-ID"] = f"<{letter.key}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: answering machines stay silent
    # Base64 whatever it says: nothing on the way rewrites its lines, and none begins with a dot.
    message.set_content(letter.body.encode(errors="replace").decode(), cte="base64")
    return message.as_bytes()
