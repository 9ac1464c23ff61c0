"""What somebody can do to an export of the log, and that the single-file verifier names each of it and its place.

Three adversaries: who holds a bundle, who holds the signing key too, and who holds the whole vault.
"""

from __future__ import annotations

import base64
import json
import struct
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from tests.bundles import Bundle, checkpoint, found, kinds, rebuilt, tree_of
from tests.simulator import NOW
from tests.worlds import copied, gone
from vault import verify_log
from vault.crypto.signing import NoteSigner
from vault.domain.log_checkpoints import Checkpoint
from vault.domain.log_exports import log_question
from vault.domain.log_gaps import GapReason, GapStatement
from vault.domain.log_tree import leaf_hash
from vault.services import log_export
from vault.verify_log import CannotJudge, judge_bundle

AGENT, AUDITOR = "KF2001", "KF2014"


@dataclass
class Office:
    """What an auditor has at home, and what the cheats have."""

    pin: str
    origin: str
    signer: NoteSigner
    events: list[bytes]
    first: Bundle
    second: Bundle
    chosen: Bundle

    @property
    def kept(self) -> str:
        """The checkpoint of the first export."""
        return self.first.files["checkpoint"].decode()


@pytest.fixture(scope="module")
def office(templates, tmp_path_factory):
    """Two exports of a growing log and a selection; the range of the second begins in the middle of the log."""
    world = copied(templates("sqlite"), tmp_path_factory.mktemp("office") / "vault")
    row = world.customer()

    def works(count):
        for _ in range(count):
            world.now += timedelta(minutes=1)
            world.look_up(AGENT, row["phone"])
            world.settle()

    def exported(since, **options):
        zone = world.parts.policy.zone
        until = (NOW + timedelta(hours=1)).isoformat()  # in the future of this world
        question = log_question(since, until, zone, table=True, **options)
        bundle = log_export.export(world.parts, world.person(AUDITOR), question, lambda _, word: word, world.now)
        return Bundle.read(b"".join(bundle.pieces))

    works(8)
    first = exported("2020-01-01")
    works(9)
    since = (NOW + timedelta(minutes=4)).isoformat()
    second, chosen = exported(since), exported(since, actors=[AGENT])
    with world.parts.database.read() as connection:
        signer = world.parts.keys.current(connection).signer(pin_name(world))
    pin = world.parts.log_files.pin.read_text().strip()
    events = [bytes(one) for (one,) in world.rows("SELECT canonical FROM log_events ORDER BY leaf_index")]
    size = second.json("manifest.json")["size"]
    yield Office(pin, pin_name(world), signer, events[:size], first, second, chosen)
    gone(world)


def pin_name(world):
    return world.parts.log_files.pin.read_text().partition("+")[0]


@pytest.fixture
def judged(office, tmp_path):
    def judge(bundle, since=None, pin=None):
        return judge_bundle(bundle.written(tmp_path / "bundle.zip"), pin or office.pin, since)

    return judge


# -- bundles that hold ---------------------------------------------------------------------------------------------


def test_untouched_bundles_hold_as_a_zip_and_as_a_folder(office, tmp_path):
    for name in ("first", "second", "chosen"):
        bundle = getattr(office, name)
        for path in (tmp_path / f"{name}.zip", tmp_path / name):
            judged = judge_bundle(bundle.written(path), office.pin)
            assert (judged.findings, judged.doubt, judged.status) == ((), "", 0)


def test_a_second_export_is_shown_to_extend_the_first(office, judged):
    for bundle in (office.second, office.chosen):
        judgement = judged(bundle, office.kept)
        assert judgement.status == 0
        size = office.kept.split("\n")[1]
        assert f"extends your earlier checkpoint of {size} entries" in "\n".join(verify_log.report(judgement))


