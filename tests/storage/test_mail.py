"""Mail to a real server: what became of each letter is told apart, whatever the server does, and nothing is raised."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.mailbox import SENDER, Mailbox
from tests.tls import certificate
from vault.errors import SetupError
from vault.storage.mail import Fate, Mailer, Sent
from vault.storage.mail_letters import Letter

__all__ = ["certificate"]

AT = datetime(2026, 11, 22, 3, 4, 5, tzinfo=UTC)
A, B, C = "a@example.com", "b@example.com", "c@example.com"


def letter(to: str = A, key: str = "0a", subject: str = "通知", body: str = "您好\n.\n") -> Letter:
    return Letter(to, subject, body, key, AT)


def sent(url: str, *letters: Letter, patience: float = 5.0) -> list[Sent]:
    with Mailer(url, SENDER, patience).open() as session:
        return [session.send(one) for one in letters or (letter(),)]


def fates(url: str, *letters: Letter, patience: float = 5.0) -> list[tuple[str, str]]:
    return [(one.fate.value, one.reason) for one in sent(url, *letters, patience=patience)]


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with Mailbox() as server:
        yield server


# -- what arrives --------------------------------------------------------------------------------------------------


def test_many_letters_go_over_one_connection_each_to_its_own_address_alone(box: Mailbox) -> None:
    letters = [letter(f"u{number}@example.com", f"k{number}", body=f"第 {number} 封") for number in range(20)]
    assert {one.fate for one in sent(box.url, *letters)} == {Fate.SENT}
    assert box.connections == 1
    assert box.recipients == [one.to for one in letters]
    for one, (_, got) in zip(letters, box.got, strict=True):
        assert got.get_content() == f"{one.body}\r\n"
        assert (got["To"], got["From"], got["Message-ID"]) == (one.to, SENDER, f"<{one.key}@example.com>")


def test_without_a_letter_nobody_is_called(box: Mailbox) -> None:
    with Mailer(box.url, SENDER).open():
        pass
    assert box.connections == 0


def test_a_text_of_any_shape_arrives_as_it_was_written(box: Mailbox) -> None:
    body = "第一行\n.\n..\n.QUIT\r\n" + "长" * 5000 + "\nFrom me\n\n\nend"
    assert sent(box.url, letter(body=body)) == [Sent(Fate.SENT)]
    assert box.got[0][1].get_content() == "\r\n".join([*body.splitlines(), ""])


# -- what is refused, and what is worth another try ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "fate"),
    [
        ("550 no such user", ("refused", "server_says_550")),
        ("553 no", ("refused", "server_says_553")),
        ("450 busy", ("again", "server_says_450")),
        ("452 full", ("again", "server_says_452")),
    ],
)
@pytest.mark.parametrize("where", ["to_rcpt", "to_data"])
def test_a_letter_that_one_address_does_not_take_keeps_no_other_from_going(
    box: Mailbox, where: str, answer: str, fate: tuple[str, str]
) -> None:
    setattr(box, where, lambda to: answer if to == B else "")
    assert fates(box.url, letter(A), letter(B), letter(C)) == [("sent", ""), fate, ("sent", "")]
    assert box.recipients == [A, C]
    assert box.connections == 1


@pytest.mark.parametrize("answer", ["550 not you", "451 not now"])
def test_a_server_that_wants_no_letter_of_ours_is_asked_once_and_nothing_counts_as_refused(
    box: Mailbox, answer: str
) -> None:
    box.to_mail = answer
    assert fates(box.url, letter(A), letter(B)) == [
        ("again", f"server_says_{answer[:3]}"),
        ("again", "server_away"),
    ]
    assert box.got == []


@pytest.mark.parametrize(
    "to",
    ["wang@example.com\r\nRCPT TO:<li@example.com>", "王@example.com", "wang@exаmple.com", "", "Wang <w@example.com>"],
)
def test_an_address_that_could_be_another_is_refused_without_a_word_to_the_server(box: Mailbox, to: str) -> None:
    assert fates(box.url, letter(to), letter(B)) == [("refused", "bad_mail_address"), ("sent", "")]
    assert box.asked == [B]


def test_a_subject_that_would_add_a_header_is_refused(box: Mailbox) -> None:
    assert fates(box.url, letter(subject="a\r\nBcc: b@example.com")) == [("refused", "bad_letter")]
    assert box.asked == []


# -- silence -------------------------------------------------------------------------------------------------------


def test_silence_after_the_last_dot_is_unknown_whether_the_letter_was_taken_or_not(box: Mailbox) -> None:
    box.keeps_silent = lambda to: to == A
    assert fates(box.url, letter(A), letter(B), patience=0.3) == [("unknown", "server_silent"), ("sent", "")]
    assert box.recipients == [A, B]
    box.takes_silently = False
    assert fates(box.url, letter(A), patience=0.3) == [("unknown", "server_silent")]
    assert box.recipients == [A, B]


def test_a_late_answer_is_an_answer(box: Mailbox) -> None:
    box.slow = 0.3
    assert fates(box.url, letter(A)) == [("sent", "")]


def test_a_server_that_falls_silent_again_and_again_does_not_hold_up_the_rest(box: Mailbox) -> None:
    box.keeps_silent = lambda _: True
    begun = time.monotonic()
    letters = [letter(f"u{number}@example.com", f"k{number}") for number in range(50)]
    found = fates(box.url, *letters, patience=0.2)
    assert found[:3] == [("unknown", "server_silent")] * 3
    assert set(found[3:]) == {("again", "server_away")}
    assert time.monotonic() - begun < 5


Talk = Callable[[socket.socket], None]


@contextmanager
def on_a_line(*talks: Talk) -> Iterator[str]:
    """A server that answers each call by a talk of its own, and its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def run() -> None:
            for talk in talks:
                connection, _ = server.accept()
                with connection:
                    connection.settimeout(5)
                    talk(connection)

        thread = threading.Thread(target=run)
        thread.start()
        yield f"smtp://127.0.0.1:{server.getsockname()[1]}"
        thread.join()


