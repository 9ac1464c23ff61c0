"""Exporting the log of a real vault, and what the single-file verifier says of it."""

import csv
import io
import json
import threading
import tracemalloc
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from tests.bundles import Bundle, tree_of
from tests.rewinding import OldCopy, accepted, work
from tests.simulator import NOW, customer_row
from vault import bootstrap, verify_log
from vault.domain.log_exports import log_question
from vault.domain.log_tree import leaf_hash
from vault.domain.rules.access import Right
from vault.errors import AccessRefused, InvalidValue, StepUpNeeded
from vault.services import log_export
from vault.services.steps import log_tables
from vault.storage import log_exports, policy_texts
from vault.verify_log import judge_bundle

AGENT, OTHER, AUDITOR = "KF2001", "KF2002", "KF2014"
LATER = NOW + timedelta(hours=1)
LATER_STILL = timedelta(days=999)
FIRST = "SELECT canonical FROM log_events WHERE leaf_index = 0"


def plain(_group, word):
    return word


def asked(world, since=NOW - timedelta(days=999), until=LATER, *, table=False, **options):
    return log_question(since.isoformat(), until.isoformat(), world.parts.policy.zone, table=table, **options)


def exported(world, question, who=None):
    bundle = log_export.export(world.parts, who or world.person(AUDITOR), question, plain, world.now)
    return Bundle.read(b"".join(bundle.pieces))


def judged(world, bundle, tmp_path, since=None):
    path = bundle.written(tmp_path / "bundle.zip")
    return judge_bundle(path, world.parts.log_files.pin.read_text().strip(), since)


def worked(world, count, agent=AGENT):
    for _ in range(count):
        world.now += timedelta(minutes=1)
        world.look_up(agent, "13999999999")


@pytest.fixture
def busy(world):
    """A world in which two agents looked things up, one after the other."""
    worked(world, 5)
    worked(world, 4, OTHER)
    return world


# -- what a bundle holds -------------------------------------------------------------------------------------------


def test_a_range_holds_every_event_of_its_time_and_the_nearest_on_each_side(busy, tmp_path):
    since, until = NOW + timedelta(minutes=2), NOW + timedelta(minutes=7)
    bundle = exported(busy, asked(busy, since, until))
    times = [json.loads(one.event)["at"] for one in bundle.lines]
    inside = [at for at in times if since.isoformat()[:19] <= at < until.isoformat()[:19]]
    assert [at[11:16] for at in inside] == ["03:02", "03:03", "03:04", "03:05", "03:06"]
    assert bundle.json("manifest.json")["events"] == len(inside)
    assert (times[0] < inside[0], times[-1][11:16]) == (True, "03:07")
    leaves = [one.leaf for one in bundle.lines]
    assert leaves == list(range(leaves[0], leaves[-1] + 1))
    assert judged(busy, bundle, tmp_path).status == 0


def test_from_is_inclusive_and_to_exclusive_to_the_microsecond(busy):
    at, one = NOW + timedelta(minutes=3), timedelta(microseconds=1)
    for since, until, events in ((at, at + one, 1), (at + one, at + 2 * one, 0), (at - one, at, 0)):
        preview = log_export.preview(busy.parts, busy.person(AUDITOR), asked(busy, since, until), busy.now)
        assert preview.events == events


def test_a_time_in_the_future_reaches_to_the_end_of_the_log(busy, tmp_path):
    bundle = exported(busy, asked(busy, NOW + timedelta(days=9999), NOW + timedelta(days=10_000)))
    assert bundle.json("manifest.json")["events"] == 0
    assert bundle.lines[-1].leaf == bundle.json("manifest.json")["size"] - 1
    assert judged(busy, bundle, tmp_path).status == 0


def test_a_time_before_the_log_reaches_to_its_beginning(busy, tmp_path):
    bundle = exported(busy, asked(busy, NOW - timedelta(days=9), NOW - timedelta(days=8)))
    assert [one.leaf for one in bundle.lines] == [0]
    assert judged(busy, bundle, tmp_path).status == 0


def test_a_range_from_the_first_event_has_nothing_on_its_left(busy, tmp_path):
    first = datetime.fromisoformat(json.loads(bytes(busy.rows(FIRST)[0][0]))["at"])
    for since in (first - timedelta(days=1), first):
        bundle = exported(busy, asked(busy, since, NOW + timedelta(minutes=3)))
        told = bundle.json("range.json")
        assert (told["start"], told["left"], told["right"] != []) == (0, [], True)
        assert [one.leaf for one in bundle.lines] == list(range(told["stop"]))
        assert judged(busy, bundle, tmp_path).status == 0
    later = exported(busy, asked(busy, first + timedelta(microseconds=1), NOW + timedelta(minutes=3)))
    assert later.json("manifest.json")["events"] < bundle.json("manifest.json")["events"]


