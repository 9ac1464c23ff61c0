"""The call list, letters and files: contacts opened one act at a time, each customer settled once."""

import csv
import dataclasses
import hashlib
import json
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests import breach
from tests.breach import OFFICER, SECOND
from tests.mailbox import Mailbox
from vault.domain.breach.breach_notices import CallOutcome, Channel, DoubtDecision
from vault.domain.breach.containment import Measure
from vault.errors import AccessRefused, AlreadyDecided, InvalidValue, LogUnavailable, NotFound
from vault.services.breach import breach_notices, containment, notice_calls, notice_files, notice_letters
from vault.services.steps.breach import noticing


def listed(world, incident, campaign, who=OFFICER):
    return notice_calls.listed(world.parts, world.person(who), incident, campaign, world.now)


def shown(world, incident, campaign, record, who=OFFICER):
    return notice_calls.number(world.parts, world.person(who), incident, campaign, record, world.now)


def tick(world, incident, campaign, record, outcome, who=OFFICER):
    return notice_calls.tick(world.parts, world.person(who), incident, campaign, record, outcome, world.now)


def outstanding(world, incident_id):
    with world.parts.database.read() as connection:
        return noticing.outstanding(connection, incident_id)


@pytest.fixture
def supervisor(world):
    rows = world.rows("SELECT work_number FROM accounts WHERE role = 'supervisor' ORDER BY 1")
    return str(rows[0][0])


def test_one_number_at_a_time_is_shown_by_a_logged_opening(world, supervisor):
    incident, campaign = breach.released(world, 2, (Channel.CALL,))
    first = listed(world, incident, campaign, supervisor)[0].record_id
    found = notice_calls.number(world.parts, world.person(supervisor), incident, campaign, first, world.now)
    values = world.values_of(first)
    assert (found.name.disclose(), found.number.disclose()) == (values["name", 0], values["phone", 0])
    (event,) = world.events("notice.contacts_opened")
    assert event["purpose"] == "breach_notice"
    assert [(one["id"], one["fields"]) for one in event["records"]] == [(first.hex(), ["name", "phone"])]


def test_a_call_settles_a_customer_once_and_in_vain_only_after_so_many(world):
    incident, campaign = breach.released(world, 3, (Channel.CALL,))
    reached, wrong, never = (one.record_id for one in listed(world, incident, campaign))
    for one in (reached, wrong, never):
        shown(world, incident, campaign, one)
    assert tick(world, incident, campaign, reached, CallOutcome.REACHED) == "called"
    with pytest.raises(AlreadyDecided, match="notice_moved_on"):
        tick(world, incident, campaign, reached, CallOutcome.REACHED)
    assert tick(world, incident, campaign, wrong, CallOutcome.WRONG_NUMBER) == "unreachable"
    for expected in ("waiting", "waiting", "unreachable"):
        assert outstanding(world, incident) == 1
        assert tick(world, incident, campaign, never, CallOutcome.NOT_REACHED) == expected
    assert outstanding(world, incident) == 0
    assert breach.states(world, campaign) == {"called": 1, "unreachable": 2}
    assert len(world.rows("SELECT 1 FROM notice_calls")) == 5
    assert len(world.events("notice.called", "done")) == 5


def test_how_a_call_went_says_only_who_was_shown_the_number_last(world, supervisor):
    incident, campaign = breach.released(world, 2, (Channel.CALL,))
    first, second = (one.record_id for one in listed(world, incident, campaign))
    with pytest.raises(InvalidValue, match="number_not_shown"):
        tick(world, incident, campaign, first, CallOutcome.REACHED)
    shown(world, incident, campaign, first)
    for record, who in ((second, OFFICER), (first, supervisor)):  # another customer's, and somebody else
        with pytest.raises(InvalidValue, match="number_not_shown"):
            tick(world, incident, campaign, record, CallOutcome.REACHED, who)
    assert breach.states(world, campaign) == {"waiting": 2}
    shown(world, incident, campaign, first, supervisor)
    with pytest.raises(InvalidValue, match="number_not_shown"):
        tick(world, incident, campaign, first, CallOutcome.REACHED)
    assert tick(world, incident, campaign, first, CallOutcome.REACHED, supervisor) == "called"
    assert world.rows("SELECT count(*) FROM notice_calls") == [(1,)]