def test_a_bundle_that_was_unpacked_and_packed_again_with_its_folders_holds(office, judged, tmp_path):
    path = tmp_path / "again.zip"
    with zipfile.ZipFile(path, "w") as zipped:
        zipped.mkdir("policies")
        for name, content in office.second.files.items():
            zipped.writestr(name, content)
    judgement = judge_bundle(path, office.pin, office.kept)
    assert (judgement.findings, judgement.status) == ((), 0)


def test_an_earlier_checkpoint_within_a_range_is_reached_by_the_entries_themselves(office, judged):
    (older,) = [one for one in office.second.json("checkpoints.json") if "\n25\n" in one] or [None]
    assert older, [one.split()[1] for one in office.second.json("checkpoints.json")]
    assert judged(office.second, older).status == 0


def test_an_earlier_checkpoint_that_nothing_leads_to_cannot_be_judged(office, judged):
    unknown = checkpoint(office.signer, office.origin, [b"\x01" * 32] * 5)
    judgement = judged(office.chosen, unknown)
    assert (judgement.findings, judgement.status) == ((), 2)
    assert "5 entries" in judgement.doubt


def test_an_earlier_checkpoint_of_the_empty_log_is_extended_by_every_log(office, judged):
    assert judged(office.chosen, checkpoint(office.signer, office.origin, [])).status == 0


@pytest.mark.parametrize("since", ["", "nonsense", "x\n\n— y z\n"])
def test_an_earlier_checkpoint_that_is_none_is_no_judgement(office, judged, since):
    with pytest.raises(CannotJudge):
        judged(office.second, since)


def test_without_a_key_there_is_never_a_verdict(office, tmp_path):
    path = office.second.written(tmp_path / "bundle.zip")
    judgement = judge_bundle(path, None)
    assert (judgement.findings, judgement.status) == ((), 2)
    bad = office.second.copy()
    bad.lines = bad.lines[:-1]
    judgement = judge_bundle(bad.written(tmp_path / "bad.zip"), None)
    assert judgement.findings
    assert judgement.status == 2


# -- entries attacked, by who holds the bundle only and by who holds the signing key too ---------------------------

MIDDLE = -8  # the line that is attacked, one of those that were signed one by one


def edit(lines):
    lines[MIDDLE] = lines[MIDDLE].edited(with_hash=False)


def edit_with_hash(lines):
    lines[MIDDLE] = lines[MIDDLE].edited(with_hash=True)


def delete(lines):
    del lines[MIDDLE]


def delete_and_renumber(lines):
    del lines[MIDDLE]
    lines[MIDDLE + 1 :] = [one.moved(one.leaf - 1) for one in lines[MIDDLE + 1 :]]


def insert(lines):
    lines.insert(MIDDLE, lines[MIDDLE])


def insert_and_renumber(lines):
    lines[MIDDLE:] = [lines[MIDDLE], *[one.moved(one.leaf + 1) for one in lines[MIDDLE:]]]


def reorder(lines):
    lines[MIDDLE], lines[MIDDLE + 1] = lines[MIDDLE + 1], lines[MIDDLE]


def swap_contents(lines):
    one, other = lines[MIDDLE], lines[MIDDLE + 1]
    lines[MIDDLE : MIDDLE + 2] = [other.moved(one.leaf), one.moved(other.leaf)]


def truncate(lines):
    del lines[-3:]


ATTACKS = {
    edit: ("changed", MIDDLE),
    edit_with_hash: ("changed", MIDDLE),
    delete: ("removed", MIDDLE),
    delete_and_renumber: ("changed", MIDDLE),
    insert: ("inserted", MIDDLE),
    insert_and_renumber: ("changed", MIDDLE + 1),  # the copy itself is the entry of this place
    reorder: ("reordered", MIDDLE),
    swap_contents: ("changed", MIDDLE),
    truncate: ("truncated", -3),
}


