"""Closing reports: a draft until the incident is closed, fixed then, and proven line by line into the log."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from hashlib import sha256

import pytest

from tests import drilling
from tests.drilling import AGENT, AUDITOR, COLLEAGUE, LESSONS, OFFICER, SUPERVISOR, begun, held
from vault import verify_log
from vault.domain.breach.incidents import AwareSource, IncidentKind, Verdict
from vault.domain.log import Actor
from vault.errors import AccessRefused, IntegrityError, NotFound
from vault.services.breach import drills, incident_report, incident_response, incidents
from vault.services.steps.breach.incidents import Opening
from vault.verify_log import judge_proof

TYPED = "客户 13800138000 来电"


def shown(world, incident_id, who=OFFICER):
    return incident_report.show(world.parts, world.person(who), incident_id, world.now)


def taken(world, incident_id, who=AUDITOR):
    return incident_report.take(world.parts, world.person(who), incident_id, world.now)


def no_breach(world):
    """Open an incident late, assess that nothing leaked, and close it."""
    opening = Opening(IncidentKind.LEAK, AwareSource.REPORT, world.now - timedelta(hours=3), TYPED)
    incident_id = incidents.open_one(world.parts, world.person(AGENT), opening, world.now)
    incident_response.activate(world.parts, world.person(OFFICER), incident_id, "夜间无人", world.now)
    incident_response.assess(world.parts, world.person(OFFICER), incident_id, Verdict.NO_BREACH, "未泄露", world.now)
    drilling.closed(world, incident_id)
    return incident_id


def pin(world):
    return (world.config.checkpoint_dir / "checkpoint.pin").read_text().strip()


def root_of(proof, size):
    """Recompute a root from a leaf, its place and its path, by nothing but RFC 6962."""
    index, last, digest = proof["index"], size - 1, base64.b64decode(proof["leaf"])
    for text in proof["path"]:
        other = base64.b64decode(text)
        if index % 2 or index == last:
            digest = sha256(b"\x01" + other + digest).digest()
            while not index % 2 and index:
                index, last = index // 2, last // 2
        else:
            digest = sha256(b"\x01" + digest + other).digest()
        index, last = index // 2, last // 2
    assert last == 0
    return digest


# -- what it says ------------------------------------------------------------------------------------------------------


def test_a_draft_tells_what_is_known_so_far_and_is_no_file_for_keeps(world):
    drill = begun(world)
    report = shown(world, drill)
    assert report.fixed is None
    assert report.document["standing"] == "draft"
    assert report.document["incident"]["state"] == "reported"
    assert [one["at"] for one in report.document["awareness"]] == [report.document["incident"]["aware_since"]]
    assert set(taken(world, drill).files) == {"report-draft.json"}
    assert world.count("incident_reports") == 0


def test_a_report_tells_everything_of_a_drill(world):
    drill = held(world)
    told = shown(world, drill).document
    assert told["standing"] == "fixed"
    assert told["drill"]["passed"] is True
    assert [one["measure"] for one in told["drill"]["lines"]] == ["activate", "list", "notify"]
    assert {one["clock"]: one["state"] for one in told["clocks"]}["activate"] == "met"
    (radius,) = told["radii"]
    assert radius["counts"]["customers"] == world.parts.policy.drills.customers
    assert radius["digest"] == world.rows("SELECT digest FROM incident_radii")[0][0].hex()
    (measure,) = told["measures"]
    assert (measure["measure"], measure["rehearsed"], measure["taken_by"]) == ("freeze_reveals", True, OFFICER)
    (notice,) = told["notices"]
    assert notice["counts"] == [
        {"channel": "sink", "state": "sent", "count": world.parts.policy.drills.customers}
    ]  # fmt: skip
    for language, typed in drilling.TEXTS.items():
        assert typed.items() <= notice["texts"][language].items()
        assert notice["texts"][language]["body"]  # the wording of the template, as it was then
    assert (notice["prepared_by"], notice["released_by"]) == (OFFICER, COLLEAGUE)
    assert [(one["to"], one["by"], one["text"]) for one in told["lessons"]] == [
        ("asked", OFFICER, LESSONS),
        ("closed", COLLEAGUE, "已核对"),
    ]
    assert told["misuse"] == []
    assert {one["work_number"] for one in told["people"]} == {OFFICER, COLLEAGUE}
    assert "drill.scored" in [one["action"] for one in told["timeline"]]


def test_what_was_missed_is_told_with_its_reason_and_corrections_behind_the_first_time(world):
    opening = Opening(IncidentKind.LEAK, AwareSource.REPORT, world.now - timedelta(hours=3))
    incident_id = incidents.open_one(world.parts, world.person(AGENT), opening, world.now)
    earlier = world.now - timedelta(hours=5)
    incident_response.correct_awareness(world.parts, world.person(OFFICER), incident_id, earlier, "值班记录", world.now)
    incident_response.activate(world.parts, world.person(OFFICER), incident_id, "夜间无人", world.now)
    reason = "邮政专线占线"
    incident_response.finish_clock(world.parts, world.person(OFFICER), incident_id, "postal", reason, world.now)
    told = shown(world, incident_id).document
    clocks = {one["clock"]: one for one in told["clocks"]}
    assert (clocks["activate"]["state"], clocks["activate"]["reason"]) == ("late", "夜间无人")
    assert (clocks["postal"]["state"], clocks["postal"]["reason"]) == ("late", reason)
    assert clocks["report"]["state"] == "running"
    first, correction = told["awareness"]
    assert (first["source"], first["said_by"], correction["said_by"]) == ("report", AGENT, OFFICER)
    assert told["incident"]["aware_since"] == correction["at"] < first["at"]


def test_of_people_it_holds_work_numbers_and_no_note_of_the_timeline(world):
    incident_id = no_breach(world)
    files = taken(world, incident_id).files
    assert TYPED.encode() not in b"".join(files[name] for name in files if name != "verify_log.py")
    assert "13800138000" not in json.dumps(world.events(), ensure_ascii=False)
    told = shown(world, incident_id).document
    assert {one["work_number"]: one["role"] for one in told["people"]} == {
        AGENT: "agent", OFFICER: "imd", COLLEAGUE: "imd",
    }  # fmt: skip


def test_it_is_sealed_where_it_is_stored(world):
    incident_id = no_breach(world)
    shown(world, incident_id)
    (sealed,) = world.rows("SELECT sealed_statement FROM incident_reports")[0]
    assert OFFICER.encode() not in bytes(sealed)


# -- once it is closed -------------------------------------------------------------------------------------------------


def test_it_is_fixed_once_by_the_timetable_or_by_the_first_look(world):
    incident_id = no_breach(world)
    assert incident_report.tend(world.parts, world.now) == 1
    assert incident_report.tend(world.parts, world.now) == 0
    (event,) = world.events("incident.report_fixed")
    digest = world.rows("SELECT digest FROM incident_reports")[0][0]
    assert event["facts"] == {"incident": incident_id.hex(), "statement": digest}
    first = shown(world, incident_id)
    world.now += timedelta(days=40)
    again = shown(world, incident_id)
    assert first.statement == again.statement
    assert sha256(again.statement).hexdigest() == again.digest == digest


def test_two_who_fix_it_at_once_fix_one(world):
    incident_id = no_breach(world)
    with ThreadPoolExecutor(4) as pool:
        digests = set(pool.map(lambda _: shown(world, incident_id).digest, range(4)))
    assert len(digests) == world.count("incident_reports") == len(world.events("incident.report_fixed")) == 1


def test_a_drill_is_scored_before_its_report_is_fixed(world):
    drill = held(world)
    incident_report.tend(world.parts, world.now)
    assert shown(world, drill).document["drill"]["passed"] is True
    assert drills.tend(world.parts, world.now) == 0


def test_a_report_that_somebody_changed_or_sealed_anew_is_refused(world):
    incident_id = no_breach(world)
    statement = shown(world, incident_id).statement
    with world.parts.database.read() as connection:
        store = world.parts.keys.current(connection)
    other = statement.replace(b'"no_breach"', b'"breach"')
    world.tamper("UPDATE incident_reports SET sealed_statement = :s",
                 s=store.seal_person(incident_id, "report", other.decode()))  # fmt: skip
    with pytest.raises(IntegrityError, match="report_changed"):
        shown(world, incident_id)
    world.tamper("UPDATE incident_reports SET digest = :d", d=sha256(other).hexdigest())
    with pytest.raises(IntegrityError, match="report_changed"):
        taken(world, incident_id)


# -- proofs ------------------------------------------------------------------------------------------------------------


def test_the_verifier_judges_a_report_that_was_taken_home(world):
    incident_id = no_breach(world)
    files = taken(world, incident_id).files
    assert set(files) == {"report.json", "report.tlog-proof", "event.json", "verify_log.py"}
    judged = judge_proof(files["report.json"], files["report.tlog-proof"].decode(), pin(world))
    assert (judged.findings, judged.is_statement) == ((), True)
    changed = files["report.json"].replace(b'"no_breach"', b'"breach"')
    assert changed != files["report.json"]
    assert judge_proof(changed, files["report.tlog-proof"].decode(), pin(world)).findings


def test_each_line_of_the_timeline_leads_to_the_checkpoint_in_the_report(world):
    drill = held(world)
    told = shown(world, drill).document
    events = {one["id"]: one for one in world.events()}
    assert len(told["timeline"]) >= 10
    lines = told["log"]["checkpoint"].splitlines()
    size, root = int(lines[1]), base64.b64decode(lines[2])
    assert size == told["log"]["size"]
    for line in told["timeline"]:
        assert root_of(line["proof"], size) == root
        canonical = world.rows("SELECT canonical FROM log_events WHERE leaf_index = :i", i=line["index"])[0][0]
        assert base64.b64decode(line["proof"]["leaf"]) == sha256(b"\x00" + bytes(canonical)).digest()
        assert events[line["event"]]["action"] == line["action"]
        assert events[line["event"]]["facts"]["incident"] == drill.hex()
    heads = verify_log._Heads(pin(world))
    assert heads.state(told["log"]["checkpoint"]) == (size, root)


# -- who ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", [OFFICER, SUPERVISOR, AUDITOR])
def test_who_may_read_incidents_sees_it_and_each_look_is_an_event_first(world, who):
    drill = begun(world)
    shown(world, drill, who)
    assert (world.events("incident.viewed")[-1]["actor"], world.events("incident.viewed")[-1]["facts"]) == (
        who, {"incident": drill.hex()},
    )  # fmt: skip
    taken(world, drill, who)
    assert world.events("incident.report_taken")[-1]["actor"] == who


def test_others_are_refused_and_that_is_logged(world):
    drill = begun(world)
    for call in (shown, taken):
        with pytest.raises(AccessRefused):
            call(world, drill, AGENT)
    assert [one["actor"] for one in world.events("incident.viewed", "refused")] == [AGENT, AGENT]


def test_the_operator_takes_it_too_and_there_is_none_of_what_is_not_there(world):
    drill = begun(world)
    operator = Actor("operator:root", "operator")
    assert incident_report.show(world.parts, operator, drill, world.now).document["incident"]["id"] == drill.hex()
    with pytest.raises(NotFound):
        incident_report.show(world.parts, operator, bytes(16), world.now)
