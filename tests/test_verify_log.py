import subprocess
import sys
import tracemalloc
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vault import verify_log
from vault.crypto.signing import NoteSigner
from vault.domain.log_checkpoints import Checkpoint
from vault.domain.log_tree import Frontier, leaf_hash
from vault.verify_log import MOST_FINDINGS, CannotJudge, Report, verify

ORIGIN = "vault.example/log"
SIGNER = NoteSigner(bytes(range(32)), ORIGIN)
PIN = SIGNER.verifier_key()
STRANGER = NoteSigner(bytes(32), ORIGIN)


def entry(index, text="entry"):
    data = f"{text} {index}".encode()
    return (index, data, leaf_hash(data))


def entries(count, text="entry"):
    return [entry(index, text) for index in range(count)]


def note(events, size, signer=SIGNER, origin=ORIGIN):
    frontier = Frontier()
    frontier.extend(stored for _, _, stored in events[:size])
    return signer.sign(Checkpoint(origin, size, frontier.root()).body())


def notes(events, *sizes, signer=SIGNER):
    return [note(events, size, signer) for size in sizes]


def flipped(data):
    return data[:3] + bytes([data[3] ^ 1]) + data[4:]


def found(report):
    return [(one.kind, one.index) for one in report.findings]


LOG = entries(40)
SIZES = (0, 8, 21, 37)
NOTES = notes(LOG, *SIZES)
TRUSTED = NOTES[-1]


def judge(events, checkpoints=NOTES, trusted=TRUSTED):
    return verify(events, checkpoints, trusted, PIN)


# -- a log that holds ----------------------------------------------------------------------------------------------


def test_an_untouched_log_holds_and_its_unsigned_tail_is_counted():
    assert judge(LOG) == Report(findings=(), size=40, checked_size=37, unsigned_tail=3, unlisted=0)
    assert judge(LOG).first_bad_index is None


def test_a_log_holds_without_a_checkpoint_kept_outside():
    assert judge(LOG, trusted=None).findings == ()


def test_a_checkpoint_kept_outside_may_be_older_than_the_log_s_own_and_of_another_size():
    assert judge(LOG, trusted=note(LOG, 13)).findings == ()


def test_a_checkpoint_kept_outside_may_be_newer_than_the_log_s_own():
    report = judge(LOG, trusted=note(LOG, 39))
    assert (report.findings, report.checked_size, report.unsigned_tail) == ((), 39, 1)


def test_the_first_checkpoint_of_an_empty_log_holds():
    assert judge([], notes([], 0), notes([], 0)[0]) == Report((), 0, 0, 0, 0)


def test_the_same_size_signed_twice_holds():
    assert judge(LOG, notes(LOG, 8, 8, 37)).findings == ()


def test_signatures_of_witnesses_and_extension_lines_do_not_matter():
    witness = STRANGER.sign("x\n").splitlines()[-1] + "\n"
    body = note(LOG, 8).partition("\n\n")[0] + "\n"
    assert judge(LOG, [note(LOG, 8) + witness, SIGNER.sign(body + "an extension\n")], None).findings == ()


@settings(deadline=None)
@given(st.integers(0, 199), st.data())
def test_every_log_below_two_hundred_entries_holds_at_every_checkpoint_however_it_is_cut(size, data):
    events = entries(size)
    sizes = sorted({0, *data.draw(st.lists(st.integers(0, size), max_size=6))})
    cuts = sorted({0, size, *data.draw(st.lists(st.integers(0, size), max_size=6))})
    batches = [events[first:end] for first, end in pairwise(cuts)]
    for source in (events, iter(events), batches, [[], *batches]):
        assert judge(source, notes(events, *sizes), None) == Report((), size, sizes[-1], size - sizes[-1], 0)


def test_the_verifier_s_tree_has_the_root_of_the_book():
    def by_the_book(leaves):
        if len(leaves) <= 1:
            return leaves[0] if leaves else sha256(b"").digest()
        split = 1 << (len(leaves) - 1).bit_length() - 1
        return sha256(b"\x01" + by_the_book(leaves[:split]) + by_the_book(leaves[split:])).digest()

    leaves, tree = [stored for _, _, stored in entries(200)], verify_log._Tree()
    for size in range(200):
        assert tree.root() == by_the_book(leaves[:size])
        tree.grow(leaves[size : size + 1])


