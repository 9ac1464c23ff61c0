"""Certificates: one for each plan that was carried out and each cohort that was closed; they claim what was checked."""

import contextlib
import json
import threading
from datetime import date, timedelta
from hashlib import sha256

import pytest

from tests import destroying
from tests.destroying import APPROVER, PROPOSER, approved, drafted, fill, run
from tests.ended_cohorts import SYSTEM, close_all, turn_to
from vault import verify_log
from vault.doctor import examine
from vault.domain.certificates import ids_digest
from vault.domain.compliance import Standing
from vault.errors import AccessRefused, AlreadyDecided, IntegrityError, NotFound, StorageUnavailable
from vault.services import certificates, clock, compliance, holds, retention_reading
from vault.services.holds import Why
from vault.verify_log import judge_proof

AGENT, AUDITOR = "KF2001", "KF2014"


@pytest.fixture
def done(world):
    """A plan that was carried out."""
    old = fill(world)
    plan_id = approved(world)
    run(world, plan_id)
    world.old = old
    return plan_id


def certified(world, plan_id):
    return certificates.certify(world.parts, plan_id, SYSTEM, world.now)


def statement(one):
    return json.loads(one.statement)


def test_it_says_what_was_destroyed_by_whom_and_when_and_under_which_rules(world, done):
    said = statement(certified(world, done))
    assert (said["format"], said["kind"], said["plan"]["id"]) == ("datavault/certificate/1", "erased", done.hex())
    assert said["counts"]["customer"] == {"destroyed": 4, "held": 0, "kept": 0}
    assert said["counts"]["shipment"]["destroyed"] == said["counts"]["service_record"]["destroyed"] == 2
    assert said["people"] == {
        "proposer": {"name": PROPOSER, "role": "imd"},
        "approver": {"name": APPROVER, "role": "imd"},
        "executor": {"name": APPROVER, "role": "imd"},
    }
    assert said["times"]["proposed"] == said["times"]["approved"] < said["times"]["begun"] <= said["times"]["finished"]
    assert said["policy"] == said["plan"]["policy"] == world.parts.policy.digest
    assert len(said["rules"]) == 4
    assert said["origin"].startswith("datavault.local/")
    assert [one["class"] for one in said["cohorts"]] == ["customer", "service_record", "shipment"]
    assert {one["final_from"] for one in said["cohorts"]} == {"2026-12-01"}
    assert sum(one["records"] for one in said["cohorts"]) == 8


def test_it_lists_no_record_but_whoever_has_the_plan_can_compare(world, done):
    one = certified(world, done)
    ids = sorted(row[0] for row in world.rows("SELECT record_id FROM destruction_items WHERE plan_id = :p", p=done))
    assert statement(one)["records"] == ids_digest(ids) == sha256(b"".join(ids)).hexdigest()
    assert not [row for row in ids if row.hex() in one.statement.decode()]


def test_it_holds_nothing_of_a_customer(world, done):
    text = certified(world, done).statement.decode() + json.dumps(world.events("destruction.certified"))
    for row in world.old.customers:
        assert row["phone"] not in text
        assert row["name"] not in text
        assert row["source_number"] not in text


