import re
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event

from tests.destroying import fill
from tests.ended_cohorts import (
    DECEMBER,
    DUE_IN_DECEMBER,
    LATER,
    NOVEMBER,
    SYSTEM,
    back_up,
    change,
    close,
    close_all,
    customer_id,
    destroy,
    home_of_record,
    told,
    turn_to,
)
from tests.simulator import NOW, World, customer_row, local
from vault.crypto.key_store_format import open_store
from vault.crypto.providers import RootKey
from vault.domain.cohorts import CohortState, Waits
from vault.domain.ledger import EntryKind
from vault.errors import KeyStoreError, StorageError, StorageUnavailable, VaultSealed
from vault.services import cohorts as closing
from vault.services.steps.clock_marking import mark
from vault.services.steps.keys import make_cohorts_ahead
from vault.storage import cohorts, vault_state, wal
from vault.storage.unit_of_work import unit_of_work

AGENT = "KF2001"
MONTHS = [(name, end_on) for name in ("customer", "service_record", "shipment") for end_on in (NOVEMBER, DECEMBER)]


def states(world):
    rows = world.rows("SELECT record_class, end_on, state FROM cohorts WHERE state <> 'open'")
    return {
        (row[0], date.fromisoformat(row[1]) if isinstance(row[1], str) else row[1]): CohortState(row[2]) for row in rows
    }


def row_of(world, record_class, end_on):
    with world.parts.database.read() as connection:
        return next(
            row
            for row in cohorts.listed(connection)
            if (row.cohort.record_class.value, row.cohort.end_on) == (record_class, end_on)
        )


def keys_there(world):
    return {one.key_id for one in world.parts.keys.files.load().cohorts()}


def key_of(world, record_class="customer", end_on=DECEMBER):
    return row_of(world, record_class, end_on).cohort.key_id


# -- from open to destroyed ---------------------------------------------------------------------------------------


def test_cohorts_that_have_not_ended_stay_as_they_are(world):
    assert close(world) == {}
    assert states(world) == {}


def test_two_nights_and_a_backup_close_every_cohort_that_has_ended(world):
    turn_to(world)
    first = close(world)
    assert {first[one].waits for one in MONTHS} == {Waits.BACKUP}
    assert {states(world)[one] for one in MONTHS} == {CohortState.CLOSING}
    back_up(world)
    second = close(world)
    assert {second[one].state for one in MONTHS} == {CohortState.DESTROYED}
    assert closing.outlook(world.parts, LATER) == []
    assert {states(world)[one] for one in MONTHS} == {CohortState.DESTROYED}
    assert {row_of(world, *one).cohort.key_id for one in MONTHS} & keys_there(world) == set()


def test_the_keys_that_stay_are_all_others(world):
    turn_to(world)
    before = keys_there(world)
    close_all(world)
    done = {bytes(row[0]) for row in world.rows("SELECT cohort_id FROM cohorts WHERE state = 'destroyed'")}
    assert done
    assert keys_there(world) == before - done
    with world.parts.database.read() as connection:
        assert {one.key_id for one in world.parts.keys.current(connection).cohorts()} == keys_there(world)


def test_what_is_typed_into_requests_lives_for_days_and_waits_for_no_backup(world):
    turn_to(world)
    done = close(world)
    requests = [one for one in done.values() if one.cohort.record_class.value == "request"]
    assert requests
    assert {one.state for one in requests} == {CohortState.DESTROYED}


def test_each_step_is_an_event_that_names_the_cohort_and_nothing_personal(world):
    turn_to(world)
    close_all(world)
    key_id = key_of(world, "customer", NOVEMBER).hex()
    steps = [one for one in world.events() if one["facts"].get("cohort") == key_id]
    assert [one["action"] for one in steps] == ["cohort.closing", "cohort.emptied", "cohort.destroyed"]
    assert {one["purpose"] for one in steps} == {"retention"}
    assert steps[2]["facts"] == {
        "cohort": key_id,
        "copies": 2,
        "record_class": "customer",
        "version": world.parts.keys.files.load().version,
    }
    world.settle()
    assert world.verify().holds


