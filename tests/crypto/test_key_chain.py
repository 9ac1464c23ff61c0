"""The chain of signing keys as the vault itself follows it, and notes that several keys sign."""

import pytest

from tests.factories import NOW
from vault.crypto.key_chain import KeyChain, read_statement
from vault.crypto.signing import NoteSigner, NoteVerifier, key_id, verifier_key
from vault.domain.log_checkpoints import Checkpoint
from vault.domain.log_keys import KeyChange
from vault.errors import IntegrityError, InvalidValue

NAME = "vault.example/log"
FIRST, SECOND, THIRD, STRANGER = (NoteSigner(bytes([number] * 32), NAME) for number in (1, 2, 3, 9))


def note(size, *signers, change=None):
    first, *others = signers
    signed = first.sign(Checkpoint(NAME, size, bytes(32), None, change).body())
    for one in others:
        signed = one.cosign(signed)
    return signed


def statement(old, new, size, signers=None):
    return note(size, *(signers or (old, new)), change=KeyChange(NOW, old.public_key(), new.public_key()))


CHAIN = [statement(FIRST, SECOND, 10), statement(SECOND, THIRD, 20)]


def refusal(call, *given):
    with pytest.raises(IntegrityError) as refused:
        call(*given)
    return refused.value.reason


def test_a_note_may_carry_a_second_signature_and_holds_by_either():
    both = SECOND.cosign(FIRST.sign("text\n"))
    for one in (FIRST, SECOND):
        assert NoteVerifier.parse(one.verifier_key()).verify(both) == "text\n"
    assert refusal(NoteVerifier.parse(STRANGER.verifier_key()).verify, both) == "note_not_signed_by_key"
    assert both.count("\n— ") == 2
    assert refusal(SECOND.cosign, "no note") == "note_malformed"


def test_a_public_key_makes_the_same_verifier_key_as_its_signer():
    assert verifier_key(NAME, FIRST.public_key()) == FIRST.verifier_key()
    assert key_id(FIRST.verifier_key()) in repr(FIRST)


def test_a_statement_is_read_only_with_both_signatures():
    read = read_statement(CHAIN[0])
    assert (read.old, read.new, read.state.size, read.at) == (FIRST.verifier_key(), SECOND.verifier_key(), 10, NOW)
    for signers in ((FIRST,), (SECOND,), (FIRST, STRANGER), (STRANGER, SECOND)):
        assert read_statement(statement(FIRST, SECOND, 10, signers)) is None
    for other in ("", "no note", note(10, FIRST, SECOND), CHAIN[0].replace("\n10\n", "\n11\n")):
        assert read_statement(other) is None


@pytest.mark.parametrize("pin", [FIRST, SECOND, THIRD])
@pytest.mark.parametrize("turn", [1, -1])
def test_every_key_of_the_chain_is_reached_from_every_other(pin, turn):
    chain = KeyChain(pin.verifier_key(), CHAIN[::turn])
    assert chain.keys == {one.verifier_key() for one in (FIRST, SECOND, THIRD)}
    assert {one.state.size for one in chain.statements} == {10, 20}
    for one in (FIRST, SECOND, THIRD):
        assert chain.verify(one.sign("text\n")) == "text\n"
    assert refusal(chain.verify, STRANGER.sign("text\n")) == "note_not_signed_by_key"


def test_what_leads_elsewhere_is_passed_over():
    chain = KeyChain(FIRST.verifier_key(), [CHAIN[1], statement(STRANGER, THIRD, 5), "no note"])
    assert (chain.keys, chain.statements) == ({FIRST.verifier_key()}, [])


def test_a_key_counts_up_to_the_size_at_which_it_was_replaced():
    chain = KeyChain(THIRD.verifier_key(), CHAIN)
    for signer, last in ((FIRST, 10), (SECOND, 20)):
        assert chain.checkpoint(note(last, signer)).size == last
        assert refusal(chain.checkpoint, note(last + 1, signer)) == "note_not_signed_by_key"
    assert chain.checkpoint(note(10**9, THIRD)).size == 10**9
    assert chain.checkpoint(note(15, FIRST, SECOND)).size == 15


def test_of_two_successors_neither_makes_the_old_key_count_any_longer():
    chain = KeyChain(FIRST.verifier_key(), [statement(FIRST, SECOND, 10), statement(FIRST, STRANGER, 4)])
    assert refusal(chain.checkpoint, note(5, FIRST)) == "note_not_signed_by_key"


def test_a_wrong_signature_of_a_known_key_is_not_passed_over():
    chain = KeyChain(FIRST.verifier_key(), CHAIN)
    wrong = note(5, SECOND) + note(6, FIRST).rpartition("\n\n")[2]
    assert refusal(chain.checkpoint, wrong) == "note_signature_wrong"


def test_what_is_no_checkpoint_or_no_pin_is_refused():
    with pytest.raises(InvalidValue):
        KeyChain(FIRST.verifier_key()).checkpoint(FIRST.sign("text\n"))
    assert refusal(KeyChain, "nobody") == "verifier_key_malformed"
