"""(h) Carrying out a plan of destruction: against plain deletes, in a small and a large vault, and beside look-ups.

Also what the ledger costs of it, and the memory of drafting a plan over many records.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import text

from tests.bench import vaults
from tests.bench.latency import Filled
from tests.bench.measure import Result, in_turn, median, ratio
from vault import bootstrap
from vault.config import ROOT, Config, load_config
from vault.domain.cohorts import home_of
from vault.domain.destruction import Item, PlanState, plan_digest
from vault.domain.identifiers import IdentifierKind
from vault.domain.ids import RecordClass, new_id
from vault.domain.ledger import Entry, EntryKind, written
from vault.domain.log import Actor
from vault.domain.records import FieldRef, RecordMeta, RecordState
from vault.domain.retention import expires_at
from vault.services import destruction, retention
from vault.services.steps.carrying_out import BATCH
from vault.services.steps.parts import Parts
from vault.storage import destruction as plans
from vault.storage import record_writes
from vault.storage.record_writes import NewRecord
from vault.storage.unit_of_work import unit_of_work

_FIELDS = tuple(
    FieldRef(name)
    for name in (
        "id_number", "id_type", "name", "notice", "phone", "recipient_address", "sender_address", "source_number",
    )
)  # fmt: skip
_KINDS = (IdentifierKind.PHONE, IdentifierKind.ID_NUMBER, IdentifierKind.SOURCE_NUMBER)
_LONG_AGO = timedelta(days=1000)
_MOST_MB = 250
_AT_ONCE = 2000
_OFFICERS = ("KF2002", "KF2003")
_DELETES = (
    "DELETE FROM record_index WHERE record_id = ?",
    "DELETE FROM record_fields WHERE record_id = ?",
    "DELETE FROM wrapped_keys WHERE cohort_id = ? AND record_id = ?",
    "DELETE FROM records WHERE record_id = ?",
)


def measure(bench: vaults.Bench, *, quick: bool, big: bool = False) -> Iterator[Result]:
    """Yield what a destroyed record costs, and what a draft does."""
    rounds, records = (5, 100) if quick else (11, 300)
    sizes = (10_000, 100_000) if big else (1_000, 10_000)
    for engine in vaults.ENGINES:
        with ExitStack() as stack:
            small, large = (Filled(_with_officers(bench.new_vault(engine)), size, stack) for size in sizes)
            pairs = in_turn(rounds, partial(_carried_out, small, records), partial(_deleted, small, records))
            yield ratio(
                "h", f"destroying {records} records against secure deletes of the same rows", engine, pairs,
                goal=3, detail=_each(pairs, records),
            )  # fmt: skip
            pairs = in_turn(rounds, partial(_carried_out, large, records), partial(_carried_out, small, records))
            yield ratio(
                "h", f"destroying a record among {sizes[1]:,} against {sizes[0]:,}", engine, pairs,
                goal=1.2, detail=_each(pairs, records),
            )  # fmt: skip
            pairs = in_turn(rounds, partial(_told, small), partial(_written, small))
            each = _each(pairs, BATCH)
            yield ratio(
                "h", f"ledger: {BATCH} intents and ends against the same bytes, synced", engine, pairs, detail=each
            )
        config = _with_officers(bench.new_vault(engine))
        with ExitStack() as stack:
            filled = Filled(config, sizes[0], stack)
            pairs = [_beside(config, filled, 2.0 if quick else 5.0) for _ in range(3 if quick else 7)]
            during, alone = (median([pair[at] for pair in pairs]) for at in (0, 1))
            yield ratio(
                "h", "look-ups a second during a run, of those without one", engine, pairs,
                goal=0.8, at_least=True, detail=f"{during:.0f} against {alone:.0f}",
            )  # fmt: skip
        peaks = [_drafted(bench.new_vault(engine), size) for size in sizes]
        yield Result(
            "h", f"peak memory of drafting a plan over {sizes[1]:,} records", engine, peaks[1], min(peaks), max(peaks),
            rounds=1, goal=_MOST_MB, unit="MB", detail=f"{peaks[0]:.0f} MB over {sizes[0]:,}",
        )  # fmt: skip


def _each(pairs: Sequence[tuple[float, float]], records: int) -> str:
    ours, theirs = (median([pair[at] for pair in pairs]) / records * 1e6 for at in (0, 1))
    return f"{ours:.0f} µs against {theirs:.0f} µs a record"


def _with_officers(config: Config) -> Config:
    with bootstrap.open_vault(config) as parts, parts.database.write() as connection:
        for number in _OFFICERS:
            officer = text("UPDATE accounts SET role = 'imd', state = 'active', password = 'x' WHERE work_number = :n")
            if connection.execute(officer, {"n": number}).rowcount != 1:
                raise RuntimeError("there is no such account")
        connection.commit()
    return config


def _store_due(parts: Parts, count: int) -> list[RecordMeta]:
    """Store customers past their time, sealed as an import seals them."""
    now, zone = vaults.now(), parts.policy.zone
    long_ago = now - _LONG_AGO
    expiry = expires_at(long_ago, parts.policy.retention[RecordClass.CUSTOMER].keep(), zone)
    with unit_of_work(parts.database) as work:
        store = parts.keys.current(work.connection)
        home = home_of(store.cohorts(), RecordClass.CUSTOMER, expiry, now.astimezone(zone).date(), zone)
        keys = store.keys_of(home.key_id)
        metas = [
            RecordMeta(
                new_id(), RecordClass.CUSTOMER, keys.key_id, None, "NJ-GL-01", "", RecordState.SETTLED, False, long_ago,
                expiry, fields=_FIELDS,
            )
            for _ in range(count)
        ]  # fmt: skip
        new = []
        for meta in metas:
            wrapped, sealed = keys.seal(meta.record_id, [(ref, f"value {meta.record_id.hex()}") for ref in _FIELDS])
            tags = [(kind, 0, keys.tag(kind, meta.record_id.hex())) for kind in _KINDS]
            new.append(NewRecord(meta, keys.mac(meta), wrapped, sealed, tags, now))
        record_writes.store(work.connection, new)
        work.commit()
    return metas


def _approved(parts: Parts, metas: Sequence[RecordMeta]) -> bytes:
    """Return a plan over these records that two officers have signed."""
    now, plan_id = vaults.now(), new_id()
    items = sorted(
        (Item(one.record_id, one.record_class, one.cohort_id, one.expires_at or now, one.outlet) for one in metas),
        key=lambda item: item.record_id,
    )
    digest = plan_digest(plan_id, now, parts.policy.digest, items)
    with unit_of_work(parts.database) as work:
        plans.begin(work.connection, plan_id, now, parts.policy.digest, now)
        plans.put(work.connection, plan_id, items)
        plans.finish(work.connection, plan_id, digest, ())
        first, second = (
            work.connection.execute(text("SELECT account_id FROM accounts WHERE work_number = :n"), {"n": one}).scalar()
            for one in _OFFICERS
        )
        signed: dict[str, Any] = {"proposed_by": first, "approved_by": second, "approved_at": now, "starts_at": now}
        plans.move(work.connection, plan_id, [PlanState.DRAFT], PlanState.APPROVED, signed)
        work.commit()
    return plan_id


def _carried_out(filled: Filled, records: int, _round: int) -> float:
    plan_id = _approved(filled.parts, _store_due(filled.parts, records))
    started = time.perf_counter()
    ran = destruction.execute(filled.parts, None, plan_id, vaults.now())
    took = time.perf_counter() - started
    if ran.plan.state is not PlanState.DONE:
        raise RuntimeError("the plan was not carried out")
    return took


def _deleted(filled: Filled, records: int, _round: int) -> float:
    metas = _store_due(filled.parts, records)
    is_sqlite = filled.parts.database.is_sqlite
    statements = [one if is_sqlite else one.replace("?", "%s") for one in _DELETES]
    started = time.perf_counter()
    for meta in metas:
        with filled.parts.database.write() as connection:
            connection.begin()
            driver: Any = connection.connection.driver_connection
            for statement in statements:
                both = "cohort_id" in statement
                driver.execute(statement, (meta.cohort_id, meta.record_id) if both else (meta.record_id,))
            connection.commit()
    return time.perf_counter() - started


def _beside(config: Config, filled: Filled, seconds: float) -> tuple[float, float]:
    """Return look-ups a second while another process carries a plan out, and without it."""
    plan_id = _approved(filled.parts, _store_due(filled.parts, 3000))
    processes = multiprocessing.get_context("spawn")
    begun, over = processes.Event(), processes.Event()
    run = processes.Process(target=_run, args=(config, plan_id, vaults.now(), begun, over))
    run.start()
    if not begun.wait(30):
        raise RuntimeError("the run did not begin")
    during = _look_ups(filled, seconds)
    left = plans_left(filled.parts, plan_id)
    over.set()
    run.join(60)
    if not left:
        raise RuntimeError("the run was over before the look-ups")
    return during, _look_ups(filled, seconds)


def plans_left(parts: Parts, plan_id: bytes) -> int:
    """Return how many records of a plan are still due."""
    counting = text("SELECT count(*) FROM destruction_items WHERE plan_id = :p AND state = 'due'")
    with parts.database.read() as connection:
        return int(connection.execute(counting, {"p": plan_id}).scalar_one())


def _run(config: Config, plan_id: bytes, now: datetime, begun: Any, over: Any) -> None:
    with bootstrap.open_vault(config) as parts:

        def stop() -> bool:
            begun.set()
            return bool(over.is_set())

        destruction.execute(parts, None, plan_id, now, stop=stop)


def _look_ups(filled: Filled, seconds: float) -> float:
    started, done = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        done += len(filled.look_up(10, 0))
    return done / (time.perf_counter() - started)


# -- the ledger ----------------------------------------------------------------------------------------------------


def _entries() -> list[list[Entry]]:
    plan_id, ids = new_id(), tuple(new_id() for _ in range(BATCH))
    return [[Entry(kind, vaults.now(), plan_id, ids)] for kind in (EntryKind.ERASE_INTENT, EntryKind.ERASED)]


def _told(filled: Filled, _round: int) -> float:
    entries = _entries()
    started = time.perf_counter()
    for some in entries:
        filled.parts.ledger.append(some)
    return time.perf_counter() - started


def _written(filled: Filled, _round: int) -> float:
    """Write as many bytes to a file beside each copy of the ledger, and sync each."""
    head = filled.parts.ledger.head()
    contents = [written(head, some)[0] for some in _entries()]
    files = [os.open(path.with_name("bench"), os.O_WRONLY | os.O_CREAT) for path in filled.parts.ledger.copies]
    started = time.perf_counter()
    for content in contents:
        for file in files:
            os.write(file, content)
            os.fsync(file)
    took = time.perf_counter() - started
    for file in files:
        os.close(file)
    return took


# -- memory --------------------------------------------------------------------------------------------------------


def _drafted(config: Config, count: int) -> float:
    """Return the peak memory of a process that drafts a plan over so many records, in MB."""
    with bootstrap.open_vault(config) as parts:
        for start in range(0, count, _AT_ONCE):
            _store_due(parts, min(_AT_ONCE, count - start))
    vaults.settle_down(config)
    settings = {
        "DATAVAULT_ENV": "test",
        "DATAVAULT_DATA_DIR": str(config.data_dir),
        "DATAVAULT_DATABASE_URL": config.database_url,
        "PATH": os.environ["PATH"],
    }
    command = [sys.executable, "-m", "tests.bench.destroying", str(count)]
    done = subprocess.run(command, cwd=ROOT, env=settings, stdout=subprocess.PIPE, check=True)
    return float(json.loads(done.stdout)["peak_mb"])


def main() -> None:
    """Draft a plan in the vault of the environment, and print the peak memory of this process."""
    with bootstrap.open_vault(load_config()) as parts:
        drafted = retention.draft(parts, Actor("operator:bench", "operator"), vaults.now())
        if sum(drafted.numbers.due.values()) != int(sys.argv[1]):
            raise RuntimeError("the plan does not name every record")
    # Not ru_maxrss: a process inherits the peak of the one that started it.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    print(json.dumps({"peak_mb": int(status["VmHWM"].split()[0]) / 1024}))  # noqa: T201 - its output is this line


if __name__ == "__main__":
    main()
