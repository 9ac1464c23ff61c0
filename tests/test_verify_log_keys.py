"""Key statements and the verifier's one pass over a log: followed both ways, checked, and bounding the old key."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest

from tests.factories import NOW
from tests.test_verify_log import LOG, ORIGIN, STRANGER, entries, found, note
from vault.crypto.signing import NoteSigner, key_id
from vault.domain.log import micros_text
from vault.domain.log_checkpoints import Checkpoint
from vault.domain.log_gaps import GapReason, GapStatement
from vault.domain.log_keys import KeyChange
from vault.verify_log import CannotJudge, verify

FIRST, SECOND, THIRD, EVIL = (NoteSigner(bytes([number] * 32), ORIGIN) for number in (1, 2, 3, 66))
OTHER = [*LOG[:5], *entries(60, "other")[5:]]


def state(events, size, change=None):
    plain = Checkpoint.parse(note(events, size).partition("\n\n")[0] + "\n")
    return Checkpoint(plain.origin, plain.size, plain.root, None, change)


def statement(old, new, size, at=NOW, events=LOG, signers=None):
    """Return a key statement; ``signers`` sign it instead of the two keys that it names."""
    body = state(events, size, KeyChange(at, old.public_key(), new.public_key())).body()
    one, other = signers or (old, new)
    return other.cosign(one.sign(body))


ONCE = [statement(FIRST, SECOND, 15)]
TWICE = [*ONCE, statement(SECOND, THIRD, 25, NOW + timedelta(days=1))]
SIGNED = [note(LOG, 8, FIRST), note(LOG, 15, FIRST), note(LOG, 20, SECOND), note(LOG, 37, SECOND)]
SIGNED_TWICE = [note(LOG, 8, FIRST), note(LOG, 20, SECOND), note(LOG, 37, THIRD)]


def judge(pin, keys, checkpoints=SIGNED, trusted=None, gaps=(), events=LOG):
    return verify(events, checkpoints, trusted, pin.verifier_key(), gaps, keys=keys)


def words(report):
    return [one.words for one in report.findings]


# -- followed ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pin", [FIRST, SECOND], ids=["the old pin", "the new pin"])
def test_either_pin_follows_the_statement_to_the_other_key(pin):
    report = judge(pin, ONCE, trusted=note(LOG, 37, SECOND))
    assert (report.findings, report.checked_size) == ((), 37)
    (change,) = report.keys
    assert (change.size, change.at) == (15, micros_text(NOW))
    assert change.ids == (key_id(FIRST.verifier_key()), key_id(SECOND.verifier_key()))
    assert "at 15 entries" in change.words


@pytest.mark.parametrize("pin", [FIRST, SECOND, THIRD])
@pytest.mark.parametrize("keys", [TWICE, TWICE[::-1], TWICE * 2], ids=["in order", "turned round", "told twice"])
def test_a_longer_chain_is_followed_from_each_of_its_keys_in_any_order(pin, keys):
    report = judge(pin, keys, SIGNED_TWICE)
    assert report.findings == ()
    assert [one.size for one in report.keys] == [15, 25]


def test_a_log_that_nothing_was_signed_of_since_holds():
    for pin in (FIRST, SECOND):
        assert judge(pin, ONCE, SIGNED[:2]).findings == ()


def test_the_state_at_which_a_key_was_replaced_is_one_more_signed_root():
    wrong = [statement(FIRST, SECOND, 15, events=OTHER)]
    assert ("forked", 8) in found(judge(FIRST, wrong))
    changed = [*LOG[:10], (10, *entries(11, "changed")[10][1:]), *LOG[11:]]
    report = judge(FIRST, ONCE, SIGNED[-1:], events=changed)
    assert found(report) == [("changed", 0)]
    assert "one of 0 to 14" in words(report)[0]


# -- withheld, cut, edited, foreign --------------------------------------------------------------------------------


def test_with_the_chain_withheld_the_new_key_is_another_key():
    assert found(judge(FIRST, [])) == [("wrong_key", None)]
    assert found(judge(SECOND, [])) == [("wrong_key", None)]


def test_a_chain_that_is_cut_leads_nowhere_and_that_is_named():
    report = judge(FIRST, TWICE[1:], [note(LOG, 8, FIRST), note(LOG, 37, THIRD)])
    assert found(report) == [("wrong_key", None)]
    assert "nothing leads from the pinned key" in words(report)[0]
    assert "and 1 more" in words(report)[0]


@pytest.mark.parametrize(
    ("signers", "kind"),
    [
        ((FIRST, STRANGER), "wrong_key"),
        ((STRANGER, SECOND), "wrong_key"),
        ((STRANGER, EVIL), "wrong_key"),
        ((FIRST, FIRST), "wrong_key"),
    ],
    ids=["without the new key", "without the old key", "by strangers", "by the old key twice"],
)
def test_a_statement_counts_only_if_both_of_its_keys_signed_it(signers, kind):
    report = judge(FIRST, [statement(FIRST, SECOND, 15, signers=signers)])
    assert found(report) == [(kind, None)]
    assert words(report)[0].startswith("key statement 1: is not signed by both")
    assert report.keys == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\n15\n", "\n99\n"),
        (
            base64.b64encode(b"\x01" + SECOND.public_key()).decode(),
            base64.b64encode(b"\x01" + EVIL.public_key()).decode(),
        ),
        (micros_text(NOW), micros_text(NOW + timedelta(days=9))),
    ],
    ids=["the size", "the new key", "the time"],
)
def test_an_edited_statement_does_not_count(old, new):
    assert old in ONCE[0]
    report = judge(FIRST, [ONCE[0].replace(old, new)], SIGNED[:2])
    assert found(report) in ([("bad_checkpoint", None)], [("wrong_key", None)])
    assert report.keys == ()


@pytest.mark.parametrize(
    "damaged",
    [
        "",
        "no note\n",
        note(LOG, 15, FIRST),
        ONCE[0].replace("key-change", "key-changed"),
        statement(FIRST, SECOND, 15).replace(ORIGIN, "vault.example/other"),
        FIRST.cosign(FIRST.sign(state(LOG, 15).body() + f"key-change {micros_text(NOW)} {'A' * 44} {'B' * 44}\n")),
        ONCE[0].rstrip("\n"),
    ],
)
def test_what_is_no_key_statement_is_named_and_followed_by_nothing(damaged):
    report = judge(FIRST, [damaged], SIGNED[:2])
    assert found(report) == [("bad_checkpoint", None)]
    assert judge(FIRST, [damaged, *ONCE]).keys == judge(FIRST, ONCE).keys


# -- two successors --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pin", [FIRST, SECOND, EVIL])
def test_two_successors_of_one_key_are_a_fork(pin):
    keys = [*ONCE, statement(FIRST, EVIL, 15, NOW - timedelta(days=1))]
    report = judge(pin, keys)
    assert found(report) == [("forked", None)]
    assert "replaced twice" in words(report)[0]


def test_one_key_handed_over_twice_to_the_same_at_two_sizes_is_a_fork_too_and_the_smaller_counts():
    keys = [*ONCE, statement(FIRST, SECOND, 20)]
    report = judge(FIRST, keys, [note(LOG, 18, FIRST)])
    assert {one for one, _ in found(report)} == {"forked", "retired_key"}


# -- the old key beyond its end ------------------------------------------------------------------------------------


@pytest.mark.parametrize("pin", [FIRST, SECOND])
def test_the_old_key_signs_nothing_longer_that_is_believed(pin):
    assert judge(pin, ONCE, [note(LOG, 15, FIRST)]).findings == ()
    for size in (16, 20, 40):
        report = judge(pin, ONCE, [note(LOG, 15, FIRST), note(LOG, size, FIRST)])
        assert found(report) == [("retired_key", None)]
        assert f"speaks of {size} entries" in words(report)[0]
        assert "replaced at 15" in words(report)[0]


def test_a_fork_by_whoever_stole_the_old_key_is_refused_although_it_is_signed():
    """All of it: entries, checkpoints, and the one that lies outside."""
    for pin in (FIRST, SECOND):
        report = judge(pin, ONCE, [note(OTHER, 50, FIRST)], trusted=note(OTHER, 60, FIRST), events=OTHER)
        assert "retired_key" in {kind for kind, _ in found(report)}


def test_a_checkpoint_that_the_new_key_signed_too_counts_whatever_its_size():
    both = SECOND.cosign(note(LOG, 30, FIRST))
    assert judge(FIRST, ONCE, [both]).findings == ()


def test_a_wrong_signature_of_any_known_key_is_not_passed_over():
    wrong = note(LOG, 30, SECOND) + note(OTHER, 30, FIRST).rpartition("\n\n")[2]
    assert found(judge(SECOND, ONCE, [wrong])) == [("bad_checkpoint", None)]


# -- beside declared gaps ------------------------------------------------------------------------------------------


def gap(kept, lost, signer, at):
    return signer.sign(GapStatement(kept, lost, at, GapReason.RESTORED_BACKUP).body())


def test_a_change_that_lies_in_what_was_lost_later_says_nothing_of_the_new_history():
    """Entries 5 to 30 were lost, the change at 15 among them; the log went on from 5, under the new key."""
    told = gap(state(LOG, 5), state(LOG, 30), SECOND, NOW + timedelta(days=1))
    checkpoints = [note(LOG, 5, FIRST), note(OTHER, 12, SECOND), note(OTHER, 60, SECOND)]
    for pin in (FIRST, SECOND):
        report = judge(pin, ONCE, checkpoints, gaps=[told], events=OTHER)
        assert (report.findings, report.checked_size) == ((), 60)
    assert judge(FIRST, ONCE, checkpoints, events=OTHER).findings


def test_a_gap_accepted_before_the_change_stays_told_and_one_that_the_old_key_states_later_does_not_count():
    lost = state(OTHER, 30)
    before = gap(state(LOG, 5), lost, FIRST, NOW - timedelta(days=1))
    report = judge(SECOND, ONCE, gaps=[before])
    assert (report.findings, len(report.gaps)) == ((), 1)
    for late in (gap(state(LOG, 5), lost, FIRST, NOW + timedelta(days=1)), gap(state(LOG, 20), lost, FIRST, NOW)):
        report = judge(SECOND, ONCE, gaps=[late])
        assert (found(report), report.gaps) == ([("retired_key", None)], ())


def test_the_pin_must_be_a_key():
    with pytest.raises(CannotJudge):
        verify(LOG, SIGNED, None, "nobody", keys=ONCE)
