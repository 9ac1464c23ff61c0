"""Answers to the clauses about breaches: starting the emergency plan, repairing, telling customers, and drills."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from vault.domain.breach.drills import MonthState
from vault.domain.breach.incidents import IncidentState
from vault.domain.rules.incidents import ACTIVATE
from vault.services.steps.breach import drill_months
from vault.services.steps.evidence import Answers, Look, Told, judged, late, said
from vault.storage.breach import incident_counts
from vault.storage.compliance import Tally

_TECHNICAL = "technical"
_UNREPAIRED = (IncidentState.REPORTED, IncidentState.ACTIVATED, IncidentState.ASSESSED, IncidentState.CONTAINED)


def _in_time(look: Look) -> Told:
    counts, rule = look.counts, look.policy.incidents.clocks[ACTIVATE]
    missed = incident_counts.clocks_missed(counts.connection, ACTIVATE, counts.since, counts.now)
    evidence = (
        late("incidents_opened", count=incident_counts.opened(counts.connection, counts.since)),
        late("activated_in_time", count=incident_counts.clocks_met(counts.connection, ACTIVATE, counts.since)),
        late("activated_late", count=missed.count),
    )
    return judged((said("rule_activate", minutes=rule.minutes),), evidence, missed, action="incident.step")


def _repaired(look: Look) -> Told:
    counts, hours = look.counts, look.policy.incidents.answer_hours
    waiting, slow = _unanswered(look, *_UNREPAIRED)
    evidence = (
        late("repaired", count=incident_counts.reached(counts.connection, IncidentState.REPAIRED, counts.since)),
        said("waiting_for_repair", count=waiting.count),
        said("answered_late", count=slow.count, hours=hours),
    )
    return judged((said("rule_repair"),), evidence, slow, action="incident.step")


def _told(look: Look) -> Told:
    counts, stuck = look.counts, incident_counts.customers_stuck(look.counts.connection)
    untold, slow = _unanswered(look, *_UNREPAIRED, IncidentState.REPAIRED)
    evidence = (
        late("customers_told", count=incident_counts.customers_told(counts.connection, counts.since)),
        said("breaches_not_told", count=untold.count),
        said("answered_late", count=slow.count, hours=look.policy.incidents.answer_hours),
        said("notices_stuck", count=stuck.count),
        said("notices_waived", count=incident_counts.waived(counts.connection)),
    )
    templates = len(look.policy.breach_notices.templates)
    return judged((said("rule_notices", count=templates),), evidence, stuck, slow, action="notice.released")


def _unanswered(look: Look, *states: IncidentState) -> tuple[Tally, Tally]:
    """Return the incidents in these states that are no false alarms, and those that stand there for too long."""
    connection, patience = look.counts.connection, timedelta(hours=look.policy.incidents.answer_hours)
    slow = incident_counts.standing_in(connection, *states, aware_before=look.counts.now - patience)
    return incident_counts.standing_in(connection, *states), slow


def _technical(look: Look) -> Told:
    counts, rule = look.counts, look.policy.incidents.clocks.get(_TECHNICAL)
    missed = incident_counts.clocks_missed(counts.connection, _TECHNICAL, counts.since, counts.now)
    evidence = (
        late("technical_in_time", count=incident_counts.clocks_met(counts.connection, _TECHNICAL, counts.since)),
        late("technical_late", count=missed.count),
    )
    rules = (said("rule_technical", minutes=rule.minutes),) if rule else ()
    return judged(rules, evidence, missed, action="incident.clock_done")


def _drills(look: Look) -> Told:
    rule, counts = look.policy.drills, look.counts
    months = drill_months.listed(look.policy, counts.connection, counts.now)
    held = sum(one.state is MonthState.HELD for one in months)
    missed = sum(one.state is MonthState.MISSED for one in months)
    evidence = (
        said("drills_held", count=held, months=rule.months_shown),
        said("drills_missed", count=missed, months=rule.months_shown),
    )
    gap = Tally(0)
    if drill_months.missed_last(months) is not None:  # since the midnight on which it was over
        gap = Tally(1, datetime.combine(months[0].first, time(), look.policy.zone))
    told = said("rule_drills", day=rule.remind_from_day, customers=rule.customers)
    return judged((told,), evidence, gap, action="drill.scored")


ANSWERS: Answers = {
    "BR-01": _in_time,
    "BR-02": _repaired,
    "BR-03": _told,
    "BR-05": _technical,
    "EM-09": _drills,
}
