"""The API's shapes: what programs may send and what they get back, exact in names and types.

The same models check the bodies and describe them in the OpenAPI document.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from vault.domain import service_records


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
Moment = Annotated[
    str,
    StringConstraints(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})$"
    ),
    Field(json_schema_extra={"format": "date-time"}),
]
Code = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(clean_text)]
Typed = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(clean_text)]


class Shape(BaseModel):
    """Base of every shape: exactly the named keys, exactly the named types."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


# -- what comes in -----------------------------------------------------------------------------------------------


class SignInBody(Shape):
    """Who signs in, and with what."""

    work_number: Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(clean_text)]
    password: Annotated[str, StringConstraints(min_length=1, max_length=1024), AfterValidator(clean_text)]
    code: Code | None = Field(None, description="Of the second factor; without it the session owes it.")


class PasswordBody(Shape):
    """The current password and the new one, both exactly as typed."""

    current: Annotated[str, StringConstraints(min_length=1, max_length=1024), AfterValidator(clean_text)]
    new: Annotated[str, StringConstraints(min_length=1, max_length=1024), AfterValidator(clean_text)]


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


class NoticeGiven(Shape):
    """Which notice the customer was given, and how (CE-01)."""

    version: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
    channel: Word


class ServiceRecordBody(Shape):
    """A service record to file from an open case, on a customer in scope within it."""

    case: Id
    customer: Id
    shipment: Id | None = Field(None, description="The shipment it is about, one of the customer's.")
    kind: Word = Field(json_schema_extra={"enum": list(service_records.KINDS)})
    channel: Word = Field(json_schema_extra={"enum": list(service_records.CHANNELS)})
    ended_at: Moment | None = Field(None, description="Service end with its offset from UTC; left out: now.")
    text: Annotated[
        str, StringConstraints(min_length=1, max_length=service_records.MOST_TEXT), AfterValidator(clean_text)
    ]
    result: Word = Field(json_schema_extra={"enum": list(service_records.RESULTS)})
    category: Word | None = Field(None, description="Topic of a complaint, and only of one.")
    severity: Word | None = Field(None, description="Severity of a complaint, and only of one.")
    rating: Annotated[int, Field(ge=1, le=5)] | None = Field(None, description="Of a rating, and only of one.")
    notice: NoticeGiven
    close: bool = Field(default=True, description="Whether the case ends with the record.")


class CloseBody(Shape):
    """Why a case is closed without a service record."""

    reason: Word


# -- what goes out -----------------------------------------------------------------------------------------------


class Session(Shape):
    """A fresh session; its token is shown this once."""

    token: str
    expires_at: AwareDatetime
    role: Word
    must: Word | None = Field(
        description=(
            "What comes before anything else: `code` of the second factor, a new `password`, `enrol` (set up a second "
            "factor), `confirmation` by a colleague after a reset; null when nothing does."
        )
    )
    must_change_password: bool = Field(description="The password is too old: only `/password` and signing out answer.")


class SessionLine(Shape):
    """One of my open sessions."""

    session: Id
    source: str = Field(description="Network address at sign-in.")
    since: AwareDatetime
    last_seen: AwareDatetime = Field(description="To the minute.")
    current: bool


class MySessions(Shape):
    """My open sessions, newest first."""

    sessions: list[SessionLine]


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
    until: AwareDatetime | None = Field(description="When it ends, where access was given for a time.")


class Revealed(Shape):
    """One value in clear, and for how long to show it."""

    field: Word
    ordinal: int
    value: str
    seconds: int


class Asked(Shape):
    """A request for access, recorded."""

    request: Id


class FiledRecord(Shape):
    """A service record, stored."""

    record: Id
    late: bool = Field(description="Entered later after the service end than the policy allows.")


class CaseLine(Shape):
    """One of my cases."""

    case: Id
    purpose: Word
    opened_at: AwareDatetime
    closed_at: AwareDatetime | None
    clock: Word | None = Field(description="How an open case stands: green, amber or late.")


class RequestLine(Shape):
    """One of my requests for access: the same whether what it asks for exists or not, until it is granted."""

    request: Id
    case: Id
    purpose: Word
    kind: Word
    asked_at: AwareDatetime
    answer_by: AwareDatetime = Field(description="From then on nobody can answer it.")
    state: Word = Field(description="asked, granted, refused or ended; never why, nor by whom.")
    record: Id | None = Field(description="The record to go on with in the case, while access lives.")
    until: AwareDatetime | None = Field(description="When that access ends.")


class MyCases(Shape):
    """My cases, open ones first, and my requests, newest first."""

    cases: list[CaseLine]
    requests: list[RequestLine]


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
