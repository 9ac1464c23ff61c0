"""The one file that knows all rooms: from the settings to a running vault, or the reason why not."""

from __future__ import annotations

import getpass
import stat
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from vault.config import Config
from vault.crypto import self_test
from vault.crypto.key_store_copies import Copy
from vault.crypto.key_store_files import KeyStoreFiles
from vault.crypto.providers import FileProvider, PassphraseProvider, RootKeyProvider
from vault.domain.ids import Role, new_id
from vault.domain.log import Action, Actor, Outcome
from vault.domain.mail_addresses import duty_addresses
from vault.domain.people import AccountState
from vault.errors import InvalidValue, KeyStoreError, SetupError, VaultSealed
from vault.services import log as log_service
from vault.services import people as people_service
from vault.services import sealing
from vault.services.backup_drill import Ground
from vault.services.backup_restore import Site
from vault.services.steps.counting import Counting
from vault.services.steps.keys import KeyRing, make_cohorts_ahead, mirror
from vault.services.steps.parts import Parts
from vault.services.steps.policy_keeping import keep_policy
from vault.storage import people, schema, vault_state
from vault.storage.backup_engine import BackupEngine, RestorePlace
from vault.storage.backup_folder import take_copy
from vault.storage.breach.outbox import Outbox
from vault.storage.drill_ground import drill_ground as drilling
from vault.storage.engine import Database
from vault.storage.group_commit import GroupCommit
from vault.storage.ledger import Ledger
from vault.storage.log_anchors import Anchor, Anchors, FolderAnchor, SyslogAnchor
from vault.storage.log_files import LogFiles
from vault.storage.log_webhook import WebhookAnchor
from vault.storage.mail import Mailer
from vault.storage.pg_backup import PgBackup
from vault.storage.pg_restore import PgPlace
from vault.storage.policy_files import load_policy
from vault.storage.restore_marker import RestoreMarker
from vault.storage.sqlite_backup import SqliteBackup
from vault.storage.sqlite_restore import SqlitePlace
from vault.storage.unit_of_work import unit_of_work
from vault.storage.vault_state import VaultState

FIRST_ADMIN = "ADMIN01"


def root_key_provider(config: Config) -> RootKeyProvider:
    """Return the provider the settings name."""
    if config.root_key_provider == "passphrase":
        return PassphraseProvider(
            config.root_key_file,
            lambda: _passphrase(config.passphrase_file, "DATAVAULT_ROOT_PASSPHRASE_FILE", "passphrase: "),
            lambda: _passphrase(config.new_passphrase_file, "DATAVAULT_NEW_ROOT_PASSPHRASE_FILE", "new passphrase: "),
        )
    return FileProvider(config.root_key_file)


def _passphrase(path: Path | None, setting: str, prompt: str) -> str:
    if path is not None:
        try:
            # A group is let in: systemd gives its credentials to the service's user by an access list.
            if path.stat().st_mode & stat.S_IRWXO:
                raise KeyStoreError("passphrase_too_open", path=str(path))
            return path.read_text(encoding="utf-8").rstrip("\n")
        except OSError:
            raise KeyStoreError("passphrase_unreadable", path=str(path)) from None
        except UnicodeDecodeError:
            raise KeyStoreError("passphrase_not_text") from None
    if sys.stdin.isatty():
        return getpass.getpass(prompt)
    raise KeyStoreError("passphrase_missing", setting=setting)


def key_store_files(config: Config) -> KeyStoreFiles:
    """Return the registered key store copies."""
    return KeyStoreFiles(key_copies(config), config.keys_dir / "keystore.lock", root_key_provider(config))


def key_copies(config: Config) -> list[Copy]:
    """Return where the copies lie; each epoch file lies in another folder than its store."""
    return [Copy(folder / "store" / "keystore", folder / "epoch" / "epoch") for folder in config.key_copies]


def ledger(config: Config, vault_id: bytes) -> Ledger:
    """Return the ledger, of which a file lies beside each key store copy."""
    copies = [folder / "store" / "ledger" for folder in config.key_copies]
    return Ledger(copies, config.keys_dir / "ledger.lock", vault_id)


def anchors(config: Config) -> Anchors:
    """Return the places elsewhere that get each signed checkpoint.

    Raises:
        SetupError: the address of the syslog or the webhook cannot be one.
    """
    places: list[Anchor] = []
    if config.checkpoint_copy_dir is not None:
        places.append(FolderAnchor(config.checkpoint_copy_dir))
    if config.checkpoint_syslog:
        places.append(SyslogAnchor(config.checkpoint_syslog))
    if config.checkpoint_webhook:
        places.append(WebhookAnchor(config.checkpoint_webhook))
    return Anchors(config.checkpoint_dir, places)


def post(config: Config) -> tuple[Mailer, Mapping[Role, str]]:
    """Return what sends letters, and the duty mailboxes by role.

    Raises:
        SetupError: ``not_a_mail_server``, ``not_a_mail_sender`` or ``bad_duty_mail``.
    """
    try:
        boxes = duty_addresses(config.role_mail)
    except InvalidValue:
        raise SetupError("bad_duty_mail", setting="DATAVAULT_ROLE_MAIL") from None
    return Mailer(config.smtp_url, config.mail_from), boxes


