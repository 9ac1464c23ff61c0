"""Rules of containment: the closed list of measures, whose they are, and which may outlast their incident."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from vault.domain.breach.containment import Measure, Target
from vault.domain.ids import Role
from vault.domain.rules.access import Right, RolePolicy
from vault.domain.rules.shape import STRICT, Named

_MOST_SECONDS = 60


@dataclass(frozen=True, slots=True)
class MeasurePolicy(Named):
    """One measure: its names, who may take and end it, and whether it may stay when its incident is closed."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    who: frozenset[Role]
    outlasts: bool = False


@dataclass(frozen=True, slots=True)
class ContainmentPolicy:
    """The measures that an officer can take on an incident (BR-01).

    Args:
        id: of the rule.
        clause: where it comes from.
        hold_seconds: so long a page goes on putting records under hold before it asks to be sent again.
        hold_reason: of the reasons of ``destruction.toml``.
        hold_release: of the releases of ``destruction.toml``.
        measures: by measure.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    id: str
    clause: str
    hold_seconds: int
    hold_reason: str
    hold_release: str
    measures: Mapping[Measure, MeasurePolicy]

    def findings(self, roles: Mapping[Role, RolePolicy]) -> Iterator[tuple[str, str]]:
        """Find what cannot stand together.

        Args:
            roles: the policy's roles.
        """
        if not 0 < self.hold_seconds <= _MOST_SECONDS:
            yield "limit_not_positive", self.id
        for measure in Measure:
            rule = self.measures.get(measure)
            if rule is None:
                yield "measure_missing", measure.value
                continue
            able = {role for role in rule.who if role in roles and Right.INCIDENT in roles[role].rights}
            if not able or able != rule.who:
                yield "measure_of_nobody", rule.id
            # A freeze that nobody answers for any more would never end.
            if rule.outlasts and (measure.target is Target.VAULT or not measure.stands):
                yield "freeze_outlasts", rule.id