def test_the_ledger_says_before_and_after_that_a_key_goes(world):
    turn_to(world)
    close_all(world)
    key_id = key_of(world, "customer", NOVEMBER)
    kinds = [one.kind for one in world.parts.ledger.entries() if one.about == key_id]
    assert kinds == [EntryKind.COHORT_INTENT, EntryKind.COHORT_CLOSED]


# -- what is in the way -------------------------------------------------------------------------------------------


def test_a_due_record_keeps_its_cohort_and_those_behind_it(world):
    row = world.customer(last_activity_at="2024-11-05 10:00:00")  # sealed as due, in the cohort of that day
    world.customer(last_activity_at=DUE_IN_DECEMBER)
    turn_to(world)
    back_up(world)
    done = close(world)
    assert (done["customer", NOVEMBER].waits, done["customer", NOVEMBER].due) == (Waits.DUE, 1)
    assert (done["customer", DECEMBER].waits, done["customer", DECEMBER].due) == (Waits.EARLIER, 1)
    assert {one for one in states(world) if one[0] == "customer"} == set()
    assert row["phone"]
    assert world.count("records") == 2


def test_none_is_destroyed_before_one_that_ended_earlier(world):
    """November waits for its backup after December has got one: December stays, empty as it is."""
    turn_to(world)
    close(world)
    back_up(world)
    world.tamper("UPDATE cohorts SET moved_size = moved_size + 1000 WHERE end_on = :day AND record_class = 'customer'",
                 day=NOVEMBER.isoformat() if world.place.server is None else NOVEMBER)  # fmt: skip
    done = close(world)
    assert (done["customer", NOVEMBER].waits, done["customer", DECEMBER].waits) == (Waits.BACKUP, Waits.EARLIER)
    assert {key_of(world, "customer", NOVEMBER), key_of(world)} <= keys_there(world)
    assert states(world)["shipment", DECEMBER] is CohortState.DESTROYED


def test_once_it_is_destroyed_the_closing_goes_on(world):
    world.customer(last_activity_at=DUE_IN_DECEMBER)
    (record_id,) = (bytes(row[0]) for row in world.rows("SELECT record_id FROM records"))
    turn_to(world)
    close_all(world)
    back_up(world)
    assert close(world)["customer", DECEMBER].waits is Waits.DUE
    destroy(world, record_id)
    close_all(world)
    assert states(world)["customer", DECEMBER] is CohortState.DESTROYED
    assert next(
        one["facts"]["destroyed"]
        for one in world.events("cohort.emptied")
        if one["facts"]["cohort"] == key_of(world).hex()
    ) == 1  # fmt: skip


def test_a_cohort_is_not_closed_on_its_last_day_in_the_companys_zone(world):
    turn_to(world, LATER.replace(year=2026, month=12, day=31, hour=15, minute=59))  # 23:59 in Shanghai
    assert ("customer", DECEMBER) not in told(closing.outlook(world.parts, world.now))
    turn_to(world, world.now + timedelta(minutes=1))
    assert ("customer", DECEMBER) in told(closing.outlook(world.parts, world.now))


def test_a_backup_counts_if_it_was_read_back_and_holds_the_last_move(world):
    world.customer(last_activity_at=DUE_IN_DECEMBER)
    (record_id,) = (bytes(row[0]) for row in world.rows("SELECT record_id FROM records"))
    turn_to(world)
    change(world, record_id, expires_at=LATER + timedelta(days=700))
    first = close(world)["customer", DECEMBER]
    assert (first.state, first.waits) == (CohortState.CLOSING, Waits.BACKUP)
    size = row_of(world, "customer", DECEMBER).moved_size
    assert size > 0
    back_up(world, size - 1)
    back_up(world, size, verified=False)
    assert close(world)["customer", DECEMBER].waits is Waits.BACKUP
    back_up(world, size)
    assert close(world)["customer", DECEMBER].state is CohortState.DESTROYED
    assert world.values_of(record_id)


def test_the_log_must_have_given_the_moves_their_places(world, monkeypatch):
    turn_to(world)
    monkeypatch.setattr(closing, "settle", lambda *_: 0)
    assert close(world)["customer", NOVEMBER].waits is Waits.LOG
    assert row_of(world, "customer", NOVEMBER).moved_size is None


