"""Whatever has a name of its own in vault/ says in a sentence what it is for.

The linter asks that of what a module offers. Here it is asked of the rest too: of functions within functions, which
hold the steps of a walk or the routes of a door, and of what a private class offers.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "vault").rglob("*.py"))
NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def silent(tree: ast.AST, inside: str = "") -> Iterator[str]:
    """Yield the names, without an underscore before them, of what says nothing about itself."""
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, NAMED):
            yield from silent(node, inside)
            continue
        if not node.name.startswith("_") and not ast.get_docstring(node):
            yield inside + node.name
        yield from silent(node, f"{inside}{node.name}.")


def test_everything_with_a_name_of_its_own_says_what_it_is_for() -> None:
    found = {str(path.relative_to(ROOT)): list(silent(ast.parse(path.read_text("utf-8")))) for path in MODULES}
    assert {path: names for path, names in found.items() if names} == {}


def test_what_stands_within_something_else_is_found_too() -> None:
    code = """
class _Private:
    def offered(self): ...
    def _kept(self):
        if True:
            def step(): ...
def told():
    "Say so."
"""
    assert list(silent(ast.parse(code))) == ["_Private.offered", "_Private._kept.step"]
