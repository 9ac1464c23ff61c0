"""Databases for tests: each test gets a fresh, migrated, empty one, on both engines, as the application's role.

SQLite databases are copies of a migrated file; PostgreSQL ones are copies of a migrated template (some 20 ms).
The PostgreSQL server starts with the first test that needs it, one for each pytest-xdist worker.
"""

from __future__ import annotations

import gc
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import hashing, postgres
from vault.storage import schema
from vault.storage.engine import Database

ENGINES = ("sqlite", "postgresql")

_HERE = Path(__file__).parent
_LONG_WALKS = {
    "flows/test_attacks.py",
    "flows/test_import_export_of_the_company.py",
    "flows/test_insiders.py",
    "flows/test_log_unavailable.py",
    "flows/test_restore.py",
    "flows/test_rewound.py",
    "flows/test_rotated_signing_key.py",
    "house/test_no_personal_data.py",
    "test_bootstrap.py",
    "test_jobs.py",
}


@dataclass(frozen=True)
class Place:
    """Where a test's database lies.

    Args:
        url: address for the application.
        owner_url: address for the migrator; on SQLite the same.
        server: the PostgreSQL server; None on SQLite.
    """

    url: str
    owner_url: str
    server: postgres.PostgresServer | None = None

    @property
    def file(self) -> Path:
        """The SQLite file."""
        return Path(self.url.removeprefix("sqlite:///"))

    @property
    def name(self) -> str:
        """The PostgreSQL database's name."""
        return self.url.partition("@/")[2].partition("?")[0]


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the walks on PostgreSQL: they do not know the engine, and the storage below them is tested on both.

    And the commands of one area each: the walks below them are tested by themselves.
    """
    for item in items:
        if item.path.parent == _HERE and item.path.name.startswith("test_cli_"):
            item.add_marker("terminal")
        spec = getattr(item, "callspec", None)
        if spec is not None and "postgresql" in spec.params.values() and item.path.is_relative_to(_HERE):
            where = item.path.relative_to(_HERE).as_posix()
            if where.startswith(("services/", "test_cli_")) or where in _LONG_WALKS:
                item.add_marker("other_engine")


def pytest_collection_finish() -> None:
    """Keep what was collected, which stays to the end, from being looked through by each collection of garbage."""
    gc.freeze()


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: pytest.ExitCode, config: pytest.Config
) -> None:
    """Say in which order the tests ran that failed: it is another one each time."""
    seed = config.getoption("randomly_seed", None)
    if exitstatus and seed is not None:
        terminalreporter.write_line(f"to repeat the order: --randomly-seed={seed}")


@pytest.fixture(scope="session", autouse=True)
def _cheap_hashes() -> Iterator[None]:
    with hashing.cheap():
        yield


@pytest.fixture
def full_hashes() -> Iterator[None]:
    """Passwords are hashed at the application's own cost, for tests of that cost."""
    with hashing.full():
        yield


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.PostgresServer]:
    server = postgres.PostgresServer()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("migrated") / "vault.db"
    schema.upgrade(f"sqlite:///{file}")
    return file


def _sqlite(tmp_path: Path, migrated: Path | None) -> Place:
    file = tmp_path / "vault.db"
    if migrated is not None:
        shutil.copyfile(migrated, file)
    return Place(f"sqlite:///{file}", f"sqlite:///{file}")


def _postgresql(server: postgres.PostgresServer, name: str) -> Place:
    return Place(server.url(name), server.url(name, postgres.OWNER), server)


@pytest.fixture(params=ENGINES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A migrated, empty database on each engine."""
    if request.param == "sqlite":
        yield _sqlite(tmp_path, request.getfixturevalue("migrated_file"))
        return
    server: postgres.PostgresServer = request.getfixturevalue("postgres_server")
    name = server.create()
    yield _postgresql(server, name)
    server.drop(name)


@pytest.fixture(params=ENGINES)
def empty_place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A database without tables on each engine."""
    if request.param == "sqlite":
        yield _sqlite(tmp_path, None)
        return
    server: postgres.PostgresServer = request.getfixturevalue("postgres_server")
    name = server.create_empty()
    yield _postgresql(server, name)
    server.drop(name)


@pytest.fixture
def database(place: Place) -> Iterator[Database]:
    """A migrated, empty database, opened as the application opens it."""
    opened = Database(place.url)
    yield opened
    opened.dispose()


@pytest.fixture
def sqlite_place(tmp_path: Path, migrated_file: Path) -> Place:
    """A migrated, empty SQLite database."""
    return _sqlite(tmp_path, migrated_file)


@pytest.fixture
def postgresql_place(postgres_server: postgres.PostgresServer) -> Iterator[Place]:
    """A migrated, empty PostgreSQL database."""
    name = postgres_server.create()
    yield _postgresql(postgres_server, name)
    postgres_server.drop(name)


@pytest.fixture
def sqlite_database(sqlite_place: Place) -> Iterator[Database]:
    """The SQLite database, opened."""
    opened = Database(sqlite_place.url)
    yield opened
    opened.dispose()


@pytest.fixture
def postgresql_database(postgresql_place: Place) -> Iterator[Database]:
    """The PostgreSQL database, opened as the application's role."""
    opened = Database(postgresql_place.url)
    yield opened
    opened.dispose()
