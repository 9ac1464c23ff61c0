"""What somebody who can write to the database gets by it: one identical integrity error, logged, nothing shown."""

import shutil
from datetime import timedelta
from functools import partial

import pytest

from tests.colleagues import ask, at_work, grant, mine, see, targets
from tests.simulator import NOW, complaint_row, customer_row, settings, shipment_row
from tests.worlds import prepared
from vault import bootstrap, jobs
from vault.domain.ids import new_id
from vault.domain.requests import RequestState
from vault.errors import IntegrityError, KeyStoreError, NotFound, VaultSealed

AGENT, COLLEAGUE = "KF2001", "KF2002"
ONE_FACE = "integrity_error: unreadable"


class Scene:
    """A pool customer, a colleague's customer and a shipment of the pool, with their ids."""

    def __init__(self, world):
        self.world = world
        self.mine, self.theirs, self.third = customer_row(), customer_row(owner=COLLEAGUE), customer_row()
        world.customers(self.mine, self.theirs, self.third)
        self.parcel = shipment_row(self.mine, self.third)
        world.shipments(self.parcel)
        answer = world.look_up(AGENT, self.mine["phone"])
        self.case_id, self.mine_id = answer.case_id, answer.cards[0].record_id
        self.theirs_id = world.look_up(COLLEAGUE, self.theirs["phone"]).cards[0].record_id
        self.third_id = world.look_up(AGENT, self.third["phone"]).cards[0].record_id
        self.parcel_id = world.look_up(AGENT, self.parcel["waybill"]).cards[0].record_id
        world.verify_caller(AGENT, self.case_id, self.mine_id)

    def refusal(self, walk):
        """Return the error that a walk ends in, when it is logged as an event of its own and shows nothing."""
        before = len(self.world.events("record.integrity_failure"))
        with pytest.raises(IntegrityError) as raised:
            walk()
        assert raised.value.__suppress_context__ or raised.value.__context__ is None
        failures = self.world.events("record.integrity_failure")
        assert len(failures) == before + 1
        assert (failures[-1]["outcome"], failures[-1]["facts"]) == ("failed", {"reason": "unreadable"})
        assert all(one["fields"] == [] for one in failures[-1]["records"])
        return str(raised.value)

    def look_up(self):
        return self.world.look_up(AGENT, self.mine["phone"])

    def view(self):
        return self.world.view(AGENT, self.case_id, self.mine_id)

    def refusals_of_a_look_up(self):
        return {self.refusal(self.look_up), self.refusal(self.view)}

    def refusals_of_opening(self, field="phone"):
        reveal = partial(self.world.reveal, AGENT, self.case_id, self.mine_id, field)
        return {self.refusal(self.look_up), self.refusal(reveal)}


@pytest.fixture
def scene(world):
    return Scene(world)


def sealed(world, record_id, field):
    statement = "SELECT sealed FROM record_fields WHERE record_id = :id AND field = :field AND superseded_at IS NULL"
    return world.rows(statement, id=record_id, field=field)[0][0]


def put(world, record_id, field, value):
    statement = "UPDATE record_fields SET sealed = :value WHERE record_id = :id AND field = :field"
    assert world.tamper(statement + " AND superseded_at IS NULL", id=record_id, field=field, value=value) == 1


# -- ciphertexts moved -------------------------------------------------------------------------------------------


def test_a_ciphertext_of_another_row_is_refused(scene):
    put(scene.world, scene.mine_id, "phone", sealed(scene.world, scene.theirs_id, "phone"))
    assert scene.refusals_of_opening() == {ONE_FACE}


def test_a_ciphertext_of_another_field_is_refused(scene):
    put(scene.world, scene.mine_id, "phone", sealed(scene.world, scene.mine_id, "name"))
    assert scene.refusals_of_opening() == {ONE_FACE}


def test_a_ciphertext_of_another_class_is_refused(scene):
    put(scene.world, scene.mine_id, "phone", sealed(scene.world, scene.parcel_id, "waybill"))
    assert scene.refusals_of_opening() == {ONE_FACE}


def test_an_older_ciphertext_put_back_is_refused(scene):
    world = scene.world
    old = sealed(world, scene.mine_id, "phone")
    new = scene.mine | {"phone": "13912349876"}
    assert world.load_rows("customer", [new]).updated == 1
    put(world, scene.mine_id, "phone", old)
    assert scene.refusal(lambda: world.look_up(AGENT, new["phone"])) == ONE_FACE
    assert scene.refusal(lambda: world.reveal(AGENT, scene.case_id, scene.mine_id, "phone")) == ONE_FACE


