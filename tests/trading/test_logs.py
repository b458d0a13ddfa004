"""Logs of a trader's processes, as a notebook reads them."""

import asyncio
import os

import pytest

from nautilus_lab.config import load_settings
from nautilus_lab.exceptions import InputError
from nautilus_lab.platform.rundir import Home
from nautilus_lab.trading import TradingEngine
from nautilus_lab.trading.supervisor._output import keep_latest, rotate_output


@pytest.fixture
def rundir(workspace):
    return Home(load_settings().home_path).make().trader("PAPER-001").make()


@pytest.fixture
def engine(rundir):
    return TradingEngine(load_settings())


def append(path, text):
    with path.open("a") as file:
        file.write(text)


async def until(lines, wanted):
    async with asyncio.timeout(10):
        async for line in lines:
            if wanted(line):
                return line


def test_the_end_of_a_log_is_shown_as_text_and_as_html(engine, rundir):
    (rundir.logs / "node.log").write_text("one\n<b>two</b>\n")
    view = engine.logs(1)
    assert str(view) == repr(view) == "<b>two</b>"
    assert view._repr_html_() == "<pre>&lt;b&gt;two&lt;/b&gt;</pre>"
    assert len(engine.logs()) == 2


def test_each_process_has_a_log_by_its_name(engine, rundir):
    home = Home(load_settings().home_path)
    (rundir.logs / "venue.out").write_text("printed\n")
    (rundir.logs / "nautilus_2026-03-02_100000-000.log").write_text("old\n")
    (rundir.logs / "nautilus_2026-03-02_110000-000.log").write_text("new\n")
    (home.logs / "gateway.log").write_text("gateway\n")
    assert [list(engine.logs(of=name)) for name in ("venue", "nautilus", "gateway")] == [
        ["printed"],
        ["new"],
        ["gateway"],
    ]
    with pytest.raises(InputError, match="a process that ran") as caught:
        engine.logs(of="nobody")
    assert caught.value.remedy == "choose among gateway, nautilus, venue"
    for name in ("../../etc/passwd", "*", ""):
        with pytest.raises(InputError):
            engine.logs(of=name)


async def test_following_goes_on_over_a_rotation(engine, rundir):
    path = rundir.logs / "node.log"
    path.write_text("one\n")
    lines = aiter(engine.logs(follow=True))
    assert await anext(lines) == "one"
    append(path, "two\n")
    path.rename(path.with_name("node.log.1"))
    path.write_text("three\n")
    assert [await anext(lines), await anext(lines)] == ["two", "three"]


async def test_following_goes_on_in_the_next_file_of_nautilus(engine, rundir):
    first = rundir.logs / "nautilus_2026-03-02_100000-000.log"
    first.write_text("one\n")
    lines = aiter(engine.logs(of="nautilus", follow=True))
    assert await anext(lines) == "one"
    append(first, "two\n")
    (rundir.logs / "nautilus_2026-03-02_110000-000.log").write_text("three\n")
    assert [await anext(lines), await anext(lines)] == ["two", "three"]


async def test_a_flood_does_not_reach_the_notebook(engine, rundir):
    path = rundir.logs / "node.log"
    path.write_text("")
    lines = aiter(engine.logs(follow=True))
    first = asyncio.ensure_future(anext(lines))
    await asyncio.sleep(0)
    append(path, "".join(f"line {n}\n" for n in range(1_000)))
    told = [await first]
    while not told[-1].startswith("..."):
        told.append(await anext(lines))
    assert told[-2] == "line 999"
    assert len(told) == 11  # ten lines in half a second, and how many there were besides
    assert told[-1] == f"... 990 lines more; see {path}"


def test_of_the_logs_of_every_nautilus_that_ran_the_latest_stay(tmp_path):
    names = [f"nautilus_2026-03-{day:02d}_100000-000.log" for day in range(1, 16)]
    for name in (*names, "node.log"):
        (tmp_path / name).touch()
    keep_latest(tmp_path, "nautilus_*.log", 10)
    assert sorted(os.listdir(tmp_path)) == [*names[5:], "node.log"]


def test_what_a_process_prints_is_copied_away_and_emptied_when_it_is_long(tmp_path):
    path = tmp_path / "node.out"
    with path.open("ab") as writer:
        for text in (b"one", b"two", b"three"):
            writer.write(text * 10)
            writer.flush()
            assert rotate_output(path, most_bytes=20)
            assert path.stat().st_size == 0
    assert (tmp_path / "node.out.1").read_bytes() == b"three" * 10
    assert (tmp_path / "node.out.2").read_bytes() == b"two" * 10
    assert (tmp_path / "node.out.1").stat().st_mode & 0o077 == 0
    assert not rotate_output(path)
    assert not rotate_output(tmp_path / "nothing")
