"""Answers to the clauses about records: their classes, their entry, where they are kept, how long, and their papers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from vault.domain.destruction import PlanState
from vault.domain.fields import FIELDS
from vault.domain.identifiers import IdentifierKind
from vault.domain.ids import RecordClass
from vault.domain.log import Action
from vault.services.steps.evidence import Answers, Look, Told, judged, late, not_built, said

_YEAR = timedelta(days=365)
_SOON = timedelta(hours=1)
_LONG_YEAR = timedelta(days=366)
"""So long after its end a plan may be without its certificate: the timetable comes by several times."""


def _class(record_class: RecordClass) -> Callable[[Look], Told]:
    def answer(look: Look) -> Told:
        """Count the records of the class."""
        rule = said("rule_class", count=len(FIELDS[record_class]))
        return judged((rule,), (said("records", count=look.counts.records(record_class)),))

    return answer


def _notice(look: Look) -> Told:
    missing = look.counts.without_notice()
    rule = said("rule_notice", count=len(look.policy.notices))
    return judged((rule,), (said("without_notice", count=missing.count),), missing, action="import.batch")


def _in_time(look: Look) -> Told:
    limit, entered = look.policy.entry.limit(), look.counts.entered_late()
    waiting = look.counts.open_longer_than(limit)
    rule = said("rule_entry", minutes=look.policy.entry.limit_minutes, amber=look.policy.cases.amber_minutes)
    evidence = (late("entered_late", count=entered.count), said("open_longer", count=waiting.count))
    return judged((rule,), evidence, entered, waiting, action="service.filed")


def _exact(look: Look) -> Told:
    rule = said("rule_waybills", count=len(look.policy.carriers))
    return judged((rule,), (said("waybills", count=look.counts.indexed(IdentifierKind.WAYBILL.value)),))


def _id_numbers(look: Look) -> Told:
    evidence = said("id_numbers", count=look.counts.indexed(IdentifierKind.ID_NUMBER.value))
    return judged((said("rule_id_numbers"),), (evidence,))


def _own_servers(look: Look) -> Told:
    evidence = (said("destinations", count=look.destinations), said("mail_servers", count=look.mail_servers))
    return judged((said("rule_places"),), evidence)


def _sealed(look: Look) -> Told:
    return judged((said("rule_sealed"),), (said("cohorts", count=look.counts.open_cohorts()),))


def _stays_inside(look: Look) -> Told:
    counts = look.counts
    evidence = (
        late("log_exports", count=counts.events("action:log.export", "outcome:granted")),
        late("notice_files", count=counts.events(f"action:{Action.NOTICE_FILE.value}", "outcome:done")),
        late("notice_letters", count=counts.events(f"action:{Action.NOTICE_POSTED.value}", "outcome:done")),
    )
    return judged((said("rule_stays_inside"),), evidence, action=Action.NOTICE_FILE.value)


def _no_messengers(look: Look) -> Told:
    evidence = (said("destinations", count=look.destinations), said("mail_servers", count=look.mail_servers))
    return judged((said("rule_no_messengers"),), evidence)


def _shared_inside(look: Look) -> Told:
    rule = said("rule_shares", hours=max(look.policy.grants.share_hours))
    evidence = (
        said("live_shares", count=look.counts.live_grants("shared")),
        late("shares", count=look.counts.events("action:access.shared", "outcome:granted")),
    )
    return judged((rule,), evidence, action="access.shared")


def _kept(*classes: RecordClass) -> Callable[[Look], Told]:
    def answer(look: Look) -> Told:
        """Compare what is past its time with how long a plan may take."""
        rule, zone = look.policy.destruction, look.policy.zone
        due = look.counts.past_their_time(*classes)
        overdue = look.counts.past_their_time(*classes, longer_than=rule.grace())
        kept = look.counts.kept_past_their_time(*classes)
        keep = look.policy.retention[classes[0]].keep()
        years, longest = keep.years, keep.years * _LONG_YEAR + timedelta(days=keep.days)
        forgotten = look.counts.open_for_longer(longest, *classes)
        rules = (
            said("rule_kept", years=years),
            said("rule_grace", days=rule.grace_days),
        )
        evidence = [said("past_their_time", count=due.count)]
        if due.oldest is not None and not overdue.count:
            last = due.oldest + rule.grace() - timedelta(microseconds=1)  # records fall due at midnight
            day, until = (one.astimezone(zone).date().isoformat() for one in (due.oldest, last))
            evidence.append(said("plan_waits", day=day, until=until))
        if overdue.count:
            evidence.append(said("overdue", count=overdue.count, days=rule.grace_days))
        evidence.append(said("kept_past_their_time", count=kept))
        if forgotten.count:
            evidence.append(said("open_too_long", count=forgotten.count, years=years))
        return judged(rules, tuple(evidence), overdue, forgotten, action="record.destroyed")

    return answer


def _copies(look: Look) -> Told:
    rule = said("rule_copies", days=look.policy.retention[RecordClass.ID_COPY].keep_days)
    return not_built(said("copies", count=look.counts.records(RecordClass.ID_COPY)), rules=(rule,))


def _two_officers(look: Look) -> Told:
    failed, forgotten = look.counts.not_destroyed(), look.counts.forgotten_holds(look.policy.zone)
    rule = said("rule_two_officers", minutes=look.policy.destruction.cooling_minutes)
    waiting = look.counts.plans(PlanState.PROPOSED, PlanState.APPROVED, PlanState.RUNNING, PlanState.PAUSED)
    evidence = (
        said("carried_out", count=look.counts.carried_out(look.counts.now - _YEAR)),
        said("plans_under_way", count=waiting),
        said("not_destroyed", count=failed.count),
        said("forgotten_holds", count=forgotten.count),
    )
    return judged((rule,), evidence, failed, forgotten, action="destruction.approved")


def _wholly_deleted(look: Look) -> Told:
    # A cohort is closed behind a verified backup: as long as the newest may be old, it may wait for one.
    zone, patience = look.policy.zone, look.policy.destruction.backup_warning()
    late_keys, boxes = look.counts.cohorts_ended(zone, patience), look.counts.overdue_boxes(zone)
    evidence = (
        said("cohorts_destroyed", count=look.counts.cohorts_destroyed()),
        said("cohorts_late", count=late_keys.count),
        said("boxes", count=look.counts.boxes()),
        said("boxes_overdue", count=boxes.count),
    )
    rule = said("rule_wholly_deleted", days=look.policy.destruction.backup_warn_days)
    return judged((rule,), evidence, late_keys, boxes, action="cohort.destroyed")


def _recorded(look: Look) -> Told:
    missing, left = look.counts.not_certified(look.counts.now - _SOON), look.counts.still_there()
    evidence = (
        said("certificates", count=look.counts.certificates(look.counts.now - _YEAR)),
        said("not_certified", count=missing.count),
        said("still_there", count=left.count),
        late("records_destroyed", count=look.counts.events("action:record.destroyed", "outcome:done")),
    )
    return judged((said("rule_recorded"),), evidence, missing, left, action="destruction.certified")


def _missing(_look: Look) -> Told:
    return not_built(said("no_part_of_the_vault"))


ANSWERS: Answers = {
    "IM-01": _class(RecordClass.CUSTOMER),
    "IM-02": _class(RecordClass.SHIPMENT),
    "IM-03": _class(RecordClass.SERVICE_RECORD),
    "CE-01": _notice,
    "CE-02": _in_time,
    "CE-03": _exact,
    "CE-04": _id_numbers,
    "SC-01": _own_servers,
    "SC-02": _sealed,
    "SC-04": _stays_inside,
    "SC-05": _no_messengers,
    "SC-06": _shared_inside,
    "RD-01": _kept(RecordClass.CUSTOMER, RecordClass.SHIPMENT),
    "RD-02": _kept(RecordClass.SERVICE_RECORD),
    "RD-03": _two_officers,
    "RD-04": _wholly_deleted,
    "RD-05": _recorded,
    "ID-01": _missing,
    "ID-02": _copies,
    "ID-03": _missing,
    "AR-06": _missing,
}