def backup_engine(config: Config, database: Database) -> BackupEngine:
    """Return what takes and reads copies of the database in use.

    Args:
        config: the settings.
        database: the one that is copied.
    """
    if database.is_sqlite:
        return SqliteBackup(database)
    return PgBackup(config.migrator_url, config.pg_bin)


def restore_site(config: Config) -> Site:
    """Return where a backup would be restored: the place that the settings name."""
    database = Database(config.database_url, pool_size=1)
    place: RestorePlace
    if database.is_sqlite:
        place = SqlitePlace(Path(database.url.database or ""))
    else:
        place = PgPlace(config.migrator_url, config.pg_bin)
    return Site(backup_engine(config, database), place, restore_marker(config))


def restore_marker(config: Config) -> RestoreMarker:
    """Return the mark that closes the vault while a backup is being restored."""
    return RestoreMarker(config.data_dir / "restoring.json")


def log_pin(config: Config) -> str:
    """Return the public key of the log, of the key store in use: whose backups are to be restored."""
    store = key_store_files(config).load()
    return store.signer(_origin(store.vault_id)).verifier_key()


def log_keys(config: Config) -> list[str]:
    """Return the key statements beside the checkpoints: what connects the key of the log with those before it."""
    return LogFiles(config.checkpoint_dir).keys()


def _origin(vault_id: bytes) -> str:
    return f"datavault.local/{vault_id.hex()}"


@contextmanager
def drill_ground(config: Config) -> Iterator[Ground]:
    """Give a folder and a database of its own for a drill; both are gone afterwards.

    Raises:
        SetupError: ``scratch_not_allowed``: the migrator may not make databases.
        StorageUnavailable: ``drill_under_way``.
    """
    vault_id = key_store_files(config).load().vault_id
    is_sqlite = config.database_url.startswith("sqlite")
    with drilling(config.data_dir, config.migrator_url, config.pg_bin, vault_id.hex()[:8], is_sqlite=is_sqlite) as (
        folder,
        place,
    ):
        yield Ground(folder, place, lambda url: open_restored(config, url, folder), time.monotonic)


@contextmanager
def open_restored(config: Config, url: str, scratch: Path | None = None) -> Iterator[Parts]:
    """Open a restored database that nothing has been applied to yet; nobody else has it open.

    Args:
        config: the settings.
        url: SQLAlchemy address of it, for the role that owns it.
        scratch: for a drill, a folder in which the ledger is copied and checkpoints would be kept; None for a restore.

    Yields:
        The parts; on leaving, the log writer finishes and connections close.

    Raises:
        KeyStoreError: the keys are of another vault, or older than the database.
        SetupError: ``no_vault_here``.
        StorageError: ``unknown_revision``: it is of a newer program.
    """
    self_test.run()
    policy = load_policy(config.policies_dir)
    schema.upgrade(url)
    database = Database(url, pool_size=4)
    try:
        database.check()
        with database.read() as connection:
            state = vault_state.read(connection)
        if state is None:
            raise SetupError("no_vault_here", data_dir=str(config.data_dir))
        files = key_store_files(config)
        store = files.load()
        store.check_against(state.vault_id, state.key_store_version)
        kept, log_files, places = ledger(config, state.vault_id), LogFiles(config.checkpoint_dir), anchors(config)
        if scratch is not None:
            take_copy(kept.copies[0], scratch / "ledger")
            kept = Ledger([scratch / "ledger"], scratch / "ledger.lock", state.vault_id)
            log_files, places = LogFiles(scratch / "checkpoints"), Anchors(scratch / "checkpoints", [])
        elif not kept.exists():  # one that the backup or a checkpoint speaks of is missed later
            kept.create()
        writer = GroupCommit(database, Counting(config.node, policy.digest, lambda: datetime.now(UTC)))
        try:
            keys, outbox = KeyRing(files, store), _outbox(config)
            parts = Parts(database, keys, policy, writer, log_files, config.node, places, kept, outbox)
            mirror(database, policy, operator(config), store, datetime.now(UTC))
            yield parts
        finally:
            writer.close()
    finally:
        database.dispose()


