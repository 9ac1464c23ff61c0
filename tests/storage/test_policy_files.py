import shutil
from pathlib import Path

import pytest

from vault.domain.ids import RecordClass, Role
from vault.domain.policy_checks import unused_findings
from vault.domain.retention import Keep
from vault.domain.rules.access import PurposeKind, View
from vault.domain.rules.service import STARTS
from vault.errors import PolicyError
from vault.storage.policy_files import FILES, load_policy
from vault.words import LANGUAGES
from vault.words import reason as reason_in_words

SHIPPED = Path(__file__).parents[2] / "policies"


@pytest.fixture
def folder(tmp_path):
    copied = tmp_path / "policies"
    shutil.copytree(SHIPPED, copied)
    return copied


def edit(folder, name, old, new):
    path = folder / f"{name}.toml"
    content = path.read_text(encoding="utf-8")
    assert old in content
    path.write_text(content.replace(old, new, 1), encoding="utf-8")


def refusal(folder):
    with pytest.raises(PolicyError) as raised:
        load_policy(folder)
    return raised.value


def test_the_shipped_policy_holds_together():
    policy = load_policy(SHIPPED)
    assert set(policy.roles) == set(Role)
    assert policy.purposes["advertising"].kind is PurposeKind.FORBIDDEN
    assert policy.zone.key == "Asia/Shanghai"
    assert policy.passwords.max_age_days == 15
    assert policy.retention[RecordClass.CUSTOMER].keep_years == 2
    assert policy.view(RecordClass.CUSTOMER, "id_number", Role.AUDITOR, "query") is View.HIDDEN
    assert any(carrier.pattern.fullmatch("YT9900000000001") for carrier in policy.carriers)


def test_the_digest_is_the_same_for_the_same_bytes(folder):
    assert load_policy(folder).digest == load_policy(SHIPPED).digest
    assert len(load_policy(folder).digest) == 64


@pytest.mark.parametrize("name", FILES)
def test_the_digest_changes_with_any_byte_of_any_file(folder, name):
    with (folder / f"{name}.toml").open("ab") as file:
        file.write(b"\n")
    assert load_policy(folder).digest != load_policy(SHIPPED).digest


def test_the_digest_changes_when_bytes_move_from_one_file_to_the_next(folder):
    first, second = folder / "company.toml", folder / "entry.toml"
    before, after = first.read_bytes(), second.read_bytes()
    first.write_bytes(before + b"#moved\n")
    at_the_end = load_policy(folder).digest
    first.write_bytes(before)
    second.write_bytes(b"#moved\n" + after)
    assert load_policy(folder).digest != at_the_end


def test_a_missing_folder_is_refused(tmp_path):
    assert refusal(tmp_path / "nowhere").reason == "no_policy_folder"


@pytest.mark.parametrize("name", FILES)
def test_each_missing_file_is_refused_by_name(folder, name):
    (folder / f"{name}.toml").unlink()
    error = refusal(folder)
    assert (error.reason, error.facts["file"]) == ("file_missing", f"{name}.toml")


def test_a_file_nobody_reads_is_refused(folder):
    (folder / "retentoin.toml").write_text("")
    error = refusal(folder)
    assert (error.reason, error.facts["file"]) == ("unknown_file", "retentoin.toml")


@pytest.mark.parametrize("content", [b"keep = = 2", b"\xff\xfe", b"keep = 1\nkeep = 2\n"])
def test_what_is_not_toml_is_refused(folder, content):
    (folder / "retention.toml").write_bytes(content)
    error = refusal(folder)
    assert (error.reason, error.facts) == ("not_toml", {"file": "retention.toml"})


