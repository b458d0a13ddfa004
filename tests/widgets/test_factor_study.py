"""The panel of a factor study, fed with plain rows as a study tells them."""

import copy
import json
import math

import pytest

from nautilus_lab.exceptions import InputError
from nautilus_lab.widgets import FactorStudyPanel

DAY = 86_400_000_000_000
ROWS = {
    "title": "Factor study, 9 dates",
    "caption": "Evaluation on 20 names: weak statistical power.",
    "simulated": False,
    "cards": {"ic": 0.02, "icir": 0.1, "t": 2.0, "hit": 53.0, "spread": 3.0, "turnover": 6.0,
              "breakeven": math.nan, "names": 20.0},
    "ic": [(1 * DAY, 0.01), (2 * DAY, 0.02)],
    "book": [(1 * DAY, 1.0), (2 * DAY, 1.01)],
    "horizons": [{"id": "1", "horizon": 1, "mean": 0.02, "t": 2.0, "spread": 3.0}],
    "quantiles": [{"id": "1", "quantile": 1, "h1": -2.0, "turnover": 5.0},
                  {"id": "2", "quantile": 2, "h1": 1.0, "turnover": 6.0}],
    "decay": [{"id": "1", "horizon": 1, "ic": 0.02, "bar_ic": math.nan, "t": 2.0}],
    "months": [{"id": "2024-01", "month": "2024-01", "ic": 0.02}],
    "dropped": [{"id": "used", "reason": "used", "scores": 180}],
}  # fmt: skip


def test_it_shows_every_part_of_a_study():
    panel = FactorStudyPanel(ROWS)
    assert panel.kpis.values["ic"] == 0.02
    assert panel.kpis.values["breakeven"] is None
    assert panel.ic.points[-1] == {"time": 2 * 86_400, "value": 0.02}
    assert [row["h1"] for row in panel.quantiles.rows] == [-2.0, 1.0]
    assert panel.decay.rows[0]["bar_ic"] is None
    assert panel.dropped.rows == [{"id": "used", "reason": "used", "scores": 180}]
    assert "20 names" in panel.heading.value
    assert repr(panel) == "FactorStudyPanel(2 quantiles)"
    assert "application/vnd.jupyter.widget-view+json" in panel._repr_mimebundle_()


def test_another_study_takes_its_place():
    panel = FactorStudyPanel(ROWS)
    other = copy.deepcopy(ROWS)
    other |= {"simulated": True, "ic": [(5 * DAY, 0.5)], "quantiles": ROWS["quantiles"][1:]}
    panel.put(other)
    assert panel.ic.points == [{"time": 5 * 86_400, "value": 0.5}]
    assert [row["id"] for row in panel.quantiles.rows] == ["2"]
    assert panel.banner.simulated


def test_markup_in_a_title_stays_text():
    panel = FactorStudyPanel({**ROWS, "title": "<img src=x onerror=alert(1)>"})
    assert "<img" not in panel.heading.value


def test_rows_without_a_part_are_refused_and_what_was_shown_stays():
    panel = FactorStudyPanel(ROWS)
    with pytest.raises(InputError, match=r"all parts; got no decay; pass study\.rows"):
        panel.put({key: value for key, value in ROWS.items() if key != "decay"})
    assert panel.decay.rows


def test_the_columns_of_quantiles_are_the_horizons_of_the_study():
    two = {**ROWS, "horizons": [*ROWS["horizons"], {"id": "21", "horizon": 21, "mean": 0.1}]}
    keys = [column["key"] for column in FactorStudyPanel(two).quantiles.columns]
    assert keys == ["quantile", "h1", "h21", "turnover"]
    assert json.dumps(FactorStudyPanel(two).quantiles.columns)
