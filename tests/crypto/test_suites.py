from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag

from vault.crypto.providers import Cost, stretch
from vault.crypto.suites import AES_256_GCM, suite_of
from vault.errors import IntegrityError

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "suite_1.json").read_text())


def published(what):
    return [pytest.param(case, id=case["name"]) for case in VECTORS[what]["cases"]]


def raw(case, *names):
    return [bytes.fromhex(case[name]) for name in names]


@pytest.mark.parametrize("case", published("aes_256_gcm"))
def test_the_cipher_gives_the_published_answers(case):
    key, nonce, clear, aad, sealed = raw(case, "key", "nonce", "clear", "aad", "sealed")
    cipher = AES_256_GCM.aead(key)
    assert cipher.encrypt(nonce, clear, aad) == sealed
    assert cipher.decrypt(nonce, sealed, aad) == clear


@pytest.mark.parametrize("case", published("aes_256_gcm"))
def test_the_cipher_refuses_a_published_answer_with_its_last_bit_flipped(case):
    key, nonce, aad, sealed = raw(case, "key", "nonce", "aad", "sealed")
    with pytest.raises(InvalidTag):
        AES_256_GCM.aead(key).decrypt(nonce, sealed[:-1] + bytes((sealed[-1] ^ 1,)), aad)


@pytest.mark.parametrize("case", published("hmac_sha_256"))
def test_the_keyed_hash_gives_the_published_answers_each_time_it_is_copied(case):
    key, data, mac = raw(case, "key", "data", "mac")
    keyed = AES_256_GCM.prf(key)
    for _ in range(2):
        one = keyed.copy()
        one.update(data)
        assert one.finalize() == mac


@pytest.mark.parametrize("case", published("hkdf_sha_256"))
def test_derivation_gives_the_published_answers(case):
    secret, salt, info, prk, key = raw(case, "secret", "salt", "info", "prk", "key")
    assert AES_256_GCM.derive_salted(secret, salt, info) == key
    assert AES_256_GCM.derive(prk, info) == key


@pytest.mark.parametrize("case", published("argon2id"))
def test_stretching_a_passphrase_gives_the_published_answers(case):
    cost = Cost(case["memory"], case["iterations"], case["lanes"])
    assert stretch(case["passphrase"].encode(), case["salt"].encode(), cost).hex() == case["key"]


def test_the_registry_knows_suite_1_and_refuses_every_other_number():
    assert suite_of(1) is AES_256_GCM
    for number in {*range(256)} - {1}:
        with pytest.raises(IntegrityError):
            suite_of(number)
