"""The inventory: of every column what it can tell of a customer, and how that ends when the record is destroyed.

A new column needs a line here before the tests pass (tests/house/test_inventory.py). Whatever is said to end with the
record is removed by the destroying transaction itself; the tests fill each such column and look for it afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Fate(StrEnum):
    """What becomes of what a column tells.

    ``erased``: it derives from the customer and goes in the transaction that destroys the record.
    ``request``: it derives from a number or a note that a colleague typed, and goes with that record of class
    ``request``, at most eight days later.
    ``random``: a random id. Once the record is gone it names nothing but a tombstone.
    ``word``: a word of a closed list, a date, a count or a digest of what is random; the same for many.
    ``staff``: tells of a colleague, a program or a place of work, never of a customer.
    ``house``: the vault's own keys' names, rules, claims and proofs.
    """

    ERASED = "erased"
    REQUEST = "request"
    RANDOM = "random"
    WORD = "word"
    STAFF = "staff"
    HOUSE = "house"


def _columns(**fates: str) -> dict[str, Fate]:
    return {column: Fate(fate) for fate, columns in fates.items() for column in columns.split()}


INVENTORY: Mapping[str, Mapping[str, Fate]] = {
    # -- records ---------------------------------------------------------------------------------------------------
    "records": _columns(
        erased="record_id record_class cohort_id owner_id outlet kind state held activity_at expires_at sender_id"
        " recipient_id customer_id shipment_id mac revision import_revision entered_at late notice_missing",
    ),
    "record_fields": _columns(erased="record_id field ordinal generation sealed valid_from superseded_at"),
    "wrapped_keys": _columns(erased="cohort_id record_id wrapped"),
    "record_index": _columns(erased="tag record_id kind ordinal"),
    # -- work on them ----------------------------------------------------------------------------------------------
    "cases": _columns(random="case_id", word="purpose opened_at closed_at", staff="opened_by held_by"),
    "case_records": _columns(random="case_id record_id"),
    "case_lookups": _columns(random="case_id", word="identifier_kind"),
    "access_requests": _columns(
        random="request_id case_id leads_to",
        word="identifier_kind asked_at state decided_at reason reminded_at",
        staff="asked_by decided_by",
        request="sought",
    ),
    "request_targets": _columns(random="request_id", staff="account_id"),
    "grants": _columns(
        random="grant_id record_id case_id request_id",
        word="kind purpose granted_at expires_at ended_at",
        staff="account_id granted_by",
    ),
    "caller_checks": _columns(
        random="check_id case_id record_id", word="question outcome reason at", staff="account_id"
    ),
    "break_glass": _columns(
        random="break_glass_id case_id",
        word="profile reason identifier_kind asked_at state owner_contact owner_called_at opened_at expires_at"
        " review_due_at reviewed_at finding",
        staff="asked_by second_person reviewed_by",
    ),
    "break_glass_votes": _columns(random="break_glass_id", word="approved reason at", staff="account_id"),
    "handovers": _columns(
        random="handover_id", word="offered_at state decided_at reason read_at", staff="from_account to_account"
    ),
    "handover_cases": _columns(random="handover_id case_id"),
    "notifications": _columns(random="notification_id about", word="kind at seen_at", staff="account_id"),
    "disclosures": _columns(random="disclosure_id record_id", word="at kind", staff="account_id"),
    "signals": _columns(random="signal_id", word="kind count at released_at", staff="account_id released_by"),
    # -- destruction -----------------------------------------------------------------------------------------------
    "holds": _columns(
        random="hold_id record_id",
        word="record_class reason placed_at review_on released_at release",
        staff="placed_by released_by",
        erased="sealed_source",
    ),
    "destruction_plans": _columns(
        random="plan_id",
        word="state as_of digest made_at proposed_at approved_at starts_at stopped_at started_at finished_at",
        staff="proposed_by approved_by stopped_by executed_by",
        house="policy",
    ),
    "destruction_items": _columns(
        random="plan_id record_id",
        word="record_class expires_at state reason wrap_digest done_at",
        house="cohort_id",
        staff="outlet",
    ),
    "destruction_counts": _columns(random="plan_id", word="record_class reason count oldest", staff="outlet"),
    "tombstones": _columns(
        random="record_id plan_id", word="record_class entered_at expires_at destroyed_at", house="cohort_id"
    ),
    "certificates": _columns(random="certificate_id about event_id", word="kind statement issued_at"),
    "certificate_waits": _columns(random="plan_id", word="reason finding count since tried_at"),
    "paper_boxes": _columns(
        random="box_id",
        word="record_class registered_at due_on shredded_at",
        staff="label outlet custodian registered_by shredded_by witnessed_by",
    ),
    "backups": _columns(random="backup_id", word="made_at log_size manifest_digest verified_at", house="place"),
    "clock_marks": _columns(word="singleton seen_at jumped_from confirmed_at", staff="confirmed_by"),
    # -- people ----------------------------------------------------------------------------------------------------
    "accounts": _columns(
        staff="account_id work_number role outlet team state sealed_name password password_changed_at invite_hash"
        " invite_expires_at created_at password_expired_at kind sealed_totp totp_confirmed_at totp_step",
    ),
    "account_resets": _columns(
        random="reset_id", staff="account_id reset_by confirmed_by", word="kind reset_at confirmed_at"
    ),
    "sessions": _columns(
        staff="session_hash session_id account_id source created_at seen_at expires_at ended_at acknowledged_at"
        " proved_at",
    ),
    "api_tokens": _columns(staff="token_hash token_id account_id purposes made_by made_at expires_at seen_at ended_at"),
    "recovery_codes": _columns(staff="account_id code_hash used_at"),
    "password_history": _columns(staff="account_id changed_at password"),
    "sign_in_failures": _columns(staff="source who failures failed_at"),
    # -- incidents -------------------------------------------------------------------------------------------------
    "incidents": _columns(
        random="incident_id",
        word="kind drill state aware_at aware_since aware_source opened_at verdict closing_at closed_at",
        staff="opened_by closing_by closed_by",
    ),
    # What officers type about an incident is sealed under the people key, and removed some years after the closing.
    "incident_clocks": _columns(
        random="incident_id",
        word="clock_id started_at due_at done_at missed_at dropped_at",
        staff="done_by sealed_reason",
    ),
    "incident_entries": _columns(
        random="event_id incident_id facts", word="arrival at action outcome", staff="actor sealed_note"
    ),
    "further_reports": _columns(random="line_id newest_id", word="count newest_at", staff="sealed_notes"),
    "incident_reminders": _columns(
        random="reminder_id incident_id", word="clock_id mark role at late mail tries next_try_at mailed_at"
    ),
    "containments": _columns(
        random="containment_id incident_id target",
        word="measure affected rehearsed taken_at ended_at kept_at",
        staff="taken_by ended_by kept_by",
    ),
    "containment_holds": _columns(random="containment_id record_id hold_id"),
    "drill_customers": _columns(random="record_id incident_id", word="serial sealed_fields"),  # made up: nobody's
    "drill_scores": _columns(random="incident_id event_id", word="month scored_at passed lines"),
    "incident_reports": _columns(random="incident_id event_id", word="fixed_at digest", staff="sealed_statement"),
    "notice_campaigns": _columns(
        random="campaign_id incident_id radius_id",
        word="state template channels kinds contacts_at digest prepared_at released_at",
        staff="sealed_texts prepared_by released_by",
    ),
    "notice_recipients": _columns(
        random="campaign_id record_id key worker",
        word="channel state tries calls next_try_at claimed_at settled_at reason",
        staff="shown_to",
    ),
    "notice_calls": _columns(random="call_id campaign_id record_id", word="at outcome", staff="called_by"),
    "notice_files": _columns(random="file_id campaign_id", word="count digest made_at removed_at", staff="made_by"),
    "notice_waivers": _columns(
        random="incident_id", word="asked_at confirmed_at", staff="sealed_reason asked_by confirmed_by"
    ),
    "incident_radii": _columns(
        random="radius_id incident_id",
        word="scope drawn_at log_size log_root counts digest set_aside_at aside_asked_at",
        staff="drawn_by set_aside_by sealed_reason aside_asked_by",
    ),
    "radius_customers": _columns(
        random="radius_id record_id", word="record_class clear masked first_at last_at destroyed"
    ),
    "radius_records": _columns(random="radius_id record_id"),
    "signal_turns": _columns(random="incident_id", word="signal told_until leaf_index", staff="subject"),
    "incident_signals": _columns(
        random="evidence_id incident_id signal_id events",
        word="signal count threshold since until tested raised_at",
        staff="account_id source",
    ),
    "misuse_records": _columns(
        random="misuse_id incident_id evidence",
        word="distinct_records evidence_digest account_frozen contract_ended loss_claimed digest drafted_at signed_at"
        " withdrawn_at",
        staff="account_id sealed_police_reference sealed_statement drafted_by signed_by",
    ),
    # -- the house -------------------------------------------------------------------------------------------------
    "vault_state": _columns(house="singleton vault_id origin pin key_store_version created_at"),
    "cohorts": _columns(
        house="cohort_id record_class end_on state created_at closing_at emptied_at destroyed_at moved_size"
    ),
    # Events hold random ids, words of closed lists, and of colleagues who acted: docs/formats.md, "Event".
    "log_inbox": _columns(word="arrival", random="canonical"),
    "log_events": _columns(word="leaf_index leaf_hash", random="canonical event_id"),
    "log_terms": _columns(random="term", word="at leaf_index"),
    "log_checkpoints": _columns(house="size note signed_at"),
    "log_gaps": _columns(house="lost_size lost_root kept_size note accepted_at"),
    "log_keys": _columns(house="old_key new_key size note changed_at"),
    "log_tiles": _columns(house="level number root hashes middle"),
    "log_exports": _columns(random="export_id", staff="exported_by question", house="at size root"),
    "policy_texts": _columns(house="digest name content"),
    "job_runs": _columns(house="job slot started_at finished_at late node"),
}
"""By table and column."""
