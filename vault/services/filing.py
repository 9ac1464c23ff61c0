"""Filing a service record from an open case: what happened, the notice given, and with it the end of the case.

The record hangs on a customer in scope within the case, is sealed like an imported one, moves its customer's activity
on, and closes the case unless told otherwise; record, activity, end of the case and events are one transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from vault.crypto.key_store import KeyStore
from vault.domain import service_records
from vault.domain.breach.containment import Doing
from vault.domain.clocks import entry_lateness
from vault.domain.cohorts import home_of
from vault.domain.ids import RecordClass, new_id
from vault.domain.log import Action, Opened, Outcome
from vault.domain.people import Person
from vault.domain.policy import Policy
from vault.domain.records import FieldRef, LinkRole, RecordMeta, RecordState
from vault.domain.retention import expires_at
from vault.domain.rules.access import Right
from vault.errors import InvalidValue, NotFound
from vault.services.steps import scope
from vault.services.steps.activity import move_activity
from vault.services.steps.admission import case_of, may_use, refuse_program
from vault.services.steps.attempts import until_stored
from vault.services.steps.breach.containing import stopped_by_freeze
from vault.services.steps.closing import close_case
from vault.services.steps.opening import reporting
from vault.services.steps.parts import Parts
from vault.storage import record_writes, vault_state
from vault.storage.cases import Case
from vault.storage.record_writes import NewRecord
from vault.storage.unit_of_work import unit_of_work

_DETAILS, _TEXT = FieldRef("details"), FieldRef("text")


@dataclass(frozen=True, slots=True)
class Filing:
    """A service record as somebody enters it.

    Args:
        customer: the customer served.
        kind: consultation, complaint, callback or rating.
        channel: phone, online or counter.
        ended_at: service end, aware; None means now.
        text: what happened, in words.
        result: resolved, in_progress or forwarded.
        notice_version: which notice the customer was given (CE-01).
        notice_channel: and how.
        category: topic of a complaint.
        severity: of a complaint.
        rating: 1 to 5, of a service rating.
        shipment: the shipment it was about, one of the customer's.
        closes: whether the case ends with it.
    """

    customer: bytes
    kind: str
    channel: str
    ended_at: datetime | None
    text: str
    result: str
    notice_version: str
    notice_channel: str
    category: str = ""
    severity: str = ""
    rating: str = ""
    shipment: bytes | None = None
    closes: bool = True


@dataclass(frozen=True, slots=True)
class Filed:
    """A service record that was stored.

    Args:
        record_id: its id, which is its identity: it has no source number.
        late: entered later than the policy's limit.
    """

    record_id: bytes
    late: bool


@stopped_by_freeze(Doing.BUSINESS, Action.SERVICE_FILED)
def file(parts: Parts, person: Person, case_id: bytes, filing: Filing, now: datetime) -> Filed:
    """File a service record from an open case (CE-01, CE-02, CE-06).

    Args:
        parts: the vault's parts.
        person: who files; the record is theirs.
        case_id: their open case.
        filing: what to enter.
        now: UTC.

    Returns:
        The record's id, and whether it was entered late: late is accepted, marked and listed.

    Raises:
        AccessRefused: the role may not look up for the case's purpose (any more), or it is a program that files.
        InvalidValue: a value that cannot be; ``field`` names it.
        NotFound: the case is not theirs or closed, or customer or shipment are not there, or not in scope.
        StorageUnavailable: nothing is stored.
        IntegrityError: something the decision rests on does not fit; nothing is stored.
    """
    text = _checked(parts.policy, filing)
    return until_stored(lambda: _attempt(parts, person, case_id, filing, text, now))


def _checked(policy: Policy, filing: Filing) -> str:
    """Refuse what no case could make right, and return the text as it will be sealed."""
    for name, value, words in (
        ("kind", filing.kind, service_records.KINDS),
        ("channel", filing.channel, service_records.CHANNELS),
        ("result", filing.result, service_records.RESULTS),
    ):
        if value not in words:
            raise InvalidValue("not_on_list", field=name)
    if filing.notice_version not in policy.notices or filing.notice_channel not in service_records.CHANNELS:
        raise InvalidValue("notice_not_given", field="notice")
    for field, told, known, kind in (
        ("category", filing.category, service_records.CATEGORIES, "complaint"),
        ("severity", filing.severity, service_records.SEVERITIES, "complaint"),
        ("rating", filing.rating, service_records.RATINGS, "rating"),
    ):
        if filing.kind == kind and told not in known:
            raise InvalidValue("not_on_list", field=field)
        if filing.kind != kind and told:
            raise InvalidValue("not_of_this_kind", field=field)
    return service_records.checked_text(filing.text, "text")


def _attempt(parts: Parts, person: Person, case_id: bytes, filing: Filing, text: str, now: datetime) -> Filed:
    # 1. Whose case it is, and that customer and shipment are in scope within it.
    with parts.database.read() as connection:
        case = case_of(connection, person, case_id)
        may_use(parts, person, Right.LOOKUP, case.purpose, now)
        refuse_program(parts, person, Action.SERVICE_FILED, case, now)
        store = parts.keys.current(connection)

        def reach(record_id: bytes) -> tuple[RecordMeta, dict[bytes, str]]:
            """Return a record in scope within the case, with the rules that let it in."""
            found, rules = scope.within_case(
                connection, parts, person, store, case, record_id, Action.SERVICE_FILED, now
            )
            return found.meta, rules

        customer, rules = reach(filing.customer)
        if customer.record_class is not RecordClass.CUSTOMER:
            raise NotFound("record")
        if filing.shipment is not None:
            shipment, _ = reach(filing.shipment)
            if shipment.record_class is not RecordClass.SHIPMENT or filing.customer not in scope.parties_of(shipment):
                raise NotFound("record")
    # 2. When the service ended.
    ended = service_records.checked_end(filing.ended_at, case.opened_at, now, parts.policy.cases.backdate())
    # 3. Seal and store, in one transaction with the customer's activity, the end of the case and the events.
    with reporting(parts, person.actor(), {}, now), unit_of_work(parts.database) as work:
        case_of(work.connection, person, case_id)
        store = parts.keys.current(work.connection)
        new = _seal(parts.policy, store, person, case, filing, text, ended, now)
        vault_state.require_open(work.connection, {new.meta.cohort_id}, store.version)
        record_writes.store(work.connection, [new])
        move_activity(work.connection, parts.policy, store, [new.meta], now)
        work.announce(
            parts.event(
                now,
                person.actor(),
                Action.SERVICE_FILED,
                Outcome.DONE,
                purpose=case.purpose,
                case=case_id,
                rule=rules[filing.customer],
                # By id, with no field: the log shows what was stored and on whom, and grants nothing.
                opened=(
                    Opened(new.meta.record_id, RecordClass.SERVICE_RECORD.value, ()),
                    Opened(filing.customer, RecordClass.CUSTOMER.value, ()),
                ),
                late=int(new.late),
            )
        )
        if filing.closes:
            close_case(parts, work, person, case, "service_filed", now)
        work.commit()
    return Filed(new.meta.record_id, new.late)


def _seal(
    policy: Policy,
    store: KeyStore,
    person: Person,
    case: Case,
    filing: Filing,
    text: str,
    ended: datetime,
    now: datetime,
) -> NewRecord:
    zone, state = policy.zone, service_records.state_of(filing.kind, filing.result)
    expiry = None
    if state is RecordState.SETTLED:
        expiry = expires_at(ended, policy.retention[RecordClass.SERVICE_RECORD].keep(), zone)
    cohort = home_of(store.cohorts(), RecordClass.SERVICE_RECORD, expiry, now.astimezone(zone).date(), zone)
    keys = store.keys_of(cohort.key_id)
    links = [(LinkRole.CUSTOMER, filing.customer)]
    if filing.shipment is not None:
        links.append((LinkRole.SHIPMENT, filing.shipment))
    meta = RecordMeta(
        record_id=new_id(),
        record_class=RecordClass.SERVICE_RECORD,
        cohort_id=cohort.key_id,
        owner=person.account_id,
        outlet=person.outlet,
        kind=filing.kind,
        state=state,
        held=False,
        activity_at=ended,
        expires_at=expiry,
        links=tuple(sorted(links)),
        fields=(_DETAILS, _TEXT),
    )
    details = service_records.details_text(
        # The call began at the latest when its case was opened.
        {"started_at": min(case.opened_at, ended), "ended_at": ended, "entered_at": now},
        channel=filing.channel,
        result=filing.result,
        category=filing.category,
        severity=filing.severity,
        rating=filing.rating,
        notice={
            "version": filing.notice_version,
            "channel": filing.notice_channel,
            "at": service_records.utc_text(ended),
        },
    )
    wrapped, sealed = keys.seal(meta.record_id, [(_DETAILS, details), (_TEXT, text)])
    late = entry_lateness(ended, now, policy.entry.limit()) is not None
    return NewRecord(meta, keys.mac(meta), wrapped, sealed, (), entered_at=now, late=late, imported=False)
