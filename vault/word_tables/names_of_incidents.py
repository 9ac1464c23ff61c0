"""Names of the words of closed lists that the response to a breach has, in English."""

from __future__ import annotations

from collections.abc import Mapping

NAMES_OF_INCIDENTS: Mapping[str, Mapping[str, str]] = {
    "signal_name": {
        "reveals_warned": "many customers",
        "reveals_alarmed": "more than 50 customers",
        "misses": "look-ups without an answer",
        "probing": "probing",
        "forbidden_purpose": "forbidden purpose",
        "sign_in_storm": "storm of failed sign-ins",
        "log_verification": "access log does not verify",
        "record_integrity": "record altered",
        "completeness": "more opened than granted",
    },
    "frozen": {
        "freeze_reveals": "Nothing is shown in clear for now.",
        "freeze_exports": "Nothing is exported for now.",
        "freeze_imports": "Nothing is imported for now.",
        "read_only": "Read-only for now: nothing is entered or changed.",
    },
    "reach": {
        "sessions": "sessions that end",
        "tokens": "tokens that end",
        "grants": "grants that end",
        "people": "people signed in whom it concerns",
        "records": "records to be held",
    },
    "letter": {
        "none": "none",
        "waiting": "waits",
        "sent": "taken by the server",
        "refused": "refused",
        "given_up": "given up",
        "overtaken": "not needed any more",
    },
    "clock_state": {
        "running": "still time",
        "met": "in time",
        "missed": "deadline missed",
        "late": "done late",
        "dropped": "not needed",
    },
    "verdict": {
        "breach": "There was a breach",
        "no_breach": "There was no breach",
    },
    "aware_source": {
        "report": "reported by a person",
        "signal": "raised by a signal",
        "operator": "entered by the operator",
    },
    "missing": {
        "steps": "steps before it",
        "clocks": "tasks with a deadline",
        "notices": "notices to customers",
        "measures": "measures that still stand",
        "misuse": "a misuse record without its second signature",
    },
    "incident_kind": {
        "leak": "Data leaked",
        "loss": "Data lost",
        "alteration": "Data altered",
        "system_failure": "System failure",
        "misuse": "Misuse by a colleague",
        "surge": "Surge of complaints",
    },
    "incident_hint": {
        "leak": "Somebody who should not saw or got customer data.",
        "loss": "Customer data is gone, or a paper or device with it.",
        "alteration": "Customer data was changed that nobody should have changed.",
        "system_failure": "The system does not answer, or answers wrongly.",
        "misuse": "Somebody looks at, copies or passes on what is not for their work.",
        "surge": "Many customers complain about the same thing at once.",
    },
    "incident_state": {
        "reported": "Reported",
        "activated": "Plan started",
        "assessed": "Assessed",
        "contained": "Contained",
        "repaired": "Repaired",
        "notified": "Customers told",
        "closed": "Closed",
    },
    "incident_next": {
        "activated": "Start the emergency plan",
        "assessed": "Assess it",
        "contained": "Contain it",
        "repaired": "Repair it",
        "notified": "Tell the customers",
        "closed": "Close it, by two people",
    },
    "data_kind": {
        "whereabouts": "Whereabouts and addresses",
        "communication": "What was said",
        "identity": "Identity documents",
        "transaction": "Shipments and their content",
        "other": "Name, telephone and others",
    },
    "drill_measure": {
        "activate": "Until the plan started",
        "list": "Until customers were listed",
        "notify": "Until customers were notified",
    },
    "radius_scope": {
        "person": "Person",
        "session": "Session",
        "source": "Network address",
        "since": "from",
        "until": "to",
        "records": "Records",
        "cohort": "Cohort",
        "backup": "Backup",
        "everything": "The whole database",
        "drill": "The customers of the drill",
    },
    "notice_text": {
        "subject": "Subject",
        "body": "Wording",
        "cause": "Cause",
        "harm": "Possible harm",
        "measures": "What the company did",
        "advice": "What customers can do",
    },
    "misuse_measure": {
        "account_frozen": "account frozen",
        "contract_ended": "contract ended",
        "loss_claimed": "loss claimed",
        "police": "reference of the police",
    },
    "drill_month": {
        "held": "drill held",
        "begun": "drill under way",
        "waiting": "still to be held",
        "missed": "missed",
    },
    "drill_step": {
        "activate": "Start the emergency plan",
        "assess": "Assess it",
        "list": "List the affected customers",
        "contain": "Contain it",
        "repair": "Repair it",
        "notify": "Notify the customers",
        "close": "Close it with the report",
    },
    "drill_hint": {
        "activate": "On the overview: one officer alone, with a reason, within two hours.",
        "assess": "On the overview: say that there was a breach, and what that rests on.",
        "list": (
            "Under Blast radius, choose the customers of the drill and freeze the list; that stops the second clock."
        ),
        "contain": (
            "Take a measure or two; in a drill they are only rehearsed. Then say on the overview that it is contained."
        ),
        "repair": "On the overview: say what was repaired.",
        "notify": (
            "Prepare the notices; another officer releases them, and they go to the sink. Then say on the overview"
            " that the customers are told."
        ),
        "close": (
            "Write down what was learnt and ask for it to be closed. When another officer closes it, it is scored."
        ),
    },
    "incident_closing": {
        "asked": "Asked to be closed",
        "closed": "Closed",
        "sent_back": "Sent back",
    },
    "by_two": {
        "asked": "Asked for",
        "confirmed": "Confirmed by the second officer",
        "reopened": "To be confirmed anew: customers became known",
    },
    "notice_run": {
        "interrupted": "An earlier run was cut short",
    },
    "incident_act": {
        "activate": "Start the emergency plan",
        "assess": "Assess it",
        "contain": "Contain it",
        "repair": "Repair it",
        "notify": "Tell the customers",
        "ask_closing": "Ask for it to be closed",
        "close": "Close it, as the second person",
    },
    "notice_channel": {
        "mail": "E-mail",
        "call": "Telephone",
        "file": "File for another sender",
        "letter": "Letter",
        "sink": "Drill only: sent to nobody",
    },
    "notice_state": {
        "waiting": "waiting",
        "sending": "being sent",
        "sent": "sent",
        "unknown": "in doubt",
        "failed": "failed",
        "called": "reached by telephone",
        "posted": "posted",
        "unreachable": "not to be reached",
        "unreachable_destroyed": "not to be reached: data destroyed",
    },
    "campaign": {
        "draft": "draft",
        "released": "released",
        "replaced": "replaced",
    },
    "call_outcome": {
        "reached": "Reached and told",
        "not_reached": "Not reached",
        "wrong_number": "Wrong number",
    },
    "doubt": {
        "arrived": "Take them for arrived",
        "again": "Send again",
    },
    "notice_reason": {
        "interrupted": "The run was cut short while it was being sent",
        "server_silent": "The mail server did not answer",
        "server_away": "The mail server could not be reached",
        "bad_mail_address": "No e-mail address that can be written to",
        "bad_letter": "The message cannot be sent as it is",
        "too_often": "Tried as often as the policy says",
        "unreadable": "The stored data does not fit",
        "no_contact": "No contact on record at that time",
        "destroyed": "The data is destroyed",
        "wrong_number": "Wrong number",
        "not_reached": "Called as often as the policy says",
        "decided": "Decided by an officer",
        "file_expired": "The file was removed and never said to be picked up",
    },
}
