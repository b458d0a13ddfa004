import re
import subprocess
import sys

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from nautilus_lab.display import (
    Chart,
    Facts,
    Table,
    TearSheet,
    bar_preview,
    histogram_preview,
    line_preview,
    style_figure,
)
from nautilus_lab.exceptions import InputError
from nautilus_lab.provenance import SURVIVORS_ONLY, Provenance

DAYS = pd.bdate_range("2020-01-01", periods=5000, tz="UTC")
SIMULATED_SURVIVORS = Provenance(notices=(SURVIVORS_ONLY,), simulated=True)


def growth_chart(built):
    def figure(theme):
        built.append(theme)
        return style_figure(
            go.Figure(go.Scatter(y=[1, 2], name="growth")),
            title="Growth",
            caption=SIMULATED_SURVIVORS.caption,
            theme=theme,
        )

    return Chart(title="Growth", figure=figure, preview=lambda: bar_preview({"a": 1.0}))


def sheet(built, provenance=SIMULATED_SURVIVORS):
    return TearSheet(
        title="A <sheet>",
        subtitle="2 days",
        provenance=provenance,
        parts=(
            Facts(values={"Sharpe ratio": "0.84"}),
            growth_chart(built),
            Table(rows=[{"day": "one", "return": -0.01}], title="Days"),
        ),
    )


def test_a_notebook_gets_html_and_text_and_no_figure_is_built_for_it():
    built = []
    bundle = sheet(built)._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    assert built == []
    assert "<script" not in bundle["text/html"]
    assert "A &lt;sheet&gt;" in bundle["text/html"]
    assert "http" not in bundle["text/html"]
    assert "Sharpe ratio  0.84" in bundle["text/plain"]


def test_survivor_bias_and_simulation_are_said_on_the_sheet_and_on_its_charts():
    built = []
    made = sheet(built)
    assert "SIMULATED DATA" in made.html
    assert "Survivor bias" in made.html
    assert "SIMULATED DATA Survivor bias" in made.text
    subtitle = made.plot().layout.title.subtitle.text
    assert "SIMULATED DATA" in subtitle
    assert "Survivor bias" in subtitle


def test_a_sheet_on_plain_data_has_no_warning():
    assert 'nl-caption"' not in sheet([], Provenance(source="measured")).html


def test_plot_gives_a_plain_figure_in_the_theme_asked_for():
    built = []
    figure = sheet(built).plot("Growth", theme="dark")
    assert type(figure) is go.Figure
    assert built == ["dark"]
    assert figure.layout.template.layout.paper_bgcolor == "#12161e"


def test_figures_names_every_chart_and_builds_them_when_asked():
    built = []
    assert list(sheet(built).figures) == ["Growth"]
    assert built == ["light"]


def test_plotting_a_chart_the_sheet_has_not_is_refused_with_those_it_has():
    with pytest.raises(InputError, match="pass one of: Growth"):
        sheet([]).plot("Drawdown")
    with pytest.raises(InputError, match="tables only"):
        TearSheet(title="t", parts=()).plot()


def test_a_saved_page_is_whole_interactive_and_asks_no_other_machine(tmp_path):
    page = sheet([]).save_html(tmp_path / "sheet.html").read_text()
    assert page.startswith("<!doctype html>")
    assert page.count("plotly.js v") >= 1
    assert "Plotly.newPlot" in page
    assert re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=", page) == []
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.html"]


def test_no_text_of_a_figure_can_end_the_script_of_its_page(tmp_path):
    def figure(theme):
        return go.Figure(go.Scatter(y=[1], name="</script><script>alert(1)</script>"))

    made = TearSheet(title="t", parts=(Chart(title="c", figure=figure),))
    page = made.save_html(tmp_path / "t.html").read_text()
    assert "<script>alert(1)" not in page
    assert r"\u003cscript\u003ealert(1)" in page


def test_a_page_of_tables_alone_carries_no_script(tmp_path):
    made = TearSheet(title="t", parts=(Facts(values={"a": "1"}),))
    page = made.save_html(tmp_path / "t.html", theme="dark").read_text()
    assert "<script" not in page
    assert "color-scheme:dark" in page


def test_a_page_that_cannot_be_made_leaves_the_old_one_as_it_was(tmp_path):
    target = tmp_path / "sheet.html"
    target.write_text("old")

    def broken(theme):
        raise ValueError("no figure")

    made = TearSheet(title="t", parts=(Chart(title="c", figure=broken),))
    with pytest.raises(ValueError, match="no figure"):
        made.save_html(target)
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.html"]


def test_a_page_for_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="folder that exists"):
        sheet([]).save_html(tmp_path / "nowhere" / "sheet.html")


def test_a_preview_keeps_the_worst_day_of_a_long_series():
    line = pd.Series(0.0, index=DAYS)
    line.iloc[3217] = -0.5
    drawn = line_preview({"drawdown": line}, ".0%", area=True)
    heights = [float(y) for y in re.findall(r",([\d.]+)", re.search(r'points="([^"]+)"', drawn)[1])]
    assert max(heights) - min(heights) == pytest.approx(122, abs=0.2)
    assert "\N{MINUS SIGN}50%" in drawn
    assert len(drawn) < 16_000


def test_a_preview_of_several_lines_has_a_legend_and_escapes_it():
    lines = {"<a>": pd.Series([1.0, 2.0], DAYS[:2]), "b": pd.Series([2.0, 1.0], DAYS[:2])}
    drawn = line_preview(lines)
    assert drawn.count("<polyline") == 2
    assert "&lt;a&gt;" in drawn
    assert "<a>" not in drawn


def test_a_flat_line_and_a_line_with_gaps_are_drawn():
    flat = line_preview({"x": pd.Series(1.0, DAYS[:3])})
    gaps = line_preview({"x": pd.Series([1.0, np.nan, 2.0], DAYS[:3])})
    assert "nan" not in (flat + gaps).lower()


def test_nothing_to_draw_draws_nothing():
    assert line_preview({"x": pd.Series([np.nan, 1.0], DAYS[:2])}) == ""
    assert bar_preview({"x": float("nan")}) == ""


def test_bars_show_the_sign_and_skip_what_is_missing():
    drawn = bar_preview({"1": 0.02, "5": float("nan"), "21": -0.01}, ".2f")
    assert drawn.count("<rect") == 2
    assert "\N{MINUS SIGN}0.01" in drawn


def test_on_a_log_scale_equal_growth_is_equal_distance():
    drawn = line_preview({"x": pd.Series([1.0, 10.0, 100.0], DAYS[:3])}, ".0f", log=True)
    heights = [float(y) for y in re.findall(r",([\d.]+)", re.search(r'points="([^"]+)"', drawn)[1])]
    assert heights[0] - heights[1] == pytest.approx(heights[1] - heights[2], abs=0.2)
    assert re.findall(r">(\d+)</text>", drawn) == ["1", "10", "100"]


def test_a_histogram_shows_single_occurrences_and_its_marks():
    values = pd.Series([0.0] * 999 + [0.1])
    drawn = histogram_preview(values, {"VaR": 0.02, "far <off>": 9.0}, bins=10)
    assert drawn.count("<rect") == 2
    assert "far &lt;off&gt;" in drawn
    places = [float(x) for x in re.findall(r'<line x1="([\d.]+)"', drawn)]
    assert max(places) <= 460


def test_importing_the_room_loads_neither_plotly_nor_pandas():
    code = (
        "import sys, nautilus_lab.display\n"
        "print([m for m in ('plotly', 'pandas', 'numpy', 'IPython') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
