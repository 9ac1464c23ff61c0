"""The way from one page of an incident to the others: which of them there are, and which are this person's."""

from __future__ import annotations

from typing import Protocol

from flask import current_app
from werkzeug.exceptions import HTTPException

from vault.web.gate import door_of, parts, person


class Known(Protocol):
    """Whatever knows which incident it is."""

    @property
    def incident_id(self) -> bytes:
        """Return the incident's id."""


def page_of(incident: Known | bytes, part: str) -> str:
    """Return the address of one page of an incident, empty where there is none or none for this person.

    Args:
        incident: the incident, or its id.
        part: the last word of the page's address; empty for the overview.
    """
    known = incident if isinstance(incident, bytes) else incident.incident_id
    return page_at(f"/incidents/{known.hex()}{'/' if part else ''}{part}")


def page_at(address: str) -> str:
    """Return an address again; empty where there is no page, or none for this person."""
    try:
        endpoint, _ = current_app.url_map.bind("").match(address, "GET")
    except HTTPException:
        return ""
    door = door_of(current_app.view_functions[endpoint])
    if door is None or (door.right is not None and not parts().policy.allows(person().role, door.right)):
        return ""
    return address
