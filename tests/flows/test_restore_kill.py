"""``kill -9`` at every write of a restore: the vault stays closed, and the same command ends it, once."""

from __future__ import annotations

import os
import shutil

import pytest

from tests import postgres
from tests.backups import create, lose, restore
from tests.conftest import ENGINES, Place
from tests.destroying import PROPOSER, approved, fill, ids, run
from tests.faults import survives
from tests.flows.test_kill import MOST_WRITES, Fuse
from tests.services.staff_at_work import in_use
from tests.simulator import World, settings
from tests.worlds import copied, gone
from vault import bootstrap
from vault.errors import VaultError, VaultSealed
from vault.services import holds, offboarding
from vault.services.holds import Why

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

AGENT, COLLEAGUE, ADMIN = "KF2001", "KF2002", "ADMIN01"


def places(world, folder):
    """Yield place after place where nothing lies, each with a copy of what lies outside the database."""
    server = world.place.server
    for number in range(1, MOST_WRITES):
        here = folder / f"copy-{number}"
        shutil.copytree(world.config.data_dir, here)
        if server is None:
            url = f"sqlite:///{here}/db/vault.sqlite3"
            place = Place(url, url)
        else:
            name = server.create_empty()
            place = Place(server.url(name), server.url(name, postgres.OWNER), server)
        yield number, Elsewhere(world, here, place)
        if server is not None:
            server.drop(place.name)
        shutil.rmtree(here)


class Elsewhere(World):
    """The same vault with its database at another place, not open yet."""

    def __init__(self, world, folder, place):
        self.config, self.place, self.now = settings(folder, place), place, world.now


def restored_until(fatal, world, backup):
    """Restore in a child that kills itself at its n-th write; return whether it got to the end."""

    def act():
        fuse = Fuse(fatal)
        fuse.arm()
        real = os.rename

        def rename(*arguments, **named):
            fuse.burn()
            real(*arguments, **named)
            fuse.burn()

        os.rename = rename
        restore(world, backup)

    return survives(act)


def is_closed_or_done(world):
    """Whoever opens the vault now is refused, unless the restore was at its end."""
    try:
        with bootstrap.open_vault(world.config):
            pass
    except VaultSealed as sealed:
        return sealed.reason == "restore_unfinished"
    except VaultError as error:  # nothing had been begun
        return error.reason in ("keys_without_database", "no_vault_here")
    return True


def is_unfinished(world):
    site = bootstrap.restore_site(world.config)
    return site.phase is not None or not site.place.is_taken()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_restore_killed_at_any_write(engine, templates, tmp_path):
    model = copied(templates(engine), tmp_path / "model")
    fill(model, customers=3, shipments=1, services=1)
    in_use(model, ADMIN, COLLEAGUE)
    model.customer(owner=AGENT)
    model.activate(AGENT)
    model.sign_in(AGENT)
    doomed = {one for name in ("customer", "shipment", "service_record") for one in ids(model, name)}
    made = create(model, tmp_path / "b")
    kept = next(iter(ids(model, "service_record")))
    holds.place(model.parts, model.person(PROPOSER), kept, Why("dispute", "理赔案 LP-2026-17"), model.now)
    run(model, approved(model))
    offboarding.leave(model.parts, model.person(ADMIN), AGENT, COLLEAGUE, model.now)
    doomed &= {bytes(row[0]) for row in model.rows("SELECT record_id FROM tombstones")}
    assert doomed
    model.settle()
    lose(model)

    for number, world in places(model, tmp_path):
        ended = restored_until(number, world, made.place)
        assert is_closed_or_done(world), number
        if not ended and is_unfinished(world):
            restore(world, made.place)
        World.__init__(world, world.config, world.place, world.now)
        assert {bytes(row[0]) for row in world.rows("SELECT record_id FROM tombstones")} == doomed
        assert len(world.events("record.destroyed")) == len(doomed)
        assert len(world.events("backup.restored")) == 1
        assert len(world.events("people.left")) == len(world.events("hold.placed")) == 1
        assert world.rows("SELECT count(*) FROM holds WHERE released_at IS NULL") == [(1,)]
        assert world.rows("SELECT state FROM accounts WHERE work_number = :n", n=AGENT) == [("left",)]
        assert world.rows("SELECT count(*) FROM sessions WHERE ended_at IS NULL") == [(0,)]
        world.opened()
        world.settle()
        verdict = world.verify()
        assert verdict.holds, number
        assert len(verdict.report.gaps) == 1
        world.close()
        if ended:
            assert number > 20
            break
    else:
        raise AssertionError("it never came to its end")
    gone(model)