@pytest.mark.parametrize("has_key", [False, True], ids=["bundle only", "stolen key"])
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda one: one.__name__)
def test_an_attack_on_the_entries_of_a_range_is_named_with_its_place(office, judged, attack, has_key):
    bundle = office.second.copy()
    lines = bundle.lines
    kind, place = ATTACKS[attack]
    index = lines[place].leaf
    attack(lines)
    bundle.lines = lines
    if has_key:
        bundle.sealed(office.signer, office.origin)
    judgement = judged(bundle)
    assert judgement.status == 1
    assert (kind, index) in found(judgement), judgement.findings
    assert ("changed", None) in found(judgement) or has_key  # the file is not the one of the manifest


SELECTED = {
    edit: ("changed", MIDDLE),
    edit_with_hash: ("changed", MIDDLE),
    delete: ("removed", MIDDLE),
    insert: ("inserted", MIDDLE),
    reorder: ("reordered", MIDDLE),
    swap_contents: ("changed", MIDDLE),
    truncate: ("removed", -3),
}


@pytest.mark.parametrize("has_key", [False, True], ids=["bundle only", "stolen key"])
@pytest.mark.parametrize("attack", SELECTED, ids=lambda one: one.__name__)
def test_an_attack_on_the_entries_of_a_selection_is_named_with_its_place(office, judged, attack, has_key):
    bundle = office.chosen.copy()
    lines = bundle.lines
    kind, place = SELECTED[attack]
    index = lines[place].leaf
    attack(lines)
    bundle.lines = lines
    if has_key:
        bundle.sealed(office.signer, office.origin)
    judgement = judged(bundle)
    assert judgement.status == 1
    assert (kind, index) in found(judgement), judgement.findings


def test_swapped_proofs_are_named(office, judged):
    bundle = office.chosen.copy()
    proofs = [json.loads(line) for line in bundle.files["proofs.jsonl"].splitlines()]
    proofs[2]["path"], proofs[3]["path"] = proofs[3]["path"], proofs[2]["path"]
    bundle.files["proofs.jsonl"] = b"".join(json.dumps(one).encode() + b"\n" for one in proofs)
    judgement = judged(bundle.sealed(office.signer, office.origin))
    assert {("changed", proofs[2]["leaf"]), ("changed", proofs[3]["leaf"])} <= set(found(judgement))


def test_an_entry_taken_out_with_its_proof_is_missed_by_the_count(office, judged):
    bundle = office.chosen.copy()
    lines, proofs = bundle.lines, bundle.files["proofs.jsonl"].splitlines(keepends=True)
    del lines[MIDDLE], proofs[MIDDLE]
    bundle.lines, bundle.files["proofs.jsonl"] = lines, b"".join(proofs)
    assert "removed" in kinds(judged(bundle.sealed(office.signer, office.origin)))


def test_a_range_that_does_not_reach_the_time_asked_for_has_a_gap(office, judged):
    """The owner of the key leaves the beginning out, with proofs that fit what is left."""
    whole = rebuilt(office.second, office.signer, office.origin, office.events)
    assert judged(whole).status == 0
    short = office.second.copy()
    since = short.json("manifest.json")["question"]["from"]
    late = next(at for at, one in enumerate(whole.lines) if json.loads(one.event)["at"] > since)
    short.lines = whole.lines[late:]
    judgement = judged(rebuilt(short, office.signer, office.origin, office.events))
    assert found(judgement) == [("gap", short.lines[0].leaf)]


# -- checkpoints and history attacked ------------------------------------------------------------------------------


