"""Time steps and recovery codes are taken once, whoever else takes them at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection

from vault.domain.ids import new_id
from vault.storage import people, second_factors
from vault.storage.engine import Database

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
SEALED, CODE = b"sealed", b"c" * 32


@pytest.fixture
def account_id(database: Database) -> bytes:
    account_id = new_id()
    row = {
        "account_id": account_id,
        "work_number": "KF1",
        "role": "agent",
        "outlet": "",
        "team": "",
        "state": "invited",
        "sealed_name": b"",
        "created_at": NOW,
        "sealed_totp": SEALED,
    }
    with database.write() as connection:
        people.add(connection, [row])
        second_factors.replace_recovery_codes(connection, account_id, [CODE, b"d" * 32])
        connection.commit()
    return account_id


def take(database: Database, taking: Callable[[Connection], bool]) -> bool:
    with database.write() as connection:
        taken = taking(connection)
        connection.commit()
    return taken


def test_a_step_is_taken_once_and_none_before_it(database: Database, account_id: bytes) -> None:
    def step(number: int) -> bool:
        return take(database, lambda one: second_factors.take_step(one, account_id, SEALED, number))

    assert [step(number) for number in (7, 7, 6, 8)] == [True, False, False, True]
    assert not take(database, lambda one: second_factors.take_step(one, account_id, b"another secret", 9))
    assert not take(database, lambda one: second_factors.take_step(one, new_id(), SEALED, 9))


@pytest.mark.parametrize("what", ["step", "code"])
def test_of_many_at_once_one_takes_it(database: Database, account_id: bytes, what: str) -> None:
    start, taken = threading.Barrier(4), []

    def run() -> None:
        start.wait()
        if what == "step":
            taken.append(take(database, lambda one: second_factors.take_step(one, account_id, SEALED, 7)))
        else:
            taken.append(take(database, lambda one: second_factors.take_recovery_code(one, account_id, CODE, NOW)))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [False, False, False, True]


def test_recovery_codes_are_their_accounts_counted_and_replaced(database: Database, account_id: bytes) -> None:
    def code(whose: bytes, value: bytes) -> bool:
        return take(database, lambda one: second_factors.take_recovery_code(one, whose, value, NOW))

    assert not code(new_id(), CODE)
    assert not code(account_id, b"e" * 32)
    assert code(account_id, CODE)
    assert not code(account_id, CODE)
    with database.write() as connection:
        assert second_factors.recovery_codes_left(connection, account_id) == 1
        second_factors.replace_recovery_codes(connection, account_id, [CODE])
        assert second_factors.recovery_codes_left(connection, account_id) == 1
        second_factors.replace_recovery_codes(connection, account_id, ())
        assert second_factors.recovery_codes_left(connection, account_id) == 0