def test_a_range_into_the_future_ends_with_the_entry_that_the_checkpoint_signs_last(busy, tmp_path):
    bundle = exported(busy, asked(busy, NOW + timedelta(minutes=7), NOW + timedelta(days=9999)))
    size = bundle.json("manifest.json")["size"]
    told = bundle.json("range.json")
    assert (told["stop"], told["right"], told["left"] != []) == (size, [], True)
    assert bundle.lines[-1].leaf == size - 1
    assert int(bundle.files["checkpoint"].split(b"\n")[1]) == size
    assert {"03:07", "03:08", "03:09"} <= {json.loads(one.event)["at"][11:16] for one in bundle.lines}
    assert judged(busy, bundle, tmp_path).status == 0


@pytest.mark.parametrize("table", [False, True])
def test_a_time_in_which_nothing_happened_is_proven_by_the_entries_beside_it(busy, tmp_path, table):
    since, until = NOW + timedelta(minutes=3, microseconds=1), NOW + timedelta(minutes=4)
    bundle = exported(busy, asked(busy, since, until, table=table))
    assert bundle.json("manifest.json")["events"] == 0
    before, after = bundle.lines
    assert (json.loads(before.event)["at"][11:16], json.loads(after.event)["at"][11:16]) == ("03:03", "03:04")
    assert after.leaf == before.leaf + 1
    if table:
        assert len(bundle.files["events.csv"].splitlines()) == 1  # the names of the columns
    assert judged(busy, bundle, tmp_path).status == 0
    bundle.lines = bundle.lines[:1]
    assert judged(busy, bundle, tmp_path).status == 1


def test_an_export_of_a_log_that_did_not_grow_stands_beside_the_earlier_one(busy, tmp_path, monkeypatch):
    """Another process is putting events in order: the first export's own event has no place yet."""
    size = busy.settle()
    monkeypatch.setattr(log_export, "settle", lambda parts, now: size)
    one, two = (exported(busy, asked(busy)) for _ in range(2))
    assert one.files["checkpoint"] == two.files["checkpoint"]
    assert (two.json("consistency.json"), two.json("manifest.json")["extends"]) == ([], [])
    assert judged(busy, two, tmp_path, one.files["checkpoint"].decode()).status == 0
    monkeypatch.undo()
    three = exported(busy, asked(busy))
    assert three.json("manifest.json")["extends"] == [size]
    assert judged(busy, three, tmp_path, two.files["checkpoint"].decode()).status == 0
    backwards = judged(busy, two, tmp_path, three.files["checkpoint"].decode())
    assert (backwards.status, [one.kind for one in backwards.findings]) == (1, ["rolled_back"])


def test_ranges_up_to_across_and_behind_an_accepted_gap_hold_and_tell_of_it(world, tmp_path):
    work(world, 4)
    mine = exported(world, asked(world, until=world.now + LATER_STILL)).files["checkpoint"].decode()
    work(world, 1)
    copy = OldCopy(world, tmp_path)
    work(world, 3)
    lost = exported(world, asked(world, until=world.now + LATER_STILL)).files["checkpoint"].decode()
    copy.put_back()
    loss = accepted(world)
    world.restart()
    gap = world.now
    work(world, 12)  # as many as were lost, and more
    before, behind = gap - timedelta(minutes=6), gap + timedelta(seconds=1)
    for since, until in ((NOW, before), (before, gap + LATER_STILL), (behind, gap + LATER_STILL), (NOW, behind)):
        bundle = exported(world, asked(world, since, until))
        told = judged(world, bundle, tmp_path)
        assert (told.status, told.findings) == (0, ())
        assert [(one.kept[0], one.lost[0]) for one in told.gaps] == [(loss.kept.size, loss.lost.size)]
        assert [kind for kind in verify_log.report(told) if "declared gap" in kind]
        assert judged(world, bundle, tmp_path, mine).status == 0
        gone = judged(world, bundle, tmp_path, lost)
        assert (gone.status, {one.kind for one in gone.findings}) == (1, {"gap"})


def test_a_selection_holds_only_the_events_asked_for_and_proves_each(busy, tmp_path):
    bundle = exported(busy, asked(busy, actors=[OTHER], actions=["record.lookup"]))
    assert {json.loads(one.event)["actor"] for one in bundle.lines} == {OTHER}
    assert len(bundle.lines) == bundle.json("manifest.json")["events"] == 4
    assert "range.json" not in bundle.files
    judgement = judged(busy, bundle, tmp_path)
    assert (judgement.status, judgement.claims.kind) == (0, "selection")


