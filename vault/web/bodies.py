"""What programs may send and what they get back: the API's shapes, and the strict reading of JSON.

The same models check the bodies and describe them in the OpenAPI document. A refusal names the field and the reason
and never says what was sent; of an unknown key not even the name is repeated unless it looks like a field's name.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, TypeVar

from flask import abort, request
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import PydanticCustomError

from vault.errors import InvalidValue

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


def clean_text(text: str) -> str:
    """Return a text as it is, if it is one.

    Raises:
        PydanticCustomError: it holds NUL, which PostgreSQL cannot keep, or half of a surrogate pair, which no
            encoding can.
    """
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise PydanticCustomError("not_text", "not text")
    return text


Id = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$"), Field(description="16 random bytes in hexadecimal.")]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{0,39}$"), Field(description="A word of a closed list.")]
Digits = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,15}$")]
Typed = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(clean_text)]


class Shape(BaseModel):
    """Base of every shape: exactly the named keys, exactly the named types."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


# -- what comes in -----------------------------------------------------------------------------------------------


class SignInBody(Shape):
    """Who signs in, and with what."""

    work_number: Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(clean_text)]
    password: Annotated[str, StringConstraints(min_length=1, max_length=1024), AfterValidator(clean_text)]


class LookupBody(Shape):
    """An exact number and a purpose; a case to continue, and the chosen one of several customers."""

    number: Typed = Field(description="A waybill, phone or ID number, whole and exact.")
    purpose: Word
    case: Id | None = None
    choose: Id | None = None


class RevealBody(Shape):
    """One field, and which of several values."""

    field: Word
    ordinal: Annotated[int, Field(ge=0, le=999)] = 0


class AskBody(Shape):
    """The case of a look-up that showed nothing, and the number once more."""

    case: Id
    number: Typed


class EventsQuery(Shape):
    """Which events of the log to list."""

    before: Digits | None = Field(None, description="List events with a smaller index.")
    limit: Digits = Field("50", description="How many at most, 1 to 200.")


# -- what goes out -----------------------------------------------------------------------------------------------


class Session(Shape):
    """A fresh session; its token is shown this once."""

    token: str
    expires_at: AwareDatetime
    role: Word


class Value(Shape):
    """One masked value; ``value`` instead of ``text`` where a field holds a structure."""

    field: Word
    ordinal: int
    text: str | None = None
    value: Any = None
    revealable: bool


class Card(Shape):
    """One record as this person may see it."""

    id: Id
    record_class: Word = Field(alias="class")
    part: Word = Field(description="What it is in the answer.")
    rule: str = Field(description="The rule of scope that lets it be shown.")
    outlet: str
    kind: str
    is_open: bool = Field(alias="open")
    values: list[Value]


class Found(Shape):
    """What a look-up found in scope."""

    case: Id
    purpose: Word
    kind: Word
    choose: bool = Field(description="Several customers share the number: look up again with `choose`.")
    records: list[Card]


class RecordInCase(Shape):
    """A record of an open case, and what hangs on it."""

    case: Id
    purpose: Word
    record: Card
    related: list[Card]


class Revealed(Shape):
    """One value in clear, and for how long to show it."""

    field: Word
    ordinal: int
    value: str
    seconds: int


class Asked(Shape):
    """A request for access, recorded."""

    request: Id


class CaseLine(Shape):
    """One of my cases."""

    case: Id
    purpose: Word
    opened_at: AwareDatetime
    closed_at: AwareDatetime | None


class RequestLine(Shape):
    """One of my requests for access."""

    request: Id
    case: Id
    kind: Word
    asked_at: AwareDatetime
    state: Word


class MyCases(Shape):
    """My cases and my requests, newest first."""

    cases: list[CaseLine]
    requests: list[RequestLine]


class EventLine(Shape):
    """One event of the access log."""

    index: int
    event: dict[str, Any]


class Events(Shape):
    """Events of the access log, newest first."""

    events: list[EventLine]


class Problem(BaseModel):
    """Why there is no answer (RFC 9457)."""

    type: str
    title: str
    status: int
    code: Word = Field(description="Stable; decide by this.")
    detail: str | None = None
    reason: str | None = None
    field: str | None = Field(None, description="The field that cannot be used; never its value.")
    case: Id | None = Field(None, description="The case that a look-up without an answer opened; ask with it.")
    incident: str | None = Field(None, description="Quote it to the operator.")


# -- reading -----------------------------------------------------------------------------------------------------

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