# -- entries attacked ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", [0, 7, 8, 20, 36, 39])
def test_one_changed_byte_of_an_event_names_exactly_that_entry_and_the_rest_is_still_proven(index):
    events = LOG.copy()
    events[index] = (index, flipped(LOG[index][1]), LOG[index][2])
    report = judge(events)
    assert found(report) == [("changed", index)]
    assert (report.first_bad_index, report.checked_size) == (index, 37)


@pytest.mark.parametrize("index", [0, 7, 8, 20, 36, 39])
def test_one_changed_byte_of_a_stored_hash_names_exactly_that_entry(index):
    events = LOG.copy()
    events[index] = (index, LOG[index][1], flipped(LOG[index][2]))
    report = judge(events)
    assert found(report) == [("changed", index)]
    assert report.checked_size == 37


@pytest.mark.parametrize("batch", [1, 5, 40])
def test_several_changed_entries_are_each_named(batch):
    events = LOG.copy()
    for index in (3, 25):
        events[index] = (index, flipped(LOG[index][1]), LOG[index][2])
    events[30] = (30, LOG[30][1], flipped(LOG[30][2]))
    batches = [events[first : first + batch] for first in range(0, 40, batch)]
    assert found(judge(batches)) == [("changed", 3), ("changed", 25), ("changed", 30)]


@pytest.mark.parametrize("value", [None, "text", 7])
@pytest.mark.parametrize("column", [1, 2])
def test_a_column_of_another_type_is_a_changed_entry(column, value):
    events = [list(one) for one in LOG]
    events[5][column] = value
    assert found(judge([tuple(one) for one in events])) == [("changed", 5)]


@pytest.mark.parametrize(("index", "good", "bad"), [(0, 0, 7), (7, 0, 7), (8, 8, 20), (20, 8, 20), (36, 21, 36)])
def test_an_event_changed_together_with_its_hash_lies_between_two_checkpoints(index, good, bad):
    events = LOG.copy()
    events[index] = entry(index, "forged")
    report = judge(events)
    assert found(report) == [("changed", good)]
    assert report.findings[0].words == f"the first changed entry is one of {good} to {bad}"
    assert report.checked_size == good


def test_an_event_changed_with_its_hash_is_found_beside_one_changed_without_on_either_side():
    events = LOG.copy()
    events[3] = (3, flipped(LOG[3][1]), LOG[3][2])
    events[10] = entry(10, "forged")
    events[30] = (30, flipped(LOG[30][1]), LOG[30][2])
    assert sorted(found(judge(events))) == [("changed", 3), ("changed", 8), ("changed", 30)]


@pytest.mark.parametrize("batch", [1, 7, 40])
@pytest.mark.parametrize("index", [0, 8, 20, 36])
def test_a_missing_entry_was_removed(index, batch):
    events = LOG[:index] + LOG[index + 1 :]
    report = judge([events[first : first + batch] for first in range(0, 39, batch)])
    assert found(report) == [("removed", index)]
    assert (report.size, report.checked_size) == (39, max(size for size in SIZES if size <= index))


def test_several_missing_entries_in_a_row_are_one_finding():
    report = judge(LOG[:9] + LOG[14:])
    assert found(report) == [("removed", 9)]
    assert report.findings[0].words == "entries 9 to 13 are missing"


def test_a_removed_entry_with_all_later_ones_renumbered_is_found_by_the_roots():
    renumbered = [(index, data, stored) for index, (_, data, stored) in enumerate(LOG[:9] + LOG[10:])]
    assert found(judge(renumbered)) == [("changed", 8)]


@pytest.mark.parametrize("index", [0, 8, 36])
def test_an_index_that_stands_twice_was_inserted(index):
    assert found(judge([*LOG[: index + 1], entry(index, "forged"), *LOG[index + 1 :]])) == [("inserted", index)]


def test_an_inserted_entry_with_all_later_ones_renumbered_is_found_by_the_roots():
    longer = [*LOG[:9], entry(9, "forged"), *LOG[9:]]
    assert found(judge([(index, *rest) for index, (_, *rest) in enumerate(longer)])) == [("changed", 8)]