def test_who_finds_no_number_any_more_can_still_say_so(sqlite_world):
    world = sqlite_world
    incident, campaign = breach.released(world, 1, (Channel.CALL,))
    (one,) = listed(world, incident, campaign)
    world.tamper("UPDATE records SET outlet = 'XX-XX-01' WHERE record_id = :id", id=one.record_id)
    with pytest.raises(NotFound):
        shown(world, incident, campaign, one.record_id)
    assert tick(world, incident, campaign, one.record_id, CallOutcome.WRONG_NUMBER) == "unreachable"


def test_numbers_count_as_reveals_up_to_the_alarm_and_neither_quota_nor_freeze_stops_them(world, supervisor):
    policy = world.parts.policy
    limits = dataclasses.replace(policy.limits, warn_customers=2, alarm_customers=3)
    quotas = {role: dataclasses.replace(one, reveals_hour=1, reveals_day=1) for role, one in limits.quotas.items()}
    limits = dataclasses.replace(limits, quotas=quotas)
    world.parts = dataclasses.replace(world.parts, policy=dataclasses.replace(policy, limits=limits))
    incident, campaign = breach.released(world, 4, (Channel.CALL,))
    officer = world.person(OFFICER)
    containment.take(world.parts, officer, incident, Measure.FREEZE_REVEALS, "", "", world.now)
    for one in listed(world, incident, campaign):
        shown(world, incident, campaign, one.record_id, supervisor)
        shown(world, incident, campaign, one.record_id, supervisor)  # the same customer counts once
    assert len(world.events("notice.contacts_opened", "granted")) == 8
    raised = world.rows("SELECT kind, count FROM signals ORDER BY count")
    assert raised == [("warned", 2), ("alarmed", 3)]
    assert world.rows("SELECT count(*) FROM incidents WHERE kind = 'misuse'") == [(1,)]
    assert world.rows("SELECT count(*) FROM disclosures WHERE kind = 'reveal'") == [(8,)]


def test_two_who_tick_one_call_at_once_count_once(world):
    incident, campaign = breach.released(world, 1, (Channel.CALL,))
    (one,) = listed(world, incident, campaign)
    shown(world, incident, campaign, one.record_id)

    def call(_):
        try:
            tick(world, incident, campaign, one.record_id, CallOutcome.REACHED)
        except AlreadyDecided:
            return 0
        return 1

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(call, range(2))) == 1
    assert len(world.rows("SELECT 1 FROM notice_calls")) == 1


def test_nobody_else_sees_the_list_or_a_number(sqlite_world):
    world = sqlite_world
    incident, campaign = breach.released(world, 1, (Channel.CALL,))
    other = breach.opened(world)
    (one,) = listed(world, incident, campaign)
    refused = [str(row[0]) for row in world.rows("SELECT work_number FROM accounts WHERE role IN ('agent', 'auditor')")]
    for who in refused[:1] + refused[-1:]:
        with pytest.raises(AccessRefused, match="no_right"):
            listed(world, incident, campaign, who)
        with pytest.raises(AccessRefused, match="no_right"):
            notice_calls.number(world.parts, world.person(who), incident, campaign, one.record_id, world.now)
    for matter, notice, record in ((other, campaign, one.record_id), (incident, bytes(16), one.record_id),
                                   (incident, campaign, bytes(16))):  # fmt: skip
        with pytest.raises(NotFound):
            notice_calls.number(world.parts, world.person(OFFICER), matter, notice, record, world.now)
        with pytest.raises(NotFound):
            tick(world, matter, notice, record, CallOutcome.REACHED)
    assert world.events("notice.contacts_opened", "granted") == []


