from datetime import timedelta

import pytest

from tests.factories import NOW, account, cohort, customer, vault
from vault.domain.ids import new_id
from vault.storage import cases, grants, record_writes
from vault.storage.grants import Holder
from vault.storage.unit_of_work import unit_of_work

END = NOW + timedelta(minutes=30)
TICK = timedelta(microseconds=1)


@pytest.fixture
def people(database):
    return [account(database, number, state="active", password="x") for number in ("KF1", "KF2")]


@pytest.fixture
def case_id(database, people):
    case = cases.Case(new_id(), "query", people[0], NOW, None, people[0])
    with unit_of_work(database) as work:
        cases.start(work.connection, case)
        work.commit()
    return case.case_id


@pytest.fixture
def made(database, people):
    def add(case_id, kind="asked", **changes):
        row = {
            "grant_id": new_id(),
            "kind": kind,
            "account_id": people[0],
            "record_id": new_id(),
            "case_id": case_id,
            "request_id": None,
            "purpose": "query",
            "granted_by": people[1],
            "granted_at": NOW,
            "expires_at": END,
            "ended_at": None,
        } | changes
        changed(database, grants.add, row)
        return row

    return add


def changed(database, change, *args):
    with unit_of_work(database) as work:
        result = change(work.connection, *args)
        work.commit()
    return result


def test_a_grant_is_read_as_it_was_given_and_lives_until_its_very_end(database, made, case_id):
    row = made(case_id)
    with database.read() as connection:
        found = grants.one(connection, row["grant_id"])
        assert grants.one(connection, new_id()) is None
    assert found == grants.Grant(**row)
    assert found.is_live(END - TICK)
    assert not found.is_live(END)


def test_it_opens_its_customer_to_its_holder_for_its_purpose_until_its_end(database, made, case_id, people):
    row = made(case_id)
    some = [row["record_id"], new_id()]
    me, other = people
    with database.read() as connection:
        assert grants.live_customers(connection, Holder(me, "query", case_id), some, END - TICK) == {row["record_id"]}
        assert grants.live_until(connection, Holder(me, "query", case_id), some, END - TICK) == END
        for who, purpose, at in ((me, "query", END), (other, "query", NOW), (me, "delivery", NOW)):
            assert grants.live_customers(connection, Holder(who, purpose, case_id), some, at) == set()
            assert grants.live_until(connection, Holder(who, purpose, case_id), some, at) is None
        assert grants.live_until(connection, Holder(me, "query", case_id), [], NOW) is None


def test_in_another_case_it_opens_an_owned_customer_and_none_of_the_pool(database, made, case_id, people):
    home = cohort()
    vault(database, home)
    owned, pooled = customer(home, owner=people[1]), customer(home)
    with unit_of_work(database) as work:
        record_writes.store(work.connection, [owned, pooled])
        work.commit()
    some = [made(case_id, record_id=one.meta.record_id)["record_id"] for one in (owned, pooled)]
    with database.read() as connection:
        for case, opened in ((case_id, some), (new_id(), some[:1]), (b"", some[:1])):
            holder = Holder(people[0], "query", case)
            assert grants.live_customers(connection, holder, some, NOW) == set(opened)
            assert grants.live_until(connection, holder, some[:1], NOW) == END
            assert grants.live_until(connection, holder, some[1:], NOW) == (END if case == case_id else None)


def test_what_is_not_taken_up_opens_nothing(database, made, people, case_id):
    row = made(None, "shared")
    me, other = people
    with database.read() as connection:
        assert grants.live_customers(connection, Holder(me, "query", case_id), [row["record_id"]], NOW) == set()
    for who, at in ((other, NOW), (me, END)):
        assert not changed(database, grants.take_up, row["grant_id"], who, case_id, at)
    assert changed(database, grants.take_up, row["grant_id"], me, case_id, END - TICK)
    assert not changed(database, grants.take_up, row["grant_id"], me, case_id, NOW)
    with database.read() as connection:
        assert grants.live_customers(connection, Holder(me, "query", case_id), [row["record_id"]], NOW) == {
            row["record_id"]
        }


