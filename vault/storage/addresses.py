"""Addresses of servers outside the vault, as an operator writes them into a setting."""

from __future__ import annotations

import ipaddress
from typing import Final
from urllib.parse import SplitResult, urlsplit

_TO_BE_QUOTED: Final = frozenset(' "<>\\^`{|}#')


def taken_apart(address: str) -> SplitResult | None:
    """Take an address apart; None if it names no host, no possible port, or has a sign that an address must quote."""
    try:
        parts = urlsplit(address)
        _ = parts.port  # looked at only when asked for
    except ValueError:
        return None
    is_plain = address.isascii() and address.isprintable() and not _TO_BE_QUOTED & set(address)
    return parts if parts.hostname and is_plain else None


def is_this_host(parts: SplitResult) -> bool:
    """Tell whether an address leads to the machine itself, so that nobody on a network reads what is sent."""
    host = parts.hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
