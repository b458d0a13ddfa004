"""Access tokens: ours are accepted, every other is refused."""

import base64
import hashlib
import hmac
import json
import subprocess
import sys
import time

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nautilus_lab.exceptions import AccessDenied, InputError
from nautilus_lab.platform.access import Principal, Role, TokenIssuer, TokenVerifier

KEY = b"0123456789abcdef0123456789abcdef"
ADA = Principal("ada", frozenset({Role.TRADER, Role.VIEWER}))
HEADER = {"alg": "HS256", "typ": "nl-access+jwt"}
PUBLIC_KEY = b"""-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAs3bwZgF+Dw5FFtXhc4FV
DtvBvfEzqFx65DKfuls2Nnx09M3iLZ63L2+MRT/B2HsghE9B2eINIqAtEon0Mwd/
ndba24+2OdOQXSbrQXvvV7fEIHF4RmqgFyfUiJLv3pOI5JGMvNsCm/zOtRsf8hRN
YxeHl6y1C7J+EcCjwRKoIpUpYKsKzCzieP5ms/qPhKws/Vsjv67YO/D+IDzGP8h+
c/YfvQiwDP1dNDxQSZkQ29tXQ4rNWD69xzRhFjKZ3p7ebwDvXWbwLYdz687re6f2
eNQqTeXEeb7B6kQbegJROhvdrki5gNIR1tIBd4YwqY2IW9PhgLbobSDvHPjtZ0bA
nwIDAQAB
-----END PUBLIC KEY-----
"""


def _claims(**changes):
    now = int(time.time())
    claims = {
        "iss": "nautilus-lab",
        "sub": "ada",
        "aud": "gateway",
        "iat": now,
        "nbf": now,
        "exp": now + 600,
        "jti": "1",
        "roles": ["viewer"],
    } | changes
    return {name: value for name, value in claims.items() if value is not None}


def _part(value) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _signed(claims, header=HEADER, key=KEY, digest=hashlib.sha256) -> str:
    """Sign by hand (RFC 7515), so that what PyJWT would not write can be written."""
    text = f"{_part(header)}.{_part(claims)}"
    return f"{text}.{_part(hmac.new(key, text.encode(), digest).digest())}"


@pytest.fixture
def verifier():
    return TokenVerifier(KEY)


def _refused(verifier, token) -> str:
    with pytest.raises(AccessDenied) as caught:
        verifier.verify(token)
    if isinstance(token, str) and len(token) > 10:
        assert token not in str(caught.value)
    assert caught.value.value is None
    return caught.value.rule


# --- ours ---------------------------------------------------------------------------------


def test_a_token_says_who_its_principal_is(verifier):
    assert verifier.verify(TokenIssuer(KEY).issue(ADA)) == ADA


def test_a_principal_has_the_id_of_its_token_and_is_the_same_with_any(verifier):
    token = TokenIssuer(KEY).issue(ADA)
    known = verifier.verify(token)
    assert known.token_id == jwt.decode(token, options={"verify_signature": False})["jti"] != ""
    assert known == ADA
    assert ADA.token_id == ""


def test_a_token_signed_by_hand_is_accepted(verifier):
    """The attacks below differ from this one in one thing each."""
    assert verifier.verify(_signed(_claims())) == Principal("ada", frozenset({Role.VIEWER}))


def test_every_token_has_an_id_of_its_own_and_the_life_it_was_given():
    issuer = TokenIssuer(KEY, ttl_s=90)
    read = [
        jwt.decode(issuer.issue(ADA), KEY, algorithms=["HS256"], audience="gateway")
        for _ in range(2)
    ]
    assert read[0]["jti"] != read[1]["jti"]
    assert read[0]["exp"] - read[0]["iat"] == 90
    assert read[0]["roles"] == ["trader", "viewer"]


def test_a_principal_without_roles_stays_without(verifier):
    nobody = Principal("nobody", frozenset())
    assert verifier.verify(TokenIssuer(KEY).issue(nobody)) == nobody


def test_clocks_may_differ_by_half_a_minute(verifier):
    now = int(time.time())
    assert verifier.verify(_signed(_claims(iat=now + 20, nbf=now + 20, exp=now + 600)))
    assert verifier.verify(_signed(_claims(iat=now - 600, nbf=now - 600, exp=now - 10)))


