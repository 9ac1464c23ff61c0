"""The second factor: set up by its person, given once for each code, asked for again before grave acts."""

import base64
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from tests import codes
from tests.simulator import NOW, PASSWORD
from vault.domain.people import AccountState, Must
from vault.errors import AccessRefused, InvalidValue, NotFound, SignInRefused, StepUpNeeded
from vault.services import passwords, second_factor, sessions
from vault.services.steps.admission import require_fresh
from vault.services.steps.second_factor import code_is_right, fitting_steps
from vault.services.steps.tokens import is_fresh
from vault.storage import people
from vault.storage.unit_of_work import unit_of_work

AGENT, SUPERVISOR, ADMIN, SOURCE, HOME = "KF2001", "KF2009", "ADMIN01", "203.0.113.9", "198.51.100.7"
STEP, TICK = timedelta(seconds=30), timedelta(microseconds=1)
RFC_6238_SECRET = base64.b32encode(b"12345678901234567890").decode()
RFC_6238 = {  # Appendix B, SHA-1; our codes are the last six of its eight digits
    59: "94287082",
    1111111109: "07081804",
    1111111111: "14050471",
    1234567890: "89005924",
    2000000000: "69279037",
    20000000000: "65353130",
}


@pytest.fixture
def staffed(world):
    world.activate(AGENT)
    world.activate(SUPERVISOR)
    return world


@pytest.fixture
def alone(sqlite_world):
    sqlite_world.activate(AGENT)
    sqlite_world.activate(SUPERVISOR)
    return sqlite_world


def owing(world, work_number=SUPERVISOR, source=SOURCE):
    """Sign in by password alone."""
    return sessions.sign_in(world.parts, work_number, PASSWORD, source, world.now)


def person(world, token):
    return sessions.person_of(world.parts, token, SOURCE, world.now)


def account(world, work_number=SUPERVISOR):
    with world.parts.database.read() as connection:
        return people.by_work_number(connection, work_number)


def reason(error, walk):
    with pytest.raises(error) as raised:
        walk()
    return raised.value.reason


def give(world, signed_in, code):
    return second_factor.give_code(world.parts, signed_in.person, code, world.now)


def wrong(code):
    return f"{(int(code) + 1) % 1_000_000:06}"


