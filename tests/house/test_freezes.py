"""Every walk and every job says whether a freeze stops it; one that says nothing fails here."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.simulator import NOW
from vault import jobs, services
from vault.domain.breach.containment import Doing, Measure
from vault.domain.breach.incidents import AwareSource, IncidentKind
from vault.errors import AccessRefused
from vault.services.breach import containment, incidents
from vault.services.steps.breach.containing import STOPPED_BY
from vault.services.steps.breach.incidents import Opening

ROOM = Path(services.__file__).parent

GOES_ON_WHOLE = {
    # signing in, and who may
    "sessions", "passwords", "second_factor", "people", "accounts", "returns", "watermark",
    # the log, its proofs and its exports: evidence, with no personal data in it
    "log", "log_export", "log_gaps", "log_proof", "log_search", "certificates", "compliance",
    # reading: masked values, lists, counts
    "board", "handover_reading", "retention_reading", "policy_effect", "readiness", "inbox", "caller_verification",
    "break_glass_review",
    # the vault itself: clock, keys, copies
    "clock", "keys", "keys_signing", "backup", "backup_drill", "backup_restore", "orphans", "sealing",
}  # fmt: skip
"""Walks of these modules change nothing of the company's daily work, whatever they do."""

RESPONSE = "breach."
"""The response to a breach goes on whatever is frozen; but for what takes lists of customers away."""

GOES_ON = {
    "api_tokens": {"end_token", "list_tokens", "person_of", "roles_for_programs"},
    "asking": {"mine"},
    "break_glass_opening": {"end"},
    "cases": {"my_cases", "board"},
    "cohorts": {"outlook", "tend"},  # `tend` calls `close`, and its job rests
    "deciding": {"waiting", "see"},
    "destruction": {"execute", "tend"},  # asked before each batch, with the clock and the signatures
    "destruction_pausing": {"pause", "how_far"},
    "granted": {"listed", "revoke"},  # it takes access away
    "holds": {"place", "place_by_number", "review", "listed", "nag"},  # a hold keeps evidence
    "limits": {"mine", "release", "sweep"},
    "lookup": {"look_up"},  # programs are asked inside
    "offboarding": {"plan"},
    "paper": {"labelled", "listed", "outlets"},
    "pruning": {"prune"},  # its job rests
    "breach.radius": {"draw", "freeze", "found", "reach"},
    "requests_erasing": {"sweep"},  # its job rests
    "requests_reminding": {"tend"},  # it tells who may decide, and gives nothing
    "retention": {"preview", "stop", "tend"},  # the job of `tend` rests
    "sharing": {"offered"},
    "viewing": {"view", "reveal"},  # a reveal is asked where it is written
}
"""Of the other modules, the walks that no decorator stops, each for a reason."""

RESTS = {"prune", "retention", "destruction", "requests", "cohort_close", "incident_notes"}
WORKS_ON = {
    "clock", "checkpoint", "sessions", "cohorts", "limits", "inbox", "certificates", "orphans",
    "incidents", "signals", "notices", "drills", "log_check", "asking",
}  # fmt: skip


def walks() -> list[tuple[str, str, Callable[..., Any]]]:
    """Return every public function of the walks that takes the vault's parts: module, name, function."""
    found = []
    for path in sorted([*ROOM.glob("*.py"), *ROOM.glob("breach/*.py")]):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = [
            node.name
            for node in tree.body
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
            if node.args.args and node.args.args[0].arg == "parts"
        ]
        place = ".".join(path.relative_to(ROOM).with_suffix("").parts)
        module = importlib.import_module(f"vault.services.{place}") if names else None
        found += [(place, name, getattr(module, name)) for name in names]
    return found


def goes_on(module: str, name: str) -> bool:
    """Return whether a walk is said to go on whatever is frozen."""
    answers = module.startswith(RESPONSE) and module not in GOES_ON
    return module in GOES_ON_WHOLE or answers or name in GOES_ON.get(module, set())


WALKS = walks()
STOPPED = [(f"{module}.{name}", walk) for module, name, walk in WALKS if hasattr(walk, STOPPED_BY)]


def test_every_walk_is_stopped_by_a_freeze_or_says_why_it_goes_on() -> None:
    silent = {
        f"{module}.{name}"
        for module, name, walk in WALKS
        if not hasattr(walk, STOPPED_BY) and not goes_on(module, name)
    }
    assert silent == set()


def test_no_walk_is_both_stopped_and_said_to_go_on() -> None:
    both = {f"{module}.{name}" for module, name, walk in WALKS if hasattr(walk, STOPPED_BY) and goes_on(module, name)}
    assert both == set()


def test_what_is_said_to_go_on_is_there() -> None:
    known = {(module, name) for module, name, _ in WALKS}
    assert {(module, name) for module, names in GOES_ON.items() for name in names} <= known


def test_every_job_rests_in_read_only_mode_or_is_known_to_work_on() -> None:
    told = {job.name: job.rests for job in jobs.TIMETABLE}
    assert {name for name, rests in told.items() if rests} == RESTS
    assert {name for name, rests in told.items() if not rests} <= WORKS_ON


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A vault in which everything is frozen, and an officer of it."""
    from tests.simulator import World, settings  # noqa: PLC0415
    from tests.worlds import prepared  # noqa: PLC0415 - made only where it is asked for

    template = prepared(tmp_path_factory.mktemp("frozen"), None)
    world = World(settings(template.folder, template.place), template.place)
    world.activate("KF2012")
    officer = world.person("KF2012")
    incident = incidents.open_one(world.parts, officer, Opening(IncidentKind.LEAK, AwareSource.REPORT), NOW)
    for measure in (Measure.FREEZE_EXPORTS, Measure.FREEZE_IMPORTS, Measure.READ_ONLY):
        containment.take(world.parts, officer, incident, measure, "", "", NOW)
    yield world
    world.close()


@pytest.mark.parametrize(("name", "walk"), STOPPED, ids=[name for name, _ in STOPPED])
def test_a_stopped_walk_is_refused_before_it_looks_at_anything_and_that_is_logged(
    frozen: Any, name: str, walk: Callable[..., Any]
) -> None:
    asked = inspect.signature(walk).parameters.values()
    given = {one.name: None for one in asked if one.default is one.empty}
    given |= {"now": datetime.now(UTC)}
    parts, who = list(inspect.signature(walk).parameters)[:2]
    before = len(frozen.events(outcome="refused"))
    rest = {key: value for key, value in given.items() if key not in (parts, who)}
    with pytest.raises(AccessRefused) as refusal:
        walk(frozen.parts, frozen.person("KF2001"), **rest)
    reasons = {Doing.BUSINESS: {"read_only"}, Doing.IMPORT: {"imports_frozen"}, Doing.EXPORT: {"exports_frozen"}}
    assert refusal.value.reason in reasons[getattr(walk, STOPPED_BY)]
    logged = frozen.events(outcome="refused")
    assert (len(logged), logged[-1]["rule"], logged[-1]["actor"]) == (before + 1, refusal.value.reason, "KF2001"), name
