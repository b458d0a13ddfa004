"""The same figures in every format, and nothing in them that acts."""

import csv
import dataclasses
import io
import json
import math
import os
import sys
import time
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nautilus_lab.exceptions import InputError
from nautilus_lab.reports import (
    Column,
    Completeness,
    DataUsed,
    Lineage,
    Report,
    Section,
    code_version,
    data_used,
)

FORMATS = ("html", "pdf", "xlsx", "csv", "json")
TABLES = ("json", "csv", "html")
REUSED = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None
)
HOSTILE = (
    '=HYPERLINK("http://evil","x")',
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "  =1",
    "\uff1d1+1",
    "'=1",
    "<script>alert(1)</script>",
    'a"b&c<d',
    "_x003D_1",
    "12",
    "\u2713 ü (x) \\",
    "https://evil.example",
    "a\r\nb",
)


def same(found, expected):
    """Whether two rows are equal, NaN being itself."""
    return len(found) == len(expected) and all(
        a == b or (isinstance(a, float) and isinstance(b, float) and a != a and b != b)
        for a, b in zip(found, expected, strict=True)
    )


def spreadsheet(row, width):
    """A row of a workbook as cells; what could not be had stands there by name."""
    named = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
    cells = [row.get(place) for place in range(width)]
    return [named.get(one, one) if isinstance(one, str) else one for one in cells]


@pytest.mark.parametrize("form", TABLES)
def test_every_section_reads_back_as_it_is(report, readers, form):
    made = report()
    found = readers[form](made.render(form))
    for section in made.parts:
        rows = found.get(section.name, [])
        assert len(rows) == len(section.rows)
        assert all(map(same, rows, section.rows)), (form, section.name)


def test_every_sheet_reads_back_as_it_is(report, read_xlsx):
    made = report()
    found = read_xlsx(made.render("xlsx"))
    assert list(found) == [section.name for section in made.parts]
    for section in made.parts:
        for row, read in zip(section.rows, found[section.name], strict=False):
            assert same(spreadsheet(read, len(row)), row)


FIGURES = st.floats(width=64) | st.integers(-(10**20), 10**20) | st.booleans() | st.none()
# What is named as a figure is, text that says so is not: it would read back as one.
WORDS = st.text(max_size=30).filter(
    lambda text: text.strip() not in ("NaN", "Infinity", "-Infinity", "", "true", "false")
)


@REUSED
@given(rows=st.lists(st.tuples(FIGURES, WORDS | st.sampled_from(HOSTILE)), min_size=1, max_size=5))
def test_any_figure_and_any_text_is_the_same_in_every_format(report, readers, read_xlsx, rows):
    made = report(rows)
    (section,) = made.sections
    for form in TABLES:
        found = readers[form](made.render(form))["Cells"]
        assert all(map(same, found, section.rows)), form
    read = read_xlsx(made.render("xlsx"))["Cells"]
    for row, cells in zip(section.rows, read, strict=False):
        assert same(spreadsheet(cells, 2), row)
    assert made.render("pdf").startswith(b"%PDF-1.4")


@REUSED
@given(figure=st.floats(allow_nan=False, allow_infinity=False))
def test_a_figure_keeps_fifteen_digits(report, figure):
    (kept,) = report([(figure,)]).sections[0].rows[0]
    assert kept == pytest.approx(figure, rel=1e-14, abs=0)


@pytest.mark.parametrize("form", FORMATS)
def test_what_could_not_be_had_never_prints_as_zero(report, readers, read_xlsx, read_pdf, form):
    content = report([(math.nan, math.inf, -math.inf, None)]).render(form)
    if form == "pdf":
        lines = read_pdf(content)
        assert any(line.split() == ["NaN", "Infinity", "-Infinity"] for line in lines)
    elif form == "xlsx":
        assert read_xlsx(content)["Cells"][0] == {0: "NaN", 1: "Infinity", 2: "-Infinity"}
    else:
        (row,) = readers[form](content)["Cells"]
        assert same(row, (math.nan, math.inf, -math.inf, None))


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_report_gives_the_same_bytes_at_another_time(report, form, monkeypatch):
    first = report().render(form)
    monkeypatch.setattr(time, "time", lambda: 4e9)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert report().render(form) == first
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_becomes_a_formula_in_a_csv(report, text):
    lines = csv.DictReader(io.StringIO(report([(text,)]).render("csv").decode(), newline=""))
    (value,) = [line["value"] for line in lines if line["section"] == "Cells"]
    assert value.lstrip()[:1] not in tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


