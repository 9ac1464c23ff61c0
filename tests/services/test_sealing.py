"""A vault that seals itself tells the duty mailboxes, once, without its database."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.mailbox import SENDER, Mailbox, with_mail
from tests.rewinding import OldCopy, work
from vault import bootstrap, jobs
from vault.domain.ids import Role
from vault.errors import VaultSealed
from vault.services import log, sealing
from vault.storage import log_seal
from vault.storage.log_files import LogFiles

BOXES = {
    "imd": "duty@example.com",
    "auditor": "audit@example.com",
    "admin": "it@example.com",
    "agent": "no@example.com",
}
TOLD = sorted(set(BOXES.values()) - {BOXES["agent"]})
REWOUND = VaultSealed("database_rewound", signed=9, found=3)
SECOND = timedelta(seconds=1)


@pytest.fixture
def box():
    with Mailbox() as box:
        yield box


def at_work(world, box):
    return with_mail(world.parts, box, **BOXES)


def rewound(world, folder):
    """Put an older copy of the database under the running world."""
    world.customer()
    world.settle()
    copy = OldCopy(world, folder)
    work(world, 3)
    world.settle()
    copy.take_over()


def test_a_timetable_that_meets_an_older_database_tells_each_duty_mailbox_once(world, tmp_path, box):
    rewound(world, tmp_path)
    parts = at_work(world, box)
    for minutes in range(3):
        ran = jobs.run_due(parts, world.now + timedelta(minutes=minutes))
        assert "database_rewound" in {one.reason for one in ran}  # the first to ask may lose its old connection
        assert {one.outcome for one in ran} == {"failed"}
    assert sorted(box.recipients) == TOLD
    (letter,) = box.letters(BOXES["auditor"])
    assert letter["From"] == SENDER
    said = letter.get_content()
    assert "database_rewound" in said
    assert "2026-11-20 11:03 (UTC+0800)" in said
    assert "自行封闭" in letter["Subject"]


def test_a_vault_that_does_not_start_tells_them_too_and_one_that_is_only_inspected_does_not(world, tmp_path, box):
    rewound(world, tmp_path)
    world.close()
    mail = {"smtp_url": box.url, "mail_from": SENDER, "role_mail": "imd=duty@example.com"}
    config = replace(world.config, **mail)
    with bootstrap.open_vault(config, to_inspect=True):
        pass
    assert box.recipients == []
    for _ in range(2):
        with pytest.raises(VaultSealed), bootstrap.open_vault(config):
            pass
    assert box.recipients == ["duty@example.com"]


def test_every_altered_last_entry_is_told_through_the_nightly_check_as_well(sqlite_world, box):
    size = sqlite_world.settle()
    sqlite_world.tamper("UPDATE log_events SET canonical = :new WHERE leaf_index = :i", new=b"{}", i=size - 1)
    line = [one for one in jobs.TIMETABLE if one.name == "log_check"]
    (ran,) = jobs.run_due(at_work(sqlite_world, box), sqlite_world.now, line)
    assert (ran.outcome, ran.reason) == ("failed", "history_rewritten")
    assert sorted(box.recipients) == TOLD


def test_of_several_processes_that_notice_at_once_one_writes(sqlite_world, box):
    parts = at_work(sqlite_world, box)
    start = threading.Barrier(4)

    def notice():
        start.wait()
        sealing.tell(parts, REWOUND, sqlite_world.now)

    threads = [threading.Thread(target=notice) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(box.recipients) == TOLD


def test_a_server_that_takes_no_letter_is_asked_again_a_few_times_and_who_has_one_gets_no_other(sqlite_world, box):
    parts, now = at_work(sqlite_world, box), sqlite_world.now
    box.to_rcpt = lambda address: "451 later" if address == BOXES["auditor"] else ""
    assert sealing.tell(parts, REWOUND, now) == 2
    assert sealing.tell(parts, REWOUND, now + sealing.AGAIN - SECOND) == 0
    assert box.asked.count(BOXES["auditor"]) == 1
    for tried in range(1, 9):
        sealing.tell(parts, REWOUND, now + tried * sealing.AGAIN)
    assert box.asked.count(BOXES["auditor"]) == sealing.TRIES
    assert sorted(box.recipients) == sorted(set(TOLD) - {BOXES["auditor"]})


def test_a_letter_that_is_tried_again_is_the_same_letter(sqlite_world, box):
    parts = at_work(sqlite_world, box)
    parts = replace(parts, role_mail={Role.IMD: BOXES["imd"]})
    box.keeps_silent = lambda _: True
    parts = replace(parts, mailer=type(parts.mailer)(box.url, SENDER, 0.2))
    for tried in range(2):
        assert sealing.tell(parts, REWOUND, sqlite_world.now + tried * sealing.AGAIN) == 0
    first, second = box.letters(BOXES["imd"])
    assert first["Message-ID"] == second["Message-ID"]
    assert first.get_content() == second.get_content()


def test_another_seal_and_one_that_stands_for_a_week_are_told_anew(sqlite_world, box):
    parts, now = at_work(sqlite_world, box), sqlite_world.now
    told = [
        sealing.tell(parts, REWOUND, now),
        sealing.tell(parts, REWOUND, now + sealing.ANEW_AFTER - SECOND),
        sealing.tell(parts, REWOUND, now + sealing.ANEW_AFTER),
        sealing.tell(parts, VaultSealed("history_rewritten", signed=9), now + sealing.ANEW_AFTER),
    ]
    assert told == [3, 0, 3, 3]
    sqlite_world.customer()
    log.settle(parts, now)
    assert sealing.tell(parts, VaultSealed("history_rewritten", signed=9), now + sealing.ANEW_AFTER) == 3
    assert len({letter["Message-ID"] for _, letter in box.got}) == 12


@pytest.mark.parametrize("reason", ["restore_unfinished", "schema_not_current", "no_vault_here"])
def test_a_seal_that_somebody_is_just_working_on_is_not_told(sqlite_world, box, reason):
    assert sealing.tell(at_work(sqlite_world, box), VaultSealed(reason), sqlite_world.now) == 0
    assert box.connections == 0


@pytest.mark.parametrize("content", [b"", b"[]", b'{"seal": 1}', b"\xff"])
def test_a_note_of_who_was_told_that_cannot_be_read_keeps_nobody_from_being_told(sqlite_world, box, content):
    parts = at_work(sqlite_world, box)
    (parts.log_files.folder / "sealed.json").write_bytes(content)
    assert sealing.tell(parts, REWOUND, sqlite_world.now) == 3


def test_where_nobody_remembers_what_was_signed_it_is_told_all_the_same(sqlite_world, box):
    parts = at_work(sqlite_world, box)
    (parts.log_files.folder / "signer.json").write_text("gone")
    ran = jobs.run_due(parts, sqlite_world.now, jobs.TIMETABLE[:2])
    assert {one.reason for one in ran} == {"signer_memory_unreadable"}
    assert sorted(box.recipients) == TOLD


def test_without_mail_or_a_place_to_note_it_nothing_is_raised(sqlite_world, tmp_path, box):
    assert sealing.tell(sqlite_world.parts, REWOUND, sqlite_world.now) == 0
    assert sealing.tell(with_mail(sqlite_world.parts, box), REWOUND, sqlite_world.now) == 0
    nowhere = tmp_path / "file"
    nowhere.write_text("")
    parts = replace(at_work(sqlite_world, box), log_files=LogFiles(nowhere))
    assert sealing.tell(parts, REWOUND, sqlite_world.now) == 0
    assert log_seal.read(tmp_path) is None


def test_what_was_told_is_kept_to_the_microsecond(tmp_path):
    told = log_seal.SealTold("x", datetime(2026, 1, 1, 1, 2, 3, 4, UTC), 2, datetime(2026, 1, 2, tzinfo=UTC), ("imd",))
    log_seal.keep(tmp_path, told)
    assert log_seal.read(tmp_path) == told
