"""Write the generated pages of the documentation, then check all of it.

Generated: the index, the settings, the commands, the command line and the contents of every
package. Checked: each link between files leads somewhere, each Python block compiles, each ``>>>``
example gives what it says.
"""

from __future__ import annotations

import argparse
import ast
import doctest
import importlib
import inspect
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.DOTALL | re.MULTILINE)
MADE = "<!-- made by `make docs`; change the source and run it again -->\n"


def pages() -> Iterator[Path]:
    """Yield every page of the documentation."""
    yield from sorted(ROOT.glob("*.md"))
    yield from sorted((ROOT / "docs").rglob("*.md"))


def index() -> str:
    """Return the first page."""
    lines = [
        "# Nautilus Lab",
        MADE,
        "- [Install](install.md)",
        "- The first notebook: [start_here](../notebooks/start_here.ipynb); `make lab` opens it",
        "- The second: [live_trading](../notebooks/live_trading.ipynb), orders of every kind,",
        "  a kill, a halt and a look back",
        "- [Settings](configuration.md), [the command line](command_line.md),",
        "  [commands and permissions](commands.md), [the catalogue of limits](limits.md),",
        "  [the catalogue of features](features.md),",
        "  [the operators of factor expressions](operators.md),",
        "  [the factors of the sources](factor_sources.md), [contents](contents.md)",
        "- [The stream protocol](protocol.md): how a viewer follows a node, and asks it for things",
        "- [Coverage](coverage.md): each line of the platform description, and what fulfils it",
        "- [Decisions](decisions.md): what could have been done otherwise",
        "- [Contributing](../CONTRIBUTING.md): how to add an engine, a command, a venue",
        "- [Changes](../CHANGELOG.md): by package, and which of them change behaviour",
        "",
        "Before each example, `import nautilus_lab as nl` and `lab = nl.Lab()` have run, where",
        "`await` may stand by itself, as in a notebook. Blocks of a page run one after the other;",
        "a name that none of them makes is a frame of yours, whose shape the page tells.",
        *_concepts(),
        *_notebooks(),
        *_inside(),
    ]
    return "\n".join(lines) + "\n"


# Pages and notebooks in the order in which somebody new reads them; any other comes last.
_CONCEPTS = {
    "Data and features": "marketdata features gaps own_features microstructure cross_asset "
    "sentiment",
    "Factors": "factors factor_evaluation trials point_in_time factor_sources factors_at_scale "
    "risk_models",
    "Backtests, portfolios, risk": "strategies backtesting analytics portfolio risk reports jobs",
    "Limits": "limits gate measures adjusting_limits firm_limits kill_switch",
    "Trading": "trading orders execution paper_venue streaming dashboards recorder",
}
_NOTEBOOKS = (
    "features microstructure factor_study multiple_testing factor_sources factors_at_scale "
    "risk_model risk_report daily_factor_report daily_reports fault_drill"
)


def _concepts() -> list[str]:
    placed = {name for names in _CONCEPTS.values() for name in names.split()}
    found = {page.stem for page in (ROOT / "docs" / "concepts").glob("*.md")}
    groups = {heading: names.split() for heading, names in _CONCEPTS.items()}
    if others := sorted(found - placed):
        groups["Others"] = others
    lines = ["", "## Concepts"]
    for heading, names in groups.items():
        lines += ["", f"### {heading}", ""]
        lines += [_link(f"concepts/{name}.md") for name in names]
    return lines


def _inside() -> list[str]:
    found = sorted((ROOT / "docs" / "platform").glob("*.md"))
    return ["", "## Inside", "", *(_link(f"platform/{page.name}") for page in found)]


def _link(page: str) -> str:
    title = (ROOT / "docs" / page).read_text("utf-8").splitlines()[0].lstrip("# ")
    return f"- [{title}]({page})"


