"""What people file on paper: a certificate of destruction on A4, in both languages, with nothing cut off."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page

from tests.browser.paper import PRINTABLE, cut_off, lines_to_sign, sheets, still_shown, to_paper
from tests.browser.test_accessibility import Visit, violations
from tests.browser.test_browser_retention import starts_in
from tests.web.conftest import AUDITOR, IMD, Front, small_vault
from tests.web.retention import COLLEAGUE, add_colleague, add_due
from vault import jobs
from vault.services.log import settle

pytestmark = pytest.mark.browser

MOST_SHEETS = 2
HASH = 64  # hexadecimal digits


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """A vault in which a plan was carried out and certified, and the log signed."""
    with small_vault(tmp_path_factory.mktemp("printing")) as opened:
        add_colleague(opened, tmp_path_factory.mktemp("colleague"))
        add_due(opened, tmp_path_factory.mktemp("due"))
        made = opened.api("POST", "/retention/plans", IMD).json
        place = f"/retention/plans/{made['plan']}"
        assert opened.api("POST", f"{place}/proposal", IMD).status_code == 204
        assert opened.api("POST", f"{place}/approval", COLLEAGUE, json={"digest": made["digest"]}).status_code == 200
        starts_in(opened, place, -1)
        for name in ("destruction", "certificates"):
            next(one for one in jobs.TIMETABLE if one.name == name).call(opened.parts, datetime.now(UTC))
        settle(opened.parts, datetime.now(UTC))
        yield opened


def certificate(visit: Visit, front: Front, language: str, width: int = 1280, scheme: str = "light") -> Page:
    visitor = visit(width, color_scheme=scheme)
    visitor.page.context.add_cookies([{"name": "language", "value": language, "url": visitor.address}])
    visitor.sign_in(AUDITOR)
    made = front.api("GET", "/certificates", AUDITOR).json["certificates"][0]["certificate"]
    visitor.page.goto(f"{visitor.address}/retention/certificates/{made}")
    return visitor.page


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_a_certificate_prints_on_a4_whole_and_without_what_is_for_the_screen(
    visit: Visit, front: Front, language: str
) -> None:
    page = certificate(visit, front, language)
    to_paper(page)
    assert cut_off(page) == []
    outside = page.eval_on_selector_all(
        ".sheet *", "(all, most) => all.filter(one => one.getBoundingClientRect().right > most + 1).length", PRINTABLE
    )
    assert outside == 0
    assert still_shown(page, ".bar", ".title-acts", "button", "nav") == []
    assert lines_to_sign(page) == 6  # three names, three dates
    assert page.eval_on_selector("thead", "one => getComputedStyle(one).display") == "table-header-group"
    whole = [one for one in page.locator(".sheet .long").all_inner_texts() if len(one) == HASH]
    assert len(whole) >= 4  # digests stand there whole, wrapped if need be
    assert 1 <= sheets(page) <= MOST_SHEETS


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_the_screen_it_breaks_no_rule_and_is_not_wider_than_it(
    visit: Visit, front: Front, language: str, width: int, scheme: str
) -> None:
    page = certificate(visit, front, language, width, scheme)
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert not page.locator(".on-paper").is_visible()


def test_the_files_are_taken_with_the_keyboard_alone(visit: Visit, front: Front) -> None:
    page = certificate(visit, front, "zh-CN")
    page.locator("form button.main").focus()
    with page.expect_download() as coming:
        page.keyboard.press("Enter")
    assert re.fullmatch(r"certificate-[0-9a-f]{32}\.zip", coming.value.suggested_filename)
