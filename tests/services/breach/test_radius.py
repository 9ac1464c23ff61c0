"""The blast radius: whom the log says it reached, in clear or masked; counted again from the exported log."""

import csv
import io
import json
import tomllib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256

import pytest

from tests import destroying
from tests.bundles import Bundle
from tests.simulator import NOW, customer_row, local, service_row
from vault.domain.breach.incidents import AwareSource, IncidentKind
from vault.domain.breach.radius import DataKind, RadiusScope
from vault.domain.ids import RecordClass
from vault.domain.log import Action, Opened, Outcome
from vault.domain.log_exports import LogQuestion
from vault.errors import AccessRefused, AlreadyDecided, InvalidValue, NotFound
from vault.services import cohorts, filing, log_export, lookup
from vault.services.breach import drills, incidents, radius
from vault.services.filing import Filing
from vault.services.steps import moving_out
from vault.services.steps.breach import radius as steps
from vault.services.steps.breach.incidents import Opening
from vault.storage.breach import radius as stored
from vault.storage.breach import radius_reading, radius_sums

AGENT, OTHER, SUPERVISOR, OFFICER, COLLEAGUE, AUDITOR = "KF2001", "KF2002", "KF2009", "KF2012", "KF2013", "KF2014"
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)


def opened(world, who=AGENT, **said):
    opening = Opening(IncidentKind.LEAK, AwareSource.REPORT, **said)
    return incidents.open_one(world.parts, world.person(who), opening, world.now)


def drawn(world, incident, scope, who=OFFICER, most=10_000):
    return radius.draw(world.parts, world.person(who), incident, scope, world.now, most)


def frozen(world, incident, scope, who=OFFICER):
    return radius.freeze(world.parts, world.person(who), incident, scope, world.now)


def seen_by(world, number, phone, *fields):
    """Look a customer up, and reveal some fields; returns the record's id."""
    found = world.look_up(number, phone)
    record_id = found.cards[0].record_id
    if fields:
        world.verify_caller(number, found.case_id, record_id)
    for one in fields:
        world.reveal(number, found.case_id, record_id, one)
    return record_id


@pytest.fixture
def busy(world):
    """Two agents who looked, an hour apart: at customers, a shipment between two, and what hangs on one of them."""
    rows = [world.customer() for _ in range(5)]
    parcel = world.shipment(rows[0], rows[1])
    world.services(service_row(rows[0]))
    seen_by(world, AGENT, rows[0]["phone"], "phone")
    found = world.look_up(AGENT, rows[2]["phone"])
    world.view(AGENT, found.case_id, found.cards[0].record_id)
    world.now += HOUR
    shipment = world.look_up(AGENT, parcel["waybill"])
    world.view(AGENT, shipment.case_id, shipment.cards[0].record_id)
    seen_by(world, OTHER, rows[3]["phone"], "recipient_address")
    world.look_up(OTHER, "13999999999")
    world.now += HOUR
    return world


# -- counted again, from the exported log --------------------------------------------------------------------------


def bundle_of(world):
    question = LogQuestion(NOW - timedelta(days=1000), NOW + timedelta(days=1000))
    made = log_export.export(world.parts, world.person(AUDITOR), question, lambda _, word: word, world.now)
    return Bundle.read(b"".join(made.pieces))


def shown_plain(fields, record_class, field, role, purpose):
    """Read fields.toml as its own comments say: whether a role sees a field whole."""
    entries = fields.get(record_class, {}).get(field, {})
    said = entries.get(role, entries.get("default"))
    if isinstance(said, dict):
        said = said.get(purpose, said.get("default"))
    return said == "plain" and entries.get("purposes", {}).get(purpose, "plain") == "plain"


