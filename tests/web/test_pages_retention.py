"""The pages of retention: what an officer, their colleague and an auditor see, and what each of them may do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.web.conftest import AGENT, AUDITOR, HOST, IMD, INSPECTOR, Front
from tests.web.retention import COLLEAGUE, NAME, PHONE, SOURCE, Due, add_colleague, add_due
from tests.web.test_gate import csrf_of
from vault.domain.ids import new_id
from vault.domain.notices import NoticeKind
from vault.domain.records import to_micros
from vault.services import certificates
from vault.storage import certificate_waits, notifications, people
from vault.web.pages import plans
from vault.word_tables import NAMES


@pytest.fixture(scope="module")
def office(lone_front: Front, tmp_path_factory: pytest.TempPathFactory) -> Front:
    """A vault with two officers."""
    add_colleague(lone_front, tmp_path_factory.mktemp("office"))
    return lone_front


@pytest.fixture
def due(office: Front, tmp_path: Path) -> Due:
    """Records past their time, beside those that earlier tests left, which no number finds any more."""
    past = "SELECT record_id FROM records WHERE record_class = 'customer' AND activity_at < :then"
    then = to_micros(datetime.now(UTC) - timedelta(days=700))
    change(office, f"DELETE FROM record_index WHERE kind = 'phone' AND record_id IN ({past})", then=then)
    return add_due(office, tmp_path)


def send(front: Front, who: str, path: str, form: str = "", **fields: str) -> Any:
    """Send a form as somebody, with the token of the page it stands on."""
    browser = front.browser(who)
    page = browser.get(form or "/retention", base_url=HOST)
    return browser.post(path, data={"csrf_token": csrf_of(page), **fields}, base_url=HOST)


def get(front: Front, who: str, path: str) -> Any:
    return front.browser(who).get(path, base_url=HOST)


def english(front: Front, who: str, path: str) -> str:
    browser = front.browser(who)
    browser.set_cookie("language", "en", domain="127.0.0.1")
    answer = browser.get(path, base_url=HOST)
    assert answer.status_code == 200
    return str(answer.text)


def drafted(front: Front) -> str:
    """Draft a plan and return its page."""
    answer = send(front, IMD, "/retention/plans")
    assert answer.status_code == 303
    return str(answer.location.partition("?")[0])


def proposed(front: Front) -> str:
    place = drafted(front)
    assert send(front, IMD, f"{place}/proposal", place).location == f"{place}?done=proposed"
    return place


def total(front: Front, place: str) -> int:
    return int(get(front, IMD, f"{place}/progress").json["total"])


def approved(front: Front) -> str:
    place = proposed(front)
    answer = send(front, COLLEAGUE, f"{place}/approval", place, count=str(total(front, place)))
    assert answer.location == f"{place}?done=approved"
    return place


def cooled(front: Front) -> str:
    """Return the page of an approved plan whose time to stop it is over."""
    place = approved(front)
    plan_id = bytes.fromhex(place.rpartition("/")[2])
    then = datetime.now(UTC) - timedelta(hours=2)
    change(
        front,
        "UPDATE destruction_plans SET approved_at = :then, starts_at = :later WHERE plan_id = :plan",
        then=to_micros(then),
        later=to_micros(then + timedelta(hours=1)),
        plan=plan_id,
    )
    return place


def change(front: Front, statement: str, **values: Any) -> int:
    with front.parts.database.write() as connection:
        changed = connection.execute(text(statement), values).rowcount
        connection.commit()
    return int(changed)


def logged(front: Front, action: str) -> list[dict[str, Any]]:
    with front.parts.database.read() as connection:
        rows = connection.execute(text("SELECT canonical FROM log_inbox ORDER BY arrival")).scalars().all()
    return [one for one in map(json.loads, rows) if one["action"] == action]


# -- the first page ------------------------------------------------------------------------------------------------


def test_the_first_page_shows_what_is_due_what_stays_and_the_next_step(office: Front, due: Due) -> None:
    place = drafted(office)
    page = get(office, IMD, "/retention").text
    assert f'href="{place}"' in page
    assert "下一步：请查看后由信息管理人员提出。" in page
    assert "有未办结的服务" in page
    horizon = office.api("GET", "/retention/horizon", IMD).json
    table = re.search(r'(?s)<table class="horizon">.*?</table>', page)
    assert table
    shown = [int(one) for one in re.findall(r'<span class="number">(\d+)</span>', table[0])]
    classes = ("service_record", "shipment", "customer", "id_copy")
    told = [[horizon["past"][one], *(span[one] for span in horizon["within"].values())] for one in classes]
    assert shown == [number for line in told for number in line]
    assert horizon["past"]["customer"] >= due.customers


@pytest.mark.parametrize("who", [AGENT, INSPECTOR])
def test_the_pages_are_for_officers_and_auditors(office: Front, who: str) -> None:
    for path in ("/retention", "/retention/holds", "/retention/paper", f"/retention/plans/{'0' * 32}"):
        assert get(office, who, path).status_code == 403
    assert "/retention" not in get(office, who, "/inbox").text
    refused = [one for one in logged(office, "retention.viewed") if one["actor"] == who]
    assert {(one["outcome"], one["rule"]) for one in refused} == {("refused", "no_right")}


def test_an_auditor_sees_everything_and_may_do_nothing(office: Front, due: Due) -> None:
    place = proposed(office)
    for path in ("/retention", place, "/retention/holds", "/retention/paper"):
        page = get(office, AUDITOR, path)
        assert page.status_code == 200
        forms = set(re.findall(r'<form[^>]*action="(/retention[^"]*)"', page.text))
        assert forms <= {f"{place}/sample"}, path
    for path in (
        f"{place}/approval", f"{place}/stop", f"{place}/run", f"{place}/pause", "/retention/plans", "/retention/holds",
        "/retention/paper", "/retention/clock",
    ):  # fmt: skip
        answer = send(office, AUDITOR, path, place)
        assert answer.status_code == 403, path
    assert due.total > 0


def test_a_plan_that_is_not_there_is_not_found(office: Front) -> None:
    place = f"/retention/plans/{new_id().hex()}"
    assert get(office, IMD, place).status_code == 404
    assert get(office, IMD, f"{place}/progress").status_code == 404
    for act in ("proposal", "approval", "stop", "run", "pause", "resume", "giving-up", "sample"):
        assert send(office, IMD, f"{place}/{act}").status_code in {404, 409}, act


# -- two people ------------------------------------------------------------------------------------------------------


def test_from_the_draft_to_the_end(office: Front, due: Due) -> None:
    place = proposed(office)
    page = get(office, IMD, f"{place}?done=proposed").text
    assert "您已签署" in page
    assert "须由同事批准" in page
    assert f'action="{place}/approval"' not in page
    count = total(office, place)
    assert count >= due.total
    theirs = get(office, COLLEAGUE, place).text
    assert f'action="{place}/approval"' in theirs
    assert place in get(office, COLLEAGUE, "/inbox").text
    done = send(office, COLLEAGUE, f"{place}/approval", place, count=str(count))
    assert done.location == f"{place}?done=approved"
    for who in (IMD, COLLEAGUE):
        cooling = get(office, who, place).text
        assert "data-until=" in cooling
        assert f'action="{place}/stop"' in cooling
        assert f'action="{place}/run"' not in cooling
    early = send(office, IMD, f"{place}/run", place)
    assert early.status_code == 403
    assert "仍可停止" in early.text


def test_one_does_not_approve_ones_own_plan_however_the_form_is_sent(office: Front, due: Due) -> None:
    place = proposed(office)
    answer = send(office, IMD, f"{place}/approval", place, count=str(total(office, place)))
    assert answer.status_code == 403
    assert get(office, IMD, f"{place}/progress").json["state"] == "proposed"
    assert logged(office, "destruction.approved")[-1]["rule"] == "own_plan"
    assert due.total


@pytest.mark.parametrize("count", ["", "0", "x", "-1", "1 ", "９９９９９", "99999999999999999999"])
def test_another_number_than_the_plans_signs_nothing(office: Front, due: Due, count: str) -> None:
    place = proposed(office)
    answer = send(office, COLLEAGUE, f"{place}/approval", place, count=count)
    assert answer.status_code == 400
    assert 'aria-invalid="true"' in answer.text
    assert "与方案中的条数不符" in answer.text
    assert get(office, IMD, f"{place}/progress").json["state"] == "proposed"
    assert due.total > 1


def test_a_plan_is_carried_out_and_its_page_says_how_far_it_is(office: Front, due: Due) -> None:
    place = cooled(office)
    assert f'action="{place}/run"' in get(office, COLLEAGUE, place).text
    count = total(office, place)
    assert send(office, COLLEAGUE, f"{place}/run", place).location == f"{place}?done=run"
    far = get(office, AUDITOR, f"{place}/progress").json
    assert (far["state"], far["settled"], far["total"]) == ("done", count, count)
    page = get(office, IMD, place).text
    assert f"已处理 {count} / {count} 条" in page
    assert f'value="{count}"' in page
    assert "data-progress" not in page
    assert "已执行完毕" in page
    assert "销毁证明将在十分钟内出具" in page
    assert due.total <= count
    issued = certificates.tend(office.parts, datetime.now(UTC))
    assert issued >= 1
    link = re.search(r'href="(/retention/certificates/[0-9a-f]{32})"', get(office, AUDITOR, place).text)
    assert link
    assert get(office, AUDITOR, link[1]).status_code == 200


def test_a_plan_without_its_certificate_says_why_and_what_comes_next(office: Front, due: Due) -> None:
    place = cooled(office)
    send(office, COLLEAGUE, f"{place}/run", place)
    plan, at = bytes.fromhex(place.rpartition("/")[2]), datetime.now(UTC)

    def wait(reason: str, finding: str, count: int) -> str:
        with office.parts.database.write() as connection:
            certificate_waits.note(connection, plan, reason, finding, count, at)
            connection.commit()
        return str(get(office, AUDITOR, place).text)

    busy = wait("wal_busy", "", 0)
    assert "尚未出具证明" in busy
    assert "无需处理：系统每十分钟重试" in busy
    assert "销毁证明将在十分钟内出具" not in busy
    found = wait("residue_found", "raw_reread", 3)
    for words in ("请联系运维人员", "数据库文件字节中无已清除的密钥", "3"):
        assert words in found
    with office.parts.database.write() as connection:
        certificate_waits.over(connection, plan)
        connection.commit()
    assert "尚未出具证明" not in get(office, AUDITOR, place).text
    assert due.total


def test_a_plan_is_paused_and_resumed_and_only_then_goes_on(
    office: Front, due: Due, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = cooled(office)
    monkeypatch.setattr(plans, "_FIRST_SECONDS", -1.0)
    send(office, IMD, f"{place}/run", place)
    page = get(office, IMD, place).text
    assert f'data-progress="{place}/progress"' in page
    assert f'action="{place}/stop"' not in page
    assert send(office, IMD, f"{place}/stop", place).status_code == 409
    assert send(office, IMD, f"{place}/pause", place).location == f"{place}?done=paused"
    assert send(office, COLLEAGUE, f"{place}/pause", place).status_code == 409
    assert send(office, COLLEAGUE, f"{place}/run", place).status_code == 403
    paused = get(office, COLLEAGUE, place).text
    assert f'action="{place}/resume"' in paused
    assert "data-progress" not in paused
    assert send(office, COLLEAGUE, f"{place}/resume", place).location == f"{place}?done=resumed"
    monkeypatch.setattr(plans, "_FIRST_SECONDS", 30.0)
    send(office, IMD, f"{place}/run", place)
    assert get(office, IMD, f"{place}/progress").json["state"] == "done"
    assert due.total


def test_any_officer_stops_a_plan_that_cools_and_nothing_of_it_is_destroyed(office: Front, due: Due) -> None:
    place = approved(office)
    assert send(office, IMD, f"{place}/stop", place).location == f"{place}?done=stopped"
    page = get(office, COLLEAGUE, place).text
    assert f"已由 {IMD} 停止" in page
    assert "data-until=" not in page
    assert send(office, COLLEAGUE, f"{place}/run", place).status_code == 403
    assert get(office, IMD, f"{place}/progress").json["settled"] == 0
    assert due.total


def test_what_could_not_be_destroyed_is_shown_and_given_up(office: Front, due: Due) -> None:
    place = cooled(office)
    plan_id = bytes.fromhex(place.rpartition("/")[2])
    change(office, "UPDATE destruction_plans SET state = 'paused' WHERE plan_id = :plan", plan=plan_id)
    change(
        office,
        "UPDATE destruction_items SET state = 'failed', reason = 'unreadable' WHERE plan_id = :plan",
        plan=plan_id,
    )
    page = get(office, IMD, place).text
    assert f'action="{place}/giving-up"' in page
    assert f"{total(office, place)} 条记录未能销毁" in page
    assert send(office, IMD, f"{place}/giving-up", place).location == f"{place}?done=given_up"
    assert get(office, IMD, f"{place}/progress").json["state"] == "done"
    assert due.total


def test_signing_stopping_and_giving_up_ask_who_one_is_again(office: Front, due: Due) -> None:
    place = proposed(office)
    office.token(COLLEAGUE)
    fresh = office.proved_at.pop(COLLEAGUE)
    long_ago = to_micros(datetime.now(UTC) - timedelta(hours=1))
    change(office, "UPDATE sessions SET proved_at = :long_ago", long_ago=long_ago)
    try:
        page = get(office, COLLEAGUE, place).text
        assert f'action="{place}/approval"' not in page
        assert f"/confirm?back={place.replace('/', '%2F')}" in page
        for act in ("approval", "stop", "giving-up"):
            answer = send(office, COLLEAGUE, f"{place}/{act}", place, count=str(due.total))
            assert answer.status_code == 403
            assert "/confirm?back=" in answer.text
        assert get(office, IMD, f"{place}/progress").json["state"] == "proposed"
    finally:
        office.tokens.clear()
        office.proved_at[COLLEAGUE] = fresh


def test_an_approval_that_was_not_used_in_time_is_over(office: Front, due: Due) -> None:
    place = approved(office)
    plan_id = bytes.fromhex(place.rpartition("/")[2])
    then = to_micros(datetime.now(UTC) - timedelta(hours=73))
    change(
        office, "UPDATE destruction_plans SET approved_at = :then, starts_at = :then WHERE plan_id = :plan",
        then=then, plan=plan_id,
    )  # fmt: skip
    page = get(office, IMD, place).text
    assert "未能按时开始" in page
    assert f'action="{place}/run"' not in page
    assert send(office, IMD, f"{place}/run", place).status_code == 403
    assert due.total


# -- what it shows ---------------------------------------------------------------------------------------------------


def test_a_sample_comes_masked_only_when_it_is_asked_for_and_is_logged(office: Front, due: Due) -> None:
    place = drafted(office)
    before = len(logged(office, "retention.viewed"))
    assert "欧阳*" not in get(office, IMD, place).text
    assert all(not one["records"] for one in logged(office, "retention.viewed")[before:])
    answer = send(office, IMD, f"{place}/sample", place)
    assert answer.status_code == 200
    assert "欧阳*" in answer.text
    assert NAME not in answer.text
    assert PHONE not in answer.text
    shown = set(re.findall(r'<th scope="row" class="number">([0-9a-f]{32})</th>', answer.text))
    opened = {record["id"] for one in logged(office, "retention.viewed") for record in one["records"]}
    assert shown
    assert shown <= opened
    assert due.customers <= len(opened)


def test_an_auditor_is_shown_no_record_of_a_sample(office: Front, due: Due) -> None:
    place = drafted(office)
    answer = send(office, AUDITOR, f"{place}/sample", place)
    assert answer.status_code == 200
    assert "您的角色看不到其中的记录" in answer.text
    assert due.total


def test_the_pages_speak_english_too(office: Front, due: Due) -> None:
    place = proposed(office)
    for who, path, words in (
        (COLLEAGUE, place, "Approve and sign"),
        (IMD, place, "A colleague must approve it"),
        (IMD, "/retention", "Within 30 days"),
        (IMD, "/retention/holds", "Place a hold"),
        (IMD, "/retention/paper", "Register a box"),
    ):
        page = english(office, who, path)
        assert words in page
        page = re.sub(r"(?s)<tbody>.*?</tbody>", "", page)  # what people typed is shown as they typed it
        assert not re.search(
            r"[\u4e00-\u9fff]", re.sub(r'(?s)<(title|button[^>]*lang="zh-CN").*?</\1?', "", page).replace("中文", "")
        ), path
    assert due.total


# -- the clock -------------------------------------------------------------------------------------------------------


@pytest.fixture
def jumped(office: Front) -> Iterator[None]:
    office.parts.database.check()
    now = datetime.now(UTC)
    change(office, "DELETE FROM clock_marks")
    change(
        office,
        "INSERT INTO clock_marks (singleton, seen_at, jumped_from) VALUES (1, :now, :then)",
        now=to_micros(now),
        then=to_micros(now - timedelta(days=40)),
    )
    yield
    change(office, "UPDATE clock_marks SET jumped_from = NULL")


@pytest.mark.usefixtures("jumped")
def test_after_a_jump_of_the_clock_an_officer_writes_the_date_down(office: Front, due: Due) -> None:
    place = cooled(office)
    refused = send(office, IMD, f"{place}/run", place)
    assert refused.status_code == 403
    assert "时钟曾跳变" in get(office, AUDITOR, "/retention").text
    today = datetime.now(office.parts.policy.zone).date()
    for wrong in ("", "gestern", "2026-02-30", str(today + timedelta(days=1)), str(today - timedelta(days=1))):
        answer = send(office, IMD, "/retention/clock", today=wrong)
        assert answer.status_code == 400, wrong
        assert 'id="today-error"' in answer.text
    assert send(office, IMD, "/retention/clock", today=str(today)).location == "/retention?done=clock"
    assert "时钟曾跳变" not in get(office, IMD, "/retention").text
    assert send(office, IMD, "/retention/clock", today=str(today)).status_code == 409
    assert due.total


# -- holds -----------------------------------------------------------------------------------------------------------


def hold(front: Front, **changes: str) -> Any:
    fields = {"number": PHONE, "reason": "dispute", "source": SOURCE, "review_on": ""} | changes
    return send(front, IMD, "/retention/holds", "/retention/holds", **fields)


def test_a_hold_is_placed_by_a_number_looked_at_again_and_released(office: Front, due: Due) -> None:
    answer = hold(office)
    place = re.fullmatch(r"/retention/holds\?done=placed&count=(\d+)", answer.location)
    assert place
    page = get(office, COLLEAGUE, answer.location).text
    assert f"已保留 {place[1]} 条记录及其关联记录" in page
    assert SOURCE in page
    assert PHONE not in page
    ids = re.findall(r'action="/retention/holds/([0-9a-f]{32})/review"', page)
    assert len(ids) >= int(place[1]) > 0
    day = str(datetime.now(office.parts.policy.zone).date() + timedelta(days=10))
    reviewed = send(office, COLLEAGUE, f"/retention/holds/{ids[0]}/review", "/retention/holds", review_on=day)
    assert reviewed.location == "/retention/holds?done=reviewed"
    assert day in get(office, COLLEAGUE, "/retention/holds").text
    for one in ids:
        released = send(office, COLLEAGUE, f"/retention/holds/{one}/release", "/retention/holds", reason="settled")
        assert released.location == "/retention/holds?done=released"
    assert SOURCE not in get(office, IMD, "/retention/holds").text
    again = send(office, IMD, f"/retention/holds/{ids[0]}/release", "/retention/holds", reason="settled")
    assert again.status_code == 404
    assert due.customers


@pytest.mark.parametrize(
    ("act", "given"),
    [
        ("review", {"review_on": ""}),
        ("review", {"review_on": "2020-01-01"}),
        ("review", {"review_on": "2026-02-30"}),
        ("release", {"reason": ""}),
        ("release", {"reason": "<b>because"}),
    ],
)
def test_what_a_hold_cannot_become_is_said_beside_its_own_field(
    office: Front, due: Due, act: str, given: dict[str, str]
) -> None:
    page = get(office, IMD, hold(office).location).text
    one = re.findall(r'action="/retention/holds/([0-9a-f]{32})/review"', page)[0]
    answer = send(office, IMD, f"/retention/holds/{one}/{act}", "/retention/holds", **given)
    assert answer.status_code == 400
    assert re.search(rf'id="{act}-{one}"[^>]*aria-describedby="{act}-{one}-error"', answer.text)
    assert f'id="{act}-{one}-error"' in answer.text
    assert '<details class="panel" open>' not in answer.text
    assert "because" not in answer.text
    assert due.customers


def test_a_hold_is_placed_by_the_id_of_a_record_that_a_sample_shows(office: Front, due: Due) -> None:
    place = drafted(office)
    sample = send(office, IMD, f"{place}/sample", place).text
    record = re.findall(r'<th scope="row" class="number">([0-9a-f]{32})</th>', sample)[0]
    assert hold(office, number=record).location == "/retention/holds?done=placed&count=1"
    assert record[:8] in get(office, IMD, "/retention/holds").text
    assert due.total


@pytest.mark.parametrize(
    ("changes", "field", "status"),
    [
        ({"number": "不是号码"}, "number", 400),
        ({"number": "12345"}, "number", 404),
        ({"number": "13900000000"}, "number", 404),
        ({"number": "0" * 32}, "number", 404),
        ({"reason": "because"}, "reason", 400),
        ({"source": ""}, "source", 400),
        ({"source": "13812345678 的投诉"}, "source", 400),
        ({"source": "长" * 201}, "source", 400),
        ({"review_on": "2020-01-01"}, "review_on", 400),
        ({"review_on": "2026-02-30"}, "review_on", 400),
        ({"review_on": "9999-12-31"}, "review_on", 400),
    ],
    ids=str,
)
def test_what_a_hold_cannot_be_is_said_beside_its_field(
    office: Front, changes: dict[str, str], field: str, status: int
) -> None:
    answer = hold(office, **changes)
    assert answer.status_code == status
    assert f"hold-{ {'review_on': 'review'}.get(field, field) }-error" in answer.text
    assert '<details class="panel" open>' in answer.text
    for typed in (PHONE, "13812345678", "13900000000"):
        assert typed not in answer.text


def test_the_addresses_words_are_not_repeated(office: Front) -> None:
    for query in (
        "done=%3Cb%3E",
        "count=13812345678",
        "after=x",
        "after=2026-13-99_" + "0" * 32,
        "done=placed&count=x",
    ):
        page = get(office, IMD, f"/retention/holds?{query}")
        assert page.status_code in {200, 400}
        assert "13812345678" not in page.text
        assert "<b>" not in page.text


# -- paper -----------------------------------------------------------------------------------------------------------


def box(front: Front, **changes: str) -> Any:
    fields = {
        "label": "GL-2024-7", "record_class": "shipment", "outlet": "NJ-GL-01", "custodian": AGENT,
        "newest_on": "2024-03-01", "due_on": "",
    } | changes  # fmt: skip
    return send(front, IMD, "/retention/paper", "/retention/paper", **fields)


def test_a_box_is_registered_shredded_and_witnessed_by_two_officers(office: Front) -> None:
    assert box(office).location == "/retention/paper?done=registered"
    page = get(office, IMD, "/retention/paper").text
    assert "2026-03-02" in page
    assert "已逾期" in page
    said = re.search(r'action="(/retention/paper/[0-9a-f]{32})/shredded"', page)
    assert said
    assert send(office, IMD, f"{said[1]}/shredded", "/retention/paper").location == "/retention/paper?done=shredded"
    mine, theirs = (get(office, who, "/retention/paper").text for who in (IMD, COLLEAGUE))
    assert f'action="{said[1]}/witness"' not in mine
    assert "须由同事见证" in mine
    assert f'action="{said[1]}/witness"' in theirs
    own = send(office, IMD, f"{said[1]}/witness", "/retention/paper")
    assert own.status_code == 403
    assert "须由另一名人员见证" in own.text
    taken = send(office, COLLEAGUE, f"{said[1]}/standing", "/retention/paper")
    assert taken.location == "/retention/paper?done=standing"
    send(office, IMD, f"{said[1]}/shredded", "/retention/paper")
    seen = send(office, COLLEAGUE, f"{said[1]}/witness", "/retention/paper")
    assert seen.location == "/retention/paper?done=witnessed"
    gone = get(office, AUDITOR, "/retention/paper").text
    assert "经两人见证已粉碎的档案箱" in gone
    assert send(office, COLLEAGUE, f"{said[1]}/witness", "/retention/paper").status_code == 409
    assert send(office, IMD, f"/retention/paper/{'0' * 32}/shredded", "/retention/paper").status_code == 404


def test_a_box_that_must_be_kept_cannot_be_shredded(office: Front) -> None:
    today = datetime.now(office.parts.policy.zone).date()
    box(office, label="KEEP-1", newest_on=str(today))
    page = get(office, IMD, "/retention/paper").text
    row = next(one for one in re.findall(r"(?s)<tr>.*?</tr>", page) if "KEEP-1" in one)
    assert "保存中" in row
    assert "/shredded" not in row


def test_a_box_is_handed_on_and_who_cannot_keep_it_is_said_beside_the_field(office: Front) -> None:
    box(office, label="HAND-1")
    page = get(office, IMD, "/retention/paper").text
    row = next(one for one in re.findall(r"(?s)<tr>.*?</tr>", page) if "HAND-1" in one)
    place = re.search(r'action="(/retention/paper/([0-9a-f]{32})/custodian)"', row)
    assert place
    wrong = send(office, IMD, place[1], "/retention/paper", custodian="KF0404")
    assert wrong.status_code == 400
    field = f'id="custodian-{place[2]}"'
    assert re.search(field + r'[^>]*aria-invalid="true"[^>]*aria-describedby', wrong.text)
    assert "KF0404" not in wrong.text
    done = send(office, IMD, place[1], "/retention/paper", custodian=INSPECTOR)
    assert done.location == "/retention/paper?done=handed_on"
    page = get(office, AUDITOR, "/retention/paper").text
    row = next(one for one in re.findall(r"(?s)<tr>.*?</tr>", page) if "HAND-1" in one)
    assert INSPECTOR in row
    assert "<form" not in row
    assert send(office, AUDITOR, place[1], "/inbox", custodian=AGENT).status_code == 403


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"label": "箱"}, "label"),
        ({"label": "13812345678"}, "label"),
        ({"record_class": "request"}, "class"),
        ({"record_class": ""}, "class"),
        ({"outlet": "NOWHERE"}, "outlet"),
        ({"custodian": "KF0000"}, "custodian"),
        ({"newest_on": "2999-01-01"}, "newest"),
        ({"newest_on": "x"}, "newest"),
        ({"newest_on": ""}, "newest"),
        ({"newest_on": "", "due_on": "2999-01-01"}, "due"),
    ],
    ids=str,
)
def test_what_a_box_cannot_be_is_said_beside_its_field(office: Front, changes: dict[str, str], field: str) -> None:
    answer = box(office, **({"label": "BAD-1"} | changes))
    assert answer.status_code == 400
    assert f'id="box-{field}-error"' in answer.text
    assert "13812345678" not in answer.text


@pytest.mark.parametrize(
    ("kind", "places"),
    [
        (NoticeKind.LOG_GAP_ACCEPTED, {AUDITOR: f"/log/events/{'ab' * 16}", IMD: "/compliance"}),
        (NoticeKind.BOX_RECEIVED, {IMD: "/retention/paper", AUDITOR: "/retention/paper", AGENT: "/inbox"}),
    ],
)
def test_a_notice_leads_each_to_a_page_they_may_open(office: Front, kind: NoticeKind, places: dict[str, str]) -> None:
    with office.parts.database.write() as connection:
        ids = people.ids_by_work_number(connection)
        notifications.add(connection, [ids[who] for who in places], kind, bytes.fromhex("ab" * 16), datetime.now(UTC))
        connection.commit()
    words = NAMES["notice"][kind.value]
    for who, place in places.items():
        assert f'<a href="{place}">{words}</a>' in english(office, who, "/inbox")
        if not place.startswith("/log/"):
            assert get(office, who, place).status_code == 200