def _notebooks() -> list[str]:
    """Return the notebooks of research, each with the question it asks."""
    placed = _NOTEBOOKS.split()
    found = {path.stem: path for path in (ROOT / "notebooks" / "research").glob("*.ipynb")}
    lines = ["", "## Notebooks", "", "Each asks one question, and runs from top to bottom.", ""]
    for name in sorted(
        found, key=lambda one: (placed.index(one) if one in placed else len(placed), one)
    ):
        first = "".join(json.loads(found[name].read_text("utf-8"))["cells"][0]["source"])
        asked = re.search(r"\*\*(.+?)\*\*", first, re.DOTALL)
        said = f": {' '.join(asked[1].split())}" if asked else ""
        lines.append(f"- [{name}](../notebooks/research/{name}.ipynb){said}")
    return lines


def configuration() -> str:
    """Return the page of all settings."""
    from nautilus_lab.config import Settings

    lines = [
        "# Settings",
        MADE,
        "A key stands in `lab.toml` at the workspace's root, in the environment (which wins), or",
        "in a call: `Lab(trading={...})` (which wins over both). An unknown key is refused. A",
        "relative path starts at the workspace's root.",
        "",
        *_keys(Settings, ""),
    ]
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            lines += ["", f"## `[{name}]`", "", inspect.cleandoc(section.__doc__ or ""), ""]
            lines += _keys(section, f"{name}.")
            lines += _tables(section, name)
            for key, inner in section.model_fields.items():
                if isinstance(inner.default, BaseModel):
                    within = type(inner.default)
                    lines += ["", f"### `[{name}.{key}]`", ""]
                    lines += [inspect.cleandoc(within.__doc__ or ""), ""]
                    lines += _keys(within, f"{name}.{key}.")
    return "\n".join(lines) + "\n"


def _tables(section: type[BaseModel], name: str) -> list[str]:
    """Return the keys of what stands in a section several times, or within another."""
    lines = []
    for key, field in section.model_fields.items():
        for heading, of in _inner(f"{name}.{key}", field):
            if issubclass(of, BaseModel):
                lines += ["", f"### `{heading}`", "", inspect.cleandoc(of.__doc__ or "")]
                lines += ["", "| Key | Default | Bounds |", "|---|---|---|"]
                lines += [
                    f"| `{one}` | {_default(inner)} | {_bounds(inner)} |"
                    for one, inner in of.model_fields.items()
                ]
    return lines


def _inner(name: str, field: Any) -> Iterator[tuple[str, type]]:
    """Yield the headings of tables below a key, and what stands in each."""
    if isinstance(field.default, tuple) and field.default:
        yield f"[[{name}]]", type(field.default[0])
    elif get_origin(field.annotation) is dict and field.default == {}:
        _, of = get_args(field.annotation)
        if isinstance(of, type):
            yield f"[{name}.NAME]", of
    elif isinstance(field.default, BaseModel):
        # Of several of a kind the first speaks for all.
        first, *others = field.annotation.model_fields.items()
        both = ", ".join(f"[{name}.{one}]" for one, _ in (first, *others))
        yield both, first[1].annotation


def _keys(section: type[BaseModel], prefix: str) -> list[str]:
    rows = []
    for name, field in section.model_fields.items():
        if name == "root" or isinstance(field.default, BaseModel):
            continue
        variable = "NL_" + (prefix + name).replace(".", "__").upper()
        rows.append(f"| `{prefix}{name}` | {_default(field)} | {_bounds(field)} | `{variable}` |")
    head = ["| Key | Default | Bounds | In the environment |", "|---|---|---|---|"]
    return [*head, *rows] if rows else []


def _default(field: Any) -> str:
    return "-" if field.default is PydanticUndefined else f"`{_written(field.default)}`"


def _written(value: Any) -> str:
    # Which is TOML, for what a setting can be; a table can be written by its name alone.
    return json.dumps(value, default=lambda one: getattr(one, "name", None) or str(one))


