"""Keeping secrets out of what is written down."""

import re

_HIDDEN = "[hidden]"

_NAMES = r"token|password|passwd|secret|api[_-]?key|authorization|signing[_-]?key|private[_-]?key"

_SECRETS = (
    # -----BEGIN PRIVATE KEY----- ... -----END PRIVATE KEY-----
    (
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*-----|\Z)", re.S),
        _HIDDEN,
    ),
    # a JSON Web Token, wherever it stands
    (re.compile(r"\beyJ[\w-]{5,}\.[\w-]+\.[\w-]*"), _HIDDEN),
    # Authorization: Bearer xyz
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), rf"\1 {_HIDDEN}"),
    # https://user:password@host
    (re.compile(r"(://[^/\s:@]*:)[^@/\s]+(?=@)"), rf"\1{_HIDDEN}"),
    # "api_key": "x y z", also escaped within another text
    (
        re.compile(rf"(?i)((?:{_NAMES})(?:\\*[\"'])?\s*[=:]\s*b?)(\\*[\"'])(?:(?!\2).)*(?:\2|$)"),
        rf"\1\2{_HIDDEN}\2",
    ),
    # token=xyz, FRED_API_KEY=xyz
    (
        re.compile(rf"(?i)((?:{_NAMES})\s*[=:]\s*)(?!b?\\*[\"']|\[hidden\])[^\s\"'&,;)}}\]]+"),
        rf"\1{_HIDDEN}",
    ),
)


def redacted(text: str) -> str:
    """Return `text` with everything that looks like a secret hidden.

    Hides JSON Web Tokens, private keys, ``Bearer`` credentials, passwords in addresses, and the
    values of names such as token, password, secret and api_key.

    Examples
    --------
    >>> redacted("GET /series?api_key=0123abcd&id=DGS10")
    'GET /series?api_key=[hidden]&id=DGS10'
    """
    for pattern, safe in _SECRETS:
        text = pattern.sub(safe, text)
    return text