def test_doubts_are_called_taken_for_arrived_or_sent_again_under_the_same_name(world):
    with Mailbox() as box:
        breach.with_mail(world, box.url, patience=0.2)
        box.keeps_silent, box.takes_silently = (lambda to: to < "c00002"), False
        incident, campaign = breach.released(world, 3)
        breach.send(world, incident)
        assert breach.states(world, campaign) == {"sent": 1, "unknown": 2}
        first, second = (one.record_id for one in listed(world, incident, campaign))
        officer = world.person(OFFICER)
        count = notice_calls.decide(world.parts, officer, incident, campaign, DoubtDecision.ARRIVED, world.now, first)
        assert count == 1
        key = world.rows("SELECT key FROM notice_recipients WHERE record_id = :one", one=second)[0][0].hex()
        assert notice_calls.decide(world.parts, officer, incident, campaign, DoubtDecision.AGAIN, world.now) == 1
        box.keeps_silent = lambda _: False
        breach.send(world, incident)
        assert breach.states(world, campaign) == {"sent": 3}
        assert key in box.got[-1][1]["Message-ID"]
        with pytest.raises(AlreadyDecided, match="notice_moved_on"):
            notice_calls.decide(world.parts, officer, incident, campaign, DoubtDecision.AGAIN, world.now)


def test_letters_are_made_page_by_page_and_wait_until_they_are_posted(world):
    incident, campaign = breach.released(world, 3, (Channel.LETTER,))
    officer = world.person(OFFICER)
    made = notice_letters.printed(world.parts, officer, incident, campaign, world.now)
    assert {(one.name, one.address) for one in made} == {("王小明", "福建省厦门市思明区半夏路222号2单元2004室")}
    assert all("王*" in one.said["zh"].body and "王小明" not in one.said["zh"].body for one in made)
    assert breach.states(world, campaign) == {"waiting": 3}
    ids = [one.record_id for one in made]
    assert notice_letters.posted(world.parts, officer, incident, campaign, ids[:2], world.now) == 2
    with pytest.raises(AlreadyDecided, match="notice_moved_on"):
        notice_letters.posted(world.parts, officer, incident, campaign, ids[:2], world.now)
    assert breach.states(world, campaign) == {"posted": 2, "waiting": 1}
    assert notice_letters.printed(world.parts, officer, incident, campaign, world.now) == []  # it was handed out
    again = notice_letters.printed(world.parts, officer, incident, campaign, world.now, again=True)
    assert [one.record_id for one in again] == [ids[2]]
    with pytest.raises(InvalidValue, match="too_many_records"):
        notice_letters.posted(world.parts, officer, incident, campaign, [bytes(16)] * 101, world.now)


def test_a_letter_that_nobody_printed_is_not_posted(world):
    incident, campaign = breach.released(world, 2, (Channel.LETTER,))
    officer, ids = world.person(OFFICER), breach.ids_of(world)
    with pytest.raises(AlreadyDecided, match="notice_moved_on"):
        notice_letters.posted(world.parts, officer, incident, campaign, ids, world.now)
    small_pages(world, 1)
    (one,) = printed(world, incident, campaign)
    small_pages(world, 2)
    assert notice_letters.posted(world.parts, officer, incident, campaign, ids, world.now) == 1
    assert breach.states(world, campaign) == {"posted": 1, "waiting": 1}
    (event,) = world.events("notice.posted")
    assert [each["id"] for each in event["records"]] == [one.hex()]


def small_pages(world, letters):
    rules = dataclasses.replace(world.parts.policy.breach_notices, letters=letters)
    world.parts = dataclasses.replace(world.parts, policy=dataclasses.replace(world.parts.policy, breach_notices=rules))


