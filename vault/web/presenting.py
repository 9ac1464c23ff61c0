"""What every page has at hand: words in the language of the request, times of the company's zone, the menu."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import Blueprint, current_app, g, request
from jinja2 import pass_context
from jinja2.runtime import Context

from vault import words
from vault.domain.clocks import entry_lateness
from vault.domain.ids import RecordClass
from vault.domain.masks import mask
from vault.domain.passwords import days_left, ends_at
from vault.domain.people import Person
from vault.domain.rules.access import Right
from vault.services import inbox, sessions
from vault.services.breach import containment_reading, incident_board
from vault.services.steps.cards import Card
from vault.web.gate import language, now, parts
from vault.web.health import CONFIG
from vault.web.pages.incident_clocks import clock_face, clock_name, span_text
from vault.web.pages.incident_tabs import page_at, page_of

_MENU = (
    (Right.LOOKUP, "pages.look_up", "Look up"),
    (Right.LOOKUP, "cases.board", "My cases"),
    (Right.DECIDE, "requests.waiting", "Requests"),
    (Right.HAND_OVER, "handovers.board", "Hand-over"),
    (Right.SUPERVISE, "board.view", "Team board"),
    (Right.BREAK_GLASS, "break_glass.board", "Emergency access"),
    (Right.REVIEW_BREAK_GLASS, "break_glass.board", "Emergency access"),
    (Right.INCIDENT_VIEW, "incidents.board", "Incidents"),
    (Right.LOG_READ, "log.view", "Access log"),
    (Right.RETENTION, "retention.overview", "Retention"),
    (Right.COMPLIANCE, "compliance.view", "Compliance"),
    (Right.ACCOUNTS, "accounts.listed", "Accounts"),
)
_CLOCK = {"clock": "%H:%M", "minutes": "%Y-%m-%d %H:%M", "seconds": "%Y-%m-%d %H:%M:%S"}
_ZONED = "zoned"
_OUR_PAGE = re.compile(r"/(?!/)[A-Za-z0-9/_-]*(\?before=[0-9]{1,18})?", re.ASCII)
_OUR_SEARCH = re.compile(r"/log(/charts)?\?[A-Za-z0-9_=&.:%+-]{1,1200}", re.ASCII)
"""A search of the log; its own page says that it leads back there, so that no page repeats just any address."""


def furnish(pages: Blueprint) -> None:
    """Give the templates their filters and what every page shows."""
    pages.add_app_template_filter(_word_here, "word")
    pages.add_app_template_filter(_parsed, "parsed")
    pages.add_app_template_filter(clock, "clock")
    pages.app_context_processor(_at_hand)


def way_back(path: str) -> str:
    """Return the path if it is one of our own pages, else the start page: a form must lead nowhere else."""
    return path if _OUR_PAGE.fullmatch(path) or _OUR_SEARCH.fullmatch(path) else "/"


def clock(at: datetime | str | None, form: str = "minutes") -> str:
    """Return a time as people of the company read it.

    Args:
        at: a time, or the text of one as the importer and the log write it (ISO 8601, UTC); None gives a dash.
        form: ``minutes`` or ``seconds``; ``clock`` leaves the date out, ``zoned`` adds by how much the company's zone
            is ahead of UTC, for what is read elsewhere.
    """
    if not at:
        return "–"
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    there = moment.astimezone(parts().policy.zone)
    if form == _ZONED:
        ahead = there.strftime("%z")
        return f"{there.strftime(_CLOCK['seconds'])} UTC{ahead[:-2]}:{ahead[-2:]}"
    return there.strftime(_CLOCK[form])


def title_of(card: Card) -> str:
    """Return what a card is called: its part in the answer, the kind of a service record, the number of a shipment."""
    if card.kind:
        return words.name(language(), "kind", card.kind)
    if card.part == RecordClass.SHIPMENT.value:
        return card.value("waybill")
    if card.part == "match":
        return words.name(language(), "class", card.record_class.value)
    return words.name(language(), "part", card.part)


def summary_of(card: Card) -> str:
    """Return the line by which one of many linked records is recognised."""
    if card.record_class is RecordClass.SHIPMENT:
        track = _parsed(card.value("track"))
        last = next((step for step in ("signed", "delivery", "transit", "pickup") if step in track), "")
        item = card.value("item_type")
        moved = f"{_word(last, 'step')} {clock(track.get(last))}"
        return moved if item == mask("hidden", item) else f"{item} · {moved}"
    if card.record_class is RecordClass.SERVICE_RECORD:
        details = _parsed(card.value("details"))
        return " · ".join(
            text
            for text in (
                clock(details.get("started_at")),
                _word(details.get("channel", ""), "channel"),
                _word(details.get("result", ""), "result"),
            )
            if text
        )
    return f"{card.value('name')} · {card.value('phone') or card.value('recipient_address')}"


def entered_late(details: Mapping[str, str]) -> bool:
    """Return whether a service record's sealed times say that it was entered after the limit (CE-02)."""
    times = [details.get(name, "") for name in ("ended_at", "entered_at")]
    if not all(times):
        return False
    ended, entered = map(datetime.fromisoformat, times)
    return entry_lateness(ended, max(ended, entered), parts().policy.entry.limit()) is not None


