import pytest

from nautilus_lab.exceptions import InputError
from nautilus_lab.jobs import declared_parameters
from nautilus_lab.jobs._parameters import check_parameters


def test_a_notebook_declares_what_its_tagged_cell_assigns(notebook):
    path = notebook(
        "report",
        "other = 3",
        parameters='window: int = 252\nsymbols = ["AAPL"]\nend = None\nroot = str(1)\nstep = -1',
    )
    assert declared_parameters(path) == {
        "window": 252,
        "symbols": ["AAPL"],
        "end": None,
        "root": ...,  # not a literal
        "step": -1,
    }


def test_a_notebook_without_a_tagged_cell_declares_nothing(notebook):
    assert declared_parameters(notebook("plain", "window = 252")) == {}


@pytest.mark.parametrize("content", ["", "[]", '{"cells": 3}', "{", '{"cells": [{}, 1]}'])
def test_a_file_that_is_no_notebook_is_refused(tmp_path, content):
    path = tmp_path / "broken.ipynb"
    path.write_text(content)
    with pytest.raises(InputError, match="a notebook must be readable"):
        declared_parameters(path)


def test_a_parameters_cell_that_is_no_python_is_refused(notebook):
    with pytest.raises(InputError, match="SyntaxError"):
        declared_parameters(notebook("magic", parameters="%load_ext x\nwindow = 1"))


def test_an_undeclared_name_is_refused_and_the_near_one_offered():
    with pytest.raises(InputError, match="did you mean window") as caught:
        check_parameters({"windwo": 1}, {"window": 252, "skip": 21})
    assert "window, skip" in caught.value.rule


@pytest.mark.parametrize(
    "name", ["password", "api_key", "fred_apikey", "DB_PASSWD", "access_token", "client_secret"]
)
def test_a_name_of_a_secret_is_refused_even_when_the_notebook_declares_it(name):
    with pytest.raises(InputError, match="must not carry a secret") as caught:
        check_parameters({name: "hunter2"}, {name: ""})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbmEifQ.sig",
        "sk-proj-abcdef",
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "AKIAIOSFODNN7EXAMPLE",
        "postgresql://ana:hunter2@db/prices",
        "0123456789abcdef0123456789abcdef",
        ["plain", {"nested": "xoxb-1234-abcd"}],
    ],
)
def test_a_value_that_looks_like_a_secret_is_refused_and_not_repeated(value):
    with pytest.raises(InputError, match="must not carry a secret") as caught:
        check_parameters({"note": value}, {"note": None})
    assert caught.value.value == "note"


@pytest.mark.parametrize(
    ("value", "default"),
    [
        ("AAPL", "MSFT"),
        (3, 2.5),
        ([1], ()),
        (None, 4),
        (4, None),
        (True, False),
        ("keyboard", "tokenise"),
        ("2f9a1c", "a"),
    ],
)
def test_plain_values_of_the_defaults_kind_pass(value, default):
    check_parameters({"thing": value}, {"thing": default})


@pytest.mark.parametrize(
    ("value", "default"), [("abc", 252), (2.5, 252), (True, 1), (1, True), ("AAPL", ["AAPL"])]
)
def test_a_value_of_another_kind_than_the_default_is_refused(value, default):
    with pytest.raises(InputError, match="of the kind of its default"):
        check_parameters({"thing": value}, {"thing": default})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [1.0, float("nan")], {1: 2}, object])
def test_a_value_that_json_cannot_say_is_refused(value):
    with pytest.raises(InputError, match="must be plain data"):
        check_parameters({"thing": value}, {"thing": None})
