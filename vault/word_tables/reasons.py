"""Why something was refused and what to do about it, in English; and what can be wrong with a file."""

from __future__ import annotations

from collections.abc import Mapping

from vault.word_tables.reasons_of_destruction import REASONS_OF_DESTRUCTION
from vault.word_tables.reasons_of_incidents import REASONS_OF_INCIDENTS
from vault.word_tables.reasons_of_policies import REASONS_OF_POLICIES
from vault.word_tables.reasons_of_the_store import REASONS_OF_THE_STORE

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
_NOT_A_WORD = "{field}: this word is not on the list. Use a word of the mapping file."

REASONS: Mapping[str, str] = {
    "span_empty": "The end must lie after the beginning. The end itself is not included.",
    "nobody_of_that_name": "Nobody of this work number is in the log. Check the work number.",
    "file_exists": "{path} is there already. Choose another name.",
    "file_unwritable": "{path} cannot be written. Check the folder and the space on the disk.",
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
    "too_much_around": (
        "More than {most} shipments and service records hang on it. Search by their own numbers instead."
    ),
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
    "conflict": _TWICE,
    "changed_meanwhile": "The record was changed meanwhile. Look it up again.",
    "no_such_entry": "The log has no such entry. One written a moment ago may still wait for its place: try again.",
    "bad_mail_address": "This is not an e-mail address that letters can be sent to. Write it as name@example.com.",
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
    "quota_lookups": "You have reached your quota of look-ups for now. Try again later, or tell your supervisor.",
    "quota_reveals": "You have reached your quota of reveals for now. Try again later, or tell your supervisor.",
    "quota_asks": "You have asked as often as you may within an hour. Try again later, or tell your supervisor.",
    "quota_searches": "You have searched by number as often as you may within an hour. Try again later.",
    "limit_alarm": (
        "You have revealed very many customers. A further one is possible only now and then, until your supervisor "
        "lifts the limit."
    ),
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
    "nothing_to_show": "There is nothing to show. Check the number, or ask for access.",
    "entered_before_start": "The entry is earlier than the start of the service. Check both times.",
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
    "approval_lapsed": (
        "Somebody who approved this is not at work any more, or may not approve it now. Take it back and ask anew."
    ),
    "part_in_it": "You asked, voted or stood by, so somebody else must review it.",
    "for_the_privacy_officer": "The privacy officer closes this review.",
    "access_still_open": "The access is still open. Review it once it is over.",
    "break_glass": "There is no such request for emergency access for you to see. Go back to the list.",
    **REASONS_OF_DESTRUCTION,
    **REASONS_OF_INCIDENTS,
    **REASONS_OF_POLICIES,
    **REASONS_OF_THE_STORE,
}
"""Why something was refused, and what to do about it, by reason id."""
