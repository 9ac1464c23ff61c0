import json
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.simulator import NOW, complaint_row, customer_row, local, mapping, service_row, shipment_row
from vault.config import ROOT
from vault.domain.identifiers import IdentifierKind
from vault.domain.records import LinkRole, RecordState
from vault.errors import InvalidValue
from vault.services.steps.intake_rows import RowReader
from vault.storage.policy_files import load_policy

POLICY = load_policy(ROOT / "policies")


def read(record_class, row, **changes):
    given = mapping(record_class)
    if changes:
        given = given.model_copy(update=changes)
    headers = {field: header for header, field in given.columns.items()}
    header = tuple(headers[name] for name in row)
    return RowReader(given, header, POLICY, NOW).entry(2, tuple(row.values()))


def refused(record_class, row):
    with pytest.raises(InvalidValue) as raised:
        read(record_class, row)
    assert not [value for value in row.values() if len(value) > 5 and value in str(raised.value)]
    return raised.value.reason, raised.value.facts["field"]


def test_a_customer_is_told_apart_by_source_number_and_found_by_phones_and_id():
    row = customer_row(phone="+86 139-1234-0001", other_contact="0592 3940580")
    entry = read("customer", row)
    assert entry.identity == (IdentifierKind.SOURCE_NUMBER, row["source_number"])
    assert entry.tagged[:2] == (
        (IdentifierKind.PHONE, 0, "13912340001"),
        (IdentifierKind.ID_NUMBER, 0, row["id_number"]),
    )
    assert (IdentifierKind.PHONE, 1, "0592-3940580") in entry.tagged
    assert entry.values["phone", 0] == "13912340001"
    assert not entry.notice_missing


def test_another_contact_that_is_no_phone_is_kept_as_written_and_finds_nobody():
    entry = read("customer", customer_row(other_contact="微信 wx_99"))
    assert entry.values["other_contact", 0] == "微信 wx_99"
    assert [ordinal for kind, ordinal, _ in entry.tagged if kind is IdentifierKind.PHONE] == [0]


def test_an_e_mail_address_is_kept_as_letters_are_sent_to_it_and_may_be_missing():
    written = {"wang@Example.COM": "wang@example.com", "wang@例子.中国": "wang@xn--fsqu00a.xn--fiqs8s"}
    kept = {read("customer", customer_row(email=one)).values["email", 0] for one in written}
    assert kept == set(written.values())
    assert ("email", 0) not in read("customer", customer_row(email="")).values


@pytest.mark.parametrize("gap", ["notice_version", "notice_at", "notice_channel"])
def test_a_notice_without_version_time_or_channel_is_missing(gap):
    entry = read("customer", customer_row(**{gap: ""}))
    assert entry.notice_missing
    assert entry.values["notice", 0] == "{}"


