"""Notices to customers, for programs of officers who are signed in: the same walks as the page."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from vault.domain.breach.breach_notices import (
    LANGUAGES,
    MOST_TYPED,
    CallOutcome,
    Channel,
    DoubtDecision,
    RecipientState,
)
from vault.domain.rules.access import Right
from vault.services.breach import (
    breach_notices,
    notice_calls,
    notice_files,
    notice_letters,
    notice_sending,
    notice_waiver,
)
from vault.services.breach.breach_notices import Standing, Wish
from vault.web import gate
from vault.web.api.routes import id_of, route, time_text
from vault.web.api.shapes import Id, Shape, Word, clean_text
from vault.web.gate import now, parts, person

_HERE = "/incidents/<hex32:incident>/notices"
_ONE = f"{_HERE}/<hex32:notice>"
_Text = Annotated[str, StringConstraints(min_length=1, max_length=MOST_TYPED), AfterValidator(clean_text)]
_Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$"), Field(description="SHA-256.")]
_Template = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]


class NoticeTexts(Shape):
    """What is said of the incident, in one language (PIPL 57)."""

    cause: _Text
    harm: _Text
    measures: _Text
    advice: _Text


class NoticeBody(Shape):
    """Notices to prepare."""

    radius: Id = Field(description="A frozen radius of the incident.")
    template: _Template
    channels: list[Literal["mail", "call", "file", "letter"]] = Field(
        min_length=1, max_length=4, description="In the order in which they are tried; a drill uses its sink."
    )
    zh: NoticeTexts
    en: NoticeTexts
    post_if_leaked: bool = Field(default=True, description="Whose telephone or e-mail itself leaked gets a letter.")


class NoticeReleaseBody(Shape):
    """The digest of what the second officer looked at."""

    digest: _Digest


class NoticeOutcomeBody(Shape):
    """How a call went."""

    outcome: Literal["reached", "not_reached", "wrong_number"]


class NoticeDoubtBody(Shape):
    """What is decided on messages in doubt, of one customer or of all."""

    decision: Literal["arrived", "again"]
    record: Id | None = None


class NoticeFileBody(Shape):
    """The form of the file for another sender."""

    format: Literal["csv", "jsonl"]


class NoticePostedBody(Shape):
    """Customers whose letters went out."""

    records: list[Id] = Field(min_length=1, max_length=1000)


class NoticeNoneBody(Shape):
    """Why nobody needs to be told."""

    reason: _Text


class NoticeNoneConfirmationBody(Shape):
    """The digest of the decision that the second officer read."""

    digest: _Digest


class NoticeCount(Shape):
    """How many customers by channel and state."""

    channel: str = Field(description="Empty: there is no contact.")
    state: Word
    count: int


class NoticeLine(Shape):
    """One campaign."""

    notice: Id
    state: Word
    ready: bool
    template: str
    digest: _Digest
    prepared_by: str
    prepared_at: AwareDatetime
    released_by: str
    released_at: AwareDatetime | None
    contacts_at: AwareDatetime = Field(description="Contacts as they were then; the digest covers it.")
    customers: int
    left: int = Field(description="Who still wait for something.")
    counts: list[NoticeCount]


class NoticeStanding(Shape):
    """How telling the customers of an incident stands."""

    outstanding: int
    no_notice: bool | None = Field(
        description="Whether the decision to tell nobody is confirmed; null: none was asked."
    )
    no_notice_reason: str = Field(description="Why, as it was asked for; empty: none was asked.")
    no_notice_digest: str = Field(description="SHA-256, to be repeated by who confirms it; empty: none was asked.")
    notices: list[NoticeLine]


class NoticePrepared(Shape):
    """A draft."""

    notice: Id


class NoticeWords(Shape):
    """What a customer reads in one language."""

    subject: str
    body: str


class NoticeWording(Shape):
    """What customers read; without a name."""

    zh: NoticeWords
    en: NoticeWords


class NoticeRan(Shape):
    """What a run did."""

    sent: int
    unknown: int
    failed: int
    waiting: int = Field(description="Tried again later.")
    server_away: bool


class NoticeCall(Shape):
    """One customer to call."""

    record: Id
    state: Word
    reason: str
    calls: int


class NoticeCalls(Shape):
    """Who must be called."""

    calls: list[NoticeCall]


class NoticeNumber(Shape):
    """One number, as it was when the incident happened."""

    field: Word
    name: str
    number: str


class NoticeState(Shape):
    """What is known of a customer now."""

    state: Word


class NoticeDecided(Shape):
    """Of how many it was decided."""

    count: int


class NoticeFileMade(Shape):
    """A file in the outbox of the data folder."""

    file: Id
    count: int
    sha256: _Digest


@route("GET", _HERE, gate.door(Right.INCIDENT_VIEW), answer=NoticeStanding)
def notices_standing(incident: bytes) -> dict[str, Any]:
    """Tell how telling the customers of an incident stands."""
    return _standing(breach_notices.standing(parts(), person(), incident, now()))


@route("POST", _HERE, gate.door(Right.INCIDENT), answer=NoticePrepared, status=201, body=NoticeBody, also=(409,))
def prepare_notices(body: NoticeBody, incident: bytes) -> dict[str, Any]:
    """Prepare notices; nothing is sent."""
    texts = {"zh": body.zh.model_dump(), "en": body.en.model_dump()}
    channels = [Channel(one) for one in body.channels]
    wish = Wish(bytes.fromhex(body.radius), body.template, channels, texts, body.post_if_leaked)
    return {"notice": breach_notices.prepare(parts(), person(), incident, wish, now()).hex()}


@route("GET", _ONE, gate.door(Right.INCIDENT_VIEW), answer=NoticeWording)
def notice_wording(incident: bytes, notice: bytes) -> dict[str, Any]:
    """Show what customers read."""
    said = breach_notices.wording(parts(), person(), incident, notice, now())
    return {each: {"subject": said[each].subject, "body": said[each].body} for each in LANGUAGES}


@route(
    "POST", f"{_ONE}/release", gate.door(Right.INCIDENT, fresh=True), answer=None, status=204, body=NoticeReleaseBody,
    also=(409,),
)  # fmt: skip
def release_notices(body: NoticeReleaseBody, incident: bytes, notice: bytes) -> None:
    """Release notices as the second officer."""
    breach_notices.release(parts(), person(), incident, notice, body.digest, now())


@route("POST", f"{_HERE}/run", gate.door(Right.INCIDENT), answer=NoticeRan, also=(409,))
def send_notices(incident: bytes) -> dict[str, Any]:
    """Send for a moment; the timetable goes on with it."""
    ran = notice_sending.run_for_a_moment(parts(), person(), incident, now())
    told = (RecipientState.SENT, RecipientState.UNKNOWN, RecipientState.FAILED, RecipientState.WAITING)
    counts = {each.value: ran.counts[each] for each in told}
    return counts | {"server_away": ran.server_away}


@route("GET", f"{_ONE}/calls", gate.door(Right.INCIDENT_VIEW), answer=NoticeCalls, also=(409,))
def notice_call_list(incident: bytes, notice: bytes) -> dict[str, Any]:
    """List who must be called, by random id."""
    found = notice_calls.listed(parts(), person(), incident, notice, now())
    lines = [
        {"record": one.record_id.hex(), "state": one.state.value, "reason": one.reason, "calls": one.calls}
        for one in found
    ]
    return {"calls": lines}


@route("POST", f"{_ONE}/calls/<hex32:record>/number", gate.door(Right.INCIDENT_VIEW), answer=NoticeNumber, also=(409,))
def notice_number(incident: bytes, notice: bytes, record: bytes) -> dict[str, Any]:
    """Show one customer's name and number; it is logged."""
    found = notice_calls.number(parts(), person(), incident, notice, record, now())
    name = found.name.disclose() if found.name else ""
    return {"field": found.field, "name": name, "number": found.number.disclose()}


