"""``kill -9`` at every write of closing cohorts: a key is in every copy or in none, and a second run ends it.

The other half of the promise, that the backup of the day before a closing restores without losing a living customer, is
tested with restoring (tests/flows/test_restore.py).
"""

from datetime import UTC, date, datetime

import pytest

from tests.conftest import ENGINES
from tests.ended_cohorts import back_up, change, close, close_all, customer_id, turn_to
from tests.flows.test_kill import at_every_write, place_of
from tests.simulator import customer_row
from tests.worlds import gone
from vault.domain.cohorts import CohortState
from vault.services import cohorts as closing
from vault.storage import cohorts, vault_state

__all__ = ["place_of"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

EVE, DAY = datetime(2026, 11, 30, 4, tzinfo=UTC), datetime(2026, 12, 1, 4, tzinfo=UTC)
NOVEMBER = date(2026, 11, 30)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_closing_killed_at_any_write(engine, place_of, tmp_path):
    rows = [customer_row(last_activity_at="2024-11-25 10:00:00") for _ in range(2)]

    def fill(world):
        world.customers(*rows)
        ids = [customer_id(world, row["phone"]) for row in rows]
        turn_to(world, EVE)
        close_all(world)  # the days before
        for record_id in ids:
            change(world, record_id, activity_at=EVE, expires_at=datetime(2028, 11, 30, 16, tzinfo=UTC))
        turn_to(world, DAY)
        # What is killed is the closing of one cohort: the others of that day end in a far year.
        far, end = (date(2099, 12, 31), NOVEMBER) if engine == "postgresql" else ("2099-12-31", "2026-11-30")
        others = "UPDATE cohorts SET end_on = :far WHERE end_on = :end AND record_class <> 'customer'"
        assert world.tamper(others, far=far, end=end) == 4

    def walk(world):
        world.now = DAY
        close(world)
        back_up(world)
        close(world)

    def finish(world):
        world.now = DAY
        keys_agree(world)
        walk(world)
        assert closing.outlook(world.parts, DAY) == []
        keys_agree(world)
        destroyed = [one["facts"]["cohort"] for one in world.events("cohort.destroyed")]
        assert len(destroyed) == len(set(destroyed))
        for row in rows:
            assert world.look_up("KF2001", row["phone"]).cards

    model = place_of(engine, fill)
    at_every_write(model, tmp_path, walk, finish)
    gone(model)


def keys_agree(world):
    """Each cohort that has no key is empty or destroyed, and each copy holds the same keys."""
    copies = world.parts.keys.files.states()
    assert {one.fault for one in copies} == {""}
    assert len({one.version for one in copies}) == 1
    there = {one.key_id for one in world.parts.keys.files.load().cohorts()}
    with world.parts.database.read() as connection:
        rows = cohorts.listed(connection)
        assert vault_state.read(connection).key_store_version <= copies[0].version
    for row in rows:
        if row.state in (CohortState.OPEN, CohortState.CLOSING):
            assert row.cohort.key_id in there
        if row.state is CohortState.DESTROYED:
            assert row.cohort.key_id not in there
