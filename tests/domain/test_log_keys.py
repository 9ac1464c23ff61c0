import base64
from datetime import UTC, datetime, timedelta, timezone

import pytest

from tests.factories import NOW
from vault.domain.ledger import LedgerHead
from vault.domain.log_checkpoints import Checkpoint
from vault.domain.log_keys import KeyChange
from vault.errors import InvalidValue

OLD, NEW = bytes(range(32)), bytes(range(1, 33))
CHANGE = KeyChange(NOW, OLD, NEW)


def coded(key, kind=b"\x01"):
    return base64.b64encode(kind + key).decode()


def test_the_line_names_the_time_and_both_keys_and_is_read_back():
    assert CHANGE.line() == f"key-change 2026-11-20T03:04:05.000006Z {coded(OLD)} {coded(NEW)}"
    assert KeyChange.read(CHANGE.line()) == CHANGE


def test_the_time_is_written_in_utc_whatever_zone_it_came_in():
    at = NOW.astimezone(timezone(timedelta(hours=8)))
    assert KeyChange(at, OLD, NEW).line() == CHANGE.line()


@pytest.mark.parametrize("keys", [(OLD, OLD), (OLD, NEW[:31]), (b"", NEW), (OLD, NEW + b"x")])
def test_what_names_no_two_keys_is_refused(keys):
    with pytest.raises(InvalidValue) as refused:
        KeyChange(NOW, *keys)
    assert refused.value.reason == "key_change"


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(InvalidValue):
        KeyChange(datetime(2026, 11, 20), OLD, NEW)  # noqa: DTZ001 - that is what is refused


@pytest.mark.parametrize(
    "line",
    [
        "",
        "ledger 3 AAAA",
        CHANGE.line() + " ",
        CHANGE.line().replace("key-change", "key-changes"),
        CHANGE.line().replace(".000006Z", "Z"),
        CHANGE.line()[:-1],
        f"key-change 2026-11-20T03:00:00.000000Z {coded(OLD)}",
    ],
)
def test_another_line_is_no_change(line):
    assert KeyChange.read(line) is None


@pytest.mark.parametrize(
    "line",
    [
        f"key-change 2026-13-20T03:00:00.000000Z {coded(OLD)} {coded(NEW)}",
        f"key-change 2026-11-20T03:00:00.000000Z {coded(OLD, b'2')} {coded(NEW)}",
        f"key-change 2026-11-20T03:00:00.000000Z {coded(OLD)} {coded(OLD)}",
    ],
    ids=["no such month", "another algorithm", "one key twice"],
)
def test_a_line_that_looks_like_a_change_and_is_none_is_refused(line):
    with pytest.raises(InvalidValue):
        KeyChange.read(line)


@pytest.mark.parametrize("ledger", [None, LedgerHead(3, bytes(32))])
def test_a_checkpoint_carries_the_change_behind_its_own_lines(ledger):
    state = Checkpoint("log", 7, bytes(32), ledger, CHANGE)
    *_, last, end = state.body().split("\n")
    assert (last, end) == (CHANGE.line(), "")
    read = Checkpoint.parse(state.body())
    assert (read.change, read.ledger) == (CHANGE, ledger)
    assert read == Checkpoint("log", 7, bytes(32))  # the change is no part of the state
    assert CHANGE.at.tzinfo is UTC
