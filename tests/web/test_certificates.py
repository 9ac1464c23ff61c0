"""Certificates of destruction on pages and for programs: shown, printed, and taken home with their proof."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.web.conftest import AGENT, AUDITOR, HOST, IMD, Front
from tests.web.retention import COLLEAGUE, NAME, PHONE, add_colleague, add_due
from tests.web.test_retention_api import act, age, approve, fits, proposed
from vault import bootstrap
from vault.services import certificates as walk
from vault.services.log import settle
from vault.verify_log import main
from vault.web.api import certificates

NONE = "0" * 32


@pytest.fixture(scope="module")
def office(lone_front: Front, tmp_path_factory: pytest.TempPathFactory) -> Front:
    add_colleague(lone_front, tmp_path_factory.mktemp("office"))
    return lone_front


@pytest.fixture(scope="module")
def issued(office: Front, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The certificate of a plan that was carried out, as programs see it."""
    add_due(office, tmp_path_factory.mktemp("due"))
    made = proposed(office)
    assert approve(office, made).status_code == 200
    age(office, made)
    assert act(office, made, "run", COLLEAGUE).json["state"] == "done"
    _certify(office, made["plan"])
    return dict(office.api("GET", f"/certificates/{made['plan']}", AUDITOR).json)


def _certify(office: Front, plan: str) -> None:
    walk.certify(office.parts, bytes.fromhex(plan), bootstrap.operator(office.config), datetime.now(UTC))


def get(front: Front, path: str, who: str) -> Any:
    return front.browser(who).get(path, base_url=HOST)


def judged(office: Front, content: bytes, tmp_path: Path) -> int:
    (tmp_path / "certificate.zip").write_bytes(content)
    pin = office.parts.log_files.pin.read_text(encoding="ascii").strip()
    return main([str(tmp_path / "certificate.zip"), "--key", pin])


def test_programs_see_lists_and_statements_in_their_shapes(office: Front, issued: dict[str, Any]) -> None:
    listed = fits(certificates.Certificates, office.api("GET", "/certificates", IMD))
    assert [one["certificate"] for one in listed["certificates"]] == [issued["certificate"]]
    shown = fits(certificates.CertificateAnswer, office.api("GET", f"/certificates/{issued['certificate']}", IMD))
    assert shown == issued
    assert (shown["kind"], shown["is_final"], shown["statement"]["kind"]) == ("erased", False, "erased")
    assert NAME not in str(shown)
    assert PHONE not in str(shown)


def test_what_programs_take_holds_elsewhere(office: Front, issued: dict[str, Any], tmp_path: Path) -> None:
    answer = office.api("GET", f"/certificates/{issued['certificate']}/files", AUDITOR)
    assert (answer.status_code, answer.mimetype) == (200, "application/zip")
    assert judged(office, answer.data, tmp_path) == 0


def test_the_page_shows_it_in_both_languages_and_gives_the_files(
    office: Front, issued: dict[str, Any], tmp_path: Path
) -> None:
    address = f"/retention/certificates/{issued['certificate']}"
    listed = get(office, "/retention/certificates", AUDITOR)
    assert f'href="{address}"' in listed.text
    page = get(office, address, AUDITOR)
    for words in ("销毁证明", "已做检查", "不能证明的事项", IMD, COLLEAGUE, issued["digest"]):
        assert words in page.text
    assert page.headers["Cache-Control"].startswith("no-store")
    browser = office.browser(AUDITOR)
    token = re.search(r'name="csrf_token" value="([^"]+)"', browser.get(address, base_url=HOST).text)
    assert token
    taken = browser.post(f"{address}/files", data={"csrf_token": token[1]}, base_url=HOST)
    assert zipfile.ZipFile(io.BytesIO(taken.data)).namelist() == [
        "certificate.json",
        "certificate.tlog-proof",
        "event.json",
        "verify_log.py",
    ]
    assert judged(office, taken.data, tmp_path) == 0


def test_an_agent_sees_none_and_a_wrong_number_is_not_there(office: Front, issued: dict[str, Any]) -> None:
    for path in (
        "/certificates",
        f"/certificates/{issued['certificate']}",
        f"/certificates/{issued['certificate']}/files",
    ):
        assert office.api("GET", path, AGENT).status_code == 403
    for path in ("/retention/certificates", f"/retention/certificates/{issued['certificate']}"):
        assert get(office, path, AGENT).status_code == 403
    assert office.api("GET", f"/certificates/{NONE}", IMD).status_code == 404
    assert office.api("GET", f"/certificates/{NONE}/files", IMD).status_code == 404
    assert get(office, f"/retention/certificates/{NONE}", IMD).status_code == 404


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("zh-CN", ("示例快递", "检查点条目数", "存档签字")),
        ("en", ("Example Express", "Checkpoint, entries", "signed by hand")),
    ],
)
def test_it_names_its_zone_its_checkpoint_and_its_entry_in_both_languages(
    office: Front, issued: dict[str, Any], language: str, words: tuple[str, ...]
) -> None:
    settle(office.parts, datetime.now(UTC))
    browser = office.browser(AUDITOR)
    browser.set_cookie("language", language, domain="127.0.0.1")
    address = f"/retention/certificates/{issued['certificate']}"
    page = browser.get(address, base_url=HOST).text
    zone = office.parts.policy.zone
    finished = datetime.fromisoformat(issued["statement"]["times"]["finished"]).astimezone(zone)
    assert f"{finished:%Y-%m-%d %H:%M:%S} UTC+08:00" in page
    assert "Asia/Shanghai" in page
    signed = office.parts.log_files.signed()
    assert signed is not None
    for text in (*words, signed.note.split("\n")[2], issued["statement"]["origin"]):
        assert text in page
    assert re.search(r'href="/log/events/[0-9a-f]{32}"', page)  # an auditor may follow
    assert not re.search(r'href="/log/events/', get(office, address, IMD).text)


def test_a_word_that_stands_in_a_template_is_said_in_the_language_of_whoever_reads(
    office: Front, issued: dict[str, Any]
) -> None:
    address = f"/retention/certificates/{issued['certificate']}"
    seen = {}
    for language in ("zh-CN", "en", "zh-CN"):
        browser = office.browser(AUDITOR)
        browser.set_cookie("language", language, domain="127.0.0.1")
        seen[language] = browser.get(address, base_url=HOST).text
    assert "out of reach of every registered copy" in seen["en"]
    assert "所有登记副本均无法恢复" not in seen["en"]
    assert "所有登记副本均无法恢复" in seen["zh-CN"]


def test_the_page_of_its_plan_says_when_the_last_copy_dies(office: Front, issued: dict[str, Any]) -> None:
    page = get(office, f"/retention/plans/{issued['statement']['plan']['id']}", IMD).text
    last = max(one["final_from"] for one in issued["statement"]["cohorts"])
    assert f"已销毁 0 个，最后一个最早于 {last} 销毁" in page
