"""A letter's bytes, read back by the standard library: what was written, and nothing that somebody slipped in."""

from __future__ import annotations

import email
import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vault.errors import InvalidValue
from vault.storage.mail_letters import Letter, wire

AT = datetime(2026, 11, 22, 3, 4, 5, tzinfo=UTC)
SENDER, TO = "vault@example.com", "wang@example.com"
HEADERS = [
    "To",
    "Message-ID",
    "From",
    "Subject",
    "Date",
    "Auto-Submitted",
    "Content-Type",
    "Content-Transfer-Encoding",
    "MIME-Version",
]


def made(subject: str = "事件", body: str = "您好", key: str = "0a1b") -> bytes:
    return wire(Letter(TO, subject, body, key, AT), SENDER, TO)


def read(lines: bytes) -> EmailMessage:
    message = email.message_from_bytes(lines, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def test_a_letter_says_who_writes_to_whom_when_and_what() -> None:
    message = read(made("【演练】事件 1A2B3C4D：启动应急方案 · Start the plan, 80 %", "尊敬的客户：\n.\n.点\n王*\n"))
    assert (message["From"], message["To"]) == (SENDER, TO)
    assert message["Subject"] == "【演练】事件 1A2B3C4D：启动应急方案 · Start the plan, 80 %"
    assert message["Date"].datetime == AT
    assert message["Message-ID"] == "<0a1b@example.com>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content() == "尊敬的客户：\r\n.\r\n.点\r\n王*\r\n"
    assert not message.defects


def test_a_key_makes_the_same_bytes_each_time() -> None:
    assert made() == made()
    assert made(key="0a1c") != made()


@settings(deadline=None)
@given(st.text(max_size=300), st.text(max_size=500))
def test_no_text_adds_a_header_a_line_too_long_or_a_line_that_begins_with_a_dot(subject: str, body: str) -> None:
    try:
        lines = made(subject, body)
    except InvalidValue:
        assert not subject.isprintable()
        return
    message = read(lines)
    assert list(message.keys()) == HEADERS
    assert str(message["Subject"]).split() == subject.split()
    for line in lines.split(b"\r\n"):
        assert len(line) <= 998
        assert not line.startswith(b".")
        assert not set(line) & set(b"\r\n\x00")
    assert lines.isascii()
    assert lines.endswith(b"\r\n")


@pytest.mark.parametrize(
    "subject", ["a\r\nBcc: x@example.com", "a\nb", "a\rb", "a\x00", "a\u2028b", "a\u202eb", "a\x85b"]
)
def test_a_subject_of_more_than_one_line_is_refused(subject: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        made(subject)
    assert refused.value.reason == "bad_letter"


@pytest.mark.parametrize("key", ["", ".", "a..b", "a@b", "a>b", "a b", "a\r\nb", "a\n", "é", "a" * 101])
def test_a_key_that_no_message_id_can_hold_is_refused(key: str) -> None:
    with pytest.raises(InvalidValue):
        made(key=key)


def test_half_a_character_in_a_text_harms_nothing() -> None:
    assert read(made(body="a\ud800b")).get_content() == "a?b\r\n"
