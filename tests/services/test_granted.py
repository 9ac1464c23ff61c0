"""Taking access back, and who may."""

from datetime import timedelta

import pytest

from tests.colleagues import AGENT, NJ_SUPERVISOR, OWNER, XM_SUPERVISOR, ask, at_once, at_work, grant, mine, notices
from tests.simulator import NOW, customer_row
from vault.domain.ids import new_id
from vault.errors import NotFound
from vault.services import granted
from vault.storage import grants as stored_grants
from vault.storage.unit_of_work import unit_of_work


@pytest.fixture(autouse=True)
def _at_work(world):
    at_work(world)


@pytest.fixture
def row(world):
    return world.customer(owner=OWNER)


def revoke(world, who, grant_id):
    granted.revoke(world.parts, world.person(who), grant_id, world.now)


def listed(world, who):
    return granted.listed(world.parts, world.person(who), world.now)


def given(world, row, who=OWNER):
    """Ask and grant; returns the grant, its case and its record."""
    request_id = ask(world, row["phone"])
    grant(world, who, request_id)
    ((grant_id,),) = world.rows("SELECT grant_id FROM grants WHERE request_id = :r", r=request_id)
    stands = mine(world, request_id)
    return grant_id, stands.case_id, stands.record_id


def test_a_revoked_grant_opens_nothing_on_the_next_request(world, row):
    grant_id, case_id, record_id = given(world, row)
    assert world.view(AGENT, case_id, record_id)
    revoke(world, OWNER, grant_id)
    with pytest.raises(NotFound):
        world.view(AGENT, case_id, record_id)
    with pytest.raises(NotFound):
        world.reveal(AGENT, case_id, record_id, "phone")
    assert world.look_up(AGENT, row["phone"]).cards == ()
    assert notices(world, "access_revoked") == [AGENT]
    (event,) = world.events("access.revoked")
    assert (event["actor"], event["facts"]) == (OWNER, {"grant": grant_id.hex(), "account": AGENT})


@pytest.mark.parametrize(("gave", "revokes"), [(OWNER, NJ_SUPERVISOR), (NJ_SUPERVISOR, OWNER)])
def test_whoever_decides_on_the_customer_may_revoke_what_another_gave(world, row, gave, revokes):
    grant_id, _, _ = given(world, row, gave)
    assert [one.grant.grant_id for one in listed(world, revokes).given] == [grant_id]
    revoke(world, revokes, grant_id)
    assert listed(world, gave).given == ()


def test_who_gave_it_may_revoke_it_after_the_customer_went_to_another(world, row):
    grant_id, _, _ = given(world, row)
    world.load_rows("customer", [row | {"owner": "KF2005"}])
    revoke(world, OWNER, grant_id)
    (event,) = world.events("access.revoked")
    assert (event["actor"], event["facts"]["grant"]) == (OWNER, grant_id.hex())


@pytest.mark.parametrize("who", [AGENT, XM_SUPERVISOR, "KF2003", "KF2008", "KF2014"])
def test_nobody_else_revokes_or_lists_it_and_the_attempt_is_logged(world, row, who):
    grant_id, case_id, record_id = given(world, row)
    assert listed(world, who).given == ()
    for some_id in (grant_id, new_id()):
        with pytest.raises(NotFound):
            revoke(world, who, some_id)
    assert [one["outcome"] for one in world.events("access.revoked")] == ["refused", "miss"]
    assert world.view(AGENT, case_id, record_id)


def test_of_many_who_revoke_at_once_one_counts(world, row):
    grant_id, _, _ = given(world, row)
    acts = [lambda who=who: revoke(world, who, grant_id) for who in (OWNER, NJ_SUPERVISOR)] * 3
    assert at_once(acts) == ["done"] + ["not_found"] * 5
    assert len(world.events("access.revoked", "done")) == 1


def test_what_is_over_is_neither_listed_nor_revoked(world, row):
    grant_id, _, _ = given(world, row)
    (one,) = listed(world, OWNER).given
    assert (one.work_number, one.grant.expires_at) == (AGENT, NOW + timedelta(minutes=30))
    world.now = one.grant.expires_at
    assert listed(world, OWNER).given == ()
    with pytest.raises(NotFound):
        revoke(world, OWNER, grant_id)


@pytest.mark.parametrize("who", [OWNER, NJ_SUPERVISOR])
def test_grants_of_others_take_no_place_in_the_list(world, row, who, monkeypatch):
    mine = {given(world, row)[0]}
    mine.add(given(world, world.customer(owner=OWNER), NJ_SUPERVISOR)[0])
    others = world.customer(owner="KF2004")
    world.now += timedelta(minutes=1)  # the newest are all of another outlet, more of them than a list holds
    for _ in range(5):
        given(world, others, XM_SUPERVISOR)
    monkeypatch.setattr(granted, "_LISTED", 2)
    assert {one.grant.grant_id for one in listed(world, who).given} == mine
    monkeypatch.setattr(granted, "_LISTED", 1)
    assert len(listed(world, who).given) == 1


def test_emergency_access_is_not_for_colleagues_to_end(world, row):
    _, case_id, record_id = given(world, row)
    grant_id = new_id()
    with unit_of_work(world.parts.database) as work:
        owner, agent = (world.person(who).account_id for who in (OWNER, AGENT))
        stored_grants.add(
            work.connection,
            {
                "grant_id": grant_id,
                "kind": "break_glass",
                "account_id": agent,
                "record_id": record_id,
                "case_id": case_id,
                "purpose": "query",
                "granted_by": owner,
                "granted_at": NOW,
                "expires_at": NOW + timedelta(hours=1),
            },
        )
        work.commit()
    assert grant_id not in [one.grant.grant_id for one in listed(world, OWNER).given]
    for who in (OWNER, NJ_SUPERVISOR):
        with pytest.raises(NotFound):
            revoke(world, who, grant_id)


def test_an_owner_edited_behind_the_vaults_back_shows_nobody_a_grant(world, row):
    given(world, row)
    world.customers(customer_row(owner="KF2005"))
    world.tamper("UPDATE records SET owner_id = (SELECT account_id FROM accounts WHERE work_number = 'KF2003')")
    with pytest.raises(Exception, match="unreadable"):
        listed(world, "KF2003")
    assert world.events("record.integrity_failure")