def test_a_key_without_record_and_a_record_without_key_keep_their_cohort(world):
    world.customers(customer_row(last_activity_at=DUE_IN_DECEMBER), customer_row(last_activity_at=DUE_IN_DECEMBER))
    one, other = (bytes(row[0]) for row in world.rows("SELECT record_id FROM records"))
    turn_to(world)
    destroy(world, one)
    for record_id in (one, other):
        world.tamper("DELETE FROM records WHERE record_id = :id", id=record_id)
    assert close(world)["customer", DECEMBER].waits is Waits.ORPHANS
    world.tamper("DELETE FROM wrapped_keys WHERE record_id = :id", id=other)
    assert close(world)["customer", DECEMBER].waits is Waits.BACKUP


def test_a_record_that_does_not_fit_keeps_its_cohort_until_somebody_has_seen_to_it(world):
    world.customer(last_activity_at=DUE_IN_DECEMBER)
    (record_id,) = (bytes(row[0]) for row in world.rows("SELECT record_id FROM records"))
    turn_to(world)
    change(world, record_id, expires_at=LATER + timedelta(days=100))
    world.tamper("UPDATE records SET outlet = 'XX-XX-01'")
    close_all(world)
    done = close(world)["customer", DECEMBER]
    assert (done.state, done.waits, done.unreadable) == (CohortState.CLOSING, Waits.UNREADABLE, 1)
    world.tamper("UPDATE records SET outlet = 'NJ-GL-01'")
    close_all(world)
    assert states(world)["customer", DECEMBER] is CohortState.DESTROYED
    assert world.values_of(record_id)


def test_an_unreachable_copy_of_the_key_store_keeps_every_key(world):
    turn_to(world)
    close(world)
    back_up(world)
    away = world.config.key_copies[1] / "epoch"
    away.rename(away.with_name("away"))
    entries = len(list(world.parts.ledger.entries()))
    with pytest.raises(KeyStoreError) as refused:
        close(world)
    assert refused.value.reason == "epoch_secret_missing"
    assert states(world)["customer", NOVEMBER] is CohortState.EMPTY
    assert len(list(world.parts.ledger.entries())) == entries
    away.with_name("away").rename(away)
    assert key_of(world, "customer", NOVEMBER) in keys_there(world)
    assert close(world)["customer", NOVEMBER].state is CohortState.DESTROYED


def test_by_a_clock_that_jumped_nothing_is_closed_before_an_officer_confirms_the_date(world):
    mark(world.parts, NOW)
    turn_to(world)
    before = keys_there(world)
    assert {one.waits for one in close(world).values()} == {Waits.CLOCK}
    assert (states(world), keys_there(world)) == ({}, before)
    officer = world.person("KF2012").account_id
    world.tamper("UPDATE clock_marks SET jumped_from = NULL, confirmed_by = :by, confirmed_at = seen_at", by=officer)
    assert close(world)["customer", NOVEMBER].waits is Waits.BACKUP


