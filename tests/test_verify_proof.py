"""What the single-file verifier says of one entry, or of a statement, and its proof."""

import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vault import verify_log
from vault.crypto.signing import NoteSigner
from vault.domain.log_checkpoints import Checkpoint
from vault.domain.log_proofs import LogProof
from vault.domain.log_tree import Frontier, inclusion_proof, leaf_hash, node_hash
from vault.verify_log import CannotJudge, judge_proof, main

ORIGIN = "vault.example/log"
SIGNER = NoteSigner(bytes(range(32)), ORIGIN)
PIN = SIGNER.verifier_key()
STRANGER = NoteSigner(bytes(32), ORIGIN)
STATEMENT = b'{"certificate":"synthetic"}'


def event(number, **facts):
    body = {"action": "people.sign_in", "actor": "KF2001", "at": "2026-11-20T03:04:05.000006Z", "facts": facts}
    return json.dumps(body | {"id": f"{number:032x}"}, separators=(",", ":")).encode()


LOG = [event(number) for number in range(20)] + [event(20, statement=sha256(STATEMENT).hexdigest())]
LEAVES = [leaf_hash(one) for one in LOG]


def node(level, place):
    if level == 0:
        return LEAVES[place]
    return node_hash(node(level - 1, 2 * place), node(level - 1, 2 * place + 1))


def note(size, signer=SIGNER, origin=ORIGIN):
    frontier = Frontier()
    frontier.extend(LEAVES[:size])
    return signer.sign(Checkpoint(origin, size, frontier.root()).body())


def proof(index, size=21, checkpoint=None, extra=b""):
    return LogProof(index, tuple(inclusion_proof(index, size, node)), checkpoint or note(size), extra)


def found(judged):
    return [(one.kind, one.index) for one in judged.findings]


def flipped(data, place=0):
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


# -- one entry -----------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.integers(1, len(LOG)), st.data())
def test_every_entry_of_every_log_holds_by_its_proof(size, data):
    index = data.draw(st.integers(0, size - 1))
    judged = judge_proof(LOG[index], proof(index, size).text(), PIN)
    assert (judged.status, judged.findings, judged.index, judged.is_statement) == (0, (), index, False)
    assert judged.head[0] == size


@settings(deadline=None)
@given(st.integers(0, len(LOG) - 1), st.data())
def test_no_other_bytes_and_no_other_entry_hold_by_that_proof(index, data):
    text, place = proof(index).text(), data.draw(st.integers(0, len(LOG[index]) - 1))
    other = data.draw(st.integers(0, len(LOG) - 1).filter(lambda one: one != index))
    for content in (flipped(LOG[index], place), LOG[index] + b"\n", LOG[index][:-1], b"", LOG[other]):
        assert found(judge_proof(content, text, PIN)) == [("changed", index)]


def test_a_changed_place_or_path_does_not_hold():
    right = proof(7)
    paths = [
        right.path[:-1],
        (*right.path, right.path[0]),
        right.path[::-1],
        *((*right.path[:at], flipped(right.path[at]), *right.path[at + 1 :]) for at in range(len(right.path))),
    ]
    wrong = [LogProof(7, path, right.checkpoint) for path in paths]
    wrong += [LogProof(index, right.path, right.checkpoint) for index in (6, 8, 21, 10**18)]
    for one in wrong:
        assert found(judge_proof(LOG[7], one.text(), PIN)) == [("changed", one.index)]


def test_the_proof_of_a_node_is_not_the_proof_of_an_entry():
    pair = b"\x01" + LEAVES[6] + LEAVES[7]
    right = proof(7)
    for content in (pair, LEAVES[6] + LEAVES[7]):
        assert judge_proof(content, LogProof(3, right.path[1:], right.checkpoint).text(), PIN).status == 1


@pytest.mark.parametrize(
    ("checkpoint", "kind"),
    [
        (note(21, STRANGER), "wrong_key"),
        (note(21).replace("\n21\n", "\n20\n"), "bad_checkpoint"),
        (note(21).replace("vault.example/log\n21", "other.example/log\n21"), "bad_checkpoint"),
        (note(21, origin="other.example/log"), "bad_checkpoint"),
        (SIGNER.sign(f"datavault-log-export/1\n{ORIGIN}\n{'0' * 64}\n"), "bad_checkpoint"),
        ("log\n\nnothing signed\n", "bad_checkpoint"),
    ],
)
def test_a_checkpoint_that_does_not_count_is_named_and_nothing_is_judged_by_it(checkpoint, kind):
    judged = judge_proof(LOG[7], proof(7, checkpoint=checkpoint).text(), PIN)
    assert (found(judged), judged.head, judged.status) == ([(kind, None)], None, 1)


