"""Mail over SMTP: one connection for many letters, and of each letter what became of it, as far as that can be known.

A server has a letter from the moment it says so after the last dot. Before that dot is sent it has nothing to deliver;
between the two nobody can know, and :data:`Fate.UNKNOWN` says so. Message-IDs are made from the letter's key, so that
a letter that is sent again is the same letter to every server that looks.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from vault.domain.mail_addresses import normal_mail_address
from vault.errors import InvalidValue, SetupError
from vault.storage.addresses import is_this_host, taken_apart
from vault.storage.mail_letters import Letter, wire

PATIENCE_SECONDS: Final = 15.0
"""So long a server may be silent, to any one command."""

_ADDRESS_SETTING, _SENDER_SETTING = "DATAVAULT_SMTP_URL", "DATAVAULT_MAIL_FROM"
_SCHEMES = {"smtp": 25, "smtps": 465}
_STARTTLS_PORT = 587
_END = b".\r\n"
_OK, _NEVER, _GO_ON, _CLOSES = 2, 5, 354, 421
_SILENT: Final = "server_silent"
_SILENCES = 3
"""After so many letters in a row to which a server says nothing, the rest of a session does not wait for it."""


class Fate(StrEnum):
    """What became of a letter."""

    SENT = "sent"
    """The server has taken it."""
    REFUSED = "refused"
    """It was refused for ever, or cannot be sent at all; nobody has it."""
    AGAIN = "again"
    """Nobody has it; try again later."""
    UNKNOWN = "unknown"
    """The server had all of it and has not answered: it may have been delivered, or not."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a letter, and why.

    Args:
        fate: what became of it.
        reason: of closed words: ``bad_mail_address``, ``bad_letter``, ``server_away``, ``server_silent`` or
            ``server_says_NNN`` with the reply code; empty when it was sent. Never what the server wrote.
    """

    fate: Fate
    reason: str = ""


class Mailer:
    """Where letters are given up, and by whom.

    Args:
        address: ``smtps://USER:PASSWORD@HOST[:PORT]`` or ``smtp://…?starttls``; without TLS only to this host itself.
            Empty: there is no mail.
        sender: address that letters come from; must be one when there is mail.
        patience: seconds a server may be silent.

    Raises:
        SetupError: ``not_a_mail_server`` or ``not_a_mail_sender``; neither repeats the address.
    """

    def __init__(self, address: str = "", sender: str = "", patience: float = PATIENCE_SECONDS) -> None:
        self._patience = patience
        self._parts = _checked(address) if address else urlsplit("")
        self.sender = _sender(sender) if address or sender else ""

    @property
    def is_set_up(self) -> bool:
        """Whether letters can be sent at all."""
        return bool(self._parts.scheme)

    @property
    def name(self) -> str:
        """Where letters go: scheme, host and port; never user or password. Empty without mail."""
        host = self._parts.hostname or ""
        host = f"[{host}]" if ":" in host else host
        return f"{self._parts.scheme}://{host}:{self._port}" if self.is_set_up else ""

    @property
    def is_outbound(self) -> bool:
        """Whether the server is another host."""
        return self.is_set_up and not is_this_host(self._parts)

    @contextmanager
    def open(self) -> Iterator[Session]:
        """Open a session, which connects with its first letter.

        Yields:
            The session; on leaving, the connection is closed.
        """
        session = Session(self)
        try:
            yield session
        finally:
            session.close()

    @property
    def _port(self) -> int:
        return self._parts.port or (_STARTTLS_PORT if self._parts.query else _SCHEMES[self._parts.scheme])

    def connect(self) -> smtplib.SMTP:
        """Connect, over TLS to whoever can show to be the host of the settings, and sign in.

        Raises:
            OSError: nobody is there, or not who should be; smtplib's own errors are of this kind.
        """
        host, domain = self._parts.hostname or "", self.sender.rpartition("@")[2]
        server: smtplib.SMTP
        # The sender's domain says who calls: the host's own name would be asked of the network, and told to it.
        if self._parts.scheme == "smtps":
            context = ssl.create_default_context()
            server = smtplib.SMTP_SSL(host, self._port, domain, timeout=self._patience, context=context)
        else:
            server = smtplib.SMTP(host, self._port, domain, timeout=self._patience)
        try:
            if server.sock is not None:  # the end of a long letter waits for a sign of its beginning otherwise
                server.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._parts.query:
                server.starttls(context=ssl.create_default_context())
            server.ehlo_or_helo_if_needed()
            if self._parts.username:
                server.login(unquote(self._parts.username), unquote(self._parts.password or ""))
        except BaseException:
            server.close()
            raise
        return server


class Session:
    """One connection at a time, made again when it was lost.

    Args:
        mailer: where to.
    """

    def __init__(self, mailer: Mailer) -> None:
        self._mailer = mailer
        self._server: smtplib.SMTP | None = None
        self._silences = 0
        self.is_down = not mailer.is_set_up
        """No server answers, or it takes no letter of ours at all: every further letter of this session is ``AGAIN``
        at once, so that thousands do not wait for it one by one."""

    def send(self, letter: Letter) -> Sent:
        """Send a letter.

        Whatever is wrong with it or with the server is told by what is returned; nothing is raised.

        Args:
            letter: it; its address is judged here once more.

        Returns:
            What became of it.
        """
        try:
            to = normal_mail_address(letter.to)
            lines = wire(letter, self._mailer.sender, to)
        except InvalidValue as error:
            return Sent(Fate.REFUSED, error.reason)
        if self.is_down:
            return Sent(Fate.AGAIN, "server_away")
        begun = self._begun()
        if isinstance(begun, Sent):
            self.is_down = True
            return begun
        sent = self._given(begun, to, lines)
        self._silences = self._silences + 1 if sent.reason == _SILENT else 0
        self.is_down = self._silences >= _SILENCES
        return sent

    def close(self) -> None:
        """Say good-bye, if anybody is there."""
        if self._server is not None:
            with suppress(OSError):
                self._server.quit()
            self._lost()

    def _begun(self) -> smtplib.SMTP | Sent:
        """Begin a letter on the open connection, or on a new one where that was ended meanwhile."""
        reused = self._server is not None
        try:
            server = self._server = self._server or self._mailer.connect()
            code, _ = server.mail(self._mailer.sender)
        except smtplib.SMTPResponseException as error:
            code = error.smtp_code
        except (OSError, UnicodeError):  # a host whose name cannot be one is of the second kind
            code = 0
        if code // 100 == _OK:
            return server
        self._lost()
        if reused and code in (0, _CLOSES):
            return self._begun()
        # Not for the sake of this letter: it is us whom the server does not want, or it is not there.
        return Sent(Fate.AGAIN, _says(code) if code else "server_away")

    def _given(self, server: smtplib.SMTP, to: str, lines: bytes) -> Sent:
        """Give one letter to the server, and tell apart before and after the last dot."""
        ended = False
        try:
            code, _ = server.rcpt(to)
            if code // 100 == _OK:
                code, _ = server.docmd("DATA")
                if code == _GO_ON:
                    server.send(lines + _END)  # where this fails, the last dot never left this host
                    ended = True
                    code, _ = server.getreply()
                    if code // 100 == _OK:
                        return Sent(Fate.SENT)
        except OSError:
            self._lost()
            return Sent(Fate.UNKNOWN if ended else Fate.AGAIN, _SILENT)
        try:
            if code == _CLOSES or code < 0:
                self._lost()
            else:
                server.rset()
        except OSError:
            self._lost()
        return Sent(Fate.REFUSED if code // 100 == _NEVER else Fate.AGAIN, _says(code))

    def _lost(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None


def _says(code: int) -> str:
    return f"server_says_{code}" if code > 0 else _SILENT


def _sender(address: str) -> str:
    try:
        return normal_mail_address(address)
    except InvalidValue:
        raise SetupError("not_a_mail_sender", setting=_SENDER_SETTING) from None


def _checked(address: str) -> SplitResult:
    """Take an address apart that says exactly which server takes our letters, or refuse it."""
    parts = taken_apart(address)
    if parts is None:
        raise SetupError("not_a_mail_server", setting=_ADDRESS_SETTING)
    is_whole = parts.scheme in _SCHEMES and parts.path in {"", "/"} and bool(parts.username) == bool(parts.password)
    is_safe = (
        (parts.scheme == "smtps" and not parts.query)
        or (parts.scheme == "smtp" and parts.query == "starttls")
        or (parts.scheme == "smtp" and not parts.query and is_this_host(parts))
    )
    if not (is_whole and is_safe):
        raise SetupError("not_a_mail_server", setting=_ADDRESS_SETTING)
    return parts
