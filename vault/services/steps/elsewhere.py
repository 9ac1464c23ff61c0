"""Telling people of a sign-in while the account is signed in from another address."""

from __future__ import annotations

from datetime import datetime

from vault.domain.notices import NoticeKind
from vault.domain.rules.access import Right
from vault.services.steps.parts import Parts
from vault.storage import notifications, supervision
from vault.storage.people import Account
from vault.storage.unit_of_work import UnitOfWork


def tell_elsewhere(parts: Parts, work: UnitOfWork, account: Account, session_id: bytes, now: datetime) -> None:
    """Tell the person, and for an account that looks customers up their supervisors, once for each sign-in.

    Args:
        parts: the vault's parts.
        work: the transaction of the sign-in.
        account: who signed in.
        session_id: the new session.
        now: UTC.
    """
    told = [account.account_id]
    if parts.policy.allows(account.role, Right.LOOKUP):
        told += supervision.supervisors_of(work.connection, account.account_id)
    notifications.add(work.connection, told, NoticeKind.SIGNED_IN_ELSEWHERE, session_id, now)
