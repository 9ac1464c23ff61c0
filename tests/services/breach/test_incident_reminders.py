"""Reminders of clocks: each told once, whatever the clock, the processes and the mail server do."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.mailbox import Mailbox, with_mail
from tests.simulator import World
from vault.domain.breach.incidents import AwareSource, IncidentKind, Verdict
from vault.errors import AccessRefused, NotFound, VaultError
from vault.services import clock as clocks
from vault.services import inbox
from vault.services.breach import incident_reminders, incident_response, incidents
from vault.services.steps.breach.incidents import Opening
from vault.storage.breach import incident_reminders as stored
from vault.storage.engine import Database

AGENT, SUPERVISOR, OFFICER, COLLEAGUE = "KF2001", "KF2010", "KF2012", "KF2013"
ADMIN = "ADMIN01"
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
DUTY, ABOVE = "duty@example.com", "supervisors@example.com"


def opened(world: World, kind: str = "surge", **said: object) -> bytes:
    """Open an incident: by default one of whose clocks, besides the report's, two run two hours."""
    opening = Opening(IncidentKind(kind), AwareSource.REPORT, **said)  # type: ignore[arg-type]
    who = OFFICER if opening.drill else AGENT
    return incidents.open_one(world.parts, world.person(who), opening, world.now)


def tend(world: World, passed: timedelta) -> int:
    """Look at the clocks when so much time has passed."""
    return incident_reminders.tend(world.parts, world.now + passed)


def told(world: World, number: str) -> list[str]:
    """Return what somebody was reminded of, the earliest first."""
    kinds = [one.kind.value for one in reversed(inbox.listed(world.parts, world.person(number)))]
    return [one.removeprefix("incident_clock_") for one in kinds if one.startswith("incident_clock_")]


def marks(world: World, incident_id: bytes, clock: str = "activate", role: str = "imd") -> list[int]:
    found = incident_reminders.listed(world.parts, world.person(OFFICER), incident_id, world.now)
    return [one.mark for one in found if one.clock_id == clock and one.role.value == role]


def missed(world: World, clock: str = "activate") -> list[str]:
    found = world.events("incident.clock_missed")
    return [one["at"] for one in found if one["facts"]["clock"] == clock]


def state(world: World, incident_id: bytes, at: timedelta, clock: str = "activate") -> str:
    one = incidents.shown(world.parts, world.person(OFFICER), incident_id, world.now + at)
    return next(each.state(one.now).value for each in one.clocks if each.clock_id == clock)


def activate(world: World, incident_id: bytes, at: timedelta) -> None:
    incident_response.activate(world.parts, world.person(OFFICER), incident_id, "先启动", world.now + at)


# -- what is due ---------------------------------------------------------------------------------------------------


def test_each_mark_is_told_at_its_time_and_once(world: World) -> None:
    incident_id = opened(world, "leak")
    every = [0, 50, 80, 100, 101]
    for number, edge in enumerate((HOUR, 96 * MINUTE, 2 * HOUR + SECOND, 3 * HOUR), start=1):
        expected = every[: number + 1]
        tend(world, edge - 2 * SECOND)
        assert marks(world, incident_id) == expected[:-1]
        for again in (0 * SECOND, 0 * SECOND, SECOND):
            tend(world, edge + again)
            assert marks(world, incident_id) == expected
    assert [one for one in told(world, OFFICER) if one != "half"].count("missed") == 2  # the postal report too


def test_the_roles_of_the_clock_are_told_and_those_above_them_only_once_it_is_missed(world: World) -> None:
    incident_id = opened(world, "leak")
    tend(world, 96 * MINUTE)
    assert (marks(world, incident_id), marks(world, incident_id, role="supervisor")) == ([80], [])
    assert told(world, ADMIN) == []
    tend(world, 2 * HOUR)
    assert (marks(world, incident_id, role="supervisor"), missed(world)) == ([], [])
    tend(world, 2 * HOUR + SECOND)
    assert marks(world, incident_id, role="supervisor") == marks(world, incident_id, role="admin") == [100]
    assert told(world, ADMIN) == ["missed"]
    assert told(world, AGENT) == []


