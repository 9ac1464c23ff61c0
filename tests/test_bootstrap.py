import shutil
import sqlite3
import stat
from contextlib import closing
from dataclasses import replace

import pytest

from tests.simulator import NOW, World, service_row, settings
from tests.worlds import FIRST_SECRET, sqlite_world, templates, world
from vault import bootstrap
from vault.errors import KeyStoreError, PolicyError, SetupError, VaultError, VaultSealed
from vault.services import people, sessions

__all__ = ["sqlite_world", "templates", "world"]


def refuses(config):
    with pytest.raises(VaultError) as refused, bootstrap.open_vault(config):
        pass
    return refused.value


@pytest.fixture
def fresh(place, tmp_path):
    """The settings of a vault that is not there yet, over an empty folder and a migrated, empty database."""
    folder = tmp_path / "data"
    folder.mkdir()
    return settings(folder, place), place


@pytest.fixture
def closed(sqlite_world):
    """A vault that nobody has open."""
    sqlite_world.close()
    return sqlite_world.config


# -- init --------------------------------------------------------------------------------------------------------


def test_init_makes_a_vault_whose_first_administrator_activates_with_the_secret_shown(fresh):
    config, place = fresh
    secret = bootstrap.init(config, NOW)
    made = World(config, place)
    people.activate(made.parts, "ADMIN01", secret, "a long enough password", "local", NOW)
    assert sessions.sign_in(made.parts, "ADMIN01", "a long enough password", "local", NOW).person.role == "admin"
    assert [one["action"] for one in made.events()][:3] == ["vault.init", "keys.cohorts_made", "people.invite"]
    assert made.verify().holds
    assert made.verify().report.unsigned_tail == 0
    assert secret not in str(made.events())
    made.close()


def test_what_init_writes_is_closed_to_others(fresh):
    config, _ = fresh
    bootstrap.init(config, NOW)
    for folder in (*config.key_copies, config.root_key_file.parent, config.checkpoint_dir):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        for file in folder.rglob("*"):
            assert not stat.S_IMODE(file.stat().st_mode) & 0o077


def test_a_second_init_is_refused_and_changes_nothing(world):
    world.close()
    files = {path: path.read_bytes() for path in world.config.data_dir.rglob("*") if path.is_file()}
    with pytest.raises(SetupError) as refused:
        bootstrap.init(world.config, NOW)
    assert refused.value.reason == "already_initialised"
    assert {path: path.read_bytes() for path in world.config.data_dir.rglob("*") if path.is_file()} == files


def test_init_over_the_keys_of_a_lost_database_makes_no_new_key(closed):
    shutil.rmtree(closed.data_dir / "db")
    before = closed.root_key_file.read_bytes()
    with pytest.raises(SetupError) as refused:
        bootstrap.init(closed, NOW)
    assert refused.value.reason == "already_initialised"
    assert closed.root_key_file.read_bytes() == before


def test_init_over_the_database_of_a_vault_whose_keys_are_lost_makes_no_new_key(world):
    world.close()
    shutil.rmtree(world.config.keys_dir)
    with pytest.raises(SetupError):
        bootstrap.init(world.config, NOW)
    assert not world.config.root_key_file.exists()


# -- open --------------------------------------------------------------------------------------------------------


def test_an_empty_folder_and_an_empty_database_are_no_vault(fresh):
    config, place = fresh
    assert refuses(config).reason == "no_vault_here"
    if place.server is None:
        place.file.unlink()
        assert refuses(config).reason == "no_vault_here"
        assert not place.file.exists()


def test_a_lost_database_is_not_a_new_vault(closed):
    (closed.data_dir / "db" / "vault.sqlite3").unlink()
    assert refuses(closed).reason == "keys_without_database"


def test_keys_that_are_missing_refuse_and_are_not_made_anew(closed):
    shutil.rmtree(closed.keys_dir)
    assert isinstance(refuses(closed), KeyStoreError)
    assert not closed.keys_dir.exists() or not any(closed.keys_dir.rglob("*store*/keystore"))


@pytest.mark.parametrize("damage", ["missing", "empty", "wrong", "open to the group"])
@pytest.mark.parametrize("what", ["root key", "store", "epoch"])
def test_a_key_file_that_is_not_as_it_should_be_refuses(closed, what, damage):
    files = {
        "root key": closed.root_key_file,
        "store": closed.key_copies[1] / "store" / "keystore",
        "epoch": closed.key_copies[1] / "epoch" / "epoch",
    }
    file = files[what]
    content = file.read_bytes()
    if damage == "missing":
        file.unlink()
    elif damage == "open to the group":
        file.chmod(0o640)
    else:
        file.write_bytes(b"" if damage == "empty" else bytes(byte ^ 1 for byte in content))
    assert isinstance(refuses(closed), KeyStoreError)
    if damage == "missing":
        assert not file.exists()


def test_a_schema_of_another_version_is_sealed(closed):
    with closing(sqlite3.connect(closed.data_dir / "db" / "vault.sqlite3")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
        connection.commit()
    error = refuses(closed)
    assert (type(error), error.reason) == (VaultSealed, "schema_not_current")


def test_policies_that_cannot_be_loaded_refuse(closed, tmp_path):
    assert isinstance(refuses(replace(closed, policies_dir=tmp_path)), PolicyError)


def test_a_key_store_ahead_of_the_database_is_a_writer_that_was_killed_and_is_caught_up(world):
    """The file is written first: a vault opened right then sets the database forward, and goes on."""
    world.tamper("UPDATE vault_state SET key_store_version = key_store_version - 1")
    newest = "(SELECT cohort_id FROM cohorts WHERE record_class = 'service_record' ORDER BY end_on DESC LIMIT 1)"
    if world.place.server is None:  # on PostgreSQL its partition would have to go first
        world.tamper(f"DELETE FROM cohorts WHERE cohort_id = {newest}")
    cohorts = world.count("cohorts")
    world.restart()
    assert world.count("cohorts") >= cohorts + (
        world.place.server is None
    )  # the system's clock may want a few more than the test's
    row = world.customer()
    world.services(service_row(row, result="处理中"))


def test_a_passphrase_opens_what_it_made_and_another_does_not(place, tmp_path):
    word = tmp_path / "word"
    word.touch(mode=0o600)
    word.write_text("a passphrase of several words\n")
    config = replace(settings(tmp_path / "data", place), root_key_provider="passphrase", passphrase_file=word)
    bootstrap.init(config, NOW)
    with bootstrap.open_vault(config) as parts:
        assert parts.keys is not None
    word.write_text("another passphrase of several words\n")
    assert isinstance(refuses(config), KeyStoreError)
    word.write_bytes(b"\xff" * 20)
    assert refuses(config).reason == "passphrase_not_text"
    word.chmod(0o604)
    assert refuses(config).reason == "passphrase_too_open"
    word.unlink()
    assert refuses(config).reason == "passphrase_unreadable"


def test_the_first_secret_is_shown_and_kept_nowhere(sqlite_world):
    folder = sqlite_world.config.data_dir
    secret = (folder / FIRST_SECRET).read_bytes()
    sqlite_world.close()
    kept = [path.name for path in folder.rglob("*") if path.is_file() and secret in path.read_bytes()]
    assert kept == [FIRST_SECRET]  # where the test itself put it


def test_the_operator_is_named_by_the_system_user(sqlite_world):
    actor = bootstrap.operator(sqlite_world.config)
    assert actor.name.startswith("operator:")
    assert (actor.role, actor.node) == ("operator", "test")
