"""What a password hash costs in tests: next to nothing, but where the cost is what a test is about.

The application's own 19 MiB and two passes take 30 ms, and most tests sign somebody in. A hash carries its own cost,
so everything else about it stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from vault.crypto import passwords

_LEAST_KIBIBYTES, _LEAST_PASSES = 8, 1
_FULL = passwords._KIBIBYTES, passwords._PASSES


@contextmanager
def cheap() -> Iterator[None]:
    """Hash with the least that Argon2id takes."""
    with _costing(_LEAST_KIBIBYTES, _LEAST_PASSES):
        yield


@contextmanager
def full() -> Iterator[None]:
    """Hash as the application does."""
    with _costing(*_FULL):
        yield


@contextmanager
def _costing(kibibytes: int, passes: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_KIBIBYTES", kibibytes)
        patch.setattr(passwords, "_PASSES", passes)
        patch.setattr(passwords, "_TODAY", f"$argon2id$v=19$m={kibibytes},t={passes},p={passwords._LANES}$")
        yield
