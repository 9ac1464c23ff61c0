"""One entry of a real vault's log with its proof, and what the single-file verifier says of the pair."""

import io
import json
import threading
import zipfile
from datetime import timedelta

import metamorphic_log as theirs
import pytest

from tests.rewinding import OldCopy, accepted, work
from tests.simulator import NOW, customer_row
from vault import bootstrap
from vault.domain.log import Action, Outcome
from vault.domain.log_proofs import LogProof
from vault.domain.log_tree import leaf_hash
from vault.domain.rules.access import Right
from vault.errors import AccessRefused, IntegrityError, NotFound, StepUpNeeded, VaultSealed
from vault.services import log_proof
from vault.storage.unit_of_work import unit_of_work
from vault.verify_log import judge_proof, report_proof

AGENT, AUDITOR = "KF2001", "KF2014"


def prove(world, entry, who=None):
    return log_proof.prove(world.parts, who or world.person(AUDITOR), entry, world.now)


def judged(world, pair):
    return judge_proof(pair.event, pair.proof.decode(), world.parts.log_files.pin.read_text().strip())


def id_of(event):
    return bytes.fromhex(event["id"])


@pytest.fixture
def busy(world):
    """A world in which an agent looked something up five times; the log is longer than a tile."""
    for _ in range(5):
        world.now += timedelta(minutes=1)
        world.look_up(AGENT, "13999999999")
    actor = world.person(AGENT).actor()
    with unit_of_work(world.parts.database) as work:
        looks = [world.parts.event(world.now, actor, Action.LOG_VIEW, Outcome.GRANTED) for _ in range(300)]
        work.announce(*looks)
        work.commit()
    world.settle()
    return world


# -- the pair ------------------------------------------------------------------------------------------------------


def test_every_kind_of_place_in_the_log_is_proven(busy):
    size = busy.settle()
    for place in (0, 1, 255, 256, size - 1):
        pair = prove(busy, place)
        assert pair.leaf_index == place
        assert judged(busy, pair).findings == ()


def test_an_entry_is_found_by_the_id_of_its_event_and_comes_byte_for_byte(busy):
    event = busy.events("record.lookup")[2]
    pair = prove(busy, id_of(event))
    ((canonical,),) = busy.rows("SELECT canonical FROM log_events WHERE leaf_index = :at", at=pair.leaf_index)
    assert (pair.event, json.loads(pair.event), pair.event_id) == (bytes(canonical), event, event["id"])
    assert set(pair.files()) == {f"{event['id']}.json", f"{event['id']}.tlog-proof"}


def test_somebody_else_s_program_accepts_the_proof_and_refuses_it_for_another_entry(busy):
    pair, other = prove(busy, 256), prove(busy, 257)
    keys = [busy.parts.log_files.pin.read_text().strip()]
    proof = LogProof.parse(pair.proof.decode())
    theirs.checkpoint_verify_inclusion(proof.checkpoint, keys, proof.index, leaf_hash(pair.event), list(proof.path))
    with pytest.raises(theirs.VerifyError):
        theirs.checkpoint_verify_inclusion(
            proof.checkpoint, keys, proof.index, leaf_hash(other.event), list(proof.path)
        )


def test_an_event_that_waits_for_its_place_gets_it_first(busy):
    before = busy.settle()
    busy.look_up(AGENT, "13999999999")
    event = busy.events("record.lookup")[-1]
    pair = prove(busy, id_of(event))
    assert (pair.leaf_index >= before, pair.size > before) == (True, True)
    assert judged(busy, pair).status == 0


def test_a_proof_stays_good_while_the_log_grows(busy):
    pair = prove(busy, 3)
    for _ in range(3):
        busy.look_up(AGENT, "13999999999")
        busy.settle()
    assert judged(busy, pair).status == 0


