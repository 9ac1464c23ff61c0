"""`datavault policy check` and `policy explain`: they judge the files alone and need no vault."""

import json
import shutil

import pytest
from click.testing import CliRunner

from vault.cli import main
from vault.config import ROOT
from vault.domain.explain import explain
from vault.domain.fields import FIELDS
from vault.domain.ids import RecordClass, Role
from vault.storage.policy_files import load_policy

POLICY = load_policy(ROOT / "policies")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    copied = tmp_path / "policies"
    shutil.copytree(ROOT / "policies", copied)
    monkeypatch.setenv("DATAVAULT_POLICIES_DIR", str(copied))
    monkeypatch.setenv("DATAVAULT_LANG", "en")
    return copied


def run(*command, code=0):
    done = CliRunner().invoke(main, ["policy", *command])
    assert done.exit_code == code, done.output
    return done


def explained(role, purpose, code=0):
    return json.loads(run("explain", "--as", role, "--purpose", purpose, "--json", code=code).stdout)


def change(folder, name, old, new):
    file = folder / f"{name}.toml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_every_finding_is_told_at_once(folder):
    change(folder, "entry", "limit_minutes = 30", "limit_minutes = 0")
    change(folder, "company", 'privacy_officer = "KF2012"', 'privacy_officer = ""')
    found = json.loads(run("check", "--json", code=1).stdout)
    assert not found["holds"]
    assert {one["reason"] for one in found["findings"]} >= {"limit_not_positive", "privacy_officer_missing"}
    told = run("check", code=1).output
    assert "privacy officer" in told
    assert "entry.limit" in told


def test_what_never_applies_is_found_though_the_vault_opens_with_it(folder):
    change(folder, "limits", "[quotas.supervisor]", "[quotas.auditor]")
    found = json.loads(run("check", "--json", code=1).stdout)
    assert {one["reason"] for one in found["findings"]} == {"quota_missing", "quota_never_used"}
    assert load_policy(folder).digest == found["digest"]


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("purpose", ["query", "delivery", "pickup", "complaint", "retention"])
def test_each_role_and_purpose_is_explained_field_by_field(folder, role, purpose):
    found = explained(role.value, purpose)
    whole = {(one["class"], one["field"]): one for one in found["fields"] if not one["part"]}
    classes = (RecordClass.CUSTOMER, RecordClass.SHIPMENT, RecordClass.SERVICE_RECORD)
    assert set(whole) == {(one.value, field) for one in classes for field in FIELDS[one]}
    may = "lookup" in POLICY.roles[role].rights and purpose in POLICY.roles[role].purposes
    assert found["may_choose"] is may
    in_plans = "retention" in POLICY.roles[role].rights and purpose == "retention"
    assert found["in_plans"] is in_plans
    for (record_class, field), line in whole.items():
        sees = may or in_plans
        expected = POLICY.view(RecordClass(record_class), field, role, purpose).value if sees else "hidden"
        assert line["view"] == expected
        assert bool(line["mask"]) is (expected in ("masked", "reveal"))
    assert found["digest"] == POLICY.digest
    printed = [(one["part"], one["class"], one["field"], one["view"], one["mask"]) for one in found["fields"]]
    lines = explain(POLICY, role, purpose).lines  # what tests/flows/test_matrix.py compares with HTTP
    assert printed == [(one.part, one.record_class.value, one.field, one.view.value, one.mask) for one in lines]


def test_the_explanation_names_the_rules_and_shows_what_the_masks_leave(folder):
    lines = {(one["part"], one["field"]): one for one in explained("agent", "delivery")["fields"]}
    address = lines["", "sender_address"]
    assert (address["view"], address["example"]) == ("masked", "江苏省南京市鼓楼区***")
    assert address["rules"] == [
        "fields.customer.sender_address.agent",
        "fields.customer.sender_address.purposes.delivery",
    ]
    assert lines["", "id_number"]["view"] == "hidden"
    assert lines["", "name"]["example"] == "王*"
    assert lines["other_party", "sender_address"]["example"] == "南京市"
    assert ("sender", "id_number") not in lines
    found = explained("agent", "query")
    assert found["quota"]["lookups_hour"] == 60
    assert found["verified_first"] == ["scope.pool_case"]
    assert found["scope_rules"] == ["scope.owner", "scope.pool_case", "scope.grant"]


def test_people_read_the_same(folder):
    told = run("explain", "--as", "agent", "--purpose", "query").output
    for word in ("customer.phone", "138********", "fields.customer.phone.agent", "60 look-ups an hour", "role.agent"):
        assert word in told
    assert "sees nothing" in run("explain", "--as", "auditor", "--purpose", "query").output
    told = run("explain", "--as", "imd", "--purpose", "retention").output
    assert "sample of a plan" in told
    assert "王*" in told


@pytest.mark.parametrize("purpose", ["advertising", "third_party_sale"])
def test_a_forbidden_purpose_is_refused_by_name(folder, purpose):
    assert explained("agent", purpose, code=1)["refused"] == "purpose_forbidden"
    name = POLICY.purposes[purpose].en
    assert f"{name}: a forbidden purpose" in run("explain", "--as", "agent", "--purpose", purpose, code=1).output


def test_an_unknown_role_or_purpose_is_answered_with_those_there_are(folder):
    assert "complaint_specialist" in run("explain", "--as", "boss", "--purpose", "query", code=2).output
    told = run("explain", "--as", "agent", "--purpose", "curiosity", code=2).output
    assert "delivery" in told
    assert "advertising" not in told
