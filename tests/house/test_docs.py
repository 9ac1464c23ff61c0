"""What the documents name exists: links lead somewhere; files, modules, commands, settings and numbers are there."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from vault.cli import main
from vault.crypto import cohort_keys, passwords, providers
from vault.jobs import TIMETABLE
from vault.services import intake
from vault.services.steps.beat import ABSENT_BEAT_SECONDS
from vault.storage import csv_files, engine
from vault.storage.policy_files import load_policy

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "ops").rglob("*.md")])
DECISIONS = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
IN_TICKS = re.compile(r"`([^`\n]+)`")
CODE = ("vault", "policies", "migrations", "ops", "tests/bench")
FOLDERS = ("vault/", "tests/", "docs/", "ops/", "policies/", "migrations/")
OF_OTHERS = {
    "blind_index": "a room of the architecture, in the decision that says what became of it",
    "datavault_before": "what a restore calls the database that it moves aside",
    "fuser": "a command of Debian",
    "session_replication_role": "a setting of PostgreSQL",
    "synchronous_standby_names": "a setting of PostgreSQL",
    "timedatectl": "a command of Debian",
}
"""Names in ticks that are nowhere in our code, and whose they are."""
COMPOSED = re.compile(r"(key_store|epoch_secret)_(missing|damaged|empty|wrong_length|unreadable|too_open)")
"""Reasons that are made of what is wrong and with which file."""
HEADINGS_OF_A_DECISION = ["## Context", "## Decision", "## Consequences"]


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them, and those written out."""
    found = set(re.findall(r'<a (?:id|name)="([^"]+)"', text(page)))
    for heading in re.findall(r"^#+ (.+)$", text(page), re.MULTILINE):
        kept = re.sub(r"[^\w\- ]", "", heading.lower())
        found.add(kept.replace(" ", "-"))
    return found


def command_at(words: list[str]) -> click.Command | None:
    """Return the command that these words begin with, None when the first of them is none."""
    command: click.Command = main
    for word in words:
        if not isinstance(command, click.Group):
            return command
        found = command.commands.get(word)
        if found is None:
            return None
        command = found
    return command


def commands_named(page: Path) -> list[str]:
    lines = re.findall(r"^ {4}(?:\$ )?(?:\.venv/bin/)?(datavault .+)$", text(page), re.MULTILINE)
    fenced = re.findall(r"^(?:\$ )?(?:\.venv/bin/)?(datavault .+)$", text(page), re.MULTILINE)
    return lines + fenced + [one for one in IN_TICKS.findall(text(page)) if one.startswith("datavault ")]