def _bounds(field: Any) -> str:
    signs = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}
    found = [
        f"{sign} {getattr(rule, name):g}"
        for rule in field.metadata
        for name, sign in signs.items()
        if getattr(rule, name, None) is not None
    ]
    choices = getattr(field.annotation, "__args__", ())
    found += [choice for choice in choices if isinstance(choice, str) and choice]
    return ", ".join(found) or "-"


def commands() -> str:
    """Return the page of what the processes of a lab answer, and for whom."""
    from nautilus_lab.monitoring import MONITOR_COMMANDS
    from nautilus_lab.streaming._status import GATEWAY_COMMANDS
    from nautilus_lab.trading.commands import NODE_COMMANDS, SUPERVISOR_COMMANDS

    lines = [
        "# Commands",
        MADE,
        "What may be asked of a running lab, and what the caller must be allowed to do. Each",
        "process answers on a socket of its own, and beside these `commands.list`: what it can",
        "be asked. The socket's owner needs no token; a desk asks through a gateway, with its own.",
        "`await desk.command(name, ...)`, `await lab.trading.command(name, ...)` and the",
        "[command line](command_line.md) ask for them.",
        "",
        "## The trading node",
        "",
        NODE_COMMANDS.markdown(),
        "",
        "## The supervisor",
        "",
        SUPERVISOR_COMMANDS.markdown(),
        "",
        "## A stream gateway",
        "",
        GATEWAY_COMMANDS.markdown(),
        "",
        "## The monitor",
        "",
        MONITOR_COMMANDS.markdown(),
        "",
        "## Bodies and answers",
        "",
        "What a `command` frame carries as its `body`, and a `result` frame as its own. A body",
        'with a field that is not listed is refused. A decimal is text, as in `"72.40"`; a field',
        "with a default may be left out.",
        "",
        NODE_COMMANDS.schemas(SUPERVISOR_COMMANDS, GATEWAY_COMMANDS, MONITOR_COMMANDS),
        "",
        "## Who may do what",
        "",
        "A principal has one role or several, and may do what any of them permits. What is not in",
        "this table is denied.",
        "",
        *_permissions(),
    ]
    return "\n".join(lines) + "\n"


def _permissions() -> list[str]:
    from nautilus_lab.platform.access import GRANTS, Permission, Role

    lines = [
        f"| Permission | {' | '.join(f'`{role.value}`' for role in Role)} |",
        "|---" * (1 + len(Role)) + "|",
    ]
    for permission in Permission:
        granted = ("yes" if permission in GRANTS[role] else "" for role in Role)
        lines.append(f"| `{permission.value}` | {' | '.join(granted)} |")
    return lines


def command_line() -> str:
    """Return the page of the verbs of `nautilus-lab`."""
    from nautilus_lab.cli._main import parser

    lines = [
        "# The command line",
        MADE,
        "`nautilus-lab [--root ROOT] VERB ...`: in a workspace, or with `--root` or `NL_ROOT` from",
        "elsewhere. `source .venv/bin/activate` puts it on the path of a shell. An error is up to",
        "three lines on standard error (the rule, what was found, what to do) and exit code 2.",
        "An answer that cannot be written, to a full disk say, is one line there and exit code 1:",
        "what was done stays done. Where a verb has `--json`, its answer is one JSON document.",
        "",
        "| Verb | Arguments | What it does |",
        "|---|---|---|",
        *_verbs(parser(), ""),
    ]
    return "\n".join(lines) + "\n"


def _verbs(parser: argparse.ArgumentParser, prefix: str) -> Iterator[str]:
    for action in parser._actions:
        if not isinstance(action, argparse._SubParsersAction):
            continue
        for name, below in action.choices.items():
            verb = f"{prefix}{name}"
            yield from _verbs(below, f"{verb} ")
            if below.get_default("run") is not None:
                written = " ".join(_arguments(below))
                arguments = f"`{written}`" if written else "-"
                yield f"| `{verb}` | {arguments} | {below.description} |"


