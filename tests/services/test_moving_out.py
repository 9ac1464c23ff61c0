from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import event as sql_event

from tests.ended_cohorts import (
    DECEMBER,
    DUE_IN_DECEMBER,
    LATER,
    NOVEMBER,
    SYSTEM,
    back_up,
    change,
    close,
    customer_id,
    destroy,
    hold,
    home_of_record,
    ids_in,
    turn_to,
)
from tests.simulator import World, complaint_row, customer_row, local, service_row, shipment_row
from vault.domain.cohorts import Cohort, Waits, later_home
from vault.domain.ids import RecordClass
from vault.errors import StorageError
from vault.services.steps import moving_out
from vault.storage import cohorts, records
from vault.storage.unit_of_work import unit_of_work

AGENT = "KF2001"
PERSONAL = ("王小明", "南京", "0592-3940580")


def cohort_of(world, record_class, end_on):
    with world.parts.database.read() as connection:
        return next(
            row.cohort
            for row in cohorts.listed(connection)
            if (row.cohort.record_class.value, row.cohort.end_on) == (record_class, end_on)
        )


def newest(world, record_class):
    with world.parts.database.read() as connection:
        rows = cohorts.listed(connection)
    return max(row.cohort.end_on for row in rows if row.cohort.record_class.value == record_class)


def customer_of_december(world, **changes):
    """Add a customer who is sealed in December's cohort; return row and id."""
    row = world.customer(**({"last_activity_at": DUE_IN_DECEMBER} | changes))
    return row, customer_id(world, row["phone"])


def returned(world, record_id):
    """The customer came back: activity moves the expiry, not the cohort."""
    change(world, record_id, activity_at=LATER, expires_at=datetime(2029, 1, 3, 16, tzinfo=UTC))


def move(world, record_class="customer", end_on=DECEMBER):
    cohort = cohort_of(world, record_class, end_on)
    with unit_of_work(world.parts.database) as work:
        cohorts.begin(work.connection, cohort.key_id, world.now)
        work.commit()
    return moving_out.move_out(world.parts, SYSTEM, cohort, world.now)


# -- what moves, and where to ----------------------------------------------------------------------------------------


def test_a_returned_customer_moves_to_the_month_of_their_new_expiry_and_is_found_as_before(world):
    row, record_id = customer_of_december(world, other_contact="0592-3940580")
    before = world.values_of(record_id)
    returned(world, record_id)
    turn_to(world)
    assert move(world).moved == 1
    assert home_of_record(world, record_id) == date(2029, 1, 31)
    assert world.values_of(record_id) == before
    for number in (row["phone"], row["id_number"], "0592-3940580"):
        assert [card.record_id for card in world.look_up(AGENT, number).cards] == [record_id]
    with world.parts.database.read() as connection:
        assert cohorts.counts(connection, cohort_of(world, "customer", DECEMBER).key_id) == (0, 0)


def test_as_many_index_rows_as_before_and_none_under_the_old_keys(world):
    _, record_id = customer_of_december(world, other_contact="wechat-abc")
    returned(world, record_id)
    turn_to(world)
    query = "SELECT kind, ordinal, tag FROM record_index WHERE record_id = :id ORDER BY kind, ordinal"
    before = world.rows(query, id=record_id)
    move(world)
    after = world.rows(query, id=record_id)
    assert [row[:2] for row in after] == [row[:2] for row in before]
    assert not {bytes(row[2]) for row in after} & {bytes(row[2]) for row in before}