@pytest.mark.parametrize(
    ("name", "old", "new", "reason", "place"),
    [
        ("entry", "limit_minutes = 30", "limit_minutes = 30\nlimit_hours = 1", "unexpected", "limit_hours"),
        ("roles", 'id = "role.agent"', 'id = "role.agent"\nright = []', "unexpected", "agent.right"),
        ("waybills", 'id = "yto"', 'id = "yto"\nlength = 13', "extra", "carrier.0.length"),
        ("entry", "limit_minutes = 30", "", "missing", "limit_minutes"),
        ("entry", "limit_minutes = 30", 'limit_minutes = "30"', "int_type", "limit_minutes"),
        ("entry", "limit_minutes = 30", "limit_minutes = true", "int_type", "limit_minutes"),
        ("roles", "[agent]", "[agnet]", "enum", "agnet"),
        ("roles", '"lookup"', '"look"', "enum", "agent.rights"),
        ("roles", 'scope = "own_and_pool"', 'scope = "everything"', "enum", "agent.scope"),
        ("purposes", 'kind = "choice"', 'kind = "free"', "enum", "pickup.kind"),
        ("retention", "[customer]", "[customers]", "enum", "customers"),
        ("fields", 'agent = "reveal"', 'agent = "shown"', "enum", "customer.name.agent"),
        ("cases", "amber_minutes = 20", "amber_minutes = 20\nred_minutes = 30", "unexpected", "red_minutes"),
        ("cases", "amber_minutes = 20", "", "missing", "amber_minutes"),
        ("cases", 'zh = "重复工单"', "", "missing", "reasons.duplicate.zh"),
        ("notices", 'en = "Your', 'fr = ""\nen = "Your', "unexpected", "notice-2024-1.fr"),
        ("passwords", '["supervisor"]', '["anybody"]', "enum", "reset_needs_confirmation_by"),
        ("limits", "asks_hour = 30", "", "missing", "asks_hour"),
    ],
)
def test_each_wrong_shape_is_refused_with_its_place(folder, name, old, new, reason, place):
    edit(folder, name, old, new)
    error = refusal(folder)
    assert reason in error.reason
    assert error.facts["file"] == f"{name}.toml"
    assert place in str(error.facts["place"])


