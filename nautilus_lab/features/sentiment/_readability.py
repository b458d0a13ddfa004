"""How hard a text is to read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

_VOWELS = re.compile(r"[aeiouyà-åè-ïò-öù-ý]+")
# two vowels that are said apart: li-ability, not finan-cial; cli-ent, vide-o
_APART = re.compile(r"(?<![cst])i[ao](?![nu])|[cst]iate|(?<![cst])ie[nt]|eo(?!u)|io(?![nu])")
_SILENT = re.compile(r"[^aeiouyl]e$|[aeiouy]le$|[gq]ue$|[^aeiouytd]ed$")
# endings that make a word longer to say but no harder to read, which the index does not count
_LIGHT = ("es", "ed", "ing")


@lru_cache(maxsize=65_536)
def syllables(word: str) -> int:
    """Return how many syllables an English word has, by rule: groups of vowels, a last e silent.

    Examples
    --------
    >>> [syllables(word) for word in ("loss", "decline", "table", "liability")]
    [1, 2, 2, 5]
    """
    lower = word.lower()
    count = len(_VOWELS.findall(lower)) + len(_APART.findall(lower))
    return max(1, count - (_SILENT.search(lower) is not None))


@lru_cache(maxsize=65_536)
def is_complex(word: str) -> bool:
    """Return whether a word has three syllables or more, its ending -es, -ed, -ing left out."""
    lower = word.lower()
    for ending in _LIGHT:
        if lower.endswith(ending) and len(lower) > len(ending) + 2:
            lower = lower.removesuffix(ending)
            break
    return syllables(lower) >= 3


def fog_index(words: Sequence[str], sentences: int) -> float:
    """Return Gunning's index: about the years of school that a text asks of its reader.

    ``0.4 (words / sentences + 100 complex words / words)``. Filings lie about 18; news about 12.

    References
    ----------
    .. [1] Gunning, R. (1952). The Technique of Clear Writing. McGraw-Hill.
    .. [2] Li, F. (2008). Annual report readability, current earnings, and earnings persistence.
       Journal of Accounting and Economics 45, 221-247.
    """
    hard = sum(map(is_complex, words))
    return 0.4 * (len(words) / sentences + 100 * hard / len(words))
