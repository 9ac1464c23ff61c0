"""Replacing the signing key, killed at every write; and backups of before and after it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.backups import create, kinds, lose, lost_and_restored, restore, verify
from tests.conftest import ENGINES
from tests.ended_cohorts import SYSTEM
from tests.flows.test_kill import at_every_write, place_of
from tests.flows.test_rewound import exported
from tests.flows.test_rotated_signing_key import holds, rotated
from tests.rewinding import work
from tests.worlds import gone
from vault.domain.log import Outcome
from vault.services import keys_signing
from vault.verify_log import judge_bundle

__all__ = ["place_of"]


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("engine", ENGINES)
def test_killed_at_any_write_the_log_goes_on_and_the_next_run_ends_it_with_one_event(engine, place_of, tmp_path):
    first = []

    def walk(world):
        told = keys_signing.look(world.parts)
        if told.is_begun or not told.changes:
            keys_signing.rotate(world.parts, SYSTEM, told.key, world.now)

    def finish(world):
        work(world, 1)  # whoever signs now, what they sign holds
        for pin in {first[0], keys_signing.look(world.parts).key}:
            world.parts.log_files.publish_pin(pin)
            assert world.verify().holds
        walk(world)
        told = keys_signing.look(world.parts)
        assert (told.is_begun, [one.old for one in told.changes]) == (False, first)
        (event,) = world.events("keys.signing_rotated")
        assert (event["outcome"], event["facts"]["new_key"]) == (Outcome.DONE, told.key_id)
        assert world.count("log_keys") == 1
        held, _ = world.parts.keys.files.load().contents()
        assert held.next_signing == b""
        work(world, 1)

    def fill(world):
        world.customer()
        first.append(keys_signing.look(world.parts).key)

    model = place_of(engine, fill)
    at_every_write(model, tmp_path, walk, finish)
    gone(model)


@pytest.mark.parametrize(
    "engine", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)], ids=["sqlite", "postgresql"]
)
def test_backups_of_before_and_after_hold_by_either_pin(engine, request, tmp_path):
    world = request.getfixturevalue(f"{engine}_world")
    world.customer()
    early = create(world, tmp_path / "early").place
    old, new = rotated(world)
    work(world, 2)
    late = create(world, tmp_path / "late").place
    for place in (early, late):
        for pin in (None, old, new):
            assert kinds(verify(world, place, pin)) == []
    assert (late / "keys").read_text("utf-8") == world.parts.log_files.changed.read_text("utf-8")
    assert not (early / "keys").exists()
    # The statements travel with the backup: without those beside the log it is judged by the old pin too.
    world.parts.log_files.changed.unlink()
    world.tamper("DELETE FROM log_keys")
    assert kinds(verify(world, late, old)) == []
    assert kinds(verify(world, early, new)) == ["backup_not_signed"]


@pytest.mark.slow
def test_a_backup_older_than_the_change_is_restored_and_the_new_key_goes_on(world, tmp_path):
    row = world.customer(owner="KF2001")
    world.now += timedelta(minutes=1)
    early = create(world, tmp_path / "early").place
    work(world, 1)
    old, new = rotated(world)
    work(world, 1)
    _, kept = exported(world, tmp_path, "kept")
    lost_and_restored(world, early)
    assert keys_signing.look(world.parts).key == new
    assert world.look_up("KF2001", row["phone"]).cards
    work(world, 2)
    assert world.verify().holds
    path, _ = exported(world, tmp_path, "after")
    for pin in (old, new):
        assert holds(judge_bundle(path, pin))
        assert judge_bundle(path, pin, kept).status == 1


@pytest.mark.slow
def test_with_the_key_store_of_before_nothing_is_restored(world, tmp_path):
    work(world, 1)
    early = create(world, tmp_path / "early", tmp_path / "keys").place
    rotated(world)
    lose(world)
    for folder in world.config.key_copies:
        for name in ("store/keystore", "epoch/epoch"):
            (folder / name).write_bytes((tmp_path / "keys" / name).read_bytes())
    assert "signing_key_replaced" in restore(world, early, code=2)["said"]
