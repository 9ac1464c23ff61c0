from datetime import timedelta

from tests.factories import NOW
from vault.storage import sign_in_failures
from vault.storage.sign_in_failures import WHOLE_SOURCE, Failures
from vault.storage.unit_of_work import unit_of_work

SOURCE, WHO, LATER = "192.0.2.1", -(2**63), NOW + timedelta(minutes=1)


def do(database, act, *given):
    with unit_of_work(database) as work:
        found = act(work.connection, *given)
        work.commit()
    return found


def known(database, who=WHO):
    return do(database, sign_in_failures.locked, SOURCE, who, LATER)


def test_where_nothing_is_known_there_are_no_failures(database):
    assert known(database) == Failures(0, LATER)
    assert do(database, sign_in_failures.locked, SOURCE, WHO, NOW) == Failures(0, LATER)


def test_a_count_is_kept_for_each_account_and_source(database):
    for who in (WHO, WHOLE_SOURCE):
        known(database, who)
    do(database, sign_in_failures.set_count, SOURCE, WHO, 7, NOW)
    assert known(database) == Failures(7, NOW)
    assert known(database, WHOLE_SOURCE) == Failures(0, LATER)


def test_a_success_takes_one_back_from_the_source_but_never_below_none(database):
    known(database, WHOLE_SOURCE)
    do(database, sign_in_failures.set_count, SOURCE, WHOLE_SOURCE, 1, NOW)
    for _ in range(2):
        do(database, sign_in_failures.take_back, SOURCE)
        assert known(database, WHOLE_SOURCE).count == 0


def test_what_is_cleared_or_lies_too_far_back_is_gone(database):
    for who in (1, 2, 3):
        do(database, sign_in_failures.locked, SOURCE, who, NOW + timedelta(seconds=who))
    do(database, sign_in_failures.clear, SOURCE, 3)
    do(database, sign_in_failures.forget, NOW + timedelta(seconds=1))
    assert known(database, 1).failed_at == known(database, 3).failed_at == LATER
    assert known(database, 2).failed_at == NOW + timedelta(seconds=2)
