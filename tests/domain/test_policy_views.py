from dataclasses import replace
from pathlib import Path

import pytest

from vault.domain.access import other_party_fields, visible_fields
from vault.domain.breach.breach_notices import BREACH_NOTICE
from vault.domain.destruction import PURPOSE
from vault.domain.fields import FIELDS
from vault.domain.ids import RecordClass, Role
from vault.domain.masks import MASKS, mask, masks_within
from vault.domain.rules.access import View
from vault.domain.rules.views import Views
from vault.domain.samples import SAMPLES, sample
from vault.storage.policy_files import load_policy

POLICY = load_policy(Path(__file__).parents[2] / "policies")
CUSTOMER = RecordClass.CUSTOMER
HIDDEN, MASKED, REVEAL, PLAIN = View.HIDDEN, View.MASKED, View.REVEAL, View.PLAIN


def view(entries, purpose="query", role=Role.AGENT):
    return Views({CUSTOMER: {"phone": entries}}).of(CUSTOMER, "phone", role, purpose)


@pytest.mark.parametrize(
    ("entries", "purpose", "seen"),
    [
        ({}, "query", HIDDEN),
        ({"supervisor": REVEAL}, "query", HIDDEN),
        ({"agent": MASKED}, "query", MASKED),
        ({"default": MASKED}, "query", MASKED),
        ({"default": REVEAL, "agent": MASKED}, "query", MASKED),
        ({"default": MASKED, "agent": REVEAL}, "query", REVEAL),
        ({"agent": {"default": MASKED, "pickup": REVEAL}}, "query", MASKED),
        ({"agent": {"default": MASKED, "pickup": REVEAL}}, "pickup", REVEAL),
        ({"agent": {"pickup": REVEAL}}, "query", HIDDEN),
        ({"default": REVEAL, "agent": {"pickup": REVEAL}}, "query", HIDDEN),
        ({"default": {"pickup": MASKED}}, "pickup", MASKED),
    ],
)
def test_what_a_role_sees_is_its_own_entry_else_the_default_and_nothing_else(entries, purpose, seen):
    assert view(entries, purpose) is seen


@pytest.mark.parametrize("narrow", list(View))
@pytest.mark.parametrize("own", list(View))
def test_of_role_and_purpose_the_lesser_wins(own, narrow):
    order = [HIDDEN, MASKED, REVEAL, PLAIN]
    entries = {"agent": own, "purposes": {"query": narrow}}
    assert view(entries) is min(own, narrow, key=order.index)
    assert view(entries, "delivery") is own


def test_a_purpose_by_itself_opens_nothing():
    assert view({"purposes": {"query": REVEAL}}) is HIDDEN
    assert view({"supervisor": REVEAL, "purposes": {"query": PLAIN}}) is HIDDEN


def test_the_reasons_name_every_place_that_decides():
    views = Views({CUSTOMER: {"phone": {"agent": {"default": MASKED}, "purposes": {"query": MASKED}}}})
    reasons = views.reasons(CUSTOMER, "phone", Role.AGENT, "query")
    assert reasons == ("fields.customer.phone.agent.default", "fields.customer.phone.purposes.query")
    assert views.reasons(CUSTOMER, "name", Role.AGENT, "query") == ()


def test_the_id_number_is_revealed_to_agents_for_pickup_only():
    seen = {
        purpose: POLICY.view(CUSTOMER, "id_number", Role.AGENT, purpose)
        for purpose in POLICY.roles[Role.AGENT].purposes
    }
    assert seen == {"query": MASKED, "delivery": HIDDEN, "pickup": REVEAL, "complaint": MASKED}


@pytest.mark.parametrize("role", [role for role in Role if not POLICY.roles[role].rights & {"lookup"}])
def test_a_role_without_look_up_sees_no_field_at_all(role):
    for record_class, fields in POLICY.views.entries.items():
        for purpose in POLICY.purposes:
            if role is not Role.IMD or purpose not in (PURPOSE, BREACH_NOTICE):
                assert visible_fields(POLICY, role, purpose, record_class, fields) == {}


def test_a_notice_of_a_breach_opens_the_name_and_contacts_and_nothing_else():
    seen = {
        (record_class.value, name)
        for record_class, fields in POLICY.views.entries.items()
        for name in fields
        if POLICY.view(record_class, name, Role.IMD, BREACH_NOTICE) is not HIDDEN
    }
    names = {"name", "phone", "other_contact", "email", "sender_address", "recipient_address"}
    assert seen == {("customer", name) for name in names}


def test_who_destroys_sees_a_few_fields_of_a_sample_and_all_of_them_masked():
    seen = {
        record_class.value: visible_fields(POLICY, Role.IMD, PURPOSE, record_class, fields)
        for record_class, fields in POLICY.views.entries.items()
    }
    assert {view for views in seen.values() for view in views.values()} == {MASKED}
    assert {name: set(views) for name, views in seen.items() if views} == {
        "customer": {"name", "phone", "recipient_address"},
        "shipment": {"waybill"},
    }


def test_a_party_shows_no_more_than_the_shipment_needs():
    present = (
        "name",
        "phone",
        "other_contact",
        "sender_address",
        "recipient_address",
        "id_number",
        "id_type",
        "notice",
    )
    sender = visible_fields(POLICY, Role.AGENT, "query", CUSTOMER, present, "sender")
    assert set(sender) == {"name", "phone", "other_contact", "sender_address"}
    assert other_party_fields(POLICY, "recipient", present) == {"name": MASKED, "recipient_address": MASKED}


def test_what_the_role_has_no_right_to_reveal_is_masked():
    agent = POLICY.roles[Role.AGENT]
    roles = dict(POLICY.roles) | {Role.AGENT: replace(agent, rights=agent.rights - {"reveal"})}
    seen = visible_fields(replace(POLICY, roles=roles), Role.AGENT, "query", CUSTOMER, ["phone", "id_type"])
    assert seen == {"phone": MASKED, "id_type": PLAIN}


def test_every_masked_field_has_made_up_values_to_try_its_mask_on():
    for record_class in SAMPLES:
        for name, one in FIELDS[record_class].items():
            if one.mask != "plain" and name != "source_number":
                made_up = sample(record_class, name)
                assert made_up
                assert all(mask(POLICY.masks.of(record_class, name), value) != value for value in made_up), name


def test_a_field_may_have_its_own_mask_or_a_narrower_one():
    for kind in MASKS:
        assert {kind, "hidden"} <= masks_within(kind)
    assert masks_within("name") == {"name", "surname_only", "hidden"}
    assert masks_within("address") == {"address", "city", "hidden"}
