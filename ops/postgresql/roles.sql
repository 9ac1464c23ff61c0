-- Roles and database, once, as a superuser: psql -f ops/postgresql/roles.sql
-- Then give both roles a way in: \password datavault_owner, \password datavault_app, or a line in pg_hba.conf.

-- Owns the schema. Used by `datavault init`, `db upgrade` and `backup` only (DATAVAULT_MIGRATOR_URL). It may make
-- databases, because a drill restores into one of its own and drops it again.
CREATE ROLE datavault_owner LOGIN NOSUPERUSER CREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT;

-- The running vault (DATAVAULT_DATABASE_URL). The migrations grant it what it needs: it cannot change the schema, nor
-- update, delete or truncate the log.
CREATE ROLE datavault_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT;

-- PostgreSQL 17 or later, if you wish: lets the vault VACUUM what it has destroyed rows from, and its certificates say so.
-- GRANT pg_maintain TO datavault_app WITH INHERIT TRUE;

CREATE DATABASE datavault OWNER datavault_owner ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0;

REVOKE ALL ON DATABASE datavault FROM PUBLIC;

GRANT CONNECT ON DATABASE datavault TO datavault_app;

-- An event must be on disk, and on the synchronous standby where there is one, before anything is shown.
ALTER DATABASE datavault SET synchronous_commit = 'on';

-- Statements that fail may carry sealed values and tags; keep them out of the server's log.
ALTER DATABASE datavault SET log_min_error_statement = 'panic';

ALTER DATABASE datavault SET log_parameter_max_length = 0;

ALTER DATABASE datavault SET log_parameter_max_length_on_error = 0;

ALTER DATABASE datavault SET log_error_verbosity = 'terse';
