import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.domain.ledger import LedgerHead
from vault.domain.log_checkpoints import LARGEST_SIZE, Checkpoint
from vault.errors import InvalidValue

VECTOR = json.loads((Path(__file__).parents[1] / "vectors" / "tlog_checkpoint.json").read_text())
ROOT = base64.b64encode(bytes(32)).decode()


def test_the_published_example_is_read_and_written_byte_for_byte():
    checkpoint = Checkpoint.parse(VECTOR["body"])
    assert checkpoint == Checkpoint(VECTOR["origin"], VECTOR["size"], base64.b64decode(VECTOR["root_base64"]))
    assert checkpoint.body() == VECTOR["body"]


@given(
    st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1),
    st.integers(0, LARGEST_SIZE),
    st.binary(min_size=32, max_size=32),
)
def test_what_is_written_is_read_back(origin, size, root):
    checkpoint = Checkpoint(origin, size, root)
    assert Checkpoint.parse(checkpoint.body()) == checkpoint


def test_extension_lines_of_others_are_read_over():
    assert Checkpoint.parse(f"log\n7\n{ROOT}\nanything\nelse\n") == Checkpoint("log", 7, bytes(32))


def test_the_ledgers_head_rides_as_an_extension_line_and_is_no_part_of_the_logs_state():
    head = LedgerHead(12, bytes(range(32)))
    checkpoint = Checkpoint("log", 7, bytes(32), head)
    line = f"ledger 12 {base64.b64encode(head.digest).decode()}\n"
    assert checkpoint.body() == f"log\n7\n{ROOT}\n{line}"
    assert Checkpoint.parse(f"log\n7\n{ROOT}\nsomething else\n{line}").ledger == head
    assert checkpoint == Checkpoint("log", 7, bytes(32)) == Checkpoint.parse(checkpoint.body())


@pytest.mark.parametrize(
    "line", ["ledger", "ledger 1", "ledger x AAAA", f"ledger 01 {ROOT}", f"ledger 1 {ROOT} more", f"Ledger 1 {ROOT}"]
)
def test_another_line_that_begins_like_ours_is_somebody_elses_extension(line):
    assert Checkpoint.parse(f"log\n7\n{ROOT}\n{line}\n").ledger is None


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "checkpoint_lines"),
        ("log\n7\n", "checkpoint_lines"),
        (f"log\n7\n{ROOT}", "checkpoint_lines"),
        (f"log\n7\n{ROOT}\nextension", "checkpoint_lines"),
        (f"log\n7\n{ROOT}\n\n", "checkpoint_lines"),
        (f"log\n7\n{ROOT}\n\nextension\n", "checkpoint_lines"),
        (f"\n7\n{ROOT}\n", "checkpoint_lines"),
        (f"log\r\n7\r\n{ROOT}\r\n", "checkpoint_lines"),
        (f"log\n7\n{ROOT}\nexten\tsion\n", "checkpoint_lines"),
        (f"log\n07\n{ROOT}\n", "checkpoint_size"),
        (f"log\n00\n{ROOT}\n", "checkpoint_size"),
        (f"log\n-7\n{ROOT}\n", "checkpoint_size"),
        (f"log\n+7\n{ROOT}\n", "checkpoint_size"),
        (f"log\n7 \n{ROOT}\n", "checkpoint_size"),
        (f"log\n７\n{ROOT}\n", "checkpoint_size"),
        (f"log\n0x7\n{ROOT}\n", "checkpoint_size"),
        (f"log\n{LARGEST_SIZE + 1}\n{ROOT}\n", "checkpoint_size"),
        (f"log\n{'9' * 5000}\n{ROOT}\n", "checkpoint_size"),
        (f"log\n7\n{ROOT[:-1]}\n", "checkpoint_root"),
        (f"log\n7\n{ROOT} \n", "checkpoint_root"),
        (f"log\n7\n{ROOT[:-2]}B=\n", "checkpoint_root"),
        (f"log\n7\n{'_' * 43}=\n", "checkpoint_root"),
        (f"log\n7\n{'é' * 43}=\n", "checkpoint_root"),
        (f"log\n7\n{base64.b64encode(bytes(31)).decode()}\n", "checkpoint_root"),
        (f"log\n7\n{base64.b64encode(bytes(33)).decode()}\n", "checkpoint_root"),
    ],
)
def test_any_other_spelling_is_refused(body, reason):
    with pytest.raises(InvalidValue) as refused:
        Checkpoint.parse(body)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("origin", "size", "root", "reason"),
    [
        ("", 0, bytes(32), "checkpoint_origin"),
        ("lo\ud800g", 0, bytes(32), "checkpoint_origin"),
        ("log\n9", 0, bytes(32), "checkpoint_origin"),
        ("log", -1, bytes(32), "checkpoint_size"),
        ("log", LARGEST_SIZE + 1, bytes(32), "checkpoint_size"),
        ("log", 0, bytes(31), "checkpoint_root"),
    ],
)
def test_a_checkpoint_that_could_not_be_read_back_is_never_made(origin, size, root, reason):
    with pytest.raises(InvalidValue) as refused:
        Checkpoint(origin, size, root)
    assert refused.value.reason == reason
