import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import insert, select, text, update

from tests.factories import CUSTOMER_FIELDS, KEY_STORE_VERSION, NOW, account, cohort, customer, service_record, vault
from vault.domain.identifiers import IdentifierKind
from vault.domain.ids import RecordClass, new_id
from vault.domain.records import FieldRef, LinkRole, RecordState
from vault.errors import IntegrityError, StorageError
from vault.storage import record_writes, records, vault_state
from vault.storage.record_writes import Change, Origin
from vault.storage.tables import record_fields, record_index, wrapped_keys
from vault.storage.tables import records as records_table
from vault.storage.unit_of_work import unit_of_work

PHONE, NAME = FieldRef("phone"), FieldRef("name")
CONTACTS = frozenset({"phone"})


@pytest.fixture
def home(database):
    made = cohort()
    vault(database, made)
    return made


def add_cohort(database, made):
    with unit_of_work(database) as work:
        vault_state.mirror_key_store(work.connection, KEY_STORE_VERSION, [made], NOW)
        work.commit()


@pytest.fixture
def services(database, home):
    made = cohort(RecordClass.SERVICE_RECORD)
    add_cohort(database, made)
    return made


def store(database, *new):
    with unit_of_work(database) as work:
        record_writes.store(work.connection, new)
        work.commit()


def change(database, *changes, keep=CONTACTS):
    with unit_of_work(database) as work:
        record_writes.change(work.connection, changes, keep)
        work.commit()


def load(database, *ids):
    with database.read() as connection:
        return records.load(connection, ids)


def find(database, *tags):
    with database.read() as connection:
        return records.ids_by_tag(connection, tags)


def sealed_rows(database, record_id):
    """Every row of a record's values: (place, sealed) to when it was superseded."""
    column = record_fields.c
    with database.read() as connection:
        rows = connection.execute(select(record_fields).where(column.record_id == record_id))
        return {(FieldRef(row.field, row.ordinal, row.generation), row.sealed): row.superseded_at for row in rows}


def test_a_stored_record_is_loaded_as_it_was(database, home):
    owner = account(database)
    new = customer(home, owner=owner, held=True)
    store(database, new)
    assert load(database, new.meta.record_id) == {
        new.meta.record_id: records.StoredRecord(
            new.meta, new.mac, dict(zip(CUSTOMER_FIELDS, new.sealed, strict=True)), 1, 1
        )
    }


def test_an_open_service_record_keeps_its_links_and_has_no_expiry(database, home, services):
    about = customer(home)
    opened = service_record(services, {LinkRole.CUSTOMER: about.meta.record_id})
    store(database, about, opened)
    found = load(database, opened.meta.record_id)[opened.meta.record_id]
    assert found.meta == opened.meta


def test_a_record_made_in_the_vault_has_no_import_revision(database, home):
    new = replace(customer(home), imported=False)
    store(database, new)
    found = load(database, new.meta.record_id)[new.meta.record_id]
    assert (found.revision, found.import_revision) == (1, None)


def test_a_record_that_does_not_exist_is_left_out(database, home):
    new = customer(home)
    store(database, new)
    assert set(load(database, new.meta.record_id, new_id())) == {new.meta.record_id}
    assert load(database) == {}


def test_a_record_is_found_by_each_of_its_tags_and_by_no_other(database, home):
    new = customer(home)
    store(database, new, customer(home))
    for _, _, tag in new.tags:
        assert find(database, tag, os.urandom(16)) == {tag: [new.meta.record_id]}
    assert find(database, os.urandom(16)) == {}
    assert find(database) == {}


def test_several_records_may_carry_one_tag(database, home):
    shared = (IdentifierKind.PHONE, 0, os.urandom(16))
    both = [replace(customer(home), tags=[shared]) for _ in range(2)]
    store(database, *both)
    assert sorted(find(database, shared[2])[shared[2]]) == sorted(one.meta.record_id for one in both)


def test_a_number_that_one_record_carries_twice_is_one_hit(database, home):
    tag = os.urandom(16)
    new = replace(customer(home), tags=[(IdentifierKind.PHONE, 0, tag), (IdentifierKind.PHONE, 1, tag)])
    store(database, new)
    assert find(database, tag) == {tag: [new.meta.record_id]}


def test_more_tags_than_one_statement_takes_are_asked_in_parts(database, home):
    new = customer(home)
    store(database, new)
    wanted = [os.urandom(16) for _ in range(12000)]
    wanted[11000] = new.tags[0][2]
    assert find(database, *wanted) == {new.tags[0][2]: [new.meta.record_id]}


