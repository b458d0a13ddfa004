import pytest

from nautilus_lab.factors import evaluate


@pytest.fixture(scope="module")
def study(scores, prices):
    sectors = {symbol: "AB"[place % 2] for place, symbol in enumerate(prices)}
    return evaluate(scores, prices, horizons=(1, 5), groups=sectors)


def test_the_page_opens_offline_with_every_chart(study, tmp_path):
    page = study.tear_sheet(periods_per_year=252).save_html(tmp_path / "study.html")
    text = page.read_text("utf-8")
    assert text.count("draw('nl-figure-") == 12
    assert 'src="http' not in text
    assert "<link" not in text
    assert "Sharpe ratio" in text
    assert "SIMULATED" not in text


def test_figures_by_year_are_there_when_the_year_is_told(study):
    assert "Sharpe ratio" not in study.tear_sheet().text
    text = study.tear_sheet(periods_per_year=252).text
    book = study.portfolio().performance(periods_per_year=252)
    assert f"{book.sharpe_ratio:.2f}" in text
    assert "by score, neutral to groups" in text
    assert "Alpha and beta" in text  # whose note stands where they do
    assert "Alpha and beta" not in study.tear_sheet().text


def test_the_bars_of_the_decay_are_its_ics(study):
    bars, line = study.plot("Decay").data
    table = study.decay([int(bar) for bar in bars.x])
    assert list(bars.y) == pytest.approx(table["ic"].to_list())
    assert list(line.y) == pytest.approx(table["bar_ic"].to_list())


def test_the_months_of_the_heatmap_are_those_of_the_study(study):
    (heat,) = study.plot("Mean IC by month").data
    assert list(heat.y) == ["2018", "2019"]
    march = study.ic_by_period("month").loc[(2019, 3), 1]
    assert heat.z[1][2] == pytest.approx(march, abs=1e-4)


def test_the_dark_theme_has_every_chart(study):
    for title in study.tear_sheet().figures:
        assert study.plot(title, theme="dark").layout.paper_bgcolor is None
        assert study.plot(title, theme="dark").layout.template.layout.paper_bgcolor == "#12161e"


def test_plain_rows_are_json_all_through(study):
    import json

    rows = study.rows()
    assert json.loads(json.dumps(rows))["cards"]["ic"] == study.ic_summary.loc[1, "mean"]
    assert [row["horizon"] for row in rows["horizons"]] == [1, 5]
    assert sum(row["scores"] for row in rows["dropped"]) == 504 * 40
