"""The row chain and the Merkle tree of RFC 9162: known vectors, the recursive definition, proofs and forgeries."""

from __future__ import annotations

import hashlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tanyi.kernel import chain

# The eight leaves and the roots that Certificate Transparency implementations test themselves against.
VECTOR_LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
VECTOR_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAVES = [chain.leaf_hash(entry) for entry in VECTOR_LEAVES]

INCLUSION_VECTORS = {  # (leaf from 0, size): proof
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
CONSISTENCY_VECTORS = {  # (old size, size): proof
    (1, 1): [],
    (1, 8): INCLUSION_VECTORS[0, 8],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
SIZES = st.integers(0, 300)


def leaves(count: int) -> list[bytes]:
    return [chain.leaf_hash(str(number).encode()) for number in range(count)]


def root_by_definition(hashes: list[bytes]) -> bytes:
    """MTH of RFC 9162 §2.1.1, word for word."""
    if len(hashes) < 2:
        return hashes[0] if hashes else hashlib.sha256().digest()
    middle = 1
    while middle * 2 < len(hashes):
        middle *= 2
    left, right = root_by_definition(hashes[:middle]), root_by_definition(hashes[middle:])
    return hashlib.sha256(b"\x01" + left + right).digest()


# the root


@pytest.mark.parametrize("size", range(1, 9))
def test_the_root_is_the_one_of_the_known_vectors(size: int) -> None:
    assert chain.tree_root(LEAVES[:size]).hex() == VECTOR_ROOTS[size - 1]
    assert chain.Tree(LEAVES).root(size).hex() == VECTOR_ROOTS[size - 1]


def test_the_root_of_no_leaves_is_the_hash_of_nothing() -> None:
    assert chain.tree_root([]) == chain.Tree().root() == chain.EMPTY_ROOT == hashlib.sha256(b"").digest()


@given(SIZES)
def test_frontier_tree_and_definition_agree_on_every_root(size: int) -> None:
    hashes = leaves(size)
    assert chain.tree_root(hashes) == chain.Tree(leaves(301)).root(size) == root_by_definition(hashes)


@given(SIZES, SIZES)
def test_a_frontier_can_be_kept_and_taken_up_again(first: int, more: int) -> None:
    hashes = leaves(first + more)
    kept = chain.Frontier().extend(hashes[:first])
    assert len(kept.subtrees) == first.bit_count()
    assert chain.Frontier(kept.size, kept.subtrees).extend(hashes[first:]).root() == chain.tree_root(hashes)


# inclusion


@pytest.mark.parametrize(("asked", "expected"), INCLUSION_VECTORS.items())
def test_an_inclusion_proof_is_the_one_of_the_known_vectors(asked: tuple[int, int], expected: list[str]) -> None:
    assert [step.hex() for step in chain.inclusion_proof(LEAVES, *asked)] == expected


@given(st.data())
def test_every_leaf_is_proved_in_every_tree_that_holds_it(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 300))
    index = data.draw(st.integers(0, size - 1))
    tree = chain.Tree(leaves(300))
    proof = tree.inclusion_proof(index, size)
    assert proof == chain.inclusion_proof(leaves(size), index, size)
    assert chain.verify_inclusion(leaves(300)[index], index=index, size=size, proof=proof, root=tree.root(size))


@given(st.data())
def test_an_inclusion_proof_holds_for_nothing_else(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 40))
    index, other = data.draw(st.lists(st.integers(0, size - 1), min_size=2, max_size=2, unique=True))
    hashes = leaves(size)
    proof, root = chain.inclusion_proof(hashes, index, size), chain.tree_root(hashes)
    leaf = hashes[index]
    forged = list(proof)
    place = data.draw(st.integers(0, len(proof) - 1))
    forged[place] = bytes([forged[place][0] ^ 1]) + forged[place][1:]
    assert not chain.verify_inclusion(hashes[other], index=index, size=size, proof=proof, root=root)
    assert not chain.verify_inclusion(leaf, index=other, size=size, proof=proof, root=root)
    assert not chain.verify_inclusion(leaf, index=index, size=size, proof=forged, root=root)
    assert not chain.verify_inclusion(leaf, index=index, size=size, proof=proof[:-1], root=root)
    assert not chain.verify_inclusion(leaf, index=index, size=size, proof=[*proof, root], root=root)
    assert not chain.verify_inclusion(leaf, index=index, size=size, proof=proof, root=leaf)


def test_a_step_that_is_no_hash_is_refused_even_where_the_bytes_would_add_up() -> None:
    hashes = leaves(2)
    joined = hashes[0] + hashes[1]
    root = chain.tree_root(hashes)
    assert not chain.verify_inclusion(joined[:31], index=0, size=2, proof=[joined[31:]], root=root)


