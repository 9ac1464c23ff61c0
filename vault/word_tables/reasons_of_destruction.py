"""Why a plan, a hold, a box of paper, a certificate or the ledger stands in the way, in English."""

from __future__ import annotations

from collections.abc import Mapping

REASONS_OF_DESTRUCTION: Mapping[str, str] = {
    "bad_retention_period": "A retention period must be positive.",
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
}
