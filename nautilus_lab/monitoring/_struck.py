"""Striking a password out of what a server says."""

from __future__ import annotations

import base64
from collections.abc import Iterator

_STRUCK = "***"
_RUN = 6  # so many characters of it in a row are too many


def struck(text: str, user: str, password: str) -> str:
    """Return `text` without what lets somebody in.

    That is the password, and what a client says to log in with it, as it is or in base64, whole
    or in part, in upper or lower case.

    Examples
    --------
    >>> struck("535 AUTH PLAIN AGxhYgBzZXNhbWU= by lab: sesame", "lab", "sesame")
    '535 AUTH PLAIN *** by lab: ***'
    """
    if not password:
        return text
    # Letter by letter: a text whose length changes could not be struck by place.
    low = "".join(_lower(c) for c in text)
    hit = bytearray(len(text))
    for form in _forms(user, password):
        run = min(_RUN, len(form))
        parts = {form[at : at + run] for at in range(len(form) - run + 1)}
        for at in range(len(low) - run + 1):
            if low[at : at + run] in parts:
                hit[at : at + run] = b"\1" * run
    said, before = [], 0
    for c, now in zip(text, hit, strict=True):
        # The end of base64 goes with it.
        now = now or (before and c == "=")
        said.append(_STRUCK * (not before) if now else c)
        before = now
    return "".join(said)


def _forms(user: str, password: str) -> Iterator[str]:
    yield "".join(map(_lower, password))
    secret, name = password.encode(), user.encode()
    plain = name + b"\0" + name + b"\0" + secret
    for said in (secret, name + b":" + secret, b"\0" + name + b"\0" + secret, plain):
        for encode in (base64.standard_b64encode, base64.urlsafe_b64encode):
            yield encode(said).decode().rstrip("=").lower()
    # Behind anything else, of which the characters at both ends tell nothing for sure.
    for before in (1, 2):
        inner = base64.standard_b64encode(b"\0" * before + secret).decode().rstrip("=")
        if len(inner) > before + 1 + _RUN:
            yield inner[before + 1 : -1].lower()


def _lower(c: str) -> str:
    low = c.lower()
    return low if len(low) == 1 else c
