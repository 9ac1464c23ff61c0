"""The signing key replaced under a working vault: what auditors hold, of before and after, judged by either pin."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from tests.bundles import Bundle, kinds, rebuilt
from tests.destroying import approved, fill, run
from tests.ended_cohorts import SYSTEM
from tests.flows.test_rewound import AUDITOR, exported
from tests.rewinding import OldCopy, accepted, work
from vault import bootstrap
from vault.crypto.signing import NoteSigner
from vault.errors import VaultSealed
from vault.services import certificates, keys_signing, log, log_proof
from vault.verify_log import judge_bundle, judge_certificate, judge_proof, main

SELECTION = {"actors": [AUDITOR]}


def rotated(world):
    """Replace the signing key a minute later; return the pins of both."""
    world.now += timedelta(minutes=1)
    before = keys_signing.look(world.parts)
    done = keys_signing.rotate(world.parts, SYSTEM, before.key, world.now)
    assert before.key == done.old
    return done.old, done.new


def old_signer(world):
    """Return the signer of the key in force: what a thief takes along."""
    with world.parts.database.read() as connection:
        return world.parts.keys.current(connection).signer(origin(world))


def origin(world):
    return keys_signing.look(world.parts).key.partition("+")[0]


def holds(judged):
    return (judged.status, judged.findings) == (0, ())


def test_bundles_of_before_and_after_hold_by_either_pin_and_the_later_extends_the_earlier(world, tmp_path):
    work(world, 2)
    before, kept = exported(world, tmp_path, "before")
    work(world, 2)
    old, new = rotated(world)
    work(world, 2)
    statements = world.parts.log_files.keys()
    for name, options in (("range", {}), ("selection", SELECTION)):
        after, later = exported(world, tmp_path, name, **options)
        for pin in (old, new):
            for since in (None, kept, later):
                judged = judge_bundle(after, pin, since)
                assert holds(judged), judged.findings
                assert ([one.ids for one in judged.keys], judged.ended) == ([_ids(old, new)], None)
        assert json.loads(Bundle.read(after.read_bytes()).files["manifest.json"])["key"] == new
    # What was made before knows nothing of the new key: who holds that one needs the statement.
    assert holds(judge_bundle(before, old))
    assert kinds(judge_bundle(before, new)) == {"wrong_key"}
    judged = judge_bundle(before, new, keys=statements)
    assert holds(judged)
    assert judged.ended.old == old
    assert holds(judge_bundle(before, old, keys=statements))
    # An old pin alone cannot see who signed the checkpoint that its holder kept: that is said, and nothing judged.
    assert main([str(before), "--key", old, "--since", str(_file(tmp_path, later))]) == 2


def _ids(old, new):
    return old.split("+")[1], new.split("+")[1]


def _file(folder, text):
    file = folder / "kept"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_command_takes_statements_as_the_vault_keeps_them_and_as_a_bundle_does(world, tmp_path, capsys):
    before, _ = exported(world, tmp_path, "before")
    _, new = rotated(world)
    after, _ = exported(world, tmp_path, "after")
    in_bundle = tmp_path / "keys.json"
    in_bundle.write_bytes(Bundle.read(after.read_bytes()).files["keys.json"])
    assert main([str(before), "--key", new]) == 1
    for statements in (world.parts.log_files.changed, in_bundle):
        capsys.readouterr()
        assert main([str(before), "--key", new, "--keys", str(statements)]) == 0
        told = capsys.readouterr().out
        assert "已声明的换钥 · signing key replaced" in told
        assert "只在换钥之前有效" in told
    for content in ("", "[]", "[1]", "[", "nothing"):
        assert main([str(before), "--key", new, "--keys", str(_file(tmp_path, content))]) == 2


def test_after_two_changes_each_of_the_three_pins_follows(world, tmp_path):
    pins = [*rotated(world)]
    work(world, 1)
    one, kept = exported(world, tmp_path, "one")
    pins.append(rotated(world)[1])
    work(world, 1)
    two, _ = exported(world, tmp_path, "two")
    for pin in pins:
        judged = judge_bundle(two, pin, kept)
        assert holds(judged), judged.findings
        assert len(judged.keys) == 2
    assert holds(judge_bundle(one, pins[0]))
    assert world.verify().holds
    assert len(world.events("keys.signing_rotated")) == 2


def test_proofs_of_before_and_after_hold_by_either_pin(world, tmp_path):
    early = log_proof.prove(world.parts, SYSTEM, 3, world.now)
    old, new = rotated(world)
    statements = world.parts.log_files.keys()
    late = log_proof.prove(world.parts, SYSTEM, 3, world.now)
    assert late.event == early.event
    for pin in (old, new):
        judged = judge_proof(late.event, late.proof.decode(), pin)
        assert holds(judged), judged.findings
        assert judged.signer == "+".join(new.split("+")[:2])
    assert holds(judge_proof(early.event, early.proof.decode(), old))
    assert kinds(judge_proof(early.event, early.proof.decode(), new)) == {"wrong_key"}
    judged = judge_proof(early.event, early.proof.decode(), new, statements)
    assert (judged.status, judged.ended.old) == (0, old)
    stranger = NoteSigner(bytes(32), origin(world)).verifier_key()
    assert "wrong_key" in kinds(judge_proof(late.event, late.proof.decode(), stranger))
    other = late.event.replace(b'"done"', b'"miss"')
    assert kinds(judge_proof(other, late.proof.decode(), old)) == {"changed"}


def test_certificates_of_before_and_after_hold_by_either_pin(world, tmp_path):
    fill(world, customers=1, shipments=0, services=0)
    plan_id = approved(world)
    run(world, plan_id)
    certificates.certify(world.parts, plan_id, SYSTEM, world.now)
    early = _unpacked(tmp_path / "early", certificates.take(world.parts, SYSTEM, plan_id, world.now).files)
    old, new = rotated(world)
    late = _unpacked(tmp_path / "late", certificates.take(world.parts, SYSTEM, plan_id, world.now).files)
    for pin in (old, new):
        judged = judge_certificate(late, pin)
        assert holds(judged), judged.findings
    assert holds(judge_certificate(early, old))
    assert kinds(judge_certificate(early, new)) == {"wrong_key"}
    assert holds(judge_certificate(early, new, world.parts.log_files.keys()))


def _unpacked(folder, files):
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


# -- attacks -----------------------------------------------------------------------------------------------------------


def test_whoever_stole_the_old_key_signs_nothing_that_is_believed(world, tmp_path):
    thief = old_signer(world)
    old, new = rotated(world)
    work(world, 3)
    path, kept = exported(world, tmp_path, "true")
    true = Bundle.read(path.read_bytes())
    events = [one.edited(with_hash=True).event for one in true.lines[:-1]] + [true.lines[-1].event]

    # A whole history of their own, with the statement in it, or without.
    forged = rebuilt(true, thief, origin(world), events).written(tmp_path / "forged.zip")
    for pin in (old, new):
        judged = judge_bundle(forged, pin)
        assert judged.status == 1
        assert "retired_key" in kinds(judged)
    bare = Bundle.read(forged.read_bytes())
    del bare.files["keys.json"]
    bare = bare.sealed(thief, origin(world)).written(tmp_path / "bare.zip")
    assert kinds(judge_bundle(bare, new)) == {"wrong_key"}
    # By the old pin alone nothing distinguishes it; a checkpoint or statement kept from after the change does.
    assert kinds(judge_bundle(bare, old, keys=world.parts.log_files.keys())) == {"retired_key"}
    assert main([str(bare), "--key", old, "--since", str(_file(tmp_path, kept))]) == 2

    # A checkpoint of theirs in the hands of an auditor.
    late = rebuilt(true, thief, origin(world), events).files["checkpoint"].decode()
    judged = judge_bundle(path, new, late)
    assert (judged.status, kinds(judged)) == (1, {"retired_key"})


def test_a_successor_that_the_thief_announces_is_a_fork(world, tmp_path):
    thief = old_signer(world)
    old, new = rotated(world)
    path, _ = exported(world, tmp_path, "true")
    bundle = Bundle.read(path.read_bytes())
    (note,) = bundle.json("keys.json")
    evil = NoteSigner(bytes([7] * 32), origin(world))
    text = note.rpartition("\n\n")[0].replace(_public(new), _public(evil.verifier_key())) + "\n"
    foreign = evil.cosign(thief.sign(text))
    key = _current(world)
    for statements, expected in (
        ([note, foreign], "forked"),
        ([foreign], "wrong_key"),
        ([note.replace("key-change 2026", "key-change 2025")], "bad_checkpoint"),
        ([evil.cosign(NoteSigner(bytes(32), origin(world)).sign(text))], "wrong_key"),
        ([], "wrong_key"),
    ):
        forged = bundle.copy()
        forged.put("keys.json", statements)
        forged = forged.sealed(key, origin(world)).written(tmp_path / "forged.zip")
        judged = judge_bundle(forged, old)
        assert judged.status == 1
        assert expected in kinds(judged)
    # The vault itself: a row that somebody with the database and the old key wrote.
    query = "INSERT INTO log_keys VALUES (:old, :new, 1, :note, :at)"
    world.tamper(query, old=old, new=evil.verifier_key(), note=foreign, at=1)
    assert "forked" in {one.kind for one in world.verify().report.findings}
    assert world.settle() > 0  # the true key goes on


def _public(pin):
    return pin.split("+", 2)[2]


def _current(world):
    with world.parts.database.read() as connection:
        return world.parts.keys.current(connection).signer(origin(world))


def test_a_stolen_key_that_announces_another_seals_the_vault_until_the_row_is_gone(world):
    thief = old_signer(world)
    work(world, 1)
    note = world.parts.log_files.checkpoint.read_text("utf-8")
    evil = NoteSigner(bytes([7] * 32), origin(world))
    line = f"key-change 2026-11-20T03:00:00.000000Z {_public(thief.verifier_key())} {_public(evil.verifier_key())}\n"
    foreign = evil.cosign(thief.sign(note.rpartition("\n\n")[0] + "\n" + line))
    query = "INSERT INTO log_keys VALUES (:old, :new, 1, :note, :at)"
    values = {"old": thief.verifier_key(), "new": evil.verifier_key(), "at": 1}
    world.tamper(query, **values, note=foreign.replace("2026", "2025"))
    assert world.settle() > 0  # nobody signed that
    assert {one.kind for one in world.verify().report.findings} == {"bad_checkpoint"}
    world.tamper("DELETE FROM log_keys")
    world.tamper(query, **values, note=foreign)
    with pytest.raises(VaultSealed) as sealed:
        world.settle()
    assert sealed.value.reason == "signing_key_replaced"
    world.tamper("DELETE FROM log_keys")
    assert world.settle() > 0


# -- older databases, older keys, other places -------------------------------------------------------------------------


def test_gap_statements_of_before_and_after_are_told_and_the_change_in_between_is_followed(world, tmp_path):
    work(world, 2)
    copy = OldCopy(world, tmp_path)
    work(world, 3)
    copy.put_back()
    accepted(world)
    world.restart()
    work(world, 2)
    old, new = rotated(world)
    work(world, 2)
    (tmp_path / "second").mkdir()
    copy = OldCopy(world, tmp_path / "second")
    work(world, 3)
    copy.put_back()
    accepted(world)
    world.restart()
    work(world, 1)
    path, _ = exported(world, tmp_path, "after")
    for pin in (old, new):
        judged = judge_bundle(path, pin)
        assert holds(judged), judged.findings
        assert (len(judged.gaps), len(judged.keys)) == (2, 1)
    assert world.verify().holds


def test_a_database_older_than_the_change_does_not_bring_the_old_key_back(world, tmp_path):
    work(world, 2)
    copy = OldCopy(world, tmp_path)
    work(world, 2)
    _, kept = exported(world, tmp_path, "before")
    old, new = rotated(world)
    work(world, 2)
    copy.put_back()
    accepted(world)
    world.restart()
    assert world.count("log_keys") == 0
    assert keys_signing.look(world.parts).key == new
    work(world, 3)
    assert world.verify().holds
    path, _ = exported(world, tmp_path, "after")
    for pin in (old, new):
        judged = judge_bundle(path, pin)
        assert holds(judged), judged.findings
        assert [one.ids for one in judged.keys] == [_ids(old, new)]
        assert kinds(judge_bundle(path, pin, kept)) == {"gap"}


def test_an_older_key_store_put_back_is_refused_even_with_its_database(world, tmp_path):
    work(world, 1)
    copy = OldCopy(world, tmp_path)
    files = [folder / name for folder in world.config.key_copies for name in ("store/keystore", "epoch/epoch")]
    older = {file: file.read_bytes() for file in files}
    rotated(world)
    world.close()
    newer = {file: file.read_bytes() for file in files}
    for file, content in older.items():
        file.write_bytes(content)
    with pytest.raises(Exception) as refused, bootstrap.open_vault(world.config):  # the database has seen a newer one
        pass
    assert refused.value.reason == "key_store_older"
    copy.take_over()
    with bootstrap.open_vault(world.config, to_inspect=True) as parts:
        with pytest.raises(VaultSealed) as sealed:
            log.refuse_rewound(parts)
        assert sealed.value.reason == "database_rewound"
        with pytest.raises(VaultSealed) as sealed:
            keys_signing.look(parts)
        assert sealed.value.reason == "signing_key_replaced"
    for file, content in newer.items():
        file.write_bytes(content)
    accepted(world)
    world.restart()
    assert world.settle() > 0


def test_a_bundle_of_the_old_key_that_knows_of_its_end_or_was_made_after_it_does_not_hold(world, tmp_path):
    """Of no more entries than the old key signed: only its own words tell."""
    work(world, 1)
    thief = old_signer(world)
    before, _ = exported(world, tmp_path, "before")
    true = Bundle.read(before.read_bytes())
    _, new = rotated(world)
    statements = world.parts.log_files.keys()
    events = [one.edited(with_hash=True).event for one in true.lines]
    forged = rebuilt(true, thief, origin(world), events)
    for pin in (thief.verifier_key(), new):
        judged = judge_bundle(forged.written(tmp_path / "plain.zip"), pin, keys=statements)
        assert (judged.status, judged.ended.new) == (0, new)  # nobody can know: the report says whose word it is

        knowing = forged.copy()
        knowing.put("keys.json", statements)
        knowing = knowing.sealed(thief, origin(world)).written(tmp_path / "knowing.zip")
        assert kinds(judge_bundle(knowing, pin)) == {"retired_key"}

        late = forged.copy()
        late.put("manifest.json", late.json("manifest.json") | {"created_at": "2039-01-01T00:00:00.000000Z"})
        late = late.sealed(thief, origin(world)).written(tmp_path / "late.zip")
        assert kinds(judge_bundle(late, pin, keys=statements)) == {"retired_key"}
