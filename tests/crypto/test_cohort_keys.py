from __future__ import annotations

import copy
import dataclasses
import pickle
import traceback
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.crypto.cohort_keys import CohortKeys
from vault.crypto.opening_counts import COUNTS
from vault.crypto.suites import AES_256_GCM
from vault.domain.identifiers import IdentifierKind
from vault.domain.ids import RecordClass
from vault.domain.log import Receipt
from vault.domain.records import FieldRef, LinkRole, RecordMeta, RecordState
from vault.errors import IntegrityError, InvalidValue, ReceiptError

VAULT, KEY_ID, RECORD, OTHER = b"v" * 16, b"k" * 16, b"r" * 16, b"o" * 16
SECRET = bytes(range(32))
NAME, PHONE, SENDER, RECIPIENT = (FieldRef(name) for name in ("name", "phone", "sender_address", "recipient_address"))
CLEAR = {NAME: "测试客户", PHONE: "13800000000", SENDER: "甲路1号", RECIPIENT: "乙路2号"}
PHONES = (PHONE, FieldRef("phone", 1), FieldRef("phone", 0, 1))
NOW = datetime(2026, 11, 20, 3, 4, 5, 6, tzinfo=UTC)
ONE_FACE = "integrity_error: unreadable"


def keys_with(vault=VAULT, key_id=KEY_ID, record_class=RecordClass.CUSTOMER, secret=SECRET):
    return CohortKeys(vault, key_id, record_class, AES_256_GCM, secret)


KEYS = keys_with()


def receipt(record=RECORD, fields=("name", "phone", "sender_address", "recipient_address")):
    return Receipt(b"e" * 16, {record: fields})


def opened(keys, wrapped, cells, record=RECORD):
    return [one.disclose() for one in keys.open(receipt(record), record, wrapped, cells)]


def refusal(keys, wrapped, cells, record=RECORD):
    """Return the error of an opening, which keeps its cause to itself."""
    with pytest.raises(IntegrityError) as refused:
        keys.open(receipt(record), record, wrapped, cells)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
    return str(refused.value)


def data_key_of(wrapped):
    COUNTS.receipt()  # as if one had been used: vaults that other tests open in this process are judged by the counts
    return KEYS._unwrap(b"\x00\x10" + RECORD, wrapped)


def flipped(data, bit):
    at = bit // 8
    return data[:at] + bytes((data[at] ^ (1 << bit % 8),)) + data[at + 1 :]


# -- sealing and opening ---------------------------------------------------------------------------------------------


@given(values=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=200), max_size=6))
def test_what_was_sealed_opens_in_the_order_asked(values):
    cells = [(FieldRef("phone", ordinal), value) for ordinal, value in enumerate(values)]
    wrapped, sealed = KEYS.seal(RECORD, cells)
    stored = [(ref, blob) for (ref, _), blob in zip(cells, sealed, strict=True)]
    assert opened(KEYS, wrapped, stored) == values
    assert opened(keys_with(), wrapped, stored[::-1]) == values[::-1]


def test_a_value_without_a_utf_8_form_is_refused_by_its_field_and_not_shown():
    with pytest.raises(InvalidValue) as refused:
        KEYS.seal(RECORD, [(NAME, CLEAR[NAME] + "\ud800")])
    assert (refused.value.reason, refused.value.facts) == ("not_text", {"field": "name"})
    assert CLEAR[NAME] not in "".join(traceback.format_exception(refused.value))


def test_the_layout_is_the_documented_one():
    wrapped, (sealed,) = KEYS.seal(RECORD, [(NAME, "abc")])
    assert (wrapped[:2], len(wrapped)) == (b"\x01\x01", 2 + 12 + 32 + 16)
    assert (sealed[:2], len(sealed)) == (b"\x01\x01", 2 + 12 + 3 + 16)


