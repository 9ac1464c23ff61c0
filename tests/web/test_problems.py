from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest

from tests.web.conftest import AGENT, HOST, POOL_PHONE, Front
from vault import errors, words
from vault.web import problems
from vault.web.api import shapes

Break = Callable[[str, BaseException], None]
LOOKUP = "vault.services.lookup.look_up"
LISTING = "vault.services.cases.my_cases"
SECRET = "13800138000"


def asked(front: Front, **headers: str) -> Any:
    body = {"number": POOL_PHONE, "purpose": "query"}
    return front.api("POST", "/lookups", json=body, headers=headers)


def all_errors() -> list[type[errors.VaultError]]:
    return [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.VaultError)]


EXPECTED = {
    errors.InvalidValue: (400, "invalid_value"),
    errors.SignInRefused: (401, "sign_in_refused"),
    errors.AccessRefused: (403, "access_refused"),
    errors.PasswordExpired: (403, "password_expired"),
    errors.StepUpNeeded: (403, "step_up_needed"),
    errors.AlreadyDecided: (409, "already_decided"),
    errors.NotFound: (404, "not_found"),
    errors.SignInBusy: (503, "sign_in_busy"),
    errors.StorageUnavailable: (503, "storage_unavailable"),
    errors.LogUnavailable: (503, "log_unavailable"),
    errors.VaultSealed: (503, "vault_sealed"),
    errors.IntegrityError: (500, "integrity_error"),
}


@pytest.mark.parametrize("kind", all_errors())
def test_each_error_of_the_house_has_one_answer(front: Front, broken: Break, kind: type[errors.VaultError]) -> None:
    broken(LOOKUP, kind("some_reason", field="phone", path=f"/secret/{SECRET}"))
    answer = asked(front)
    assert (answer.status_code, answer.json["code"]) == EXPECTED.get(kind, (500, "unexpected"))
    assert answer.content_type == "application/problem+json"
    assert answer.json["type"] == f"urn:datavault:problem:{answer.json['code']}"
    assert answer.json["status"] == answer.status_code
    shapes.Problem.model_validate_json(answer.text)
    assert SECRET not in answer.text


@pytest.mark.parametrize("kind", [errors.StorageUnavailable, errors.LogUnavailable, errors.VaultSealed])
def test_an_unavailable_vault_says_when_to_try_again_and_nothing_else(
    front: Front, broken: Break, kind: type[errors.VaultError]
) -> None:
    broken(LOOKUP, kind("database_unavailable", kind="OperationalError"))
    answer = asked(front)
    assert answer.headers["Retry-After"] == "2"
    assert set(answer.json) == {"type", "title", "status", "code"}


def test_an_integrity_error_says_nothing_but_that(front: Front, broken: Break, written: StringIO) -> None:
    broken(LOOKUP, errors.IntegrityError("unreadable", field="phone"))
    assert set(asked(front).json) == {"type", "title", "status", "code"}
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert ("problem", "error", "integrity_error") in {(one["event"], one["level"], one.get("code")) for one in lines}


def test_a_fact_outside_the_table_is_never_told(front: Front, broken: Break) -> None:
    broken(LOOKUP, errors.InvalidValue("not_a_phone", field="phone", value=SECRET, line=7))
    assert set(asked(front).json) == {"type", "title", "status", "code", "detail", "reason", "field"}


@pytest.mark.parametrize("error", [ValueError(SECRET), KeyError(SECRET), RecursionError(), errors.ReceiptError(SECRET)])
def test_the_unexpected_gets_an_incident_number_and_no_text(
    front: Front, broken: Break, written: StringIO, error: Exception
) -> None:
    broken(LOOKUP, error)
    answer = asked(front)
    assert (answer.status_code, answer.json["code"]) == (500, "unexpected")
    incident = answer.json["incident"]
    assert len(incident) == 16
    assert incident in answer.json["detail"]
    line = next(one for one in map(json.loads, written.getvalue().splitlines()) if one["event"] == "unexpected")
    assert (line["incident"], line["level"]) == (incident, "error")
    assert line["reason"].startswith("web/api/")
    assert SECRET not in answer.text + str(answer.headers) + written.getvalue()


def test_two_incidents_have_two_numbers(front: Front, broken: Break) -> None:
    broken(LOOKUP, ValueError())
    assert asked(front).json["incident"] != asked(front).json["incident"]


def test_titles_speak_chinese_unless_english_is_asked_for(front: Front, broken: Break) -> None:
    broken(LOOKUP, errors.NotFound("nothing_to_show"))
    english = asked(front, **{"Accept-Language": "en-GB,en;q=0.9"}).json["title"]
    assert english == problems.PROBLEMS[errors.NotFound].title
    for accepted in ("zh-CN", "", "fr", "*", "zh;q=0.9,en;q=0.1", "zh-TW,en;q=0.5"):
        title = asked(front, **{"Accept-Language": accepted}).json["title"]
        assert title != english
        assert not title.isascii()


def titles() -> list[str]:
    tables = [*(one.title for one in problems.PROBLEMS.values()), problems.UNEXPECTED.title, problems.FORM_EXPIRED[1]]
    return tables + [title for _, title in problems.HTTP_PROBLEMS.values()]


@pytest.mark.parametrize("title", titles())
def test_every_title_exists_in_chinese(title: str) -> None:
    assert not words.translator("zh-CN")(title).isascii()


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("PUT", "/lookups", 405, "method_not_allowed"),
        ("GET", "/lookups", 405, "method_not_allowed"),
        ("TRACE", "/lookups", 405, "method_not_allowed"),
    ],
)
def test_what_the_framework_refuses_is_a_problem_document_too(
    front: Front, method: str, path: str, status: int, code: str
) -> None:
    answer = front.api(method, path)
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert answer.content_type == "application/problem+json"


def test_a_wrong_method_learns_the_right_one(front: Front) -> None:
    assert front.api("GET", "/lookups").headers["Allow"] == "POST"


@pytest.mark.parametrize(
    "error", [errors.LogUnavailable("log_not_written"), errors.IntegrityError(), ValueError(SECRET)]
)
def test_people_get_a_page(front: Front, broken: Break, error: Exception) -> None:
    broken(LISTING, error)
    answer = front.browser(AGENT).get("/cases", base_url=HOST)
    assert answer.status_code >= 500
    assert answer.content_type == "text/html; charset=utf-8"
    assert "<h1>" in answer.text
    assert SECRET not in answer.text


def test_a_script_of_a_page_gets_json(front: Front, broken: Break) -> None:
    broken(LISTING, errors.LogUnavailable("log_not_written"))
    answer = front.browser(AGENT).get("/cases", base_url=HOST, headers={"Accept": "application/json"})
    assert answer.json["code"] == "log_unavailable"


def test_a_page_is_answered_even_when_nobody_can_be_recognised(front: Front, broken: Break) -> None:
    broken("vault.services.sessions.person_of", errors.StorageUnavailable("database_unavailable"))
    for answer in (front.browser(AGENT).get("/lookup", base_url=HOST), front.api("GET", "/cases")):
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "2"


def test_addresses_that_are_not_there_are_pages_for_people(front: Front) -> None:
    answer: Any = front.client().get("/<script>alert(1)</script>", base_url=HOST)
    assert answer.status_code == 404
    assert "alert(1)" not in answer.text
