from dataclasses import replace

import pytest

from vault.config import ROOT
from vault.domain.breach.incidents import IncidentKind
from vault.domain.breach.signals import OF_EVENTS, OF_LIMITS
from vault.domain.contradictions import contradictions
from vault.domain.limits import SignalKind, threshold
from vault.domain.rules.signals import COUNTED, Severity, SignalName
from vault.storage.policy_files import load_policy


@pytest.fixture(scope="module")
def policy():
    return load_policy(ROOT / "policies")


def changed(policy, name, **changes):
    rules = dict(policy.signals.signals)
    rules[name] = replace(rules[name], **changes)
    return replace(policy.signals, signals=rules)


def test_the_shipped_signals_stand_and_each_names_its_clause(policy):
    assert list(policy.signals.findings()) == []
    assert set(policy.signals.signals) == set(SignalName)
    assert all(rule.clause and rule.zh and rule.en for rule in policy.signals.signals.values())


def test_every_signal_has_one_source(policy):
    sources = [*OF_LIMITS.values(), *OF_EVENTS, *COUNTED]
    assert sorted(sources) == sorted(SignalName)


@pytest.mark.parametrize(
    ("name", "changes", "finding"),
    [
        (SignalName.MISSES, {"told": ()}, "signal_impossible"),
        (SignalName.MISSES, {"count": 20}, "signal_impossible"),
        (SignalName.PROBING, {"count": 0}, "signal_impossible"),
        (SignalName.PROBING, {"window_minutes": -1}, "signal_impossible"),
        (SignalName.PROBING, {"kind": None}, "signal_impossible"),
        (SignalName.MISSES, {"kind": IncidentKind.LEAK}, "signal_impossible"),
        (SignalName.REVEALS_ALARMED, {"severity": Severity.NOTIFY, "kind": None}, "signal_too_weak"),
        (SignalName.COMPLETENESS, {"severity": Severity.NOTIFY, "kind": None}, "signal_too_weak"),
    ],
)
def test_a_signal_that_cannot_be_or_is_too_weak_is_found(policy, name, changes, finding):
    found = list(changed(policy, name, **changes).findings())
    assert found == [(finding, policy.signals.signals[name].id)]


@pytest.mark.parametrize(
    ("number", "value"), [("evidence_events", 0), ("sign_days", 0), ("join_hours", 0), ("join_hours", 25)]
)
def test_numbers_that_cannot_be_are_found(policy, number, value):
    assert list(replace(policy.signals, **{number: value}).findings()) == [("signal_impossible", policy.signals.id)]


def test_a_signal_without_a_rule_is_found(policy):
    rules = {name: rule for name, rule in policy.signals.signals.items() if name is not SignalName.PROBING}
    assert list(replace(policy.signals, signals=rules).findings()) == [("signal_missing", "probing")]


def test_probing_never_needs_fewer_than_the_misses_that_warn(policy):
    lower = replace(policy, signals=changed(policy, SignalName.PROBING, count=policy.limits.misses_hour))
    assert ("signal_impossible", "signal.probing") in list(contradictions(lower))


def test_the_threshold_of_a_limit_is_the_number_of_the_limits(policy):
    limits = policy.limits
    assert [threshold(limits, kind) for kind in SignalKind] == [
        limits.warn_customers,
        limits.alarm_customers,
        limits.misses_hour,
        1,
    ]
