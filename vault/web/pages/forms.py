"""What pages with forms share: days, refusals beside their field, and what was just done."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import TypeVar

from flask import request

from vault import words
from vault.errors import InvalidValue
from vault.services.steps.tokens import is_fresh
from vault.web.gate import confirm_address, language, parts, person

Word = TypeVar("Word", bound=StrEnum)


def told(invalid: InvalidValue) -> dict[str, str]:
    """Return what a form says beside the field that cannot be used."""
    field = str(invalid.facts.get("field", "form"))
    return {field: words.reason(language(), invalid.reason, invalid.facts)}


def day_of(text: str, field: str) -> date:
    """Return the day of a form's field.

    Raises:
        InvalidValue: ``impossible_date``.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidValue("impossible_date", field=field) from None


def minute_of(text: str, field: str) -> datetime | None:
    """Return the time of a form's field, on the company's clock unless it says otherwise; None when it is empty.

    Raises:
        InvalidValue: ``impossible_date``.
    """
    if not text:
        return None
    try:
        said = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidValue("impossible_date", field=field) from None
    return said if said.tzinfo else said.replace(tzinfo=parts().policy.zone)


def word_of(known: type[Word], text: str, field: str) -> Word:
    """Return the word of a closed list that a form's field holds.

    Raises:
        InvalidValue: ``not_on_list``.
    """
    try:
        return known(text)
    except ValueError:
        raise InvalidValue("not_on_list", field=field) from None


def step_up(moment: datetime) -> str:
    """Return where the person confirms who they are first; empty if they did a moment ago."""
    return "" if is_fresh(parts().policy.sessions, person(), moment) else confirm_address()


def done_of(known: tuple[str, ...]) -> str:
    """Return what the address says was just done, if it is one of the page's own words."""
    done = request.args.get("done", "")
    return done if done in known else ""