def forged(events, index):
    other = json.loads(events[index])
    other["actor"] = "KF2002"
    data = json.dumps(other, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return [*events[:index], data, *events[index + 1 :]]


def test_a_history_signed_anew_with_the_stolen_key_agrees_with_itself_but_not_with_what_the_auditor_kept(
    office, judged
):
    bundle = rebuilt(office.first, office.signer, office.origin, forged(office.events, 22))
    assert judged(bundle).status == 0  # nothing inside tells
    judgement = judged(bundle, office.kept)
    assert judgement.status == 1
    assert kinds(judgement) == {"forked"}
    assert judgement.findings[0].index <= 22


def test_a_fork_that_claims_another_past_in_its_consistency_proof_is_a_fork(office, judged):
    events = forged(office.events, 22)
    bundle = rebuilt(office.second, office.signer, office.origin, events)
    told = office.second.json("consistency.json")
    bundle.put("consistency.json", told)  # of the true history: does not lead to the forged root
    judgement = judged(bundle.sealed(office.signer, office.origin), office.kept)
    assert "forked" in kinds(judgement)


def test_a_second_export_that_does_not_extend_the_first_is_a_fork(office, judged):
    bundle = office.chosen.copy()
    told = bundle.json("consistency.json")
    told[-1]["root"] = base64.b64encode(bytes(32)).decode()
    bundle.put("consistency.json", told)
    judgement = judged(bundle.sealed(office.signer, office.origin), office.kept)
    assert ("forked", told[-1]["size"]) in found(judgement)


def test_a_log_cut_together_with_its_checkpoint_was_rolled_back(office, judged):
    older = rebuilt(office.first, office.signer, office.origin, office.events[:20])
    assert judged(older).status == 0
    judgement = judged(older, office.second.files["checkpoint"].decode())
    assert found(judgement) == [("rolled_back", 20)]


def test_an_older_export_shown_again_was_rolled_back(office, judged):
    judgement = judged(office.first, office.second.files["checkpoint"].decode())
    assert kinds(judgement) == {"rolled_back"}


def test_an_edited_older_checkpoint_is_named(office, judged):
    bundle = office.second.copy()
    notes = bundle.json("checkpoints.json")
    assert len(notes) > 3
    origin, size, rest = notes[1].split("\n", 2)
    notes[1] = f"{origin}\n{int(size) - 1}\n{rest}"
    bundle.put("checkpoints.json", notes)
    judgement = judged(bundle.sealed(office.signer, office.origin))
    assert found(judgement) == [("bad_checkpoint", None)]
    assert judgement.findings[0].words.startswith("checkpoint 2: ")


def test_one_size_with_two_roots_is_a_fork(office, judged):
    bundle = office.second.copy()
    notes = bundle.json("checkpoints.json")
    size = int(notes[2].split("\n")[1])
    notes.insert(2, checkpoint(office.signer, office.origin, [bytes(32)] * size))
    bundle.put("checkpoints.json", notes)
    judgement = judged(bundle.sealed(office.signer, office.origin))
    assert kinds(judgement) == {"forked"}


def test_the_auditor_s_checkpoint_of_the_same_size_with_another_root_is_a_fork(office, judged):
    size = office.second.json("manifest.json")["size"]
    other = checkpoint(office.signer, office.origin, [bytes(32)] * size)
    assert "forked" in kinds(judged(office.second, other))


def test_another_log_s_bundle_is_signed_by_another_key(office, judged):
    stranger = NoteSigner(bytes(32), office.origin)
    bundle = rebuilt(office.second, stranger, office.origin, office.events)
    judgement = judged(bundle)
    assert kinds(judgement) == {"wrong_key"}
    assert judgement.status == 1


def test_the_key_inside_a_bundle_is_not_believed(office, judged):
    stranger = NoteSigner(bytes(32), office.origin)
    bundle = office.second.copy()
    manifest = bundle.json("manifest.json") | {"key": stranger.verifier_key()}
    bundle.put("manifest.json", manifest)
    bundle = rebuilt(bundle, stranger, office.origin, forged(office.events, 22))
    assert judged(bundle, pin=office.pin).status == 1


# -- the manifest and the other files attacked ---------------------------------------------------------------------

CLAIMS = {
    "exported_by": "KF2015",
    "created_at": "2026-01-01T00:00:00.000000Z",
    "events": 3,
    "size": 7,
    "root": base64.b64encode(bytes(32)).decode(),
    "waiting": 1,
    "question": {"from": "2026-01-01T00:00:00.000000Z", "to": "2026-01-02T00:00:00.000000Z"},
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_an_edited_manifest_is_named(office, judged, claim):
    bundle = office.second.copy()
    bundle.put("manifest.json", bundle.json("manifest.json") | {claim: CLAIMS[claim]})
    judgement = judged(bundle)
    assert judgement.status == 1
    assert "manifest.json is not the one that was signed" in {one.words for one in judgement.findings}


@pytest.mark.parametrize("claim", ["events", "size", "root"])
def test_a_manifest_edited_by_who_has_the_key_must_still_fit_the_log(office, judged, claim):
    bundle = office.second.copy()
    bundle.put("manifest.json", bundle.json("manifest.json") | {claim: CLAIMS[claim]})
    assert judged(bundle.sealed(office.signer, office.origin)).status == 1


@pytest.mark.parametrize("name", ["README.md", "verify_log.py", "events.csv", "columns.csv", "policies"])
def test_any_other_file_that_was_changed_is_named(office, judged, name):
    bundle = office.second.copy()
    name = next(one for one in bundle.files if one.startswith(name))
    bundle.files[name] += b" "
    judgement = judged(bundle)
    assert f"{name} is not the file that the manifest names" in {one.words for one in judgement.findings}


def test_the_texts_of_a_policy_must_give_its_digest_even_where_the_manifest_was_signed_anew(office, judged):
    for change in (lambda files, name: files.pop(name), lambda files, name: files.update({name: files[name] + b" "})):
        bundle = office.second.copy()
        change(bundle.files, next(name for name in bundle.files if name.endswith("/roles.toml")))
        judgement = judged(bundle.sealed(office.signer, office.origin))
        assert found(judgement) == [("changed", None)]
        assert judgement.findings[0].words.startswith("the policy ")


def test_a_file_that_was_put_in_is_named(office, judged):
    bundle = office.second.copy()
    bundle.files["invoice.html"] = b"open me"
    assert found(judged(bundle)) == [("inserted", None)]


def test_the_table_must_say_what_the_events_say(office, judged):
    for change in (
        lambda text: text.replace("KF2001", "KF2002", 1),
        lambda text: "\r\n".join(text.split("\r\n")[:-2]) + "\r\n",
        lambda text: text + text.split("\r\n")[1] + "\r\n",
    ):
        bundle = office.second.copy()
        text = bundle.files["events.csv"].decode()
        bundle.files["events.csv"] = change(text).encode()
        assert bundle.files["events.csv"] != office.second.files["events.csv"]
        judgement = judged(bundle.sealed(office.signer, office.origin))
        assert kinds(judgement) == {"column_mismatch"}


def test_the_edges_of_a_range_cannot_be_swapped(office, judged):
    bundle = office.second.copy()
    told = bundle.json("range.json")
    assert len(told["left"]) > 1
    told["left"].reverse()
    bundle.put("range.json", told)
    assert "changed" in kinds(judged(bundle.sealed(office.signer, office.origin)))


# -- what is no bundle, or an absurd one ---------------------------------------------------------------------------

UNREADABLE = {
    "no manifest": lambda files: files.pop("manifest.json"),
    "no note": lambda files: files.pop("manifest.note"),
    "no events": lambda files: files.pop("events.jsonl"),
    "no range": lambda files: files.pop("range.json"),
    "no checkpoint": lambda files: files.pop("checkpoint"),
    "no checkpoints": lambda files: files.pop("checkpoints.json"),
    "no proofs of history": lambda files: files.pop("consistency.json"),
    "not JSON": lambda files: files.update({"manifest.json": b"nonsense"}),
    "a list": lambda files: files.update({"manifest.json": b"[]"}),
    "deep": lambda files: files.update({"manifest.json": b"[" * 100_000}),
    "twice": lambda files: files.update({"manifest.json": b'{"format":1,"format":2}'}),
    "another format": lambda files: files.update({"manifest.json": b'{"format":"datavault-log-export/9"}'}),
    "huge number": lambda files: files.update(
        {"manifest.json": files["manifest.json"].replace(b'"events":', b'"events":' + b"9" * 40)}
    ),
    "negative": lambda files: files.update(
        {"manifest.json": files["manifest.json"].replace(b'"waiting":', b'"waiting":-1')}
    ),
    "proofs of another shape": lambda files: files.update({"range.json": b'{"start":0,"stop":0,"left":7,"right":[]}'}),
    "proofs that do not fit": lambda files: files.update({"range.json": b'{"start":0,"stop":1,"left":[],"right":[]}'}),
    "not text": lambda files: files.update({"checkpoint": b"\xff\xfe"}),
    "long manifest": lambda files: files.update({"manifest.json": b" " * (5 << 20)}),
    "escape": lambda files: files.update(
        {"manifest.json": files["manifest.json"].replace(b'"README.md":', b'"../../README.md":')}
    ),
}


@pytest.mark.parametrize("as_folder", [False, True])
@pytest.mark.parametrize("what", UNREADABLE)
def test_what_cannot_be_read_is_no_judgement(office, tmp_path, what, as_folder):
    bundle = office.second.copy()
    UNREADABLE[what](bundle.files)
    with pytest.raises(CannotJudge):
        judge_bundle(bundle.written(tmp_path / ("bundle" if as_folder else "bundle.zip")), office.pin)


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x05\x06", b"PK\x05\x06" + bytes(18), b"PK\x03\x04" * 1000])
def test_what_is_no_zip_is_no_judgement(office, tmp_path, content):
    path = tmp_path / "bundle.zip"
    path.write_bytes(content)
    with pytest.raises(CannotJudge):
        judge_bundle(path, office.pin)


def test_a_bundle_that_is_not_there_is_no_judgement(office, tmp_path):
    with pytest.raises(CannotJudge):
        judge_bundle(tmp_path / "bundle.zip", office.pin)


def test_a_cut_or_damaged_zip_is_no_judgement(office, tmp_path):
    path = office.second.written(tmp_path / "bundle.zip")
    whole = path.read_bytes()
    with zipfile.ZipFile(path) as zipped:
        place = zipped.getinfo("events.jsonl").header_offset + 200
    for content in (whole[: len(whole) // 2], whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]):
        path.write_bytes(content)
        with pytest.raises(CannotJudge):
            judge_bundle(path, office.pin)


def test_a_zip_with_one_file_twice_is_no_judgement(office, tmp_path):
    path = office.second.written(tmp_path / "bundle.zip")
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as zipped:
        zipped.writestr("checkpoint", "another")
    with pytest.raises(CannotJudge):
        judge_bundle(path, office.pin)


def test_a_zip_that_would_unpack_to_an_absurd_size_is_refused_at_once(office, tmp_path):
    bundle = office.second.copy()
    bundle.files["events.jsonl"] = bytes(64 << 20)
    path = bundle.written(tmp_path / "bundle.zip")
    assert path.stat().st_size < 1 << 20
    with pytest.raises(CannotJudge, match="absurd"):
        judge_bundle(path, office.pin)


def test_a_zip_that_lists_an_absurd_number_of_files_is_refused_before_the_list_is_read(office, tmp_path):
    path = tmp_path / "bundle.zip"
    path.write_bytes(bytes(5 << 20) + b"PK\x05\x06" + struct.pack("<4H2IH", 0, 0, 9, 9, 5 << 20, 0, 0))
    with pytest.raises(CannotJudge, match="absurdly long"):
        judge_bundle(path, office.pin)


def test_a_line_without_an_end_is_refused_without_eating_memory(office, tmp_path):
    bundle = office.second.copy()
    bundle.files["events.jsonl"] = b"x" * (5 << 20)
    with pytest.raises(CannotJudge, match="too long"):
        judge_bundle(bundle.sealed(office.signer, office.origin).written(tmp_path / "bundle"), office.pin)


def test_lines_that_no_export_writes_are_named(office, judged):
    bundle = office.second.copy()
    bundle.files["events.jsonl"] += b'{"leaf": 1}\n'
    judgement = judged(bundle.sealed(office.signer, office.origin))
    assert [one.words for one in judgement.findings] == [
        f"line {len(office.second.lines) + 1} of events.jsonl is not what an export writes"
    ]


# -- gap statements ------------------------------------------------------------------------------------------------


def with_gaps(office, bundle, *notes):
    """Put statements into a bundle, as the owner of the key can."""
    bundle = bundle.copy()
    bundle.put("gaps.json", list(notes))
    return bundle.sealed(office.signer, office.origin)


def state(office, size, root=None):
    leaves = [leaf_hash(one) for one in office.events[:size]]
    return Checkpoint(office.origin, size, root or tree_of(leaves)[0])


def said(kept, lost, signer):
    return signer.sign(GapStatement(kept, lost, NOW, GapReason.LOST_DISK).body())


def test_every_bundle_holds_its_statements_and_none_of_before_need_have_any(office, judged):
    assert office.second.json("gaps.json") == []
    bundle = office.second.copy()
    del bundle.files["gaps.json"]
    with pytest.raises(CannotJudge, match=r"gaps\.json is missing"):
        judged(bundle)
    assert judged(bundle.sealed(office.signer, office.origin), office.kept).status == 0


def test_statements_put_in_by_somebody_without_the_key_are_named(office, judged):
    bundle = office.second.copy()
    stranger = NoteSigner(bytes(32), office.origin)
    note = said(state(office, 9), state(office, 12, bytes(32)), stranger)
    bundle.put("gaps.json", [note])
    assert found(judged(bundle)) == [("changed", None), ("wrong_key", None)]
    told = judged(with_gaps(office, office.second, note))
    assert (found(told), told.gaps) == ([("wrong_key", None)], ())


@pytest.mark.parametrize("text", ["checkpoint", "manifest", "other log", "nothing lost"])
def test_a_note_of_our_key_that_states_no_gap_is_named(office, judged, text):
    lost = state(office, 12, bytes(32))
    statement = GapStatement(state(office, 9), lost, NOW, GapReason.LOST_DISK).body()
    body = {
        "checkpoint": lost.body(),
        "manifest": f"{verify_log.FORMAT}\n{office.origin}\n00\n",
        "other log": statement.replace(office.origin, "another.log"),
        "nothing lost": statement.replace("kept 9 ", "kept 12 "),
    }[text]
    assert found(judged(with_gaps(office, office.second, office.signer.sign(body)))) == [("bad_checkpoint", None)]


def test_a_declared_gap_is_told_even_where_all_holds(office, judged):
    note = said(state(office, 9), state(office, 12, bytes(32)), office.signer)
    for bundle in (office.second, office.chosen):
        told = judged(with_gaps(office, bundle, note), office.kept)
        assert (told.status, told.findings) == (0, ())
        words = "entries 9 to 11 were lost; the operator accepted this on 2026-11-20T03:00:00.000000Z"
        assert [one for one in verify_log.report(told) if words in one]


def test_a_thief_of_the_key_who_states_a_gap_over_a_fork_gets_no_verdict_that_holds(office, judged):
    """What the auditor kept is of another history than the bundle: the statement changes the words alone."""
    other = checkpoint(office.signer, office.origin, [bytes([number] * 32) for number in range(23)])
    assert kinds(judged(office.second, other)) & {"forked", "changed"}
    note = said(state(office, 1), state(office, len(office.events), bytes(32)), office.signer)
    for bundle in (office.second, office.chosen):
        told = judged(with_gaps(office, bundle, note), other)
        assert (told.status, kinds(told)) == (1, {"gap"})
        assert "if it was signed after that, the log was forked" in told.findings[0].words


def test_a_statement_hides_no_other_finding(office, judged):
    other = checkpoint(office.signer, office.origin, [bytes([number] * 32) for number in range(23)])
    note = said(state(office, 1), state(office, len(office.events), bytes(32)), office.signer)
    bundle = office.second.copy()
    lines = bundle.lines
    edit(lines)
    bundle.lines = lines
    told = judged(with_gaps(office, bundle, note), other)
    assert ("changed", lines[MIDDLE].leaf) in found(told)
    assert "gap" in kinds(told)


def test_a_statement_does_not_excuse_checkpoints_inside_the_bundle(office, judged):
    """Who can write to the database changes an entry of the new history, which has checkpoints of its own."""
    note = said(state(office, 1), state(office, len(office.events) + 5, bytes(32)), office.signer)
    bundle = office.second.copy()
    lines = bundle.lines
    edit_with_hash(lines)
    bundle.lines = lines
    told = judged(with_gaps(office, bundle, note))
    assert set(found(told)) == {("changed", lines[MIDDLE].leaf), ("column_mismatch", lines[MIDDLE].leaf)}


@pytest.mark.parametrize("size", [23, 25, 10_000])
def test_a_statement_whose_kept_state_the_log_does_not_hold_is_named(office, judged, size):
    kept = Checkpoint(office.origin, size, bytes(32))
    note = said(kept, Checkpoint(office.origin, 20_000, bytes(32)), office.signer)
    told = judged(with_gaps(office, office.second, note))
    assert told.status == 1
    assert kinds(told) <= {"changed", "forked", "truncated"}


def test_a_statement_whose_kept_state_was_lost_later_is_explained_by_the_later_one(office, judged):
    first = said(Checkpoint(office.origin, 14, bytes(32)), Checkpoint(office.origin, 20, bytes(32)), office.signer)
    later = GapStatement(state(office, 9), state(office, 16, b"x" * 32), NOW + timedelta(days=1), GapReason.LOST_DISK)
    told = judged(with_gaps(office, office.second, first, office.signer.sign(later.body())), office.kept)
    assert (told.status, len(told.gaps)) == (0, 2)


# -- the file by itself, as an auditor runs it ---------------------------------------------------------------------


def alone(*arguments, cwd):
    command = [sys.executable, "-I", "verify_log.py", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def test_an_auditor_needs_the_bundle_the_single_file_and_the_pin(office, tmp_path):
    (tmp_path / "verify_log.py").write_bytes(Path(verify_log.__file__).read_bytes())
    (tmp_path / "pin").write_text(office.pin + "\n")
    (tmp_path / "kept").write_text(office.kept)
    office.second.written(tmp_path / "bundle.zip")
    for key in (office.pin, "pin"):
        done = alone("bundle.zip", "--key", key, "--since", "kept", cwd=tmp_path)
        assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "成立 · HOLDS")
    done = alone("bundle.zip", cwd=tmp_path)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (2, "无法判断 · CANNOT JUDGE")
    bad = office.second.copy()
    lines = bad.lines
    edit(lines)
    bad.lines = lines
    bad.written(tmp_path / "bad.zip")
    done = alone("bad.zip", "--key", "pin", cwd=tmp_path)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "不成立 · DOES NOT HOLD")
    assert f"entry {lines[MIDDLE].leaf} does not give the hash" in done.stdout
    for wrong in (["missing.zip", "--key", "pin"], ["bundle.zip", "--key", "missing"], ["bundle.zip", "--key", "a+b"]):
        done = alone(*wrong, cwd=tmp_path)
        assert (done.returncode, done.stdout.splitlines()[-1]) == (2, "无法判断 · CANNOT JUDGE")
        assert "Traceback" not in done.stderr


def test_the_copy_in_the_bundle_is_the_published_file(office):
    assert office.second.files["verify_log.py"] == Path(verify_log.__file__).read_bytes()
