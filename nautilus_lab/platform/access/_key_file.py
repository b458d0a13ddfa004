"""Tokens judged by a key as it is in its file at the moment."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from nautilus_lab.exceptions import AccessDenied, StoreError
from nautilus_lab.platform.access._key import key_mark, signing_key
from nautilus_lab.platform.access._principal import Principal
from nautilus_lab.platform.access._tokens import TokenVerifier


class Verifier(Protocol):
    """What tells whom a token speaks for."""

    def verify(self, token: str) -> Principal:
        """Return the principal, or raise `AccessDenied`."""
        ...


class KeyFileVerifier:
    """Verifies tokens by the signing key in a file: one that is replaced ends all older tokens.

    Parameters
    ----------
    path : Path
        The key; made on first use.

    Raises
    ------
    StoreError
        When the key cannot be made, or is not private to its user.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mark = key_mark(path)
        self._tokens: TokenVerifier | None = TokenVerifier(signing_key(path))

    def verify(self, token: str) -> Principal:
        """Return whom the token speaks for.

        Raises
        ------
        AccessDenied
            When it is not valid under the key of now, or that key cannot be trusted.
        """
        if self._mark is None or key_mark(self._path) != self._mark:
            self._take_key()
        if self._tokens is None:
            raise AccessDenied(
                "a token needs a key that can be trusted",
                remedy=f"look at {self._path}: its owner, its mode",
            )
        return self._tokens.verify(token)

    def _take_key(self) -> None:
        self._mark = key_mark(self._path)
        try:
            self._tokens = TokenVerifier(signing_key(self._path))
        except StoreError:
            self._tokens = None
