from __future__ import annotations

import re
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from tests.web.conftest import HOST, POOL_PHONE, Front
from vault.web.api.routes import PREFIX, ROUTES


@pytest.fixture
def document(front: Front) -> dict[str, Any]:
    answer = front.client().get("/api/v1/openapi.json", base_url=HOST)
    assert (answer.status_code, answer.content_type) == (200, "application/json")
    described: dict[str, Any] = answer.json
    return described


def test_the_description_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    validate(document, cls=OpenAPIV31SpecValidator)


def test_every_route_under_the_prefix_is_described_and_nothing_else(front: Front, document: dict[str, Any]) -> None:
    served = {
        (method.lower(), re.sub(r"<(?:hex32:)?(\w+)>", r"{\1}", rule.rule.removeprefix(PREFIX)))
        for rule in front.app.url_map.iter_rules()
        if rule.rule.startswith(PREFIX) and not rule.rule.endswith("/openapi.json")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    described = {(method, path) for path, item in document["paths"].items() for method in item}
    assert served == described
    assert len(ROUTES) == len(served)


def test_only_signing_in_needs_no_session(document: dict[str, Any]) -> None:
    operations = [one for item in document["paths"].values() for one in item.values()]
    assert [one["operationId"] for one in operations if not one["security"]] == ["sign_in"]


NARROWING = ("since", "until", "person", "role", "action", "outcome", "purpose", "shift", "record")
"""What narrows a search of the log: times, work numbers, random ids and words of closed lists."""


def test_no_identifier_that_people_type_travels_in_an_address(document: dict[str, Any]) -> None:
    for item in document["paths"].values():
        for operation in item.values():
            parameters = operation.get("parameters", ())
            named = {one["name"] for one in parameters if one["schema"].get("pattern") != "^[0-9a-f]{32}$"}
            known = {"work_number", "successor", "state", "before", "after", "limit", "clock", "radius"}
            assert named <= {*known, *NARROWING}


def test_bodies_are_closed_and_say_what_is_required(document: dict[str, Any]) -> None:
    schema = document["components"]["schemas"]["LookupBody"]
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["number", "purpose"]
    assert "default" not in schema["properties"]["number"]


def test_the_answers_that_come_are_the_answers_described(front: Front, document: dict[str, Any]) -> None:
    looked_up = document["paths"]["/lookups"]["post"]["responses"]
    for body, who in (
        ({"number": POOL_PHONE, "purpose": "query"}, "KF9001"),
        ({"number": "1", "purpose": "query"}, "KF9001"),
        ({"number": POOL_PHONE, "purpose": "advertising"}, "KF9001"),
        ({"number": "13912345609", "purpose": "query"}, "KF9001"),
        ({}, None),
    ):
        answer = front.api("POST", "/lookups", who=who, json=body)
        assert answer.content_type in looked_up[str(answer.status_code)]["content"]


def test_the_description_says_every_shape_in_a_sentence(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        assert schema["description"], name
