"""Certifying killed, out of space, or with a broken disk at any write: one certificate, and only of what is proven."""

import errno
from contextlib import suppress

import pytest

from tests.conftest import ENGINES
from tests.destroying import approved, fill, is_whole, run
from tests.ended_cohorts import SYSTEM
from tests.faults import Writes, killed_at, meeting
from tests.flows.test_kill import copies
from tests.simulator import World
from tests.worlds import copied, gone
from vault.errors import IntegrityError, StorageUnavailable
from vault.services import certificates, destruction
from vault.services.steps.residue import prove_erased

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def model(request, templates, tmp_path):
    """A vault in which a plan was carried out and not certified, that nobody has open."""
    made = copied(templates(request.param), tmp_path / "model")
    fill(made, customers=3, shipments=1, services=1)
    plan_id = approved(made)
    run(made, plan_id)
    made.settle()
    made.close()
    yield made, plan_id, made.now
    gone(made)


def certified(world):
    return world.rows("SELECT statement FROM certificates")


def stands(world, plan_id):
    """There is no certificate, or one with its event, and what it says is proven."""
    events = world.events("destruction.certified", "done")
    assert len(certified(world)) == len(events) <= 1
    assert not world.rows("SELECT count(*) FROM certificate_waits WHERE reason = 'residue_found'")[0][0]
    if events:
        assert prove_erased(world.parts, plan_id)
    world.settle()
    assert world.verify().holds


def finishes(world, now):
    """The timetable ends what was begun, and does not do it twice."""
    before = certified(world)
    assert certificates.tend(world.parts, now) == (0 if before else 1)
    after = certified(world)
    assert len(after) == len(world.events("destruction.certified", "done")) == 1
    assert before in ([], after)
    assert certificates.tend(world.parts, now) == 0
    assert world.count("certificate_waits") == 0
    assert certified(world) == after


@pytest.mark.parametrize("model", ENGINES, indirect=True)
def test_certifying_killed_at_any_write_is_ended_by_the_next_run(model, tmp_path):
    made, plan_id, now = model
    for number, config, place in copies(made, tmp_path):

        def prepared(config=config, place=place):
            world = World(config, place, now)
            return lambda: certificates.certify(world.parts, plan_id, SYSTEM, now)

        ended = killed_at(number, prepared)
        world = World(config, place, now)
        stands(world, plan_id)
        finishes(world, now)
        world.close()
        if ended:
            assert number > 3
            return
    raise AssertionError("it never came to its end")


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("model", ENGINES, indirect=True)
def test_a_disk_that_is_full_or_breaks_leaves_no_certificate_or_a_whole_one(model, tmp_path, fault):
    made, plan_id, now = model
    for number, config, place in copies(made, tmp_path):
        with meeting(Writes(number, fault)) as writes:
            world = World(config, place, now)
            writes.armed = True
            with suppress(StorageUnavailable):
                certificates.certify(world.parts, plan_id, SYSTEM, now)
            writes.armed = False
            stands(world, plan_id)
            finishes(world, now)
            world.close()
        if writes.met < number:
            assert number > 3
            return
    raise AssertionError("it never came to its end")


@pytest.mark.parametrize("model", ENGINES, indirect=True)
def test_what_is_not_proven_is_never_certified_whatever_fails(model, tmp_path):
    made, plan_id, now = model
    for number, config, place in copies(made, tmp_path):
        with meeting(Writes(number, errno.EIO)) as writes:
            world = World(config, place, now)
            assert world.tamper("DELETE FROM tombstones WHERE record_class = 'shipment'") == 1
            writes.armed = True
            with pytest.raises((IntegrityError, StorageUnavailable)):
                certificates.certify(world.parts, plan_id, SYSTEM, now)
            writes.armed = False
            with pytest.raises(IntegrityError):
                certificates.certify(world.parts, plan_id, SYSTEM, now)
            assert certified(world) == []
            assert [one["outcome"] for one in world.events("destruction.certified")] == ["failed"]
            world.close()
        if writes.met < number:
            assert number > 2
            return
    raise AssertionError("it never came to its end")


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("engine", ENGINES)
def test_each_statement_of_a_records_end_may_fail(engine, templates, tmp_path, fault):
    """The run of twenty records breaks between transactions; here inside them, where a driver is given statements."""
    made = copied(templates(engine), tmp_path / "model")
    fill(made, customers=1, shipments=0, services=0)
    plan_id, now = approved(made), made.now
    made.settle()
    made.close()
    for number, config, place in copies(made, tmp_path):
        with meeting(Writes(number, fault)) as writes:
            world = World(config, place, now)
            writes.armed = True
            with suppress(StorageUnavailable):
                destruction.execute(world.parts, None, plan_id, now)
            writes.armed = False
            is_whole(world)
            if world.rows("SELECT state FROM destruction_plans WHERE plan_id = :p", p=plan_id) != [("done",)]:
                destruction.execute(world.parts, None, plan_id, now)
            is_whole(world)
            assert (world.count("tombstones"), world.count("records")) == (1, 0)
            assert certificates.certify(world.parts, plan_id, SYSTEM, now)
            world.close()
        if writes.met < number:
            assert number > 12
            gone(made)
            return
    raise AssertionError("it never came to its end")
