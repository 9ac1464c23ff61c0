"""What a line of an incident's timeline tells beside its name, in the language and time of the request."""

from __future__ import annotations

from collections.abc import Mapping

from vault import words
from vault.web.gate import language, parts
from vault.web.presenting import clock


def told_of(action: str, facts: Mapping[str, str | int]) -> list[str]:
    """Return what an entry tells beside its name.

    Args:
        action: of its event.
        facts: of its event.
    """
    return words.timeline(language(), parts().policy, action, facts, lambda at: clock(at, "seconds"))


def signal_names() -> dict[str, str]:
    """Return what people call the signals, in the language of the request."""
    return {one: words.of_policy(language(), rule) for one, rule in parts().policy.signals.signals.items()}
