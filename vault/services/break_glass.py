"""Access in an emergency: asking for it, and the votes of those who approve it (KY-03).

Asking looks nothing up: the identifier is sealed, and what it leads to is found when the access is opened.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from vault.domain.breach.containment import Doing
from vault.domain.emergency import Stage, Standing, checked_call, profiles_to_approve, profiles_to_ask
from vault.domain.identifiers import IdentifierKind, identify
from vault.domain.log import Action, Outcome, micros_text
from vault.domain.notices import NoticeKind
from vault.domain.people import Person
from vault.domain.policy import Policy
from vault.domain.rules.access import Right
from vault.errors import AccessRefused, AlreadyDecided, InvalidValue, NotFound
from vault.services.steps import emergencies
from vault.services.steps.admission import case_of, may_use, require_fresh
from vault.services.steps.breach.containing import stopped_by_freeze
from vault.services.steps.emergencies import Matter, refuse
from vault.services.steps.parts import Parts
from vault.services.steps.request_records import sealed
from vault.storage import break_glass, notifications, record_writes, vault_state
from vault.storage.cases import Case
from vault.storage.unit_of_work import unit_of_work


@dataclass(frozen=True, slots=True)
class Asking:
    """What somebody says when they ask for access in an emergency.

    Args:
        number: the identifier, as typed.
        profile: kind of emergency, of the policy.
        reason: why, of the policy.
        owner_contact: whether the owner was reached by phone: yes, attempted or no.
        owner_called_at: when the owner was called, aware, to the minute; None when nobody called.
    """

    number: str
    profile: str
    reason: str
    owner_contact: str
    owner_called_at: datetime | None


@stopped_by_freeze(Doing.BUSINESS, Action.BREAK_GLASS_ASKED)
def ask(parts: Parts, person: Person, case_id: bytes, asking: Asking, now: datetime) -> bytes:
    """Ask for access in an emergency, whether there is such a customer or not.

    Args:
        parts: the vault's parts.
        person: who asks.
        case_id: their own open case; its purpose is the purpose of the access.
        asking: what they say.
        now: UTC.

    Returns:
        The request's id.

    Raises:
        AccessRefused: the role may not ask, not in this kind of emergency, or an earlier access was not reviewed in
            time (logged).
        AlreadyDecided: a request on this case still waits.
        InvalidValue: a value that cannot be; ``field`` names it.
        NotFound: the case is not theirs, or closed.
    """
    policy = parts.policy.break_glass
    with parts.database.read() as connection:
        case = case_of(connection, person, case_id)
        missed = break_glass.review_missed(connection, person.account_id, now)
    may_use(parts, person, Right.BREAK_GLASS, case.purpose, now)
    for field, word, words in (
        ("profile", asking.profile, policy.profiles.keys()),
        ("reason", asking.reason, policy.reasons.keys()),
    ):
        if word not in words:
            raise InvalidValue("not_on_list", field=field)
    called_at = checked_call(asking.owner_contact, asking.owner_called_at, now)
    kind, number = identify(asking.number, parts.policy.carriers)
    if asking.profile not in profiles_to_ask(parts.policy, person, case.purpose):
        refuse(parts, person, Action.BREAK_GLASS_ASKED, "profile_not_yours", now)
    if missed:
        refuse(parts, person, Action.BREAK_GLASS_ASKED, "review_open", now)
    with unit_of_work(parts.database) as work:
        case_of(work.connection, person, case_id)
        break_glass.lock_case(work.connection, case_id)
        if break_glass.waiting_on(work.connection, case_id, now - policy.answer()):
            raise AlreadyDecided("break_glass_waits")
        store = parts.keys.current(work.connection)
        new = sealed(parts, person, store, "identifier", number, now)
        break_glass_id = new.meta.record_id
        vault_state.require_open(work.connection, {new.meta.cohort_id}, store.version)
        record_writes.store(work.connection, [new])
        row = _row(person, case, asking, kind, called_at, now)
        break_glass.add(work.connection, row | {"break_glass_id": break_glass_id})
        me = emergencies.account_of(work.connection, person)
        able = emergencies.approvers(work.connection, parts.policy, store, asking.profile, me)
        notifications.add(work.connection, able, NoticeKind.BREAK_GLASS_ASKED, break_glass_id, now)
        work.announce(
            parts.event(
                now,
                person.actor(),
                Action.BREAK_GLASS_ASKED,
                Outcome.DONE,
                purpose=case.purpose,
                case=case_id,
                break_glass=break_glass_id.hex(),
                profile=asking.profile,
                reason=asking.reason,
                identifier=kind.value,
                owner_contact=asking.owner_contact,
                called_at=micros_text(called_at) if called_at else "",
            )
        )
        work.commit()
    return break_glass_id


def _row(
    person: Person, case: Case, asking: Asking, kind: IdentifierKind, called_at: datetime | None, now: datetime
) -> dict[str, object]:
    return {
        "case_id": case.case_id,
        "asked_by": person.account_id,
        "profile": asking.profile,
        "reason": asking.reason,
        "identifier_kind": kind.value,
        "asked_at": now,
        "state": Stage.ASKED.value,
        "owner_contact": asking.owner_contact,
        "owner_called_at": called_at,
    }


@stopped_by_freeze(Doing.BUSINESS, Action.BREAK_GLASS_VOTED)
def vote(parts: Parts, person: Person, break_glass_id: bytes, reason: str, now: datetime, *, approve: bool) -> Standing:
    """Approve a request, or refuse it; one refusal ends it, and it takes several humans to approve it.

    Args:
        parts: the vault's parts.
        person: who votes; password and second factor given a moment ago.
        break_glass_id: the request.
        reason: one of the policy's, for approving or for refusing.
        now: UTC.
        approve: whether it is approved.

    Returns:
        What has become of the request.

    Raises:
        AccessRefused: no such right, one's own request, or the same human as the asker or as one who voted (logged).
        AlreadyDecided: it waits for no vote any more.
        InvalidValue: the reason is not on the policy's list for this vote.
        NotFound: there is none that this role may approve.
        StepUpNeeded: password and second factor must be given again.
    """
    if not parts.policy.allows(person.role, Right.APPROVE_BREAK_GLASS) or person.purposes is not None:
        refuse(parts, person, Action.BREAK_GLASS_VOTED, "no_right", now)
    require_fresh(parts, person, now)
    known = parts.policy.break_glass.votes.get(reason)
    if known is None or known.approves is not approve:
        raise InvalidValue("not_on_list", field="reason")
    with unit_of_work(parts.database) as work:
        matter = emergencies.matter(work.connection, break_glass_id, locked=True)
        if matter.emergency.profile not in profiles_to_approve(parts.policy, person):
            raise NotFound("break_glass")
        if rule := _why_no_vote(work.connection, parts, matter, person):
            work.announce(emergencies.refusal(parts, person, Action.BREAK_GLASS_VOTED, rule, now, matter))
            work.commit()
            raise AccessRefused(rule)
        if emergencies.standing_of(parts.policy, matter.emergency, now) is not Standing.ASKED:
            raise AlreadyDecided
        given = {"approved": approve, "reason": reason, "at": now}
        break_glass.vote(work.connection, break_glass_id, person.account_id, given)
        stage = _counted(parts.policy, matter, approve=approve)
        if stage is not Stage.ASKED:
            break_glass.change(work.connection, break_glass_id, [Stage.ASKED], {"state": stage.value})
            kind = NoticeKind.BREAK_GLASS_APPROVED if approve else NoticeKind.BREAK_GLASS_REFUSED
            notifications.add(work.connection, [matter.emergency.asked_by], kind, break_glass_id, now)
        work.announce(
            parts.event(
                now,
                person.actor(),
                Action.BREAK_GLASS_VOTED,
                Outcome.GRANTED if approve else Outcome.REFUSED,
                purpose=matter.purpose,
                case=matter.emergency.case_id,
                break_glass=break_glass_id.hex(),
                reason=reason,
            )
        )
        work.commit()
    return Standing(stage.value)


def _why_no_vote(connection: Connection, parts: Parts, matter: Matter, person: Person) -> str:
    """Return the rule that keeps somebody from voting on a request, or an empty string."""
    store, me = parts.keys.current(connection), emergencies.account_of(connection, person)
    if emergencies.is_one_of(store, me, [matter.asker()]):
        return "own_request"
    voters = [matter.accounts[one.account_id] for one in matter.votes]
    return "voted_already" if emergencies.is_one_of(store, me, voters) else ""


def _counted(policy: Policy, matter: Matter, *, approve: bool) -> Stage:
    """Return the stage to which one more vote brings a request."""
    if not approve:
        return Stage.REFUSED
    approvals = 1 + sum(one.approved for one in matter.votes)
    return Stage.APPROVED if approvals >= policy.break_glass.approvals else Stage.ASKED