def recounted(world, person="", since=None, until=None, records=None):
    """Count a radius from a bundle alone, with a plain reading of the links of the records that are there."""
    bundle = bundle_of(world)
    links = {
        row[0]: [one for one in row[1:] if one]
        for row in world.rows("SELECT record_id, sender_id, recipient_id, customer_id FROM records")
    }
    recipients = dict(world.rows("SELECT record_id, recipient_id FROM records"))
    found = {}

    def note(record, field, clear, at):
        one = found.setdefault(record, {"clear": set(), "masked": set(), "times": []})
        one["clear" if clear else "masked"].add(field)
        one["times"].append(at)

    for line in bundle.lines:
        event = json.loads(line.event)
        if event["action"] not in {"record.lookup", "record.view", "record.reveal"}:
            continue
        if (person and event["actor"] != person) or (since and event["at"] < since) or (until and event["at"] >= until):
            continue
        fields = tomllib.loads(bundle.files[f"policies/{event['policy']}/fields.toml"].decode())
        for one in event["records"]:
            for field in one["fields"]:
                typed = event["facts"].get("identifier") == "waybill" and field == "waybill"
                clear = (
                    event["action"] == "record.reveal"
                    or (event["action"] == "record.lookup" and typed)
                    or shown_plain(fields, one["class"], field, event["role"], event["purpose"])
                )
                record_id = bytes.fromhex(one["id"])
                if records is not None and record_id not in records:
                    continue
                behind = [record_id] if one["class"] == "customer" else links.get(record_id) or [record_id]
                if field == "signed_by":
                    behind = [recipients[record_id]]
                for each in behind:
                    note(each, f"{one['class']}.{field}", clear, event["at"])
    return {
        record: (sorted(one["clear"]), sorted(one["masked"] - one["clear"]), min(one["times"]), max(one["times"]))
        for record, one in found.items()
    }


def as_counted(lines):
    return {
        one.record_id: (
            list(one.clear),
            list(one.masked),
            one.first_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            one.last_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        )
        for one in lines
    }


def test_a_radius_is_what_the_exported_log_says_when_it_is_counted_again(busy):
    incident = opened(busy)
    for asked, scope in (
        ({}, RadiusScope(until=busy.now + HOUR)),
        ({"person": AGENT}, RadiusScope(person=AGENT)),
        ({"person": OTHER}, RadiusScope(person=OTHER)),
        ({"person": AGENT, "until": "2026-11-20T04:00:00.000000Z"}, RadiusScope(person=AGENT, until=NOW + HOUR)),
        ({"since": "2026-11-20T04:00:00.000000Z"}, RadiusScope(since=NOW + HOUR)),
    ):
        found = drawn(busy, incident, scope)
        expected = recounted(busy, **asked)
        assert expected
        assert as_counted(found.lines) == expected
        assert found.counts.customers == len(expected)


def test_a_record_set_is_counted_alike_and_names_no_other(busy):
    incident = opened(busy)
    some = {one.record_id for one in drawn(busy, incident, RadiusScope(person=AGENT)).lines[:2]}
    found = drawn(busy, incident, RadiusScope(records=tuple(some)))
    assert as_counted(found.lines) == recounted(busy, records=some)
    assert {one.record_id for one in found.lines} == some
    assert drawn(busy, incident, RadiusScope(records=tuple(some), person=OTHER)).counts.customers == 0


def test_what_is_spilled_to_a_temporary_file_counts_the_same(busy, monkeypatch):
    incident, scope = opened(busy), RadiusScope(until=busy.now + HOUR)
    few = drawn(busy, incident, scope)
    monkeypatch.setattr(radius_sums, "MOST_IN_MEMORY", 1)
    many = drawn(busy, incident, scope)
    assert (many.counts, many.lines) == (few.counts, few.lines)


# -- in clear or masked ----------------------------------------------------------------------------------------------


def line_of(found, record_id):
    return next(one for one in found.lines if one.record_id == record_id)


def test_a_reveal_is_in_clear_and_a_look_up_masked(world):
    row = world.customer()
    record_id = seen_by(world, AGENT, row["phone"], "phone")
    one = line_of(drawn(world, opened(world), RadiusScope(person=AGENT)), record_id)
    assert "customer.phone" in one.clear
    assert {"customer.name", "customer.recipient_address"} <= set(one.masked)
    assert "customer.id_number" not in {*one.clear, *one.masked}


