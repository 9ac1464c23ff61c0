"""The section "Ledger" of ``docs/formats.md`` is enough to read a ledger, and to tell whether it is whole.

Everything below the line "by the page alone" is written from that page with the standard library. Nothing there may
import ``vault``; the ledger it reads was written by the real walks.
"""

import base64
import hashlib
import json
import re
import struct
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from tests.destroying import APPROVER, PROPOSER, approved, fill, ids, run
from tests.ended_cohorts import close_all, turn_to
from tests.services.staff_at_work import ADMIN, in_use
from vault.domain.ledger import EntryKind
from vault.services import clock, holds, offboarding
from vault.services.holds import Why

ROOT = Path(__file__).parents[2]
SECTION = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8").partition("\n## Ledger\n")[2].partition("\n## ")[0]
LEAVER = "KF2001"
WHY = Why("dispute", "LP-2026-17", date(2027, 2, 1))


@pytest.fixture
def lived(sqlite_world):
    """A vault in which holds were placed and released, records destroyed, somebody left, and cohorts were closed."""
    world = sqlite_world
    in_use(world, ADMIN, PROPOSER, APPROVER, LEAVER)
    fill(world, customers=4, shipments=2, services=2)
    first, second = ids(world, "customer")[1:3]
    (over,) = holds.place(world.parts, world.person(PROPOSER), first, WHY, world.now).hold_ids
    holds.place(world.parts, world.person(PROPOSER), second, WHY, world.now)
    holds.release(world.parts, world.person(APPROVER), over, "settled", world.now)
    offboarding.leave(world.parts, world.person(ADMIN), LEAVER, "", world.now)
    run(world, approved(world))
    turn_to(world)
    clock.tend(world.parts, world.now)
    clock.confirm(world.parts, world.person(APPROVER), date(2027, 1, 3), world.now)
    close_all(world)
    world.settle()
    return world


def copies(world):
    return [path.read_bytes() for path in world.parts.ledger.copies]


# -- by the page alone ---------------------------------------------------------------------------------------------


def prefixed(*parts):
    return b"".join(struct.pack(">H", len(part)) + part for part in parts)


def first_digest(vault):
    return hashlib.sha256(prefixed(b"datavault/ledger/1", vault)).digest()


class Damaged(Exception):
    """It is not what the page describes; with the place of the first bad line."""


def read(content, vault):
    """Return the entries of a ledger, and the line by which a checkpoint names its end."""
    digest, entries = first_digest(vault), []
    for line in content.split(b"\n")[:-1]:
        try:
            entry = json.loads(line)
            again = json.dumps(entry, sort_keys=True, separators=(",", ":")).encode("ascii")
            follows = (entry["seq"], entry["prev"]) == (len(entries), digest.hex())
        except (ValueError, TypeError, KeyError):
            raise Damaged(len(entries)) from None
        if again != line or not follows:
            raise Damaged(len(entries))
        entries.append(entry)
        digest = hashlib.sha256(line).digest()
    return entries, f"ledger {len(entries)} {base64.b64encode(digest).decode()}"


def of_copies(one, other, vault):
    """Return what two copies say: the longer one, of which the other is the beginning."""
    one, other = (content[: content.rfind(b"\n") + 1] for content in (one, other))
    longer, shorter = (one, other) if len(one) >= len(other) else (other, one)
    if not longer.startswith(shorter):
        raise Damaged(-1)
    return read(longer, vault)


def destroyed(entries):
    return {one for entry in entries if entry["kind"] == "erased" for one in entry["ids"]}


def held(entries):
    """Return the holds that hold, and on which record."""
    found = {}
    for entry in entries:
        if entry["kind"] == "hold_placed":
            (found[entry["about"]],) = entry["ids"]
        elif entry["kind"] == "hold_released":
            found.pop(entry["about"], None)
    return found


def about(entries, kind):
    return {entry["about"] for entry in entries if entry["kind"] == kind}


# -- it says what happened -----------------------------------------------------------------------------------------


