"""Worlds for tests: made once for each session and engine, copied for each test."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import postgres
from tests.conftest import ENGINES, Place
from tests.simulator import DATA, NOW, Template, World, settings
from vault import bootstrap

FIRST_SECRET = "first-secret"


def _place(folder: Path, server: postgres.PostgresServer | None, template: Template | None) -> Place:
    if server is None:
        file = folder / "db" / "vault.sqlite3"
        return Place(f"sqlite:///{file}", f"sqlite:///{file}")
    name = server.create() if template is None else server._create(f"TEMPLATE {template.place.name} STRATEGY FILE_COPY")
    return Place(server.url(name), server.url(name, postgres.OWNER), server)


def prepared(folder: Path, server: postgres.PostgresServer | None, *, whole: bool = False) -> Template:
    """Make a vault of its own in a folder, with the staff or with the whole set; on SQLite without a server."""
    place = _place(folder, server, None)
    config = settings(folder, place)
    secret = bootstrap.init(config, NOW)
    (folder / FIRST_SECRET).write_text(secret)
    world = World(config, place)
    if whole:
        world.company()
    else:
        world.load("staff", DATA / "staff.csv")
    world.settle()
    world.close()
    return Template(folder, place)


def copied(template: Template, folder: Path) -> World:
    """Return a world that is a copy of a prepared vault, in a folder of its own."""
    shutil.copytree(template.folder, folder)
    place = _place(folder, template.place.server, template)
    try:
        return World(settings(folder, place), place)
    except BaseException:
        _dropped(place)
        raise


def gone(world: World) -> None:
    """Close a world and drop its database."""
    world.close()
    _dropped(world.place)


def _dropped(place: Place) -> None:
    if place.server is not None:
        place.server.drop(place.name)


Templates = Callable[..., Template]


@pytest.fixture(scope="session")
def templates(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Templates:
    """Prepared vaults: with the staff only, or with the repository's whole set."""
    made: dict[tuple[str, bool], Template] = {}

    def template(engine: str, *, whole: bool = False) -> Template:
        if (engine, whole) not in made:
            server = request.getfixturevalue("postgres_server") if engine == "postgresql" else None
            folder = tmp_path_factory.mktemp("template") / "data"
            made[engine, whole] = prepared(folder, server, whole=whole)
        return made[engine, whole]

    return template


@pytest.fixture(params=ENGINES)
def world(request: pytest.FixtureRequest, templates: Templates, tmp_path: Path) -> Iterator[World]:
    """A vault with the staff of the synthetic set, on each engine."""
    copy = copied(templates(request.param), tmp_path / "vault")
    yield copy
    gone(copy)


@pytest.fixture
def sqlite_world(templates: Templates, tmp_path: Path) -> Iterator[World]:
    """The same on SQLite only, for what no engine has a part in."""
    copy = copied(templates("sqlite"), tmp_path / "vault")
    yield copy
    gone(copy)


@pytest.fixture
def postgresql_world(templates: Templates, tmp_path: Path) -> Iterator[World]:
    """The same on PostgreSQL only."""
    copy = copied(templates("postgresql"), tmp_path / "vault")
    yield copy
    gone(copy)


@pytest.fixture(params=ENGINES)
def company(request: pytest.FixtureRequest, templates: Templates, tmp_path: Path) -> Iterator[World]:
    """A vault that holds the repository's whole synthetic set, on each engine."""
    copy = copied(templates(request.param, whole=True), tmp_path / "vault")
    yield copy
    gone(copy)
