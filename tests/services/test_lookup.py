import pytest

from tests.simulator import customer_row, shown
from vault.errors import InvalidValue
from vault.services import lookup

AGENT = "KF2001"


def test_the_case_its_bindings_and_the_event_become_durable_together(world, monkeypatch):
    row = world.customer()
    written = []
    real = type(world.parts.log_writer).write
    monkeypatch.setattr(
        type(world.parts.log_writer),
        "write",
        lambda self, event, rows=None, bound=None: (written.append((event, rows)), real(self, event, rows, bound))[1],
    )
    answer = world.look_up(AGENT, row["phone"])
    ((event, rows),) = written
    assert event.case == answer.case_id.hex()
    assert {table.name for table in rows} == {"cases", "case_lookups", "case_records", "disclosures"}


def test_the_answer_says_what_kind_of_number_was_typed(world):
    row = world.customer()
    shipment = world.shipment(row, row)
    typed = {"phone": row["phone"], "id_number": row["id_number"], "waybill": shipment["waybill"]}
    assert {kind: world.look_up(AGENT, value).kind.value for kind, value in typed.items()} == {
        one: one for one in typed
    }


def test_a_waybill_that_was_typed_is_shown_and_another_ones_is_masked(world):
    row = world.customer(owner=AGENT)
    shipment = world.shipment(row, row)
    answer = world.look_up(AGENT, shipment["waybill"])
    assert shown(answer.cards[0])["waybill"] == shipment["waybill"]
    customer = world.look_up(AGENT, row["phone"])
    (related,) = world.view(AGENT, customer.case_id, customer.cards[0].record_id).related
    assert shown(related)["waybill"] == "YT*********" + shipment["waybill"][-4:]


def test_what_is_no_identifier_is_refused_before_the_database_is_asked(world):
    before = len(world.events())
    with pytest.raises(InvalidValue) as refused:
        lookup.look_up(world.parts, world.person(AGENT), "王小明", "query", world.now)
    assert "王小明" not in repr(refused.value)
    assert len(world.events()) == before


def test_one_phone_of_a_customer_twice_is_one_card(world):
    row = customer_row(phone="13912340001", other_contact="13912340001")
    world.customers(row)
    answer = world.look_up(AGENT, "13912340001")
    assert not answer.choose
    assert len(answer.cards) == 1
