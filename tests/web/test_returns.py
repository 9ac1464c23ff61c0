"""Coming back after a reset: the page of who waits, the page and the routes of those who confirm."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.web.conftest import ADMIN, AGENT, AUDITOR, HOST, OTHER_AGENT, SUPERVISOR, Front
from vault.domain.ids import new_id
from vault.domain.returns import ResetKind
from vault.storage import notifications, people, resets
from vault.storage.resets import Reset

CONFIRM = f"/returns/{AGENT}/confirm"


def account_id(front: Front, who: str) -> bytes:
    with front.parts.database.read() as connection:
        found = people.by_work_number(connection, who)
    assert found is not None
    return found.account_id


@pytest.fixture
def reset(front: Front) -> Iterator[Reset]:
    """The agent was reset by the administrator, and is back; afterwards nothing of it is left."""
    made = Reset(new_id(), account_id(front, AGENT), ResetKind.PASSWORD, account_id(front, ADMIN), datetime.now(UTC))
    with front.parts.database.write() as connection:
        resets.add(connection, made)
        connection.commit()
    front.tokens.pop(AGENT, None)
    yield made
    with front.parts.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM account_resets")
        connection.exec_driver_sql("DELETE FROM notifications WHERE kind LIKE 'return_%'")
        connection.commit()


def send(browser: Any, page: str, action: str) -> Any:
    text = browser.get(page, base_url=HOST).text
    token = re.search(r'name="csrf_token" value="([^"]+)"', text)
    assert token
    return browser.post(action, data={"csrf_token": token[1]}, base_url=HOST)


def test_who_waits_is_led_to_a_page_that_says_so_and_shows_nothing_of_the_inside(front: Front, reset: Reset) -> None:
    del reset
    browser = front.browser(AGENT)
    for page in ("/", "/lookup", "/inbox", "/sessions", "/password"):
        assert browser.get(page, base_url=HOST).location == "/coming-back", page
    page = browser.get("/coming-back", base_url=HOST)
    assert page.status_code == 200
    assert "watermark" not in page.text
    assert 'href="/lookup"' not in page.text
    told = front.api("GET", "/cases")
    assert (told.status_code, told.json["reason"]) == (403, "must_be_confirmed")


def test_who_does_not_wait_is_led_on(front: Front) -> None:
    assert front.browser(OTHER_AGENT).get("/coming-back", base_url=HOST).location == "/"


def test_the_supervisor_confirms_on_the_page_and_the_agent_goes_on_where_they_are(front: Front, reset: Reset) -> None:
    agent, supervisor = front.browser(AGENT), front.browser(SUPERVISOR)
    assert agent.get("/", base_url=HOST).location == "/coming-back"
    assert 'href="/returns"' in supervisor.get("/inbox", base_url=HOST).text
    assert 'href="/returns"' in supervisor.get("/board", base_url=HOST).text
    page = supervisor.get("/returns", base_url=HOST)
    assert f'action="{CONFIRM}"' in page.text
    assert ADMIN in page.text  # who did it
    done = send(supervisor, "/returns", CONFIRM)
    assert (done.status_code, done.location) == (303, "/returns?done=confirmed")
    assert agent.get("/lookup", base_url=HOST).status_code == 200
    again = send(supervisor, "/returns", CONFIRM)
    assert again.status_code == 400
    assert 'role="alert"' in again.text
    with front.parts.database.read() as connection:
        (told,) = [
            one
            for one in notifications.listed(connection, reset.account_id, 50)
            if one.kind.value == "return_confirmed"
        ]
    assert told.about == reset.reset_id


def test_a_program_lists_and_confirms(front: Front, reset: Reset) -> None:
    found = front.api("GET", "/returns", SUPERVISOR).json
    assert found["waiting"] == [
        {"work_number": AGENT, "since": reset.reset_at.isoformat(), "is_back": True, "mine": True}
    ]
    assert [(one["work_number"], one["kind"], one["by"]) for one in found["resets"]] == [(AGENT, "password", ADMIN)]
    assert not front.api("GET", "/returns", ADMIN).json["waiting"][0]["mine"]
    own = front.api("POST", f"/accounts/{AGENT}/return-confirmation", ADMIN)
    assert (own.status_code, own.json["reason"]) == (403, "own_reset")
    assert front.api("POST", f"/accounts/{AGENT}/return-confirmation", SUPERVISOR).status_code == 204
    assert front.api("GET", "/cases").status_code == 200
    assert front.api("GET", "/returns", SUPERVISOR).json["waiting"] == []
    again = front.api("POST", f"/accounts/{AGENT}/return-confirmation", SUPERVISOR)
    assert (again.status_code, again.json["reason"]) == (400, "act_not_possible")


def test_nobody_else_sees_or_confirms_a_return_and_not_there_is_the_same_answer(front: Front, reset: Reset) -> None:
    del reset
    answers = set()
    for who, number in ((OTHER_AGENT, AGENT), (AUDITOR, AGENT), (SUPERVISOR, "KF0000"), (SUPERVISOR, SUPERVISOR)):
        refused = front.api("POST", f"/accounts/{number}/return-confirmation", who)
        answers.add((refused.status_code, refused.text))
    ((status, said),) = answers
    assert status == 404
    assert AGENT not in said
    for who in (OTHER_AGENT, AUDITOR):
        assert front.api("GET", "/returns", who).status_code == 403
        assert front.browser(who).get("/returns", base_url=HOST).status_code == 403


def test_confirming_asks_for_a_fresh_proof(front: Front, reset: Reset, set_clock: Any) -> None:
    del reset
    token = front.token(SUPERVISOR)
    set_clock(datetime.now(UTC) + timedelta(minutes=10))
    browser = front.browser(SUPERVISOR)
    assert 'href="/confirm?back=%2Freturns"' in browser.get("/returns", base_url=HOST).text
    refused = front.client().post(
        f"/api/v1/accounts/{AGENT}/return-confirmation", headers={"Authorization": f"Bearer {token}"}, base_url=HOST
    )
    assert (refused.status_code, refused.json["code"]) == (403, "step_up_needed")
    assert send(browser, "/returns", CONFIRM).status_code == 403
