"""``docs/formats.md`` is enough to read a vault without our code.

Everything below the line "by the page alone" is written from that page with the standard library and
``cryptography``; the vault it reads was made by the real walks. Nothing there may import ``vault``.
"""

from __future__ import annotations

import ast
import base64
import csv
import hashlib
import hmac
import json
import re
import sqlite3
import struct
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

from tests import hashing
from vault import bootstrap
from vault.config import load_config
from vault.crypto.key_store_files import KeyStoreFiles
from vault.crypto.providers import PassphraseProvider
from vault.domain.cohorts import CohortState
from vault.domain.identifiers import IdentifierKind
from vault.domain.ids import RecordClass, new_id
from vault.domain.ledger import Entry, EntryKind
from vault.domain.log import FACTS, Action, Outcome
from vault.domain.people import AccountState
from vault.domain.records import LinkRole, RecordState
from vault.services import asking, caller_verification, intake, log, lookup, people, sessions, viewing
from vault.services.intake_staff import import_staff
from vault.storage.tables import metadata

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
PAGE = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
NOW = datetime(2026, 11, 20, 3, 4, 5, 6, tzinfo=UTC)
FILES = (
    (RecordClass.CUSTOMER, "customers.csv"),
    (RecordClass.SHIPMENT, "shipments.csv"),
    (RecordClass.SERVICE_RECORD, "service_records.csv"),
)
NEW_PHONE = "13900990099"


@dataclass(frozen=True)
class Made:
    """A vault on SQLite: where it lies, and what its own code says to compare with."""

    folder: Path
    customers: list[dict[str, str]]
    changed_phone: str
    lock_tag: int
    web_secret: str


def customers() -> list[dict[str, str]]:
    with (DATA / "customers.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def write_customers(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


def agent_at_work(parts, rows):
    """An agent looks up, reveals and asks, so that the log holds events of every shape."""
    secret = people.invite(parts, bootstrap.operator(load_config({})), "KF2001", NOW)
    people.activate(parts, "KF2001", secret, "a long enough phrase", "198.51.100.7", NOW)
    token = sessions.sign_in(parts, "KF2001", "a long enough phrase", "198.51.100.7", NOW).token
    agent = sessions.person_of(parts, token, "198.51.100.7", NOW)
    pool = [row for row in rows if not row["归属客服"] and row["最近业务时间"] > "2026-01"]
    answer = lookup.look_up(parts, agent, pool[0]["手机号"], "query", NOW)
    record_id = answer.cards[0].record_id
    for question, told in (("id_last4", pool[0]["证件号码"][-4:]), ("name", pool[0]["姓名"])):
        caller_verification.check_answer(parts, agent, answer.case_id, record_id, question, told, NOW)
    viewing.reveal(parts, agent, answer.case_id, record_id, "phone", 0, NOW)
    asking.ask(parts, agent, answer.case_id, "13811112222", NOW)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("formats")
    config = load_config({"DATAVAULT_DATA_DIR": str(folder / "data"), "DATAVAULT_ENV": "test", "DATAVAULT_NODE": "n"})
    bootstrap.init(config, NOW)
    rows = customers()
    old_phone = rows[2]["手机号"]
    with bootstrap.open_vault(config) as parts:
        operator, mappings = bootstrap.operator(config), config.policies_dir / "mappings"
        import_staff(parts, operator, DATA / "staff.csv", mappings, NOW)
        for record_class, name in FILES:
            assert intake.import_records(parts, operator, record_class, DATA / name, mappings, NOW).clean
        rows[2]["手机号"] = NEW_PHONE
        changed = write_customers(folder / "changed.csv", rows[2:3])
        assert intake.import_records(parts, operator, RecordClass.CUSTOMER, changed, mappings, NOW).updated == 1
        with hashing.full():
            agent_at_work(parts, rows)
        parts.ledger.append([Entry(kind, NOW, new_id(), (new_id(),)) for kind in EntryKind])
        log.settle(parts, NOW)
        with parts.database.read() as connection:
            store = parts.keys.current(connection)
        return Made(folder / "data", rows, old_phone, store.lock_tag("phone", NEW_PHONE), store.web_secret())


@pytest.fixture
def database(made: Made) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(made.folder / "db" / "vault.sqlite3")
    connection.row_factory = sqlite3.Row
    yield connection
    connection.close()


# == by the page alone ===========================================================================================


def prefixed(*parts: bytes) -> bytes:
    return b"".join(struct.pack(">H", len(part)) + part for part in parts)


def expand(secret: bytes, *parts: bytes) -> bytes:
    return HKDFExpand(hashes.SHA256(), 32, prefixed(*parts)).derive(secret)


def mac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, hashlib.sha256).digest()


