"""Access in an emergency, on the pages and for programs."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.web.conftest import (
    ABSENT_PHONE,
    ADMIN,
    AGENT,
    AUDITOR,
    HOST,
    IMD,
    OTHER_AGENT,
    OWNED_PHONE,
    SUPERVISOR,
    Front,
)
from tests.web.officers import add_officer
from vault.web.api import break_glass as shapes

OFFICER = "KF2012"


@pytest.fixture(scope="module")
def front(lone_front: Front, tmp_path_factory: pytest.TempPathFactory) -> Front:
    """A vault of its own, with the privacy officer."""
    add_officer(lone_front, OFFICER, tmp_path_factory.mktemp("staff"))
    return lone_front


def call(front: Front, method: str, path: str, who: str, **body: Any) -> Any:
    return front.api(method, f"/break-glass{path}", who, **({"json": body} if body else {}))


def asked(front: Front, number: str = OWNED_PHONE, **changes: Any) -> Any:
    case = front.api("POST", "/lookups", json={"number": number, "purpose": "delivery"}).json["case"]
    body = {
        "case": case,
        "number": number,
        "profile": "owner_unreachable",
        "reason": "customer_in_need",
        "owner_contact": "attempted",
        "owner_called_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%MZ"),
    }
    return call(front, "POST", "", AGENT, **(body | changes))


def approved(front: Front, number: str = OWNED_PHONE) -> str:
    place = f"/{asked(front, number).json['break_glass']}"
    for who, state in ((SUPERVISOR, "asked"), (IMD, "approved")):
        answer = call(front, "POST", f"{place}/votes", who, approve=True, reason="emergency_confirmed")
        assert answer.json == {"state": state}
    return place


def second(front: Front, who: str = OTHER_AGENT) -> dict[str, str]:
    return {"work_number": who, "password": front.passwords[who], "code": front.code(who)}


def send(browser: Any, page: str, action: str, **values: str) -> Any:
    """Send a form of a page as a browser would."""
    text = browser.get(page, base_url=HOST).text
    assert f'action="{action}"' in text
    token = re.search(r'name="csrf_token" value="([^"]+)"', text)
    assert token
    return browser.post(action, data={"csrf_token": token[1], **values}, base_url=HOST)


# -- for programs ------------------------------------------------------------------------------------------------


def test_a_request_is_asked_approved_opened_ended_and_reviewed(front: Front) -> None:
    answer = asked(front)
    assert answer.status_code == 201
    place = f"/{answer.json['break_glass']}"
    for who in (SUPERVISOR, IMD):
        waiting = call(front, "GET", "", who).json["to_approve"]
        assert [one["break_glass"] for one in waiting if one["state"] == "asked"]
        call(front, "POST", f"{place}/votes", who, approve=True, reason="emergency_confirmed")
    opened = call(front, "POST", f"{place}/opening", AGENT, **second(front)).json
    seen = call(front, "GET", place, AGENT)
    shapes.EmergencyDetail.model_validate_json(seen.text)
    detail = seen.json
    assert detail["records"] == [opened["record"]]
    assert (detail["second_person"], detail["may_end"], detail["may_open"]) == (OTHER_AGENT, True, False)
    case = detail["request"]["case"]
    record = f"/cases/{case}/records/{opened['record']}"
    assert front.api("POST", f"{record}/reveals", json={"field": "phone"}).json["value"] == OWNED_PHONE
    assert call(front, "POST", f"{place}/end", AGENT).status_code == 204
    assert front.api("GET", record).status_code == 404
    listed = call(front, "GET", "", OFFICER)
    shapes.Emergencies.model_validate_json(listed.text)
    assert place[1:] in [one["break_glass"] for one in listed.json["to_review"]]
    assert call(front, "POST", f"{place}/review", OFFICER, finding="justified").status_code == 204
    assert call(front, "GET", place, AGENT).json["finding"] == "justified"


def test_a_number_of_nobody_is_opened_to_nothing(front: Front) -> None:
    place = approved(front, ABSENT_PHONE)
    assert call(front, "POST", f"{place}/opening", AGENT, **second(front)).json == {"record": None}
    call(front, "POST", f"{place}/review", OFFICER, finding="justified")


def test_each_step_is_for_its_own_people(front: Front) -> None:
    place = approved(front)
    for who, status in ((OTHER_AGENT, 404), (AUDITOR, 404), (ADMIN, 404), (SUPERVISOR, 200), (OFFICER, 200)):
        assert call(front, "GET", place, who).status_code == status
    assert call(front, "GET", "", AUDITOR).status_code == 403
    assert call(front, "POST", f"{place}/opening", SUPERVISOR, **second(front)).status_code == 404
    assert call(front, "POST", f"{place}/opening", IMD, **second(front)).status_code == 403
    assert call(front, "POST", f"{place}/end", OTHER_AGENT).status_code == 404
    vote = {"approve": True, "reason": "emergency_confirmed"}
    assert call(front, "POST", f"{place}/votes", AGENT, **vote).status_code == 403
    assert call(front, "POST", f"{place}/votes", OFFICER, **vote).status_code == 409
    assert call(front, "POST", f"{place}/review", SUPERVISOR, finding="justified").status_code == 403
    assert call(front, "POST", f"{place}/review", OFFICER, finding="justified").status_code == 404
    call(front, "POST", f"{place}/end", AGENT)


def test_the_second_person_is_refused_in_one_way_and_nothing_typed_comes_back(front: Front) -> None:
    place = approved(front)
    for wrong in ({"work_number": "KF0000"}, {"password": "not the password"}, {"work_number": "' OR 1=1"}):
        answer = call(front, "POST", f"{place}/opening", AGENT, **(second(front) | wrong))
        assert (answer.status_code, answer.json["reason"]) == (403, "second_person_refused")
        assert not [one for one in wrong.values() if one in answer.text]
    call(front, "POST", f"{place}/end", AGENT)


def test_votes_and_reviews_need_a_fresh_sign_in(front: Front, set_clock: Any) -> None:
    place = f"/{asked(front, ABSENT_PHONE).json['break_glass']}"
    token = front.token(SUPERVISOR)
    set_clock(datetime.now(UTC) + timedelta(minutes=25))
    answer = front.api(
        "POST",
        f"/break-glass{place}/votes",
        None,
        json={"approve": True, "reason": "emergency_confirmed"},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert (answer.status_code, answer.json["code"]) == (403, "step_up_needed")


# -- the pages ---------------------------------------------------------------------------------------------------


def test_an_agent_comes_from_an_empty_answer_to_the_form_with_the_number_in_it(front: Front) -> None:
    agent = front.browser(AGENT)
    values = {"number": OWNED_PHONE, "purpose": "delivery"}
    page = send(agent, "/lookup", "/lookup", **values)
    form = re.search(r'action="/break-glass/form">(.*?)</form>', page.text, re.DOTALL)
    assert form
    hidden = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form[1]))
    filled = agent.post("/break-glass/form", data=hidden, base_url=HOST)
    assert f'value="{OWNED_PHONE}"' in filled.text
    assert f'value="{hidden["case"]}" selected' in filled.text
    assert OWNED_PHONE not in (filled.location or "")


def test_the_pages_lead_through_the_whole_way(front: Front) -> None:
    agent, case = (
        front.browser(AGENT),
        front.api("POST", "/lookups", json={"number": OWNED_PHONE, "purpose": "delivery"}).json["case"],
    )
    told = {
        "case": case,
        "number": OWNED_PHONE,
        "profile": "owner_unreachable",
        "reason": "owner_absent",
        "owner_contact": "no",
        "owner_called_at": "2026-01-01T08:00",
    }
    wrong = send(agent, "/break-glass", "/break-glass", **told)
    assert wrong.status_code == 400
    assert "没有致电归属客服" in wrong.text
    done = send(agent, "/break-glass", "/break-glass", **(told | {"owner_called_at": ""}))
    assert done.status_code == 303
    place = done.location
    assert place.startswith("/break-glass/")
    assert "待审批" in agent.get(place, base_url=HOST).text
    for who in (SUPERVISOR, IMD):
        browser = front.browser(who)
        assert place in browser.get("/break-glass", base_url=HOST).text
        voted = send(browser, place, f"{place}/votes", reason="emergency_confirmed")
        assert "您的表决已登记" in browser.get(voted.location, base_url=HOST).text
    refused = send(agent, place, f"{place}/opening", **(second(front) | {"password": "not the password"}))
    assert refused.status_code == 403
    assert "第二人未通过验证" in refused.text
    assert "not the password" not in refused.text
    opened = send(agent, place, f"{place}/opening", **second(front))
    page = agent.get(opened.location, base_url=HOST).text
    record = re.search(rf'href="(/cases/{case}/records/[0-9a-f]{{32}})"', page)
    assert record
    assert "data-until=" in page
    assert agent.get(record[1], base_url=HOST).status_code == 200
    owner = front.browser(OTHER_AGENT)
    assert owner.get(place, base_url=HOST).status_code == 200  # told of it
    assert OWNED_PHONE not in owner.get(place, base_url=HOST).text
    send(agent, place, f"{place}/end")
    officer = front.browser(OFFICER)
    reviewed = send(officer, place, f"{place}/review", finding="avoidable")
    assert "复核已完成" in officer.get(reviewed.location, base_url=HOST).text


def test_a_page_without_a_part_in_it_is_refused(front: Front) -> None:
    assert front.browser(AUDITOR).get("/break-glass", base_url=HOST).status_code == 403
    assert front.browser(AUDITOR).get(f"/break-glass/{'0' * 32}", base_url=HOST).status_code == 404
    assert front.browser(OFFICER).get("/break-glass", base_url=HOST).status_code == 200
