"""The targets that people and build servers rely on, and the locks behind them."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONTRACT = ("help", "setup", "demo", "demo-reset", "smoke", "test", "test-all", "check", "bench", "lock", "clean")
LOCKS = ("run", "test", "boot")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def make(*arguments):
    # A make above this test must not lend its options to this one.
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(["make", *arguments], cwd=ROOT, env=kept, capture_output=True, text=True, check=True)
    return done.stdout


def lock(name):
    return (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")


def pinned(name):
    return dict(re.findall(r"(?m)^([a-z0-9-]+)(?:\[[\w,]+\])?==(\S+)", lock(name)))


def wanted(requirements):
    return {re.match(r"[\w-]+", line)[0].lower() for line in requirements}


@pytest.mark.parametrize("target", CONTRACT)
def test_make_alone_explains_every_target(target):
    assert re.search(rf"(?m)^  make {target} +\S", make())


@pytest.mark.parametrize("target", [target for target in CONTRACT if target != "help"])
def test_every_target_can_be_planned(target):
    assert make("--dry-run", target)


def test_what_the_quick_tests_leave_out_is_exactly_what_the_long_ones_add():
    markers = {line.partition(":")[0] for line in PROJECT["tool"]["pytest"]["ini_options"]["markers"]}
    quick = re.search(r'-m "(not .*?)"', make("--dry-run", "test"))[1]
    rest = re.search(r'-m "(?!not)(.*?)"', make("--dry-run", "test-all"))[1]
    assert set(quick.removeprefix("not ").split(" and not ")) == markers
    assert set(rest.split(" or ")) == markers


def test_the_quick_tests_say_what_they_left_out():
    plan = make("--dry-run", "test")
    assert re.search(r'echo "left out: .*slow.*browser.*clock.*make test-all', plan)


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_pins_every_package_by_version_and_hash(name):
    requirements = re.split(r"(?m)^(?=[a-z0-9])", re.sub(r"(?m)^ *#.*\n", "", lock(name)))[1:]
    assert len(requirements) >= 5
    for one in requirements:
        assert re.match(r"[a-z0-9-]+(\[[\w,]+\])?==[\w.]+( ; [^\\\n]+)?( \\\n    --hash=sha256:[0-9a-f]{64})+\n$", one)


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_place_but_the_public_index(name):
    assert not re.search(r"(?i)://|file:|find-links|index-url|trusted-host| @ |-e |/\w+/", lock(name))


def test_the_locks_hold_what_the_project_asks_for():
    project = wanted(PROJECT["project"]["dependencies"])
    tools = wanted(PROJECT["dependency-groups"]["test"])
    assert project <= pinned("run").keys()
    assert project | tools <= pinned("test").keys()
    assert not tools & pinned("run").keys()
    assert pinned("run").items() <= pinned("test").items()


def test_the_command_runs_the_checkout_from_anywhere_and_through_a_link(tmp_path):
    if Path(sys.prefix).resolve() != ROOT / ".venv":
        pytest.skip("this environment was not made by make")
    command = ROOT / ".venv" / "bin" / "datavault"
    (tmp_path / "vault.py").write_text("raise SystemExit('the wrong vault')\n")
    (tmp_path / "link").symlink_to(command)
    for way in (command, tmp_path / "link"):
        done = subprocess.run([way, "policy", "check"], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