def test_an_early_entry_put_in_again_late_is_one_finding():
    events = [*LOG[:25], LOG[3], *LOG[25:]]
    assert found(judge([events[:23], events[23:28], events[28:]])) == [("inserted", 3)]


@pytest.mark.parametrize("batch", [1, 2, 11, 40])
@pytest.mark.parametrize("index", [0, 10, 20, 38])
def test_two_swapped_entries_are_reordered(index, batch):
    events = LOG.copy()
    events[index], events[index + 1] = events[index + 1], events[index]
    assert found(judge([events[first : first + batch] for first in range(0, 40, batch)])) == [("reordered", index)]


def test_two_entries_that_swapped_their_contents_are_found_by_the_roots():
    events = LOG.copy()
    events[10], events[11] = (10, *LOG[11][1:]), (11, *LOG[10][1:])
    assert found(judge(events)) == [("changed", 8)]


def test_a_log_read_backwards_is_reordered_throughout():
    assert {kind for kind, _ in found(judge(LOG[::-1]))} == {"reordered"}


def test_an_empty_log_is_all_cut_off():
    assert found(judge([])) == [("truncated", 0)]


@pytest.mark.parametrize("size", [36, 21, 20, 1])
def test_a_log_shorter_than_its_own_checkpoints_was_truncated(size):
    report = judge(LOG[:size])
    assert found(report) == [("truncated", size)]
    assert report.checked_size == max(one for one in SIZES if one <= size)


def test_a_log_truncated_is_found_without_a_checkpoint_kept_outside():
    assert found(judge(LOG[:30], trusted=None)) == [("truncated", 30)]


def test_a_log_cut_together_with_its_checkpoints_was_rolled_back():
    assert found(judge(LOG[:21], NOTES[:3])) == [("rolled_back", 21)]


def test_entries_that_nothing_vouches_for_can_be_cut_unseen():
    assert judge(LOG[:37]).findings == ()


# -- checkpoints attacked ------------------------------------------------------------------------------------------


def test_a_history_replaced_and_signed_with_another_key_is_not_the_pinned_key_s():
    forged = entries(40, "forged")
    report = judge(forged, notes(forged, *SIZES, signer=STRANGER), trusted=None)
    assert found(report) == [("wrong_key", None)]
    assert report.findings[0].words == "checkpoint 1: is not signed by the pinned key (and 3 more)"
    assert report.checked_size == 0


def test_a_history_replaced_and_signed_with_another_key_also_contradicts_the_checkpoint_kept_outside():
    forged = entries(40, "forged")
    assert found(judge(forged, notes(forged, *SIZES, signer=STRANGER))) == [("wrong_key", None), ("changed", 0)]


def test_a_history_replaced_and_signed_with_the_right_key_is_a_fork_from_the_one_kept_outside():
    forged = LOG[:21] + entries(40, "forged")[21:]
    report = judge(forged, notes(forged, 8, 21, 38))
    assert found(report) == [("forked", 21)]
    assert report.first_bad_index == 21


def test_two_roots_signed_for_one_size_are_a_fork_whichever_of_them_agrees():
    forged = LOG[:10] + entries(40, "forged")[10:]
    for checkpoints in ([NOTES[1], note(forged, 21), *NOTES[2:]], [NOTES[1], NOTES[2], note(forged, 21), NOTES[3]]):
        assert found(judge(LOG, checkpoints)) == [("forked", 8)]
    assert found(judge(forged, [NOTES[1], note(forged, 21)], NOTES[2])) == [("forked", 8)]


def test_two_roots_signed_for_one_size_are_a_fork_even_when_neither_agrees():
    forged = LOG[:10] + entries(40, "forged")[10:]
    other = LOG[:10] + entries(40, "other")[10:]
    assert found(judge(other, [NOTES[1], note(forged, 21)], NOTES[2])) == [("forked", 8)]
    assert found(judge(other, [NOTES[1], note(forged, 21), note(forged, 30)], NOTES[2])) == [("forked", 8)]


def test_several_roots_of_a_forked_history_are_one_fork():
    forged = LOG[:10] + entries(40, "forged")[10:]
    assert found(judge(LOG, [NOTES[1], *notes(forged, 12, 15, 21), NOTES[3]], None)) == [("forked", 8)]


