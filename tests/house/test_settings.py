"""Every setting is documented where operators look, with the default that is in force."""

import ast
import re
from pathlib import Path

import pytest

from vault.config import load_config

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "settings.md").read_text("utf-8")
EXAMPLE = (ROOT / "ops" / "datavault.env.example").read_text("utf-8")
NAME = re.compile(r"\bDATAVAULT_[A-Z_]*[A-Z]\b")
SEARCHED = ("vault/**/*.py", "ops/**/*", "docs/**/*.md", "*.md", "Makefile")

OF_A_PERSON = {"DATAVAULT_TOKEN"}
"""Read for one command, by whom it stands for; no setting of a vault."""


def read_by_the_program():
    """Names of the settings that vault/config.py asks for, with the default where that is a constant."""
    source = ast.parse((ROOT / "vault" / "config.py").read_text("utf-8"))
    readers = {"get", "whole", "choice", "optional_path"}
    found = {}
    for node in ast.walk(source):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in readers:
            name, *rest = node.args
            if isinstance(name, ast.Constant):
                default = rest[0].value if rest and isinstance(rest[0], ast.Constant) else None
                found[f"DATAVAULT_{name.value}"] = default
    return found


SETTINGS = read_by_the_program()


def test_the_list_of_settings_was_found():
    assert {"DATAVAULT_DATA_DIR", "DATAVAULT_BIND", "DATAVAULT_METRICS_TOKEN_FILE"} <= SETTINGS.keys()


def test_the_page_has_one_line_for_each_setting_and_no_other():
    listed = re.findall(r"(?m)^\| `(DATAVAULT_\w+)` \|", PAGE)
    assert sorted(listed) == sorted(SETTINGS)


def test_the_example_has_one_line_for_each_setting_and_no_other():
    listed = re.findall(r"(?m)^#?(DATAVAULT_\w+)=", EXAMPLE)
    assert sorted(listed) == sorted(SETTINGS)


@pytest.mark.parametrize("name", sorted(name for name, default in SETTINGS.items() if default not in (None, "")))
def test_the_page_names_the_default_in_force(name):
    default = str(SETTINGS[name])
    assert re.search(rf"(?m)^\| `{name}` \| `{re.escape(default)}` \|", PAGE)


def test_the_example_is_a_set_of_settings_that_can_be_used():
    lines = [line.removeprefix("#") for line in EXAMPLE.splitlines() if re.match(r"#?DATAVAULT_\w+=", line)]
    config = load_config({name: value.strip('"') for name, _, value in (line.partition("=") for line in lines)})
    assert len(config.key_copies) == 2
    assert "vault.example.com" in config.trusted_hosts


def test_nothing_speaks_of_a_setting_that_does_not_exist():
    unknown = {
        f"{path.relative_to(ROOT)}: {name}"
        for pattern in SEARCHED
        for path in ROOT.glob(pattern)
        if path.is_file() and path.suffix != ".pyc"
        for name in NAME.findall(path.read_text("utf-8"))
        if name not in SETTINGS.keys() | OF_A_PERSON
    }
    assert unknown == set()


@pytest.mark.parametrize("name", OF_A_PERSON)
def test_what_a_person_may_set_is_on_the_page_and_in_no_file_of_the_service(name):
    assert name in PAGE
    assert name not in EXAMPLE