@pytest.mark.parametrize(
    ("name", "old", "new", "reason", "place"),
    [
        ("fields", 'agent = "reveal"', 'agnet = "reveal"', "unknown_role", "customer.name.agnet"),
        ("fields", "[customer.name]", "[customer.nickname]", "unknown_field", "customer.nickname"),
        ("fields", 'agent = "reveal"', 'agent = "plain"', "personal_field_in_plain", "customer.name.agent"),
        ("roles", 'purposes = ["query"', 'purposes = ["curiosity"', "unknown_purpose", "agent.curiosity"),
        ("roles", 'purposes = ["query"', 'purposes = ["retention"', "purpose_not_to_choose", "agent.retention"),
        ("roles", 'purposes = ["query"', 'purposes = ["advertising"', "purpose_not_to_choose", "agent.advertising"),
        ("roles", 'scope = "own_and_pool"', 'scope = "none"', "lookup_without_scope_or_purpose", "agent"),
        (
            "roles",
            'purposes = ["query", "delivery", "pickup", "complaint"]',
            "purposes = []",
            "lookup_without_scope_or_purpose",
            "agent",
        ),
        (
            "roles",
            'rights = ["lookup", "reveal", "ask", "decide", "share", "hand_over", "break_glass"]',
            'rights = ["lookup", "accounts"]',
            "administrator_reads_customers",
            "agent",
        ),
        ("retention", "keep_years = 2", "keep_years = 2\nkeep_days = 3", "retention_needs_years_or_days", "customer"),
        ("retention", "keep_years = 2", "", "retention_needs_years_or_days", "customer"),
        ("retention", "keep_years = 2", "keep_years = -2", "retention_needs_years_or_days", "customer"),
        ("entry", "limit_minutes = 30", "limit_minutes = 0", "limit_not_positive", "entry.limit"),
        ("cases", "amber_minutes = 20", "amber_minutes = 30", "amber_not_before_limit", "cases.board"),
        ("cases", "amber_minutes = 20", "amber_minutes = 0", "amber_not_before_limit", "cases.board"),
        ("entry", "limit_minutes = 30", "limit_minutes = 20", "amber_not_before_limit", "cases.board"),
        ("cases", "backdate_hours = 12", "backdate_hours = 0", "limit_not_positive", "cases.board"),
        ("cases", "[reasons.duplicate]", "[reasons.Duplicate]", "name_not_usable", "Duplicate"),
        ("notices", "[notice-2024-1]", "[notice_2024]", "name_not_usable", "notice_2024"),
        (
            "notices",
            'zh = "您的信息仅用于快递服务，我们会严格保密。"',
            'zh = " "',
            "notice_without_text",
            "notice-2024-1",
        ),
        ("sessions", "idle_minutes = 30", "idle_minutes = 721", "idle_longer_than_absolute", "sessions.limits"),
        ("sessions", "idle_minutes = 30", "idle_minutes = 0", "idle_longer_than_absolute", "sessions.limits"),
        ("passwords", "max_age_days = 15", "max_age_days = 0", "password_rule_impossible", "passwords.rules"),
        ("passwords", "min_length = 12", "min_length = 300", "password_rule_impossible", "passwords.rules"),
        ("passwords", "remind_days = 3", "remind_days = 15", "password_rule_impossible", "passwords.rules"),
        ("passwords", "min_age_hours = 24", "min_age_hours = 360", "password_rule_impossible", "passwords.rules"),
        ("passwords", "history = 12", "history = 0", "password_rule_impossible", "passwords.rules"),
        ("passwords", "min_score = 3", "min_score = 5", "password_rule_impossible", "passwords.rules"),
        ("passwords", "min_edits = 5", "min_edits = 13", "password_rule_impossible", "passwords.rules"),
        ("sessions", "first_seconds = 5", "first_seconds = 0", "throttle_impossible", "sessions.throttle"),
        ("sessions", "most_seconds = 900", "most_seconds = 3600", "throttle_impossible", "sessions.throttle"),
        ("sessions", "free_failures = 5", "free_failures = 51", "throttle_impossible", "sessions.throttle"),
        ("sessions", "free_failures = 5", "free_failures = 1", "throttle_impossible", "sessions.throttle"),
    ],
)
def test_rules_that_contradict_each_other_are_refused_with_their_place(folder, name, old, new, reason, place):
    edit(folder, name, old, new)
    error = refusal(folder)
    assert error.reason == reason
    assert place in str(error.facts["place"])


