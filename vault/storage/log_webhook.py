"""An anchor behind HTTP: each signed note is posted to an address of another party, and nothing else ever is.

No redirect is followed and no proxy of the environment is used: the note goes where the settings say, or nowhere.
"""

from __future__ import annotations

import errno
import re
import ssl
from datetime import datetime
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final
from urllib.parse import SplitResult

from vault.errors import SetupError
from vault.storage.addresses import is_this_host, taken_apart
from vault.storage.log_anchors import PATIENCE_SECONDS, Statement

_WORDS: Final[dict[int, int]] = {
    HTTPStatus.UNAUTHORIZED: errno.EACCES,
    HTTPStatus.FORBIDDEN: errno.EACCES,
    HTTPStatus.NOT_FOUND: errno.ENOENT,
    HTTPStatus.GONE: errno.ENOENT,
    HTTPStatus.TOO_MANY_REQUESTS: errno.EBUSY,
    HTTPStatus.SERVICE_UNAVAILABLE: errno.EBUSY,
}
"""Refusals that have a word of the operating system; every other one is EPROTO."""


class TlsRefused(OSError):
    """TLS did not come about; mostly because the other side could not show that it is whom the address names."""


class WebhookAnchor:
    """An address that takes each note as the body of a POST, as ``text/plain``; its first line says what it is.

    Its name holds scheme, host and port only: path and query of such an address are often its secret.

    Args:
        address: ``https://HOST[:PORT]/PATH``; ``http`` only for this host itself.

    Raises:
        SetupError: ``not_a_webhook_address``.
    """

    def __init__(self, address: str) -> None:
        self._parts = _checked(address)
        self.name = f"webhook:{shown(address)}"
        self.is_outbound = not is_this_host(self._parts)

    def send(self, note: str, now: datetime) -> None:
        """Post the checkpoint.

        Raises:
            OSError: it did not arrive, or the other side did not say that it took it (a status of 2xx).
        """
        del now  # the note stands for itself; nothing else is said
        connection = self._connection()
        try:
            connection.request(
                "POST", self._path(), body=note.encode(), headers={"Content-Type": "text/plain; charset=utf-8"}
            )
            status = connection.getresponse().status
        except TimeoutError:
            raise OSError(errno.ETIMEDOUT, "webhook") from None
        except ssl.SSLError:  # its errno is one of the TLS library, not of the operating system
            raise TlsRefused from None
        except HTTPException:
            raise OSError(errno.EPROTO, "webhook") from None
        finally:
            connection.close()
        if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            raise OSError(_WORDS.get(status, errno.EPROTO), "webhook")

    def declare(self, what: Statement, note: str, now: datetime) -> None:
        """Post the statement, whose text says what it is.

        Raises:
            OSError: as for :meth:`send`.
        """
        del what
        self.send(note, now)

    def kept(self) -> str:
        """Return nothing: the other side is only ever told."""
        return ""

    def _connection(self) -> HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "https":
            return HTTPSConnection(host, port, timeout=PATIENCE_SECONDS, context=ssl.create_default_context())
        return HTTPConnection(host, port, timeout=PATIENCE_SECONDS)

    def _path(self) -> str:
        query = f"?{self._parts.query}" if self._parts.query else ""
        return f"{self._parts.path or '/'}{query}"


def shown(address: str) -> str:
    """Return the part of an address that may be read by others: scheme, host and port."""
    found = re.match(r"https?://[^/?#@]*(?![^/?#]*@)", address)
    return found[0] if found else "?"


def _checked(address: str) -> SplitResult:
    """Take an address apart that says exactly where a checkpoint goes, or refuse it."""
    parts = taken_apart(address)
    is_safe = parts and (parts.scheme == "https" or (parts.scheme == "http" and is_this_host(parts)))
    if parts is None or not is_safe or "@" in parts.netloc:
        raise SetupError("not_a_webhook_address", setting="DATAVAULT_CHECKPOINT_WEBHOOK")
    return parts
