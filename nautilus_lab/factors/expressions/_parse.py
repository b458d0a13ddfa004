"""From a text to a checked tree. Nothing of it is run by Python."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache

from nautilus_lab.exceptions import InputError
from nautilus_lab.factors.expressions._operator import Argument, Family, Kind, Operator
from nautilus_lab.factors.expressions._operators import OPERATORS
from nautilus_lab.factors.expressions._tokens import WORDS, Token, fault, tokens
from nautilus_lab.factors.expressions._tree import (
    BINDING,
    COMPARISON,
    NOT,
    POWER,
    SIGN,
    TERNARY,
    Constant,
    Expression,
    Field,
    Node,
    call_node,
    constant_node,
    field_node,
)

LONGEST_TEXT = 10_000
DEEPEST = 60

BAR_FIELDS = (
    "open",
    "high",
    "low",
    "close",
    "volume",
    "vwap",
    "returns",
    "sector",
    "industry",
    "subindustry",
)

# sign between two -> operator
_BETWEEN = {
    "or": "or",
    "and": "and",
    "<": "less",
    "<=": "less_equal",
    ">": "less",
    ">=": "less_equal",
    "==": "equal",
    "!=": "not_equal",
    "+": "add",
    "-": "subtract",
    "*": "multiply",
    "/": "divide",
    "**": "power",
}
_TURNED = frozenset((">", ">="))  # a > b is b < a


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How another language writes the same expressions.

    Attributes
    ----------
    operator : callable
        The name of an operator here, from a name there and its arguments.
    field : callable
        What a name there stands for, an expression of this language, or nothing.
    whole : callable
        The window here, from the number there.
    """

    operator: Callable[[str, tuple[Node, ...]], str]
    field: Callable[[str], str | None]
    whole: Callable[[float], float]


OWN = Dialect(
    operator=lambda name, arguments: name, field=lambda name: None, whole=lambda number: number
)


def parse(
    text: str,
    *,
    fields: Collection[str] = BAR_FIELDS,
    definitions: Mapping[str, str] | None = None,
) -> Expression:
    """Read an expression, check it, and return its tree.

    Operators are called, ``ts_mean(close, 20)``, or written between: ``+ - * / ** < <= > >= == !=
    and or not``, binding as in Python. ``p ? a : b`` is ``where(p, a, b)``, ``^`` is ``**``, ``||``
    and ``&&`` are ``or`` and ``and``. See ``OPERATORS.table()``.

    Parameters
    ----------
    text : str
        The expression, of at most 10,000 characters and 60 levels.
    fields : collection of str
        The names that may stand for data.
    definitions : mapping of str to str, optional
        Names that stand for expressions, which may use one another.

    Returns
    -------
    Expression

    Raises
    ------
    InputError
        Names the word and its column: an unknown name or operator (with those that are near), a
        wrong number or kind of arguments, a window that is not a whole number of rows, an
        expression that is too long or too deep, a definition that leads back to itself.

    Examples
    --------
    >>> momentum = parse("rank(ts_mean(returns, 20)) / ts_std(close, 60)")
    >>> momentum.fields, momentum.warm_up
    (('close', 'returns'), 59)
    >>> parse("close>open") == parse("open < close")
    True
    >>> parse("ts_maen(close, 5)")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    nautilus_lab.exceptions.InputError: ...'ts_maen' at column 1 ...; did you mean ts_mean...
    """
    return Expression(_Reader(fields, definitions or {}, OWN).read(text))


@lru_cache(maxsize=4_096)  # factors that differ in their universe only come one after the other
def canonical(text: str) -> str:
    """Return the canonical text of an expression, whatever fields it names."""
    names = {token.text for token in tokens(text) if token.kind == "name"}
    return parse(text, fields=names - set(OPERATORS)).text


def parse_dialect(text: str, dialect: Dialect, fields: Collection[str]) -> Expression:
    """Read an expression of another language; see `parse`."""
    return Expression(_Reader(fields, {}, dialect).read(text))


