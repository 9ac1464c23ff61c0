from datetime import timedelta

import pytest

from tests.simulator import NOW, complaint_row, customer_row, service_row
from vault.domain.records import LinkRole
from vault.services.steps import scope
from vault.storage import records

AGENT, COLLEAGUE = "KF2001", "KF2002"


class Facts:
    """The records of a world as a decision sees them."""

    def __init__(self, world):
        self.world = world
        self.store = world.parts.keys._store

    def ids(self, record_class="customer"):
        return [
            row[0] for row in self.world.rows("SELECT record_id FROM records WHERE record_class = :c", c=record_class)
        ]

    def load(self, record_class="customer"):
        with self.world.parts.database.read() as connection:
            return records.load(connection, self.ids(record_class))

    def rules(self, who, bound=()):
        with self.world.parts.database.read() as connection:
            found = self.load()
            return scope.rules_for(
                connection,
                self.store,
                self.world.parts.policy,
                self.world.person(who),
                found,
                scope.CaseAtHand(b"", "query", bound),
                self.world.now,
            )

    def findable(self, record_id, at):
        with self.world.parts.database.read() as connection:
            meta = records.load(connection, [record_id])[record_id].meta
            return scope.findable(connection, self.store, meta, at)


def test_the_pool_is_in_scope_of_an_agent_only_where_a_case_binds_it(world):
    world.customers(customer_row(), customer_row(owner=COLLEAGUE), customer_row(owner=AGENT))
    facts = Facts(world)
    assert sorted(facts.rules(AGENT).values()) == ["scope.owner"]
    assert sorted(facts.rules(AGENT, facts.ids()).values()) == ["scope.owner", "scope.pool_case"]
    assert facts.rules("KF2003") == {}


def test_nobody_is_in_scope_of_roles_without_content(world):
    world.customers(customer_row(), customer_row(owner="KF2012"))
    facts = Facts(world)
    for who in ("KF2011", "KF2012", "KF2014", "ADMIN01"):
        assert facts.rules(who, facts.ids()) == {}


def test_a_binding_does_not_widen_the_scope_of_supervisors_and_specialists(world):
    world.customers(customer_row(outlet="CS-YL-01"), customer_row(owner="KF2005"))
    facts = Facts(world)
    assert facts.rules("KF2009", facts.ids()) == {}
    assert facts.rules("KF2008", facts.ids()) == {}


@pytest.mark.parametrize("open_one", [True, False])
def test_a_record_with_a_service_still_open_stays_findable_beyond_its_expiry(world, open_one):
    row = world.customer()
    world.services(complaint_row(row) if open_one else service_row(row))
    facts = Facts(world)
    (record_id,) = facts.ids()
    assert facts.findable(record_id, NOW)
    assert facts.findable(record_id, NOW + timedelta(days=900)) is open_one


def test_parties_are_named_by_what_they_are_to_the_record(world):
    one, two = customer_row(), customer_row()
    world.customers(one, two)
    world.shipment(one, two)
    world.services(service_row(one))
    facts = Facts(world)
    (shipment,) = facts.load("shipment").values()
    assert set(scope.parties_of(shipment.meta).values()) == {"sender", "recipient"}
    (service,) = facts.load("service_record").values()
    assert scope.parties_of(service.meta) == {service.meta.linked(LinkRole.CUSTOMER): "customer"}