def test_a_waybill_that_was_typed_is_in_clear_and_one_that_was_not_is_masked(world):
    one, other = world.customer(), world.customer()
    typed, hanging = world.shipment(one, other), world.shipment(one, other)
    world.look_up(AGENT, typed["waybill"])
    found = drawn(world, opened(world), RadiusScope(person=AGENT))
    assert all("shipment.waybill" in each.clear for each in found.lines)
    seen = world.look_up(OTHER, one["phone"])
    world.view(OTHER, seen.case_id, seen.cards[0].record_id)
    found = drawn(world, opened(world), RadiusScope(person=OTHER))
    assert hanging["waybill"] != typed["waybill"]
    assert all("shipment.waybill" in each.masked for each in found.lines)


def test_a_shipment_reaches_both_parties_but_who_signed_only_its_recipient(world):
    sender, recipient = world.customer(), world.customer()
    parcel = world.shipment(sender, recipient)
    world.look_up(AGENT, parcel["waybill"])
    found = drawn(world, opened(world), RadiusScope(person=AGENT))
    assert found.counts.customers == 2
    assert found.counts.records == 3
    signed = [one for one in found.lines if "shipment.signed_by" in {*one.clear, *one.masked}]
    (recipient_id,) = [row[0] for row in world.rows("SELECT recipient_id FROM records WHERE recipient_id IS NOT NULL")]
    assert [one.record_id for one in signed] == [recipient_id]


def test_what_is_compared_and_shown_to_nobody_reaches_nobody(world):
    row = world.customer()
    found = world.look_up(AGENT, row["phone"])
    record_id = found.cards[0].record_id
    assert world.check_caller(AGENT, found.case_id, record_id, "id_last4", row["id_number"][-4:]).match
    world.opened()  # as an import compares
    assert world.events("import.compare")
    one = line_of(drawn(world, opened(world), RadiusScope(until=world.now + HOUR)), record_id)
    assert "customer.id_number" not in {*one.clear, *one.masked}


def test_an_event_whose_rules_were_never_kept_counts_as_seen_in_clear(world):
    record_id = seen_by(world, AGENT, world.customer()["phone"])
    world.settle()
    world.restart()
    (digest,) = {one["policy"] for one in world.events("record.lookup")}
    assert "customer.name" in line_of(drawn(world, opened(world), RadiusScope(person=AGENT)), record_id).masked
    world.tamper("DELETE FROM policy_texts WHERE digest = :digest", digest=digest)
    object.__setattr__(world.parts.policy, "digest", "f" * 64)
    assert "customer.name" in line_of(drawn(world, opened(world), RadiusScope(person=AGENT)), record_id).clear


# -- scopes ------------------------------------------------------------------------------------------------------------


def test_session_and_address_narrow_what_the_log_says(busy):
    incident = opened(busy)
    events = [one for one in busy.events("record.reveal") if one["actor"] == AGENT]
    session = events[0]["session"]
    found = drawn(busy, incident, RadiusScope(session=session))
    (record,) = events[0]["records"]
    assert [one.record_id.hex() for one in found.lines] == [record["id"]]
    assert found.lines[0].clear == ("customer.phone",)
    assert drawn(busy, incident, RadiusScope(session="0" * 32)).counts.customers == 0
    whole = drawn(busy, incident, RadiusScope(source="203.0.113.9"))
    assert as_counted(whole.lines) == recounted(busy)
    assert drawn(busy, incident, RadiusScope(source="203.0.113.10")).counts.customers == 0


def test_a_session_that_is_kept_leads_to_its_person(world):
    world.activate(AGENT)
    signed_in = world.sign_in(AGENT)
    row = world.customer()
    person = signed_in.person
    lookup.look_up(world.parts, person, row["phone"], "query", world.now)
    world.look_up(AGENT, world.customer()["phone"])
    found = drawn(world, opened(world), RadiusScope(session=person.session_id.hex()))
    assert found.counts.customers == 1