def test_a_checkpoint_of_another_size_does_not_hold():
    assert found(judge_proof(LOG[7], proof(7, checkpoint=note(20)).text(), PIN)) == [("changed", 7)]
    assert found(judge_proof(LOG[7], proof(7, checkpoint=note(7)).text(), PIN)) == [("changed", 7)]
    assert found(judge_proof(b"", LogProof(0, (), note(0)).text(), PIN)) == [("changed", 0)]


def test_extra_data_of_others_does_not_matter_to_an_entry():
    assert judge_proof(LOG[7], proof(7, extra=b"whatever").text(), PIN).status == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        proof(7).text().replace("@v1", "@v2"),
        proof(7).text().replace("\n", "\r\n"),
        proof(7).text().replace("index 7", "index 07"),
        proof(7).text().replace("index 7", "index -7"),
        proof(7).text().replace("index 7\n", ""),
        proof(7).text().replace("index 7", "extra \nindex 7"),
        proof(7).text().replace("index 7", "extra !\nindex 7"),
        proof(7).text().replace("index 7", "index 7\neA=="),
        "c2sp.org/tlog-proof@v1\nindex 0\n" + "A" * 43 + "=\n" + ("A" * 43 + "=\n") * 63 + "\n" + note(21),
    ],
)
def test_what_is_no_proof_cannot_be_judged(text):
    with pytest.raises(CannotJudge) as refused:
        judge_proof(LOG[7], text, PIN)
    assert "proof" in str(refused.value)


def test_an_empty_line_too_early_makes_the_rest_no_checkpoint():
    text = proof(7).text().replace("index 7", "index 7\n")
    assert found(judge_proof(LOG[7], text, PIN)) == [("bad_checkpoint", None)]


def test_without_a_usable_pin_nothing_can_be_judged():
    with pytest.raises(CannotJudge):
        judge_proof(LOG[7], proof(7).text(), PIN[:-4])


# -- a statement that an entry names -------------------------------------------------------------------------------


def test_a_statement_holds_by_the_entry_that_names_it():
    judged = judge_proof(STATEMENT, proof(20, extra=LOG[20]).text(), PIN)
    assert (judged.status, judged.is_statement, judged.entry) == (0, True, LOG[20])


def test_another_statement_does_not_hold():
    for content in (flipped(STATEMENT), STATEMENT + b"\n", b""):
        assert found(judge_proof(content, proof(20, extra=LOG[20]).text(), PIN)) == [("changed", 20)]


@pytest.mark.parametrize("index", [7, 20])
def test_an_entry_that_names_no_statement_or_is_not_in_the_log_vouches_for_none(index):
    forged = event(99, statement=sha256(STATEMENT).hexdigest())
    for extra in (LOG[7], forged, b"{}", b"[]", b"[" * 100_000, b"\xff", b'{"facts":{"statement":7}}'):
        assert found(judge_proof(STATEMENT, proof(index, extra=extra).text(), PIN)) == [("changed", index)]


def test_an_entry_that_names_two_statements_vouches_for_none():
    digest = sha256(STATEMENT).hexdigest()
    twice = b'{"facts":{"statement":"x","statement":"%b"}}' % digest.encode()
    checkpoint = SIGNER.sign(Checkpoint(ORIGIN, 1, leaf_hash(twice)).body())
    assert judge_proof(STATEMENT, LogProof(0, (), checkpoint, twice).text(), PIN).status == 1
    once = b'{"facts":{"statement":"%b"}}' % digest.encode()
    checkpoint = SIGNER.sign(Checkpoint(ORIGIN, 1, leaf_hash(once)).body())
    assert judge_proof(STATEMENT, LogProof(0, (), checkpoint, once).text(), PIN).status == 0


# -- the command ---------------------------------------------------------------------------------------------------