def test_shipments_and_service_records_move_too_and_their_links_hold(world):
    one, other = world.customer(), world.customer()
    world.shipments(shipment := shipment_row(one, other))
    world.services(service := service_row(one, waybill=shipment["waybill"]))
    ids = {row[1]: bytes(row[0]) for row in world.rows("SELECT record_id, record_class FROM records")}
    homes = {name: home_of_record(world, ids[name]) for name in ("shipment", "service_record")}
    for name in homes:
        change(world, ids[name], expires_at=datetime(2027, 2, 1, 16, tzinfo=UTC))
    turn_to(world, datetime(2027, 12, 3, 4, tzinfo=UTC))
    change(world, ids["service_record"], expires_at=datetime(2028, 5, 1, 16, tzinfo=UTC))
    assert move(world, "service_record", homes["service_record"]).moved == 1
    assert home_of_record(world, ids["service_record"]) == date(2028, 5, 31)
    assert world.values_of(ids["service_record"])["source_number", 0] == service["source_number"]
    (linked,) = world.rows("SELECT shipment_id FROM records WHERE record_id = :id", id=ids["service_record"])[0]
    assert bytes(linked) == ids["shipment"]


def test_an_open_service_record_moves_to_the_newest_cohort(world):
    row = world.customer()
    world.services(complaint_row(row))
    (service,) = (bytes(one[0]) for one in world.rows("SELECT record_id FROM records WHERE state = 'open'"))
    home = home_of_record(world, service)
    assert home == newest(world, "service_record")
    turn_to(world, datetime(home.year, home.month + 1, 2, 4, tzinfo=UTC))
    assert move(world, "service_record", home).moved == 1
    assert home_of_record(world, service) == newest(world, "service_record") > home


def test_what_is_due_and_held_moves_to_the_month_of_its_review(world):
    _, record_id = customer_of_december(world)
    turn_to(world)
    hold(world, record_id, date(2027, 9, 12))
    assert move(world).moved == 1
    assert home_of_record(world, record_id) == date(2027, 9, 30)


def test_a_review_beyond_every_cohort_goes_to_the_newest(world):
    _, record_id = customer_of_december(world)
    turn_to(world)
    hold(world, record_id, date(2035, 1, 1))
    move(world)
    assert home_of_record(world, record_id) == newest(world, "customer")


def test_what_is_due_and_kept_by_an_open_service_moves_to_the_current_cohort(world):
    row, record_id = customer_of_december(world)
    world.services(complaint_row(row))
    change(world, record_id, activity_at=datetime(2024, 12, 5, 2, tzinfo=UTC),
           expires_at=datetime(2026, 12, 5, 16, tzinfo=UTC))  # fmt: skip
    turn_to(world)
    assert move(world) == moving_out.MovedOut(moved=1)
    assert home_of_record(world, record_id) == date(2027, 1, 31)


def test_what_is_due_and_kept_by_nothing_stays(world):
    row, record_id = customer_of_december(world)
    turn_to(world)
    assert move(world) == moving_out.MovedOut(due=1)
    assert home_of_record(world, record_id) == DECEMBER
    assert world.events("record.moved") == []
    assert row["phone"]


@pytest.mark.parametrize(
    ("seconds", "moved"),
    [(-1, 0), (0, 0), (1, 1)],
    ids=["a second after its time", "at its time", "a second before"],
)
def test_a_second_decides(world, seconds, moved):
    _, record_id = customer_of_december(world)
    turn_to(world)
    change(world, record_id, expires_at=LATER + timedelta(seconds=seconds))
    assert move(world).moved == moved


def test_a_record_only_ever_moves_to_a_later_cohort(sqlite_world):
    leaving = Cohort(b"l" * 16, RecordClass.CUSTOMER, date(2027, 5, 31))
    earlier = Cohort(b"e" * 16, RecordClass.CUSTOMER, date(2027, 4, 30))
    zone = sqlite_world.parts.policy.zone
    with pytest.raises(StorageError) as refused:
        later_home([earlier, leaving], leaving, LATER, None, date(2027, 4, 1), zone)
    assert refused.value.reason == "no_open_cohort"
    later = replace(leaving, key_id=b"n" * 16, end_on=date(2027, 6, 30))
    assert later_home([earlier, leaving, later], leaving, LATER, None, date(2027, 4, 1), zone) == later


