"""The facts of an event in words: what each is called, what its value is called, and where its id leads whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import url_for

from vault import words
from vault.domain.log import FACTS
from vault.domain.rules.access import Right
from vault.domain.rules.shape import Named
from vault.web.gate import language, parts, person

_PLACES: Mapping[str, tuple[str, str]] = {
    "plan": ("plans.one", "plan"),
    "certificate": ("certificates.one", "certificate"),
}
"""The page of what an id names, and the argument that takes it; for those who see retention."""

_LISTS: Mapping[str, str] = {"hold": "holds.listed", "box": "paper.register"}
"""The list on which somebody finds it."""

_PEOPLE = ("account", "to", "second_person")
"""Work numbers; they lead to what the log says of them."""

_GROUPS: Mapping[str, str] = {
    "check": "check",
    "identifier": "identifier",
    "owner_contact": "owner_contact",
    "record_class": "class",
    "signal": "signal_name",
}
"""The list that a word comes from."""

_GROUPS_OF: Mapping[tuple[str, str], str] = {
    ("destruction.certified", "kind"): "certificate",
    ("limit.alarmed", "kind"): "signal",
    ("limit.released", "kind"): "signal",
    ("limit.warned", "kind"): "signal",
    ("log.gap_accepted", "reason"): "gap",
    ("record.kept", "reason"): "stays",
    ("service.filed", "kind"): "kind",
}
"""The list, where it depends on what happened."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact as the page shows it.

    Args:
        label: what it is called.
        text: its value in words.
        raw: the value as the event holds it, where the words say something else.
        place: where it leads; empty where nothing leads there, or this person may not follow.
    """

    label: str
    text: str
    raw: str = ""
    place: str = ""


def facts_in_words(body: Mapping[str, Any]) -> list[Fact]:
    """Return the facts of an event, in its order.

    Args:
        body: the event; ids and words of closed lists.
    """
    return [_fact(str(body.get("action", "")), name, value) for name, value in body.get("facts", {}).items()]


def _fact(action: str, name: str, value: object) -> Fact:
    raw = str(value)
    label = words.name(language(), "fact", name) if name in FACTS else name
    text = _named(action, name, raw)
    return Fact(label, text, "" if text == raw else raw, _place(name, raw))


def _named(action: str, name: str, raw: str) -> str:
    group = _GROUPS_OF.get((action, name)) or _GROUPS.get(name, "")
    if group:
        return words.name(language(), group, raw)
    rule = _rules(action, name).get(raw)
    if rule is not None:
        return words.of_policy(language(), rule)
    if name == "account_role":
        roles: Mapping[str, Any] = {role.value: one for role, one in parts().policy.roles.items()}
        return words.of_policy(language(), roles[raw]) if raw in roles else raw
    return raw


def _rules(action: str, name: str) -> Mapping[str, Named]:
    """Return the reasons of the policy from which this action takes its own, or its measures."""
    policy = parts().policy
    if name == "measure":
        return {measure.value: rule for measure, rule in policy.containment.measures.items()}
    if name != "reason":
        return {}
    chosen: Mapping[str, Callable[[], Mapping[str, Named]]] = {
        "hold.placed": lambda: policy.destruction.reasons,
        "hold.released": lambda: policy.destruction.releases,
        "case.closed": lambda: policy.cases.reasons,
    }
    return chosen[action]() if action in chosen else {}


def _place(name: str, raw: str) -> str:
    if name in _PEOPLE:
        return url_for("log.view", person=raw) if _is_work_number(raw) else ""
    if Right.RETENTION not in parts().policy.roles[person().role].rights:
        return ""
    if name in _PLACES and _is_id(raw):
        endpoint, argument = _PLACES[name]
        given: dict[str, Any] = {argument: bytes.fromhex(raw)}
        return url_for(endpoint, **given)
    return url_for(_LISTS[name]) if name in _LISTS else ""


def _is_id(raw: str) -> bool:
    return len(raw) == 32 and all(one in "0123456789abcdef" for one in raw)  # noqa: PLR2004 - digits of an id


def _is_work_number(raw: str) -> bool:
    return raw.isascii() and raw.isalnum() and not _is_id(raw)
