"""The drill: a backup made, restored into a place of its own and gone through, as on the day it is needed.

It proves on a copy that what was destroyed stays so, and that what lives opens; how long it took and what it found is
an event of the vault. What it opens, it announces in the vault's own log first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from vault.domain.log import Action, Actor, Outcome
from vault.errors import IntegrityError, VaultError
from vault.services.steps.backup_judging import Flaw, judge
from vault.services.steps.backup_making import Sources, make
from vault.services.steps.opening import announced, check, open_record
from vault.services.steps.parts import Parts
from vault.services.steps.remembering import Progress
from vault.services.steps.replaying import Replayed, lost, replay
from vault.services.steps.settling import settle
from vault.services.steps.signing import key_statements
from vault.storage import drilling, records
from vault.storage.backup_engine import RestorePlace

__all__ = ["SAMPLE", "Drilled", "Ground", "drill"]

SAMPLE = 20
"""So many destroyed records, and so many living ones, are tried."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a drill takes place.

    Args:
        folder: an empty one, for the backup.
        place: where its database goes.
        opened: opens the vault's parts on it, with a copy of the ledger.
        seconds: a clock that only goes forward.
    """

    folder: Path
    place: RestorePlace
    opened: Callable[[str], AbstractContextManager[Parts]]
    seconds: Callable[[], float]


@dataclass(slots=True)
class Drilled:
    """What came of a drill.

    Args:
        backup_id: the backup that was restored.
        steps: seconds of each step, by name.
        flaws: what was wrong with the backup.
        replayed: what was applied to it.
        lost: living records that no key opens any more.
        gone: destroyed records that were tried, and that nothing is left of.
        undead: destroyed records that were tried and found again.
        opened: living records that were tried and opened.
        unopened: living records that were tried and did not open.
    """

    backup_id: bytes = b""
    steps: dict[str, float] = field(default_factory=dict)
    flaws: tuple[Flaw, ...] = ()
    replayed: Replayed = field(default_factory=Replayed)
    lost: int = 0
    gone: int = 0
    undead: int = 0
    opened: int = 0
    unopened: int = 0

    @property
    def failures(self) -> int:
        """How much was not as it must be."""
        return len(self.flaws) + self.lost + self.undead + self.unopened

    @property
    def seconds(self) -> float:
        """How long all of it took."""
        return sum(self.steps.values())


def drill(
    parts: Parts, sources: Sources, ground: Ground, actor: Actor, folder: Path | None, now: datetime, told: Progress
) -> Drilled:
    """Make a backup, or take one that is there; restore it beside the vault, and try it.

    Args:
        parts: the vault's parts.
        sources: where backups are taken from.
        ground: where it takes place; whoever made it takes it away.
        actor: the local operator.
        folder: a backup to try; None makes one.
        now: UTC.
        told: told how far the longer steps have come.

    Returns:
        What came of it.

    Raises:
        VaultError: a step could not be done; that is logged too.
    """
    found = Drilled()
    try:
        _steps(parts, sources, ground, actor, folder, found, now, told)
    except VaultError as error:
        _note(parts, actor, found, Outcome.FAILED, now, reason=error.reason)
        raise
    _note(parts, actor, found, Outcome.FAILED if found.failures else Outcome.DONE, now)
    return found


def _steps(
    parts: Parts,
    sources: Sources,
    ground: Ground,
    actor: Actor,
    folder: Path | None,
    found: Drilled,
    now: datetime,
    told: Progress,
) -> None:
    engine, place = sources.engine, ground.place
    pin = parts.log_files.pin.read_text(encoding="ascii", errors="replace").strip()
    if folder is None:
        folder = ground.folder / "backup"
        with _timed(ground, found, "create"):
            settle(parts, now)
            make(parts, sources, folder, None, now, told)
    with _timed(ground, found, "verify"):
        with parts.database.read() as connection:
            keys = key_statements(parts, connection)
        judged = judge(folder, engine, pin, keys)
    found.backup_id, found.flaws = judged.manifest.backup_id, judged.flaws
    if judged.flaws:
        return
    file = folder / engine.file
    with _timed(ground, found, "load"):
        place.load(file, judged.manifest.files[engine.file])
    with ground.opened(place.url) as restored:
        with _timed(ground, found, "replay"):
            found.lost = sum(lost(restored).values())
            found.replayed = replay(restored, actor, now, told)
        with _timed(ground, found, "try"):
            _try_destroyed(parts, restored, found)
            _try_living(parts, restored, actor, found, now)
    with _timed(ground, found, "place"):
        place.put_in_place(file, now)


@contextmanager
def _timed(ground: Ground, found: Drilled, step: str) -> Iterator[None]:
    begun = ground.seconds()
    try:
        yield
    finally:
        found.steps[step] = ground.seconds() - begun


def _try_destroyed(parts: Parts, restored: Parts, found: Drilled) -> None:
    """Look for records that the vault destroyed, each by everything it was stored as."""
    with parts.database.read() as connection:
        ids = drilling.some_destroyed(connection, SAMPLE)
    with restored.database.read() as connection:
        found.undead = len(drilling.left_of(connection, ids))
    found.gone = len(ids) - found.undead


def _try_living(parts: Parts, restored: Parts, actor: Actor, found: Drilled, now: datetime) -> None:
    """Open records of the restored database whole, on the receipt of an event of the vault's own log."""
    with restored.database.read() as connection:
        store = restored.keys.current(connection)
        stored = list(records.load(connection, drilling.some_living(connection, SAMPLE, now)).values())
        wraps = records.wraps(connection, (one.meta for one in stored))
    if not stored:
        return
    whole = {one.meta.record_id: {ref.field for ref in one.meta.fields} for one in stored}
    event = parts.event(
        now, actor, Action.BACKUP_DRILLED, Outcome.GRANTED, purpose="retention",
        opened=tuple(announced(one, whole[one.meta.record_id]) for one in stored),
    )  # fmt: skip
    receipt = parts.log_writer.write(event)
    for one in stored:
        record_id = one.meta.record_id
        try:
            check(store, one)
            open_record(store, receipt, one, wraps.get(record_id), whole[record_id])
        except IntegrityError:
            found.unopened += 1
        else:
            found.opened += 1


def _note(parts: Parts, actor: Actor, found: Drilled, outcome: Outcome, now: datetime, **facts: Any) -> None:  # noqa: ANN401 - facts of the event
    event = parts.event(
        now, actor, Action.BACKUP_DRILLED, outcome,
        backup=found.backup_id.hex(), seconds=round(found.seconds), count=found.opened,
        destroyed=found.gone, failed=found.failures, **facts,
    )  # fmt: skip
    parts.log_writer.write(event)
