"""Ctrl-C at a command that does a long thing piece by piece."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Take Ctrl-C for a wish to stop: the piece under way is ended first. The second time it is what it always is."""
    wished = False

    def wish(*_: object) -> None:
        """Note the wish, and let the next Ctrl-C be what it always is."""
        nonlocal wished
        wished = True
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, wish)
    try:
        yield lambda: wished
    finally:
        signal.signal(signal.SIGINT, before)
