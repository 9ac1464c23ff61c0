"""Tiles of the log's tree, what was exported to whom, and policy texts by digest.

The tiles of events that are there already are built when the log is next put in order, in short steps.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vault.storage.schema import grant_to_application

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "log_tiles",
        sa.Column("level", sa.SmallInteger(), nullable=False, comment="hashes of tree level 8 * level"),
        sa.Column("number", sa.BigInteger(), nullable=False, comment="place among the tiles of its level, from 0"),
        sa.Column("root", sa.LargeBinary(32), nullable=False, comment="over the 256 hashes"),
        sa.Column("hashes", sa.LargeBinary(), nullable=False, comment="256 hashes side by side; never changes"),
        sa.PrimaryKeyConstraint("level", "number", name=op.f("pk_log_tiles")),
    )
    op.create_table(
        "log_exports",
        sa.Column("export_id", sa.LargeBinary(16), nullable=False, comment="the event that the log holds of it"),
        sa.Column("exported_by", sa.String(64), nullable=False, comment="actor, as events name them"),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False, comment="of the checkpoint in the bundle"),
        sa.Column("root", sa.LargeBinary(32), nullable=False, comment="of the checkpoint in the bundle"),
        sa.Column("question", sa.Text(), nullable=False, comment="what was asked for, as the manifest says it"),
        sa.PrimaryKeyConstraint("export_id", name=op.f("pk_log_exports")),
    )
    op.create_index(op.f("ix_log_exports_exported_by_at"), "log_exports", ["exported_by", "at"])
    op.create_table(
        "policy_texts",
        sa.Column("digest", sa.String(64), nullable=False, comment="of the whole policy, as events name it"),
        sa.Column("name", sa.String(40), nullable=False, comment="file name without .toml"),
        sa.Column("content", sa.LargeBinary(), nullable=False, comment="the file's bytes"),
        sa.PrimaryKeyConstraint("digest", "name", name=op.f("pk_policy_texts")),
    )
    grant_to_application("SELECT, INSERT", "log_tiles", "log_exports", "policy_texts")


def downgrade() -> None:
    op.drop_table("policy_texts")
    op.drop_table("log_exports")
    op.drop_table("log_tiles")