@pytest.mark.parametrize(
    ("name", "old", "new", "reason", "place"),
    [
        ("fields", 'pickup = "reveal" }', 'errand = "reveal" }', "unknown_purpose", "customer.id_number.agent.errand"),
        ("fields", 'pickup = "reveal" }', 'advertising = "reveal" }', "purpose_not_to_choose", "agent.advertising"),
        ("fields", 'delivery = "masked"  ', 'default = "masked"  ', "unknown_purpose", "purposes.default"),
        ("fields", "[customer.notice]", '[customer.notice]\npurposes = "hidden"', "purposes_need_a_table", "notice"),
        ("fields", 'agent = "plain"', 'agent = "masked"', "nothing_to_mask", "customer.id_type.agent"),
        ("fields", '{ default = "masked", pickup = "reveal" }', '{ default = "plain" }', "personal_field", "id_number"),
        ("masks", 'phone = "phone"', 'phone = "address"', "mask_not_of_field", "masks.customer.phone"),
        ("masks", 'item_type = "hidden"', 'item_type = "plain"', "mask_not_of_field", "masks.shipment.item_type"),
        ("masks", 'name = "surname_only"', 'name = "plain"', "mask_not_of_field", "masks.other_party.name"),
        ("masks", 'phone = "phone"', 'telephone = "phone"', "unknown_field", "masks.customer.telephone"),
        ("company", 'privacy_officer = "KF2012"', 'privacy_officer = " "', "privacy_officer_missing", "company"),
        ("verification", '"scope.outlet_pool"', '"scope.outlets_pool"', "unknown_scope_rule", "scope.outlets_pool"),
        ("verification", "needed = 2", "needed = 4", "verification_impossible", "verification.caller"),
        ("verification", "valid_minutes = 60", "valid_minutes = 0", "verification_impossible", "verification.caller"),
        ("limits", "warn_customers = 25", "warn_customers = 51", "limits_impossible", "limits.reading"),
        ("limits", "alarm_customers = 51", "alarm_customers = 52", "alarm_too_high", "limits.reading: 52"),
        ("limits", "misses_hour = 20", "misses_hour = 0", "limits_impossible", "limits.reading"),
        ("limits", "asks_hour = 30", "asks_hour = 0", "limits_impossible", "limits.reading"),
        ("limits", "searches_hour = 60", "searches_hour = -1", "limits_impossible", "limits.reading"),
        ("limits", "reveals_hour = 60", "reveals_hour = 0", "limits_impossible", "limits.reading.agent"),
        ("limits", "lookups_hour = 60", "lookups_hour = 301", "limits_impossible", "limits.reading.agent"),
        ("incidents", "minutes = 120", "minutes = 121", "activation_impossible", "incident.response"),
        ("incidents", "minutes = 120", "minutes = 0", "activation_impossible", "incident.response"),
        ("incidents", "[clocks.activate]", "[clocks.start]", "activation_impossible", "incident.response"),
        ("incidents", '"misuse", "surge"]', '"misuse"]', "activation_impossible", "incident.response"),
        ("incidents", "[50, 80, 100]", "[80, 50, 100]", "reminders_impossible", "incident.response"),
        ("incidents", "[50, 80, 100]", "[50, 80]", "reminders_impossible", "incident.response"),
        ("incidents", "repeat_minutes = 60", "repeat_minutes = 0", "reminders_impossible", "incident.response"),
        ("incidents", "minutes = 5\n", "minutes = 6\n", "clock_too_long", "technical: 5"),
        ("incidents", "[clocks.police]", "[clocks.policemen]", "clock_too_long", "police: 1440"),
        ("incidents", "reports_hour = 10", "reports_hour = 0", "limit_not_positive", "incident.response"),
        ("incidents", "answer_hours = 72 ", "answer_hours = 721 ", "answer_impossible", "incident.response: 720"),
        ("incidents", "answer_hours = 72 ", "answer_hours = 0 ", "answer_impossible", "incident.response: 720"),
        ("incidents", "notes_years = 3 ", "notes_years = 2 ", "notes_too_short", "incident.response"),
        ("incidents", "report_back_days = 31 ", "report_back_days = 0 ", "awareness_impossible", "incident.response"),
        ("incidents", "minutes = 1440", "minutes = -1", "clock_impossible", "clock.network"),
        ("incidents", 'who = ["supervisor", "imd"]', "who = []", "clock_impossible", "clock.technical"),
        ("roles", '"incident_view", "incident", ', '"incident_view", ', "nobody_responds", "incident.response"),
        (
            "roles",
            '"approve_break_glass", "incident_view"]',
            '"approve_break_glass"]',
            "nobody_responds",
            "clock.technical",
        ),
        ("retention", "cohorts_ahead = 1", "cohorts_ahead = 0", "limit_not_positive", "retention.customer"),
        ("retention", "cohorts_ahead = 1", "cohorts_ahead = -1", "limit_not_positive", "retention.customer"),
        ("sessions", "invite_hours = 24", "invite_hours = -1", "limit_not_positive", "sessions.limits"),
        ("sessions", "reveal_seconds = 30", "reveal_seconds = 0", "limit_not_positive", "sessions.limits"),
    ],
)
def test_views_masks_and_limits_that_cannot_stand_are_refused_with_their_place(folder, name, old, new, reason, place):
    edit(folder, name, old, new)
    error = refusal(folder)
    assert error.reason.startswith(reason)
    assert place in str(error.facts["place"])


