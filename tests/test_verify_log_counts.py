"""What the single-file verifier makes of the counts that processes tell of their own openings."""

import json

import pytest

from vault import verify_log
from vault.crypto.signing import NoteSigner
from vault.domain.log_checkpoints import Checkpoint
from vault.domain.log_tree import Frontier, leaf_hash
from vault.verify_log import MOST_FINDINGS, verify

ORIGIN = "vault.example/log"
SIGNER = NoteSigner(bytes(range(32)), ORIGIN)
RUN, OTHER = "a" * 32, "b" * 32


def count(unwraps, receipts, run=RUN, node="n1", **changes):
    facts = {"receipts": receipts, "run": run, "unwraps": unwraps}
    event = {"action": "log.counted", "actor": "system", "facts": facts, "node": node} | changes
    return json.dumps(event, sort_keys=True, separators=(",", ":")).encode()


def other(number):
    return b'{"action":"record.lookup","actor":"KF1001","at":"%d"}' % number


def log(*events):
    return [(index, data, leaf_hash(data)) for index, data in enumerate(events)]


def signed(entries):
    frontier = Frontier()
    frontier.extend(stored for _, _, stored in entries)
    return SIGNER.sign(Checkpoint(ORIGIN, len(entries), frontier.root()).body())


def judge(entries, whole=None):
    return verify(entries, [signed(whole or entries)], None, SIGNER.verifier_key())


def found(report):
    return [(one.kind, one.index) for one in report.findings]


def test_counts_that_agree_are_no_finding_and_neither_is_a_receipt_too_many():
    assert judge(log(other(0), count(0, 0), count(3, 3), other(1), count(5, 9), count(1, 1, OTHER))).findings == ()


def test_a_run_that_unwrapped_more_often_is_named_once_at_its_newest_word():
    report = judge(log(count(2, 2), count(4, 3), other(0), count(9, 8), count(7, 7, OTHER, "n2")))
    assert found(report) == [("uncounted", 3)]
    words = f"in run {RUN} of node n1 keys were unwrapped 9 times for 8 receipts used"
    assert report.findings[0].words == words
    assert report.checked_size == 5  # the log itself is as it was signed


def test_each_such_run_is_named():
    report = judge(log(count(1, 0), count(2, 2, "c" * 32), count(5, 4, OTHER, "n2")))
    assert found(report) == [("uncounted", 0), ("uncounted", 2)]
    assert "n2" in report.findings[1].words


@pytest.mark.parametrize("lower", [(3, 5), (4, 4), (0, 0)])
def test_counts_that_went_down_within_a_run_are_named(lower):
    assert found(judge(log(count(4, 5), count(*lower)))) == [("uncounted", 1)]


def test_the_same_counts_told_twice_are_no_finding():
    assert judge(log(count(4, 5), count(4, 5))).findings == ()


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"receipts": 1, "run": RUN},
        {"receipts": 1, "run": "short", "unwraps": 1},
        {"receipts": 1, "run": RUN.upper(), "unwraps": 1},
        {"receipts": 1, "run": 5, "unwraps": 1},
        {"receipts": "9", "run": RUN, "unwraps": 1},
        {"receipts": 1, "run": RUN, "unwraps": -1},
        {"receipts": True, "run": RUN, "unwraps": 1},
        {"receipts": 1 << 63, "run": RUN, "unwraps": 1},
        {"receipts": 1.5, "run": RUN, "unwraps": 1},
        [],
        None,
    ],
    ids=str,
)
def test_counts_that_no_process_writes_are_named(facts):
    assert found(judge(log(other(0), count(0, 0, facts=facts)))) == [("uncounted", 1)]


@pytest.mark.parametrize(
    "data",
    [
        b'{"action":"log.counted",',
        b'{"action":"log.counted","facts":' + b"[" * 100_000,
        b'{"action":"log.counted","facts":\xff}',
        count(1, 1, node="\x1b[2J"),
        count(1, 1, node=None),
    ],
    ids=["cut", "deep", "not text", "a terminal's command", "no node"],
)
def test_bytes_that_are_no_event_of_ours_are_named_and_not_repeated(data):
    report = judge(log(data))
    assert found(report) == [("uncounted", 0)]
    assert report.findings[0].words.isprintable()


def test_a_long_name_of_a_node_is_cut():
    assert len(judge(log(count(1, 0, node="n" * 5000))).findings[0].words) < 300


def test_an_entry_that_was_changed_says_nothing():
    entries = log(other(0), count(1, 1), other(1))
    changed = entries.copy()
    changed[1] = (1, count(2, 1), entries[1][2])
    assert found(judge(changed, entries)) == [("changed", 1)]


def test_an_entry_out_of_its_place_is_reordered_and_not_a_count_that_went_down():
    entries = log(count(1, 1), count(2, 2), count(3, 3))
    moved = [entries[0], entries[2], entries[1]]
    assert ("uncounted", 1) not in found(judge(moved, entries))
    assert ("reordered", 1) in found(judge(moved, entries))


def test_a_count_does_not_stand_in_for_a_change_that_the_roots_show():
    entries = log(other(0), count(1, 0), other(1))
    changed = entries.copy()
    changed[2] = (2, other(7), leaf_hash(other(7)))
    assert found(judge(changed, entries)) == [("changed", 0), ("uncounted", 1)]


def test_other_actions_may_begin_alike_or_speak_of_counts():
    alike = b'{"action":"log.counted_otherwise","facts":5}'
    assert judge(log(alike, b'{"actor":{"action":"log.counted"}}', b"", other(0))).findings == ()


@pytest.mark.parametrize("odd", [None, 5, "text"])
def test_a_database_that_hands_out_something_else_than_bytes_hides_no_count(odd):
    entries = log(other(0), count(1, 0))
    changed = [(0, odd, entries[0][2]), entries[1]]
    assert found(judge([changed], entries)) == [("changed", 0), ("uncounted", 1)]


def test_more_findings_than_are_listed_are_counted():
    report = judge(log(*(count(1, 0, f"{number:032x}") for number in range(MOST_FINDINGS + 7))))
    assert (len(report.findings), report.unlisted) == (MOST_FINDINGS, 7)


def test_runs_beyond_those_remembered_are_judged_when_they_are_forgotten(monkeypatch):
    monkeypatch.setattr(verify_log, "_MOST_RUNS", 2)
    runs = [f"{number:032x}" for number in range(5)]
    events = [count(1, 0, runs[0]), count(1, 1, runs[1])]
    events += [count(2, 2, runs[1]), *(count(1, 1, run) for run in runs[2:])]
    assert found(judge(log(*events))) == [("uncounted", 0)]
