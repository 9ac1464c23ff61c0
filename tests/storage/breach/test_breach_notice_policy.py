"""A template that cannot be sent as the law wants it, or that needs more than its purpose allows, refuses to load."""

import shutil
from pathlib import Path

import pytest

from vault.errors import PolicyError
from vault.storage.policy_files import load_policy

SHIPPED = Path(__file__).parents[3] / "policies"
NOTICES, FIELDS = "breach_notices", "fields"


@pytest.mark.parametrize(
    ("name", "old", "new", "reason"),
    [
        # A field that the purpose does not allow: not in the text, nor as the contact of a channel, nor at all.
        (NOTICES, "{name} 您好", "{id_number} 您好", "notice_field_forbidden"),
        (NOTICES, "Dear {name}", "Dear {phone}", "notice_field_forbidden"),
        (FIELDS, '[customer.email]\nimd = { breach_notice = "reveal" }', "", "notice_field_forbidden"),
        (FIELDS, 'imd = { breach_notice = "reveal" }', 'imd = { breach_notice = "masked" }', "notice_field_forbidden"),
        (
            FIELDS,
            "[customer.id_number]\n",
            '[customer.id_number]\nimd = { breach_notice = "reveal" }\n',
            "notice_opens_more",
        ),
        (NOTICES, "编号 {reference}）", "编号 {waybill}）", "unknown_placeholder"),
        # Everything that PIPL 57 asks for, in both languages, and the apology.
        (NOTICES, "原因：{cause}\n", "", "notice_item_missing"),
        (NOTICES, "Possible harm: {harm}\n", "", "notice_item_missing"),
        (NOTICES, "建议您：{advice}\n", "", "notice_item_missing"),
        (NOTICES, "We have: {measures}\n", "", "notice_item_missing"),
        (NOTICES, "信息种类：{kinds}\n", "", "notice_item_missing"),
        (NOTICES, "{contact}. Please quote", "Please quote", "notice_item_missing"),
        (NOTICES, "我们诚恳致歉", "我们知道了", "apology_missing"),
        (NOTICES, "[templates.standard-1.texts.en]", "[templates.standard-1.texts.fr]", "notice_without_text"),
        (NOTICES, 'subject = "关于', 'subject = "a\\nb', "notice_subject_impossible"),
        (NOTICES, 'channels = ["mail", "call", "file", "letter"]', 'channels = ["sink"]', "notice_channel_impossible"),
        (NOTICES, 'channels = ["mail", "call", "file", "letter"]', "channels = []", "notice_channel_impossible"),
        (NOTICES, '"customer.name", ', "", "notice_kind_missing"),
        (NOTICES, '"customer.name", ', '"customer.name", "customer.shoe", ', "unknown_field"),
        (NOTICES, "batch = 50", "batch = 0", "limit_not_positive"),
        (NOTICES, "file_hours = 24", "file_hours = 0", "limit_not_positive"),
        (NOTICES, "retry_minutes = [1, 5, 30, 120]", "retry_minutes = []", "limit_not_positive"),
        (NOTICES, 'zh = "客服热线 95300，个人信息保护专线 025-95300001"', 'zh = " "', "notice_contact_missing"),
    ],
)
def test_a_policy_with_it_is_refused(tmp_path, name, old, new, reason):
    folder = tmp_path / "policies"
    shutil.copytree(SHIPPED, folder)
    path = folder / f"{name}.toml"
    content = path.read_text(encoding="utf-8")
    assert old in content
    path.write_text(content.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(PolicyError) as raised:
        load_policy(folder)
    assert raised.value.reason == reason
