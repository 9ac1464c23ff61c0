import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from tests.colleagues import ask, at_once
from tests.simulator import customer_row
from vault import bootstrap
from vault.config import ROOT
from vault.domain.limits import SignalKind
from vault.domain.rules.access import Quota
from vault.errors import AccessRefused, LogUnavailable, NotFound, StorageUnavailable
from vault.services import limits, log_search, lookup, viewing
from vault.storage import disclosures, notifications, signals

AGENT, COLLEAGUE, SPECIALIST = "KF2001", "KF2002", "KF2008"
SUPERVISOR, OTHER_SUPERVISOR, AUDITOR = "KF2009", "KF2010", "KF2014"
ABSENT = "13999999999"


class Desk:
    """An agent, a case, and very many customers of their own."""

    def __init__(self, world, customers):
        self.world = world
        rows = [customer_row(owner=AGENT) for _ in range(customers)]
        world.customers(*rows)
        answer = world.look_up(AGENT, rows[0]["phone"])
        self.case_id, first = answer.case_id, answer.cards[0].record_id
        others = world.rows("SELECT record_id FROM records WHERE record_class = 'customer'")
        self.customers = [first, *(row[0] for row in others if row[0] != first)]
        self.person = world.person(AGENT)
        self.rows = rows

    def limited(self, **changes):
        """Change the limits in force; the customers are few, so that the tests are quick."""
        few = {"warn_customers": 3, "alarm_customers": 5} | changes
        policy = self.world.parts.policy
        parts = replace(self.world.parts, policy=replace(policy, limits=replace(policy.limits, **few)))
        self.world.parts = parts
        return self

    def reveal(self, which, field="phone"):
        world = self.world
        return viewing.reveal(world.parts, self.person, self.case_id, self.customers[which], field, 0, world.now)

    def refusal(self, which):
        with pytest.raises(AccessRefused) as refused:
            self.reveal(which)
        return refused.value.reason

    def signals(self):
        return [(kind, count) for kind, count in self.world.rows("SELECT kind, count FROM signals ORDER BY at, kind")]

    def notices(self, work_number):
        with self.world.parts.database.read() as connection:
            listed = notifications.listed(connection, self.world.person(work_number).account_id, 50)
        return [one.kind.value for one in listed]


@pytest.fixture
def desk(world):
    return Desk(world, 8).limited()


def quota(**changes):
    return {role: replace(Quota(60, 300, 60, 200), **changes) for role in ("agent",)}


def test_reveals_beyond_the_warning_go_on_and_the_supervisor_is_told_once(desk):
    for which in range(4):
        desk.reveal(which)
    assert desk.signals() == [("warned", 3)]
    assert desk.notices(SUPERVISOR) == ["limit_warned"]
    assert desk.notices(OTHER_SUPERVISOR) == desk.notices(AGENT) == []
    (event,) = desk.world.events("limit.warned")
    assert (event["actor"], event["rule"], event["facts"]) == (AGENT, "limits.reading", {"count": 3, "kind": "warned"})


def test_the_customer_who_reaches_the_alarm_raises_it_and_is_slowed(desk):
    for which in range(4):
        desk.reveal(which)
    assert desk.refusal(4) == "limit_alarm"
    assert desk.signals() == [("alarmed", 5), ("warned", 3)]
    assert sorted(desk.notices(SUPERVISOR)) == ["incident_opened", "limit_alarmed", "limit_warned"]
    refused = desk.world.events("record.reveal", "refused")[-1]
    assert (refused["rule"], refused["records"][0]["fields"]) == ("limit_alarm", [])
    assert desk.refusal(5) == "limit_alarm"
    assert len(desk.world.events("limit.alarmed")) == 1


def test_customers_revealed_before_the_alarm_stay_open(desk):
    for which in range(4):
        desk.reveal(which)
    assert desk.refusal(4) == "limit_alarm"
    assert desk.reveal(0, "name").disclose() == desk.rows[0]["name"]


