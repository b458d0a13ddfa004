"""Who may do what: roles and permissions, principals, access tokens and their key."""

from nautilus_lab.platform.access._key import key_mark, signing_key
from nautilus_lab.platform.access._key_file import KeyFileVerifier, Verifier
from nautilus_lab.platform.access._local import LocalOwner
from nautilus_lab.platform.access._principal import Principal
from nautilus_lab.platform.access._roles import GRANTS, Permission, Role
from nautilus_lab.platform.access._tokens import TokenIssuer, TokenVerifier

__all__ = [
    "GRANTS",
    "KeyFileVerifier",
    "LocalOwner",
    "Permission",
    "Principal",
    "Role",
    "TokenIssuer",
    "TokenVerifier",
    "Verifier",
    "key_mark",
    "signing_key",
]