def test_many_records_are_stored_and_loaded_at_once(database, home):
    many = [customer(home) for _ in range(300)]
    store(database, *many)
    found = load(database, *[one.meta.record_id for one in many])
    assert {record_id: one.meta for record_id, one in found.items()} == {one.meta.record_id: one.meta for one in many}


def test_storing_is_all_or_nothing(database, home):
    good, bad = customer(home), replace(customer(home), wrapped=b"too short")
    with pytest.raises(StorageError) as raised:
        store(database, good, bad)
    assert raised.value.facts == {"constraint": "ck_wrapped_keys_is_wrapped"}
    assert load(database, good.meta.record_id) == {}


def test_a_cut_tag_is_refused(database, home):
    with pytest.raises(StorageError) as raised:
        store(database, replace(customer(home), tags=[(IdentifierKind.PHONE, 0, os.urandom(12))]))
    assert raised.value.facts == {"constraint": "ck_record_index_full_tag"}


def test_a_settled_record_without_expiry_is_refused(database, home):
    with pytest.raises(StorageError) as raised:
        store(database, customer(home, expires_at=None))
    assert raised.value.facts == {"constraint": "ck_records_settled_expires"}


def test_a_customer_is_never_open(database, home):
    with pytest.raises(StorageError) as raised:
        store(database, customer(home, state=RecordState.OPEN))
    assert raised.value.facts == {"constraint": "ck_records_only_services_open"}


def test_a_record_of_an_unknown_owner_is_refused(database, home):
    with pytest.raises(StorageError) as raised:
        store(database, customer(home, owner=new_id()))
    assert raised.value.reason == "conflict"


def test_a_word_that_is_on_no_list_is_an_error_without_the_word(database, home):
    new = customer(home)
    store(database, new)
    with unit_of_work(database) as work:
        work.connection.execute(update(records_table).values(record_class="service_record", kind=""))
        work.connection.execute(update(records_table).values(record_class="unheard-of", kind=""))
        work.commit()
    with pytest.raises(IntegrityError) as raised:
        load(database, new.meta.record_id)
    assert raised.value.reason == "unreadable"
    assert "unheard-of" not in repr(raised.value)


# -- wraps -------------------------------------------------------------------------------------------------------


def test_wraps_are_found_by_cohort_and_record(database):
    first, second = cohort(), cohort(RecordClass.SHIPMENT)
    vault(database, first, second)
    new = [customer(first), customer(first), customer(second)]
    store(database, *new)
    with database.read() as connection:
        assert records.wraps(connection, [one.meta for one in new]) == {one.meta.record_id: one.wrapped for one in new}
        elsewhere = replace(new[0].meta, cohort_id=second.key_id)
        assert records.wraps(connection, [elsewhere]) == {}


def test_on_postgresql_each_cohort_has_a_partition_of_its_own(postgresql_database):
    first, second = cohort(), cohort(RecordClass.SHIPMENT)
    vault(postgresql_database, first, second)
    store(postgresql_database, customer(first), customer(first), customer(second))
    with postgresql_database.read() as connection:
        rows = connection.execute(text("SELECT tableoid::regclass::text, count(*) FROM wrapped_keys GROUP BY 1"))
        assert dict(rows.all()) == {
            f"wrapped_keys_{first.key_id.hex()}": 2,
            f"wrapped_keys_{second.key_id.hex()}": 1,
        }


def test_on_postgresql_nothing_is_wrapped_for_a_cohort_without_partition(postgresql_database):
    with pytest.raises(StorageError), unit_of_work(postgresql_database) as work:
        work.connection.execute(
            insert(wrapped_keys), [{"cohort_id": new_id(), "record_id": new_id(), "wrapped": os.urandom(62)}]
        )


# -- changing ----------------------------------------------------------------------------------------------------


def test_a_change_replaces_the_metadata_and_counts_the_revision(database, home):
    later = replace(home, key_id=new_id(), end_on=home.end_on + timedelta(days=31))
    add_cohort(database, later)
    new = customer(home)
    store(database, new)
    meta = replace(new.meta, cohort_id=later.key_id, outlet="O2", held=True, expires_at=NOW + timedelta(days=800))
    mac = os.urandom(32)
    change(database, Change(meta, mac, revision=1, at=NOW))
    found = load(database, meta.record_id)[meta.record_id]
    assert (found.meta, found.mac, found.revision, found.import_revision) == (meta, mac, 2, 2)


def test_a_change_made_in_the_vault_leaves_the_import_revision(database, home):
    new = customer(home)
    store(database, new)
    change(database, Change(replace(new.meta, held=True), new.mac, revision=1, at=NOW, origin=Origin.VAULT))
    found = load(database, new.meta.record_id)[new.meta.record_id]
    assert (found.revision, found.import_revision) == (2, 1)