def test_one_further_customer_comes_through_when_the_pause_is_over_to_the_second(desk):
    for which in range(4):
        desk.reveal(which)
    began = desk.world.now
    pause = timedelta(seconds=desk.world.parts.policy.limits.slow_seconds)
    desk.world.now = began + pause - timedelta(seconds=1)
    assert desk.refusal(4) == "limit_alarm"
    desk.world.now = began + pause
    desk.reveal(4)
    assert desk.refusal(5) == "limit_alarm"
    desk.reveal(4, "name")


def test_several_fields_of_one_customer_count_as_one_customer(desk):
    for field in ("name", "phone", "sender_address", "recipient_address", "name", "phone"):
        desk.reveal(0, field)
    assert desk.signals() == []


def test_a_shipment_counts_as_its_customer(desk):
    world = desk.world
    row = world.shipment(desk.rows[0], desk.rows[1])
    answer = world.look_up(AGENT, row["waybill"])
    world.reveal(AGENT, answer.case_id, answer.cards[0].record_id, "signed_by")
    counted = world.rows("SELECT record_id FROM disclosures WHERE kind = 'reveal'")
    by_part = {card.part: card.record_id for card in answer.cards}
    assert counted == [(by_part["recipient"],)]


def test_what_lies_outside_the_window_counts_no_more(desk):
    for which in range(4):
        desk.reveal(which)
    desk.world.now += timedelta(hours=desk.world.parts.policy.limits.window_hours)
    desk.reveal(4)
    assert desk.signals() == [("warned", 3)]


def test_a_clock_set_back_frees_neither_quota_nor_limit(desk):
    for which in range(4):
        desk.reveal(which)
    desk.world.now -= timedelta(hours=30)
    assert desk.refusal(4) == "limit_alarm"
    desk.limited(quotas=quota(reveals_hour=4))
    assert desk.refusal(0) == "quota_reveals"


@pytest.mark.parametrize(
    ("changes", "span"), [({"reveals_hour": 2}, 3600), ({"reveals_hour": 2, "reveals_day": 2}, 86400)]
)
def test_a_quota_of_reveals_bites_and_is_free_again_when_its_time_is_over(desk, changes, span):
    desk.limited(quotas=quota(**changes))
    began = desk.world.now
    desk.reveal(0)
    desk.reveal(0)
    assert desk.refusal(0) == "quota_reveals"
    desk.world.now = began + timedelta(seconds=span - 1)
    assert desk.refusal(0) == "quota_reveals"
    desk.world.now = began + timedelta(seconds=span)
    desk.reveal(0)
    refused = desk.world.events("record.reveal", "refused")
    assert [(one["rule"], one["records"][0]["fields"]) for one in refused] == [("quota_reveals", [])] * 2


@pytest.mark.parametrize(
    ("changes", "span"), [({"lookups_hour": 3}, 3600), ({"lookups_hour": 3, "lookups_day": 3}, 86400)]
)
def test_a_quota_of_look_ups_counts_misses_too_and_is_logged(desk, changes, span):
    desk.limited(quotas=quota(**changes))
    began, phone = desk.world.now, desk.rows[0]["phone"]
    desk.world.look_up(AGENT, phone)
    desk.world.look_up(AGENT, "13999999999")
    for late in (0, span - 1):
        desk.world.now = began + timedelta(seconds=late)
        with pytest.raises(AccessRefused) as refused:
            desk.world.look_up(AGENT, phone)
        assert refused.value.reason == "quota_lookups"
    desk.world.now = began + timedelta(seconds=span)
    assert desk.world.look_up(AGENT, phone).cards
    assert [one["rule"] for one in desk.world.events("record.lookup", "refused")] == ["quota_lookups"] * 2


def at_the_same_moment(works):
    """Do several things at once; returns what each came to, once those the busy disk put off were done again."""

    def until_answered(work):
        while True:
            with suppress(LogUnavailable, StorageUnavailable):
                try:
                    work()
                except AccessRefused as error:
                    return error.reason
                return "done"

    with ThreadPoolExecutor(8) as pool:
        return Counter(pool.map(until_answered, works))


def look_ups(world):
    return [one["rule"] for one in world.events("record.lookup")]


