import ast
import re

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


def test_what_the_live_lines_call_is_there(blocks):
    import nautilus_lab as nl

    tree = compile(
        blocks[1], "README.md", "exec", flags=ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    )
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert called == {"lab.trading.start", "nl.connect", "nl.widgets.risk_dashboard"}
    assert callable(nl.TradingEngine.start)
    assert callable(nl.connect)
    assert callable(nl.widgets.risk_dashboard)


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
