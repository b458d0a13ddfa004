"""The library's own list of the words of business prose, by what they tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import TypeAlias

from nautilus_lab.exceptions import InputError

CATEGORIES = ("negative", "positive", "uncertainty", "litigious", "constraining", "weak_modal")

# word -> the classes it stands in
FinanceWords: TypeAlias = Mapping[str, frozenset[str]]


@cache
def finance_words() -> FinanceWords:
    """Return the words that come with the library; ``finance_words.txt`` tells where they are from.

    Examples
    --------
    >>> sorted(finance_words()["prosecution"])
    ['litigious', 'negative']
    >>> "liability" in finance_words()
    False
    """
    from importlib.resources import files

    text = files(__package__).joinpath("finance_words.txt").read_text("utf-8")
    return read_finance_words(text.splitlines())


def read_finance_words(lines: Iterable[str]) -> FinanceWords:
    """Return the words of a list of one's own, in the form of ``finance_words.txt``.

    Parameters
    ----------
    lines : iterable of str
        ``[class]``, one of `CATEGORIES`, and below it words in lower case; ``#`` begins a comment.

    Raises
    ------
    InputError
        When a class is unknown, a word stands before any, or one is not in lower case.
    """
    found: dict[str, set[str]] = {}
    category = ""
    for number, line in enumerate(lines, 1):
        told = line.partition("#")[0].strip()
        if told.startswith("["):
            category = told.strip("[]")
            if category not in CATEGORIES:
                raise InputError(
                    f"a class of words must be one of {', '.join(CATEGORIES)}",
                    value=f"line {number}: {told}",
                )
            continue
        for word in told.split():
            if not category or word != word.lower():
                raise InputError(
                    "a word must be in lower case, below the name of its class",
                    value=f"line {number}: {word}",
                )
            found.setdefault(word, set()).add(category)
    return MappingProxyType({word: frozenset(classes) for word, classes in found.items()})