def test_what_is_missed_is_recorded_once_and_for_ever(world: World) -> None:
    incident_id = opened(world, "leak")
    for at in (2 * HOUR - SECOND, 2 * HOUR):
        tend(world, at)
        assert (missed(world), state(world, incident_id, at)) == ([], "running")
    for at in (2 * HOUR + SECOND, 2 * HOUR + SECOND, 3 * HOUR, 9 * HOUR):
        tend(world, at)
        assert len(missed(world)) == 1
    (event,) = [one for one in world.events("incident.clock_missed") if one["facts"]["clock"] == "activate"]
    assert (event["actor"], event["outcome"], event["rule"]) == ("system", "failed", "clock.activate")
    assert event["facts"]["incident"] == incident_id.hex()
    one = incidents.shown(world.parts, world.person(OFFICER), incident_id, world.now + 9 * HOUR)
    assert [each.action for each in one.entries].count("incident.clock_missed") == 2
    activate(world, incident_id, 10 * HOUR)
    assert state(world, incident_id, 10 * HOUR) == "late"
    tend(world, 12 * HOUR)
    assert len(missed(world)) == 1
    assert marks(world, incident_id) == [80, 100, 101, 107]


def test_what_is_done_is_not_reminded_of_and_what_one_officer_took_for_none_still_is(world: World) -> None:
    incident_id = opened(world, "leak")
    activate(world, incident_id, MINUTE)
    officer, at = world.person(OFFICER), world.now + 9 * MINUTE
    incident_response.assess(world.parts, officer, incident_id, Verdict.NO_BREACH, "没有", at)
    tend(world, 9 * HOUR)
    assert marks(world, incident_id) == missed(world) == []
    assert marks(world, incident_id, "postal") == [100 + 8]
    assert len(missed(world, "postal")) == 1


def test_two_clocks_of_one_incident_and_two_incidents_are_each_told_by_themselves(world: World) -> None:
    one, other = opened(world), opened(world)
    tend(world, HOUR)
    assert told(world, OFFICER) == ["half", "half"]
    assert told(world, SUPERVISOR) == ["half", "half"]
    assert marks(world, one, "surge_plan", "supervisor") == marks(world, other, "surge_plan", "supervisor") == [50]


def test_a_time_of_awareness_that_comes_forward_brings_the_reminder_forward(world: World) -> None:
    incident_id = opened(world, "leak")
    at = world.now + 10 * MINUTE
    incident_response.correct_awareness(world.parts, world.person(OFFICER), incident_id, world.now - HOUR, "来电", at)
    tend(world, 10 * MINUTE)
    assert marks(world, incident_id) == [50]


def test_a_clock_that_the_policy_does_not_know_any_more_still_runs_out(world: World) -> None:
    incident_id = opened(world, "leak")
    rules = world.parts.policy.incidents
    fewer = {name: one for name, one in rules.clocks.items() if name != "postal"}
    policy = replace(world.parts.policy, incidents=replace(rules, clocks=fewer))
    incident_reminders.tend(replace(world.parts, policy=policy), world.now + HOUR + SECOND)
    assert len(missed(world, "postal")) == 1
    assert marks(world, incident_id, "postal") == [100]


# -- downtime, processes, clocks ----------------------------------------------------------------------------------


def test_after_downtime_the_latest_reminder_comes_once_and_says_that_it_is_late(world: World) -> None:
    incident_id = opened(world, "leak")
    world.restart()
    tend(world, 7 * HOUR + 20 * MINUTE)
    (reminder,) = [
        one
        for one in incident_reminders.listed(world.parts, world.person(OFFICER), incident_id, world.now)
        if (one.clock_id, one.role.value) == ("activate", "imd")
    ]
    assert (reminder.mark, reminder.late) == (105, True)
    assert Counter(told(world, OFFICER)) == {"overdue": 2}
    assert len(missed(world)) == 1


