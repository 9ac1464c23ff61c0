"""Every closed door of the application, to knock at one by one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tests.web.conftest import HOST, Front
from vault.domain.people import Must
from vault.web import gate

FIRST = {
    Must.CODE: "/second-factor",
    Must.PASSWORD: "/password",
    Must.ENROL: "/second-factor/new",
    Must.CONFIRMATION: "/coming-back",
}
REASON = {
    Must.CODE: "must_code",
    Must.PASSWORD: "password_expired",
    Must.ENROL: "must_enrol",
    Must.CONFIRMATION: "must_be_confirmed",
}


def closed_doors(front: Front) -> Iterator[tuple[str, str, str]]:
    """Yield the endpoint, method and address of every closed door."""
    for rule in front.app.url_map.iter_rules():
        place = gate.door_of(front.app.view_functions[rule.endpoint])
        assert place is not None
        if place.is_open:
            continue
        path = re.sub(r"<hex32:\w+>", "0" * 32, rule.rule).replace("<work_number>", "KF0000")
        path = path.replace("<clock>", "postal")
        assert "<" not in path
        for method in sorted((rule.methods or set()) - {"OPTIONS"}):
            yield rule.endpoint, method, path


def open_for(front: Front, must: Must) -> set[str]:
    """Return the endpoints that stay open to people who must do something first."""
    return {
        name for name, view in front.app.view_functions.items() if must in (gate.door_of(view) or gate.Door()).even_if
    }


def knock(front: Front, method: str, path: str, who: str) -> Any:
    """Ask for an address as somebody."""
    if path.startswith("/api/"):
        return front.api(method, path.removeprefix("/api/v1"), who=who)
    return front.browser(who).open(path, method=method, base_url=HOST)


def is_shut(answer: Any, path: str, method: str, must: Must = Must.PASSWORD) -> bool:
    """Return whether an answer leads people to what they must do first, or tells programs so."""
    if not path.startswith("/api/"):
        return bool((answer.status_code, answer.location) == (303, FIRST[must]))
    return bool(answer.status_code == 403 and (method == "HEAD" or answer.json["reason"] == REASON[must]))
