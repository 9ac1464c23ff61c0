from datetime import timedelta

from tests.simulator import NOW
from vault.services import asking, cases

AGENT, COLLEAGUE = "KF2001", "KF2002"


def ask(world, case_id, typed, who=AGENT):
    return asking.ask(world.parts, world.person(who), case_id, typed, world.now)


def test_everybody_sees_only_their_own_cases_newest_first(world):
    made = []
    for minute in range(3):
        world.now = NOW + timedelta(minutes=minute)
        made.append(world.look_up(AGENT, "13999999999").case_id)
    ask(world, made[0], "13999999999")
    world.look_up(COLLEAGUE, "13999999999")
    opened, asked = cases.my_cases(world.parts, world.person(AGENT), world.now)
    assert [one.case_id for one in opened] == made[::-1]
    assert [one.case_id for one in asked] == [made[0]]
    assert cases.my_cases(world.parts, world.person("KF2003"), world.now) == ([], [])
