"""Merkle trees: against the vectors of RFC 6962's reference code, and a tree made the plain way."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.events.merkle import (
    EMPTY_ROOT,
    CompactRange,
    PathFinder,
    leaf_hash,
    node_hash,
    root_of_path,
    subtree_sizes,
)

# The inputs and roots of the tests of google/certificate-transparency, for trees of 1 to 8 leaves.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
SIZES = st.integers(1, 200)


def entries(count: int) -> list[bytes]:
    """Different ones."""
    return [hashlib.sha256(b"%d" % number).digest() for number in range(count)]


def plain_root(leaves: list[bytes]) -> bytes:
    """RFC 9162, 2.1.1, as it is written there."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return node_hash(plain_root(leaves[:split]), plain_root(leaves[split:]))


def plain_path(index: int, leaves: list[bytes]) -> list[bytes]:
    """RFC 9162, 2.1.3.1, as it is written there."""
    if len(leaves) == 1:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if index < split:
        return [*plain_path(index, leaves[:split]), plain_root(leaves[split:])]
    return [*plain_path(index - split, leaves[split:]), plain_root(leaves[:split])]


def ranged(begin: int, leaves: list[bytes]) -> CompactRange:
    """The range of some leaves."""
    found = CompactRange(begin)
    for one in leaves:
        found.append(one)
    return found


def test_the_published_roots() -> None:
    """Trees of 0 to 8 leaves."""
    assert CompactRange().root() == EMPTY_ROOT == plain_root([])
    tree = CompactRange()
    for leaf, root in zip(LEAVES, ROOTS, strict=True):
        tree.append(leaf)
        assert tree.root().hex() == root


def test_published_audit_paths() -> None:
    """Of leaf 0 among 8, leaf 5 among 8, leaf 2 among 3 and leaf 1 among 5."""
    for index, size, path in (
        (0, 8, ["96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"]),
        (5, 8, ["bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"]),
        (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
        (1, 5, ["6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"]),
    ):  # fmt: skip
        finder = PathFinder(CompactRange())
        for at, leaf in enumerate(LEAVES[:size]):
            finder.append(leaf, wanted=at == index)
        found, found_size = finder.finish()
        assert ([one.hex() for one in found], found_size) == (path, size)
        root = root_of_path(LEAVES[index], index, size, found)
        assert root is not None
        assert root.hex() == ROOTS[size - 1]


@settings(max_examples=60)
@given(SIZES, st.data())
def test_any_leaf_of_any_tree_proves(size: int, data: st.DataObject) -> None:
    """Also where the way begins with a range instead of the leaves."""
    leaves = entries(size)
    index = data.draw(st.integers(0, size - 1))
    known = data.draw(st.integers(0, index))
    finder = PathFinder(ranged(0, leaves[:known]))
    for at in range(known, size):
        finder.append(leaves[at], wanted=at == index)
    path, _ = finder.finish()
    assert finder.index == index
    assert path == plain_path(index, leaves)
    assert root_of_path(leaves[index], index, size, path) == plain_root(leaves)


@settings(max_examples=60)
@given(SIZES, st.data())
def test_what_was_changed_does_not_prove(size: int, data: st.DataObject) -> None:
    """Another leaf, another place, another size, a shorter or longer or altered path."""
    leaves = entries(size)
    index = data.draw(st.integers(0, size - 1))
    path, root = plain_path(index, leaves), plain_root(leaves)
    assert root_of_path(b"other", index, size, path) != root
    other = data.draw(st.integers(-1, size + 1).filter(lambda one: one != index))
    assert root_of_path(leaves[index], other, size, path) != root
    assert root_of_path(leaves[index], index, size, [*path, root]) != root
    if path:
        assert root_of_path(leaves[index], index, size, path[:-1]) != root
        changed = list(path)
        changed[data.draw(st.integers(0, len(path) - 1))] = leaf_hash(b"other")
        assert root_of_path(leaves[index], index, size, changed) != root


@settings(max_examples=60)
@given(st.integers(0, 150), st.integers(0, 150), st.integers(0, 150))
def test_ranges_join(first: int, second: int, third: int) -> None:
    """Whatever is cut at two places is the same whole again, and no longer than need be."""
    leaves = entries(first + second + third)
    middle = first + second
    parts = (
        ranged(0, leaves[:first]), ranged(first, leaves[first:middle]),
        ranged(middle, leaves[middle:]),
    )  # fmt: skip
    joined = parts[0].followed_by(parts[1]).followed_by(parts[2])
    whole = ranged(0, leaves)
    assert (joined.begin, joined.end, joined.hashes) == (0, len(leaves), whole.hashes)
    assert whole.root() == plain_root(leaves)
    for part in parts:
        assert len(part.hashes) == len(subtree_sizes(part.begin, part.end))
        assert sum(subtree_sizes(part.begin, part.end)) == part.end - part.begin


def test_an_altered_history_does_not_join() -> None:
    """Whatever leaf of the first part differs."""
    leaves = entries(13)
    added = ranged(7, leaves[7:])
    root = plain_root(leaves)
    assert ranged(0, leaves[:7]).followed_by(added).root() == root
    for at in range(7):
        other = [*leaves[:at], b"x", *leaves[at + 1 : 7]]
        assert ranged(0, other).followed_by(added).root() != root


def test_what_is_no_range() -> None:
    """A number of hashes that does not fit, and parts that do not meet."""
    with pytest.raises(ValueError, match="no range"):
        CompactRange(0, 3, [b""])
    with pytest.raises(ValueError, match="no range"):
        CompactRange(3, 2)
    with pytest.raises(ValueError, match="does not follow"):
        CompactRange(0, 1, [b"x"]).followed_by(CompactRange(2, 3, [b"y"]))
