"""Reading events for a radius: the quick way reads the same as parsing, whatever stands in an event."""

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from vault.domain.breach.radius import RadiusScope
from vault.domain.breach.radius_events import FieldBits, Reader
from vault.domain.ids import new_id
from vault.domain.log import Action, Actor, Event, Opened, Outcome
from vault.domain.rules.views import Views
from vault.errors import IntegrityError
from vault.storage.policy_files import load_policy, views_in

POLICIES = Path(__file__).parents[3] / "policies"
NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
POLICY, OLD, LOST = "a" * 64, "b" * 64, "c" * 64
OPEN = b'[customer.name]\nagent = "plain"\n[shipment.waybill]\nagent = "hidden"\n'
CUSTOMER = b"c" * 16


@pytest.fixture(scope="module")
def views() -> dict[str, Views]:
    return {POLICY: load_policy(POLICIES).views, OLD: views_in({"fields": OPEN})}


def event(action=Action.LOOKUP, *opened, **given):
    told = {"role": "agent", "purpose": "query", "policy": POLICY, "at": NOW, "actor": "KF2001", "node": "n"} | given
    actor = Actor(told["actor"], told["role"], told.get("session", ""), told.get("source", "local"), told["node"])
    facts = told.get("facts", {})
    return Event(
        told["at"], actor, action, Outcome.GRANTED, told["policy"], told["purpose"], told.get("case", ""), "rule",
        opened, facts,
    ).canonical()  # fmt: skip


def customer(*fields, record_id=CUSTOMER):
    return Opened(record_id, "customer", fields)


def read(views, events, **scope):
    bits, sums = FieldBits(), {}
    Reader(bits, RadiusScope(**scope), views.get).read(events, sums)
    return {
        bytes.fromhex(key.decode()): (bits.names(one.clear), bits.names(one.masked & ~one.clear))
        for key, one in sums.items()
    }


@pytest.mark.parametrize(
    ("action", "given", "clear", "masked"),
    [
        (Action.LOOKUP, {}, ("customer.id_type",), ("customer.name",)),
        (Action.RECORD_VIEW, {}, ("customer.id_type",), ("customer.name",)),
        (Action.REQUEST_VIEW, {"role": "supervisor"}, ("customer.id_type",), ("customer.name",)),
        (Action.RETENTION_VIEW, {"role": "imd", "purpose": "retention"}, (), ("customer.id_type", "customer.name")),
        (Action.LOOKUP, {"purpose": "delivery"}, (), ("customer.id_type", "customer.name")),
        (Action.LOOKUP, {"policy": OLD}, ("customer.name",), ("customer.id_type",)),
        (Action.LOOKUP, {"policy": LOST}, ("customer.id_type", "customer.name"), ()),
        (Action.LOOKUP, {"role": "a_role_of_later"}, ("customer.id_type", "customer.name"), ()),
        (Action.REVEAL, {}, ("customer.id_type", "customer.name"), ()),
        (Action.NOTICE_CONTACTS, {"purpose": "breach_notice"}, ("customer.id_type", "customer.name"), ()),
    ],
)
def test_in_clear_is_what_the_rules_of_the_moment_showed_plain(views, action, given, clear, masked):
    assert read(views, [event(action, customer("id_type", "name"), **given)]) == {CUSTOMER: (clear, masked)}


@pytest.mark.parametrize(
    "action",
    [
        Action.CALLER_CHECKED,
        Action.BREAK_GLASS_OPENED,
        Action.IMPORT_COMPARE,
        Action.RECORD_MOVED,
        Action.BACKUP_DRILLED,
    ],
)
def test_what_nobody_sees_reaches_nobody(views, action):
    assert read(views, [event(action, customer("id_number"))]) == {}


def test_who_typed_a_waybill_saw_it_whole_unless_the_role_sees_none(views):
    parcel = Opened(b"s" * 16, "shipment", ("waybill",))
    typed, phone = {"facts": {"identifier": "waybill"}}, {"facts": {"identifier": "phone"}}
    assert read(views, [event(Action.LOOKUP, parcel, **typed)]) == {b"s" * 16: (("shipment.waybill",), ())}
    assert read(views, [event(Action.LOOKUP, parcel, **phone)]) == {b"s" * 16: ((), ("shipment.waybill",))}
    assert read(views, [event(Action.RECORD_VIEW, parcel, **typed)]) == {b"s" * 16: ((), ("shipment.waybill",))}
    assert read(views, [event(Action.LOOKUP, parcel, policy=OLD, **typed)]) == {b"s" * 16: ((), ("shipment.waybill",))}


def test_a_field_that_was_masked_once_and_shown_once_is_in_clear(views):
    events = [event(Action.LOOKUP, customer("phone")), event(Action.REVEAL, customer("phone"))]
    assert read(views, events) == read(views, events[::-1]) == {CUSTOMER: (("customer.phone",), ())}


