import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.crypto.signing import LONGEST_NOTE, NoteSigner, NoteVerifier
from vault.errors import IntegrityError, InvalidValue, KeyStoreError

VECTOR = json.loads((Path(__file__).parents[1] / "vectors" / "signed_note.json").read_text())
KEY = base64.b64decode(VECTOR["private_key_base64"])
TEXT, OURS, OTHERS = VECTOR["text"], VECTOR["signature"], VECTOR["other_signature"]
NOTE = f"{TEXT}\n{OURS}"


@pytest.fixture
def signer():
    return NoteSigner(KEY, VECTOR["name"])


@pytest.fixture
def verifier():
    return NoteVerifier.parse(VECTOR["verifier_key"])


def why(verify, *arguments):
    with pytest.raises(IntegrityError) as refused:
        verify(*arguments)
    return refused.value.reason


def test_the_published_key_gives_the_published_verifier_key_and_note(signer):
    assert signer.verifier_key() == VECTOR["verifier_key"]
    assert signer.sign(TEXT) == NOTE


@pytest.mark.parametrize("signatures", [OURS, OURS + OTHERS, OTHERS + OURS, OURS + OURS])
def test_published_notes_verify_and_unknown_signatures_are_ignored(verifier, signatures):
    assert verifier.verify(f"{TEXT}\n{signatures}") == TEXT


def test_the_other_published_key_verifies_its_own_signature():
    assert NoteVerifier.parse(VECTOR["other_verifier_key"]).verify(f"{TEXT}\n{OURS}{OTHERS}") == TEXT


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"])), st.integers(0, 3))
def test_what_is_signed_verifies(line, empty_lines):
    signer = NoteSigner(bytes(32), "vault.example/log")
    text = line + "\n" * (1 + empty_lines) + "end\n" + "\n" * empty_lines
    assert NoteVerifier.parse(signer.verifier_key()).verify(signer.sign(text)) == text


def test_every_changed_byte_of_a_note_is_refused(verifier):
    raw = NOTE.encode()
    for position in range(len(raw)):
        changed = raw[:position] + bytes([raw[position] ^ 1]) + raw[position + 1 :]
        with pytest.raises(IntegrityError):
            verifier.verify(changed.decode(errors="surrogateescape"))


def test_one_wrong_signature_of_our_key_refuses_the_note_beside_a_right_one(verifier):
    ours = base64.b64decode(OURS.split(" ")[2])
    wrong = f"— PeterNeumann {base64.b64encode(ours[:-1] + b'!').decode()}\n"
    assert why(verifier.verify, f"{NOTE}{wrong}") == "note_signature_wrong"
    assert why(verifier.verify, f"{TEXT}\n{wrong}{OURS}") == "note_signature_wrong"


def test_a_signature_of_another_length_under_our_name_and_id_is_wrong(verifier):
    short = base64.b64encode(base64.b64decode(OURS.split(" ")[2])[:20]).decode()
    assert why(verifier.verify, f"{TEXT}\n— PeterNeumann {short}\n") == "note_signature_wrong"


def test_sharing_only_the_name_or_only_the_id_of_our_key_is_being_unknown(verifier):
    renamed = OURS.replace("PeterNeumann", "CarmenSandiego")
    other_id = OURS.replace("x08g", "xxxx")
    assert verifier.verify(f"{TEXT}\n{renamed}{other_id}{OURS}") == TEXT
    assert why(verifier.verify, f"{TEXT}\n{renamed}{other_id}") == "note_not_signed_by_key"


