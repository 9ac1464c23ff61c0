"""Backups in tests: made and restored by the commands, as an operator does it, on either engine."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from tests import postgres
from tests.simulator import World
from vault import bootstrap
from vault.cli import backup_restore, main
from vault.config import Config
from vault.services import backup
from vault.services.backup import Judged, Made


def with_tools(config: Config) -> Config:
    """Return settings that name the programs of the test server."""
    return replace(config, pg_bin=postgres._binaries())


def engine_of(world: World) -> Any:
    """Return what takes and reads the copies of a world's database."""
    return bootstrap.backup_engine(with_tools(world.config), world.parts.database)


def create(world: World, folder: Path, keys: Path | None = None) -> Made:
    """Make a backup of an open world."""
    sources = backup.Sources(engine_of(world), world.config.policies_dir)
    actor = bootstrap.operator(world.config)
    return backup.create(world.parts, sources, actor, folder, keys, world.now, lambda *_: None)


def verify(world: World, folder: Path, pin: str | None = None, *, deep: bool = False) -> Judged:
    """Read a backup of an open world back."""
    actor = bootstrap.operator(world.config)
    return backup.verify(world.parts, engine_of(world), actor, folder, pin, world.now, deep=deep)


def kinds(judged: Judged) -> list[str]:
    """Return what is wrong with a backup, by kind."""
    return [one.kind for one in judged.flaws]


@contextmanager
def settings_of(config: Config) -> Iterator[None]:
    """Let the commands work on a vault."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("DATAVAULT_")]:
        del os.environ[name]
    os.environ |= {
        "DATAVAULT_LANG": "en",
        "DATAVAULT_ENV": "test",
        "DATAVAULT_DATA_DIR": str(config.data_dir),
        "DATAVAULT_DATABASE_URL": config.database_url,
        "DATAVAULT_MIGRATOR_URL": config.migrator_url,
        "DATAVAULT_PG_BIN": str(postgres._binaries()),
        "DATAVAULT_NODE": "test",
    }
    try:
        yield
    finally:
        os.environ.clear()
        os.environ |= before


def run(config: Config, *arguments: object, code: int = 0, typed: str = "") -> Result:
    """Run a command on a vault that nobody has open."""
    with settings_of(config):
        told = CliRunner().invoke(main, [str(one) for one in arguments], input=typed)
    assert told.exception is None or isinstance(told.exception, SystemExit), told.exception
    assert told.exit_code == code, told.output
    return told


def lose(world: World) -> None:
    """Lose the database of a world: the file is gone, or an empty database is in its place."""
    world.close()
    server = world.place.server
    if server is None:
        for file in world.place.file.parent.glob(f"{world.place.file.name}*"):
            file.unlink()
    else:
        server.execute(f"DROP DATABASE {world.place.name} WITH (FORCE)")
        server.execute(f"CREATE DATABASE {world.place.name} OWNER {postgres.OWNER}")


def restore(world: World, folder: Path, *options: str, code: int = 0) -> dict[str, Any]:
    """Restore a backup into the place of a closed world; returns what the command says."""
    command = ("backup", "restore", folder, "--json", *options)
    before, backup_restore.now = backup_restore.now, lambda: world.now  # the command's clock is the world's
    try:
        told = run(world.config, *command, code=code)
    finally:
        backup_restore.now = before
    return dict(json.loads(told.stdout)) if code == 0 else {"said": told.stderr}


def lost_and_restored(world: World, folder: Path, *options: str) -> dict[str, Any]:
    """Lose the database of a world, restore a backup and open the world again."""
    lose(world)
    told = restore(world, folder, *options)
    world.restart()
    return told
