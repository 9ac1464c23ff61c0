"""Why keys, database, log, backups or settings do not serve, and what an operator does about it, in English."""

from __future__ import annotations

from collections.abc import Mapping

_DAMAGED = "The key store is damaged: {path}. Put the other registered copy in its place (runbook: lost key)."
_NO_PIN = "The verifier key cannot be used. Take the one that was published when the vault was set up."
_NO_NOTE = "The checkpoint note cannot be read as a signed note. Take an unaltered copy."
_NO_CHECKPOINT = "The checkpoint's text is malformed. Take an unaltered copy."
_NO_PROOF = "The proof cannot be read. Take an unaltered copy."
_SIGNER = "The signer's memory does not fit together. Stop and verify the log before anything is signed again."
_OUR_DEFECT = "A defect in the program was met and nothing was shown. Tell the operator which page you were on."

REASONS_OF_THE_STORE: Mapping[str, str] = {
    "leaf_not_in_tree": _OUR_DEFECT,
    "tree_is_shorter": _OUR_DEFECT,
    "log_has_gap": "Entry {index} of the log is missing. Change nothing and verify the log.",
    "log_writer_closed": "The server is stopping. Try again in a moment.",
    "log_not_written": (
        "The access could not be logged, so nothing is shown. Try again in a moment; if it goes on, tell the operator."
    ),
    "database_busy": "The database is busy. Try again in a moment.",
    "database_unavailable": "The database does not answer. Try again in a moment; if it goes on, tell the operator.",
    "database_folder_unusable": (
        "The database's folder cannot be used. Check that it is mounted, has space and belongs to the service's user."
    ),
    "database_file_gone": (
        "The database file is gone. Mount its folder or restore the backup; nothing new is made in its place."
    ),
    "database_error": "The database failed in an unexpected way. See the service's log.",
    "refused_by_database": (
        "The database refused the statement. See the service's log; this is a defect of the program."
    ),
    "key_store_changed": "The keys were renewed at this moment. Try again.",
    "cohort_not_open": "The retention cohort was closed at this moment. Try again.",
    "no_open_cohort": "No open retention cohort is left. Run “datavault run-due” and check the scheduler.",
    "cohort_horizon_too_short": (
        "The retention cohorts do not reach far enough. Run “datavault run-due” and check the scheduler."
    ),
    "not_storable": "A defect in the program was met and nothing was stored. See the service's log.",
    "sqlite_setting": (
        "SQLite does not keep the setting {setting} = {wanted}. Use a local disk and the supplied SQLite."
    ),
    "postgresql_setting": "PostgreSQL must run with {setting} = {wanted}. Change it and start again.",
    "signer_memory_unreadable": (
        "The signer's memory cannot be read: {path}. Verify the log before anything is signed again."
    ),
    "database_rewound": (
        "The database is older than the last signed checkpoint ({signed} entries signed, {found} found). The "
        "vault stays sealed. Look for the newer database first; where there is none, “datavault log accept-gap "
        "--dry-run” shows what is lost (runbook: rewound database)."
    ),
    "history_rewritten": (
        "The log's history was rewritten below entry {signed}. The vault stays sealed: keep everything as it "
        "is and call the auditor."
    ),
    "nothing_to_accept": "The database holds everything that was signed: there is nothing to accept.",
    "nothing_in_common": (
        "The database holds no state that this vault has signed: it is another one, or its checkpoints were taken "
        "away. Keep everything as it is and call the auditor."
    ),
    "log_was_cut": (
        "The database holds {found} events and checkpoints that speak of more: its log was cut off, which no restored "
        "copy explains. Keep everything as it is and call the auditor."
    ),
    "gap_statement": "The gap statement's text is malformed. Take an unaltered copy.",
    "key_store_unreadable": "The key store cannot be read, so the vault is sealed. Run “datavault doctor”.",
    "backup_place_taken": "Something lies at {path} already. A backup goes into a new folder.",
    "backup_place_unusable": "No folder can be made in {path}. Make it, mount it, or choose another place.",
    "backup_unwritable": (
        "{path} cannot be written: the disk is full or fails. Nothing was left behind; free some space and try again."
    ),
    "keys_beside_backup": "Keys never go where the data goes: {path}. Name a folder elsewhere, on another medium.",
    "backup_tool_missing": (
        "{program} is not there. Install PostgreSQL's client programs, or name their folder in DATAVAULT_PG_BIN."
    ),
    "backup_tool_older": (
        "{program} is of version {version}, older than the server ({server}). Name the newer programs in "
        "DATAVAULT_PG_BIN."
    ),
    "backup_tool_failed": (
        "{program} failed: {said}. Check DATAVAULT_MIGRATOR_URL: the role that owns the schema makes and restores "
        "backups."
    ),
    "scratch_not_allowed": (
        "The role of DATAVAULT_MIGRATOR_URL may not make a database for the trial. Grant it: ALTER ROLE "
        "datavault_owner CREATEDB."
    ),
    "drill_under_way": "Another drill is under way on this host. Try again when it has ended.",
    "database_in_use": "Somebody has the database open. Stop every service, then run the same command again.",
    "not_a_backup": "There is no backup of a form we know in {path}.",
    "backup_manifest": "The backup's manifest is malformed. Take an unaltered copy.",
    "backup_of_other_engine": (
        "The backup is one of {engine}, and DATAVAULT_DATABASE_URL names another kind of database."
    ),
    "backup_of_other_vault": "The backup is one of another vault.",
    "backup_refused": "The backup does not hold: {finding} {name}. Nothing was restored; see datavault backup verify.",
    "backup_not_signed": "The manifest was not signed by this vault's log key, or was altered: {name}.",
    "backup_unreadable": "The backup's files cannot be read.",
    "backup_file_missing": "A file is missing: {name}.",
    "backup_file_unknown": "A file lies there that the manifest does not name: {name}.",
    "backup_differs": "A file is not as it was when it was signed: {name}.",
    "backup_damaged": "The database in the backup is damaged.",
    "backup_not_loadable": "The backup could not be loaded into a database: {name}.",
    "backup_rows_differ": "The table {name} holds {count} rows, another number than the manifest says.",
    "backup_log_broken": "The access log in the backup does not hold ({count} findings).",
    "backup_keys_gone": "{count} records cannot be opened any more, because their cohort was closed: {name}.",
    "place_holds_vault": (
        "A database is there already. SQLite: --replace sets it aside; PostgreSQL: make a new, empty database."
    ),
    "another_restore": (
        "Another backup is being restored ({path}). Finish it, or give it up with datavault backup restore --cancel."
    ),
    "nothing_to_cancel": "There is no restore that could still be given up.",
    "restore_unfinished": (
        "A backup is being restored ({path}). Run the same datavault backup restore again to finish it."
    ),
    "restore_mark_unreadable": "The mark of a restore cannot be read: {path}. See the runbook on restoring.",
    "checkpoints_older": (
        "The folder of checkpoints is older than the checkpoint that was sent to {path}. Bring back the newest folder."
    ),
    "records_lost": (
        "{count} living records of this backup cannot be opened any more: their cohorts were closed since. Restore a "
        "newer backup, or give them up with --accept-loss."
    ),
    "pin_unreadable": "The pinned key cannot be read from {path}.",
    "key_store_older": (
        "The key store is older than the database: an old copy was put in place. Bring back the newest registered copy."
    ),
    "schema_not_current": "The database waits for an upgrade. Take a backup, then run “datavault db upgrade”.",
    "key_wrong": (
        "The root key or the epoch secret does not open the key store {path}. Mount the right ones; the vault"
        " never makes new keys over existing data."
    ),
    "key_not_hexadecimal": "The root key file must hold hexadecimal digits only: {path}.",
    "key_parameters_malformed": "The passphrase's salt file is malformed: {path}. Bring back the right copy.",
    "key_parameters_out_of_bounds": "The passphrase's cost lies out of bounds: {path}. Bring back the right copy.",
    "passphrase_missing": "There is no terminal to ask for the passphrase. Name a file in {setting}.",
    "passphrase_unreadable": "The passphrase file cannot be read: {path}.",
    "passphrase_too_open": "Others can read the passphrase file {path}. Run chmod 600, and consider it seen.",
    "passphrase_empty": "The passphrase is empty. Type it.",
    "passphrase_not_text": "The passphrase holds characters that are no text. Type it on a UTF-8 terminal.",
    "passphrase_too_short": "The passphrase is too short: at least {least} characters.",
    "passphrases_differ": "The two passphrases are not the same. Type both again.",
    "key_store_damaged": _DAMAGED,
    "epoch_secret_damaged": (
        "The epoch secret is damaged: {path}. Use the copy beside the other registered key store (runbook: lost key)."
    ),
    "key_store_other_vault": "This key store belongs to another vault. Mount the right one.",
    "copies_differ": (
        "The registered copies of the key store contradict each other at {path}. Stop all processes and "
        "follow the runbook for a lost key."
    ),
    "too_few_copies": "At least {least} registered copies of the key store are needed.",
    "copies_share_a_file": "Two registered copies of the key store are the same file. Give each its own folder.",
    "epoch_secret_beside_key_store": (
        "The epoch secret lies in the same folder as the key store: {path}. Keep them apart."
    ),
    "root_rotation_unfinished": (
        "The passphrase was being replaced, and {path} is still under the other one. Run “datavault keys status” at a"
        " terminal, without a passphrase file, and type the old and then the new one."
    ),
    "key_store_busy": "Another process holds the key store: {path}. Wait for it or stop it.",
    "unknown_cohort": "A record's retention cohort is not in the key store. Is an old copy mounted?",
    "signing_key_length": _DAMAGED,
    "signing_key_replaced": (
        "The key store holds signing key {key}, which was replaced: it is an old copy, or somebody who has that key"
        " announced another. See ops/runbooks/rotate-keys.md."
    ),
    "signing_key_changed": "Another signing key is in force than the one shown. Look again.",
    "key_change": _NO_CHECKPOINT,
    "verifier_key_malformed": _NO_PIN,
    "verifier_key_algorithm": _NO_PIN,
    "verifier_key_id": _NO_PIN,
    "note_not_signed_by_key": "The checkpoint is not signed by this key.",
    "note_signature_wrong": "The checkpoint's signature is wrong: its text was changed.",
    "note_too_long": _NO_NOTE,
    "note_malformed": _NO_NOTE,
    "note_text": _NO_NOTE,
    "key_name": _NO_PIN,
    "checkpoint_origin": _NO_CHECKPOINT,
    "checkpoint_size": _NO_CHECKPOINT,
    "checkpoint_root": _NO_CHECKPOINT,
    "checkpoint_lines": _NO_CHECKPOINT,
    "proof_lines": _NO_PROOF,
    "proof_base64": _NO_PROOF,
    "proof_index": _NO_PROOF,
    "proof_path": _NO_PROOF,
    "proof_checkpoint": _NO_PROOF,
    "frontier_size": _SIGNER,
    "frontier_count": _SIGNER,
    "frontier_hash_length": _SIGNER,
    "no_answer": "The self-test “{check}” gave no answer. Install the locked versions again; the vault does not start.",
    "wrong_answer": (
        "The self-test “{check}” gave another answer than its published vector. Install the locked versions "
        "again; the vault does not start."
    ),
    "no_receipt": _OUR_DEFECT,
    "not_announced": _OUR_DEFECT,
    "unknown_fact": _OUR_DEFECT,
    "unknown_mask": _OUR_DEFECT,
    "no_vault_here": (
        "There is no vault here yet: {data_dir}. Run “datavault init”, or set DATAVAULT_DATA_DIR to the right folder."
    ),
    "keys_without_database": (
        "The keys are here but the database is gone: {data_dir}. Restore the backup; a new vault would not "
        "open the old records."
    ),
    "already_initialised": "There is a vault here already. Nothing was changed.",
    "migrations_missing": "The migrations are missing from the installation. Install the package again.",
    "unknown_revision": "The database is of a version this program does not know. Install the newer program.",
    "unknown_database": "This database address cannot be used. Use {wanted}.",
    "unknown_choice": "{setting} must be one of: {options}.",
    "not_a_whole_number": "{setting} needs a whole number, at most {most}.",
    "needs_two_copies": "{setting} needs two folders or more, best on two devices.",
    "not_a_syslog_address": "{setting} needs udp:HOST:PORT or unix:/PATH.",
    "not_a_webhook_address": "{setting} needs https://HOST/PATH, or http:// of this host itself; no user name in it.",
    "not_a_mail_server": (
        "{setting} needs smtps://USER:PASSWORD@HOST or smtp://USER:PASSWORD@HOST?starttls; without TLS only this host."
    ),
    "not_a_mail_sender": "{setting} needs the one address that mail comes from, such as vault@example.com.",
    "bad_duty_mail": "{setting} needs ROLE=ADDRESS with commas, each role once, such as imd=duty@example.com.",
    "bad_letter": "This letter cannot be sent: its subject must be one line.",
    "not_an_address": "{setting} needs host:port, such as 127.0.0.1:8321.",
    "demo_only_on_loopback": "The demo only listens on this machine. Set {setting} to 127.0.0.1 or leave it out.",
    "address_in_use": "Another process already listens there. Stop it, or choose another address in {setting}.",
    "needs_a_host": "{setting} needs at least one host name, such as vault.example.com.",
    "checkpoint_unwritable": (
        "The checkpoint folder cannot be written: {path}. Check free space and that the service's user owns it."
    ),
}
