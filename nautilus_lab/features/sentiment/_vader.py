"""VADER's valence of a sentence: the package's own rules and lexicon, without its repeated work.

For each word that has a valence the package lowers all words of a text, twice, and builds its list
of negations anew. Those rules look at three words before and two after: they are handed no more.
A character is looked for among the emojis only where a text is not plain ASCII.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

from vaderSentiment.vaderSentiment import (
    BOOSTER_DICT,
    NEGATE,
    SentimentIntensityAnalyzer,
    SentiText,
)

_TURNS = frozenset(NEGATE) | {"so", "this"}  # "so" and "this" after "never" are praise to VADER


class _Analyzer(SentimentIntensityAnalyzer):  # type: ignore[misc]
    def polarity_scores(self, text: str) -> Any:
        if not text.isascii():
            return super().polarity_scores(text)
        text = text.strip()
        read = SentiText(text)
        told: list[str] = read.words_and_emoticons
        lower = [word.lower() for word in told]
        valences: list[float] = []
        for at, word in enumerate(lower):
            kind_of = word == "kind" and lower[at + 1 : at + 2] == ["of"]
            if word in BOOSTER_DICT or kind_of or word not in self.lexicon:
                valences.append(0.0)
            else:
                valences = self.sentiment_valence(0, read, told[at], at, valences)
        return self.score_valence(self._but_check(told, valences), text)

    @staticmethod
    def _negation_check(valence: float, told: list[str], start: int, at: int) -> float:
        near = told[max(0, at - 3) : at + 1]
        for word in near[:-1]:
            lower = word.lower()
            if lower in _TURNS or "n't" in lower:
                found: float = SentimentIntensityAnalyzer._negation_check(
                    valence, near, start, len(near) - 1
                )
                return found
        return valence

    @staticmethod
    def _special_idioms_check(valence: float, told: list[str], at: int) -> float:
        near = told[at - 3 : at + 3]
        found: float = SentimentIntensityAnalyzer._special_idioms_check(valence, near, 3)
        return found


@cache
def _analyzer() -> Any:
    return _Analyzer()


@lru_cache(maxsize=100_000)
def compound(sentence: str) -> float:
    """Return VADER's compound score of a sentence, in [-1, 1], to four decimals as it tells it.

    A sentence that was scored is remembered: newswires and filings repeat themselves.

    References
    ----------
    .. [1] Hutto, C. and Gilbert, E. (2014). VADER: a parsimonious rule-based model for sentiment
       analysis of social media text. ICWSM-14.
    """
    found: float = _analyzer().polarity_scores(sentence)["compound"]
    return found