@route(
    "POST", f"{_ONE}/calls/<hex32:record>/outcome", gate.door(Right.INCIDENT_VIEW), answer=NoticeState,
    body=NoticeOutcomeBody, also=(409,),
)  # fmt: skip
def tick_call(body: NoticeOutcomeBody, incident: bytes, notice: bytes, record: bytes) -> dict[str, Any]:
    """Say how a call went."""
    outcome = CallOutcome(body.outcome)
    return {"state": notice_calls.tick(parts(), person(), incident, notice, record, outcome, now()).value}


@route("POST", f"{_ONE}/doubts", gate.door(Right.INCIDENT), answer=NoticeDecided, body=NoticeDoubtBody, also=(409,))
def decide_doubts(body: NoticeDoubtBody, incident: bytes, notice: bytes) -> dict[str, Any]:
    """Decide on messages in doubt."""
    decision, record = DoubtDecision(body.decision), id_of(body.record)
    return {"count": notice_calls.decide(parts(), person(), incident, notice, decision, now(), record)}


@route(
    "POST", f"{_ONE}/files", gate.door(Right.INCIDENT), answer=NoticeFileMade, status=201, body=NoticeFileBody,
    also=(409,),
)  # fmt: skip
def make_notice_file(body: NoticeFileBody, incident: bytes, notice: bytes) -> dict[str, Any]:
    """Make the file for another sender; it lies in the outbox of the data folder."""
    made = notice_files.make(parts(), person(), incident, notice, body.format, now())
    return {"file": made.file_id.hex(), "count": made.count, "sha256": made.digest}


