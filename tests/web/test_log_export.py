"""Taking the access log home through the front door."""

import zipfile
from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest

from tests.bundles import Bundle
from tests.web.conftest import ADMIN, AGENT, AUDITOR, HOST, SUPERVISOR
from vault.verify_log import judge_bundle

WEEK = {"since": "2020-01-01", "until": "2040-01-01"}


def csrf_of(page):
    return page.text.partition('name="csrf_token" value="')[2].partition('"')[0]


@pytest.fixture
def page(front):
    """Send the form as the auditor."""

    def send(**fields):
        browser = front.browser(AUDITOR)
        token = csrf_of(browser.get("/log/export", base_url=HOST))
        return browser.post("/log/export", data={**WEEK, "csrf_token": token, **fields}, base_url=HOST)

    return send


def judged(front, answer, tmp_path):
    (tmp_path / "bundle.zip").write_bytes(answer.data)
    return judge_bundle(tmp_path / "bundle.zip", front.parts.log_files.pin.read_text().strip())


def test_the_page_asks_for_the_last_seven_days_and_today(front):
    page = front.browser(AUDITOR).get("/log/export", base_url=HOST)
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).astimezone(front.parts.policy.zone).date()
    assert f'value="{tomorrow.isoformat()}"' in page.text
    assert f'value="{(tomorrow - timedelta(days=7)).isoformat()}"' in page.text
    assert "no-store" in page.headers["Cache-Control"]


def test_the_log_page_leads_to_the_export(front):
    assert 'href="/log/export"' in front.browser(AUDITOR).get("/log", base_url=HOST).text


def test_counting_first_says_how_much_it_is_and_sends_nothing(front, page):
    answer = page(do="count", actor=ADMIN)
    assert answer.mimetype == "text/html"
    assert "条事件；日志共" in answer.text


def test_the_bundle_comes_as_a_file_and_holds(front, page, tmp_path):
    answer = page(do="export", form="csv")
    assert answer.mimetype == "application/zip"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="access-log-2')
    assert "no-store" in answer.headers["Cache-Control"]
    assert judged(front, answer, tmp_path).status == 0
    table = Bundle.read(answer.data).files["events.csv"].decode()
    assert "登录" in table  # words in the language of the page
    assert front.parts.policy.roles["auditor"].zh in table


def test_a_selection_comes_too(front, page, tmp_path):
    answer = page(do="export", actor=ADMIN, action="people.sign_in")
    judgement = judged(front, answer, tmp_path)
    assert (judgement.status, judgement.claims.kind) == (0, "selection")


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("until", "2020-01-01", "结束必须晚于开始"),
        ("since", "2026-02-30", "请核对年、月、日"),
        ("since", "", ""),
        ("actor", "13912345601", "请核对工号"),
        ("action", "x.y", ""),
    ],
)
def test_what_cannot_be_meant_is_said_beside_the_field(front, page, field, value, words):
    answer = page(do="export", **{field: value})
    assert answer.status_code == 400
    assert words in answer.text


@pytest.mark.parametrize("who", [AGENT, SUPERVISOR, ADMIN])
def test_nobody_without_the_right_gets_anything(front, who):
    browser = front.browser(who)
    assert browser.get("/log/export", base_url=HOST).status_code == 403
    for path in ("/exports", "/exports/preview"):
        assert front.api("POST", path, who, json=WEEK).status_code == 403


def test_an_auditor_who_did_not_confirm_lately_is_asked_to_first(lone_front):
    front = lone_front
    token = front.token(AUDITOR)
    with front.parts.database.write() as connection:
        connection.exec_driver_sql("UPDATE sessions SET proved_at = proved_at - 3600000000")
        connection.commit()
    browser = front.browser(AUDITOR)
    assert browser.get("/log/export", base_url=HOST).headers["Location"].startswith("/confirm?back=")
    headers = {"Authorization": f"Bearer {token}"}
    answer = front.client().post("/api/v1/exports", json=WEEK, headers=headers, base_url=HOST)
    assert (answer.status_code, answer.json["code"]) == (403, "step_up_needed")
    answer = front.client().post("/api/v1/exports/preview", json=WEEK, headers=headers, base_url=HOST)
    assert answer.status_code == 200  # counting needs no fresh proof


def test_programs_count_and_export(front, tmp_path):
    body = {**WEEK, "actors": [ADMIN], "actions": ["people.sign_in"]}
    counted = front.api("POST", "/exports/preview", AUDITOR, json=body)
    assert set(counted.json) == {"events", "size", "extends"}
    answer = front.api("POST", "/exports", AUDITOR, json={**WEEK, "table": True})
    assert (answer.status_code, answer.mimetype) == (200, "application/zip")
    assert judged(front, answer, tmp_path).status == 0
    assert "events.csv" in zipfile.ZipFile(BytesIO(answer.data)).namelist()


@pytest.mark.parametrize(
    "body", [{}, {**WEEK, "x": 1}, {**WEEK, "actors": ["a"] * 51}, {**WEEK, "actors": "a"}, {**WEEK, "since": 7}]
)
def test_other_bodies_are_refused(front, body):
    assert front.api("POST", "/exports", AUDITOR, json=body).status_code == 400


def test_the_description_names_the_file(front):
    described = front.client().get("/api/v1/openapi.json", base_url=HOST).json["paths"]["/exports"]["post"]
    assert described["responses"]["200"]["content"] == {"application/zip": {}}
