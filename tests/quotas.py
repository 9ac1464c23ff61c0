"""Vaults in which quotas and limits never bite: for tests and measurements that read more than any person would."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

from vault.config import ROOT
from vault.domain.rules.access import Quota
from vault.services.steps.parts import Parts

_PLENTY = 1_000_000_000


def without_quotas(parts: Parts) -> Parts:
    """Return the parts of a vault with a policy whose quotas and limits are out of reach."""
    limits = parts.policy.limits
    plenty = replace(
        limits,
        warn_customers=_PLENTY - 1,
        alarm_customers=_PLENTY,
        misses_hour=_PLENTY,
        asks_hour=_PLENTY,
        searches_hour=_PLENTY,
        quotas={role: Quota(_PLENTY, _PLENTY, _PLENTY, _PLENTY) for role in limits.quotas},
    )
    reports = replace(parts.policy.incidents, reports_hour=_PLENTY)
    return replace(parts, policy=replace(parts.policy, limits=plenty, incidents=reports))


def policies_without_quotas(folder: Path) -> Path:
    """Return a folder with a copy of the shipped rules whose quotas and limits are out of reach."""
    copied = folder / "policies"
    shutil.copytree(ROOT / "policies", copied)
    file = copied / "limits.toml"
    text = re.sub(
        r"(?m)^((?:lookups|reveals)_(?:hour|day)|(?:misses|asks|searches)_hour) = \d+",
        rf"\1 = {_PLENTY}",
        file.read_text(),
    )
    file.write_text(text)  # how many customers somebody reveals before the alarm no policy may raise
    incidents = copied / "incidents.toml"
    incidents.write_text(re.sub(r"(?m)^reports_hour = \d+", f"reports_hour = {_PLENTY}", incidents.read_text()))
    signals = copied / "signals.toml"  # a series of misses is no incident before they are warned of
    series = re.sub(r"(?s)(\[signals\.probing\].*?\ncount = )\d+", rf"\g<1>{_PLENTY + 1}", signals.read_text())
    signals.write_text(series)
    return copied