def test_equal_values_never_look_equal():
    blobs = []
    for _ in range(50):
        wrapped, sealed = KEYS.seal(RECORD, [(ref, "same") for ref in PHONES])
        blobs += [wrapped, *sealed]
    assert len({blob[2:14] for blob in blobs}) == len(blobs)
    assert len({blob[14:] for blob in blobs}) == len(blobs)


def test_a_changed_value_is_sealed_under_the_records_own_key():
    wrapped, (first,) = KEYS.seal(RECORD, [(PHONE, "13800000000")])
    later = FieldRef("phone", 0, 1)
    (second,) = KEYS.seal_more(receipt(), RECORD, wrapped, [(later, "13900000000")])
    assert opened(KEYS, wrapped, [(PHONE, first), (later, second)]) == ["13800000000", "13900000000"]
    assert refusal(KEYS, wrapped, [(later, first)]) == ONE_FACE
    assert refusal(KEYS, wrapped, [(PHONE, second)]) == ONE_FACE


def test_many_threads_share_one_cohorts_keys():
    def walk(number):
        record, value = number.to_bytes(16, "big"), str(number)
        wrapped, (sealed,) = KEYS.seal(record, [(NAME, value)])
        return opened(KEYS, wrapped, [(NAME, sealed)], record) == [value] and KEYS.tag(IdentifierKind.PHONE, value)

    with ThreadPoolExecutor(4) as pool:
        tags = list(pool.map(walk, range(500)))
    assert all(tags)
    assert tags == [KEYS.tag(IdentifierKind.PHONE, str(number)) for number in range(500)]


# -- attacks on sealed values and wraps ------------------------------------------------------------------------------


def test_values_swapped_between_fields_are_refused():
    wrapped, (name, phone) = KEYS.seal(RECORD, [(NAME, CLEAR[NAME]), (PHONE, CLEAR[PHONE])])
    assert refusal(KEYS, wrapped, [(NAME, phone)]) == ONE_FACE
    assert refusal(KEYS, wrapped, [(PHONE, name)]) == ONE_FACE
    # The good one before it is not handed out either.
    assert refusal(KEYS, wrapped, [(NAME, name), (PHONE, name)]) == ONE_FACE


def test_values_swapped_between_ordinals_or_generations_are_refused():
    wrapped, sealed = KEYS.seal(RECORD, [(ref, "13800000000") for ref in PHONES])
    for claimed in PHONES:
        for ref, blob in zip(PHONES, sealed, strict=True):
            if claimed == ref:
                assert opened(KEYS, wrapped, [(claimed, blob)]) == ["13800000000"]
            else:
                assert refusal(KEYS, wrapped, [(claimed, blob)]) == ONE_FACE


def test_values_and_wraps_moved_to_another_record_are_refused():
    wrapped, (name,) = KEYS.seal(RECORD, [(NAME, "甲")])
    other_wrap, (other_name,) = KEYS.seal(OTHER, [(NAME, "乙")])
    assert refusal(KEYS, wrapped, [(NAME, other_name)]) == ONE_FACE
    assert refusal(KEYS, other_wrap, [(NAME, name)]) == ONE_FACE
    assert refusal(KEYS, wrapped, [(NAME, name)], OTHER) == ONE_FACE
    assert refusal(KEYS, other_wrap, [(NAME, other_name)]) == ONE_FACE
    with pytest.raises(IntegrityError) as refused:
        KEYS.seal_more(receipt(OTHER), OTHER, wrapped, [(NAME, "丙")])
    assert str(refused.value) == ONE_FACE