class _Reader:
    """What texts may name, and the definitions read so far."""

    def __init__(
        self, fields: Collection[str], definitions: Mapping[str, str], dialect: Dialect
    ) -> None:
        self.fields = frozenset(fields)
        self.definitions = definitions
        self.dialect = dialect
        self._read: dict[str, Node] = {}
        self._open: list[str] = []  # definitions that are being read, outermost first
        self.level = 0  # of all that are being read
        for kind, names in (("field", self.fields), ("definition", definitions)):
            for name in names:
                if not str(name).isidentifier() or name in OPERATORS or name in WORDS:
                    raise InputError(f"a {kind} has a name of its own", value=name)
        both = sorted(self.fields & set(definitions))
        if both:
            raise InputError("a name is a field or a definition", value=", ".join(both))

    def read(self, text: str) -> Node:
        node = self._text(text).whole()
        if isinstance(node, Constant):
            raise InputError("an expression must read a field", value=text)
        return node

    def defined(self, name: str, token: Token, text: str) -> Node:
        """Return what a definition stands for."""
        if name in self._open:
            way = " -> ".join([*self._open[self._open.index(name) :], name])
            raise InputError("a definition must not lead back to itself", value=way)
        if name not in self._read:
            self._open.append(name)
            self._read[name] = self._text(self.definitions[name]).whole()
            self._open.pop()
        return self._read[name]

    def _text(self, text: str) -> _Text:
        if not isinstance(text, str):
            raise InputError("an expression must be a text", value=text)
        if len(text) > LONGEST_TEXT:
            raise InputError(
                f"an expression has at most {LONGEST_TEXT:,} characters", value=len(text)
            )
        return _Text(text, self)

    def unknown(self, token: Token, text: str) -> InputError:
        known = sorted(self.fields | set(self.definitions))
        near = get_close_matches(token.text, known, 3, 0.6)
        remedy = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}"
        if token.text in OPERATORS:
            remedy = f"{token.text} is an operator: {OPERATORS[token.text].call}"
        return fault(
            "a name must be a field or a definition", text, token.column, token.text, remedy
        )