def opened(key: bytes, sealed: bytes, aad: bytes) -> bytes:
    assert sealed[:2] == b"\x01\x01"
    return AESGCM(key).decrypt(sealed[2:14], sealed[14:], aad)


@dataclass(frozen=True)
class Keys:
    """What a store file holds."""

    vault: bytes
    version: int
    named: dict[str, bytes]
    cohorts: dict[bytes, dict[str, object]]

    def cohort(self, key_id: bytes, use: str) -> bytes:
        one = self.cohorts[key_id]
        parts = (b"datavault/cohort/1", self.vault, key_id, str(one["class"]).encode(), use.encode())
        return expand(bytes.fromhex(str(one["secret"])), *parts)


def read_store(root_key: bytes, store: Path, epoch: Path) -> Keys:
    secret = epoch.read_bytes()
    assert (secret[:5], len(secret)) == (b"DVEP\x01", 37)
    data = store.read_bytes()
    magic, layout, suite, vault, version = struct.unpack(">4sBB16sQ", data[:30])
    assert (magic, layout, suite) == (b"DVKS", 1, 1)
    key = HKDF(hashes.SHA256(), 32, secret[5:], prefixed(b"datavault/keystore/1", vault)).derive(root_key)
    inside = AESGCM(key).decrypt(data[30:42], data[42:], data[:30])
    body = json.loads(inside)
    assert json.dumps(body, sort_keys=True, separators=(",", ":")).encode() == inside
    named = {name: bytes.fromhex(value) for name, value in body["keys"].items()}
    return Keys(vault, version, named, {bytes.fromhex(one["id"]): one for one in body["cohorts"]})


def root_key_of(folder: Path) -> bytes:
    line = (folder / "keys" / "root" / "root.key").read_bytes()
    assert re.fullmatch(rb"[0-9a-f]{64}\n", line)
    return bytes.fromhex(line.decode())


def keys_of(folder: Path) -> Keys:
    copy = folder / "keys" / "copy-1"
    return read_store(root_key_of(folder), copy / "store" / "keystore", copy / "epoch" / "epoch")


def data_key(keys: Keys, wrap: sqlite3.Row) -> bytes:
    cohort, record = wrap["cohort_id"], wrap["record_id"]
    record_class = str(keys.cohorts[cohort]["class"]).encode()
    aad = prefixed(b"datavault/wrap/1", keys.vault, cohort, record_class, record, b"\x01\x01")
    return opened(keys.cohort(cohort, "wrap"), wrap["wrapped"], aad)


def clear(keys: Keys, key: bytes, record_class: str, row: sqlite3.Row) -> str:
    place = (row["field"].encode(), b"%d" % row["ordinal"], b"%d" % row["generation"], b"\x01", b"\x01")
    aad = prefixed(b"datavault/field/1", keys.vault, record_class.encode(), row["record_id"], *place)
    return opened(key, row["sealed"], aad).decode()