@pytest.fixture
def judged(tmp_path, capsys):
    """Judge a pair of files by the command, and return its exit code and lines."""

    def judge(content, text, *more, pin=PIN):
        (tmp_path / "entry.json").write_bytes(content)
        (tmp_path / "entry.tlog-proof").write_bytes(text if isinstance(text, bytes) else text.encode())
        key = [] if pin is None else ["--key", pin]
        code = main([str(tmp_path / "entry.json"), "--proof", str(tmp_path / "entry.tlog-proof"), *key, *more])
        return code, capsys.readouterr().out.splitlines()

    return judge


def test_the_verdict_is_the_last_line_and_says_which_entry_of_which_log(judged):
    code, lines = judged(LOG[7], proof(7).text())
    assert code == 0
    signer = f"{ORIGIN}+{PIN.split('+')[1]}"
    assert lines[-1] == f"成立 · HOLDS: entry 7 of the log of 21 entries signed by {signer}"
    assert lines[0] == "entry 7: people.sign_in by KF2001 at 2026-11-20T03:04:05.000006Z"
    assert lines[-2].endswith("whether the log still has the entry, a newer export tells")


def test_a_statement_is_said_to_be_named(judged):
    code, lines = judged(STATEMENT, proof(20, extra=LOG[20]).text())
    assert code == 0
    assert lines[-1].startswith("成立 · HOLDS: the statement is named by entry 20 of the log of 21 entries")


def test_what_is_wrong_is_named_before_the_verdict(judged):
    code, lines = judged(LOG[8], proof(7).text())
    assert (code, lines[-1]) == (1, "不成立 · DOES NOT HOLD")
    assert lines[-2].startswith("[changed] 被改动 · entry 7 ")
    code, lines = judged(LOG[7], proof(7, checkpoint=note(21, STRANGER)).text())
    assert (code, lines[-1]) == (1, "不成立 · DOES NOT HOLD")
    assert lines[-2].startswith("[wrong_key]")


@pytest.mark.parametrize(
    ("text", "pin"),
    [(proof(7).text(), None), (proof(7).text(), "no+key"), ("nonsense", PIN), (b"\xff", PIN), (b"", PIN)],
)
def test_without_a_key_or_a_readable_proof_nothing_can_be_judged(judged, text, pin):
    code, lines = judged(LOG[7], text, pin=pin)
    assert (code, lines[-1]) == (2, "无法判断 · CANNOT JUDGE")


def test_files_that_are_missing_or_absurdly_long_cannot_be_judged(judged, tmp_path, capsys):
    assert main([str(tmp_path / "no"), "--proof", str(tmp_path / "no"), "--key", PIN]) == 2
    assert main([str(tmp_path), "--proof", str(tmp_path), "--key", PIN]) == 2
    capsys.readouterr()
    code, lines = judged(bytes(verify_log._LARGEST_TEXT + 1), proof(7).text())
    assert (code, lines[-1]) == (2, "无法判断 · CANNOT JUDGE")


def test_an_earlier_checkpoint_is_a_question_for_an_export(judged, capsys):
    with pytest.raises(SystemExit) as ended:
        judged(LOG[7], proof(7).text(), "--since", "checkpoint")
    assert ended.value.code == 2


def test_what_an_entry_says_reaches_no_terminal_as_it_is(judged):
    nasty = b'{"action":"\\u001b[2J","actor":"KF2001","at":"x"}'
    checkpoint = SIGNER.sign(Checkpoint(ORIGIN, 1, leaf_hash(nasty)).body())
    code, lines = judged(nasty, LogProof(0, (), checkpoint).text())
    assert (code, lines[0]) == (0, "entry 0: no event that this file can read")
    assert "\x1b" not in "".join(lines)


def test_a_stranger_checks_a_pair_with_the_single_file_alone(tmp_path):
    (tmp_path / "verify_log.py").write_bytes(Path(verify_log.__file__).read_bytes())
    (tmp_path / "e.json").write_bytes(LOG[7])
    (tmp_path / "e.tlog-proof").write_text(proof(7).text(), encoding="utf-8")
    (tmp_path / "pin").write_text(PIN + "\n")
    command = [sys.executable, "-I", "verify_log.py", "e.json", "--proof", "e.tlog-proof", "--key", "pin"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, encoding="utf-8")
    assert (done.returncode, done.stderr) == (0, "")
    assert "HOLDS: entry 7 of the log of 21 entries" in done.stdout.splitlines()[-1]