def test_sixteen_large_foreign_signatures_are_accepted_and_length_is_bounded(verifier):
    large = f"— witness.example/w {base64.b64encode(bytes(5000)).decode()}\n"
    assert verifier.verify(f"{TEXT}\n{large * 16}{OURS}") == TEXT
    many = large * (LONGEST_NOTE // len(large) + 1)
    assert why(verifier.verify, f"{TEXT}\n{many}{OURS}") == "note_too_long"


@pytest.mark.parametrize(
    "note",
    [
        "",
        TEXT,
        f"{TEXT}\n",
        f"{TEXT}\n{OURS[:-1]}",
        f"{TEXT}\n{OURS[:-1]}x",
        f"{TEXT}{OURS}",
        f"\x01{TEXT}\n{OURS}",
        f"\udcff{TEXT}\n{OURS}",
        f"{TEXT}\r\n{OURS}",
        f"{TEXT}\n{OURS.replace('PeterNeumann', 'Bad Name')}",
        f"{TEXT}\n{OURS.replace('PeterNeumann', 'Bad+Name')}",
        f"{TEXT}\n{OURS.replace('—', '-')}",
        f"{TEXT}\n{OURS.replace('AM=', 'AM')}",
        f"{TEXT}\n{OURS.replace('AM=', 'AN=')}",
        f"{TEXT}\n{OURS}Unexpected line.\n",
        f"{TEXT}\n{OURS}— PeterNeumann x08gow==\n",
    ],
)
def test_a_note_that_is_not_well_formed_is_refused_as_such(verifier, note):
    assert why(verifier.verify, note) == "note_malformed"


def test_no_piece_and_no_mangling_of_a_verifier_key_is_a_verifier_key():
    vkey = VECTOR["verifier_key"]
    pieces = {vkey[i:j] for i in range(len(vkey)) for j in range(i, len(vkey) + 1)} - {vkey}
    mangled = {vkey[:i] + chr(ord(vkey[i]) + 1) + vkey[i + 1 :] for i in range(len(vkey))}
    for bad in pieces | mangled:
        with pytest.raises(IntegrityError):
            NoteVerifier.parse(bad)


@pytest.mark.parametrize(
    ("vkey", "reason"),
    [
        (VECTOR["wrong_length_verifier_key"], "verifier_key_malformed"),
        (VECTOR["unknown_algorithm_verifier_key"], "verifier_key_algorithm"),
        (VECTOR["verifier_key"].replace("c74f20a3", "c74f20a4"), "verifier_key_id"),
        (VECTOR["verifier_key"].replace("c74f20a3", "C74F20A3"), "verifier_key_id"),
        (VECTOR["verifier_key"].replace("Neumann", "Newman"), "verifier_key_id"),
        (VECTOR["verifier_key"][:-4], "verifier_key_algorithm"),
        ("nothing", "verifier_key_malformed"),
        ("half\ud800pair+00000000+AAAA", "verifier_key_malformed"),
        ("", "verifier_key_malformed"),
    ],
)
def test_a_bad_verifier_key_is_refused_with_its_reason(vkey, reason):
    assert why(NoteVerifier.parse, vkey) == reason


@pytest.mark.parametrize("text", ["", "no newline", "tab\there\n", "nul\0\n", "carriage\r\n", "half a pair \ud800\n"])
def test_a_text_that_no_verifier_would_read_is_not_signed(signer, text):
    with pytest.raises(InvalidValue) as refused:
        signer.sign(text)
    assert refused.value.reason == "note_text"


@pytest.mark.parametrize("name", ["", "two words", "a+b", "a\u3000b", "line\nbreak", "half\ud800pair"])
def test_a_key_name_that_no_signature_line_can_carry_is_refused(name):
    with pytest.raises(InvalidValue) as refused:
        NoteSigner(KEY, name)
    assert refused.value.reason == "key_name"


def test_a_key_of_another_length_is_refused():
    with pytest.raises(KeyStoreError) as refused:
        NoteSigner(KEY[:-1], "log")
    assert refused.value.reason == "signing_key_length"


def test_fresh_keys_differ_and_sign():
    first, second = NoteSigner.fresh(), NoteSigner.fresh()
    assert first != second
    assert NoteSigner(first, "log").verifier_key() != NoteSigner(second, "log").verifier_key()


def test_a_signer_shows_no_key_bytes(signer):
    shown = repr(signer) + str(signer)
    assert shown.count("NoteSigner(PeterNeumann+c74f20a3)") == 2
    assert KEY.hex() not in shown
    assert VECTOR["private_key_base64"] not in shown
