"""What a document tells."""

import math

import pandas as pd
import pytest

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.features.sentiment import (
    finance_words,
    read_finance_words,
    score_documents,
    score_text,
)
from nautilus_lab.features.sentiment._finance_words import CATEGORIES
from nautilus_lab.features.sentiment._readability import fog_index, syllables


def test_the_classes_are_shares_of_the_words():
    told = score_text("Margins fell. Litigation may restrict us, and lenders require covenants.")
    assert told.words == 10
    assert told.sentences == 2
    assert told.negative == 1 / 10  # fell
    assert told.litigious == 1 / 10  # litigation
    assert told.uncertainty == told.weak_modal == 1 / 10  # may
    assert told.constraining == 3 / 10  # restrict, require, covenants
    assert told.tone == -1.0


@pytest.mark.parametrize(
    ("text", "positive", "negative"),
    [
        ("profit growth", 2, 0),
        ("no growth", 0, 1),
        ("we do not expect any growth", 0, 1),
        ("we do not yet expect any growth", 1, 0),  # four words away
        ("we do not expect growth", 0, 1),
        ("we don't see growth", 0, 1),
        ("no losses", 0, 0),
        ("losses", 0, 1),
        ("Not now. Growth", 1, 0),  # another sentence
    ],
)
def test_a_negation_turns_praise_and_takes_blame_away(text, positive, negative):
    told = score_text(text)
    assert round(told.positive * told.words) == positive
    assert round(told.negative * told.words) == negative


def test_what_is_bad_in_speech_alone_is_none_of_the_finance_words():
    told = score_text("Tax liability, cost of capital, foreign crude vice president, depreciation")
    assert told.tone == 0.0
    assert told.negative == told.positive == 0.0


def test_a_text_of_several_sentences_has_their_mean():
    one, two = "The book was good.", "Today SUX!"
    assert score_text(f"{one} {two}").compound == pytest.approx((0.4404 - 0.5461) / 2)


def test_markup_does_not_count():
    plain = score_text("Profit fell. Costs rose.")
    html = "<html><style>.loss{}</style><p>Profit <b>fell</b>.</p>\n<p>Costs&nbsp;rose.</p></html>"
    assert score_text(html) == plain


def test_the_fog_index_is_the_one_of_the_example():
    # 96 words, 7 sentences, 9 of them hard: the passage that Wikipedia's article works out
    assert fog_index(["dog"] * 87 + ["television"] * 9, 7) == pytest.approx(9.24, abs=0.005)
    # an ending makes no word hard
    assert fog_index(["reported"] * 10, 1) == 4.0


@pytest.mark.parametrize(
    ("word", "count"),
    [
        ("loss", 1),
        ("improved", 2),
        ("decline", 2),
        ("company", 3),
        ("table", 2),
        ("adverse", 2),
        ("revenue", 3),
        ("volatility", 5),
        ("regulation", 4),
        ("restated", 3),
        ("material", 4),
        ("financial", 3),
        ("the", 1),
        ("rhythm", 1),
        ("sale", 1),
        ("value", 2),
        ("league", 1),
        ("appreciate", 4),
        ("fined", 1),
        ("café", 2),
    ],
)
def test_syllables_are_those_of_a_dictionary(word, count):
    assert syllables(word) == count


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("", NotEnoughData, "must have words"),
        (" \n\t", NotEnoughData, "must have words"),
        ("12.5 % (3)", NotEnoughData, "must have words"),
        ("<p><img src='x'></p>", NotEnoughData, "must have words"),
        ("Компания получила прибыль EPS", BadData, "of other scripts"),
        ("公司公布利润增长 Q3", BadData, "of other scripts"),
        (None, InputError, "must be a str; got the text: NoneType"),
        (b"bytes", InputError, "must be a str"),
        (float("nan"), InputError, "must be a str"),
    ],
)
def test_what_cannot_be_read_is_refused(text, error, said):
    with pytest.raises(error, match=said):
        score_text(text)


def test_accents_and_emojis_do_not_make_a_text_foreign():
    told = score_text("Nestlé\u2019s café profits soared \N{ROCKET}")
    assert told.positive == 2 / 4


def test_a_table_keeps_its_rows_and_other_columns():
    news = pd.DataFrame(
        {"id": [7, 8, 9], "text": ["Profit rose", "Profit fell", "Profit rose"]}, index=[3, 1, 3]
    )
    found = score_documents(news)
    assert list(found.index) == [3, 1, 3]
    assert list(found["id"]) == [7, 8, 9]
    assert "text" not in found
    assert found["tone"].tolist() == [1.0, 0.0, 1.0]
    assert list(news.columns) == ["id", "text"]


def test_a_text_that_cannot_be_read_is_named_or_is_not_known():
    news = pd.DataFrame({"text": ["Profit rose", ""]}, index=["a", "b"])
    with pytest.raises(NotEnoughData, match="row b"):
        score_documents(news)
    found = score_documents(news, unreadable="nan")
    assert found.loc["a", "words"] == 2
    assert math.isnan(found.loc["b", "compound"])
    with pytest.raises(InputError, match="no column 'body'"):
        score_documents(news, text="body")
    with pytest.raises(InputError, match="refuse or nan"):
        score_documents(news, unreadable="skip")
    with pytest.raises(InputError, match="row a: int"):
        score_documents(pd.DataFrame({"text": [3]}, index=["a"]), unreadable="nan")


def test_the_list_is_of_distinct_lower_case_words_in_six_classes():
    found = finance_words()
    assert 1_000 < len(found) < 2_000
    assert all(word == word.lower() and word.isascii() for word in found)
    assert {category for classes in found.values() for category in classes} == set(CATEGORIES)
    assert not [word for word, classes in found.items() if {"positive", "negative"} <= classes]


def test_a_list_of_ones_own_is_read_and_used():
    mine = read_finance_words(["[negative]", "profit  # of theirs", "", "[positive]", "loss"])
    assert score_text("A profit", dictionary=mine).tone == -1.0
    with pytest.raises(InputError, match=r"line 1: \[bad\]"):
        read_finance_words(["[bad]"])
    with pytest.raises(InputError, match="line 1: loss"):
        read_finance_words(["loss"])
    with pytest.raises(InputError, match="line 2: Loss"):
        read_finance_words(["[negative]", "Loss"])
