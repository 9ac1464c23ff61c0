"""The digest that freezes a plan, the nights on which one is drafted, and what numbers come to."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.domain.destruction import ORDER, Count, Item, Numbers, last_night, plan_digest
from vault.domain.encoding import prefixed
from vault.domain.ids import RecordClass

AT = datetime(2026, 11, 20, 16, 0, tzinfo=UTC)
PLAN, POLICY = bytes(range(16)), "ab" * 32
SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")

items = st.builds(
    Item,
    st.binary(min_size=16, max_size=16),
    st.sampled_from(ORDER),
    st.binary(min_size=16, max_size=16),
    st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - zone given
    st.sampled_from(["", "NJ-GL-01", "XM-SM-01"]),
)


def digest(*some, plan=PLAN, as_of=AT, policy=POLICY):
    return plan_digest(plan, as_of, policy, some)


def test_the_digest_is_made_as_the_page_of_formats_says():
    one = Item(b"r" * 16, RecordClass.CUSTOMER, b"c" * 16, AT, "NJ-GL-01")
    head = prefixed((b"datavault/plan/1", PLAN, b"1795190400000000", bytes.fromhex(POLICY)))
    row = prefixed((b"r" * 16, b"customer", b"c" * 16, b"1795190400000000", b"NJ-GL-01"))
    assert digest(one) == sha256(head + row).digest()
    assert digest() == sha256(head).digest()


@given(st.lists(items, max_size=4, unique_by=lambda one: one.record_id), items)
def test_another_record_or_another_order_is_another_plan(some, more):
    assert digest(*some) != digest(*some, more)
    if len(some) > 1:
        assert digest(*some) != digest(*reversed(some))


@pytest.mark.parametrize(
    "changed", [{"plan": b"x" * 16}, {"as_of": AT + timedelta(microseconds=1)}, {"policy": "cd" * 32}]
)
def test_plan_moment_and_policy_are_part_of_the_digest(changed):
    assert digest(**changed) != digest()


@pytest.mark.parametrize(
    ("now", "zone", "night"),
    [
        (datetime(2026, 11, 20, 18, 0, tzinfo=UTC), SHANGHAI, datetime(2026, 11, 20, 18, 0, tzinfo=UTC)),
        (datetime(2026, 11, 20, 17, 59, 59, tzinfo=UTC), SHANGHAI, datetime(2026, 11, 19, 18, 0, tzinfo=UTC)),
        (datetime(2026, 11, 21, 17, 59, 59, tzinfo=UTC), SHANGHAI, datetime(2026, 11, 20, 18, 0, tzinfo=UTC)),
        (datetime(2026, 1, 1, 0, 30, tzinfo=UTC), BERLIN, datetime(2025, 12, 31, 1, 0, tzinfo=UTC)),
        (datetime(2026, 3, 29, 12, 0, tzinfo=UTC), BERLIN, datetime(2026, 3, 29, 1, 0, tzinfo=UTC)),
        (datetime(2026, 10, 25, 12, 0, tzinfo=UTC), BERLIN, datetime(2026, 10, 25, 0, 0, tzinfo=UTC)),
    ],
)
def test_a_night_is_two_oclock_of_the_company(now, zone, night):
    assert last_night(now, zone) == night


@given(st.datetimes(datetime(1992, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001 - zone given
def test_the_last_night_has_been_and_the_next_has_not(now):
    night = last_night(now, SHANGHAI)
    assert night <= now < night + timedelta(days=1)


def test_numbers_are_summed_by_class_reason_and_outlet():
    service, customer = RecordClass.SERVICE_RECORD, RecordClass.CUSTOMER
    numbers = Numbers(
        (
            Count(service, "A", "", 2, AT),
            Count(service, "B", "", 3, AT - timedelta(days=9)),
            Count(customer, "A", "hold", 1, AT - timedelta(days=99)),
            Count(customer, "B", "linked", 4, AT),
            Count(customer, "B", "hold", 1, AT),
        )
    )
    assert {one: count for one, count in numbers.due.items() if count} == {service: 5}
    assert {one: count for one, count in numbers.held.items() if count} == {customer: 6}
    assert numbers.held_why == {customer: {"hold": 2, "linked": 4}}
    assert numbers.outlets == {"A": 2, "B": 3}
    assert numbers.oldest == AT - timedelta(days=9)
    assert list(numbers.due) == list(numbers.held) == list(ORDER)
    assert Numbers().oldest is None
