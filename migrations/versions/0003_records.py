"""Records, their sealed values, wrapped keys and blind index.

On PostgreSQL wrapped keys are partitioned by cohort. The application may not create tables; it asks a function
of the migrator for the partition of a new cohort.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vault.storage.schema import APPLICATION_ROLE, grant_to_application, has_application_role

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# The search path is fixed and every name is qualified, so that a caller's own tables, operators or settings
# cannot stand in for ours. ATTACH instead of PARTITION OF: it does not lock look-ups out of the parent.
_MAKE_PARTITION = """
CREATE FUNCTION {schema}.datavault_make_partition(cohort_id bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    hexadecimal CONSTANT text := encode(cohort_id, 'hex');
    partition CONSTANT text := 'wrapped_keys_' || hexadecimal;
BEGIN
    IF cohort_id IS NULL OR octet_length(cohort_id) <> 16 THEN
        RAISE EXCEPTION 'a cohort id has 16 bytes' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    LOCK TABLE {schema}.wrapped_keys IN SHARE UPDATE EXCLUSIVE MODE;
    IF to_regclass(format('%I.%I', {schema_text}, partition)) IS NULL THEN
        EXECUTE format('CREATE TABLE %I.%I (LIKE {schema}.wrapped_keys INCLUDING ALL)', {schema_text}, partition);
        EXECUTE format(
            'ALTER TABLE {schema}.wrapped_keys ATTACH PARTITION %I.%I FOR VALUES IN (decode(%L, ''hex''))',
            {schema_text}, partition, hexadecimal
        );
    END IF;
END
$function$
"""


def upgrade() -> None:
    op.create_table(
        "records",
        sa.Column("record_id", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("record_class", sa.String(20), nullable=False),
        sa.Column("cohort_id", sa.LargeBinary(16), nullable=False, comment="whose key wraps the record's data key"),
        sa.Column("owner_id", sa.LargeBinary(16), nullable=True, comment="归属客服, or who handles the service"),
        sa.Column("outlet", sa.String(32), nullable=False),
        sa.Column(
            "kind",
            sa.String(16),
            nullable=False,
            comment="service records: consultation, complaint, callback, rating",
        ),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False, comment="under legal hold"),
        sa.Column("activity_at", sa.BigInteger(), nullable=False, comment="from which the expiry is computed"),
        sa.Column(
            "expires_at", sa.BigInteger(), nullable=True, comment="restricted from this second; empty while open"
        ),
        sa.Column("sender_id", sa.LargeBinary(16), nullable=True, comment="16 random bytes"),
        sa.Column("recipient_id", sa.LargeBinary(16), nullable=True, comment="16 random bytes"),
        sa.Column("customer_id", sa.LargeBinary(16), nullable=True, comment="16 random bytes"),
        sa.Column("shipment_id", sa.LargeBinary(16), nullable=True, comment="16 random bytes"),
        sa.Column(
            "mac",
            sa.LargeBinary(32),
            nullable=False,
            comment="over all columns above and the list of current fields",
        ),
        sa.Column("revision", sa.Integer(), nullable=False, comment="counts every change"),
        sa.Column(
            "import_revision",
            sa.Integer(),
            nullable=True,
            comment="the revision the last import left; empty: made here",
        ),
        sa.Column("entered_at", sa.BigInteger(), nullable=False, comment="when it was entered (CE-02)"),
        sa.Column(
            "late",
            sa.Boolean(),
            nullable=False,
            comment="entered more than 30 minutes after the service ended (CE-02)",
        ),
        sa.Column("notice_missing", sa.Boolean(), nullable=False, comment="no notice was given or recorded (CE-01)"),
        sa.CheckConstraint("state IN ('settled', 'open')", name=op.f("ck_records_state")),
        sa.CheckConstraint("state = 'open' OR expires_at IS NOT NULL", name=op.f("ck_records_settled_expires")),
        sa.CheckConstraint(
            "record_class = 'service_record' OR (state = 'settled' AND kind = '')",
            name=op.f("ck_records_only_services_open"),
        ),
        sa.ForeignKeyConstraint(["cohort_id"], ["cohorts.cohort_id"], name=op.f("fk_records_cohort_id")),
        sa.ForeignKeyConstraint(["customer_id"], ["records.record_id"], name=op.f("fk_records_customer_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["accounts.account_id"], name=op.f("fk_records_owner_id")),
        sa.ForeignKeyConstraint(["recipient_id"], ["records.record_id"], name=op.f("fk_records_recipient_id")),
        sa.ForeignKeyConstraint(["sender_id"], ["records.record_id"], name=op.f("fk_records_sender_id")),
        sa.ForeignKeyConstraint(["shipment_id"], ["records.record_id"], name=op.f("fk_records_shipment_id")),
        sa.PrimaryKeyConstraint("record_id", name=op.f("pk_records")),
    )
    op.create_index(op.f("ix_records_cohort_id"), "records", ["cohort_id"])
    for link in ("sender_id", "recipient_id", "customer_id", "shipment_id"):
        linked = sa.text(f"{link} IS NOT NULL")
        op.create_index(op.f(f"ix_records_{link}"), "records", [link], sqlite_where=linked, postgresql_where=linked)
    op.create_table(
        "record_fields",
        sa.Column("record_id", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("field", sa.String(24), nullable=False),
        sa.Column("ordinal", sa.SmallInteger(), nullable=False, comment="several phones or addresses: 0, 1, …"),
        sa.Column("generation", sa.Integer(), nullable=False, comment="how often this value has been replaced"),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column(
            "superseded_at",
            sa.BigInteger(),
            nullable=True,
            comment="kept sealed for breach notices; dies with the record",
        ),
        sa.CheckConstraint("length(sealed) >= 30", name=op.f("ck_record_fields_is_sealed")),
        sa.PrimaryKeyConstraint("record_id", "field", "ordinal", "generation", name=op.f("pk_record_fields")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "wrapped_keys",
        sa.Column("cohort_id", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("record_id", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column(
            "wrapped",
            sa.LargeBinary(),
            nullable=False,
            comment="the record's data key under the cohort's wrap key",
        ),
        sa.CheckConstraint("length(wrapped) = 62", name=op.f("ck_wrapped_keys_is_wrapped")),
        sa.PrimaryKeyConstraint("cohort_id", "record_id", name=op.f("pk_wrapped_keys")),
        postgresql_partition_by="LIST (cohort_id)",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "record_index",
        sa.Column(
            "tag", sa.LargeBinary(16), nullable=False, comment="blind-index tag under a cohort's key for the kind"
        ),
        sa.Column("record_id", sa.LargeBinary(16), nullable=False, comment="16 random bytes"),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("ordinal", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint("length(tag) = 16", name=op.f("ck_record_index_full_tag")),
        sa.PrimaryKeyConstraint("tag", "record_id", "kind", "ordinal", name=op.f("pk_record_index")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_record_index_record_id"), "record_index", ["record_id"])
    grant_to_application("SELECT, INSERT, UPDATE, DELETE", "records", "record_fields", "wrapped_keys", "record_index")
    if op.get_bind().dialect.name == "postgresql":
        _make_partition_function(op.get_bind())


def _make_partition_function(connection: sa.Connection) -> None:
    name = connection.scalar(sa.text("SELECT current_schema"))
    schema = connection.dialect.identifier_preparer.quote(name)
    schema_text = connection.scalar(sa.text("SELECT quote_literal(:name)"), {"name": name})
    connection.exec_driver_sql(_MAKE_PARTITION.format(schema=schema, schema_text=schema_text).replace("%", "%%"))
    function = f"{schema}.datavault_make_partition(bytea)"
    op.execute(f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC")
    if has_application_role(connection):
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {APPLICATION_ROLE}")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION datavault_make_partition(bytea)")
    op.drop_table("record_index")
    op.drop_table("wrapped_keys")
    op.drop_table("record_fields")
    op.drop_table("records")
