"""Halting and killing from the command line, with everything else down."""

import json
import os
import subprocess
import sys
import time

import pytest

from nautilus_lab.cli import main
from nautilus_lab.cli._main import parser
from nautilus_lab.exceptions import NodeError
from nautilus_lab.platform.commands import HaltTrading, ReduceOnly, ResumeTrading, StateOfTrading
from nautilus_lab.platform.rundir import Home, Latch, ResumeRequest


def latch(rundir):
    return Latch(rundir.latch, witness=rundir.store).read()


@pytest.mark.parametrize(
    ("verb", "state"), [("halt", "HALTED"), ("kill", "KILLED"), ("reduce-only", "REDUCE_ONLY")]
)
def test_the_latch_is_written_with_node_store_bus_and_gateway_down(rundir, capsys, verb, state):
    Latch(rundir.latch).begin()
    rundir.store.write_bytes(b"not a database")
    assert main([verb, "prices look wrong"]) == 0
    held = latch(rundir)
    assert (held.state, held.reason, held.automatic) == (state, "prices look wrong", False)
    assert held.by
    assert f"PAPER-001 is {state} (prices look wrong); node does not run" in capsys.readouterr().out


@pytest.mark.parametrize("verb", ["halt", "kill", "reduce-only"])
def test_it_needs_no_reason_and_loads_no_database_and_no_nautilus(rundir, workspace, verb):
    script = (
        "import sys\n"
        "from nautilus_lab.cli import main\n"
        f"code = main([{verb!r}])\n"
        "heavy = {'pandas', 'numpy', 'nautilus_trader', 'sqlalchemy', 'redis'}\n"
        "print('loaded:', sorted(heavy & set(sys.modules)), code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=dict(os.environ)
    )
    assert done.stdout.strip().endswith("loaded: [] 0")
    assert latch(rundir).reason == "no reason was given on the command line"


@pytest.mark.parametrize("chosen", [["--all"], ["--trader", "PAPER-001"]])
def test_a_kill_reads_no_settings_where_it_is_said_who_is_meant(rundir, chosen):
    script = (
        "import sys\n"
        "from nautilus_lab.cli import main\n"
        f"code = main(['kill', *{chosen!r}])\n"
        "print('loaded:', sorted({'pydantic'} & set(sys.modules)), code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=dict(os.environ)
    )
    assert done.stdout.strip().endswith("loaded: [] 0"), done
    assert latch(rundir).state == "KILLED"


_UNTIL_LATCHED = """
import os, sys
begun = set(sys.modules)
replace = os.replace
def noting(*names):
    replace(*names)
    print(*sorted(set(sys.modules) - begun), flush=True)
    os._exit(0)
os.replace = noting
from nautilus_lab.cli import main
main(["kill", "--all"])
"""


def test_a_kill_loads_next_to_nothing_before_its_latch_is_on_the_disk(rundir):
    done = subprocess.run(
        [sys.executable, "-c", _UNTIL_LATCHED], capture_output=True, text=True, env=dict(os.environ)
    )
    loaded = done.stdout.split()
    assert latch(rundir).state == "KILLED", done
    # What takes long to load, of the library's and of ours.
    long = {
        "asyncio",
        "dataclasses",
        "inspect",
        "logging",
        "pathlib",
        "shutil",
        "tomllib",
        "typing",
    }
    assert not long & set(loaded)
    platform = [name for name in loaded if name.startswith("nautilus_lab.platform.")]
    assert all(name.startswith("nautilus_lab.platform.latch") for name in platform)
    # Nor anything that was installed beside Python itself.
    ours = {name.partition(".")[0] for name in loaded} - sys.stdlib_module_names
    assert ours == {"nautilus_lab"}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("", "no reason was given on the command line"),
        ("the feed\nis \x1b[31m wrong", "the feed is ?[31m wrong"),
        (os.fsdecode(b"no \xff text"), "no ? text"),
        ("x" * 501, "x" * 497 + "..."),
    ],
)
def test_a_kill_is_not_refused_for_its_words(node, capsys, given, kept):
    node.answers["risk.halt"] = StateOfTrading(state="KILLED", reason="r", by="ana", since_ns=1)
    assert main(["kill", "--all", given]) == 0
    assert latch(node.rundir).reason == kept
    assert node.bodies == [HaltTrading(reason=kept, cancel_orders=True, kill=True)]


@pytest.mark.parametrize("verb", ["halt", "kill", "reduce-only"])
def test_what_is_urgent_is_read_as_all_else_is(verb, capsys):
    told = []
    for root in ([], ["--root", "."]):
        for words in (["--help"], ["--no-such-option"], ["a", "b"]):
            with pytest.raises(SystemExit):
                main([*root, verb, *words])
            told.append(capsys.readouterr())
            with pytest.raises(SystemExit):
                parser().parse_args([*root, verb, *words])
            assert told[-1] == capsys.readouterr()