def test_a_superseded_generation_made_current_again_is_refused(scene):
    world = scene.world
    new = scene.mine | {"phone": "13912349876"}
    world.load_rows("customer", [new])
    world.tamper(
        "DELETE FROM record_fields WHERE record_id = :id AND field = 'phone' AND generation = 1", id=scene.mine_id
    )
    world.tamper("UPDATE record_fields SET superseded_at = NULL WHERE record_id = :id", id=scene.mine_id)
    assert scene.refusal(lambda: world.look_up(AGENT, new["phone"])) == ONE_FACE


@pytest.mark.parametrize("byte", [0, 1, 2, 14, -1])
def test_a_flipped_bit_in_a_ciphertext_is_refused(scene, byte):
    value = bytearray(sealed(scene.world, scene.mine_id, "phone"))
    value[byte] ^= 1
    put(scene.world, scene.mine_id, "phone", bytes(value))
    assert scene.refusals_of_opening() == {ONE_FACE}


@pytest.mark.parametrize("byte", [0, 1, 2, 30, -1])
def test_a_flipped_bit_in_a_wrap_is_refused(scene, byte):
    world = scene.world
    value = bytearray(world.rows("SELECT wrapped FROM wrapped_keys WHERE record_id = :id", id=scene.mine_id)[0][0])
    value[byte] ^= 1
    world.tamper("UPDATE wrapped_keys SET wrapped = :value WHERE record_id = :id", value=bytes(value), id=scene.mine_id)
    assert scene.refusals_of_opening() == {ONE_FACE}


def test_the_wrap_of_another_record_is_refused(scene):
    world = scene.world
    (value,) = world.rows("SELECT wrapped FROM wrapped_keys WHERE record_id = :id", id=scene.third_id)[0]
    world.tamper("UPDATE wrapped_keys SET wrapped = :value WHERE record_id = :id", value=value, id=scene.mine_id)
    assert scene.refusals_of_opening() == {ONE_FACE}


def test_a_missing_wrap_is_refused(scene):
    scene.world.tamper("DELETE FROM wrapped_keys WHERE record_id = :id", id=scene.mine_id)
    assert scene.refusals_of_opening() == {ONE_FACE}


def test_a_removed_value_is_refused(scene):
    scene.world.tamper("DELETE FROM record_fields WHERE record_id = :id AND field = 'notice'", id=scene.mine_id)
    assert scene.refusals_of_a_look_up() == {ONE_FACE}


def test_an_added_value_is_refused(scene):
    statement = (
        "INSERT INTO record_fields SELECT record_id, 'other_contact', 0, 0, sealed, valid_from, NULL"
        " FROM record_fields WHERE record_id = :id AND field = 'phone'"
    )
    scene.world.tamper(statement, id=scene.mine_id)
    assert scene.refusals_of_a_look_up() == {ONE_FACE}


# -- metadata edited ---------------------------------------------------------------------------------------------

EDITS = {
    "owner": "owner_id = (SELECT account_id FROM accounts WHERE work_number = 'KF2001')",
    "outlet": "outlet = 'XM-SM-01'",
    "expiry": "expires_at = expires_at + 1000000",
    "an expiry beyond the calendar": "expires_at = 900000000000000000",
    "activity": "activity_at = activity_at + 1",
    "hold": "held = NOT held",
    "class": "record_class = 'shipment'",
    "a class that does not exist": "record_class = 'unheard-of'",
    "cohort": "cohort_id = (SELECT cohort_id FROM cohorts AS c WHERE c.cohort_id <> records.cohort_id LIMIT 1)",
    "link": "customer_id = record_id",
}


@pytest.mark.parametrize("edit", EDITS)
def test_edited_metadata_is_refused(scene, edit):
    assert scene.world.tamper(f"UPDATE records SET {EDITS[edit]} WHERE record_id = :id", id=scene.mine_id) == 1
    assert scene.refusals_of_a_look_up() == {ONE_FACE}


def test_an_owner_edited_away_does_not_put_a_colleagues_customer_into_the_pool(scene):
    scene.world.tamper("UPDATE records SET owner_id = NULL WHERE record_id = :id", id=scene.theirs_id)
    assert scene.refusal(lambda: scene.world.look_up(AGENT, scene.theirs["phone"])) == ONE_FACE