def test_later_activity_keeps_an_imported_record_imported_and_a_changed_one_changed(database, home):
    untouched, changed, made_here = customer(home), customer(home), replace(customer(home), imported=False)
    store(database, untouched, changed, made_here)
    change(database, Change(changed.meta, changed.mac, revision=1, at=NOW, origin=Origin.VAULT))
    for new, revision, expected in ((untouched, 1, (2, 2)), (changed, 2, (3, 1)), (made_here, 1, (2, None))):
        change(database, Change(new.meta, new.mac, revision=revision, at=NOW, origin=Origin.ACTIVITY))
        found = load(database, new.meta.record_id)[new.meta.record_id]
        assert (found.revision, found.import_revision) == expected


def test_the_highest_generation_counts_superseded_values_too(database, home):
    new = customer(home)
    store(database, new)
    fresh = {FieldRef("phone", 0, 1): os.urandom(50)}
    gone = new.meta.with_fields(tuple(ref for ref in CUSTOMER_FIELDS if ref != PHONE))
    again = new.meta.with_fields(tuple(sorted((*gone.fields, *fresh))))
    change(database, Change(again, new.mac, revision=1, at=NOW, sealed=fresh))
    change(database, Change(gone, new.mac, revision=2, at=NOW))
    with database.read() as connection:
        highest = records.generations(connection, [new.meta.record_id, new_id()])[new.meta.record_id]
    assert highest == {(ref.field, ref.ordinal): 1 if ref == PHONE else 0 for ref in CUSTOMER_FIELDS}


def test_who_changes_an_outdated_revision_is_refused_and_nothing_changes(database, home):
    new, other = customer(home), customer(home)
    store(database, new, other)
    change(database, Change(replace(new.meta, held=True), new.mac, revision=1, at=NOW))
    late = Change(replace(new.meta, outlet="O9"), new.mac, revision=1, at=NOW)
    with pytest.raises(StorageError) as raised:
        change(database, Change(replace(other.meta, outlet="O9"), other.mac, revision=1, at=NOW), late)
    assert raised.value.reason == "changed_meanwhile"
    found = load(database, new.meta.record_id, other.meta.record_id)
    assert [found[one.meta.record_id].meta.outlet for one in (new, other)] == ["O1", "O1"]


def test_a_superseded_contact_is_kept_and_another_superseded_value_is_gone(database, home):
    new = customer(home)
    store(database, new)
    old = dict(zip(CUSTOMER_FIELDS, new.sealed, strict=True))
    fresh = {FieldRef("name", 0, 1): os.urandom(50), FieldRef("phone", 0, 1): os.urandom(50)}
    kept = set(CUSTOMER_FIELDS) - {PHONE, NAME}
    meta = new.meta.with_fields(tuple(sorted(kept | set(fresh))))
    at = NOW + timedelta(hours=1)
    change(database, Change(meta, new.mac, revision=1, at=at, sealed=fresh))

    found = load(database, meta.record_id)[meta.record_id]
    assert found.meta == meta
    assert found.sealed == {ref: old[ref] for ref in kept} | fresh
    rows = sealed_rows(database, meta.record_id)
    assert {place: gone for place, gone in rows.items() if gone is not None} == {(PHONE, old[PHONE]): at}
    assert (NAME, old[NAME]) not in rows


def test_a_value_that_is_taken_away_without_a_new_one_leaves_the_current_values(database, home):
    new = customer(home)
    store(database, new)
    meta = new.meta.with_fields(tuple(ref for ref in CUSTOMER_FIELDS if ref.field not in {"notice", "phone"}))
    change(database, Change(meta, new.mac, revision=1, at=NOW))
    assert load(database, meta.record_id)[meta.record_id].meta == meta


def test_only_tags_of_the_named_kinds_are_replaced(database, home):
    new = customer(home)
    store(database, new)
    fresh = (IdentifierKind.PHONE, 0, os.urandom(16))
    change(
        database,
        Change(new.meta, new.mac, revision=1, at=NOW, tags=[fresh], retagged=frozenset({IdentifierKind.PHONE})),
    )
    phone, other, id_number, source_number = (tag for _, _, tag in new.tags)
    assert find(database, phone, other) == {}
    assert set(find(database, fresh[2], id_number, source_number)) == {fresh[2], id_number, source_number}


