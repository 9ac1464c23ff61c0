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
from vault.domain.rules.access import Right, Scope, View

GRANT_RULE = "scope.grant"
"""The rule that lets somebody in who was given access for a time."""


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
        return GRANT_RULE
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


_PARTY_ADDRESS = {"sender": "sender_address", "recipient": "recipient_address"}
_PARTY_FIELDS = frozenset({"name", "phone", "other_contact"})


@dataclass(frozen=True, slots=True)
class Colleague:
    """Where somebody works, and whether they supervise: what the choice of deciders rests on."""

    account_id: bytes
    team: str
    outlet: str
    supervises: bool = False


def deciders(home: Colleague, owner: Colleague | None, able: Iterable[Colleague]) -> frozenset[bytes]:
    """Return who decides whether a customer may be seen: the owner, and the supervisors of the team.

    Where no supervisor of the team can decide, those of the outlet do; where there is none either, all do.

    Args:
        home: who asks: their team and outlet count for a pool customer, and for a number that nobody has.
        owner: the customer's owner, whose team and outlet count instead, able to decide or not.
        able: who may decide at all: at work, with the right, and other humans than who asks.

    Returns:
        Ids of accounts, all of them among the able.
    """
    able = list(able)
    place = owner or home
    supervisors = [one for one in able if one.supervises]
    levels = (
        # To have no team is not to share one.
        [one for one in supervisors if place.team and one.team == place.team],
        [one for one in supervisors if one.outlet == place.outlet],
        supervisors,
    )
    chain = {one.account_id for one in next((level for level in levels if level), [])}
    own = {one.account_id for one in able if owner is not None and one.account_id == owner.account_id}
    return frozenset(chain | own)


def visible_fields(
    policy: Policy, role: Role, purpose: str, record_class: RecordClass, present: Iterable[str], part: str = ""
) -> dict[str, View]:
    """Return how a role sees each present field of a class for a purpose, hidden ones left out.

    Args:
        policy: the rules in force.
        role: who looks.
        purpose: of the case at hand.
        record_class: of the record.
        present: the fields it holds.
        part: what it is in the answer; a ``sender`` or ``recipient`` is shown without what the shipment does not
            need, above all without the ID number (快递暂行条例 22).
    """
    address = _PARTY_ADDRESS.get(part)
    may_reveal = policy.allows(role, Right.REVEAL)
    views: dict[str, View] = {}
    for name in present:
        if address is not None and name not in _PARTY_FIELDS and name != address:
            continue
        view = policy.view(record_class, name, role, purpose)
        if view is View.REVEAL and not may_reveal:
            view = View.MASKED
        if view is not View.HIDDEN:
            views[name] = view
    return views


def other_party_fields(policy: Policy, part: str, present: Iterable[str]) -> dict[str, View]:
    """Return what is shown, masked, of a party of a shipment who is not in scope: what the policy has a mask for."""
    shown = {"name", _PARTY_ADDRESS.get(part)}
    return {name: View.MASKED for name in present if name in shown and name in policy.masks.other_party}
