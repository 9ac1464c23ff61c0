"""How many passwords of one source are looked at at the same time in one worker.

Checking a password is slow on purpose. Without a limit a flood from one place would hold every thread, and others
could neither sign in nor look anything up; within it, half of the threads are left to them.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask, current_app

from vault.domain.throttling import source_of
from vault.errors import SignInBusy
from vault.web import gate

_EXTENSION = "datavault.turnstile"


class Turnstile:
    """Counts who is inside, by source.

    Args:
        most: how many of one source.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._inside: Counter[str] = Counter()
        self._counting = threading.Lock()

    @contextmanager
    def passing(self, source: str) -> Iterator[None]:
        """Be inside for a while.

        Raises:
            SignInBusy: too many of this source are; the same whatever was typed, before anything is looked at.
        """
        with self._counting:
            if self._inside[source] >= self._most:
                raise SignInBusy
            self._inside[source] += 1
        try:
            yield
        finally:
            with self._counting:
                self._inside[source] -= 1
                if not self._inside[source]:
                    del self._inside[source]


def stand_in(app: Flask, threads: int) -> None:
    """Put a turnstile into an application whose workers have so many threads."""
    app.extensions[_EXTENSION] = Turnstile(max(1, threads // 2))


@contextmanager
def one_of_few() -> Iterator[None]:
    """Let a view look at a password.

    Raises:
        SignInBusy: too many of this source are looked at already.
    """
    turnstile: Turnstile = current_app.extensions[_EXTENSION]
    with turnstile.passing(source_of(gate.source())):
        yield
