"""Retention for programs: the same walks as the pages, with the same refusals and exact shapes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.web.conftest import AGENT, AUDITOR, IMD, Front
from tests.web.retention import COLLEAGUE, NAME, PHONE, SOURCE, Due, add_colleague, add_due
from vault.domain.ids import new_id
from vault.domain.records import to_micros
from vault.services import certificates
from vault.web.api import holds, paper, retention, shapes

BOX = {
    "label": "GL-2024-9", "class": "customer", "outlet": "NJ-GL-01", "custodian": AGENT, "newest_on": "2024-03-01",
}  # fmt: skip
HOLD = {"number": PHONE, "reason": "dispute", "source": SOURCE}


@pytest.fixture(scope="module")
def office(lone_front: Front, tmp_path_factory: pytest.TempPathFactory) -> Front:
    add_colleague(lone_front, tmp_path_factory.mktemp("office"))
    return lone_front


@pytest.fixture
def due(office: Front, tmp_path: Path) -> Due:
    return add_due(office, tmp_path)


def fits(shape: type[shapes.Shape], answer: Any) -> Any:
    assert answer.status_code in {200, 201}, answer.text
    shape.model_validate_json(answer.text)
    return answer.json


def drafted(front: Front) -> dict[str, Any]:
    return dict(fits(retention.DraftAnswer, front.api("POST", "/retention/plans", IMD)))


def proposed(front: Front) -> dict[str, Any]:
    made = drafted(front)
    assert front.api("POST", f"/retention/plans/{made['plan']}/proposal", IMD).status_code == 204
    return made


def approve(front: Front, made: dict[str, Any], who: str = COLLEAGUE) -> Any:
    return front.api("POST", f"/retention/plans/{made['plan']}/approval", who, json={"digest": made["digest"]})


def act(front: Front, made: dict[str, Any], name: str, who: str = IMD) -> Any:
    return front.api("POST", f"/retention/plans/{made['plan']}/{name}", who)


def age(front: Front, made: dict[str, Any]) -> None:
    """Let the time to stop a plan be over."""
    then = datetime.now(UTC) - timedelta(hours=2)
    with front.parts.database.write() as connection:
        connection.execute(
            text("UPDATE destruction_plans SET approved_at = :then, starts_at = :later WHERE plan_id = :plan"),
            {
                "then": to_micros(then),
                "later": to_micros(then + timedelta(hours=1)),
                "plan": bytes.fromhex(made["plan"]),
            },
        )
        connection.commit()


def test_a_plan_goes_through_its_life_and_every_answer_has_its_shape(office: Front, due: Due) -> None:
    made = proposed(office)
    assert sum(made["due"].values()) >= due.total
    fits(retention.HorizonAnswer, office.api("GET", "/retention/horizon", AUDITOR))
    listed = fits(retention.Plans, office.api("GET", "/retention/plans", AUDITOR))
    assert (listed["plans"][0]["plan"], listed["plans"][0]["proposed_by"]) == (made["plan"], IMD)
    seen = fits(retention.PlanAnswer, office.api("GET", f"/retention/plans/{made['plan']}", COLLEAGUE))
    assert (seen["plan"]["digest"], seen["plan"]["state"]) == (made["digest"], "proposed")
    assert seen["records"]["customer"]["due"] == made["due"]["customer"]
    answer = fits(retention.ApprovedAnswer, approve(office, made))
    assert datetime.fromisoformat(answer["starts_at"]) > datetime.now(UTC)
    early = act(office, made, "run")
    assert (early.status_code, early.json["reason"]) == (403, "plan_cools")
    age(office, made)
    far = fits(retention.ProgressAnswer, act(office, made, "run", COLLEAGUE))
    assert (far["state"], far["settled"]) == ("done", far["total"])
    again = fits(retention.ProgressAnswer, office.api("GET", f"/retention/plans/{made['plan']}/progress", AUDITOR))
    assert again["records"]["destroyed"] == far["total"] >= due.total
    certificates.tend(office.parts, datetime.now(UTC))
    assert fits(retention.PlanAnswer, office.api("GET", f"/retention/plans/{made['plan']}", IMD))["certificate"]
    late = act(office, made, "run")
    assert (late.status_code, late.json["reason"]) == (403, "plan_done")


def test_one_does_not_approve_ones_own_plan_nor_another_than_one_has_seen(office: Front, due: Due) -> None:
    made = proposed(office)
    own = approve(office, made, IMD)
    assert (own.status_code, own.json["reason"]) == (403, "own_plan")
    other = approve(office, made | {"digest": "0" * 64})
    assert (other.status_code, other.json["field"], other.json["reason"]) == (400, "digest", "digest_differs")
    assert approve(office, made).status_code == 200
    twice = approve(office, made)
    assert (twice.status_code, twice.json["code"]) == (409, "already_decided")
    assert act(office, made, "stop").status_code == 204
    assert act(office, made, "stop").status_code == 409
    assert due.total


def test_every_act_on_a_plan_that_is_not_there_is_404(office: Front) -> None:
    nowhere = {"plan": new_id().hex(), "digest": "0" * 64}
    for name in ("proposal", "stop", "run", "pause", "resume", "giving-up", "sample"):
        assert act(office, nowhere, name).status_code == 404, name
    assert approve(office, nowhere).status_code == 404
    for path in ("", "/progress"):
        assert office.api("GET", f"/retention/plans/{nowhere['plan']}{path}", IMD).status_code == 404


def test_an_act_out_of_its_order_is_409_and_says_why(office: Front, due: Due) -> None:
    made = drafted(office)
    for name, reason in (("pause", "plan_not_running"), ("resume", "plan_not_paused"), ("giving-up", "nothing_failed")):
        answer = act(office, made, name)
        assert answer.status_code == 409, name
        assert answer.json["reason"] in {reason, "plan_moved_on", "already_decided"}
    refused = act(office, made, "run")
    assert (refused.status_code, refused.json["reason"]) == (403, "plan_not_approved")
    assert due.total


def test_a_sample_is_masked_for_officers_and_empty_for_auditors(office: Front, due: Due) -> None:
    made = drafted(office)
    sample = fits(retention.SampleAnswer, act(office, made, "sample"))
    assert {card["class"] for card in sample["records"]} == {"customer", "shipment", "service_record"}
    answer = act(office, made, "sample").text
    assert "欧阳*" in answer
    assert NAME not in answer
    assert PHONE not in answer
    assert fits(retention.SampleAnswer, act(office, made, "sample", AUDITOR)) == {"records": []}
    assert due.total


def test_signing_needs_a_password_given_a_moment_ago(office: Front, due: Due) -> None:
    made = proposed(office)
    long_ago = to_micros(datetime.now(UTC) - timedelta(hours=1))
    assert office.token(COLLEAGUE)
    with office.parts.database.write() as connection:
        connection.execute(text("UPDATE sessions SET proved_at = :long_ago"), {"long_ago": long_ago})
        connection.commit()
    try:
        for answer in (approve(office, made), act(office, made, "stop"), act(office, made, "giving-up")):
            assert (answer.status_code, answer.json["code"]) == (403, "step_up_needed")
    finally:
        office.tokens.clear()
    assert due.total


def test_holds_are_placed_listed_reviewed_and_released(office: Front, due: Due) -> None:
    placed = fits(holds.HoldsPlaced, office.api("POST", "/retention/holds", IMD, json=HOLD))
    assert (placed["class"], len(placed["holds"])) == ("customer", len(set(placed["holds"])))
    listed = fits(holds.Holds, office.api("GET", "/retention/holds?limit=1000", AUDITOR))["holds"]
    mine = {one["hold"]: one for one in listed}
    assert set(placed["holds"]) <= set(mine)
    first = placed["holds"][0]
    assert (mine[first]["source"], mine[first]["placed_by"], mine[first]["overdue"]) == (SOURCE, IMD, False)
    record = {"record": mine[first]["record"], "reason": "litigation", "source": SOURCE}
    fits(holds.HoldsPlaced, office.api("POST", "/retention/holds", COLLEAGUE, json=record))
    day = str(datetime.now(office.parts.policy.zone).date() + timedelta(days=7))
    path = f"/retention/holds/{first}"
    assert office.api("POST", f"{path}/review", IMD, json={"review_on": day}).json == {"review_on": day}
    assert office.api("POST", f"{path}/release", IMD, json={"reason": "settled"}).status_code == 204
    assert office.api("POST", f"{path}/release", IMD, json={"reason": "settled"}).status_code == 404
    assert len(fits(holds.Holds, office.api("GET", "/retention/holds?limit=1", IMD))["holds"]) == 1
    assert due.customers


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (HOLD | {"record": "0" * 32}, 400, "number"),
        ({"reason": "dispute", "source": SOURCE}, 400, "number"),
        (HOLD | {"number": "13900000000"}, 404, None),
        ({"record": "0" * 32, "reason": "dispute", "source": SOURCE}, 404, None),
        (HOLD | {"reason": "because"}, 400, "reason"),
        (HOLD | {"review_on": "2026-02-30"}, 400, "review_on"),
        (HOLD | {"review_on": "2020-01-01"}, 400, "review_on"),
        (HOLD | {"source": "13812345678 的投诉"}, 400, "source"),
    ],
    ids=str,
)
def test_what_a_hold_cannot_be_names_its_field_and_no_value(
    office: Front, body: dict[str, str], status: int, field: str | None
) -> None:
    answer = office.api("POST", "/retention/holds", IMD, json=body)
    assert (answer.status_code, answer.json.get("field")) == (status, field)
    assert "138" not in answer.text
    assert PHONE not in answer.text


@pytest.mark.parametrize("limit", ["0", "1001", "x", "-1"])
def test_a_list_of_holds_has_a_limit(office: Front, limit: str) -> None:
    answer = office.api("GET", f"/retention/holds?limit={limit}", IMD)
    assert (answer.status_code, answer.json["field"]) == (400, "limit")


def test_a_box_is_registered_shredded_and_witnessed(office: Front) -> None:
    made = fits(paper.BoxMade, office.api("POST", "/retention/boxes", IMD, json=BOX))["box"]
    path = f"/retention/boxes/{made}"
    assert office.api("POST", f"{path}/witness", COLLEAGUE).status_code == 409
    assert office.api("POST", f"{path}/shredded", IMD).status_code == 204
    own = office.api("POST", f"{path}/witness", IMD)
    assert (own.status_code, own.json["reason"]) == (403, "own_shredding")
    assert office.api("POST", f"{path}/standing", COLLEAGUE).status_code == 204
    assert office.api("POST", f"{path}/shredded", COLLEAGUE).status_code == 204
    assert office.api("POST", f"{path}/witness", IMD).status_code == 204
    found = fits(paper.Boxes, office.api("GET", "/retention/boxes", AUDITOR))
    (gone,) = [one for one in found["gone"] if one["box"] == made]
    assert (gone["shredded_by"], gone["witnessed_by"], gone["due_on"]) == (COLLEAGUE, IMD, "2026-03-02")
    again = office.api("POST", "/retention/boxes", IMD, json=BOX)
    assert (again.status_code, again.json["field"], again.json["reason"]) == (400, "label", "label_taken")
    for name in ("shredded", "witness", "standing"):
        assert office.api("POST", f"/retention/boxes/{new_id().hex()}/{name}", IMD).status_code == 404


def test_a_box_is_handed_on_to_somebody_who_works_here(office: Front) -> None:
    made = office.api("POST", "/retention/boxes", IMD, json=BOX | {"label": "HAND-API"}).json["box"]
    path = f"/retention/boxes/{made}/custodian"
    nobody = office.api("POST", path, IMD, json={"custodian": "KF0404"})
    assert (nobody.status_code, nobody.json["field"], nobody.json["reason"]) == (400, "custodian", "no_custodian")
    assert office.api("POST", path, COLLEAGUE, json={"custodian": AUDITOR}).status_code == 204
    kept = [one for one in office.api("GET", "/retention/boxes", IMD).json["standing"] if one["box"] == made]
    assert [one["custodian"] for one in kept] == [AUDITOR]
    assert office.api("POST", path, AUDITOR, json={"custodian": IMD}).status_code == 403
    strange = f"/retention/boxes/{new_id().hex()}/custodian"
    assert office.api("POST", strange, IMD, json={"custodian": AUDITOR}).status_code == 404


def test_the_clock_is_confirmed_with_the_date_and_nothing_else(office: Front) -> None:
    with office.parts.database.write() as connection:
        connection.execute(text("DELETE FROM clock_marks"))
        connection.execute(
            text("INSERT INTO clock_marks (singleton, seen_at, jumped_from) VALUES (1, :now, :then)"),
            {"now": to_micros(datetime.now(UTC)), "then": to_micros(datetime.now(UTC) - timedelta(days=40))},
        )
        connection.commit()
    assert fits(retention.ClockAnswer, office.api("GET", "/retention/clock", AUDITOR))["jumped_from"]
    today = datetime.now(office.parts.policy.zone).date()
    wrong = office.api("POST", "/retention/clock", IMD, json={"today": str(today - timedelta(days=1))})
    assert (wrong.status_code, wrong.json["field"]) == (400, "today")
    assert office.api("POST", "/retention/clock", IMD, json={"today": "2026-02-30"}).json["field"] == "today"
    assert office.api("POST", "/retention/clock", IMD, json={"today": str(today)}).status_code == 204
    assert office.api("GET", "/retention/clock", IMD).json == {"jumped_from": None}
    assert office.api("POST", "/retention/clock", IMD, json={"today": str(today)}).status_code == 409


def test_agents_reach_nothing_of_it(office: Front) -> None:
    for path in ("horizon", "plans", "holds", "boxes", "clock"):
        answer = office.api("GET", f"/retention/{path}", AGENT)
        assert (answer.status_code, answer.json["reason"]) == (403, "no_right"), path