def test_from_is_inclusive_and_to_exclusive(world):
    record_id = seen_by(world, AGENT, world.customer()["phone"])
    incident, one = opened(world), timedelta(microseconds=1)
    for since, until, many in ((NOW, NOW + one, 1), (NOW + one, NOW + SECOND, 0), (NOW - SECOND, NOW, 0)):
        found = drawn(world, incident, RadiusScope(person=AGENT, since=since, until=until))
        assert [each.record_id for each in found.lines] == [record_id] * many


def test_everything_a_cohort_and_a_backup_are_answered_by_the_rows_as_possible(busy):
    incident = opened(busy)
    everything = drawn(busy, incident, RadiusScope(everything=True))
    assert everything.counts.possible
    assert (everything.counts.customers, everything.counts.records) == (5, 7)
    assert everything.counts.clear == 5
    assert {one.first_at for one in everything.lines} == {None}
    assert all("customer.id_number" in one.clear for one in everything.lines)
    assert everything.counts.cohorts >= 3
    cohorts = busy.rows("SELECT cohort_id, count(*) FROM records WHERE record_class = 'customer' GROUP BY cohort_id")
    for cohort, many in cohorts:
        assert drawn(busy, incident, RadiusScope(cohort=bytes(cohort))).counts.records == many
    backup = b"b" * 16
    made = NOW + timedelta(minutes=1)
    micros = int(made.timestamp() * 1_000_000)
    busy.tamper(
        "INSERT INTO backups (backup_id, made_at, log_size, manifest_digest, place) VALUES (:b, :t, 1, :d, '')",
        b=backup, t=micros, d=bytes(32),
    )  # fmt: skip
    assert drawn(busy, incident, RadiusScope(backup=backup)).counts.customers == 5
    before = b"c" * 16
    busy.tamper(
        "INSERT INTO backups (backup_id, made_at, log_size, manifest_digest, place) VALUES (:b, :t, 1, :d, '')",
        b=before, t=int((NOW - timedelta(days=9)).timestamp() * 1_000_000), d=bytes(32),
    )  # fmt: skip
    assert drawn(busy, incident, RadiusScope(backup=before)).counts.customers == 0


@pytest.mark.parametrize(
    ("scope", "reason"),
    [
        (RadiusScope(), "scope_empty"),
        (RadiusScope(everything=True, person=AGENT), "scope_mixed"),
        (RadiusScope(backup=b"b" * 16, since=NOW), "scope_mixed"),
        (RadiusScope(cohort=b"b" * 16, everything=True), "scope_mixed"),
        (RadiusScope(since=NOW, until=NOW), "span_empty"),
        (RadiusScope(person="KF9999"), "nobody_of_that_name"),
        (RadiusScope(person="no such % name"), "wrong_form"),
        (RadiusScope(session="x"), "wrong_form"),
        (RadiusScope(source="10.0.0.0.1"), "wrong_form"),
        (RadiusScope(cohort=b"b" * 16), "not_on_list"),
        (RadiusScope(backup=b"b" * 16), "not_on_list"),
        (RadiusScope(drill=True), "scope_of_drill"),
        (RadiusScope(records=tuple(n.to_bytes(16, "big") for n in range(10_001))), "too_many_records"),
    ],
)
def test_a_scope_that_cannot_be_is_refused_with_its_field(sqlite_world, scope, reason):
    incident = opened(sqlite_world)
    with pytest.raises(InvalidValue) as refused:
        drawn(sqlite_world, incident, scope)
    assert refused.value.reason == reason
    assert refused.value.facts["field"]


# -- what was destroyed since ------------------------------------------------------------------------------------------


