"""Requests as whoever holds their case may know them: waiting or over, granted or not; never why, nor by whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from vault.domain.identifiers import IdentifierKind
from vault.domain.policy import Policy
from vault.domain.requests import RequestState, state_at
from vault.storage import grants
from vault.storage.requests import Request


@dataclass(frozen=True, slots=True)
class AskedRequest:
    """One request as its asker sees it.

    Args:
        request_id: the request.
        case_id: its case.
        purpose: of the case.
        kind: kind of the identifier.
        asked_at: when, UTC.
        answer_by: from then on nobody can answer it.
        state: how it stands now.
        record_id: the record to go on with, while the access that was granted lives.
        until: when that access ends.
    """

    request_id: bytes
    case_id: bytes
    purpose: str
    kind: IdentifierKind
    asked_at: datetime
    answer_by: datetime
    state: RequestState
    record_id: bytes | None = None
    until: datetime | None = None


def as_asked(connection: Connection, policy: Policy, found: Sequence[Request], now: datetime) -> list[AskedRequest]:
    """Return requests as their asker sees them at a moment."""
    answer = policy.grants.answer()
    live = grants.live_requests(connection, [one.request_id for one in found], now)
    return [
        AskedRequest(
            one.request_id,
            one.case_id,
            one.purpose,
            one.kind,
            one.asked_at,
            one.asked_at + answer,
            state_at(one.state, one.asked_at, answer, now),
            one.leads_to if one.request_id in live else None,
            live.get(one.request_id),
        )
        for one in found
    ]