def test_an_older_checkpoint_after_a_newer_one_is_rolled_back():
    report = judge(LOG, [NOTES[0], NOTES[2], NOTES[1], NOTES[3]])
    assert found(report) == [("rolled_back", None)]
    assert report.findings[0].words == "checkpoint 3: states size 8 after size 21 was signed"
    assert report.checked_size == 37


def test_a_wrong_signature_under_the_pinned_key_s_name_is_a_bad_checkpoint():
    stolen = NOTES[2].rpartition("\n\n")[2]
    moved = NOTES[1].rpartition("\n\n")[0] + "\n\n" + stolen
    assert found(judge(LOG, [NOTES[0], moved, NOTES[3]])) == [("bad_checkpoint", None)]


def test_a_checkpoint_of_another_log_under_the_same_key_is_a_bad_checkpoint():
    assert found(judge(LOG, [note(LOG, 8, origin="vault.example/other"), *NOTES[2:]])) == [("bad_checkpoint", None)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nothing",
        NOTES[1][:-1],
        NOTES[1].replace("\n\n", "\n"),
        NOTES[1] + "one more line\n",
        NOTES[1].replace("—", "-"),
        "\ud800" + NOTES[1],
        NOTES[1] + "— witness.example/w AAAAAAAAAAAAAAAA\n" * 10_000,
        SIGNER.sign(f"{ORIGIN}\n8\n"),
        SIGNER.sign(f"{ORIGIN}\n08\nAAAA\n"),
        SIGNER.sign(f"{ORIGIN}\n08\n{'A' * 43}=\n"),
        SIGNER.sign(f"{ORIGIN}\n8\n{'A' * 43}=\n\nx\n"),
    ],
)
def test_a_note_that_is_no_checkpoint_is_a_bad_checkpoint(text):
    assert found(judge(LOG, [text, NOTES[3]], None)) == [("bad_checkpoint", None)]
    outside = judge(LOG, NOTES, text)
    assert found(outside) == [("bad_checkpoint", None)]
    assert outside.findings[0].words.startswith("the checkpoint kept outside: ")


def test_every_flipped_bit_of_a_checkpoint_is_found():
    raw = NOTES[2].encode()
    for position in range(len(raw)):
        changed = (raw[:position] + bytes([raw[position] ^ 1]) + raw[position + 1 :]).decode(errors="surrogateescape")
        assert {kind for kind, _ in found(judge(LOG, [changed], None))} <= {"bad_checkpoint", "wrong_key"}
        assert judge(LOG, [changed], None).findings


def test_a_log_that_nobody_signed_never_holds():
    assert found(judge(LOG, [], None)) == [("bad_checkpoint", None)]
    assert found(judge([], [], None)) == [("bad_checkpoint", None)]


@pytest.mark.parametrize("pin", ["", "x", PIN[:-1], PIN.replace("+", "-"), "log+00000000+AAAA", PIN.replace("v", "w")])
def test_without_a_readable_pin_nothing_is_judged(pin):
    with pytest.raises(CannotJudge):
        verify(LOG, NOTES, None, pin)


# -- the promises of the file itself -------------------------------------------------------------------------------


def test_a_log_wrong_everywhere_gives_a_bounded_report():
    count = MOST_FINDINGS + 500
    wrong = [(index, data + b"!", stored) for index, data, stored in entries(count)]
    report = verify(wrong, notes(wrong, count), None, PIN)
    assert (len(report.findings), report.unlisted, report.first_bad_index) == (MOST_FINDINGS, 500, 0)
    every_second = entries(2 * count)[1::2]
    report = verify(every_second, notes(LOG, 8), None, PIN)
    assert (len(report.findings), report.unlisted, report.first_bad_index) == (MOST_FINDINGS, 500, 0)


def test_memory_stays_flat_while_entries_stream_by():
    def peak(count):
        tracemalloc.start()
        verify((entry(index) for index in range(count)), NOTES, None, PIN)
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    assert peak(40_000) < 1.5 * peak(10_000)