def test_an_expiry_edited_does_not_bring_a_restricted_record_back(world):
    row = world.customer(last_activity_at="2024-01-03 10:00:00")
    assert world.look_up(AGENT, row["phone"]).cards == ()
    scene = Scene(world)
    world.tamper("UPDATE records SET expires_at = expires_at + 63072000000000 WHERE outlet = :o", o=row["outlet"])
    assert scene.refusal(lambda: world.look_up(AGENT, row["phone"])) == ONE_FACE


def test_a_complaint_reopened_in_the_database_opens_no_customer(world):
    row = world.customer(owner=COLLEAGUE)
    world.services(complaint_row(row, result="已解决"))
    assert world.look_up("KF2008", row["phone"], "complaint").cards == ()
    world.tamper("UPDATE records SET state = 'open', expires_at = NULL WHERE record_class = 'service_record'")
    with pytest.raises(IntegrityError):
        world.look_up("KF2008", row["phone"], "complaint")
    assert len(world.events("record.integrity_failure")) == 1


def test_a_handler_edited_into_a_complaint_opens_no_customer(world):
    row = world.customer(owner=COLLEAGUE)
    world.services(complaint_row(row, agent=AGENT))
    world.tamper(
        "UPDATE records SET owner_id = (SELECT account_id FROM accounts WHERE work_number = 'KF2008')"
        " WHERE record_class = 'service_record'"
    )
    with pytest.raises(IntegrityError):
        world.look_up("KF2008", row["phone"], "complaint")


def test_a_flipped_bit_in_the_mac_is_refused(scene):
    (mac,) = scene.world.rows("SELECT mac FROM records WHERE record_id = :id", id=scene.mine_id)[0]
    changed = bytes([mac[0] ^ 1]) + mac[1:]
    scene.world.tamper("UPDATE records SET mac = :mac WHERE record_id = :id", mac=changed, id=scene.mine_id)
    assert scene.refusals_of_a_look_up() == {ONE_FACE}


def test_metadata_copied_to_another_row_with_its_mac_is_refused(scene):
    columns = "record_class, cohort_id, owner_id, outlet, kind, state, held, activity_at, expires_at, mac"
    for column in columns.split(", "):
        scene.world.tamper(
            f"UPDATE records SET {column} = (SELECT {column} FROM records WHERE record_id = :a) WHERE record_id = :b",
            a=scene.third_id,
            b=scene.theirs_id,
        )
    assert scene.refusal(lambda: scene.world.look_up(AGENT, scene.theirs["phone"])) == ONE_FACE


def test_a_shipments_link_redirected_to_another_customer_is_refused(scene):
    world = scene.world
    world.tamper("UPDATE records SET recipient_id = :to WHERE record_id = :id", to=scene.theirs_id, id=scene.parcel_id)
    assert scene.refusal(lambda: world.look_up(AGENT, scene.parcel["waybill"])) == ONE_FACE
    assert scene.refusal(lambda: world.view(AGENT, scene.case_id, scene.mine_id)) == ONE_FACE


def test_sender_and_recipient_swapped_is_refused(scene):
    world = scene.world
    world.tamper(
        "UPDATE records SET sender_id = recipient_id, recipient_id = sender_id WHERE record_id = :id",
        id=scene.parcel_id,
    )
    assert scene.refusal(lambda: world.look_up(AGENT, scene.parcel["waybill"])) == ONE_FACE


def test_text_where_bytes_should_be_is_refused(sqlite_world):
    scene = Scene(sqlite_world)
    shown = {"mac": scene.refusals_of_a_look_up, "owner_id": lambda: {scene.refusal(scene.view)}}
    for column, refusals in shown.items():
        before = sqlite_world.rows(f"SELECT {column} FROM records WHERE record_id = :id", id=scene.mine_id)[0][0]
        statement = f"UPDATE records SET {column} = :value WHERE record_id = :id"
        raw = sqlite_world.parts.database.engine.raw_connection()
        raw.execute("PRAGMA foreign_keys = off")
        raw.execute(f"UPDATE records SET {column} = 'text' WHERE record_id = ?", (scene.mine_id,))
        raw.commit()
        raw.close()
        assert refusals() == {ONE_FACE}
        if (
            column == "owner_id"
        ):  # an owner that is nobody's id: nobody can be told apart from those it is not there for
            assert scene.look_up().cards == ()
        sqlite_world.tamper(statement, value=before, id=scene.mine_id)
    assert scene.look_up().cards


