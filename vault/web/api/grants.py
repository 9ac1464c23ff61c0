"""Access given to others: what lives of it, revoking it, sharing a customer and taking a share up, for programs."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from vault.domain.rules.access import Right
from vault.services import granted, sharing
from vault.web import gate
from vault.web.api.routes import route, time_text
from vault.web.api.shapes import Id, Shape, Word, clean_text
from vault.web.gate import now, parts, person


class GrantLine(Shape):
    """One living grant; nothing of the customer."""

    grant: Id
    kind: Word = Field(description="asked or shared.")
    colleague: str = Field(description="Work number of the other side: who holds it, or who shared it with me.")
    purpose: Word
    granted_at: AwareDatetime
    until: AwareDatetime
    taken_up: bool = Field(description="A case holds it; a share opens nothing before.")


class Grants(Shape):
    """What lives of the access I gave or may revoke, and what was shared with me; the newest first."""

    given: list[GrantLine]
    shared_with_me: list[GrantLine]


class ShareBody(Shape):
    """A customer of mine, and with whom, for which purpose and for how long to share them."""

    case: Id
    record: Id
    work_number: Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(clean_text)]
    purpose: Word
    hours: Annotated[int, Field(ge=1)] = Field(description="One of the policy's choices.")


class Shared(Shape):
    """A share: the colleague opens `/shared/<share>`, which holds no data."""

    share: Id


class TakenUp(Shape):
    """Where a share leads: the case opened with it, and the customer's record."""

    case: Id
    record: Id


@route("GET", "/grants", gate.door(Right.DECIDE), answer=Grants)
def living_grants() -> dict[str, Any]:
    """List the living grants that I gave or may revoke, and what was shared with me."""
    found = granted.listed(parts(), person(), now())
    return {
        name: [
            {
                "grant": one.grant.grant_id.hex(),
                "kind": one.grant.kind.value,
                "colleague": one.work_number,
                "purpose": one.grant.purpose,
                "granted_at": time_text(one.grant.granted_at),
                "until": time_text(one.grant.expires_at),
                "taken_up": one.grant.case_id is not None,
            }
            for one in some
        ]
        for name, some in (("given", found.given), ("shared_with_me", found.shared_with_me))
    }


@route("DELETE", "/grants/<hex32:grant>", gate.door(Right.DECIDE), answer=None, status=204)
def revoke_grant(grant: bytes) -> None:
    """Revoke access; from the next request on it opens nothing."""
    granted.revoke(parts(), person(), grant, now())


@route("POST", "/shares", gate.door(Right.SHARE), answer=Shared, status=201, body=ShareBody, also=(404,))
def share_customer(body: ShareBody) -> dict[str, Any]:
    """Share a customer of mine with one colleague: a link, never the data."""
    grant_id = sharing.share(
        parts(),
        person(),
        bytes.fromhex(body.case),
        bytes.fromhex(body.record),
        body.work_number,
        body.purpose,
        body.hours,
        now(),
    )
    return {"share": grant_id.hex()}


@route("POST", "/shares/<hex32:share>/cases", gate.door(Right.LOOKUP), answer=TakenUp, status=201)
def take_up_share(share: bytes) -> dict[str, Any]:
    """Take up what a colleague shared with me: open a case with it, or go on in the one it opened before."""
    taken = sharing.take_up(parts(), person(), share, now())
    return {"case": taken.case_id.hex(), "record": taken.record_id.hex()}
