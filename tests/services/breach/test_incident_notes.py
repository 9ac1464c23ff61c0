"""Notes of incidents are removed once their years are over, never before, and the lines stay."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.simulator import World
from vault.domain.breach.incidents import AwareSource, IncidentKind, Verdict
from vault.domain.retention import Keep, expires_at
from vault.services.breach import incident_notes, incident_report, incident_response, incidents
from vault.services.breach.incidents import Shown
from vault.services.steps.breach.incidents import Opening
from vault.storage.engine import Database

AGENT, OFFICER, COLLEAGUE = "KF2001", "KF2012", "KF2013"
SECOND = timedelta(seconds=1)
NOTE = "客户 13800138000 的单号被贴在群里"


@pytest.fixture
def vault(world: World) -> World:
    for number in (AGENT, OFFICER, COLLEAGUE):
        world.activate(number)
    policy = world.parts.policy
    world.parts = replace(world.parts, policy=replace(policy, incidents=replace(policy.incidents, reports_hour=1)))
    return world


def incident(world: World) -> bytes:
    """Report with a note, once more on a line, once more counted on it, and start the plan late."""
    opening = Opening(IncidentKind.LEAK, AwareSource.REPORT, world.now - timedelta(hours=3), NOTE)
    (one,) = {incidents.open_one(world.parts, world.person(AGENT), opening, world.now) for _ in range(3)}
    officer = world.person(OFFICER)
    incident_response.activate(world.parts, officer, one, NOTE, world.now)
    incident_response.finish_clock(world.parts, officer, one, "postal", NOTE, world.now + timedelta(days=2))
    return one


def closed(world: World) -> bytes:
    one, officer = incident(world), world.person(OFFICER)
    incident_response.assess(world.parts, officer, one, Verdict.NO_BREACH, NOTE, world.now)
    incident_response.ask_closing(world.parts, officer, one, "教训", world.now)
    incident_response.close(world.parts, world.person(COLLEAGUE), one, NOTE, world.now)
    return one


def reported(world: World) -> bytes:
    one = closed(world)
    assert incident_report.tend(world.parts, world.now) == 1
    return one


def shown(world: World, one: bytes) -> Shown:
    return incidents.shown(world.parts, world.person(OFFICER), one, world.now)


def over(world: World) -> timedelta:
    """Return how long from now on the notes are kept."""
    keep = Keep(years=world.parts.policy.incidents.notes_years)
    return expires_at(world.now, keep, world.parts.policy.zone) - world.now


def sealed(world: World) -> int:
    tables = {"incident_entries": "sealed_note", "further_reports": "sealed_notes", "incident_clocks": "sealed_reason"}
    rows = [world.rows(f"SELECT count({column}) FROM {table}") for table, column in tables.items()]
    assert len(rows) == 3
    return sum(row[0][0] for row in rows)


def test_after_their_years_notes_are_gone_and_every_line_and_the_report_stay(vault: World) -> None:
    one = reported(vault)
    before, statement = shown(vault, one), incident_report.show(vault.parts, vault.person(OFFICER), one, vault.now)
    assert (len(before.notes), len(before.reasons)) == (6, 1)
    assert [more.notes for more in before.more.values()] == [NOTE]
    vault.now += over(vault)
    assert incident_notes.tend(vault.parts, vault.now) == 1
    after = shown(vault, one)
    assert (dict(after.notes), dict(after.reasons), sealed(vault)) == ({}, {}, 0)
    assert [(more.count, more.notes) for more in after.more.values()] == [(1, "")]
    assert [entry.event_id for entry in after.entries[:-1]] == [entry.event_id for entry in before.entries]
    assert (after.entries[-1].action, after.entries[-1].facts["count"]) == ("incident.notes_removed", 8)
    assert incident_report.show(vault.parts, vault.person(OFFICER), one, vault.now).statement == statement.statement
    assert incident_notes.tend(vault.parts, vault.now) == 0
    (event,) = vault.events("incident.notes_removed")
    assert (event["actor"], event["rule"]) == ("system", "incident.response")
    assert "13800138000" not in str(vault.events())


def test_a_second_before_their_years_are_over_nothing_is_removed(vault: World) -> None:
    reported(vault)
    held = sealed(vault)
    vault.now += over(vault) - SECOND
    assert (incident_notes.tend(vault.parts, vault.now), sealed(vault)) == (0, held)


def test_an_incident_that_is_open_or_has_no_fixed_report_keeps_its_notes(vault: World) -> None:
    closed(vault)
    held = sealed(vault)
    vault.now += over(vault)
    assert (incident_notes.tend(vault.parts, vault.now), sealed(vault)) == (0, held)
    assert incident_report.tend(vault.parts, vault.now) == 1
    assert incident_notes.tend(vault.parts, vault.now) == 1
    incident(vault)
    vault.now += over(vault)
    assert incident_notes.tend(vault.parts, vault.now) == 0


def test_while_a_jump_of_the_clock_waits_for_an_officer_nothing_is_removed(vault: World) -> None:
    reported(vault)
    vault.tamper("DELETE FROM clock_marks")
    row = "INSERT INTO clock_marks (singleton, seen_at, jumped_from) VALUES (1, :at, :at)"
    vault.tamper(row, at=int(vault.now.timestamp() * 1_000_000))
    vault.now += over(vault)
    assert incident_notes.tend(vault.parts, vault.now) == 0
    vault.tamper("UPDATE clock_marks SET jumped_from = NULL")
    assert incident_notes.tend(vault.parts, vault.now) == 1


def test_of_several_processes_one_removes_them(vault: World) -> None:
    reported(vault)
    vault.now += over(vault)
    others = [replace(vault.parts, database=Database(vault.config.database_url)) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(lambda parts: incident_notes.tend(parts, vault.now), others)) == [0, 0, 1]
    for other in others:
        other.database.dispose()
    assert len(vault.events("incident.notes_removed")) == 1
