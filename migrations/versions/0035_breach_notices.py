"""Notices to affected customers: campaigns, who gets one and what became of it, calls, files, and doing without."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vault.storage.schema import grant_to_application

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

_RANDOM_ID = "16 random bytes"


def upgrade() -> None:
    op.create_table(
        "notice_campaigns",
        sa.Column("campaign_id", sa.LargeBinary(16), nullable=False, comment=_RANDOM_ID),
        sa.Column("incident_id", sa.LargeBinary(16), nullable=False, comment=_RANDOM_ID),
        sa.Column("radius_id", sa.LargeBinary(16), nullable=True, comment="whose customers; empty in a drill"),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("template", sa.String(40), nullable=False, comment="id and version, of the policy"),
        sa.Column("channels", sa.String(60), nullable=False, comment="in the order in which they are tried"),
        sa.Column("kinds", sa.String(250), nullable=False, comment="kinds of data that the notice names"),
        sa.Column("contacts_at", sa.BigInteger(), nullable=False, comment="contacts as they were then"),
        sa.Column("sealed_texts", sa.LargeBinary(), nullable=False, comment="JSON; under the people key"),
        sa.Column(
            "digest", sa.LargeBinary(32), nullable=False, comment="over template, texts, moment of contacts, recipients"
        ),
        sa.Column("prepared_by", sa.LargeBinary(16), nullable=False, comment=_RANDOM_ID),
        sa.Column("prepared_at", sa.BigInteger(), nullable=False),
        sa.Column("released_by", sa.LargeBinary(16), nullable=True, comment="another officer"),
        sa.Column("released_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state IN ('draft', 'released', 'replaced')", name=op.f("ck_notice_campaigns_state")),
        sa.CheckConstraint("released_by <> prepared_by", name=op.f("ck_notice_campaigns_four_eyes")),
        sa.CheckConstraint("state <> 'released' OR released_by IS NOT NULL", name=op.f("ck_notice_campaigns_signed")),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.incident_id"], name=op.f("fk_notice_campaigns_incident_id")
        ),
        sa.ForeignKeyConstraint(["prepared_by"], ["accounts.account_id"], name=op.f("fk_notice_campaigns_prepared_by")),
        sa.ForeignKeyConstraint(["released_by"], ["accounts.account_id"], name=op.f("fk_notice_campaigns_released_by")),
        sa.PrimaryKeyConstraint("campaign_id", name=op.f("pk_notice_campaigns")),
    )
    op.create_index(
        op.f("ix_notice_campaigns_incident_id_prepared_at"), "notice_campaigns", ["incident_id", "prepared_at"]
    )
    op.create_table(
        "notice_recipients",
        sa.Column("campaign_id", sa.LargeBinary(16), nullable=False, comment=_RANDOM_ID),
        sa.Column("record_id", sa.LargeBinary(16), nullable=False, comment="the customer, or a drill's"),
        sa.Column("channel", sa.String(8), nullable=False, comment="empty: there is no contact"),
        sa.Column("state", sa.String(24), nullable=False),
        sa.Column("key", sa.LargeBinary(16), nullable=False, comment="made before the first try; names the message"),
        sa.Column("tries", sa.SmallInteger(), nullable=False),
        sa.Column("calls", sa.SmallInteger(), nullable=False, comment="how often somebody called in vain"),
        sa.Column("shown_to", sa.LargeBinary(16), nullable=True, comment="account that was last shown the number"),
        sa.Column("next_try_at", sa.BigInteger(), nullable=True, comment="empty: nothing is to be tried"),
        sa.Column(
            "worker", sa.LargeBinary(16), nullable=True, comment="who has set it aside, sends it, or printed its letter"
        ),
        sa.Column("claimed_at", sa.BigInteger(), nullable=True, comment="when that began"),
        sa.Column("settled_at", sa.BigInteger(), nullable=True, comment="when its state became what it is"),
        sa.Column("reason", sa.String(40), nullable=False, server_default="", comment="why it failed or is in doubt"),
        sa.CheckConstraint(
            "state IN ('waiting', 'sending', 'sent', 'unknown', 'failed', 'unreachable', 'unreachable_destroyed',"
            " 'called', 'posted')",
            name=op.f("ck_notice_recipients_state"),
        ),
        sa.CheckConstraint(
            "channel IN ('', 'mail', 'call', 'file', 'letter', 'sink')", name=op.f("ck_notice_recipients_channel")
        ),
        sa.PrimaryKeyConstraint("campaign_id", "record_id", name=op.f("pk_notice_recipients")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_notice_recipients_campaign_id_state_channel_record_id"),
        "notice_recipients",
        ["campaign_id", "state", "channel", "record_id"],
    )
    op.create_index(op.f("ix_notice_recipients_record_id"), "notice_recipients", ["record_id"])
    op.create_table(
        "notice_calls",
        sa.Column("call_id", sa.LargeBinary(16), nullable=False, comment="the event that the log holds of it"),
        sa.Column("campaign_id", sa.LargeBinary(16), nullable=False, comment=_RANDOM_ID),
        sa.Column("record_id", sa.LargeBinary(16), nullable=False, comment=_RANDOM_ID),
        sa.Column("called_by", sa.LargeBinary(16), nullable=False, comment=_RANDOM_ID),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('reached', 'not_reached', 'wrong_number')", name=op.f("ck_notice_calls_outcome")
        ),
        sa.ForeignKeyConstraint(["called_by"], ["accounts.account_id"], name=op.f("fk_notice_calls_called_by")),
        sa.PrimaryKeyConstraint("call_id", name=op.f("pk_notice_calls")),
    )
    op.create_index(op.f("ix_notice_calls_campaign_id_record_id"), "notice_calls", ["campaign_id", "record_id"])
    op.create_table(
        "notice_files",
        sa.Column("file_id", sa.LargeBinary(16), nullable=False, comment="the event that the log holds of it"),
        sa.Column("campaign_id", sa.LargeBinary(16), nullable=False, comment=_RANDOM_ID),
        sa.Column("count", sa.Integer(), nullable=False, comment="lines of the file"),
        sa.Column("digest", sa.LargeBinary(32), nullable=False, comment="SHA-256 of the file"),
        sa.Column("made_by", sa.String(64), nullable=False, comment="actor, as events name them"),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("removed_at", sa.BigInteger(), nullable=True, comment="when it was removed: picked up, or too old"),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["notice_campaigns.campaign_id"], name=op.f("fk_notice_files_campaign_id")
        ),
        sa.PrimaryKeyConstraint("file_id", name=op.f("pk_notice_files")),
    )
    op.create_index(op.f("ix_notice_files_campaign_id"), "notice_files", ["campaign_id"])
    op.create_table(
        "notice_waivers",
        sa.Column("incident_id", sa.LargeBinary(16), nullable=False, comment=_RANDOM_ID),
        sa.Column("sealed_reason", sa.LargeBinary(), nullable=False, comment="under the people key"),
        sa.Column("asked_by", sa.LargeBinary(16), nullable=False, comment=_RANDOM_ID),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_by", sa.LargeBinary(16), nullable=True, comment="another officer"),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("confirmed_by <> asked_by", name=op.f("ck_notice_waivers_four_eyes")),
        sa.ForeignKeyConstraint(["asked_by"], ["accounts.account_id"], name=op.f("fk_notice_waivers_asked_by")),
        sa.ForeignKeyConstraint(["confirmed_by"], ["accounts.account_id"], name=op.f("fk_notice_waivers_confirmed_by")),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.incident_id"], name=op.f("fk_notice_waivers_incident_id")),
        sa.PrimaryKeyConstraint("incident_id", name=op.f("pk_notice_waivers")),
    )
    grant_to_application("SELECT, INSERT, UPDATE", "notice_campaigns")
    grant_to_application("SELECT, INSERT, UPDATE, DELETE", "notice_recipients")
    grant_to_application("SELECT, INSERT", "notice_calls")
    grant_to_application("SELECT, INSERT, UPDATE", "notice_files")
    grant_to_application("SELECT, INSERT, UPDATE", "notice_waivers")


def downgrade() -> None:
    # Who was told stays in the access log; what was typed is lost with its rows.
    op.drop_table("notice_waivers")
    op.drop_table("notice_files")
    op.drop_table("notice_calls")
    op.drop_table("notice_recipients")
    op.drop_table("notice_campaigns")
