from __future__ import annotations

import copy
import json
import os
import pickle
import traceback
from datetime import date, timedelta

import pytest
import rfc8785

from vault.crypto.key_store import KeyStore
from vault.crypto.key_store_format import epoch_secret, fresh_epoch_file, open_store, parse, seal_store, serialise
from vault.crypto.providers import RootKey
from vault.crypto.signing import NoteVerifier
from vault.domain.identifiers import IdentifierKind
from vault.domain.ids import RecordClass
from vault.errors import IntegrityError, KeyStoreError

VAULT = bytes(range(16))
ACCOUNT = b"a" * 16
NOVEMBER = date(2028, 11, 30)
WANTED = [
    (RecordClass.SHIPMENT, NOVEMBER),
    (RecordClass.CUSTOMER, date(2028, 12, 31)),
    (RecordClass.CUSTOMER, NOVEMBER),
    (RecordClass.CUSTOMER, NOVEMBER),
]


@pytest.fixture
def store():
    return KeyStore.fresh(VAULT).with_cohorts(WANTED)[0]


# -- cohorts ---------------------------------------------------------------------------------------------------------


def test_missing_cohorts_are_made_once_each_and_raise_the_version_by_one():
    first = KeyStore.fresh(VAULT)
    store, added = first.with_cohorts(WANTED)
    assert (first.version, store.version) == (1, 2)
    assert [(one.record_class, one.end_on) for one in added] == WANTED[:3]
    assert len({one.key_id for one in added}) == 3
    assert set(store.cohorts()) == set(added)
    assert first.cohorts() == ()


def test_nothing_missing_gives_the_very_same_store(store):
    assert store.with_cohorts(WANTED) == (store, [])


def test_the_keys_of_a_class_come_by_end_date(store):
    ends = {one.key_id: one.end_on for one in store.cohorts()}
    keys = store.class_keys(RecordClass.CUSTOMER)
    assert [ends[one.key_id] for one in keys] == [NOVEMBER, date(2028, 12, 31)]
    assert store.class_keys(RecordClass.ID_COPY) == ()
    assert store.class_keys(RecordClass.CUSTOMER) is keys
    assert all(store.keys_of(one.key_id) is one for one in keys)


def test_an_unknown_cohort_is_named_by_its_id(store):
    with pytest.raises(KeyStoreError) as refused:
        store.keys_of(b"\xab" * 16)
    assert (refused.value.reason, refused.value.facts) == ("unknown_cohort", {"key_id": "ab" * 16})


def test_earlier_keys_stay_the_same_when_cohorts_are_added(store):
    before = store.class_keys(RecordClass.SHIPMENT)[0]
    later, _ = store.with_cohorts([(RecordClass.SHIPMENT, NOVEMBER + timedelta(days=31))])
    after = later.class_keys(RecordClass.SHIPMENT)[0]
    value = "YT0000000000000"
    assert before.tag(IdentifierKind.WAYBILL, value) == after.tag(IdentifierKind.WAYBILL, value)


# -- vault keys ------------------------------------------------------------------------------------------------------


def test_a_lock_tag_is_a_signed_64_bit_number_that_depends_on_kind_value_and_vault(store):
    tag = store.lock_tag("phone", "13800000000")
    assert tag == store.lock_tag("phone", "13800000000")
    others = {
        store.lock_tag("waybill", "13800000000"),
        store.lock_tag("phone", "13800000001"),
        store.lock_tag("phone1", "3800000000"),
        KeyStore.fresh(VAULT).lock_tag("phone", "13800000000"),
    }
    assert tag not in others
    assert len(others) == 4
    tags = [store.lock_tag("phone", str(number)) for number in range(200)]
    assert min(tags) < 0 < max(tags)
    assert all(-(2**63) <= one < 2**63 for one in tags)


