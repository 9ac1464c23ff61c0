"""Commands as they are given at a terminal."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def stand_at(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands find a vault and answer in English; nothing of the machine's own settings counts."""
    for name in [one for one in os.environ if one.startswith("DATAVAULT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DATAVAULT_DATA_DIR", str(data_dir))
    monkeypatch.setenv("DATAVAULT_LANG", "en")
