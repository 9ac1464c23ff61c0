"""Reports beyond the hour's number of one person: each is kept, nobody is silenced, and nothing is buried."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.simulator import World
from vault.domain.breach.incidents import AwareSource, IncidentKind, Verdict
from vault.domain.log import Actor
from vault.errors import InvalidValue
from vault.services import inbox
from vault.services.breach import incident_response, incidents
from vault.services.breach.incidents import Shown
from vault.services.steps.breach.incidents import Opening
from vault.storage.engine import Database

AGENT, OTHER, SUPERVISOR, OFFICER, COLLEAGUE = "KF2001", "KF2002", "KF2010", "KF2012", "KF2013"
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
NOTE = "客户 13800138000 的单号被贴在群里"


@pytest.fixture
def vault(world: World) -> Iterator[World]:
    """A vault where one person opens three incidents in an hour."""
    for number in (AGENT, OTHER, SUPERVISOR, OFFICER, COLLEAGUE):
        world.activate(number)
    policy = world.parts.policy
    world.parts = replace(world.parts, policy=replace(policy, incidents=replace(policy.incidents, reports_hour=3)))
    return world


def report(world: World, at: datetime | None = None, who: str = AGENT, kind: str = "leak", **said: object) -> bytes:
    opening = Opening(IncidentKind(kind), AwareSource.REPORT, **said)  # type: ignore[arg-type]
    return incidents.open_one(world.parts, world.person(who), opening, at or world.now)


def shown(world: World, incident_id: bytes) -> Shown:
    return incidents.shown(world.parts, world.person(OFFICER), incident_id, world.now)


def told(world: World, who: str) -> list[str]:
    return [one.kind.value for one in inbox.listed(world.parts, world.person(who))]


def no_breach(world: World, incident_id: bytes) -> None:
    officer = world.person(OFFICER)
    incident_response.activate(world.parts, officer, incident_id, "先启动", world.now)
    incident_response.assess(world.parts, officer, incident_id, Verdict.NO_BREACH, "看过", world.now)


def closed(world: World, incident_id: bytes) -> None:
    no_breach(world, incident_id)
    incident_response.ask_closing(world.parts, world.person(OFFICER), incident_id, "无", world.now)
    incident_response.close(world.parts, world.person(COLLEAGUE), incident_id, "看过", world.now)


def test_the_shipped_rule_is_ten_an_hour(world: World) -> None:
    assert world.parts.policy.incidents.reports_hour == 10


def test_a_flood_is_lines_of_its_own_newest_incident_and_nobody_is_refused(vault: World) -> None:
    ids = [report(vault, vault.now + number * SECOND) for number in range(40)]
    assert len(set(ids)) == 3
    assert set(ids[2:]) == {ids[2]}
    one = shown(vault, ids[2])
    lines = [entry.event_id for entry in one.entries if entry.action == "incident.reported"]
    assert len(lines) == 3
    assert {line: more.count for line, more in one.more.items()} == {lines[-1]: 34}
    assert [one.incident.incident_id for one in incidents.listed(vault.parts, vault.person(OFFICER), vault.now)[0]] == (
        ids[:3]
    )


def test_a_line_keeps_all_that_was_said_and_no_event_holds_what_was_typed(vault: World) -> None:
    first = [report(vault, vault.now + number * SECOND) for number in range(3)][-1]
    joined = report(vault, vault.now + 9 * SECOND, kind="loss", note=NOTE, aware_at=vault.now - HOUR)
    assert joined == first
    one = shown(vault, first)
    entry = one.entries[-1]
    assert one.notes[entry.event_id] == NOTE
    assert (entry.actor, entry.action, entry.outcome) == (AGENT, "incident.reported", "done")
    (event,) = vault.events("incident.reported")
    assert (event["rule"], event["facts"]["incident"], event["facts"]["kind"]) == (
        "incident.response",
        first.hex(),
        "loss",
    )
    assert event["facts"]["aware_at"].startswith(f"{vault.now - HOUR:%Y-%m-%dT%H:%M:%S}")
    assert "13800138000" not in str(vault.events())


def test_a_line_moves_no_deadline_and_cannot_claim_what_a_report_cannot(vault: World) -> None:
    ids = [report(vault) for _ in range(3)]
    before = [one.due_at for one in shown(vault, max(ids)).clocks]
    newest = report(vault, aware_at=vault.now - HOUR)
    assert [one.due_at for one in shown(vault, newest).clocks] == before
    for said, reason in (
        ({"aware_at": vault.now + SECOND}, "date_in_future"),
        ({"aware_at": vault.now - timedelta(days=400)}, "aware_too_long_ago"),
        ({"note": "x" * 4001}, "text_too_long"),
    ):
        with pytest.raises(InvalidValue) as refused:
            report(vault, **said)  # type: ignore[arg-type]
        assert refused.value.reason == reason


def flood(world: World, count: int, since: datetime | None = None, **said: object) -> list[bytes]:
    """Report again and again, a second apart."""
    since = since or world.now
    return [report(world, since + number * SECOND, **said) for number in range(count)]


def test_what_is_counted_on_a_line_is_an_event_each_and_its_notes_are_kept_the_newest_first(vault: World) -> None:
    newest = flood(vault, 6)[-1]
    assert shown(vault, newest).more == {}
    for number, note in enumerate((NOTE, "", "第二次")):
        assert report(vault, vault.now + (6 + number) * SECOND, note=note, kind="loss") == newest
    ((more),) = shown(vault, newest).more.values()
    assert (more.count, more.newest_at, more.notes) == (3, vault.now + 8 * SECOND, f"第二次\n{NOTE}")
    assert [event["facts"]["kind"] for event in vault.events("incident.reported")] == ["leak"] * 3 + ["loss"] * 3
    assert "13800138000" not in str(vault.events())
    rows = vault.rows("SELECT sealed_notes FROM further_reports")
    assert len(rows) == 1
    assert "第二次".encode() not in bytes(rows[0][0])


def test_of_many_long_notes_the_newest_stays_whole_and_the_oldest_make_room(vault: World) -> None:
    flood(vault, 6)
    newest = flood(vault, 3, vault.now + 6 * SECOND, note="x" * 3999)[-1]
    report(vault, vault.now + 9 * SECOND, note="最后一次")
    (more,) = shown(vault, newest).more.values()
    assert more.notes.startswith("最后一次\nxxx")
    assert len(more.notes) == 4000


def test_an_hour_later_lines_are_written_again_and_what_was_counted_stays(vault: World) -> None:
    newest = flood(vault, 8)[-1]
    later = vault.now + HOUR + 4 * SECOND  # of the hour before there are the last line and what is counted on it
    opened = set(flood(vault, 3, later))
    assert newest not in opened
    again = flood(vault, 8, later + 3 * SECOND)
    assert len(set(again)) == 1
    counts = [more.count for one in (newest, again[0]) for more in shown(vault, one).more.values()]
    assert counts == [2, 5]


def test_many_at_once_are_each_counted_once(vault: World) -> None:
    newest = flood(vault, 6)[-1]
    person = vault.person(AGENT)
    others = [replace(vault.parts, database=Database(vault.config.database_url)) for _ in range(4)]
    at = vault.now + 6 * SECOND

    def run(number: int) -> None:
        opening = Opening(IncidentKind.LEAK, AwareSource.REPORT, note=f"第 {number} 次")
        assert incidents.open_one(others[number], person, opening, at) == newest

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, range(4)))
    for other in others:
        other.database.dispose()
    (more,) = shown(vault, newest).more.values()
    assert (more.count, sorted(more.notes.splitlines())) == (4, [f"第 {number} 次" for number in range(4)])


def test_a_report_that_is_counted_claims_no_more_than_any_other(vault: World) -> None:
    flood(vault, 6)
    for said, reason in (({"aware_at": vault.now + HOUR}, "date_in_future"), ({"note": "x" * 4001}, "text_too_long")):
        with pytest.raises(InvalidValue) as refused:
            report(vault, vault.now + 6 * SECOND, **said)  # type: ignore[arg-type]
        assert refused.value.reason == reason


def test_an_hour_later_a_report_opens_one_again(vault: World) -> None:
    first = report(vault)
    ids = [report(vault, vault.now + SECOND) for _ in range(2)]
    assert report(vault, vault.now + HOUR - SECOND) in ids
    again = report(vault, vault.now + HOUR)  # the first one lies an hour back
    assert again not in {first, *ids}


def test_everybody_counts_for_themselves_and_neither_the_operator_nor_a_rehearsal_counts(vault: World) -> None:
    mine = {report(vault) for _ in range(4)}
    assert len(mine) == 3
    assert report(vault, who=OTHER) not in mine
    operator = Actor("operator:root", "operator")
    opening = Opening(IncidentKind.LEAK, AwareSource.OPERATOR)
    assert len({incidents.open_one(vault.parts, operator, opening, vault.now) for _ in range(5)}) == 5
    drills = {report(vault, who=OFFICER, drill=True) for _ in range(4)}
    assert len(drills) == 3
    assert not drills & mine
    assert report(vault) in mine


def test_what_is_closed_or_taken_for_no_breach_swallows_no_report(vault: World) -> None:
    first, second, third = (report(vault, vault.now + number * SECOND) for number in range(3))
    vault.now += 10 * SECOND
    closed(vault, third)
    assert report(vault) == second
    no_breach(vault, second)
    assert report(vault) == first
    no_breach(vault, first)
    fresh = report(vault)
    assert fresh not in {first, second, third}
    assert report(vault) == fresh


def test_officers_are_told_of_the_first_line_of_an_incident_and_not_of_each(vault: World) -> None:
    for number in range(10):
        report(vault, vault.now + number * SECOND)
    for who in (OFFICER, COLLEAGUE, SUPERVISOR):
        assert told(vault, who) == ["incident_reported", *["incident_opened"] * 3]
    assert told(vault, AGENT) == []


def test_many_at_once_open_no_more_than_the_hours_number(vault: World) -> None:
    person = vault.person(AGENT)
    others = [replace(vault.parts, database=Database(vault.config.database_url)) for _ in range(6)]
    made: list[bytes] = []
    ready = threading.Barrier(len(others))

    def run(number: int) -> None:
        ready.wait()
        opening = Opening(IncidentKind.LEAK, AwareSource.REPORT, note=f"第 {number} 次")
        made.append(incidents.open_one(others[number], person, opening, vault.now))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(others))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for other in others:
        other.database.dispose()
    assert (len(made), len(set(made))) == (6, 3)
    notes = [note for one in set(made) for note in shown(vault, one).notes.values()]
    assert sorted(notes) == [f"第 {number} 次" for number in range(6)]