def test_a_record_that_is_named_without_a_field_is_not_reached(views):
    assert read(views, [event(Action.BOARD_VIEW, customer()), event(Action.SERVICE_FILED, customer())]) == {}


def test_first_and_last_are_the_earliest_and_latest_whatever_the_order(views):
    times = [NOW + timedelta(seconds=one) for one in (5, 1, 9, 3)]
    bits, sums = FieldBits(), {}
    events = [event(Action.REVEAL, customer("phone"), at=at) for at in times]
    Reader(bits, RadiusScope(), views.get).read(events, sums)
    (one,) = sums.values()
    assert (one.first, one.last) == (b"2026-11-20T03:00:01.000000Z", b"2026-11-20T03:00:09.000000Z")


@pytest.mark.parametrize("node", ['a"b', "a\\b", '","rule":"', '"records":[{"class":"', "中文", '],"id":"', "}}]"])
def test_a_name_full_of_marks_changes_nothing(views, node):
    events = [
        event(
            Action.REVEAL, customer("phone"), node=node, session="s" * 32, source="10.0.0.1", actor=f"operator:{node}"
        ),
        event(Action.REVEAL, customer("name", record_id=b"d" * 16), node=node),
    ]
    assert read(views, events) == {CUSTOMER: (("customer.phone",), ()), b"d" * 16: (("customer.name",), ())}
    assert read(views, events, person="KF2001") == {b"d" * 16: (("customer.name",), ())}
    assert read(views, events, session="s" * 32) == {CUSTOMER: (("customer.phone",), ())}


def test_session_and_source_are_compared_whole(views):
    events = [
        event(Action.REVEAL, customer("phone", record_id=number.to_bytes(16, "big")), source=source, session=session)
        for number, (source, session) in enumerate((("10.0.0.1", "a" * 32), ("10.0.0.11", "a" * 32), ("10.0.0.1", "")))
    ]
    assert set(read(views, events, source="10.0.0.1")) == {(0).to_bytes(16, "big"), (2).to_bytes(16, "big")}
    assert set(read(views, events, source="10.0.0.1", session="a" * 32)) == {(0).to_bytes(16, "big")}


def test_what_is_no_event_is_refused_and_not_left_out(views):
    for wrong in (b"", b"{}", b"[1]", b'{"action":"record.reveal"}', b"\xff\xfe"):
        with pytest.raises(IntegrityError):
            read(views, [event(Action.REVEAL, customer("phone")), wrong])


def plainly(views, events, person):
    """Read events by parsing each of them, and by nothing else."""
    found = {}
    for one in map(json.loads, events):
        if person and one["actor"] != person:
            continue
        for record in one["records"]:
            if one["action"] == Action.CALLER_CHECKED or not record["fields"]:
                continue
            clear, masked = found.setdefault(bytes.fromhex(record["id"]), (set(), set()))
            for name in record["fields"]:
                plain = one["action"] not in {Action.LOOKUP, Action.RECORD_VIEW} or name == "id_type"
                typed = (one["action"], name, one["facts"].get("identifier")) == (Action.LOOKUP, "waybill", "waybill")
                (clear if plain or typed else masked).add(f"{record['class']}.{name}")
    return {key: (tuple(sorted(one)), tuple(sorted(other - one))) for key, (one, other) in found.items()}


@pytest.mark.parametrize("seed", range(5))
def test_thousands_of_different_events_read_as_if_each_were_parsed(views, seed):
    chance = random.Random(seed)
    ids = [new_id() for _ in range(40)]
    events = []
    for number in range(3_000):
        action = chance.choice(
            [Action.LOOKUP, Action.RECORD_VIEW, Action.REVEAL, Action.CALLER_CHECKED, Action.SIGN_IN]
        )
        shapes = [
            Opened(chance.choice(ids), *chance.choice([
                ("customer", ("id_type", "name")), ("customer", ("phone",)), ("customer", ()),
                ("shipment", ("waybill",)), ("shipment", ()),
            ]))
            for _ in range(chance.randrange(4))
        ]  # fmt: skip
        facts = chance.choice([{}, {"identifier": "phone"}, {"identifier": "waybill"}, {"check": new_id().hex()}])
        events.append(
            event(
                action, *({one.record_id: one for one in shapes}.values()), facts=facts,
                actor=chance.choice(["KF2001", "KF2002", "system"]), source=chance.choice(["local", "10.0.0.1"]),
                case=chance.choice(["", new_id().hex()]), at=NOW + timedelta(seconds=number),
                purpose=chance.choice(["query", "complaint"]), session=chance.choice(["", new_id().hex()]),
            )
        )  # fmt: skip
    for person in ("", "KF2001"):
        expected = plainly(views, events, person)
        assert read(views, events, person=person) == expected