def test_two_processes_at_once_remind_and_record_once(world: World) -> None:
    opened(world)
    incident_id = opened(world, "leak")
    others = [replace(world.parts, database=Database(world.config.database_url)) for _ in range(4)]
    barrier, failed = threading.Barrier(4), []

    def run(number: int) -> None:
        for step in range(3):
            barrier.wait()  # clocks of processes are seconds apart, never an hour
            try:
                at = world.now + 2 * HOUR + step * HOUR + (1 + number) * SECOND
                incident_reminders.tend(others[number], at)
            except VaultError as error:
                failed.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for other in others:
        other.database.dispose()
    assert failed == []
    assert len(missed(world)) == 2
    assert marks(world, incident_id) == [100, 101, 102]
    # Of the two incidents each reminder was told to each person once.
    count = world.rows("SELECT count(*) FROM incident_reminders WHERE role = 'admin'")[0][0]
    assert Counter(told(world, ADMIN)).total() == count


def test_two_nodes_whose_clocks_differ_by_minutes_tell_nothing_twice(world: World) -> None:
    incident_id = opened(world, "leak")
    for at in (HOUR + 9 * MINUTE, HOUR, HOUR + MINUTE, HOUR + 10 * MINUTE):
        # What the clock of the other node said last is not known here: both looked at the mark at the same moment.
        world.tamper("DELETE FROM clock_marks")
        tend(world, at)
    assert marks(world, incident_id) == [50]
    assert sorted(told(world, OFFICER)) == ["half", "missed"]


def test_a_clock_set_back_revives_nothing_and_tells_nothing_twice(world: World) -> None:
    incident_id = opened(world, "leak")
    tend(world, 2 * HOUR + SECOND)
    for at in (-DAY, 0 * HOUR, HOUR, 96 * MINUTE, 2 * HOUR):
        assert tend(world, at) == 0
        assert state(world, incident_id, at) == "missed"
    assert marks(world, incident_id) == [100]
    tend(world, 3 * HOUR)
    assert marks(world, incident_id) == [100, 101]
    assert len(missed(world)) == 1


def test_after_a_jump_people_are_reminded_at_once_and_nothing_is_recorded_before_an_officer_confirms(
    world: World,
) -> None:
    incident_id = opened(world, "leak")
    tend(world, MINUTE)
    tend(world, 9 * DAY)
    assert marks(world, incident_id) == [0, 100 + 9 * 24 - 2]
    assert missed(world) == []
    assert state(world, incident_id, 9 * DAY) == "missed"
    world.activate(OFFICER)
    world.now += 9 * DAY
    today = world.now.astimezone(world.parts.policy.zone).date()
    clocks.confirm(world.parts, world.person(OFFICER), today, world.now)
    assert tend(world, SECOND) == 0
    assert len(missed(world)) == 1


def test_a_jump_that_was_an_error_has_recorded_nothing_and_silences_nothing(world: World) -> None:
    incident_id = opened(world, "leak")
    tend(world, MINUTE)
    tend(world, 400 * DAY)
    assert tend(world, 2 * MINUTE) == 0
    tend(world, HOUR)
    assert marks(world, incident_id)[:2] == [0, 50]
    tend(world, 2 * HOUR + SECOND)
    assert missed(world) == [f"{world.now + 2 * HOUR + SECOND:%Y-%m-%dT%H:%M:%S.000000Z}"]
    before = len(told(world, OFFICER))
    tend(world, 2 * HOUR + 2 * SECOND)
    assert len(told(world, OFFICER)) == before


def test_what_was_due_before_a_jump_is_recorded_without_waiting_for_anybody(world: World) -> None:
    opened(world, "leak")
    clocks.tend(world.parts, world.now + 3 * HOUR)
    tend(world, 30 * DAY)
    assert len(missed(world)) == 1


# -- mail ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with Mailbox() as server:
        yield server


