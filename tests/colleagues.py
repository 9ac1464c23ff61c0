"""People at work who ask, grant and share, for the tests of access between colleagues."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from tests.simulator import World
from vault.errors import VaultError
from vault.services import asking, deciding

AGENT, OWNER = "KF2001", "KF2002"
NJ_SUPERVISOR, XM_SUPERVISOR = "KF2009", "KF2010"
STAFF = (*(f"KF20{serial:02d}" for serial in range(1, 15)),)
ABSENT = "13999999999"


def at_work(world: World, *work_numbers: str) -> None:
    """Let people be at work, without the work of inviting them."""
    for number in work_numbers or STAFF:
        world.tamper("UPDATE accounts SET state = 'active', password = '-' WHERE work_number = :n", n=number)


def ask(world: World, typed: str, who: str = AGENT, purpose: str = "query", case: bytes | None = None) -> bytes:
    """Look something up that shows nothing, and ask for it; returns the request."""
    person = world.person(who)
    case_id = case or world.look_up(who, typed, purpose).case_id
    return asking.ask(world.parts, person, case_id, typed, world.now)


def grant(world: World, who: str, request_id: bytes, minutes: int = 30, chosen: bytes | None = None) -> datetime:
    """Grant a request as somebody."""
    return deciding.grant(world.parts, world.person(who), request_id, minutes, chosen, world.now)


def refuse(world: World, who: str, request_id: bytes, reason: str = "no_need") -> None:
    """Refuse a request as somebody."""
    deciding.refuse(world.parts, world.person(who), request_id, reason, world.now)


def see(world: World, who: str, request_id: bytes) -> deciding.ToDecide:
    """See what a request leads to as somebody."""
    return deciding.see(world.parts, world.person(who), request_id, world.now)


def mine(world: World, request_id: bytes, who: str = AGENT) -> Any:
    """Return how a request stands for its asker."""
    return asking.mine(world.parts, world.person(who), request_id, world.now)


def targets(world: World, request_id: bytes) -> set[str]:
    """Return who was asked to decide."""
    rows = world.rows(
        "SELECT work_number FROM request_targets JOIN accounts USING (account_id) WHERE request_id = :r", r=request_id
    )
    return {row[0] for row in rows}


def notices(world: World, kind: str) -> list[str]:
    """Return who has a notice of a kind, in order."""
    rows = world.rows(
        "SELECT work_number FROM notifications n JOIN accounts USING (account_id) WHERE n.kind = :k ORDER BY 1", k=kind
    )
    return [row[0] for row in rows]


def at_once(acts: Iterable[Callable[[], object]]) -> list[str]:
    """Do several things at the same time; returns the code of each refusal, or ``done``."""

    def tried(act: Callable[[], object]) -> str:
        try:
            act()
        except VaultError as error:
            return error.code
        return "done"

    with ThreadPoolExecutor(8) as pool:
        return sorted(pool.map(tried, acts))