def vault_of(world):
    return bytes(world.rows("SELECT vault_id FROM vault_state")[0][0])


def hexed(rows):
    return {bytes(row[0]).hex() for row in rows}


def test_the_page_names_every_kind_and_the_real_ledger_holds_them_all(lived):
    table = re.findall(r"^\| `(\w+)` \| (\w+)", SECTION.partition("| `kind` | `about` |")[2], re.MULTILINE)
    entries, _ = read(copies(lived)[0], vault_of(lived))
    assert [kind for kind, _ in table] == [kind.value for kind in EntryKind]
    assert {entry["kind"] for entry in entries} == {kind for kind, _ in table}


def test_what_the_ledger_says_by_the_page_is_what_the_database_says(lived):
    entries, end = read(copies(lived)[0], vault_of(lived))
    assert destroyed(entries) == hexed(lived.rows("SELECT record_id FROM tombstones")) != set()
    holding = lived.rows("SELECT hold_id, record_id FROM holds WHERE released_at IS NULL")
    assert held(entries) == {bytes(hold).hex(): bytes(record).hex() for hold, record in holding} != {}
    plans = hexed(lived.rows("SELECT plan_id FROM destruction_plans WHERE state = 'done'"))
    assert about(entries, "erased") == about(entries, "erase_intent") == plans
    closed = hexed(lived.rows("SELECT cohort_id FROM cohorts WHERE state = 'destroyed'"))
    assert about(entries, "cohort_closed") == about(entries, "cohort_intent") == closed != set()
    assert about(entries, "account_left") == hexed(lived.rows("SELECT account_id FROM accounts WHERE state = 'left'"))
    assert lived.parts.log_files.checkpoint.read_text(encoding="utf-8").splitlines()[3] == end


def test_each_entry_has_the_members_of_the_page_and_their_forms(lived):
    members = set(re.findall(r"^\| `(\w+)` \|", SECTION.partition("| `kind` | `about` |")[0], re.MULTILINE))
    entries, _ = read(copies(lived)[0], vault_of(lived))
    for entry in entries:
        assert set(entry) == members
        at = datetime.strptime(entry["at"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
        assert abs(at - lived.now) < timedelta(days=100)
        assert len(bytes.fromhex(entry["about"])) == 16
        assert all(len(bytes.fromhex(one)) == 16 for one in entry["ids"])
        most = {"erase_intent": (1, 100), "erased": (1, 100), "hold_placed": (1, 1), "hold_released": (1, 1)}
        low, high = most.get(entry["kind"], (0, 0))
        assert low <= len(entry["ids"]) <= high


def test_by_the_page_a_torn_end_a_short_copy_and_any_damage_are_told_apart(lived):
    (one, other), vault = copies(lived), vault_of(lived)
    whole = read(one, vault)
    lines = one.splitlines(keepends=True)
    assert of_copies(one, other, vault) == of_copies(one + b'{"about":"', other[: -len(lines[-1])], vault) == whole
    with pytest.raises(Damaged):
        of_copies(one, lines[0] + lines[0], vault)
    with pytest.raises(Damaged, match="0"):
        read(one, bytes(16))
    for place in (0, len(lines) // 2, len(lines) - 1):
        changed = [*lines]
        changed[place] = lines[place].replace(b'"kind":"', b'"kind": "')
        with pytest.raises(Damaged, match=f"^{place}$"):
            read(b"".join(changed), vault)
    for place in (0, len(lines) // 2):
        with pytest.raises(Damaged, match=f"^{place}$"):
            read(b"".join(lines[:place] + lines[place + 1 :]), vault)
        changed = [*lines]
        changed[place] = re.sub(rb'"at":"2', b'"at":"1', lines[place])
        with pytest.raises(Damaged, match=f"^{place + 1}$"):
            read(b"".join(changed), vault)


def test_nothing_below_the_line_imports_our_code():
    written = Path(__file__).read_text(encoding="utf-8")
    below = written.partition("# -- by the page alone")[2].partition("# -- it says")[0]
    assert "vault." not in below
    assert "import" not in below
