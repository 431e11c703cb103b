"""Merkle trees over the records of a partition: RFC 6962, section 2.1; RFC 9162, section 2.1.

The hash of a leaf is SHA-256(0x00 ‖ entry), that of a node SHA-256(0x01 ‖ left ‖ right), so that a
node can never pass for a leaf. An entry is the 32 bytes of a record's link (chain.py), which the
walk of a chain has at hand: the leaf stands for partition, offset, key and value.

No tree is held here, only its **compact range**: the few perfect subtrees that cover the leaves of
a range (the transparency-dev project, "Compact ranges"). Such a subtree never changes again when
leaves are added, and there is at most one for each binary digit of the range's ends.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """The hash of a leaf."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node above two others."""
    return sha256(b"\x01" + left + right).digest()


def subtree_sizes(begin: int, end: int) -> list[int]:
    """How many leaves lie under each subtree of the compact range from `begin` to before `end`.

    Each is a power of two, begins at a multiple of itself, and is the greatest that fits.
    """
    sizes = []
    while begin < end:
        size = 1 << (end - begin).bit_length() - 1
        if begin:
            size = min(size, begin & -begin)
        sizes.append(size)
        begin += size
    return sizes


class CompactRange:
    """The leaves from `begin` to before `end`, as the hashes of their subtrees, left to right."""

    __slots__ = ("begin", "end", "hashes")

    def __init__(
        self, begin: int = 0, end: int | None = None, hashes: Sequence[bytes] = ()
    ) -> None:
        """An empty range at `begin`, or one whose subtrees are known.

        Raises ValueError for a number of hashes that cannot be.
        """
        self.begin = begin
        self.end = begin if end is None else end
        self.hashes = list(hashes)
        if self.end < begin or len(self.hashes) != len(subtree_sizes(begin, self.end)):
            raise ValueError(f"{len(self.hashes)} hashes are no range of {begin} to {end}")

    def append(self, entry: bytes) -> None:
        """Put the entry of the next leaf behind the others."""
        node = sha256(b"\x00" + entry).digest()
        before, hashes = self.end, self.hashes
        self.end = end = before + 1
        size = 2
        # Whatever is complete together becomes one, unless it would reach out of the range.
        while before & 1 and end - size >= self.begin:
            node = sha256(b"\x01" + hashes.pop() + node).digest()
            before >>= 1
            size <<= 1
        hashes.append(node)

    def followed_by(self, other: "CompactRange") -> "CompactRange":
        """The range of this one and the one behind it. `begin` is 0 here.

        Raises ValueError if the two do not meet.
        """
        if self.begin != 0 or other.begin != self.end:
            raise ValueError(f"a range from {other.begin} does not follow one up to {self.end}")
        hashes, end = list(self.hashes), self.end
        for node, size in zip(other.hashes, subtree_sizes(other.begin, other.end), strict=True):
            end += size
            merged = node
            # A subtree that is complete on its left side, too, has a bit of its size in `end`
            # that is not set any more.
            while hashes and end & (2 * size - 1) == 0:
                merged = node_hash(hashes.pop(), merged)
                size *= 2
            hashes.append(merged)
        return CompactRange(0, end, hashes)

    def root(self) -> bytes:
        """The root of the tree over all leaves from 0 to `end`. `begin` is 0 here."""
        assert self.begin == 0
        if not self.hashes:
            return EMPTY_ROOT
        node = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            node = node_hash(left, node)
        return node


class PathFinder:
    """Finds the way from one leaf to the root while leaves are added; holds no tree.

    It may begin with the range of all leaves before it, which are then not needed.
    """

    def __init__(self, before: CompactRange) -> None:
        """`before` begins at 0, and the wanted leaf lies behind it."""
        self._hashes = list(before.hashes)
        self._end = before.end
        self._path: list[bytes] = []
        # Which of the hashes stands above the wanted leaf.
        self._above = -1
        self.index: int | None = None

    def append(self, entry: bytes, *, wanted: bool = False) -> None:
        """Put the entry of the next leaf behind the others; say so at the wanted one."""
        node, before, holds = leaf_hash(entry), self._end, wanted
        if wanted:
            self.index = before
        self._end += 1
        while before & 1:
            node, holds = self._merge(node, holds)
            before >>= 1
        if holds:
            self._above = len(self._hashes)
        self._hashes.append(node)

    def _merge(self, right: bytes, holds: bool) -> tuple[bytes, bool]:
        """The node above the last hash and `right`, and whether it stands above the leaf."""
        left = self._hashes.pop()
        if holds:
            self._path.append(left)
        elif self._above == len(self._hashes):
            self._path.append(right)
            holds = True
        return node_hash(left, right), holds

    def finish(self) -> tuple[list[bytes], int]:
        """The audit path, from the leaf upwards (RFC 9162, 2.1.3.1), and the size of the tree."""
        assert self.index is not None
        node = self._hashes.pop()
        holds = self._above == len(self._hashes)
        while self._hashes:
            node, holds = self._merge(node, holds)
        return self._path, self._end


def root_of_path(entry: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """The root to which an audit path leads, as RFC 9162, 2.1.3.2 computes it.

    None where a leaf of this index in a tree of this size cannot have such a path.
    """
    if not 0 <= index < size:
        return None
    node, at, last = leaf_hash(entry), index, size - 1
    for beside in path:
        if last == 0:
            return None
        if at & 1 or at == last:
            node = node_hash(beside, node)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            node = node_hash(node, beside)
        at, last = at >> 1, last >> 1
    return node if last == 0 else None