def test_who_was_destroyed_since_is_counted_and_named_by_id_alone(world):
    old = destroying.fill(world, customers=2, shipments=1, services=0)
    world.now = NOW - timedelta(days=800)
    seen_by(world, AGENT, old.customers[0]["phone"])
    world.look_up(AGENT, old.shipments[0]["waybill"])
    scope = RadiusScope(until=NOW - timedelta(days=700))
    world.now = NOW
    incident = opened(world)
    before = drawn(world, incident, scope)
    assert (before.counts.customers, before.counts.destroyed_since, before.counts.unlinked) == (2, 0, 0)
    destroying.run(world, destroying.approved(world))
    after = drawn(world, incident, scope)
    assert (after.counts.customers, after.counts.destroyed_since) == (2, 2)
    assert all(one.destroyed for one in after.lines)
    # The links of a destroyed shipment went with it: it stands for itself.
    assert after.counts.unlinked == 1
    assert [one.record_class.value for one in after.lines].count("shipment") == 1
    gone = drawn(world, incident, RadiusScope(everything=True, since=NOW - HOUR, until=world.now + HOUR))
    assert (gone.counts.customers, gone.counts.destroyed_since, gone.counts.unlinked) == (2, 2, 1)
    world.now += 2 * HOUR
    assert drawn(world, incident, RadiusScope(everything=True)).counts.customers == 0


# -- thresholds --------------------------------------------------------------------------------------------------------


def test_the_fifty_first_record_in_clear_starts_the_clock_of_the_police(sqlite_world):
    world = sqlite_world
    rows = [world.customer() for _ in range(51)]
    for row in rows[:50]:
        world.parts.log_writer.write(revealed(world, row))
    incident = opened(world)
    assert not frozen(world, incident, RadiusScope(person=AGENT)).counts.for_police
    assert "police" not in clocks(world, incident)
    world.parts.log_writer.write(revealed(world, rows[50]))
    found = frozen(world, incident, RadiusScope(person=AGENT))
    assert found.counts.over_company
    assert found.counts.for_police
    assert not found.counts.over_million
    assert "police" in clocks(world, incident)
    frozen(world, incident, RadiusScope(person=AGENT))
    assert len(world.events("incident.clock_started")) == 1


def revealed(world, row):
    (tagged,) = world.rows(
        "SELECT record_id FROM records WHERE record_class = 'customer' ORDER BY entered_at, record_id LIMIT 1"
        " OFFSET :at", at=int(row["source_number"][1:]) % 51,
    )  # fmt: skip
    opened = (Opened(bytes(tagged[0]), RecordClass.CUSTOMER.value, ("phone",)),)
    return world.parts.event(world.now, world.person(AGENT).actor(), Action.REVEAL, Outcome.GRANTED, opened=opened)


def clocks(world, incident):
    shown = incidents.shown(world.parts, world.person(OFFICER), incident, world.now)
    return {one.clock_id for one in shown.clocks}


def test_the_law_counts_by_kind_of_data_and_the_stricter_number_counts(sqlite_world):
    world = sqlite_world
    for _ in range(25):
        seen_by(world, SUPERVISOR, world.customer()["phone"], "recipient_address")
    found = drawn(world, opened(world), RadiusScope(person=SUPERVISOR)).counts
    by_kind = {one.kind: one for one in found.kinds}
    assert (by_kind[DataKind.WHEREABOUTS].clear, by_kind[DataKind.WHEREABOUTS].crossed) == (25, True)
    assert (by_kind[DataKind.OTHER].clear, by_kind[DataKind.OTHER].masked) == (0, 25)
    assert (found.over_company, found.for_police) == (False, True)


# -- evidence ----------------------------------------------------------------------------------------------------------


def test_what_is_frozen_can_be_checked_by_its_lines_its_event_and_its_checkpoint(busy):
    incident = opened(busy)
    made = frozen(busy, incident, RadiusScope(person=AGENT))
    (event,) = busy.events("incident.radius_frozen")
    assert event["facts"] == {
        "incident": incident.hex(),
        "count": made.counts.customers,
        "size": made.size,
        "digest": made.digest.hex(),
    }
    assert event["id"] == made.radius_id.hex()
    reach = radius.reach(busy.parts, busy.person(AUDITOR), incident, None, b"", 100, busy.now)
    assert reach.chosen.radius_id == made.radius_id
    text = b"".join(
        "\t".join(
            [
                one.record_id.hex(),
                one.record_class.value,
                " ".join(one.clear),
                " ".join(one.masked),
                one.first_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                one.last_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                "0",
            ]
        ).encode()
        + b"\n"
        for one in sorted(reach.lines, key=lambda one: one.record_id)
    )
    assert sha256(text).digest() == made.digest
    busy.settle()
    assert busy.verify().holds
    shown = incidents.shown(busy.parts, busy.person(OFFICER), incident, busy.now)
    assert "incident.radius_frozen" in [one.action for one in shown.entries]


