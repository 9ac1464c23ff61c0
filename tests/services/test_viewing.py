import pytest

from tests.simulator import customer_row, shipment_row
from vault.domain.log import Action, Outcome
from vault.errors import AccessRefused, NotFound, ReceiptError
from vault.services.steps.opening import announced, open_record
from vault.storage import records

AGENT = "KF2001"


@pytest.fixture
def seen(world):
    row = world.customer(other_contact="0592-3940580")
    answer = world.look_up(AGENT, row["phone"])
    world.verify_caller(AGENT, answer.case_id, answer.cards[0].record_id)
    return world, row, answer.case_id, answer.cards[0].record_id


@pytest.mark.parametrize("field", ["id_type", "notice", "source_number", "nonsense", "image"])
def test_a_field_the_role_may_not_reveal_is_refused_and_logged_without_opening(seen, field):
    world, _, case_id, record_id = seen
    with pytest.raises(AccessRefused) as refused:
        world.reveal(AGENT, case_id, record_id, field)
    assert refused.value.reason == "field_not_revealed"
    event = world.events("record.reveal")[-1]
    assert (event["outcome"], event["rule"]) == ("refused", "field_not_revealed")
    assert event["records"] == [{"class": "customer", "fields": [], "id": record_id.hex()}]


def test_a_value_that_is_not_there_is_refused_like_one_that_may_not_be_revealed(seen):
    world, _, case_id, record_id = seen
    with pytest.raises(AccessRefused) as refused:
        world.reveal(AGENT, case_id, record_id, "phone", ordinal=1)
    assert refused.value.reason == "field_not_revealed"


def test_a_reveal_opens_exactly_one_value(seen):
    world, row, case_id, record_id = seen
    for field in ("name", "phone", "other_contact", "sender_address", "recipient_address"):
        assert world.reveal(AGENT, case_id, record_id, field) == row[field]
    assert [one["records"][0]["fields"] for one in world.events("record.reveal")][-1] == ["recipient_address"]


def test_a_role_taken_away_takes_effect_on_the_next_reveal(seen):
    world, _, case_id, record_id = seen
    world.tamper("UPDATE accounts SET role = 'auditor' WHERE work_number = 'KF2001'")
    for walk in (
        lambda: world.reveal(AGENT, case_id, record_id, "phone"),
        lambda: world.view(AGENT, case_id, record_id),
    ):
        with pytest.raises(AccessRefused):
            walk()
    assert [one["action"] for one in world.events(outcome="refused")[-2:]] == ["record.reveal", "record.lookup"]


def test_a_receipt_of_one_field_does_not_open_another(seen):
    world, _, _, record_id = seen
    parts = world.parts
    with parts.database.read() as connection:
        found = records.load(connection, [record_id])[record_id]
        wrapped = records.wraps(connection, [found.meta])[record_id]
        store = parts.keys.current(connection)

    def receipt():
        event = parts.event(
            world.now, world.person(AGENT).actor(), Action.REVEAL, Outcome.GRANTED, opened=(announced(found, {"name"}),)
        )
        return parts.log_writer.write(event)

    with pytest.raises(ReceiptError):
        open_record(store, receipt(), found, wrapped, {"phone"})
    used = receipt()
    open_record(store, used, found, wrapped, {"name"})
    with pytest.raises(ReceiptError):
        open_record(store, used, found, wrapped, {"name"})


def test_a_page_lists_at_most_twenty_of_a_kind(world):
    row, other = customer_row(owner=AGENT), customer_row()
    world.customers(row, other)
    world.shipments(*(shipment_row(row, other) for _ in range(25)))
    answer = world.look_up(AGENT, row["phone"])
    assert len(world.view(AGENT, answer.case_id, answer.cards[0].record_id).related) == 20


def test_a_case_that_is_not_theirs_is_not_there(seen):
    world, _, case_id, record_id = seen
    for who, case in (("KF2002", case_id), (AGENT, b"\0" * 16)):
        with pytest.raises(NotFound):
            world.view(who, case, record_id)
