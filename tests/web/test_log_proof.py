"""One entry of the access log, seen in full and taken home with its proof, through the front door."""

import json
import zipfile
from datetime import UTC, datetime
from io import BytesIO
from types import SimpleNamespace

import pytest
from flask import g

from tests.web.conftest import ADMIN, AGENT, AUDITOR, HOST, INSPECTOR, POOL_NAME, POOL_PHONE, SUPERVISOR
from tests.web.test_pages import form, send
from vault.domain.ids import Role
from vault.domain.log import FACTS
from vault.verify_log import judge_proof
from vault.web.pages.log_facts import facts_in_words
from vault.word_tables import NAMES

ABSENT = "0" * 32


@pytest.fixture
def entry(front, found):
    """The id of the newest look-up's event."""
    return front.api("GET", "/events?action=record.lookup&limit=1", AUDITOR).json["events"][0]["event"]["id"]


def judged(front, answer):
    assert (answer.status_code, answer.mimetype) == (200, "application/zip")
    with zipfile.ZipFile(BytesIO(answer.data)) as zipped:
        event, proof = sorted(zipped.namelist())
        assert proof == event.replace(".json", ".tlog-proof")
        content, text = zipped.read(event), zipped.read(proof).decode()
    return content, judge_proof(content, text, front.parts.log_files.pin.read_text().strip())


def test_the_list_leads_to_the_whole_of_each_entry(front, entry):
    browser = front.browser(AUDITOR)
    page = browser.get("/log?action=record.lookup", base_url=HOST)
    assert f'href="/log/events/{entry}"' in page.text
    shown = browser.get(f"/log/events/{entry}", base_url=HOST)
    assert shown.status_code == 200
    assert "no-store" in shown.headers["Cache-Control"]
    purpose = front.parts.policy.purposes["query"].zh
    for told in (AGENT, "record.lookup", purpose, "127.0.0.1", front.config.node, front.parts.policy.digest, entry):
        assert told in shown.text
    assert POOL_PHONE not in shown.text
    assert POOL_NAME not in shown.text


def test_facts_and_records_of_an_entry_are_shown(front, entry):
    page = front.browser(AUDITOR).get(f"/log/events/{entry}", base_url=HOST)
    body = json.loads(judged(front, front.api("GET", f"/events/{entry}/proof", AUDITOR))[0])
    assert body["facts"] == {"identifier": "phone"}
    assert '<th scope="row">号码类型</th><td>电话号码 <span class="muted">phone</span></td>' in page.text
    assert body["records"][0]["id"][:8] in page.text


def test_the_pair_comes_as_a_file_and_holds(front, entry):
    browser = front.browser(AUDITOR)
    page = browser.get(f"/log/events/{entry}", base_url=HOST)
    answer = send(browser, form(page, f"/log/events/{entry}/proof"))
    content, judgement = judged(front, answer)
    assert (judgement.status, json.loads(content)["id"]) == (0, entry)
    name = f"log-entry-{judgement.index}.zip"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    assert "no-store" in answer.headers["Cache-Control"]
    last = front.api("GET", "/events?action=log.export&limit=1", AUDITOR).json["events"][0]["event"]
    assert (last["actor"], last["facts"]["mode"], last["facts"]["count"]) == (AUDITOR, "proof", 1)


def test_a_form_without_its_token_takes_nothing(front, entry):
    answer = front.browser(AUDITOR).post(f"/log/events/{entry}/proof", base_url=HOST)
    assert answer.status_code == 400


def test_programs_get_the_pair_too(front, entry):
    assert judged(front, front.api("GET", f"/events/{entry}/proof", AUDITOR))[1].status == 0


@pytest.mark.parametrize("who", [AGENT, SUPERVISOR, INSPECTOR, ADMIN])
def test_nobody_without_the_right_sees_or_takes_an_entry_and_each_try_is_logged(front, entry, who):
    before = front.events()
    assert front.browser(who).get(f"/log/events/{entry}", base_url=HOST).status_code == 403
    assert front.api("GET", f"/events/{entry}/proof", who).status_code == 403
    assert front.events() >= before + 2


def test_an_entry_that_is_not_there_is_not_found(front):
    assert front.browser(AUDITOR).get(f"/log/events/{ABSENT}", base_url=HOST).status_code == 404
    answer = front.api("GET", f"/events/{ABSENT}/proof", AUDITOR)
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")


