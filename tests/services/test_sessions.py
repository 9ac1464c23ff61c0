from dataclasses import replace
from datetime import timedelta

import pytest

from tests.services.staff_at_work import in_use
from tests.simulator import NOW, PASSWORD
from vault.domain.people import AccountState
from vault.errors import AccessRefused, NotFound, SignInRefused, StepUpNeeded
from vault.services import people, sessions

AGENT, OTHER, ADMIN, SOURCE, HOME = "KF2001", "KF2002", "ADMIN01", "203.0.113.9", "198.51.100.7"


def refused(walk):
    with pytest.raises(SignInRefused) as raised:
        walk()
    return str(raised.value)


def set_state(world, state, work_number=AGENT):
    world.tamper("UPDATE accounts SET state = :s WHERE work_number = :n", s=state, n=work_number)


@pytest.fixture
def active(world):
    world.activate(AGENT)
    return world


def who(world, token, at):
    return sessions.person_of(world.parts, token, SOURCE, at)


def enter(world, source=SOURCE, work_number=AGENT):
    return sessions.sign_in(world.parts, work_number, PASSWORD, source, world.now)


def test_a_failed_sign_in_says_the_same_for_every_cause(active):
    active.activate(OTHER)
    set_state(active, "suspended", OTHER)
    said = {
        refused(lambda number=number: active.sign_in(number, "wrong password"))
        for number in (AGENT, "KF2002", "KF2003", "KF9999", "")
    }
    assert said == {"sign_in_refused: sign_in_refused"}
    events = active.events("people.sign_in", "refused")
    assert [one["actor"] for one in events] == [AGENT, "KF2002", "KF2003", "unknown", "unknown"]
    assert active.count("sessions") == 0


def test_a_password_typed_as_a_work_number_is_not_logged(active):
    refused(lambda: active.sign_in(PASSWORD, AGENT))
    assert PASSWORD not in str(active.events())
    assert "CORRECT HORSE" not in str(active.events())


def test_a_session_ends_after_its_idle_and_its_absolute_limit(active):
    token = active.sign_in(AGENT).token
    assert who(active, token, NOW).work_number == AGENT
    assert who(active, token, NOW + timedelta(minutes=30)) is None
    at = NOW
    while at < NOW + timedelta(hours=12) - timedelta(minutes=29):
        at += timedelta(minutes=29)
        assert who(active, token, at) is not None
    assert who(active, token, NOW + timedelta(hours=12)) is None


def test_a_session_that_was_idle_too_long_does_not_come_back_when_the_clock_goes_back(active):
    token = active.sign_in(AGENT).token
    late = NOW + timedelta(minutes=31)
    assert who(active, token, late) is None
    sessions.sweep(active.parts, late)
    assert who(active, token, NOW + timedelta(minutes=1)) is None


def test_using_a_session_is_written_at_most_once_a_minute(active):
    token = active.sign_in(AGENT).token
    seen = "SELECT seen_at FROM sessions"
    (before,) = active.rows(seen)
    who(active, token, NOW + timedelta(seconds=59))
    assert active.rows(seen) == [before]
    who(active, token, NOW + timedelta(seconds=60))
    assert active.rows(seen) != [before]


def test_what_changes_on_an_account_acts_on_the_next_request(active):
    token = active.sign_in(AGENT).token
    active.tamper("UPDATE accounts SET role = 'auditor', team = 'T9' WHERE work_number = :n", n=AGENT)
    person = who(active, token, NOW)
    assert (person.role, person.team) == ("auditor", "T9")
    for state in (AccountState.SUSPENDED, AccountState.LOCKED, AccountState.LEFT):
        set_state(active, state.value)
        assert who(active, token, NOW) is None


def test_a_session_that_was_signed_out_is_gone(active):
    signed_in = active.sign_in(AGENT)
    sessions.sign_out(active.parts, signed_in.person, signed_in.token, NOW)
    assert who(active, signed_in.token, NOW) is None
    assert active.events("people.sign_out")[-1]["session"] == signed_in.person.session_id.hex()


