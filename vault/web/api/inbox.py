"""The inbox, for programs."""

from __future__ import annotations

from typing import Any

from pydantic import AwareDatetime, Field

from vault.services import inbox
from vault.web import gate
from vault.web.api.routes import moment_of, route, time_text
from vault.web.api.shapes import Id, Moment, Shape, Word
from vault.web.gate import now, parts, person


class NoticeLine(Shape):
    """One notice: a word and the id of what it is about, nothing else."""

    kind: Word
    about: Id
    at: AwareDatetime
    seen_at: AwareDatetime | None


class MyInbox(Shape):
    """My notices, newest first."""

    new: int = Field(description="How many of all my notices are new.")
    notices: list[NoticeLine]


class SeenBody(Shape):
    """Up to which notice I have seen them."""

    up_to: Moment | None = Field(None, description="Time of the newest notice I was shown; left out: all of them.")


class Seen(Shape):
    """How many notices were new until now."""

    seen: int


@route("GET", "/inbox", gate.door(), answer=MyInbox)
def my_inbox() -> dict[str, Any]:
    """List my notices, newest first."""
    notices = inbox.listed(parts(), person())
    return {
        "new": inbox.count_new(parts(), person()),
        "notices": [
            {
                "kind": one.kind.value,
                "about": one.about.hex(),
                "at": time_text(one.at),
                "seen_at": None if one.seen_at is None else time_text(one.seen_at),
            }
            for one in notices
        ],
    }


@route("POST", "/inbox/seen", gate.door(), answer=Seen, body=SeenBody)
def see_inbox(body: SeenBody) -> dict[str, Any]:
    """Note that I have seen my notices up to a moment."""
    moment = now()
    return {"seen": inbox.see(parts(), person(), moment_of(body.up_to, "up_to") or moment, moment)}
