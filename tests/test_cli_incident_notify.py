"""Notices to customers at the terminal: prepared, looked at, released by a second officer, sent, called."""

from __future__ import annotations

import json

import pytest

from tests import breach
from tests.mailbox import SENDER, Mailbox
from tests.test_cli_incident import act, opened, world
from tests.test_cli_retention import as_officer, run
from tests.worlds import sqlite_world, templates

__all__ = ["sqlite_world", "templates", "world"]


@pytest.fixture
def matter(world, tmp_path):
    breach.customers(world, 3)
    incident = opened()["id"]
    radius = breach.frozen(world, bytes.fromhex(incident), breach.ids_of(world)).hex()
    texts = tmp_path / "texts.json"
    texts.write_text(json.dumps(breach.TEXTS), encoding="utf-8")
    return incident, radius, str(texts)


def prepare(world, matter, channel="mail", code=0):
    incident, radius, texts = matter
    words = ("notify", "prepare", incident, "--radius", radius[:6], "--texts", texts, "--channel", channel)
    return act(world, *words, code=code)


def release(world, incident, notice, who=breach.SECOND, code=0):
    words = ("notify", "release", incident, notice["notice"][:8], "--digest", notice["digest"])
    return act(world, *words, who=who, code=code)


def test_two_officers_tell_every_customer_through_a_real_server(world, matter, monkeypatch):
    incident = matter[0]
    with Mailbox() as box:
        monkeypatch.setenv("DATAVAULT_SMTP_URL", box.url)
        monkeypatch.setenv("DATAVAULT_MAIL_FROM", SENDER)
        (notice,) = prepare(world, matter)["notices"]
        assert (notice["state"], notice["customers"]) == ("draft", 3)
        said = act(world, "notify", "preview", incident[:8], notice["notice"][:6], "--sample")
        assert "[notice]" in act(world, "notify", "preview", incident, notice["notice"][:5], code=1)
        assert "致歉" in said["zh"]["body"]
        assert "@" not in said["contact"]
        assert "[own_notice]" in release(world, incident, notice, breach.OFFICER, code=1)
        assert "[notice_digest_differs]" in release(world, incident, notice | {"digest": "0" * 64}, code=1)
        assert release(world, incident, notice)["notices"][0]["state"] == "released"
        done = act(world, "notify", "run", incident)
        assert done["outstanding"] == 0
        assert len(box.got) == 3
        told = run(
            "incident", "notify", "status", incident, "--as", breach.OFFICER, typed=as_officer(world, breach.OFFICER)
        )
        assert "sent: 3" in told.stdout


def test_a_call_is_made_and_ticked_at_the_terminal(world, matter):
    incident = matter[0]
    (notice,) = prepare(world, matter, "call")["notices"]
    release(world, incident, notice)
    short = notice["notice"][:6]
    lines = act(world, "notify", "calls", incident, short)["calls"]
    first = lines[0]["record"]
    words = ("incident", "notify", "number", incident, short, first, "--as", breach.OFFICER)
    shown = run(*words, typed=as_officer(world, breach.OFFICER))
    assert world.values_of(bytes.fromhex(first))["phone", 0] in shown.stdout
    ticked = act(world, "notify", "tick", incident, short, first, "reached")
    assert ticked["state"] == "called"
    assert act(world, "notify", "status", incident)["outstanding"] == 2
    made = act(world, "notify", "file", incident, short, code=1)
    assert "[nobody_to_tell]" in made


def test_letters_are_printed_and_posted_at_the_terminal(world, matter):
    incident = matter[0]
    (notice,) = prepare(world, matter, "letter")["notices"]
    release(world, incident, notice)
    words = ("incident", "notify", "letters", incident, notice["notice"][:6], "--as", breach.OFFICER)
    shown = run(*words, typed=as_officer(world, breach.OFFICER)).stdout
    assert shown.count("\f") == 3
    ids = [one.split()[0] for one in shown.split("\f") if one.strip()]
    assert act(world, "notify", "posted", incident, notice["notice"][:6], *ids) == {"posted": 3}
    assert act(world, "notify", "status", incident)["outstanding"] == 0


def test_texts_that_are_none_are_refused_in_one_line(world, matter, tmp_path):
    bad = tmp_path / "bad.json"
    bad.write_text('{"zh": {}}', encoding="utf-8")
    assert "[wrong_form]" in prepare(world, (matter[0], matter[1], str(bad)), code=1)