# -- the published vectors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "code"), RFC_6238.items())
def test_the_codes_of_rfc_6238_are_right_at_their_time(sqlite_world, seconds, code):
    world = sqlite_world
    at = datetime.fromtimestamp(seconds, UTC)
    assert fitting_steps(world.parts, RFC_6238_SECRET, code[-6:], at) == [seconds // 30]
    assert fitting_steps(world.parts, RFC_6238_SECRET, wrong(code[-6:]), at) == []


@pytest.mark.parametrize(("off", "fits"), [(-61, False), (-59, True), (-1, True), (0, True), (59, True), (61, False)])
def test_a_clock_may_be_one_step_off_and_no_more(sqlite_world, off, fits):
    at = datetime.fromtimestamp(1111111110, UTC)  # the first second of a step
    code = pyotp.TOTP(RFC_6238_SECRET).at(at)
    moved = at + timedelta(seconds=off)
    expected = abs(int(moved.timestamp()) // 30 - int(at.timestamp()) // 30) <= 1
    assert bool(fitting_steps(sqlite_world.parts, RFC_6238_SECRET, code, moved)) is expected
    assert expected is fits or abs(off) > 30


# -- two steps ---------------------------------------------------------------------------------------------------


def test_the_password_alone_opens_a_session_that_owes_the_code(staffed):
    signed_in = owing(staffed)
    assert signed_in.person.must is Must.CODE
    assert not is_fresh(staffed.parts.policy.sessions, signed_in.person, staffed.now)
    assert staffed.events("people.sign_in")[-1]["rule"] == "must_code"
    code = staffed.code(SUPERVISOR)
    done = give(staffed, signed_in, code)
    assert done.person.must is None
    assert done.person.session_id == signed_in.person.session_id
    assert done.expires_at == signed_in.expires_at
    assert person(staffed, signed_in.token) is None
    assert person(staffed, done.token).proved_at == staffed.now
    event = staffed.events("people.code", "done")[-1]
    assert event["facts"] == {"kind": "app"}
    assert code not in str(staffed.events())


def test_password_and_code_at_once_open_everything(staffed):
    code = staffed.code(SUPERVISOR)
    signed_in = sessions.sign_in(staffed.parts, SUPERVISOR, PASSWORD, SOURCE, staffed.now, code)
    assert signed_in.person.must is None
    assert signed_in.person.proved_at == staffed.now


def test_a_wrong_code_with_the_password_opens_no_session(staffed):
    before = staffed.count("sessions")
    code = wrong(staffed.code(SUPERVISOR))
    with pytest.raises(SignInRefused) as refused:
        sessions.sign_in(staffed.parts, SUPERVISOR, PASSWORD, SOURCE, staffed.now, code)
    with pytest.raises(SignInRefused) as unknown:
        sessions.sign_in(staffed.parts, "KF0000", PASSWORD, SOURCE, staffed.now, code)
    assert str(refused.value) == str(unknown.value)
    assert staffed.count("sessions") == before
    assert staffed.events("people.sign_in", "refused")[0]["actor"] == SUPERVISOR


def test_a_code_given_for_an_account_without_a_second_factor_is_not_looked_at(staffed):
    signed_in = sessions.sign_in(staffed.parts, AGENT, PASSWORD, SOURCE, staffed.now, "123456")
    assert signed_in.person.must is None


@pytest.mark.parametrize("spelled", ["{0}{1}{2} {3}{4}{5}", " {0}{1}{2}-{3}{4}{5}\t", "{0}{1}{2}—{3}{4}{5}"])
def test_a_code_is_taken_in_the_ways_people_type_it(alone, spelled):
    assert give(alone, owing(alone), spelled.format(*alone.code(SUPERVISOR))).person.must is None


def test_a_code_in_full_width_digits_is_the_same_code(alone):
    wide = alone.code(SUPERVISOR).translate({ord("0") + digit: chr(0xFF10 + digit) for digit in range(10)})
    assert give(alone, owing(alone), wide).person.must is None


@pytest.mark.parametrize("typed", ["", " ", "12345", "1234567", "abcdef", "½½½½½½", "A" * 20, "x" * 5000, "\0" * 6])
def test_what_is_no_code_is_refused_like_a_wrong_one(alone, typed):
    assert reason(InvalidValue, lambda: give(alone, owing(alone), typed)) == "code_refused"


def test_a_code_counts_once_and_one_before_it_no_more(staffed):
    staffed.now += STEP
    earlier = staffed.code(SUPERVISOR)
    staffed.now += STEP
    code = staffed.code(SUPERVISOR)
    give(staffed, owing(staffed), code)
    for used in (code, earlier):
        assert reason(InvalidValue, lambda used=used: give(staffed, owing(staffed), used)) == "code_refused"
    staffed.now += STEP
    give(staffed, owing(staffed), staffed.code(SUPERVISOR))


def test_of_many_who_give_one_code_at_once_one_gets_in(staffed):
    code = staffed.code(SUPERVISOR)
    with unit_of_work(staffed.parts.database) as work:
        people.change(work.connection, account(staffed).account_id, {"totp_step": None})
        work.commit()
    answers, start = [], threading.Barrier(4)

    def take():
        start.wait()
        with unit_of_work(staffed.parts.database) as work:
            right = code_is_right(staffed.parts, work, account(staffed), code, staffed.now)
            work.commit()
        answers.append(right)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(answers) == [False, False, False, True]


def test_a_session_that_owes_nothing_is_not_made_fresh_by_a_code_alone(staffed):
    signed_in = staffed.sign_in(SUPERVISOR)
    staffed.now += timedelta(minutes=6)
    code = staffed.code(SUPERVISOR)
    assert reason(InvalidValue, lambda: give(staffed, signed_in, code)) == "code_not_owed"
    assert person(staffed, signed_in.token).proved_at == NOW


def test_a_session_that_ended_meanwhile_takes_no_code(staffed):
    signed_in = owing(staffed)
    sessions.sign_out(staffed.parts, signed_in.person, signed_in.token, staffed.now)
    assert reason(SignInRefused, lambda: give(staffed, signed_in, staffed.code(SUPERVISOR))) == "not_signed_in"


def test_whoever_is_locked_between_password_and_code_gets_no_further(staffed):
    signed_in = owing(staffed)
    with unit_of_work(staffed.parts.database) as work:
        people.change(work.connection, signed_in.person.account_id, {"state": AccountState.LOCKED.value})
        work.commit()
    assert person(staffed, signed_in.token) is None


# -- guessing ----------------------------------------------------------------------------------------------------


def test_wrong_codes_slow_down_the_account_from_every_source_and_signing_in_again_does_not_help(staffed):
    bad = wrong(staffed.code(SUPERVISOR))
    free = staffed.parts.policy.sessions.throttle.free_failures
    for _ in range(free):
        assert reason(InvalidValue, lambda: give(staffed, owing(staffed), bad)) == "code_refused"
    assert not staffed.events("people.throttled")
    good = staffed.code(SUPERVISOR)
    assert reason(InvalidValue, lambda: give(staffed, owing(staffed), good)) == "code_refused"
    assert reason(InvalidValue, lambda: give(staffed, owing(staffed, source=HOME), good)) == "code_refused"
    assert len(staffed.events("people.throttled")) == 2
    staffed.now += STEP
    give(staffed, owing(staffed), staffed.code(SUPERVISOR))
    for _ in range(free - 1):  # forgotten with the right one
        assert reason(InvalidValue, lambda: give(staffed, owing(staffed), bad)) == "code_refused"
    staffed.now += STEP
    give(staffed, owing(staffed), staffed.code(SUPERVISOR))


def test_strangers_without_the_password_slow_down_nobodys_code(staffed):
    for _ in range(30):
        with pytest.raises(SignInRefused):
            sessions.sign_in(staffed.parts, SUPERVISOR, "not the password", HOME, staffed.now, "123456")
    staffed.sign_in(SUPERVISOR)


# -- recovery codes ----------------------------------------------------------------------------------------------


def test_recovery_codes_work_once_each_and_new_ones_replace_them(staffed):
    who = staffed.sign_in(SUPERVISOR).person
    old = second_factor.new_recovery_codes(staffed.parts, who, staffed.now)
    assert len(set(old)) == staffed.parts.policy.sessions.second_factor.recovery_codes == 10
    give(staffed, owing(staffed), old[0])
    assert staffed.events("people.code")[-1]["facts"] == {"kind": "recovery"}
    assert reason(InvalidValue, lambda: give(staffed, owing(staffed), old[0])) == "code_refused"
    give(staffed, owing(staffed), f" {old[1][:5].lower()}-{old[1][5:]} ")
    assert second_factor.status(staffed.parts, who).recovery_left == 8
    new = second_factor.new_recovery_codes(staffed.parts, who, staffed.now)
    assert reason(InvalidValue, lambda: give(staffed, owing(staffed), old[2])) == "code_refused"
    give(staffed, owing(staffed), new[0])
    stored = str(staffed.rows("SELECT code_hash FROM recovery_codes"))
    assert not [code for code in new if code in stored or code in str(staffed.events())]


def test_somebody_elses_recovery_code_is_none(staffed):
    codes.enrol(staffed.parts, staffed.sign_in(AGENT).person, staffed.now)
    mine = second_factor.new_recovery_codes(staffed.parts, staffed.sign_in(AGENT).person, staffed.now)
    assert reason(InvalidValue, lambda: give(staffed, owing(staffed), mine[0])) == "code_refused"
    give(staffed, owing(staffed, AGENT), mine[0])


# -- setting it up -----------------------------------------------------------------------------------------------


def plain(world, work_number=SUPERVISOR):
    """Take somebody's second factor away and sign them in."""
    who = world.sign_in(work_number).person
    if account(world, work_number).totp_confirmed_at:
        second_factor.drop_own(world.parts, who, world.now)
    return owing(world, work_number)


def begin(world, who):
    return second_factor.begin(world.parts, who, "Firm", world.now).secret


def test_a_role_that_needs_a_second_factor_must_set_it_up_first(staffed):
    signed_in = plain(staffed)
    assert signed_in.person.must is Must.ENROL
    assert staffed.events("people.sign_in")[-1]["rule"] == "must_enrol"
    other = owing(staffed)
    secret = begin(staffed, signed_in.person)
    recovery = second_factor.finish(staffed.parts, signed_in.person, pyotp.TOTP(secret).at(staffed.now), staffed.now)
    assert len(recovery) == 10
    assert person(staffed, signed_in.token).must is None
    assert person(staffed, other.token) is None
    assert staffed.events("people.second_factor_set", "done")[-1]["facts"]["ended"] >= 1
    assert owing(staffed).person.must is Must.CODE
    assert secret not in str(staffed.events()) + str(staffed.rows("SELECT sealed_totp FROM accounts"))
    assert reason(InvalidValue, lambda: begin(staffed, signed_in.person)) == "second_factor_there"


def test_the_first_code_is_not_taken_again_at_sign_in(staffed):
    signed_in = plain(staffed)
    code = pyotp.TOTP(begin(staffed, signed_in.person)).at(staffed.now)
    second_factor.finish(staffed.parts, signed_in.person, code, staffed.now)
    assert reason(InvalidValue, lambda: give(staffed, owing(staffed), code)) == "code_refused"


def test_a_secret_made_in_one_session_is_not_confirmed_in_another(staffed):
    thief, owner = plain(staffed), owing(staffed)
    seen = begin(staffed, thief.person)
    assert second_factor.pending(staffed.parts, owner.person, "Firm") is None
    code = pyotp.TOTP(seen).at(staffed.now)
    walk = lambda: second_factor.finish(staffed.parts, owner.person, code, staffed.now)  # noqa: E731
    assert reason(InvalidValue, walk) == "code_refused"
    begin(staffed, owner.person)
    assert reason(InvalidValue, walk) == "code_refused"
    assert account(staffed).totp_confirmed_at is None


def test_a_pending_secret_is_no_second_factor(staffed):
    signed_in = plain(staffed)
    secret = begin(staffed, signed_in.person)
    assert second_factor.pending(staffed.parts, signed_in.person, "Firm").secret == secret
    with unit_of_work(staffed.parts.database) as work:
        code = pyotp.TOTP(secret).at(staffed.now)
        assert not code_is_right(staffed.parts, work, account(staffed), code, staffed.now)
    assert owing(staffed).person.must is Must.ENROL


def test_the_address_in_the_qr_code_names_company_and_work_number_only(alone):
    uri = second_factor.begin(alone.parts, alone.sign_in(AGENT).person, "示例快递", alone.now).uri
    told = pyotp.parse_uri(uri)
    assert (told.issuer, told.name, len(told.secret), told.digits, told.interval) == ("示例快递", AGENT, 32, 6, 30)


def test_nothing_is_set_up_or_changed_without_a_fresh_proof(staffed):
    who = staffed.sign_in(AGENT).person
    secret = begin(staffed, who)
    for stale in (replace(who, proved_at=None), replace(who, proved_at=staffed.now - timedelta(minutes=5) - TICK)):
        code = pyotp.TOTP(secret).at(staffed.now)
        for walk in (
            lambda who=stale: begin(staffed, who),
            lambda who=stale, code=code: second_factor.finish(staffed.parts, who, code, staffed.now),
            lambda who=stale: second_factor.new_recovery_codes(staffed.parts, who, staffed.now),
            lambda who=stale: second_factor.drop_own(staffed.parts, who, staffed.now),
        ):
            with pytest.raises(StepUpNeeded):
                walk()


def test_whoever_has_none_neither_drops_it_nor_gets_recovery_codes(staffed):
    who = staffed.sign_in(AGENT).person
    for walk in (second_factor.drop_own, second_factor.new_recovery_codes):
        with pytest.raises(NotFound):
            walk(staffed.parts, who, staffed.now)


# -- an administrator --------------------------------------------------------------------------------------------


def test_an_administrator_resets_a_colleagues_second_factor(staffed):
    theirs = staffed.sign_in(SUPERVISOR)
    staffed.activate(ADMIN)
    admin = staffed.person(ADMIN)
    second_factor.reset(staffed.parts, admin, SUPERVISOR.lower(), staffed.now)
    assert person(staffed, theirs.token) is None
    assert account(staffed).sealed_totp is None
    assert not staffed.rows("SELECT 1 FROM recovery_codes WHERE account_id = :one", one=theirs.person.account_id)
    event = staffed.events("people.second_factor_reset")[-1]
    assert (event["actor"], event["facts"]["account"]) == (ADMIN, SUPERVISOR)
    told = staffed.rows("SELECT kind FROM notifications WHERE account_id = :one", one=theirs.person.account_id)
    assert ("second_factor_reset",) in told
    assert owing(staffed).person.must is Must.ENROL


def test_nobody_resets_their_own_or_without_right_or_proof_and_it_is_logged(staffed):
    staffed.activate(ADMIN)
    admin = staffed.person(ADMIN)
    assert reason(AccessRefused, lambda: second_factor.reset(staffed.parts, admin, ADMIN, staffed.now)) == "own_account"
    who = staffed.person(SUPERVISOR)
    assert reason(AccessRefused, lambda: second_factor.reset(staffed.parts, who, AGENT, staffed.now)) == "no_right"
    stale = replace(admin, proved_at=None)
    assert (
        reason(StepUpNeeded, lambda: second_factor.reset(staffed.parts, stale, SUPERVISOR, staffed.now))
        == "step_up_needed"
    )
    for nobody in (AGENT, "KF0000"):
        with pytest.raises(NotFound):
            second_factor.reset(staffed.parts, admin, nobody, staffed.now)
    assert len(staffed.events("people.second_factor_reset", "refused")) == 5
    assert account(staffed).totp_confirmed_at is not None


# -- proving it again --------------------------------------------------------------------------------------------


def confirm(world, signed_in, code, password=PASSWORD):
    return second_factor.confirm(world.parts, signed_in.person, password, code, world.now)


def test_a_proof_is_fresh_for_five_minutes_and_never_before_its_time(staffed):
    rule, who = staffed.parts.policy.sessions, staffed.sign_in(AGENT).person
    assert is_fresh(rule, who, NOW + timedelta(minutes=5))
    assert not is_fresh(rule, who, NOW + timedelta(minutes=5) + TICK)
    assert not is_fresh(rule, who, NOW - TICK)
    assert not is_fresh(rule, replace(who, proved_at=None), NOW)


@pytest.mark.parametrize("work_number", [AGENT, SUPERVISOR])
def test_confirming_makes_the_session_fresh_under_a_new_token(staffed, work_number):
    signed_in = staffed.sign_in(work_number)
    staffed.now += timedelta(minutes=10)
    with pytest.raises(StepUpNeeded):
        require_fresh(staffed.parts, person(staffed, signed_in.token), staffed.now)
    done = confirm(staffed, signed_in, staffed.code(work_number))
    assert person(staffed, signed_in.token) is None
    require_fresh(staffed.parts, person(staffed, done.token), staffed.now)
    event = staffed.events("people.confirmed")[-1]
    assert event["facts"] == {"kind": "password" if work_number == AGENT else "app"}


def test_confirming_takes_password_and_code_and_has_one_answer_for_what_is_wrong(staffed):
    signed_in = staffed.sign_in(SUPERVISOR)
    staffed.now += timedelta(minutes=10)
    good = staffed.code(SUPERVISOR)
    for password, code in ((PASSWORD, ""), (PASSWORD, wrong(good)), ("not it", good), ("not it", "")):
        assert (
            reason(InvalidValue, lambda password=password, code=code: confirm(staffed, signed_in, code, password))
            == "confirmation_refused"
        )
    assert len(staffed.events("people.confirmed", "refused")) == 4
    assert person(staffed, signed_in.token).proved_at == NOW
    confirm(staffed, signed_in, good)


def test_guessing_at_the_confirmation_is_slowed_down(alone):
    signed_in = alone.sign_in(AGENT)
    for _ in range(alone.parts.policy.sessions.throttle.free_failures):
        assert reason(InvalidValue, lambda: confirm(alone, signed_in, "", "not it")) == "confirmation_refused"
    assert reason(InvalidValue, lambda: confirm(alone, signed_in, "")) == "confirmation_refused"
    assert alone.events("people.throttled")


def test_a_changed_password_does_not_make_a_stale_session_fresh(staffed):
    signed_in, other = staffed.sign_in(AGENT), staffed.sign_in(AGENT)
    staffed.now += timedelta(days=2)
    stale = replace(signed_in.person, proved_at=NOW)
    done = passwords.change(staffed.parts, stale, PASSWORD, "seven green umbrellas in line", staffed.now)
    assert done.person.proved_at == NOW
    assert not is_fresh(staffed.parts.policy.sessions, done.person, staffed.now)
    assert person(staffed, other.token) is None


# -- the order of duties -----------------------------------------------------------------------------------------


def test_the_code_comes_before_the_password_and_the_password_before_setting_up(staffed):
    staffed.now += timedelta(days=15)
    assert owing(staffed).person.must is Must.CODE
    assert staffed.sign_in(SUPERVISOR).person.must is Must.PASSWORD
    with unit_of_work(staffed.parts.database) as work:
        values = {"sealed_totp": None, "totp_confirmed_at": None}
        people.change(work.connection, account(staffed).account_id, values)
        work.commit()
    signed_in = owing(staffed)
    assert signed_in.person.must is Must.PASSWORD
    done = passwords.change(staffed.parts, signed_in.person, PASSWORD, "seven green umbrellas in line", staffed.now)
    assert done.person.must is Must.ENROL
