"""Who decides on a request for access: a pure rule over teams, outlets and owners."""

from hypothesis import given
from hypothesis import strategies as st

from vault.domain.access import Colleague, deciders


def boss(name, team="", outlet="NJ"):
    return Colleague(name.encode(), team, outlet, supervises=True)


def agent(name, team="T1", outlet="NJ"):
    return Colleague(name.encode(), team, outlet)


ASKER, OWNER = agent("asker", "T2", "XM"), agent("owner", "T1", "NJ")
T1, T2, NJ, XM, FAR = (
    boss("t1", "T1", "CS"),
    boss("t2", "T2"),
    boss("nj", "T9"),
    boss("xm", "T8", "XM"),
    boss("far", "", "Z"),
)


def test_the_owner_and_the_supervisors_of_the_owners_team_decide():
    assert deciders(ASKER, OWNER, [OWNER, T1, T2, NJ, XM]) == {b"owner", b"t1"}


def test_without_a_supervisor_of_the_team_those_of_the_outlet_do():
    assert deciders(ASKER, OWNER, [OWNER, NJ, XM]) == {b"owner", b"nj"}


def test_without_one_in_the_outlet_all_do():
    assert deciders(ASKER, OWNER, [OWNER, XM, FAR]) == {b"owner", b"xm", b"far"}


def test_an_owner_who_may_not_decide_still_says_which_team_counts():
    assert deciders(ASKER, OWNER, [T1, T2]) == {b"t1"}


def test_without_an_owner_the_askers_own_supervisors_decide():
    assert deciders(ASKER, None, [OWNER, T1, T2, XM]) == {b"t2"}
    assert deciders(ASKER, None, [OWNER, T1, XM]) == {b"xm"}


def test_to_have_no_team_is_not_to_share_one():
    lone = agent("lone", "", "NJ")
    assert deciders(ASKER, lone, [lone, FAR, NJ]) == {b"lone", b"nj"}


def test_nobody_decides_where_nobody_may():
    assert deciders(ASKER, OWNER, []) == frozenset()


people = st.builds(
    Colleague,
    st.binary(min_size=1, max_size=2),
    st.sampled_from(["", "T1", "T2"]),
    st.sampled_from(["NJ", "XM"]),
    st.booleans(),
)


@given(people, st.none() | people, st.lists(people, unique_by=lambda one: one.account_id))
def test_only_the_able_decide_and_somebody_does_where_there_is_a_supervisor(home, owner, able):
    chosen = deciders(home, owner, able)
    ids = {one.account_id for one in able}
    assert chosen <= ids
    assert bool(chosen) >= any(one.supervises for one in able)
    strangers = {one.account_id for one in able if not one.supervises} - {owner.account_id if owner else b""}
    assert not chosen & strangers
