"""Why something was refused and what to do about it, in English; and what can be wrong with a file."""

from __future__ import annotations

from collections.abc import Mapping

FILES: Mapping[str, str] = {
    "key": "The root key file",
    "key_store": "The key store file",
    "epoch_secret": "The epoch secret file",
    "key_store_lock": "The key store's lock file",
}
"""The private files; with the faults below they make reasons such as ``key_missing``."""

FILE_FAULTS: Mapping[str, str] = {
    "missing": (
        "{what} is missing: {path}. Mount it or bring back the right copy; the vault never makes a new key "
        "over existing data."
    ),
    "unreadable": "{what} cannot be read: {path}. Check that the service's user owns it.",
    "too_open": (
        "Others can read or replace {path}. {what} must be mode 0600 and its folder 0700: chmod it, and "
        "consider the key seen."
    ),
    "empty": "{what} is empty: {path}. Bring back the right copy.",
    "wrong_length": "{what} has the wrong length: {path}. Bring back the right copy.",
    "exists": (
        "Something lies at {path} already. {what} is never overwritten: choose another place or move it away yourself."
    ),
    "unwritable": "{what} cannot be written: {path}. Check free space and that the service's user owns the folder.",
}

_TWICE = "Somebody else entered the same at the same time. Look at it again and repeat."
_DAMAGED = "The key store is damaged: {path}. Put the other registered copy in its place (runbook: lost key)."
_NO_PIN = "The verifier key cannot be used. Take the one that was published when the vault was set up."
_NO_NOTE = "The checkpoint note cannot be read as a signed note. Take an unaltered copy."
_NO_CHECKPOINT = "The checkpoint's text is malformed. Take an unaltered copy."
_NO_PROOF = "The proof cannot be read. Take an unaltered copy."
_SIGNER = "The signer's memory does not fit together. Stop and verify the log before anything is signed again."
_OUR_DEFECT = "A defect in the program was met and nothing was shown. Tell the operator which page you were on."
_NOT_A_WORD = "{field}: this word is not on the list. Use a word of the mapping file."