def test_a_token_is_not_stored_and_no_other_one_opens(active):
    signed_in = active.sign_in(AGENT)
    assert signed_in.token not in str(active.rows("SELECT * FROM sessions"))
    for token in ("", signed_in.token[:-1], signed_in.token + "x", signed_in.token.swapcase()):
        assert who(active, token, NOW) is None


def test_only_stale_sessions_are_swept(active):
    old = active.sign_in(AGENT)
    active.now = NOW + timedelta(minutes=31)
    fresh = active.sign_in(AGENT)
    assert sessions.sweep(active.parts, active.now) == 1
    assert who(active, old.token, active.now) is None
    assert who(active, fresh.token, active.now) is not None
    assert sessions.sweep(active.parts, active.now) == 0


# -- what a person sees and ends ---------------------------------------------------------------------------------


def sources(lines):
    return [one.source for one in lines]


def test_own_sessions_are_listed_newest_first_and_nobody_elses(active):
    active.activate(OTHER)
    first = enter(active)
    enter(active, work_number=OTHER)
    active.now += timedelta(minutes=10)
    second = enter(active, HOME)
    listed = sessions.own_sessions(active.parts, second.person, active.now)
    assert [(one.session_id, one.source) for one in listed] == [
        (second.person.session_id, HOME),
        (first.person.session_id, SOURCE),
    ]
    assert (listed[1].created_at, listed[1].seen_at) == (NOW, NOW)


def test_what_opens_no_door_any_more_is_not_listed(active):
    idle, out = enter(active), enter(active)
    sessions.sign_out(active.parts, out.person, out.token, active.now)
    active.now += timedelta(minutes=30)
    here = enter(active)
    listed = sessions.own_sessions(active.parts, here.person, active.now)
    assert [one.session_id for one in listed] == [here.person.session_id]
    assert idle.person.session_id != here.person.session_id


def test_a_session_that_is_ended_opens_nothing_from_then_on(active):
    first, second = enter(active), enter(active, HOME)
    sessions.end_own(active.parts, second.person, first.person.session_id, NOW)
    assert who(active, first.token, NOW) is None
    assert who(active, second.token, NOW) is not None
    event = active.events("people.session_ended")[-1]
    assert event["facts"] == {"ended": 1, "ended_session": first.person.session_id.hex()}


def test_nobody_ends_the_session_of_somebody_else_or_one_twice(active):
    active.activate(OTHER)
    mine, theirs = enter(active), enter(active, work_number=OTHER)
    for session_id in (theirs.person.session_id, bytes(16)):
        with pytest.raises(NotFound):
            sessions.end_own(active.parts, mine.person, session_id, NOW)
    assert who(active, theirs.token, NOW) is not None
    sessions.end_own(active.parts, mine.person, mine.person.session_id, NOW)
    with pytest.raises(NotFound):
        sessions.end_own(active.parts, mine.person, mine.person.session_id, NOW)


def test_all_others_end_and_this_one_goes_on(active):
    here, others = enter(active), [enter(active), enter(active, HOME)]
    assert sessions.end_others(active.parts, here.person, NOW) == 2
    assert who(active, here.token, NOW) is not None
    assert [who(active, one.token, NOW) for one in others] == [None, None]


def test_an_administrator_ends_every_session_of_an_account(active):
    in_use(active, ADMIN)
    active.activate(OTHER)
    mine, theirs = [enter(active), enter(active, HOME)], enter(active, work_number=OTHER)
    assert sessions.end_all_of(active.parts, active.person(ADMIN), AGENT.lower(), NOW) == 2
    assert [who(active, one.token, NOW) for one in mine] == [None, None]
    assert who(active, theirs.token, NOW) is not None
    event = active.events("people.session_ended")[-1]
    assert (event["actor"], event["facts"]) == (ADMIN, {"account": AGENT, "ended": 2})
    with pytest.raises(NotFound):
        sessions.end_all_of(active.parts, active.person(ADMIN), "KF9999", NOW)


