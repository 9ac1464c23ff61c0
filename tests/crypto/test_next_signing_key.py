"""A signing key that is to follow, in the key store: written beside the old one, then put in its place."""

import pytest

from tests.crypto.test_key_store_files import (
    NOVEMBER,
    VAULT,
    at_every_call,
    copies_in,
    files_in,
    folder,
    leftovers,
    refusal,
)
from vault.crypto.key_store import KeyStore
from vault.crypto.key_store_format import parse, serialise

__all__ = ["folder"]

ORIGIN = "vault.example/log"


def pins(store):
    coming = store.next_signer(ORIGIN)
    return store.signer(ORIGIN).verifier_key(), coming and coming.verifier_key()


def test_it_is_added_once_then_put_in_force_and_nothing_else_changes():
    store, _ = KeyStore.fresh(VAULT).with_cohorts([NOVEMBER])
    begun = store.with_next_signing()
    done = begun.without_old_signing()
    (old, nothing), (still, coming), (new, none) = map(pins, (store, begun, done))
    assert (nothing, none) == (None, None)
    assert (old, coming) == (still, new)
    assert old != new
    assert [one.version for one in (store, begun, done)] == [2, 3, 4]
    assert (begun.with_next_signing(), done.without_old_signing()) == (begun, done)
    assert begun.succeeds(store)
    assert done.succeeds(begun)
    assert not done.succeeds(store)
    assert not store.succeeds(begun)
    assert len({one.fingerprint() for one in (store, begun, done)}) == 3
    assert [one.cohorts() for one in (begun, done)] == [store.cohorts()] * 2
    assert done.seal_person(VAULT, "name", "x")  # the other keys are there


def test_a_store_that_differs_in_more_than_one_step_does_not_succeed():
    store = KeyStore.fresh(VAULT)
    begun = store.with_next_signing()
    more, _ = begun.without_old_signing().with_cohorts([NOVEMBER])
    assert not more.succeeds(begun)
    elsewhere = store.with_next_signing()
    assert not elsewhere.without_old_signing().succeeds(begun)
    with_cohort, _ = store.with_cohorts([NOVEMBER])
    assert not begun.succeeds(with_cohort)


def test_it_is_written_only_while_there_is_one_and_read_back():
    store = KeyStore.fresh(VAULT)
    assert b"next_signing" not in serialise(store)
    begun = store.with_next_signing()
    assert b'"next_signing":"' in serialise(begun)
    assert parse(VAULT, 2, serialise(begun)).same_as(begun)


def test_the_files_hold_both_then_only_the_new_one_under_new_epoch_secrets(folder):
    files_in(folder).create(VAULT)
    files_in(folder).make_cohorts([NOVEMBER])
    seen = []
    begun = files_in(folder).begin_signing_key(seen.append)
    assert files_in(folder).begin_signing_key(seen.append).same_as(begun)
    epochs = [one.epoch.read_bytes() for one in copies_in(folder)]
    stores = [one.store.read_bytes() for one in copies_in(folder)]
    done = files_in(folder).finish_signing_key(seen.append)
    assert pins(done) == (pins(begun)[1], None)
    assert files_in(folder).finish_signing_key(seen.append).same_as(done)
    assert [one.version for one in seen] == [3, 3, 4, 4]
    assert leftovers(folder) == []
    assert not set(epochs) & {one.epoch.read_bytes() for one in copies_in(folder)}
    for copy, content in zip(copies_in(folder), stores, strict=True):
        copy.store.write_bytes(content)
    assert refusal(files_in(folder).load)[0] == "key_wrong"  # an older copy gives the old key to nobody


@pytest.mark.slow
@pytest.mark.parametrize("act", ["begin_signing_key", "finish_signing_key"])
def test_killed_at_any_write_the_store_loads_and_the_next_call_ends_it(folder, act):
    before = []

    def prepare():
        files = files_in(folder)
        files.make_cohorts([NOVEMBER])
        before[:] = [files.begin_signing_key()] if act == "finish_signing_key" else [files.load()]
        return []

    for _ in at_every_call(folder, prepare, act):
        store = files_in(folder).load()
        assert store.same_as(before[0]) or store.succeeds(before[0])
        assert [(one.version, one.fault) for one in files_in(folder).states()] == [(store.version, "")] * 2
        assert leftovers(folder) == []
        ended = getattr(files_in(folder), act)()
        assert ended.version == before[0].version + 1
        assert files_in(folder).load().same_as(ended)