def heard(connection: socket.socket, until: bytes) -> None:
    told = b""
    while not told.endswith(until) and (more := connection.recv(65536)):
        told += more


def says(*answers: bytes, until: tuple[bytes, ...] = ()) -> Talk:
    """Greet, answer each command by the next answer, then hang up."""

    def talk(connection: socket.socket) -> None:
        connection.sendall(b"220 hello\r\n")
        for number, answer in enumerate(answers):
            heard(connection, until[number] if number < len(until) else b"\r\n")
            connection.sendall(answer)

    return talk


OK = b"250 OK\r\n"
UP_TO_DATA = (OK, OK, OK, b"354 go on\r\n")


def test_a_server_that_hangs_up_before_the_last_dot_has_nothing_and_one_after_it_is_in_doubt() -> None:
    with on_a_line(says(OK, OK)) as url:
        assert fates(url) == [("again", "server_silent")]
    with on_a_line(says(*UP_TO_DATA, b"", until=(b"\r\n",) * 4 + (b"\r\n.\r\n",))) as url:
        assert fates(url) == [("unknown", "server_silent")]


def test_a_connection_that_was_ended_between_two_letters_is_made_again_at_once() -> None:
    whole = says(*UP_TO_DATA, OK, until=(b"\r\n",) * 4 + (b"\r\n.\r\n",))
    limit = says(*UP_TO_DATA, OK, b"421 enough\r\n", until=(b"\r\n",) * 4 + (b"\r\n.\r\n", b"\r\n"))
    with on_a_line(whole, limit, whole) as url:
        assert fates(url, letter(A), letter(B), letter(C)) == [("sent", "")] * 3


@pytest.mark.parametrize(
    "talk",
    [
        lambda connection: connection.sendall(b"554 go away\r\n"),
        lambda connection: connection.sendall(b"nonsense\r\n"),
        lambda connection: connection.sendall(b"220 " + b"x" * 20_000 + b"\r\n"),
        lambda connection: None,
        lambda connection: time.sleep(0.5),
        says(b"500 what\r\n", b"500 what\r\n"),
    ],
)
def test_who_does_not_speak_smtp_is_away_and_asked_once(talk: Talk) -> None:
    with on_a_line(talk) as url:
        found = sent(url, letter(A), letter(B), patience=0.3)
    assert [one.fate for one in found] == [Fate.AGAIN, Fate.AGAIN]