# -- damaged, and not theirs -------------------------------------------------------------------------------------

ABSENT = "13999999999"
DAMAGES = {name: EDITS[name] for name in EDITS if name != "owner"} | {"mac": "mac = :other"}


def damage(world, record_id, how):
    values = {"other": bytes(32)} if ":other" in DAMAGES[how] else {}
    assert world.tamper(f"UPDATE records SET {DAMAGES[how]} WHERE record_id = :id", id=record_id, **values) == 1


def failures(world):
    return [[one["id"] for one in event["records"]] for event in world.events("record.integrity_failure")]


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_customer_of_a_colleague_looks_like_one_that_is_not_there(scene, how):
    world = scene.world
    damage(world, scene.theirs_id, how)
    absent, damaged = (world.look_up(AGENT, number) for number in (ABSENT, scene.theirs["phone"]))
    assert (
        (damaged.cards, damaged.choose, damaged.kind)
        == (absent.cards, absent.choose, absent.kind)
        == ((), False, "phone")
    )
    for one in (new_id(), scene.theirs_id):
        with pytest.raises(NotFound):
            world.view(AGENT, scene.case_id, one)
        with pytest.raises(NotFound):
            world.reveal(AGENT, scene.case_id, one, "phone")
    assert failures(world) == [[scene.theirs_id.hex()]] * 3
    assert [one["rule"] for one in world.events("record.view", "refused")] == [""]
    # Its owner is told.
    assert scene.refusal(lambda: world.look_up(COLLEAGUE, scene.theirs["phone"])) == ONE_FACE


@pytest.mark.parametrize("how", ["mac", "a class that does not exist"])
def test_asking_for_a_damaged_customer_tells_the_decider_and_nobody_else(scene, how):
    world = scene.world
    at_work(world)
    damage(world, scene.theirs_id, how)
    request = ask(world, scene.theirs["phone"])
    assert failures(world) == [[scene.theirs_id.hex()]] * 2
    assert mine(world, request).state is RequestState.ASKED
    assert targets(world, request) == {COLLEAGUE, "KF2009"}
    for who in (COLLEAGUE, "KF2009"):
        assert scene.refusal(lambda who=who: see(world, who, request)) == ONE_FACE
        assert scene.refusal(lambda who=who: grant(world, who, request)) == ONE_FACE


@pytest.mark.parametrize("which", ["parcel", "sender"])
def test_a_damaged_parcel_between_strangers_looks_like_one_that_is_not_there(world, which):
    sender, recipient = (world.customer(owner=COLLEAGUE) for _ in range(2))
    parcel = world.shipment(sender, recipient)
    ids = {one.part: one.record_id for one in world.look_up(COLLEAGUE, parcel["waybill"]).cards}
    spoilt = ids["match" if which == "parcel" else "sender"]
    damage(world, spoilt, "mac")
    assert world.look_up(AGENT, parcel["waybill"]).cards == ()
    assert failures(world) == [[spoilt.hex()]]
    with pytest.raises(IntegrityError):
        world.look_up(COLLEAGUE, parcel["waybill"])


def test_who_shares_a_number_with_a_damaged_customer_of_a_colleague_is_shown_still(world):
    own = world.customer(owner=AGENT)
    other = world.customer(owner=COLLEAGUE, phone=own["phone"])
    ((theirs,),) = [[one.record_id for one in world.look_up(COLLEAGUE, other["id_number"]).cards]]
    damage(world, theirs, "mac")
    (card,) = world.look_up(AGENT, own["phone"]).cards
    assert card.part == "match"
    assert failures(world) == [[theirs.hex()]]
    at_work(world)
    request = ask(world, own["phone"], "KF2003")
    assert [one.record_id for one in see(world, AGENT, request).cards] == [card.record_id]
    with pytest.raises(IntegrityError):
        see(world, COLLEAGUE, request)


