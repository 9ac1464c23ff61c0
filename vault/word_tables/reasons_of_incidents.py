"""Why an act of the response to a breach is refused, and what to do about it, in English."""

from __future__ import annotations

from collections.abc import Mapping

REASONS_OF_INCIDENTS: Mapping[str, str] = {
    "radius": "This incident has no such frozen radius. Freeze one first, or choose another one.",
    "log_busy": "The access log is being put in order at this moment. Try again in a minute.",
    "scope_empty": "Say what the radius is drawn around: a person, a session, an address, a time, records, or all.",
    "scope_mixed": "These cannot stand together: a drill, all, a cohort and a backup stand alone. Take some away.",
    "scope_of_drill": "A drill reaches its made-up customers and nobody else, and no other incident reaches them.",
    "too_many_records": "That is more than {most} records at once. Ask for some of them at a time, or for a cohort.",
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
    "nobody_to_tell": "Nobody is left to tell: everybody of this radius has a notice already, or it names no customer.",
    "notice_moved_on": "Somebody was faster, or it is settled already. Look at the page again.",
    "notice_overlaps": "Some of these customers were told meanwhile. Prepare these notices anew.",
    "notice_released": "Notices of this incident are released. Deciding to tell nobody is too late.",
    "radius_set_aside": "This radius is set aside already.",
    "own_radius": "You asked for this yourself, or bear the same name. Another officer must confirm it.",
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
    "notes_too_short": "{place}: what is noted of an incident is kept for three years at least (PIPL 56, 民法典 188).",
    "answer_impossible": "{place} hours at most, and one at least.",
    "clock_too_long": "{place} minutes at most, and every such clock must be there.",
    "awareness_impossible": "{place}: a report reaches back at least a day, and a correction no less.",
}
