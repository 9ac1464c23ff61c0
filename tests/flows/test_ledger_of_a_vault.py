"""The ledger of a whole vault: made with it or for it, signed with its log, and never quietly older than was signed."""

import pytest

from tests.destroying import APPROVER, approved, fill, run
from tests.services.test_log_export import asked, exported, judged
from vault import verify_log
from vault.doctor import examine
from vault.domain.ledger import Entry, EntryKind
from vault.domain.log_checkpoints import Checkpoint
from vault.errors import VaultSealed


def signed(world):
    world.settle()
    note = world.parts.log_files.checkpoint.read_text("utf-8")
    return Checkpoint.parse(note.partition("\n\n")[0] + "\n")


@pytest.fixture
def destroyed(sqlite_world):
    fill(sqlite_world)
    run(sqlite_world, approved(sqlite_world))
    sqlite_world.settle()
    return sqlite_world


def refused(world):
    with pytest.raises(VaultSealed) as raised:
        world.restart()
    return raised.value.reason


def test_a_new_vault_has_an_empty_ledger_beside_each_key_store_copy(sqlite_world):
    paths = sqlite_world.parts.ledger.copies
    assert [path.parent for path in paths] == [folder / "store" for folder in sqlite_world.config.key_copies]
    assert [path.read_bytes() for path in paths] == [b"", b""]
    assert signed(sqlite_world).ledger == sqlite_world.parts.ledger.head()


def test_a_checkpoint_names_the_entries_there_were(destroyed):
    assert signed(destroyed).ledger == destroyed.parts.ledger.head()
    assert signed(destroyed).ledger.count == 2
    assert destroyed.verify().holds


def test_a_stranger_reads_the_ledgers_head_out_of_an_export(destroyed, tmp_path):
    judgement = judged(destroyed, exported(destroyed, asked(destroyed)), tmp_path)
    assert judgement.status == 0
    assert judgement.ledger.startswith("2 entries, SHA-256 ")
    assert any(judgement.ledger in line for line in verify_log.report(judgement))


def test_a_vault_of_a_release_without_a_ledger_gets_one_at_its_next_start(sqlite_world):
    sqlite_world.close()
    for path in sqlite_world.parts.ledger.copies:
        path.unlink()
    sqlite_world.restart()
    assert [path.read_bytes() for path in sqlite_world.parts.ledger.copies] == [b"", b""]


def examined(world):
    return {one.what: (one.state, one.found) for one in examine(world.config, world.now)}


def test_the_doctor_says_where_it_lies_and_whether_it_agrees_with_the_database(destroyed):
    found = examined(destroyed)
    assert found["Store: ledger of destruction"][1] == ", ".join(map(str, destroyed.parts.ledger.copies))
    assert found["Ledger: copies whole and alike"] == ("ok", "2")
    assert found["Ledger: erased records that are there"] == ("ok", "0")
    assert found["Ledger: tombstones without an entry"] == ("ok", "0")


def test_the_doctor_finds_tombstones_without_entry_records_that_live_and_damage(destroyed):
    row = destroyed.customer()
    ((living,),) = destroyed.rows("SELECT record_id FROM records")
    assert row
    destroyed.parts.ledger.append([Entry(EntryKind.ERASED, destroyed.now, b"", (living,))])
    destroyed.tamper(
        "INSERT INTO tombstones SELECT :r, record_class, cohort_id, plan_id, 1, 1, 1 FROM tombstones LIMIT 1",
        r=bytes(16),
    )
    found = examined(destroyed)
    assert found["Ledger: erased records that are there"] == ("bad", "1")
    assert found["Ledger: tombstones without an entry"] == ("warn", "1")
    path = destroyed.parts.ledger.copies[1]
    path.write_bytes(path.read_bytes().replace(b"erase_intent", b"erase_Intent"))
    assert examined(destroyed)["Ledger: copies whole and alike"] == ("bad", "ledger_damaged")


def test_a_ledger_that_is_gone_is_not_made_anew(destroyed):
    destroyed.close()
    for path in destroyed.parts.ledger.copies:
        path.unlink()
    assert refused(destroyed) == "ledger_older"


def test_a_ledger_older_than_the_last_checkpoint_keeps_the_vault_closed(destroyed):
    whole = destroyed.parts.ledger.copies[0].read_bytes()
    destroyed.close()
    for path in destroyed.parts.ledger.copies:
        path.write_bytes(whole.splitlines(keepends=True)[0])
    assert refused(destroyed) == "ledger_older"
    destroyed.parts.ledger.copies[1].write_bytes(whole)  # one good copy is enough
    destroyed.restart()
    assert destroyed.parts.ledger.check().count == 2


def test_a_ledger_that_shrinks_while_the_vault_runs_is_not_signed(destroyed):
    for path in destroyed.parts.ledger.copies:
        path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    destroyed.customer()
    with pytest.raises(VaultSealed) as raised:
        destroyed.settle()
    assert raised.value.reason == "ledger_older"


@pytest.mark.parametrize("lost", [0, 1])
def test_a_lost_copy_keeps_the_vault_closed_and_is_named(destroyed, lost):
    destroyed.close()
    path = destroyed.parts.ledger.copies[lost]
    path.unlink()
    with pytest.raises(VaultSealed) as raised:
        destroyed.restart()
    assert (raised.value.reason, raised.value.facts["path"]) == ("ledger_missing", str(path))


def test_entries_added_after_the_last_checkpoint_are_no_harm(destroyed):
    fill(destroyed, customers=1, shipments=0, services=0)
    run(destroyed, approved(destroyed), APPROVER)
    destroyed.restart()
    assert signed(destroyed).ledger.count == 4