def test_the_latch_is_there_before_the_node_is_told(node, capsys):
    seen = []

    def answer(request):
        seen.append(latch(node.rundir).state)
        return StateOfTrading(
            state="KILLED", reason=request.body.reason, by="ana", since_ns=1, cancelling=3
        )

    node.answers["risk.halt"] = answer
    assert main(["kill", "enough"]) == 0
    assert seen == ["KILLED"]
    assert node.bodies == [HaltTrading(reason="enough", cancel_orders=True, kill=True)]
    assert "node told, 3 orders are cancelled" in capsys.readouterr().out


def test_halting_cancels_only_when_it_is_asked_to(node):
    told = StateOfTrading(state="HALTED", reason="r", by="ana", since_ns=1)
    node.answers["risk.halt"] = node.answers["risk.reduce_only"] = told
    assert main(["halt", "r"]) == 0
    assert main(["halt", "r", "--cancel-orders"]) == 0
    assert main(["reduce-only", "r", "--cancel-orders"]) == 0
    assert node.bodies == [
        HaltTrading(reason="r"),
        HaltTrading(reason="r", cancel_orders=True),
        ReduceOnly(reason="r", cancel_orders=True),
    ]


def test_a_node_that_cannot_be_told_is_said_and_the_latch_holds(node, capsys):
    node.answers["risk.halt"] = NodeError("it is busy")
    assert main(["halt", "now"]) == 0
    assert latch(node.rundir).state == "HALTED"
    assert "could not be told: it is busy" in capsys.readouterr().out


def test_a_latch_that_cannot_be_written_is_said_although_the_node_halts(node, capsys):
    node.answers["risk.halt"] = StateOfTrading(
        state="HALTED", reason="now", by="ana", since_ns=1, durable=False
    )
    node.rundir.latch.mkdir()  # as good as a disk that is full
    assert main(["halt", "now"]) == 0
    assert "NOT in its latch" in capsys.readouterr().out


def test_a_latch_that_cannot_be_written_without_a_node_is_an_error(rundir, capsys):
    rundir.latch.mkdir()
    assert main(["halt", "now"]) == 2
    assert capsys.readouterr().err.startswith("StoreError")


