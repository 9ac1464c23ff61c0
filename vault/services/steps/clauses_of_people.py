"""Answers to the clauses about people: what they may see, for what, how much of it, and emergencies."""

from __future__ import annotations

from datetime import timedelta

from vault.domain.compliance import Said
from vault.domain.rules.access import PurposeKind
from vault.services.steps.evidence import Answers, Look, Told, judged, late, said
from vault.storage.compliance import Tally


def _duties(look: Look) -> Told:
    refused = late("refusals", count=look.counts.events("outcome:refused"))
    return judged((said("rule_duties", count=len(look.policy.roles)),), (refused,), outcome="refused")


def _own_customers(look: Look) -> Told:
    refused = look.counts.events("outcome:refused", "action:record.lookup")
    rule = said("rule_own_customers", minutes=max(look.policy.grants.minutes))
    evidence = (
        said("live_grants", count=look.counts.live_grants("asked", "shared", "break_glass")),
        late("refused_lookups", count=refused),
    )
    return judged((rule,), evidence, action="record.lookup", outcome="refused")


def _personal_account(look: Look) -> Told:
    evidence = said("accounts", people=look.counts.active("person"), programs=look.counts.active("service"))
    return judged((said("rule_personal_account"),), (evidence,), action="people.sign_in")


def _password_age(look: Look) -> Told:
    days = look.policy.passwords.max_age_days
    old = look.counts.old_passwords(timedelta(days=days))
    told = judged((said("rule_password_age", days=days),), (said("old_passwords", count=old.count),))
    # No exception: behind such a password nothing is open but its change.
    return Told(told.rules, told.evidence, oldest=old.oldest, search={"action": "people.password_changed"})


def _kept_secret(look: Look) -> Told:
    roles = [role for role, rule in look.policy.roles.items() if rule.second_factor]
    elsewhere = look.counts.signed_in_elsewhere(timedelta(minutes=look.policy.sessions.idle_minutes))
    evidence = (
        said("without_second_factor", count=look.counts.without_second_factor(roles)),
        said("signed_in_elsewhere", count=elsewhere.count),
    )
    return judged((said("rule_second_factor", count=len(roles)),), evidence, elsewhere, action="people.sign_in")


def _leaving(look: Look) -> Told:
    left = Tally(look.counts.left_behind())
    return judged((said("rule_leaving"),), (said("left_behind", count=left.count),), left, action="people.left")


def _with_a_reason(look: Look) -> Told:
    failures = Tally(look.counts.events("action:record.integrity_failure"))
    reveals = look.counts.events("action:record.reveal", "outcome:granted")
    unowed = Tally(look.counts.events("outcome:failed", "action:log.counted"))
    evidence = (
        late("reveals", count=reveals),
        late("integrity_failures", count=failures.count),
        late("openings_counted", count=look.counts.events("action:log.counted")),
        late("openings_without_receipt", count=unowed.count),
        said("log_gaps", count=look.counts.log_gaps()),
        _verified(look),
    )
    altered = look.counts.log_does_not_verify()
    return judged((said("rule_with_a_reason"),), evidence, failures, unowed, altered, action="record.reveal")


def _verified(look: Look) -> Said:
    last = look.counts.log_check
    if last is None:
        return said("log_never_verified")
    at = last.at.astimezone(look.policy.zone).strftime("%Y-%m-%d %H:%M")
    return said("log_verified", at=at) if last.holds else said("log_does_not_verify", at=at)


def _purposes(look: Look) -> Told:
    chosen = [one for one in look.policy.purposes.values() if one.kind is PurposeKind.CHOICE]
    looked_up = late("lookups", count=look.counts.events("action:record.lookup", "outcome:granted"))
    return judged((said("rule_purposes", count=len(chosen)),), (looked_up,), action="record.lookup")


def _forbidden(look: Look) -> Told:
    names = [name for name, one in look.policy.purposes.items() if one.kind is PurposeKind.FORBIDDEN]
    tries = sum(look.counts.events(f"purpose:{name}") for name in names)
    return judged((said("rule_forbidden", count=len(names)),), (late("forbidden_tries", count=tries),))


def _proven_leak(look: Look) -> Told:
    days = look.policy.signals.sign_days
    count, people = look.counts.misuse_signed(look.counts.since)
    this_month, of_month = look.counts.now.astimezone(look.policy.zone), look.counts.misuse_of_month(look.policy.zone)
    unsigned, active = look.counts.misuse_unsigned(timedelta(days=days)), look.counts.misuse_still_active()
    evidence = (
        late("misuse_signed", count=count, people=people),
        said("misuse_of_month", count=of_month[0], people=of_month[1], month=this_month.strftime("%Y-%m")),
        said("misuse_unsigned", count=unsigned.count),
        said("misuse_still_active", count=active.count),
        said("shut_out", count=look.counts.shut_out()),
    )
    return judged((said("rule_misuse", days=days),), evidence, unsigned, active, action="misuse.signed")


def _many_records(look: Look) -> Told:
    limits, standing = look.policy.limits, look.counts.standing_signals("alarmed")
    rule = said("rule_limits", warn=limits.warn_customers, alarm=limits.alarm_customers, hours=limits.window_hours)
    alarms = late("alarms", count=look.counts.events("action:limit.alarmed"))
    tasks, missed = look.counts.police_tasks()
    evidence = (
        late("signals_raised", count=look.counts.events("action:incident.signal")),
        alarms,
        said("standing_alarms", count=standing.count),
        said("police_tasks", count=tasks),
        said("police_tasks_missed", count=missed.count),
    )
    return judged((rule,), evidence, standing, missed, action="limit.alarmed")


def _third_parties(look: Look) -> Told:
    rule = said("rule_caller", count=look.policy.verification.needed)
    evidence = (
        late("caller_checks", count=look.counts.events("action:caller.checked")),
        late("caller_refusals", count=look.counts.events("action:caller.refused")),
    )
    return judged((rule,), evidence, action="caller.refused")


def _emergency(look: Look) -> Told:
    overdue, rule = look.counts.overdue_reviews(), look.policy.break_glass
    opened = look.counts.events("action:break_glass.opened", "outcome:granted")
    rules = (said("rule_emergency", count=rule.approvals),)
    evidence = (late("emergencies", count=opened), said("overdue_reviews", count=overdue.count))
    return judged(rules, evidence, overdue, action="break_glass.opened")


def _two_people(look: Look) -> Told:
    alone = look.counts.opened_alone()
    evidence = said("opened_alone", count=alone.count)
    return judged((said("rule_two_people"),), (evidence,), alone, action="break_glass.opened")


ANSWERS: Answers = {
    "AC-01": _duties,
    "AC-02": _own_customers,
    "AC-03": _personal_account,
    "AC-04": _password_age,
    "AC-05": _kept_secret,
    "AC-06": _leaving,
    "AC-07": _with_a_reason,
    "UL-01": _purposes,
    "UL-02": _forbidden,
    "UL-03": _proven_leak,
    "UL-04": _many_records,
    "UL-05": _third_parties,
    "KY-03": _emergency,
    "KY-11": _two_people,
}
