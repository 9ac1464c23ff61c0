"""What a manifest says can be read back, and nothing else passes for one."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest

from vault.domain.backups import FORMAT, CohortNeed, FileFacts, Manifest, signed_text
from vault.domain.ids import RecordClass
from vault.domain.ledger import LedgerHead
from vault.errors import InvalidValue

MANIFEST = Manifest(
    backup_id=bytes(range(16)),
    vault_id=bytes(16),
    origin="datavault.local/00",
    pin="datavault.local/00+01020304+AQ==",
    engine="sqlite",
    engine_version="3.40.1",
    schema="0030",
    made_at=datetime(2026, 11, 22, 3, 4, 5, 6, UTC),
    log_size=12,
    waiting=0,
    ledger=LedgerHead(3, bytes(32)),
    key_store_version=2,
    policy="ab" * 32,
    cohorts=(CohortNeed(b"k" * 16, RecordClass.CUSTOMER, date(2028, 11, 30), 5),),
    rows={"records": 5},
    files={
        "vault.sqlite3": FileFacts(9, b"d" * 32),
        "policies/roles.toml": FileFacts(0, b"e" * 32),
        "policies/mappings/service-records.toml": FileFacts(1, b"f" * 32),
    },
)


def test_a_manifest_reads_as_it_was_written():
    assert Manifest.read(MANIFEST.written()) == MANIFEST
    assert json.loads(MANIFEST.written())["made_at"] == "2026-11-22T03:04:05.000006Z"


@pytest.mark.parametrize(
    "name",
    ["", "/etc/passwd", "../x", "policies/../x", "policies/a/b/c.toml", "x/y", "Vault", ".hidden", "a\n", "policies/"],
)
def test_no_file_leads_out_of_the_folder(name):
    body = json.loads(MANIFEST.written())
    body["files"][name] = {"bytes": 1, "sha256": "00" * 32}
    with pytest.raises(InvalidValue) as refused:
        Manifest.read(json.dumps(body).encode())
    assert refused.value.reason == "backup_manifest"


@pytest.mark.parametrize("key", sorted(json.loads(MANIFEST.written())))
def test_no_key_may_be_missing_or_of_another_type(key):
    body = json.loads(MANIFEST.written())
    for changed in (body | {key: None}, {name: value for name, value in body.items() if name != key}):
        with pytest.raises(InvalidValue):
            Manifest.read(json.dumps(changed).encode())


def test_what_is_signed_passes_for_no_checkpoint():
    first, second, third, end = signed_text("datavault.local/00", bytes(32)).split("\n")
    assert (first, second, third, end) == (FORMAT, "datavault.local/00", "00" * 32, "")
    assert not second.isdecimal()