@contextmanager
def open_vault(config: Config, *, to_inspect: bool = False) -> Iterator[Parts]:
    """Open an existing vault and put its parts together.

    Args:
        config: the settings.
        to_inspect: open a database that went back in time too, for commands that only look and tell.

    Yields:
        The parts; on leaving, the log writer finishes and connections close.

    Raises:
        SelfTestFailed: a cryptographic primitive is not what it should be.
        SetupError: there is no vault here yet.
        VaultSealed: the database's schema is not the one this code was written for, or it went back in time.
            A backup is being restored.
        KeyStoreError: the keys are missing, wrong, too open, of another vault or older than the database.
        PolicyError: the policy cannot be loaded.
        StorageUnavailable: the database does not answer.
    """
    self_test.run()
    restore_marker(config).refuse()
    policy = load_policy(config.policies_dir)
    database = Database(config.database_url, pool_size=config.threads + 4)
    if database.is_sqlite and not Path(database.url.database or "").is_file():
        _refuse_lost_database(config)
        raise SetupError("no_vault_here", data_dir=str(config.data_dir))
    try:
        database.check()
        with database.read() as connection:
            state = vault_state.read(connection)
        if state is None:
            raise SetupError("no_vault_here", data_dir=str(config.data_dir))
        if schema.revision_of(database) != schema.head():
            raise VaultSealed("schema_not_current")
        files = key_store_files(config)
        store = files.load()
        store.check_against(state.vault_id, state.key_store_version)
        writer = GroupCommit(database, Counting(config.node, policy.digest, lambda: datetime.now(UTC)))
        try:
            log_files = LogFiles(config.checkpoint_dir)
            keys, kept = KeyRing(files, store), ledger(config, state.vault_id)
            places, outbox = anchors(config), _outbox(config)
            parts = Parts(
                database, keys, policy, writer, log_files, config.node, places, kept, outbox, *post(config)
            )  # fmt: skip
            if not kept.exists():  # a vault of a release that had none; where one was signed, it is refused below
                kept.create()
            if not to_inspect:
                _refuse_rewound(parts)
            if store.version > state.key_store_version:  # a writer was killed between the file and its mirror
                make_cohorts_ahead(database, parts.keys, policy, operator(config), datetime.now(UTC))
            if not to_inspect:
                keep_policy(parts, config.policies_dir, operator(config), datetime.now(UTC))
            yield parts
        finally:
            writer.close()
    finally:
        database.dispose()


def _outbox(config: Config) -> Outbox:
    """Return where files for senders outside the vault are put: beside the data, never where the process was begun."""
    return Outbox(config.data_dir / "outbox")


def _refuse_rewound(parts: Parts) -> None:
    """Refuse a database that is not what was signed, and let the duty mailboxes know that nobody is served."""
    try:
        log_service.refuse_rewound(parts)
    except VaultSealed as sealed:
        sealing.tell(parts, sealed, datetime.now(UTC))
        raise


def _refuse_lost_database(config: Config) -> None:
    """Say so when keys are there but the database is gone: that is a loss, not a new vault."""
    if key_store_files(config).exists():
        raise SetupError("keys_without_database", data_dir=str(config.data_dir))


def operator(config: Config) -> Actor:
    """Return the local operator, logged as ``operator:<os user>``."""
    return Actor(f"operator:{getpass.getuser()}", "operator", node=config.node)


def init(config: Config, now: datetime) -> str:
    """Create a vault: keys, schema, cohorts ahead, the first administrator, the first checkpoint.

    Args:
        config: the settings.
        now: UTC.

    Returns:
        The first administrator's one-time secret, shown once.

    Raises:
        SetupError: there is a vault or a part of one already; nothing was changed.
    """
    self_test.run()
    policy = load_policy(config.policies_dir)
    files, provider = key_store_files(config), root_key_provider(config)
    database = Database(config.database_url)
    try:
        _refuse_second_run(database, files)
        _prepare_folders(config, database)
        schema.upgrade(config.migrator_url)
        provider.create()
        vault_id = new_id()
        store = files.create(vault_id)
        origin = _origin(vault_id)
        pin = store.signer(origin).verifier_key()
        keys, log_files, writer = KeyRing(files, store), LogFiles(config.checkpoint_dir), GroupCommit(database)
        kept = ledger(config, vault_id)
        kept.create()
        places, outbox = anchors(config), _outbox(config)
        parts = Parts(database, keys, policy, writer, log_files, config.node, places, kept, outbox)
        account_id = new_id()
        with unit_of_work(database) as work:
            vault_state.create(work.connection, VaultState(vault_id, origin, pin, store.version), now)
            people.add(
                work.connection,
                [
                    {
                        "account_id": account_id,
                        "work_number": FIRST_ADMIN,
                        "role": Role.ADMIN.value,
                        "outlet": "",
                        "team": "",
                        "state": AccountState.INVITED.value,
                        "sealed_name": store.seal_person(account_id, "name", FIRST_ADMIN),
                        "created_at": now,
                    }
                ],
            )
            work.announce(parts.event(now, operator(config), Action.VAULT_INIT, Outcome.DONE))
            work.commit()
        make_cohorts_ahead(database, keys, policy, operator(config), now)
        secret = people_service.invite(parts, operator(config), FIRST_ADMIN, now)
        log_files.publish_pin(pin)
        log_service.settle(parts, now)
        writer.close()
        return secret
    finally:
        database.dispose()


def _refuse_second_run(database: Database, files: KeyStoreFiles) -> None:
    if files.exists():
        raise SetupError("already_initialised")
    if database.is_sqlite and not Path(database.url.database or "").exists():
        return
    with database.read() as connection:
        if vault_state.read(connection) is not None:
            raise SetupError("already_initialised")


def _prepare_folders(config: Config, database: Database) -> None:
    config.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    if database.is_sqlite:
        Path(database.url.database or "").parent.mkdir(mode=0o700, parents=True, exist_ok=True)