class _Text:
    """One text on its way to a tree: a parser after Pratt (1973)."""

    def __init__(self, text: str, reader: _Reader) -> None:
        self.text = text
        self.reader = reader
        self.tokens = tokens(text)
        self.at = 0
        self.level = 0

    def whole(self) -> Node:
        if self.tokens[0].kind == "end":
            raise InputError("an expression must not be empty", value=self.text)
        node = self._expression(TERNARY)
        if self._now.kind != "end":
            raise self._fault("here the expression should end, or a sign should follow", self._now)
        return node

    @property
    def _now(self) -> Token:
        return self.tokens[self.at]

    def _next(self) -> Token:
        token = self.tokens[self.at]
        self.at += 1
        return token

    def _expect(self, sign: str, rule: str) -> Token:
        if self._now.text != sign or self._now.kind != "sign":
            raise self._fault(rule, self._now)
        return self._next()

    def _fault(self, rule: str, token: Token, remedy: str = "") -> InputError:
        return fault(rule, self.text, token.column, token.text, remedy)

    def _expression(self, least: int) -> Node:
        """Read on as long as signs bind at least as tightly as `least`."""
        self.level += 1
        self.reader.level += 1
        if self.level > DEEPEST or self.reader.level > 2 * DEEPEST:
            raise self._fault(f"an expression has at most {DEEPEST} levels", self._now)
        left = self._beginning()
        while self._now.kind == "sign":
            token = self._now
            if token.text == "?" and least <= TERNARY:
                left = self._choice(left)
                continue
            if token.text not in _BETWEEN:
                break
            binding = BINDING[_BETWEEN[token.text]]
            if binding < least:
                break
            self._next()
            # powers group to the right, all others to the left
            right = self._expression(binding if binding == POWER else binding + 1)
            pair = (right, left) if token.text in _TURNED else (left, right)
            left = self._call(_BETWEEN[token.text], pair, token)
            after = self._now
            if binding == COMPARISON and _BETWEEN.get(after.text) in BINDING:
                again = BINDING[_BETWEEN[after.text]]
                if again == COMPARISON and after.kind == "sign":
                    raise self._fault("comparisons do not chain", after, "join two by and")
        self.level -= 1
        self.reader.level -= 1
        return left

    def _choice(self, condition: Node) -> Node:
        token = self._next()
        taken = self._expression(TERNARY)
        self._expect(":", "p ? a : b needs its other side")
        return self._call("where", (condition, taken, self._expression(TERNARY)), token)

    def _beginning(self) -> Node:
        token = self._next()
        if token.kind == "number":
            value = float(token.text)
            if not math.isfinite(value):
                raise self._fault("a number must be finite", token)
            return constant_node(value)
        if token.kind == "name":
            called = self._now.kind == "sign" and self._now.text == "("
            return self._called(token) if called else self._named(token)
        if token.text == "(":
            node = self._expression(TERNARY)
            self._expect(")", "a bracket must be closed")
            return node
        if token.text == "-":
            return self._call("negate", (self._expression(SIGN),), token)
        if token.text == "+":
            return self._expression(SIGN)
        if token.text == "not":
            return self._call("not", (self._expression(NOT),), token)
        raise self._fault("a number, a name or a bracket should begin here", token)

    def _named(self, token: Token) -> Node:
        reader = self.reader
        if token.text in reader.fields:
            return field_node(token.text)
        if token.text in reader.definitions:
            return reader.defined(token.text, token, self.text)
        stands_for = reader.dialect.field(token.text)
        if stands_for is None:
            raise reader.unknown(token, self.text)
        return _Reader(reader.fields, {}, OWN).read(stands_for)

    def _called(self, token: Token) -> Node:
        self._next()
        arguments: list[Node] = []
        places: list[Token] = []
        if not (self._now.kind == "sign" and self._now.text == ")"):
            while True:
                places.append(self._now)
                arguments.append(self._expression(TERNARY))
                if self._now.text != ",":
                    break
                self._next()
        self._expect(")", f"the arguments of {token.text} must be closed")
        name = self.reader.dialect.operator(token.text, tuple(arguments))
        if name not in OPERATORS:
            raise self._fault("an operator must be in the table", token, OPERATORS.near(name))
        return self._call(name, tuple(arguments), token, places)

    def _call(
        self, name: str, given: tuple[Node, ...], token: Token, places: list[Token] | None = None
    ) -> Node:
        operator = OPERATORS[name]
        least, most = operator.arity
        if not least <= len(given) <= most:
            count = f"{least}" if least == most else f"{least} to {most}"
            raise self._fault(f"{operator.call} takes {count} arguments, not {len(given)}", token)
        arguments: list[Node] = []
        for number, place in enumerate(operator.arguments):
            if number >= len(given):
                arguments.append(constant_node(float(place.default or 0)))
                continue
            where = places[number] if places else token
            arguments.append(self._checked(operator, place, given[number], where))
        if all(isinstance(node, Constant) for node in arguments):
            return self._folded(operator, arguments, token)
        node = call_node(operator, tuple(arguments))
        if node.depth > DEEPEST:
            raise self._fault(f"an expression has at most {DEEPEST} levels", token)
        if len(node.text) > LONGEST_TEXT:
            raise self._fault(
                f"an expression, written out, has at most {LONGEST_TEXT:,} characters", token
            )
        return node

    def _checked(self, operator: Operator, place: Argument, node: Node, where: Token) -> Node:
        """Return an argument that may stand at its place."""
        what = f"{place.name} of {operator.call}"
        if place.kind is Kind.NUMBERS:
            if isinstance(node, Constant) and operator.family is not Family.ELEMENTWISE:
                raise self._fault(f"{what} must read a field, not a number", where)
            return node
        if place.kind is Kind.CONDITION:
            if node.kind is not Kind.CONDITION:
                remedy = f"compare it: {node.text} > 0"
                raise self._fault(f"{what} must be a condition", where, remedy)
            return node
        if place.kind is Kind.GROUP:
            if not isinstance(node, Field):
                raise self._fault(f"{what} must be a field of labels", where)
            return node
        if not isinstance(node, Constant):
            raise self._fault(f"{what} must be a number", where)
        value = node.value
        if place.kind is Kind.WINDOW:
            value = self.reader.dialect.whole(value)
        whole = place.kind in (Kind.WINDOW, Kind.WHOLE)
        if not place.least <= value <= place.most or (whole and value != int(value)):
            number = "a whole number" if whole else "a number"
            bounds = f" from {place.least:g}" if place.least != -math.inf else ""
            bounds += f" to {place.most:g}" if place.most != math.inf else ""
            raise self._fault(f"{what} must be {number}{bounds}", where)
        return constant_node(value)

    def _folded(self, operator: Operator, arguments: list[Node], token: Token) -> Node:
        """Return the number that an operator gives of numbers."""
        import numpy as np

        out = np.empty(1)
        values = [np.array([node.value]) for node in arguments if isinstance(node, Constant)]
        with np.errstate(all="ignore"):
            operator.function(*values, out=out)
        if not np.isfinite(out[0]):
            raise self._fault(f"{operator.call} of these numbers is not a number", token)
        return constant_node(float(out[0]))