def test_what_happens_later_changes_nothing_that_is_frozen(busy):
    incident = opened(busy)
    made = frozen(busy, incident, RadiusScope(person=AGENT))
    busy.now += HOUR
    seen_by(busy, AGENT, busy.customer()["phone"], "phone")
    again = frozen(busy, incident, RadiusScope(person=AGENT))
    assert again.counts.customers == made.counts.customers + 1
    reach = radius.reach(busy.parts, busy.person(OFFICER), incident, made.radius_id, b"", 100, busy.now)
    assert len(reach.lines) == made.counts.customers
    assert [one.radius_id for one in reach.radii] == [again.radius_id, made.radius_id]


def test_lines_and_customers_come_page_by_page_in_order_of_id(busy):
    incident = opened(busy)
    made = frozen(busy, incident, RadiusScope(until=busy.now + HOUR))
    with busy.parts.database.read() as connection:
        pages, after = [], b""
        while some := stored.customers(connection, made.radius_id, after, 2):
            pages += some
            after = some[-1].record_id
        assert stored.one(connection, b"x" * 16) is None
    assert [one.record_id for one in pages] == sorted(one.record_id for one in pages)
    assert tuple(pages) == tuple(made.lines)


def test_a_table_for_spreadsheets_holds_every_line_and_taking_it_is_logged(busy):
    incident = opened(busy)
    made = frozen(busy, incident, RadiusScope(until=busy.now + HOUR))
    taken = radius.take(busy.parts, busy.person(SUPERVISOR), incident, made.radius_id, busy.now)
    rows = list(csv.DictReader(io.StringIO(b"".join(taken.pieces).decode("utf-8-sig"))))
    assert [row["record"].lstrip("'") for row in rows] == [one.record_id.hex() for one in made.lines]
    assert {row["class"] for row in rows} == {"customer"}
    assert not [cell for row in rows for cell in row.values() if cell[:1] in "=+-@" and cell]
    (event,) = busy.events("incident.radius_taken")
    assert event["facts"] == {"incident": incident.hex(), "digest": made.digest.hex()}


def test_two_who_freeze_at_once_both_leave_whole_evidence(busy):
    incident = opened(busy)
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda who: frozen(busy, incident, RadiusScope(person=AGENT), who), [OFFICER, COLLEAGUE]))
    assert both[0].digest == both[1].digest
    assert both[0].radius_id != both[1].radius_id
    for one in both:
        lines = radius.reach(busy.parts, busy.person(OFFICER), incident, one.radius_id, b"", 100, busy.now).lines
        assert len(lines) == one.counts.customers


def test_a_radius_holds_no_personal_data_and_opens_nothing(busy):
    incident = opened(busy)
    before = {one["id"] for one in busy.events()}
    frozen(busy, incident, RadiusScope(everything=True))
    drawn(busy, incident, RadiusScope(person=AGENT))
    new = [one for one in busy.events() if one["id"] not in before]
    assert [one["records"] for one in new] == [[]] * len(new)
    told = json.dumps(new, ensure_ascii=False) + str(busy.rows("SELECT scope, counts FROM incident_radii"))
    for values in busy.opened().values():
        for value in values.values():
            if len(value) > 5:
                assert value not in told


# -- who may -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", [AGENT, SUPERVISOR, AUDITOR])
def test_only_officers_draw_and_freeze_and_a_refusal_is_logged(sqlite_world, who):
    incident, scope = opened(sqlite_world), RadiusScope(everything=True)
    for walk, action in ((drawn, "incident.radius_drawn"), (frozen, "incident.radius_frozen")):
        with pytest.raises(AccessRefused):
            walk(sqlite_world, incident, scope, who)
        (refusal,) = sqlite_world.events(action, "refused")
        assert (refusal["actor"], refusal["rule"]) == (who, "no_right")


