"""The compliance report: clause by clause the rule in force, what was counted at this moment, and how the vault stands.

A clause whose part of the product is not there says so; none is left out.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from vault.domain.compliance import CLAUSES, Answer, Clause, Standing
from vault.domain.log import Action, Actor, Outcome
from vault.domain.log_checkpoints import Checkpoint
from vault.domain.people import Person
from vault.domain.rules.access import Right
from vault.errors import AccessRefused
from vault.services.steps import clauses_of_incidents, clauses_of_people, clauses_of_records
from vault.services.steps.evidence import EVIDENCE_DAYS, Look, Told
from vault.services.steps.parts import Parts
from vault.services.steps.refusing import refusals_logged
from vault.storage import log
from vault.storage.compliance import Counts

_ANSWERS = {**clauses_of_records.ANSWERS, **clauses_of_people.ANSWERS, **clauses_of_incidents.ANSWERS}


@dataclass(frozen=True, slots=True)
class Report:
    """The vault against every clause, at one moment.

    Args:
        at: when it was drawn, UTC.
        days: how far back events were counted.
        policy: digest of the rules in force.
        checkpoint: the last signed checkpoint; None before the first. What happened after it is counted too.
        events: events in order when the report was drawn.
        answers: one for each clause.
    """

    at: datetime
    days: int
    policy: str
    checkpoint: Checkpoint | None
    events: int
    answers: tuple[Answer, ...]

    @property
    def in_line(self) -> bool:
        """Whether no clause has an exception; parts that are not built count as none."""
        return not self.count(Standing.EXCEPTION)

    def count(self, standing: Standing) -> int:
        """Return how many clauses stand so."""
        return sum(one.standing is standing for one in self.answers)


def view(parts: Parts, person: Person, now: datetime) -> Report:
    """Draw the report for somebody; the look is logged.

    Args:
        parts: the vault's parts.
        person: who looks.
        now: UTC.

    Raises:
        AccessRefused: the role has no right to see it.
        LogUnavailable: the event could not be made durable; nothing was counted.
    """
    with refusals_logged(parts, person, Action.COMPLIANCE_VIEW, now):
        if not parts.policy.allows(person.role, Right.COMPLIANCE):
            raise AccessRefused("no_right")
    return draw(parts, person.actor(), now)


def draw(parts: Parts, actor: Actor, now: datetime) -> Report:
    """Draw the report for the local operator; the look is logged.

    Args:
        parts: the vault's parts.
        actor: who looks.
        now: UTC.

    Raises:
        LogUnavailable: the event could not be made durable; nothing was counted.
    """
    parts.log_writer.write(parts.event(now, actor, Action.COMPLIANCE_VIEW, Outcome.GRANTED))
    log.order(parts.database)
    signed = parts.log_files.signed()
    with parts.database.read() as connection:
        counts = Counts(connection, now, now - timedelta(days=EVIDENCE_DAYS))
        destinations = sum(one.is_outbound for one in parts.anchors.standing())
        look = Look(parts.policy, counts, destinations, mail_servers=int(parts.mailer.is_set_up))
        answers = tuple(_answer(clause, _ANSWERS[clause.id](look)) for clause in CLAUSES)
        events = log.size(connection)
    checkpoint = None if signed is None else Checkpoint.parse(signed.note.partition("\n\n")[0] + "\n")
    return Report(now, EVIDENCE_DAYS, parts.policy.digest, checkpoint, events, answers)


def document(report: Report) -> dict[str, Any]:
    """Return a report as programs read it: ids of words and what fills them, and the clauses' own words."""
    signed = report.checkpoint
    return {
        "at": report.at.isoformat(),
        "days": report.days,
        "policy": report.policy,
        "events": report.events,
        "checkpoint": None
        if signed is None
        else {"origin": signed.origin, "size": signed.size, "root": base64.b64encode(signed.root).decode()},
        "in_line": report.in_line,
        "counts": {standing.value: report.count(standing) for standing in Standing},
        "clauses": [
            {
                "clause": one.clause.id,
                "source": one.clause.source,
                "zh": one.clause.zh,
                "en": one.clause.en,
                "standing": one.standing.value,
                "rules": [{"id": each.word, "facts": dict(each.facts)} for each in one.rules],
                "evidence": [{"id": each.word, "facts": dict(each.facts)} for each in one.evidence],
                "oldest": None if one.oldest is None else one.oldest.isoformat(),
                "search": dict(one.search),
            }
            for one in report.answers
        ],
    }


def _answer(clause: Clause, told: Told) -> Answer:
    return Answer(clause, told.standing, told.rules, told.evidence, told.oldest, told.search)
