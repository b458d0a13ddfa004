import hashlib
import json
import math
import re
import subprocess
import sys
from pathlib import Path

import pytest

import nautilus_lab.widgets as widgets
from nautilus_lab.exceptions import InputError
from nautilus_lab.widgets import (
    AgeBadge,
    Column,
    Grid,
    Kpi,
    KpiRow,
    LineChart,
    PriceChart,
    Pulse,
    SimulatedBanner,
    StatusBar,
)
from nautilus_lab.widgets._library import LabWidget

SECOND = 1_000_000_000


@pytest.fixture
def sent(monkeypatch):
    """What a widget sends to its page, as the page gets it."""
    messages = []

    def remember(self, content, buffers=None):
        messages.append(json.loads(json.dumps(content, allow_nan=False)))

    monkeypatch.setattr("ipywidgets.Widget.send", remember)
    return messages


def opened(widget) -> None:
    """A page opens the widget."""
    widget._heard(widget, {"kind": "ready"}, [])


# --- grid -----------------------------------------------------------------------------------


@pytest.fixture
def grid() -> Grid:
    return Grid([Column(key="price", label="Price", kind="number")], most_rows=3)


def test_a_known_row_sends_only_what_changed(grid, sent):
    grid.put([{"id": "A", "price": 1.0, "side": "BUY"}])
    grid.put([{"id": "A", "price": 2.0, "side": "BUY"}])
    assert sent[0]["rows"] == [{"id": "A", "price": 1.0, "side": "BUY"}]
    assert sent[1]["rows"] == [{"id": "A", "price": 2.0}]
    assert grid.rows == [{"id": "A", "price": 2.0, "side": "BUY"}]


def test_a_row_that_did_not_change_sends_nothing(grid, sent):
    grid.put([{"id": "A", "price": 1.0}])
    grid.put([{"id": "A", "price": 1.0}])
    assert len(sent) == 1


def test_the_oldest_row_makes_room(grid, sent):
    for name in "ABCD":
        grid.put([{"id": name, "price": 1.0}])
    assert [row["id"] for row in grid.rows] == ["B", "C", "D"]
    assert sent[-1] == {"kind": "rows", "rows": [{"id": "D", "price": 1.0}], "gone": ["A"]}


def test_rows_beyond_the_room_in_one_put_are_never_sent(grid, sent):
    grid.put([{"id": name, "price": 1.0} for name in "ABCDE"])
    assert [row["id"] for row in sent[0]["rows"]] == ["C", "D", "E"]
    assert sent[0]["gone"] == []


def test_a_removed_row_is_gone_and_an_unknown_one_no_error(grid, sent):
    grid.put([{"id": "A", "price": 1.0}])
    grid.remove(["A", "Z"])
    assert grid.rows == []
    assert sent[-1]["gone"] == ["A"]


def test_nan_is_sent_as_nothing(grid, sent):
    grid.put([{"id": "A", "price": math.nan}])
    assert sent[0]["rows"] == [{"id": "A", "price": None}]


@pytest.mark.parametrize("row", [{}, {"price": 1.0}, {"id": 5}, {"id": None}])
def test_a_row_without_an_id_is_refused_and_none_of_its_company_added(grid, row):
    with pytest.raises(InputError, match="must have an id"):
        grid.put([{"id": "A", "price": 1.0}, row])
    assert grid.rows == []


def test_a_grid_without_columns_is_refused():
    with pytest.raises(InputError, match="needs a column"):
        Grid([])


def test_a_page_that_opens_later_gets_every_row(grid, sent):
    grid.put([{"id": "A", "price": 1.0}])
    grid.put([{"id": "B", "price": 2.0}])
    opened(grid)
    assert sent[-1] == {
        "kind": "all",
        "rows": [{"id": "A", "price": 1.0}, {"id": "B", "price": 2.0}],
    }
    assert grid.get_state("rows")["rows"] == sent[-1]["rows"]


