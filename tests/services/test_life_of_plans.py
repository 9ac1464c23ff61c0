"""The life of plans against a model: officers who come and go, sign in any order and at once, and time that passes."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.colleagues import at_once
from tests.destroying import drafted, fill
from tests.services.staff_at_work import in_use
from tests.simulator import Template, World, staff_row
from tests.worlds import copied, gone
from vault.domain.destruction import PlanState
from vault.errors import AccessRefused, AlreadyDecided
from vault.services import retention
from vault.storage import destruction
from vault.storage.unit_of_work import unit_of_work

NAMES = {"KF2012": "上官雨", "KF2013": "卫芳沛", "KF2020": "第三人", "KF2021": "上官雨"}
"""Four accounts of three humans."""
officers = st.sampled_from(sorted(NAMES))


@dataclass
class Known:
    """What the model knows of a plan."""

    state: str = "draft"
    proposer: str = ""
    approver: str = ""
    approved_at: datetime | None = None


def outcome(act):
    try:
        act()
    except AccessRefused as refused:
        return refused.reason
    except AlreadyDecided:
        return "decided"
    return "done"


class LifeOfPlans(RuleBasedStateMachine):
    """Plans and officers, in a world of their own.

    ``make`` returns a new world with something due; the test sets it.
    """

    make: ClassVar[Callable[[], World]]
    plans = Bundle("plans")

    def __init__(self) -> None:
        super().__init__()
        self.world = type(self).make()
        self.able = set(NAMES)
        self.known: dict[bytes, Known] = {}

    def teardown(self) -> None:
        gone(self.world)

    def says(self, plan: bytes, who: str) -> str:
        """Return what the model says to somebody who approves."""
        known = self.known[plan]
        if who not in self.able:
            return "no_right"
        if known.state != "proposed":
            return "decided"
        if known.proposer not in self.able:
            return "proposer_not_able"
        return "own_plan" if NAMES[who] == NAMES[known.proposer] else "done"

    def approved(self, plan: bytes, who: str) -> None:
        known = self.known[plan]
        known.state, known.approver, known.approved_at = "approved", who, self.world.now

    @initialize(target=plans)
    def begin_with_a_draft(self) -> bytes:
        return self._draft()

    @rule(target=plans)
    def draft(self) -> bytes:
        return self._draft()

    def _draft(self) -> bytes:
        over = self.world.now - self.world.parts.policy.destruction.approval()
        plan = drafted(self.world)
        for one in self.known.values():
            if one.state == "draft" or (one.state == "approved" and one.approved_at <= over):
                one.state = "superseded"
        self.known[plan] = Known()
        return plan

    def in_state(self, *states: str) -> list[bytes]:
        """Return the plans in some states, the newest last."""
        return [plan for plan, one in self.known.items() if one.state in states]

    def _propose(self, plan: bytes, who: str) -> None:
        known, world = self.known[plan], self.world
        expected = "no_right" if who not in self.able else "done" if known.state == "draft" else "decided"
        assert outcome(lambda: retention.propose(world.parts, world.person(who), plan, world.now)) == expected
        if expected == "done":
            known.state, known.proposer = "proposed", who

    def _sign(self, plan: bytes, who: str) -> None:
        retention.approve(self.world.parts, self.world.person(who), plan, self.world.now)

    def _approve(self, plan: bytes, who: str) -> None:
        expected = self.says(plan, who)
        assert outcome(lambda: self._sign(plan, who)) == expected
        if expected == "done":
            self.approved(plan, who)

    def _stop(self, plan: bytes, who: str) -> None:
        known, world = self.known[plan], self.world
        stoppable = known.state in ("proposed", "approved")
        expected = "no_right" if who not in self.able else "done" if stoppable else "decided"
        assert outcome(lambda: retention.stop(world.parts, world.person(who), plan, world.now)) == expected
        if expected == "done":
            known.state = "stopped"

    @precondition(lambda self: self.in_state("draft"))
    @rule(who=officers)
    def propose(self, who: str) -> None:
        self._propose(self.in_state("draft")[-1], who)

    @precondition(lambda self: self.in_state("proposed"))
    @rule(who=officers)
    def approve(self, who: str) -> None:
        self._approve(self.in_state("proposed")[-1], who)

    @precondition(lambda self: self.in_state("proposed"))
    @rule(one=officers, other=officers)
    def approve_at_once(self, one: str, other: str) -> None:
        """Two sign at the same moment; one account may do it twice."""
        plan = self.in_state("proposed")[-1]
        may = [who for who in (one, other) if self.says(plan, who) == "done"]
        signed = []

        def act(who: str) -> None:
            self._sign(plan, who)
            signed.append(who)

        codes = at_once([lambda: act(one), lambda: act(other)])
        assert codes.count("done") == len(signed) == min(1, len(may))
        if signed:
            assert signed[0] in may
            self.approved(plan, signed[0])

    @precondition(lambda self: self.in_state("proposed", "approved", "running"))
    @rule(who=officers)
    def stop(self, who: str) -> None:
        self._stop(self.in_state("proposed", "approved", "running")[-1], who)

    @precondition(lambda self: self.in_state("approved"))
    @rule()
    def begin(self) -> None:
        """Let the run begin, as it does: only what is approved can."""
        self._begin(self.in_state("approved")[-1])

    def _begin(self, plan: bytes) -> None:
        known, begun = self.known[plan], {"started_at": self.world.now}
        with unit_of_work(self.world.parts.database) as work:
            moved = destruction.move(work.connection, plan, [PlanState.APPROVED], PlanState.RUNNING, begun)
            work.commit()
        assert moved is (known.state == "approved")
        if moved:
            known.state = "running"

    @rule(plan=plans, who=officers, act=st.sampled_from(["propose", "approve", "stop", "begin"]))
    def do_anything_out_of_order(self, plan: bytes, who: str, act: str) -> None:
        if act == "begin":
            self._begin(plan)
        else:
            getattr(self, f"_{act}")(plan, who)

    @rule(who=officers)
    def lose_or_get_back_the_role(self, who: str) -> None:
        role = "agent" if who in self.able else "imd"
        self.world.tamper("UPDATE accounts SET role = :r WHERE work_number = :n", r=role, n=who)
        self.able ^= {who}

    @rule(hours=st.sampled_from([1, 24, 71, 72]))
    def wait(self, hours: int) -> None:
        self.world.now += timedelta(hours=hours)

    @invariant()
    def the_rows_say_the_same(self) -> None:
        rows = self.world.rows(
            "SELECT p.plan_id, p.state, a.work_number, b.work_number FROM destruction_plans p"
            " LEFT JOIN accounts a ON a.account_id = p.proposed_by"
            " LEFT JOIN accounts b ON b.account_id = p.approved_by"
        )
        assert {row[0]: (row[1], row[2] or "", row[3] or "") for row in rows} == {
            plan: (one.state, one.proposer, one.approver) for plan, one in self.known.items()
        }

    @invariant()
    def nothing_that_runs_was_signed_by_one_human(self) -> None:
        for one in self.known.values():
            if one.state in ("approved", "running"):
                assert NAMES[one.proposer] != NAMES[one.approver]


def test_plans_live_as_the_model_says(templates, tmp_path):
    base, numbers = copied(templates("sqlite"), tmp_path / "base"), itertools.count()
    fill(base, customers=1, shipments=0, services=0)
    base.staff(*(staff_row(one, "imd") | {"name": NAMES[one]} for one in ("KF2020", "KF2021")))
    in_use(base, *NAMES)
    base.close()
    template = Template(tmp_path / "base", base.place)
    LifeOfPlans.make = staticmethod(lambda: copied(template, tmp_path / str(next(numbers))))
    run_state_machine_as_test(LifeOfPlans, settings=settings(max_examples=8, stateful_step_count=25, deadline=None))
