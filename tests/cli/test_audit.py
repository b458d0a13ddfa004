"""The audit trail from the command line."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from nautilus_lab.cli import main
from nautilus_lab.platform.audit import AuditFiles, AuditTrail
from nautilus_lab.platform.store import TradingStore


@pytest.fixture
def files(home, rundir):
    """The trail of PAPER-001, thirty rows of long ago."""
    with TradingStore.open(rundir.store) as store:
        trail = AuditTrail(store)
        for number in range(30):
            trail.append("note", {"n": number}, actor="ana", ts_ns=10**18 + number)
    return AuditFiles(
        rundir=rundir, checkpoints=rundir.audit / "checkpoints.jsonl", key_path=home.audit_key
    )


def tamper(files, statement):
    with closing(sqlite3.connect(files.store, isolation_level=None)) as raw:
        named = "SELECT name FROM sqlite_master WHERE type='trigger'"
        for (name,) in raw.execute(named).fetchall():
            raw.execute(f"DROP TRIGGER {name}")
        raw.execute(statement)


def said(capsys):
    return json.loads(capsys.readouterr().out)


def test_a_trail_that_holds_is_said_to_hold(files, capsys):
    assert main(["audit", "verify"]) == 1  # nothing covers it yet
    assert "no checkpoint covers node" in capsys.readouterr().out
    assert main(["audit", "checkpoint"]) == 0
    assert "node to row 30" in capsys.readouterr().out
    assert main(["audit", "verify"]) == 0
    out = capsys.readouterr().out
    assert "PAPER-001: the trail holds; 0 rows came after the last checkpoints" in out
    assert main(["audit", "verify", "--json"]) == 0
    found = said(capsys)
    assert (found["ok"], [one["chain"] for one in found["chains"]]) == (True, ["node", "operators"])


@pytest.mark.parametrize(
    ("statement", "kind", "row"),
    [
        ("UPDATE audit SET body = '{}' WHERE seq = 7", "edit", 7),
        ("DELETE FROM audit WHERE seq = 7", "gap", 7),
        ("DELETE FROM audit WHERE seq > 7", "truncation", 8),
    ],
)
def test_what_was_done_to_it_is_named_with_the_first_bad_row(files, capsys, statement, kind, row):
    assert main(["audit", "checkpoint"]) == 0
    tamper(files, statement)
    capsys.readouterr()
    assert main(["audit", "verify"]) == 1
    out = capsys.readouterr().out
    assert f"node: {kind} at row {row}: " in out
    assert "THE TRAIL DOES NOT HOLD" in out
    assert main(["audit", "verify", "--json"]) == 1
    one = said(capsys)["chains"][0]
    assert (one["kind"], one["first_bad"], one["ok"]) == (kind, row, False)


def test_a_checkpoint_kept_elsewhere_is_an_anchor(files, capsys, tmp_path):
    assert main(["audit", "checkpoint", "--json"]) == 0
    kept = tmp_path / "kept.json"
    kept.write_text(capsys.readouterr().out)
    lines = tmp_path / "lines.jsonl"
    lines.write_bytes(files.checkpoints.read_bytes())
    assert main(["audit", "verify", "--anchor", str(kept), "--anchor", str(lines)]) == 0
    tamper(files, "DELETE FROM audit WHERE chain = 'node' AND seq > 20")
    tamper(files, "DELETE FROM audit WHERE chain = 'operators'")
    files.checkpoints.unlink()
    for anchor in (kept, lines):
        capsys.readouterr()
        assert main(["audit", "verify", "--anchor", str(anchor)]) == 1
        assert "node: truncation at row 21" in capsys.readouterr().out
    for text in ("{}", "nonsense", '{"latest": 1}', '{"latest": [{}]}'):
        kept.write_text(text)
        assert main(["audit", "verify", "--anchor", str(kept)]) == 2
        assert "kept checkpoints must be" in capsys.readouterr().err
    assert main(["audit", "verify", "--anchor", str(tmp_path / "none")]) == 2


def test_an_export_is_verified_by_itself_with_the_key_or_without(files, capsys, tmp_path):
    path = tmp_path / "trail.jsonl.gz"
    assert main(["audit", "export", str(path), "--json"]) == 0
    made = said(capsys)
    assert (made["first"], made["last"], made["ok"]) == (1, 30, True)
    assert main(["audit", "verify", "--file", str(path)]) == 0
    assert "NOT TOLD FROM FORGED ONES" in capsys.readouterr().out
    key = str(files.key_path)
    assert main(["audit", "verify", "--file", str(path), "--key", key, "--json"]) == 0
    assert said(capsys)["authenticated"] is True
    assert main(["audit", "verify", "--file", str(path), "--key", str(tmp_path / "no")]) == 2
    assert not (tmp_path / "no").exists()
    assert main(["audit", "export", str(path)]) == 2  # it is there
    assert "not there yet" in capsys.readouterr().err
    path.write_bytes(path.read_bytes()[:-9])
    assert main(["audit", "verify", "--file", str(path)]) == 2
    assert main(["audit", "verify", "--file", str(tmp_path / "none")]) == 2


def test_an_export_whose_checkpoints_were_taken_away_does_not_hold_for_who_has_the_key(
    files, capsys, tmp_path
):
    main(["audit", "checkpoint"])
    kept = tmp_path / "trail.jsonl"
    main(["audit", "export", str(kept)])
    lines = kept.read_bytes().splitlines(keepends=True)
    kept.write_bytes(b"".join(one for one in lines if not one.startswith(b'{"checkpoint"')))
    capsys.readouterr()
    assert main(["audit", "verify", "--file", str(kept), "--key", str(files.key_path)]) == 1
    out = capsys.readouterr().out
    assert "no checkpoint covers the rows after 0" in out
    assert "THE FILE DOES NOT HOLD" in out


@pytest.mark.parametrize("body", ["no JSON", "[" * 100_000])
def test_a_row_that_somebody_wrote_over_is_shown_as_it_stands(files, capsys, body):
    tamper(files, f"UPDATE audit SET body = '{body}' WHERE seq = 30")
    assert main(["audit", "log", "-n", "1", "--json"]) == 0
    assert said(capsys)[0]["body"] == body


def test_what_somebody_wrote_into_a_trail_does_not_steer_the_terminal(files, capsys):
    main(["audit", "checkpoint"])
    tamper(files, "UPDATE audit SET chain = char(27) || '[8m' WHERE seq = 30")
    capsys.readouterr()
    assert main(["audit", "verify", "--no-note"]) == 1
    assert "\x1b" not in capsys.readouterr().out


def test_a_gateways_trail_that_cannot_be_read_hides_nothing_of_the_traders(files, home, capsys):
    main(["audit", "checkpoint"])
    tamper(files, "UPDATE audit SET body = '{}' WHERE seq = 7")
    home.gateway_files(1).trail.make().store.write_bytes(b"no database" * 500)
    capsys.readouterr()
    assert main(["audit", "verify"]) == 1
    out = capsys.readouterr().out
    assert "node: edit at row 7" in out
    assert "THE TRAIL CANNOT BE READ: a store must be a SQLite database" in out
    assert main(["audit", "verify", "--json"]) == 1
    assert [*said(capsys)["unread"]] == ["@gateway"]


def test_rows_are_shown_the_last_ones_first_asked_for(files, capsys):
    assert main(["audit", "log", "-n", "2", "--json"]) == 0
    assert [(row["row"], row["body"]) for row in said(capsys)] == [(29, {"n": 28}), (30, {"n": 29})]
    assert main(["audit", "log", "--kind", "order."]) == 0
    assert capsys.readouterr().out == "no rows of order. in node\n"
    assert main(["audit", "log", "-n", "0"]) == 2


def test_holds_keep_rows_from_the_archive_and_archives_from_the_bin(files, capsys, tmp_path):
    with TradingStore.open(files.store) as store:
        AuditTrail(store).append("note", {}, actor="ana")
    assert main(["audit", "checkpoint"]) == 0
    with TradingStore.open(files.store) as store:
        AuditTrail(store).append("note", {}, actor="ana")
    capsys.readouterr()
    day = "2001-09-09"  # when a billion seconds had passed
    assert main(["audit", "hold", "Doe v. Lab", "--since", day, "--until", day, "--json"]) == 0
    (hold,) = said(capsys)
    assert hold["until_ns"] - hold["since_ns"] == 86_400 * 10**9 - 1
    assert main(["audit", "archive", "--days", "0", "--json"]) == 0
    assert said(capsys) is None
    assert main(["audit", "release", hold["id"], "settled"]) == 0
    assert main(["audit", "holds"]) == 0
    assert "settled" in capsys.readouterr().out
    assert main(["audit", "archive", "--days", "0"]) == 0
    assert "rows 1 to 31 are in" in capsys.readouterr().out
    assert main(["audit", "verify"]) == 0
    assert main(["audit", "archive"]) == 0  # the setting: two years
    assert "nothing older than 730 days" in capsys.readouterr().out
    assert main(["audit", "discard"]) == 0
    assert "nothing older than 2557 days" in capsys.readouterr().out
    assert main(["audit", "hold", "x", "--since", "yesterday"]) == 2
    assert main(["audit", "hold", " "]) == 2
    assert main(["audit", "release", "H-99", "x"]) == 2


def test_a_trader_without_a_store_is_one_clear_error(home, capsys):
    assert main(["audit", "verify", "--trader", "PAPER-009"]) == 2
    assert "must have a store" in capsys.readouterr().err
    assert home.trader_ids == ()
    assert main(["audit", "verify", "--trader", "../x"]) == 2


def test_checkpoints_and_key_are_where_the_settings_say(workspace, files, capsys, monkeypatch):
    (workspace / "lab.toml").write_text(
        '[audit]\ncheckpoints = "elsewhere"\nkey = "keys/audit.key"\n'
    )
    (workspace / "elsewhere").mkdir()
    (workspace / "keys").mkdir()
    assert main(["audit", "checkpoint"]) == 0
    assert (workspace / "elsewhere" / "PAPER-001.checkpoints.jsonl").is_file()
    assert (workspace / "keys" / "audit.key").is_file()
    assert not files.checkpoints.exists()
    assert main(["audit", "verify"]) == 0