def test_a_staff_name_opens_only_for_its_account_and_field(store):
    sealed = store.seal_person(ACCOUNT, "name", "测试员")
    assert store.open_person(ACCOUNT, "name", sealed).disclose() == "测试员"
    assert "测试员".encode() not in sealed
    refused = [(b"b" * 16, "name", sealed), (ACCOUNT, "phone", sealed), (ACCOUNT, "name", sealed[:-1])]
    refused += [(ACCOUNT, "name", b""), (ACCOUNT, "name", sealed[:2]), (ACCOUNT, "name", sealed[:20])]
    refused += [
        (ACCOUNT, "name", sealed[:at] + bytes((sealed[at] ^ 1,)) + sealed[at + 1 :]) for at in range(len(sealed))
    ]
    faces = set()
    for account, field, blob in refused:
        with pytest.raises(IntegrityError) as error:
            store.open_person(account, field, blob)
        faces.add(str(error.value))
    assert faces == {"integrity_error: unreadable"}


def test_a_staff_name_does_not_open_in_another_vault_with_the_same_keys(store):
    sealed = store.seal_person(ACCOUNT, "name", "测试员")
    twin = parse(b"x" * 16, store.version, serialise(store))
    with pytest.raises(IntegrityError):
        twin.open_person(ACCOUNT, "name", sealed)


def test_the_signer_is_the_same_key_in_each_version(store):
    later, _ = store.with_cohorts([(RecordClass.ID_COPY, NOVEMBER)])
    note = store.signer("vault.example/log").sign("text\n")
    assert NoteVerifier.parse(later.signer("vault.example/log").verifier_key()).verify(note) == "text\n"


def test_the_web_secret_is_stable_in_a_vault_and_is_no_key_of_the_store(store):
    later, _ = store.with_cohorts([(RecordClass.ID_COPY, NOVEMBER)])
    assert store.web_secret() == later.web_secret() != KeyStore.fresh(VAULT).web_secret()
    assert len(bytes.fromhex(store.web_secret())) == 32
    assert store.web_secret() not in serialise(store).decode()


# -- identity --------------------------------------------------------------------------------------------------------


def test_a_fingerprint_is_equal_exactly_for_equal_stores(store):
    again = parse(VAULT, store.version, serialise(store))
    assert again.same_as(store)
    assert again.fingerprint() == store.fingerprint()
    others = [
        parse(b"x" * 16, store.version, serialise(store)),
        parse(VAULT, store.version + 1, serialise(store)),
        KeyStore.fresh(VAULT),
    ]
    body = json.loads(serialise(store))
    for change in ("secret", "id"):
        body["cohorts"][0][change] = "00" * len(bytes.fromhex(body["cohorts"][0][change]))
        others.append(parse(VAULT, store.version, json.dumps(body).encode()))
    for name in body["keys"]:
        changed = {**body, "keys": {**body["keys"], name: "01" * 32}}
        others.append(parse(VAULT, store.version, json.dumps(changed).encode()))
    assert not any(one.same_as(store) for one in others)
    assert len({store.fingerprint(), *(one.fingerprint() for one in others)}) == len(others) + 1


def test_a_store_of_another_vault_or_older_than_the_database_is_refused(store):
    store.check_against(VAULT, store.version)
    store.check_against(VAULT, store.version - 1)
    with pytest.raises(KeyStoreError) as refused:
        store.check_against(b"x" * 16, store.version)
    assert refused.value.reason == "key_store_other_vault"
    with pytest.raises(KeyStoreError) as refused:
        store.check_against(VAULT, store.version + 1)
    assert (refused.value.reason, refused.value.facts) == ("key_store_older", {"version": 2, "expected": 3})


def test_a_store_succeeds_only_the_one_it_was_made_from(store):
    later, _ = store.with_cohorts([(RecordClass.ID_COPY, NOVEMBER)])
    last, _ = later.with_cohorts([(RecordClass.ID_COPY, NOVEMBER + timedelta(days=1))])
    assert later.succeeds(store)
    stranger = KeyStore.fresh(VAULT)
    for one, other in ((store, later), (last, store), (store, store), (store, stranger)):
        assert not one.succeeds(other)
    fork, _ = store.with_cohorts([(RecordClass.ID_COPY, NOVEMBER)])
    assert not last.succeeds(fork)


# -- nothing is shown ------------------------------------------------------------------------------------------------