def _arguments(parser: argparse.ArgumentParser) -> Iterator[str]:
    # the first of each group of which one must be chosen -> all of that group
    choices = {
        group._group_actions[0]: group._group_actions
        for group in parser._mutually_exclusive_groups
        if group.required
    }
    others = [action for group in choices.values() for action in group[1:]]
    for action in parser._actions:
        if action in choices:
            yield f"({' or '.join(one.option_strings[-1] for one in choices[action])})"
        elif action not in others and not isinstance(
            action, argparse._HelpAction | argparse._SubParsersAction
        ):
            yield _argument(action)


def _argument(action: argparse.Action) -> str:
    many = "..." if action.nargs == "+" else ""
    metavar = action.metavar or action.dest.upper()
    if action.metavar is None and action.choices is not None:
        metavar = ",".join(map(str, action.choices))
    shown = " ".join(metavar) if isinstance(metavar, tuple) else str(metavar)
    if not action.option_strings:
        return f"[{shown}]" if action.nargs == "?" else f"{shown}{many}"
    written = action.option_strings[-1] + ("" if action.nargs == 0 else f" {shown}")
    return written if action.required else f"[{written}]"


def limits() -> str:
    """Return the page of every limit: its formula, whom it is of, what follows a breach."""
    from nautilus_lab.risk.limits import CATALOGUE, Limit

    shared = {item.name for item in fields(Limit)}
    lines = [
        "# The catalogue of limits",
        MADE,
        "What each holds, and its name in `[[trading.limits]]`; [limits](concepts/limits.md)",
        "have more in common. *Block*: an order is held against it before it leaves; *monitor*:",
        "what is held is looked at again and again. The first of several is the default.",
        "Reducing orders skip what limits exposure, and nothing else.",
        "",
        "| # | Limit | In settings | Holds | Of | Mode | A breach leads to | Reducing orders |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, kind in CATALOGUE.items():
        default = {item.name: item.default for item in fields(kind)}
        exposed = _exposed(kind)
        action = "denial" if kind.modes == ("block",) else default["action"].replace("_", " ")
        action = "denial, and the strategy is disabled" if kind.latches else action
        lines.append(
            f"| {kind.number} | `{kind.__name__}` | `{name}` | {_cell(kind.formula)} | "
            f"{kind.scopes} | {', '.join(kind.modes)} | {action} | {exposed} |"
        )
    lines += ["", "## Parameters", ""]
    lines += [
        "Each also takes `instruments`, `strategies`, `mode` and `action`; those of exposure and",
        "of measures `adjust`, [a rule that tightens them](concepts/adjusting_limits.md).",
        "",
    ]
    lines += ["| In settings | Parameters |", "|---|---|"]
    for name, kind in CATALOGUE.items():
        own = [
            f"`{item.name}`"
            if item.default is MISSING and item.default_factory is MISSING
            else f"[`{item.name}`]"
            for item in fields(kind)
            if item.name not in shared
        ]
        lines.append(f"| `{name}` | {' '.join(own)} |")
    return "\n".join(lines) + "\n"


def features() -> str:
    """Return every feature, by group."""
    from nautilus_lab.features import FeatureEngine

    catalog = FeatureEngine().catalog()
    lines = [
        "# The catalogue of features",
        MADE,
        f"{len(catalog)} [features](concepts/features.md), by group: the name of each, the",
        "columns it reads (of bars, where nothing else stands before them), its settings as they",
        "usually are, how many rows have no value at first, and what a stream keeps.",
        "",
        ", ".join(
            f"[{group}](#{str(group).replace(' ', '-')}) {len(rows)}"
            for group, rows in catalog.groupby("group")
        ),
    ]
    for group, rows in catalog.groupby("group"):
        lines += ["", f"## {str(group).capitalize()}", ""]
        lines += ["| Name | What | Of | Gives | Settings | Warm-up | Stream | From |"]
        lines += ["|---|---|---|---|---|---|---|---|"]
        for name, row in rows.iterrows():
            given = row["outputs"] if row["outputs"] != name else "-"
            of = row["inputs"] if row["data"] == "bars" else f"{row['data']}: {row['inputs']}"
            beside = {"relative": "; beside others", "universe": "; of all instruments"}
            read = of + beside.get(row["scope"], "")
            cells = [row["title"], read, given, row["parameters"] or "-"]
            cells += [row["warm_up"], row["stream"], row["reference"]]
            lines.append(f"| `{name}` | {' | '.join(_cell(str(cell)) for cell in cells)} |")
    return "\n".join(lines) + "\n"


def operators() -> str:
    """Return the page of every operator of factor expressions, by family."""
    from nautilus_lab.factors.expressions import OPERATORS, Family

    lines = [
        "# Operators of factor expressions",
        MADE,
        "How they are put together: [factors](concepts/factors.md#factors-as-expressions).",
        "`p` and `q` are conditions: comparisons, or several joined by `and`, `or`, `not`. A",
        "window `d` is a whole number of rows. *No value*: rows at the beginning, beyond those of",
        "the arguments; a fading average has forgotten a value when its weight is below 1e-17.",
    ]
    headings = {
        Family.ELEMENTWISE: "Of one symbol at one time",
        Family.CROSS_SECTIONAL: "Of all symbols at one time",
        Family.TIME_SERIES: "Of one symbol up to a time",
    }
    for family, heading in headings.items():
        lines += ["", f"## {heading}", ""]
        lines += ["| Operator | Formula | Not known | No value | As in |", "|---|---|---|---|---|"]
        for row in OPERATORS.table(family).itertuples():
            cells = (f"`{row.call}`", row.formula, row.missing, row.warm_up, row.reference)
            lines.append(f"| {' | '.join(_cell(cell) for cell in cells)} |")
    return "\n".join(lines) + "\n"


def factor_sources() -> str:
    """Return the page of every factor of every source."""
    from nautilus_lab.factors import source_catalog, source_family
    from nautilus_lab.factors.sources._read import FAMILIES

    catalog = source_catalog()
    lines = [
        "# The factors of the sources",
        MADE,
        f"{len(catalog)} [factors](concepts/factor_sources.md): what each reads, how it is made,",
        "and from when on its data count as known. *Of all*: the same value for every symbol.",
    ]
    for name in FAMILIES:
        family = source_family(name)
        frames = ", ".join(f"`{table.name}`" for table in family.tables)
        lines += ["", f"## {family.title}", ""]
        lines += [f"{len(family.factors)} factors of the frames {frames}; {family.reference}", ""]
        lines += ["| Name | What | Reads | Expression | Known | Of | Changes | Unit | From |"]
        lines += ["|---|---|---|---|---|---|---|---|---|"]
        for factor in family.factors:
            reads = "; ".join(f"{one.name}: {one.text}" for one in factor.inputs)
            cells = [f"`{factor.name}`", factor.title, reads, f"`{factor.expression}`"]
            cells += [factor.rule, "all" if factor.universe == "market" else "each"]
            cells += [factor.frequency, factor.units, factor.reference]
            lines.append(f"| {' | '.join(_cell(' '.join(cell.split())) for cell in cells)} |")
    return "\n".join(lines) + "\n"


def _exposed(kind: Any) -> str:
    if kind.modes == ("monitor",):
        return "-"
    rule = inspect.getsource(kind.exposure.fget)
    per = '"per"' in rule or "self.per" in rule
    if per and "strategy" in kind.scopes:
        return "skip it; of a strategy's, what reduces the strategy's"
    if per:
        return "skip it"
    return "skip it" if "return True" in rule else "asked"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def contents() -> str:
    """Return the page of every public name, with the first line of what it says of itself."""
    lines = ["# Contents", MADE, "Every public name; `help(name)` or Shift-Tab shows the rest."]
    for path in sorted((ROOT / "nautilus_lab").rglob("__init__.py")):
        package = ".".join(path.parent.relative_to(ROOT).parts)
        names = _listed(path)
        if package == "nautilus_lab" or not names:
            continue
        module = importlib.import_module(package)
        lines += ["", f"## `{package}`", "", _first_line(module), ""]
        lines += [f"- `{name}`: {_first_line(getattr(module, name))}" for name in names]
    return "\n".join(lines) + "\n"


def _listed(init: Path) -> list[str]:
    for node in ast.parse(init.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return sorted(ast.literal_eval(node.value), key=str.lower)
    return []


def _first_line(thing: object) -> str:
    own = inspect.getdoc(thing) if inspect.ismodule(thing) or callable(thing) else None
    if own:
        return re.sub(r" \[\d+\]_|:math:", "", own.splitlines()[0])
    if get_origin(thing) is not None or isinstance(thing, UnionType):
        return "a type"
    if isinstance(thing, frozenset):  # whose own order is another one in each process
        shown = f"{{{', '.join(sorted(map(repr, thing)))}}}"
    else:
        shown = repr(thing)
    return f"`{shown}`" if len(shown) < 80 else "a constant"


GENERATED = {
    "docs/index.md": index,
    "docs/configuration.md": configuration,
    "docs/commands.md": commands,
    "docs/command_line.md": command_line,
    "docs/contents.md": contents,
    "docs/limits.md": limits,
    "docs/features.md": features,
    "docs/operators.md": operators,
    "docs/factor_sources.md": factor_sources,
}


def stale() -> list[str]:
    """Return the generated pages that do not say what the code says."""
    kept = {name: ROOT / name for name in GENERATED}
    return [
        name
        for name, path in kept.items()
        if not path.exists() or path.read_text("utf-8") != GENERATED[name]()
    ]


def broken_links() -> list[str]:
    """Return the links between files of the repository that lead nowhere."""
    broken = []
    for page in pages():
        for target in LINK.findall(CODE.sub("", page.read_text("utf-8"))):
            address, _, anchor = target.partition("#")
            if ":" in address:  # of another machine: nothing here can tell
                continue
            path = (page.parent / address).resolve() if address else page
            if not path.exists() or (anchor and anchor not in _anchors(path)):
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    return broken


def lost_pages() -> list[str]:
    """Return the pages that the index does not lead to."""
    index = ROOT / "docs" / "index.md"
    led = {(index.parent / target).resolve() for target in LINK.findall(index.read_text("utf-8"))}
    lost = {*(ROOT / "docs").rglob("*.md")} - led - {index}
    return [f"docs/index.md does not link {path.relative_to(ROOT)}" for path in sorted(lost)]


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


def broken_examples() -> list[str]:
    """Return the Python blocks that do not compile and the ``>>>`` examples that fail."""
    broken = []
    for page in pages():
        name = str(page.relative_to(ROOT))
        for block in BLOCK.findall(page.read_text("utf-8")):
            if ">>>" in block:
                continue
            try:
                compile(block, name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            except SyntaxError as error:
                broken.append(f"{name}: {error}")
        failed, _ = doctest.testfile(str(page), module_relative=False, report=True)
        broken += [f"{name}: {failed} examples fail"] if failed else []
    return broken


def main() -> int:
    """Write, check, and say what is wrong."""
    for name, made in GENERATED.items():
        (ROOT / name).write_text(made(), "utf-8")
    wrong = [*broken_links(), *lost_pages(), *broken_examples()]
    print("\n".join(wrong) if wrong else f"{len(list(pages()))} pages are in order")
    return min(len(wrong), 1)


if __name__ == "__main__":
    sys.exit(main())
