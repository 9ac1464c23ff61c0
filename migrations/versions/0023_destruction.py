"""Destruction: holds, plans and their records, tombstones, certificates, paper, backups, and the clock last seen.

Links between records lose their foreign keys: a link may name what has been destroyed.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vault.storage.schema import grant_to_application

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_LINKS = ("sender_id", "recipient_id", "customer_id", "shipment_id")


def upgrade() -> None:
    with op.batch_alter_table("cohorts", recreate=_recreate()) as cohorts:
        cohorts.add_column(
            sa.Column("closing_at", sa.BigInteger(), nullable=True, comment="since when nothing is sealed under it"),
        )
        cohorts.add_column(
            sa.Column("emptied_at", sa.BigInteger(), nullable=True, comment="when the last wrap under it was gone"),
        )
        cohorts.add_column(
            sa.Column(
                "destroyed_at",
                sa.BigInteger(),
                nullable=True,
                comment="when every registered copy had lost its key",
            ),
        )
    with op.batch_alter_table("records", recreate=_recreate()) as records:
        for link in _LINKS:
            records.drop_constraint(op.f(f"fk_records_{link}"), type_="foreignkey")
    op.create_table(
        "backups",
        sa.Column("backup_id", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("made_at", sa.BigInteger(), nullable=False, comment="its snapshot holds everything committed before"),
        sa.Column("log_size", sa.BigInteger(), nullable=False, comment="events in its snapshot"),
        sa.Column("manifest_digest", sa.LargeBinary(32), nullable=False, comment="SHA-256 of its manifest"),
        sa.Column("verified_at", sa.BigInteger(), nullable=True, comment="when it was last read back and held"),
        sa.PrimaryKeyConstraint("backup_id", name=op.f("pk_backups")),
    )
    op.create_index(op.f("ix_backups_made_at"), "backups", ["made_at"])
    op.create_table(
        "certificates",
        sa.Column("certificate_id", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("about", sa.LargeBinary(16), nullable=False, comment="the plan of one kind, the cohort of the other"),
        sa.Column("statement", sa.LargeBinary(), nullable=False, comment="canonical JSON (RFC 8785)"),
        sa.Column(
            "event_id", sa.LargeBinary(16), nullable=False, comment="the event that holds the statement's digest"
        ),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('erased', 'final')", name=op.f("ck_certificates_kind")),
        sa.PrimaryKeyConstraint("certificate_id", name=op.f("pk_certificates")),
        sa.UniqueConstraint("kind", "about", name=op.f("uq_certificates_kind_about")),
    )
    op.create_table(
        "tombstones",
        sa.Column("record_id", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("record_class", sa.String(20), nullable=False),
        sa.Column(
            "cohort_id",
            sa.LargeBinary(16),
            nullable=False,
            comment="whose key wrapped its data key: out of reach of every copy once that is destroyed",
        ),
        sa.Column("plan_id", sa.LargeBinary(16), nullable=True, comment="empty: destroyed again after a restore"),
        sa.Column("entered_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("destroyed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("record_id", name=op.f("pk_tombstones")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_tombstones_cohort_id"), "tombstones", ["cohort_id"])
    op.create_index(op.f("ix_tombstones_plan_id"), "tombstones", ["plan_id"])
    op.create_table(
        "clock_marks",
        sa.Column("singleton", sa.SmallInteger(), autoincrement=False, nullable=False, comment="always 1"),
        sa.Column("seen_at", sa.BigInteger(), nullable=False, comment="the clock when last looked at; never set back"),
        sa.Column(
            "jumped_from", sa.BigInteger(), nullable=True, comment="the mark before a jump nobody has confirmed yet"
        ),
        sa.Column("confirmed_by", sa.LargeBinary(16), nullable=True, comment="16 random bytes"),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("singleton = 1", name=op.f("ck_clock_marks_one_row")),
        sa.ForeignKeyConstraint(["confirmed_by"], ["accounts.account_id"], name=op.f("fk_clock_marks_confirmed_by")),
        sa.PrimaryKeyConstraint("singleton", name=op.f("pk_clock_marks")),
    )
    op.create_table(
        "destruction_plans",
        sa.Column("plan_id", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False, comment="the moment at which its records were due"),
        sa.Column("policy", sa.String(64), nullable=False, comment="digest of the policy it was made under"),
        sa.Column("digest", sa.LargeBinary(32), nullable=False, comment="over its records; frozen"),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("proposed_by", sa.LargeBinary(16), nullable=True, comment="empty: a draft of the timetable"),
        sa.Column("proposed_at", sa.BigInteger(), nullable=True),
        sa.Column("approved_by", sa.LargeBinary(16), nullable=True, comment="16 random bytes"),
        sa.Column("approved_at", sa.BigInteger(), nullable=True),
        sa.Column("starts_at", sa.BigInteger(), nullable=True, comment="before this nothing of it is destroyed"),
        sa.Column("stopped_by", sa.LargeBinary(16), nullable=True, comment="16 random bytes"),
        sa.Column("stopped_at", sa.BigInteger(), nullable=True),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column(
            "executed_by", sa.String(64), server_default="", nullable=False, comment="actor, as events name them"
        ),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "state IN ('draft', 'proposed', 'approved', 'running', 'paused', 'done', 'stopped', 'superseded')",
            name=op.f("ck_destruction_plans_state"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('approved', 'running', 'paused', 'done') OR approved_by IS NOT NULL",
            name=op.f("ck_destruction_plans_signed"),
        ),
        sa.CheckConstraint(
            "approved_by IS NULL OR approved_by <> proposed_by", name=op.f("ck_destruction_plans_four_eyes")
        ),
        sa.CheckConstraint(
            "approved_by IS NULL OR proposed_by IS NOT NULL", name=op.f("ck_destruction_plans_two_people")
        ),
        sa.ForeignKeyConstraint(
            ["approved_by"], ["accounts.account_id"], name=op.f("fk_destruction_plans_approved_by")
        ),
        sa.ForeignKeyConstraint(
            ["proposed_by"], ["accounts.account_id"], name=op.f("fk_destruction_plans_proposed_by")
        ),
        sa.ForeignKeyConstraint(["stopped_by"], ["accounts.account_id"], name=op.f("fk_destruction_plans_stopped_by")),
        sa.PrimaryKeyConstraint("plan_id", name=op.f("pk_destruction_plans")),
    )
    op.create_index(op.f("ix_destruction_plans_state_made_at"), "destruction_plans", ["state", "made_at"])
    op.create_table(
        "holds",
        sa.Column("hold_id", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column(
            "record_id",
            sa.LargeBinary(16),
            nullable=False,
            comment="what must not be destroyed, and with it what it links to",
        ),
        sa.Column("record_class", sa.String(20), nullable=False),
        sa.Column("reason", sa.String(40), nullable=False, comment="from the policy"),
        sa.Column(
            "sealed_source",
            sa.LargeBinary(),
            nullable=False,
            comment="the document asking for it; under the people key",
        ),
        sa.Column("placed_by", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("placed_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "review_on", sa.Date(), nullable=False, comment="by when somebody looks at it again, company time zone"
        ),
        sa.Column("released_by", sa.LargeBinary(16), nullable=True, comment="16 random bytes"),
        sa.Column("released_at", sa.BigInteger(), nullable=True),
        sa.Column("release", sa.String(40), server_default="", nullable=False, comment="why it ended, from the policy"),
        sa.ForeignKeyConstraint(["placed_by"], ["accounts.account_id"], name=op.f("fk_holds_placed_by")),
        sa.ForeignKeyConstraint(["released_by"], ["accounts.account_id"], name=op.f("fk_holds_released_by")),
        sa.PrimaryKeyConstraint("hold_id", name=op.f("pk_holds")),
    )
    op.create_index(op.f("ix_holds_record_id"), "holds", ["record_id"])
    op.create_index(op.f("ix_holds_review_on"), "holds", ["review_on"])
    op.create_table(
        "paper_boxes",
        sa.Column("box_id", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("label", sa.String(40), nullable=False, comment="as written on the box"),
        sa.Column("record_class", sa.String(20), nullable=False),
        sa.Column("outlet", sa.String(32), nullable=False),
        sa.Column("custodian", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("registered_by", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("registered_at", sa.BigInteger(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False, comment="company time zone"),
        sa.Column("shredded_by", sa.LargeBinary(16), nullable=True, comment="16 random bytes"),
        sa.Column("witnessed_by", sa.LargeBinary(16), nullable=True, comment="16 random bytes"),
        sa.Column("shredded_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "witnessed_by IS NULL OR witnessed_by <> shredded_by", name=op.f("ck_paper_boxes_two_people")
        ),
        sa.ForeignKeyConstraint(["custodian"], ["accounts.account_id"], name=op.f("fk_paper_boxes_custodian")),
        sa.ForeignKeyConstraint(["registered_by"], ["accounts.account_id"], name=op.f("fk_paper_boxes_registered_by")),
        sa.ForeignKeyConstraint(["shredded_by"], ["accounts.account_id"], name=op.f("fk_paper_boxes_shredded_by")),
        sa.ForeignKeyConstraint(["witnessed_by"], ["accounts.account_id"], name=op.f("fk_paper_boxes_witnessed_by")),
        sa.PrimaryKeyConstraint("box_id", name=op.f("pk_paper_boxes")),
        sa.UniqueConstraint("label", name=op.f("uq_paper_boxes_label")),
    )
    op.create_index(op.f("ix_paper_boxes_due_on"), "paper_boxes", ["due_on"])
    op.create_table(
        "destruction_items",
        sa.Column("plan_id", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("record_id", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("record_class", sa.String(20), nullable=False),
        sa.Column("cohort_id", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("expires_at", sa.BigInteger(), nullable=False, comment="since when it is due"),
        sa.Column("outlet", sa.String(32), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column(
            "reason", sa.String(40), server_default="", nullable=False, comment="why it was kept, held or has failed"
        ),
        sa.Column(
            "wrap_digest", sa.LargeBinary(32), nullable=True, comment="SHA-256 of the erased wrap, to look for residue"
        ),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "state IN ('due', 'destroyed', 'held', 'kept', 'failed')", name=op.f("ck_destruction_items_state")
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["destruction_plans.plan_id"], name=op.f("fk_destruction_items_plan_id")),
        sa.PrimaryKeyConstraint("plan_id", "record_id", name=op.f("pk_destruction_items")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_destruction_items_plan_id_state"), "destruction_items", ["plan_id", "state"])
    op.create_index(op.f("ix_destruction_items_record_id"), "destruction_items", ["record_id"])
    grant_to_application(
        "SELECT, INSERT, UPDATE",
        "holds",
        "destruction_plans",
        "destruction_items",
        "paper_boxes",
        "backups",
        "clock_marks",
    )
    grant_to_application("SELECT, INSERT", "tombstones", "certificates")


def downgrade() -> None:
    for name in (
        "clock_marks",
        "backups",
        "paper_boxes",
        "certificates",
        "tombstones",
        "destruction_items",
        "destruction_plans",
        "holds",
    ):
        op.drop_table(name)
    with op.batch_alter_table("records", recreate=_recreate()) as records:
        for link in _LINKS:
            records.create_foreign_key(op.f(f"fk_records_{link}"), "records", [link], ["record_id"])
    with op.batch_alter_table("cohorts", recreate=_recreate()) as cohorts:
        for name in ("destroyed_at", "emptied_at", "closing_at"):
            cohorts.drop_column(name)


def _recreate() -> str:
    # SQLite adds a column where the tables do not say it stands; a copy has it where it belongs.
    return "always" if op.get_bind().dialect.name == "sqlite" else "never"