FLOOR = 'floor = { years = 1, source = "浙江省禁毒条例 23; 上海市禁毒条例 20" }'
CEILING = 'ceiling = { years = 2, source = "RD-01 (000·4·四), PIPL 19" }'


@pytest.mark.parametrize(
    ("name", "old", "new", "reason", "place"),
    [
        ("retention", "keep_years = 2", "keep_days = 364", "retention_below_floor", "customer: days = 364 < years = 1"),
        ("retention", "keep_years = 2", "keep_days = 365", "retention_below_floor", "浙江省禁毒条例 23"),
        ("retention", "keep_years = 2", "keep_years = 3", "retention_above_ceiling", "years = 3 > years = 2, RD-01"),
        ("retention", "keep_years = 2", "keep_days = 731", "retention_above_ceiling", "customer: days = 731"),
        ("retention", "keep_years = 1", "keep_years = 2", "retention_above_ceiling", "service_record: years = 2 >"),
        ("retention", "keep_days = 7", "keep_days = 8", "retention_above_ceiling", "id_copy: days = 8 > days = 7"),
        ("retention", FLOOR, FLOOR.replace("1", "3", 1), "ceiling_below_floor", "customer: years = 2, RD-01"),
        ("retention", FLOOR, FLOOR.replace("years", "days = 1, years"), "retention_needs_years_or_days", "r.floor"),
        ("retention", CEILING, 'ceiling = { source = "x" }', "retention_needs_years_or_days", "customer.ceiling"),
        ("retention", CEILING, 'ceiling = { years = 2, source = " " }', "limit_without_source", "customer.ceiling"),
        ("retention", '"last_activity"', '"made"', "start_not_of_class", "customer: made ≠ last_activity"),
        ("retention", '"service_end"', '"sign_off"', "start_not_of_class", "service_record"),
        ("drills", "customers = 12", "customers = 501", "drill_size_impossible", "drill.monthly"),
        ("drills", "remind_from_day = 15", "remind_from_day = 29", "drill_day_impossible", "drill.monthly"),
        ("drills", "activate_seconds = 7200", "activate_seconds = 7201", "drill_targets_impossible", "drill.monthly"),
        ("destruction", "cooling_minutes = 60", "cooling_minutes = 0", "limit_not_positive", "destruction.rules"),
        ("destruction", "cooling_minutes = 60", "cooling_minutes = 4320", "cooling_outlasts_approval", "destruction"),
        ("destruction", "[30, 60, 90]", "[30, 90, 60]", "horizon_not_ascending", "destruction.rules"),
        ("destruction", "[30, 60, 90]", "[30, 30]", "horizon_not_ascending", "destruction.rules"),
        ("destruction", "[30, 60, 90]", "[]", "limit_not_positive", "destruction.rules"),
        ("destruction", "hold_review_months = 12", "hold_review_months = 25", "hold_review_too_far", "destruction"),
        ("destruction", "hold_nag_days = 14", "hold_nag_days = 0", "limit_not_positive", "destruction.rules"),
        ("destruction", "grace_days = 3", "grace_days = 16", "grace_too_long", "destruction.rules"),
        ("destruction", "grace_days = 3", "grace_days = 0", "limit_not_positive", "destruction.rules"),
        ("destruction", "[reasons.dispute]", "[reasons.Dispute]", "name_not_usable", "Dispute"),
        ("destruction", "[releases.settled]", "[releases.Settled]", "name_not_usable", "Settled"),
        ("roles", 'rights = ["accounts"]', 'rights = ["accounts", "destroy"]', "destroys_besides_imd", "admin.destroy"),
        ("roles", '"retention", "destroy"]', '"retention"]', "nobody_destroys", "imd"),
        (
            "roles",
            '"retention", "destroy"]\nsecond_factor = true',
            '"retention", "destroy"]',
            "destroys_without_second_factor",
            "imd",
        ),
    ],
)
def test_rules_of_keeping_and_destroying_that_cannot_stand_are_refused_and_explained(
    folder, name, old, new, reason, place
):
    edit(folder, name, old, new)
    error = refusal(folder)
    assert error.reason == reason
    assert place in str(error.facts["place"])
    for language in LANGUAGES:
        assert str(error.facts["place"]) in reason_in_words(language, error.reason, error.facts)