def test_all_printed_letters_are_posted_at_once_unless_they_are_others_by_now(world):
    incident, campaign = breach.released(world, 5, (Channel.LETTER,))
    officer, second = world.person(OFFICER), world.person(SECOND)
    small_pages(world, 2)
    for _ in range(2):
        assert len(notice_letters.printed(world.parts, officer, incident, campaign, world.now)) == 2
    for stale in (0, 2, 5):
        with pytest.raises(AlreadyDecided, match="notice_moved_on"):
            notice_letters.all_posted(world.parts, second, incident, campaign, stale, world.now)
    assert breach.states(world, campaign) == {"waiting": 5}
    assert notice_letters.all_posted(world.parts, second, incident, campaign, 4, world.now) == 4
    assert breach.states(world, campaign) == {"posted": 4, "waiting": 1}
    assert [event["facts"]["count"] for event in world.events("notice.posted")] == [2, 2]  # a page is an event
    with pytest.raises(AlreadyDecided, match="notice_moved_on"):
        notice_letters.all_posted(world.parts, officer, incident, campaign, 0, world.now)


def printed(world, incident, campaign, who=OFFICER, **options):
    made = notice_letters.printed(world.parts, world.person(who), incident, campaign, world.now, **options)
    return [one.record_id for one in made]


def test_two_officers_who_print_at_once_get_different_letters(world):
    incident, campaign = breach.released(world, 4, (Channel.LETTER,))
    small_pages(world, 2)
    with ThreadPoolExecutor(2) as pool:
        pages = list(pool.map(lambda who: printed(world, incident, campaign, who), (OFFICER, breach.SECOND)))
    pages.append(printed(world, incident, campaign))
    assert sorted(one for page in pages for one in page) == breach.ids_of(world)
    standing = breach_notices.standing(world.parts, world.person(OFFICER), incident, world.now)
    assert standing.campaigns[0].handed_out == 4


def test_letters_that_got_lost_are_printed_again_page_by_page(world):
    incident, campaign = breach.released(world, 4, (Channel.LETTER,))
    small_pages(world, 2)
    first, second = printed(world, incident, campaign), printed(world, incident, campaign)
    assert printed(world, incident, campaign) == []
    world.now += timedelta(minutes=1)
    again = [printed(world, incident, campaign, again=True)]
    world.now += timedelta(minutes=1)
    again.append(printed(world, incident, campaign, again=True))
    assert again == [first, second]


def test_letters_that_nobody_saw_because_the_log_was_away_are_not_handed_out(sqlite_world, monkeypatch):
    world = sqlite_world
    incident, campaign = breach.released(world, 2, (Channel.LETTER,))

    def away(*_):
        raise LogUnavailable("log_unavailable")

    with monkeypatch.context() as patched:
        patched.setattr(type(world.parts.log_writer), "write", away)
        with pytest.raises(LogUnavailable):
            printed(world, incident, campaign)
    assert len(printed(world, incident, campaign)) == 2


def test_a_file_that_nobody_picks_up_is_removed_and_its_customers_are_decided_on(world):
    incident, campaign = breach.released(world, 3, (Channel.FILE,))
    officer, folder = world.person(OFFICER), world.config.data_dir / "outbox"
    notice_files.make(world.parts, officer, incident, campaign, "csv", world.now)
    assert outstanding(world, incident) == 3  # nobody has said that it was picked up
    day = timedelta(hours=world.parts.policy.breach_notices.file_hours)
    notice_files.sweep(world.parts, world.now + day - timedelta(seconds=1))
    assert len(list(folder.iterdir())) == 2
    world.now += day
    notice_files.sweep(world.parts, world.now)
    assert list(folder.iterdir()) == []
    assert breach.states(world, campaign) == {"unknown": 3}
    (event,) = world.events("notice.file_removed")
    assert (event["actor"], event["facts"]["count"], event["facts"]["unknown"]) == ("system", 3, 3)
    assert outstanding(world, incident) == 3
    notice_files.sweep(world.parts, world.now)
    assert len(world.events("notice.file_removed")) == 1
    notice_calls.decide(world.parts, officer, incident, campaign, DoubtDecision.AGAIN, world.now)
    made = notice_files.make(world.parts, officer, incident, campaign, "csv", world.now)
    notice_files.remove(world.parts, officer, incident, made.file_id, world.now)
    assert outstanding(world, incident) == 0


