"""The inbox: one's own notices, seen up to what was shown; reminders come once for each password."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text

from tests.simulator import NOW, World
from vault.domain.ids import new_id
from vault.domain.notices import NoticeKind
from vault.services import inbox
from vault.storage import notifications
from vault.storage.unit_of_work import unit_of_work

AGENT, COLLEAGUE, SUPERVISOR = "KF2001", "KF2002", "KF2009"
SECOND = timedelta(seconds=1)


def tell(world: World, who: str, kind: NoticeKind = NoticeKind.CASE_RECEIVED) -> bytes:
    about = new_id()
    with unit_of_work(world.parts.database) as work:
        notifications.add(work.connection, [world.person(who).account_id], kind, about, world.now)
        work.commit()
    return about


def kinds(world: World, who: str) -> list[str]:
    return [one.kind.value for one in inbox.listed(world.parts, world.person(who))]


def test_everybody_sees_only_their_own_notices_newest_first(world: World) -> None:
    first = tell(world, AGENT)
    world.now += SECOND
    second = tell(world, AGENT)
    tell(world, COLLEAGUE)
    assert [one.about for one in inbox.listed(world.parts, world.person(AGENT))] == [second, first]
    assert inbox.count_new(world.parts, world.person(AGENT)) == 2
    assert inbox.listed(world.parts, world.person(SUPERVISOR)) == []


def test_seeing_stops_at_the_newest_notice_that_was_shown_and_at_other_people(world: World) -> None:
    tell(world, AGENT)
    tell(world, COLLEAGUE)
    shown = inbox.listed(world.parts, world.person(AGENT))[0].at
    world.now += SECOND
    late = tell(world, AGENT)
    assert inbox.see(world.parts, world.person(AGENT), shown, world.now) == 1
    assert inbox.see(world.parts, world.person(AGENT), shown, world.now) == 0
    new = [one.about for one in inbox.listed(world.parts, world.person(AGENT)) if one.seen_at is None]
    assert new == [late]
    assert inbox.count_new(world.parts, world.person(COLLEAGUE)) == 1


def chosen(world: World, who: str, ago: timedelta) -> None:
    world.tamper(
        "UPDATE accounts SET state = 'active', password = 'x', password_changed_at = :at WHERE work_number = :who",
        at=int((NOW - ago).timestamp() * 1e6),
        who=who,
    )


def test_from_three_days_before_a_password_ends_its_person_is_reminded_once(world: World) -> None:
    rule = world.parts.policy.passwords
    chosen(world, AGENT, timedelta(days=rule.max_age_days - rule.remind_days))
    chosen(world, COLLEAGUE, timedelta(days=rule.max_age_days - rule.remind_days) - SECOND)
    chosen(world, SUPERVISOR, timedelta(days=rule.max_age_days))  # past its age: the door says so
    assert inbox.tend(world.parts, world.now) == 1
    inbox.tend(world.parts, world.now)
    assert kinds(world, AGENT) == ["password_ends"]
    assert kinds(world, COLLEAGUE) == kinds(world, SUPERVISOR) == []
    assert inbox.tend(world.parts, world.now + SECOND) == 2
    assert kinds(world, AGENT) == kinds(world, COLLEAGUE) == ["password_ends"]


def test_the_next_password_is_reminded_of_again(world: World) -> None:
    chosen(world, AGENT, timedelta(days=13))
    inbox.tend(world.parts, world.now)
    chosen(world, AGENT, timedelta(days=12, hours=1))
    inbox.tend(world.parts, world.now)
    assert kinds(world, AGENT) == ["password_ends", "password_ends"]


def test_nobody_is_reminded_whose_account_is_not_active(world: World) -> None:
    chosen(world, AGENT, timedelta(days=13))
    world.tamper("UPDATE accounts SET state = 'suspended' WHERE work_number = :who", who=AGENT)
    assert inbox.tend(world.parts, world.now) == 0
    assert kinds(world, AGENT) == []


def test_notices_of_long_ago_are_forgotten(world: World) -> None:
    tell(world, AGENT)
    keep = timedelta(days=3 * world.parts.policy.sessions.keep_ended_days)
    inbox.tend(world.parts, world.now + keep)
    assert kinds(world, AGENT) == ["case_received"]
    inbox.tend(world.parts, world.now + keep + SECOND)
    assert kinds(world, AGENT) == []


def test_a_sign_in_from_another_address_is_told_to_the_person_and_their_supervisors(world: World) -> None:
    world.activate(AGENT)
    world.sign_in(AGENT)
    assert kinds(world, AGENT) == kinds(world, SUPERVISOR) == []
    with world.parts.database.write() as connection:  # the first one came from elsewhere
        connection.execute(text("UPDATE sessions SET source = '198.51.100.7'"))
        connection.commit()
    world.now += timedelta(minutes=1)
    world.sign_in(AGENT)
    assert kinds(world, AGENT) == kinds(world, SUPERVISOR) == ["signed_in_elsewhere"]
    assert kinds(world, "KF2010") == kinds(world, COLLEAGUE) == []