@pytest.mark.parametrize(
    ("change", "reason", "field"),
    [
        ({"name": ""}, "value_missing", "name"),
        ({"id_number": "990101199001011234"}, "wrong_check_digit", "id_number"),
        ({"id_type": "学生证"}, "unknown_id_type", "id_type"),
        ({"last_activity_at": "昨天"}, "impossible_date", "last_activity_at"),
        ({"last_activity_at": "2026-13-01 00:00:00"}, "impossible_date", "last_activity_at"),
        ({"last_activity_at": "0000-01-01 00:00:00"}, "impossible_date", "last_activity_at"),
        ({"last_activity_at": "9999-12-31 23:59:59"}, "date_in_future", "last_activity_at"),
        ({"outlet": "NJ GL"}, "not_a_code", "outlet"),
        ({"email": "微信同号"}, "bad_mail_address", "email"),
        ({"email": "wang@example.com\r\nBcc: li@example.com"}, "bad_mail_address", "email"),
        ({"email": "w\u0430ng@example.com"}, "bad_mail_address", "email"),
        ({"email": "wang@ex\u0430mple.com"}, "bad_mail_address", "email"),
        ({"email": "wang@example.com;li@example.com"}, "bad_mail_address", "email"),
        ({"email": f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 63}.cn"}, "bad_mail_address", "email"),
    ],
)
def test_a_customer_that_cannot_be_names_field_and_reason(change, reason, field):
    assert refused("customer", customer_row(**change)) == (reason, field)


def test_a_time_is_local_and_a_day_of_clock_skew_is_forgiven():
    assert read("customer", customer_row(last_activity_at=local(NOW))).activity_at == NOW
    read("customer", customer_row(last_activity_at=local(NOW + timedelta(days=1))))
    late = customer_row(last_activity_at=local(NOW + timedelta(days=1, seconds=1)))
    assert refused("customer", late)[0] == "date_in_future"


def test_another_companys_format_and_zone_of_times_are_read():
    times = mapping("customer").times.model_copy(update={"format": "%d.%m.%Y %H:%M", "zone": "UTC"})
    row = customer_row(last_activity_at="01.11.2026 08:30", notice_at="")
    assert read("customer", row, times=times).activity_at.isoformat() == "2026-11-01T08:30:00+00:00"


def test_a_shipments_activity_is_its_sign_off_or_else_its_last_step():
    one, two = customer_row(), customer_row()
    row = shipment_row(one, two)
    entry = read("shipment", row)
    assert entry.activity_at == NOW - timedelta(days=3)
    assert dict(entry.links) == {
        LinkRole.SENDER: (IdentifierKind.SOURCE_NUMBER, one["source_number"]),
        LinkRole.RECIPIENT: (IdentifierKind.SOURCE_NUMBER, two["source_number"]),
    }
    assert read("shipment", row | {"signed_at": "", "signed_by": ""}).activity_at == NOW - timedelta(days=3, hours=1)
    assert json.loads(entry.values["track", 0])["pickup"] == "2026-11-15T03:00:00Z"


@pytest.mark.parametrize(
    ("change", "reason", "field"),
    [
        ({"waybill": "YT123"}, "not_a_waybill", "waybill"),
        ({"signed_at": "2026-11-01 00:00:00"}, "signed_before_pickup", "signed_at"),
        ({"transit_at": "2026-11-01 00:00:00"}, "out_of_order", "transit_at"),
        ({"weight_kg": "很重"}, "not_a_number", "weight_kg"),
        ({"weight_kg": "-1"}, "not_a_number", "weight_kg"),
        ({"declared_value": "1e9"}, "not_a_number", "declared_value"),
        ({"item_type": ""}, "value_missing", "item_type"),
    ],
)
def test_a_shipment_that_cannot_be_names_field_and_reason(change, reason, field):
    assert refused("shipment", shipment_row(customer_row(), customer_row(), **change)) == (reason, field)


def test_only_a_consultation_or_complaint_in_progress_is_open():
    row = customer_row()
    assert read("service_record", complaint_row(row)).state is RecordState.OPEN
    assert read("service_record", service_row(row, result="处理中")).state is RecordState.OPEN
    assert read("service_record", service_row(row, kind="回访", result="处理中")).state is RecordState.SETTLED
    assert read("service_record", complaint_row(row, result="已解决")).state is RecordState.SETTLED


@pytest.mark.parametrize(("minutes", "late"), [(-10, False), (0, False), (30, False), (30.02, True), (600, True)])
def test_entered_more_than_thirty_minutes_after_the_service_is_late(minutes, late):
    ended = NOW - timedelta(days=2)
    entry = read("service_record", service_row(customer_row(), entered_at=local(ended + timedelta(minutes=minutes))))
    assert entry.late is late


@pytest.mark.parametrize(
    ("change", "reason", "field"),
    [
        ({"ended_at": "2026-11-01 00:00:00"}, "ended_before_start", "ended_at"),
        ({"entered_at": "2026-11-01 00:00:00"}, "entered_before_start", "entered_at"),
        ({"rating": "6"}, "rating_out_of_range", "rating"),
        ({"kind": "闲聊"}, "unknown_kind", "kind"),
        ({"channel": "鸽子"}, "unknown_channel", "channel"),
        ({"complaint_severity": "特大"}, "unknown_complaint_severity", "complaint_severity"),
        ({"text": ""}, "value_missing", "text"),
    ],
)
def test_a_service_that_cannot_be_names_field_and_reason(change, reason, field):
    assert refused("service_record", service_row(customer_row(), **change)) == (reason, field)


def test_a_mapping_without_words_lets_no_word_into_the_clear():
    values = {name: words for name, words in mapping("service_record").values.items() if name != "kind"}
    with pytest.raises(InvalidValue) as raised:
        read("service_record", service_row(customer_row(), kind="王小明 13912340001"), values=values)
    assert raised.value.reason == "unknown_kind"


def test_an_entry_never_changes():
    entry = read("customer", customer_row())
    assert replace(entry) == entry
