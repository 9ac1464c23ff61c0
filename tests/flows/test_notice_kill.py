"""A thousand notices, the sender killed with ``kill -9`` at every tenth send: nobody twice, and nobody left out."""

import os
import signal
from datetime import timedelta

import pytest

from tests import breach
from tests.conftest import ENGINES
from tests.faults import survives
from tests.mailbox import Mailbox
from tests.simulator import World
from vault.storage.mail import Session

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

MANY, EVERY = 1_000, 10
LEASE = timedelta(seconds=121)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_thousand_notices_killed_at_every_tenth_send_reach_everybody_once(engine, request):
    world = request.getfixturevalue(f"{engine}_world")
    with Mailbox() as box:
        incident, campaign = breach.released(world, MANY)
        kills = 0
        while breach.states(world, campaign).keys() & {"waiting", "sending"}:
            world.now += LEASE
            if not survives(lambda after=kills % 2 == 0: _send_and_die(world, box.url, incident, after=after)):
                kills += 1
            assert kills <= MANY // EVERY + 1
        states = breach.states(world, campaign)
        assert len(box.recipients) == len(set(box.recipients))  # nobody twice
        assert states["sent"] + states["unknown"] == MANY  # nobody left out: the others are on the call list
        assert kills >= MANY // EVERY - 1
        assert states["unknown"] == kills  # one in doubt for each kill
        arrived = {to for to, _ in box.got}
        assert states["sent"] <= len(arrived) <= MANY
        # What is known as sent has arrived; what is in doubt may have.
        assert len(arrived) - states["sent"] == (kills + 1) // 2


def _send_and_die(world, url, incident, *, after):
    """Send in a child that kills itself at its tenth send, right before or right after it went out."""
    mine = World(world.config, world.place, world.now)
    breach.with_mail(mine, url)
    count, real = [0], Session.send

    def send(self, letter):
        count[0] += 1
        if count[0] == EVERY and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        answer = real(self, letter)
        if count[0] == EVERY:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    Session.send = send
    breach.send(mine, incident)
