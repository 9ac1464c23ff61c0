"""Closing cohorts: how long the log was when the last record had left, and who may drop an empty partition.

The application may not drop tables; it asks a function of the migrator, which drops nothing that holds a row.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vault.storage.schema import APPLICATION_ROLE, has_application_role

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

# As the function that makes partitions (0003): a fixed search path, every name qualified. Look-ups queue behind whoever
# waits for this lock, so it is not waited for long: nothing rests on when the partition goes.
_DROP_PARTITION = """
CREATE FUNCTION {schema}.datavault_drop_partition(closed bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = 200
AS $function$
DECLARE
    partition CONSTANT text := 'wrapped_keys_' || encode(closed, 'hex');
    occupied boolean;
BEGIN
    IF closed IS NULL OR octet_length(closed) <> 16 THEN
        RAISE EXCEPTION 'a cohort id has 16 bytes' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM 1 FROM {schema}.cohorts WHERE cohort_id = closed AND state IN ('empty', 'destroyed');
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the cohort is not closed' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    LOCK TABLE {schema}.wrapped_keys IN ACCESS EXCLUSIVE MODE;
    IF to_regclass(format('%I.%I', {schema_text}, partition)) IS NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('SELECT EXISTS (SELECT FROM %I.%I)', {schema_text}, partition) INTO occupied;
    IF occupied THEN
        RAISE EXCEPTION 'the partition holds rows' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    EXECUTE format('DROP TABLE %I.%I', {schema_text}, partition);
    RETURN true;
END
$function$
"""


def upgrade() -> None:
    with op.batch_alter_table("cohorts", recreate=_recreate()) as cohorts:
        cohorts.add_column(
            sa.Column(
                "moved_size",
                sa.BigInteger(),
                nullable=True,
                comment="events in the log when the last record had left; a backup of as many holds every move",
            )
        )
    if op.get_bind().dialect.name == "postgresql":
        _drop_partition_function(op.get_bind())


def _drop_partition_function(connection: sa.Connection) -> None:
    name = connection.scalar(sa.text("SELECT current_schema"))
    schema = connection.dialect.identifier_preparer.quote(name)
    schema_text = connection.scalar(sa.text("SELECT quote_literal(:name)"), {"name": name})
    connection.exec_driver_sql(_DROP_PARTITION.format(schema=schema, schema_text=schema_text).replace("%", "%%"))
    function = f"{schema}.datavault_drop_partition(bytea)"
    op.execute(f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC")
    if has_application_role(connection):
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {APPLICATION_ROLE}")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION datavault_drop_partition(bytea)")
    with op.batch_alter_table("cohorts", recreate=_recreate()) as cohorts:
        cohorts.drop_column("moved_size")


def _recreate() -> str:
    # SQLite adds a column where the tables do not say it stands; a copy has it where it belongs.
    return "always" if op.get_bind().dialect.name == "sqlite" else "never"
