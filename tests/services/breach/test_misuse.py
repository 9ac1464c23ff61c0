import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.services.breach.test_signals import AGENT, COLLEAGUE, OFFICER, SECOND_OFFICER, SUPERVISOR, Desk, opened
from tests.simulator import staff_row
from vault.domain.breach.incidents import AwareSource, IncidentKind
from vault.errors import AccessRefused, AlreadyDecided, NotFound, StepUpNeeded, VaultError
from vault.services.breach import incidents, misuse, misuse_reading
from vault.services.breach.misuse import Draft
from vault.services.steps.breach.incidents import Opening
from vault.storage.breach import misuse as rows

SECOND = timedelta(seconds=1)
STATEMENT = "于夜间查看客户 13800138000 等人的电话并外传"
REFERENCE = "宁公(鼓)受案字[2026]01234号"


def reported(world, **said):
    opening = Opening(IncidentKind.MISUSE, AwareSource.REPORT, **said)
    who = OFFICER if opening.drill else COLLEAGUE
    return incidents.open_one(world.parts, world.person(who), opening, world.now)


def drafted(world, incident_id, who=OFFICER, account=AGENT, **said):
    written = Draft(account, said.pop("statement", STATEMENT), **said)
    return misuse.draft(world.parts, world.person(who), incident_id, written, world.now)


def record(world, misuse_id):
    with world.parts.database.read() as connection:
        return rows.one(connection, misuse_id)


def signed(world, misuse_id, who=SECOND_OFFICER, digest=None):
    digest = record(world, misuse_id).digest.hex() if digest is None else digest
    misuse.sign(world.parts, world.person(who), misuse_id, digest, world.now)


def taken_back(world, misuse_id, who=OFFICER, note="查无实据"):
    misuse.withdraw(world.parts, world.person(who), misuse_id, note, world.now)


def shown(world, incident_id, who=OFFICER):
    return misuse_reading.shown(world.parts, world.person(who), incident_id, world.now).records


def refused(call, *arguments, **options):
    with pytest.raises(VaultError) as raised:
        call(*arguments, **options)
    return raised.value.reason


def clocks(world, incident_id):
    return {row[0] for row in world.rows("SELECT clock_id FROM incident_clocks WHERE incident_id = :i", i=incident_id)}


def test_a_record_is_drafted_from_the_log_and_signed_by_another_officer(world):
    desk = Desk(world, 6)
    for which in range(6):
        assert desk.reveal(which) == "shown"
    world.now += SECOND
    incident_id = reported(world)
    misuse_id = drafted(world, incident_id, contract_ended=True, loss_claimed=True, police_reference=REFERENCE)
    (one,) = shown(world, incident_id)
    assert (one.work_number, one.record.distinct_records, one.evidence["counts"]["customers_clear"]) == (AGENT, 6, 6)
    assert (one.statement, one.police_reference, one.drafted_by, one.signed_by) == (STATEMENT, REFERENCE, OFFICER, "")
    assert (one.record.contract_ended, one.record.loss_claimed, one.record.account_frozen) == (True, True, False)
    assert not one.may_sign
    (theirs,) = shown(world, incident_id, who=SECOND_OFFICER)
    assert theirs.may_sign
    signed(world, misuse_id)
    (one,) = shown(world, incident_id)
    assert (one.signed_by, one.record.signed_at, one.may_sign) == (SECOND_OFFICER, world.now, False)
    actions = [
        row[0] for row in world.rows("SELECT action FROM incident_entries WHERE incident_id = :i", i=incident_id)
    ]
    assert {"misuse.drafted", "misuse.signed"} <= set(actions)
    events = world.events("misuse.signed")
    assert events[0]["facts"]["digest"] == one.record.digest.hex()


def test_the_evidence_names_the_signals_about_the_person_and_its_digest_follows_it(world):
    desk = Desk(world, 8).limited()
    for which in range(5):
        desk.reveal(which)
    ((incident, _),) = opened(world)
    world.now += SECOND
    misuse_id = drafted(world, incident.incident_id)
    found = record(world, misuse_id)
    evidence = json.loads(found.evidence)
    (signal,) = evidence["signals"]
    assert (signal["signal"], signal["count"], len(signal["events"])) == ("reveals_alarmed", 5, 4)
    assert evidence["since"] == signal["since"]
    assert evidence["checkpoint"]["size"] > 0
    assert found.digest != replace(found, evidence=found.evidence.replace("alarmed", "warned")).digest
    assert found.digest != replace(found, loss_claimed=True).digest
    assert found.distinct_records == 4


def test_the_record_of_whoever_was_shown_fifty_one_records_opens_the_task_for_the_police_once(world):
    desk = Desk(world, 51).limited(warn_customers=100, alarm_customers=101)
    for which in range(50):
        assert desk.reveal(which) == "shown"
    desk.limited(warn_customers=25, alarm_customers=51)
    world.now += SECOND
    incident_id = reported(world)
    drafted(world, incident_id)
    assert "police" not in clocks(world, incident_id)
    desk.limited(warn_customers=100, alarm_customers=101)
    desk.reveal(50)
    desk.limited(warn_customers=25, alarm_customers=51)
    world.now += SECOND
    for _ in range(2):
        drafted(world, incident_id)
    assert "police" in clocks(world, incident_id)
    assert len(world.events("incident.clock_started")) == 1