@pytest.fixture
def mailing(sqlite_world: World, box: Mailbox) -> World:
    sqlite_world.parts = with_mail(sqlite_world.parts, box, 0.3, imd=DUTY, supervisor=ABOVE)
    return sqlite_world


def mails(world: World, incident_id: bytes, clock: str = "activate") -> list[tuple[int, str, str, int]]:
    found = incident_reminders.listed(world.parts, world.person(OFFICER), incident_id, world.now)
    return [(one.mark, one.role.value, one.mail.value, one.tries) for one in found if one.clock_id == clock]


def test_a_reminder_goes_to_the_duty_mailboxes_and_says_nothing_of_anybody(mailing: World, box: Mailbox) -> None:
    incident_id = opened(mailing, "leak", note="客户 13800138000 来电")
    tend(mailing, HOUR)
    short = incident_id.hex()[:8].upper()
    (letter,) = [one for one in box.letters(DUTY) if "Start the emergency plan" in one["Subject"]]
    assert short in letter["Subject"]
    text = f"{letter['Subject']}\n{letter.get_content()}"
    for leak in ("13800138000", AGENT, OFFICER, incident_id.hex(), "http"):
        assert leak not in text
    tend(mailing, 2 * HOUR + SECOND)
    assert [one for one in box.recipients if one == ABOVE] == [ABOVE, ABOVE]
    assert mails(mailing, incident_id) == [
        (50, "imd", "sent", 1),
        (100, "admin", "none", 0),
        (100, "imd", "sent", 1),
        (100, "supervisor", "sent", 1),
    ]
    before = len(box.got)
    tend(mailing, 2 * HOUR + MINUTE)
    assert len(box.got) == before


def test_a_drill_says_so_on_top(mailing: World, box: Mailbox) -> None:
    opened(mailing, "leak", drill=True)
    tend(mailing, HOUR)
    assert all(letter["Subject"].startswith("【演练 DRILL】") for letter in box.letters(DUTY))
    assert box.letters(DUTY)


def test_two_roles_with_one_mailbox_get_one_letter(mailing: World, box: Mailbox) -> None:
    mailing.parts = with_mail(mailing.parts, box, imd=DUTY, supervisor=DUTY)
    opened(mailing, "leak")
    tend(mailing, 2 * HOUR + SECOND)
    assert Counter(box.recipients) == {DUTY: 2}  # one for each clock


def test_a_server_that_is_away_changes_nothing_inside_and_is_asked_again_until_it_answers(
    mailing: World, box: Mailbox
) -> None:
    incident_id = opened(mailing, "leak")
    box.to_mail = "451 later"
    tend(mailing, HOUR)
    assert sorted(told(mailing, OFFICER)) == ["close", "half"]
    assert mails(mailing, incident_id) == [(50, "imd", "waiting", 1)]
    tend(mailing, HOUR + MINUTE)
    assert mails(mailing, incident_id) == [(50, "imd", "waiting", 1)]
    box.to_mail = ""
    tend(mailing, HOUR + 2 * MINUTE)
    assert mails(mailing, incident_id) == [(50, "imd", "sent", 2)]


def test_after_five_tries_a_letter_is_given_up_and_that_is_seen(mailing: World, box: Mailbox) -> None:
    incident_id = opened(mailing, "surge")
    box.to_rcpt = lambda _: "450 busy"
    found = []
    for minutes in (0, 1, 2, 6, 7, 21, 22, 81, 82, 300):
        tend(mailing, 25 * HOUR + minutes * MINUTE)
        found += [one[2:] for one in mails(mailing, incident_id, "surge_complaints") if one[1] == "supervisor"]
    tried = [("waiting", tries) for tries in (1, 1, 2, 2, 3, 3, 4, 4)]
    assert found == [*tried, ("given_up", 5), ("given_up", 5)]
    with mailing.parts.database.read() as connection:
        assert stored.count_lost(connection, mailing.now) == 1