def purpose_name(purpose: str) -> str:
    """Return a purpose's name; an id the policy does not know stays as it is."""
    rule = parts().policy.purposes.get(purpose)
    return purpose if rule is None else words.of_policy(language(), rule)


@pass_context
def _word_here(_context: Context, word: str, group: str) -> str:
    """Say a word in a template; with the context, or a literal word would be said once for all, in one language."""
    return _word(word, group)


def _word(word: str, group: str) -> str:
    return words.name(language(), group, word)


def _parsed(text: str) -> Mapping[str, str]:
    told = json.loads(text) if text else {}
    return told if isinstance(told, dict) else {}


def _at_hand() -> dict[str, Any]:
    spoken, say = language(), words.translator(language())
    policy, here = parts().policy, request.full_path.rstrip("?")
    me: Person | None = g.get("person")
    rights = policy.roles[me.role].rights if me and me.must is None else frozenset()
    return {
        "_": say,
        "language": spoken,
        "me": me,
        "menu": [(endpoint, say(label)) for right, endpoint, label in _MENU if right in rights],
        "can_look_up": Right.LOOKUP in rights,
        "can_verify": Right.LOG_VERIFY in rights,
        "can_ask": Right.ASK in rights,
        "can_break_glass": Right.BREAK_GLASS in rights,
        "role_name": words.of_policy(spoken, policy.roles[me.role]) if me else "",
        "role_names": {role.value: words.of_policy(spoken, rule) for role, rule in policy.roles.items()},
        "purpose_names": {one: words.of_policy(spoken, rule) for one, rule in policy.purposes.items()},
        "close_reasons": {one: words.of_policy(spoken, rule) for one, rule in policy.cases.reasons.items()},
        "password_days": policy.passwords.max_age_days,
        "password_rule": policy.passwords,
        "confirm_minutes": policy.sessions.second_factor.step_up_minutes,
        "password_left": lambda: days_left(policy.passwords, me.password_changed_at, now()) if me else None,
        "password_ends": lambda: ends_at(policy.passwords, me.password_changed_at) if me else None,
        "elsewhere": lambda: sessions.signed_in_elsewhere(parts(), me) if me else [],
        "frozen": lambda: containment_reading.frozen(parts()) if me else {},
        "new_notices": lambda: inbox.count_new(parts(), me) if me else 0,
        "is_demo": current_app.extensions[CONFIG].env == "demo",
        "back": here if request.method == "GET" and _OUR_PAGE.fullmatch(here) else "/",
        "title_of": title_of,
        "summary_of": summary_of,
        "entered_late": entered_late,
        "incident_page": page_of,
        "page_at": page_at,
        "clock_name": clock_name,
        "clock_face": clock_face,
        "span_text": span_text,
        "urgent_clock": lambda: incident_board.most_urgent(parts(), me, now()) if me and rights else None,
    }
