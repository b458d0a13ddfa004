"""What scoring texts costs: VADER's sentences beside the package's own, articles, a long filing."""

from __future__ import annotations

import gc
import re
import time
from pathlib import Path

import numpy as np
import pandas as pd
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from nautilus_lab.features.sentiment import news_sentiment, score_documents, score_text
from nautilus_lab.features.sentiment._vader import _remembered, compound

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 5
ARTICLES, SENTENCES = 400, 15  # an article is so many sentences: about 300 words


def prose() -> list[str]:
    """Return the sentences of the documentation: English that nobody wrote to be scored."""
    pages = [page.read_text("utf-8") for page in sorted((ROOT / "docs" / "concepts").glob("*.md"))]
    text = re.sub(r"```.*?```|[|#`]", " ", "\n\n".join(pages), flags=re.DOTALL)
    parts = re.split(r"(?<=[.!?])\s+|\n\s*\n", text)
    return [" ".join(part.split()) for part in parts if len(part.split()) > 5]


def new_text(sentences: list[str], seed: int) -> str:
    """Return text of so many words as theirs, no sentence of which was scored before."""
    draw = np.random.default_rng(seed)
    words = " ".join(sentences).split()
    told = [
        " ".join(draw.choice(words, len(one.split()), replace=False)).capitalize() + "."
        for one in sentences
    ]
    return " ".join(told)


def timed(run) -> float:
    gc.collect()
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def of_sentences() -> dict:
    sentences = prose()
    package = SentimentIntensityAnalyzer()
    theirs = [package.polarity_scores(one)["compound"] for one in sentences]
    if theirs != [compound(one) for one in sentences]:
        raise AssertionError("VADER's scores differ from the package's")
    ours_s, theirs_s = [], []
    for _ in range(ROUNDS):
        _remembered.cache_clear()
        ours_s.append(timed(lambda: [compound(one) for one in sentences]))
        theirs_s.append(timed(lambda: [package.polarity_scores(one) for one in sentences]))
    each = min(ours_s) / len(sentences) * 1e6
    return row(
        "04-sentiment-vader",
        1.5,
        min(theirs_s) / min(ours_s),
        "x",
        f"best of {ROUNDS} in turn: {len(sentences):,} sentences of the documentation, none scored "
        f"before; equal scores; {each:.0f} us a sentence, "
        f"vaderSentiment {min(theirs_s) / len(sentences) * 1e6:.0f}",
    )


def of_articles() -> dict:
    sentences = prose()
    draw = np.random.default_rng(1)
    took = []
    for number in range(3):
        texts = [
            new_text(list(draw.choice(sentences, SENTENCES)), 1_000 * number + seed)
            for seed in range(ARTICLES)
        ]
        news = pd.DataFrame({"text": texts})
        _remembered.cache_clear()
        took.append(timed(lambda news=news: score_documents(news)))
    words = sum(len(text.split()) for text in texts) / ARTICLES
    return row(
        "04-sentiment-articles",
        200,
        ARTICLES / min(took),
        "documents/s",
        f"best of 3: {ARTICLES} articles of {words:.0f} words, drawn from the documentation's, no "
        "sentence twice; score_documents, every score of each, one thread",
    )


def of_filing() -> dict:
    sentences = prose()
    filing, seed = "", 0
    while len(filing) < 1_000_000:
        filing += "<p>" + new_text(sentences, seed) + "</p>\n"
        seed += 1
    filing = filing[:1_000_000]
    took = []
    for _ in range(3):
        _remembered.cache_clear()
        took.append(timed(lambda: score_text(filing)))
    return row(
        "04-sentiment-filing",
        5.0,
        min(took),
        "s",
        "best of 3: a filing of one megabyte with tags, no sentence twice; score_text, one thread",
        most=True,
    )


def of_series() -> dict:
    draw = np.random.default_rng(2)
    days = pd.date_range("2015-01-01", periods=2_520, tz="UTC")
    symbols = [f"S{number:03}" for number in range(500)]
    count = 250_000
    news = pd.DataFrame(
        {
            "published": days[0] + pd.to_timedelta(draw.uniform(0, 2_520, count), unit="D"),
            "symbol": draw.choice(symbols, count),
            "compound": draw.uniform(-1, 1, count),
        }
    )
    prices = pd.DataFrame(1.0, days, symbols)
    news_sentiment(news, prices)
    best = min(timed(lambda: news_sentiment(news, prices)) for _ in range(3))
    return row(
        "04-sentiment-series",
        3.0,
        best,
        "s",
        f"best of 3: {count:,} drawn scores of 500 symbols on to 2,520 days, six numbers each; "
        "news_sentiment, checks included, one thread",
        most=True,
    )


def row(
    name: str, target: float, measured: float, unit: str, how: str, *, most: bool = False
) -> dict:
    met = measured <= target if most else measured >= target
    return {
        "id": name,
        "target": target,
        "measured": round(measured, 2),
        "unit": unit,
        "met": bool(met),
        "how": how,
    }


def rows() -> list[dict]:
    return [of_sentences(), of_articles(), of_filing(), of_series()]


if __name__ == "__main__":
    for line in rows():
        print(line)