@pytest.mark.parametrize("changes", [{"lookups_hour": 5}, {"lookups_day": 5}])
@pytest.mark.parametrize("typed", ["known", "absent"])
def test_a_quota_of_look_ups_is_exact_however_many_come_at_once(desk, changes, typed):
    desk.limited(quotas=quota(**changes))
    number = desk.rows[0]["phone"] if typed == "known" else ABSENT
    came_to = at_the_same_moment([lambda: desk.world.look_up(AGENT, number)] * 24)
    assert set(came_to) == {"done", "quota_lookups"}
    assert desk.world.count("disclosures") == 5
    assert Counter(look_ups(desk.world))["quota_lookups"] >= 24 - 5 + 1  # the desk's own look-up was the first
    assert desk.world.count("cases") == 5


def test_a_quota_of_look_ups_is_exact_across_processes_that_write_for_themselves(desk):
    desk.limited(quotas=quota(lookups_hour=9))
    with bootstrap.open_vault(desk.world.config) as parts:
        other = replace(parts, policy=desk.world.parts.policy)
        person, phone, now = desk.person, desk.rows[0]["phone"], desk.world.now
        works = [partial(lookup.look_up, each, person, phone, "query", now) for each in (desk.world.parts, other) * 12]
        came_to = at_the_same_moment(works)
    assert set(came_to) == {"done", "quota_lookups"}
    assert desk.world.count("disclosures") == desk.world.count("cases") == 9


_PROCESS = """
import sys
from tests.conftest import Place
from tests.services.test_limits import AGENT, at_the_same_moment
from tests.simulator import World, settings

folder, url, owner, phone = sys.argv[1:]
place = Place(url, owner)
world = World(settings(folder, place), place)
print("ready", flush=True)
sys.stdin.readline()
at_the_same_moment([lambda: world.look_up(AGENT, phone)] * 40)
world.close()
"""


@pytest.mark.slow
def test_a_quota_of_look_ups_is_exact_across_two_processes_that_ask_at_once(desk):
    world, most = desk.world, desk.world.parts.policy.limits.quotas["agent"].lookups_hour
    told = [str(world.config.data_dir), world.place.url, world.place.owner_url, desk.rows[0]["phone"]]
    command = [sys.executable, "-c", _PROCESS, *told]
    children = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    for child in children:
        assert child.stdout.readline() == "ready\n"
    for child in children:
        child.stdin.write("\n")
        child.stdin.flush()
    assert [(child.communicate(timeout=90), child.returncode)[1] for child in children] == [0, 0]
    assert world.count("disclosures") == world.count("cases") == most
    assert Counter(look_ups(world))["quota_lookups"] >= 80 - most + 1


def test_misses_at_the_same_moment_tell_the_supervisor_too(desk):
    desk.limited(misses_hour=6)
    at_the_same_moment([lambda: desk.world.look_up(AGENT, ABSENT)] * 6)
    ((kind, count),) = desk.signals()
    assert (kind, count >= 6) == ("misses", True)
    assert desk.notices(SUPERVISOR) == ["limit_warned"]


def test_one_persons_quota_is_not_anothers(desk):
    desk.limited(quotas=quota(lookups_hour=1))
    with pytest.raises(AccessRefused):
        desk.world.look_up(AGENT, desk.rows[0]["phone"])
    assert desk.world.look_up(COLLEAGUE, desk.rows[0]["phone"]).cards == ()


def test_a_role_without_a_quota_may_neither_look_up_nor_reveal(desk):
    desk.limited(quotas={})
    assert desk.refusal(0) == "quota_reveals"
    with pytest.raises(AccessRefused) as refused:
        desk.world.look_up(AGENT, desk.rows[0]["phone"])
    assert refused.value.reason == "quota_lookups"


