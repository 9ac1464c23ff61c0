"""Putting accounts to use in a world, without the work of an activation."""

from __future__ import annotations

from typing import Any

import pyotp

from tests.simulator import World

ADMIN, SECOND_ADMIN = "ADMIN01", "ADMIN02"


def in_use(world: World, *work_numbers: str) -> None:
    """Let accounts be active, with a password that nobody knows."""
    for number in work_numbers:
        world.tamper(
            "UPDATE accounts SET state = 'active', password = 'x', password_changed_at = :at WHERE work_number = :n",
            at=int(world.now.timestamp() * 1_000_000),
            n=number,
        )


def column(world: World, work_number: str, name: str) -> Any:
    """Return a column of an account."""
    return world.rows(f"SELECT {name} FROM accounts WHERE work_number = :n", n=work_number)[0][0]


def with_second_factor(world: World, work_number: str) -> pyotp.TOTP:
    """Give an account a confirmed second factor, and return its app."""
    app = pyotp.TOTP(pyotp.random_base32())
    person = world.person(work_number)
    with world.parts.database.read() as connection:
        sealed = world.parts.keys.current(connection).seal_person(person.account_id, "totp", app.secret)
    world.tamper(
        "UPDATE accounts SET sealed_totp = :s, totp_confirmed_at = 1 WHERE work_number = :n", s=sealed, n=work_number
    )
    return app
