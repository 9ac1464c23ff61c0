"""Quotas and limits at the front door, and lifting one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.web.conftest import ADMIN, AGENT, AUDITOR, HOST, OTHER_AGENT, POOL_PHONE, SUPERVISOR, WAYBILL, Front
from vault.domain.limits import SignalKind
from vault.domain.rules.access import Quota
from vault.storage import people, signals
from vault.web.app import create_app


@pytest.fixture
def raised(front: Front) -> str:
    """An alarm about the agent's reading."""
    with front.parts.database.write() as connection:
        account = people.by_work_number(connection, AGENT)
        assert account is not None
        signal_id = signals.add(connection, account.account_id, SignalKind.ALARMED, 51, datetime.now(UTC))
        connection.commit()
    return signal_id.hex()


def released(front: Front, signal: str) -> bool:
    with front.parts.database.read() as connection:
        found = signals.one(connection, bytes.fromhex(signal))
    return found is not None and found.released_at is not None


def test_a_supervisor_lifts_a_limit_by_the_api_once(front: Front, raised: str) -> None:
    assert front.api("POST", f"/signals/{raised}/release", SUPERVISOR).status_code == 204
    assert released(front, raised)
    again = front.api("POST", f"/signals/{raised}/release", SUPERVISOR)
    unknown = front.api("POST", f"/signals/{'0' * 32}/release", SUPERVISOR)
    assert (again.status_code, again.json) == (unknown.status_code, unknown.json) == (404, again.json)


@pytest.mark.parametrize("who", [AGENT, OTHER_AGENT, AUDITOR, ADMIN])
def test_nobody_else_lifts_one(front: Front, raised: str, who: str) -> None:
    assert front.api("POST", f"/signals/{raised}/release", who).status_code == 403
    assert not released(front, raised)


def test_a_supervisor_lifts_a_limit_on_a_page_and_goes_back(front: Front, raised: str) -> None:
    app = front.with_settings()
    app.config["WTF_CSRF_ENABLED"] = False
    browser = app.test_client()
    with browser.session_transaction(base_url=HOST) as session:
        session["_user_id"], session["_fresh"] = front.token(SUPERVISOR), True
    answer = browser.post(f"/signals/{raised}/release", data={"back": "/cases"}, base_url=HOST)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/cases")
    assert released(front, raised)


def test_a_form_without_its_token_lifts_nothing(front: Front, raised: str) -> None:
    answer = front.browser(SUPERVISOR).post(f"/signals/{raised}/release", base_url=HOST)
    assert answer.status_code == 400
    assert not released(front, raised)


def test_i_see_how_much_i_have_read(front: Front) -> None:
    before = front.api("GET", "/limits").json
    assert front.api("POST", "/lookups", json={"number": POOL_PHONE, "purpose": "query"}).status_code == 200
    after = front.api("GET", "/limits").json
    assert after["lookups_hour"]["used"] == before["lookups_hour"]["used"] + 1
    assert set(after) == {"lookups_hour", "lookups_day", "reveals_hour", "reveals_day", "customers"}
    assert front.api("GET", "/limits", AUDITOR).status_code == 403


def test_a_quota_that_is_used_up_is_told_as_such_and_costs_no_event_of_opening(front: Front) -> None:
    limits = replace(front.parts.policy.limits, quotas={"supervisor": Quota(1, 1, 1, 1)})
    parts = replace(front.parts, policy=replace(front.parts.policy, limits=limits))
    client = create_app(parts, front.config).test_client()

    def look_up(who: str) -> Any:
        headers = {"Authorization": f"Bearer {front.token(who)}"}
        body = {"number": POOL_PHONE, "purpose": "query"}
        return client.post("/api/v1/lookups", json=body, headers=headers, base_url=HOST)

    refused = look_up(AGENT)  # a role without a quota has none to use
    assert (refused.status_code, refused.json["reason"]) == (403, "quota_lookups")
    look_up(SUPERVISOR)
    refused = look_up(SUPERVISOR)
    assert (refused.status_code, refused.json["reason"]) == (403, "quota_lookups")
    assert POOL_PHONE not in refused.text


def test_the_item_of_a_parcel_is_nowhere_on_a_page_before_it_is_revealed(front: Front) -> None:
    found = front.api("POST", "/lookups", json={"number": POOL_PHONE, "purpose": "query"}).json
    browser = front.browser(AGENT)
    page = browser.get(f"/cases/{found['case']}/records/{found['records'][0]['id']}", base_url=HOST)
    assert page.status_code == 200
    assert WAYBILL[-4:] in page.text
    assert "鞋靴" not in page.text
    assert "*** ·" not in page.text