def test_a_bundle_holds_the_rules_in_force_by_their_digest(busy):
    bundle = exported(busy, asked(busy))
    digest = busy.parts.policy.digest
    for file in sorted(busy.config.policies_dir.glob("*.toml")):
        assert bundle.files[f"policies/{digest}/{file.name}"] == file.read_bytes()
    assert bundle.json("manifest.json")["policies_not_kept"] == []


def test_a_bundle_holds_nothing_of_a_customer(world):
    row = customer_row()
    world.customers(row)
    answer = world.look_up(AGENT, row["phone"])
    world.verify_caller(AGENT, answer.case_id, answer.cards[0].record_id)
    world.reveal(AGENT, answer.case_id, answer.cards[0].record_id, "phone")
    whole = b"".join(exported(world, asked(world, table=True)).files.values()).decode()
    assert not [name for name in ("name", "phone", "id_number", "sender_address") if row[name] in whole]


def test_every_proof_comes_back_to_every_earlier_export_of_this_auditor(busy, tmp_path):
    kept = []
    for _ in range(3):
        worked(busy, 2)
        kept.append(exported(busy, asked(busy)).files["checkpoint"].decode())
    exported(busy, asked(busy), bootstrap.operator(busy.config))  # somebody else's does not count
    bundle = exported(busy, asked(busy, NOW, NOW + timedelta(minutes=1)))
    sizes = [int(note.split("\n")[1]) for note in kept]
    assert [one["size"] for one in bundle.json("consistency.json")] == sizes[::-1]
    for note in kept:
        assert judged(busy, bundle, tmp_path, note).status == 0


def test_the_proofs_are_those_of_the_tree_over_all_leaves(busy):
    bundle = exported(busy, asked(busy, actors=[OTHER]))
    size = bundle.json("manifest.json")["size"]
    rows = busy.rows("SELECT canonical FROM log_events WHERE leaf_index < :size ORDER BY leaf_index", size=size)
    root, _ = tree_of([leaf_hash(bytes(one)) for (one,) in rows])
    assert log_export._base64([root]) == [bundle.json("manifest.json")["root"]]


def test_events_that_wait_for_a_place_are_told(world, monkeypatch, tmp_path):
    monkeypatch.setattr(log_export, "settle", lambda parts, now: world_size)
    world_size = world.settle()
    worked(world, 3)
    bundle = exported(world, asked(world))
    manifest = bundle.json("manifest.json")
    assert (manifest["waiting"], manifest["waiting_since"]) == (3, "2026-11-20T03:01:00.000000Z")
    assert judged(world, bundle, tmp_path).status == 0


# -- the table -----------------------------------------------------------------------------------------------------


def test_the_table_reads_as_it_is_in_a_spreadsheet(busy):
    bundle = exported(busy, asked(busy, table=True))
    raw = bundle.files["events.csv"]
    assert raw.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline="")))
    assert len(rows) == bundle.json("manifest.json")["events"]
    last = rows[-1]
    assert (last["actor"], last["action"], last["local_time"]) == (OTHER, "record.lookup", "2026-11-20 11:09:00")
    columns = list(csv.reader(io.StringIO(bundle.files["columns.csv"].decode("utf-8-sig"), newline="")))
    assert [one[0] for one in columns[1:]] == list(last)
    assert all(chinese and english for _, chinese, english in columns)


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'x", "＝1", "＋1", "－1", "＠1", "123456789012", "12e34", "007"],
)
def test_a_cell_that_a_spreadsheet_would_run_or_rewrite_is_text(text):
    shown = log_tables.cell(text)
    assert shown.startswith("'")
    assert shown.removeprefix("'") == text.replace("\t", " ").replace("\r", " ")


@pytest.mark.parametrize("text", ["KF2001", "record.lookup", "203.0.113.9", "a=1;b=2", "", "2026-11-20 11:09:00"])
def test_other_cells_stay_as_they_are(text):
    assert log_tables.cell(text) == text


def test_a_cell_is_one_line():
    assert log_tables.cell("a\r\nb\x00c") == "a  b c"


# -- who may, and that it is logged --------------------------------------------------------------------------------


