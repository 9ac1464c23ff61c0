"""An incident is not there for whoever it is about: in no walk, no list, no inbox, under no second account."""

import importlib
import inspect
import pkgutil
from datetime import timedelta

import pytest

from tests.simulator import staff_row
from vault.domain.breach.containment import Measure
from vault.domain.breach.incidents import AwareSource, IncidentKind, IncidentState, Verdict
from vault.domain.breach.signals import Found
from vault.domain.people import Person
from vault.domain.rules.signals import SignalName
from vault.errors import NotFound
from vault.services import breach as rooms
from vault.services import inbox
from vault.services.breach import (
    containment,
    incident_board,
    incident_reminders,
    incident_response,
    incidents,
    misuse,
    signals,
)
from vault.services.steps.breach.incidents import Opening
from vault.services.steps.breach.signals import raise_signal
from vault.services.steps.humans import name_of
from vault.storage import people
from vault.storage.unit_of_work import unit_of_work

AGENT, SUPERVISOR, OFFICER, COLLEAGUE, ADMIN = "KF2001", "KF2010", "KF2012", "KF2013", "ADMIN01"
HOUR = timedelta(hours=1)
WALKS = [
    walk
    for room in pkgutil.iter_modules(rooms.__path__, "vault.services.breach.")
    for name, walk in inspect.getmembers(importlib.import_module(room.name), inspect.isfunction)
    if walk.__module__ == room.name and not name.startswith("_")
    if {"incident_id", "now"} <= set(inspect.signature(walk).parameters)
    if {"person", "who"} & set(inspect.signature(walk).parameters)
]
"""Every walk that somebody takes on one incident, found by what it asks for."""


@pytest.fixture
def vault(world):
    world.activate(COLLEAGUE)
    return world


def reported(world, **said):
    opening = Opening(IncidentKind.MISUSE, AwareSource.REPORT, **said)
    who = COLLEAGUE if opening.drill else AGENT
    return incidents.open_one(world.parts, world.person(who), opening, world.now)


def alarmed(world, number, name=SignalName.REVEALS_ALARMED):
    """Raise a signal about somebody; returns it."""
    found = Found(name, 51, 51, world.now - HOUR, world.now, world.person(number).account_id)
    with unit_of_work(world.parts.database) as work:
        raised = raise_signal(world.parts, work, found, world.now)
        work.commit()
    return raised


def suspended(world, incident_id, number, who=COLLEAGUE):
    measure = Measure.SUSPEND_ACCOUNT
    return containment.take(world.parts, world.person(who), incident_id, measure, number, "", world.now)


def accused(world, incident_id, number, who=COLLEAGUE):
    written = misuse.Draft(number, "外传客户电话")
    return misuse.draft(world.parts, world.person(who), incident_id, written, world.now)


def is_there(world, incident_id, number):
    try:
        incidents.shown(world.parts, world.person(number), incident_id, world.now)
    except NotFound:
        return False
    return True


def twin(world, number, role="imd"):
    """Give the human of an account a second one, in another role."""
    with world.parts.database.read() as connection:
        account = people.by_work_number(connection, number)
        name = name_of(world.parts.keys.current(connection), account)
    world.staff(staff_row("KF2099", role) | {"name": name})
    world.activate("KF2099")
    return "KF2099"


def notices(world, number):
    return [one.kind.value for one in inbox.listed(world.parts, world.person(number))]


@pytest.mark.parametrize("walk", WALKS, ids=lambda walk: f"{walk.__module__.rsplit('.', 1)[1]}.{walk.__name__}")
def test_no_walk_on_an_incident_is_open_to_the_officer_it_is_about(sqlite_world, walk):
    world = sqlite_world
    incident_id = alarmed(world, OFFICER).incident_id
    # Whether they may is asked before anything else, so nothing else need be there.
    given = dict.fromkeys(
        (name for name, one in inspect.signature(walk).parameters.items() if one.default is one.empty), None
    )
    fitting = {"measure": Measure.SUSPEND_ACCOUNT, "to": IncidentState.CONTAINED}
    given |= {name: value for name, value in fitting.items() if name in given}
    given |= {"incident_id": incident_id, "now": world.now}
    for name in ("parts", "person", "who"):
        given.pop(name, None)
    with pytest.raises(NotFound, match="incident"):
        walk(world.parts, world.person(OFFICER), **given)
    refusal = world.events(outcome="refused")[-1]
    assert (refusal["actor"], refusal["rule"], refusal["facts"]["incident"]) == (
        OFFICER,
        "own_incident",
        incident_id.hex(),
    )


def test_every_walk_was_found():
    assert len(WALKS) > 30
    assert incident_response.close in WALKS
    assert incidents.shown in WALKS


@pytest.mark.parametrize("role", ["imd", "supervisor"])
def test_a_second_account_of_the_suspects_human_reads_nothing_either(world, role):
    incident_id = alarmed(world, AGENT).incident_id
    assert not is_there(world, incident_id, twin(world, AGENT, role))
    assert is_there(world, incident_id, OFFICER)


