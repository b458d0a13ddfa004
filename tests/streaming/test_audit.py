"""Who came in, who did not, and what nobody was let ask: the audit trail of a gateway."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import sqlite3
import time
from contextlib import closing

import pytest

from nautilus_lab.cli import main
from nautilus_lab.client.protocol import CloseCode, CommandFrame, ResultFrame
from nautilus_lab.config import AuditSettings
from nautilus_lab.platform.access import Principal, Role, TokenIssuer, TokenVerifier, signing_key
from nautilus_lab.platform.audit import AuditFiles, AuditKeeper, inspect_trail
from nautilus_lab.platform.messages import new_id
from nautilus_lab.platform.rundir import Home
from nautilus_lab.platform.store import TradingStore
from nautilus_lab.streaming import StreamingEngine
from tests.platform.audit.tampering import ATTACKS

CANARY = "CANARY-7c1e"


@pytest.fixture
def files(home):
    return AuditFiles.of_gateway(Home(home), AuditSettings())


@pytest.fixture
def token_of(home):
    def issue(*roles: Role, name: str = "ada", ttl_s: float = 60) -> str:
        issuer = TokenIssuer(signing_key(home / "signing.key"), ttl_s=ttl_s)
        return issuer.issue(Principal(name, frozenset(roles)))

    return issue


def rows(files, kind=""):
    with TradingStore.open(files.store, read_only=True) as store:
        return [row for row in store.audit_rows(chain="gateway") if row.kind.startswith(kind)]


async def until(condition, seconds=10.0):
    async with asyncio.timeout(seconds):
        while not (found := condition()):
            await asyncio.sleep(0.02)
    return found


async def knock(dial, token) -> None:
    async with dial() as wire:
        await wire.greet(token=token)
        await wire.refusal()


async def test_who_comes_in_has_a_row_with_token_id_roles_and_address(dial, files, token_of, home):
    token = token_of(Role.TRADER)
    async with dial() as wire:
        await wire.hello(token)
    (row,) = await until(lambda: rows(files, "session.opened"))
    known = TokenVerifier(signing_key(home / "signing.key")).verify(token)
    assert (row.actor, json.loads(row.body)) == (
        "ada",
        {"peer": "127.0.0.1", "roles": ["trader"], "token": known.token_id},
    )


async def test_who_is_refused_has_a_row_and_a_thousand_of_them_have_two(
    dial, files, gateway, token_of
):
    for _ in range(30):
        await knock(dial, f"{CANARY}.{CANARY}.{CANARY}")
    await knock(dial, token_of())  # a token of ours, without a role
    first, _ = await until(lambda: len(rows(files, "session.refused")) == 2 and rows(files, "se"))
    facts = json.loads(first.body)
    assert (first.actor, facts["code"], facts["peer"]) == (
        "unknown",
        "UNAUTHENTICATED",
        "127.0.0.1",
    )
    assert facts["why"].startswith("an access token was refused")
    await gateway.stop()
    refused = [json.loads(row.body) for row in rows(files, "session.refused")]
    assert [(one["code"], one.get("times")) for one in refused] == [
        ("UNAUTHENTICATED", None),
        ("FORBIDDEN", None),
        ("UNAUTHENTICATED", 29),
    ]


async def test_a_command_that_a_viewer_may_not_give_has_a_row(dial, files, token_of, node):
    async with dial() as wire:
        await wire.hello(token_of(Role.VIEWER, name="vic"))
        await wire.subscribe()
        for name in ("orders.buy", "orders.buy", f"orders.{CANARY}"):
            frame = CommandFrame(
                id=new_id(), name=name, version=2, deadline_ns=time.time_ns() + 5 * 10**9, body={}
            )
            await wire.send(frame)
            assert not (await wire.next(ResultFrame)).ok
    (row,) = await until(lambda: rows(files, "command.refused"))
    facts = json.loads(row.body)
    assert (row.actor, facts["command"], facts["trader"], facts["roles"]) == (
        "vic",
        "orders.buy",
        "PAPER-001",
        ["viewer"],
    )
    assert facts["token"]
    assert facts["why"] == "orders:write needs a role that has it"


async def test_a_page_of_another_host_that_tries_has_a_row(dial, files):
    with pytest.raises(Exception, match="403"):
        async with dial(origin="https://evil.example"):
            pass
    (row,) = await until(lambda: rows(files, "connection.refused"))
    assert json.loads(row.body)["why"] == "pages of other hosts may not connect"


async def test_a_session_that_is_taken_back_and_a_new_key_have_rows(dial, files, token, home):
    async with dial() as wire:
        await wire.hello(token)
        (home / "signing.key").unlink()
        assert (await wire.refusal())[1] == CloseCode.UNAUTHENTICATED
    (row,) = await until(lambda: rows(files, "session.ended"))
    assert (row.actor, json.loads(row.body)["code"]) == ("local-viewer", "UNAUTHENTICATED")
    await until(lambda: rows(files, "key.read"))


async def test_beginning_and_end_are_in_it_and_a_checkpoint_covers_all(dial, files, gateway, token):
    async with dial() as wire:
        await wire.hello(token)
    await gateway.stop()
    kinds = [row.kind for row in rows(files)]
    assert (kinds[0], kinds[-1]) == ("gateway.begun", "gateway.ended")
    assert {"version", "code", "host", "pid", "python", "url"} <= json.loads(
        rows(files)[0].body
    ).keys()
    report = AuditKeeper(files, by="ana").inspect(note=False)
    assert report.ok
    (one,) = report.chains
    assert (one.chain, one.verdict.anchored) == ("gateway", len(kinds))


async def test_no_token_and_no_key_is_anywhere_in_it(dial, files, gateway, token_of, home, node):
    key = signing_key(home / "signing.key")
    token = token_of(Role.VIEWER)
    async with dial() as wire:
        await wire.hello(token)
        await wire.subscribe()
    for shown in (CANARY, f"{token}{CANARY}", token.rpartition(".")[0] + "." + CANARY):
        await knock(dial, shown)
    await until(lambda: rows(files, "session.refused"))
    await gateway.stop()
    audit_key = (home / "audit.key").read_bytes()
    secrets = [CANARY.encode(), token.encode(), token.rpartition(".")[2].encode()]
    secrets += [key, audit_key, key.hex().encode(), audit_key.hex().encode()]
    kept = [path for path in files.rundir.path.rglob("*") if path.is_file()]
    kept += [path for path in (home / "logs").rglob("*") if path.is_file()]
    assert any(path.name == "audit.db" for path in kept)
    for path in kept:
        data = path.read_bytes()
        assert not [secret for secret in secrets if secret in data], path


async def test_a_trail_that_cannot_be_written_keeps_nobody_out_and_has_a_gap(
    dial, files, gateway, token
):
    with closing(sqlite3.connect(files.store, isolation_level=None)) as other:
        await until(lambda: rows(files, "key.read"))
        other.execute("BEGIN IMMEDIATE")
        async with dial() as wire:
            await wire.hello(token)
            await wire.subscribe()
        await asyncio.sleep(0.5)
        other.execute("ROLLBACK")
    await gateway.stop()
    kinds = [row.kind for row in rows(files)]
    assert kinds.index("audit.gap") < kinds.index("session.opened")
    assert AuditKeeper(files, by="ana").inspect(note=False).ok


async def test_its_checkpoints_go_where_the_settings_say(home, node, settings, tmp_path):
    audit = AuditSettings(checkpoints="kept", key="kept/audit.key").below(tmp_path)
    (tmp_path / "kept").mkdir()
    engine = StreamingEngine(home, settings=settings, audit=audit)
    await engine.start()
    await engine.stop()
    assert {path.name for path in (tmp_path / "kept").iterdir()} == {
        "@gateway.checkpoints.jsonl",
        "audit.key",
    }
    kept = AuditFiles.of_gateway(Home(home), audit)
    assert AuditKeeper(kept, by="ana").inspect(note=False).ok


async def test_a_damaged_trail_keeps_no_gateway_from_serving(home, node, settings, files, caplog):
    files.make()
    files.store.write_bytes(b"no database" * 100)
    engine = StreamingEngine(home, settings=settings)
    await engine.start()
    assert "serves without its audit trail" in caplog.text
    await engine.stop()


async def test_a_gateway_puts_back_what_guards_its_trail_and_writes_that_down(
    home, node, settings, files, caplog
):
    engine = StreamingEngine(home, settings=settings)
    await engine.start()
    await engine.stop()
    with closing(sqlite3.connect(files.store, isolation_level=None)) as raw:
        raw.execute("DROP TRIGGER audit_is_not_updated")
    assert main(["--root", str(home.parent), "audit", "verify", "--gateway"]) == 1
    engine = StreamingEngine(home, settings=settings)
    await engine.start()
    await engine.stop()
    (row,) = rows(files, "audit.guards")
    assert json.loads(row.body)["broken"] == [
        {"fault": "missing", "name": "audit_is_not_updated", "what": "trigger"}
    ]
    assert "the trigger audit_is_not_updated is missing" in caplog.text
    assert AuditKeeper(files, by="ana").inspect(note=False).ok


async def test_whatever_is_done_to_it_is_found(dial, files, gateway, token_of, tmp_path):
    for number in range(20):
        async with dial() as wire:
            await wire.hello(token_of(Role.VIEWER, name=f"viewer-{number}"))
    await until(lambda: len(rows(files, "session.opened")) == 20)
    await gateway.stop()
    size = len(rows(files))
    for number in range(60):
        shutil.copy(files.store, tmp_path / "audit.db")
        with closing(sqlite3.connect(tmp_path / "audit.db", isolation_level=None)) as raw:
            for (name,) in raw.execute(
                "SELECT name FROM sqlite_master WHERE type='trigger'"
            ).fetchall():
                raw.execute(f"DROP TRIGGER {name}")
            done = ATTACKS[number % len(ATTACKS)](raw, random.Random(number), size, "gateway")
        with TradingStore.open(tmp_path / "audit.db", read_only=True) as store:
            verdict = inspect_trail(store, files).chains[0].verdict
        assert not verdict.ok, done
        assert verdict.kind in done.kinds, done
        assert done.first_bad is None or verdict.first_bad in done.first_bad, done


async def test_a_trail_that_is_taken_away_is_missed_by_the_traders(
    dial, home, files, gateway, token, monkeypatch, capsys
):
    monkeypatch.setenv("NL_ROOT", str(home.parent))
    (home.parent / "lab.toml").write_text("")
    async with dial() as wire:
        await wire.hello(token)
    await gateway.stop()
    rundir = Home(home).trader("PAPER-001")
    with TradingStore.open(rundir.store):
        pass
    assert main(["audit", "verify", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["trader"] for one in found["beside"]] == ["@gateway"]
    assert main(["audit", "verify", "--json"]) == 0
    shutil.rmtree(files.rundir.path)
    capsys.readouterr()
    assert main(["audit", "verify", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert "the trail of @gateway lacks checkpoint" in found["troubles"][0]
    kept = (rundir.audit / "findings.jsonl").read_text()
    assert "the trail of @gateway lacks" in kept


async def test_the_command_line_shows_the_trail_of_a_gateway(
    dial, home, files, gateway, token, monkeypatch, capsys
):
    monkeypatch.setenv("NL_ROOT", str(home.parent))
    (home.parent / "lab.toml").write_text("")
    async with dial() as wire:
        await wire.hello(token)
    await until(lambda: rows(files, "session.opened"))
    assert main(["audit", "log", "--gateway", "--kind", "session.", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["kind"], row["actor"]) == ("session.opened", "local-viewer")
    assert main(["audit", "checkpoint", "--gateway"]) == 0
    assert main(["audit", "verify", "--gateway"]) == 0
    assert "@gateway: the trail holds" in capsys.readouterr().out
    assert main(["audit", "archive", "--gateway"]) == 2  # while it runs
    assert "gateway" in capsys.readouterr().err
    assert main(["audit", "log", "--gateway", "7"]) == 2