def test_a_letter_that_is_refused_for_ever_is_not_tried_again(mailing: World, box: Mailbox) -> None:
    incident_id = opened(mailing, "leak")
    box.to_rcpt = lambda _: "550 nobody"
    tend(mailing, HOUR)
    box.to_rcpt = lambda _: ""
    tend(mailing, HOUR + 30 * MINUTE)
    assert mails(mailing, incident_id) == [(50, "imd", "refused", 1)]


def test_a_server_that_hangs_up_on_every_letter_still_lets_everybody_be_told_inside(
    mailing: World, box: Mailbox
) -> None:
    box.keeps_silent = lambda _: True
    incident_id = opened(mailing, "leak")
    tend(mailing, HOUR)
    assert marks(mailing, incident_id) == [50]
    assert told(mailing, OFFICER)
    assert mails(mailing, incident_id) == [(50, "imd", "waiting", 1)]
    box.keeps_silent = lambda _: False
    tend(mailing, HOUR + 2 * MINUTE)
    one, again = [letter for letter in box.letters(DUTY) if "Start the emergency plan" in letter["Subject"]]
    assert one["Message-ID"] == again["Message-ID"]  # taken both times, and the same letter to whoever looks
    assert mails(mailing, incident_id) == [(50, "imd", "sent", 2)]


def test_what_could_not_be_sent_for_hours_is_not_sent_in_a_burst(mailing: World, box: Mailbox) -> None:
    incident_id = opened(mailing, "leak")
    box.to_mail = "451 later"
    for minutes in range(55, 190, 5):
        tend(mailing, minutes * MINUTE)
    box.to_mail = ""
    tend(mailing, 4 * HOUR)
    mine = [one for one in box.letters(DUTY) if "Start the emergency plan" in one["Subject"]]
    assert len(mine) == 1
    states = {one[0]: one[2] for one in mails(mailing, incident_id) if one[1] == "imd"}
    assert (states[102], states[101]) == ("sent", "overtaken")
    assert states[50] in {"given_up", "overtaken"}


def test_a_letter_about_what_is_done_by_now_stays_unsent(mailing: World, box: Mailbox) -> None:
    incident_id = opened(mailing, "leak")
    box.to_mail = "451 later"
    tend(mailing, HOUR)
    activate(mailing, incident_id, HOUR + SECOND)
    box.to_mail = ""
    tend(mailing, HOUR + 5 * MINUTE)
    assert mails(mailing, incident_id) == [(50, "imd", "overtaken", 2)]
    assert not [one for one in box.letters(DUTY) if "Start the emergency plan" in one["Subject"]]


def test_incidents_have_letters_sent_in_turn_whatever_was_opened_before_or_after(
    mailing: World, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incident_reminders, "_AT_ONCE", 2)
    short = {opened(mailing, "leak").hex()[:8].upper(): name for name in ("first",)}

    def more(name: str, at: timedelta) -> None:
        opening = Opening(IncidentKind.LEAK, AwareSource.REPORT)
        one = incidents.open_one(mailing.parts, mailing.person(SUPERVISOR), opening, mailing.now + at)
        short[one.hex()[:8].upper()] = name

    def sent(at: timedelta) -> list[str]:
        before = len(box.got)
        tend(mailing, at)
        return [name for _, letter in box.got[before:] for one, name in short.items() if one in str(letter["Subject"])]

    box.to_mail = "451 later"
    for at in range(4):  # many letters of the first one wait
        tend(mailing, at * HOUR)
    box.to_mail = ""
    for number in range(3):
        more(f"flood {number}", 5 * HOUR + number * SECOND)
    assert sent(5 * HOUR + MINUTE) == ["first", "flood 0"]
    more("real", 5 * HOUR + MINUTE)
    # Whoever had none yet comes before whoever had one, the earliest first; and nobody has a second one before.
    assert sent(5 * HOUR + 2 * MINUTE) == ["flood 1", "flood 2"]
    assert sent(5 * HOUR + 3 * MINUTE) == ["real", "first"]