def every_value(folder: Path, database: sqlite3.Connection) -> dict[tuple[bytes, str, int, int], str]:
    keys = keys_of(folder)
    data_keys = {wrap["record_id"]: data_key(keys, wrap) for wrap in database.execute("SELECT * FROM wrapped_keys")}
    classes = dict(database.execute("SELECT record_id, record_class FROM records").fetchall())
    values = {}
    for row in database.execute("SELECT * FROM record_fields"):
        record = row["record_id"]
        place = (record, row["field"], row["ordinal"], row["generation"])
        values[place] = clear(keys, data_keys[record], classes[record], row)
    return values


def metadata_input(keys: Keys, row: sqlite3.Row, fields: list[tuple[str, int, int]]) -> bytes:
    links = []
    for role in ("customer", "recipient", "sender", "shipment"):
        if row[f"{role}_id"] is not None:
            links += [role.encode(), row[f"{role}_id"]]
    listed = [part for name, ordinal, gen in sorted(fields) for part in (name.encode(), b"%d" % ordinal, b"%d" % gen)]
    return prefixed(
        b"datavault/meta/1",
        keys.vault,
        row["cohort_id"],
        row["record_class"].encode(),
        row["record_id"],
        row["owner_id"] or b"",
        row["outlet"].encode(),
        row["kind"].encode(),
        row["state"].encode(),
        b"1" if row["held"] else b"0",
        b"%d" % row["activity_at"],
        b"" if row["expires_at"] is None else b"%d" % row["expires_at"],
        prefixed(*links),
        prefixed(*listed),
    )


def tree_root(leaves: list[bytes]) -> bytes:
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256().digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + tree_root(leaves[:split]) + tree_root(leaves[split:])).digest()


def subtree_roots(leaves: list[bytes]) -> list[bytes]:
    roots, start = [], 0
    for level in reversed(range(len(leaves).bit_length())):
        if len(leaves) >> level & 1:
            roots.append(tree_root(leaves[start : start + (1 << level)]))
            start += 1 << level
    return roots


def checked_note(note: str, pin: str) -> list[str]:
    name, key_id, encoded = pin.split("+", 2)
    algorithm_and_key = base64.b64decode(encoded, validate=True)
    assert (algorithm_and_key[:1], len(algorithm_and_key)) == (b"\x01", 33)
    assert hashlib.sha256(name.encode() + b"\n" + algorithm_and_key).digest()[:4].hex() == key_id
    text, _, signature_line = note.rpartition("\n\n")
    signer, signature = signature_line.removesuffix("\n").removeprefix("— ").split(" ")
    signed = base64.b64decode(signature, validate=True)
    assert (signer, signed[:4].hex()) == (name, key_id)
    Ed25519PublicKey.from_public_bytes(algorithm_and_key[1:]).verify(signed[4:], f"{text}\n".encode())
    return text.split("\n")


def ledger_line(folder: Path, vault: bytes) -> str:
    copies = [(folder / "keys" / name / "store" / "ledger").read_bytes() for name in ("copy-1", "copy-2")]
    assert copies[0] == copies[1]
    digest = hashlib.sha256(prefixed(b"datavault/ledger/1", vault)).digest()
    lines = copies[0].split(b"\n")[:-1]
    for seq, line in enumerate(lines):
        entry = json.loads(line)
        assert set(entry) == {"about", "at", "ids", "kind", "prev", "seq"}
        assert (entry["seq"], entry["prev"]) == (seq, digest.hex())
        assert all(len(bytes.fromhex(one)) == 16 for one in entry["ids"])
        digest = hashlib.sha256(line).digest()
    return f"ledger {len(lines)} {base64.b64encode(digest).decode()}"


def test_both_key_store_copies_open_and_hold_the_same_keys(made):
    root_key, copies = root_key_of(made.folder), made.folder / "keys"
    stores = [
        read_store(root_key, copies / name / "store" / "keystore", copies / name / "epoch" / "epoch")
        for name in ("copy-1", "copy-2")
    ]
    assert stores[0] == stores[1]
    assert sorted(stores[0].named) == ["lock", "people", "signing", "web"]
    assert {len(secret) for secret in stores[0].named.values()} == {32}