def test_nobody_else_ends_the_sessions_of_an_account_and_who_tries_is_logged(active):
    token = enter(active).token
    in_use(active, OTHER, "KF2009", "KF2012")
    for work_number in (OTHER, "KF2009", "KF2012", ADMIN):  # the administrator is not in use
        with pytest.raises(AccessRefused, match="no_right"):
            sessions.end_all_of(active.parts, active.person(work_number), AGENT, NOW)
    assert who(active, token, NOW) is not None
    refused = active.events("people.session_ended", "refused")
    assert [(one["actor"], one["facts"]) for one in refused] == [
        (one, {"account": AGENT}) for one in (OTHER, "KF2009", "KF2012", ADMIN)
    ]


@pytest.mark.parametrize("since", [None, timedelta(minutes=5, microseconds=1), timedelta(seconds=-1)])
def test_ending_somebody_elses_sessions_asks_for_a_fresh_proof(active, since):
    in_use(active, ADMIN)
    token = enter(active).token
    stale = replace(active.person(ADMIN), proved_at=None if since is None else NOW - since)
    with pytest.raises(StepUpNeeded):
        sessions.end_all_of(active.parts, stale, AGENT, NOW)
    assert who(active, token, NOW) is not None


def test_the_administrator_sees_how_many_sessions_are_open(active):
    enter(active)
    enter(active, HOME)
    listed = {one.work_number: one for one in people.list_accounts(active.parts, active.person(ADMIN), NOW)}
    assert (listed[AGENT].open_sessions, listed[OTHER].open_sessions) == (2, 0)
    later = NOW + timedelta(minutes=30)
    listed = {one.work_number: one for one in people.list_accounts(active.parts, active.person(ADMIN), later)}
    assert listed[AGENT].open_sessions == 0


# -- signed in elsewhere -----------------------------------------------------------------------------------------


def elsewhere(world, signed_in):
    return sources(sessions.signed_in_elsewhere(world.parts, signed_in.person))


def test_a_sign_in_from_elsewhere_is_shown_to_the_older_and_to_the_newer_session(active):
    older = enter(active)
    assert elsewhere(active, older) == []
    active.now += timedelta(minutes=5)
    newer = enter(active, HOME)
    assert (elsewhere(active, older), elsewhere(active, newer)) == ([HOME], [SOURCE])
    assert [one["facts"]["elsewhere"] for one in active.events("people.sign_in")] == [0, 1]


def test_a_stranger_who_has_left_again_is_shown_all_the_same(active):
    older = enter(active)
    active.now += timedelta(minutes=5)
    stranger = enter(active, HOME)
    sessions.sign_out(active.parts, stranger.person, stranger.token, active.now)
    assert elsewhere(active, older) == [HOME]


def test_what_ended_before_this_session_began_is_not_elsewhere(active):
    out = enter(active, HOME)
    sessions.sign_out(active.parts, out.person, out.token, active.now)
    enter(active, HOME)
    active.now += timedelta(minutes=30)  # the second one is idle now
    assert elsewhere(active, enter(active)) == []


def test_another_session_from_the_same_place_is_not_elsewhere(active):
    first, second = enter(active), enter(active)
    assert (elsewhere(active, first), elsewhere(active, second)) == ([], [])


def test_what_was_acknowledged_is_shown_no_more_but_the_next_one_is(active):
    here = enter(active)
    active.now += timedelta(minutes=1)
    enter(active, HOME)
    sessions.acknowledge(active.parts, here.person, active.now)
    assert elsewhere(active, here) == []
    active.now += timedelta(minutes=1)
    enter(active, "192.0.2.1")
    assert elsewhere(active, here) == ["192.0.2.1"]


# -- the sweep ---------------------------------------------------------------------------------------------------


def test_ended_sessions_are_forgotten_after_their_time_and_open_ones_never(active):
    enter(active)
    sessions.sweep(active.parts, NOW + timedelta(hours=1))
    active.now = NOW + timedelta(days=10)
    enter(active)
    ended = NOW + timedelta(hours=1)
    sessions.sweep(active.parts, ended + timedelta(days=30))
    assert active.count("sessions") == 2
    sessions.sweep(active.parts, ended + timedelta(days=30, microseconds=1))
    assert active.count("sessions") == 1
