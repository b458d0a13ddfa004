import ast
import asyncio
import re
import shlex
from types import SimpleNamespace

import pytest


@pytest.fixture(scope="module")
def readme(repository):
    return (repository / "README.md").read_text("utf-8")


@pytest.fixture(scope="module")
def blocks(readme):
    return re.findall(r"^```python\n(.*?)^```", readme, re.DOTALL | re.MULTILINE)


@pytest.mark.slow
def test_the_ten_lines_run_and_print_all_four_answers(blocks, workspace, catalog, capsys):
    first = blocks[0]
    assert len(first.splitlines()) <= 12
    exec(compile(first, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    for kind in ("FactorStudy", "BacktestResult", "Allocation", "RiskReport"):
        assert kind in printed


@pytest.fixture
def shell_lines(readme):
    """The lines that are given to a shell, without their comments."""
    (block,) = re.findall(r"^```sh\n(.*?)^```", readme, re.DOTALL | re.MULTILINE)
    return [shlex.split(line, comments=True) for line in block.splitlines()]


@pytest.mark.slow
@pytest.mark.processes
async def test_the_live_lines_trade_and_those_of_the_shell_stop_it(
    blocks, shell_lines, workspace, catalog, capsys
):
    import pandas as pd

    import nautilus_lab as nl

    # What the ten lines would have left behind, at a thousandth of the time.
    book = SimpleNamespace(weights=pd.Series({"AAPL": 0.5, "MSFT": 0.5}))
    names = {"nl": nl, "lab": nl.Lab(), "book": book}
    code = compile(blocks[1], "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    try:
        await eval(code, names)
        assert "BUY 100 AAPL.PAPER MARKET: FILLED, 100 of 100" in capsys.readouterr().out
        said = []
        for line in shell_lines:
            done = await asyncio.create_subprocess_exec(*line, stdout=asyncio.subprocess.PIPE)
            said.append((await done.communicate())[0].decode())
            assert done.returncode == 0, line
        assert [len(line) > 0 for line in said] == [True] * 5
        states = ("HALTED (the feed looks wrong)", "HALTED", "ACTIVE", "KILLED (enough)")
        for text, state in zip(said, states, strict=False):
            assert state in text
        assert names["lab"].trading.may.state == "KILLED"
    finally:
        await names["desk"].close()
        await names["node"].stop()


@pytest.mark.parametrize("command", ["make lab", "make test", "make demo", "make help"])
def test_the_commands_it_names_are_targets(readme, repository, command):
    assert command in readme
    makefile = (repository / "Makefile").read_text("utf-8")
    assert re.search(rf"^{command.split()[1]}:", makefile, re.MULTILINE)


@pytest.mark.parametrize(
    ("package", "licence"),
    [
        ("vectorbt", "Commons Clause"),
        ("dbnomics", "AGPL-3"),
        ("nautilus_trader", "LGPL-3"),
        ("lightweight-charts", "Apache-2.0"),
        ("Tabulator", "MIT"),
    ],
)
def test_the_licences_a_user_must_know_are_told(readme, package, licence):
    row = next(line for line in readme.splitlines() if line.startswith(f"| {package}"))
    assert licence in row
