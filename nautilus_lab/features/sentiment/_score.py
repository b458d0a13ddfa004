"""The scores of one document, and of many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Literal, TypeAlias

from nautilus_lab.exceptions import DataError, InputError
from nautilus_lab.features.sentiment._finance_words import (
    CATEGORIES,
    FinanceWords,
    finance_words,
)
from nautilus_lab.features.sentiment._readability import fog_index
from nautilus_lab.features.sentiment._text import require_english, sentences, words

if TYPE_CHECKING:
    import pandas as pd

Unreadable: TypeAlias = Literal["refuse", "nan"]

_NEGATIONS = frozenset(
    "no not none neither nor never nobody nothing without cannot hardly barely lack lacks".split()  # noqa: SIM905
)
_BEFORE = 3  # words that a negation reaches


@dataclass(frozen=True, kw_only=True)
class TextScore:
    """What a text tells.

    Attributes
    ----------
    compound : float
        VADER's, in [-1, 1]: the mean of its sentences'.
    tone : float
        ``(positive - negative) / (positive + negative)`` of the finance words, in [-1, 1]; 0 where
        there are none. "No growth" counts as negative; "no losses" counts as neither.
    positive, negative, uncertainty, litigious, constraining, weak_modal : float
        The share of the words that are of a class, in [0, 1].
    fog : float
        Gunning's index: about the years of school that it asks for.
    words, sentences : int
        How many it has.
    """

    compound: float
    tone: float
    positive: float
    negative: float
    uncertainty: float
    litigious: float
    constraining: float
    weak_modal: float
    fog: float
    words: int
    sentences: int


SCORES = tuple(one.name for one in fields(TextScore))


def score_text(text: str, *, dictionary: FinanceWords | None = None) -> TextScore:
    """Score one document, plain or HTML.

    Parameters
    ----------
    text : str
        A headline, an article, a filing; English. Markup is taken off.
    dictionary : mapping of str to set of str, optional
        Words and their classes, see `read_finance_words`; the library's own when not given.

    Returns
    -------
    TextScore

    Raises
    ------
    InputError
        When it is no text.
    NotEnoughData
        When it has no words.
    BadData
        When most of its letters are not Latin.

    References
    ----------
    .. [1] Loughran, T. and McDonald, B. (2011). When is a liability not a liability? Textual
       analysis, dictionaries, and 10-Ks. Journal of Finance 66, 35-65: the classes, and that
       praise is turned by a negation within three words.

    Examples
    --------
    >>> told = score_text("Margins improved. The company does not expect growth in Europe.")
    >>> told.tone, told.words, told.sentences
    (0.0, 10, 2)
    """
    return _scored(text, "the text", finance_words() if dictionary is None else dictionary)


def score_documents(
    news: pd.DataFrame,
    *,
    text: str = "text",
    unreadable: Unreadable = "refuse",
    dictionary: FinanceWords | None = None,
) -> pd.DataFrame:
    """Score each document of a table; one that occurs several times is read once.

    Parameters
    ----------
    news : DataFrame
        A column of texts, and whatever else; `news_sentiment` needs ``published`` and ``symbol``.
    text : str, default="text"
        The column.
    unreadable : {"refuse", "nan"}, default="refuse"
        What becomes of a text without words, or in other letters: an error that names its row, or
        NaN for all of its scores.
    dictionary : mapping of str to set of str, optional
        As of `score_text`.

    Returns
    -------
    DataFrame
        The other columns of `news`, and one for each attribute of `TextScore`; rows and index as
        they were.

    Raises
    ------
    InputError
        When there is no such column, or a text is no str.
    NotEnoughData, BadData
        As `score_text`, the row named.
    """
    import pandas as pd

    if text not in getattr(news, "columns", ()):
        raise InputError(
            "news must be a DataFrame with a column of texts",
            value=f"no column {text!r}",
            remedy="pass text= with its name",
        )
    if unreadable not in ("refuse", "nan"):
        raise InputError("unreadable must be refuse or nan", value=unreadable)
    known = finance_words() if dictionary is None else dictionary
    seen: dict[str, dict[str, float]] = {}
    rows: list[dict[str, float]] = []
    for label, one in zip(news.index, news[text].tolist(), strict=True):
        found = seen.get(one) if isinstance(one, str) else None
        if found is None:
            try:
                found = asdict(_scored(one, f"row {label}", known))
            except DataError:
                if unreadable == "refuse":
                    raise
                found = dict.fromkeys(SCORES, float("nan"))
            seen[one] = found
        rows.append(found)
    others = news.drop(columns=[name for name in news.columns if name in (text, *SCORES)])
    scores = pd.DataFrame(rows, index=news.index, columns=list(SCORES))
    return pd.concat([others, scores], axis="columns")


def _scored(text: object, where: str, dictionary: FinanceWords) -> TextScore:
    from nautilus_lab.features.sentiment._vader import compound

    plain = require_english(text, where)
    told = sentences(plain)
    spoken = [words(one) for one in told]
    read = [one for one in spoken if one]
    count = sum(map(len, read))
    counted = _counted(read, dictionary)
    positive, negative = counted["positive"], counted["negative"]
    valued = [compound(one) for one, said in zip(told, spoken, strict=True) if said]
    return TextScore(
        compound=sum(valued) / len(valued),
        tone=(positive - negative) / (positive + negative) if positive + negative else 0.0,
        fog=fog_index([word for one in read for word in one], len(read)),
        words=count,
        sentences=len(read),
        **{name: counted[name] / count for name in CATEGORIES},
    )


def _counted(spoken: Sequence[Sequence[str]], dictionary: FinanceWords) -> dict[str, int]:
    counted = dict.fromkeys(CATEGORIES, 0)
    for sentence in spoken:
        for at, word in enumerate(sentence):
            classes = dictionary.get(word)
            if classes is None:
                continue
            turned = any(
                one in _NEGATIONS or one.endswith("n't")
                for one in sentence[max(0, at - _BEFORE) : at]
            )
            for category in classes:
                if turned and category == "positive":
                    counted["negative"] += 1
                elif not (turned and category == "negative"):
                    counted[category] += 1
    return counted
