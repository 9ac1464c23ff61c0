"""Measures of containment: what stands, what each freeze stops, and rules that cannot stand together."""

from dataclasses import replace
from pathlib import Path

import pytest

from vault.domain.breach.containment import Doing, Measure, Target, stopped
from vault.domain.contradictions import contradictions
from vault.domain.ids import Role
from vault.storage.policy_files import load_policy

POLICY = load_policy(Path(__file__).parents[3] / "policies")


@pytest.mark.parametrize(
    ("doing", "by"),
    [
        (Doing.REVEAL, {"freeze_reveals": "reveals_frozen"}),
        (Doing.EXPORT, {"freeze_exports": "exports_frozen"}),
        (Doing.IMPORT, {"freeze_imports": "imports_frozen", "read_only": "read_only"}),
        (Doing.BUSINESS, {"read_only": "read_only"}),
    ],
)
def test_each_freeze_stops_what_it_names_and_nothing_else(doing, by):
    assert {one.value: stopped(doing, {one}) for one in Measure if stopped(doing, {one})} == by
    assert stopped(doing, set()) == ""


def test_what_was_ended_does_not_stand():
    assert {one for one in Measure if not one.stands} == {"end_sessions", "revoke_tokens", "revoke_grants"}
    assert {one for one in Measure if one.target is Target.VAULT} == {
        "freeze_reveals",
        "freeze_exports",
        "freeze_imports",
        "read_only",
    }


def with_measure(measure, **changes):
    rules = dict(POLICY.containment.measures)
    rules[measure] = replace(rules[measure], **changes)
    return replace(POLICY, containment=replace(POLICY.containment, measures=rules))


def findings(policy):
    return [reason for reason, _ in contradictions(policy)]


def test_the_rules_that_are_shipped_can_stand_together():
    assert findings(POLICY) == []


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        (with_measure(Measure.READ_ONLY, who=frozenset()), "measure_of_nobody"),
        (with_measure(Measure.READ_ONLY, who=frozenset({Role.IMD, Role.AGENT})), "measure_of_nobody"),
        (with_measure(Measure.READ_ONLY, outlasts=True), "freeze_outlasts"),
        (with_measure(Measure.END_SESSIONS, outlasts=True), "freeze_outlasts"),
        (replace(POLICY, containment=replace(POLICY.containment, measures={})), "measure_missing"),
        (replace(POLICY, containment=replace(POLICY.containment, hold_seconds=0)), "limit_not_positive"),
        (replace(POLICY, containment=replace(POLICY.containment, hold_seconds=61)), "limit_not_positive"),
        (replace(POLICY, containment=replace(POLICY.containment, hold_reason="because")), "no_reason"),
        (replace(POLICY, containment=replace(POLICY.containment, hold_release="because")), "no_reason"),
    ],
)
def test_rules_that_cannot_stand_together_are_found(policy, reason):
    assert reason in findings(policy)