def test_misses_and_refusals_that_pile_up_tell_the_supervisor_once_and_nobody_else(desk):
    desk.limited(misses_hour=3)
    foreign = desk.world.customer(owner=COLLEAGUE)
    for typed in ("13999999991", foreign["phone"], "13999999993", "13999999994"):
        assert desk.world.look_up(AGENT, typed).cards == ()
    assert desk.signals() == [("misses", 3)]
    assert desk.notices(SUPERVISOR) == ["limit_warned"]
    assert desk.notices(AGENT) == []
    desk.world.now += timedelta(hours=1)
    for _ in range(3):
        desk.world.look_up(AGENT, "13999999991")
    assert desk.signals() == [("misses", 3), ("misses", 3)]


def test_many_at_once_never_get_past_the_alarm_unnoticed(world):
    desk = Desk(world, 60)
    done, refused = [], []

    def work(which):
        with suppress(LogUnavailable, StorageUnavailable):  # too many for one disk at once: nothing was shown
            try:
                desk.reveal(which)
                done.append(which)
            except AccessRefused as error:
                refused.append(error.reason)

    threads = [threading.Thread(target=work, args=(which,)) for which in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for which in range(60):
        if which not in done:
            work(which)
    assert len(done) == 50
    assert set(refused) == {"limit_alarm"}
    assert desk.signals() == [("alarmed", 51), ("warned", 25)]
    assert len(world.events("limit.alarmed")) == len(world.events("limit.warned")) == 1


def test_a_quota_is_exact_however_many_reveal_at_once(desk):
    desk.limited(quotas=quota(reveals_hour=5))
    done = []

    def work():
        with suppress(AccessRefused, LogUnavailable, StorageUnavailable):
            desk.reveal(0)
            done.append(1)

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 5


# -- forbidden purposes ------------------------------------------------------------------------------------------


def forbidden(desk, purpose="advertising", who=AGENT):
    with pytest.raises(AccessRefused) as refused:
        desk.world.look_up(who, desk.rows[0]["phone"], purpose)
    assert refused.value.reason == "purpose_forbidden"


def test_the_first_forbidden_purpose_of_a_day_tells_the_supervisor_and_further_ones_are_counted(desk):
    forbidden(desk)
    assert desk.signals() == [("forbidden", 1)]
    assert desk.notices(SUPERVISOR) == ["forbidden_purpose"]
    assert desk.notices(AGENT) == desk.notices(OTHER_SUPERVISOR) == []
    forbidden(desk, "third_party_sale")
    assert desk.signals() == [("forbidden", 2)]
    assert desk.notices(SUPERVISOR) == ["forbidden_purpose"]
    (event,) = desk.world.events("limit.warned")
    assert (event["actor"], event["rule"], event["facts"]) == (
        AGENT,
        "limits.reading",
        {"count": 1, "kind": "forbidden"},
    )
    refused = desk.world.events("record.lookup", "refused")
    assert [(one["purpose"], one["rule"]) for one in refused] == [
        ("advertising", "purpose_forbidden"),
        ("third_party_sale", "purpose_forbidden"),
    ]


def test_the_day_of_a_forbidden_purpose_ends_at_midnight_of_the_companys_zone(desk):
    world = desk.world
    midnight = world.now.astimezone(world.parts.policy.zone).replace(hour=0, minute=0, second=0) + timedelta(days=1)
    world.now = midnight - timedelta(seconds=1)
    forbidden(desk)
    world.now = midnight
    forbidden(desk)
    assert desk.signals() == [("forbidden", 1), ("forbidden", 1)]
    forbidden(desk)
    assert desk.signals() == [("forbidden", 1), ("forbidden", 2)]
    assert desk.notices(SUPERVISOR) == ["forbidden_purpose"] * 2


@pytest.mark.parametrize("purpose", ["callback", "breach_notice", "no_such_purpose"])
def test_other_purposes_that_are_not_theirs_raise_no_signal(desk, purpose):
    with pytest.raises(AccessRefused):
        desk.world.look_up(AGENT, desk.rows[0]["phone"], purpose)
    assert desk.signals() == []


def test_many_forbidden_purposes_at_once_are_one_signal_and_all_are_counted(desk):
    threads = [threading.Thread(target=forbidden, args=(desk,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert desk.signals() == [("forbidden", 6)]
    assert len(desk.world.events("record.lookup", "refused")) == 6


def test_lifting_a_forbidden_purposes_signal_frees_no_customers(desk):
    for which in range(3):
        desk.reveal(which)
    forbidden(desk)
    release(desk, SUPERVISOR, signal_id(desk, "forbidden"))
    assert desk.world.rows("SELECT kind FROM signals WHERE released_at IS NULL") == [("warned",)]
    forbidden(desk)
    assert desk.notices(SUPERVISOR).count("forbidden_purpose") == 2


# -- asking and searching ----------------------------------------------------------------------------------------


def test_asking_has_a_quota_an_hour_that_counts_every_question_to_the_second(desk):
    desk.limited(asks_hour=2)
    world, began = desk.world, desk.world.now
    request_id = ask(world, ABSENT)
    case = world.rows("SELECT case_id FROM access_requests WHERE request_id = :r", r=request_id)[0][0]
    assert ask(world, ABSENT, case=case) == request_id  # the same again counts too
    for late in (0, 3599):
        world.now = began + timedelta(seconds=late)
        with pytest.raises(AccessRefused) as refused:
            ask(world, ABSENT, case=case)
        assert refused.value.reason == "quota_asks"
    world.now = began + timedelta(hours=1)
    assert ask(world, ABSENT, case=case) == request_id
    events = world.events("access.ask", "refused")
    assert [(one["actor"], one["rule"], one["records"]) for one in events] == [(AGENT, "quota_asks", [])] * 2
    assert ABSENT not in str(events)


def test_the_quota_of_asking_is_exact_however_many_ask_at_once(desk):
    desk.limited(asks_hour=4)
    case = desk.world.look_up(AGENT, ABSENT).case_id
    done = at_once([lambda: ask(desk.world, ABSENT, case=case)] * 9)
    assert done == ["access_refused"] * 5 + ["done"] * 4


def test_what_was_asked_and_searched_is_no_reading(desk):
    ask(desk.world, ABSENT)
    found = limits.mine(desk.world.parts, desk.person, desk.world.now)
    assert (found.read.lookups_hour, found.read.reveals_hour) == (2, 0)
    with desk.world.parts.database.read() as connection:
        counts = disclosures.counts(connection, [desk.person.account_id], desk.world.now - timedelta(hours=1))
    assert counts == {desk.person.account_id: disclosures.Counts(customers=0, reveals=0, lookups=2)}


def test_searching_the_log_by_number_has_a_quota_whether_the_number_is_known_or_not(desk):
    desk.limited(searches_hour=2)
    world, began = desk.world, desk.world.now
    auditor, known = world.person(AUDITOR), desk.rows[0]["phone"]

    def search(typed):
        return log_search.find(world.parts, auditor, typed, world.now).records

    assert (len(search(known)), search(ABSENT)) == (1, ())
    for typed in (known, ABSENT):
        world.now = began + timedelta(seconds=3599)
        with pytest.raises(AccessRefused) as refused:
            search(typed)
        assert refused.value.reason == "quota_searches"
    world.now = began + timedelta(hours=1)
    assert len(search(known)) == 1
    events = world.events("log.search", "refused")
    assert [(one["actor"], one["rule"]) for one in events] == [(AUDITOR, "quota_searches")] * 2
    assert known not in str(events)


# -- releasing ---------------------------------------------------------------------------------------------------


@pytest.fixture
def alarmed(desk):
    for which in range(4):
        desk.reveal(which)
    assert desk.refusal(4) == "limit_alarm"
    return desk


def signal_id(desk, kind="alarmed"):
    return desk.world.rows("SELECT signal_id FROM signals WHERE kind = :kind", kind=kind)[0][0]


def release(desk, work_number, which):
    limits.release(desk.world.parts, desk.world.person(work_number), which, desk.world.now)


def test_a_supervisor_lifts_the_limit_and_the_customers_count_anew(alarmed):
    world = alarmed.world
    world.now += timedelta(seconds=1)
    release(alarmed, SUPERVISOR, signal_id(alarmed))
    assert world.rows("SELECT count(*) FROM signals WHERE released_at IS NULL") == [(0,)]
    world.now += timedelta(seconds=1)
    alarmed.reveal(4)
    alarmed.reveal(5)
    assert len(alarmed.signals()) == 2
    alarmed.reveal(6)
    assert sorted(alarmed.signals()) == [("alarmed", 5), ("warned", 3), ("warned", 3)]
    assert alarmed.notices(AGENT) == ["limit_released"]
    (event,) = world.events("limit.released")
    assert (event["actor"], event["facts"]) == (SUPERVISOR, {"account": AGENT, "count": 5, "kind": "alarmed"})


@pytest.mark.parametrize(
    ("who", "error"), [(OTHER_SUPERVISOR, NotFound), (AGENT, AccessRefused), (COLLEAGUE, AccessRefused)]
)
def test_nobody_else_lifts_a_limit_and_who_tries_is_logged(alarmed, who, error):
    with pytest.raises(error):
        release(alarmed, who, signal_id(alarmed))
    assert alarmed.refusal(4) == "limit_alarm"
    assert alarmed.world.events("limit.released", "refused")[-1]["actor"] == who


def test_an_unknown_signal_is_not_there(alarmed):
    with pytest.raises(NotFound):
        release(alarmed, SUPERVISOR, bytes(16))


def test_a_limit_is_lifted_once(alarmed):
    which = signal_id(alarmed)
    outcomes = []

    def work():
        try:
            release(alarmed, SUPERVISOR, which)
            outcomes.append("done")
        except NotFound:
            outcomes.append("gone")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["done", "gone", "gone", "gone"]
    assert len(alarmed.world.events("limit.released", "done")) == 1


def test_a_supervisor_never_lifts_their_own_limit(desk):
    world = desk.world
    with world.parts.database.write() as connection:
        own = signals.add(connection, world.person(SUPERVISOR).account_id, SignalKind.ALARMED, 51, world.now)
        connection.commit()
    with pytest.raises(NotFound):
        release(desk, SUPERVISOR, own)


def test_a_supervisor_of_the_same_name_is_taken_for_the_same_human(alarmed):
    world = alarmed.world
    with world.parts.database.read() as connection:
        store = world.parts.keys.current(connection)
    sealed = store.seal_person(world.person(SUPERVISOR).account_id, "name", "窦 然可")
    world.tamper("UPDATE accounts SET sealed_name = :sealed WHERE work_number = 'KF2009'", sealed=sealed)
    with pytest.raises(NotFound):
        release(alarmed, SUPERVISOR, signal_id(alarmed))


# -- seeing and forgetting ---------------------------------------------------------------------------------------


def test_a_person_sees_how_much_they_have_read(desk):
    desk.reveal(0)
    desk.reveal(0, "name")
    desk.reveal(1)
    desk.world.look_up(AGENT, "13999999999")
    found = limits.mine(desk.world.parts, desk.person, desk.world.now)
    assert (found.read.lookups_hour, found.read.misses_hour, found.read.reveals_day, found.customers) == (2, 1, 3, 2)
    assert found.quota.reveals_hour == 60
    with desk.world.parts.database.read() as connection:
        others = [desk.person.account_id, desk.world.person(COLLEAGUE).account_id]
        counts = disclosures.counts(connection, others, desk.world.now - timedelta(hours=1))
    assert counts == {desk.person.account_id: disclosures.Counts(customers=2, reveals=3, lookups=2)}


def test_what_was_counted_is_forgotten_when_its_time_is_over(alarmed):
    world = alarmed.world
    keep = timedelta(days=world.parts.policy.limits.keep_days)
    limits.sweep(world.parts, world.now + keep)
    assert world.count("disclosures") == 5
    assert world.count("signals") == 2
    limits.sweep(world.parts, world.now + keep + timedelta(seconds=1))
    assert world.count("disclosures") == world.count("signals") == 0


def test_a_reveal_that_was_not_stored_was_neither_counted_nor_shown(desk):
    before = desk.world.count("disclosures")
    with pytest.raises(AccessRefused):
        desk.reveal(0, "id_number")
    assert desk.world.count("disclosures") == before
