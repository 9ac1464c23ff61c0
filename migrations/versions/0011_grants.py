"""Who may decide a request for access, how it was decided, and the grants that come of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vault.storage.schema import grant_to_application

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("access_requests", recreate=_recreate()) as requests:
        requests.add_column(sa.Column("decided_by", sa.LargeBinary(16), nullable=True, comment="16 random bytes"))
        requests.add_column(sa.Column("decided_at", sa.BigInteger(), nullable=True))
        requests.add_column(
            sa.Column(
                "reason",
                sa.String(40),
                nullable=False,
                server_default="",
                comment="why it was refused; not told to the asker",
            )
        )
        requests.create_foreign_key(op.f("fk_access_requests_decided_by"), "accounts", ["decided_by"], ["account_id"])
    op.create_index(op.f("ix_access_requests_case_id"), "access_requests", ["case_id"])
    op.create_table(
        "request_targets",
        sa.Column("request_id", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("account_id", sa.LargeBinary(16), nullable=False, comment="who may decide it"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_request_targets_account_id")),
        sa.ForeignKeyConstraint(
            ["request_id"], ["access_requests.request_id"], name=op.f("fk_request_targets_request_id")
        ),
        sa.PrimaryKeyConstraint("request_id", "account_id", name=op.f("pk_request_targets")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_request_targets_account_id"), "request_targets", ["account_id"])
    op.create_table(
        "grants",
        sa.Column("grant_id", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("account_id", sa.LargeBinary(16), nullable=False, comment="who may see the customer"),
        sa.Column("record_id", sa.LargeBinary(16), nullable=False, comment="the customer"),
        sa.Column("case_id", sa.LargeBinary(16), nullable=True, comment="with which it ends; empty: not taken up yet"),
        sa.Column("request_id", sa.LargeBinary(16), nullable=True, comment="16 random bytes"),
        sa.Column("purpose", sa.String(24), nullable=False),
        sa.Column("granted_by", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("granted_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True, comment="revoked, or its case closed"),
        sa.CheckConstraint("kind IN ('asked', 'shared', 'break_glass')", name=op.f("ck_grants_kind")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_grants_account_id")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name=op.f("fk_grants_case_id")),
        sa.ForeignKeyConstraint(["granted_by"], ["accounts.account_id"], name=op.f("fk_grants_granted_by")),
        sa.ForeignKeyConstraint(["request_id"], ["access_requests.request_id"], name=op.f("fk_grants_request_id")),
        sa.PrimaryKeyConstraint("grant_id", name=op.f("pk_grants")),
    )
    op.create_index(op.f("ix_grants_account_id_expires_at"), "grants", ["account_id", "expires_at"])
    op.create_index(op.f("ix_grants_case_id"), "grants", ["case_id"])
    op.create_index(op.f("ix_grants_granted_by_granted_at"), "grants", ["granted_by", "granted_at"])
    op.create_index(op.f("ix_grants_request_id"), "grants", ["request_id"])
    grant_to_application("SELECT, INSERT, UPDATE, DELETE", "request_targets", "grants")


def downgrade() -> None:
    op.drop_table("grants")
    op.drop_table("request_targets")
    op.drop_index(op.f("ix_access_requests_case_id"), "access_requests")
    with op.batch_alter_table("access_requests", recreate=_recreate()) as requests:
        requests.drop_constraint(op.f("fk_access_requests_decided_by"), type_="foreignkey")
        requests.drop_column("reason")
        requests.drop_column("decided_at")
        requests.drop_column("decided_by")


def _recreate() -> str:
    # SQLite adds a column where the tables do not say it stands; a copy has it where it belongs.
    return "always" if op.get_bind().dialect.name == "sqlite" else "never"