REASONS: Mapping[str, str] = {
    "span_empty": "The end must lie after the beginning. The end itself is not included.",
    "nobody_of_that_name": "Nobody of this work number is in the log. Check the work number.",
    "file_exists": "{path} is there already. Choose another name.",
    "file_unwritable": "{path} cannot be written. Check the folder and the space on the disk.",
    "leaf_not_in_tree": _OUR_DEFECT,
    "tree_is_shorter": _OUR_DEFECT,
    "log_has_gap": "Entry {index} of the log is missing. Change nothing and verify the log.",
    "not_recognised": (
        "This is no complete waybill, phone or ID number. Check it digit by digit: no digit may be missing or too many."
    ),
    "not_a_phone": "This is no phone number. Give a mainland mobile, or a fixed line with its area code.",
    "not_a_waybill": "This is no waybill number of a known carrier. Check that no digit is missing or too many.",
    "not_a_source_number": "This is no source number: letters, digits and hyphens only.",
    "wrong_length": "The number has the wrong length. Count its digits again.",
    "wrong_form": "{field}: the form is not right. Check the kind and the value.",
    "wrong_check_digit": "The check digit does not fit: one digit is wrong. Read the number out again.",
    "impossible_date": "There is no such date. Check year, month and day.",
    "date_in_future": "The time lies in the future. Check the date and the computer's clock.",
    "value_missing": "{field} is empty. Fill it in.",
    "not_a_number": "{field} needs a plain number, such as 0.50.",
    "rating_out_of_range": "A rating is a whole number from 1 to 5.",
    "ended_too_early": (
        "{field} lies more than {hours} hours before the case was opened. Check the date, or look the customer up anew."
    ),
    "not_on_list": "{field}: choose one from the list.",
    "number_or_records": "Send a number or record ids, not both.",
    "ends_before_it_begins": "The end must lie after the beginning. Change one of the two.",
    "not_of_this_kind": "{field} does not belong to this kind of record. Leave it out, or change the kind.",
    "notice_not_given": "{field}: say which notice the customer was given, and how. Without it nothing is stored.",
    "text_too_long": "{field} is too long: at most {most} characters. Shorten it.",
    "control_character": "{field} holds a character that cannot be seen. Type the text again instead of pasting it.",
    "ended_before_start": "The service ends before it starts. Check both times.",
    "entered_before_end": "The entry is earlier than the end of the service. Check both times.",
    "signed_before_pickup": "The sign-off is earlier than the step before it. Check the track.",
    "out_of_order": "The steps of the track are out of order. Check the times.",
    "no_time_zone": "{field} has no time zone. Give one.",
    "unknown_id_type": "This ID type is not on the list. Use the document's official name.",
    "unknown_class": "This class of records cannot be imported.",
    "password_too_short": (
        "The password is too short: at least {least} characters. A short sentence is easy to remember."
    ),
    "password_too_long": "The password is too long: at most {most} characters.",
    "password_expired": "Your password is past its age. Change it; until then nothing else opens.",
    "current_password_wrong": (
        "The current password was not accepted. After several failures wait a few minutes before the next try."
    ),
    "password_changed_lately": (
        "The password was changed less than {least} hours ago. If somebody else may know it, ask your "
        "administrator for a one-time secret."
    ),
    "password_nearly_the_same": "The new password is too much like the current one. Choose an entirely different one.",
    "password_too_easy": (
        "This password is easy to guess. Leave out your name, your work number, words of the company and common "
        "passwords; several unrelated words are good."
    ),
    "password_used_before": "This is one of your last {most} passwords. Choose another one.",
    "session": "There is no such open session. It has ended already.",
    "passwords_differ": "The two passwords are not the same. Type both again.",
    "sign_in_refused": (
        "Not accepted. Check the work number and the password. After several failures wait a few minutes; if the "
        "password is forgotten, ask your administrator for a new one-time secret."
    ),
    "no_right": "Your role does not have this right. If you need it for your work, ask your administrator.",
    "purpose_forbidden": "Customer data is never used for this purpose. The attempt was logged.",
    "purpose_not_yours": "Your role may not choose this purpose. Choose one of the purposes shown.",
    "field_not_revealed": "This value cannot be shown to your role for this purpose.",
    "handover": "There is no such hand-over waiting for you. It may have been answered or withdrawn already.",
    "no_case_chosen": "{field}: choose at least one of your open cases.",
    "offered_already": "{field}: one of them is offered to somebody already. Withdraw that hand-over first.",
    "cannot_take_over": (
        "{field}: this colleague cannot take over. Choose somebody active whose role may use every purpose, other than "
        "yourself."
    ),
    "note_not_read": "Read the note of the hand-over first, then accept.",
    "case": "This case is not there or not yours any more. Look the number up again: that opens a new one.",
    "record": "There is no such record for you to see. Look the number up again.",
    "request": "This request is not there, or not for you to decide any more.",
    "signal": "There is no such limit for you to lift. It may have been lifted already.",
    "grant": "This access is not there, over already, or not yours to revoke.",
    "share": "This share is not there, over already, or meant for somebody else.",
    "already_decided": "Somebody else has decided this already, or it is over. Nothing was changed.",
    "no_such_record": "There is no such record, so there is nothing to grant. Refuse the request.",
    "choose_one": "Several customers share this number. Choose which one may be seen.",
    "not_to_share": (
        "Only a customer of your own can be shared, neither one of the pool nor one you were given access to."
    ),
    "no_such_colleague": (
        "This is no colleague you can share with. Check the work number; their role must look customers up."
    ),
    "secret_refused": (
        "Not accepted. Check the work number and the one-time secret; if it has expired, ask your "
        "administrator for a new one."
    ),
    "account": "There is no account with this work number, or its owner has left. Check the list of accounts.",
    "token": "There is no such token, or it was ended before. Load the page again.",
    "own_account": "Nobody does this to their own account. Ask another administrator.",
    "open_not_by_grant": (
        "You see this customer by a grant: leave the open complaint to the owner, or choose a result that ends it."
    ),
    "act_not_possible": "The account's state does not allow this. Load the page again and look at the state.",
    "handovers_open": (
        "A hand-over of this person, or to them, waits for an answer. Have it accepted, refused or withdrawn first."
    ),
    "successor_needed": "Open cases, services or boxes of paper are left. Name a colleague who takes them over.",
    "successor_not_possible": (
        "This colleague cannot take over: it must be another person with an active account whose role may work with "
        "everything that is handed on."
    ),
    "work_number_taken": "There is an account with this work number already. Choose another one.",
    "role_not_for_programs": "A program cannot have this role. Choose a role that looks records up.",
    "days_out_of_range": "{field}: a whole number from {least} to {most}.",
    "not_for_programs": "A program may not do this: it takes a person who signs in.",
    "not_found": "There is nothing to show at this address. Go back to the look-up.",
    "unreadable": (
        "A stored value did not pass its integrity check, so nothing is shown. The failure is logged; tell "
        "the operator."
    ),
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
    "conflict": _TWICE,
    "changed_meanwhile": "The record was changed meanwhile. Look it up again.",
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
    "no_such_entry": "The log has no such entry. One written a moment ago may still wait for its place: try again.",
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
    "bad_mail_address": "This is not an e-mail address that letters can be sent to. Write it as name@example.com.",
    "bad_letter": "This letter cannot be sent: its subject must be one line.",
    "not_an_address": "{setting} needs host:port, such as 127.0.0.1:8321.",
    "no_policy_folder": "The folder of rules is missing: {path}.",
    "file_missing": "The rule file {file} is missing.",
    "unknown_file": "The rule file {file} is not known. Check its name.",
    "not_toml": "{file} is not valid TOML.",
    "not_a_pattern": "{file}: the pattern of {place} cannot be read.",
    "unknown_zone": "{file}: the time zone is not known.",
    "retention_missing": "No retention period for {place}. Add one.",
    "retention_needs_years_or_days": "{place}: give either years or days, positive.",
    "must_code": "Give the code of your second factor first.",
    "must_enrol": "Set up your second factor first.",
    "must_be_confirmed": "Your account was reset. Your supervisor, or another administrator, must confirm it is you.",
    "own_reset": "You had a hand in this reset. Somebody else confirms the return.",
    "others_confirm": "This return is for others to confirm: a supervisor of theirs or, without one, an administrator.",
    "not_back_yet": "Not back yet: a new password comes first, and a second factor where the role needs one.",
    "code_refused": "The code is wrong, was used already, or was tried too often. Wait for the next one.",
    "code_not_owed": "No code is due in this session.",
    "confirmation_refused": (
        "Password or code is wrong, or was tried too often. A code works once: wait for the next one, then try again."
    ),
    "second_factor": "There is no second factor to take away or renew. Set one up first.",
    "second_factor_there": "You have a second factor already. Remove it first to set up another.",
    "step_up_needed": "Confirm who you are: give your password and code again.",
    "log_kept_too_short": "The access log must be kept for 6 months at least ({place}).",
    "shift_impossible": "A shift has a beginning and another end, each as HH:MM ({place}).",
    "limits_impossible": "These limits cannot stand together ({place}).",
    "second_factor_impossible": "The numbers of the second factor cannot stand ({place}).",
    "no_reason": "A closed list of reasons is empty ({place}).",
    "verification_impossible": "The numbers of caller verification cannot stand together ({place}).",
    "break_glass_impossible": "Emergency access cannot stand so: two approvers at least, limits above zero ({place}).",
    "amber_not_before_limit": "{place}: a case must turn amber after 0 minutes and before the limit of entry.toml.",
    "no_close_reason": "{place}: give at least one reason to close a case.",
    "no_notice_version": "{place}: give at least one version of the notice (CE-01).",
    "notice_without_text": "{place}: the notice needs its text in both languages.",
    "name_not_usable": "{place}: a name may hold small letters only, with _ in reasons and digits and - in versions.",
    "limit_not_positive": "{place}: the limit must be positive.",
    "start_not_of_class": "{place}: this class is kept from another moment on.",
    "limit_without_source": "{place}: name the text that sets this limit.",
    "retention_below_floor": (
        "{place}: the period ends before the shortest one that this text allows. Keep the class longer, or correct "
        "the floor with its source."
    ),
    "retention_above_ceiling": (
        "{place}: the period ends after the longest one that this text allows. Shorten it, hold single records by a "
        "legal hold, or correct the ceiling with its source."
    ),
    "ceiling_below_floor": (
        "{place}: the longest period allowed ends before the shortest one. One of the two texts does not apply here."
    ),
    "cooling_outlasts_approval": "{place}: the time to stop a plan must be shorter than its approval holds.",
    "horizon_not_ascending": "{place}: the days of the horizon must ascend.",
    "grace_too_long": "{place}: what is due may wait for its plan for 15 days at most before that is an exception.",
    "hold_review_too_far": "{place}: a legal hold is reviewed after two years at the latest.",
    "destroys_besides_imd": "{place}: only information management destroys (RD-03). Take this right away.",
    "destroys_without_second_factor": "{place}: who destroys needs a second factor.",
    "nobody_destroys": "{place}: information management must have the right to destroy (RD-03).",
    "idle_longer_than_absolute": "{place}: the idle limit must be positive and not longer than the session.",
    "throttle_impossible": "{place}: these limits and delays contradict each other.",
    "password_rule_impossible": "{place}: no password can meet this rule.",
    "role_missing": "No rule for the role {place}. Add one.",
    "unknown_purpose": "{place}: this purpose is not on the list.",
    "purpose_not_to_choose": "{place}: this purpose is not for people to choose.",
    "lookup_without_scope_or_purpose": "{place}: a role with look-up needs a scope and a purpose.",
    "administrator_reads_customers": "{place}: who administers accounts may not look up customers.",
    "must_stay_forbidden": "{place} must stay a forbidden purpose (UL-02).",
    "unknown_field": "{place}: there is no such field.",
    "unknown_role": "{place}: there is no such role.",
    "personal_field_in_plain": "{place}: a personal field may not be shown in plain.",
    "nothing_to_mask": "{place}: this field is not personal; it is either hidden or plain.",
    "purposes_need_a_table": "{place}: the entry “purposes” is a table of views by purpose.",
    "mask_not_of_field": "{place}: this mask is not made for the field, or shows more of it than it may.",
    "unknown_scope_rule": "{place}: there is no such rule of scope, so nobody would ever have to prove who calls.",
    "privacy_officer_missing": "{place}: name the work number of the privacy officer.",
    "pattern_not_bounded": (
        "{file}: the pattern of {place} may hold letters, digits, classes of them, counted repeats and optional groups "
        "only, between ^ and $; anything else can take for ever."
    ),
    "role_sees_all": "{place}: the role may reveal every personal field for each of its purposes. Narrow one.",
    "question_answered_by_mask": "{place}: what the role sees answers the question. Choose a mask that shows less.",
    "duties_not_separate": "{place}: a role that looks up customers may not have this right too.",
    "purpose_never_chosen": "{place}: the role may not choose this purpose, so the entry never applies.",
    "view_never_used": "{place}: the role has no look-up, so it never sees this field.",
    "right_never_used": "{place}: the role can never use this right.",
    "quota_never_used": "{place}: the role has no look-up, so the quota never applies.",
    "quota_missing": "{place}: the role has look-up but no quota, so it can do nothing.",
    "question_never_answered": "{place}: no value of the question's fields has an answer.",
    "quota_lookups": "You have reached your quota of look-ups for now. Try again later, or tell your supervisor.",
    "quota_reveals": "You have reached your quota of reveals for now. Try again later, or tell your supervisor.",
    "quota_asks": "You have asked as often as you may within an hour. Try again later, or tell your supervisor.",
    "quota_searches": "You have searched by number as often as you may within an hour. Try again later.",
    "limit_alarm": (
        "You have revealed very many customers. A further one is possible only now and then, until your supervisor "
        "lifts the limit."
    ),
    "bad_retention_period": "A retention period must be positive.",
    "mapping_unreadable": "The mapping file {file} cannot be read.",
    "mapping_malformed": "The mapping file {file} is malformed at {place}.",
    "empty_file": "The file is empty.",
    "file_unreadable": "The file cannot be read: {path}.",
    "unknown_encoding": "The file is neither UTF-8 nor GB18030. Save it as UTF-8.",
    "not_signed_in": "You are not signed in, or the session has ended. Sign in.",
    "unknown_columns": "The header row fits no mapping. Name one with --mapping.",
    "duplicate_column": "Two columns have the same header. Remove one.",
    "missing_column": "The column “{column}” is missing.",
    "row_cut": "The row ends too early. Is the file cut off?",
    "row_too_wide": "The row has more cells than the header.",
    "unclosed_quote": "A quotation mark is never closed; the rest of the file cannot be read.",
    "bad_quoting": "A quotation mark stands where none may be.",
    "not_utf8": "From this line on the file changes its encoding. Save it as UTF-8.",
    "nul_byte": "The cell holds a NUL byte. Export the file again.",
    "cell_too_long": "The cell is too long.",
    "unknown_owner": "The owning agent is not an account here. Import the staff first.",
    "unknown_agent": "The agent is not an account here. Import the staff first.",
    "unknown_sender": "The sender is not a customer here. Import the customers first.",
    "unknown_recipient": "The recipient is not a customer here. Import the customers first.",
    "unknown_customer": "The customer is not here. Import the customers first.",
    "unknown_shipment": "The waybill is not here. Import the shipments first.",
    "unknown_kind": _NOT_A_WORD,
    "unknown_channel": _NOT_A_WORD,
    "unknown_result": _NOT_A_WORD,
    "unknown_complaint_category": _NOT_A_WORD,
    "unknown_complaint_severity": _NOT_A_WORD,
    "unknown_notice_channel": _NOT_A_WORD,
    "not_a_work_number": "This is no work number: letters and digits only.",
    "not_a_code": "{field}: letters, digits and hyphens only.",
    "same_work_number": "The work number stands in the file twice.",
    "seen_meanwhile": _TWICE,
    "missing": "{field} is missing. Send it.",
    "unknown_key": "The request holds a key that this address does not know: {field}. Leave it out.",
    "too_short": "{field} is too short.",
    "too_long": "{field} is too long.",
    "out_of_range": "{field} is out of range.",
    "wrong_type": "{field} is of the wrong type. See /api/v1/openapi.json.",
    "not_text": "{field} holds characters that are no text.",
    "not_json": "The request is not JSON, or not an object. See /api/v1/openapi.json.",
    "nested_too_deep": "The request is nested too deeply. See /api/v1/openapi.json.",
    "duplicate_key": "{field} stands in the request twice. Send it once.",
    "metrics_not_yours": (
        "The metrics are for this machine, or for whoever brings the token of DATAVAULT_METRICS_TOKEN_FILE."
    ),
    "demo_only_on_loopback": "The demo only listens on this machine. Set {setting} to 127.0.0.1 or leave it out.",
    "nothing_to_show": "There is nothing to show. Check the number, or ask for access.",
    "entered_before_start": "The entry is earlier than the start of the service. Check both times.",
    "address_in_use": "Another process already listens there. Stop it, or choose another address in {setting}.",
    "needs_a_host": "{setting} needs at least one host name, such as vault.example.com.",
    "checkpoint_unwritable": (
        "The checkpoint folder cannot be written: {path}. Check free space and that the service's user owns it."
    ),
    "caller_not_verified": (
        "Nothing of this customer is shown before the caller has proved who they are. Ask the questions under “Who "
        "is calling?”."
    ),
    "caller_refused": "The caller was refused in this case, so nothing of this customer is shown in it any more.",
    "caller_tries_used_up": (
        "Too many wrong answers about this customer: no more are taken here. Refuse the caller, or ask them to "
        "come with their document."
    ),
    "answer_was_typed": "This question proves nothing here: its answer was typed in this case. Ask another one.",
    "answer_not_four": "Type exactly the last four digits or letters.",
    "answer_too_short": "The answer is too short or too long to be one. Type at least two characters.",
    "question_impossible": (
        "{place}: this question asks for a field that is not there, or compares it in an unknown way."
    ),
    "profile_not_yours": (
        "Your role may not ask in this kind of emergency, or not for this purpose. Choose another kind."
    ),
    "review_open": (
        "An emergency access of yours has not been reviewed in time. Ask the privacy officer to close its review first."
    ),
    "break_glass_waits": "A request on this case already waits. Go on with it, or take it back.",
    "call_not_made": "Nobody called the owner, so there is no time of a call. Leave it empty.",
    "call_too_long_ago": "The call lies more than a day back. Call the owner again.",
    "own_request": "This is your own request, or one of a person with your name. Somebody else must decide.",
    "voted_already": "You, or a person with your name, have voted already. Each human has one vote.",
    "second_person_refused": (
        "The second person was not accepted. They check work number, password and code; after several failures "
        "wait a few minutes."
    ),
    "second_person_is_the_first": "The second person must be another human than the one who asked.",
    "part_in_it": "You asked, voted or stood by, so somebody else must review it.",
    "for_the_privacy_officer": "The privacy officer closes this review.",
    "access_still_open": "The access is still open. Review it once it is over.",
    "break_glass": "There is no such request for emergency access for you to see. Go back to the list.",
    "plan": "There is no such plan of destruction. Take its number from the list of plans.",
    "nothing_due": "Nothing is due in this plan, so there is nothing to propose.",
    "as_of_in_future": "A plan is for what is due now. Choose a time that has passed, or only look (--dry-run).",
    "plan_begun": "This plan has begun, is over, or was never signed, so it cannot be stopped.",
    "plan_of_other_rules": "The rules have changed since this plan was drafted. Draft a new one.",
    "plan_changed": (
        "The records of this plan are not those it was drafted with, so nothing is done with it. This is logged; tell "
        "the operator, and draft a new one."
    ),
    "own_plan": (
        "This plan was proposed by you, or by a person with your name. Another officer of information management must "
        "approve it."
    ),
    "proposer_not_able": "Who proposed this plan may not sign it any more. Another officer must propose it again.",
    "approver_not_able": "Who approved this plan may not sign it any more. A new plan is needed.",
    "radius": "This incident has no such frozen radius. Freeze one first, or choose another one.",
    "log_busy": "The access log is being put in order at this moment. Try again in a minute.",
    "scope_empty": "Say what the radius is drawn around: a person, a session, an address, a time, records, or all.",
    "scope_mixed": "These cannot stand together: a drill, all, a cohort and a backup stand alone. Take some away.",
    "scope_of_drill": "A drill reaches its made-up customers and nobody else, and no other incident reaches them.",
    "too_many_records": "That is more than {most} records at once. Ask for some of them at a time, or for a cohort.",
    "record_to_hold": "There is no record of this id. Copy it from the access log or from a plan.",
    "number_to_hold": "No record carries this number. Check it digit by digit.",
    "too_many_to_hold": "More than {most} records carry this number. Name one by its id.",
    "record_destroyed": "This record has been destroyed; nothing is left to hold.",
    "hold": "There is no such legal hold, or it was released already.",
    "source_holds_number": (
        "{field}: this looks like a phone, ID or waybill number. Name the document by its own number, not the customer."
    ),
    "review_not_possible": "{field}: a day after today, and at most {most} months from now.",
    "count_differs": "{field}: this is not the number of records in the plan. Read it again before you sign.",
    "digest_differs": "{field}: this is another plan than the one you looked at. Look at it again before you sign.",
    "not_a_label": "{field}: 1 to 40 letters, digits and hyphens, as written on the box.",
    "label_holds_number": (
        "{field}: this looks like a phone, ID or waybill number. A label outlives the papers; give the box a number of "
        "its own."
    ),
    "label_taken": "{field}: this label stands on another box. Give each box its own.",
    "newest_or_due": "{field}: give the date of the newest paper or a due date, not both.",
    "due_too_late": "{field}: not even a paper of today may be kept so long. Choose an earlier day.",
    "no_custodian": "{field}: nobody who works here has this work number. Check it.",
    "box": "There is no such box in the register. Go back to the list.",
    "box_gone": "Two officers have seen this box shredded: nobody keeps it any more.",
    "same_custodian": "{field}: this colleague keeps the box already. Name another.",
    "box_not_due": "The papers of this box must be kept until its due date. Nothing was recorded.",
    "box_not_shredded": "Nobody says that this box was shredded, or two officers have seen it. Look at the list again.",
    "own_shredding": (
        "You, or a person with your name, said that this box was shredded. Another officer must have seen it too."
    ),
    "plan_not_approved": "This plan has not been approved by a second officer. Have a colleague approve it first.",
    "plan_cools": (
        "This plan was approved a moment ago and can still be stopped. It begins by itself when its time has come."
    ),
    "approval_over": "The approval of this plan is over, because it was not begun in time. A new plan is needed.",
    "plan_paused": "This plan is paused. Resume it first.",
    "plan_not_done": "This plan is not carried out to its end. It is certified when it is.",
    "certificate": "There is no such certificate. Take its number from the list of certificates, or that of its plan.",
    "certificate_changed": "This certificate is not the one that the log names. Call whoever looks after the vault.",
    "residue_found": (
        "Something that was destroyed is still there ({check}: {count}). Nothing is certified; see "
        "ops/runbooks/failed-run.md."
    ),
    "wal_busy": (
        "Somebody was reading all the time, so the file could not be cleaned. Nothing is certified yet; it is tried "
        "again."
    ),
    "key_still_there": "The key of a destroyed cohort is still there. Nothing is certified; call the operator.",
    "plan_done": "This plan has been carried out. Nothing is left to do.",
    "plan_stopped": "This plan was stopped. Nothing of it will be destroyed; a new plan names the records again.",
    "plan_superseded": "A newer plan has taken the place of this one. Go on with that.",
    "plan_moved_on": "This plan is in another state by now. Look at it again.",
    "nothing_failed": "Nothing in this plan waits to be given up.",
    "run_under_way": "Another process is carrying out a plan. Wait until it has ended, or pause that plan.",
    "clock_jumped": (
        "The clock has jumped, or the vault was off for days. An officer confirms the date first: datavault "
        "retention confirm-date."
    ),
    "clock_not_jumped": "The date does not need to be confirmed.",
    "date_differs": (
        "{field}: the clock shows another day than you wrote. Set the clock right first, or correct the date."
    ),
    "record_gone": "The record is gone and nothing says why. Run datavault log verify and tell the auditor.",
    "not_in_plan": "The plan does not name this record any more, so it was not destroyed. Tell the auditor.",
    "ledger_entry": "The ledger holds a line that is none of ours. See ops/runbooks/failed-run.md.",
    "ledger_damaged": "The ledger is damaged: {path}. See ops/runbooks/failed-run.md.",
    "ledger_missing": "A copy of the ledger is missing: {path}. Copy it from beside the other copy of the key store.",
    "ledger_copies_differ": "The copies of the ledger say different things: {path}. See ops/runbooks/failed-run.md.",
    "ledger_older": "The ledger is older than the last signed checkpoint. Put the newer one in place.",
    "ledger_unwritable": (
        "The ledger cannot be written: {path}. Free space or mend the disk; then go on where it stopped."
    ),
    "ledger_unreadable": "The ledger cannot be read: {path}. Mend the disk, or copy the file from the other copy.",
    "ledger_busy": "Another process is writing the ledger. Try again in a moment.",
    "ledger_folder_unusable": "The folder of the key store copies cannot be used for a lock. Check its owner and mode.",
    "reveals_frozen": "An incident is being contained: nothing is shown in clear for now. Look-ups go on.",
    "exports_frozen": "An incident is being contained: nothing is exported for now.",
    "imports_frozen": "An incident is being contained: nothing is imported for now. What was stored before stays.",
    "read_only": "An incident is being contained: the vault is read-only for now. Note it on paper and enter it later.",
    "measure_missing": "{place}: every measure of containment needs an entry.",
    "measure_of_nobody": "{place}: name the roles that may take it, all of them roles that work on incidents.",
    "freeze_outlasts": "{place}: this one cannot outlast its incident. Set outlasts = false.",
    "radius_to_hold": "There is no frozen radius of this incident to hold. Freeze one first.",
    "measure": "There is no such measure on this incident.",
    "measure_stands": "This measure stands already. End it first to take it anew.",
    "measure_ended": "This measure was ended already, or it ended by itself.",
    "incident_keeps_it": "Incident {incident} keeps it so. An officer ends that measure in the incident.",
    "own_incident": "This incident is about you, or about somebody of your name. Other officers work on it.",
    "number_not_shown": "{field}: somebody else, or nobody, was shown this number last. Show it before you call.",
    "measure_kept": "Somebody has kept this measure already.",
    "measure_not_kept": "This measure cannot outlast its incident. End it.",
    "measure_not_yours": "Your role may not take this measure. Ask a colleague of information management.",
    "last_administrator": "This is the last administrator who can act. Lock this account only once there is another.",
    "not_for_this_measure": "{field}: this measure does not take that.",
    "incident_closed": "The incident is closed; nothing more can be done about it.",
    "drill_still_open": "A drill is under way. Close it before the next one begins.",
    "drill_size_impossible": "{place}: a drill has 1 to 500 made-up customers.",
    "drill_day_impossible": "{place}: reminding begins on a day from 1 to 28.",
    "drill_targets_impossible": (
        "{place}: the times of a drill must not fall, and the first is at most two hours (BR-01)."
    ),
    "report_changed": "The closing report is not what the access log names. Tell the auditor; change nothing.",
    "incident_is_there": "The incident is in this state or beyond it already. Look at it again.",
    "incident_out_of_order": "A step before this one is missing. Take the steps in their order.",
    "reason_missing": "Say why: the reason is missing.",
    "late_reason_missing": "The deadline has passed. Say why it is late.",
    "clock_ends_with_step": "This deadline ends with a step of the incident, not by itself.",
    "clock_done": "This task is done already.",
    "clock_not_yours": "This task belongs to another role.",
    "closing_asked": "Somebody has asked for it to be closed already. Another officer must agree.",
    "closing_not_asked": "Nobody has asked for it to be closed. Ask first; another officer agrees.",
    "activation_impossible": (
        "{place}: every incident must be activated within 120 minutes of awareness (BR-01); shorter is allowed."
    ),
    "reminders_impossible": "{place}: reminders must rise and end with 100, and repeat after some minutes.",
    "signal_missing": "A signal has no rule: {place}.",
    "signal_impossible": "This signal cannot be: {place}. It needs somebody who is told, and its own numbers.",
    "signal_too_weak": "{place}: this signal always opens an incident.",
    "incident_signal": "There is no such signal.",
    "misuse": "There is no such misuse record, or more than one begins with these digits.",
    "misuse_withdrawn": "This misuse record was taken back. It may be drafted again.",
    "misuse_waits": "A misuse record waits for its second signature. Have it signed, or take it back.",
    "misuse_signed": "This misuse record is signed by two people and fixed.",
    "misuse_in_drill": "A drill is about nobody: it has no misuse records.",
    "clock_impossible": "{place}: a clock needs minutes, kinds, somebody who answers for it and somebody who is told.",
    "incident": "There is no such incident, or more than one begins with these digits.",
    "clock": "The incident has no such task.",
    "nobody_responds": (
        "{place}: nobody could do it. Give a role the right incident, and incident_view to those who answer "
        "for a clock."
    ),
    "nobody_to_tell": "Nobody is left to tell: everybody of this radius has a notice already, or it names no customer.",
    "notice_moved_on": "Somebody was faster, or it is settled already. Look at the page again.",
    "notice_overlaps": "Some of these customers were told meanwhile. Prepare these notices anew.",
    "notice_released": "Notices of this incident are released. Deciding to tell nobody is too late.",
    "radius_set_aside": "This radius is set aside already.",
    "own_radius": "You froze this radius yourself, or bear the same name. Another officer must set it aside.",
    "notice_not_released": "These notices are not released. A second officer must release them first.",
    "own_notice": "You prepared this yourself, or bear the same name. Another officer must release or confirm it.",
    "notice_changed": (
        "The notices are not what was prepared. Nothing was released; prepare them anew and tell the operator."
    ),
    "outbox_unwritable": "The outbox in the data folder cannot be written. Check the folder and the space on the disk.",
    "notice_contact_missing": "Notices to customers need somebody to ask: fill in the contact in Chinese and English.",
    "no_notice_template": "There is no template for notices to customers. Give at least one.",
    "notice_opens_more": "The purpose of breach notices opens a field that no notice needs. Take it out.",
    "notice_kind_missing": "No kind of data names this field, so that customers would not be told of it.",
    "notice_channel_impossible": "A template names no channel, or one that only drills have.",
    "notice_field_forbidden": (
        "A template or its channel uses a field that the purpose of breach notices does not allow."
    ),
    "notice_subject_impossible": (
        "The subject of a template is empty, longer than 100 characters or more than one line."
    ),
    "unknown_placeholder": "A template names a placeholder that does not exist.",
    "notice_item_missing": "A template leaves out what the law wants a notice to say (PIPL 57).",
    "apology_missing": "A template does not apologise. A notice must (BR-03).",
    "notices_outstanding": (
        "Notices to customers still wait or are in doubt, a file was not picked up, or customers of a frozen radius "
        "have no notice yet. Send or decide them, or let two officers record why nobody is notified."
    ),
    "tasks_open": "A task with a deadline is still open. Say that it is done first.",
    "measures_stand": "A measure still stands. End it first, or say why it is kept.",
    "notice": "There are no such notices, or no such file.",
    "notice_digest_differs": "{field}: this is not the digest of what you looked at. Copy it from the page again.",
    "aware_too_long_ago": "The time lies more than {days} days back. Check the year; an officer can correct it.",
    "clock_too_long": "{place} minutes at most, and every such clock must be there.",
    "awareness_impossible": "{place}: a report reaches back at least a day, and a correction no less.",
}
"""Why something was refused, and what to do about it, by reason id."""
