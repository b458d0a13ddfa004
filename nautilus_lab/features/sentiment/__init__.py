"""Sentiment: of texts, of options and futures on volatility, of how many stocks go along."""

from nautilus_lab.features.sentiment._breadth import breadth
from nautilus_lab.features.sentiment._finance_words import finance_words, read_finance_words
from nautilus_lab.features.sentiment._market import MARKET_SENTIMENT
from nautilus_lab.features.sentiment._news import NewsStream, NewsWindow, news_sentiment
from nautilus_lab.features.sentiment._score import TextScore, score_documents, score_text

__all__ = [
    "MARKET_SENTIMENT",
    "NewsStream",
    "NewsWindow",
    "TextScore",
    "breadth",
    "finance_words",
    "news_sentiment",
    "read_finance_words",
    "score_documents",
    "score_text",
]
