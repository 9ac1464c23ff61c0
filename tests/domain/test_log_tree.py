import json
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.domain.log_tree import Frontier, consistency_proof, cover, empty_root, inclusion_proof, leaf_hash, node_hash
from vault.errors import InvalidValue

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "rfc6962_tree.json").read_text())
LEAVES = [leaf_hash(bytes.fromhex(leaf)) for leaf in VECTORS["leaves"]]
ROOTS = [bytes.fromhex(root) for root in VECTORS["roots"]]


def root_by_the_book(leaves):
    """MTH as RFC 6962 section 2.1 writes it."""
    if len(leaves) <= 1:
        return leaves[0] if leaves else sha256(b"").digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\x01" + root_by_the_book(leaves[:split]) + root_by_the_book(leaves[split:])).digest()


def hashes(count):
    return [leaf_hash(str(number).encode()) for number in range(count)]


def grown(leaves):
    frontier = Frontier()
    frontier.extend(leaves)
    return frontier


@pytest.mark.parametrize("size", range(9))
def test_the_published_eight_leaf_tree_has_its_published_roots(size):
    assert grown(LEAVES[:size]).root() == ROOTS[size]


def test_the_empty_tree_has_the_hash_of_nothing():
    assert Frontier().root() == empty_root() == ROOTS[0]


def test_a_leaf_and_a_node_of_the_same_bytes_differ():
    left, right = LEAVES[:2]
    assert node_hash(left, right) == ROOTS[2]
    assert leaf_hash(left + right) != node_hash(left, right)


def test_every_tree_below_two_hundred_leaves_has_the_root_of_the_book():
    leaves, frontier = hashes(200), Frontier()
    for size in range(200):
        assert frontier.root() == root_by_the_book(leaves[:size])
        assert frontier.size == size
        assert len(frontier.hashes()) == size.bit_count()
        frontier.append(leaves[size])


@given(st.lists(st.integers(0, 70), max_size=8))
def test_a_tree_is_the_same_however_its_leaves_arrive(pieces):
    leaves, frontier = hashes(sum(pieces)), Frontier()
    done = 0
    for piece in pieces:
        frontier.extend(iter(leaves[done : done + piece]))
        done += piece
    assert (frontier.size, frontier.root()) == (done, root_by_the_book(leaves))


def test_an_extension_longer_than_one_chunk_has_the_root_of_the_book():
    leaves = hashes(10_001)
    assert grown(leaves).root() == root_by_the_book(leaves)


def test_extending_leaves_the_callers_list_alone():
    leaves = hashes(5)
    frontier = grown(hashes(3))
    frontier.extend(leaves)
    assert leaves == hashes(5)


@given(st.integers(0, 150), st.integers(0, 60))
def test_a_restored_frontier_continues_like_the_one_it_was_saved_from(size, more):
    leaves = hashes(size + more)
    saved = grown(leaves[:size])
    restored = Frontier.restore(saved.size, saved.hashes())
    restored.extend(leaves[size:])
    assert restored.hashes() == grown(leaves).hashes()
    assert restored.root() == root_by_the_book(leaves)


def test_a_copy_grows_alone():
    leaves = hashes(12)
    frontier = grown(leaves[:7])
    twin = frontier.copy()
    twin.extend(leaves[7:])
    assert (frontier.size, frontier.root()) == (7, root_by_the_book(leaves[:7]))
    assert (twin.size, twin.root()) == (12, root_by_the_book(leaves))


@pytest.mark.parametrize(
    ("size", "roots", "reason"),
    [
        (-1, [], "frontier_size"),
        (0, [bytes(32)], "frontier_count"),
        (3, [bytes(32)], "frontier_count"),
        (4, [bytes(32), bytes(32)], "frontier_count"),
        (3, [bytes(32), bytes(31)], "frontier_hash_length"),
    ],
)
def test_a_frontier_that_cannot_be_is_not_restored(size, roots, reason):
    with pytest.raises(InvalidValue) as refused:
        Frontier.restore(size, roots)
    assert refused.value.reason == reason


# -- proofs ------------------------------------------------------------------------------------------------------


def path_by_the_book(index, leaves):
    """PATH as RFC 6962 section 2.1.1 writes it."""
    if len(leaves) == 1:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if index < split:
        return [*path_by_the_book(index, leaves[:split]), root_by_the_book(leaves[split:])]
    return [*path_by_the_book(index - split, leaves[split:]), root_by_the_book(leaves[:split])]


def subproof_by_the_book(old, leaves, known):
    """SUBPROOF as RFC 6962 section 2.1.2 writes it."""
    if old == len(leaves):
        return [] if known else [root_by_the_book(leaves)]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if old <= split:
        return [*subproof_by_the_book(old, leaves[:split], known), root_by_the_book(leaves[split:])]
    return [*subproof_by_the_book(old - split, leaves[split:], known=False), root_by_the_book(leaves[:split])]


def node_of(leaves):
    def node(level, index):
        return root_by_the_book(leaves[index << level : (index + 1) << level])

    return node


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 31, 32, 33])
def test_every_proof_of_a_tree_is_that_of_the_book(size):
    leaves = hashes(size)
    for at in range(size):
        assert inclusion_proof(at, size, node_of(leaves)) == path_by_the_book(at, leaves)
    for old in range(1, size + 1):
        assert consistency_proof(old, size, node_of(leaves)) == subproof_by_the_book(old, leaves, known=True)


def test_nothing_has_to_be_proved_from_an_empty_tree():
    assert consistency_proof(0, 7, node_of(hashes(7))) == []
    assert consistency_proof(0, 0, node_of([])) == []


@pytest.mark.parametrize(("index", "size"), [(-1, 5), (5, 5), (0, 0)])
def test_a_leaf_that_is_not_in_the_tree_has_no_proof(index, size):
    with pytest.raises(InvalidValue) as refused:
        inclusion_proof(index, size, node_of(hashes(size)))
    assert refused.value.reason == "leaf_not_in_tree"


@pytest.mark.parametrize(("old", "new"), [(-1, 5), (6, 5)])
def test_a_shorter_tree_extends_nothing(old, new):
    with pytest.raises(InvalidValue) as refused:
        consistency_proof(old, new, node_of(hashes(new)))
    assert refused.value.reason == "tree_is_shorter"


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 300))
def test_neighbouring_covers_are_the_whole_tree(one, two, three):
    start, stop, size = sorted((one, two, three))
    places = [*cover(0, start), *cover(start, stop), *cover(stop, size)]
    held = [leaf for level, index in places for leaf in range(index << level, (index + 1) << level)]
    assert held == list(range(size))
    assert len(list(cover(0, size))) == size.bit_count()
