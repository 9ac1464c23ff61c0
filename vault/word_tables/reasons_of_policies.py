"""What is wrong with the company's rules, and how to mend it, in English."""

from __future__ import annotations

from collections.abc import Mapping

REASONS_OF_POLICIES: Mapping[str, str] = {
    "no_policy_folder": "The folder of rules is missing: {path}.",
    "file_missing": "The rule file {file} is missing.",
    "unknown_file": "The rule file {file} is not known. Check its name.",
    "not_toml": "{file} is not valid TOML.",
    "not_a_pattern": "{file}: the pattern of {place} cannot be read.",
    "unknown_zone": "{file}: the time zone is not known.",
    "retention_missing": "No retention period for {place}. Add one.",
    "retention_needs_years_or_days": "{place}: give either years or days, positive.",
    "log_kept_too_short": "The access log must be kept for 6 months at least ({place}).",
    "shift_impossible": "A shift has a beginning and another end, each as HH:MM ({place}).",
    "verify_time_impossible": "The access log is verified at a time of day, as HH:MM ({place}).",
    "limits_impossible": "These limits cannot stand together ({place}).",
    "alarm_too_high": (
        "The alarm comes at the 51st customer at the latest: more than 50 leaked records are a matter for the police"
        " (UL-04). A lower number is allowed ({place})."
    ),
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
    "question_impossible": (
        "{place}: this question asks for a field that is not there, or compares it in an unknown way."
    ),
    "signal_impossible": "This signal cannot be: {place}. It needs somebody who is told, and its own numbers.",
    "nobody_responds": (
        "{place}: nobody could do it. Give a role the right incident, and incident_view to those who answer "
        "for a clock."
    ),
}
