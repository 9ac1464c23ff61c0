"""The register of paper copies at the terminal: one officer says, another sees, and a box is named by its label."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.destroying import APPROVER, PROPOSER
from tests.terminal import stand_at
from tests.test_cli_retention import as_officer, run, told
from tests.worlds import sqlite_world, templates

__all__ = ["sqlite_world", "templates"]

KEEPER, NEXT = "KF2001", "KF2002"
LABEL = "GL-2024-001"


@pytest.fixture
def world(sqlite_world, monkeypatch):
    """A vault with two officers and two who may keep a box, in the environment of a command."""
    stand_at(sqlite_world.config.data_dir, monkeypatch)
    sqlite_world.now = datetime.now(UTC) - timedelta(minutes=1)
    for number in (PROPOSER, APPROVER, KEEPER, NEXT):
        sqlite_world.activate(number)
    return sqlite_world


def act(world, *words, who=PROPOSER, code=0):
    return told("paper", *words, "--as", who, typed=as_officer(world, who), code=code)


def register(world, *more, label=LABEL, code=0):
    given = ("--class", "shipment", "--outlet", "NJ-GL-01", "--custodian", KEEPER)
    return act(world, "register", label, *given, *(more or ("--newest-on", "2024-03-01")), code=code)


def test_a_box_is_registered_shredded_and_witnessed_by_its_label(world):
    made = register(world)["box"]
    (box,) = act(world, "list")["standing"]
    assert (box["box"], box["label"], box["due_on"], box["custodian"]) == (made, LABEL, "2026-03-02", KEEPER)
    assert box["due"]
    assert act(world, "shredded", LABEL.lower())["box"] == made
    assert "[own_shredding]" in act(world, "witness", LABEL, code=1)
    act(world, "standing", LABEL, who=APPROVER)
    act(world, "shredded", LABEL)
    act(world, "witness", LABEL, who=APPROVER)
    found = act(world, "list")
    assert (found["standing"], found["gone"][0]["shredded_by"], found["gone"][0]["witnessed_by"]) == (
        [], PROPOSER, APPROVER,
    )  # fmt: skip


def test_a_box_is_handed_on_and_not_to_nobody(world):
    register(world)
    assert "[no_custodian]" in act(world, "hand-on", LABEL, "--to", "KF9999", code=1)
    act(world, "hand-on", LABEL, "--to", NEXT.lower(), who=APPROVER)
    assert act(world, "list")["standing"][0]["custodian"] == NEXT
    assert "[same_custodian]" in act(world, "hand-on", LABEL, "--to", NEXT, code=1)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--newest-on", "2024-03-01", "--due-on", "2026-03-01"), "newest_or_due"),
        (("--due-on", "2099-01-01"), "due_too_late"),
    ],
)
def test_what_a_box_cannot_be_is_refused_by_name(world, words, reason):
    assert f"[{reason}]" in register(world, *words, code=1)
    assert world.count("paper_boxes") == 0


def test_no_day_no_class_and_no_box_are_told_apart(world):
    signing = as_officer(world, PROPOSER)
    given = ("--outlet", "NJ-GL-01", "--custodian", KEEPER, "--as", PROPOSER)
    run("paper", "register", LABEL, "--class", "shipment", "--newest-on", "1.3.2024", *given, typed=signing, code=2)
    run("paper", "register", LABEL, "--class", "request", *given, typed=signing, code=2)
    assert "[box]" in act(world, "shredded", "NO-SUCH-BOX", code=1)
    assert "[no_right]" in act(world, "list", who=KEEPER, code=1)
    assert "[no_right]" in act(world, "shredded", LABEL, who=KEEPER, code=1)


def test_the_list_reads_well(world):
    say = run("paper", "list", "--as", PROPOSER, typed=as_officer(world, PROPOSER)).stdout
    assert say.splitlines()[-1] == "No box stands in the register."
    register(world)
    say = run("paper", "list", "--as", PROPOSER, typed=as_officer(world, PROPOSER)).stdout
    (line,) = [one for one in say.splitlines() if LABEL in one]
    for words in ("2026-03-02", "Shipment", "NJ-GL-01", KEEPER, "due"):
        assert words in line
