"""The worlds of tests/worlds.py, under the names that the services ask for."""

from tests.worlds import company, postgresql_world, sqlite_world, templates, world

__all__ = ["company", "postgresql_world", "sqlite_world", "templates", "world"]
