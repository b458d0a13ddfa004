import json

import pytest

from benchmarks import __main__ as runner

ROW = {
    "id": "01-import-time",
    "target": 0.15,
    "measured": 0.02,
    "unit": "s",
    "met": True,
    "how": "best of 20",
}


def test_a_whole_row_passes_with_its_keys_in_order():
    assert list(runner.checked(dict(reversed(ROW.items())))) == list(ROW)


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "import-time"},
        {"id": "1-import"},
        {"measured": float("nan")},
        {"measured": "0.02"},
        {"target": True},
        {"met": 1},
        {"unit": ""},
        {"how": ""},
        {"note": "more"},
    ],
)
def test_a_row_that_breaks_the_schema_is_refused(wrong):
    with pytest.raises(ValueError, match=r"must|keys"):
        runner.checked({**ROW, **wrong})


def test_a_row_without_a_key_is_refused():
    with pytest.raises(ValueError, match="keys"):
        runner.checked({key: value for key, value in ROW.items() if key != "how"})


def test_new_rows_replace_old_ones_and_the_order_is_stable():
    old = [{**ROW, "id": "02-b"}, {**ROW, "id": "01-a", "measured": 1.0}]
    new = [{**ROW, "id": "03-c"}, {**ROW, "id": "01-a", "measured": 2.0}]
    kept = runner.merged(old, new)
    assert [row["id"] for row in kept] == ["01-a", "02-b", "03-c"]
    assert kept[0]["measured"] == 2.0


def test_a_part_chooses_the_files_that_measure_it(tmp_path):
    (tmp_path / "one.py").write_text('rows = lambda: [{"id": "01-x"}]')
    (tmp_path / "two.py").write_text('rows = lambda: [{"id": "02-x"}]')
    (tmp_path / "__init__.py").write_text('"01-no benchmark"')
    assert runner.names("01", tmp_path) == ["one"]
    assert runner.names(None, tmp_path) == ["one", "two"]


def test_the_table_says_which_targets_were_missed():
    text = runner.table([ROW, {**ROW, "id": "01-other", "met": False}])
    assert text.splitlines()[1].endswith("yes")
    assert text.splitlines()[2].endswith("NO")


def test_results_that_are_committed_follow_the_schema():
    rows = json.loads(runner.RESULTS.read_text("utf-8"))
    assert [runner.checked(row) for row in rows] == rows
    assert [row["id"] for row in rows] == sorted({row["id"] for row in rows})
    assert {"01-import-time", "01-first-page", "01-start-here"} <= {row["id"] for row in rows}


def test_import_time_is_measured_in_a_fresh_process():
    (row,) = runner.measure("import_time")
    assert runner.checked(row) == row
    assert 0 <= row["measured"] < 60
