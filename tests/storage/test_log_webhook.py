from __future__ import annotations

import errno
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.factories import NOW
from tests.tls import certificate
from vault.errors import SetupError
from vault.storage import log_anchors, log_webhook
from vault.storage.log_anchors import Anchors, Statement
from vault.storage.log_webhook import WebhookAnchor, shown

__all__ = ["certificate"]

NOTE = "datavault.local/00\n7\nAAAA\n\n— datavault.local/00 c2ln\n"


class Listener(ThreadingHTTPServer):
    """A web server of another party: what it got, and what it answers."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.status, self.headers = 204, {"Content-Length": "0"}

    def address(self, path: str = "/hook", scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.server_address[1]}{path}"


class _Handler(BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.server.got.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.end_headers()

    def do_GET(self) -> None:
        self.do_POST()

    def log_message(self, *_: Any) -> None:
        """Stay silent."""


@contextmanager
def serving(server: Listener) -> Iterator[Listener]:
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    with serving(Listener()) as server:
        yield server


def standing(anchors: Anchors) -> list[tuple[int, str]]:
    return [(one.size, one.fault) for one in anchors.standing()]


def fault_of(anchor: WebhookAnchor) -> str:
    """Return the word of what went wrong; nothing when the note was taken."""
    try:
        anchor.send(NOTE, NOW)
    except OSError as failed:
        return errno.errorcode.get(failed.errno or 0, type(failed).__name__)
    return ""


# -- what is sent --------------------------------------------------------------------------------------------------


def test_the_note_is_posted_byte_for_byte_and_nothing_else_is_said(listener):
    WebhookAnchor(listener.address("/hook/abc?x=1")).send(NOTE, NOW)
    ((path, headers, body),) = listener.got
    assert (path, body) == ("/hook/abc?x=1", NOTE.encode())
    assert headers.pop("content-type") == "text/plain; charset=utf-8"
    assert headers == {
        "host": listener.address("").removeprefix("http://"),
        "accept-encoding": "identity",
        "content-length": str(len(NOTE.encode())),
    }


def test_a_gap_statement_is_posted_in_the_same_way(listener):
    WebhookAnchor(listener.address()).declare(Statement.GAP, "a statement\n", NOW)
    assert [body for _, _, body in listener.got] == [b"a statement\n"]


def test_an_address_without_a_path_is_the_root(listener):
    WebhookAnchor(listener.address("")).send(NOTE, NOW)
    assert listener.got[0][0] == "/"


def test_a_checkpoint_is_sent_once_and_the_next_one_again(listener, tmp_path):
    anchors = Anchors(tmp_path, [WebhookAnchor(listener.address("/secret-path"))])
    anchors.deliver(NOTE, 7, NOW)
    anchors.deliver(NOTE, 7, NOW)
    anchors.deliver(NOTE.replace("7", "9"), 9, NOW + timedelta(minutes=1))
    assert len(listener.got) == 2
    assert standing(anchors) == [(9, "")]
    assert "secret" not in (tmp_path / "anchors.json").read_text()


def test_proxies_of_the_environment_are_not_used(listener, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    WebhookAnchor(listener.address()).send(NOTE, NOW)
    assert len(listener.got) == 1


# -- what goes wrong -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (301, "EPROTO"), (302, "EPROTO"), (307, "EPROTO"), (308, "EPROTO"), (400, "EPROTO"), (401, "EACCES"),
        (403, "EACCES"), (404, "ENOENT"), (410, "ENOENT"), (429, "EBUSY"), (500, "EPROTO"), (503, "EBUSY"),
        (599, "EPROTO"),
    ],
)  # fmt: skip
def test_any_answer_but_2xx_is_a_fault_with_a_word_and_no_redirect_is_followed(listener, tmp_path, status, fault):
    listener.status = status
    listener.headers |= {"Location": listener.address("/elsewhere")}
    anchors = Anchors(tmp_path, [WebhookAnchor(listener.address())])
    anchors.deliver(NOTE, 7, NOW)
    assert standing(anchors) == [(0, fault)]
    assert [path for path, _, _ in listener.got] == ["/hook"]
    listener.status = 200
    anchors.deliver(NOTE, 7, NOW)
    assert standing(anchors) == [(7, "")]


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_every_2xx_counts_as_taken(listener, status):
    listener.status = status
    assert fault_of(WebhookAnchor(listener.address())) == ""
    assert [path for path, _, _ in listener.got] == ["/hook"]


def test_nobody_there_is_a_fault():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        assert fault_of(WebhookAnchor(f"http://127.0.0.1:{taken.getsockname()[1]}/")) == "ECONNREFUSED"


def spoken(answer: bytes) -> Callable[[socket.socket], None]:
    """Return what reads a request and answers with something."""

    def speak(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(answer)

    return speak


@contextmanager
def on_a_line(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that talks by itself, and its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def run() -> None:
            connection, _ = server.accept()
            with connection:
                talk(connection)

        thread = threading.Thread(target=run)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        thread.join()


@pytest.mark.parametrize(
    "answer", [b"nonsense\r\n\r\n", b"HTTP/1.1 xyz\r\n\r\n", b"HTTP/1.1 200 " + b"x" * 70_000 + b"\r\n\r\n"]
)
def test_an_answer_that_is_no_http_is_a_fault(answer):
    with on_a_line(spoken(answer)) as address:
        assert fault_of(WebhookAnchor(address)) in {"EPROTO", "ECONNRESET"}


def test_an_endless_answer_is_not_read():
    with on_a_line(spoken(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100_000)) as address:
        assert fault_of(WebhookAnchor(address)) == ""


def test_one_that_hangs_up_without_a_word_is_a_fault():
    with on_a_line(lambda connection: connection.recv(65536)) as address:
        assert fault_of(WebhookAnchor(address)) in {"EPROTO", "ECONNRESET", "RemoteDisconnected"}


def test_one_that_hangs_holds_nothing_up_longer_than_the_patience(tmp_path, monkeypatch):
    for module in (log_anchors, log_webhook):
        monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.2)
    done = threading.Event()
    with on_a_line(lambda _: done.wait(5)) as address:
        anchors = Anchors(tmp_path, [WebhookAnchor(address)])
        before = datetime.now(UTC)
        anchors.deliver(NOTE, 7, NOW)
        assert datetime.now(UTC) - before < timedelta(seconds=1)
        done.set()
    assert standing(anchors) == [(0, "ETIMEDOUT")]


# -- over TLS ------------------------------------------------------------------------------------------------------


@pytest.fixture
def tls_listener(certificate: Path) -> Iterator[Listener]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = Listener()
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a refused handshake is what is tested
    with serving(server):
        yield server


def test_a_certificate_that_is_trusted_here_is_taken(tls_listener, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    WebhookAnchor(tls_listener.address(scheme="https")).send(NOTE, NOW)
    assert [body for _, _, body in tls_listener.got] == [NOTE.encode()]


def test_a_certificate_of_nobody_or_of_another_name_gets_no_note(tls_listener, certificate, monkeypatch):
    assert fault_of(WebhookAnchor(tls_listener.address(scheme="https"))) == "TlsRefused"
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    other = tls_listener.address(scheme="https").replace("127.0.0.1", "localhost")
    assert fault_of(WebhookAnchor(other)) == "TlsRefused"
    assert tls_listener.got == []


def test_one_without_tls_behind_an_https_address_gets_no_note(listener):
    assert fault_of(WebhookAnchor(listener.address(scheme="https"))) in {"TlsRefused", "ECONNRESET"}
    assert listener.got == []


# -- addresses -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "name", "is_outbound"),
    [
        ("https://audit.example.com/hook/secret?token=secret", "webhook:https://audit.example.com", True),
        ("https://audit.example.com:8443?secret", "webhook:https://audit.example.com:8443", True),
        ("http://127.0.0.1:8080/x", "webhook:http://127.0.0.1:8080", False),
        ("http://[::1]/x", "webhook:http://[::1]", False),
        ("http://localhost/secret@x", "webhook:http://localhost", False),
    ],
)
def test_the_name_tells_the_host_and_never_path_or_query(address, name, is_outbound):
    anchor = WebhookAnchor(address)
    assert (anchor.name, anchor.is_outbound) == (name, is_outbound)


@pytest.mark.parametrize(
    "address",
    [
        "audit.example.com/hook",
        "http://audit.example.com/hook",
        "http://10.0.0.1/hook",
        "http://localhost.example.com/",
        "http://127.0.0.1.example.com/",
        "HTTP://audit.example.com/",
        "ftp://127.0.0.1/x",
        "file:///etc/passwd",
        "https://",
        "https:///x",
        "https://:8443/x",
        "https://user:secret@audit.example.com/",
        "https://user@audit.example.com/",
        "https://audit.example.com:99999/",
        "https://audit.example.com:x/",
        "https://audit.example.com/#x",
        "https://audit.example.com/a b",
        "https://audit.example.com/\r\nX: y",
        "https://audit.example.com/\t",
        "https://审计.example.com/",
        "https://[::1/",
        " https://audit.example.com/",
        "",
    ],
)
def test_what_does_not_say_exactly_where_to_is_refused_without_being_repeated(address):
    with pytest.raises(SetupError) as refused:
        WebhookAnchor(address)
    assert refused.value.reason == "not_a_webhook_address"
    assert refused.value.facts == {"setting": "DATAVAULT_CHECKPOINT_WEBHOOK"}


@pytest.mark.parametrize("address", ["https://user:secret@host/x", "nonsense-secret", ""])
def test_nothing_secret_is_shown_of_an_address_that_cannot_be_used(address):
    assert "secret" not in shown(address)