# -- the log ---------------------------------------------------------------------------------------------------------


def test_the_opening_announces_exactly_the_indexed_fields_and_the_move_names_the_records(world):
    _, record_id = customer_of_december(world, other_contact="0592-3940580")
    returned(world, record_id)
    turn_to(world)
    move(world)
    opening, done = world.events("record.moved")
    assert (opening["outcome"], done["outcome"]) == ("granted", "done")
    assert opening["purpose"] == done["purpose"] == "retention"
    assert opening["records"] == [
        {
            "class": "customer",
            "fields": ["id_number", "other_contact", "phone", "source_number"],
            "id": record_id.hex(),
        }
    ]
    assert done["records"] == [{"class": "customer", "fields": [], "id": record_id.hex()}]
    assert done["facts"] == {"cohort": cohort_of(world, "customer", DECEMBER).key_id.hex(), "count": 1}
    assert not any(word in str(one) for one in (opening, done) for word in PERSONAL)
    world.settle()
    assert world.verify().holds


def test_nothing_is_opened_when_the_event_cannot_be_written(sqlite_world):
    world = sqlite_world
    _, record_id = customer_of_december(world)
    returned(world, record_id)
    turn_to(world)
    before = world.rows("SELECT tag FROM record_index ORDER BY tag")
    world.parts.log_writer.close()
    with pytest.raises(StorageError):
        move(world)
    assert world.rows("SELECT tag FROM record_index ORDER BY tag") == before
    assert home_of_record(world, record_id) == DECEMBER


# -- damage ----------------------------------------------------------------------------------------------------------


def test_what_does_not_fit_stays_is_reported_and_keeps_nobody_else(world):
    _, sound = customer_of_december(world)
    _, edited = customer_of_december(world)
    _, keyless = customer_of_december(world)
    _, torn = customer_of_december(world)
    for record_id in (sound, edited, keyless, torn):
        returned(world, record_id)
    turn_to(world)
    world.tamper("UPDATE records SET outlet = 'XX-XX-01' WHERE record_id = :id", id=edited)
    world.tamper("DELETE FROM wrapped_keys WHERE record_id = :id", id=keyless)
    torn_value = "UPDATE record_fields SET sealed = :value WHERE record_id = :id AND field = 'phone'"
    world.tamper(torn_value, value=bytes(44), id=torn)
    assert move(world) == moving_out.MovedOut(moved=1, unreadable=3)
    assert home_of_record(world, sound) == date(2029, 1, 31)
    (failure,) = world.events("record.integrity_failure")
    assert {one["id"] for one in failure["records"]} == {one.hex() for one in (edited, keyless, torn)}


def test_a_planted_index_row_does_not_move_along(world):
    _, record_id = customer_of_december(world)
    returned(world, record_id)
    turn_to(world)
    world.tamper(
        "INSERT INTO record_index (tag, record_id, kind, ordinal) VALUES (:tag, :id, 'phone', 7)",
        tag=b"planted planted!",
        id=record_id,
    )
    assert move(world).moved == 1
    assert world.rows("SELECT count(*) FROM record_index WHERE ordinal = 7") == [(0,)]


# -- others at the same time -----------------------------------------------------------------------------------------


def test_batches_are_small_and_a_run_that_stopped_goes_on(world, monkeypatch):
    monkeypatch.setattr(moving_out, "BATCH", 2)
    ids = [customer_of_december(world)[1] for _ in range(5)]
    for record_id in ids:
        returned(world, record_id)
    turn_to(world)
    real, calls = moving_out.moves.move, []

    def stopping(connection, ready):
        calls.append(len(ready))
        if len(calls) == 2:
            raise StorageError("stopped")
        real(connection, ready)

    monkeypatch.setattr(moving_out.moves, "move", stopping)
    with pytest.raises(StorageError):
        move(world)
    assert len(ids_in(world, "customer", DECEMBER)) == 3
    assert move(world).moved == 3
    assert [len(one["records"]) for one in world.events("record.moved", "done")] == [2, 2, 1]
    assert {home_of_record(world, one) for one in ids} == {date(2029, 1, 31)}


