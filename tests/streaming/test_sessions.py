"""A session lasts as long as its token is good, and not a moment longer than that is noticed."""

import time

import pytest

from nautilus_lab.client.protocol import CloseCode, CommandFrame, ResultFrame
from nautilus_lab.platform.access import Principal, Role, TokenIssuer, signing_key
from nautilus_lab.platform.messages import new_id


@pytest.fixture
def key_file(home):
    return home / "signing.key"


async def test_a_key_that_is_taken_away_ends_every_session_and_every_token(
    dial, token, node, key_file, home
):
    async with dial() as wire, dial() as other:
        for each in (wire, other):
            await each.hello(token)
            await each.subscribe()
        key_file.unlink()
        for each in (wire, other):
            said, code = await each.refusal()
            assert (said.code, code) == (CloseCode.UNAUTHENTICATED, CloseCode.UNAUTHENTICATED)
            assert token not in str(said)
    async with dial() as wire:
        await wire.greet(token=token)
        assert (await wire.refusal())[1] == CloseCode.UNAUTHENTICATED
    # Local users are let in again: their token was made with the new key.
    async with dial() as wire:
        await wire.hello((home / "gateway.token").read_text())
        await wire.subscribe()


@pytest.mark.parametrize("spoil", ["open to others", "too short", "a link"])
async def test_a_key_that_cannot_be_trusted_ends_every_session_until_it_is_mended(
    dial, token, node, key_file, home, spoil, tmp_path
):
    key = key_file.read_bytes()
    async with dial() as wire:
        await wire.hello(token)
        await wire.subscribe()
        if spoil == "open to others":
            key_file.chmod(0o644)
        elif spoil == "too short":
            key_file.write_bytes(key[:10])
        else:
            target = tmp_path / "key"
            target.write_bytes(key)
            target.chmod(0o600)
            key_file.unlink()
            key_file.symlink_to(target)
        _, code = await wire.refusal()
        assert code == CloseCode.UNAUTHENTICATED
    async with dial() as wire:
        await wire.greet(token=token)
        said, _ = await wire.refusal()
        assert "signing key" in said.rule
    key_file.unlink()
    key_file.touch(0o600)
    key_file.write_bytes(key)
    while True:  # the key is looked at with each heartbeat
        async with dial() as wire:
            await wire.greet(token=token)
            frame = await wire.next()
            if type(frame).__name__ == "Welcome":
                break


def command(name: str, version: int, **body: object) -> CommandFrame:
    deadline = time.time_ns() + 10**10
    return CommandFrame(id=new_id(), name=name, version=version, deadline_ns=deadline, body=body)


async def test_a_token_that_expired_gives_no_more_commands(dial, home, node, monkeypatch):
    """Also in the moment between its end and the heartbeat that ends the session."""
    issuer = TokenIssuer(signing_key(home / "signing.key"), ttl_s=60)
    token = issuer.issue(Principal("ada", frozenset({Role.TRADER})))
    async with dial() as wire:
        await wire.hello(token)
        await wire.subscribe()
        # as if its time were over
        monkeypatch.setattr("nautilus_lab.platform.access._tokens._LEEWAY_S", -120)
        await wire.send(command("orders.buy", 2, units=1))
        result = await wire.next(ResultFrame)
    assert (result.ok, result.error_type, node.bought) == (False, "AccessDenied", [])


async def test_what_a_role_may_is_asked_at_every_command(dial, node, token):
    async with dial() as wire:
        await wire.hello(token)
        await wire.subscribe()
        await wire.send(command("orders.buy", 2, units=1))
        assert (await wire.next(ResultFrame)).error_type == "AccessDenied"
        await wire.send(command("node.snapshot", 1))
        assert (await wire.next(ResultFrame)).ok
    assert node.bought == []