def test_replacing_shows_these_rows_and_no_others(grid, sent):
    grid.put([{"id": "A", "price": 1.0}])
    grid.replace([{"id": "B", "price": 2.0}])
    assert sent[-1] == {"kind": "all", "rows": [{"id": "B", "price": 2.0}]}


# --- charts ---------------------------------------------------------------------------------


def test_of_several_values_in_a_second_the_last_stays(sent):
    chart = LineChart()
    for ts, value in ((0, 1.0), (SECOND // 2, 2.0), (SECOND, 3.0)):
        chart.append(ts, value)
    assert chart.points == [{"time": 0, "value": 2.0}, {"time": 1, "value": 3.0}]


def test_values_from_the_past_and_values_that_are_none_are_left_out(sent):
    chart = LineChart()
    chart.append(5 * SECOND, 1.0)
    chart.append(4 * SECOND, 9.0)
    chart.append(6 * SECOND, math.nan)
    chart.append(7 * SECOND, math.inf)
    assert chart.points == [{"time": 5, "value": 1.0}]
    assert len(sent) == 1


def test_seeding_a_line_keeps_what_is_older_and_what_is_newer(sent):
    chart = LineChart()
    chart.extend([(n * SECOND, float(n)) for n in (1, 5, 9)])
    chart.seed([(4 * SECOND, 40.0), (5 * SECOND, 50.0)])
    assert [(p["time"], p["value"]) for p in chart.points] == [
        (1, 1.0),
        (4, 40.0),
        (5, 50.0),
        (9, 9.0),
    ]
    chart.seed([])
    assert len(chart.points) == 4


def test_a_line_keeps_two_hours(sent):
    chart = LineChart()
    chart.extend([(n * SECOND, 1.0) for n in range(7_300)])
    assert (len(chart.points), chart.points[0]["time"]) == (7_200, 100)


def test_a_candle_holds_first_highest_lowest_and_last(sent):
    chart = PriceChart(bar_s=10)
    for second, price in enumerate((10.0, 12.0, 8.0, 11.0)):
        chart.tick(second * SECOND, price)
    chart.tick(10 * SECOND, 13.0)
    assert chart.bars == [
        {"time": 0, "open": 10.0, "high": 12.0, "low": 8.0, "close": 11.0},
        {"time": 10, "open": 11.0, "high": 13.0, "low": 11.0, "close": 13.0},
    ]
    chart.tick(3 * SECOND, 1.0)
    assert chart.bars[0]["low"] == 8.0


def test_another_instrument_begins_with_empty_candles(sent):
    chart = PriceChart()
    chart.tick(0, 10.0)
    chart.begin()
    assert chart.bars == []
    assert sent[-1] == {"kind": "all", "bars": []}


@pytest.mark.parametrize("bar_s", [0, -5])
def test_a_candle_must_cover_a_second(bar_s):
    with pytest.raises(InputError, match="at least one second"):
        PriceChart(bar_s=bar_s)


# --- cards ----------------------------------------------------------------------------------


def test_cards_send_only_what_changed(sent):
    row = KpiRow([Kpi(key="a", label="A"), Kpi(key="b", label="B")])
    row.put({"a": 1.0, "b": 2.0}, {"a": "USD"})
    row.put({"a": 1.0, "b": 3.0}, {"a": "USD"})
    row.put({"a": math.nan, "b": 3.0})
    row.put({"a": math.nan, "b": 3.0})
    assert [message["values"] for message in sent] == [
        {"a": 1.0, "b": 2.0},
        {"b": 3.0},
        {"a": None},
    ]
    assert [message["notes"] for message in sent] == [{"a": "USD"}, {}, {}]


def test_a_value_without_a_card_is_refused():
    with pytest.raises(InputError, match="belong to a card"):
        KpiRow([Kpi(key="a", label="A")]).put({"z": 1.0})


# --- marks ----------------------------------------------------------------------------------


def test_an_age_that_is_infinite_is_none_on_the_wire(sent):
    badge = AgeBadge()
    badge.put(age_s=math.inf, quote_age_s=1.5, headline="waiting")
    assert sent[-1]["state"]["age_s"] is None
    assert sent[-1]["state"]["quote_age_s"] == 1.5


def test_a_page_that_opens_later_gets_the_age_grown_since(sent, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr("nautilus_lab.widgets._status.time.monotonic", lambda: clock[0])
    badge = AgeBadge()
    badge.put(age_s=2.0, quote_age_s=math.inf)
    clock[0] += 7
    opened(badge)
    assert sent[-1]["state"]["age_s"] == 9.0
    assert sent[-1]["state"]["quote_age_s"] is None


def test_a_status_is_sent_when_it_changes(sent):
    bar = StatusBar(title="Risk")
    for _ in range(2):
        bar.put(trader="PAPER-001", node="running", epoch=1, level="ok")
    assert len(sent) == 1


def test_a_pulse_counts_the_seconds_since_the_page_answered(sent, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("nautilus_lab.widgets._status.time.monotonic", lambda: clock[0])
    pulse = Pulse()
    clock[0] = 50.0
    assert (pulse.seen, pulse.silent_s) == (False, 50.0)
    pulse.ping()
    assert sent[-1]["kind"] == "ping"
    pulse._heard(pulse, {"kind": "pong", "id": 1}, [])
    clock[0] = 53.0
    assert (pulse.seen, pulse.silent_s) == (True, 3.0)


def test_the_banner_is_silent_until_something_is_simulated():
    assert SimulatedBanner().simulated is False


# --- what is shipped ------------------------------------------------------------------------


def test_every_widget_has_a_view_in_the_bundle(repository: Path):
    index = (repository / "frontend" / "src" / "index.js").read_text()
    exported = ",".join(re.findall(r"export \{(.*?)\}", index, re.DOTALL))
    there = [getattr(widgets, name) for name in widgets.__all__]
    kinds = [kind for kind in there if isinstance(kind, type) and issubclass(kind, LabWidget)]
    assert {kind.__name__ for kind in kinds} == {name.strip() for name in exported.split(",")}


def test_the_bundle_is_as_new_as_its_sources(repository: Path):
    frontend = repository / "frontend"
    files = [*sorted((frontend / "src").iterdir(), key=lambda path: path.name)]
    files += [frontend / "build.mjs", frontend / "package-lock.json"]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]
    bundle = repository / "nautilus_lab" / "widgets" / "static" / "widgets.js"
    first = bundle.read_text("utf-8").split("\n", 1)[0]
    assert digest in first, "run scripts/assets"


def test_licences_and_notice_of_what_is_bundled_are_there(repository: Path):
    text = (repository / "nautilus_lab/widgets/static/LICENSES.txt").read_text("utf-8")
    for words in ("Apache License", "NOTICE: TradingView", "tabulator-tables", "MIT"):
        assert words in text


def test_the_bundle_names_no_place_to_fetch_anything_from(repository: Path):
    bundle = (repository / "nautilus_lab/widgets/static/widgets.js").read_text("utf-8")
    assert "cdn." not in bundle
    assert "@import" not in bundle
    assert "fetch(" not in bundle
    assert "XMLHttpRequest" not in bundle


def test_the_library_is_made_once_and_again_when_a_notebook_closed_it():
    first, second = LineChart(), LineChart()
    assert first.library == second.library
    type(first)._shared.close()
    assert LineChart().library != first.library


def test_all_names_are_there_and_sorted():
    assert sorted(widgets.__all__) == widgets.__all__
    assert all(hasattr(widgets, name) for name in widgets.__all__)


def test_a_viewers_kernel_loads_nothing_heavy():
    heavy = ["pandas", "numpy", "nautilus_trader", "sqlalchemy", "plotly", "nautilus_lab.streaming"]
    code = f"import nautilus_lab.widgets, sys; print([m for m in {heavy} if m in sys.modules])"
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert shown.strip() == "[]"
