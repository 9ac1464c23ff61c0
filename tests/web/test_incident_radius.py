"""The page and the API of an incident's blast radius: counts, fields and random ids, and never what they hold."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.web.conftest import ADMIN, AGENT, AUDITOR, HOST, IMD, INSPECTOR, POOL_NAME, POOL_PHONE, SUPERVISOR, Front
from vault.domain.breach.incidents import AwareSource, IncidentKind
from vault.services.breach import drills, incidents
from vault.services.sessions import person_of
from vault.services.steps.breach.incidents import Opening
from vault.web.api import incident_radius as shapes

ABSENT = "0" * 32


@pytest.fixture(scope="module")
def front(lone_front: Front) -> Front:
    """A vault of its own, where an agent has looked the pool customer up and revealed their phone."""
    found = lone_front.api("POST", "/lookups", json={"number": POOL_PHONE, "purpose": "query"}).json
    lone_front.verify_caller(found)
    record = f"/cases/{found['case']}/records/{found['records'][0]['id']}/reveals"
    assert lone_front.api("POST", record, json={"field": "phone"}).status_code == 200
    return lone_front


@pytest.fixture(scope="module")
def customer(front: Front) -> str:
    found = front.api("POST", "/lookups", json={"number": POOL_PHONE, "purpose": "query"}).json
    return str(found["records"][0]["id"])


def person(front: Front, who: str) -> Any:
    return person_of(front.parts, front.token(who), "127.0.0.1", datetime.now(UTC))


def opened(front: Front) -> str:
    opening = Opening(IncidentKind.LEAK, AwareSource.REPORT)
    return incidents.open_one(front.parts, person(front, AGENT), opening, datetime.now(UTC)).hex()


def get(front: Front, path: str, who: str = IMD) -> Any:
    return front.browser(who).get(path, base_url=HOST)


def send(front: Front, path: str, who: str = IMD, **values: str) -> Any:
    browser = front.browser(who)
    token = re.search(r'name="csrf_token" value="([^"]+)"', browser.get("/incidents/report", base_url=HOST).text)
    assert token
    return browser.post(path, data={"csrf_token": token[1], **values}, base_url=HOST)


def call(front: Front, incident: str, who: str = IMD, **body: Any) -> Any:
    return front.api("POST", f"/incidents/{incident}/radius", who, json=body)


# -- the page ----------------------------------------------------------------------------------------------------------


def test_an_officer_draws_it_on_the_page_and_sees_counts_and_ids_but_nobodys_data(front, customer):
    incident = opened(front)
    page = send(front, f"/incidents/{incident}/radius", person=AGENT, do="draw")
    assert page.status_code == 200
    assert customer[:8] in page.text
    assert "移送公安机关" in page.text
    assert "尚未固定" in page.text
    for secret in (POOL_PHONE, POOL_NAME, POOL_PHONE[-4:]):
        assert secret not in page.text
    assert "已固定的证据" not in get(front, f"/incidents/{incident}/radius").text


def test_what_is_frozen_is_shown_with_digest_and_checkpoint_and_can_be_taken_home(front, customer):
    incident = opened(front)
    done = send(front, f"/incidents/{incident}/radius", person=AGENT, do="freeze")
    assert (done.status_code, done.headers["Location"]) == (303, f"/incidents/{incident}/radius?done=frozen")
    page = get(front, done.headers["Location"], SUPERVISOR)
    table = re.search(rf'action="(/incidents/{incident}/radius/[0-9a-f]{{32}}/table)"', page.text)
    assert table
    assert customer[:8] in page.text
    taken = send(front, table[1], AUDITOR)
    assert taken.headers["Content-Disposition"].startswith('attachment; filename="radius-')
    assert taken.mimetype == "text/csv"
    assert "no-store" in taken.headers["Cache-Control"]
    rows = list(csv.DictReader(io.StringIO(taken.data.decode("utf-8-sig"))))
    assert [row["record"].lstrip("'") for row in rows] == [customer]
    assert "customer.phone" in rows[0]["clear"].split()
    other = opened(front)
    assert send(front, table[1].replace(incident, other), AUDITOR).status_code == 404


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({}, "请指明影响范围的依据"),
        ({"everything": "on", "person": AGENT}, "不能同时使用"),
        ({"person": "KF0000"}, "KF0000"),
        ({"records": "13800138000"}, "records"),
        ({"since": "2026-13-01T00:00"}, "since"),
        ({"since": "0001-01-01T00:00"}, "since"),
        ({"cohort": "x"}, "cohort"),
        ({"drill": "on"}, "演练"),
    ],
)
def test_what_cannot_be_asked_for_is_said_beside_its_field(front, typed, said):
    page = send(front, f"/incidents/{opened(front)}/radius", do="draw", **typed)
    assert page.status_code == 400
    assert said in page.text
    assert 'class="error"' in page.text


@pytest.mark.parametrize(
    ("who", "view", "draw"),
    [(IMD, 200, 200), (SUPERVISOR, 200, 403), (AUDITOR, 200, 403), (AGENT, 403, 403), (INSPECTOR, 403, 403),
     (ADMIN, 403, 403)],
)  # fmt: skip
def test_who_reads_incidents_sees_it_and_officers_alone_draw_it(front, who, view, draw):
    incident = opened(front)
    assert get(front, f"/incidents/{incident}/radius", who).status_code == view
    assert send(front, f"/incidents/{incident}/radius", who, everything="on", do="draw").status_code == draw
    assert front.api("GET", f"/incidents/{incident}/radius", who).status_code == view
    assert call(front, incident, who, everything=True).status_code == draw


def test_an_incident_that_is_not_there_has_no_radius(front):
    assert get(front, f"/incidents/{ABSENT}/radius").status_code == 404
    assert send(front, f"/incidents/{ABSENT}/radius", everything="on", do="freeze").status_code == 404
    assert call(front, ABSENT, everything=True).status_code == 404
    incident = opened(front)
    assert get(front, f"/incidents/{incident}/radius?of={ABSENT}").status_code == 404
    assert get(front, f"/incidents/{incident}/radius?of=x").status_code == 400


# -- for programs ------------------------------------------------------------------------------------------------------


def test_a_program_draws_freezes_and_reads_it_in_the_described_shapes(front, customer):
    incident = opened(front)
    drawn = call(front, incident, person=AGENT)
    shapes.RadiusAnswer.model_validate_json(drawn.text)
    assert drawn.json["frozen"] is None
    assert (drawn.json["customers"], drawn.json["clear"], drawn.json["scope"]) == (1, 1, {"person": AGENT})
    assert drawn.json["lines"][0]["record"] == customer
    assert {one["kind"] for one in drawn.json["by_kind"]} == {
        "whereabouts", "communication", "identity", "transaction", "other",
    }  # fmt: skip
    frozen = call(front, incident, person=AGENT, freeze=True).json
    reach = front.api("GET", f"/incidents/{incident}/radius", SUPERVISOR)
    shapes.ReachAnswer.model_validate_json(reach.text)
    assert reach.json["radius"] == frozen["frozen"]["radius"]
    assert reach.json["radii"][0]["digest"] == frozen["frozen"]["digest"]
    assert reach.json["lines"] == frozen["lines"]
    assert reach.json["after"] is None
    path = f"/incidents/{incident}/radius/{frozen['frozen']['radius']}/table"
    assert front.api("POST", path, SUPERVISOR).data.startswith(b"\xef\xbb\xbfrecord,")


def test_lines_come_page_by_page(front):
    incident = opened(front)
    whole = call(front, incident, everything=True, freeze=True).json
    assert whole["possible"]
    assert whole["customers"] > 1
    found, after = [], ""
    while True:
        page = front.api("GET", f"/incidents/{incident}/radius?limit=1{after}", IMD).json
        found += page["lines"]
        if page["after"] is None:
            break
        after = f"&after={page['after']}"
    assert found == whole["lines"]
    assert front.api("GET", f"/incidents/{incident}/radius?limit=0", IMD).json["lines"] == []


def test_a_body_that_cannot_be_is_refused_without_its_values(front):
    incident = opened(front)
    for body in ({"person": 1}, {"records": ["13800138000"]}, {"since": "yesterday"}, {"unknown": True}, {}):
        answer = call(front, incident, **body)
        assert answer.status_code == 400, body
        assert "13800138000" not in answer.text
    now = datetime.now(UTC)
    spans = {"since": now.isoformat(), "until": (now - timedelta(seconds=1)).isoformat()}
    assert call(front, incident, **spans).json["reason"] == "span_empty"
    for name, at in (("since", "0001-01-01T00:00:00+08:00"), ("until", "9999-12-31T23:59:59-08:00")):
        refused = call(front, incident, **{name: at})
        assert (refused.status_code, refused.json["reason"]) == (400, "impossible_date")
    assert call(front, incident, everything=True, until="9999-12-31T23:59:59Z").status_code == 200


def test_a_drill_offers_its_made_up_customers(front):
    drill = drills.begin(front.parts, person(front, IMD), IncidentKind.LEAK, datetime.now(UTC)).hex()
    assert "演练的虚构客户" in get(front, f"/incidents/{drill}/radius").text
    assert call(front, drill, person=AGENT).json["reason"] == "scope_of_drill"
    made = call(front, drill, drill=True, freeze=True).json
    assert made["customers"] == made["clear"] > 0
