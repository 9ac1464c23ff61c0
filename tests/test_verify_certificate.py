"""What the single-file verifier says of a certificate of destruction: a real one, and each way to tamper with it."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.destroying import approved, fill, run
from tests.ended_cohorts import SYSTEM
from tests.worlds import copied, gone, templates
from vault.crypto.signing import NoteSigner
from vault.domain.log_proofs import LogProof
from vault.services import certificates, log_proof
from vault.verify_log import main

__all__ = ["templates"]

STRANGER = NoteSigner(bytes(32), "vault.example/log").verifier_key()


@pytest.fixture(scope="module")
def issued(templates, tmp_path_factory):
    """Two certificates of two plans, as files, the pinned key, and the pair of another event."""
    world = copied(templates("sqlite"), tmp_path_factory.mktemp("certificates") / "vault")
    taken = []
    for _ in range(2):
        fill(world, customers=1, shipments=0, services=1)
        plan_id = approved(world)
        run(world, plan_id)
        certificates.certify(world.parts, plan_id, SYSTEM, world.now)
        taken.append(certificates.take(world.parts, SYSTEM, plan_id, world.now).files)
    other = log_proof.prove(world.parts, SYSTEM, 0, world.now)
    pin = world.parts.log_files.pin.read_text(encoding="ascii").strip()
    gone(world)
    return taken, pin, other


@pytest.fixture
def judged(issued, tmp_path, capsys):
    """Judge changed files by the command, as a folder and as a ZIP; return its exit code and lines."""
    (files, _), pin, _ = issued

    def judge(key=pin, **changes):
        whole = {
            name: changes.get(name.replace(".", "_").replace("-", "_"), content) for name, content in files.items()
        }
        folder, file = tmp_path / "certificate", tmp_path / "certificate.zip"
        folder.mkdir(exist_ok=True)
        with zipfile.ZipFile(file, "w") as packed:
            for name, content in whole.items():
                (folder / name).write_bytes(content)
                packed.writestr(name, content)
        more = [] if key is None else ["--key", key]
        code = main([str(folder), *more])
        lines = capsys.readouterr().out.splitlines()
        assert main([str(file), *more]) == code
        assert capsys.readouterr().out.splitlines() == lines
        return code, lines

    return judge


def flipped(content, place):
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def refused(told):
    code, lines = told
    assert (code, lines[-1]) == (1, "不成立 · DOES NOT HOLD")
    assert lines[-2].startswith("[")
    return lines[-2]


def test_a_real_one_holds_and_its_main_lines_are_told_in_both_languages(judged):
    code, lines = judged()
    assert code == 0
    assert lines[-1].startswith("成立 · HOLDS: the statement is named by entry ")
    text = "\n".join(lines)
    for words in (
        "销毁证明 · certificate of destruction ",
        "已销毁 · destroyed: customer 1, id_copy 0, service_record 1, shipment 0",
        "提出 · proposed by KF2012 (imd): 2026-11-20T03:00:00.000000Z",
        "批准 · approved by KF2013 (imd): ",
        "执行 · carried out by KF2013 (imd): ",
        "raw_reread passed",
        "backups ≤ 2026-12-25",
        "最终销毁不早于 · final not before 2026-12-01",
        "不能证明 · not proven: unregistered_key_stores",
    ):
        assert words in text


def test_any_byte_of_the_statement_counts(judged, issued):
    statement = issued[0][0]["certificate.json"]
    for place in (0, len(statement) // 3, len(statement) // 2, len(statement) - 1):
        assert "names another statement" in refused(judged(certificate_json=flipped(statement, place)))
    assert "names another statement" in refused(judged(certificate_json=statement + b"\n"))
    more = statement.replace(b'"destroyed":1', b'"destroyed":9')
    assert more != statement
    assert "names another statement" in refused(judged(certificate_json=more))


def test_any_byte_of_the_event_counts(judged, issued):
    event = issued[0][0]["event.json"]
    for place in (0, len(event) // 2, len(event) - 1):
        assert "event.json is not entry" in refused(judged(event_json=flipped(event, place)))


def test_any_byte_of_the_proof_counts(judged, issued):
    text = issued[0][0]["certificate.tlog-proof"].decode()
    right = LogProof.parse(text)
    for wrong in (
        LogProof(right.index + 1, right.path, right.checkpoint, right.extra),
        LogProof(right.index, (flipped(right.path[0], 3), *right.path[1:]), right.checkpoint, right.extra),
        LogProof(right.index, right.path, right.checkpoint, flipped(right.extra, 9)),
        LogProof(right.index, right.path, right.checkpoint),
    ):
        assert "is not the one at this place of the log" in refused(
            judged(certificate_tlog_proof=wrong.text().encode())
        )
    size = right.checkpoint.split("\n")[1]
    other = right.checkpoint.replace(f"\n{size}\n", f"\n{int(size) + 1}\n")
    wrong = LogProof(right.index, right.path, other, right.extra).text()
    assert "[bad_checkpoint]" in refused(judged(certificate_tlog_proof=wrong.encode()))


def test_another_key_is_named(judged):
    code, lines = judged(key=STRANGER)
    assert (code, lines[-1]) == (1, "不成立 · DOES NOT HOLD")
    assert "checkpoint" in lines[-2]


def test_the_statement_of_another_certificate_is_not_this_one(judged, issued):
    other = issued[0][1]
    assert "names another statement" in refused(judged(certificate_json=other["certificate.json"]))
    assert "names another statement" in refused(judged(certificate_tlog_proof=other["certificate.tlog-proof"]))
    assert "event.json is not entry" in refused(judged(event_json=other["event.json"]))


def test_the_proof_of_another_event_certifies_nothing(judged, issued):
    other = issued[2]
    found = LogProof.parse(other.proof.decode())
    proof = LogProof(found.index, found.path, found.checkpoint, other.event).text().encode()
    assert "names another statement" in refused(judged(certificate_tlog_proof=proof, event_json=other.event))


def test_without_a_key_nothing_is_judged(judged):
    code, lines = judged(key=None)
    assert (code, lines[-1]) == (2, "无法判断 · CANNOT JUDGE")


@pytest.mark.parametrize("name", ["certificate_tlog_proof", "certificate_json"])
def test_what_cannot_be_read_is_not_judged_to_hold(judged, name):
    for content in (b"", b"\xff\xfe", b"[" * 100_000):
        code, lines = judged(**{name: content})
        assert code in (1, 2)
        assert lines[-1] in ("不成立 · DOES NOT HOLD", "无法判断 · CANNOT JUDGE")


def test_the_pair_alone_is_enough(issued, tmp_path, capsys):
    (files, _), pin, _ = issued
    for name in ("certificate.json", "certificate.tlog-proof"):
        (tmp_path / name).write_bytes(files[name])
    command = [str(tmp_path / "certificate.json"), "--proof", str(tmp_path / "certificate.tlog-proof"), "--key", pin]
    assert main(command) == 0
    assert "销毁证明" in capsys.readouterr().out


def test_a_stranger_checks_the_folder_with_the_file_that_lies_in_it(issued, tmp_path):
    (files, _), pin, _ = issued
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    command = [sys.executable, "-I", "verify_log.py", ".", "--key", pin]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, encoding="utf-8")
    assert (done.returncode, done.stderr) == (0, "")
    assert "HOLDS: the statement is named by entry" in done.stdout.splitlines()[-1]


def test_an_event_that_names_the_statement_but_certifies_nothing_is_not_enough(issued, tmp_path, capsys):
    from vault.domain.log_checkpoints import Checkpoint  # noqa: PLC0415 - only this test forges a log
    from vault.domain.log_tree import leaf_hash  # noqa: PLC0415

    (files, _), _, _ = issued
    signer = NoteSigner(bytes(range(32)), "vault.example/log")
    right = json.loads(files["event.json"])
    wrongs = [{"action": "log.export"}, {"outcome": "failed"}]
    wrongs += [{"facts": right["facts"] | {name: "0" * 32}} for name in ("certificate", "kind", "plan")]
    for wrong in ({}, *wrongs):
        event = json.dumps(right | wrong, separators=(",", ":")).encode()
        note = signer.sign(Checkpoint("vault.example/log", 1, leaf_hash(event)).body())
        (tmp_path / "c.json").write_bytes(files["certificate.json"])
        (tmp_path / "c.tlog-proof").write_text(LogProof(0, (), note, event).text(), encoding="utf-8")
        command = [str(tmp_path / "c.json"), "--proof", str(tmp_path / "c.tlog-proof"), "--key", signer.verifier_key()]
        code = main(command)
        told = capsys.readouterr().out
        assert code == (1 if wrong else 0), wrong
        assert ("certifies no destruction" in told) == bool(wrong)
    assert Path(tmp_path / "c.json").exists()