@pytest.mark.parametrize("begins", [*"=+-@|\uff1d\uff0b\uff0d\uff20\uff5c\ufe66\u2212"])
@pytest.mark.parametrize(
    "before", ["", " ", "\t", "\r\n", "\N{NO-BREAK SPACE}", "\ufeff", "\u200b"]
)
def test_nothing_before_it_and_no_other_form_of_it_makes_a_formula(
    report, read_xlsx, before, begins
):
    text = f"{before}{begins}1+1"
    lines = csv.DictReader(io.StringIO(report([(text,)]).render("csv").decode(), newline=""))
    (value,) = [line["value"] for line in lines if line["section"] == "Cells"]
    assert value.startswith("'")
    (cell,) = read_xlsx(report([(text,)]).render("xlsx"))["Cells"][0].values()  # finds no formula
    assert isinstance(cell, str)
    assert cell.strip() == f"{begins}1+1"


def test_names_of_columns_and_sections_are_harmless_too(report):
    section = Section(name="=1+1", columns=(Column(name="@x", unit="-y"),), rows=((1,),))
    content = report(sections=(section,)).render("csv").decode()
    assert "'=1+1,1,'@x,'-y,number,1" in content


def test_negative_figures_stay_figures_in_a_csv(report):
    assert b",number,-0.25\r\n" in report([(-0.25,)]).render("csv")


def test_a_page_has_no_scripts_and_shows_hostile_text_as_it_is(report, page):
    content = report([(text,) for text in HOSTILE], title="<img src=x onerror=y>").render("html")
    page.feed(content.decode())
    known = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "table", "thead"}
    assert {tag for tag, _ in page.tags} <= known | {"tbody", "tr", "th", "td", "data"}
    assert not any(name.startswith("on") for _, given in page.tags for name in given)
    assert b"default-src" in content


def test_a_sheet_has_no_links_and_no_formulas(report, read_xlsx):
    import zipfile

    content = report([(text,) for text in HOSTILE]).render("xlsx")
    read_xlsx(content)  # finds no formula
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        assert not any(
            "hyperlink" in book.read(name).decode().lower()
            for name in book.namelist()
            if name.startswith("xl/worksheets/_rels")
        )
        assert {info.date_time[0] for info in book.infolist()} == {1980}


def test_the_pages_say_everything_and_wrap_what_is_wide(report, read_pdf):
    rows = [(f"order-{n:05}", n / 7, "long " * 60) for n in range(300)]
    lines = read_pdf(report(rows).render("pdf"))
    assert all(len(line) <= 190 for line in lines)
    text = "\n".join(lines)
    assert all(f"order-{n:05}" in text for n in range(300))
    assert f"{299 / 7:,.6g}" in text
    assert "SIMULATED DATA" in text
    assert "page 1 of " in text


def test_a_character_that_the_font_lacks_is_written_by_number(report, read_pdf):
    text = "\n".join(read_pdf(report([("\u2713 ü (x) \\",)]).render("pdf")))
    assert "\\u2713 ü (x) \\" in text


@pytest.mark.parametrize("form", FORMATS)
def test_as_of_code_data_and_completeness_stand_in_every_format(report, read_pdf, form):
    content = report().render(form)
    if form == "xlsx":
        import zipfile

        with zipfile.ZipFile(io.BytesIO(content)) as book:
            text = book.read("xl/sharedStrings.xml").decode()
            assert "<v>0.75</v>" in book.read("xl/worksheets/sheet1.xml").decode()
    else:
        text = "\n".join(read_pdf(content)) if form == "pdf" else content.decode()
        assert "0.75" in text or "75.0%" in text
    for said in ("2026-03-02T21:00:00Z", "revision abc", "limits", "Survivors only.", "PAPER-001"):
        assert said in text, said
    assert ("0" * 64 in text) or "0" * 20 in text  # a page wraps it


