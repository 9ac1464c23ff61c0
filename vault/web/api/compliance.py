"""The compliance report, for programs."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AwareDatetime, Field, StringConstraints

from vault.domain.rules.access import Right
from vault.services import compliance
from vault.web import gate
from vault.web.api.routes import route
from vault.web.api.shapes import Shape, Word
from vault.web.gate import now, parts, person


class Sentence(Shape):
    """One sentence of the report."""

    id: Word = Field(description="Which sentence.")
    facts: dict[str, str | int] = Field(description="What fills it.")


class ClauseLine(Shape):
    """How the vault stands to one clause."""

    clause: Annotated[str, StringConstraints(pattern="^[A-Z]{2}-[0-9]{2}$")]
    source: str
    zh: str = Field(description="The clause's own words.")
    en: str
    standing: Word = Field(description="in_line, exception or not_built.")
    rules: list[Sentence]
    evidence: list[Sentence]
    oldest: AwareDatetime | None
    search: dict[str, str] = Field(description="What to ask `/events` for, to see the events behind it.")


class CheckpointLine(Shape):
    """The last signed checkpoint when the report was drawn."""

    origin: str
    size: int
    root: str = Field(description="Base64.")


class ComplianceReport(Shape):
    """The vault against every clause, at one moment."""

    at: AwareDatetime
    days: int = Field(description="How far back events were counted.")
    policy: str = Field(description="SHA-256 of the rules in force.")
    events: int
    checkpoint: CheckpointLine | None
    in_line: bool = Field(description="No clause has an exception; parts that are not built count as none.")
    counts: dict[str, int]
    clauses: list[ClauseLine]


@route("GET", "/compliance", gate.door(Right.COMPLIANCE), answer=ComplianceReport)
def compliance_report() -> dict[str, Any]:
    """Draw the compliance report: clause by clause the rule in force, the evidence, in line or not."""
    return compliance.document(compliance.view(parts(), person(), now()))
