"""The table of what is audited is that of the documentation, and says nothing twice."""

import ast
import re
from pathlib import Path

import pytest

import nautilus_lab
from nautilus_lab.platform.audit import GATEWAY, KINDS, NODE, OPERATORS, is_known, kinds_table

PAGE = Path(__file__).parents[3] / "docs" / "platform" / "audit.md"
PACKAGE = Path(nautilus_lab.__file__).parent


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


# --- what the package writes ----------------------------------------------------------------

_DOTTED = re.compile(r"[a-z]+\.[a-z_]*")
_NEAR = re.compile(r"audit|trail|_notes|keeper")


class Written(ast.NodeVisitor):
    """Finds the kinds that calls of whatever takes a `kind` say, literally or by a name.

    Parameters
    ----------
    takers : collection of str
        Functions whose first parameter is a `kind`.
    named : mapping of str to set of str
        Constant -> what it is, anywhere in the package.
    """

    def __init__(self, takers, named):
        self.found = set()
        self._takers = takers
        self._named = named
        self._local = {}

    def visit_FunctionDef(self, node):
        before, self._local = self._local, {}
        for one in ast.walk(node):
            if isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name):
                self._local.setdefault(one.targets[0].id, []).append(one.value)
        self.generic_visit(node)
        self._local = before

    def visit_AsyncFunctionDef(self, node):
        self.visit_FunctionDef(node)

    def visit_Call(self, node):
        self.generic_visit(node)
        said = [more.value for more in node.keywords if more.arg == "kind"]
        if name_of(node.func) in self._takers:
            said += node.args[:1]
        for one in said:
            self.found |= self._texts(one)

    def _texts(self, node):
        match node:
            case ast.Constant(value=str(text)):
                return {text} if _DOTTED.fullmatch(text) else set()
            case ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]):
                return {text} if _DOTTED.fullmatch(text) else set()
            case ast.IfExp(body=body, orelse=other):
                return self._texts(body) | self._texts(other)
            case ast.Name(id=name) if name in self._local:
                return set().union(*map(self._texts, self._local[name]))
            case ast.Name(id=name):
                return self._named.get(name, set())
        return set()


def name_of(function):
    return getattr(function, "attr", getattr(function, "id", ""))


def written():
    """The kinds of rows that the package writes, by its source."""
    texts = [path.read_text("utf-8") for path in PACKAGE.rglob("*.py")]
    trees = [ast.parse(text) for text in texts if _NEAR.search(text)]
    takers, named = {"audit", "_audit", "_audit_later"}, {}
    for tree in trees:
        for node in tree.body:
            if isinstance(node, ast.Assign):
                (target,), value = node.targets, node.value
                pairs = [(target, value)]
                if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                    pairs = zip(target.elts, value.elts, strict=True)
                for name, one in pairs:
                    if isinstance(one, ast.Constant) and _DOTTED.fullmatch(str(one.value)):
                        named.setdefault(name_of(name), set()).add(one.value)
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                asked = [one.arg for one in node.args.args if one.arg not in ("self", "cls")]
                if asked[:1] == ["kind"]:
                    takers.add(node.name)
    visitor = Written(takers, named)
    for tree in trees:
        visitor.visit(tree)
    return visitor.found


def test_every_kind_that_the_package_writes_is_in_the_table_and_the_other_way_round():
    kinds, found = {one.kind for one in KINDS}, written()
    families = tuple(kind.rstrip("*") for kind in kinds if kind.endswith("*"))
    # Some are put together from two words, as "lease." and what became of it.
    begun = {kind.partition(".")[0] + "." for kind in kinds}
    assert {one for one in found - kinds - begun if not one.startswith(families)} == set()
    for kind in kinds:
        together = kind.partition(".")[0] + "." in found
        several = kind.endswith("*") and any(one.startswith(kind[:-1]) for one in found)
        assert kind in found or together or several, kind
