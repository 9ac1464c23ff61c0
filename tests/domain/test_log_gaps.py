import base64
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.domain.log_checkpoints import LARGEST_SIZE, Checkpoint
from vault.domain.log_gaps import GapReason, GapStatement
from vault.errors import InvalidValue

AT = datetime(2026, 11, 22, 4, 5, 6, 7, tzinfo=UTC)
ROOT, OTHER = bytes(32), bytes(range(32))
ROOTS = [base64.b64encode(one).decode() for one in (ROOT, OTHER)]
BODY = (
    f"log.example/1/gap/v1\nkept 7 {ROOTS[0]}\nlost 12 {ROOTS[1]}\n"
    "accepted 2026-11-22T04:05:06.000007Z\nreason restored_backup\n"
)


def gap(kept=7, lost=12, origin="log.example/1", at=AT, reason=GapReason.RESTORED_BACKUP):
    return GapStatement(Checkpoint(origin, kept, ROOT), Checkpoint(origin, lost, OTHER), at, reason)


def test_the_five_lines_are_written_and_read_byte_for_byte():
    assert gap().body() == BODY
    assert GapStatement.parse(BODY) == gap()


@given(
    st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1),
    st.integers(0, LARGEST_SIZE - 1),
    st.integers(1, LARGEST_SIZE),
    st.datetimes(datetime(2000, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - as the library wants it
    st.sampled_from(GapReason),
)
def test_what_is_written_is_read_back(origin, kept, more, at, reason):
    lost = min(kept + more, LARGEST_SIZE)
    statement = gap(kept, lost, origin, at, reason)
    assert GapStatement.parse(statement.body()) == statement


def test_a_time_of_another_zone_is_written_in_utc():
    beijing = timezone(timedelta(hours=8))
    assert gap(at=AT.astimezone(beijing)).body() == BODY


def test_a_statement_is_never_read_as_a_checkpoint_nor_a_checkpoint_as_a_statement():
    with pytest.raises(InvalidValue):
        Checkpoint.parse(BODY)
    with pytest.raises(InvalidValue):
        GapStatement.parse(Checkpoint("log.example/1", 7, ROOT).body())


@pytest.mark.parametrize(
    ("found", "instead"),
    [
        ("/gap/v1", ""),
        ("/gap/v1", "/gap/v2"),
        ("/gap/v1", "/gap/v1\n"),
        ("log.example/1/gap", "/gap"),
        ("kept 7", "kept 07"),
        ("kept 7", "kept -7"),
        ("kept 7", "kept 12"),
        ("kept 7", "kept 13"),
        ("kept 7", "kept  7"),
        ("kept 7", "left 7"),
        ("lost 12", "lost 9223372036854775808"),
        ("lost 12 ", "lost 12\n"),
        (ROOTS[0], ROOTS[0][:-1]),
        (ROOTS[1], "_" * 43 + "="),
        ("04:05:06.000007Z", "04:05:06Z"),
        ("04:05:06.000007Z", "04:05:06.000007+00:00"),
        ("04:05:06.000007Z", "24:05:06.000007Z"),
        ("2026-11-22", "2026-02-30"),
        ("restored_backup", "because"),
        ("restored_backup", "RESTORED_BACKUP"),
        ("restored_backup\n", "restored_backup"),
        ("restored_backup\n", "restored_backup\nmore\n"),
        ("restored_backup\n", "restored_backup\r\n"),
    ],
)
def test_every_other_spelling_is_refused(found, instead):
    assert found in BODY
    with pytest.raises(InvalidValue):
        GapStatement.parse(BODY.replace(found, instead, 1))


@pytest.mark.parametrize("kept", [12, 13])
def test_a_statement_by_which_nothing_is_lost_cannot_be_made(kept):
    with pytest.raises(InvalidValue) as refused:
        gap(kept=kept)
    assert refused.value.reason == "gap_statement"


def test_a_statement_about_two_logs_cannot_be_made():
    with pytest.raises(InvalidValue):
        GapStatement(Checkpoint("one", 7, ROOT), Checkpoint("two", 12, OTHER), AT, GapReason.LOST_DISK)
