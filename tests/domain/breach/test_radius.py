"""What a radius may be drawn around, the kinds of data, and the numbers of the law at their edges."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from vault.domain.breach.radius import (
    LEGAL,
    Affected,
    DataKind,
    KindCount,
    RadiusCounts,
    RadiusScope,
    digest_of,
    kind_of,
    record_id,
    record_ids,
)
from vault.domain.fields import FIELDS
from vault.domain.ids import RecordClass
from vault.errors import InvalidValue

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
NOTHING = RadiusCounts(0, 0, 0, 0, 0, 0, ())


def test_every_field_of_a_record_has_its_kind_or_tells_nothing_of_a_person():
    found = {f"{one.value}.{name}": kind_of(f"{one.value}.{name}") for one in RecordClass for name in FIELDS[one]}
    assert {name for name, kind in found.items() if kind is None} == {
        "customer.source_number", "customer.id_type", "customer.notice", "shipment.parcel",
        "service_record.source_number", "service_record.details",
    }  # fmt: skip
    assert found["shipment.track"] is found["customer.recipient_address"] is DataKind.WHEREABOUTS
    assert found["customer.id_number"] is found["id_copy.image"] is DataKind.IDENTITY
    assert found["customer.phone"] is found["customer.name"] is DataKind.OTHER
    assert kind_of("customer.of_a_later_version") is DataKind.OTHER


@pytest.mark.parametrize(("kind", "many"), LEGAL.items())
def test_the_number_of_the_law_itself_is_serious_and_one_less_is_not(kind, many):
    assert not KindCount(kind, many, many - 1).crossed
    assert KindCount(kind, many, many).crossed
    assert KindCount(kind, many + 5, many).masked == 5


def test_halved_numbers_of_the_law_are_those_for_who_provides_a_service():
    assert set(LEGAL.values()) == {25, 250, 2_500}


def test_more_than_fifty_records_go_to_the_police_and_a_million_persons_further():
    assert not replace(NOTHING, records_clear=50).for_police
    assert replace(NOTHING, records_clear=51).for_police
    assert replace(NOTHING, kinds=(KindCount(DataKind.COMMUNICATION, 25, 25),)).for_police
    assert not replace(NOTHING, customers=999_999).over_million
    assert replace(NOTHING, customers=1_000_000).over_million


def test_counts_are_read_back_as_they_were_written():
    counts = RadiusCounts(9, 8, 7, 6, 5, 4, (KindCount(DataKind.OTHER, 3, 2),), possible=True, cohorts=2)
    assert RadiusCounts.from_json(counts.as_json()) == counts
    assert RadiusCounts.from_json(NOTHING.as_json()) == NOTHING


def test_a_scope_is_told_without_what_was_not_asked_for_and_without_its_list():
    records = (b"b" * 16, b"a" * 16, b"a" * 16)
    scope = RadiusScope(person=" kf2001 ", source="::ffff:0:1", since=NOW, records=records).checked()
    assert scope.as_json() == {
        "person": "KF2001",
        "source": "::ffff:0:1",
        "since": "2026-11-20T03:00:00.000000Z",
        "records": {"count": 2, "digest": sha256(b"a" * 16 + b"b" * 16).hexdigest()},
    }
    assert RadiusScope(everything=True).checked().as_json() == {"everything": True}
    assert RadiusScope(person="operator:root").checked().person == "operator:root"
    assert RadiusScope(source="local").checked().source == "local"


def test_ten_thousand_records_are_taken_and_one_more_is_not():
    many = tuple(number.to_bytes(16, "big") for number in range(10_001))
    assert len(RadiusScope(records=many[1:]).checked().records) == 10_000
    with pytest.raises(InvalidValue, match="too_many_records"):
        RadiusScope(records=many).checked()


def test_ids_are_read_as_they_are_pasted_and_nothing_else_is_an_id():
    assert record_ids(f" {'AB' * 16},\n{'cd' * 16};\t") == (bytes([0xAB] * 16), bytes([0xCD] * 16))
    assert record_ids("") == ()
    for wrong in ("ab", "zz" * 16, "ab" * 17, "13800138000"):
        with pytest.raises(InvalidValue) as refused:
            record_ids(wrong)
        assert refused.value.facts == {"field": "records"}
        with pytest.raises(InvalidValue):
            record_id(wrong, "cohort")
    with pytest.raises(InvalidValue):
        record_id("", "cohort")


def test_the_digest_is_over_one_line_for_each_with_tabs_between():
    one = Affected(b"a" * 16, RecordClass.CUSTOMER, ("customer.phone",), (), NOW, NOW + timedelta(seconds=1), False)
    other = Affected(b"b" * 16, RecordClass.SHIPMENT, (), ("shipment.waybill", "shipment.x"), None, None, True)
    lines = (
        f"{'61' * 16}\tcustomer\tcustomer.phone\t\t2026-11-20T03:00:00.000000Z\t2026-11-20T03:00:01.000000Z\t0\n"
        f"{'62' * 16}\tshipment\t\tshipment.waybill shipment.x\t\t\t1\n"
    )
    assert digest_of([one, other]) == sha256(lines.encode()).digest()