def test_a_file_of_a_closed_incident_is_removed_at_once(world):
    incident, campaign = breach.released(world, 1, (Channel.FILE,))
    notice_files.make(world.parts, world.person(OFFICER), incident, campaign, "csv", world.now)
    world.tamper("UPDATE incidents SET state = 'closed' WHERE incident_id = :one", one=incident)
    notice_files.sweep(world.parts, world.now)
    assert list((world.config.data_dir / "outbox").iterdir()) == []


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_file_for_another_sender_is_whole_private_and_holds_everybody_once(world, form):
    incident, campaign = breach.released(world, 3, (Channel.FILE,))
    officer = world.person(OFFICER)
    made = notice_files.make(world.parts, officer, incident, campaign, form, world.now)
    folder = world.config.data_dir / "outbox"
    path = folder / f"notice-{made.file_id.hex()}.{form}"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    content = path.read_bytes()
    assert hashlib.sha256(content).hexdigest() == made.digest
    manifest = json.loads((folder / f"{path.name}.manifest.json").read_text())
    assert (manifest["count"], manifest["sha256"]) == (3, made.digest)
    text = content.decode("utf-8-sig")
    lines = list(csv.DictReader(text.splitlines(keepends=True))) if form == "csv" else [
        json.loads(line) for line in text.splitlines()
    ]  # fmt: skip
    phones = {world.values_of(one)["phone", 0] for one in breach.ids_of(world)}
    assert {line["phone"] for line in lines} == phones
    assert len(lines) == 3
    assert breach.states(world, campaign) == {"sent": 3}
    with pytest.raises(AlreadyDecided, match="nobody_to_tell"):
        notice_files.make(world.parts, officer, incident, campaign, form, world.now)
    notice_files.remove(world.parts, officer, incident, made.file_id, world.now)
    assert list(folder.iterdir()) == []
    with pytest.raises(AlreadyDecided, match="notice_moved_on"):
        notice_files.remove(world.parts, officer, incident, made.file_id, world.now)
    (event,) = world.events("notice.file_made")
    assert (event["facts"]["count"], event["facts"]["digest"]) == (3, made.digest)


def test_a_number_with_its_countrys_can_be_dialled_from_the_file(sqlite_world):
    world = sqlite_world
    incident, campaign = breach.released(world, 1, (Channel.FILE,), phone="+85291234567")
    made = notice_files.make(world.parts, world.person(OFFICER), incident, campaign, "csv", world.now)
    with Path(made.path).open(encoding="utf-8-sig", newline="") as file:
        (line,) = csv.DictReader(file)
    assert line["phone"] == "+85291234567"


@pytest.mark.parametrize("cell", ["=1+1", "+1+cmd", "+852 9123", "-1", "@sum", "\t=1", "\r=1", "+", "+٣"])
def test_a_cell_that_a_spreadsheet_would_run_is_made_harmless(cell):
    (cells,) = csv.reader(notice_files._csv_line((cell, "x")).decode().splitlines(keepends=True))
    assert cells == [f"'{cell}", "x"]


def test_a_file_whose_run_was_killed_leaves_everybody_in_doubt_and_is_removed(sqlite_world, monkeypatch):
    world = sqlite_world
    incident, campaign = breach.released(world, 2, (Channel.FILE,))

    def killed(*_args, **_given):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("vault.storage.breach.notice_recipients.settle_all", killed)
        with pytest.raises(KeyboardInterrupt):
            notice_files.make(world.parts, world.person(OFFICER), incident, campaign, "csv", world.now)
    assert breach.states(world, campaign) == {"sending": 2}
    world.now += timedelta(minutes=3)
    breach.send(world, incident)
    assert breach.states(world, campaign) == {"unknown": 2}
    assert outstanding(world, incident) == 2
    folder = world.config.data_dir / "outbox"
    (folder / f".notice-{'0' * 32}.csv.part").write_text("half of one")
    assert len(list(folder.iterdir())) == 3
    notice_files.sweep(world.parts, datetime.now(UTC))
    assert len(list(folder.iterdir())) == 3  # somebody may be writing them at this moment
    notice_files.sweep(world.parts, datetime.now(UTC) + timedelta(minutes=3))
    assert list(folder.iterdir()) == []
