"""A thousand notices, the sender killed with ``kill -9`` at every tenth send: nobody twice, and nobody left out."""

import itertools
import json
import os
import signal
from datetime import timedelta

import pytest

from tests import breach
from tests.conftest import ENGINES
from tests.faults import survives
from tests.mailbox import Mailbox
from tests.simulator import World
from vault.services.breach import notice_sending
from vault.storage.mail import Session

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

MANY, EVERY, SENDERS = 1_000, 10, 2
LEASE = timedelta(seconds=121)
_LINES = "SELECT facts FROM incident_entries WHERE action = 'notice.sent'"


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
        assert kills >= MANY // (EVERY + SENDERS) - SENDERS
        assert kills <= states["unknown"] <= SENDERS * kills  # one of each sender in doubt for each kill
        # What is known as sent has arrived; what is in doubt may have.
        assert states["sent"] <= len(box.recipients) <= MANY
        # The timeline tells of everybody once, in lines of runs that ended and of those that were killed.
        world.now += LEASE
        notice_sending.tend(world.parts, world.now)
        lines = [json.loads(facts) for (facts,) in world.rows(_LINES)]
        assert sum(one["sent"] for one in lines) == states["sent"]
        assert sum(one["unknown"] for one in lines) == states["unknown"]
        assert 0 < sum(one.get("mode") == "interrupted" for one in lines) <= kills  # a line may be of two of them


def _send_and_die(world, url, incident, *, after):
    """Send in a child that kills itself at its tenth send, right before or right after it went out."""
    mine = World(world.config, world.place, world.now)
    breach.with_mail(mine, url)
    numbers, real = itertools.count(1), Session.send

    def send(self, letter):
        number = next(numbers)  # of all senders together
        if number == EVERY and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        answer = real(self, letter)
        if number == EVERY:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    Session.send = send
    breach.send(mine, incident)
