from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from tests.factories import NOW, account
from vault.domain.emergency import Stage
from vault.domain.ids import new_id
from vault.storage import live_access
from vault.storage.live_access import LiveAccess
from vault.storage.tables import accounts, api_tokens, break_glass, cases, grants, sessions
from vault.storage.unit_of_work import unit_of_work

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def filled(database):
    """One of each that lives and one of each that was ended, of two accounts."""
    one, two = (account(database, work_number=number) for number in ("KF1", "KF2"))
    case_id = new_id()
    with unit_of_work(database) as work:
        add = work.connection.execute
        add(insert(cases).values(case_id=case_id, purpose="query", opened_by=one, opened_at=NOW, held_by=one))
        for who, ended in ((one, None), (two, None), (two, NOW)):
            common = {"account_id": who, "ended_at": ended, "expires_at": LATER}
            session = {"session_hash": new_id() * 2, "session_id": new_id(), "source": "x"}
            add(insert(sessions).values(**common, **session, created_at=NOW, seen_at=NOW))
            token = {"token_hash": new_id() * 2, "token_id": new_id(), "purposes": "query", "made_by": one}
            add(insert(api_tokens).values(**common, **token, made_at=NOW))
            lent = {"grant_id": new_id(), "kind": "asked", "record_id": new_id(), "purpose": "query"}
            add(insert(grants).values(**common, **lent, granted_by=one, granted_at=NOW))
        for stage in Stage:
            asked = {"break_glass_id": new_id(), "case_id": case_id, "asked_by": one, "profile": "x", "reason": "x"}
            rest = {"identifier_kind": "phone", "asked_at": NOW, "owner_contact": "no", "state": stage.value}
            add(insert(break_glass).values(**asked, **rest))
        secret = {"invite_hash": bytes(32), "invite_expires_at": LATER}
        add(accounts.update().where(accounts.c.account_id == one).values(**secret))
        work.commit()
    return database


def test_what_lives_is_counted_and_what_was_ended_is_not(filled):
    with filled.read() as connection:
        found = live_access.count(connection)
    assert found == LiveAccess(sessions=2, secrets=1, grants=2, emergencies=3, tokens=2)
    assert found.to_end == 10


def test_all_of_it_ends_at_once_and_what_was_ended_keeps_its_time(filled):
    with unit_of_work(filled) as work:
        live_access.end(work.connection, LATER)
        work.commit()
    with filled.read() as connection:
        assert live_access.count(connection) == LiveAccess(0, 0, 0, 0, 0)
        for table in (sessions, grants, api_tokens):
            assert sorted(connection.execute(select(table.c.ended_at)).scalars()) == [NOW, LATER, LATER]
        stages = sorted(connection.execute(select(break_glass.c.state)).scalars())
        assert stages == ["ended", "ended", "ended", "ended", "refused", "reviewed"]
        assert set(connection.execute(select(accounts.c.invite_expires_at)).scalars()) == {None}