@pytest.mark.parametrize("make", [suspended, accused], ids=["suspended", "accused"])
def test_an_incident_becomes_somebodys_own_by_a_measure_or_a_record(vault, make):
    incident_id, other = reported(vault), reported(vault)
    assert is_there(vault, incident_id, OFFICER)
    make(vault, incident_id, OFFICER)
    assert not is_there(vault, incident_id, OFFICER)
    assert is_there(vault, other, OFFICER)
    assert is_there(vault, incident_id, COLLEAGUE)


def test_a_draft_that_was_taken_back_and_a_rehearsal_are_nobodys_own(vault):
    incident_id = reported(vault)
    misuse_id = accused(vault, incident_id, OFFICER)
    for call in (
        lambda: misuse.sign(vault.parts, vault.person(OFFICER), misuse_id, "", vault.now),
        lambda: misuse.withdraw(vault.parts, vault.person(OFFICER), misuse_id, "不实", vault.now),
    ):
        with pytest.raises(NotFound):
            call()
    misuse.withdraw(vault.parts, vault.person(COLLEAGUE), misuse_id, "不实", vault.now)
    assert is_there(vault, incident_id, OFFICER)
    drill = reported(vault, drill=True)
    suspended(vault, drill, OFFICER)
    assert is_there(vault, drill, OFFICER)


def test_lists_the_board_and_the_head_of_pages_leave_it_out(world):
    raised = alarmed(world, OFFICER)
    officer, colleague = world.person(OFFICER), world.person(COLLEAGUE)

    def seen(person):
        board = incident_board.board(world.parts, person, world.now)
        return (
            len(incidents.listed(world.parts, person, world.now)[0]),
            len(board.open) + len(board.closed) + len(board.signals),
            len(board.yours) > 0,
            incident_board.most_urgent(world.parts, person, world.now) is not None,
        )

    assert seen(officer) == (0, 0, False, False)
    assert seen(colleague) == (1, 2, True, True)
    world.tamper("UPDATE incidents SET state = 'closed', closed_at = opened_at")
    assert seen(officer) == (0, 0, False, False)
    assert seen(colleague) == (1, 2, False, False)
    assert signals.one(world.parts, colleague, raised.evidence_id)
    with pytest.raises(NotFound):
        signals.one(world.parts, officer, raised.evidence_id)


def test_nobody_is_told_of_an_incident_about_themselves(world):
    other = twin(world, OFFICER)
    incident_id = alarmed(world, OFFICER).incident_id
    accused(world, incident_id, OFFICER)
    incident_reminders.tend(world.parts, world.now + HOUR)
    assert notices(world, OFFICER) == notices(world, other) == []
    told = notices(world, COLLEAGUE)
    assert {"incident_opened", "incident_task", "incident_clock_half"} <= set(told)
    (reminder,) = world.rows("SELECT reminder_id FROM incident_reminders WHERE clock_id = 'activate' AND mark = 50")
    person = world.person(COLLEAGUE)
    assert incident_reminders.incident_of(world.parts, person, reminder[0], world.now) == incident_id
    with pytest.raises(NotFound):
        incident_reminders.incident_of(world.parts, world.person(OFFICER), reminder[0], world.now)


def test_a_suspect_neither_activates_assesses_lifts_nor_is_the_second_signer(world):
    incident_id = alarmed(world, OFFICER).incident_id
    colleague = world.person(COLLEAGUE)
    frozen = containment.take(world.parts, colleague, incident_id, Measure.FREEZE_REVEALS, "", "", world.now)
    officer: Person = world.person(OFFICER)
    for call in (
        lambda: incident_response.activate(world.parts, officer, incident_id, "x", world.now),
        lambda: incident_response.assess(world.parts, officer, incident_id, Verdict.NO_BREACH, "x", world.now),
        lambda: containment.end(world.parts, officer, incident_id, frozen.containment_id, "x", world.now),
    ):
        with pytest.raises(NotFound):
            call()
    incident_response.activate(world.parts, colleague, incident_id, "x", world.now)
    incident_response.assess(world.parts, colleague, incident_id, Verdict.NO_BREACH, "x", world.now)
    containment.end(world.parts, colleague, incident_id, frozen.containment_id, "x", world.now)
    incident_response.ask_closing(world.parts, colleague, incident_id, "x", world.now)
    with pytest.raises(NotFound):
        incident_response.close(world.parts, officer, incident_id, "x", world.now)
    world.staff(staff_row("KF2098", "imd"))
    world.activate("KF2098")
    incident_response.close(world.parts, world.person("KF2098"), incident_id, "x", world.now)
    assert [row[0] for row in world.rows("SELECT state FROM incidents")] == ["closed"]


@pytest.mark.parametrize("make", [suspended, accused], ids=["suspended", "accused"])
def test_who_reported_an_incident_sees_how_far_it_has_come_until_it_is_about_them(vault, make):
    incident_id = incidents.open_one(
        vault.parts, vault.person(OFFICER), Opening(IncidentKind.LEAK, AwareSource.REPORT), vault.now
    )
    incident_response.activate(vault.parts, vault.person(COLLEAGUE), incident_id, "x", vault.now)
    assert incidents.mine(vault.parts, vault.person(OFFICER), incident_id).state is IncidentState.ACTIVATED
    make(vault, incident_id, OFFICER)
    with pytest.raises(NotFound):
        incidents.mine(vault.parts, vault.person(OFFICER), incident_id)
