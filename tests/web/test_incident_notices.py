"""Notices to customers on the pages and for programs: prepared by one officer, released by another, called, posted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.breach import TEXTS
from tests.web.conftest import ADMIN, AGENT, AUDITOR, HOST, IMD, INSPECTOR, POOL_NAME, POOL_PHONE, SUPERVISOR, Front
from tests.web.test_incidents import OFFICER, call, front, get, opened, send
from vault.domain.breach.radius import Affected, RadiusCounts, digest_of
from vault.domain.ids import RecordClass, new_id
from vault.storage.breach import radius
from vault.storage.breach.radius import FrozenRadius
from vault.storage.unit_of_work import unit_of_work

__all__ = ["front"]

NOBODY = "0" * 32
PARTS = [f"{language}_{name}" for language in TEXTS for name in TEXTS[language]]
TYPED = {f"{language}_{name}": text for language, texts in TEXTS.items() for name, text in texts.items()}


def customers(front: Front) -> list[bytes]:
    query = "SELECT record_id FROM records WHERE record_class = 'customer' ORDER BY record_id"
    with front.parts.database.read() as connection:
        return list(connection.exec_driver_sql(query).scalars())


@pytest.fixture
def matter(front: Front) -> Iterator[tuple[str, str]]:
    """An incident with a frozen radius around both customers."""
    incident, now = opened(front), datetime.now(UTC)
    lines = [
        Affected(one, RecordClass.CUSTOMER, ("customer.name",), (), now, now, destroyed=False)
        for one in customers(front)
    ]
    counts = RadiusCounts(2, 2, 2, 2, 0, 0, ())
    radius_id = new_id()
    radius.add_lines(front.parts.database, radius_id, lines)
    with unit_of_work(front.parts.database) as work:
        drawn = FrozenRadius(
            radius_id, bytes.fromhex(incident), {"person": AGENT}, now, IMD, 1, bytes(32), counts, digest_of(lines)
        )
        radius.add(work.connection, drawn)
        work.commit()
    return incident, radius_id.hex()  # type: ignore[return-value]


def act(front: Front, incident: str, name: str = "", who: str = IMD, **values: str) -> Any:
    return send(front, f"/incidents/{incident}/notices{name}", who, **values)


def prepared(front: Front, incident: str, radius_id: str, channel: str = "call") -> str:
    body = {"radius": radius_id, "template": "standard-1", "channels": [channel], **TEXTS}
    answer = call(front, "POST", f"/{incident}/notices", **body)
    assert answer.status_code == 201, answer.text
    return str(answer.json["notice"])


def released(front: Front, incident: str, radius_id: str, channel: str = "call") -> str:
    notice = prepared(front, incident, radius_id, channel)
    digest = call(front, "GET", f"/{incident}/notices").json["notices"][0]["digest"]
    assert call(front, "POST", f"/{incident}/notices/{notice}/release", OFFICER, digest=digest).status_code == 204
    return notice


def test_an_officer_prepares_and_another_releases_on_the_page(front: Front, matter: tuple[str, str]) -> None:
    incident, radius_id = matter
    page = get(front, f"/incidents/{incident}/notices").text
    assert radius_id in page
    done = act(front, incident, radius=radius_id, template="standard-1", channel_call="yes", **TYPED)
    assert done.status_code == 303
    notice = call(front, "GET", f"/{incident}/notices").json["notices"][0]
    own = get(front, f"/incidents/{incident}/notices").text
    assert notice["digest"] in own
    assert "/release" not in own
    assert TEXTS["zh"]["cause"] in own
    shown = get(front, f"/incidents/{incident}/notices", OFFICER).text
    assert f"/notices/{notice['notice']}/release" in shown
    path = f"/{notice['notice']}/release"
    assert act(front, incident, path, digest=notice["digest"]).status_code == 403  # one's own
    assert act(front, incident, path, OFFICER, digest="0" * 64).status_code == 400
    assert act(front, incident, path, OFFICER, digest=notice["digest"]).status_code == 303
    standing = call(front, "GET", f"/{incident}/notices").json
    assert (standing["notices"][0]["state"], standing["outstanding"]) == ("released", 2)
    told = get(front, f"/incidents/{incident}/notices/progress").json
    assert (told["settled"], told["total"], told["state"]) == (0, 2, "done")


def test_what_cannot_be_used_is_said_beside_its_field(front: Front, matter: tuple[str, str]) -> None:
    incident, radius_id = matter
    for name in PARTS:
        answer = act(
            front, incident, radius=radius_id, template="standard-1", channel_mail="yes", **(TYPED | {name: ""})
        )
        assert answer.status_code == 400
        assert f'id="{name}-error"' in answer.text
    nowhere = act(front, incident, radius=radius_id, template="standard-1", **TYPED)
    assert nowhere.status_code == 400
    assert 'id="channels-error"' in nowhere.text
    assert act(front, incident, radius="x", template="standard-1", channel_mail="yes", **TYPED).status_code == 400


def test_a_number_is_shown_only_after_asking_and_ticked_off(front: Front, matter: tuple[str, str]) -> None:
    incident, radius_id = matter
    notice = released(front, incident, radius_id)
    page = get(front, f"/incidents/{incident}/notices/{notice}/calls", SUPERVISOR).text
    assert POOL_PHONE not in page
    assert POOL_NAME not in page
    before = front.events()
    records = call(front, "GET", f"/{incident}/notices/{notice}/calls", SUPERVISOR).json["calls"]
    seen = []
    for one in records:
        shown = act(front, incident, f"/{notice}/calls/{one['record']}/number", SUPERVISOR).text
        seen.append(POOL_PHONE in shown and POOL_NAME in shown)
        ticked = act(front, incident, f"/{notice}/calls/{one['record']}/outcome", SUPERVISOR, outcome="reached")
        assert ticked.status_code == 303
    assert sorted(seen) == [False, True]
    assert front.events() >= before + 4
    assert call(front, "GET", f"/{incident}/notices").json["outstanding"] == 0


def test_letters_are_printed_and_posted_on_the_page(front: Front, matter: tuple[str, str]) -> None:
    incident, radius_id = matter
    notice = released(front, incident, radius_id, "letter")
    page = act(front, incident, f"/{notice}/letters").text
    assert page.count('<article class="letter">') == 2
    assert POOL_NAME in page
    records = re.search(r'name="records" value="([0-9a-f ]+)"', page)
    assert records
    assert "<article" not in act(front, incident, f"/{notice}/letters", OFFICER).text  # they are handed out
    assert 'name="again"' in get(front, f"/incidents/{incident}/notices", OFFICER).text
    again = act(front, incident, f"/{notice}/letters", OFFICER, again="yes").text
    assert again.count('<article class="letter">') == 2
    assert act(front, incident, f"/{notice}/letters/posted", records=records[1]).status_code == 303
    assert call(front, "GET", f"/{incident}/notices").json["outstanding"] == 0


def test_letters_are_said_to_be_posted_long_after_their_page_was_left(front: Front, matter: tuple[str, str]) -> None:
    incident, radius_id = matter
    notice = released(front, incident, radius_id, "letter")
    act(front, incident, f"/{notice}/letters")
    page = get(front, f"/incidents/{incident}/notices", OFFICER).text
    assert f'action="/incidents/{incident}/notices/{notice}/letters/all-posted"' in page
    assert '<input type="hidden" name="count" value="2">' in page
    for wrong in ("", "x", "-2", "²"):
        assert act(front, incident, f"/{notice}/letters/all-posted", OFFICER, count=wrong).status_code == 400
    assert act(front, incident, f"/{notice}/letters/all-posted", OFFICER, count="1").status_code == 409
    assert call(front, "GET", f"/{incident}/notices").json["outstanding"] == 2
    assert act(front, incident, f"/{notice}/letters/all-posted", OFFICER, count="2").status_code == 303
    assert call(front, "GET", f"/{incident}/notices").json["outstanding"] == 0
    assert act(front, incident, f"/{notice}/letters/all-posted", OFFICER, count="0").status_code == 409


def test_a_file_is_made_listed_and_removed(front: Front, matter: tuple[str, str]) -> None:
    incident, radius_id = matter
    notice = released(front, incident, radius_id, "file")
    assert act(front, incident, f"/{notice}/files", format="csv").status_code == 303
    assert call(front, "GET", f"/{incident}/notices").json["outstanding"] == 2  # nobody has picked it up
    page = get(front, f"/incidents/{incident}/notices").text
    found = re.search(r"/files/([0-9a-f]{32})/removal", page)
    assert found
    assert POOL_PHONE not in page
    assert act(front, incident, f"/files/{found[1]}/removal").status_code == 303
    assert call(front, "POST", f"/{incident}/notices/files/{found[1]}/removal").status_code == 409


def test_telling_nobody_takes_two_on_the_page(front: Front, matter: tuple[str, str]) -> None:
    incident, _ = matter
    assert act(front, incident, "/none", note="").status_code == 400
    assert act(front, incident, "/none", note="无需通知").status_code == 303
    asked = call(front, "GET", f"/{incident}/notices").json
    digest = asked["no_notice_digest"]
    assert asked["no_notice_reason"] == "无需通知"
    assert f'name="digest" value="{digest}"' in get(front, f"/incidents/{incident}/notices", OFFICER).text
    assert act(front, incident, "/none/confirmation", digest=digest).status_code == 403
    for wrong in ("", "0" * 64, "é"):
        assert act(front, incident, "/none/confirmation", OFFICER, digest=wrong).status_code == 400
    assert act(front, incident, "/none", note="另一个理由").status_code == 303
    assert act(front, incident, "/none/confirmation", OFFICER, digest=digest).status_code == 400
    read = call(front, "GET", f"/{incident}/notices").json["no_notice_digest"]
    assert call(front, "POST", f"/{incident}/notices/none/confirmation", OFFICER, digest=read).status_code == 204
    assert call(front, "GET", f"/{incident}/notices").json["no_notice"] is True


def test_notices_show_as_of_when_their_contacts_are(front: Front, matter: tuple[str, str]) -> None:
    incident, radius_id = matter
    prepared(front, incident, radius_id)
    (notice,) = call(front, "GET", f"/{incident}/notices").json["notices"]
    assert datetime.fromisoformat(notice["contacts_at"]) <= datetime.fromisoformat(notice["prepared_at"])


def test_a_radius_frozen_by_mistake_is_set_aside_by_two_officers(front: Front, matter: tuple[str, str]) -> None:
    incident, radius_id = matter
    here = f"/incidents/{incident}/radius"
    ask, confirm = f"{here}/{radius_id}/aside/ask", f"{here}/{radius_id}/aside"
    assert f'action="{ask}"' in get(front, here).text
    assert f'action="{confirm}"' not in get(front, here, OFFICER).text  # nobody has asked
    empty = send(front, ask, note=" ")
    assert empty.status_code == 400
    assert 'id="aside-note-error"' in empty.text
    for who in (AGENT, SUPERVISOR, AUDITOR):
        assert send(front, ask, who, note="误选").status_code == 403
        assert send(front, confirm, who, digest="0" * 64).status_code == 403
    asked = send(front, ask, note="误选了全部 <b>客户</b>")
    assert asked.status_code == 303
    mine, theirs = get(front, asked.headers["Location"]).text, get(front, here, OFFICER).text
    assert "误选了全部 &lt;b&gt;客户&lt;/b&gt;" in mine
    assert f'action="{confirm}"' not in mine  # their own
    (digest,) = re.findall(r'name="digest" value="([0-9a-f]{64})"', theirs)
    assert send(front, confirm, digest=digest).status_code == 403
    wrong = send(front, confirm, OFFICER, digest="0" * 64)
    assert wrong.status_code == 400
    assert 'id="aside-error"' in wrong.text
    done = send(front, confirm, OFFICER, digest=digest)
    assert done.status_code == 303
    assert "不再作数" in get(front, done.headers["Location"]).text
    (shown,) = call(front, "GET", f"/{incident}/radius").json["radii"]
    assert (shown["aside_asked_by"], shown["set_aside_by"]) == (IMD, OFFICER)
    assert f'value="{radius_id}"' not in get(front, f"/incidents/{incident}/notices").text


def test_programs_of_officers_set_a_radius_aside_in_the_same_two_steps(front: Front, matter: tuple[str, str]) -> None:
    incident, radius_id = matter
    here = f"/{incident}/radius/{radius_id}/aside"
    assert call(front, "POST", f"/{incident}/radius/{NOBODY}/aside/ask", reason="误选").status_code == 404
    assert call(front, "POST", here, OFFICER, digest="0" * 64).status_code == 404  # nobody has asked
    assert call(front, "POST", f"{here}/ask", reason="误选").status_code == 204
    (shown,) = call(front, "GET", f"/{incident}/radius").json["radii"]
    assert (shown["aside_reason"], shown["set_aside_by"], shown["set_aside_at"]) == ("误选", "", None)
    assert call(front, "POST", here, OFFICER, digest="0" * 64).status_code == 400
    assert call(front, "POST", here, digest=shown["aside_digest"]).status_code == 403
    assert call(front, "POST", here, OFFICER, digest=shown["aside_digest"]).status_code == 204
    assert call(front, "POST", here, OFFICER, digest=shown["aside_digest"]).status_code == 409
    assert call(front, "POST", f"{here}/ask", reason="误选").status_code == 409


@pytest.mark.parametrize("kind", ["statement", "regulator", "police"])
def test_drafts_speak_both_languages_and_name_no_customer(front: Front, matter: tuple[str, str], kind: str) -> None:
    incident, radius_id = matter
    prepared(front, incident, radius_id)
    page = get(front, f"/incidents/{incident}/drafts?kind={kind}").text
    assert TEXTS["zh"]["cause"] in page
    assert TEXTS["en"]["cause"] in page
    assert POOL_NAME not in page
    assert get(front, f"/incidents/{incident}/drafts?kind=x").status_code == 400


def test_every_act_is_closed_to_who_may_not_and_to_ids_of_nobody(front: Front, matter: tuple[str, str]) -> None:
    incident, radius_id = matter
    notice = released(front, incident, radius_id)
    for who in (AGENT, ADMIN, INSPECTOR):
        assert get(front, f"/incidents/{incident}/notices", who).status_code == 403
        assert call(front, "GET", f"/{incident}/notices", who).status_code == 403
    assert get(front, f"/incidents/{incident}/notices", AUDITOR).status_code == 200
    assert call(front, "GET", f"/{incident}/notices/{notice}/calls", AUDITOR).status_code == 403
    assert call(front, "POST", f"/{incident}/notices/run", SUPERVISOR).status_code == 403
    for path in (f"/{NOBODY}/notices", f"/{incident}/notices/{NOBODY}", f"/{incident}/notices/{NOBODY}/calls"):
        assert call(front, "GET", path).status_code == 404
    assert get(front, f"/incidents/{NOBODY}/notices").status_code == 404
    assert get(front, f"/incidents/{NOBODY}/drafts").status_code == 404


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_the_pages_speak_both_languages(front: Front, matter: tuple[str, str], language: str) -> None:
    incident, radius_id = matter
    notice = released(front, incident, radius_id)
    browser = front.browser(IMD)
    browser.set_cookie("language", language, domain="127.0.0.1")
    title = {"zh-CN": "客户通知", "en": "Customer notices"}[language]
    assert title in browser.get(f"/incidents/{incident}/notices", base_url=HOST).text
    calls = browser.get(f"/incidents/{incident}/notices/{notice}/calls", base_url=HOST).text
    assert {"zh-CN": "致电名单", "en": "Call list"}[language] in calls