@pytest.mark.parametrize("name", ["17", "x" * 32, "0" * 31, "A" * 32, "..%2f" + "0" * 27])
def test_other_addresses_are_none(front, name):
    assert front.browser(AUDITOR).get(f"/log/events/{name}", base_url=HOST).status_code == 404
    assert front.api("GET", f"/events/{name}/proof", AUDITOR).status_code == 404


def test_an_auditor_who_did_not_confirm_lately_sees_the_entry_and_is_led_back_to_it(lone_front):
    front = lone_front
    token = front.token(AUDITOR)
    headers = {"Authorization": f"Bearer {token}"}
    listed = front.client().get("/api/v1/events?limit=1", headers=headers, base_url=HOST)
    entry = listed.json["events"][0]["event"]["id"]
    browser = front.browser(AUDITOR)
    page = browser.get(f"/log/events/{entry}", base_url=HOST)
    with front.parts.database.write() as connection:
        connection.exec_driver_sql("UPDATE sessions SET proved_at = proved_at - 3600000000")
        connection.commit()
    assert browser.get(f"/log/events/{entry}", base_url=HOST).status_code == 200
    refused = send(browser, form(page, f"/log/events/{entry}/proof"))
    assert refused.status_code == 403
    assert f"/confirm?back=%2Flog%2Fevents%2F{entry}" in refused.text
    answer = front.client().get(f"/api/v1/events/{entry}/proof", headers=headers, base_url=HOST)
    assert (answer.status_code, answer.json["code"]) == (403, "step_up_needed")
    front.proved_at[AUDITOR] = datetime.min.replace(tzinfo=UTC)


def test_the_description_names_the_file_and_its_entry(front):
    described = front.client().get("/api/v1/openapi.json", base_url=HOST).json["paths"]["/events/{event}/proof"]["get"]
    assert described["responses"]["200"]["content"] == {"application/zip": {}}
    assert [one["name"] for one in described["parameters"]] == ["event"]
    assert "404" in described["responses"]


# -- facts in words ------------------------------------------------------------------------------------------------


def told(front, who, **body):
    """Return the facts of an event as somebody of a role is shown them."""
    with front.app.test_request_context("/log", headers={"Cookie": "language=en"}):
        g.person = SimpleNamespace(role=Role(who))
        return {one.label: one for one in facts_in_words(body)}


def test_every_fact_that_an_event_may_carry_has_a_name():
    assert set(NAMES["fact"]) == FACTS


def test_ids_lead_to_pages_for_those_who_may_follow_and_to_nowhere_for_others(front):
    ids = {"plan": "a" * 32, "certificate": "b" * 32, "hold": "c" * 32, "box": "d" * 32, "request": "e" * 32}
    event = {"action": "destruction.certified", "facts": ids | {"account": AGENT}}
    seen = {label: one.place for label, one in told(front, "auditor", **event).items()}
    assert seen == {
        "Plan": f"/retention/plans/{'a' * 32}",
        "Certificate": f"/retention/certificates/{'b' * 32}",
        "Legal hold": "/retention/holds",
        "Box of papers": "/retention/paper",
        "Request": "",
        "Account": f"/log?person={AGENT}",
    }
    assert {one.place for one in told(front, "agent", **event).values()} == {"", f"/log?person={AGENT}"}


@pytest.mark.parametrize(
    ("action", "facts", "text"),
    [
        ("hold.placed", {"reason": "dispute"}, "Dispute over a claim or complaint"),
        ("hold.released", {"reason": "settled"}, "The matter is settled"),
        ("log.gap_accepted", {"reason": "lost_disk"}, "a disk was lost"),
        ("record.kept", {"reason": "hold"}, "under legal hold"),
        ("destruction.certified", {"kind": "erased"}, "erased from the engine"),
        ("people.role_changed", {"account_role": "imd"}, "Information management"),
        ("record.destroyed", {"record_class": "shipment"}, "Shipment"),
    ],
)
def test_words_of_lists_are_said_and_the_word_itself_stands_beside(front, action, facts, text):
    (one,) = told(front, "auditor", action=action, facts=facts).values()
    assert (one.text, one.raw) == (text, next(iter(facts.values())))


@pytest.mark.parametrize("value", [7, "", "no such word", "<b>", "x" * 32])
def test_what_no_list_knows_stands_as_it_is_and_leads_nowhere(front, value):
    for name in ("plan", "reason", "kind", "account_role", "a_later_fact"):
        (one,) = told(front, "auditor", action="hold.placed", facts={name: value}).values()
        assert (one.text, one.raw, one.place) == (str(value), "", "")
