from __future__ import annotations

import json
import logging
from io import StringIO
from typing import Any

import pytest

from tests.web.conftest import AGENT, HOST, POOL_PHONE, Front
from tests.web.test_gate import csrf_of
from vault.web import logs

SECRET = "13800138000"


def lines(written: StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


def test_a_request_is_one_line_of_json(front: Front, written: StringIO) -> None:
    front.client().get("/healthz", base_url=HOST)
    (line,) = lines(written)
    assert list(line) == ["time", "level", "event", "endpoint", "status", "milliseconds", "node"]
    assert (line["event"], line["endpoint"], line["status"], line["node"]) == ("request", "health.alive", 200, "n1")


@pytest.mark.parametrize("key", ["number", "path", "query", "body", "exception", "work_number", "message"])
def test_a_key_outside_the_list_is_dropped(written: StringIO, key: str) -> None:
    logs.line("request", **{key: SECRET, "code": "kept"})
    (line,) = lines(written)
    assert key not in line
    assert line["code"] == "kept"
    assert SECRET not in written.getvalue()


def test_every_line_has_only_keys_of_the_list(front: Front, written: StringIO) -> None:
    front.api("POST", "/lookups", json={"number": POOL_PHONE, "purpose": "query"})
    front.api("POST", "/lookups", json={"number": "1"})
    front.client().get("/nowhere", base_url=HOST)
    for line in lines(written):
        assert set(line) <= set(logs.KEYS)


@pytest.mark.parametrize("level", ["warning", "error", "critical"])
def test_a_library_says_where_and_not_what(written: StringIO, level: str) -> None:
    logger = logging.getLogger("some.driver")
    getattr(logger, level)("failed for %s", SECRET, exc_info=ValueError(SECRET), extra={"number": SECRET})
    (line,) = lines(written)
    assert (line["event"], line["reason"]) == ("library", "ValueError")
    assert line["code"].startswith("some.driver:test_logs:")
    assert SECRET not in written.getvalue()


def test_the_chatter_of_libraries_is_not_written(written: StringIO) -> None:
    logging.getLogger("some.driver").info("connected")
    assert lines(written) == []


def test_what_people_type_into_pages_is_in_no_line_and_no_header(front: Front, written: StringIO) -> None:
    browser = front.browser(AGENT)
    token = csrf_of(browser.get("/lookup", base_url=HOST))
    fields = ("number", "purpose", "case", "choose", "case_purpose", "field", "ordinal", "work_number", "password")
    form = dict.fromkeys((*fields, "secret", "again", "back", "language", "before"), SECRET)
    pages = ["/lookup", "/ask", "/language", "/activate", "/sign-in", f"/cases/{SECRET}/records/{SECRET}/reveal"]
    for path in pages:
        for purpose in (SECRET, "query"):
            answer = browser.post(
                f"{path}?number={SECRET}",
                data=form | {"csrf_token": token, "purpose": purpose},
                headers={"User-Agent": SECRET, "X-Request-Id": SECRET},
                base_url=HOST,
            )
            assert SECRET not in str(answer.headers), path
            token = csrf_of(browser.get("/lookup", base_url=HOST)) if path == "/sign-in" else token
    assert len(lines(written)) >= len(pages) * 2
    assert SECRET not in written.getvalue()
