"""The English sentences and names that :mod:`vault.words` speaks; the Chinese ones stand in ``locale/``.

Data only. A test finds every reason id raised anywhere in the package here, and every sentence in the catalogue.
"""

from __future__ import annotations

from collections.abc import Mapping

NAMES: Mapping[str, Mapping[str, str]] = {
    "action": {
        "vault.init": "Vault set up",
        "vault.pruned": "Old rows removed",
        "people.sign_in": "Sign-in",
        "people.sign_out": "Sign-out",
        "people.invite": "One-time secret issued",
        "people.activate": "Account activated",
        "people.list": "Accounts listed",
        "people.password_changed": "Password changed",
        "people.password_refused": "New password refused",
        "people.session_ended": "Session ended",
        "people.throttled": "Sign-in slowed down",
        "people.code": "Second factor checked",
        "people.confirmed": "Identity confirmed again",
        "people.second_factor_set": "Second factor set up",
        "people.second_factor_reset": "Second factor reset",
        "people.recovery_codes": "Recovery codes made",
        "people.reset": "Password reset started",
        "people.return_confirmed": "Return after a reset confirmed",
        "people.suspended": "Account suspended",
        "people.locked": "Account locked",
        "people.unlocked": "Account unlocked",
        "people.role_changed": "Role changed",
        "people.left": "Account closed for leaving",
        "people.service_account": "Service account made",
        "people.token_made": "Token made",
        "people.token_ended": "Token ended",
        "import.staff": "Staff imported",
        "import.batch": "Records imported",
        "import.compare": "Import compared with the vault",
        "record.lookup": "Look-up",
        "record.view": "Record viewed",
        "record.reveal": "Value revealed",
        "access.ask": "Access asked for",
        "access.request_viewed": "Request for access viewed",
        "access.granted": "Access granted",
        "access.refused": "Access refused",
        "access.revoked": "Access revoked",
        "access.shared": "Customer shared with a colleague",
        "access.share_opened": "Shared customer opened",
        "caller.checked": "Caller checked",
        "caller.refused": "Caller refused",
        "break_glass.asked": "Emergency access asked for",
        "break_glass.voted": "Emergency access voted on",
        "break_glass.opened": "Emergency access opened",
        "break_glass.ended": "Emergency access ended",
        "break_glass.reviewed": "Emergency access reviewed",
        "handover.offered": "Cases offered for hand-over",
        "handover.accepted": "Hand-over accepted",
        "handover.refused": "Hand-over refused",
        "handover.withdrawn": "Hand-over withdrawn",
        "handover.viewed": "Hand-over read",
        "board.view": "Supervisor's board viewed",
        "limit.warned": "Reading limit: warning",
        "limit.alarmed": "Reading limit: alarm",
        "limit.released": "Reading limit lifted",
        "service.filed": "Service record filed",
        "case.closed": "Case closed",
        "case.moved": "Case given to a colleague",
        "record.owner_changed": "Records given to another owner",
        "record.integrity_failure": "Record failed its integrity check",
        "hold.placed": "Legal hold placed",
        "hold.released": "Legal hold released",
        "hold.reviewed": "Legal hold reviewed",
        "destruction.drafted": "Plan of destruction drafted",
        "destruction.proposed": "Plan of destruction proposed",
        "destruction.approved": "Plan of destruction approved",
        "destruction.stopped": "Plan of destruction stopped",
        "destruction.started": "Destruction begun",
        "destruction.paused": "Destruction paused",
        "destruction.resumed": "Destruction resumed",
        "destruction.given_up": "Destruction of single records given up",
        "destruction.finished": "Destruction finished",
        "destruction.certified": "Destruction certified",
        "destruction.certificate_taken": "Certificate taken out",
        "record.destroyed": "Record destroyed",
        "record.kept": "Record not destroyed",
        "requests.erased": "Typed identifiers and notes erased",
        "clock.jumped": "Jump of the clock noticed",
        "clock.confirmed": "Date confirmed",
        "paper.registered": "Box of papers registered",
        "paper.shredded": "Box of papers said to be shredded",
        "paper.witnessed": "Shredding of a box witnessed",
        "paper.taken_back": "Shredding of a box taken back",
        "retention.viewed": "Retention viewed",
        "retention.periods_changed": "Expiries moved by a new policy",
        "keys.cohorts_made": "Cohort keys made ahead",
        "cohort.closing": "Cohort takes nothing any more",
        "cohort.emptied": "Cohort emptied",
        "cohort.destroyed": "Cohort key destroyed in every copy",
        "record.moved": "Record moved to a later cohort",
        "keys.root_rotated": "Root key replaced",
        "retention.orphans": "Keys and records compared",
        "backup.created": "Backup made",
        "backup.verified": "Backup verified",
        "backup.restored": "Backup restored",
        "backup.drilled": "Restore drilled",
        "log.view": "Log viewed",
        "log.search": "Log searched",
        "compliance.view": "Compliance report viewed",
        "log.counted": "Openings counted",
        "log.gap_accepted": "Gap of the log accepted",
        "log.verify": "Log verified",
        "log.export": "Log exported",
        "policy.loaded": "Policy loaded for the first time",
    },
    "outcome": {
        "done": "done",
        "granted": "granted",
        "refused": "refused",
        "miss": "not found",
        "failed": "failed",
    },
    "cohort_state": {
        "open": "in use",
        "closing": "closing",
        "empty": "empty",
        "destroyed": "destroyed",
    },
    "cohort_waits": {
        "earlier": "waits for one that ended earlier",
        "due": "{due} records are past their time and not destroyed: a plan needs two officers",
        "unreadable": "{unreadable} records cannot be moved: see the access log for integrity failures",
        "orphans": "keys without record or records without key: see “datavault keys orphans”",
        "log": "events wait for their place in the log: the next run goes on",
        "backup": "waits for a verified backup: “datavault backup create”, then “verify”",
        "busy": "another process is at it",
        "clock": "the clock jumped: an officer confirms the date first",
    },
    "orphans": {
        "keys_without_record": "Keys without record",
        "records_without_key": "Records without key",
        "values_without_record": "Values without record",
        "tags_without_record": "Index rows without record",
        "tombstones_with_key": "Destroyed records that still have a key",
        "cohorts_without_key": "Cohorts without key",
        "keys_without_cohort": "Keys without cohort",
    },
    "class": {
        "customer": "Customer",
        "shipment": "Shipment",
        "service_record": "Service record",
        "id_copy": "Copy of the ID card",
        "request": "Request for access",
    },
    "part": {
        "match": "Match",
        "sender": "Sender",
        "recipient": "Recipient",
        "customer": "Customer",
        "shipment": "Shipment",
        "service_record": "Service record",
    },
    "field": {
        "entry": "Entry",
        "source_number": "Source number",
        "name": "Name",
        "phone": "Phone",
        "other_contact": "Other contact",
        "sender_address": "Sender address",
        "recipient_address": "Recipient address",
        "id_type": "ID type",
        "id_number": "ID number",
        "notice": "Notice given",
        "waybill": "Waybill number",
        "item_type": "Item type",
        "parcel": "Parcel",
        "track": "Track",
        "signed_by": "Signed for by",
        "text": "Content",
        "details": "Details",
        "image": "Image",
        "identifier": "Number asked for",
        "number": "Number",
        "purpose": "Purpose",
        "password": "Password",
        "current": "Current password",
        "new": "New password",
        "session": "Session",
        "work_number": "Work number",
        "secret": "One-time secret",
        "case": "Case",
        "field": "Field",
        "ordinal": "Which of several values",
        "role": "Role",
        "outlet": "Outlet",
        "team": "Team",
        "owner": "Owning agent",
        "agent": "Agent",
        "kind": "Kind",
        "channel": "Channel",
        "result": "Result",
        "complaint_category": "Complaint topic",
        "complaint_severity": "Complaint severity",
        "category": "Complaint topic",
        "severity": "Complaint severity",
        "reason": "Reason",
        "close": "Whether the case ends",
        "rating": "Satisfaction",
        "notice_version": "Notice version",
        "notice_at": "Time of notice",
        "notice_channel": "Channel of notice",
        "started_at": "Service start",
        "ended_at": "Service end",
        "entered_at": "Time of entry",
        "last_activity_at": "Last activity",
        "pickup_at": "Pickup time",
        "transit_at": "Transit time",
        "delivery_at": "Delivery time",
        "signed_at": "Sign-off time",
        "weight_kg": "Weight",
        "declared_value": "Declared value",
        "sender": "Sender",
        "recipient": "Recipient",
        "customer": "Customer",
        "shipment": "Shipment",
        "minutes": "Minutes",
        "hours": "Hours",
        "colleague": "Colleague",
        "record": "Record",
        "body": "The request",
        "cases": "Cases",
        "to": "To",
        "note": "Note",
        "up_to": "Up to which notice",
        "account": "Account",
        "purposes": "Purposes",
        "days": "Days",
        "successor": "Successor",
        "question": "Question",
        "answer": "Answer",
        "owner_contact": "Whether the owner was reached",
        "owner_called_at": "Time of the call",
        "profile": "Emergency",
        "source": "Source document",
        "review_on": "Day of review",
        "release": "Why it ends",
        "as_of": "As of",
        "plan": "Plan",
        "finding": "Finding",
        "approve": "Whether it is approved",
        "digest": "Digest",
        "label": "Label",
        "record_class": "Class of records",
        "custodian": "Custodian",
        "newest_on": "Date of the newest paper",
        "due_on": "Due on",
        "count": "Number of records",
        "today": "Today's date",
        "since": "Since",
        "until": "Until",
        "person": "Person",
        "action": "Action",
        "outcome": "Outcome",
    },
    "kind": {
        "consultation": "Consultation",
        "complaint": "Complaint",
        "callback": "Callback",
        "rating": "Service rating",
    },
    "standing": {
        "in_line": "in line",
        "exception": "exception",
        "not_built": "not built yet",
    },
    "compliance": {
        "rule_class": "A class of its own with {count} fields, each sealed under the record's key",
        "records": "{count} records",
        "rule_notice": "{count} versions of the notice; no record is entered here without one",
        "without_notice": "{count} records came without a notice",
        "rule_entry": "Entered within {minutes} minutes; amber at {amber}",
        "entered_late": "{count} entered late in the last {days} days",
        "open_longer": "{count} open cases are older than that",
        "rule_waybills": "Waybills of {count} carriers by pattern and check digit; anything else is refused",
        "waybills": "{count} waybill numbers in the vault",
        "rule_id_numbers": "ID numbers by structure, birth date and check character (GB 11643)",
        "id_numbers": "{count} ID numbers in the vault",
        "rule_places": "Every place where anything is stored is declared; datavault doctor names them",
        "destinations": "{count} destinations outside, for signed checkpoints only",
        "rule_sealed": (
            "Everything is sealed under keys outside the database; passwords by Argon2id; the vault starts "
            "with its root key only"
        ),
        "cohorts": "{count} cohort keys take new records",
        "rule_stays_inside": "No export of records; every page carries a watermark and is stored nowhere",
        "log_exports": "{count} exports of the access log in the last {days} days, which holds no customer data",
        "rule_no_messengers": "There is no way from the vault to any messenger",
        "rule_shares": "Sharing inside with one named colleague, for a purpose, for {hours} hours at most",
        "live_shares": "{count} shares open something now",
        "shares": "{count} shares in the last {days} days",
        "rule_kept": "Kept for {years} years from the last activity",
        "past_their_time": "{count} records are past their time: restricted, not yet destroyed",
        "kept_past_their_time": "{count} more are past their time and stay: legal hold, or a service on them is open",
        "rule_two_officers": "Two officers of information management sign each plan; {minutes} minutes to stop it",
        "carried_out": "{count} plans carried out in the last 12 months, each signed by two",
        "plans_under_way": "{count} plans are signed or under way",
        "not_destroyed": "{count} records could not be destroyed and are tried again",
        "forgotten_holds": "{count} legal holds are past their day of review",
        "rule_wholly_deleted": (
            "Keys, values and index rows are erased; the cohort's key follows in every registered copy within {days} "
            "days after its last; paper is shredded before two people"
        ),
        "cohorts_destroyed": "{count} cohort keys are gone from every registered copy",
        "cohorts_late": "{count} cohort keys are past that day and still there",
        "boxes": "{count} boxes of paper are registered",
        "boxes_overdue": "{count} of them are past their day",
        "rule_recorded": "Each destruction leaves events, a line in the ledger and a certificate that proves itself",
        "certificates": "{count} plans certified in the last 12 months",
        "not_certified": "{count} plans carried out have no certificate",
        "records_destroyed": "{count} records destroyed in the last {days} days",
        "rule_copies": "Copies kept for {days} days",
        "copies": "{count} copies in the vault",
        "no_part_of_the_vault": "This part of the vault is not built yet",
        "rule_duties": "{count} roles; hidden unless a rule says otherwise",
        "refusals": "{count} refusals in the last {days} days",
        "rule_own_customers": "Own customers, the pool by exact number, or a grant for {minutes} minutes at most",
        "live_grants": "{count} grants open something now",
        "refused_lookups": "{count} look-ups out of scope refused in the last {days} days",
        "rule_personal_account": "One account for each work number; programs have accounts of their own kind",
        "accounts": "{people} people and {programs} programs are active",
        "rule_password_age": "A password lives {days} days, on every door",
        "old_passwords": "{count} active accounts are past it: nothing but the change is open to them",
        "rule_second_factor": "{count} roles need a second factor",
        "without_second_factor": "{count} of their accounts have none yet: nothing else is open to them",
        "signed_in_elsewhere": "{count} accounts are signed in from several addresses now",
        "rule_leaving": "Leaving ends sessions, tokens and grants and hands cases over, in one act",
        "left_behind": "{count} sessions, tokens, grants or cases of people who left",
        "rule_with_a_reason": "Every look has a purpose and a case, and is in the log before anything is shown",
        "reveals": "{count} values revealed in the last {days} days",
        "integrity_failures": "{count} records failed their integrity check in the last {days} days",
        "openings_counted": "{count} times in the last {days} days processes counted their own openings",
        "openings_without_receipt": "{count} of these counts in the last {days} days show more openings than receipts",
        "log_gaps": "{count} declared gaps of the access log",
        "rule_purposes": "{count} purposes to choose from, and no other",
        "lookups": "{count} look-ups answered in the last {days} days",
        "rule_forbidden": "{count} purposes are refused by name",
        "forbidden_tries": "{count} tries with one of them in the last {days} days, all refused",
        "shut_out": "{count} accounts are locked or suspended",
        "rule_limits": "Warning at {warn}, alarm at {alarm} different customers within {hours} hours",
        "alarms": "{count} alarms in the last {days} days",
        "standing_alarms": "{count} alarms that nobody has released",
        "rule_caller": "A caller answers {count} questions before anything of a pool customer is revealed",
        "caller_checks": "{count} answers of callers checked in the last {days} days",
        "caller_refusals": "{count} callers refused in the last {days} days",
        "rule_emergency": "{count} approvals, the call to the owner to the minute, a review afterwards",
        "emergencies": "{count} emergencies opened in the last {days} days",
        "overdue_reviews": "{count} reviews are overdue",
        "rule_two_people": "A second person signs in before anything opens",
        "opened_alone": "{count} emergencies opened without one",
    },
    "identifier": {
        "phone": "Phone number",
        "id_number": "ID number",
        "waybill": "Waybill number",
        "source_number": "Source number",
    },
    "channel": {
        "phone": "by telephone",
        "online": "online",
        "counter": "at the counter",
    },
    "result": {
        "in_progress": "in progress",
        "resolved": "resolved",
        "forwarded": "forwarded",
    },
    "complaint_category": {
        "attitude": "Attitude",
        "quality": "Service quality",
        "price": "Price dispute",
        "personal_information": "Personal information",
        "other": "Other",
    },
    "complaint_severity": {
        "general": "general",
        "major": "major",
    },
    "id_type": {
        "resident_id": "Resident ID card",
        "temporary_id": "Temporary ID card",
        "military_id": "Military ID",
        "hk_macau_permit": "Mainland travel permit (Hong Kong, Macau)",
        "taiwan_permit": "Mainland travel permit (Taiwan)",
        "residence_permit_hmt": "Residence permit (Hong Kong, Macau, Taiwan)",
        "passport": "Passport",
        "foreigner_residence": "Foreign permanent resident ID",
        "credit_code": "Unified social credit code",
    },
    "step": {
        "pickup": "Pickup",
        "transit": "Transit",
        "delivery": "Out for delivery",
        "signed": "Sign-off",
    },
    "account": {
        "invited": "invited",
        "active": "active",
        "locked": "locked",
        "suspended": "suspended",
        "left": "left",
    },
    "request": {
        "asked": "waiting for an answer",
        "granted": "access granted",
        "refused": "not granted",
        "ended": "over without an answer",
    },
    "notice": {
        "access_asked": "A colleague asks for access to a customer",
        "access_granted": "Your request for access was granted",
        "access_refused": "Your request for access was not granted",
        "access_revoked": "Access you were given was revoked",
        "access_shared": "A customer was shared with you",
        "handover_offered": "Cases are offered to you for hand-over",
        "handover_accepted": "Your hand-over was accepted",
        "handover_refused": "A hand-over was refused",
        "case_received": "Cases of a colleague are yours now",
        "password_ends": "Your password ends soon",
        "signed_in_elsewhere": "A sign-in from another place",
        "account_reset": "A new one-time secret was made for your account",
        "second_factor_reset": "Your second factor was reset",
        "colleague_reset": "A colleague's account was reset",
        "return_waits": "A colleague waits for you to confirm their return after a reset",
        "return_confirmed": "Your return after a reset was confirmed",
        "limit_warned": "Somebody has read many customers",
        "limit_alarmed": "Somebody has reached the limit of customers",
        "limit_released": "Your reading limit was lifted",
        "forbidden_purpose": "Somebody chose a forbidden purpose",
        "break_glass_asked": "Emergency access waits for your approval",
        "break_glass_approved": "Your emergency access was approved",
        "break_glass_refused": "Your emergency access was refused",
        "break_glass_opened": "Emergency access was opened and must be reviewed",
        "break_glass_reviewed": "Your emergency access was reviewed",
        "destruction_proposed": "A plan of destruction waits for a second officer",
        "destruction_approved": "A plan of destruction was approved; it can still be stopped",
        "destruction_stopped": "A plan of destruction was stopped",
        "hold_review": "A legal hold is to be reviewed soon",
        "hold_overdue": "The review of a legal hold is overdue",
    },
    "plan": {
        "draft": "draft",
        "proposed": "waits for a second officer",
        "approved": "approved by two officers",
        "running": "running",
        "paused": "paused",
        "done": "done",
        "stopped": "stopped",
        "superseded": "replaced by a newer one",
    },
    "certificate": {
        "erased": "erased from the engine",
        "final": "out of reach of every registered copy",
    },
    "check": {
        "rows_gone": "No row of a destroyed record is left",
        "opening_fails": "Nothing opens them any more",
        "tombstones": "Each has a tombstone",
        "ledger": "Each stands in the ledger",
        "secure_delete": "The database overwrites what it deletes",
        "wal_truncated": "The write-ahead log was cut to nothing",
        "raw_reread": "No erased key is in the bytes of the database's files",
        "vacuumed": "The tables were vacuumed",
        "cohort_empty": "Nothing lies under the key",
        "key_refused": "No registered copy of the key store holds the key",
    },
    "check_result": {
        "passed": "passed",
        "not_run": "not run: this role may not",
    },
    "method": {
        "data_key_erased": "The record's own key was erased",
        "ciphertexts_erased": "Its sealed values were erased",
        "index_rows_erased": "Its index rows were erased",
        "tombstones_left": "A tombstone is left: random id, class and dates",
        "cohort_key_destroyed": "The cohort's key was destroyed in every registered copy",
        "epoch_secret_renewed": "Each copy was sealed anew under a new epoch secret",
    },
    "residual": {
        "backups": "backups made before",
        "heap": "free space of PostgreSQL's tables",
        "wal": "PostgreSQL's write-ahead log",
        "replicas": "replicas of the database",
    },
    "not_proven": {
        "unregistered_key_stores": "copies of the key store that nobody registered",
        "unregistered_backups": "backups that nobody registered",
        "paper_and_exports": "paper, and what people wrote down elsewhere",
    },
    "stays": {
        "hold": "under legal hold",
        "open_service": "a service on it is open",
        "linked": "a record under hold links to it",
        "open": "still open",
        "not_due": "its time has not come",
        "gone": "destroyed before",
    },
    "cohort": {
        "open": "open",
        "closing": "takes nothing any more",
        "empty": "empty",
        "destroyed": "key destroyed",
    },
    "waits": {
        "earlier": "an earlier one of its class",
        "due": "records that are due and not destroyed",
        "unreadable": "records that cannot be moved",
        "orphans": "keys without record, or records without key",
        "log": "events without a place in the log",
        "backup": "a verified backup that holds every move out of it",
        "busy": "another process that is at it",
    },
    "item": {
        "due": "to be destroyed",
        "destroyed": "destroyed",
        "held": "held, not destroyed",
        "kept": "kept, not destroyed",
        "failed": "could not be destroyed",
    },
    "held": {
        "sessions": "open sessions, ended",
        "tokens": "tokens, ended",
        "grants": "grants, ended",
        "requests": "unanswered requests, ended",
        "handovers": "hand-overs without an answer",
        "cases": "open cases, handed on",
        "customers": "customers, given to the successor or the pool",
        "services": "open services, handed on",
    },
    "handover": {
        "offered": "waiting to be taken over",
        "accepted": "accepted",
        "refused": "refused",
        "withdrawn": "withdrawn",
    },
    "view": {
        "hidden": "hidden",
        "masked": "masked",
        "reveal": "masked, to reveal",
        "plain": "plain",
    },
    "signal": {
        "warned": "many customers",
        "alarmed": "limit reached",
        "misses": "many look-ups without an answer",
        "forbidden": "forbidden purpose",
    },
    "reset": {
        "password": "Password",
        "second_factor": "Second factor",
        "secret": "One-time secret",
    },
    "grant": {
        "asked": "asked for",
        "shared": "shared",
        "break_glass": "emergency",
    },
    "emergency": {
        "asked": "waits for approval",
        "approved": "approved, not opened",
        "lapsed": "lapsed",
        "opened": "open",
        "closed": "over, to be reviewed",
        "refused": "refused",
        "withdrawn": "taken back",
        "reviewed": "reviewed",
    },
    "owner_contact": {
        "yes": "reached",
        "attempted": "called, not reached",
        "no": "not called",
    },
    "light": {
        "green": "in time",
        "amber": "due soon",
        "late": "late",
    },
    "rule": {
        "scope.owner": "own customer",
        "scope.grant": "access granted for a time",
        "decide.owner": "your customer",
        "decide.supervisor": "for you to decide",
        "scope.pool_case": "pool customer, this case",
        "scope.open_complaint": "complaint passed on",
        "scope.team": "team's customer",
        "scope.outlet_pool": "outlet's pool customer",
        "scope.outlet_without_team_supervisor": "outlet's customer",
        "other_party": "other party: surname and city only",
        "moved_by_supervisor": "moved by the supervisor",
        "no_right": "the role has no such right",
        "limits.reading": "limit on reading",
        "quota_lookups": "quota of look-ups used up",
        "quota_reveals": "quota of reveals used up",
        "quota_asks": "quota of requests used up",
        "quota_searches": "quota of searches by number used up",
        "limit_alarm": "too many customers",
        "password_expired": "password past its age, to be changed",
        "current_password_wrong": "current password not accepted",
        "password_changed_lately": "changed too lately",
        "password_nearly_the_same": "nearly the current one",
        "password_too_easy": "easy to guess",
        "password_used_before": "used before",
        "password_too_short": "too short",
        "password_too_long": "too long",
        "purpose_forbidden": "forbidden purpose",
        "purpose_not_yours": "not a purpose of the role",
        "field_not_revealed": "this field is not shown to the role for this purpose",
        "caller_not_verified": "the caller has not proved who they are",
        "caller_refused": "the caller was refused",
        "caller_tries_used_up": "no tries left",
        "answer_was_typed": "the answer was typed in the case",
        "profile_not_yours": "not for this role or purpose",
        "review_open": "an earlier access is not reviewed",
        "own_request": "own request",
        "voted_already": "has voted already",
        "second_person_refused": "second person not accepted",
        "second_person_is_the_first": "second person is the asker",
        "part_in_it": "had a part in it",
        "own_plan": "own plan",
        "proposer_not_able": "the proposer may no longer sign",
        "approver_not_able": "the approver may no longer sign",
        "for_the_privacy_officer": "for the privacy officer",
    },
    "drill": {
        "create": "making the backup",
        "verify": "reading it back",
        "load": "loading it",
        "replay": "replaying the ledger",
        "try": "trying records",
        "place": "opening it to the vault",
    },
    "gap": {
        "restored_backup": "a backup was restored",
        "promoted_standby": "a standby that lagged behind took over",
        "lost_disk": "a disk was lost",
        "other_history": "the database held another history",
    },
    "finding": {
        "changed": "Entry {index} was changed: its content no longer gives the hash stored beside it.",
        "removed": "Entries are missing from entry {index} on.",
        "inserted": "Entry {index} stands in the log more than once.",
        "reordered": "Entry {index} does not stand in its place.",
        "truncated": "The log was cut off at entry {index}: a signed checkpoint vouches for more.",
        "forked": "Two signed checkpoints contradict each other: there are two histories.",
        "rolled_back": "A signed checkpoint is smaller than an earlier one: the log went back in time.",
        "wrong_key": "A checkpoint is not signed by the pinned key.",
        "gap": "Entries before or after {index} are missing.",
        "bad_checkpoint": "A checkpoint does not agree with the entries or cannot be read.",
        "column_mismatch": "Entry {index}: a copy of it (id, search term or tile) differs from the event.",
        "uncounted": "Entry {index}: a process unwrapped more keys than it used receipts, or its counts fit nothing.",
    },
}
"""What people call the words of each closed list; roles and purposes are named by the policy."""

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
    "successor_needed": "Open cases or services are left. Name a colleague who takes them over.",
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
}
"""Why something was refused, and what to do about it, by reason id."""
