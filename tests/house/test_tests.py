"""A test says itself what it expects: what it asserts is not hidden in a helper, where it may get lost."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "tests").rglob("test_*.py"))
EXPECTING = {"raises", "expect", "run_state_machine_as_test", "runTest"}
"""Beside ``assert``: how pytest awaits an error, Playwright a page, and how Hypothesis runs a machine of rules."""


def name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def expects(test: ast.AST) -> bool:
    """Whether it asserts, awaits something, or asks another test under conditions of its own."""
    calls = {name(node) for node in ast.walk(test) if isinstance(node, ast.Call)}
    return (
        not EXPECTING.isdisjoint(calls)
        or any(one.startswith("test_") for one in calls)
        or any(isinstance(node, ast.Assert) for node in ast.walk(test))
    )


def expecting_nothing(code: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and not expects(node):
            yield node.name


def test_every_test_says_what_it_expects() -> None:
    found = {str(path.relative_to(ROOT)): list(expecting_nothing(path.read_text("utf-8"))) for path in MODULES}
    assert {path: names for path, names in found.items() if names} == {}


def test_one_that_only_calls_something_would_be_found() -> None:
    code = """
def test_it_runs(): check(1)
def test_it_holds(): assert check(1)
def test_it_is_refused():
    with pytest.raises(ValueError): check(1)
"""
    assert list(expecting_nothing(code)) == ["test_it_runs"]
