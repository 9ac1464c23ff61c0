"""A database that went back in time, from the sealed vault to the auditors who learn what was lost.

Restored and promoted copies on both engines, and ``kill -9`` at every write of accepting the loss.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from tests.bundles import Bundle, kinds
from tests.conftest import ENGINES
from tests.faults import survives
from tests.flows.test_kill import Fuse, copies
from tests.rewinding import OldCopy, accepted, happen, inspected, work
from tests.simulator import World
from tests.worlds import copied, gone
from vault import bootstrap, jobs
from vault.domain.log_exports import log_question
from vault.domain.log_gaps import GapReason
from vault.errors import NotFound, VaultSealed
from vault.services import log, log_export, log_gaps, sessions
from vault.verify_log import judge_bundle
from vault.web.app import create_app

AGENT, AUDITOR = "KF2001", "KF2014"


def exported(world, folder, name, since="2020-01-01", **options):
    """Export the log as the auditor, and return the path of the bundle and its checkpoint."""
    zone = world.parts.policy.zone
    question = log_question(since, "2040-01-01", zone, table=False, **options)
    made = log_export.export(world.parts, world.person(AUDITOR), question, lambda _, word: word, world.now)
    bundle = Bundle.read(b"".join(made.pieces))
    return bundle.written(folder / f"{name}.zip"), bundle.files["checkpoint"].decode()


def test_from_the_restored_copy_to_the_auditor_who_kept_a_lost_checkpoint(world, tmp_path):
    row = world.customer(owner=AGENT)
    world.activate(AGENT)
    work(world, 2)
    _, before = exported(world, tmp_path, "before")
    work(world, 2)
    signed_in = world.sign_in(AGENT)
    assert sessions.person_of(world.parts, signed_in.token, "203.0.113.9", world.now)
    world.settle()
    copy = OldCopy(world, tmp_path)

    work(world, 4)
    _, lost = exported(world, tmp_path, "lost")
    late = world.customer(owner=AGENT)
    work(world, 2)
    outside = world.parts.log_files.checkpoint.read_text("utf-8")
    copy.put_back()

    # Sealed: nobody works, and judging names the rollback.
    with pytest.raises(VaultSealed) as sealed, bootstrap.open_vault(world.config):
        pass
    assert sealed.value.reason == "database_rewound"
    with inspected(world) as parts:
        assert {one.kind for one in log.verify(parts).report.findings} == {"rolled_back"}
        assert parts.log_files.checkpoint.read_text("utf-8") == outside

    loss = accepted(world)
    world.restart()

    # Open again: work goes on, what was entered since is gone, and whoever was signed in is not.
    assert world.look_up(AGENT, row["phone"]).cards
    assert not world.look_up(AGENT, late["phone"]).cards
    assert sessions.person_of(world.parts, signed_in.token, "203.0.113.9", world.now) is None
    work(world, 3)
    assert world.verify().holds

    # The auditor: from before the copy all is well, with the gap told; what was lost is named, and why.
    pin = world.parts.log_files.pin.read_text("utf-8").strip()
    for name, options in (("range", {}), ("selection", {"actors": [AUDITOR]})):
        path, _ = exported(world, tmp_path, name, **options)
        told = judge_bundle(path, pin, before)
        assert (told.status, told.findings) == (0, ())
        ((kept, size),) = [(one.kept[0], one.lost[0]) for one in told.gaps]
        assert (kept, size) == (loss.kept.size, loss.lost.size)
        for gone_checkpoint in (lost, outside):
            told = judge_bundle(path, pin, gone_checkpoint)
            assert (told.status, kinds(told)) == (1, {"gap"})
            assert told.findings[0].index == loss.kept.size
            assert "a backup was restored" in told.findings[0].words
        told = judge_bundle(path, pin, world.parts.log_files.checkpoint.read_text("utf-8"))
        assert (told.status, told.findings) == (0, ())


def test_a_later_export_reaches_the_checkpoints_of_the_new_history_and_is_judged_by_them(world, tmp_path):
    work(world, 2)
    copy = OldCopy(world, tmp_path)
    work(world, 9)
    copy.put_back()
    loss = accepted(world, GapReason.PROMOTED_STANDBY)
    world.restart()
    work(world, 2)
    pin = world.parts.log_files.pin.read_text("utf-8").strip()
    _, new = exported(world, tmp_path, "one")  # its size lies within the gap
    assert loss.kept.size < int(new.split("\n")[1]) < loss.lost.size
    work(world, 12)
    for options in ({}, {"actors": [AUDITOR]}):
        path, _ = exported(world, tmp_path, "two", **options)
        told = judge_bundle(path, pin, new)
        assert (told.status, told.findings) == (0, ())


def test_a_running_server_is_sealed_at_once_and_goes_on_when_the_loss_is_accepted(world, tmp_path, monkeypatch):
    row = world.customer(owner=AGENT)
    world.activate(AGENT)
    work(world, 2)
    copy = OldCopy(world, tmp_path)
    work(world, 2)
    client = create_app(world.parts, world.config).test_client()
    for name, module in list(sys.modules.items()):
        if name.startswith("vault.web.") and hasattr(module, "now"):
            monkeypatch.setattr(module, "now", lambda: world.now)
    host = "http://127.0.0.1:8321"

    def look_up():
        token = {"Authorization": f"Bearer {world.sign_in(AGENT).token}"}
        asked = {"number": row["phone"], "purpose": "query"}
        return client.post("/api/v1/lookups", base_url=host, headers=token, json=asked)

    assert look_up().status_code == 200
    signed_in = world.sign_in(AGENT)
    copy.take_over()

    token = {"Authorization": f"Bearer {signed_in.token}"}
    told = [client.post("/api/v1/lookups", base_url=host, headers=token).status_code for _ in range(3)]
    assert told == [503, 503, 503]  # PostgreSQL's old connections are broken first
    sign_in = {"work_number": AGENT, "password": "not-that-one"}
    refused = client.post("/api/v1/sessions", base_url=host, json=sign_in)
    assert (refused.status_code, refused.json["code"]) == (503, "vault_sealed")
    ready = client.get("/readyz", base_url=host)
    assert (ready.status_code, ready.json["reason"]) == (503, "database_rewound")
    assert client.get("/healthz", base_url=host).status_code == 200
    assert {(one.outcome, one.reason) for one in jobs.run_due(world.parts, world.now)} == {
        ("failed", "database_rewound")
    }

    accepted(world)
    assert look_up().status_code == 200


# -- kill -9 -------------------------------------------------------------------------------------------------------


def accept_and_sign(config, now):
    """Do what the command does, on a vault that may be accepted already or wholly done."""
    operator = bootstrap.operator(config)
    with bootstrap.open_vault(config, to_inspect=True) as parts:
        try:
            loss = log_gaps.examine(parts, operator, now)
        except NotFound:
            return
        log_gaps.accept(parts, operator, loss, GapReason.RESTORED_BACKUP, now)
        log.settle(parts, now)


def killed_at(fatal, config, now):
    """Run it in a child that kills itself at its n-th write; return whether it got to the end."""

    def act():
        Fuse(fatal).arm()
        accept_and_sign(config, now)

    return survives(act)


def stands(config):
    """Return whether a vault is sealed because its database went back in time."""
    try:
        with bootstrap.open_vault(config):
            return False
    except VaultSealed as sealed:
        return sealed.reason == "database_rewound"


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("engine", ENGINES)
def test_accepting_killed_at_any_write_leaves_it_sealed_or_accepted_and_a_second_run_ends_it(
    engine, templates, tmp_path
):
    share = tmp_path / "share"
    share.mkdir()
    model = copied(templates(engine), tmp_path / "model")
    work(model, 2)
    happen(model, 3)
    copy = OldCopy(model, tmp_path)
    lost = work(model, 5)
    copy.put_back()
    seen = set()
    for number, made, place in copies(model, tmp_path):
        config = replace(made, checkpoint_copy_dir=share)
        ended = killed_at(number, config, model.now)
        seen.add(stands(config))
        accept_and_sign(config, model.now)
        assert not stands(config)
        again = World(config, place, model.now)
        assert again.count("log_gaps") == 1
        assert len(again.events("log.gap_accepted", "done")) == 1
        assert again.rows("SELECT count(*) FROM accounts WHERE invite_hash IS NOT NULL") == [(0,)]
        work(again, 1)
        verdict = again.verify()
        assert verdict.holds, verdict.report.findings
        assert [one.lost[0] for one in verdict.report.gaps] == [lost]
        assert len(again.parts.log_files.gaps()) == 1
        again.close()
        (history,) = share.glob("checkpoints-*")
        assert "/gap/v1" in history.read_text("utf-8")
        history.unlink()
        if ended:
            break
    else:
        raise AssertionError("it never came to its end")
    assert number > 10
    assert seen == {True, False}
    gone(model)
