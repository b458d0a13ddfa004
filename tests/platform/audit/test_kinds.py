"""The table of what is audited is that of the documentation, and says nothing twice."""

from pathlib import Path

import pytest

from nautilus_lab.platform.audit import GATEWAY, KINDS, NODE, OPERATORS, is_known, kinds_table

PAGE = Path(__file__).parents[3] / "docs" / "platform" / "audit.md"


def test_the_page_has_the_table_as_it_is():
    assert kinds_table() in PAGE.read_text("utf-8")


def test_each_kind_is_there_once():
    named = [one.kind for one in KINDS]
    assert len(named) == len(set(named))


@pytest.mark.parametrize(
    ("kind", "chain", "known"),
    [
        ("order.filled", NODE, True),
        ("order.filled", GATEWAY, False),
        ("strategy.loaded", NODE, True),
        ("strategy", NODE, False),
        ("audit.verified", OPERATORS, True),
        ("mischief", NODE, False),
    ],
)
def test_a_kind_belongs_to_a_chain(kind, chain, known):
    assert is_known(kind, chain) is known