def test_the_file_runs_alone_and_isolated(tmp_path):
    alone = tmp_path / "verify_log.py"
    alone.write_bytes(Path(verify_log.__file__).read_bytes())
    code = (
        f"import runpy, sys; names = runpy.run_path({str(alone)!r}, run_name='alone'); "
        "assert not any(name.split('.')[0] == 'vault' for name in sys.modules); print(callable(names['verify']))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


# -- proofs --------------------------------------------------------------------------------------------------------


def tree_by_the_book(leaves):
    if len(leaves) <= 1:
        return leaves[0] if leaves else sha256(b"").digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\x01" + tree_by_the_book(leaves[:split]) + tree_by_the_book(leaves[split:])).digest()


def path_by_the_book(index, leaves):
    """PATH as RFC 9162 section 2.1.3.1 writes it."""
    if len(leaves) == 1:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if index < split:
        return [*path_by_the_book(index, leaves[:split]), tree_by_the_book(leaves[split:])]
    return [*path_by_the_book(index - split, leaves[split:]), tree_by_the_book(leaves[:split])]


def subproof_by_the_book(old, leaves, known):
    """SUBPROOF as RFC 9162 section 2.1.4.1 writes it."""
    if old == len(leaves):
        return [] if known else [tree_by_the_book(leaves)]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if old <= split:
        return [*subproof_by_the_book(old, leaves[:split], known), tree_by_the_book(leaves[split:])]
    return [*subproof_by_the_book(old - split, leaves[split:], known=False), tree_by_the_book(leaves[:split])]


PROOF_SIZES = range(1, 34)
LEAVES = [stored for _, _, stored in entries(34)]
ROOTS = [tree_by_the_book(LEAVES[:size]) for size in range(35)]


@pytest.mark.parametrize("size", PROOF_SIZES)
def test_every_inclusion_proof_of_the_book_leads_to_the_root_and_no_changed_one_does(size):
    for index in range(size):
        path = path_by_the_book(index, LEAVES[:size])
        assert verify_log._root_of_path(index, size, LEAVES[index], path) == ROOTS[size]
        wrong = [(index, size, LEAVES[index + 1], path), (index, size, LEAVES[index], [*path, bytes(32)])]
        wrong += [(index, size, LEAVES[index], path[:-1])] if path else []
        wrong += [
            (index, size, LEAVES[index], [*path[:at], flipped(path[at]), *path[at + 1 :]]) for at in range(len(path))
        ]
        wrong += [(other, size, LEAVES[index], path) for other in range(size + 2) if other != index]
        assert all(verify_log._root_of_path(*given) != ROOTS[size] for given in wrong)


@pytest.mark.parametrize("new", PROOF_SIZES)
def test_every_consistency_proof_of_the_book_holds_and_no_changed_one_does(new):
    head = (new, ROOTS[new])
    for old in range(1, new):
        before, path = (old, ROOTS[old]), subproof_by_the_book(old, LEAVES[:new], known=True)
        assert verify_log._extends(before, head, path)
        assert not verify_log._extends((old, flipped(ROOTS[old])), head, path)
        assert not verify_log._extends(before, (new, flipped(ROOTS[new])), path)
        wrong = [[], path[:-1], [*path, bytes(32)]]
        wrong += [[*path[:at], flipped(path[at]), *path[at + 1 :]] for at in range(len(path))]
        assert not any(verify_log._extends(before, head, given) for given in wrong)
    assert verify_log._extends(head, head, [])
    assert verify_log._extends((0, ROOTS[0]), head, [])
    assert not verify_log._extends(head, head, [bytes(32)])
    assert not verify_log._extends((new + 1, ROOTS[new]), head, [])


def test_the_subtrees_beside_a_range_are_the_fewest_that_fill_it():
    for start in range(20):
        for stop in range(start, 40):
            levels = verify_log._levels_beside(start, stop)
            assert sum(1 << level for level in levels) == stop - start
            at = start
            for level in levels:
                assert at % (1 << level) == 0
                at += 1 << level


def test_the_unsigned_tail_says_since_when():
    at = "2026-11-20T03:04:05.000006Z"
    data = b'{"action":"log.view","actor":"x","at":"%b"}' % at.encode()
    tail = [(40 + number, data, leaf_hash(data)) for number in range(3)]
    events = [*LOG, *tail]
    assert judge(events, notes(LOG, 40), None).tail_since == at
    assert judge(events, notes(events, 43), None).tail_since == ""
