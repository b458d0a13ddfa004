"""Every error names a rule, a value and a remedy, and crosses every border."""

import copy
import pickle
import re
from builtins import __dict__ as BUILTINS  # noqa: N812

import pytest

from nautilus_lab import exceptions
from nautilus_lab.exceptions import InputError, LabError

KINDS = [getattr(exceptions, name) for name in exceptions.__all__]


def _drawn() -> dict[str, tuple[str, str]]:
    """Read the tree at the top of the file: name -> (parent, builtin)."""
    tree: dict[str, tuple[str, str]] = {}
    path: list[str] = []
    for line in exceptions.__doc__.splitlines():
        found = re.match(r"^([│ ]*)(?:[├└]── )?(\w+)(?:\s.*?)?(?:\((\w+)\))?$", line)
        if not found or not ("──" in line or line == "LabError"):
            continue
        depth = 0 if line == "LabError" else len(found[1]) // 4 + 1
        path[depth:] = [found[2]]
        tree[found[2]] = (path[depth - 1] if depth else "", found[3] or "")
    return tree


def test_the_tree_that_is_drawn_is_the_tree_there_is():
    drawn = _drawn()
    assert set(drawn) == set(exceptions.__all__)
    for name, (parent, builtin) in drawn.items():
        kind = getattr(exceptions, name)
        if parent:
            assert kind.__bases__[0] is getattr(exceptions, parent)
        if builtin:
            assert issubclass(kind, BUILTINS[builtin])
        assert len(kind.__bases__) == 1 + bool(builtin)


def test_nothing_is_left_out_of_the_public_names():
    defined = {
        name
        for name, thing in vars(exceptions).items()
        if isinstance(thing, type) and issubclass(thing, LabError)
    }
    assert defined == set(exceptions.__all__)
    assert list(exceptions.__all__) == sorted(exceptions.__all__)


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_says_what_it_is_for(kind):
    assert kind.__doc__.strip().endswith(".") or kind is LabError


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "cross", [copy.copy, copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))]
)
def test_an_error_crosses_a_process_border_whole(kind, cross):
    error = cross(kind("a rule", value={"a": [1]}, remedy="do this"))
    assert type(error) is kind
    assert (error.rule, error.value, error.remedy) == ("a rule", {"a": [1]}, "do this")
    assert str(error) == "a rule; got {'a': [1]}; do this"


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({}, "a rule"),
        ({"value": 0}, "a rule; got 0"),
        ({"value": ""}, "a rule; got "),
        ({"value": None}, "a rule"),
        ({"value": "text"}, "a rule; got text"),
        ({"value": float("nan")}, "a rule; got nan"),
        ({"remedy": "do this"}, "a rule; do this"),
    ],
)
def test_the_message_says_what_there_is_to_say(facts, text):
    assert str(InputError("a rule", **facts)) == text


@pytest.mark.parametrize("kind", KINDS)
def test_in_a_notebook_an_error_is_three_lines(kind):
    lines = kind("prices must be positive", value=-1, remedy="drop them")._render_traceback_()
    assert lines == [
        f"{kind.__name__}: prices must be positive",
        "  got:  -1",
        "  do:   drop them   (nautilus_lab.traceback() shows it all)",
    ]


def test_a_huge_value_is_shortened_where_it_is_shown_and_kept_where_it_is_held():
    error = InputError("a rule", value=list(range(100_000)))
    assert len(str(error)) < 300
    assert str(error).endswith("…")
    assert len(error.value) == 100_000


def test_markup_in_a_value_stays_text():
    page = InputError("a <rule>", value="<script>alert(1)</script>")._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_an_error_is_caught_as_the_builtin_people_would_catch():
    with pytest.raises(ValueError, match="a rule"):
        raise InputError("a rule")
    with pytest.raises(TimeoutError):
        raise exceptions.DeadlineExceeded("a rule")
    with pytest.raises(ConnectionError):
        raise exceptions.NodeNotRunning("a rule")
    with pytest.raises(FileNotFoundError):
        raise exceptions.CatalogMissing("a rule")
    with pytest.raises(PermissionError):
        raise exceptions.AccessDenied("a rule")
