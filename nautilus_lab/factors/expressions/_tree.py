"""The checked, immutable tree of an expression, and its one canonical text."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from nautilus_lab.factors.expressions._operator import Family, Kind, Operator
from nautilus_lab.factors.expressions._operators import OPERATORS

# how tightly each sign binds; the same numbers in reading and in writing
TERNARY, OR, AND, NOT, COMPARISON, SUM, PRODUCT, SIGN, POWER, ATOM = range(1, 11)
BINDING = {
    "or": OR,
    "and": AND,
    "not": NOT,
    "less": COMPARISON,
    "less_equal": COMPARISON,
    "equal": COMPARISON,
    "not_equal": COMPARISON,
    "add": SUM,
    "subtract": SUM,
    "multiply": PRODUCT,
    "divide": PRODUCT,
    "negate": SIGN,
    "power": POWER,
}


@dataclass(frozen=True, eq=False, repr=False)
class Node:
    """A part of an expression; equal to another of the same canonical text.

    Attributes
    ----------
    text : str
        Canonical: read again, it gives this node.
    binding : int
        How tightly its outermost sign binds.
    kind : Kind
        What it gives.
    depth : int
        How many nodes lie on the longest way down, itself included.
    warm_up : int
        How many rows at the beginning have no value.
    lookback : int
        How many earlier rows a value depends on.
    fields : frozenset of str
        What it reads.
    compares : bool
        Whether a cross-sectional operator is in it, so that its values depend on the universe.
    """

    text: str
    binding: int = ATOM
    kind: Kind = Kind.NUMBERS
    depth: int = 1
    warm_up: int = 0
    lookback: int = 0
    fields: frozenset[str] = frozenset()
    compares: bool = False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Node) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.text!r})"


@dataclass(frozen=True, eq=False, repr=False)
class Field(Node):
    """A column of the data."""


@dataclass(frozen=True, eq=False, repr=False)
class Constant(Node):
    """A number."""

    value: float = 0.0


@dataclass(frozen=True, eq=False, repr=False)
class Call(Node):
    """An operator with its arguments."""

    operator: str = ""
    arguments: tuple[Node, ...] = ()


def field_node(name: str) -> Field:
    """Return a field."""
    return Field(text=name, fields=frozenset((name,)))


def constant_node(value: float) -> Constant:
    """Return a number."""
    value += 0.0  # -0.0 is 0
    whole = value == int(value) and abs(value) < 1e15
    text = str(int(value)) if whole else repr(float(value))
    # a negative one reads as a sign and a number
    return Constant(
        text=text, binding=SIGN if value < 0 else ATOM, kind=Kind.CONSTANT, value=float(value)
    )


def call_node(operator: Operator, arguments: tuple[Node, ...]) -> Call:
    """Return an operator with its arguments, in their order of the canonical text."""
    if operator.commutes:
        first, second = sorted(arguments[:2], key=lambda node: node.text)
        arguments = (first, second, *arguments[2:])
    window = _window(operator, arguments)
    return Call(
        text=_written(operator, arguments),
        binding=BINDING.get(operator.name, ATOM),
        kind=operator.returns,
        depth=1 + max(node.depth for node in arguments),
        warm_up=operator.rows_without_value(window) + max(node.warm_up for node in arguments),
        lookback=operator.lookback(window) + max(node.lookback for node in arguments),
        fields=frozenset().union(*(node.fields for node in arguments)),
        compares=operator.family is Family.CROSS_SECTIONAL
        or any(node.compares for node in arguments),
        operator=operator.name,
        arguments=arguments,
    )


def _window(operator: Operator, arguments: tuple[Node, ...]) -> int:
    for place, node in zip(operator.arguments, arguments, strict=True):
        if place.kind is Kind.WINDOW and isinstance(node, Constant):
            return int(node.value)
    return 1


def _written(operator: Operator, arguments: tuple[Node, ...]) -> str:
    if not operator.sign:
        return f"{operator.name}({', '.join(node.text for node in arguments)})"
    binding = BINDING[operator.name]
    if len(arguments) == 1:
        space = " " if operator.sign.isalpha() else ""
        return f"{operator.sign}{space}{_within(arguments[0], binding)}"
    left, right = arguments
    # sums and products group to the left, powers to the right, comparisons not at all
    least_left = binding if binding in (OR, AND, SUM, PRODUCT) else binding + 1
    least_right = binding if binding == POWER else binding + 1
    return f"{_within(left, least_left)} {operator.sign} {_within(right, least_right)}"


def _within(node: Node, least: int) -> str:
    return node.text if node.binding >= least else f"({node.text})"


@dataclass(frozen=True, repr=False)
class Expression:
    """A checked expression: what `parse` gives and `evaluate` takes.

    Two are equal when they say the same: ``"volume+ close"`` and ``"close + volume"``.

    Attributes
    ----------
    root : Node
        The tree.
    """

    root: Node = field(compare=True)

    @property
    def text(self) -> str:
        """The canonical text; it parses to an equal expression."""
        return self.root.text

    @cached_property
    def digest(self) -> str:
        """A hash of the canonical text, 32 hexadecimal digits, the same on every machine."""
        return hashlib.blake2b(self.text.encode(), digest_size=16).hexdigest()

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that it reads, sorted."""
        return tuple(sorted(self.root.fields))

    @property
    def warm_up(self) -> int:
        """How many rows at the beginning have no value."""
        return self.root.warm_up

    @property
    def lookback(self) -> int:
        """How many earlier rows a value depends on; of a fading average, until it has faded."""
        return self.root.lookback

    @property
    def depth(self) -> int:
        """How many operators and fields lie on the longest way down."""
        return self.root.depth

    @property
    def operators(self) -> tuple[str, ...]:
        """The names of the operators in it, sorted, each once."""
        return tuple(sorted({one.operator for one in walk(self.root) if isinstance(one, Call)}))

    @property
    def groups(self) -> frozenset[str]:
        """The fields that it reads as labels of groups."""
        return frozenset(node.text for kind, node in self._places() if kind is Kind.GROUP)

    @property
    def numbers(self) -> frozenset[str]:
        """The fields that it reads as numbers."""
        return frozenset(
            node.text
            for kind, node in self._places()
            if kind is not Kind.GROUP and isinstance(node, Field)
        )

    def _places(self) -> Iterator[tuple[Kind, Node]]:
        yield Kind.NUMBERS, self.root
        for node in walk(self.root):
            if isinstance(node, Call):
                for place, one in zip(
                    OPERATORS[node.operator].arguments, node.arguments, strict=True
                ):
                    yield place.kind, one

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"


def walk(root: Node) -> Iterator[Node]:
    """Yield every different node below and with `root`, arguments before what takes them."""
    seen: set[str] = set()

    def below(node: Node) -> Iterator[Node]:
        if node.text in seen:
            return
        seen.add(node.text)
        if isinstance(node, Call):
            for one in node.arguments:
                yield from below(one)
        yield node

    yield from below(root)