def test_a_value_resealed_for_another_record_under_the_same_data_key_is_still_bound_to_its_record():
    wrapped, (name,) = KEYS.seal(RECORD, [(NAME, "甲")])
    own = b"\x00\x10"
    data_key = data_key_of(wrapped)
    nonce = bytes(12)
    forged = b"\x01\x01" + nonce + KEYS._wrap.encrypt(nonce, data_key, KEYS._wrap_cell + own + OTHER + KEYS._suffix)
    assert refusal(KEYS, forged, [(NAME, name)], OTHER) == ONE_FACE


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"vault": b"w" * 16},
        {"key_id": b"l" * 16},
        {"record_class": RecordClass.SHIPMENT},
        {"secret": bytes(32)},
    ],
    ids=["vault", "cohort", "class", "secret"],
)
def test_nothing_opens_in_another_vault_cohort_or_class_even_with_the_same_secret(elsewhere):
    wrapped, (name,) = KEYS.seal(RECORD, [(NAME, CLEAR[NAME])])
    other = keys_with(**elsewhere)
    other_wrap, _ = other.seal(RECORD, [])
    assert refusal(other, wrapped, [(NAME, name)]) == ONE_FACE
    assert refusal(other, other_wrap, [(NAME, name)]) == ONE_FACE
    assert other.tag(IdentifierKind.PHONE, CLEAR[PHONE]) != KEYS.tag(IdentifierKind.PHONE, CLEAR[PHONE])
    assert other.mac(META) != KEYS.mac(META)


WRAPPED, (SEALED,) = KEYS.seal(RECORD, [(NAME, CLEAR[NAME])])


@given(bit=st.integers(0, 8 * len(SEALED) - 1))
def test_any_flipped_bit_of_a_value_has_one_face(bit):
    assert refusal(KEYS, WRAPPED, [(NAME, flipped(SEALED, bit))]) == ONE_FACE


@given(bit=st.integers(0, 8 * len(WRAPPED) - 1))
def test_any_flipped_bit_of_a_wrap_has_one_face(bit):
    assert refusal(KEYS, flipped(WRAPPED, bit), [(NAME, SEALED)]) == ONE_FACE


@given(length=st.integers(0, len(SEALED) - 1), tail=st.binary(min_size=1, max_size=40))
def test_a_shortened_or_lengthened_value_or_wrap_has_one_face(length, tail):
    assert refusal(KEYS, WRAPPED, [(NAME, SEALED[:length])]) == ONE_FACE
    assert refusal(KEYS, WRAPPED, [(NAME, SEALED + tail)]) == ONE_FACE
    assert refusal(KEYS, WRAPPED[:length], [(NAME, SEALED)]) == ONE_FACE
    assert refusal(KEYS, WRAPPED + tail, [(NAME, SEALED)]) == ONE_FACE


# -- receipts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(lambda: None, id="none"),
        pytest.param(lambda: {RECORD: {"name"}}, id="a mapping"),
        pytest.param(lambda: Receipt(b"e" * 16, {}), id="of nothing"),
        pytest.param(lambda: receipt(OTHER), id="of another record"),
        pytest.param(lambda: receipt(fields=("phone",)), id="of another field"),
        pytest.param(lambda: receipt(fields=()), id="of no field"),
    ],
)
def test_without_a_receipt_for_this_record_and_field_nothing_is_unwrapped(monkeypatch, wrong):
    unwrapped = []
    monkeypatch.setattr(CohortKeys, "_unwrap", lambda *asked: unwrapped.append(asked))
    with pytest.raises(ReceiptError):
        KEYS.open(wrong(), RECORD, WRAPPED, [(NAME, SEALED)])
    with pytest.raises(ReceiptError):
        KEYS.seal_more(wrong(), RECORD, WRAPPED, [(NAME, "x")])
    assert unwrapped == []


def test_a_receipt_that_covers_one_of_two_fields_opens_neither(monkeypatch):
    monkeypatch.setattr(CohortKeys, "_unwrap", lambda *_: pytest.fail("unwrapped"))
    with pytest.raises(ReceiptError):
        KEYS.open(receipt(fields=("name",)), RECORD, WRAPPED, [(NAME, SEALED), (PHONE, SEALED)])


