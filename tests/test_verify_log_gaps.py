"""Gap statements and the verifier's one pass over a log: told, checked, and never an excuse."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import NOW
from tests.test_verify_log import LOG, ORIGIN, PIN, SIGNER, STRANGER, entries, found, note, notes
from vault.domain.log import micros_text
from vault.domain.log_checkpoints import Checkpoint
from vault.domain.log_gaps import GapReason, GapStatement
from vault.verify_log import verify

OLD = [*LOG[:21], *entries(60, "lost")[21:]]  # another history from the 21st entry on
KEPT = notes(LOG, 8, 21)
SIGNED = notes(LOG, 8, 21, 37)


def state(events, size):
    signed = note(events, size).partition("\n\n")[0]
    return Checkpoint.parse(signed + "\n")


def gap(kept=None, lost=None, signer=SIGNER, at=NOW, reason=GapReason.RESTORED_BACKUP):
    return signer.sign(GapStatement(kept or state(LOG, 21), lost or state(OLD, 50), at, reason).body())


def judge(gaps, trusted, checkpoints=SIGNED, events=LOG):
    return verify(events, checkpoints, trusted, PIN, gaps)


def test_a_declared_gap_is_told_and_a_log_that_went_on_from_what_was_kept_holds():
    report = judge([gap()], note(LOG, 37))
    assert (report.findings, report.checked_size, report.unsigned_tail) == ((), 37, 3)
    (told,) = report.gaps
    assert (told.kept[0], told.lost[0], told.at, told.reason) == (
        21,
        50,
        micros_text(NOW),
        "restored_backup",
    )
    assert "entries 21 to 49 were lost" in told.words
    assert "a backup was restored" in told.words


@pytest.mark.parametrize("lost", [30, 40, 50], ids=["shorter than the log", "as long", "longer"])
def test_the_very_state_that_was_lost_is_a_gap_and_no_rollback(lost):
    """Somebody accepted it, and nothing has been signed since: the checkpoint outside is still the lost one."""
    report = judge([gap(lost=state(OLD, lost))], note(OLD, lost), KEPT)
    assert found(report) == [("gap", 21)]
    assert report.unsigned_tail == 19
    assert "if it was signed after that" not in report.findings[0].words


def test_without_the_statement_the_same_is_a_rollback():
    assert found(judge([], note(OLD, 50), KEPT)) == [("rolled_back", 40)]


def test_a_state_within_the_gap_that_is_not_the_lost_one_is_judged_as_ever():
    """Outside the database lies what was signed last: a fork stays a fork, whatever was declared."""
    for size in (30, 37, 45):
        assert found(judge([gap()], note(OLD, size))) == found(judge([], note(OLD, size)))
        assert judge([gap()], note(OLD, size)).findings


def test_a_declared_loss_that_the_entries_hold_after_all_is_none():
    """The newer database was found, and put back before anything else was signed."""
    report = verify(OLD, notes(OLD, 8, 21, 50), note(OLD, 50), PIN, [gap()])
    assert (report.findings, len(report.gaps)) == ((), 1)


def test_changed_entries_are_named_beside_the_gap():
    changed = [*LOG[:12], (12, b"something else", LOG[12][2]), *LOG[13:]]
    report = judge([gap()], note(OLD, 50), KEPT, changed)
    assert set(found(report)) == {("changed", 12), ("gap", 21)}


def test_an_entry_changed_with_its_hash_is_not_explained_by_the_gap():
    changed = [*LOG[:30], *entries(31, "forged")[30:], *LOG[31:]]
    assert ("changed", 21) in found(judge([gap()], note(OLD, 50), SIGNED, changed))


@pytest.mark.parametrize(
    ("kept", "kinds"),
    [
        (Checkpoint(ORIGIN, 21, bytes(32)), {"forked"}),
        (Checkpoint(ORIGIN, 20, bytes(32)), {"forked"}),
        (Checkpoint(ORIGIN, 41, bytes(32)), {"truncated"}),
    ],
    ids=["another root", "another root at a size of its own", "more than there is"],
)
def test_a_statement_whose_kept_state_is_not_the_log_s_is_named(kept, kinds):
    report = judge([gap(kept=kept)], note(LOG, 37))
    assert {one.kind for one in report.findings} == kinds


def of_another_log():
    text = gap().partition("\n\n")[0] + "\n"
    return SIGNER.sign(text.replace(ORIGIN, "another.log", 1))


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        (lambda: gap(signer=STRANGER), "wrong_key"),
        (lambda: gap().replace("\nlost 50 ", "\nlost 51 "), "bad_checkpoint"),
        (lambda: note(OLD, 50), "bad_checkpoint"),
        (lambda: "", "bad_checkpoint"),
        (lambda: "nonsense\n\n— x y\n", "bad_checkpoint"),
        (of_another_log, "bad_checkpoint"),
    ],
    ids=["another key", "edited", "a checkpoint", "empty", "nonsense", "another log"],
)
def test_what_is_no_statement_of_this_log_is_named_and_explains_nothing(statement, kind):
    report = judge([statement()], note(LOG, 37))
    assert (found(report), report.gaps) == ([(kind, None)], ())
    assert ("rolled_back", 40) in found(judge([statement()], note(OLD, 50), KEPT))


def test_a_later_statement_explains_why_the_kept_state_of_an_earlier_one_is_gone():
    first = gap(kept=state(OLD, 30), lost=state(OLD, 45))
    second = gap(kept=state(LOG, 21), lost=state(OLD, 50), at=NOW + timedelta(days=1))
    assert judge([first, second], note(LOG, 37)).findings == ()
    assert judge([second, first], note(LOG, 37)).findings == ()  # whatever the order
    earlier = gap(kept=state(LOG, 21), lost=state(OLD, 50), at=NOW - timedelta(days=1))
    assert {one.kind for one in judge([earlier, first], note(LOG, 37)).findings} == {"forked"}


@given(
    st.integers(0, 2**62),
    st.integers(1, 2**62 - 1),
    st.binary(min_size=32, max_size=32),
    st.sampled_from(GapReason),
    st.datetimes(datetime(2000, 1, 1), datetime(2999, 1, 1)),  # noqa: DTZ001 - as the library wants them
)
def test_the_verifier_reads_every_statement_that_the_vault_writes(kept, more, root, reason, at):
    states = Checkpoint(ORIGIN, kept, root), Checkpoint(ORIGIN, kept + more, root[::-1])
    signed = SIGNER.sign(GapStatement(*states, at.replace(tzinfo=NOW.tzinfo), reason).body())
    (told,) = verify([], [], None, PIN, [signed]).gaps
    assert told.kept == (kept, root)
    assert told.lost == (kept + more, root[::-1])
    assert told.reason == reason.value
    assert base64.b64encode(told.lost[1]).decode() in signed
