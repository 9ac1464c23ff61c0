"""Codes as people type them."""

import pytest

from vault.domain.second_factor import grouped, is_of_an_app, is_of_recovery, normal_code


@pytest.mark.parametrize("typed", ["123456", " 123 456\n", "123-456", "１２３４５６", "123\u3000456", "12‑34—56"])
def test_six_digits_are_a_code_of_an_app_however_they_are_spaced(typed):
    assert normal_code(typed) == "123456"
    assert is_of_an_app(normal_code(typed))


@pytest.mark.parametrize("typed", ["12345", "1234567", "12345a", "١٢٣٤٥٦", "123456\0", "", "123.456"])
def test_anything_else_is_none(typed):
    assert not is_of_an_app(normal_code(typed))


@pytest.mark.parametrize("typed", ["ABCD EFGH 2345 67AB CDEF", "abcd-efgh-2345-67ab-cdef", "ａｂｃｄefgh234567abcdef"])
def test_a_recovery_code_is_read_in_any_case_and_grouping(typed):
    assert normal_code(typed) == "ABCDEFGH234567ABCDEF"
    assert is_of_recovery(normal_code(typed))


@pytest.mark.parametrize("typed", ["ABCDEFGH234567ABCDE", "ABCDEFGH234567ABCDEFG", "ABCDEFGH134567ABCDEF", "123456"])
def test_other_letters_or_lengths_are_no_recovery_code(typed):
    assert not is_of_recovery(normal_code(typed))


def test_a_secret_is_shown_in_groups_of_four():
    assert grouped("ABCDEFGHIJ") == "ABCD EFGH IJ"
    assert normal_code(grouped("ABCDEFGH234567ABCDEF")) == "ABCDEFGH234567ABCDEF"
