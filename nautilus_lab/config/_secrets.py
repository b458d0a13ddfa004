"""What lets somebody in, and how it is kept out of dumps and reprs."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, PlainSerializer, SecretStr, SerializationInfo

# What stands in a dump in the place of a secret; nothing that is given may hold it.
_HIDDEN = "**********"
# The context of a dump that is not to hide anything.
REVEALING = {"reveal": True}


def _is_revealing(info: SerializationInfo) -> bool:
    return isinstance(info.context, dict) and info.context.get("reveal") is True


def _not_hidden(given: SecretStr | str) -> SecretStr | str:
    text = given if isinstance(given, str) else given.get_secret_value()
    if _HIDDEN in text:
        raise ValueError("was hidden as it was dumped: use Settings.to_private_json()")
    return given


def _secret_dumped(secret: SecretStr, info: SerializationInfo) -> str:
    return secret.get_secret_value() if _is_revealing(info) else _HIDDEN


def _address_dumped(text: str, info: SerializationInfo) -> str:
    """Hide what may let somebody in: a password, the path and the query."""
    if _is_revealing(info) or "://" not in text:
        return text
    scheme, _, rest = text.partition("://")
    host, *path = re.split(r"[/?#]", rest, maxsplit=1)
    if "@" in "".join(path):  # where the host ends is anybody's guess
        return f"{scheme}://{_HIDDEN}"
    user, at, host = host.rpartition("@")
    shown = f"{scheme}://{_HIDDEN * bool(user)}{at}{host}"
    # Of a Redis it is the number of a database.
    is_plain = scheme.startswith("redis") and path and path[0].isdecimal()
    return shown + "".join(f"/{one if is_plain or not one else _HIDDEN}" for one in path)


Secret = Annotated[
    SecretStr,
    # A variable that is set to nothing must not sign with nothing.
    Field(min_length=1),
    AfterValidator(_not_hidden),
    PlainSerializer(_secret_dumped, when_used="json"),
]
# It may hold a password or a key.
Address = Annotated[
    str, Field(repr=False), AfterValidator(_not_hidden), PlainSerializer(_address_dumped)
]