def test_two_processes_send_each_letter_once(mailing: World, box: Mailbox) -> None:
    for _ in range(3):
        opened(mailing, "leak")
    others = [replace(mailing.parts, database=Database(mailing.config.database_url)) for _ in range(3)]
    threads = [
        threading.Thread(target=incident_reminders.tend, args=(other, mailing.now + 2 * HOUR + SECOND))
        for other in others
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for other in others:
        other.database.dispose()
    assert set(Counter(letter["Message-ID"] for _, letter in box.got).values()) == {1}
    assert Counter(box.recipients) == {DUTY: 6, ABOVE: 6}


def test_duty_mailboxes_hear_of_a_new_incident_at_once(mailing: World, box: Mailbox) -> None:
    opened(mailing, "leak")
    tend(mailing, SECOND)
    assert "duty@example.com" in box.recipients
    assert all("a new incident" in letter["subject"] for _, letter in box.got)
    assert told(mailing, OFFICER) == []  # the inbox said so when it was opened
    tend(mailing, MINUTE)
    assert len(box.got) == len(set(box.recipients))


def test_letters_of_a_clock_that_was_far_ahead_are_not_sent_and_keep_none_of_the_right_time_back(
    mailing: World, box: Mailbox
) -> None:
    incident_id = opened(mailing, "leak")
    tend(mailing, MINUTE)
    box.got.clear()
    box.to_mail = "451 later"
    tend(mailing, 400 * DAY)
    box.to_mail = ""
    tend(mailing, 2 * MINUTE)
    assert box.got == []
    tend(mailing, HOUR)
    states = {one[0]: one[2] for one in mails(mailing, incident_id) if one[1] == "imd"}
    assert states == {0: "sent", 50: "sent", 100 + 400 * 24 - 2: "overtaken"}


def test_a_letter_that_waits_for_a_time_far_ahead_was_set_by_a_wrong_clock_and_goes_now(
    mailing: World, box: Mailbox
) -> None:
    incident_id = opened(mailing, "leak")
    box.to_mail = "451 later"
    tend(mailing, HOUR)
    mailing.tamper("UPDATE incident_reminders SET next_try_at = next_try_at + 86400000000")
    box.to_mail = ""
    tend(mailing, HOUR + MINUTE)
    assert mails(mailing, incident_id)[0][2] == "sent"


def test_without_a_mailbox_for_a_role_or_a_server_nothing_waits(sqlite_world: World, box: Mailbox) -> None:
    incident_id = opened(sqlite_world, "leak")
    tend(sqlite_world, HOUR)
    sqlite_world.parts = with_mail(sqlite_world.parts, box, supervisor=ABOVE)
    tend(sqlite_world, 96 * MINUTE)
    assert mails(sqlite_world, incident_id) == [(50, "imd", "none", 0), (80, "imd", "none", 0)]


# -- whose they are ------------------------------------------------------------------------------------------------


def test_who_may_read_incidents_is_led_to_theirs_and_others_are_not(world: World) -> None:
    incident_id = opened(world, "leak")
    tend(world, HOUR)
    notice = inbox.listed(world.parts, world.person(OFFICER))[0]
    found = incident_reminders.incident_of(world.parts, world.person(OFFICER), notice.about, world.now)
    assert found == incident_id
    with pytest.raises(NotFound):
        incident_reminders.incident_of(world.parts, world.person(OFFICER), incident_id, world.now)
    with pytest.raises(AccessRefused):
        incident_reminders.incident_of(world.parts, world.person(AGENT), notice.about, world.now)
    assert [one["rule"] for one in world.events("incident.viewed", "refused")] == ["no_right"]


def test_without_an_open_incident_nothing_is_written(world: World) -> None:
    before = world.count("log_inbox") + world.count("log_events")
    assert tend(world, 9 * DAY) == 0
    assert world.count("log_inbox") + world.count("log_events") == before
    assert world.count("clock_marks") == 0
