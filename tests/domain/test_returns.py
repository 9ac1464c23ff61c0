from dataclasses import replace
from pathlib import Path

import pytest

from vault.domain.ids import Role
from vault.domain.returns import Able, confirmers, is_needed
from vault.domain.rules.people import Confirmer
from vault.storage.policy_files import load_policy

POLICY = load_policy(Path(__file__).parents[2] / "policies")
SUPERVISORS, ADMINISTRATORS, OFFICER, NOBODY = (
    frozenset({b"s1", b"s2"}),
    frozenset({b"a1"}),
    frozenset({b"o1"}),
    frozenset(),
)
BY_SUPERVISOR, BY_ADMIN = Confirmer.SUPERVISOR, Confirmer.ADMIN


def named(*confirming):
    return replace(POLICY, passwords=replace(POLICY.passwords, reset_needs_confirmation_by=confirming))


@pytest.mark.parametrize(
    ("policy", "able", "expected"),
    [
        ([BY_SUPERVISOR], Able(SUPERVISORS, ADMINISTRATORS, OFFICER), SUPERVISORS),
        ([], Able(SUPERVISORS, ADMINISTRATORS, OFFICER), SUPERVISORS),
        ([BY_ADMIN], Able(SUPERVISORS, ADMINISTRATORS, OFFICER), ADMINISTRATORS),
        ([BY_SUPERVISOR, BY_ADMIN], Able(SUPERVISORS, ADMINISTRATORS, OFFICER), SUPERVISORS | ADMINISTRATORS),
        ([BY_SUPERVISOR], Able(NOBODY, ADMINISTRATORS, OFFICER), ADMINISTRATORS | OFFICER),
        ([BY_SUPERVISOR], Able(NOBODY, NOBODY, OFFICER), OFFICER),
        ([BY_ADMIN], Able(SUPERVISORS, NOBODY, OFFICER), OFFICER),
        ([BY_ADMIN], Able(SUPERVISORS, NOBODY, NOBODY), NOBODY),
        ([BY_SUPERVISOR, BY_ADMIN], Able(NOBODY, NOBODY, NOBODY), NOBODY),
    ],
)
def test_who_confirms_is_named_by_the_policy_and_stood_in_for_by_those_who_watch(policy, able, expected):
    assert confirmers(policy, able) == expected


def test_the_shipped_policy_lets_every_role_wait():
    assert all(is_needed(POLICY, role) for role in Role)


def test_with_nobody_named_the_roles_with_a_second_factor_wait():
    waiting = {role for role in Role if is_needed(named(), role)}
    assert waiting == {role for role, rule in POLICY.roles.items() if rule.second_factor} != set()
