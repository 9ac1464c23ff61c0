"""How failed sign-ins are slowed down: the delay grows with each failure and never becomes a lock."""

from __future__ import annotations

import ipaddress
from datetime import datetime, timedelta

from vault.domain.rules.people import ThrottlePolicy

_NETWORK_OF_ONE = 64
"""Bits of an IPv6 address that name a network; whoever has one has all addresses in it."""


def source_of(address: str) -> str:
    """Return what counts as one source: an IPv4 address, or the /64 network of an IPv6 address."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((int(found), _NETWORK_OF_ONE), strict=False))


def failures_now(rule: ThrottlePolicy, failures: int, failed_at: datetime, now: datetime) -> int:
    """Return how many failures still count; after a while without one, none does."""
    # A time far ahead was written by a wrong clock, and would slow somebody down until it comes.
    too_far_ahead = failed_at - now > timedelta(seconds=rule.most_seconds)
    forgotten = now - failed_at >= timedelta(minutes=rule.forget_minutes)
    return 0 if too_far_ahead or forgotten else failures


def is_throttled(rule: ThrottlePolicy, free: int, failures: int, failed_at: datetime, now: datetime) -> bool:
    """Return whether the next try comes too soon.

    Args:
        rule: the policy.
        free: failures without delay.
        failures: how many there were.
        failed_at: the last one.
        now: UTC.
    """
    count = failures_now(rule, failures, failed_at, now)
    if count < free:
        return False
    doublings = min(count - free, rule.most_seconds.bit_length())  # beyond that the limit is reached anyway
    delay = min(rule.first_seconds << doublings, rule.most_seconds)
    return now - failed_at < timedelta(seconds=delay)
