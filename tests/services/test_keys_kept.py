"""What the keeper of the keys sees and does: status, and a new root key."""

import pytest

from tests.ended_cohorts import close_all, turn_to
from tests.simulator import World
from vault import bootstrap
from vault.domain.cohorts import CohortState
from vault.errors import KeyStoreError
from vault.services import keys


def rotate(world):
    return keys.rotate_root(world.parts, bootstrap.operator(world.config), world.now)


def test_status_tells_what_there_is_and_no_key(world):
    turn_to(world)
    close_all(world)
    told = keys.status(world.parts)
    assert [(one.fault, one.version) for one in told.copies] == [("", told.version)] * 2
    customers = next(one for one in told.classes if one.record_class.value == "customer")
    assert customers.states[CohortState.DESTROYED] == 2
    assert str(customers.first) == "2027-01-31"
    assert told.pin.startswith("datavault.local/")
    assert told.ledger > 0
    store, _ = world.parts.keys.files.load().contents()
    assert not any(secret.hex() in str(told) for secret in (store.people, store.lock, store.signing, store.web))


def test_a_new_root_key_opens_everything_as_before_and_the_old_one_nothing(world):
    row = world.customer()
    before = world.opened()
    old = world.config.root_key_file.read_bytes()
    assert rotate(world) == 2
    assert world.config.root_key_file.read_bytes() != old
    world.restart()
    assert world.opened() == before
    assert world.look_up("KF2001", row["phone"]).cards
    new = world.config.root_key_file.read_bytes()
    world.close()
    world.config.root_key_file.write_bytes(old)
    with pytest.raises(KeyStoreError) as refused:
        World(world.config, world.place)
    assert refused.value.reason == "key_wrong"
    world.config.root_key_file.write_bytes(new)


def test_the_log_says_that_it_was_begun_and_that_it_was_done(world):
    rotate(world)
    begun, done = world.events("keys.root_rotated")
    assert (begun["outcome"], begun["facts"]) == ("granted", {"copies": 2, "mode": "begun"})
    assert done["outcome"] == "done"
    assert done["actor"].startswith("operator:")


def test_a_rotation_that_cannot_be_done_changes_nothing_and_is_logged(world):
    old = world.config.root_key_file.read_bytes()
    away = world.config.key_copies[1] / "store" / "keystore"
    away.rename(away.with_name("away"))
    with pytest.raises(KeyStoreError):
        rotate(world)
    away.with_name("away").rename(away)
    assert world.config.root_key_file.read_bytes() == old
    assert [(one["outcome"], one["facts"].get("reason")) for one in world.events("keys.root_rotated")] == [
        ("granted", None),
        ("failed", "key_store_missing"),
    ]
    world.restart()


def test_another_process_goes_on_and_reloads_with_the_new_root_key(world):
    other = World(world.config, world.place)
    rotate(world)
    turn_to(world)
    with other.parts.database.read() as connection:
        assert other.parts.keys.current(connection).version == keys.status(world.parts).version
    other.close()
