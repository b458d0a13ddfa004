"""The Merkle tree of RFC 6962, by its public vectors and by its definition."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nautilus_lab.exceptions import InputError
from nautilus_lab.platform.audit import MerkleTree, leaf_hash

# The test vectors of Certificate Transparency: eight leaves, and the root for each size.
LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def by_definition(hashes):
    """Section 2.1, word for word: split at the largest power of two below the size."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    left, right = by_definition(hashes[:split]), by_definition(hashes[split:])
    return hashlib.sha256(b"\x01" + left + right).digest()


@pytest.mark.parametrize("size", range(9))
def test_the_public_vectors_are_reproduced(size):
    tree = MerkleTree()
    for leaf in LEAVES[:size]:
        tree.add(leaf_hash(leaf))
    assert (tree.size, tree.root.hex()) == (size, ROOTS[size])


@given(st.lists(st.binary(max_size=8), max_size=70))
def test_every_size_has_the_root_of_the_definition(leaves):
    hashes = [hashlib.sha256(b"\x00" + leaf).digest() for leaf in leaves]
    one_by_one, at_once = MerkleTree(), MerkleTree()
    for leaf in hashes:
        one_by_one.add(leaf)
    at_once.extend(hashes)
    assert one_by_one.root == at_once.root == by_definition(hashes)
    assert one_by_one.peaks == at_once.peaks


@given(st.integers(0, 60), st.integers(0, 60))
def test_a_tree_goes_on_from_its_peaks(before, after):
    hashes = [leaf_hash(bytes([n])) for n in range(before + after)]
    first = MerkleTree()
    first.extend(hashes[:before])
    rest = MerkleTree(first.size, first.peaks)
    rest.extend(hashes[before:])
    assert (rest.size, rest.root) == (before + after, by_definition(hashes))


@pytest.mark.parametrize(
    ("size", "peaks"), [(1, []), (0, [bytes(32)]), (3, [bytes(32)]), (1, [bytes(31)]), (-1, [])]
)
def test_peaks_that_make_up_no_tree_are_refused(size, peaks):
    with pytest.raises(InputError, match="one peak of 32 bytes"):
        MerkleTree(size, peaks)
