"""The coverage claims nothing that is not there."""

import importlib
import re

import pytest

from nautilus_lab.cli._main import parser
from nautilus_lab.client import Desk
from nautilus_lab.lab import Lab
from scripts import docs

ROW = re.compile(r"^\| (.+?) (?<!\\)\| (.+) \|$", re.MULTILINE)
SETTING = re.compile(r"(trading|supervisor|bus|streaming|recording|dashboards|jobs)\.\w+")
# words in this type that name nothing of ours
WORDS = {
    "this type",
    "Lab",
    "nautilus-lab",
    "server",
    "redis-cli",
    "ib_async",
    "SourceManager",
    "/stream",
}
MADE = {"data/", ".lab/", "lab.toml", "runs/"}  # of a workspace, not of the repository
PLANNED = {"nautilus_lab.inference", "lab.deployment"}


@pytest.fixture(scope="module")
def page(repository):
    return (repository / "docs" / "coverage.md").read_text("utf-8")


@pytest.fixture(scope="module")
def rows(page):
    return [(line, told) for line, told in ROW.findall(page) if told != "Here"]


@pytest.fixture(scope="module")
def benchmarks(repository):
    return "".join(file.read_text("utf-8") for file in (repository / "benchmarks").glob("*.py"))


def importable(name):
    """Whether a dotted name is a module, or an attribute of one."""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            thing = importlib.import_module(".".join(parts[:cut]))
        except ImportError:
            continue
        try:
            for attribute in parts[cut:]:
                thing = getattr(thing, attribute)
        except AttributeError:
            return False
        return True
    return False


def test_every_row_says_now_planned_or_departure(rows):
    assert len(rows) == 248
    assert [told for _, told in rows if not re.match("(now|planned|departure): ", told)] == []


def test_whatever_is_said_to_be_there_is_shown_by_something(rows):
    parts = [part for _, told in rows for part in re.split(r"; (?=planned|departure|now)", told)]
    claims = [part for part in parts if part.startswith("now: ")]
    assert len(claims) > 100
    assert [claim for claim in claims if "`" not in claim and "](" not in claim] == []


def test_nothing_is_planned_for_a_part_that_is_over(rows):
    assert [told for _, told in rows if re.search(r"parts? [1-4]\b|\([1-4]\)|\([1-4],", told)] == []


def test_everything_it_names_is_there(page, repository, benchmarks):
    verbs = [row.split("`")[1] for row in docs._verbs(parser(), "")]
    targets = re.findall(r"^(\w+):", (repository / "Makefile").read_text("utf-8"), re.MULTILINE)
    settings = docs.configuration() + docs.commands()

    def is_there(name):
        if name.startswith("nautilus_lab."):
            return importable(name)
        if name.startswith("nautilus-lab "):
            return name.removeprefix("nautilus-lab ") in verbs
        if name.startswith("make "):
            return name.removeprefix("make ") in targets
        if re.fullmatch(r"lab\.\w+", name):
            return hasattr(Lab, name.removeprefix("lab."))
        if found := re.fullmatch(r"lab\.(\w+)\.(\w+)(?:\(\))?", name):
            return hasattr(getattr(Lab(repository), found[1]), found[2])
        if name.startswith("desk."):
            return hasattr(Desk, name.removeprefix("desk."))
        if re.fullmatch(r"\d\d-[a-z0-9-]+", name):  # some are put together from two parts
            return f'"{name}"' in benchmarks or f'"{name.split("-", 2)[2]}"' in benchmarks
        if SETTING.fullmatch(name):
            return f"`{name}`" in settings
        return (repository / name).exists()

    named = set(re.findall(r"`([^`]+)`", page)) - WORDS - MADE - PLANNED
    named = {name for name in named if "{" not in name}
    assert len(named) > 100
    assert sorted(name for name in named if not is_there(name)) == []


def test_what_is_planned_is_not_there_yet():
    lab = Lab()
    for name in PLANNED:
        if name.startswith("lab."):
            assert not hasattr(lab, name.removeprefix("lab."))
        else:
            assert not importable(name)