def test_only_what_one_person_decided_alone_is_listed_and_revoked(database, made, case_id, people):
    asked, shared, emergency = made(case_id), made(None, "shared"), made(case_id, "break_glass")
    with database.read() as connection:
        listed = {one.grant.grant_id: one.work_number for one in grants.decided(connection, END - TICK, 9)}
        (share,) = grants.shared_with(connection, people[0], END - TICK, 9)
        assert grants.decided(connection, END, 9) == grants.shared_with(connection, people[0], END, 9) == []
        assert grants.shared_with(connection, people[1], NOW, 9) == []
        assert grants.shared_with(connection, people[0], NOW, 9, asked["grant_id"]) == []
    assert listed == {asked["grant_id"]: "KF1", shared["grant_id"]: "KF1"}
    assert (share.grant.grant_id, share.work_number) == (shared["grant_id"], "KF2")
    assert not changed(database, grants.revoke, emergency["grant_id"], NOW)
    assert not changed(database, grants.revoke, asked["grant_id"], END)
    assert changed(database, grants.revoke, asked["grant_id"], NOW)
    assert not changed(database, grants.revoke, asked["grant_id"], NOW)


def test_grants_end_and_move_with_their_case(database, made, case_id, people):
    row = made(case_id)
    changed(database, grants.move_with_case, case_id, people[1])
    with database.read() as connection:
        assert grants.live_customers(connection, Holder(people[0], "query", case_id), [row["record_id"]], NOW) == set()
        assert grants.live_customers(connection, Holder(people[1], "query", case_id), [row["record_id"]], NOW) == {
            row["record_id"]
        }
    assert changed(database, grants.end_with_case, case_id, NOW) == 1
    assert changed(database, grants.end_all_of, people[1], NOW) == 0
    with database.read() as connection:
        assert grants.live_customers(connection, Holder(people[1], "query", case_id), [row["record_id"]], NOW) == set()


def test_the_living_are_listed_page_by_page_without_a_gap_also_at_one_time(database, made, case_id):
    rows = [made(case_id, granted_at=NOW + timedelta(seconds=second)) for second in (0, 0, 0, 1, 2)]
    seen, last = [], None
    with database.read() as connection:
        while page := grants.decided(connection, NOW, 2, after=last):
            seen += page
            last = page[-1].grant
    assert len(seen) == 5
    assert {one.grant.grant_id for one in seen} == {row["grant_id"] for row in rows}
    assert [one.grant.granted_at for one in seen] == sorted((row["granted_at"] for row in rows), reverse=True)


def test_only_what_somebody_gave_or_owns_is_listed_for_them(database, made, case_id, people):
    home = cohort()
    vault(database, home)
    owned = customer(home, owner=people[0])
    with unit_of_work(database) as work:
        record_writes.store(work.connection, [owned])
        work.commit()
    given = made(case_id)
    on_mine = made(case_id, record_id=owned.meta.record_id)
    with database.read() as connection:
        of_owner = grants.decided(connection, NOW, 9, people[0])
        of_giver = grants.decided(connection, NOW, 9, people[1])
    assert [one.grant.grant_id for one in of_owner] == [on_mine["grant_id"]]
    assert {one.grant.grant_id for one in of_giver} == {given["grant_id"], on_mine["grant_id"]}


def test_the_grants_that_one_of_several_gave_in_a_case_end_alone(database, made, case_id, people):
    made(case_id)
    kept = made(case_id, granted_by=people[0])
    made(None, kind="shared")
    with database.read() as connection:
        assert grants.givers_in(connection, case_id) == set(people)
    assert changed(database, grants.end_given_in, case_id, [people[1]], NOW) == 1
    with database.read() as connection:
        assert grants.givers_in(connection, case_id) == {people[0]}
        assert grants.one(connection, kept["grant_id"]).ended_at is None
