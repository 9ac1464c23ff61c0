"""(b) Sealing a customer against the bare calls of ``cryptography`` that it must make."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from datetime import UTC, date, datetime

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hmac import HMAC

from tests.bench.measure import Result, in_turn, median, ratio, seconds
from tests.bench.vaults import Bench
from vault.crypto.cohort_keys import CohortKeys
from vault.crypto.suites import AES_256_GCM
from vault.domain.identifiers import IdentifierKind
from vault.domain.ids import RecordClass, new_id
from vault.domain.records import FieldRef, RecordMeta, RecordState

_VALUES = (
    ("id_number", "991201197910100465"),
    ("id_type", "resident_id"),
    ("name", "华雨贤"),
    ("notice", '{"at":"2026-01-24T15:57:00Z","channel":"phone","version":"notice-2024-1"}'),
    ("other_contact", "05923940580"),
    ("phone", "14105032807"),
    ("recipient_address", "内蒙古自治区呼伦贝尔市鄂温克族自治旗星槎大道65号知春园26栋2单元2203室"),
    ("sender_address", "新疆维吾尔自治区伊犁哈萨克自治州伊宁市半夏路573号21栋4单元201室"),
    ("source_number", "C200000"),
)
_TAGGED = (
    (IdentifierKind.PHONE, "14105032807"),
    (IdentifierKind.PHONE, "05923940580"),
    (IdentifierKind.ID_NUMBER, "991201197910100465"),
    (IdentifierKind.SOURCE_NUMBER, "C200000"),
)


def measure(bench: Bench, *, quick: bool) -> Iterator[Result]:
    """Yield the ratio; no database is involved."""
    del bench
    rounds, times = (7, 1000) if quick else (15, 5000)
    seal, bare = _sealing(), _bare()

    def repeat(work: object) -> float:
        return seconds(lambda: [work() for _ in range(times)])  # type: ignore[operator]

    pairs = in_turn(rounds, lambda _: repeat(seal), lambda _: repeat(bare))
    ours, theirs = (median([pair[at] for pair in pairs]) / times * 1e6 for at in (0, 1))
    yield ratio(
        "b", "sealing a customer: data key, wrap, 9 fields, 4 tags, MAC", "", pairs, goal=2.0,
        detail=f"{ours:.0f} µs against {theirs:.0f} µs",
    )  # fmt: skip


def _sealing() -> object:
    keys = CohortKeys(new_id(), new_id(), RecordClass.CUSTOMER, AES_256_GCM, secrets.token_bytes(32))
    refs = tuple(FieldRef(name) for name, _ in _VALUES)
    cells = [(ref, value) for ref, (_, value) in zip(refs, _VALUES, strict=True)]
    at = datetime(2026, 11, 20, tzinfo=UTC)
    until = datetime.combine(date(2028, 11, 21), datetime.min.time(), UTC)

    def seal() -> object:
        meta = RecordMeta(
            new_id(), RecordClass.CUSTOMER, keys.key_id, None, "O1", "", RecordState.SETTLED, False, at, until,
            fields=refs,
        )  # fmt: skip
        wrapped, sealed = keys.seal(meta.record_id, cells)
        tags = [keys.tag(kind, value) for kind, value in _TAGGED]
        return wrapped, sealed, tags, keys.mac(meta)

    return seal


def _bare() -> object:
    """Return the calls alone: nonces, keys and associated data of the same lengths, nothing put together."""
    wrap = AESGCM(os.urandom(32))
    index = {kind: HMAC(os.urandom(32), hashes.SHA256()) for kind in IdentifierKind}
    mac = HMAC(os.urandom(32), hashes.SHA256())
    cells = [(value.encode(), os.urandom(90)) for _, value in _VALUES]
    tagged = [(index[kind], value.encode()) for kind, value in _TAGGED]
    wrap_data, meta = os.urandom(90), os.urandom(330)

    def calls() -> None:
        data_key, nonces = os.urandom(32), os.urandom(12 * (len(cells) + 1))
        wrap.encrypt(nonces[:12], data_key, wrap_data)
        field = AESGCM(data_key)
        at = 12
        for value, bound in cells:
            field.encrypt(nonces[at : at + 12], value, bound)
            at += 12
        for keyed, value in tagged:
            tag = keyed.copy()
            tag.update(value)
            tag.finalize()
        whole = mac.copy()
        whole.update(meta)
        whole.finalize()

    return calls
