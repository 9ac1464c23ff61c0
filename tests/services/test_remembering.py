"""What a process remembers of the ledger: all it says, each entry read once."""

import threading

import pytest

from tests.destroying import approved, fill, run
from tests.factories import NOW
from vault.domain.destruction import PlanState
from vault.domain.ids import new_id
from vault.domain.ledger import Entry, EntryKind
from vault.errors import VaultSealed
from vault.services import orphans
from vault.services.steps.remembering import Memory, remember
from vault.storage.ledger import Ledger


@pytest.fixture
def ledger(tmp_path):
    made = Ledger([tmp_path / "one" / "ledger", tmp_path / "two" / "ledger"], tmp_path / "ledger.lock", bytes(16))
    made.create()
    return made


def story():
    """Entries of every kind, some of which take back what others say."""
    plan, held, gone, kept = (new_id() for _ in range(4))
    told = [
        Entry(EntryKind.ERASE_INTENT, NOW, plan, (gone, kept)),
        Entry(EntryKind.ERASED, NOW, plan, (gone,)),
        Entry(EntryKind.HOLD_PLACED, NOW, held, (kept,)),
        Entry(EntryKind.COHORT_INTENT, NOW, new_id()),
        Entry(EntryKind.COHORT_CLOSED, NOW, new_id()),
        Entry(EntryKind.HOLD_RELEASED, NOW, held, (kept,)),
        Entry(EntryKind.HOLD_RELEASED, NOW, new_id(), (new_id(),)),
        Entry(EntryKind.ACCOUNT_LEFT, NOW, new_id()),
    ]
    assert {one.kind for one in told} == set(EntryKind)
    return told


@pytest.mark.parametrize("at_once", [1, 3, 16])
def test_reading_on_remembers_what_reading_it_all_does(ledger, at_once):
    memory, told = Memory(), story() + story()
    for start in range(0, len(told), at_once):
        ledger.append(told[start : start + at_once])
        assert memory.recall(ledger) == memory.recall(ledger) == remember(ledger)


def test_what_was_read_is_not_read_again(ledger):
    memory = Memory()
    ledger.append(story())
    memory.recall(ledger)
    for path in ledger.copies:
        path.write_bytes(path.read_bytes().replace(b'"kind":"erased"', b'"kind":"eroded"'))
    ledger.append(story()[2:3])
    assert len(memory.recall(ledger).holds) == 3
    with pytest.raises(VaultSealed):
        Memory().recall(ledger)


def test_whoever_asked_may_change_what_they_got(ledger):
    memory = Memory()
    ledger.append(story())
    mine = memory.recall(ledger)
    mine.intents.clear()
    mine.holds.clear()
    mine.closed.clear()
    mine.left.clear()
    assert memory.recall(ledger) == remember(ledger) != mine


def test_reading_that_broke_off_goes_on_where_it_did(ledger):
    memory, whole = Memory(), story()
    ledger.append(whole)
    good = [path.read_bytes() for path in ledger.copies]
    for path in ledger.copies:
        path.write_bytes(path.read_bytes().replace(b'"kind":"cohort_closed"', b'"kind":"cohort_cloned"'))
    with pytest.raises(VaultSealed):
        memory.recall(ledger)
    for path, content in zip(ledger.copies, good, strict=True):
        path.write_bytes(content)
    assert memory.recall(ledger) == remember(ledger)


def test_many_who_ask_at_once_read_one_story(ledger):
    memory, told, found = Memory(), [story() for _ in range(8)], []

    def work(mine):
        ledger.append(mine)
        found.append(memory.recall(ledger))

    threads = [threading.Thread(target=work, args=(one,)) for one in told]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert memory.recall(ledger) == remember(ledger)


def test_a_ledger_that_lost_what_a_process_has_read_lets_it_destroy_nothing(world):
    fill(world, customers=2, shipments=0, services=0)
    before = [path.read_bytes() for path in world.parts.ledger.copies]
    assert run(world, approved(world)).plan.state is PlanState.DONE
    orphans.report(world.parts, world.now)
    for path, content in zip(world.parts.ledger.copies, before, strict=True):
        path.write_bytes(content)
    fill(world, customers=2, shipments=0, services=0)
    plan_id = approved(world)
    with pytest.raises(VaultSealed) as raised:
        run(world, plan_id)
    assert raised.value.reason == "ledger_damaged"
    assert world.rows("SELECT count(*) FROM records") == [(2,)]


def test_the_daily_comparison_reads_the_whole_ledger_in_every_copy(world):
    fill(world, customers=2, shipments=0, services=0)
    run(world, approved(world))
    orphans.report(world.parts, world.now)  # it has read everything once
    whole = world.parts.ledger.copies[-1].read_bytes()
    world.parts.ledger.copies[-1].write_bytes(whole.replace(b'"kind":"erase_intent"', b'"kind":"erase_intend"', 1))
    world.parts.ledger.append([Entry(EntryKind.ACCOUNT_LEFT, world.now, new_id())])  # not its last line, then
    with pytest.raises(VaultSealed) as raised:
        orphans.report(world.parts, world.now)
    assert raised.value.reason == "ledger_damaged"
