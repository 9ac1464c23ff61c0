"""Looking at requests for emergency access, and the review that must close each one that was opened (KY-03)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from vault.domain.emergency import Emergency, Stage, Standing, profiles_to_approve
from vault.domain.log import Action, Outcome
from vault.domain.notices import NoticeKind
from vault.domain.people import AccountState, Person
from vault.domain.rules.access import Right
from vault.errors import AccessRefused, AlreadyDecided, InvalidValue, NotFound
from vault.services.steps import emergencies
from vault.services.steps.admission import require_fresh
from vault.services.steps.emergencies import Matter, refuse
from vault.services.steps.parts import Parts
from vault.storage import break_glass, notifications, people
from vault.storage.break_glass import Listed
from vault.storage.people import Account
from vault.storage.unit_of_work import unit_of_work

_LISTED = 200
_RIGHTS = {Right.BREAK_GLASS, Right.APPROVE_BREAK_GLASS, Right.REVIEW_BREAK_GLASS}


@dataclass(frozen=True, slots=True)
class Line:
    """One request in a list: ids, words, times and work numbers only."""

    emergency: Emergency
    asker: str
    purpose: str
    standing: Standing
    late: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """What emergency access means to a person: their own requests, those they may vote on, those to review."""

    own: tuple[Line, ...]
    to_approve: tuple[Line, ...]
    to_review: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Detail:
    """One request as its people see it.

    Args:
        line: the request.
        votes: who voted, how and why, first one first: (work number, approved, reason, when).
        second_person: work number of who stood by, empty before.
        reviewer: work number of who reviewed it, empty before.
        may_vote: the viewer may approve or refuse it now.
        may_open: the viewer may open it now, with a second person.
        may_end: the viewer may end it or take it back.
        may_review: the viewer may close its review now.
        leads_to: for its asker while the access lasts, the customers it opens in the case.
    """

    line: Line
    votes: tuple[tuple[str, bool, str, datetime], ...]
    second_person: str
    reviewer: str
    may_vote: bool
    may_open: bool
    may_end: bool
    may_review: bool
    leads_to: tuple[bytes, ...]


def overview(parts: Parts, person: Person, now: datetime) -> Overview:
    """List the requests that concern a person; nothing of any customer.

    Raises:
        AccessRefused: the role has no part in emergency access (logged).
    """
    if not _RIGHTS & parts.policy.roles[person.role].rights:
        refuse(parts, person, Action.BREAK_GLASS_ASKED, "no_right", now)
    after = now - parts.policy.break_glass.answer()
    with parts.database.read() as connection:
        own = break_glass.asked_by(connection, person.account_id, _LISTED)
        profiles = profiles_to_approve(parts.policy, person)
        waiting = break_glass.to_approve(connection, person.account_id, profiles, after, _LISTED)
        opened = break_glass.to_review(connection, _LISTED) if _reviews(parts, person) else []
    return Overview(*(tuple(_line(parts, one, now) for one in some) for some in (own, waiting, opened)))


def detail(parts: Parts, person: Person, break_glass_id: bytes, now: datetime) -> Detail:
    """Show one request to its asker, to approvers and reviewers, to who stood by, and to all who were told of it.

    Raises:
        NotFound: it is not there, or does not concern the person: one answer.
    """
    with parts.database.read() as connection:
        matter = emergencies.matter(connection, break_glass_id)
        emergency = matter.emergency
        approves = emergency.profile in profiles_to_approve(parts.policy, person)
        own = emergency.asked_by == person.account_id
        concerned = own or approves or emergency.second_person == person.account_id or _reviews(parts, person)
        if not concerned and not break_glass.was_told(connection, person.account_id, break_glass_id):
            raise NotFound("break_glass")
        line = _line(parts, Listed(emergency, matter.asker().work_number, matter.purpose), now)
        me = emergencies.account_of(connection, person)
        store = parts.keys.current(connection)
        involved = emergencies.is_one_of(store, me, matter.involved())
        opens = own and line.standing is Standing.OPENED
        leads_to = tuple(break_glass.customers_of(connection, emergency)) if opens else ()
        may_review = (
            _reviews(parts, person)
            and line.standing is Standing.CLOSED
            and not _why_no_review(connection, parts, matter, me)
        )
    return Detail(
        line=line,
        votes=tuple((one.work_number, one.approved, one.reason, one.at) for one in matter.votes),
        second_person=matter.number_of(emergency.second_person),
        reviewer=matter.number_of(emergency.reviewed_by),
        may_vote=approves and not involved and line.standing is Standing.ASKED,
        may_open=own and line.standing is Standing.APPROVED,
        may_end=own and line.standing in (Standing.ASKED, Standing.APPROVED, Standing.OPENED),
        may_review=may_review,
        leads_to=leads_to,
    )


def review(parts: Parts, person: Person, break_glass_id: bytes, finding: str, now: datetime) -> None:
    """Close the review of an access that was opened and is over.

    The privacy officer reviews. Where the officer asked, voted or stood by, or is not at work, another account of
    the role does: nobody reviews what they had a part in.

    Args:
        parts: the vault's parts.
        person: who reviews; password and second factor given a moment ago.
        break_glass_id: the request.
        finding: one of the policy's.
        now: UTC.

    Raises:
        AccessRefused: no such right, a part in it, or it is for the privacy officer (logged).
        AlreadyDecided: its review is closed.
        InvalidValue: no such finding, or the access is still open.
        NotFound: it is not there, or was never opened.
        StepUpNeeded: password and second factor must be given again.
    """
    if not _reviews(parts, person):
        refuse(parts, person, Action.BREAK_GLASS_REVIEWED, "no_right", now)
    require_fresh(parts, person, now)
    if finding not in parts.policy.break_glass.findings_of_review:
        raise InvalidValue("not_on_list", field="finding")
    with unit_of_work(parts.database) as work:
        matter = emergencies.matter(work.connection, break_glass_id, locked=True)
        emergency = matter.emergency
        if emergency.opened_at is None:
            raise NotFound("break_glass")
        me = emergencies.account_of(work.connection, person)
        if rule := _why_no_review(work.connection, parts, matter, me):
            work.announce(emergencies.refusal(parts, person, Action.BREAK_GLASS_REVIEWED, rule, now, matter))
            work.commit()
            raise AccessRefused(rule)
        standing = emergencies.standing_of(parts.policy, emergency, now)
        if standing is Standing.REVIEWED:
            raise AlreadyDecided
        if standing is Standing.OPENED:
            raise InvalidValue("access_still_open", field="finding")
        values = {
            "state": Stage.REVIEWED.value,
            "reviewed_by": person.account_id,
            "reviewed_at": now,
            "finding": finding,
        }
        break_glass.change(work.connection, break_glass_id, [Stage.OPENED, Stage.ENDED], values)
        told = [emergency.asked_by]
        notifications.add(work.connection, told, NoticeKind.BREAK_GLASS_REVIEWED, break_glass_id, now)
        work.announce(
            parts.event(
                now,
                person.actor(),
                Action.BREAK_GLASS_REVIEWED,
                Outcome.DONE,
                purpose=matter.purpose,
                case=emergency.case_id,
                break_glass=break_glass_id.hex(),
                finding=finding,
                late=int(emergency.review_is_late(now)),
            )
        )
        work.commit()


def _reviews(parts: Parts, person: Person) -> bool:
    return parts.policy.allows(person.role, Right.REVIEW_BREAK_GLASS) and person.purposes is None


def _why_no_review(connection: Connection, parts: Parts, matter: Matter, me: Account) -> str:
    """Return the rule that keeps somebody from reviewing an access, or an empty string."""
    store = parts.keys.current(connection)
    if emergencies.is_one_of(store, me, matter.involved()):
        return "part_in_it"
    officer = people.by_work_number(connection, parts.policy.company.privacy_officer)
    if officer is None or officer.account_id == me.account_id or officer.state is not AccountState.ACTIVE:
        return ""
    return "" if emergencies.is_one_of(store, officer, matter.involved()) else "for_the_privacy_officer"


def _line(parts: Parts, one: Listed, now: datetime) -> Line:
    standing = emergencies.standing_of(parts.policy, one.emergency, now)
    return Line(one.emergency, one.asker, one.purpose, standing, one.emergency.review_is_late(now))