def test_there_are_documents():
    assert {"docs/formats.md", "docs/threat_model.md", "docs/limitations.md", "docs/import.md"} <= set(map(name, PAGES))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page):
    for target in LINK.findall(text(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_file_named_in_ticks_is_there(page):
    for named in IN_TICKS.findall(text(page)):
        if named.startswith(FOLDERS) and re.fullmatch(r"[\w./*-]+", named):
            assert list(ROOT.glob(named.rstrip("/"))), named


def test_every_name_in_ticks_is_made_of_words_of_the_code():
    files = [one for folder in CODE for one in (ROOT / folder).rglob("*") if one.suffix not in {".md", ".pyc", ".png"}]
    code = "\n".join(one.read_text(encoding="utf-8") for one in [*files, ROOT / "Makefile"] if one.is_file())
    known = set(re.findall(r"[a-z0-9_]+", code)) | {one.stem for one in (ROOT / "tests").rglob("*.py")}
    named = {word for page in PAGES for word in re.findall(r"`([a-z]+(?:[_.][a-z0-9_]+)*)`", text(page))}
    unknown = {one for one in named if not COMPOSED.fullmatch(one) and not known.issuperset(one.split("."))}
    assert unknown == OF_OTHERS.keys()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_named_is_a_command(page):
    for line in commands_named(page):
        words = [word for word in re.split(r"\s+", line)[1:] if re.fullmatch(r"[a-z][a-z-]*", word)]
        assert not words or command_at(words[:1]) is not None, line
        group = main.commands.get(words[0]) if words else None
        if isinstance(group, click.Group) and len(words) > 1:
            assert command_at(words[:2]) is not None, line
        options = {option for option in re.findall(r"(--[a-z-]+)", line) if option != "--help"}
        known = {option for one in (command_at(words[:2]), command_at(words[:1])) for option in options_of(one)}
        assert options <= known, line


def options_of(command: click.Command | None) -> set[str]:
    return {option for parameter in command.params for option in parameter.opts} if command else set()


def test_a_command_that_does_not_exist_would_be_found():
    assert command_at(["log", "verify"]) is not None
    assert command_at(["log", "forget"]) is None
    assert command_at(["destroy"]) is None


# -- decisions ---------------------------------------------------------------------------------------------------


def test_the_index_lists_every_decision_by_its_title_in_order():
    listed = re.findall(r"^\| (\d{4}) \| \[(.+)\]\((.+)\) \|$", text(ROOT / "docs" / "adr" / "README.md"), re.MULTILINE)
    there = []
    for page in DECISIONS:
        number, title = re.fullmatch(r"# (\d{4})\. (.+)", text(page).partition("\n")[0]).groups()
        assert page.name.startswith(f"{number}-")
        there.append((number, title, page.name))
    assert listed == there
    assert [number for number, _, _ in there] == [f"{at:04d}" for at in range(1, len(there) + 1)]


@pytest.mark.parametrize("page", [*DECISIONS, ROOT / "docs" / "adr" / "template.md"], ids=name)
def test_a_decision_says_context_decision_and_consequences(page):
    assert re.findall(r"^## .+$", text(page), re.MULTILINE) == HEADINGS_OF_A_DECISION


# -- numbers that the documents state ----------------------------------------------------------------------------


def test_the_numbers_in_the_documents_are_those_of_the_code(full_hashes):
    threat, limits = text(ROOT / "docs" / "threat_model.md"), text(ROOT / "docs" / "limitations.md")
    imports, formats = text(ROOT / "docs" / "import.md"), text(ROOT / "docs" / "formats.md")
    policy = load_policy(ROOT / "policies")
    customer_cohorts = policy.cohort_rules()[next(iter(policy.retention))].months + 1
    cost = providers.COST
    beat = f"on a beat of {round(ABSENT_BEAT_SECONDS * 1000)} ms"
    stated = (
        (text(next(page for page in DECISIONS if page.name.startswith("0008"))), beat),
        (threat, beat),
        (threat, f"every {TIMETABLE[0].every} seconds when something happened"),
        (threat, f"{cohort_keys.INDEX_TAG_BYTES * 8} bits of a keyed hash"),
        (threat, f"Argon2id, {cost.memory // 1024} MiB, {cost.iterations} passes"),
        (threat, f"({passwords._KIBIBYTES // 1024} MiB, 2 passes"),
        (threat, f"some\n{customer_cohorts} customer cohorts"),
        (limits, f"After {policy.passwords.max_age_days} days a password opens nothing but its own change"),
        (limits, f"after {policy.sessions.reveal_seconds}\nseconds"),
        (limits, f"after at most about {round(engine.PATIENCE_SECONDS + 0.3)} seconds"),
        (text(ROOT / "ops" / "runbooks" / "breach.md"), f"From the {policy.drills.remind_from_day}th of a month"),
        (imports, f"{intake.BATCH_ROWS} rows are one transaction"),
        (imports, f"at most {csv_files.LONGEST_CELL:,} characters"),
        (imports, f"more than {policy.entry.limit_minutes} minutes after the service ended"),
        (formats, f"first {cohort_keys.INDEX_TAG_BYTES} bytes of HMAC(index key"),
        (formats, f"$argon2id$v=19$m={cost.memory},t={cost.iterations},p={cost.lanes}$"),
    )
    for page, words in stated:
        assert words in page, words