def test_who_may_not_read_incidents_sees_no_radius(sqlite_world):
    incident = opened(sqlite_world)
    made = frozen(sqlite_world, incident, RadiusScope(everything=True))
    for walk in (
        lambda: radius.reach(sqlite_world.parts, sqlite_world.person(AGENT), incident, None, b"", 9, NOW),
        lambda: radius.take(sqlite_world.parts, sqlite_world.person(AGENT), incident, made.radius_id, NOW),
    ):
        with pytest.raises(AccessRefused):
            walk()
    assert len(sqlite_world.events("incident.viewed", "refused")) == 2


def test_a_radius_of_another_incident_is_not_there(sqlite_world):
    one, other = opened(sqlite_world), opened(sqlite_world)
    made = frozen(sqlite_world, one, RadiusScope(everything=True))
    officer = sqlite_world.person(OFFICER)
    for walk in (
        lambda: radius.reach(sqlite_world.parts, officer, other, made.radius_id, b"", 9, NOW),
        lambda: radius.take(sqlite_world.parts, officer, other, made.radius_id, NOW),
        lambda: drawn(sqlite_world, b"x" * 16, RadiusScope(everything=True)),
        lambda: frozen(sqlite_world, b"x" * 16, RadiusScope(everything=True)),
    ):
        with pytest.raises(NotFound):
            walk()


def test_a_closed_incident_gets_no_further_evidence_but_its_radius_may_be_drawn(sqlite_world):
    incident = opened(sqlite_world)
    sqlite_world.tamper("UPDATE incidents SET state = 'closed' WHERE incident_id = :i", i=incident)
    with pytest.raises(AlreadyDecided):
        frozen(sqlite_world, incident, RadiusScope(everything=True))
    assert drawn(sqlite_world, incident, RadiusScope(everything=True)).counts.customers == 0


# -- drills ------------------------------------------------------------------------------------------------------------


def test_a_drill_reaches_its_made_up_customers_and_nobody_else(busy):
    drill = drills.begin(busy.parts, busy.person(OFFICER), IncidentKind.LEAK, busy.now)
    for scope in (RadiusScope(person=AGENT), RadiusScope(cohort=b"c" * 16), RadiusScope(since=NOW)):
        with pytest.raises(InvalidValue, match="scope_of_drill"):
            drawn(busy, drill, scope)
    made = frozen(busy, drill, RadiusScope(drill=True))
    (customers,) = busy.rows("SELECT count(*) FROM drill_customers")[0]
    assert (made.counts.customers, made.counts.clear, made.counts.destroyed_since) == (customers, customers, 0)
    with busy.parts.database.read() as connection:
        ids = {one.record_id for one in stored.customers(connection, made.radius_id, b"", 1000)}
    assert not ids & {bytes(row[0]) for row in busy.rows("SELECT record_id FROM records")}
    assert drawn(busy, drill, RadiusScope(everything=True)).counts == made.counts


# -- for others --------------------------------------------------------------------------------------------------------


def test_the_distinct_customers_and_records_of_somebody_are_those_of_their_radius(busy):
    busy.settle()
    with busy.parts.database.read() as connection:
        counted = steps.distinct_of(busy.parts, connection, AGENT, None, None)
        none = steps.distinct_of(busy.parts, connection, AGENT, busy.now, None)
    found = drawn(busy, opened(busy), RadiusScope(person=AGENT)).counts
    assert (counted.customers, counted.customers_clear) == (found.customers, found.clear)
    assert (counted.records, counted.records_clear) == (found.records, found.records_clear)
    assert none == steps.Distinct(0, 0, 0, 0)


# -- what moved, what was entered elsewhere, and times that cannot be --------------------------------------------------


