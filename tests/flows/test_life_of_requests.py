"""The life of requests and grants against a small model: whatever order things happen in, access is what it says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.colleagues import AGENT, NJ_SUPERVISOR, OWNER, at_work, grant, mine, refuse
from tests.simulator import NOW, World
from vault.domain.ids import new_id
from vault.errors import AlreadyDecided, NotFound
from vault.jobs import TIMETABLE
from vault.services import asking, cases, granted
from vault.storage import cases as stored_cases
from vault.storage import grants as stored_grants
from vault.storage.unit_of_work import unit_of_work

COLLEAGUE = "KF2003"
ANSWER = timedelta(hours=12)


@dataclass
class ModelCase:
    case_id: bytes
    holder: str = AGENT
    is_open: bool = True


@dataclass
class ModelRequest:
    request_id: bytes
    case: ModelCase
    asked_at: datetime
    state: str = "asked"
    until: datetime | None = None
    is_ended: bool = False

    def waits(self, now: datetime) -> bool:
        return self.state == "asked" and self.case.is_open and now < self.asked_at + ANSWER

    def lives(self, now: datetime) -> bool:
        return self.until is not None and not self.is_ended and self.case.is_open and now < self.until

    def told(self, now: datetime) -> str:
        return "ended" if self.state == "asked" and not self.waits(now) else self.state


class LifeOfRequests(RuleBasedStateMachine):
    """Works in one world; each run has a customer of its own."""

    world: World
    open_cases = Bundle("open_cases")
    made = Bundle("made")

    @initialize()
    def start(self) -> None:
        self.world.now = NOW
        self.row = self.world.customer(owner=OWNER)
        self.requests: list[ModelRequest] = []
        self.cases: list[ModelCase] = []
        (self.customer,) = (
            record_id
            for record_id, values in self.world.opened().items()
            if values.get(("phone", 0)) == self.row["phone"]
        )

    @rule(target=open_cases)
    def open_case(self) -> ModelCase:
        case = ModelCase(new_id())
        me = self.world.person(AGENT).account_id
        with unit_of_work(self.world.parts.database) as work:
            stored_cases.start(work.connection, stored_cases.Case(case.case_id, "query", me, self.world.now, None, me))
            work.commit()
        self.cases.append(case)
        return case

    @rule(target=made, case=open_cases)
    def ask(self, case: ModelCase) -> ModelRequest:
        person = self.world.person(case.holder)
        request_id = asking.ask(self.world.parts, person, case.case_id, self.row["phone"], self.world.now)
        again = [one for one in self.requests if one.request_id == request_id]
        waiting = [one for one in self.requests if one.case is case and one.waits(self.world.now)]
        assert again == waiting  # the same question of a case is one request while it waits
        if again:
            return again[0]
        self.requests.append(ModelRequest(request_id, case, self.world.now))
        return self.requests[-1]

    @rule(request=made, who=st.sampled_from([OWNER, NJ_SUPERVISOR]), minutes=st.sampled_from([15, 30]))
    def grant(self, request: ModelRequest, who: str, minutes: int) -> None:
        try:
            until = grant(self.world, who, request.request_id, minutes)
        except AlreadyDecided:
            assert not request.waits(self.world.now)
            return
        assert request.waits(self.world.now)
        assert until == self.world.now + timedelta(minutes=minutes)
        request.state, request.until = "granted", until

    @rule(request=made, who=st.sampled_from([OWNER, NJ_SUPERVISOR]))
    def refuse(self, request: ModelRequest, who: str) -> None:
        try:
            refuse(self.world, who, request.request_id)
        except AlreadyDecided:
            assert not request.waits(self.world.now)
            return
        assert request.waits(self.world.now)
        request.state = "refused"

    @rule(request=made, who=st.sampled_from([OWNER, NJ_SUPERVISOR, AGENT]))
    def revoke(self, request: ModelRequest, who: str) -> None:
        found = self.world.rows("SELECT grant_id FROM grants WHERE request_id = :r", r=request.request_id)
        try:
            granted.revoke(self.world.parts, self.world.person(who), found[0][0] if found else new_id(), self.world.now)
        except NotFound:
            assert who == AGENT or not request.lives(self.world.now)
            return
        assert request.lives(self.world.now)
        assert who != AGENT
        request.is_ended = True

    @rule(case=consumes(open_cases))
    def close(self, case: ModelCase) -> None:
        cases.close(self.world.parts, self.world.person(case.holder), case.case_id, "duplicate", self.world.now)
        case.is_open = False

    @rule(case=open_cases)
    def move(self, case: ModelCase) -> None:
        to = COLLEAGUE if case.holder == AGENT else AGENT
        before, after = (self.world.person(who).account_id for who in (case.holder, to))
        with unit_of_work(self.world.parts.database) as work:
            assert stored_cases.move(work.connection, case.case_id, before, after)
            stored_grants.move_with_case(work.connection, case.case_id, after)
            work.commit()
        case.holder = to

    @rule(minutes=st.sampled_from([1, 14, 15, 30, 12 * 60]))
    def wait(self, minutes: int) -> None:
        self.world.now += timedelta(minutes=minutes)
        next(job for job in TIMETABLE if job.name == "cohorts").call(self.world.parts, self.world.now)

    @invariant()
    def requests_stand_as_they_should(self) -> None:
        for one in self.requests:
            told = mine(self.world, one.request_id, one.case.holder)
            assert told.state == one.told(self.world.now)
            assert told.until == (one.until if one.lives(self.world.now) else None)
            assert told.record_id == (self.customer if one.lives(self.world.now) else None)

    @invariant()
    def access_is_what_lives(self) -> None:
        for who in (AGENT, COLLEAGUE):
            case = next((one for one in self.cases if one.is_open and one.holder == who), None)
            if case is None:
                continue
            may = any(one.case.holder == who and one.lives(self.world.now) for one in self.requests)
            try:
                assert self.world.view(who, case.case_id, self.customer).subject.rule == "scope.grant"
            except NotFound:
                assert not may
            else:
                assert may


def test_whatever_happens_in_whatever_order_access_is_what_lives(sqlite_world: World) -> None:
    at_work(sqlite_world)

    class Here(LifeOfRequests):
        world = sqlite_world

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=12, stateful_step_count=14, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
