"""A real SMTP server in the test's own process: it keeps what it got, and can be told to refuse, to hang or to be slow.

``with Mailbox() as box:`` listens on a free port of this host; ``box.url`` is what the setting takes.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import ssl
from collections.abc import Callable
from dataclasses import replace
from email.message import EmailMessage
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword

from vault.domain.ids import Role
from vault.services.steps.parts import Parts
from vault.storage.mail import Mailer

SENDER = "vault@example.com"


class Mailbox:
    """A mail server and everybody's mailbox.

    Args:
        certificate: file with certificate and key, to offer TLS.
        implicit: speak TLS from the first byte; else only after STARTTLS.
        login: user and password it asks for, over TLS only.

    Attributes:
        got: (recipient, message) in the order in which they were taken.
        asked: recipients in the order in which they were named to it, taken or not.
        connections: how many were made.
        to_rcpt: for an address, the answer to ``RCPT`` that is not 250.
        to_data: for an address, the answer after the last dot that is not 250.
        keeps_silent: for an address, whether it says nothing after the last dot.
        takes_silently: whether a letter is kept all the same when it then says nothing.
        to_mail: the answer to ``MAIL`` when it is not 250.
        slow: seconds before each answer after the last dot.
    """

    def __init__(self, certificate: str = "", *, implicit: bool = False, login: tuple[str, str] | None = None) -> None:
        self.got: list[tuple[str, EmailMessage]] = []
        self.asked: list[str] = []
        self.connections = 0
        self.to_rcpt: Callable[[str], str] = lambda _: ""
        self.to_data: Callable[[str], str] = lambda _: ""
        self.keeps_silent: Callable[[str], bool] = lambda _: False
        self.takes_silently = True
        self.to_mail, self.slow = "", 0.0
        self._released = asyncio.Event()
        self._certificate, self._implicit, self._login = certificate, implicit, login
        self._controller: _Controller | None = None

    def __enter__(self) -> Self:
        context = None
        if self._certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self._certificate)
        self._controller = _Controller(self, context if self._implicit else None, None if self._implicit else context)
        self._controller.start()
        self.connections = 0  # its own, to see that it is up
        return self

    def __exit__(self, *_: object) -> None:
        assert self._controller
        self._controller.loop.call_soon_threadsafe(self._released.set)
        self._controller.stop()

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._controller
        return int(self._controller.server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        """The setting that leads here."""
        user = f"{self._login[0]}:{self._login[1]}@" if self._login else ""
        if self._implicit:
            return f"smtps://{user}127.0.0.1:{self.port}"
        return f"smtp://{user}127.0.0.1:{self.port}" + ("?starttls" if self._certificate else "")

    @property
    def recipients(self) -> list[str]:
        """Whom it took letters for, in order."""
        return [to for to, _ in self.got]

    def letters(self, to: str) -> list[EmailMessage]:
        """Return what it took for one address."""
        return [letter for recipient, letter in self.got if recipient == to]

    # -- what aiosmtpd asks ------------------------------------------------------------------------------------------

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, _: Any, __: Any, envelope: Envelope, address: str, ___: Any
    ) -> str:
        if self.to_mail:
            return self.to_mail
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _: Any, __: Any, envelope: Envelope, address: str, ___: Any
    ) -> str:
        self.asked.append(address)
        answer = self.to_rcpt(address)
        if answer:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _: Any, envelope: Envelope) -> str:  # noqa: N802 - as above
        to = envelope.rcpt_tos[0]
        if self.slow:
            await asyncio.sleep(self.slow)
        silent, answer = self.keeps_silent(to), self.to_data(to)
        if not answer and (not silent or self.takes_silently):
            assert isinstance(envelope.original_content, bytes)
            letter = email.message_from_bytes(envelope.original_content, policy=email.policy.default)
            assert isinstance(letter, EmailMessage)
            self.got.append((to, letter))
        if silent:
            await self._released.wait()
            server.transport.close()
        return answer or "250 OK"

    def authenticates(self, _: Any, __: Any, ___: Any, mechanism: str, given: object) -> AuthResult:
        """Judge a sign-in."""
        del mechanism
        known = self._login is not None and isinstance(given, LoginPassword)
        return AuthResult(
            success=known and (given.login.decode(), given.password.decode()) == self._login, handled=False
        )


class _Controller(Controller):
    def __init__(self, box: Mailbox, outer: ssl.SSLContext | None, inner: ssl.SSLContext | None) -> None:
        self._box, self._inner = box, inner
        self._encrypted = outer is not None or inner is not None
        super().__init__(box, hostname="127.0.0.1", port=0, ssl_context=outer, ready_timeout=10)

    def factory(self) -> SMTP:
        self._box.connections += 1
        needs_login = self._box._login is not None
        return SMTP(
            self._box,
            hostname="mail.example.com",
            tls_context=self._inner,
            require_starttls=self._inner is not None,
            auth_required=needs_login and self._inner is not None,  # it takes TLS from the first byte for none
            auth_require_tls=self._inner is not None,
            authenticator=self._box.authenticates if needs_login else None,
            loop=self.loop,
        )

    def _trigger_server(self) -> None:
        """Know the port that was given: the one asked for is 0."""
        self.port = self._box.port
        super()._trigger_server()


def with_mail(parts: Parts, box: Mailbox, patience: float = 5.0, **duty: str) -> Parts:
    """Return the parts of a vault whose mail goes to a mailbox, with duty mailboxes by role."""
    boxes = {Role(role): address for role, address in duty.items()}
    return replace(parts, mailer=Mailer(box.url, SENDER, patience), role_mail=boxes)