def test_an_export_is_an_event_before_its_first_byte_and_is_remembered(busy):
    size = busy.settle()
    question = asked(busy, actors=[AGENT])
    bundle = log_export.export(busy.parts, busy.person(AUDITOR), question, plain, busy.now)
    (event,) = busy.events("log.export")
    assert (event["actor"], event["outcome"]) == (AUDITOR, "granted")
    assert event["facts"] == {"count": 5, "size": size, "mode": "selection"}
    ((who, at_size, told),) = busy.rows("SELECT exported_by, size, question FROM log_exports")
    assert (who, at_size, json.loads(told)["actors"]) == (AUDITOR, size, [AGENT])
    b"".join(bundle.pieces)
    assert len(busy.events("log.export")) == 1


def test_a_preview_counts_and_leaves_nothing_but_an_event(busy):
    before = busy.count("log_checkpoints")
    preview = log_export.preview(busy.parts, busy.person(AUDITOR), asked(busy, actors=[OTHER]), busy.now)
    assert (preview.events, preview.extends) == (4, None)
    assert busy.events("log.view")[-1]["facts"] == {"count": 4}
    assert (busy.count("log_exports"), busy.count("log_checkpoints")) == (0, before)


@pytest.mark.parametrize("work_number", [AGENT, "KF2009", "KF2011", "KF2012", "ADMIN01"])
def test_nobody_without_the_right_exports_or_counts_and_that_is_logged(sqlite_world, work_number):
    world = sqlite_world
    person = world.person(work_number)
    assert not world.parts.policy.allows(person.role, Right.LOG_READ)
    for call in (
        lambda: log_export.preview(world.parts, person, asked(world), world.now),
        lambda: log_export.export(world.parts, person, asked(world), plain, world.now),
    ):
        with pytest.raises(AccessRefused) as refused:
            call()
        assert refused.value.reason == "no_right"
    events = world.events("log.export")
    assert [(one["outcome"], one["rule"]) for one in events] == [("refused", "no_right")] * 2
    assert world.count("log_exports") == 0


def test_an_auditor_who_did_not_confirm_lately_exports_nothing(sqlite_world):
    world = sqlite_world
    person = world.person(AUDITOR)
    minutes = world.parts.policy.sessions.second_factor.step_up_minutes
    log_export.export(world.parts, person, asked(world), plain, NOW + timedelta(minutes=minutes))
    with pytest.raises(StepUpNeeded):
        log_export.export(world.parts, person, asked(world), plain, NOW + timedelta(minutes=minutes, seconds=1))
    assert world.count("log_exports") == 1


def test_a_name_that_is_nobody_s_is_refused_and_kept_nowhere(sqlite_world):
    for call in (log_export.preview, lambda *given: log_export.export(*given[:3], plain, given[3])):
        with pytest.raises(InvalidValue) as refused:
            call(sqlite_world.parts, sqlite_world.person(AUDITOR), asked(sqlite_world, actors=["13912345678"]), NOW)
        assert refused.value.reason == "nobody_of_that_name"
    assert sqlite_world.count("log_exports") == 0
    assert "13912345678" not in json.dumps(sqlite_world.events())


def test_somebody_who_did_nothing_yet_gives_an_empty_selection(sqlite_world, tmp_path):
    bundle = exported(sqlite_world, asked(sqlite_world, actors=["KF2005"]))
    assert bundle.lines == []
    assert judged(sqlite_world, bundle, tmp_path).status == 0


# -- many at once, and much ----------------------------------------------------------------------------------------


def test_exports_hold_while_the_log_grows_under_them(busy, tmp_path):
    stop = threading.Event()

    def work():
        person = busy.person(AGENT)
        while not stop.is_set():
            busy.parts.log_writer.write(
                busy.parts.event(busy.now, person.actor(), log_export.Action.LOG_VIEW, log_export.Outcome.GRANTED)
            )
            busy.settle()

    worker = threading.Thread(target=work)
    worker.start()
    try:
        for number in range(4):
            options = {"actors": [AGENT]} if number % 2 else {}
            assert judged(busy, exported(busy, asked(busy, table=True, **options)), tmp_path).status == 0
    finally:
        stop.set()
        worker.join()


def test_a_slow_receiver_holds_no_connection(sqlite_world):
    bundle = log_export.export(sqlite_world.parts, sqlite_world.person(AUDITOR), asked(sqlite_world), plain, NOW)
    next(bundle.pieces)
    assert sqlite_world.parts.database.engine.pool.checkedout() == 0
    assert sqlite_world.look_up(AGENT, "13999999999").cards == ()


@pytest.mark.slow
def test_memory_stays_flat_while_a_bundle_is_made(sqlite_world):
    def peak(count):
        actor = sqlite_world.person(AGENT).actor()
        event = log_export.Action.LOG_VIEW, log_export.Outcome.GRANTED
        with log_export.unit_of_work(sqlite_world.parts.database) as work:
            work.announce(*(sqlite_world.parts.event(NOW, actor, *event) for _ in range(count)))
            work.commit()
        sqlite_world.settle()
        bundle = log_export.export(
            sqlite_world.parts, sqlite_world.person(AUDITOR), asked(sqlite_world, table=True), plain, NOW
        )
        tracemalloc.start()
        for _ in bundle.pieces:
            pass
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert bundle.done == bundle.total
        return top

    assert peak(6000) < 1.5 * peak(3000)


