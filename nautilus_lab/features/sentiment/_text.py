"""Plain text, its sentences and its words; in one pass each, for filings run to megabytes."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData

_LETTERS = r"[^\W\d_]+"
_WORD = re.compile(rf"{_LETTERS}(?:['\u2019-]{_LETTERS})*")
# what a reader hears as a pause; a bold word is none
_TAG_NAME = re.compile(r"/?([A-Za-z][A-Za-z0-9]*)")
_INLINE = frozenset(
    "a abbr b big code em font i ins mark q s small span strong sub sup tt u".split()  # noqa: SIM905
)
_UNSEEN = frozenset({"script", "style", "head"})
_MARKUP = re.compile(r"<[A-Za-z/!]|&(?:#\d+|#x[0-9a-fA-F]+|[A-Za-z]+);")
# a number so long is no character's, and Python reads none of thousands of digits
_NO_CHARACTER = re.compile(r"&#[0-9]{20,};?")
# a point, or several, and quotes and brackets that close; before a capital or a number
_END = re.compile(
    r"(?<![.!?])[.!?]++[\"'\u201d\u2019)\]]*+\s+(?=[\"'\u201c\u2018(\[]?[A-Z0-9])"
    r"|\n\s*\n|\n(?=\s*[\u2022*-])"
)
_ABBREVIATED = re.compile(
    r"(?:\b(?:Inc|Corp|Co|Ltd|Mr|Mrs|Ms|Dr|No|Nos|vs|St|Jr|Sr|approx|est|etc|e\.g|i\.e|Jan|Feb|Mar|Apr|"
    r"Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec)|\b[A-Z](?:\.[A-Z])*)\.$"
)
# VADER is made for sentences; what runs on, a table of a filing, is cut
LONGEST_SENTENCE = 150  # words
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]")
_LEAST_LATIN = 0.5


def plain_text(text: str) -> str:
    """Return a text without its markup, if it has any.

    Scripts, styles and comments go; a tag that ends a block becomes a blank line, so that a
    heading is a sentence of its own. A ``<`` that begins no tag stays.

    Examples
    --------
    >>> plain_text("<h1>Guidance</h1>Margins &amp; sales <b>fell</b>.").splitlines()
    ['Guidance', '', 'Margins & sales fell.']
    """
    if not _MARKUP.search(text):
        return text
    return html.unescape(_NO_CHARACTER.sub("", "".join(_visible(text)))).strip()


def _visible(text: str) -> Iterator[str]:
    if "<![CDATA[" in text:  # news feeds wrap their texts so
        text = text.replace("<![CDATA[", "\n").replace("]]>", "\n")
    first, *pieces = text.split("<")
    yield first
    waiting = ""  # for the end of what is not seen
    for piece in pieces:
        if waiting == "-->":
            _, waiting, after = _until(piece, waiting)
            yield after
        elif waiting:
            if piece[: len(waiting)].casefold() == waiting:
                waiting = ""
                yield "\n\n" + piece.partition(">")[2]
        elif piece.startswith("!--"):
            _, waiting, after = _until(piece[3:], "-->")
            yield after
        else:
            tag = _TAG_NAME.match(piece)
            inside, ended, after = piece.partition(">")
            if not ended or not (tag or piece.startswith(("!", "?"))):
                yield "<" + piece  # a tag that never ends was none
                continue
            name = tag[1].casefold() if tag else ""
            if name in _UNSEEN and not inside.startswith("/") and not inside.endswith("/"):
                waiting = f"/{name}"
            else:
                yield after if name in _INLINE else "\n\n" + after


def _until(piece: str, end: str) -> tuple[str, str, str]:
    """Return what stands before an end, what is still waited for, and what comes after."""
    before, found, after = piece.partition(end)
    return before, "" if found else end, after


def sentences(text: str) -> list[str]:
    """Return the sentences of a plain text; none has more than `LONGEST_SENTENCE` words.

    Examples
    --------
    >>> sentences("Acme Inc. fell 3.5 percent. Why? The U.S. market rose.")
    ['Acme Inc. fell 3.5 percent.', 'Why?', 'The U.S. market rose.']
    """
    found: list[str] = []
    begin = 0
    for end in _END.finditer(text):
        # a point may belong to the word before it
        if _ABBREVIATED.search(text, max(begin, end.start() - 12), end.start() + 1):
            continue
        found.append(text[begin : end.end()])
        begin = end.end()
    found.append(text[begin:])
    return [part for one in found for part in _cut(one)]


def _cut(sentence: str) -> Iterator[str]:
    told = sentence.split()
    for begin in range(0, len(told), LONGEST_SENTENCE):
        yield " ".join(told[begin : begin + LONGEST_SENTENCE])


def words(text: str) -> list[str]:
    """Return the words of a plain text in lower case; numbers are none."""
    return [word.replace("\u2019", "'") for word in _WORD.findall(text.lower())]


def require_english(text: object, where: str) -> str:
    """Return the plain text of a document that can be scored.

    Raises
    ------
    InputError
        When it is no text.
    NotEnoughData
        When no word is in it.
    BadData
        When most of its letters are of another script than the Latin one.
    """
    if not isinstance(text, str):
        raise InputError("a text must be a str", value=f"{where}: {type(text).__name__}")
    plain = plain_text(text)
    if not plain.isascii():
        letters = sum(map(str.isalpha, plain))
        latin = len(_LATIN.findall(plain))
        if letters and latin < _LEAST_LATIN * letters:
            raise BadData(
                "a text must be in Latin letters: its words are looked up in English lists",
                value=f"{where}: {1 - latin / letters:.0%} of its letters are of other scripts",
                remedy="translate it, or leave it out",
            )
    if not _WORD.search(plain):
        raise NotEnoughData(
            "a text must have words", value=f"{where}: {plain[:40]!r}", remedy="leave it out"
        )
    return plain