def test_a_receipt_is_good_for_one_opening_even_a_failed_one():
    for blob in (SEALED, SEALED[:-1]):
        one = receipt()
        try:
            KEYS.open(one, RECORD, WRAPPED, [(NAME, blob)])
        except IntegrityError:
            assert blob != SEALED
        with pytest.raises(ReceiptError):
            KEYS.open(one, RECORD, WRAPPED, [(NAME, SEALED)])


def test_something_that_only_behaves_like_a_receipt_is_none():
    class Generous(Receipt):
        def take(self, record_id, fields):
            pass

    with pytest.raises(ReceiptError):
        KEYS.open(Generous(b"e" * 16, {}), RECORD, WRAPPED, [(NAME, SEALED)])


# -- moving to another cohort ----------------------------------------------------------------------------------------


NEXT = keys_with(key_id=b"n" * 16, secret=bytes(range(1, 33)))


def moved(to=NEXT, names=(PHONE,), given=None, wrapped=None):
    sealed_as, blobs = KEYS.seal(RECORD, list(CLEAR.items()))
    cells = dict(zip(CLEAR, blobs, strict=True))
    fields = [ref.field for ref in names] if given is None else given
    asked = [(ref, cells[ref]) for ref in names]
    return cells, KEYS.move(receipt(fields=fields), to, RECORD, wrapped or sealed_as, asked)


def test_a_moved_record_opens_under_its_new_cohort_with_its_values_as_they_were_sealed():
    cells, (wrapped, values) = moved()
    assert [one.disclose() for one in values] == [CLEAR[PHONE]]
    assert opened(NEXT, wrapped, list(cells.items())) == list(CLEAR.values())
    assert refusal(KEYS, wrapped, list(cells.items())) == ONE_FACE


def test_a_move_opens_no_more_than_is_asked_for():
    _, (wrapped, values) = moved(names=())
    assert (values, len(wrapped)) == ([], 62)


def test_a_move_needs_a_receipt_for_this_record_and_its_fields(monkeypatch):
    monkeypatch.setattr(CohortKeys, "_unwrap", lambda *_: pytest.fail("unwrapped without a receipt"))
    with pytest.raises(ReceiptError):
        moved(given=["name"])
    wrapped, _ = KEYS.seal(RECORD, [])
    with pytest.raises(ReceiptError):
        KEYS.move(receipt(record=OTHER), NEXT, RECORD, wrapped, [])


def test_a_move_uses_one_receipt_and_unwraps_once():
    before = COUNTS.snapshot()
    moved()
    after = COUNTS.snapshot()
    assert (after.unwraps - before.unwraps, after.receipts - before.receipts) == (1, 1)


def test_a_record_does_not_move_to_another_class():
    with pytest.raises(IntegrityError) as refused:
        moved(to=keys_with(key_id=b"n" * 16, record_class=RecordClass.SHIPMENT))
    assert str(refused.value) == ONE_FACE


def test_a_wrap_that_does_not_belong_here_does_not_move():
    wrapped, _ = NEXT.seal(RECORD, [])
    with pytest.raises(IntegrityError) as refused:
        moved(wrapped=wrapped)
    assert str(refused.value) == ONE_FACE


# -- tags ------------------------------------------------------------------------------------------------------------


def test_a_tag_is_128_bits_and_depends_on_value_and_kind():
    tags = {KEYS.tag(kind, value) for kind in IdentifierKind for value in ("13800000000", "13900000000")}
    assert len(tags) == 2 * len(IdentifierKind)
    assert {len(tag) for tag in tags} == {16}
    assert keys_with().tag(IdentifierKind.PHONE, "13800000000") in tags


# -- metadata --------------------------------------------------------------------------------------------------------