def test_the_database_mirrors_the_key_store_and_its_cohorts(made, database):
    keys = keys_of(made.folder)
    state = database.execute("SELECT * FROM vault_state").fetchone()
    assert (state["singleton"], state["vault_id"], state["key_store_version"]) == (1, keys.vault, keys.version)
    rows = {row["cohort_id"]: (row["record_class"], row["end_on"]) for row in database.execute("SELECT * FROM cohorts")}
    assert rows == {key_id: (one["class"], one["end_on"]) for key_id, one in keys.cohorts.items()}


def test_every_customer_of_the_imported_file_is_read_back_in_clear(made, database):
    values = every_value(made.folder, database)
    current = {
        (row["record_id"], row["field"], row["ordinal"], row["generation"])
        for row in database.execute("SELECT * FROM record_fields WHERE superseded_at IS NULL")
    }
    found: dict[str, dict[str, str]] = {}
    for place in current:
        record, field, _, _ = place
        number = next(values[one] for one in current if one[:2] == (record, "source_number")) if field == "name" else ""
        if number:
            names = {one[1]: values[one] for one in current if one[0] == record}
            found[number] = names
    for row in made.customers:
        read = found[row["客户编号"]]
        assert (read["name"], read["phone"]) == (row["姓名"], row["手机号"])
        assert (read["sender_address"], read["recipient_address"]) == (row["寄件地址"], row["收件地址"])
        assert read["id_number"] == row["证件号码"]


def test_a_replaced_phone_stays_readable_under_its_first_generation(made, database):
    values = every_value(made.folder, database)
    record = next(place[0] for place, value in values.items() if place[1] == "phone" and value == NEW_PHONE)
    assert values[record, "phone", 0, 0] == made.changed_phone
    assert values[record, "phone", 0, 1] == NEW_PHONE
    superseded = database.execute(
        "SELECT generation FROM record_fields WHERE record_id = ? AND superseded_at IS NOT NULL", (record,)
    ).fetchall()
    assert [row[0] for row in superseded] == [0]


def test_an_asked_identifier_is_read_back(made, database):
    values = every_value(made.folder, database)
    assert [value for place, value in values.items() if place[1] == "identifier"] == ["13811112222"]
    asked = database.execute("SELECT * FROM access_requests").fetchone()
    assert (asked["identifier_kind"], asked["state"]) == ("phone", "asked")
    assert (asked["request_id"], "identifier", 0, 0) in values


def test_every_index_tag_is_recomputed_from_the_values(made, database):
    keys, values = keys_of(made.folder), every_value(made.folder, database)
    sources = {"phone": ("phone", "other_contact"), "id_number": ("id_number",), "waybill": ("waybill",)}
    sources["source_number"] = ("source_number",)
    homes = {row["record_id"]: row["cohort_id"] for row in database.execute("SELECT * FROM records")}
    rows = database.execute("SELECT * FROM record_index").fetchall()
    assert {row["kind"] for row in rows} == set(sources)
    current: dict[bytes, dict[str, str]] = {}
    for row in database.execute("SELECT * FROM record_fields WHERE superseded_at IS NULL"):
        place = (row["record_id"], row["field"], row["ordinal"], row["generation"])
        current.setdefault(row["record_id"], {})[row["field"]] = values[place]
    for row in rows:
        # A phone's ordinal tells the field: 0 is the phone itself, 1 and on are the other contacts.
        field = sources[row["kind"]][min(row["ordinal"], 1)] if row["kind"] == "phone" else row["kind"]
        key = keys.cohort(homes[row["record_id"]], f"index/{row['kind']}")
        assert row["tag"] == mac(key, current[row["record_id"]][field].encode())[:16]


