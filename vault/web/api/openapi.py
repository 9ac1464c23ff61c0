"""The API's description (OpenAPI 3.1), made from the routes and shapes themselves so that it cannot go stale."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from flask import Blueprint, Response
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from vault.domain.people import Must
from vault.web import gate
from vault.web.api import shapes
from vault.web.api.bodies import JSON
from vault.web.api.routes import PREFIX, ROUTES, Route
from vault.web.api.shapes import Shape
from vault.web.problems import HTTP_PROBLEMS, MEDIA_TYPE

openapi = Blueprint("openapi", __name__, url_prefix=PREFIX)

_PARAMETER = re.compile(r"<(?:hex32:)?(\w+)>")
_REFS = "#/components/schemas/{model}"
_HEX32 = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
_PLAIN = {"work_number": {"type": "string", "maxLength": 64}, "clock": {"type": "string", "pattern": "^[a-z_]{1,20}$"}}
"""Names in an address that are no random ids."""

_PROBLEM = {"content": {MEDIA_TYPE: {"schema": {"$ref": _REFS.format(model="Problem")}}}}
_MISSING = (shapes.LookupBody, shapes.AskBody, shapes.ServiceRecordBody)
"""Bodies that name what may not be there, or not be theirs."""

_MEANINGS = {
    "400": "A value cannot be used.",
    "401": "Not signed in, or the session has ended.",
    "403": "The policy says no.",
    "404": "Not there, or not yours: one answer.",
    "409": "Somebody else decided it a moment earlier.",
    "413": HTTP_PROBLEMS[413][1] + ".",
    "415": HTTP_PROBLEMS[415][1] + ".",
    "500": "Something stored does not fit, or went wrong on our side.",
    "503": "The vault cannot answer right now; nothing was shown.",
}


def document(declared: Sequence[Route]) -> dict[str, Any]:
    """Describe routes.

    Args:
        declared: the routes.

    Returns:
        An OpenAPI 3.1 document.
    """
    described: set[type[BaseModel]] = {shapes.Problem}
    described.update(shape for one in declared for shape in (one.answer, one.body) if shape is not None)
    ordered = sorted(described, key=lambda shape: shape.__name__)
    _, schemas = models_json_schema([(shape, "validation") for shape in ordered], ref_template=_REFS)
    paths: dict[str, dict[str, Any]] = {}
    for one in declared:
        paths.setdefault(_PARAMETER.sub(r"{\1}", one.path), {})[one.method.lower()] = _operation(one)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Courier data vault",
            "version": "1",
            "description": "Identifiers travel in bodies, never in addresses. Answers are masked by the caller's role.",
        },
        "servers": [{"url": PREFIX}],
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"session": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(one: Route) -> dict[str, Any]:
    statuses = ["500", "503"]
    statuses += [] if one.door.is_open else ["401"]
    lets_all = one.door.even_if.issuperset(Must) and not (one.door.right or one.door.fresh)
    statuses += [] if one.door.is_open or lets_all else ["403"]
    statuses += ["404"] if "<" in one.path or one.body in _MISSING else []
    statuses += ["400", "413", "415"] if one.body else ["400"] if one.query else []
    statuses += ["401"] if one.body is shapes.SignInBody else []
    statuses += [str(status) for status in one.also]
    good: dict[str, Any] = {"description": one.summary}
    if one.answer is not None:
        good["content"] = {JSON: {"schema": {"$ref": _REFS.format(model=one.answer.__name__)}}}
    elif one.media:
        good["content"] = {one.media: {}}
    operation: dict[str, Any] = {
        "operationId": one.name,
        "summary": one.summary,
        "security": [] if one.door.is_open else [{"session": []}],
        "responses": {
            str(one.status): good,
            **{code: {"description": _MEANINGS[code], **_PROBLEM} for code in sorted(statuses)},
        },
    }
    if one.door.right is not None:
        operation["description"] = f"Needs the right `{one.door.right.value}`."
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": _PLAIN.get(name, _HEX32)}
        for name in _PARAMETER.findall(one.path)
    ]
    if one.query is not None:
        parameters += _query_parameters(one.query)
    if parameters:
        operation["parameters"] = parameters
    if one.body is not None:
        schema = {"$ref": _REFS.format(model=one.body.__name__)}
        operation["requestBody"] = {"required": True, "content": {JSON: {"schema": schema}}}
    return operation


def _query_parameters(shape: type[Shape]) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "query", "required": False, "schema": schema}
        for name, schema in shape.model_json_schema()["properties"].items()
    ]


@cache
def _text() -> str:
    return json.dumps(document(ROUTES), ensure_ascii=False)


@openapi.get("/openapi.json")
@gate.open_door
def describe() -> Response:
    """Give the API's description."""
    return Response(_text(), mimetype=JSON)