META = RecordMeta(
    record_id=RECORD,
    record_class=RecordClass.CUSTOMER,
    cohort_id=KEY_ID,
    owner=b"w" * 16,
    outlet="SZ001",
    kind="complaint",
    state=RecordState.SETTLED,
    held=False,
    activity_at=NOW,
    expires_at=NOW + timedelta(days=731),
    links=((LinkRole.RECIPIENT, OTHER), (LinkRole.SENDER, b"s" * 16)),
    fields=(NAME, PHONE),
)
CHANGES = {
    "record_id": [OTHER, b""],
    "record_class": [RecordClass.SHIPMENT],
    "cohort_id": [OTHER],
    "owner": [None, b"x" * 16],
    "outlet": ["SZ002", "", "SZ001c"],
    "kind": ["", "rating", "omplaint"],
    "state": [RecordState.OPEN],
    "held": [True],
    "activity_at": [NOW + timedelta(microseconds=1), NOW - timedelta(days=1)],
    "expires_at": [None, META.expires_at + timedelta(microseconds=1)],
    "links": [
        (),
        META.links[:1],
        META.links[::-1],
        ((LinkRole.SENDER, OTHER), (LinkRole.RECIPIENT, b"s" * 16)),
        ((LinkRole.RECIPIENT, b"z" * 16), META.links[1]),
    ],
    "fields": [
        (),
        (NAME,),
        (PHONE, NAME),
        (NAME, PHONE, SENDER),
        (NAME, FieldRef("phone", 1)),
        (NAME, FieldRef("phone", 0, 1)),
        (NAME, FieldRef("phones")),
    ],
}


def test_the_list_of_changes_names_every_attribute_of_the_metadata():
    assert set(CHANGES) == {one.name for one in dataclasses.fields(RecordMeta)}


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(dataclasses.replace(META, **{name: value}), id=f"{name}-{at}")
        for name, values in CHANGES.items()
        for at, value in enumerate(values)
    ],
)
def test_metadata_changed_in_one_attribute_is_refused(changed):
    mac = KEYS.mac(META)
    KEYS.check(META, mac)
    with pytest.raises(IntegrityError) as refused:
        KEYS.check(changed, mac)
    assert str(refused.value) == ONE_FACE
    KEYS.check(changed, KEYS.mac(changed))


@given(bit=st.integers(0, 255))
def test_any_flipped_bit_of_a_mac_is_refused(bit):
    with pytest.raises(IntegrityError) as refused:
        KEYS.check(META, flipped(KEYS.mac(META), bit))
    assert str(refused.value) == ONE_FACE


@pytest.mark.parametrize("length", [0, 16, 31])
def test_a_shortened_mac_is_refused(length):
    with pytest.raises(IntegrityError):
        KEYS.check(META, KEYS.mac(META)[:length])


def test_a_time_in_another_zone_is_the_same_moment_and_the_same_mac():
    beijing = NOW.astimezone(datetime.strptime("+0800", "%z").tzinfo)
    assert KEYS.mac(dataclasses.replace(META, activity_at=beijing)) == KEYS.mac(META)


# -- nothing is shown ------------------------------------------------------------------------------------------------


def test_keys_are_not_shown_copied_or_pickled():
    shown = {repr(KEYS), str(KEYS), f"{KEYS}", f"{KEYS!r}"}
    assert shown == {f"CohortKeys(customer, {KEY_ID.hex()}, ***)"}
    for take in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            take(KEYS)


def test_a_traceback_with_local_variables_shows_neither_key_nor_value():
    wrapped, (name, phone) = KEYS.seal(RECORD, [(NAME, CLEAR[NAME]), (PHONE, CLEAR[PHONE])])
    data_key = data_key_of(wrapped)
    cells = [(NAME, name), (PHONE, phone[:-1])]
    with pytest.raises(IntegrityError) as refused:
        KEYS.open(receipt(), RECORD, wrapped, cells)
    frames = traceback.TracebackException.from_exception(refused.value, capture_locals=True).stack
    text = "".join(f"{one.name} {one.locals}" for one in frames if not one.name.startswith("test_"))
    assert "wrapped" in text
    for hidden in (data_key, SECRET, CLEAR[NAME].encode(), CLEAR[PHONE].encode()):
        assert repr(hidden)[2:-1] not in text
    assert CLEAR[NAME] not in text
