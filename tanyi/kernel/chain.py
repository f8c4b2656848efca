"""What binds a log to its past: the Merkle tree of RFC 9162 §2.1, whose leaf hashes also link entry to entry.

Each entry names the leaf hash of the one before it, so an edit breaks everything after it. The tree lets a third party
who holds one signed root check that an entry is in the log (inclusion) or that a later log only added to an
earlier one (consistency), in a few dozen hashes and without seeing the other entries. A leaf is SHA-256(0x00 ‖ entry),
a node SHA-256(0x01 ‖ left ‖ right): neither can be passed off as the other.
Hashes are 32 raw bytes; leaves count from 0. Nothing here knows what an entry means.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce

from tanyi.kernel.errors import N_, NotFound

EMPTY_ROOT = hashlib.sha256(b"").digest()  # RFC 9162 §2.1.1: the root of a tree without leaves


class NotInTree(NotFound):
    """A proof was asked for a leaf or a size that the tree does not have."""

    code = "not_in_tree"
    message = N_("The log has %(size)s entries; there is no proof for %(wanted)s.")


def leaf_hash(entry: bytes) -> bytes:
    """The leaf of an entry (RFC 9162 §2.1.1)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The node above two roots (RFC 9162 §2.1.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True)
class Frontier:
    """All that must be kept to go on appending: the roots of the full subtrees, largest first.

    There is one subtree for each 1 in the binary form of `size`, so a checkpoint over n entries costs log n hashes.
    """

    size: int = 0
    subtrees: tuple[bytes, ...] = ()

    def append(self, leaf: bytes) -> Frontier:
        """The frontier with one more leaf hash. Equal subtrees are merged, as a carry runs in binary addition."""
        subtrees, carries = self.subtrees, self.size
        while carries & 1:
            leaf, subtrees, carries = node_hash(subtrees[-1], leaf), subtrees[:-1], carries >> 1
        return Frontier(self.size + 1, (*subtrees, leaf))

    def extend(self, leaf_hashes: Iterable[bytes]) -> Frontier:
        return reduce(Frontier.append, leaf_hashes, self)

    def root(self) -> bytes:
        if not self.subtrees:
            return EMPTY_ROOT
        *larger, smallest = self.subtrees
        return reduce(lambda right, left: node_hash(left, right), reversed(larger), smallest)


class Tree:
    """A tree that keeps the root of every full subtree, so that each of many proofs costs log n look-ups.

    `size` in the methods asks about the tree as it was after that many leaves; without it, about the whole tree.
    """

    def __init__(self, leaf_hashes: Iterable[bytes] = ()) -> None:
        self._levels: list[list[bytes]] = [
            []
        ]  # level k, place i: the full subtree over leaves [i * 2^k, (i + 1) * 2^k)
        for leaf in leaf_hashes:
            self.append(leaf)

    @property
    def size(self) -> int:
        return len(self._levels[0])

    def append(self, leaf: bytes) -> None:
        for level in self._levels:
            level.append(leaf)
            if len(level) % 2:
                return
            leaf = node_hash(level[-2], level[-1])
        self._levels.append([leaf])

    def root(self, size: int | None = None) -> bytes:
        size = self._known(size)
        return self._over(0, size) if size else EMPTY_ROOT

    def inclusion_proof(self, index: int, size: int | None = None) -> list[bytes]:
        """PATH of RFC 9162 §2.1.3.1: the sibling roots from the leaf up. Refuses `NotInTree`."""
        size = self._known(size)
        if not 0 <= index < size:
            raise NotInTree(size=size, wanted=index)
        _, _, siblings = self._descend(index, size, until_end=None)
        return siblings[::-1]

    def consistency_proof(self, old_size: int, size: int | None = None) -> list[bytes]:
        """PROOF of RFC 9162 §2.1.4.1: that the first `old_size` leaves are still the first. Refuses `NotInTree`."""
        size = self._known(size)
        if not 0 <= old_size <= size:
            raise NotInTree(size=size, wanted=old_size)
        if old_size in (0, size):
            return []
        start, end, siblings = self._descend(old_size - 1, size, until_end=old_size)
        if start:  # with start = 0 the verifier already holds this subtree: it is the old root
            siblings.append(self._over(start, end))
        return siblings[::-1]

    def _descend(self, index: int, size: int, *, until_end: int | None) -> tuple[int, int, list[bytes]]:
        """From the root to the leaf, or to the first subtree that ends there: its bounds and the siblings passed."""
        siblings, start, end = [], 0, size
        while end - start > 1 and end != until_end:
            middle = start + _left_width(end - start)
            if index < middle:
                siblings.append(self._over(middle, end))
                end = middle
            else:
                siblings.append(self._over(start, middle))
                start = middle
        return start, end, siblings

    def _known(self, size: int | None) -> int:
        if size is None:
            return self.size
        if not 0 <= size <= self.size:
            raise NotInTree(size=self.size, wanted=size)
        return size

    def _over(self, start: int, end: int) -> bytes:
        """Root over leaves [start, end), where start is where the tree's own splits put it."""
        width = end - start
        if width & (width - 1) == 0:
            return self._levels[width.bit_length() - 1][start // width]
        middle = start + _left_width(width)
        return node_hash(self._over(start, middle), self._over(middle, end))


def tree_root(leaf_hashes: Iterable[bytes]) -> bytes:
    """MTH of RFC 9162 §2.1.1, without keeping the leaves."""
    return Frontier().extend(leaf_hashes).root()


def inclusion_proof(leaf_hashes: Sequence[bytes], index: int, size: int) -> list[bytes]:
    """One proof from scratch; for many of one tree keep a `Tree`."""
    return Tree(leaf_hashes).inclusion_proof(index, size)


def consistency_proof(leaf_hashes: Sequence[bytes], old_size: int, size: int) -> list[bytes]:
    """One proof from scratch; for many of one tree keep a `Tree`."""
    return Tree(leaf_hashes).consistency_proof(old_size, size)


def verify_inclusion(leaf: bytes, *, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the proof leads from this leaf hash at this index to the root of `size` leaves (RFC 9162 §2.1.3.2)."""
    if not 0 <= index < size:
        return False
    found = _climb(index, size - 1, [leaf, *proof])
    return found is not None and found[1] == root


def verify_consistency(*, old_size: int, size: int, old_root: bytes, root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the log of `size` leaves begins with the log of `old_size` leaves (RFC 9162 §2.1.4.2)."""
    if not 0 <= old_size <= size:
        return False
    if old_size == size:
        return not proof and old_root == root
    if not old_size:
        return not proof and old_root == EMPTY_ROOT
    path = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    place, last = old_size - 1, size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    return bool(path) and _climb(place, last, path) == (old_root, root)


def _climb(place: int, last: int, path: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """From `path[0]` at this place upwards: the root over what lies left of it and itself, and the root of all.

    None when the path has a wrong length for a level whose last node is `last`, or holds what is no hash.
    """
    if any(len(step) != 32 for step in path):
        return None
    left = found = path[0]
    for step in path[1:]:
        if not last:
            return None
        if place & 1 or place == last:
            left, found = node_hash(step, left), node_hash(step, found)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, step)
        place, last = place >> 1, last >> 1
    return None if last else (left, found)


def _left_width(width: int) -> int:
    """The largest power of two smaller than `width`: where RFC 9162 splits a tree of that many leaves."""
    return 1 << ((width - 1).bit_length() - 1)
