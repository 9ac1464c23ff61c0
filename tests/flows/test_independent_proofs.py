"""What the vault signs and proves, judged by an implementation that shares no line with ours.

metamorphic-log is a verifier of C2SP checkpoints and RFC 6962 proofs, written in Rust by other people.
"""

import base64
import json

import metamorphic_log as theirs
import pytest

from tests.bundles import Bundle
from tests.simulator import NOW
from tests.worlds import copied, gone
from vault.crypto.signing import NoteSigner
from vault.domain.log import Action, Outcome
from vault.domain.log_checkpoints import Checkpoint
from vault.domain.log_exports import log_question
from vault.domain.log_gaps import GapReason, GapStatement
from vault.domain.log_tree import consistency_proof, inclusion_proof
from vault.services import log_export
from vault.storage.log_tiles import TileReader
from vault.storage.unit_of_work import unit_of_work


class Log:
    """A real log of some 600 entries, signed at every tenth, and its proofs out of stored tiles."""

    def __init__(self, world):
        self.world, self.notes = world, {}
        actor = world.person("KF2001").actor()
        for _ in range(58):
            with unit_of_work(world.parts.database) as work:
                events = [world.parts.event(NOW, actor, Action.LOG_VIEW, Outcome.GRANTED) for _ in range(10)]
                work.announce(*events)
                work.commit()
            size = world.settle()
            self.notes[size] = world.parts.log_files.checkpoint.read_text()
        self.size = max(self.notes)
        self.keys = [world.parts.log_files.pin.read_text().strip()]
        rows = world.rows("SELECT leaf_hash FROM log_events ORDER BY leaf_index")
        self.leaves = [bytes(one) for (one,) in rows]
        self.node = TileReader(world.parts.database).node

    def includes(self, size, index, leaf, path):
        return accepted(theirs.checkpoint_verify_inclusion, self.notes[size], self.keys, index, leaf, path)

    def extends(self, old, new, path):
        return accepted(theirs.checkpoint_verify_consistency, self.notes[old], self.notes[new], self.keys, path)


def accepted(verify, *given):
    try:
        verify(*given)
    except theirs.VerifyError:
        return False
    return True


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def log(request, templates, tmp_path_factory):
    world = copied(templates(request.param), tmp_path_factory.mktemp("log") / "vault")
    assert world.settle() < 250
    yield Log(world)
    gone(world)


def test_every_checkpoint_is_accepted_with_its_size_and_origin(log):
    for size, note in log.notes.items():
        head = theirs.checkpoint_verify(note, log.keys)
        assert (head.origin, head.size) == (log.keys[0].partition("+")[0], size)
        assert [line.split(" ")[0] for line in head.extensions] == ["ledger"]


def test_inclusion_proofs_out_of_tiles_are_accepted(log):
    for size in (min(log.notes), log.size):
        for index in [*range(0, size, 7), size - 1]:
            assert log.includes(size, index, log.leaves[index], inclusion_proof(index, size, log.node))


def test_consistency_proofs_out_of_tiles_are_accepted(log):
    for old in log.notes:
        for new in log.notes:
            if old < new:
                assert log.extends(old, new, consistency_proof(old, new, log.node))


def flipped(one):
    return bytes([one[0] ^ 1]) + one[1:]


def test_tampered_inclusion_proofs_are_refused(log):
    index, size = 300, log.size
    path = inclusion_proof(index, size, log.node)
    leaf = log.leaves[index]
    wrong = [
        (index, flipped(leaf), path),
        (index + 1, leaf, path),
        (index, leaf, path[:-1]),
        (index, leaf, [*path, path[0]]),
        (index, leaf, path[::-1]),
        *((index, leaf, [*path[:at], flipped(path[at]), *path[at + 1 :]]) for at in range(len(path))),
    ]
    for given in wrong:
        assert not log.includes(size, *given)


def test_tampered_consistency_proofs_are_refused(log):
    old, new = min(log.notes), log.size
    path = consistency_proof(old, new, log.node)
    for wrong in ([], path[:-1], path[::-1], *([*path[:at], flipped(path[at]), *path[at + 1 :]] for at in range(3))):
        assert not log.extends(old, new, wrong)
    assert not log.extends(new, old, path)


def test_a_checkpoint_edited_or_of_another_key_is_refused(log):
    note = log.notes[log.size]
    for wrong in (
        note.replace(f"\n{log.size}\n", f"\n{log.size - 1}\n"),
        note.replace("datavault.local", "other.local"),
    ):
        with pytest.raises(theirs.VerifyError):
            theirs.checkpoint_verify(wrong, log.keys)
    stranger = NoteSigner(bytes(32), log.keys[0].partition("+")[0])
    with pytest.raises(theirs.VerifyError):
        theirs.checkpoint_verify(note, [stranger.verifier_key()])


def test_a_signed_manifest_is_never_taken_for_a_checkpoint(log):
    bundle = exported(log)
    signed = theirs.verify_signed_note(bundle.files["manifest.note"].decode(), log.keys)
    assert signed
    with pytest.raises(theirs.VerifyError):
        theirs.checkpoint_verify(bundle.files["manifest.note"].decode(), log.keys)


def test_a_gap_statement_is_a_signed_note_and_never_taken_for_a_checkpoint(log):
    with log.world.parts.database.read() as connection:
        signer = log.world.parts.keys.current(connection).signer(log.keys[0].partition("+")[0])
    kept, lost = (Checkpoint.parse(log.notes[size].partition("\n\n")[0] + "\n") for size in sorted(log.notes)[:2])
    note = signer.sign(GapStatement(kept, lost, NOW, GapReason.LOST_DISK).body())
    assert theirs.verify_signed_note(note, log.keys)
    with pytest.raises(theirs.VerifyError):
        theirs.checkpoint_verify(note, log.keys)
    with pytest.raises(theirs.VerifyError):
        theirs.checkpoint_parse(note.partition("\n\n")[0] + "\n")
    with pytest.raises(theirs.VerifyError):
        theirs.verify_signed_note(note.replace("lost_disk", "other_history"), log.keys)


def exported(log, **options):
    zone = log.world.parts.policy.zone
    question = log_question("2020-01-01", "2040-01-01", zone, table=False, **options)
    bundle = log_export.export(log.world.parts, log.world.person("KF2014"), question, lambda _, word: word, NOW)
    return Bundle.read(b"".join(bundle.pieces))


def test_what_lies_in_a_bundle_is_accepted_as_it_is(log):
    first, second = exported(log), exported(log, actors=["KF2014"])
    note = second.files["checkpoint"].decode()
    for line, proof in zip(second.lines, second.files["proofs.jsonl"].splitlines(), strict=True):
        path = [base64.b64decode(one) for one in json.loads(proof)["path"]]
        of_it = (note, log.keys, line.leaf, bytes.fromhex(line.hash), path)
        assert accepted(theirs.checkpoint_verify_inclusion, *of_it)
    told = second.json("consistency.json")[0]
    path = [base64.b64decode(one) for one in told["proof"]]
    assert accepted(theirs.checkpoint_verify_consistency, first.files["checkpoint"].decode(), note, log.keys, path)