def test_every_metadata_mac_is_recomputed_from_the_row(made, database):
    keys = keys_of(made.folder)
    fields: dict[bytes, list[tuple[str, int, int]]] = {}
    for row in database.execute("SELECT * FROM record_fields WHERE superseded_at IS NULL"):
        fields.setdefault(row["record_id"], []).append((row["field"], row["ordinal"], row["generation"]))
    rows = database.execute("SELECT * FROM records").fetchall()
    assert len(rows) == 901
    for row in rows:
        key = keys.cohort(row["cohort_id"], "meta")
        assert row["mac"] == mac(key, metadata_input(keys, row, fields[row["record_id"]]))


def test_the_names_of_staff_are_read_back(made, database):
    keys = keys_of(made.folder)
    key = expand(keys.named["people"], b"datavault/people/1", keys.vault)
    names = {}
    for row in database.execute("SELECT * FROM accounts"):
        aad = prefixed(b"datavault/person/1", keys.vault, row["account_id"], b"name", b"\x01\x01")
        names[row["work_number"]] = opened(key, row["sealed_name"], aad).decode()
    with (DATA / "staff.csv").open(encoding="utf-8-sig", newline="") as file:
        staff = {row["工号"]: row["姓名"] for row in csv.DictReader(file)}
    assert names == staff | {"ADMIN01": "ADMIN01"}


def test_a_password_is_checked_by_its_own_string(made, database):
    (phc,) = database.execute("SELECT password FROM accounts WHERE work_number = 'KF2001'").fetchone()
    _, kind, version, costs, salt, digest = phc.split("$")
    assert (kind, version, costs) == ("argon2id", "v=19", "m=19456,t=2,p=1")
    raw = base64.b64decode(salt + "==")
    typed = unicodedata.normalize("NFC", "a long enough phrase").encode()
    computed = Argon2id(salt=raw, length=32, iterations=2, lanes=1, memory_cost=19456).derive(typed)
    assert computed == base64.b64decode(digest + "=")


def test_the_uniqueness_lock_and_the_web_secret_are_recomputed(made):
    keys = keys_of(made.folder)
    tag = mac(expand(keys.named["lock"], b"datavault/lock/1", keys.vault), prefixed(b"phone", NEW_PHONE.encode()))[:8]
    assert struct.unpack(">q", tag)[0] == made.lock_tag
    assert expand(keys.named["web"], b"datavault/web/1", keys.vault).hex() == made.web_secret


def test_a_passphrase_file_gives_the_root_key(made, tmp_path):
    typed = "ｖault " * 4  # full width: NFKC makes it plain
    file = tmp_path / "root" / "root.key"
    provider = PassphraseProvider(file, lambda: typed)
    provider.create()
    config = load_config({"DATAVAULT_DATA_DIR": str(tmp_path)})
    copies = bootstrap.key_copies(config)
    KeyStoreFiles(copies, tmp_path / "lock", provider).create(b"v" * 16)
    _, kind, version, costs, salt = file.read_text().removesuffix("\n").split("$")
    assert (kind, version) == ("argon2id", "v=19")
    memory, passes, lanes = (int(cost.partition("=")[2]) for cost in costs.split(","))
    raw = base64.b64decode(salt + "==")
    derived = Argon2id(salt=raw, length=32, iterations=passes, lanes=lanes, memory_cost=memory)
    root_key = derived.derive(unicodedata.normalize("NFKC", typed).encode())
    assert read_store(root_key, copies[0].store, copies[0].epoch).vault == b"v" * 16


def test_every_event_is_canonical_json_with_exactly_the_documented_keys(made, database):
    keys = set(re.findall(r"^\| `(\w+)` \|", section("Event"), re.MULTILINE))
    rows = database.execute("SELECT * FROM log_events ORDER BY leaf_index").fetchall()
    assert [row["leaf_index"] for row in rows] == list(range(len(rows)))
    assert any(json.loads(row["canonical"])["records"] for row in rows)
    for row in rows:
        event = json.loads(row["canonical"])
        again = json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        assert again == row["canonical"]
        assert set(event) == keys
        assert all(set(one) == {"class", "fields", "id"} for one in event["records"])
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", event["at"])
        assert row["event_id"].hex() == event["id"]
        assert row["leaf_hash"] == hashlib.sha256(b"\x00" + row["canonical"]).digest()


