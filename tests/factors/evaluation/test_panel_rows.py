from nautilus_lab.factors import evaluate
from nautilus_lab.widgets import FactorStudyPanel


def test_the_panel_takes_the_rows_of_a_study(scores, prices):
    study = evaluate(scores, prices, horizons=(1, 5))
    panel = FactorStudyPanel(study.rows())
    assert panel.kpis.values["t"] == study.ic_summary.loc[1, "t"]
    assert [row["horizon"] for row in panel.decay.rows] == [1, 2, 3, 4, 5, 7, 10]
    book = study.portfolio().gross_returns
    assert panel.book.points[-1]["time"] == book.index[-1].timestamp()
    assert sum(row["scores"] for row in panel.dropped.rows) == scores.size