# --- the algorithm ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["none", "None", "NONE", "nOnE", "", None])
@pytest.mark.parametrize("signature", ["", "kept"])
def test_an_unsigned_token_is_refused(verifier, name, signature):
    good = _signed(_claims())
    header = {"alg": name, "typ": "nl-access+jwt"}
    end = good.rsplit(".", 1)[1] if signature else ""
    _refused(verifier, f"{_part(header)}.{_part(_claims())}.{end}")


@pytest.mark.parametrize(("name", "digest"), [("HS384", hashlib.sha384), ("HS512", hashlib.sha512)])
def test_another_algorithm_is_refused_though_the_key_is_right(verifier, name, digest):
    header = {"alg": name, "typ": "nl-access+jwt"}
    _refused(verifier, _signed(_claims(), header, digest=digest))


@pytest.mark.parametrize("name", ["RS256", "ES256", "PS256", "EdDSA", "hs256", "HS256 "])
def test_an_algorithm_that_is_only_claimed_is_refused(verifier, name):
    _refused(verifier, _signed(_claims(), {"alg": name, "typ": "nl-access+jwt"}))


def test_a_public_key_is_no_secret(verifier):
    """The confusion of RS256 and HS256: signing with what everybody may read."""
    for name in ("RS256", "HS256"):
        _refused(verifier, _signed(_claims(), {"alg": name, "typ": HEADER["typ"]}, PUBLIC_KEY))


def test_a_public_key_cannot_become_the_secret():
    """A verifier that was given one by mistake would accept what anybody signs."""
    token = _signed(_claims(), key=PUBLIC_KEY)
    with pytest.raises((AccessDenied, InputError)):
        TokenVerifier(PUBLIC_KEY).verify(token)


# --- the claims ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["iss", "sub", "aud", "iat", "nbf", "exp", "jti", "roles"])
def test_a_token_without_a_claim_is_refused(verifier, name):
    assert name in _refused(verifier, _signed(_claims(**{name: None})))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"exp": 1}, "expired"),
        ({"exp": int(time.time()) - 40}, "expired"),
        ({"nbf": int(time.time()) + 3_600}, "not yet valid"),
        ({"iat": int(time.time()) + 3_600, "exp": int(time.time()) + 7_200}, "not yet valid"),
        ({"aud": "jupyter"}, "udience"),
        ({"aud": ["gateway", "jupyter"]}, "strict"),
        ({"aud": []}, "aud"),
        ({"aud": ""}, "aud"),
        ({"aud": "gatewayx"}, "udience"),
        ({"iss": "somebody-else"}, "issuer"),
        ({"iss": ["nautilus-lab"]}, "ssuer"),
        ({"exp": int(time.time()) + 2 * 86_400}, "too long"),
        ({"iat": 1, "nbf": 1}, "too long"),
        ({"exp": "tomorrow"}, ""),
        ({"exp": [1]}, ""),
        ({"exp": {}}, ""),
        ({"exp": float("1e300")}, ""),
        ({"iat": "now"}, ""),
        ({"sub": 7}, ""),
        ({"sub": ""}, ""),
        ({"sub": "a b"}, ""),
        ({"sub": "x" * 200}, ""),
        ({"sub": ["ada"]}, ""),
        ({"jti": 7}, ""),
        ({"roles": "admin"}, ""),
        ({"roles": ["root"]}, ""),
        ({"roles": ["viewer", 7]}, ""),
        ({"roles": [["viewer"]]}, ""),
        ({"roles": {"viewer": True}}, ""),
        ({"roles": 7}, ""),
    ],
)
def test_a_claim_that_is_wrong_is_refused(verifier, changes, why):
    assert why in _refused(verifier, _signed(_claims(**changes)))


@pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_time_that_is_no_number_is_refused(verifier, name, text):
    claims = json.dumps(_claims(**{name: 424242})).replace("424242", text)
    _refused(verifier, _signed(claims.encode()))