def test_the_checkpoint_outside_the_database_signs_the_root_of_the_log(made, database):
    folder = made.folder / "checkpoints"
    pin = (folder / "checkpoint.pin").read_text().removesuffix("\n")
    note = (folder / "checkpoint").read_text(encoding="utf-8")
    leaves = [row[0] for row in database.execute("SELECT leaf_hash FROM log_events ORDER BY leaf_index")]
    origin, size, root, ledger = checked_note(note, pin)
    assert origin == f"datavault.local/{keys_of(made.folder).vault.hex()}"
    assert ledger == ledger_line(made.folder, keys_of(made.folder).vault)
    assert (int(size), base64.b64decode(root)) == (len(leaves), tree_root(leaves))
    state = database.execute("SELECT * FROM vault_state").fetchone()
    assert (state["origin"], state["pin"]) == (origin, pin)
    kept = database.execute("SELECT note FROM log_checkpoints ORDER BY size DESC").fetchall()
    assert kept[0][0] == note
    for (one,) in kept:
        _, size, root, _ = checked_note(one, pin)
        assert base64.b64decode(root) == tree_root(leaves[: int(size)])


def test_the_signers_memory_is_the_right_edge_of_the_tree(made, database):
    memory = json.loads((made.folder / "checkpoints" / "signer.json").read_text())
    leaves = [row[0] for row in database.execute("SELECT leaf_hash FROM log_events ORDER BY leaf_index")]
    assert set(memory) == {"size", "frontier", "last_leaf", "note"}
    assert memory["size"] == len(leaves)
    assert [bytes.fromhex(one) for one in memory["frontier"]] == subtree_roots(leaves)
    assert bytes.fromhex(memory["last_leaf"]) == leaves[-1]
    assert memory["note"] == (made.folder / "checkpoints" / "checkpoint").read_text(encoding="utf-8")


# == the page against the code ===================================================================================


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_the_reader_above_uses_nothing_of_the_vault():
    source = (
        Path(__file__).read_text(encoding="utf-8").partition("# == by the page alone")[2].partition("\ndef test_")[0]
    )
    names = {node.id for node in ast.walk(ast.parse(source[source.index("\n") :])) if isinstance(node, ast.Name)}
    ours = re.findall(r"^from vault\S* import (.+)$", Path(__file__).read_text(encoding="utf-8"), re.MULTILINE)
    assert not names & {name.strip() for line in ours for name in line.split(",")}


def test_the_page_names_every_label_of_the_code_and_no_other():
    label = re.compile(r"datavault/[a-z]+/[0-9]+")
    used = {found for path in (ROOT / "vault").rglob("*.py") for found in label.findall(path.read_text("utf-8"))}
    assert used == set(label.findall(PAGE))


def test_the_page_lists_every_action_outcome_and_fact():
    event = section("Event")
    words = {*Action, *Outcome, *FACTS}
    assert {word for word in words if f"`{word}`" not in event} == set()


def test_the_page_lists_every_word_that_stands_in_a_row():
    words = {*CohortState, *RecordState, *RecordClass, *LinkRole, *IdentifierKind, *AccountState, *EntryKind}
    assert {word for word in words if f"`{word}`" not in PAGE} == set()


def test_the_page_lists_every_table_and_column_and_no_other():
    rows = re.findall(r"^\| `(\w+)\.(\w+)` \|", section("Tables"), re.MULTILINE)
    assert set(rows) == {(table.name, column.name) for table in metadata.sorted_tables for column in table.columns}
    assert len(rows) == len(set(rows))
