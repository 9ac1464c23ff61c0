"""Taking a world's database back in time: a copy is put away, and put back in its place later, on either engine."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from tests import postgres
from tests.simulator import World
from vault import bootstrap
from vault.domain.log import Action, Outcome
from vault.services import log, log_gaps
from vault.services.log_gaps import GapReason, Loss
from vault.services.steps.parts import Parts
from vault.storage.unit_of_work import unit_of_work


class OldCopy:
    """What the database of a world held at a moment; keys and checkpoint folder go on."""

    def __init__(self, world: World, folder: Path) -> None:
        self._world = world
        self._file = folder / "old.sqlite3"
        self._name = ""
        world.close()
        server = world.place.server
        if server is None:
            shutil.copyfile(world.place.file, self._file)
        else:
            self._name = server._create(f"TEMPLATE {world.place.name} STRATEGY FILE_COPY")
        world.restart()

    def put_back(self) -> None:
        """Put it in the place of the database; the world is closed."""
        self._world.close()
        self.take_over()

    def take_over(self) -> None:
        """Put it in the place of the database under whoever works on that."""
        world = self._world
        server = world.place.server
        if server is None:
            for left in world.place.file.parent.glob(f"{world.place.file.name}-*"):
                left.unlink()
            with tempfile.NamedTemporaryFile(dir=world.place.file.parent, delete=False) as beside:
                beside.write(self._file.read_bytes())
            Path(beside.name).replace(world.place.file)
        else:
            server.execute(f"DROP DATABASE {world.place.name} WITH (FORCE)")
            how = f"OWNER {postgres.OWNER} TEMPLATE {self._name} STRATEGY FILE_COPY"
            server.execute(f"CREATE DATABASE {world.place.name} {how}")


def happen(world: World, count: int) -> None:
    """Let so many events happen; they wait for their places."""
    actor = world.person("KF2014").actor()
    with unit_of_work(world.parts.database) as unit:
        for _ in range(count):
            unit.announce(world.parts.event(world.now, actor, Action.LOG_VIEW, Outcome.GRANTED))
        unit.commit()


def work(world: World, count: int) -> int:
    """Let so many events happen, each a minute later and signed by itself; returns the size of the log."""
    size = world.settle()
    for _ in range(count):
        world.now += timedelta(minutes=1)
        happen(world, 1)
        size = world.settle()
    return size


@contextmanager
def inspected(world: World) -> Iterator[Parts]:
    """Open the vault of a closed world as the commands do that only look."""
    with bootstrap.open_vault(world.config, to_inspect=True) as parts:
        yield parts


def examined(world: World) -> Loss:
    """Return what the vault of a closed world has lost."""
    with inspected(world) as parts:
        return log_gaps.examine(parts, bootstrap.operator(world.config), world.now)


def accepted(world: World, reason: GapReason = GapReason.RESTORED_BACKUP) -> Loss:
    """Accept the loss in the vault of a closed world and sign again, as the command does; returns the loss."""
    operator = bootstrap.operator(world.config)
    with inspected(world) as parts:
        loss = log_gaps.examine(parts, operator, world.now)
        log_gaps.accept(parts, operator, loss, reason, world.now)
        log.settle(parts, world.now)
    return loss