def test_a_damaged_service_that_would_hold_a_stranger_open_tells_only_their_owner(world):
    row = world.customer(owner=COLLEAGUE)
    world.services(complaint_row(row, agent=COLLEAGUE))
    world.now += timedelta(days=1000)  # far beyond the period, and open still
    assert len(world.look_up(COLLEAGUE, row["phone"]).cards) == 1
    world.tamper("UPDATE records SET activity_at = activity_at + 1 WHERE record_class = 'service_record'")
    assert world.look_up(AGENT, row["phone"]).cards == ()
    assert len(failures(world)) == 1
    with pytest.raises(IntegrityError):
        world.look_up(COLLEAGUE, row["phone"])


# -- the index ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["phone", "id_number"])
def test_an_index_row_redirected_to_another_record_is_refused(scene, kind):
    """Else a caller's own number would open somebody else's record."""
    world = scene.world
    for statement in (
        "DELETE FROM record_index WHERE record_id = :to AND kind = :kind",
        "UPDATE record_index SET record_id = :to WHERE record_id = :id AND kind = :kind",
    ):
        values = {"to": scene.third_id, "kind": kind}
        world.tamper(statement, **values, **({"id": scene.mine_id} if ":id" in statement else {}))
    number = scene.mine["phone" if kind == "phone" else "id_number"]
    assert scene.refusal(lambda: world.look_up(AGENT, number)) == ONE_FACE


def test_a_waybills_index_row_redirected_to_another_shipment_is_refused(scene):
    world = scene.world
    other = world.shipment(scene.third, scene.third)
    other_id = world.look_up(AGENT, other["waybill"]).cards[0].record_id
    world.tamper("UPDATE record_index SET record_id = :to WHERE record_id = :id", to=other_id, id=scene.parcel_id)
    assert scene.refusal(lambda: world.look_up(AGENT, scene.parcel["waybill"])) == ONE_FACE


def test_a_redirected_source_number_does_not_let_an_import_overwrite_another_record(scene):
    world = scene.world
    before = world.opened()[scene.third_id]
    world.tamper("DELETE FROM record_index WHERE record_id = :to AND kind = 'source_number'", to=scene.third_id)
    world.tamper(
        "UPDATE record_index SET record_id = :to WHERE record_id = :id AND kind = 'source_number'",
        to=scene.third_id,
        id=scene.mine_id,
    )
    assert scene.refusal(lambda: world.load_rows("customer", [scene.mine])) == ONE_FACE
    assert world.opened()[scene.third_id] == before


def test_a_damaged_record_stops_an_import_and_is_logged(scene):
    world = scene.world
    put(world, scene.mine_id, "name", sealed(world, scene.third_id, "name"))
    assert scene.refusal(lambda: world.load_rows("customer", [scene.mine | {"name": "新名字"}])) == ONE_FACE
    world.tamper("UPDATE records SET outlet = 'XX' WHERE record_id = :id", id=scene.third_id)
    assert scene.refusal(lambda: world.load_rows("customer", [scene.third])) == ONE_FACE
    later = shipment_row(scene.third, scene.third, signed_at="2026-11-19 10:00:00")
    assert scene.refusal(lambda: world.load_rows("shipment", [later])) == ONE_FACE


# -- whole vaults ------------------------------------------------------------------------------------------------


def test_two_vaults_databases_swapped_under_one_key_store_refuse_to_start(world, tmp_path):
    other = prepared(tmp_path / "other", world.place.server)
    world.close()
    config = settings(tmp_path / "vault", other.place)
    with pytest.raises(KeyStoreError) as refused, bootstrap.open_vault(config):
        pass
    assert refused.value.reason == "key_store_other_vault"


def test_an_old_key_store_put_back_refuses(world, tmp_path):
    keys = world.config.keys_dir
    shutil.copytree(keys, tmp_path / "old")
    world.now = NOW + timedelta(days=40)
    assert {one.job: one.outcome for one in jobs.run_due(world.parts, world.now)}["cohorts"] == "done"
    row = world.customer()
    shutil.rmtree(keys)
    shutil.copytree(tmp_path / "old", keys)
    world.look_up(AGENT, row["phone"])  # the keys in memory are still the right ones
    with pytest.raises(KeyStoreError) as refused:
        world.restart()
    assert refused.value.reason == "key_store_older"


def test_a_running_process_whose_keys_fall_behind_the_database_is_sealed(world):
    row = world.customer()
    world.tamper("UPDATE vault_state SET key_store_version = key_store_version + 1")
    with pytest.raises(VaultSealed) as sealed_off:
        world.look_up(AGENT, row["phone"])
    assert sealed_off.value.reason == "key_store_older"