def test_a_draft_may_be_drafted_again_until_it_is_signed_and_never_afterwards(world):
    incident_id = reported(world)
    first = drafted(world, incident_id)
    looked_at = record(world, first).digest.hex()
    assert drafted(world, incident_id, who=SECOND_OFFICER, statement="更正") == first
    assert refused(signed, world, first, who=OFFICER, digest=looked_at) == "digest_differs"
    assert record(world, first).signed_at is None
    signed(world, first, who=OFFICER)
    assert refused(drafted, world, incident_id) == "misuse_signed"
    assert refused(signed, world, first, who=OFFICER) == "misuse_signed"


def test_nobody_drafts_and_signs_alone_and_the_refusal_stays_in_the_timeline(world):
    incident_id = reported(world)
    misuse_id = drafted(world, incident_id)
    assert refused(signed, world, misuse_id, who=OFFICER) == "own_request"
    assert world.events("misuse.signed", "refused")[-1]["rule"] == "own_request"
    assert record(world, misuse_id).signed_at is None


def test_two_accounts_of_one_human_do_not_sign_for_each_other(world):
    name = "孙同名"
    world.staff(staff_row("KF3001", "imd") | {"name": name}, staff_row("KF3002", "imd") | {"name": name})
    incident_id = reported(world)
    misuse_id = drafted(world, incident_id, who="KF3001")
    assert refused(signed, world, misuse_id, who="KF3002") == "own_request"
    signed(world, misuse_id)


def test_an_officer_neither_drafts_signs_nor_reads_a_record_about_themselves(world):
    incident_id = reported(world)
    assert refused(drafted, world, incident_id, account=OFFICER) == "own_account"
    misuse_id = drafted(world, incident_id, account=OFFICER, who=SECOND_OFFICER)
    assert refused(signed, world, misuse_id, who=OFFICER) == "incident"
    assert refused(shown, world, incident_id) == "incident"
    assert len(shown(world, incident_id, who=SECOND_OFFICER)) == 1
    assert world.events("misuse.drafted", "refused")[-1]["rule"] == "own_account"


@pytest.mark.parametrize("who", [AGENT, SUPERVISOR, "KF2014"])
def test_only_officers_draft_sign_and_read(world, who):
    incident_id = reported(world)
    misuse_id = drafted(world, incident_id)
    for call in (
        lambda: drafted(world, incident_id, who=who),
        lambda: signed(world, misuse_id, who=who),
        lambda: shown(world, incident_id, who=who),
    ):
        assert refused(call) == "no_right"
    assert {one["actor"] for one in world.events(outcome="refused")} == {who}


def test_signing_needs_password_and_code_given_a_moment_ago(world):
    misuse_id = drafted(world, reported(world))
    person = replace(world.person(SECOND_OFFICER), proved_at=world.now - timedelta(hours=1))
    with pytest.raises(StepUpNeeded):
        misuse.sign(world.parts, person, misuse_id, record(world, misuse_id).digest.hex(), world.now)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"statement": "  "}, "reason_missing"),
        ({"statement": "长" * 4001}, "text_too_long"),
        ({"police_reference": "字" * 121}, "text_too_long"),
        ({"account": "KF0000"}, "account"),
        ({"account": ""}, "account"),
        ({"account": "' OR 1=1 --"}, "account"),
    ],
)
def test_what_cannot_be_written_down_is_refused(world, said, reason):
    assert refused(drafted, world, reported(world), **said) == reason


def test_a_span_that_is_empty_or_without_a_zone_is_refused(world):
    incident_id = reported(world)
    since = world.now - timedelta(hours=2)
    assert refused(drafted, world, incident_id, since=since, until=since) == "span_empty"
    assert refused(drafted, world, incident_id, since=since.replace(tzinfo=None)) == "no_time_zone"


def test_only_what_lies_within_the_span_is_counted_the_end_excluded(world):
    desk = Desk(world, 3)
    began = world.now
    for which in range(3):
        desk.reveal(which)
        world.now += timedelta(minutes=1)
    incident_id = reported(world)
    for until, count in ((2 * 60, 2), (2 * 60 + 1, 3), (60, 1)):
        misuse_id = drafted(world, incident_id, since=began, until=began + timedelta(seconds=until))
        assert record(world, misuse_id).distinct_records == count


def test_a_drill_and_an_unknown_incident_have_no_records(world):
    assert refused(drafted, world, reported(world, drill=True)) == "misuse_in_drill"
    with pytest.raises(NotFound):
        drafted(world, bytes(16))
    with pytest.raises(NotFound):
        signed(world, bytes(16), digest="00")


def test_an_account_that_is_shut_is_written_down_as_shut(world):
    world.tamper("UPDATE accounts SET state = 'suspended' WHERE work_number = :n", n=AGENT)
    misuse_id = drafted(world, reported(world))
    assert record(world, misuse_id).account_frozen


