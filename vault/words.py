"""Words for people: every sentence in Chinese and English, and the names of the things the house speaks of.

Source strings are English; the Chinese stands in ``vault/locale/zh_Hans_CN.po``, read once and not compiled, so that
the file in the repository is the file in use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from babel.messages.pofile import read_po

from vault.domain.ids import Role
from vault.domain.log import Action
from vault.domain.policy import Policy
from vault.domain.rules.access import PurposePolicy, RolePolicy
from vault.domain.rules.service import NoticePolicy
from vault.domain.rules.shape import Named
from vault.word_tables import FILE_FAULTS, FILES, NAMES, REASONS

CHINESE, ENGLISH = LANGUAGES = ("zh-CN", "en")
CATALOGUE = Path(__file__).parent / "locale" / "zh_Hans_CN.po"

Translate = Callable[..., str]

_UNTOLD = frozenset({"incident", "drill", "containment", "seconds"})
"""Facts of an event that say nothing on its own incident's timeline."""
_GROUPS: Mapping[tuple[str, str], str] = {
    (Action.INCIDENT_STEP, "to"): "incident_state",
    (Action.INCIDENT_STEP, "verdict"): "verdict",
    (Action.INCIDENT_OPENED, "kind"): "incident_kind",
    (Action.INCIDENT_OPENED, "source"): "aware_source",
    (Action.INCIDENT_REPORTED, "kind"): "incident_kind",
    (Action.INCIDENT_REPORTED, "source"): "aware_source",
    (Action.INCIDENT_CLOSING, "to"): "incident_closing",
    (Action.INCIDENT_SIGNAL, "signal"): "signal_name",
    (Action.INCIDENT_RADIUS_SET_ASIDE, "mode"): "by_two",
    (Action.NOTICE_WAIVED, "mode"): "by_two",
    (Action.NOTICE_SENT, "mode"): "notice_run",
}
_TIMES = ("aware_at", "due")
_DIGITS = 16
"""Of an id, so many tell it apart well enough beside the others of one incident."""


def translator(language: str) -> Translate:
    """Return the function that says a sentence in a language.

    Args:
        language: ``zh-CN`` or ``en``; any other word means Chinese.

    Returns:
        A function that takes the English sentence, and by name what fills its braces.
    """
    catalogue: Mapping[str, str] = {} if language == ENGLISH else _chinese()

    def say(sentence: str, **facts: str | int) -> str:
        """Return a sentence in the language, its braces filled."""
        said = catalogue.get(sentence, sentence)
        return said.format_map(facts) if facts else said

    return say


def name(language: str, group: str, word: str) -> str:
    """Return what people call a word of a closed list.

    Args:
        language: as for :func:`translator`.
        group: which list: action, outcome, class, part, field, kind, identifier, channel, result, …
        word: the word's id.

    Returns:
        Its name; the id itself when the list does not know it, so that nothing is ever shown as something else.
    """
    known = NAMES[group].get(word)
    return word if known is None else translator(language)(known)


def of_policy(language: str, rule: RolePolicy | PurposePolicy | Named | NoticePolicy) -> str:
    """Return the name that the policy gives a role, a purpose or a reason, or the text it gives a notice."""
    return rule.en if language == ENGLISH else rule.zh


def event_names(language: str, roles: Mapping[Role, RolePolicy]) -> Callable[[str, str], str]:
    """Return what names the words of an event in a table: group (role, action, outcome, …) and id in, name out."""

    def named(group: str, word: str) -> str:
        """Return the name of one word of a group."""
        if group != "role":
            return name(language, group, word)
        return of_policy(language, roles[Role(word)]) if word in roles else word

    return named


def told(language: str, group: str, word: str, facts: Mapping[str, str | int]) -> str:
    """Return a sentence of a closed list, filled.

    Args:
        language: as for :func:`translator`.
        group: which list, such as compliance.
        word: the sentence's id.
        facts: what fills its braces.
    """
    return translator(language)(NAMES[group][word], **facts)


def finding(language: str, kind: str, index: int | None) -> str:
    """Return one finding of the log's verifier as a sentence.

    Args:
        language: as for :func:`translator`.
        kind: one of :data:`vault.verify_log.Kind`.
        index: the entry concerned, if there is one.
    """
    return translator(language)(NAMES["finding"][kind], index="?" if index is None else index)


def reason(language: str, reason_id: str, facts: Mapping[str, str | int]) -> str:
    """Return why something was refused and what to do about it.

    Args:
        language: as for :func:`translator`.
        reason_id: ``reason`` of an error.
        facts: ``facts`` of the same error; a field is named in words.

    Returns:
        One or two sentences; for an id without words, the id and a pointer to the service's log.
    """
    say = translator(language)
    filling = _Facts(facts)
    if "field" in facts:
        filling["field"] = name(language, "field", str(facts["field"]))
    for what, file_name in FILES.items():
        fault = reason_id.removeprefix(f"{what}_")
        if reason_id not in REASONS and fault != reason_id and fault in FILE_FAULTS:
            filling["what"] = say(file_name)
            return say(FILE_FAULTS[fault]).format_map(filling)
    if reason_id not in REASONS:
        return say("Refused ({reason}). The service's log says more.", reason=reason_id)
    return say(REASONS[reason_id]).format_map(filling)


def timeline(
    language: str, policy: Policy, action: str, facts: Mapping[str, str | int], clock: Callable[[str], str]
) -> list[str]:
    """Return what a line of an incident's timeline tells beside its name: words, times and counts.

    Args:
        language: as for :func:`translator`.
        policy: the rules in force, which name clocks, signals and measures.
        action: of its event.
        facts: of its event.
        clock: returns a moment, given as events write it, as people read it.
    """
    said = (_told_of(language, policy, action, fact, value, clock) for fact, value in facts.items())
    return [text for text in said if text]


def _told_of(
    language: str, policy: Policy, action: str, fact: str, value: str | int, clock: Callable[[str], str]
) -> str:
    text = str(value)
    named: Mapping[str, Mapping[Any, Named]] = {
        "clock": policy.incidents.clocks,
        "signal": policy.signals.signals,
        "measure": policy.containment.measures,
    }
    if fact in _UNTOLD:
        return ""
    if (action, fact) in _GROUPS:
        return name(language, _GROUPS[action, fact], text)
    if fact in named:
        return of_policy(language, named[fact][text]) if text in named[fact] else text
    if fact == "late":
        return name(language, "clock_state", "late") if value else ""
    if fact == "rehearsed":
        return name(language, "fact", fact) if value else ""
    return f"{name(language, 'fact', fact)} {clock(text) if fact in _TIMES else text[:_DIGITS]}"


class _Facts(dict[str, str | int]):
    """Facts for a sentence; one that the error does not carry leaves a gap instead of a failure."""

    def __missing__(self, key: str) -> str:
        return "…"


@cache
def _chinese() -> Mapping[str, str]:
    with CATALOGUE.open("rb") as file:
        return {str(one.id): str(one.string) for one in read_po(file, locale="zh_Hans_CN") if one.id and one.string}
