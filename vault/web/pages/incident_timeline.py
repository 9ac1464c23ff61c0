"""What a line of an incident's timeline tells beside its name: words, times and counts, never what was typed."""

from __future__ import annotations

from collections.abc import Mapping

from vault import words
from vault.domain.log import Action
from vault.web.gate import language, parts
from vault.web.pages.incident_clocks import clock_name
from vault.web.presenting import clock

_UNTOLD = frozenset({"incident", "drill", "containment", "seconds"})
"""Facts of an event that say nothing on the incident's own page."""

_GROUPS = {
    (Action.INCIDENT_STEP, "to"): "incident_state",
    (Action.INCIDENT_STEP, "verdict"): "verdict",
    (Action.INCIDENT_OPENED, "kind"): "incident_kind",
    (Action.INCIDENT_OPENED, "source"): "aware_source",
    (Action.INCIDENT_REPORTED, "kind"): "incident_kind",
    (Action.INCIDENT_REPORTED, "source"): "aware_source",
    (Action.INCIDENT_CLOSING, "to"): "incident_closing",
    (Action.INCIDENT_SIGNAL, "signal"): "signal_name",
}
_TIMES = ("aware_at", "due")
_DIGITS = 16


def told_of(action: str, facts: Mapping[str, str | int]) -> list[str]:
    """Return what an entry tells beside its name.

    Args:
        action: of its event.
        facts: of its event.
    """
    said = (_told(action, fact, value) for fact, value in facts.items() if fact not in _UNTOLD)
    return [text for text in said if text]


def signal_names() -> dict[str, str]:
    """Return what people call the signals, in the language of the request."""
    return {one: words.of_policy(language(), rule) for one, rule in parts().policy.signals.signals.items()}


def measure_names() -> dict[str, str]:
    """Return what people call the measures of containment, in the language of the request."""
    return {one: words.of_policy(language(), rule) for one, rule in parts().policy.containment.measures.items()}


def _told(action: str, fact: str, value: str | int) -> str:
    spoken, text = language(), str(value)
    group = next((one for (of, name), one in _GROUPS.items() if of == action and name == fact), "")
    if group:
        return words.name(spoken, group, text)
    if fact == "clock":
        return clock_name(text)
    if fact == "late":
        return words.name(spoken, "clock_state", "late") if value else ""
    if fact == "rehearsed":
        return words.name(spoken, "fact", fact) if value else ""
    if fact in ("signal", "measure"):
        return (signal_names() if fact == "signal" else measure_names()).get(text, text)
    label = words.name(spoken, "fact", fact)
    return f"{label} {clock(text, 'seconds') if fact in _TIMES else text[:_DIGITS]}"
