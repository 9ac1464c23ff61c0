"""What people are told inside the vault: a closed list of kinds; a notice holds an id and no text."""

from __future__ import annotations

from enum import StrEnum


class NoticeKind(StrEnum):
    """What a notice says; the words stand in :mod:`vault.word_tables`."""

    ACCESS_ASKED = "access_asked"
    ACCESS_GRANTED = "access_granted"
    ACCESS_REFUSED = "access_refused"
    ACCESS_REVOKED = "access_revoked"
    ACCESS_SHARED = "access_shared"
    HANDOVER_OFFERED = "handover_offered"
    HANDOVER_ACCEPTED = "handover_accepted"
    HANDOVER_REFUSED = "handover_refused"
    CASE_RECEIVED = "case_received"
    PASSWORD_ENDS = "password_ends"  # noqa: S105 - a word, not a secret
    SIGNED_IN_ELSEWHERE = "signed_in_elsewhere"
    ACCOUNT_RESET = "account_reset"
    SECOND_FACTOR_RESET = "second_factor_reset"
    COLLEAGUE_RESET = "colleague_reset"
    RETURN_WAITS = "return_waits"
    RETURN_CONFIRMED = "return_confirmed"
    LIMIT_WARNED = "limit_warned"
    LIMIT_ALARMED = "limit_alarmed"
    LIMIT_RELEASED = "limit_released"
    FORBIDDEN_PURPOSE = "forbidden_purpose"
    BREAK_GLASS_ASKED = "break_glass_asked"
    BREAK_GLASS_APPROVED = "break_glass_approved"
    BREAK_GLASS_REFUSED = "break_glass_refused"
    BREAK_GLASS_OPENED = "break_glass_opened"
    BREAK_GLASS_REVIEWED = "break_glass_reviewed"
    DESTRUCTION_PROPOSED = "destruction_proposed"
    DESTRUCTION_APPROVED = "destruction_approved"
    DESTRUCTION_STOPPED = "destruction_stopped"
    HOLD_REVIEW = "hold_review"
    HOLD_OVERDUE = "hold_overdue"
    LOG_GAP_ACCEPTED = "log_gap_accepted"
    BOX_RECEIVED = "box_received"
