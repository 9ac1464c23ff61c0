import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.domain.log_checkpoints import LARGEST_SIZE
from vault.domain.log_proofs import MOST_HASHES, LogProof, entry_named
from vault.errors import InvalidValue

VECTOR = json.loads((Path(__file__).parents[1] / "vectors" / "tlog_proof.json").read_text("utf-8"))
NOTE = VECTOR["checkpoint"]
HASH = base64.b64encode(bytes(32)).decode()
FIRST = "c2sp.org/tlog-proof@v1\n"
HASHES = st.lists(st.binary(min_size=32, max_size=32), max_size=MOST_HASHES)


def test_the_published_example_is_read_and_written_byte_for_byte():
    proof = LogProof.parse(VECTOR["text"])
    assert proof == LogProof(VECTOR["index"], tuple(base64.b64decode(one) for one in VECTOR["hashes"]), NOTE)
    assert proof.text() == VECTOR["text"]


@given(st.integers(0, LARGEST_SIZE - 1), HASHES, st.binary(max_size=300))
def test_what_is_written_is_read_back(index, path, extra):
    proof = LogProof(index, tuple(path), NOTE, extra)
    assert LogProof.parse(proof.text()) == proof


def test_the_only_entry_of_a_log_has_a_proof_without_hashes():
    assert LogProof(0, (), NOTE).text() == f"{FIRST}index 0\n\n{NOTE}"


def test_extra_data_stands_before_the_index_and_there_is_no_such_line_without_any():
    assert LogProof(0, (), NOTE, b"x").text().startswith(f"{FIRST}extra eA==\nindex 0\n")
    assert "extra" not in LogProof(0, (), NOTE).text()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "proof_lines"),
        (f"\ufeff{FIRST}index 0\n\n{NOTE}", "proof_lines"),
        (f"c2sp.org/tlog-proof@v2\nindex 0\n\n{NOTE}", "proof_lines"),
        (f"{FIRST}\nindex 0\n\n{NOTE}", "proof_lines"),
        (f"{FIRST}{HASH}\nindex 0\n\n{NOTE}", "proof_lines"),
        (f"{FIRST}index 0\nextra eA==\n\n{NOTE}", "proof_base64"),
        (f"{FIRST}extra eA==\nextra eA==\nindex 0\n\n{NOTE}", "proof_lines"),
        (f"{FIRST}extra eA==\n\n{NOTE}", "proof_lines"),
        (f"{FIRST}extra \nindex 0\n\n{NOTE}", "proof_base64"),
        (f"{FIRST}extra eA\nindex 0\n\n{NOTE}", "proof_base64"),
        (f"{FIRST}extra eB==\nindex 0\n\n{NOTE}", "proof_base64"),
        (f"{FIRST}extra 数==\nindex 0\n\n{NOTE}", "proof_base64"),
        (f"{FIRST}index 00\n\n{NOTE}", "proof_index"),
        (f"{FIRST}index -1\n\n{NOTE}", "proof_index"),
        (f"{FIRST}index 1 \n\n{NOTE}", "proof_index"),
        (f"{FIRST}index ７\n\n{NOTE}", "proof_index"),
        (f"{FIRST}index {LARGEST_SIZE}\n\n{NOTE}", "proof_index"),
        (f"{FIRST}index {'9' * 5000}\n\n{NOTE}", "proof_index"),
        (f"{FIRST}index 0\r\n{HASH}\r\n\r\n{NOTE}", "proof_index"),
        (f"{FIRST}index 0\n{HASH[:-1]}\n\n{NOTE}", "proof_base64"),
        (f"{FIRST}index 0\n{HASH} \n\n{NOTE}", "proof_base64"),
        (f"{FIRST}index 0\n{'_' * 43}=\n\n{NOTE}", "proof_base64"),
        (f"{FIRST}index 0\neA==\n\n{NOTE}", "proof_path"),
        (f"{FIRST}index 0\n" + f"{HASH}\n" * (MOST_HASHES + 1) + f"\n{NOTE}", "proof_path"),
        (f"{FIRST}index 0\n{HASH}\n", "proof_base64"),
        (f"{FIRST}index 0\n{HASH}", "proof_checkpoint"),
        (f"{FIRST}index 0\n\n", "proof_checkpoint"),
        (f"{FIRST}index 0\n\n\n{NOTE}", "proof_checkpoint"),
        (f"{FIRST}index 0\n\n{NOTE[:-1]}", "proof_checkpoint"),
        (f"{FIRST}index 0\n\nlog\n7\n", "proof_checkpoint"),
    ],
)
def test_what_is_no_proof_is_refused_with_its_reason(text, reason):
    with pytest.raises(InvalidValue) as refused:
        LogProof.parse(text)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("index", "path", "note", "reason"),
    [
        (-1, (), NOTE, "proof_index"),
        (LARGEST_SIZE, (), NOTE, "proof_index"),
        (0, (bytes(31),), NOTE, "proof_path"),
        (0, (bytes(32),) * (MOST_HASHES + 1), NOTE, "proof_path"),
        (0, (), "", "proof_checkpoint"),
    ],
)
def test_a_proof_that_could_not_be_read_back_is_not_made(index, path, note, reason):
    with pytest.raises(InvalidValue) as refused:
        LogProof(index, path, note)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("0", 0),
        (" 17\n", 17),
        ("9" * 18, 10**18 - 1),
        ("0" * 32, bytes(16)),
        ("AB" * 16, b"\xab" * 16),
    ],
)
def test_an_entry_is_named_by_its_place_or_by_the_id_of_its_event(text, entry):
    assert entry_named(text) == entry


@pytest.mark.parametrize("text", ["", "-1", "1.5", "x", "９", "9" * 19, "0" * 31, "0" * 33, "g" * 32, "17x"])
def test_what_names_no_entry_is_refused(text):
    with pytest.raises(InvalidValue) as refused:
        entry_named(text)
    assert (refused.value.reason, refused.value.facts) == ("wrong_form", {"field": "entry"})