def test_a_cohort_reaches_whom_it_held_also_once_they_moved_out_of_it(world):
    rows = [customer_row(last_activity_at=local(NOW - timedelta(days=727))) for _ in range(3)]
    world.customers(*rows)
    ((cohort,),) = world.rows("SELECT DISTINCT cohort_id FROM records WHERE record_class = 'customer'")
    world.now += SECOND
    incident, leaked_at = opened(world), world.now
    before = drawn(world, incident, RadiusScope(cohort=bytes(cohort)))
    assert before.counts.customers == 3
    for row in rows:  # served again, so they live on
        case = world.look_up(AGENT, row["phone"])
        filed = Filing(
            case.cards[0].record_id, "consultation", "phone", None, "x", "resolved", "notice-2024-1", "phone"
        )
        filing.file(world.parts, world.person(AGENT), case.case_id, filed, world.now)
    world.now += timedelta(days=14)
    cohorts.tend(world.parts, world.now)
    assert world.rows("SELECT count(*) FROM records WHERE cohort_id = :one", one=cohort) == [(0,)]
    for scope in (RadiusScope(cohort=bytes(cohort)), RadiusScope(cohort=bytes(cohort), since=leaked_at)):
        after = drawn(world, incident, scope)
        assert (after.counts.customers, after.counts.cohorts) == (3, 1)
        assert [(one.record_id, one.clear) for one in after.lines] == [
            (one.record_id, one.clear) for one in before.lines
        ]
    later = RadiusScope(cohort=bytes(cohort), since=world.now + SECOND)
    assert drawn(world, incident, later).counts.customers == 0
    ((home,),) = world.rows("SELECT DISTINCT cohort_id FROM records WHERE record_class = 'customer'")
    assert drawn(world, incident, RadiusScope(cohort=bytes(home))).counts.customers == 3


def test_moves_are_read_page_by_page(sqlite_world, monkeypatch):
    monkeypatch.setattr(radius_reading, "_MOVES", 1)
    monkeypatch.setattr(moving_out, "BATCH", 1)
    test_a_cohort_reaches_whom_it_held_also_once_they_moved_out_of_it(sqlite_world)


def test_a_backup_holds_what_an_export_says_was_entered_a_little_later(world):
    row = world.customer()
    entered = NOW + timedelta(hours=20)
    ended = local(NOW - timedelta(hours=1))
    world.services(service_row(row, entered_at=local(entered), started_at=ended, ended_at=ended))
    backup, made_at = b"b" * 16, int((NOW + HOUR).timestamp() * 1_000_000)
    world.tamper(
        "INSERT INTO backups (backup_id, made_at, log_size, manifest_digest, place) VALUES (:b, :t, 1, :d, '')",
        b=backup, t=made_at, d=bytes(32),
    )  # fmt: skip
    world.now += 2 * HOUR
    assert drawn(world, opened(world), RadiusScope(backup=backup)).counts.records == 2


@pytest.mark.parametrize("name", ["since", "until"])
@pytest.mark.parametrize(("year", "month", "day", "hour", "ahead"), [(1, 1, 1, 5, 14), (9999, 12, 31, 20, -12)])
def test_a_time_outside_of_the_years_is_refused_by_name(name, year, month, day, hour, ahead):
    at = datetime(year, month, day, hour, tzinfo=timezone(timedelta(hours=ahead)))
    with pytest.raises(InvalidValue, match="impossible_date") as refused:
        RadiusScope(person=AGENT, **{name: at}).checked()
    assert refused.value.facts["field"] == name
    with pytest.raises(InvalidValue, match="no_time_zone"):
        RadiusScope(person=AGENT, **{name: at.replace(tzinfo=None)}).checked()


def test_a_span_may_end_at_the_last_moment_there_is(sqlite_world):
    sqlite_world.customer()
    sqlite_world.now += SECOND
    last = datetime.max.replace(tzinfo=UTC)
    for scope in (
        RadiusScope(everything=True, until=last),
        RadiusScope(everything=True, since=datetime.min.replace(tzinfo=UTC)),
    ):
        assert drawn(sqlite_world, opened(sqlite_world), scope).counts.customers == 1
