from datetime import timedelta

import pytest

from tests.factories import NOW
from vault.domain.log_checkpoints import Checkpoint
from vault.domain.log_gaps import GapReason, GapStatement
from vault.errors import StorageError
from vault.storage import log, log_gaps
from vault.storage.unit_of_work import unit_of_work


def gap(kept=3, lost=9, root=bytes(32), at=NOW):
    return GapStatement(Checkpoint("log", kept, bytes(32)), Checkpoint("log", lost, root), at, GapReason.LOST_DISK)


def kept(database, *statements):
    with unit_of_work(database) as work:
        for statement, note in statements:
            log_gaps.add(work.connection, statement, note)
        work.commit()


def test_statements_come_back_in_the_order_in_which_they_were_accepted(database):
    kept(database, (gap(at=NOW + timedelta(days=1)), "second"), (gap(lost=20), "first"))
    with database.read() as connection:
        assert log_gaps.notes(connection) == ["first", "second"]


def test_a_statement_is_found_by_the_very_state_that_was_lost(database):
    other = b"\x01" * 32
    kept(database, (gap(), "one"), (gap(root=other), "two"))
    with database.read() as connection:
        assert log_gaps.note_of(connection, 9, bytes(32)) == "one"
        assert log_gaps.note_of(connection, 9, other) == "two"
        assert log_gaps.note_of(connection, 8, bytes(32)) is None
        assert log_gaps.note_of(connection, 9, b"\x02" * 32) is None


def test_one_state_is_lost_once(database):
    kept(database, (gap(), "one"))
    with pytest.raises(StorageError):
        kept(database, (gap(kept=4), "again"))


def test_checkpoints_of_a_part_are_those_over_its_start_up_to_its_end(database):
    with unit_of_work(database) as work:
        assert log_gaps.largest_checkpoint(work.connection) == 0
        for size in (5, 1, 9, 3):
            log.add_checkpoint(work.connection, size, f"note {size}", NOW)
        work.commit()
    with database.read() as connection:
        assert log_gaps.checkpoints(connection, 1, 5) == [(3, "note 3"), (5, "note 5")]
        assert log_gaps.checkpoints(connection, 9, 99) == []
        assert log_gaps.largest_checkpoint(connection) == 9
        assert log_gaps.event_at(connection, 0) is None
