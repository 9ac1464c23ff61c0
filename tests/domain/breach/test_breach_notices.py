from datetime import UTC, datetime

from vault.domain.breach.breach_notices import Channel, campaign_digest, fill, placeholders

PARTS = {
    "campaign_id": bytes(16),
    "template": "standard-1",
    "channels": [Channel.MAIL],
    "texts": {"zh": {"cause": "x"}},
    "contacts_at": datetime(2026, 11, 22, 1, 2, 3, tzinfo=UTC),
    "recipients": [(bytes(16), "mail")],
}


def test_a_value_with_braces_fills_nothing_else():
    assert fill("{cause} {name}", {"cause": "{name}", "name": "王*"}) == "{name} 王*"
    assert placeholders("{a} {b}{a}") == {"a", "b"}


def test_the_digest_changes_with_everything_that_is_frozen():
    frozen = campaign_digest(**PARTS)
    for name, other in (
        ("campaign_id", bytes(15) + b"\1"),
        ("template", "standard-2"),
        ("channels", [Channel.MAIL, Channel.CALL]),
        ("texts", {"zh": {"cause": "y"}}),
        ("contacts_at", datetime(2026, 11, 22, 1, 2, 3, 1, tzinfo=UTC)),
        ("recipients", [(bytes(16), "call")]),
        ("recipients", []),
        ("recipients", [(bytes(16), "mail"), (bytes(15) + b"\1", "mail")]),
    ):
        assert campaign_digest(**(PARTS | {name: other})) != frozen
    assert campaign_digest(**PARTS) == frozen
