"""Ten thousand events from two processes at once: each has one place, none is lost, and the tree over them is whole."""

import subprocess
import sys

import pytest

from vault.domain.log_tree import Frontier, consistency_proof, inclusion_proof, leaf_hash
from vault.storage.log_tiles import TileReader
from vault.verify_log import _extends, _root_of_path

pytestmark = pytest.mark.slow

EACH = 5000
WRITE = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tests.conftest import Place
from tests.simulator import World, settings, NOW
from vault.services.log import Action, Actor, Outcome
folder, url, owner, go, each = sys.argv[1:]
world = World(settings(Path(folder), Place(url, owner)), Place(url, owner))
def write(number):
    event = world.parts.event(NOW, Actor("x", "x"), Action.LOG_VIEW, Outcome.DONE)
    world.parts.log_writer.write(event)
    if number % 500 == 0:
        world.settle()
    return event.event_id.hex()
print("ready", flush=True)
while not Path(go).exists():
    pass
with ThreadPoolExecutor(8) as pool:
    print(*pool.map(write, range(int(each))))
world.close()
"""


def test_ten_thousand_events_from_two_processes_have_no_gap_no_double_and_a_valid_tree(world, tmp_path):
    before, go = world.settle(), tmp_path / "go"
    place = [str(world.config.data_dir), world.place.url, world.place.owner_url, str(go), str(EACH)]
    children = [
        subprocess.Popen([sys.executable, "-c", WRITE, *place], stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    for child in children:
        assert child.stdout.readline() == "ready\n"
    go.touch()
    written = [one for child in children for one in child.communicate(timeout=110)[0].split()]
    assert [child.returncode for child in children] == [0, 0]
    assert len(set(written)) == len(written) == 2 * EACH

    size = world.settle()
    assert size == before + 2 * EACH
    rows = world.rows("SELECT leaf_index, event_id, canonical FROM log_events ORDER BY leaf_index")
    assert [index for index, _, _ in rows] == list(range(size))
    assert {bytes(one).hex() for _, one, _ in rows[before:]} == set(written)
    verdict = world.verify()
    assert (verdict.holds, verdict.report.checked_size, verdict.waiting) == (True, size, 0)

    leaves, frontier = [leaf_hash(bytes(one)) for _, _, one in rows], Frontier()
    frontier.extend(leaves[:before])
    old = frontier.root()
    frontier.extend(leaves[before:])
    root, node = frontier.root(), TileReader(world.parts.database).node
    for index in range(0, size, 97):
        assert _root_of_path(index, size, leaves[index], inclusion_proof(index, size, node)) == root
    assert _extends((before, old), (size, root), consistency_proof(before, size, node))
    assert world.count("log_tiles") == size // 256
