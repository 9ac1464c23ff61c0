"""Opening access that was approved, with a second person present, for a time that nothing makes longer (KY-11)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NoReturn

from vault.crypto.key_store import KeyStore
from vault.domain.breach.containment import Doing
from vault.domain.emergency import Emergency, Stage, Standing, profiles_to_ask
from vault.domain.fields import FIELDS
from vault.domain.identifiers import IdentifierKind
from vault.domain.ids import new_id
from vault.domain.log import Action, Outcome, micros_text
from vault.domain.notices import NoticeKind
from vault.domain.people import Person, normal_work_number
from vault.domain.plaintext import Plaintext
from vault.domain.records import FieldRef
from vault.domain.requests import GrantKind
from vault.errors import AlreadyDecided, IntegrityError, NotFound, SignInRefused
from vault.services.steps import emergencies, finding
from vault.services.steps.admission import case_of
from vault.services.steps.breach.containing import stopped_by_freeze
from vault.services.steps.emergencies import Matter, refuse
from vault.services.steps.finding import Behind
from vault.services.steps.opening import announced, check, check_found_by, open_record, reporting
from vault.services.steps.parts import Parts
from vault.services.steps.proof import prove
from vault.services.steps.tokens import first_duty
from vault.storage import break_glass, cases, grants, notifications, people, records
from vault.storage.people import Account
from vault.storage.records import StoredRecord
from vault.storage.unit_of_work import unit_of_work

_IDENTIFIER = FieldRef("identifier")


@stopped_by_freeze(Doing.BUSINESS, Action.BREAK_GLASS_OPENED)
def open_with(
    parts: Parts, person: Person, break_glass_id: bytes, work_number: str, password: str, code: str, now: datetime
) -> bytes | None:
    """Open an approved access: a second person proves on the spot that they are present.

    The second person is another human than the asker; one of the approvers may be it (KY-11 wants two people there).

    Args:
        parts: the vault's parts.
        person: who asked; nobody else opens it.
        break_glass_id: the request.
        work_number: of the second person, as typed.
        password: theirs, as typed.
        code: of their second factor, as typed; not looked at when they have none.
        now: UTC.

    Returns:
        The record to go on with, None when the number leads to nobody.

    Raises:
        AccessRefused: the second person was not accepted, or is no other human; the asker's role or purpose has been
            taken away; or an approver has left, is not at work or may approve no more (logged).
        AlreadyDecided: it is not approved, has run out, or has been opened.
        NotFound: it is not theirs, or its case is closed.
        IntegrityError: something does not fit; logged, nothing is granted.
    """
    with parts.database.read() as connection:
        matter = _own(emergencies.matter(connection, break_glass_id), person)
        case_of(connection, person, matter.emergency.case_id)
        store = parts.keys.current(connection)
        # Refusals name the account that was tried; what no account has may be a password typed in the wrong box.
        number = normal_work_number(work_number)
        tried = people.by_work_number(connection, number)
        named = {"second_person": tried.work_number} if tried else {}
    if emergencies.standing_of(parts.policy, matter.emergency, now) is not Standing.APPROVED:
        raise AlreadyDecided
    if matter.emergency.profile not in profiles_to_ask(parts.policy, person, matter.purpose):
        refuse(parts, person, Action.BREAK_GLASS_OPENED, "profile_not_yours", now, matter)

    def no(rule: str) -> NoReturn:
        """Refuse by a rule, under the name of the second person where they are known."""
        refuse(parts, person, Action.BREAK_GLASS_OPENED, rule, now, matter, **named)

    try:
        second = prove(parts, number, password, code, person.actor(), Action.BREAK_GLASS_OPENED, now)
    except SignInRefused:
        no("second_person_refused")
    if first_duty(parts, second, now, now) is not None:
        no("second_person_refused")
    if emergencies.is_one_of(store, second, [matter.asker()]):
        no("second_person_is_the_first")
    with parts.database.read() as connection:
        stands = emergencies.is_approved_still(connection, parts.policy, store, matter)
    if not stands:
        refuse(parts, person, Action.BREAK_GLASS_OPENED, "approval_lapsed", now, matter)
    behind = _look(parts, person, matter, now)
    return _open(parts, person, matter.emergency, second, behind, now)


def end(parts: Parts, person: Person, break_glass_id: bytes, now: datetime) -> None:
    """End one's own access before its time, or take back a request that was not opened; what was opened is reviewed.

    Args:
        parts: the vault's parts.
        person: who asked.
        break_glass_id: the request.
        now: UTC.

    Raises:
        AlreadyDecided: it is over already.
        NotFound: it is not theirs.
    """
    with unit_of_work(parts.database) as work:
        matter = _own(emergencies.matter(work.connection, break_glass_id, locked=True), person)
        living = (Stage.ASKED, Stage.APPROVED, Stage.OPENED)
        if not break_glass.change(work.connection, break_glass_id, living, {"state": Stage.ENDED.value}):
            raise AlreadyDecided
        ended = break_glass.end_grants(work.connection, matter.emergency, now)
        work.announce(
            parts.event(
                now,
                person.actor(),
                Action.BREAK_GLASS_ENDED,
                Outcome.DONE,
                purpose=matter.purpose,
                case=matter.emergency.case_id,
                break_glass=break_glass_id.hex(),
                ended=ended,
            )
        )
        work.commit()


def _own(matter: Matter, person: Person) -> Matter:
    if matter.emergency.asked_by != person.account_id:
        raise NotFound("break_glass")
    return matter


def _look(parts: Parts, person: Person, matter: Matter, now: datetime) -> Behind:
    """Open the sealed identifier and find what it leads to; each opening is logged first."""
    actor, request_id = person.actor(), matter.emergency.break_glass_id
    with parts.database.read() as connection:
        store = parts.keys.current(connection)
        asked = records.load(connection, [request_id])
    with reporting(parts, actor, asked, now):
        opened = _logged_and_opened(parts, person, matter, store, asked, {request_id: {_IDENTIFIER.field}}, now)
    if request_id not in opened:  # destroyed with its cohort
        raise NotFound("break_glass")
    kind, number = IdentifierKind(matter.emergency.identifier_kind), opened[request_id][_IDENTIFIER].disclose()
    with parts.database.read() as connection, reporting(parts, actor, {}, now):
        behind = finding.behind(connection, store, kind, number, now)
        if behind.damaged:
            raise IntegrityError("unreadable")
    if behind.matches:
        # Index rows carry no MAC: the record itself must hold the number before anybody is granted what hangs on it.
        names = {key: _fields_of(kind, one) for key, one in behind.matches.items()}
        with reporting(parts, actor, behind.matches, now):
            found = _logged_and_opened(parts, person, matter, store, behind.matches, names, now)
            for key, values in found.items():
                check_found_by(behind.matches[key].meta.record_class, values, kind, number)
    return behind


def _logged_and_opened(
    parts: Parts,
    person: Person,
    matter: Matter,
    store: KeyStore,
    found: Mapping[bytes, StoredRecord],
    names: Mapping[bytes, set[str]],
    now: datetime,
) -> dict[bytes, dict[FieldRef, Plaintext]]:
    with parts.database.read() as connection:
        wraps = records.wraps(connection, (one.meta for one in found.values()))
    for one in found.values():
        check(store, one)
    receipt = parts.log_writer.write(
        parts.event(
            now,
            person.actor(),
            Action.BREAK_GLASS_OPENED,
            Outcome.GRANTED,
            purpose=matter.purpose,
            case=matter.emergency.case_id,
            opened=tuple(announced(one, names[key]) for key, one in found.items()),
            break_glass=matter.emergency.break_glass_id.hex(),
        )
    )
    return {key: open_record(store, receipt, one, wraps.get(key), names[key]) for key, one in found.items()}


def _fields_of(kind: IdentifierKind, one: StoredRecord) -> set[str]:
    fields = FIELDS[one.meta.record_class]
    return {ref.field for ref in one.meta.fields if fields[ref.field].index is kind}


def _open(
    parts: Parts, person: Person, emergency: Emergency, second: Account, behind: Behind, now: datetime
) -> bytes | None:
    """Make the request an opened one with its grants, or find that somebody else was faster."""
    profile = parts.policy.break_glass.profiles[emergency.profile]
    # What leads to nobody gives nothing, so that its access is over as it begins.
    expires_at = now + timedelta(minutes=profile.minutes) if behind.customers else now
    with unit_of_work(parts.database) as work:
        case = case_of(work.connection, person, emergency.case_id)
        matter = emergencies.matter(work.connection, emergency.break_glass_id, locked=True)
        if emergencies.standing_of(parts.policy, matter.emergency, now) is not Standing.APPROVED:
            raise AlreadyDecided
        opened = {
            "state": Stage.OPENED.value,
            "second_person": second.account_id,
            "opened_at": now,
            "expires_at": expires_at,
            "review_due_at": now + timedelta(hours=profile.review_hours),
        }
        break_glass.change(work.connection, emergency.break_glass_id, [Stage.APPROVED], opened)
        approver = [one.account_id for one in matter.votes if one.approved][-1]
        for customer_id in behind.customers:
            values = {
                "grant_id": new_id(),
                "kind": GrantKind.BREAK_GLASS.value,
                "account_id": person.account_id,
                "record_id": customer_id,
                "case_id": case.case_id,
                "purpose": case.purpose,
                "granted_by": approver,
                "granted_at": now,
                "expires_at": expires_at,
            }
            grants.add(work.connection, values)
        if behind.customers:
            cases.bind(work.connection, case.case_id, {*behind.matches, *behind.customers})
        owners = {one.meta.owner for one in behind.customers.values()}
        told = emergencies.told_when_opened(work.connection, parts.policy, matter.asker(), owners)
        notifications.add(work.connection, told, NoticeKind.BREAK_GLASS_OPENED, emergency.break_glass_id, now)
        called_at = emergency.owner_called_at
        work.announce(
            parts.event(
                now,
                person.actor(),
                Action.BREAK_GLASS_OPENED,
                Outcome.DONE,
                purpose=case.purpose,
                case=case.case_id,
                opened=tuple(announced(one, ()) for one in behind.customers.values()),
                break_glass=emergency.break_glass_id.hex(),
                profile=emergency.profile,
                owner_contact=emergency.owner_contact,
                called_at=micros_text(called_at) if called_at else "",
                second_person=second.work_number,
                minutes=profile.minutes if behind.customers else 0,
            )
        )
        work.commit()
    return next(iter(behind.matches), None) if behind.customers else None
