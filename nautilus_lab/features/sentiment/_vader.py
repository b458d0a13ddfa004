"""VADER's valence of a sentence: the package's own rules and lexicon, without its repeated work.

For each word that has a valence the package lowers all words of a text, four times, and builds its
list of negations anew. Its rules look at three words before and two after: they are handed no more.
A character is looked for among the emojis only where a text is not plain ASCII, and a sentence has
its first ones alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from vaderSentiment.vaderSentiment import (
    BOOSTER_DICT,
    NEGATE,
    SentimentIntensityAnalyzer,
    SentiText,
)

_BEFORE, _AFTER = 3, 3  # words that a rule looks at; the word itself is of those after
_USUAL = 2_000  # characters of a sentence that is worth remembering
# of a sentence; what the package does about "but" takes the square of the words
_MOST_EMOJIS = 150
_TURNS = frozenset(NEGATE) | {"so", "this"}  # "so" and "this" after "never" are praise to VADER


@dataclass(slots=True)
class _Near:
    """A word and those beside it, as the package hands a text on from rule to rule."""

    words_and_emoticons: list[str]
    is_cap_diff: bool


class _Analyzer(SentimentIntensityAnalyzer):  # type: ignore[misc]
    def polarity_scores(self, text: str) -> Any:
        text = (text if text.isascii() else self._in_words(text)).strip()
        read = SentiText(text)
        told: list[str] = read.words_and_emoticons
        lower = [word.lower() for word in told]
        valences: list[float] = []
        for at, word in enumerate(lower):
            if (
                word not in self.lexicon
                or word in BOOSTER_DICT
                or (word == "kind" and lower[at + 1 : at + 2] == ["of"])
            ):
                valences.append(0.0)
            else:
                near = _Near(told[max(0, at - _BEFORE) : at + _AFTER], read.is_cap_diff)
                place = min(at, _BEFORE)
                valences = self.sentiment_valence(0, near, told[at], place, valences)
        if "but" in lower:
            valences = self._but_check(told, valences)
        return self.score_valence(valences, text)

    def _in_words(self, text: str) -> str:
        """Put the description of an emoji in its place, a space before it."""
        told: list[str] = []
        space, left = True, _MOST_EMOJIS  # whether one stands before the next character
        for one in text:
            description = self.emojis.get(one) if left else None
            left -= description is not None
            if description is not None and not space:
                told.append(" ")
            told.append(one if description is None else description)
            space = description is None and one == " "
        return "".join(told)

    @staticmethod
    def _negation_check(valence: float, told: list[str], start: int, at: int) -> float:
        for word in told[:at]:
            lower = word.lower()
            if lower in _TURNS or "n't" in lower:
                found: float = SentimentIntensityAnalyzer._negation_check(valence, told, start, at)
                return found
        return valence


@cache
def _analyzer() -> Any:
    return _Analyzer()


def compound(sentence: str) -> float:
    """Return VADER's compound score of a sentence, in [-1, 1], to four decimals as it tells it.

    One of a usual length is remembered: newswires and filings repeat themselves.

    References
    ----------
    .. [1] Hutto, C. and Gilbert, E. (2014). VADER: a parsimonious rule-based model for sentiment
       analysis of social media text. ICWSM-14.
    """
    return _remembered(sentence) if len(sentence) <= _USUAL else _compound(sentence)


@lru_cache(maxsize=100_000)
def _remembered(sentence: str) -> float:
    return _compound(sentence)


def _compound(sentence: str) -> float:
    found: float = _analyzer().polarity_scores(sentence)["compound"]
    return found
