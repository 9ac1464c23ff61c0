"""What the documents tell people to type exists, and what they show is what comes out."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from vault.cli import main
from vault.config import load_config
from vault.storage.policy_files import load_policy

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
ADVICE = [README, ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "ops" / "runbooks").glob("*.md"))]
LINKING = [*ADVICE, *sorted((ROOT / "docs").rglob("*.md"))]

# Random passwords differ every time, and a number of spaces says nothing.
PASSWORD = re.compile(r"(?m)^((?:KF|ADMIN)\d+) \S{16} ")
CODE = re.compile(r"`([^`\n]+)`")
FENCE = re.compile(r"(?ms)^ *```(\w+)\n(.*?)^ *```$")


def commands(text, program):
    """Every command line of a program: in blocks, after prompts, and in running text."""
    lines = [line for _, block in FENCE.findall(text) for line in block.splitlines()]
    for line in [*lines, *CODE.findall(FENCE.sub("", text))]:
        for part in re.split(r"&&|;", line.partition(" #")[0]):
            words = part.strip().removeprefix("$ ").removeprefix("sudo ").strip()
            if words.startswith(f"{program} "):
                yield words


def every_command(program):
    return sorted({(path.name, line) for path in ADVICE for line in commands(path.read_text("utf-8"), program)})


def shown(command):
    """What the Chinese and the English half of the README show after a command."""
    blocks = [block for kind, block in FENCE.findall(README.read_text("utf-8")) if kind == "console"]
    return [block.partition("\n")[2] for block in blocks if block.startswith(f"$ {command}\n")]


def plain(text):
    squeezed = "\n".join(" ".join(line.split()) for line in text.splitlines() if line.strip())
    return PASSWORD.sub(r"\1 PASSWORD ", squeezed)


def run(language, folder, *arguments):
    settings = {name: value for name, value in os.environ.items() if not name.startswith("DATAVAULT_")}
    done = subprocess.run(
        [sys.executable, "-m", "vault", *arguments],
        cwd=ROOT,
        env=settings | {"DATAVAULT_LANG": language, "DATAVAULT_DATA_DIR": str(folder / "data")},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout


@pytest.mark.parametrize(("half", "language"), [(0, "zh-CN"), pytest.param(1, "en", marks=pytest.mark.slow)])
def test_the_demo_and_the_verification_print_what_the_readme_shows(tmp_path, half, language):
    demo = plain(run(language, tmp_path, "demo", "--prepare", "--dir", str(tmp_path)))
    told = plain(shown("make demo")[half])
    assert told.startswith(demo)
    assert told.removeprefix(demo).strip().startswith(f"http://{load_config({}).bind}/ ")

    verdict = run(language, tmp_path, "log", "verify").replace(f"{tmp_path}/data/", "/var/lib/datavault-")
    digits = re.compile(r"\b\d+\b")
    assert digits.sub("N", plain(verdict)) == digits.sub("N", plain(shown("datavault log verify")[half]))


def test_the_smoke_walk_has_the_steps_that_the_readme_shows():
    lines = shown("make smoke")[0].splitlines()
    steps = [found[1] for line in lines if (found := re.fullmatch(r"  ok +[\d.]+ s  (.+)", line))]
    walked = re.findall(r'with step\("(.+?)"\)', (ROOT / "ops" / "smoke.py").read_text("utf-8"))
    assert sorted(steps) == sorted(walked)
    assert f"all {len(steps)} steps hold" in lines[-1]


@pytest.mark.parametrize(("document", "line"), every_command("datavault"))
def test_every_command_of_ours_that_the_documents_name_exists(document, line):
    command, context = main, click.Context(main)
    words = shlex.split(line)[1:]
    while words and isinstance(command, click.Group):
        command = command.get_command(context, words[0])
        assert command is not None, f"{document}: {line}"
        words = words[1:]
    options = {name for one in command.params if isinstance(one, click.Option) for name in one.opts} | {"--help"}
    assert {word for word in words if word.startswith("--")} <= options


@pytest.mark.parametrize(("document", "line"), every_command("make"))
def test_every_make_target_that_the_documents_name_exists(document, line):
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in shlex.split(line)[1:]:
        assert "=" in target or re.search(rf"(?m)^{re.escape(target)}:", makefile), f"{document}: {line}"


@pytest.mark.parametrize("document", LINKING, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_to_a_file_of_ours_leads_somewhere(document):
    text = FENCE.sub("", document.read_text("utf-8"))
    links = {link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link}
    assert not [link for link in links if link and not (document.parent / link).exists()]


@pytest.mark.parametrize("document", ADVICE, ids=lambda path: path.name)
def test_every_document_that_is_named_is_there(document):
    text = re.sub(r"\[[^\]]+\]\(", "(", document.read_text("utf-8"))
    named = set(re.findall(r"(?<![\w/])((?:[\w.]+/)*[\w-]+\.(?:md|py|sql|yml|conf))\b", text))
    elsewhere = {"pg_ident.conf", "pg_hba.conf"}
    places = (ROOT, document.parent)
    assert not [name for name in named - elsewhere if not any((place / name).exists() for place in places)]


def test_the_roles_of_the_readme_are_those_of_the_rules():
    text = README.read_text("utf-8")
    roles = load_policy(ROOT / "policies").roles
    for role, rule in roles.items():
        assert f"| {rule.zh} | `{role.value}` |" in text
        assert f"| {rule.en} | `{role.value}` |" in text
    assert len(re.findall(r"(?m)^\| [^|`]+ \| `\w+` \|", text)) == 2 * len(roles)