def test_an_outlook_asks_as_often_for_many_cohorts_as_for_one(world):
    """What the page of retention costs does not grow with the cohorts that wait."""
    asked = []

    def count(months):
        asked.clear()
        found = closing.outlook(world.parts, LATER + timedelta(days=31 * months))
        return len(found), len(asked)

    engine = world.parts.database.engine
    event.listen(engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    count(0)  # a connection of its own is looked at first
    few, questions = count(0)
    many, more = count(6)
    assert many > few
    assert more == questions


def test_an_outlook_sees_what_closing_sees(world):
    """The two count in different questions and must come to the same."""
    fill(world)
    for days in (0, 31, 400, 800):
        world.now = LATER + timedelta(days=days)
        told_of = {one.cohort.key_id: (one.records, one.due) for one in closing.outlook(world.parts, world.now)}
        with world.parts.database.read() as connection:
            for key_id, seen in told_of.items():
                there, wraps = cohorts.counts(connection, key_id)
                assert (there, cohorts.due_in(connection, key_id, world.now)) == seen
                assert there == wraps


def test_an_outlook_changes_nothing(world):
    world.customer(last_activity_at=DUE_IN_DECEMBER)
    turn_to(world)
    before = (len(world.events()), states(world), keys_there(world))
    told_of = told(closing.outlook(world.parts, LATER))
    assert (told_of["customer", NOVEMBER].waits, told_of["customer", DECEMBER].waits) == (Waits.BACKUP, Waits.DUE)
    assert (told_of["customer", DECEMBER].records, told_of["customer", DECEMBER].due) == (1, 1)
    assert (len(world.events()), states(world), keys_there(world)) == before


# -- killed in between --------------------------------------------------------------------------------------------


class Stopped(StorageError):
    """Stands for a process that ends there."""


@pytest.mark.parametrize(
    "where", ["before_intent", "after_intent", "before_mirror", "before_done", "before_commit", "after_commit"]
)
def test_a_closing_that_stopped_anywhere_is_finished_by_the_next(world, monkeypatch, where):
    turn_to(world)
    close(world)
    back_up(world)
    key_id = key_of(world, "customer", NOVEMBER)
    appends, real_append = [], world.parts.ledger.append

    def append(entries):
        kind = next(iter(entries)).kind
        if where == ("before_intent" if kind is EntryKind.COHORT_INTENT else "before_done"):
            raise Stopped
        real_append(entries)
        appends.append(kind)
        if where == "after_intent" and kind is EntryKind.COHORT_INTENT:
            raise Stopped

    def stop(*_):
        raise Stopped

    with monkeypatch.context() as patched:
        patched.setattr(type(world.parts.ledger), "append", lambda _self, entries: append(entries))
        if where == "before_mirror":
            patched.setattr(closing, "mirror", stop)
        if where == "before_commit":
            patched.setattr(cohorts, "destroyed", stop)
        if where == "after_commit":
            patched.setattr(closing, "_tidy", stop)
        with pytest.raises(Stopped):
            close(world)
    gone = where not in ("before_intent", "after_intent")
    assert (key_id not in keys_there(world)) is gone
    assert states(world)["customer", NOVEMBER] is (
        CohortState.DESTROYED if where == "after_commit" else CohortState.EMPTY
    )
    world.restart()
    close(world)
    assert states(world)["customer", NOVEMBER] is CohortState.DESTROYED
    assert key_id not in keys_there(world)
    mine = [one for one in world.events("cohort.destroyed") if one["facts"]["cohort"] == key_id.hex()]
    assert len(mine) == 1
    with world.parts.database.read() as connection:
        assert world.parts.keys.current(connection).version == vault_state.read(connection).key_store_version


# -- others at the same time --------------------------------------------------------------------------------------


def test_two_who_close_at_once_destroy_each_key_once(world):
    other = World(world.config, world.place, LATER)
    turn_to(world)
    with ThreadPoolExecutor(2) as threads:
        for _ in range(2):

            def attempt(one):
                with suppress(StorageUnavailable):
                    close(one)

            list(threads.map(attempt, [world, other]))
            back_up(world)
    close(world)
    destroyed = [one["facts"]["cohort"] for one in world.events("cohort.destroyed")]
    assert len(destroyed) == len(set(destroyed)) == list(states(world).values()).count(CohortState.DESTROYED)
    assert key_of(world, "customer", NOVEMBER).hex() in destroyed
    other.close()


def test_another_process_with_its_own_copy_of_the_keys_follows(world):
    row = world.customer(last_activity_at="2026-11-19 10:00:00")
    other = World(world.config, world.place)
    turn_to(world)
    close_all(world)
    key_id = key_of(world, "customer", NOVEMBER)
    assert other.look_up(AGENT, row["phone"]).cards
    with other.parts.database.read() as connection, pytest.raises(KeyStoreError):
        other.parts.keys.current(connection).keys_of(key_id)
    other.now = LATER
    assert other.load_rows("customer", [customer_row(last_activity_at=local(LATER))]).added == 1
    other.close()


def test_nothing_is_sealed_into_a_cohort_that_is_closing(world):
    """Importers go on while the clock passes the end of a month and the closing runs beside them."""
    turn_to(world, LATER.replace(year=2026, month=12, day=31, hour=10))
    other = World(world.config, world.place, world.now)
    begun = threading.Event()

    def importing():
        for number in range(12):
            begun.set()
            rows = [customer_row(last_activity_at=DUE_IN_DECEMBER, phone=f"1360000{number:04d}")]
            with suppress(StorageError):
                other.load_rows("customer", rows)

    importer = threading.Thread(target=importing)
    importer.start()
    begun.wait()
    world.now = LATER
    for _ in range(3):
        with suppress(StorageUnavailable):
            close(world)
    importer.join()
    # December's cohort: whatever was sealed into it was stored before it began to close, and was seen by the closing.
    done = close(world)["customer", DECEMBER]
    assert done.records == done.due
    assert world.count("records") == done.due
    assert world.rows("SELECT count(*) FROM wrapped_keys") == [(world.count("records"),)]
    other.close()


def test_a_process_whose_clock_is_behind_seals_into_living_cohorts_only(world):
    slow = World(world.config, world.place)
    turn_to(world)
    close(world)
    slow.now = LATER.replace(year=2026, month=11, day=25)
    with pytest.raises(StorageError) as refused:
        slow.load_rows("customer", [customer_row(last_activity_at="2024-11-01 10:00:00")])
    assert refused.value.reason == "cohort_not_open"
    assert world.count("records") == 0
    back_up(world)
    close(world)
    assert slow.load_rows("customer", [customer_row(last_activity_at="2024-11-01 10:00:00")]).added == 1
    (record_id,) = (bytes(row[0]) for row in world.rows("SELECT record_id FROM records"))
    assert home_of_record(world, record_id) == date(2027, 1, 31)
    slow.close()


def test_a_clock_that_goes_back_makes_no_closed_cohort_again(world):
    turn_to(world)
    close_all(world)
    before = keys_there(world)
    back = LATER.replace(year=2026, month=11, day=25)
    make_cohorts_ahead(world.parts.database, world.parts.keys, world.parts.policy, SYSTEM, back)
    with world.parts.database.read() as connection:
        known = {(row.cohort.record_class, row.cohort.end_on) for row in cohorts.listed(connection)}
        assert len(known) == len(cohorts.listed(connection))
    assert before <= keys_there(world)
    assert row_of(world, "customer", NOVEMBER).state is CohortState.DESTROYED


# -- afterwards -----------------------------------------------------------------------------------------------------


def test_no_file_of_the_vault_opens_anything_of_a_destroyed_cohort(world, tmp_path):
    """A script with every file there is, before and after, the newest root key and a dump of the database."""
    world.customer(last_activity_at=DUE_IN_DECEMBER)
    (record_id,) = (bytes(row[0]) for row in world.rows("SELECT record_id FROM records"))
    turn_to(world)
    close_all(world)
    dump = world.rows("SELECT cohort_id, record_id, wrapped FROM wrapped_keys WHERE record_id = :id", id=record_id)
    old_stores = [copy.joinpath("store", "keystore").read_bytes() for copy in world.config.key_copies]
    destroy(world, record_id)
    close_all(world)
    assert states(world)["customer", DECEMBER] is CohortState.DESTROYED
    doomed = bytes(dump[0][0])
    files = [path.read_bytes() for path in world.config.data_dir.rglob("*") if path.is_file()] + old_stores
    root = RootKey(bytes.fromhex(world.config.root_key_file.read_text().strip()))
    epochs = [data[at.start() + 5 : at.start() + 37] for data in files for at in re.finditer(rb"DVEP\x01", data)]
    stores = [data[at.start() :] for data in files for at in re.finditer(rb"DVKS\x01", data)]
    assert len(epochs) >= 2
    assert len(stores) >= 4
    opened = []
    for store in stores:
        for epoch in epochs:
            with suppress(KeyStoreError):
                opened.append(open_store(store, root, epoch))
    assert len(opened) == 2  # the two copies in force
    assert all(doomed not in {one.key_id for one in each.cohorts()} for each in opened)


def test_a_partition_goes_with_its_cohort_and_no_other_does(postgresql_world):
    world = postgresql_world
    world.customer(last_activity_at=DUE_IN_DECEMBER)
    turn_to(world)
    close_all(world)
    names = {
        row[0]
        for row in world.rows(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'wrapped_keys'::regclass"
        )
    }
    assert f"wrapped_keys_{key_of(world, 'customer', NOVEMBER).hex()}" not in names
    assert f"wrapped_keys_{key_of(world).hex()}" in names
    with world.parts.database.read() as connection:
        living = [row for row in cohorts.listed(connection) if row.state is not CohortState.DESTROYED]
    assert len(names) == len(living)


@pytest.mark.parametrize("state", ["open", "closing"])
def test_the_application_drops_no_partition_of_a_living_cohort(postgresql_world, state):
    world = postgresql_world
    key_id = key_of(world, "customer", DECEMBER)
    world.tamper("UPDATE cohorts SET state = :state WHERE cohort_id = :id", state=state, id=key_id)
    with pytest.raises(StorageError), unit_of_work(world.parts.database) as work:
        cohorts.drop_partition(work.connection, key_id)


def test_the_application_drops_no_partition_that_holds_a_row(postgresql_world):
    world = postgresql_world
    world.customer(last_activity_at=DUE_IN_DECEMBER)
    key_id = key_of(world)
    world.tamper("UPDATE cohorts SET state = 'destroyed' WHERE cohort_id = :id", id=key_id)
    with pytest.raises(StorageError), unit_of_work(world.parts.database) as work:
        cohorts.drop_partition(work.connection, key_id)
    assert world.count("wrapped_keys") == 1


def test_a_partition_that_somebody_reads_is_dropped_by_the_next_run(postgresql_world):
    world = postgresql_world
    turn_to(world)
    close(world)
    back_up(world)
    other = World(world.config, world.place, LATER)
    with other.parts.database.read() as reader:
        reader.exec_driver_sql("SELECT count(*) FROM wrapped_keys")
        close(world)
    assert states(world)["customer", NOVEMBER] is CohortState.DESTROYED
    with world.parts.database.read() as connection:
        assert list(cohorts.droppable(connection)) != []
    close(world)
    with world.parts.database.read() as connection:
        assert list(cohorts.droppable(connection)) == []
    other.close()


def test_the_write_ahead_log_is_cut_to_nothing(sqlite_world):
    world = sqlite_world
    turn_to(world)
    close_all(world)
    assert Path(f"{world.place.file}-wal").stat().st_size == 0


def test_a_reader_in_the_way_of_the_cut_is_told(sqlite_world):
    world = sqlite_world
    other = World(world.config, world.place)
    with other.parts.database.read() as reader:
        reader.exec_driver_sql("SELECT count(*) FROM records").fetchall()
        world.customer()
        assert wal.truncate(world.parts.database) is False
    assert wal.truncate(world.parts.database) is True
    other.close()


def test_an_old_key_store_is_refused_after_a_closing(world):
    """The version moved on in the database: whoever puts the old files back is told, and opens nothing."""
    turn_to(world)
    close(world)
    back_up(world)
    old = {path: path.read_bytes() for copy in world.config.key_copies for path in copy.rglob("*") if path.is_file()}
    close(world)
    world.close()
    for path, data in old.items():
        if path.name != "ledger":
            path.write_bytes(data)
    with pytest.raises((KeyStoreError, VaultSealed)) as refused:
        World(world.config, world.place)
    assert refused.value.reason == "key_store_older"
    for path in old:
        assert path.exists()


def test_a_returned_customer_survives_the_closing(world):
    row = world.customer(last_activity_at=DUE_IN_DECEMBER)
    record_id = customer_id(world, row["phone"])
    turn_to(world)
    change(world, record_id, activity_at=LATER, expires_at=LATER + timedelta(days=730))
    for _ in range(3):
        close_all(world)
    assert states(world)["customer", DECEMBER] is CohortState.DESTROYED
    assert home_of_record(world, record_id) == date(2029, 1, 31)
    assert world.look_up(AGENT, row["phone"]).cards