def test_what_is_typed_is_sealed_and_in_no_event(world):
    incident_id = reported(world)
    misuse_id = drafted(world, incident_id, police_reference=REFERENCE)
    signed(world, misuse_id)
    found = record(world, misuse_id)
    assert STATEMENT.encode() not in found.sealed_statement
    assert REFERENCE.encode() not in found.sealed_reference
    logged = json.dumps(world.events(), ensure_ascii=False)
    assert STATEMENT not in logged
    assert REFERENCE not in logged
    assert "13800138000" not in found.evidence


def test_two_who_sign_at_once_sign_once(world):
    world.staff(staff_row("KF3001", "imd") | {"name": "第三人"})
    misuse_id = drafted(world, reported(world))

    def sign(who):
        try:
            signed(world, misuse_id, who=who)
        except AlreadyDecided:
            return 0
        return 1

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(sign, (SECOND_OFFICER, "KF3001"))) == 1
    assert len(world.events("misuse.signed", "done")) == 1


def test_two_who_draft_at_once_make_one_record(world):
    incident_id = reported(world)
    with ThreadPoolExecutor(2) as pool:
        made = set(pool.map(lambda who: drafted(world, incident_id, who=who), (OFFICER, SECOND_OFFICER)))
    assert len(made) == 1
    assert world.count("misuse_records") == 1


def test_violations_are_counted_by_person_and_month_of_the_company(world):
    world.now = world.now.replace(day=30, hour=15, minute=59)  # the last minute of November in Shanghai
    signed(world, drafted(world, reported(world)))
    world.now += timedelta(minutes=1)
    signed(world, drafted(world, reported(world)))
    signed(world, drafted(world, reported(world)))
    signed(world, drafted(world, reported(world), account=COLLEAGUE))
    drafted(world, reported(world))
    counted = misuse_reading.per_month(world.parts, world.person(OFFICER), world.now)
    assert counted == [("2026-12", AGENT, 2), ("2026-12", COLLEAGUE, 1), ("2026-11", AGENT, 1)]
    with pytest.raises(AccessRefused):
        misuse_reading.per_month(world.parts, world.person(SUPERVISOR), world.now)


def test_a_record_is_found_by_the_beginning_of_its_id(world):
    misuse_id = drafted(world, reported(world))
    assert misuse_reading.found(world.parts, misuse_id.hex()[:6].upper()) == misuse_id
    for typed in (misuse_id.hex()[:5], "", "zzzzzz", "%" * 6, "0" * 33):
        with pytest.raises(NotFound):
            misuse_reading.found(world.parts, typed)


def test_a_draft_that_is_not_proven_is_taken_back_and_may_be_drafted_again(world):
    incident_id = reported(world)
    misuse_id = drafted(world, incident_id)
    looked_at = record(world, misuse_id).digest.hex()
    assert refused(taken_back, world, misuse_id, note=" ") == "reason_missing"
    taken_back(world, misuse_id)
    assert refused(signed, world, misuse_id, digest=looked_at) == "misuse_withdrawn"
    assert refused(taken_back, world, misuse_id) == "misuse_withdrawn"
    (one,) = shown(world, incident_id, who=SECOND_OFFICER)
    assert (one.may_sign, one.record.withdrawn_at) == (False, world.now)
    assert drafted(world, incident_id) == misuse_id
    assert record(world, misuse_id).waits
    signed(world, misuse_id)
    assert refused(taken_back, world, misuse_id) == "misuse_signed"


def test_nobody_takes_back_a_record_about_themselves(world):
    misuse_id = drafted(world, reported(world), account=OFFICER, who=SECOND_OFFICER)
    assert refused(taken_back, world, misuse_id) == "incident"
    assert refused(taken_back, world, misuse_id, who=AGENT) == "no_right"
    assert record(world, misuse_id).waits


def test_an_incident_is_not_closed_over_a_draft_that_waits(world):
    incident_id = reported(world)
    misuse_id = drafted(world, incident_id)
    lacks = incidents.shown(world.parts, world.person(OFFICER), incident_id, world.now).missing
    assert "misuse" in lacks
    taken_back(world, misuse_id)
    lacks = incidents.shown(world.parts, world.person(OFFICER), incident_id, world.now).missing
    assert "misuse" not in lacks


def test_drafting_again_signing_and_taking_back_at_once_leave_one_whole_record(world):
    incident_id = reported(world)
    misuse_id = drafted(world, incident_id)
    digest = record(world, misuse_id).digest.hex()
    acts = (
        lambda: drafted(world, incident_id, who=OFFICER, statement="更正"),
        lambda: signed(world, misuse_id, digest=digest),
        lambda: taken_back(world, misuse_id),
    ) * 2

    def reason(act):
        try:
            act()
        except VaultError as error:
            return error.reason
        return "done"

    with ThreadPoolExecutor(6) as pool:
        reasons = set(pool.map(reason, acts))
    assert reasons <= {"done", "misuse_signed", "misuse_withdrawn", "digest_differs"}
    left = record(world, misuse_id)
    assert (left.signed_at is None) or (left.withdrawn_at is None and left.digest.hex() == digest)
