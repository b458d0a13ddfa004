"""Markup, sentences and words; and texts that nobody should be slow on."""

import time

import pytest

from nautilus_lab.features.sentiment import score_text
from nautilus_lab.features.sentiment._text import plain_text, sentences, words


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        ("no markup, 1 < 2 & 3 > 2", "no markup, 1 < 2 & 3 > 2"),
        ("<p>one<b>two</b></p><p>three</p>", "onetwo\n\n\n\nthree"),
        ("<script>if (a<b) loss()</script>gain", "gain"),
        ("<STYLE>p {color: red}</STYLE>gain<br/>loss", "gain\n\nloss"),
        ("a<!-- bad <b>news</b> -->b<!--x-->c", "abc"),
        ("<head><title>t</title></head>x", "x"),
        ("<![CDATA[Profit <i>rose</i>]]>", "Profit rose"),
        ("AT&amp;T &#8217;s &nbsp;x", "AT&T \u2019s \xa0x"),
        ("a <b unfinished", "a <b unfinished"),
        ("<!DOCTYPE html><?xml version='1'?>x", "x"),
        ("margins <5% and <10%; <b>x</b>", "margins <5% and <10%; x"),
    ],
)
def test_markup_goes_and_text_stays(given, plain):
    assert plain_text(given) == plain


def test_sentences_end_where_a_reader_would_end_them():
    told = (
        "Acme Inc. fell 3.5 percent. “It was bad.” Mr. Smith of the U.S. unit left! Why?\n\nHeading"
    )
    assert sentences(told) == [
        "Acme Inc. fell 3.5 percent.",
        "“It was bad.”",
        "Mr. Smith of the U.S. unit left!",
        "Why?",
        "Heading",
    ]


def test_what_runs_on_is_cut():
    assert [len(one.split()) for one in sentences("word " * 400)] == [150, 150, 100]


def test_words_have_letters():
    assert words("Q3 EPS of $1.20 isn\u2019t a write-down") == [
        "q",
        "eps",
        "of",
        "isn't",
        "a",
        "write-down",
    ]


@pytest.mark.parametrize(
    "piece",
    [
        *[
            "<",
            "<!--",
            "<script>",
            "&a",
            ".",
            " ",
            "\n",
            "a.b.",
            "- \n",
            "not ",
            "good ",
            "!? ",
            "<b",
        ],
        *["\N{PILE OF POO}", "\N{PILE OF POO}but \N{PILE OF POO}", "\0", "&#1"],
    ],
)
def test_no_text_is_slow_for_its_length(piece):
    long = piece * (1_000_000 // len(piece)) + " word"
    began = time.process_time()
    try:
        score_text(long)
    except ValueError as error:
        assert "must have words" in str(error)  # noqa: PT017
    assert time.process_time() - began < 15  # a second or less; hours if it were quadratic


@pytest.mark.parametrize("number", ["9" * 5_000, "0" * 5_000 + "65"])
def test_a_number_of_thousands_of_digits_is_no_character(number):
    assert plain_text(f"&#{number}; prices &#101; fell") == "prices e fell"
