from dataclasses import replace
from datetime import time

import pytest

from vault.config import ROOT
from vault.domain.rules.log import LogPolicy
from vault.errors import PolicyError
from vault.storage.policy_files import load_policy

RULE = LogPolicy("log.keeping", "x", 36, "08:00", "20:00", "03:30")


def findings(**changes):
    return [reason for reason, _ in replace(RULE, **changes).findings()]


def test_the_log_is_kept_three_years_by_the_rules_that_come_with_the_vault():
    assert load_policy(ROOT / "policies").log.keep_months == 36


@pytest.mark.parametrize(("months", "found"), [(5, ["log_kept_too_short"]), (0, ["log_kept_too_short"]), (6, [])])
def test_half_a_year_is_the_least(months, found):
    assert findings(keep_months=months) == found


@pytest.mark.parametrize(
    "shift", [("8:00", "20:00"), ("08:00", "24:00"), ("08:00", ""), ("08:00", "08:00"), ("08:00:00", "20:00")]
)
def test_a_shift_that_is_none_is_found(shift):
    assert findings(shift_from=shift[0], shift_to=shift[1]) == ["shift_impossible"]


@pytest.mark.parametrize(
    ("at", "is_none"), [("3:30", True), ("24:00", True), ("", True), ("00:00", False), ("23:59", False)]
)
def test_a_time_of_verifying_that_is_none_is_found(at, is_none):
    assert findings(verify_at=at) == ["verify_time_impossible"] * is_none


@pytest.mark.parametrize(
    ("at", "within"), [(time(7, 59, 59), False), (time(8), True), (time(19, 59, 59), True), (time(20), False)]
)
def test_a_shift_holds_its_beginning_and_not_its_end(at, within):
    assert RULE.in_shift(at) is within


@pytest.mark.parametrize(
    ("at", "within"), [(time(21, 59), False), (time(22), True), (time(0), True), (time(5, 59), True), (time(6), False)]
)
def test_a_shift_may_go_over_midnight(at, within):
    assert replace(RULE, shift_from="22:00", shift_to="06:00").in_shift(at) is within


def test_a_vault_does_not_open_with_a_log_that_is_kept_too_short(tmp_path):
    for file in (ROOT / "policies").glob("*.toml"):
        text = file.read_text("utf-8")
        (tmp_path / file.name).write_text(text.replace("keep_months = 36", "keep_months = 5"), "utf-8")
    with pytest.raises(PolicyError) as refused:
        load_policy(tmp_path)
    assert refused.value.reason == "log_kept_too_short"