# -- the policy's text ---------------------------------------------------------------------------------------------


def test_a_policy_is_kept_once_for_each_digest_however_often_a_vault_opens(world):
    for _ in range(2):
        world.restart()
    (event,) = world.events("policy.loaded")
    assert event["policy"] == world.parts.policy.digest
    with world.parts.database.read() as connection:
        assert set(policy_texts.texts(connection, event["policy"])) == {
            one.stem for one in world.config.policies_dir.glob("*.toml")
        }
        assert policy_texts.texts(connection, "0" * 64) == {}


def test_two_processes_that_meet_a_new_policy_keep_it_once(world):
    from vault.services.steps.policy_keeping import keep_policy  # noqa: PLC0415 - only here

    world.tamper("DELETE FROM policy_texts")
    barrier, errors = threading.Barrier(4), []

    def keep():
        barrier.wait()
        try:
            keep_policy(world.parts, world.config.policies_dir, bootstrap.operator(world.config), NOW)
        except Exception as error:  # noqa: BLE001 - told below
            errors.append(error)

    threads = [threading.Thread(target=keep) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert errors == []
    assert len(world.events("policy.loaded")) == 2  # one from before the texts were taken away


# -- the question --------------------------------------------------------------------------------------------------


def test_a_day_begins_at_midnight_of_the_company(sqlite_world):
    zone = sqlite_world.parts.policy.zone
    question = log_question("2026-11-01", "2026-12-01", zone, table=False)
    assert question.since == datetime(2026, 10, 31, 16, tzinfo=UTC)
    assert question.until == datetime(2026, 11, 30, 16, tzinfo=UTC)
    typed = log_question(" 2026-11-01T08:00:00.5+08:00 ", "2026-11-01t00:00:01z", zone, table=False)
    assert typed.since == datetime(2026, 11, 1, 0, 0, 0, 500_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("since", "until", "reason"),
    [
        ("2026-11-01", "2026-11-01", "span_empty"),
        ("2026-11-01", "2026-10-31T16:00:00Z", "span_empty"),
        ("2026-11-01T08:00:00.000001Z", "2026-11-01T16:00:00.000001+08:00", "span_empty"),
        ("2026-11-02", "2026-11-01", "span_empty"),
        ("2026-02-30", "2026-11-01", "impossible_date"),
        ("0001-01-01", "2026-11-01", "impossible_date"),
        ("2026-11-01T08:00:00", "2026-12-01", "no_time_zone"),
        ("2026-11-01T25:00:00Z", "2026-12-01", "impossible_date"),
        ("yesterday", "2026-12-01", "wrong_form"),
        ("", "2026-12-01", "wrong_form"),
        ("20261101", "2026-12-01", "wrong_form"),
        ("2026-11-01", "2026-12-01T00:00:00+99:99", "impossible_date"),
        ("１２３４-11-01", "2026-12-01", "wrong_form"),
    ],
)
def test_times_that_cannot_be_meant_are_refused(sqlite_world, since, until, reason):
    with pytest.raises(InvalidValue) as refused:
        log_question(since, until, sqlite_world.parts.policy.zone, table=False)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"actors": ["KF 2001"]}, "wrong_form"),
        ({"actors": ["x" * 65]}, "wrong_form"),
        ({"actions": ["x"]}, "not_on_list"),
    ],
)
def test_people_and_actions_that_cannot_be_meant_are_refused(sqlite_world, options, reason):
    with pytest.raises(InvalidValue) as refused:
        asked(sqlite_world, **options)
    assert refused.value.reason == reason


def test_checkpoints_of_a_long_range_are_thinned_evenly(sqlite_world):
    from vault.storage import log  # noqa: PLC0415 - only here

    with sqlite_world.parts.database.write() as connection:
        for size in range(1000, 2000):
            log.add_checkpoint(connection, size, f"note {size}", NOW)
        connection.commit()
    with sqlite_world.parts.database.read() as connection:
        some = [int(note[5:]) for note in log_exports.notes_between(connection, 999, 2000, 10)]
        assert len(log_exports.notes_between(connection, 1000, 1006, 10)) == 5
    assert 5 <= len(some) <= 10
    assert max(b - a for a, b in pairwise(some)) <= 200