def test_a_file_is_written_whole_or_left_as_it_was(report, tmp_path, monkeypatch):
    path = tmp_path / "daily.json"
    assert report().write(path) == path
    before = path.read_bytes()
    assert json.loads(before)["title"] == "A report"
    assert path.stat().st_mode & 0o777 == 0o600

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="No space left"):
        report([("other",)]).write(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["daily.json"]


@pytest.mark.parametrize("form", FORMATS)
def test_the_ending_says_the_format(report, tmp_path, form):
    path = report().write(tmp_path / f"daily.{form.upper()}")
    assert path.read_bytes() == report().render(form)


def test_another_ending_a_missing_folder_and_a_folder_are_refused(report, tmp_path):
    for wrong in ("daily.docx", "daily", "none/daily.csv"):
        with pytest.raises(InputError):
            report().write(tmp_path / wrong)
    (tmp_path / "taken.csv").mkdir()
    with pytest.raises(InputError):
        report().write(tmp_path / "taken.csv")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["taken.csv"]


@pytest.mark.parametrize(
    "cell",
    [object(), [1], {"a": 1}, datetime(2026, 1, 1), 1j, "x" * 32_001, b"bytes"],
)
def test_a_cell_of_another_kind_is_refused(report, cell):
    with pytest.raises(InputError):
        report([(cell,)])


def test_numbers_of_other_kinds_and_times_of_other_zones_are_kept(report):
    tokyo = datetime(2026, 3, 3, 6, 0, tzinfo=timezone(timedelta(hours=9)))
    made = report(
        [
            (Decimal("0.10"), np.float64(2.5), np.int64(7), np.bool_(True), tokyo, pd.NaT),
            (-0.0, 10**18, float("nan"), False, tokyo.date(), "a\x00b\ud800"),
        ]
    )
    first, second = made.sections[0].rows
    assert first == (0.1, 2.5, 7, True, "2026-03-02T21:00:00Z", None)
    assert math.copysign(1, second[0]) == 1
    assert (second[1], second[4], second[5]) == (str(10**18), "2026-03-03", "a b ")


def test_rows_names_and_zones_that_cannot_be_are_refused(report):
    column = Column(name="a")
    for wrong in (
        {"name": "x", "columns": (column,), "rows": ((1, 2),)},
        {"name": "x", "columns": ()},
        {"name": "x", "columns": (column, column)},
        {"name": "a/b", "columns": (column,)},
        {"name": "x" * 32, "columns": (column,)},
        {"name": "", "columns": (column,)},
    ):
        with pytest.raises(InputError):
            Section(**wrong)
    section = Section(name="About", columns=(column,))
    with pytest.raises(InputError, match="name of its own"):
        report(sections=(section,))
    with pytest.raises(InputError, match="zone"):
        report(as_of=datetime(2026, 1, 1))
    with pytest.raises(InputError):
        report().render("docx")


def test_counts_hashes_and_code_that_cannot_be_are_refused():
    for present, expected in ((-1, 2), (3, 2)):
        with pytest.raises(InputError):
            Completeness(what="x", expected=expected, present=present)
    with pytest.raises(InputError):
        DataUsed(name="x", sha256="abc", rows=1)
    with pytest.raises(InputError):
        DataUsed(name="x", sha256="0" * 64, rows=1, last=datetime(2026, 1, 1))
    with pytest.raises(InputError):
        Lineage(code="")


def test_data_is_told_apart_by_one_digit_one_time_and_one_name():
    days = pd.date_range("2026-01-01", periods=3, tz="UTC")
    frame = pd.DataFrame({"A": [0.01, 0.02, 0.03]}, index=days)
    used = data_used("returns", frame)
    assert used == data_used("returns", frame.copy())
    assert used.last == datetime(2026, 1, 3, tzinfo=UTC)
    others = [
        frame + 1e-16 * frame.abs().max().max() * 100,
        frame.set_axis(days + pd.Timedelta("1ns"), axis=0),
        frame.rename(columns={"A": "B"}),
        frame[::-1],
    ]
    assert len({used.sha256, *(data_used("returns", one).sha256 for one in others)}) == 5


def test_the_code_names_its_version_and_revision():
    assert code_version("abc").startswith("nautilus-lab ")
    assert code_version("abc").endswith(", revision abc")
    assert "revision" not in code_version()


def test_a_report_is_frozen_shows_as_a_sheet_and_says_how_complete_it_is(report):
    made = report()
    assert isinstance(made, Report)
    assert "75.0% complete" in repr(made)
    assert "SIMULATED" in made.tear_sheet().html
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.title = "x"


def test_one_thing_of_many_that_is_missing_is_not_rounded_away(report):
    counts = (
        Completeness(what="events", expected=100_000, present=99_999),
        Completeness(what="fills", expected=3, present=3),
    )
    assert "99.9% complete" in repr(report(completeness=counts))
    assert b"99.9% complete" in report(completeness=counts).render("html")
    assert report(completeness=()).complete_text == "100.0%"


def test_importing_reports_loads_nothing_heavy():
    import subprocess

    code = "import sys, nautilus_lab.reports, nautilus_lab.surveillance as s; print([m for m in "
    code += "('pandas', 'numpy', 'xlsxwriter', 'plotly', 'scipy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_nothing_of_a_file_is_there_before_it_is_whole(report, tmp_path, monkeypatch):
    seen = []
    replace = Path.replace

    def watched(self, target):
        seen.append((self.read_bytes(), target.exists()))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", watched)
    path = report().write(tmp_path / "x.csv")
    assert seen == [(path.read_bytes(), False)]