def test_a_pair_from_a_part_that_was_lost_still_holds_and_says_that_it_speaks_of_its_own_time(world, tmp_path):
    work(world, 2)
    copy = OldCopy(world, tmp_path)
    size = work(world, 2)
    pair = prove(world, size - 1)
    copy.put_back()
    loss = accepted(world)
    assert loss.kept.size < pair.leaf_index < loss.lost.size
    world.restart()
    work(world, 9)
    old, new = judged(world, pair), judged(world, prove(world, pair.leaf_index))
    assert (old.status, new.status) == (0, 0)
    assert old.entry != new.entry  # another event stands at its place
    with pytest.raises(NotFound):
        log_proof.see(world.parts, world.person(AUDITOR), bytes.fromhex(pair.event_id), world.now)
    assert [line for line in report_proof(old) if "whether the log still has the entry, a newer export tells" in line]
    wrong = judge_proof(pair.event[:-1], pair.proof.decode(), world.parts.log_files.pin.read_text().strip())
    assert not [line for line in report_proof(wrong) if "newer export" in line]


def test_a_pair_holds_nothing_of_a_customer(world):
    row = customer_row()
    world.customers(row)
    world.look_up(AGENT, row["phone"])
    pair = prove(world, id_of(world.events("record.lookup")[-1]))
    whole = pair.event.decode() + pair.proof.decode()
    assert not [name for name in ("name", "phone", "id_number", "sender_address") if row[name] in whole]


def test_the_zip_holds_the_pair_and_nothing_else(busy):
    pair = prove(busy, 7)
    bundle = log_proof.zipped(busy.parts, pair, busy.now)
    assert bundle.name == "log-entry-7.zip"
    with zipfile.ZipFile(io.BytesIO(b"".join(bundle.pieces))) as zipped:
        assert zipped.testzip() is None
        assert {name: zipped.read(name) for name in zipped.namelist()} == pair.files()


# -- who may, and that it is logged --------------------------------------------------------------------------------


def test_that_it_was_taken_is_an_event_and_no_earlier_export_is_pushed_out(busy):
    pair = prove(busy, 7)
    (event,) = busy.events("log.export")
    assert (event["actor"], event["outcome"]) == (AUDITOR, "granted")
    assert event["facts"] == {"count": 1, "size": pair.size, "mode": "proof"}
    assert busy.count("log_exports") == 0


def test_the_operator_takes_it_under_their_own_name(busy):
    prove(busy, 7, bootstrap.operator(busy.config))
    assert busy.events("log.export")[-1]["actor"].startswith("operator:")


@pytest.mark.parametrize("work_number", [AGENT, "KF2009", "KF2011", "KF2012", "ADMIN01"])
def test_nobody_without_the_right_sees_or_takes_an_entry_and_that_is_logged(sqlite_world, work_number):
    world = sqlite_world
    person, event_id = world.person(work_number), id_of(world.events()[0])
    assert not world.parts.policy.allows(person.role, Right.LOG_READ)
    for call in (log_proof.prove, log_proof.see):
        with pytest.raises(AccessRefused) as refused:
            call(world.parts, person, event_id, world.now)
        assert refused.value.reason == "no_right"
    told = [(one["action"], one["outcome"], one["rule"]) for one in world.events()[-2:]]
    assert told == [("log.export", "refused", "no_right"), ("log.view", "refused", "no_right")]


def test_an_auditor_who_did_not_confirm_lately_takes_nothing(sqlite_world):
    world = sqlite_world
    person = world.person(AUDITOR)
    minutes = world.parts.policy.sessions.second_factor.step_up_minutes
    log_proof.prove(world.parts, person, 0, NOW + timedelta(minutes=minutes))
    with pytest.raises(StepUpNeeded):
        log_proof.prove(world.parts, person, 0, NOW + timedelta(minutes=minutes, seconds=1))
    assert len(world.events("log.export")) == 1


@pytest.mark.parametrize("entry", [bytes(16), 10**17])
def test_an_entry_that_is_not_there_is_said_so_and_logged(world, entry):
    for who in (world.person(AUDITOR), bootstrap.operator(world.config)):
        with pytest.raises(NotFound) as refused:
            prove(world, entry, who)
        assert refused.value.reason == "no_such_entry"
    told = [(one["outcome"], one["facts"]) for one in world.events("log.export")]
    assert told == [("miss", {"count": 0, "mode": "proof"})] * 2


def test_the_first_place_behind_the_end_is_not_there(world):
    size = world.settle()
    with pytest.raises(NotFound):
        prove(world, size)