def test_nobody_there_is_worth_another_try_later() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        assert fates(f"smtp://127.0.0.1:{taken.getsockname()[1]}") == [("again", "server_away")]
    assert fates("smtps://" + "a" * 70 + ".example.com") == [("again", "server_away")]


def test_without_a_mail_server_nothing_is_sent() -> None:
    mailer = Mailer()
    assert (mailer.is_set_up, mailer.is_outbound, mailer.name) == (False, False, "")
    with mailer.open() as session:
        assert session.is_down
        assert session.send(letter()).fate is Fate.AGAIN


# -- over TLS ------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["starttls", "smtps"])
def tls_box(request: pytest.FixtureRequest, certificate: Path) -> Iterator[Mailbox]:
    implicit = request.param == "smtps"
    with Mailbox(str(certificate), implicit=implicit, login=("vault", "p@ss")) as server:
        yield server


def test_over_tls_to_a_trusted_server_a_letter_goes_with_a_sign_in(
    tls_box: Mailbox, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = tls_box.url.replace("p@ss", "p%40ss")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert fates(url) == [("sent", "")]
    wrong = url.replace("p%40ss", "other")
    assert fates(wrong, letter(A), letter(B)) == [("again", "server_says_535"), ("again", "server_away")]
    assert tls_box.recipients == [A]


def test_a_certificate_of_nobody_or_of_another_name_gets_neither_letter_nor_password(
    tls_box: Mailbox, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fates(tls_box.url) == [("again", "server_away")]
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert fates(tls_box.url.replace("127.0.0.1", "localhost")) == [("again", "server_away")]
    assert tls_box.asked == []


def test_a_server_that_offers_no_tls_where_it_is_asked_for_gets_no_letter(box: Mailbox) -> None:
    assert fates(f"{box.url}?starttls") == [("again", "server_away")]
    assert fates(box.url.replace("smtp:", "smtps:"), patience=1) == [("again", "server_away")]
    assert box.asked == []


# -- addresses of servers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("smtps://user:secret@mail.example.com", "smtps://mail.example.com:465"),
        ("smtps://mail.example.com:4650/", "smtps://mail.example.com:4650"),
        ("smtp://user:se%40cret@mail.example.com?starttls", "smtp://mail.example.com:587"),
        ("smtp://mail.example.com:25?starttls", "smtp://mail.example.com:25"),
        ("smtp://127.0.0.1", "smtp://127.0.0.1:25"),
        ("smtp://localhost:1025", "smtp://localhost:1025"),
        ("smtp://[::1]:1025", "smtp://[::1]:1025"),
    ],
)
def test_a_server_is_named_by_host_and_port_and_never_with_its_password(url: str, name: str) -> None:
    mailer = Mailer(url, SENDER)
    assert (mailer.name, mailer.is_set_up) == (name, True)
    assert mailer.is_outbound == ("example.com" in url)
    assert "secret" not in repr(mailer)


@pytest.mark.parametrize(
    "url",
    [
        "mail.example.com",
        "smtp://mail.example.com",
        "smtp://10.0.0.1:25",
        "smtp://localhost.example.com",
        "smtp://mail.example.com?tls",
        "smtps://mail.example.com?starttls",
        "http://127.0.0.1",
        "smtps://",
        "smtps://:465",
        "smtps://user@mail.example.com",
        "smtps://:secret@mail.example.com",
        "smtps://mail.example.com:99999",
        "smtps://mail.example.com:x",
        "smtps://mail.example.com/path",
        "smtps://mail.example.com/#x",
        "smtps://mail.example.com\r\n",
        "smtps://邮件.example.com",
        "smtps://[::1",
        " smtps://mail.example.com",
    ],
)
def test_a_setting_that_does_not_say_where_to_safely_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(SetupError) as refused:
        Mailer(url, SENDER)
    assert refused.value.reason == "not_a_mail_server"
    assert refused.value.facts == {"setting": "DATAVAULT_SMTP_URL"}


@pytest.mark.parametrize("sender", ["", "vault", "Vault <vault@example.com>", "vault@example.com\r\n"])
def test_mail_needs_a_sender_that_is_an_address(sender: str) -> None:
    with pytest.raises(SetupError) as refused:
        Mailer("smtps://mail.example.com", sender)
    assert refused.value.reason == "not_a_mail_sender"
    assert refused.value.facts == {"setting": "DATAVAULT_MAIL_FROM"}