def test_a_period_as_long_as_its_floor_or_its_ceiling_stands(folder):
    edit(folder, "retention", "keep_years = 2", "keep_years = 1")
    assert load_policy(folder).retention[RecordClass.CUSTOMER].keep() == Keep(years=1)
    edit(folder, "retention", "keep_years = 1", "keep_days = 366")
    assert load_policy(folder).retention[RecordClass.CUSTOMER].keep() == Keep(days=366)


def test_every_start_of_a_class_and_every_limit_of_the_shipped_policy_is_said_with_its_text():
    for record_class, rule in load_policy(SHIPPED).retention.items():
        assert rule.starts is STARTS[record_class]
        for limit in (rule.floor, rule.ceiling):
            assert limit is None or limit.source


@pytest.mark.parametrize(
    ("name", "old", "new", "reason", "place"),
    [
        ("fields", 'complaint_specialist = "masked"', 'complaint_specialist = "reveal"', "role_sees_all", "specialist"),
        (
            "verification",
            '["id_number"]\ncompares = "last4"',
            '["id_type"]\ncompares = "whole"',
            "question_answered",
            "agent",
        ),
        ("roles", '"lookup", "reveal", "ask", "hand_over"', '"lookup", "log_read"', "duties_not_separate", "log_read"),
        ("roles", '"lookup", "reveal", "ask", "hand_over"', '"lookup", "incident"', "duties_not_separate", "incident"),
        ("roles", '"lookup", "reveal", "ask", "hand_over"', '"lookup", "review_break_glass"', "duties_not", "review"),
        (
            "roles",
            '"lookup", "reveal", "ask", "hand_over"',
            '"lookup", "accounts"',
            "administrator_reads",
            "specialist",
        ),
    ],
)
def test_rules_that_protect_less_than_they_must_are_refused(folder, name, old, new, reason, place):
    edit(folder, name, old, new)
    error = refusal(folder)
    assert error.reason.startswith(reason)
    assert place in str(error.facts["place"])


@pytest.mark.parametrize(
    "pattern",
    [
        "^([0-9]+)+$",
        "^[0-9]+$",
        "^[0-9]*$",
        "^[0-9]{2,}$",
        "^(?:[0-9]{1,9}){1,9}$",
        "^(?:a|a)*$",
        "^.{13}$",
        "^(?=YT)[0-9A-Z]{13}$",
        r"^([0-9])\1{12}$",
        "YT[0-9]{13}",
        "^[0-9]?[0-9]?[0-9]?[0-9]?[0-9]?$",
        "^YT[0-9]{100}$",
        "^[^0-9]{3}$",
    ],
)
def test_a_carriers_pattern_that_could_take_for_ever_is_refused(folder, pattern):
    edit(folder, "waybills", "^YT[0-9]{13}$", pattern)
    error = refusal(folder)
    assert (error.reason, error.facts["place"]) == ("pattern_not_bounded", "yto")


@pytest.mark.parametrize("pattern", ["^YT[0-9]{13}$", "^[A-Z]{2}[0-9A-Z]{8,12}$", "^7[0-9]{11}(?:[0-9]{2}|[A-Z])?$"])
def test_a_simple_pattern_is_taken(folder, pattern):
    edit(folder, "waybills", "^YT[0-9]{13}$", pattern)
    assert load_policy(folder).carriers[0].carrier == "yto"


def unused(folder):
    return list(unused_findings(load_policy(folder)))


def test_the_shipped_policy_says_nothing_that_never_applies():
    assert unused(SHIPPED) == []


