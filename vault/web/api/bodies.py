"""Reading what programs send, strictly: exactly one spelling of JSON, exactly the named keys and types.

A refusal names the field and the reason and never says what was sent; of an unknown key not even the name is
repeated unless it looks like a field's name.
"""

from __future__ import annotations

import json
import re
from typing import Any, TypeVar

from flask import abort, request
from pydantic import ValidationError

from vault.errors import InvalidValue
from vault.web.api.shapes import Shape

JSON = "application/json"
WHOLE = "body"
"""What a refusal names when it concerns no single field."""

_FIELD_NAME = re.compile(r"[a-z][a-z_]{0,30}")
_REASONS = {
    "missing": "missing",
    "extra_forbidden": "unknown_key",
    "string_too_short": "too_short",
    "string_too_long": "too_long",
    "greater_than_equal": "out_of_range",
    "less_than_equal": "out_of_range",
    "string_pattern_mismatch": "wrong_form",
    "string_unicode": "not_text",
    "not_text": "not_text",
}


Model = TypeVar("Model", bound=Shape)


def read_body(model: type[Model]) -> Model:
    """Read the request's JSON body.

    Raises:
        InvalidValue: it is no JSON, or not of this shape; ``field`` names the field.
    """
    if request.mimetype != JSON:
        abort(415)
    raw = request.get_data(cache=False)
    if request.content_length is None and len(raw) >= (request.max_content_length or 0):
        abort(413)  # sent in chunks: werkzeug cuts it off at the limit and says nothing
    try:
        found = _DECODER.decode(raw.decode())
    except RecursionError:
        raise InvalidValue("nested_too_deep", field=WHOLE) from None
    except ValueError:  # not UTF-8, not JSON, or a number of thousands of digits
        raise InvalidValue("not_json", field=WHOLE) from None
    return shaped(model, found)


def read_query(model: type[Model]) -> Model:
    """Read the request's query string, each name once.

    Raises:
        InvalidValue: an unknown or repeated name, or a value that cannot be.
    """
    return shaped(model, _object([(name, value) for name, value in request.args.items(multi=True)]))


def shaped(model: type[Model], found: object) -> Model:
    """Check a value against a shape.

    Raises:
        InvalidValue: the first thing that does not fit.
    """
    try:
        return model.model_validate(found)
    except ValidationError as error:
        # Without the input, the context and the message: all three may hold what was sent.
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    name = str(first["loc"][0]) if first["loc"] else WHOLE
    raise InvalidValue(_REASONS.get(first["type"], "wrong_type"), field=_nameable(name))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise InvalidValue("duplicate_key", field=_nameable(name))
        found[name] = value
    return found


def _nameable(name: str) -> str:
    return name if _FIELD_NAME.fullmatch(name) else WHOLE


def _no_constant(_name: str) -> Any:  # noqa: ANN401 - the decoder's signature
    raise InvalidValue("not_json", field=WHOLE)


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_no_constant)