@route("POST", f"{_HERE}/files/<hex32:file>/removal", gate.door(Right.INCIDENT), answer=None, status=204, also=(409,))
def remove_notice_file(incident: bytes, file: bytes) -> None:
    """Remove a file that was picked up."""
    notice_files.remove(parts(), person(), incident, file, now())


@route(
    "POST", f"{_ONE}/letters/posted", gate.door(Right.INCIDENT), answer=NoticeDecided, body=NoticePostedBody,
    also=(409,),
)  # fmt: skip
def say_letters_posted(body: NoticePostedBody, incident: bytes, notice: bytes) -> dict[str, Any]:
    """Say that letters went out."""
    ids = [bytes.fromhex(one) for one in body.records]
    return {"count": notice_letters.posted(parts(), person(), incident, notice, ids, now())}


@route("POST", f"{_HERE}/none", gate.door(Right.INCIDENT), answer=None, status=204, body=NoticeNoneBody, also=(409,))
def ask_for_no_notice(body: NoticeNoneBody, incident: bytes) -> None:
    """Ask that no customer be told."""
    notice_waiver.ask(parts(), person(), incident, body.reason, now())


@route(
    "POST", f"{_HERE}/none/confirmation", gate.door(Right.INCIDENT, fresh=True), answer=None, status=204,
    body=NoticeNoneConfirmationBody, also=(409,),
)  # fmt: skip
def confirm_no_notice(body: NoticeNoneConfirmationBody, incident: bytes) -> None:
    """Confirm as the second officer that no customer is told."""
    notice_waiver.confirm(parts(), person(), incident, body.digest, now())


def _standing(standing: Standing) -> dict[str, Any]:
    confirmed = None if standing.waiver is None else standing.waiver.confirmed_at is not None
    lines = []
    for told in standing.campaigns:
        one = told.campaign
        counts = [
            {"channel": channel, "state": state.value, "count": count}
            for (channel, state), count in sorted(told.counts.items())
        ]
        lines.append(
            {
                "notice": one.campaign_id.hex(),
                "state": one.state.value,
                "ready": one.is_ready,
                "template": one.template,
                "digest": one.digest.hex(),
                "prepared_by": told.preparer,
                "prepared_at": time_text(one.prepared_at),
                "released_by": told.releaser,
                "released_at": None if one.released_at is None else time_text(one.released_at),
                "contacts_at": time_text(one.contacts_at),
                "customers": told.total,
                "left": told.left,
                "counts": counts,
            }
        )
    return {
        "outstanding": standing.outstanding,
        "no_notice": confirmed,
        "no_notice_reason": standing.waiver_reason,
        "no_notice_digest": standing.waiver_digest,
        "notices": lines,
    }