@pytest.mark.parametrize(
    ("name", "old", "new", "finding"),
    [
        (
            "roles",
            'purposes = ["complaint", "query"]',
            'purposes = ["complaint"]',
            None,
        ),
        (
            "fields",
            'complaint_specialist = "masked"',
            'complaint_specialist = { default = "masked", pickup = "masked" }',
            ("purpose_never_chosen", "customer.id_number.complaint_specialist.pickup"),
        ),
        (
            "fields",
            'complaint_specialist = "masked"',
            'complaint_specialist = "masked"\nquality_inspector = "masked"',
            ("view_never_used", "customer.id_number.quality_inspector"),
        ),
        (
            "fields",
            'pickup = "masked"',
            'claim = "masked"',
            ("purpose_never_chosen", "service_record.text.purposes.claim"),
        ),
        ("roles", '"log_read", "log_verify"', '"log_read", "reveal"', ("right_never_used", "auditor.reveal")),
        (
            "roles",
            'rights = ["accounts"]',
            'rights = ["approve_break_glass"]',
            ("right_never_used", "admin.approve_break_glass"),
        ),
        ("limits", "[quotas.supervisor]", "[quotas.auditor]", ("quota_never_used", "limits.reading.auditor")),
        (
            "roles",
            '"retention", "destroy"]',
            '"destroy"]',
            ("right_never_used", "imd.destroy"),
        ),
        ("limits", "[quotas.supervisor]", "[quotas.auditor]", ("quota_missing", "supervisor")),
    ],
)
def test_what_never_applies_is_found_and_refuses_nothing(folder, name, old, new, finding):
    edit(folder, name, old, new)
    assert finding in unused(folder) if finding else unused(folder) == []


def test_a_policy_needs_a_notice_and_a_reason_to_close_a_case(folder):
    (folder / "notices.toml").write_text("", encoding="utf-8")
    assert (refusal(folder).reason, refusal(folder).facts["place"]) == ("no_notice_version", "notices")
    shutil.copyfile(SHIPPED / "notices.toml", folder / "notices.toml")
    head = (folder / "cases.toml").read_text(encoding="utf-8").partition("[reasons.")[0]
    (folder / "cases.toml").write_text(f"{head}[reasons]\n", encoding="utf-8")
    assert (refusal(folder).reason, refusal(folder).facts["place"]) == ("no_close_reason", "cases.board")


@pytest.mark.parametrize(("name", "table"), [("roles", "auditor"), ("retention", "shipment")])
def test_a_role_or_class_without_rules_is_refused(folder, name, table):
    path = folder / f"{name}.toml"
    before, _, rest = path.read_text(encoding="utf-8").partition(f"[{table}]\n")
    path.write_text(before + "".join(rest.partition("\n[")[1:]), encoding="utf-8")
    error = refusal(folder)
    assert error.reason in {"role_missing", "retention_missing"}
    assert error.facts["place"] == table


@pytest.mark.parametrize("purpose", ["advertising", "third_party_sale"])
@pytest.mark.parametrize("kind", ["choice", "internal"])
def test_what_the_law_forbids_cannot_be_allowed_by_policy(folder, purpose, kind):
    path = folder / "purposes.toml"
    before, table, rest = path.read_text(encoding="utf-8").partition(f"[{purpose}]")
    path.write_text(before + table + rest.replace('kind = "forbidden"', f'kind = "{kind}"', 1), encoding="utf-8")
    error = refusal(folder)
    assert (error.reason, error.facts["place"]) == ("must_stay_forbidden", purpose)


def test_an_unknown_time_zone_is_refused(folder):
    edit(folder, "company", "Asia/Shanghai", "Asia/Atlantis")
    assert refusal(folder).reason == "unknown_zone"


def test_a_pattern_that_is_none_is_refused_by_its_carrier(folder):
    edit(folder, "waybills", "^YT[0-9]{13}$", "^YT[0-9{13}$")
    error = refusal(folder)
    assert (error.reason, error.facts["place"]) == ("not_a_pattern", "yto")
