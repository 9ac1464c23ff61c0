"""Random ids as people give them to a command: 32 hexadecimal digits, as the log and every list show them."""

from __future__ import annotations

import re

import click

_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)


class RandomId(click.ParamType[bytes]):
    """A random id; anything else is a fault of usage."""

    name = "id"

    def convert(self, value: str | bytes, param: click.Parameter | None, ctx: click.Context | None) -> bytes:
        """Return the id's bytes."""
        if isinstance(value, bytes):
            return value
        digits = value.strip().lower()
        if not _ID.fullmatch(digits):
            self.fail("32 × 0-9 a-f", param, ctx)
        return bytes.fromhex(digits)


RANDOM_ID = RandomId()
