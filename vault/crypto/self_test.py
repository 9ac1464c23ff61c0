"""Published answers, asked of our own wrappers before the vault opens.

A library built without a cipher, or changed under us, is found here and not in the first record that nobody can
read any more. Takes a few milliseconds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from vault.crypto.providers import Cost, stretch
from vault.crypto.signing import NoteSigner
from vault.crypto.suites import AES_256_GCM
from vault.errors import SelfTestFailed


@dataclass(frozen=True, slots=True)
class Check:
    """One published answer.

    Args:
        name: what is tested, the fact of the error.
        source: where the answer is published.
        ask: computes it.
        answer: the published bytes.
    """

    name: str
    source: str
    ask: Callable[[], bytes]
    answer: bytes


def run() -> None:
    """Compare every answer.

    Raises:
        SelfTestFailed: ``wrong_answer``, or ``no_answer`` if the library cannot compute it; names the check.
    """
    for check in CHECKS:
        try:
            answer = check.ask()
        except (InvalidTag, UnsupportedAlgorithm, ValueError, TypeError):
            raise SelfTestFailed("no_answer", check=check.name) from None
        if answer != check.answer:
            raise SelfTestFailed("wrong_answer", check=check.name)


_hex = bytes.fromhex

_GCM_KEY = _hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308")
_GCM_NONCE = _hex("cafebabefacedbaddecaf888")
_GCM_CLEAR = _hex(
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
)
_GCM_AAD = _hex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
_GCM_SEALED = _hex(
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
    "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b"
)
_NOTE_KEY = _hex("810a1402d5146c8d84f2443330f54080ebf98ee17d9c74f6252fc5d5c7283173")
_NOTE_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
_NOTE_SIGNATURE = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
_HKDF_INFO = _hex("f0f1f2f3f4f5f6f7f8f9")
_HKDF_ANSWER = _hex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf")


def _hmac(key: bytes, data: bytes) -> bytes:
    keyed = AES_256_GCM.prf(key).copy()
    keyed.update(data)
    return keyed.finalize()


def _forged() -> bytes:
    try:
        return AES_256_GCM.aead(_GCM_KEY).decrypt(_GCM_NONCE, _GCM_SEALED[:-1] + b"\x1a", _GCM_AAD)
    except InvalidTag:
        return b"refused"


def _argon2id_rfc() -> bytes:
    # Asked of the library: our wrapper has no use for the secret and the associated data of this example.
    return Argon2id(
        salt=b"\x02" * 16, length=32, iterations=3, lanes=4, memory_cost=32, ad=b"\x04" * 12, secret=b"\x03" * 8
    ).derive(b"\x01" * 32)


CHECKS = (
    Check(
        "aes_256_gcm_seal",
        "McGrew and Viega, The Galois/Counter Mode of Operation, test case 16",
        lambda: AES_256_GCM.aead(_GCM_KEY).encrypt(_GCM_NONCE, _GCM_CLEAR, _GCM_AAD),
        _GCM_SEALED,
    ),
    Check(
        "aes_256_gcm_open",
        "the same",
        lambda: AES_256_GCM.aead(_GCM_KEY).decrypt(_GCM_NONCE, _GCM_SEALED, _GCM_AAD),
        _GCM_CLEAR,
    ),
    Check("aes_256_gcm_forged", "the same with one bit of the tag flipped", _forged, b"refused"),
    Check(
        "hmac_sha_256",
        "RFC 4231, test case 2",
        lambda: _hmac(b"Jefe", b"what do ya want for nothing?"),
        _hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
    ),
    Check(
        "hkdf_sha_256",
        "RFC 5869, test case 1, first 32 bytes",
        lambda: AES_256_GCM.derive_salted(b"\x0b" * 22, _hex("000102030405060708090a0b0c"), _HKDF_INFO),
        _HKDF_ANSWER,
    ),
    Check(
        "hkdf_expand_sha_256",
        "RFC 5869, test case 1, from PRK, first 32 bytes",
        lambda: AES_256_GCM.derive(
            _hex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5"), _HKDF_INFO
        ),
        _HKDF_ANSWER,
    ),
    Check(
        "sha_256",
        'FIPS 180-4, example "abc"',
        lambda: hashlib.sha256(b"abc").digest(),
        _hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ),
    Check(
        "ed25519",
        "RFC 8032 §7.1, TEST 2",
        lambda: Ed25519PrivateKey.from_private_bytes(
            _hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
        ).sign(b"\x72"),
        _hex(
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    Check(
        "signed_note",
        "golang.org/x/mod/sumdb/note, example of the package documentation",
        lambda: NoteSigner(_NOTE_KEY, "PeterNeumann").sign(_NOTE_TEXT).encode(),
        f"{_NOTE_TEXT}\n— PeterNeumann {_NOTE_SIGNATURE}\n".encode(),
    ),
    Check(
        "argon2id",
        "phc-winner-argon2, test.c, Argon2id version 1.3, m=2^8 t=2 p=2",
        lambda: stretch(b"password", b"somesalt", Cost(memory=256, iterations=2, lanes=2)),
        _hex("6d093c501fd5999645e0ea3bf620d7b8be7fd2db59c20d9fff9539da2bf57037"),
    ),
    Check(
        "argon2id_rfc",
        "RFC 9106 §5.3",
        _argon2id_rfc,
        _hex("0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"),
    ),
)
