"""The steps that every new password goes through, chosen at activation or at a change: judged, hashed, stored."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection
from zxcvbn import zxcvbn

from vault.crypto.passwords import password_matches
from vault.domain.passwords import exact, without_known
from vault.errors import InvalidValue
from vault.services.steps.parts import Parts
from vault.storage import password_history
from vault.storage.people import Account

_ONE_AT_A_TIME = threading.Lock()
"""zxcvbn keeps the words of a call in a table shared by all threads."""

_MOST_SCORED = 72
"""Characters that zxcvbn looks at; what follows can only make a password harder to guess."""

_PARTS_OF_A_NAME = re.compile(r"\w+")


def check_length(parts: Parts, new: str, field: str) -> None:
    """Check what can be said of a new password before anybody is known.

    Raises:
        InvalidValue: it is too short or too long.
    """
    rule, length = parts.policy.passwords, len(exact(new))
    if length < rule.min_length:
        raise InvalidValue("password_too_short", field=field, least=rule.min_length)
    if length > rule.max_length:
        raise InvalidValue("password_too_long", field=field, most=rule.max_length)


def check(parts: Parts, account: Account, new: str, field: str) -> None:
    """Check a new password against what is known of its owner.

    Raises:
        InvalidValue: it is easy to guess, for a stranger or for who knows its owner and the company
            (SP 800-63B-4 §3.1.1.2); or the owner has used it before.
    """
    rule = parts.policy.passwords
    with parts.database.read() as connection:
        name = parts.keys.current(connection).open_person(account.account_id, "name", account.sealed_name).disclose()
        earlier = password_history.hashes(connection, account.account_id)
    company = parts.policy.company
    told = [account.work_number, account.outlet, account.team, name, company.zh, company.en, *rule.company_words]
    known = {part for one in told for part in (one, *_PARTS_OF_A_NAME.findall(one)) if len(part) > 1}
    # zxcvbn thinks highly of a few known words in a row, so about half of a password must be none of them.
    if len(without_known(new, known)) < rule.min_length // 2 or _score(exact(new), known) < rule.min_score:
        raise InvalidValue("password_too_easy", field=field)
    used = [account.password, *earlier] if account.password else earlier
    if any(password_matches(new, one) for one in used[: rule.history]):
        raise InvalidValue("password_used_before", field=field, most=rule.history)


def remember(connection: Connection, parts: Parts, account: Account, now: datetime) -> None:
    """Keep the hash that is being replaced, so that its password is not chosen again soon."""
    if account.password is not None:
        changed_at = account.password_changed_at or now
        most = parts.policy.passwords.history - 1  # the present one is compared too
        password_history.keep(connection, account.account_id, account.password, changed_at, most)


def _score(password: str, known: Iterable[str]) -> int:
    with _ONE_AT_A_TIME:
        try:
            return int(zxcvbn(password[:_MOST_SCORED], sorted(known))["score"])
        finally:
            zxcvbn("-", [])  # what it was told of a person does not stay behind
