import pytest
from sqlalchemy import insert, select

from tests.factories import NOW, event
from vault.domain.ids import new_id
from vault.domain.log import Opened
from vault.errors import InvalidValue, ReceiptError, StorageError
from vault.storage import log
from vault.storage.tables import job_runs, log_inbox
from vault.storage.unit_of_work import unit_of_work

A_RUN = insert(job_runs).values(job="sweep", slot=1, started_at=NOW, late=False, node="")


def inbox(database):
    with database.read() as connection:
        return [bytes(row) for row in connection.execute(select(log_inbox.c.canonical)).scalars()]


def runs(database):
    with database.read() as connection:
        return len(connection.execute(select(job_runs)).all())


def walk(work, announced):
    work.connection.execute(A_RUN)
    work.announce(announced)
    work.commit()


def test_without_commit_neither_the_change_nor_its_event_stays(database):
    with unit_of_work(database) as work:
        work.connection.execute(A_RUN)
        work.announce(event())
    assert (runs(database), inbox(database)) == (0, [])


def test_an_error_inside_rolls_everything_back(database):
    def fail():
        with unit_of_work(database) as work:
            work.connection.execute(A_RUN)
            work.announce(event())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert (runs(database), inbox(database)) == (0, [])


def test_the_change_and_its_events_become_durable_together(database):
    first, second = event(), event()
    with unit_of_work(database) as work:
        work.connection.execute(A_RUN)
        work.announce(first)
        work.announce(second)
        work.commit()
    assert (runs(database), inbox(database)) == (1, [first.canonical(), second.canonical()])


def test_events_alone_are_committed_too(database):
    with unit_of_work(database) as work:
        work.announce(event())
        work.commit()
    with database.read() as connection:
        assert log.waiting(connection) == 1


def test_receipts_stand_for_the_announced_events_in_order(database):
    record_id = new_id()
    first, second = event(), event(Opened(record_id, "customer", ("phone",)))
    with unit_of_work(database) as work:
        work.announce(first, second)
        receipts = work.commit()
    assert [receipt.event_id for receipt in receipts] == [first.event_id, second.event_id]
    with pytest.raises(ReceiptError):
        receipts[0].take(record_id, ["phone"])
    receipts[1].take(record_id, ["phone"])


def test_a_commit_that_fails_gives_no_receipt(database):
    with unit_of_work(database) as work:
        work.connection.execute(A_RUN)
        work.commit()
    with pytest.raises(StorageError), unit_of_work(database) as work:
        walk(work, event())
    assert (runs(database), inbox(database)) == (1, [])


def test_an_event_that_cannot_be_written_takes_the_change_with_it(database):
    with pytest.raises(InvalidValue), unit_of_work(database) as work:
        walk(work, event(facts={"phone": "no such fact"}))
    assert (runs(database), inbox(database)) == (0, [])


def test_a_second_commit_does_not_write_the_events_again(database):
    with unit_of_work(database) as work:
        work.announce(event())
        assert len(work.commit()) == 1
        work.connection.execute(A_RUN)
        assert work.commit() == ()
    assert (runs(database), len(inbox(database))) == (1, 1)
