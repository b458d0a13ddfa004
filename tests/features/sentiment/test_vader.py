"""VADER's scores: those it publishes, and those of the package itself."""

import re
from pathlib import Path

import pytest
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from nautilus_lab.features.sentiment import _vader, score_text
from nautilus_lab.features.sentiment._vader import compound

ROOT = Path(__file__).resolve().parents[3]

# the examples of the package's README, with the scores that stand there
PUBLISHED = {
    "VADER is smart, handsome, and funny.": 0.8316,
    "VADER is smart, handsome, and funny!": 0.8439,
    "VADER is very smart, handsome, and funny.": 0.8545,
    "VADER is VERY SMART, handsome, and FUNNY.": 0.9227,
    "VADER is VERY SMART, handsome, and FUNNY!!!": 0.9342,
    "VADER is not smart, handsome, nor funny.": -0.7424,
    "The book was good.": 0.4404,
    "At least it isn't a horrible book.": 0.431,
    "The plot was good, but the characters are uncompelling and the dialog is not great.": -0.7042,
    "Today SUX!": -0.5461,
    "Not bad at all": 0.431,
}
ODD = [
    "\N{FACE WITH TEARS OF JOY} that was the bomb \N{PILE OF POO}",
    "kind of good, sort of bad, never so good, without doubt good, without a doubt good",
    "never this bad; no good or bad; least good; at least good; the very least good",
    "NO loss, but LOSS. but GREAT!!!! WHY????",
    "bus stop badass kiss of death yeah right to die for",
    "a\N{GRINNING FACE}\N{PILE OF POO} b \N{GRINNING FACE}but \N{CRYING FACE}good \u00e9cole",
    ":) :( :-D  isn't wasnt won't good bad  ",
    "",
    "good",
]


@pytest.mark.parametrize(("sentence", "score"), PUBLISHED.items())
def test_the_published_scores_are_found(sentence, score):
    assert compound(sentence) == score
    assert score_text(sentence).compound == score


def test_a_sentence_scores_as_the_package_scores_it():
    pages = [page.read_text("utf-8") for page in (ROOT / "docs" / "concepts").glob("*.md")]
    prose = [part for page in pages for part in re.split(r"(?<=[.:;])\s", page)]
    assert len(prose) > 1_500
    theirs = SentimentIntensityAnalyzer()
    words = " ".join(prose).split()
    # shuffled words meet each rule more often than prose does
    shuffled = [" ".join(words[at::997]) for at in range(997)]
    negated = [f"{one} not never so {one} this no" for one in ODD]
    for one in [*ODD, *negated, *prose, *shuffled[:60]]:
        assert compound(one) == theirs.polarity_scores(one)["compound"], one


def test_a_sentence_of_a_megabyte_is_not_remembered():
    before = _vader._remembered.cache_info().currsize
    assert compound("x" * 1_000_000 + " good") == 0.4404
    assert _vader._remembered.cache_info().currsize == before
