"""Tokens under a key that is replaced, opened to others, or taken away."""

import os

import pytest

from nautilus_lab.exceptions import AccessDenied
from nautilus_lab.platform.access import KeyFileVerifier, Principal, Role, TokenIssuer, signing_key


@pytest.fixture
def path(tmp_path):
    return tmp_path / "signing.key"


def token(path):
    ana = Principal(name="ana", roles=frozenset({Role.VIEWER}))
    return TokenIssuer(signing_key(path), ttl_s=60).issue(ana)


def test_a_token_of_the_key_in_the_file_speaks_for_its_principal(path):
    verifier = KeyFileVerifier(path)
    assert verifier.verify(token(path)).name == "ana"


def test_a_key_that_is_replaced_ends_the_tokens_of_the_old_one(path):
    verifier, old = KeyFileVerifier(path), token(path)
    path.unlink()
    new = token(path)
    with pytest.raises(AccessDenied):
        verifier.verify(old)
    assert verifier.verify(new).name == "ana"


def test_a_key_that_others_may_read_is_believed_no_more(path):
    verifier, good = KeyFileVerifier(path), token(path)
    os.chmod(path, 0o644)
    with pytest.raises(AccessDenied, match="can be trusted"):
        verifier.verify(good)
    os.chmod(path, 0o600)
    assert verifier.verify(good).name == "ana"


def test_a_key_that_is_gone_is_made_anew_and_ends_all_tokens(path):
    verifier, old = KeyFileVerifier(path), token(path)
    path.unlink()
    with pytest.raises(AccessDenied):
        verifier.verify(old)
    assert path.exists()
