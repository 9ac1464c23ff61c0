"""What a request for access leads to, for somebody who was asked to decide it: opened, worked out and shown masked.

That they were asked, and may decide still, is worked out anew each time; what is opened for it, the log says.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from vault.crypto.key_store import KeyStore
from vault.domain.log import Action, Event, Opened, Outcome
from vault.domain.people import Person
from vault.domain.records import FieldRef, RecordMeta
from vault.domain.requests import RequestState, state_at
from vault.domain.rules.access import View
from vault.errors import AlreadyDecided, IntegrityError, NotFound
from vault.services.steps import finding, scope
from vault.services.steps.cards import OTHER_PARTY_RULE, Card, Glimpse, Viewer, glimpse
from vault.services.steps.deciders import deciders_by_owner
from vault.services.steps.finding import Behind
from vault.services.steps.opening import announced, check, open_record, report, reporting
from vault.services.steps.parts import Parts
from vault.storage import records, requests
from vault.storage.records import StoredRecord
from vault.storage.requests import Request, TargetedRequest

MOST_CHOICES = 20
"""Records with one number that are shown to choose from, the latest activity first."""

_IDENTIFIER = FieldRef("identifier")


@dataclass(frozen=True, slots=True)
class Examined:
    """What a request leads to.

    Args:
        asked: the request, and who asks.
        number: what was asked for.
        behind: what carries it.
        rules: the customers on whom this person decides, each with the rule that says so.
    """

    asked: TargetedRequest
    number: str
    behind: Behind
    rules: Mapping[bytes, str]

    @property
    def request(self) -> Request:
        """The request itself."""
        return self.asked.request

    def matches(self) -> dict[bytes, StoredRecord]:
        """Return the found records that this person decides on, or that hang on customers they decide on."""
        return {
            key: one
            for key, one in self.behind.matches.items()
            if key in self.rules or self.rules.keys() & scope.parties_of(one.meta).keys()
        }

    def would_show(self) -> set[bytes]:
        """Return the records that this person decides on, and whatever is shown beside them."""
        matches = self.matches()
        return {*matches, *self.rules, *(party for one in matches.values() for party in scope.parties_of(one.meta))}


def examine(parts: Parts, person: Person, request_id: bytes, now: datetime) -> Examined:
    """Open the identifier for somebody who was asked, and work out what of it they decide on.

    Args:
        parts: the vault's parts.
        person: who decides.
        request_id: the request.
        now: UTC.

    Raises:
        NotFound: they were not asked, or may not decide any more; logged.
        AlreadyDecided: somebody has decided it, or it is over.
        LogUnavailable: the event could not be made durable; nothing was opened.
        IntegrityError: something they would decide on does not fit; logged. What does not fit and is not theirs is
            logged too, and looks as if it were not there.
    """
    with parts.database.read() as connection:
        asked = requests.for_target(connection, request_id, person.account_id)
        store = parts.keys.current(connection)
        with reporting(parts, person.actor(), {}, now):
            sealed = records.load(connection, [request_id]).get(request_id)
            if sealed is not None:
                check(store, sealed)
        wrap = records.wraps(connection, [sealed.meta] if sealed else []).get(request_id)
        known = asked is not None or requests.one(connection, request_id) is not None
    if asked is None or sealed is None:
        outcome = Outcome.REFUSED if known else Outcome.MISS
        parts.log_writer.write(parts.event(now, person.actor(), Action.REQUEST_VIEW, outcome))
        raise NotFound("request")
    request = asked.request
    if state_at(request.state, request.asked_at, parts.policy.grants.answer(), now) is not RequestState.ASKED:
        raise AlreadyDecided
    opened = (announced(sealed, {_IDENTIFIER.field}),)
    receipt = parts.log_writer.write(
        event_of(parts, person, request, Action.REQUEST_VIEW, Outcome.GRANTED, now, opened=opened)
    )
    with reporting(parts, person.actor(), {request_id: sealed}, now):
        number = open_record(store, receipt, sealed, wrap, {_IDENTIFIER.field})[_IDENTIFIER].disclose()
    with parts.database.read() as connection, reporting(parts, person.actor(), {}, now):
        behind = finding.behind(connection, store, request.kind, number, now)
        metas = [one.meta for one in behind.customers.values()]
        rules, may_decide = rules_of(connection, parts, store, person, request, metas)
        examined = Examined(asked, number, behind, rules)
        if behind.damaged & examined.would_show():
            raise IntegrityError("unreadable")
    if behind.damaged:
        report(parts, person.actor(), behind.those_damaged(), now)
    if not may_decide:
        parts.log_writer.write(event_of(parts, person, request, Action.REQUEST_VIEW, Outcome.REFUSED, now))
        raise NotFound("request")
    return replace(examined, behind=behind.sound())


def rules_of(
    connection: Connection,
    parts: Parts,
    store: KeyStore,
    person: Person,
    request: Request,
    customers: Collection[RecordMeta],
) -> tuple[dict[bytes, str], bool]:
    """Return by which rule a person decides on which customers, and whether they decide on the request at all."""
    owners = {one.owner for one in customers} or {None}
    askers = {request.asked_by, request.held_by}
    by_owner = deciders_by_owner(connection, parts.policy, store, askers, request.held_by, owners)
    rules = {
        one.record_id: "decide.owner" if one.owner == person.account_id else "decide.supervisor"
        for one in customers
        if person.account_id in by_owner[one.owner]
    }
    return rules, any(person.account_id in some for some in by_owner.values())


def masked(parts: Parts, person: Person, found: Examined) -> dict[bytes, Glimpse]:
    """Decide what is shown of the matches and the parties of shipments: masks only, nothing to reveal."""
    sought, shown = (found.request.kind, found.number), {}

    def keep(one: StoredRecord, part: str, rule: str) -> None:
        """Let one record be shown, whatever its views allow as a mask at most."""
        by = sought if part == "match" else None
        made = glimpse(
            parts.policy, Viewer(person.role, found.request.purpose), one, part, rule, found.rules.keys(), "", by
        )
        views = {name: View.MASKED if view is View.REVEAL else view for name, view in made.views.items()}
        shown[one.meta.record_id] = replace(made, views=views)

    for key, one in list(found.matches().items())[:MOST_CHOICES]:
        if key in found.rules:
            keep(one, "match", found.rules[key])
            continue
        roles = scope.parties_of(one.meta)
        keep(one, "match", next(found.rules[party] for party in roles if party in found.rules))
        for party, part in roles.items():
            if party in found.behind.customers:
                keep(found.behind.customers[party], part, found.rules.get(party, OTHER_PARTY_RULE))
    return shown


def open_shown(
    parts: Parts, person: Person, found: Examined, shown: Mapping[bytes, Glimpse], now: datetime
) -> tuple[Card, ...]:
    """Log what is opened of the records a request leads to, or that there are none, and open just that."""
    with parts.database.read() as connection:
        store = parts.keys.current(connection)
        wraps = records.wraps(connection, (one.found.meta for one in shown.values()))
    receipt = parts.log_writer.write(
        event_of(
            parts,
            person,
            found.request,
            Action.REQUEST_VIEW,
            Outcome.GRANTED if shown else Outcome.MISS,
            now,
            next(iter(found.rules.values()), ""),
            tuple(one.announced() for one in shown.values()),
        )
    )
    with reporting(parts, person.actor(), {key: one.found for key, one in shown.items()}, now):
        return tuple(one.card(store, receipt, wraps.get(key)) for key, one in shown.items())


def event_of(
    parts: Parts,
    person: Person,
    request: Request,
    action: Action,
    outcome: Outcome,
    now: datetime,
    rule: str = "",
    opened: tuple[Opened, ...] = (),
    **facts: str | int,
) -> Event:
    """Make an event of somebody who decides on a request: it names the asker's case and its purpose."""
    return parts.event(
        now,
        person.actor(),
        action,
        outcome,
        purpose=request.purpose,
        case=request.case_id,
        rule=rule,
        opened=opened,
        request=request.request_id.hex(),
        **facts,
    )