# -- seeing one entry ----------------------------------------------------------------------------------------------


def test_an_auditor_sees_all_of_an_event_and_the_look_is_logged(busy):
    event = busy.events("record.lookup")[1]
    seen = log_proof.see(busy.parts, busy.person(AUDITOR), id_of(event), busy.now)
    assert seen.body == event
    assert prove(busy, seen.leaf_index).event_id == event["id"]
    last = [one for one in busy.events("log.view") if one["actor"] == AUDITOR][-1]
    assert (last["outcome"], last["facts"]) == ("granted", {"count": 1})


def test_an_event_of_a_moment_ago_is_seen_too(world):
    world.look_up(AGENT, "13999999999")
    event = world.events("record.lookup")[-1]
    assert log_proof.see(world.parts, world.person(AUDITOR), id_of(event), world.now).body == event


def test_an_event_that_is_not_there_is_a_miss(world):
    with pytest.raises(NotFound):
        log_proof.see(world.parts, world.person(AUDITOR), bytes(16), world.now)
    assert world.events("log.view")[-1]["outcome"] == "miss"


# -- a log that somebody changed -----------------------------------------------------------------------------------


def test_a_changed_event_comes_with_a_proof_that_does_not_hold(busy):
    busy.tamper(
        "UPDATE log_events SET canonical = :other WHERE leaf_index = 7",
        other=json.dumps(busy.events()[7] | {"actor": "KF2002"}, sort_keys=True, separators=(",", ":")).encode(),
    )
    assert [one.kind for one in judged(busy, prove(busy, 7)).findings] == ["changed"]


@pytest.mark.parametrize("other", [b"", b"[]", b"{}", b'{"id":7}', b'{"id":"../x"}', b"\xff"])
def test_what_is_no_event_is_neither_shown_nor_given_out(sqlite_world, other):
    world = sqlite_world
    world.settle()
    event_id = id_of(world.events()[3])
    world.tamper("UPDATE log_events SET canonical = :other WHERE leaf_index = 3", other=other)
    for call in (log_proof.prove, log_proof.see):
        with pytest.raises(IntegrityError):
            call(world.parts, world.person(AUDITOR), event_id, world.now)
    rows = world.rows("SELECT canonical FROM log_events WHERE leaf_index <> 3")
    rows += world.rows("SELECT canonical FROM log_inbox")
    assert not [one for (one,) in rows if json.loads(one)["action"] == "log.export"]


def test_an_entry_that_somebody_gave_the_id_of_another_is_not_taken_for_it(sqlite_world):
    world = sqlite_world
    world.settle()
    event_id = id_of(world.events()[3])
    world.tamper("UPDATE log_events SET event_id = :other WHERE leaf_index = 3", other=bytes(16))
    world.tamper("UPDATE log_events SET event_id = :other WHERE leaf_index = 4", other=event_id)
    for call in (log_proof.prove, log_proof.see):
        with pytest.raises(IntegrityError):
            call(world.parts, world.person(AUDITOR), event_id, world.now)


def test_a_log_that_cannot_be_signed_gives_out_nothing(sqlite_world):
    world = sqlite_world
    world.settle()
    world.tamper("DELETE FROM log_events WHERE leaf_index > 3")
    with pytest.raises(VaultSealed):
        prove(world, 0)


# -- many at once --------------------------------------------------------------------------------------------------


def test_proofs_hold_while_others_write_and_sign(busy):
    stop, wrong = threading.Event(), []
    actor = busy.person(AGENT).actor()

    def work():
        while not stop.is_set():
            busy.parts.log_writer.write(busy.parts.event(busy.now, actor, Action.LOG_VIEW, Outcome.GRANTED))
            busy.settle()

    def take():
        auditor = busy.person(AUDITOR)
        for place in (0, 100, 255, 256, 300):
            wrong.extend(judged(busy, prove(busy, place, auditor)).findings)

    worker, takers = threading.Thread(target=work), [threading.Thread(target=take) for _ in range(3)]
    for one in (worker, *takers):
        one.start()
    for one in takers:
        one.join()
    stop.set()
    worker.join()
    assert wrong == []
    assert len(busy.events("log.export")) == 15