def test_no_key_shows_in_any_print_or_traceback_and_none_is_pickled(store):
    keys, cohort_secrets = store.contents()
    shown = [store, keys, *cohort_secrets, store._people, *store.class_keys(RecordClass.CUSTOMER)]
    text = "".join(f"{one!r} {one!s} {one}" for one in shown)
    try:
        store.keys_of(b"?" * 16)
    except KeyStoreError as error:
        text += "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    hidden = [keys.people, keys.lock, keys.signing, keys.web, *(one.secret for one in cohort_secrets)]
    for key in hidden:
        assert key.hex() not in text
        assert repr(key)[2:-1] not in text
    for one in shown:
        for take in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError):
                take(one)


# -- the files' format -----------------------------------------------------------------------------------------------


def test_the_content_is_canonical_json(store):
    assert serialise(store) == rfc8785.dumps(json.loads(serialise(store)))


def test_a_sealed_store_opens_to_the_same_store_and_has_the_documented_head(store):
    root, epoch = RootKey(b"r" * 32), b"e" * 32
    sealed = seal_store(store, root, epoch)
    assert open_store(sealed, root, epoch).same_as(store)
    assert sealed[:30] == b"DVKS\x01\x01" + VAULT + (2).to_bytes(8, "big")
    assert len(sealed) == 30 + 12 + len(serialise(store)) + 16
    assert seal_store(store, root, epoch)[30:] != sealed[30:]


def test_a_sealed_store_needs_the_root_key_and_the_epoch_secret(store):
    sealed = seal_store(store, RootKey(b"r" * 32), b"e" * 32)
    for root, epoch in ((b"x" * 32, b"e" * 32), (b"r" * 32, b"x" * 32), (b"e" * 32, b"r" * 32)):
        with pytest.raises(KeyStoreError) as refused:
            open_store(sealed, RootKey(root), epoch)
        assert refused.value.reason == "key_wrong"


def test_a_change_of_any_byte_of_a_sealed_store_is_refused(store):
    root, epoch = RootKey(b"r" * 32), b"e" * 32
    sealed = seal_store(store, root, epoch)
    for at in range(len(sealed)):
        with pytest.raises(KeyStoreError) as refused:
            open_store(sealed[:at] + bytes((sealed[at] ^ 0x10,)) + sealed[at + 1 :], root, epoch)
        assert refused.value.reason == ("key_store_damaged" if at < 6 else "key_wrong")
    for length in (0, 1, 29, 57):
        with pytest.raises(KeyStoreError) as refused:
            open_store(sealed[:length], root, epoch)
        assert refused.value.reason == "key_store_damaged"


KEYS = dict.fromkeys(("lock", "people", "signing", "web"), "00")
COHORT = {"class": "customer", "end_on": "2028-11-30", "id": "00", "secret": "00", "suite": 1}


@pytest.mark.parametrize(
    "content",
    [
        [],
        {},
        {"cohorts": [], "keys": {}},
        {"cohorts": [], "keys": {**KEYS, "more": "00"}},
        {"cohorts": [{**COHORT, "class": "nobody"}], "keys": KEYS},
        {"cohorts": [{**COHORT, "suite": 9}], "keys": KEYS},
        {"cohorts": [{**COHORT, "end_on": "soon"}], "keys": KEYS},
        {"cohorts": [{**COHORT, "id": 7}], "keys": KEYS},
    ],
)
def test_content_of_another_program_version_is_refused(content):
    with pytest.raises(KeyStoreError) as refused:
        parse(VAULT, 1, json.dumps(content).encode())
    assert refused.value.reason == "key_store_damaged"


def test_an_epoch_file_is_random_and_checked():
    data = fresh_epoch_file()
    assert data[:5] == b"DVEP\x01"
    assert len(epoch_secret(data)) == 32
    assert fresh_epoch_file() != data
    for bad in (data[:-1], data + b"x", b"DVEP\x02" + data[5:], os.urandom(37), b""):
        with pytest.raises(KeyStoreError) as refused:
            epoch_secret(bad)
        assert refused.value.reason == "epoch_secret_damaged"
