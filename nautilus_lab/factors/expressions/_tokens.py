"""The words of an expression and where they stand."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nautilus_lab.exceptions import InputError

# a shorter sign must not hide a longer one that begins alike
_WORD = re.compile(
    r"(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<sign>\*\*|<=|>=|==|!=|\|\||&&|[-+*/^<>(),?:])"
)
_SPACE = re.compile(r"\s*")

# other spellings -> ours
_SPELLINGS = {"^": "**", "||": "or", "&&": "and"}
WORDS = frozenset(("and", "or", "not"))


@dataclass(frozen=True)
class Token:
    """A word: a number, a name, a sign, or the end.

    Attributes
    ----------
    kind : str
        ``"number"``, ``"name"``, ``"sign"`` or ``"end"``.
    text : str
        The word.
    column : int
        Where it begins, from 1.
    """

    kind: str
    text: str
    column: int


def tokens(text: str) -> list[Token]:
    """Return the words of a text, the end as the last.

    Raises
    ------
    InputError
        When there is a character that no word begins with, or a number runs into a name.
    """
    found = []
    at = _after_space(text, 0)
    while at < len(text):
        match = _WORD.match(text, at)
        if match is None:
            raise fault("an expression is of numbers, names and signs", text, at + 1, text[at])
        kind, word = str(match.lastgroup), match.group()
        word = _SPELLINGS.get(word, word)
        found.append(Token("sign" if word in WORDS else kind, word, at + 1))
        end = match.end()
        if kind == "number" and end < len(text) and (text[end].isalnum() or text[end] in "._"):
            raise fault("a number must end before a name begins", text, at + 1, match.group())
        at = _after_space(text, end)
    found.append(Token("end", "", len(text) + 1))
    return found


def _after_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def fault(rule: str, text: str, column: int, word: str = "", remedy: str = "") -> InputError:
    """Return an error that says which word at which column of which text breaks the rule."""
    around = text if len(text) <= 80 else f"...{text[max(column - 41, 0) : column + 39]}..."
    what = repr(word) if word else "the end"
    return InputError(rule, value=f"{what} at column {column} of {around!r}", remedy=remedy)
