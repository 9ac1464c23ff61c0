"""Who may see which customer, and by which rule: decided from metadata alone (AC-01, AC-02).

Nothing here opens a record. The answer names the rule, so that the log can say why.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from vault.domain.ids import RecordClass, Role
from vault.domain.people import Person
from vault.domain.policy import Policy
from vault.domain.records import RecordMeta
from vault.domain.rules.access import Scope, View


@dataclass(frozen=True, slots=True)
class OwnerFacts:
    """What a supervisor's scope needs to know of an owner: team, outlet, and whether that team has a supervisor."""

    team: str
    outlet: str
    team_has_supervisor: bool


@dataclass(frozen=True, slots=True)
class CustomerFacts:
    """What is known of a customer beside its metadata.

    Args:
        case_binds: the case at hand was opened on this customer from an exact identifier.
        open_complaint: a complaint of theirs is open and passed to this person.
        owner: about the owner; None for a pool customer.
        granted: the person holds a live grant on them for the purpose at hand.
    """

    case_binds: bool = False
    open_complaint: bool = False
    owner: OwnerFacts | None = None
    granted: bool = False


def customer_scope(person: Person, scope: Scope, customer: RecordMeta, facts: CustomerFacts) -> str | None:
    """Decide whether a customer is in a person's scope.

    Args:
        person: who asks.
        scope: the scope of their role.
        customer: the customer's metadata, already checked against its MAC.
        facts: what else the rule needs.

    Returns:
        The id of the rule that lets them in, or None.
    """
    own = _own_scope(person, scope, customer, facts)
    if own is None and facts.granted and scope is not Scope.NONE:
        return "scope.grant"
    return own


def _own_scope(person: Person, scope: Scope, customer: RecordMeta, facts: CustomerFacts) -> str | None:
    pool = customer.owner is None
    if scope is Scope.OWN_AND_POOL:
        if customer.owner == person.account_id:
            return "scope.owner"
        return "scope.pool_case" if pool and facts.case_binds else None
    if scope is Scope.OPEN_COMPLAINTS:
        return "scope.open_complaint" if facts.open_complaint else None
    if scope is Scope.TEAM_AND_OUTLET_POOL:
        if pool:
            return "scope.outlet_pool" if customer.outlet == person.outlet else None
        return _supervised(person, facts.owner)
    return None


def _supervised(person: Person, owner: OwnerFacts | None) -> str | None:
    if owner is None:
        return None
    if owner.team_has_supervisor:
        return "scope.team" if owner.team == person.team else None
    return "scope.outlet_without_team_supervisor" if owner.outlet == person.outlet else None


def visible_fields(policy: Policy, role: Role, record_class: RecordClass, present: Iterable[str]) -> dict[str, View]:
    """Return how a role sees each present field of a class, hidden ones left out."""
    views = {name: policy.view(record_class, name, role) for name in present}
    return {name: view for name, view in views.items() if view is not View.HIDDEN}
