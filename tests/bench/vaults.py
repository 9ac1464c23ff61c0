"""Throw-away vaults and databases to measure, on both engines, each as durable as in production."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import create_engine, text

from tests import postgres
from tests.bench import data
from tests.quotas import policies_without_quotas
from vault import bootstrap
from vault.config import Config, load_config
from vault.domain.log import Actor
from vault.services import people, sessions
from vault.services.intake_staff import import_staff
from vault.services.steps.parts import Parts
from vault.storage.engine import Database

SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"
ENGINES = (SQLITE, POSTGRESQL)
AGENT = "KF2001"
_DURABLE = ("fsync=on", "full_page_writes=on", "autovacuum=on", "shared_buffers=128MB")
_PASSWORD = "a pass phrase for measuring 1"


class DurablePostgres(postgres.PostgresServer):
    """The tests' PostgreSQL with the settings that they leave out for speed."""

    settings = (*postgres.PostgresServer.settings, *_DURABLE)


@dataclass
class Bench:
    """Where things to measure are made.

    Args:
        folder: emptied afterwards.
        server: PostgreSQL.
    """

    folder: Path
    server: postgres.PostgresServer
    _made: int = 0

    def new_folder(self, name: str) -> Path:
        """Return a folder of its own."""
        self._made += 1
        folder = self.folder / f"{name}-{self._made}"
        folder.mkdir()
        return folder

    def plain_database(self, engine: str) -> Database:
        """Return an empty database that is no vault, with the same settings."""
        if engine == SQLITE:
            file = self.new_folder("plain") / "plain.sqlite3"
            file.touch(0o600)
            return Database(f"sqlite:///{file}")
        return Database(self.server.url(self.server.create_empty(), postgres.OWNER))

    def new_vault(self, engine: str) -> Config:
        """Return the settings of a fresh vault with the accounts of the synthetic set."""
        folder = self.new_folder("vault")
        settings = {
            "DATAVAULT_ENV": "test",
            "DATAVAULT_DATA_DIR": str(folder),
            "DATAVAULT_NODE": "bench",
            "DATAVAULT_POLICIES_DIR": str(policies_without_quotas(self.new_folder("rules"))),
        }
        if engine == POSTGRESQL:
            name = self.server.create_empty()
            settings["DATAVAULT_DATABASE_URL"] = self.server.url(name)
            settings["DATAVAULT_MIGRATOR_URL"] = self.server.url(name, postgres.OWNER)
        config = load_config(settings)
        bootstrap.init(config, now())
        data.write_staff(folder / "staff.csv")
        with bootstrap.open_vault(config) as parts:
            operator = bootstrap.operator(config)
            import_staff(parts, operator, folder / "staff.csv", config.policies_dir / "mappings", now())
        return config


@contextmanager
def bench() -> Iterator[Bench]:
    """Give a place to measure in; everything is gone afterwards."""
    server = DurablePostgres()
    try:
        with tempfile.TemporaryDirectory(prefix="datavault-bench-") as folder:
            yield Bench(Path(folder), server)
    finally:
        server.stop()


def now() -> datetime:
    """Return the time of this moment in UTC."""
    return datetime.now(UTC)


def sign_in(parts: Parts) -> people.SignedIn:
    """Activate an agent's account and open a session."""
    actor = Actor("system", "system")
    secret = people.invite(parts, actor, AGENT, now())
    people.activate(parts, AGENT, secret, _PASSWORD, "127.0.0.1", now())
    return sessions.sign_in(parts, AGENT, _PASSWORD, "127.0.0.1", now())


def settle_down(config: Config) -> None:
    """Let the database know its own shape: statistics on PostgreSQL, an empty write-ahead log on SQLite."""
    engine = create_engine(config.migrator_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("ANALYZE" if engine.name == "postgresql" else "PRAGMA wal_checkpoint(TRUNCATE)"))
    engine.dispose()