def test_a_proof_longer_than_its_size_allows_is_refused_even_where_it_leads_to_the_root() -> None:
    proof = chain.inclusion_proof(LEAVES, 0, 8)
    root = chain.tree_root(LEAVES)
    assert chain.verify_inclusion(LEAVES[0], index=0, size=8, proof=proof, root=root)
    for size in (1, 2, 4, 9):
        assert not chain.verify_inclusion(LEAVES[0], index=0, size=size, proof=proof, root=root)
    left = chain.tree_root(LEAVES[:2])
    extra = chain.node_hash(LEAVES[7], left)
    assert not chain.verify_inclusion(LEAVES[0], index=0, size=2, proof=[LEAVES[1], LEAVES[7]], root=extra)


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0), (0, 9), (0, -1)])
def test_a_proof_for_what_the_tree_does_not_hold_is_refused(index: int, size: int) -> None:
    with pytest.raises(chain.NotInTree):
        chain.Tree(LEAVES).inclusion_proof(index, size)
    assert not chain.verify_inclusion(LEAVES[0], index=index, size=size, proof=[], root=LEAVES[0])


# consistency


@pytest.mark.parametrize(("asked", "expected"), CONSISTENCY_VECTORS.items())
def test_a_consistency_proof_is_the_one_of_the_known_vectors(asked: tuple[int, int], expected: list[str]) -> None:
    assert [step.hex() for step in chain.consistency_proof(LEAVES, *asked)] == expected


@given(SIZES, SIZES)
def test_every_later_tree_is_proved_to_extend_every_earlier_one(one: int, two: int) -> None:
    old_size, size = sorted((one, two))
    tree = chain.Tree(leaves(300))
    proof = tree.consistency_proof(old_size, size)
    assert proof == chain.consistency_proof(leaves(size), old_size, size)
    old_root, root = tree.root(old_size), tree.root(size)
    assert chain.verify_consistency(old_size=old_size, size=size, old_root=old_root, root=root, proof=proof)


@given(st.data())
def test_a_log_that_was_rewritten_cannot_be_proved_consistent(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 60))
    old_size = data.draw(st.integers(1, size))
    hashes = leaves(size)
    changed = data.draw(st.integers(0, old_size - 1))
    old_root = chain.tree_root(hashes[:old_size])
    rewritten = [*hashes[:changed], chain.leaf_hash(b"rewritten"), *hashes[changed + 1 :]]
    for proof in (chain.consistency_proof(rewritten, old_size, size), chain.consistency_proof(hashes, old_size, size)):
        root = chain.tree_root(rewritten)
        assert not chain.verify_consistency(old_size=old_size, size=size, old_root=old_root, root=root, proof=proof)


@given(st.data())
def test_a_consistency_proof_with_a_step_less_or_more_or_other_is_refused(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 60))
    old_size = data.draw(st.integers(1, size - 1))
    hashes = leaves(size)
    proof = chain.consistency_proof(hashes, old_size, size)
    place = data.draw(st.integers(0, len(proof) - 1))
    other = [*proof[:place], proof[place][::-1], *proof[place + 1 :]]
    roots = {"old_root": chain.tree_root(hashes[:old_size]), "root": chain.tree_root(hashes)}
    for forged in (proof[:-1], proof[1:], [*proof, proof[0]], other, [*proof[:-1], proof[-1][:31]], []):
        assert not chain.verify_consistency(old_size=old_size, size=size, proof=forged, **roots)


@pytest.mark.parametrize(("old_size", "size"), [(-1, 3), (4, 3), (2, 9)])
def test_a_consistency_proof_between_trees_that_are_not_there_is_refused(old_size: int, size: int) -> None:
    with pytest.raises(chain.NotInTree):
        chain.Tree(LEAVES).consistency_proof(old_size, size)


def test_an_older_tree_is_never_larger_than_the_newer() -> None:
    roots = {"old_root": chain.tree_root(LEAVES[:4]), "root": chain.tree_root(LEAVES[:3])}
    assert not chain.verify_consistency(old_size=4, size=3, proof=[], **roots)


# the domains of the hashes


def test_a_leaf_and_a_node_of_the_same_bytes_never_share_a_hash() -> None:
    left, right = b"l" * 32, b"r" * 32
    assert chain.leaf_hash(left + right) != chain.node_hash(left, right)


# size


def test_a_hundred_thousand_leaves_give_ten_thousand_proofs_in_seconds() -> None:
    count = 100_000
    hashes = leaves(count)
    started = time.perf_counter()
    tree = chain.Tree(hashes)
    root = tree.root()
    for index in range(0, count, 10):
        proof = tree.inclusion_proof(index)
        assert len(proof) <= 17
        assert chain.verify_inclusion(hashes[index], index=index, size=count, proof=proof, root=root)
    assert time.perf_counter() - started < 10
