import json

import pytest

from scripts.notebooks import LARGEST, check, main


def code(source, outputs=(), count=None, **metadata):
    return {
        "cell_type": "code",
        "id": "a",
        "source": [source],
        "outputs": list(outputs),
        "execution_count": count,
        "metadata": metadata,
    }


def printed(text):
    return {"output_type": "stream", "name": "stdout", "text": [text]}


@pytest.fixture
def notebook(tmp_path):
    def write(*cells, **metadata):
        path = tmp_path / "some.ipynb"
        content = {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
        path.write_text(json.dumps(content))
        return path

    return write


def test_a_clean_notebook_passes(notebook):
    assert check(notebook(code("1 + 1")), fix=False) == []


def test_an_output_stays_where_nbval_compares_it(notebook):
    path = notebook(
        code("# NBVAL_CHECK_OUTPUT\nprint(1)", [printed("1\n")], count=1),
        code("print(2)", [printed("2\n")], count=1, tags=["nbval-check-output"]),
    )
    assert check(path, fix=False) == []


def test_a_compared_output_without_a_count_is_a_fault_because_nbval_would_refuse_it(notebook):
    path = notebook(code("# NBVAL_CHECK_OUTPUT\nprint(1)", [printed("1\n")]))
    assert check(path, fix=False) == ["cell 1: its execution count must be 1"]


def test_metadata_of_the_interpreter_that_ran_it_is_a_fault(notebook):
    path = notebook(code("1"), language_info={"name": "python", "version": "3.13.0"})
    assert check(path, fix=False) == ["metadata: language_info tells the interpreter that ran it"]
    check(path, fix=True)
    assert json.loads(path.read_text())["metadata"]["language_info"] == {"name": "python"}


@pytest.mark.parametrize(
    ("cell", "fault"),
    [
        (code("print(1)", [printed("1\n")]), "outputs are kept only under"),
        (code("1 + 1", count=3), "its execution count must be None"),
        (code("1", papermill={"duration": 1.0}), "papermill is written by a run"),
        (code("1", execution={"iopub.status.busy": "now"}), "execution is written by a run"),
        (
            code(
                "# NBVAL_CHECK_OUTPUT\nslider",
                [{"output_type": "display_data", "data": {
                    "application/vnd.jupyter.widget-view+json": {}}, "metadata": {}}],
                count=None,
            ),
            "a widget is saved",
        ),
    ],
)  # fmt: skip
def test_what_a_run_leaves_behind_is_named_with_its_cell(notebook, cell, fault):
    (found,) = check(notebook(code("first"), cell), fix=False)
    assert found.startswith("cell 2: ")
    assert fault in found


def test_saved_widget_state_is_a_fault(notebook):
    path = notebook(code("1"), widgets={"application/vnd.jupyter.widget-state+json": {}})
    assert check(path, fix=False) == ["metadata: widgets is written by a run, not by its author"]


def test_fix_mends_and_leaves_the_source_alone(notebook):
    path = notebook(code("print(1)", [printed("1\n")], count=7), widgets={"state": {}})
    assert check(path, fix=True) == []
    mended = json.loads(path.read_text())
    assert mended["cells"] == [code("print(1)")]
    assert mended["metadata"] == {}


def test_a_large_notebook_is_a_fault_that_fix_cannot_mend(notebook):
    path = notebook(code("x" * LARGEST))
    (found,) = check(path, fix=True)
    assert "the limit is 200,000" in found


def test_the_command_fails_and_says_how_to_mend(notebook, capsys):
    path = notebook(code("1", count=1))
    assert main([str(path)]) == 1
    assert "--fix" in capsys.readouterr().out
    assert main(["--fix", str(path)]) == 0
    assert main([str(path)]) == 0