def test_a_kind_may_lose_all_its_tags(database, home):
    new = customer(home)
    store(database, new)
    change(database, Change(new.meta, new.mac, revision=1, at=NOW, retagged=frozenset({IdentifierKind.PHONE})))
    with database.read() as connection:
        kinds = connection.execute(select(record_index.c.kind)).scalars()
        assert sorted(kinds) == ["id_number", "source_number"]


# -- what hangs together -----------------------------------------------------------------------------------------


def test_an_open_service_record_holds_its_customer(database, home, services):
    held, free = customer(home), customer(home)
    store(database, held, free)
    opened = service_record(services, {LinkRole.CUSTOMER: held.meta.record_id})
    closed = service_record(
        services,
        {LinkRole.CUSTOMER: free.meta.record_id},
        state=RecordState.SETTLED,
        expires_at=NOW + timedelta(days=365),
    )
    store(database, opened, closed)
    with database.read() as connection:
        assert records.open_service_on(connection, held.meta.record_id) == opened.meta.record_id
        assert records.open_service_on(connection, free.meta.record_id) is None
        assert records.linked_to(connection, LinkRole.CUSTOMER, held.meta.record_id, 5) == [opened.meta.record_id]
        assert records.linked_to(connection, LinkRole.SENDER, held.meta.record_id, 5) == []
        assert records.count(connection) == {"customer": 2, "service_record": 2}


def test_only_open_complaints_passed_to_a_person_open_their_customers(database, home, services):
    handler, other = account(database, "KF1"), account(database, "KF2")
    wanted = {"passed": {}, "to another": {}, "no complaint": {"kind": "consultation"}, "closed": {}}
    wanted["closed"] = {"state": RecordState.SETTLED, "expires_at": NOW}
    customers = {name: customer(home) for name in wanted}
    store(database, *customers.values())
    services_of = {}
    for name, changes in wanted.items():
        owner = other if name == "to another" else handler
        links = {LinkRole.CUSTOMER: customers[name].meta.record_id}
        services_of[name] = service_record(services, links, owner=owner, **changes)
        store(database, services_of[name])
    ids = [one.meta.record_id for one in customers.values()]
    with database.read() as connection:
        found = records.open_complaints(connection, handler, ids)
    assert found == [services_of["passed"].meta.record_id]


def test_linked_records_come_with_the_latest_activity_first_and_no_more_than_asked(database, home, services):
    about = customer(home)
    linked = [
        service_record(services, {LinkRole.CUSTOMER: about.meta.record_id}, activity_at=NOW + timedelta(hours=hour))
        for hour in (1, 3, 2)
    ]
    store(database, about, *linked)
    with database.read() as connection:
        found = records.linked_to(connection, LinkRole.CUSTOMER, about.meta.record_id, 2)
    assert found == [linked[1].meta.record_id, linked[2].meta.record_id]


def test_only_records_whose_last_activity_is_earlier_are_loaded(database, home):
    new = [customer(home) for _ in range(3)]
    store(database, *new)
    times = (NOW - timedelta(microseconds=1), NOW, NOW + timedelta(microseconds=1))
    latest = {one.meta.record_id: at for one, at in zip(new, times, strict=True)} | {new_id(): NOW}
    with database.read() as connection:
        assert [one.meta for one in records.earlier_than(connection, latest)] == [new[2].meta]


def test_a_record_that_moves_on_between_the_two_questions_is_left_where_it_is(database, home, monkeypatch):
    new = customer(home)
    store(database, new)
    real = records.load

    def overtaken(connection, ids):
        later = NOW + timedelta(hours=2)
        return {
            key: replace(one, meta=replace(one.meta, activity_at=later)) for key, one in real(connection, ids).items()
        }

    monkeypatch.setattr(records, "load", overtaken)
    with database.read() as connection:
        assert records.earlier_than(connection, {new.meta.record_id: NOW + timedelta(hours=1)}) == []


def test_two_that_store_the_same_identity_at_once_take_turns(database, home):
    def seal(tag):
        with unit_of_work(database) as work:
            record_writes.lock_identities(work.connection, [tag, tag, -(2**63), 2**63 - 1])
            work.commit()
        return time.monotonic()

    with ThreadPoolExecutor(1) as threads:
        with unit_of_work(database) as work:
            work.connection.execute(text("SELECT 1"))
            record_writes.lock_identities(work.connection, [7, 3])
            other = threads.submit(seal, 7)
            time.sleep(0.2)
            assert not other.done()
            released = time.monotonic()
            work.commit()
        assert other.result() > released


def test_the_mirrored_key_store_version_is_read(database, home):
    with database.read() as connection:
        assert records.key_store_version(connection) == KEY_STORE_VERSION