@pytest.mark.parametrize("claims", [[], "text", 7, None, b"", b"\xff", b"{", b"[" * 5_000])
def test_claims_that_are_no_object_are_refused(verifier, claims):
    _refused(verifier, _signed(claims))


# --- the header ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["JWT", "jwt", "nl-refresh+jwt", "NL-ACCESS+JWT", "at+jwt", "", None, 7, ["nl-access"]]
)
def test_a_token_of_another_type_is_refused(verifier, kind):
    """A refresh token is no access token, though the same key signed it."""
    header = {"alg": "HS256"} if kind is None else {"alg": "HS256", "typ": kind}
    _refused(verifier, _signed(_claims(), header))


@pytest.mark.parametrize(
    "extra",
    [
        {"kid": "../../../dev/null"},
        {"kid": "1' OR '1'='1"},
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/cert"},
        {"jwk": {"kty": "oct", "k": _part(b"k" * 32)}},
        {"crit": ["exp"]},
        {"b64": False, "crit": ["b64"]},
        {"cty": "JWT"},
    ],
)
def test_a_header_that_names_anything_of_its_own_is_refused(verifier, extra):
    _refused(verifier, _signed(_claims(), HEADER | extra))


# --- the signature and the text -----------------------------------------------------------


def test_another_key_is_refused(verifier):
    _refused(verifier, TokenIssuer(b"x" * 32).issue(ADA))


@pytest.mark.parametrize("bit", range(256))
def test_no_bit_of_the_signature_may_differ(verifier, bit):
    head, claims, signature = _signed(_claims()).split(".")
    data = bytearray(base64.urlsafe_b64decode(signature + "="))
    data[bit // 8] ^= 1 << bit % 8
    _refused(verifier, f"{head}.{claims}.{_part(bytes(data))}")


def test_claims_cannot_be_swapped_under_a_signature(verifier):
    head, _, signature = _signed(_claims()).split(".")
    _refused(verifier, f"{head}.{_part(_claims(roles=['admin']))}.{signature}")


@pytest.mark.parametrize("cut", [0, 1, 10, 31])
def test_a_shortened_signature_is_refused(verifier, cut):
    head, claims, signature = _signed(_claims()).split(".")
    data = base64.urlsafe_b64decode(signature + "=")[:cut]
    _refused(verifier, f"{head}.{claims}.{_part(data)}")


@pytest.mark.parametrize("token", [None, 7, b"bytes", ["list"], {}, True, 1.5])
def test_what_is_no_text_is_refused(verifier, token):
    assert "text" in _refused(verifier, token)


@pytest.mark.parametrize("token", ["", ".", "..", "...", "a.b", "a.b.c", "a.b.c.d", "é.ü.ñ", "\0"])
def test_text_that_is_no_token_is_refused(verifier, token):
    _refused(verifier, token)


def test_a_huge_token_is_refused_unread(verifier):
    token = _signed(_claims(padding="x" * 5_000))
    assert "4096" in _refused(verifier, token)
    assert "4096" in _refused(verifier, "x" * 50_000_000)


@given(token=st.text(max_size=200))
def test_no_text_breaks_the_verifier(token):
    with pytest.raises(AccessDenied):
        TokenVerifier(KEY).verify(token)


# --- settings -----------------------------------------------------------------------------


@pytest.mark.parametrize("key", [b"", b"short", b"x" * 31, "x" * 64, None, bytearray(64)])
def test_a_key_too_short_or_not_bytes_is_refused(key):
    for make in (TokenIssuer, TokenVerifier):
        with pytest.raises(InputError, match="32 bytes"):
            make(key)


@pytest.mark.parametrize("ttl_s", [0, -1, 0.5, 86_401, float("nan"), float("inf")])
def test_a_life_out_of_bounds_is_refused(ttl_s):
    with pytest.raises(InputError, match="86400"):
        TokenIssuer(KEY, ttl_s=ttl_s)


@pytest.mark.parametrize("holder", [TokenIssuer(KEY), TokenVerifier(KEY)])
def test_the_key_does_not_show(holder):
    assert "0123456789" not in repr(holder)


def test_importing_the_room_does_not_import_pyjwt():
    code = "import sys, nautilus_lab.platform.access; sys.exit('jwt' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
