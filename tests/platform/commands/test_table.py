"""The table of commands, and the memory of what was done."""

import pytest

from nautilus_lab.exceptions import InputError, NodeError
from nautilus_lab.platform.access import Permission
from nautilus_lab.platform.commands import CommandSpec, CommandTable, MemoryCommandLog
from nautilus_lab.platform.messages import Result

from .conftest import TABLE


def test_a_command_is_found_by_its_name():
    assert TABLE.spec("counter.read").permission is Permission.NODE_READ
    assert len(TABLE) == len(list(TABLE)) == 5


def test_a_name_may_stand_once():
    spec = CommandSpec(name="a", permission=Permission.NODE_READ, summary="")
    with pytest.raises(InputError, match="once"):
        CommandTable(spec, spec)


def test_the_page_is_made_from_the_table():
    lines = TABLE.markdown().splitlines()
    assert len(lines) == 2 + 5
    assert lines[2] == "| `counter.read` | 1 | `node:read` | - | null | each time | Reads it. |"
    assert lines[3] == (
        "| `counter.add` | 2 | `orders:write` | [Add](#add) | null | once for each id | Adds. |"
    )
    assert {line.count("|") for line in lines} == {8}
    assert [line for line in TABLE.schemas().splitlines() if line.startswith("| `")] == [
        "| `amount` | number | must be given |",
        "| `parts` | list of number | `[]` |",
        '| `note` | text | `""` |',
    ]


def test_the_oldest_command_is_forgotten_first():
    log = MemoryCommandLog(most=2)
    for command_id in ("a", "b", "c"):
        assert log.begin(command_id, "print") is None
        log.finish(Result(id=command_id, ok=True))
    assert log.begin("c", "print") == Result(id="c", ok=True)
    assert log.begin("a", "print") is None


def test_a_command_begun_and_never_ended_is_unknown():
    log = MemoryCommandLog()
    log.begin("a", "print")
    with pytest.raises(NodeError, match="not known"):
        log.begin("a", "print")


def test_an_id_with_another_fingerprint_is_refused():
    log = MemoryCommandLog()
    log.begin("a", "print")
    log.finish(Result(id="a", ok=True))
    with pytest.raises(InputError, match="its own"):
        log.begin("a", "another")
