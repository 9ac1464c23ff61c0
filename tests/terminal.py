"""Commands as they are given at a terminal."""

from __future__ import annotations

import os
import pkgutil
import sys
import time
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path

import pytest

import vault.cli
from tests.simulator import NOW
from vault.cli import output

_BEGAN = time.monotonic()


def stand_at(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands find a vault and answer in English; nothing of the machine's own settings counts."""
    for name in [one for one in os.environ if one.startswith("DATAVAULT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DATAVAULT_DATA_DIR", str(data_dir))
    monkeypatch.setenv("DATAVAULT_LANG", "en")


def on_its_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands be given two days after the vault was set up, whatever day it is: what expires would tell."""
    for one in pkgutil.iter_modules(vault.cli.__path__, "vault.cli."):
        import_module(one.name)
    for name, module in list(sys.modules.items()):
        if name.startswith("vault.cli.") and getattr(module, "now", None) is output.now and module is not output:
            monkeypatch.setattr(module, "now", _now)


def _now() -> datetime:
    return NOW + timedelta(days=2, seconds=time.monotonic() - _BEGAN)
