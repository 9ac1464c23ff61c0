"""Reading limits: how much of mine is used, and lifting somebody else's, for programs."""

from __future__ import annotations

from typing import Any

from vault.domain.rules.access import Right
from vault.services import limits
from vault.web import gate
from vault.web.api.routes import route
from vault.web.api.shapes import Shape
from vault.web.gate import now, parts, person


class Used(Shape):
    """How much is used, and how much there is."""

    used: int
    most: int


class MyLimits(Shape):
    """How much I have read, and how much I may."""

    lookups_hour: Used
    lookups_day: Used
    reveals_hour: Used
    reveals_day: Used
    customers: Used


@route("GET", "/limits", gate.door(Right.LOOKUP), answer=MyLimits)
def my_limits() -> dict[str, Any]:
    """See how much I have looked up and revealed, and how much I may."""
    found = limits.mine(parts(), person(), now())
    names = ("lookups_hour", "lookups_day", "reveals_hour", "reveals_day")
    told = {
        name: {"used": getattr(found.read, name), "most": getattr(found.quota, name) if found.quota else 0}
        for name in names
    }
    most = parts().policy.limits.alarm_customers - 1
    return told | {"customers": {"used": found.customers, "most": most}}


@route("POST", "/signals/<hex32:signal>/release", gate.door(Right.SUPERVISE), answer=None, status=204)
def release_limit(signal: bytes) -> None:
    """Lift the limit that somebody of my team ran into; their customers are counted anew."""
    limits.release(parts(), person(), signal, now())