def test_it_is_canonical_and_named_by_its_event_by_digest(world, done):
    one = certified(world, done)
    again = json.dumps(json.loads(one.statement), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert again.encode() == one.statement
    (event,) = world.events("destruction.certified")
    assert event["facts"] == {
        "certificate": one.certificate_id.hex(),
        "destroyed": 8,
        "digest": world.rows("SELECT digest FROM destruction_plans")[0][0].hex(),
        "kind": "erased",
        "plan": done.hex(),
        "statement": sha256(one.statement).hexdigest(),
    }
    assert event["id"] == one.event_id.hex()


def test_it_claims_only_the_checks_that_ran_and_names_the_copies_that_may_be_left(world, done):
    said = statement(certified(world, done))
    results = {one["check"]: one["result"] for one in said["checks"]}
    until = {one["where"]: one["until"] for one in said["residual"] if "until" in one}
    later = {one["where"]: one["not_before"] for one in said["residual"] if "not_before" in one}
    days = (world.now + timedelta(days=35)).astimezone(world.parts.policy.zone).date()
    lines = "\n".join(verify_log._report_certificate(said))
    assert f"backups ≤ {days}" in lines
    assert until == {"backups": days.isoformat()}
    assert said["not_proven"] == ["unregistered_key_stores", "unregistered_backups", "paper_and_exports"]
    if world.place.server is None:
        assert results["raw_reread"] == results["wal_truncated"] == "passed"
        assert later == {}
    else:
        assert "raw_reread" not in results
        assert results["vacuumed"] == "not_run"
        assert "replicas 密钥批次销毁时 · with the cohort key, ≥ 2026-12-01" in lines
        assert later == dict.fromkeys(("heap", "wal", "replicas"), "2026-12-01")  # when it may be, not when it is


def test_what_was_held_or_kept_is_counted_as_such(world):
    fill(world, customers=2, shipments=0, services=0)
    held = destroying.ids(world, "customer")[0]
    plan_id = approved(world)
    why = Why("dispute", "LP-2026-17", date(2027, 2, 1))
    holds.place(world.parts, world.person(PROPOSER), held, why, world.now)
    run(world, plan_id)
    assert statement(certified(world, plan_id))["counts"]["customer"] == {"destroyed": 1, "held": 1, "kept": 0}


def test_a_plan_that_is_not_carried_out_gets_none(world):
    fill(world)
    for plan_id in (drafted(world), approved(world)):
        with pytest.raises(AlreadyDecided) as raised:
            certified(world, plan_id)
        assert raised.value.reason == "plan_not_done"
    with pytest.raises(NotFound):
        certified(world, bytes(16))
    assert certificates.tend(world.parts, world.now) == 0
    assert world.count("certificates") == 0


def test_there_is_never_a_second_one(world, done):
    one = certified(world, done)
    assert certified(world, done) == one
    assert certificates.tend(world.parts, world.now) == 0
    assert (world.count("certificates"), len(world.events("destruction.certified"))) == (1, 1)


def test_of_two_who_certify_at_once_both_get_the_same_one(world, done):
    made, ready = [], threading.Barrier(2)

    def at_once():
        ready.wait()
        made.append(certified(world, done))

    threads = [threading.Thread(target=at_once) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert made[0] == made[1]
    assert (world.count("certificates"), len(world.events("destruction.certified"))) == (1, 1)


def test_the_timetable_certifies_what_was_carried_out(world, done):
    assert certificates.tend(world.parts, world.now) == 1
    (event,) = world.events("destruction.certified")
    assert (event["actor"], event["facts"]["plan"]) == ("system", done.hex())


def test_what_is_still_there_leaves_no_certificate_and_an_event(world, done):
    gone = world.rows("SELECT record_id FROM tombstones LIMIT 1")[0][0]
    world.tamper("DELETE FROM tombstones WHERE record_id = :r", r=gone)
    with pytest.raises(IntegrityError):
        certificates.tend(world.parts, world.now)
    (event,) = world.events("destruction.certified")
    facts = {"plan": done.hex(), "reason": "residue_found", "check": "tombstones", "count": 1}
    assert (event["outcome"], event["facts"]) == ("failed", facts)
    assert world.count("certificates") == 0


# -- what is found is said once ------------------------------------------------------------------------------------


@pytest.fixture
def spilt(world, done):
    """A tombstone that is gone; call it to bring the tombstone back."""
    ((row,),) = [world.rows("SELECT record_id FROM tombstones ORDER BY record_id LIMIT 1")]
    world.tamper("CREATE TABLE kept AS SELECT * FROM tombstones WHERE record_id = :r", r=row[0])
    world.tamper("DELETE FROM tombstones WHERE record_id = :r", r=row[0])
    return lambda: world.tamper("INSERT INTO tombstones SELECT * FROM kept")


def tried(world, after=timedelta()):
    """Let the timetable try; return the findings that it has written down."""
    world.now += after
    with contextlib.suppress(IntegrityError):
        certificates.tend(world.parts, world.now)
    return [(one["outcome"], one["facts"].get("check")) for one in world.events("destruction.certified")]


def waiting(world):
    return [row[1:4] for row in world.rows("SELECT plan_id, reason, finding, count FROM certificate_waits")]


def test_a_finding_is_said_when_it_begins_and_when_it_ends_and_seen_in_between(world, done, spilt):
    begun = world.now
    for _ in range(3):
        assert tried(world, timedelta(minutes=61)) == [("failed", "tombstones")]
        assert waiting(world) == [("residue_found", "tombstones", 1)]
    (shown,) = [retention_reading.show(world.parts, world.person(PROPOSER), done, world.now).wait]
    assert (shown.finding, shown.since, shown.tried_at) == ("tombstones", begun + timedelta(minutes=61), world.now)
    spilt()
    assert tried(world, timedelta(minutes=61)) == [("failed", "tombstones"), ("done", "tombstones")]
    assert waiting(world) == []
    assert retention_reading.show(world.parts, world.person(PROPOSER), done, world.now).wait is None


def test_a_finding_is_an_exception_in_the_report_and_bad_news_from_the_doctor_until_it_is_over(world, done, spilt):
    def seen():
        (line,) = [one for one in examine(world.config, world.now) if one.what == "Destroyed and still there"]
        drawn = compliance.draw(world.parts, SYSTEM, world.now)
        (recorded,) = [one for one in drawn.answers if one.clause.id == "RD-05"]
        (said,) = [one.facts["count"] for one in recorded.evidence if one.word == "still_there"]
        return line.state, line.found, said, recorded.standing

    assert seen() == ("ok", "0", 0, Standing.IN_LINE)
    tried(world)
    assert seen() == ("bad", f"{done.hex()} tombstones 1", 1, Standing.EXCEPTION)
    spilt()
    tried(world, timedelta(hours=1))
    assert seen() == ("ok", "0", 0, Standing.IN_LINE)


def test_another_finding_is_said_too(world, done, spilt):
    tried(world)
    spilt()
    world.tamper("DELETE FROM destruction_items WHERE record_id = (SELECT record_id FROM kept)")
    world.tamper("UPDATE destruction_items SET state = 'destroyed', record_id = :r WHERE record_id ="
                 " (SELECT min(record_id) FROM destruction_items)", r=bytes(16))  # fmt: skip
    world.tamper("INSERT INTO tombstones SELECT :r, record_class, cohort_id, plan_id, 1, 1, 1 FROM kept", r=bytes(16))
    assert tried(world, timedelta(hours=1)) == [("failed", "tombstones"), ("failed", "ledger")]
    assert tried(world, timedelta(hours=1)) == [("failed", "tombstones"), ("failed", "ledger")]


def test_where_something_was_found_the_timetable_looks_again_after_an_hour_and_an_officer_at_once(world, done, spilt):
    tried(world)
    spilt()
    assert [one[0] for one in tried(world, timedelta(minutes=59, seconds=59))] == ["failed"]
    assert [one[0] for one in tried(world, timedelta(seconds=1))] == ["failed", "done"]


def test_an_officer_who_asks_need_not_wait(world, done, spilt):
    tried(world)
    spilt()
    assert certified(world, done)
    assert [one["outcome"] for one in world.events("destruction.certified")] == ["failed", "done"]


def test_two_who_find_the_same_at_once_say_it_once(world, done, spilt):
    ready, met = threading.Barrier(2), []

    def at_once():
        ready.wait()
        try:
            certified(world, done)
        except IntegrityError as error:
            met.append(error.reason)

    threads = [threading.Thread(target=at_once) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert met == ["residue_found"] * 2
    assert len(world.events("destruction.certified")) == 1


def test_a_reader_in_the_way_is_noted_and_no_event_and_hides_no_finding(world, done, spilt, monkeypatch):
    def busy(*_):
        raise StorageUnavailable("wal_busy")

    tried(world)
    with monkeypatch.context() as patched:
        patched.setattr("vault.services.steps.certifying.prove_erased", busy)
        with pytest.raises(StorageUnavailable):
            certified(world, done)
        assert waiting(world) == [("residue_found", "tombstones", 1)]
        world.tamper("DELETE FROM certificate_waits")
        with pytest.raises(StorageUnavailable):
            certified(world, done)
    assert waiting(world) == [("wal_busy", "", 0)]
    assert len(world.events("destruction.certified")) == 1
    tried(world)
    assert waiting(world) == [("residue_found", "tombstones", 1)]
    assert len(world.events("destruction.certified")) == 2


# -- final ---------------------------------------------------------------------------------------------------------


def test_it_becomes_final_with_the_close_of_its_cohorts(world):
    fill(world)
    plan_id = approved(world)
    run(world, plan_id)
    one = certified(world, plan_id)
    shown = certificates.show(world.parts, world.person(PROPOSER), one.certificate_id, world.now)
    assert not shown.is_final
    assert {each.final_from for each in shown.finality} == {date(2026, 12, 1)}
    turn_to(world)
    clock.tend(world.parts, world.now)
    clock.confirm(world.parts, world.person(APPROVER), date(2027, 1, 3), world.now)
    close_all(world)
    assert certificates.tend(world.parts, world.now) == 3
    shown = certificates.show(world.parts, world.person(PROPOSER), one.certificate_id, world.now)
    assert shown.is_final
    assert shown.certificate.statement == one.statement
    assert all(each.final_at is not None and each.certificate_id is not None for each in shown.finality)
    finals = [
        json.loads(row[0])
        for row in world.rows("SELECT statement FROM certificates WHERE kind = 'final' ORDER BY issued_at")
    ]
    assert {each["cohort"]["class"] for each in finals} == {"customer", "shipment", "service_record"}
    assert {each["cohort"]["end_on"] for each in finals} == {"2026-11-30"}
    assert sum(each["destroyed"] for each in finals) == 8
    for each in finals:
        (check,) = [found for found in each["checks"] if found["check"] == "key_refused"]
        assert check["copies"] == len(world.parts.keys.files.states())
        assert [(found["plan"], found["certificate"]) for found in each["plans"]] == [
            (plan_id.hex(), one.certificate_id.hex())
        ]
    assert certificates.tend(world.parts, world.now) == 0


def test_a_cohort_under_which_nothing_was_destroyed_gets_none(sqlite_world):
    turn_to(sqlite_world)
    close_all(sqlite_world)  # its clock was never looked at before, so it has not jumped
    assert sqlite_world.rows("SELECT count(*) FROM cohorts WHERE state = 'destroyed'")[0][0] > 0
    assert certificates.tend(sqlite_world.parts, sqlite_world.now) == 0


# -- looking and taking --------------------------------------------------------------------------------------------


def test_officers_and_auditors_see_it_and_every_look_is_logged(world, done):
    one = certified(world, done)
    for which in (one.certificate_id, done):
        assert certificates.show(world.parts, world.person(PROPOSER), which, world.now).certificate == one
    assert [each.certificate for each in certificates.listed(world.parts, world.person(PROPOSER), world.now)] == [one]
    looks = [each["facts"].get("certificate") for each in world.events("retention.viewed", "granted")]
    assert looks == [one.certificate_id.hex()] * 2 + [None]


def test_others_see_none_and_are_noted(world, done):
    certified(world, done)
    for call in (certificates.show, certificates.take):
        with pytest.raises(AccessRefused):
            call(world.parts, world.person(AGENT), done, world.now)
    with pytest.raises(AccessRefused):
        certificates.listed(world.parts, world.person(AGENT), world.now)
    assert len(world.events("retention.viewed", "refused")) == 2
    assert len(world.events("destruction.certificate_taken", "refused")) == 1


def test_one_that_is_not_there_is_a_miss(world):
    with pytest.raises(NotFound):
        certificates.show(world.parts, world.person(PROPOSER), bytes(16), world.now)
    assert len(world.events("retention.viewed", "miss")) == 1


def test_what_is_taken_home_holds_before_the_pinned_key(world, done):
    certified(world, done)
    taken = certificates.take(world.parts, SYSTEM, done, world.now)
    assert set(taken.files) == {"certificate.json", "certificate.tlog-proof", "event.json", "verify_log.py"}
    pin = world.parts.log_files.pin.read_text(encoding="ascii").strip()
    judged = judge_proof(taken.files["certificate.json"], taken.files["certificate.tlog-proof"].decode(), pin)
    assert (judged.status, judged.is_statement, judged.entry) == (0, True, taken.files["event.json"])
    (event,) = world.events("destruction.certificate_taken")
    assert event["facts"] == {"certificate": taken.shown.certificate.certificate_id.hex()}


@pytest.mark.parametrize("call", [certificates.take, certificates.show])
def test_a_row_that_somebody_edited_is_not_given_out(world, done, call):
    one = certified(world, done)
    forged = one.statement.replace(b'"destroyed":4', b'"destroyed":5')
    assert world.tamper("UPDATE certificates SET statement = :s", s=forged) == 1
    with pytest.raises(IntegrityError) as raised:
        call(world.parts, SYSTEM, done, world.now)
    assert raised.value.reason == "certificate_changed"
