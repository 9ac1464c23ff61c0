"""Signals behind an incident, and its misuse records, for programs of people: the pages' own walks."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from vault.domain.breach.misuse import REFERENCE_LENGTH, STATEMENT_LENGTH
from vault.domain.breach.signals import Evidence
from vault.domain.rules.access import Right
from vault.services.breach import misuse, misuse_reading, signals
from vault.services.breach.misuse import Draft
from vault.services.breach.misuse_reading import Shown
from vault.services.steps.breach.incidents import NOTE_LENGTH
from vault.web import gate
from vault.web.api.routes import moment_of, route, time_text
from vault.web.api.shapes import Code, Id, Moment, Shape, Word, clean_text
from vault.web.gate import now, parts, person

_INCIDENT = "/incidents/<hex32:incident>"
_Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$"), Field(description="SHA-256 in hexadecimal.")]
_Statement = Annotated[str, StringConstraints(min_length=1, max_length=STATEMENT_LENGTH), AfterValidator(clean_text)]
_Note = Annotated[str, StringConstraints(min_length=1, max_length=NOTE_LENGTH), AfterValidator(clean_text)]
_Reference = Annotated[str, StringConstraints(max_length=REFERENCE_LENGTH), AfterValidator(clean_text)]


# -- what comes in -----------------------------------------------------------------------------------------------


class MisuseBody(Shape):
    """What an officer writes down about somebody; how many records they were shown, the log says."""

    account: Code = Field(description="Work number of who did it.")
    statement: _Statement = Field(description="What is held against them; sealed.")
    contract_ended: bool = False
    loss_claimed: bool = False
    police_reference: _Reference = Field("", description="Sealed.")
    since: Moment | None = Field(None, description="Counted from; left out: from the first signal about them.")
    until: Moment | None = Field(None, description="Counted to, exclusive; left out: now.")


class SignMisuseBody(Shape):
    """The record as it was looked at."""

    digest: _Digest


class WithdrawMisuseBody(Shape):
    """Why a draft is taken back."""

    note: _Note = Field(description="Sealed.")


# -- what goes out -----------------------------------------------------------------------------------------------


class SignalLine(Shape):
    """A signal that opened or joined an incident, with its evidence."""

    id: Id
    signal: Word
    account: str = Field(description="Work number, or empty where it is about nobody.")
    source: str = Field(description="Network address, or empty.")
    count: int
    threshold: int
    since: AwareDatetime
    until: AwareDatetime
    events: list[Id] = Field(description="The newest of the events counted, oldest first.")
    tested: bool
    raised_at: AwareDatetime


class SignalsOfIncident(Shape):
    """The signals of an incident, the first first."""

    signals: list[SignalLine]


class MisuseMade(Shape):
    """A record, drafted."""

    id: Id


class MisuseLine(Shape):
    """A record of proven misuse."""

    id: Id
    account: str
    distinct_records: int
    statement: str
    account_frozen: bool
    contract_ended: bool
    loss_claimed: bool
    police_reference: str
    evidence: dict[str, Any] = Field(description="What the log says: ids, counts, times and digests.")
    evidence_digest: _Digest
    digest: _Digest
    drafted_by: str
    drafted_at: AwareDatetime
    signed_by: str = Field(description="Work number; empty while it waits for the second signature.")
    signed_at: AwareDatetime | None
    withdrawn_at: AwareDatetime | None = Field(description="When the draft was taken back.")


class MisuseRecords(Shape):
    """The records of an incident, the first drafted first; one about the reader is not among them."""

    records: list[MisuseLine]


@route("GET", f"{_INCIDENT}/signals", gate.door(Right.INCIDENT_VIEW), answer=SignalsOfIncident, also=(404,))
def list_incident_signals(incident: bytes) -> dict[str, Any]:
    """List the signals of an incident with their evidence."""
    return {"signals": [_signal(one) for one in signals.evidence(parts(), person(), incident, now())]}


@route("GET", f"{_INCIDENT}/misuse", gate.door(Right.INCIDENT), answer=MisuseRecords, also=(404,))
def list_misuse_records(incident: bytes) -> dict[str, Any]:
    """List the misuse records of an incident."""
    return {"records": [_record(one) for one in misuse_reading.shown(parts(), person(), incident, now()).records]}


@route(
    "POST",
    f"{_INCIDENT}/misuse",
    gate.door(Right.INCIDENT),
    answer=MisuseMade,
    status=201,
    body=MisuseBody,
    also=(404, 409),
)
def draft_misuse_record(body: MisuseBody, incident: bytes) -> dict[str, Any]:
    """Draft a misuse record, or draft it again while nobody has signed it."""
    written = Draft(
        body.account,
        body.statement,
        body.contract_ended,
        body.loss_claimed,
        body.police_reference,
        moment_of(body.since, "since"),
        moment_of(body.until, "until"),
    )
    return {"id": misuse.draft(parts(), person(), incident, written, now()).hex()}


@route(
    "POST",
    "/misuse-records/<hex32:record>/sign",
    gate.door(Right.INCIDENT, fresh=True),
    answer=None,
    status=204,
    body=SignMisuseBody,
    also=(404, 409),
)
def sign_misuse_record(body: SignMisuseBody, record: bytes) -> None:
    """Sign a misuse record, as another human than its drafter; from then on it is fixed."""
    misuse.sign(parts(), person(), record, body.digest, now())


@route(
    "POST",
    "/misuse-records/<hex32:record>/withdraw",
    gate.door(Right.INCIDENT),
    answer=None,
    status=204,
    body=WithdrawMisuseBody,
    also=(404, 409),
)
def withdraw_misuse_record(body: WithdrawMisuseBody, record: bytes) -> None:
    """Take back a draft that nobody has signed."""
    misuse.withdraw(parts(), person(), record, body.note, now())


def _signal(one: Evidence) -> dict[str, Any]:
    found = one.found
    return {
        "id": one.evidence_id.hex(),
        "signal": found.name.value,
        "account": one.work_number,
        "source": found.source,
        "count": found.count,
        "threshold": found.threshold,
        "since": time_text(found.since),
        "until": time_text(found.until),
        "events": [event.hex() for event in found.events],
        "tested": one.tested,
        "raised_at": time_text(one.raised_at),
    }


def _record(one: Shown) -> dict[str, Any]:
    record = one.record
    return {
        "id": record.misuse_id.hex(),
        "account": one.work_number,
        "distinct_records": record.distinct_records,
        "statement": one.statement,
        "account_frozen": record.account_frozen,
        "contract_ended": record.contract_ended,
        "loss_claimed": record.loss_claimed,
        "police_reference": one.police_reference,
        "evidence": dict(one.evidence),
        "evidence_digest": record.evidence_digest.hex(),
        "digest": record.digest.hex(),
        "drafted_by": one.drafted_by,
        "drafted_at": time_text(record.drafted_at),
        "signed_by": one.signed_by,
        "signed_at": time_text(record.signed_at) if record.signed_at else None,
        "withdrawn_at": time_text(record.withdrawn_at) if record.withdrawn_at else None,
    }