def test_a_record_that_somebody_changes_meanwhile_is_read_again(world, monkeypatch):
    _, record_id = customer_of_december(world)
    returned(world, record_id)
    turn_to(world)
    real, calls = moving_out.moves.move, []

    def overtaken(connection, ready):
        calls.append(len(ready))
        real(connection, [replace(one, revision=one.revision - 1) for one in ready] if len(calls) == 1 else ready)

    monkeypatch.setattr(moving_out.moves, "move", overtaken)
    assert move(world).moved == 1
    assert calls == [1, 1]
    assert world.values_of(record_id)


def test_an_import_goes_on_while_its_records_move(world, tmp_path):
    """The same file again, after the cohort takes nothing any more: nothing new is sealed, so nothing is refused."""
    rows = [customer_row(last_activity_at=DUE_IN_DECEMBER) for _ in range(3)]
    world.customers(*rows)
    turn_to(world)
    cohort = cohort_of(world, "customer", DECEMBER)
    with unit_of_work(world.parts.database) as work:
        cohorts.begin(work.connection, cohort.key_id, world.now)
        work.commit()
    back = [row | {"last_activity_at": local(LATER - timedelta(days=1)), "phone": f"1370000000{n}"} for n, row in
            enumerate(rows)]  # fmt: skip
    report = world.load_rows("customer", back)
    assert (report.updated, report.bad) == (3, 0)
    assert move(world).moved == 3
    for row in back:
        assert world.look_up(AGENT, row["phone"]).cards


def test_the_same_file_again_finds_moved_records_unchanged(world):
    rows = [customer_row(last_activity_at=DUE_IN_DECEMBER) for _ in range(2)]
    world.customers(*rows)
    turn_to(world)
    back = [row | {"last_activity_at": local(LATER - timedelta(days=1))} for row in rows]
    assert world.load_rows("customer", back).updated == 2
    assert move(world).moved == 2
    again = world.load_rows("customer", back)
    assert (again.unchanged, again.updated, again.bad) == (2, 0, 0)
    other = world.load_rows("customer", [row | {"name": "李雷"} for row in back])
    assert (other.updated, other.bad) == (2, 0)


def test_a_look_up_during_a_move_finds_the_customer_before_and_after(sqlite_world):
    world = sqlite_world
    row, record_id = customer_of_december(world)
    returned(world, record_id)
    turn_to(world)
    other = World(world.config, world.place, world.now)
    seen = []

    @sql_event.listens_for(world.parts.database.engine, "before_cursor_execute")
    def between(_connection, _cursor, statement, *_rest):
        if statement.startswith("DELETE FROM record_index") and not seen:
            with other.parts.database.read() as connection:
                store = other.parts.keys.current(connection)
                tags = [keys.tag(moving_out.IdentifierKind.PHONE, row["phone"]) for keys in
                        store.class_keys(RecordClass.CUSTOMER)]  # fmt: skip
                found = {one for ids in records.ids_by_tag(connection, tags).values() for one in ids}
                seen.append(found == {record_id} and len(records.wraps(
                    connection, [records.load(connection, found)[record_id].meta])) == 1)  # fmt: skip

    assert move(world).moved == 1
    assert seen == [True]
    other.close()


def test_a_plan_destroys_what_is_due_in_a_cohort_that_is_closing(world):
    _, record_id = customer_of_december(world)
    turn_to(world)
    back_up(world)
    assert move(world).due == 1
    assert close(world)["customer", NOVEMBER].waits is Waits.BACKUP
    destroy(world, record_id)
    assert move(world) == moving_out.MovedOut()
