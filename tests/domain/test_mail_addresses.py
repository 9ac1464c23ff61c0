"""E-mail addresses: what could be read as another address, or carry something along, is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.domain.ids import Role
from vault.domain.mail_addresses import duty_addresses, normal_mail_address
from vault.errors import InvalidValue


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        ("wang@example.com", "wang@example.com"),
        ("  wang@example.com ", "wang@example.com"),
        ("Wang.Xiao-Ming+vault@Mail.Example.COM", "Wang.Xiao-Ming+vault@mail.example.com"),
        ("o'brien_9@a-b.example", "o'brien_9@a-b.example"),
        ("1@163.com", "1@163.com"),
        ("wang@例子.中国", "wang@xn--fsqu00a.xn--fiqs8s"),
        ("wang@XN--FSQU00A.xn--fiqs8s", "wang@xn--fsqu00a.xn--fiqs8s"),
        (f"{'a' * 64}@example.com", f"{'a' * 64}@example.com"),
        (f"a@{'b' * 63}.example", f"a@{'b' * 63}.example"),
    ],
)
def test_a_plain_address_is_taken_as_it_is_sent_to(typed: str, normal: str) -> None:
    assert normal_mail_address(typed) == normal
    assert normal_mail_address(normal) == normal


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "@",
        "wang",
        "wang@",
        "@example.com",
        "wang@example",
        "wang@localhost",
        "wang@@example.com",
        "wang@example.com@evil.example",
        ".wang@example.com",
        "wang.@example.com",
        "wa..ng@example.com",
        "wang@.example.com",
        "wang@example.com.",
        "wang@exam..ple.com",
        "wang@-example.com",
        "wang@example-.com",
        "wang@exam_ple.com",
        "wang@10.0.0.1",
        "wang@[10.0.0.1]",
        "wang xiao@example.com",
        '"wang xiao"@example.com',
        "Wang <wang@example.com>",
        "<wang@example.com>",
        "wang@example.com, li@example.com",
        "wang@example.com;li@example.com",
        "mailto:wang@example.com",
        "wang%evil.example@example.com",
        "evil.example!wang@example.com",
        "wang(boss)@example.com",
        "wang@example.com\r\nBcc: li@example.com",
        "wang@example.com\n",
        "wang@example.com\r",
        "\nwang@example.com",
        "wang\x00@example.com",
        "wang@example.com\x00",
        "wang\t@example.com",
        "wаng@example.com",
        "王@example.com",
        "wang@exаmple.com",
        "wang@ехample.com",
        "wang@xn--80ak6aa92e.com",  # аррӏе, Cyrillic throughout
        "wang@xn--exmple-4nf.com",
        "wang@xn--.com",
        "wang@xn--\u00e9.com",
        "wang@例子a.中国",
        "wang@ｅｘａｍｐｌｅ.com",
        "wang＠example.com",
        "wang@example。com",
        "wang@\u202emoc.elpmaxe",
        "wang\u200b@example.com",
        f"{'a' * 65}@example.com",
        f"a@{'b' * 64}.example",
        f"a@{'.'.join(['b' * 60] * 5)}",
    ],
)
def test_anything_else_is_refused_and_never_repeated(typed: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        normal_mail_address(typed)
    assert refused.value.reason == "bad_mail_address"
    assert refused.value.facts == {"field": "email"}


@given(st.text(max_size=40), st.text(max_size=40))
def test_whatever_is_typed_gives_one_line_of_plain_ascii_or_nothing(local: str, domain: str) -> None:
    try:
        address = normal_mail_address(f"{local}@{domain}")
    except InvalidValue:
        return
    assert address.isascii()
    assert address.isprintable()
    assert not set(address) & set(' <>()[],;:"\\')
    assert address.count("@") == 1


def test_duty_mailboxes_are_read_by_role() -> None:
    assert duty_addresses(" imd = duty@example.com, supervisor=s@example.com") == {
        Role.IMD: "duty@example.com",
        Role.SUPERVISOR: "s@example.com",
    }
    assert duty_addresses("") == duty_addresses("  ") == {}


@pytest.mark.parametrize(
    "text",
    ["duty@example.com", "imd", "imd=", "boss=a@example.com", "imd=a@b.example,imd=c@b.example", "imd=a@b.example,"],
)
def test_a_list_that_leaves_open_who_gets_what_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        duty_addresses(text)