def test_all_traders_are_killed_although_one_cannot_be(home, capsys):
    rundirs = [home.trader(f"PAPER-00{n}").make() for n in (1, 2, 3)]
    rundirs[1].latch.mkdir()
    assert main(["kill", "--all", "the end"]) == 2
    assert [latch(r).state for r in (rundirs[0], rundirs[2])] == ["KILLED", "KILLED"]
    error = capsys.readouterr().err
    assert "every trader must be KILLED" in error
    assert "PAPER-002" in error
    rundirs[1].latch.rmdir()
    assert main(["kill", "--all", "the end", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["trader"] for one in told] == ["PAPER-001", "PAPER-002", "PAPER-003"]
    assert all(one["state"] == "KILLED" and one["latched"] for one in told)


def test_a_looser_verb_does_not_loosen(rundir, capsys):
    assert main(["kill", "first"]) == 0
    assert main(["reduce-only", "second"]) == 0
    assert latch(rundir).state == "KILLED"
    assert main(["kill", "third"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "PAPER-001 is KILLED (first); node does not run"
    assert (
        said[1] == said[2] == "PAPER-001 was KILLED (first) before and stays so; node does not run"
    )


@pytest.mark.parametrize("text", ["[trading]\nno_such_key = 1\n", "this is no TOML ["])
def test_settings_that_cannot_be_read_stop_nobody_from_killing(home, workspace, capsys, text):
    rundirs = [home.trader(f"PAPER-00{n}").make() for n in (1, 2)]
    (workspace / "lab.toml").write_text(text)
    assert main(["halt", "--trader", "PAPER-002"]) == 0
    assert [latch(r).state for r in rundirs] == ["ACTIVE", "HALTED"]
    capsys.readouterr()
    assert main(["kill", "enough"]) == 0  # too many is the smaller harm
    assert [latch(r).state for r in rundirs] == ["KILLED", "KILLED"]
    said = capsys.readouterr()
    assert "going on without" in said.err
    assert f"the traders in {home.path}" in said.err
    assert [line.split()[0] for line in said.out.splitlines()] == ["PAPER-001", "PAPER-002"]


def test_a_bad_variable_stops_nobody_from_halting_nor_from_looking(home, capsys, monkeypatch):
    rundirs = [home.trader(f"PAPER-00{n}").make() for n in (1, 2)]
    monkeypatch.setenv("NL_TRADING__MAX_ORDER_NOTIONAL", "abc")
    for verb, state in (("reduce-only", "REDUCE_ONLY"), ("halt", "HALTED")):
        assert main([verb, "a reason"]) == 0
        assert [latch(r).state for r in rundirs] == [state, state]
    capsys.readouterr()
    assert main(["state"]) == 0
    said = capsys.readouterr()
    assert "the settings cannot be read" in said.err
    assert [line.split()[:2] for line in said.out.splitlines()[1:]] == [
        ["PAPER-001", "HALTED"],
        ["PAPER-002", "HALTED"],
    ]
    assert main(["state", "--trader", "PAPER-002", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "HALTED"
    assert main(["alerts", "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == []
    assert "the settings cannot be read" in said.err


def test_the_state_of_all_is_shown_by_name(home, capsys):
    for number in (1, 2):
        home.trader(f"PAPER-00{number}").make()
    assert main(["halt", "--trader", "PAPER-002", "the feed"]) == 0
    capsys.readouterr()
    assert main(["state", "--all", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {name: one["state"] for name, one in told.items()} == {
        "PAPER-001": "ACTIVE",
        "PAPER-002": "HALTED",
    }


@pytest.mark.parametrize("verb", ["halt", "kill", "reduce-only", "state", "alerts"])
def test_a_folder_without_a_lab_is_one_error_that_names_it(tmp_path, capsys, verb):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert main(["--root", str(elsewhere), verb]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    rule, got, do = said.err.splitlines()
    assert rule == "InputError: no lab has run in this workspace"
    assert str(elsewhere / ".lab") in got
    assert "--root FOLDER" in do
    assert list(elsewhere.iterdir()) == []
    assert main(["--root", str(tmp_path / "nowhere"), verb]) == 2
    assert "a workspace must be a folder" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["halt", "kill", "reduce-only", "state"])
def test_a_lab_without_a_trader_is_an_error_that_names_its_folder(home, capsys, verb):
    assert main([verb]) == 2
    said = capsys.readouterr().err
    assert "no trader has run in this workspace" in said
    assert str(home.path) in said
    home.trader("PAPER-002").make()
    assert main([verb]) == 2  # the settings' own trader has never been
    said = capsys.readouterr().err
    assert f"PAPER-001, looked for in {home.path}" in said
    assert "one of PAPER-002" in said


def test_the_home_that_unreadable_settings_name_is_found_all_the_same(workspace, monkeypatch):
    rundir = Home(workspace / "elsewhere").make().trader("DESK-7").make()
    (workspace / "lab.toml").write_text('home = "elsewhere"\nno_such_key = 1\n')
    assert main(["halt", "--trader", "DESK-7"]) == 0
    assert latch(rundir).state == "HALTED"
    rundir.latch.unlink()
    (workspace / "lab.toml").write_text('home = "elsewhere"\nthis is no TOML [\n[trading]\n')
    assert main(["halt"]) == 0
    assert latch(rundir).state == "HALTED"
    rundir.latch.unlink()
    (workspace / "lab.toml").write_text("no_such_key = 1\n")
    monkeypatch.setenv("NL_HOME", "elsewhere")
    assert main(["kill"]) == 0  # its only trader
    assert latch(rundir).state == "KILLED"


@pytest.mark.parametrize(
    "settings",
    [
        b'home = "other"\n# \xe9\xe9\n',
        b'# \xe9\xe9\nno_such_key = 1\nhome = "other"\n',
        b'\xef\xbb\xbfhome = "other"\n',
        b'  home = "other"\nthis is no TOML [\n',
        b'\t"home" = "other"\nthis is no TOML [\n',
        b"'home'='other'\nthis is no TOML [\n",
        b'\xef\xbb\xbf"home" = "other"\nthis is no TOML [\n',
        b'names = [\n["a"],\n]\nhome = "other"\nthis is no TOML [\n',
        b'"\\u0068ome" = "other"\n',
    ],
)
@pytest.mark.parametrize("words", [["halt"], ["kill"], ["kill", "--all"]])
def test_however_a_home_is_written_it_is_found(workspace, settings, words):
    rundir = Home(workspace / "other").make().trader("PAPER-001").make()
    (workspace / "lab.toml").write_bytes(settings)
    assert main(words) == 0
    assert latch(rundir).state in ("HALTED", "KILLED")


@pytest.mark.parametrize("kind", ["folder", "loop", "leads nowhere"])
def test_settings_that_are_no_file_are_not_those_of_a_fresh_workspace(
    home, workspace, capsys, kind
):
    rundirs = [home.trader(f"PAPER-00{n}").make() for n in (1, 2)]
    place = workspace / "lab.toml"
    place.unlink(missing_ok=True)
    if kind == "folder":
        place.mkdir()
    else:
        place.symlink_to("lab.toml" if kind == "loop" else "nowhere.toml")
    assert main(["halt"]) == 0  # which trader is meant is not known
    assert [latch(rundir).state for rundir in rundirs] == ["HALTED", "HALTED"]
    assert "lab.toml must be readable" in capsys.readouterr().err
    assert main(["version"]) == 0
    assert main(["runs"]) == 2


def test_a_trader_that_is_none_is_not_made(workspace, home, capsys):
    assert main(["kill", "--trader", "PAPER-009"]) == 2
    assert "must be one of this workspace" in capsys.readouterr().err
    assert home.trader_ids == ()
    assert main(["kill", "--trader", "../../etc"]) == 2
    assert "plain name" in capsys.readouterr().err
    assert main(["kill", "--all"]) == 2
    assert main(["kill", "--all", "--trader", "PAPER-001"]) == 2


def test_resuming_is_the_nodes_and_needs_a_reason(node, capsys):
    node.answers["risk.resume"] = StateOfTrading(state="ACTIVE", reason="ok", by="ana", since_ns=1)
    assert main(["resume", "the feed is mended"]) == 0
    assert node.bodies == [ResumeTrading(reason="the feed is mended")]
    assert capsys.readouterr().out == "PAPER-001 is ACTIVE\n"
    with pytest.raises(SystemExit):
        main(["resume"])
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main(["resume", "--help"])
    assert "what to let through from now on (ACTIVE)" in capsys.readouterr().out


def test_asking_to_resume_says_who_may_do_it_and_until_when(node, capsys):
    node.answers["risk.ask_resume"] = StateOfTrading(
        state="KILLED", reason="r", by="ana", since_ns=1, resume_expires_ns=60 * 10**9
    )
    assert main(["resume", "--ask", "the feed is mended", "--to", "reduce_only"]) == 0
    assert node.bodies == [ResumeTrading(reason="the feed is mended", to="REDUCE_ONLY")]
    assert capsys.readouterr().out == (
        "PAPER-001 is KILLED; somebody else resumes it until 1970-01-01 00:01:00Z: "
        "nautilus-lab resume\n"
    )
    node.answers["risk.ask_resume"] = StateOfTrading(
        state="KILLED", reason="r", by="ana", since_ns=1, single_person=True,
        resume_expires_ns=60 * 10**9,
    )  # fmt: skip
    assert main(["resume", "--ask", "the feed is mended"]) == 0
    assert "; you resume it until 1970-01-01 00:01:00Z" in capsys.readouterr().out


def test_the_state_of_a_dead_node_says_who_asked_to_resume_it(rundir, capsys):
    main(["kill", "a reason"])
    now = time.time_ns()
    ResumeRequest(
        to="ACTIVE",
        reason="why not",
        by="ben",
        serial=latch(rundir).serial,
        asked_ns=now,
        expires_ns=now + 10**12,
    ).write(rundir.resume_asked)
    capsys.readouterr()
    assert main(["state", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["state"], told["resume_asked_by"]) == ("KILLED", "ben")


def test_resuming_without_a_node_is_refused_and_changes_nothing(rundir, capsys):
    assert main(["halt"]) == 0
    assert main(["resume", "why not"]) == 2
    assert "NodeNotRunning" in capsys.readouterr().err
    assert latch(rundir).state == "HALTED"


def test_the_state_is_the_latchs_where_no_node_runs(rundir, capsys):
    main(["halt", "a reason"])
    capsys.readouterr()
    assert main(["state", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["state"], told["reason"]) == ("HALTED", "a reason")
    assert main(["state"]) == 0
    assert "a reason" in capsys.readouterr().out


def test_a_trader_that_never_was_has_no_state(rundir, capsys):
    assert main(["state", "--trader", "PAPER-009"]) == 2
    told = capsys.readouterr()
    assert "PAPER-009" in told.err
    assert "one of PAPER-001" in told.err
    assert told.out == ""


def test_the_state_says_since_when_once_and_money_with_two_decimals(node, capsys):
    node.answers["risk.state"] = StateOfTrading(
        state="ACTIVE", reason="a new trader", by="node", since_ns=1, equity=1001953.5799999991
    )
    assert main(["state"]) == 0
    fields = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert fields["since"] == "1970-01-01 00:00:00Z"
    assert "since_ns" not in fields
    assert fields["equity"] == "1,001,953.58"
    assert main(["state", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["equity"] == 1001953.5799999991


def test_a_node_that_cannot_be_asked_leaves_the_word_to_its_latch(node, capsys):
    Latch(node.rundir.latch).tighten("HALTED", reason="by hand", by="ana")
    node.answers["risk.state"] = NodeError("it is busy")
    assert main(["state"]) == 0
    said = capsys.readouterr()
    assert "HALTED" in said.out
    assert "could not be asked, this is what its latch says: it is busy" in said.err
