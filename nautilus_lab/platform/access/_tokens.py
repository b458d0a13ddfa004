"""Signed access tokens: short-lived, of one kind, for one audience [1]_ [2]_.

References
----------
.. [1] Sheffer, Y., Hardt, D., Jones, M. (2020). RFC 8725, JSON Web Token Best Current Practices.
.. [2] Jones, M., Bradley, J., Sakimura, N. (2015). RFC 7519, JSON Web Token.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nautilus_lab.exceptions import AccessDenied, InputError
from nautilus_lab.platform.access._principal import Principal
from nautilus_lab.platform.access._roles import Role

_ALGORITHM = "HS256"
_TYPE = "nl-access+jwt"
_ISSUER = "nautilus-lab"
_SHORTEST_KEY = 32  # bytes; RFC 7518 asks HS256 for no fewer
_LONGEST_TOKEN = 4_096  # characters
_LONGEST_ID = 128
_LONGEST_LIFE_S = 24 * 3_600
_LEEWAY_S = 30
_CLAIMS = ("iss", "sub", "aud", "iat", "nbf", "exp", "jti", "roles")


@dataclass(frozen=True)
class TokenIssuer:
    """Makes access tokens.

    Parameters
    ----------
    key : bytes
        At least 32 bytes; see `signing_key`.
    ttl_s : float, default=3600
        How long a token is good for, seconds; at most a day.
    audience : str, default="gateway"
        Who is to accept it.

    Examples
    --------
    >>> issuer = TokenIssuer(b"k" * 32, ttl_s=60)
    >>> verifier = TokenVerifier(b"k" * 32)
    >>> str(verifier.verify(issuer.issue(Principal("ada", frozenset({Role.VIEWER})))))
    'ada (viewer)'
    """

    key: bytes = field(repr=False)
    ttl_s: float = 3_600
    audience: str = "gateway"

    def __post_init__(self) -> None:
        _check_key(self.key)
        if not 1 <= self.ttl_s <= _LONGEST_LIFE_S:
            raise InputError(f"a token must live 1 to {_LONGEST_LIFE_S} seconds", value=self.ttl_s)

    def issue(self, principal: Principal) -> str:
        """Return a token that says who `principal` is and which roles it has."""
        import jwt

        from nautilus_lab.platform.messages import new_id  # a kill imports this package

        now = int(time.time())
        claims = {
            "iss": _ISSUER,
            "sub": principal.name,
            "aud": self.audience,
            "iat": now,
            "nbf": now,
            "exp": now + int(self.ttl_s),
            "jti": new_id(),
            "roles": sorted(role.value for role in principal.roles),
        }
        return jwt.encode(claims, self.key, algorithm=_ALGORITHM, headers={"typ": _TYPE})


@dataclass(frozen=True)
class TokenVerifier:
    """Tells who a token speaks for, or refuses it.

    Parameters
    ----------
    key : bytes
        The issuer's key.
    audience : str, default="gateway"
        The audience the token must name.
    """

    key: bytes = field(repr=False)
    audience: str = "gateway"

    def __post_init__(self) -> None:
        _check_key(self.key)

    def verify(self, token: str) -> Principal:
        """Return the principal of an access token.

        Raises
        ------
        AccessDenied
            When the token is not one of ours, not an access token, not for this audience, not
            yet or no longer valid. The message says which; it never repeats the token.
        """
        import jwt

        if not isinstance(token, str):
            raise _refused("it must be text")
        if not 0 < len(token) <= _LONGEST_TOKEN:
            raise _refused(f"it must have 1 to {_LONGEST_TOKEN} characters")
        try:
            read = jwt.decode_complete(
                token,
                self.key,
                algorithms=[_ALGORITHM],
                audience=self.audience,
                issuer=_ISSUER,
                leeway=_LEEWAY_S,
                options={"require": list(_CLAIMS), "strict_aud": True},
            )
        except jwt.ExpiredSignatureError:
            raise _refused("it has expired") from None
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise _refused(str(error)) from None
        return _principal(read["header"], read["payload"])


def _principal(header: Mapping[str, Any], claims: Mapping[str, Any]) -> Principal:
    # Exactly these: a header that points to a key of its own (jku, jwk, x5u, kid) is not ours.
    if dict(header) != {"alg": _ALGORITHM, "typ": _TYPE}:
        raise _refused("it is not an access token")
    lifetime = claims["exp"] - claims["iat"]
    if not 0 < lifetime <= _LONGEST_LIFE_S:
        raise _refused("it lives too long")
    if not isinstance(claims["roles"], list):
        raise _refused("its roles are no list")
    if not isinstance(claims["jti"], str) or len(claims["jti"]) > _LONGEST_ID:
        raise _refused("its id is none")
    try:
        roles = frozenset(Role(name) for name in claims["roles"])
        return Principal(claims["sub"], roles, token_id=claims["jti"])
    except (ValueError, TypeError):
        raise _refused("its name or its roles are not ours") from None


def _check_key(key: bytes) -> None:
    if not isinstance(key, bytes):
        raise _bad_key(type(key).__name__)
    if len(key) < _SHORTEST_KEY:
        raise _bad_key(f"{len(key)} bytes")


def _bad_key(found: str) -> InputError:
    return InputError(
        f"a signing key must be at least {_SHORTEST_KEY} bytes",
        value=found,
        remedy="take it from signing_key(home.signing_key)",
    )


def _refused(why: str) -> AccessDenied:
    return AccessDenied(f"an access token was refused: {why}", remedy="ask for a new token")
