import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from vault.crypto.cohort_keys import CohortKeys
from vault.crypto.key_store import KeyStore
from vault.crypto.opening_counts import COUNTS, Counted, OpeningCounts
from vault.crypto.suites import AES_256_GCM
from vault.domain.ids import RecordClass
from vault.domain.log import Receipt
from vault.domain.records import FieldRef
from vault.errors import IntegrityError, ReceiptError

NAME, NEWER = FieldRef("name"), FieldRef("name", 0, 1)
KEYS = CohortKeys(b"v" * 16, b"k" * 16, RecordClass.CUSTOMER, AES_256_GCM, bytes(range(32)))
RECORDS = [bytes([number]) * 16 for number in range(200)]
SEALED = {record: KEYS.seal(record, [(NAME, "测试客户")]) for record in RECORDS}


@pytest.fixture(autouse=True)
def own_run():
    """A run of its own for each test; what it does to the counts concerns no vault that another test has open."""
    COUNTS.begin()
    yield
    COUNTS.begin()


def receipt(*records):
    return Receipt(b"e" * 16, dict.fromkeys(records, ("name",)))


def opened(one, record):
    wrapped, (sealed,) = SEALED[record]
    return KEYS.open(one, record, wrapped, [(NAME, sealed)])[0].disclose()


def counts():
    counted = COUNTS.snapshot()
    return counted.unwraps, counted.receipts


def test_many_threads_open_and_every_unwrap_has_its_receipt():
    together = threading.Barrier(8)

    def work(number):
        mine = RECORDS[number::8]
        one = receipt(*mine)
        together.wait()
        return [opened(one, record) for record in mine]

    with ThreadPoolExecutor(8) as threads:
        assert sum(map(len, threads.map(work, range(8)))) == len(RECORDS)
    assert counts() == (200, 200)
    assert COUNTS.snapshot().agrees


def test_a_receipt_counts_once_for_each_record_it_opened_and_not_for_those_it_might_have():
    one = receipt(*RECORDS[:5])
    opened(one, RECORDS[0])
    opened(one, RECORDS[3])
    assert counts() == (2, 2)


def test_sealing_anew_under_the_same_data_key_unwraps_and_counts():
    wrapped, _ = SEALED[RECORDS[0]]
    KEYS.seal_more(receipt(RECORDS[0]), RECORDS[0], wrapped, [(NEWER, "新名")])
    assert counts() == (1, 1)


def test_sealing_a_new_record_opens_nothing():
    KEYS.seal(RECORDS[0], [(NAME, "新")])
    assert counts() == (0, 0)


@pytest.mark.parametrize("wrong", [None, Receipt(b"e" * 16, {}), receipt(RECORDS[1])], ids=["none", "empty", "another"])
def test_a_receipt_that_was_refused_counts_nothing(wrong):
    with pytest.raises(ReceiptError):
        opened(wrong, RECORDS[0])
    assert counts() == (0, 0)


def test_a_receipt_counts_the_first_time_only():
    one = receipt(RECORDS[0])
    opened(one, RECORDS[0])
    with pytest.raises(ReceiptError):
        opened(one, RECORDS[0])
    assert counts() == (1, 1)


def test_a_wrap_that_does_not_open_was_tried_and_has_used_its_receipt():
    wrapped, (sealed,) = SEALED[RECORDS[0]]
    with pytest.raises(IntegrityError):
        KEYS.open(receipt(RECORDS[0]), RECORDS[0], wrapped[:-1] + bytes([wrapped[-1] ^ 1]), [(NAME, sealed)])
    assert counts() == (1, 1)


def test_a_path_past_the_door_shows_whether_it_takes_the_private_step_or_the_key_itself():
    wrapped, _ = SEALED[RECORDS[0]]
    own = b"\x00\x10" + RECORDS[0]
    key = KEYS._unwrap(own, wrapped)
    assert (counts(), COUNTS.snapshot().agrees) == ((1, 0), False)
    assert KEYS._wrap.decrypt(wrapped[2:14], wrapped[14:], KEYS._wrap_cell + own + KEYS._suffix) == key
    assert counts() == (2, 0)


def test_the_secrets_of_staff_are_not_counted():
    store = KeyStore.fresh(b"v" * 16)
    sealed = store.seal_person(b"a" * 16, "name", "金青泽")
    assert store.open_person(b"a" * 16, "name", sealed).disclose() == "金青泽"
    assert counts() == (0, 0)


def test_a_run_keeps_its_random_id():
    first = COUNTS.snapshot().run
    opened(receipt(RECORDS[0]), RECORDS[0])
    assert COUNTS.snapshot() == Counted(first, 1, 1)
    assert len(bytes.fromhex(first)) == 16
    assert OpeningCounts().snapshot().run != first


def test_another_process_is_another_run():
    tell = "from vault.crypto.opening_counts import COUNTS; print(COUNTS.snapshot().run)"
    runs = {subprocess.run([sys.executable, "-c", tell], capture_output=True, check=True).stdout for _ in range(2)}
    assert len(runs) == 2


def in_child(work):
    """Fork, and return what the child's work tells."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, work().encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        said = told.read().decode()
    os.waitpid(child, 0)
    return said


def test_a_forked_child_begins_a_run_of_its_own_with_nothing_counted():
    opened(receipt(RECORDS[0]), RECORDS[0])
    mine = COUNTS.snapshot()

    def work():
        opened(receipt(RECORDS[1]), RECORDS[1])
        opened(receipt(RECORDS[2]), RECORDS[2])
        return "{0.run} {0.unwraps} {0.receipts}".format(COUNTS.snapshot())

    run, unwraps, receipts = in_child(work).split()
    assert (unwraps, receipts) == ("2", "2")
    assert run != mine.run
    assert COUNTS.snapshot() == mine == Counted(mine.run, 1, 1)


def test_a_child_that_was_forked_while_a_thread_was_counting_is_not_stuck():
    with COUNTS._lock:  # as if another thread held it: the child has no such thread
        assert in_child(lambda: str(counts())) == "(0, 0)"
