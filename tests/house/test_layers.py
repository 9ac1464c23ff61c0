"""The house's import rule: doors → services → storage ‖ crypto → domain → errors, and what hangs on it.

Every exception stands here by name with its reason; an exception that is no longer needed fails the test too.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "vault"

BELOW = {
    "errors": set(),
    "config": {"errors"},
    "domain": {"errors"},
    "crypto": {"domain", "errors"},
    "storage": {"domain", "errors"},
    "verify_log": set(),
    "services": {"storage", "crypto", "domain", "errors", "verify_log"},
    "word_tables": set(),
    "words": {"word_tables", "domain"},
    "jobs": {"services", "domain", "errors"},
    "web": {"services", "domain", "errors", "config", "words"},
    "cli": {"bootstrap", "config", "words", "jobs", "doctor", "services", "domain", "errors"},
    "bootstrap": {"config", "crypto", "storage", "services", "domain", "errors"},
    "doctor": {"bootstrap", "config", "crypto", "storage", "services", "domain", "errors"},
}
"""Which rooms a room may import; its own modules always. ``bootstrap`` and ``doctor`` know all rooms on purpose."""

DOORS_PAST_THE_RULE = {
    ("vault.__main__", "vault.cli"): "`python -m vault` is the command line",
    ("vault.web.server", "vault.bootstrap"): "each worker opens a vault of its own, after the fork",
    ("vault.cli.operate", "vault.web.server"): "`serve` starts the front door",
    ("vault.cli.operate", "vault.web.logs"): "the scheduler writes its log as the front door does",
    ("vault.cli.operate", "vault.storage.schema"): "`db upgrade` and `db current` work where no vault opens yet",
    ("vault.cli.policy", "vault.storage.policy_files"): "`policy check` judges files without a vault",
    ("vault.cli.people", "vault.storage.people"): "`user list` reads ids and states; no rule, no name, no service",
    ("vault.jobs", "vault.storage.job_runs"): "claims belong to the timetable alone",
}

STEPS = "vault.services.steps"
"""Modules of this package are steps, shared by walks; every other module of the services room is a walk."""

STEPS_INSIDE_WALKS = {
    ("vault.services.intake_staff", "vault.services.intake", "check_header"): "one header rule for every import",
    ("vault.services.intake_staff", "vault.services.intake", "mapping_for"): "one choice of mapping for every import",
}

LONGER_THAN_A_SCREENFUL = {
    "vault/verify_log.py": "one file on purpose: it is handed to strangers (architecture, contract)",
}
MOST_LINES = 400

DECRYPTING = {
    "vault/crypto/cohort_keys.py": "fields and wraps: the one door, which demands a receipt",
    "vault/crypto/people_keys.py": "names of staff; no customer data",
    "vault/crypto/key_store_format.py": "the key store file itself",
    "vault/crypto/self_test.py": "published vectors",
    "vault/crypto/suites.py": "declares what a cipher is",
}
MINTING = {"vault/storage/unit_of_work.py", "vault/storage/group_commit.py"}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def modules() -> dict[str, Path]:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imported(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (module, name) for every import, at the top or inside a function; name is empty for a whole module."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield (whole, "") if whole in MODULES else (str(node.module), alias.name)


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def edges() -> set[tuple[str, str]]:
    return {
        (name, target)
        for name, path in MODULES.items()
        for target, _ in imported(path)
        if target == "vault" or target.startswith("vault.")
    }


def violations(pairs: set[tuple[str, str]]) -> set[tuple[str, str]]:
    return {
        (name, target)
        for name, target in pairs
        if room(name) != room(target) and room(target) not in BELOW.get(room(name), set())
    }


def test_every_module_lies_in_a_known_room():
    assert {room(name) for name in MODULES} <= {"", "__main__", *BELOW}


def test_imports_go_down_only():
    assert violations(edges()) == set(DOORS_PAST_THE_RULE)


def test_a_step_up_or_across_would_be_found():
    wrong = {
        ("vault.domain.masks", "vault.storage.records"),
        ("vault.storage.records", "vault.crypto.key_store"),
        ("vault.crypto.key_store", "vault.storage.records"),
        ("vault.services.log", "vault.web.gate"),
        ("vault.web.api.routes", "vault.storage.records"),
        ("vault.web.api.routes", "vault.crypto.key_store"),
        ("vault.verify_log", "vault.domain.log_tree"),
        ("vault.errors", "vault.domain.ids"),
    }
    assert violations(wrong) == wrong


def test_the_domain_needs_the_standard_library_and_nothing_else():
    for name, path in MODULES.items():
        if room(name) in {"domain", "errors"}:
            outside = {target.split(".")[0] for target, _ in imported(path)} - {"vault"}
            assert outside <= sys.stdlib_module_names, name


def test_the_domain_asks_no_clock_and_touches_no_file():
    banned = {"time", "os", "io", "pathlib", "socket", "subprocess", "sqlite3", "shutil", "tempfile"}
    for name, path in MODULES.items():
        if room(name) != "domain":
            continue
        assert not banned & {target.split(".")[0] for target, _ in imported(path)}, name
        calls = {ast.unparse(node.func) for node in ast.walk(tree(path)) if isinstance(node, ast.Call)}
        assert not calls & {"datetime.now", "datetime.utcnow", "date.today", "datetime.today", "open", "print"}, name


def test_the_verifier_imports_no_room_and_only_cryptography():
    outside = {target.split(".")[0] for target, _ in imported(MODULES["vault.verify_log"])}
    assert outside - set(sys.stdlib_module_names) == {"cryptography"}


def test_no_import_goes_in_a_circle():
    graph: dict[str, set[str]] = {}
    for name, target in edges():
        graph.setdefault(name, set()).add(target)
    done: set[str] = set()

    def walk(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " → ".join((*trail[trail.index(name) :], name))
        if name not in done:
            for target in graph.get(name, ()):
                walk(target, (*trail, name))
            done.add(name)

    for name in MODULES:
        walk(name, ())


def is_walk(module: str) -> bool:
    return room(module) == "services" and module.count(".") > 1 and not module.startswith(STEPS)


def test_walks_never_call_each_other():
    met = {
        (name, target, what)
        for name, path in MODULES.items()
        if room(name) == "services"
        for target, what in imported(path)
        if is_walk(target) and target != name
    }
    assert met == set(STEPS_INSIDE_WALKS)


def test_a_step_knows_no_walk():
    for name, path in MODULES.items():
        if name.startswith(STEPS):
            assert not [target for target, _ in imported(path) if is_walk(target)], name


def test_only_storage_mints_receipts():
    minting = {
        str(path.relative_to(ROOT))
        for path in MODULES.values()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "Receipt"
    }
    assert minting == MINTING


def test_nothing_goes_around_the_making_of_a_receipt():
    for path in MODULES.values():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"Receipt.__new__", "object.__new__"}:
                pytest.fail(f"{path}:{node.lineno}")
            if isinstance(node, ast.ClassDef):
                assert "Receipt" not in {ast.unparse(base) for base in node.bases}, path


def test_only_the_named_modules_of_crypto_decrypt():
    decrypting = {
        str(path.relative_to(ROOT))
        for path in MODULES.values()
        for node in ast.walk(tree(path))
        if (isinstance(node, ast.Attribute) and node.attr == "decrypt")
        or (isinstance(node, ast.FunctionDef) and node.name == "decrypt")
    }
    assert decrypting == set(DECRYPTING)


def test_only_crypto_and_the_verifier_know_the_cryptography_package():
    using = {room(name) for name, path in MODULES.items() for target, _ in imported(path) if "cryptography" in target}
    assert using == {"crypto", "verify_log"}


def test_no_module_is_longer_than_a_reader_can_hold():
    long = {
        str(path.relative_to(ROOT))
        for path in MODULES.values()
        if len(path.read_text(encoding="utf-8").splitlines()) > MOST_LINES
    }
    assert long == set(LONGER_THAN_A_SCREENFUL)


def test_only_bootstrap_and_doctor_know_all_rooms():
    both = {
        name
        for name, path in MODULES.items()
        if {"storage", "crypto"} <= {room(target) for target, _ in imported(path)}
    }
    assert {name for name in both if room(name) != "services"} == {"vault.bootstrap", "vault.doctor"}
