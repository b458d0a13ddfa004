import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from nautilus_lab.exceptions import BadData, CatalogMissing, MissingExtra, StoreError
from nautilus_lab.marketdata import MarketDataEngine, build_catalog, render_readme
from nautilus_lab.marketdata._datasets import BY_NAME, DATASETS
from nautilus_lab.marketdata._packaged import packaged_files, read_packaged

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def copy(catalog, tmp_path):
    """A catalog that a test may damage."""
    shutil.copytree(catalog, tmp_path / "data")
    return tmp_path / "data"


def files_of(folder):
    return {
        str(p.relative_to(folder)): (p.read_bytes(), p.stat().st_mtime_ns)
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name != ".build.lock"
    }


def test_the_committed_page_is_what_the_code_renders():
    assert (REPOSITORY / "data" / "README.md").read_text("utf-8") == render_readme()


def test_the_page_names_package_and_licence_of_every_data_set():
    page = render_readme()
    for dataset in DATASETS:
        row = next(line for line in page.splitlines() if line.startswith(f"| `{dataset.name}`"))
        assert dataset.package in row
        assert dataset.licence in row
        assert all(notice in page for notice in dataset.notices)


def test_a_build_writes_the_page_and_a_manifest_that_tells_every_file(catalog):
    assert (catalog / "README.md").read_text("utf-8") == render_readme()
    told = json.loads((catalog / "manifest.json").read_text("utf-8"))["datasets"]
    assert list(told) == [dataset.name for dataset in DATASETS]
    stocks = told["us_stocks"]
    assert (stocks["rows"], stocks["first"], stocks["last"]) == (8313, "1990-01-02", "2022-12-28")
    assert stocks["package"] == "skfolio"
    assert stocks["series"]["AAPL"] == {"rows": 8313, "first": "1990-01-02", "last": "2022-12-28"}
    assert (catalog / stocks["file"]).is_file()


def test_building_again_touches_nothing(copy):
    before = files_of(copy)
    report = build_catalog(copy)
    assert not report.built
    assert files_of(copy) == before
    assert "up to date" in str(report)


def test_two_builds_hold_the_same_bytes(catalog, tmp_path):
    assert build_catalog(tmp_path).built
    fresh, old = files_of(tmp_path), files_of(catalog)
    assert {k: v[0] for k, v in fresh.items()} == {k: v[0] for k, v in old.items()}


def test_a_flipped_byte_is_found_even_under_the_old_time_and_never_served(copy):
    told = json.loads((copy / "manifest.json").read_text("utf-8"))["datasets"]["us_index"]
    path = copy / told["file"]
    stat = path.stat()
    data = MarketDataEngine(copy)
    assert len(data.prices(["SP500"])) == 8313
    spoilt = bytearray(path.read_bytes())
    spoilt[len(spoilt) // 2] ^= 1
    path.write_bytes(spoilt)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with pytest.raises(BadData, match="match the hash") as caught:
        data.prices(["SP500"])
    assert "data build" in caught.value.remedy
    assert len(data.prices(["AAPL"])) == 8313  # the other files still serve
    assert build_catalog(copy).built
    assert len(data.prices(["SP500"])) == 8313


def test_a_lost_file_is_named_and_built_anew(copy):
    told = json.loads((copy / "manifest.json").read_text("utf-8"))["datasets"]["vix"]
    (copy / told["file"]).unlink()
    with pytest.raises(CatalogMissing, match="every file"):
        MarketDataEngine(copy).macro(["VIX"])
    assert build_catalog(copy).built
    assert len(MarketDataEngine(copy).macro(["VIX"])) == 1259


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"layout": 1, "datasets": {"vix": {}}}', '{"layout": 1, "datasets": []}'],
)
def test_a_damaged_manifest_is_refused_and_built_anew(copy, text):
    (copy / "manifest.json").write_text(text)
    with pytest.raises(BadData, match="manifest must be readable"):
        MarketDataEngine(copy).prices()
    assert build_catalog(copy).built


def test_a_manifest_of_another_layout_or_of_other_sets_is_refused_and_built_anew(copy):
    path = copy / "manifest.json"
    told = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**told, "layout": 0}))
    with pytest.raises(BadData, match="layout"):
        MarketDataEngine(copy).prices()
    told["datasets"]["tulips"] = told["datasets"].pop("vix")
    path.write_text(json.dumps(told))
    with pytest.raises(BadData, match="data sets") as caught:
        MarketDataEngine(copy).prices()
    assert caught.value.value == ["tulips", "vix"]
    assert build_catalog(copy).built


def test_no_catalog_says_how_to_build_one(tmp_path):
    data = MarketDataEngine(tmp_path)
    with pytest.raises(CatalogMissing) as caught:
        data.prices()
    assert "nautilus-lab data build" in caught.value.remedy
    assert not data.health().ok
    assert "nautilus-lab data build" in data.health().detail


def test_a_build_that_fails_leaves_the_old_catalog(copy, monkeypatch):
    before = files_of(copy)
    (copy / "README.md").unlink()
    told = json.loads((copy / "manifest.json").read_text("utf-8"))
    told["datasets"]["vix"]["version"] = "0"  # so that a build is due
    old_manifest = json.dumps(told)
    (copy / "manifest.json").write_text(old_manifest)

    def broken(dataset):
        if dataset.name == "us_macro":
            raise BadData("us_macro must be readable")
        return read_packaged(dataset)

    monkeypatch.setattr("nautilus_lab.marketdata._catalog.read_packaged", broken)
    with pytest.raises(BadData):
        build_catalog(copy)
    assert (copy / "manifest.json").read_text() == old_manifest
    after = files_of(copy)
    assert after.keys() == before.keys() - {"README.md"}
    assert len(MarketDataEngine(copy).prices()) == 8313


def test_a_build_that_is_killed_leaves_the_old_catalog_and_the_next_one_mends(copy):
    told = json.loads((copy / "manifest.json").read_text("utf-8"))
    told["datasets"]["vix"]["version"] = "0"
    (copy / "manifest.json").write_text(json.dumps(told))
    child = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time\n"
            "from nautilus_lab.marketdata import _catalog\n"
            "real = _catalog._replace\n"
            "def slow(path, text):\n"
            "    print('swapping', flush=True); time.sleep(60); real(path, text)\n"
            "_catalog._replace = slow\n"
            "_catalog.build_catalog(sys.argv[1])\n",
            str(copy),
        ],
        stdout=subprocess.PIPE,
    )
    try:
        assert child.stdout.readline() == b"swapping\n"
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
    assert len(MarketDataEngine(copy).prices()) == 8313
    assert build_catalog(copy).built  # the lock died with its holder
    assert len(list((copy / "catalog").iterdir())) == 1


def test_two_builds_at_once_leave_one_whole_catalog(tmp_path):
    code = (
        "import sys\n"
        "from nautilus_lab.marketdata import build_catalog\n"
        "print(build_catalog(sys.argv[1]).built)\n"
    )
    children = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    told = sorted(child.communicate(timeout=120)[0] for child in children)
    assert told == [b"False\n", b"True\n"]
    assert len(MarketDataEngine(tmp_path).prices()) == 8313


def test_a_directory_that_cannot_be_made_is_one_clear_error(tmp_path):
    (tmp_path / "data").write_text("a file")
    with pytest.raises(StoreError, match="must be writable"):
        build_catalog(tmp_path / "data")


def test_a_package_that_is_not_installed_is_named_with_the_line_that_installs_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra) as caught:
        packaged_files(BY_NAME["vix"])
    assert caught.value.remedy == "pip install arch"


def test_reading_the_packaged_files_imports_none_of_the_packages():
    code = (
        "import sys\n"
        "from nautilus_lab.marketdata._datasets import DATASETS\n"
        "from nautilus_lab.marketdata._packaged import read_packaged\n"
        "for dataset in DATASETS: read_packaged(dataset)\n"
        "print(sorted({d.module for d in DATASETS} & sys.modules.keys()))\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert told.stdout == b"[]\n"


def test_importing_the_room_loads_no_pandas():
    code = "import sys, nautilus_lab.marketdata; print('pandas' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert told.stdout == b"False\n"


def test_the_stocks_are_those_of_the_skfolio_loader():
    from skfolio.datasets import load_sp500_dataset

    theirs = load_sp500_dataset()
    ours = read_packaged(BY_NAME["us_stocks"])
    assert list(ours.columns) == list(theirs.columns)
    assert (ours.index.tz_localize(None) == theirs.index).all()
    assert (ours.to_numpy() == theirs.to_numpy()).all()


def test_the_index_bars_are_those_of_the_arch_loader():
    from arch.data import nasdaq

    theirs = nasdaq.load()
    ours = read_packaged(BY_NAME["us_index_bars"]).xs("NASDAQ", level="symbol")
    assert (ours.index.tz_localize(None) == pd.DatetimeIndex(theirs.index)).all()
    assert (ours["high"].to_numpy() == theirs["High"].to_numpy()).all()


def test_the_macro_series_are_those_of_the_statsmodels_loader_in_fractions():
    from statsmodels.datasets import macrodata

    theirs = macrodata.load_pandas().data
    ours = read_packaged(BY_NAME["us_macro"])
    assert (ours["REALGDP"].to_numpy() == theirs["realgdp"].to_numpy()).all()
    assert ours["UNEMP"].to_numpy() == pytest.approx(theirs["unemp"].to_numpy() / 100)
    assert str(ours.index[0].date()) == "1959-03-31"


def test_stock_bars_scale_with_the_adjusted_close_across_a_split():
    bars = read_packaged(BY_NAME["us_stock_bars"]).xs("AAPL", level="symbol")
    # Two for one on 2005-02-28: quoted 88.99 on the day before, 44.86 on the day.
    moved = bars["close"].loc["2005-02-28"] / bars["close"].loc["2005-02-25"] - 1
    assert moved == pytest.approx(2 * 44.86 / 88.99 - 1, abs=1e-4)


def test_a_monthly_value_is_not_dated_before_its_month_has_ended():
    french = read_packaged(BY_NAME["fama_french"])
    assert str(french.index[0].date()) == "1926-07-31"
    assert french["MKT_RF"].iloc[0] == pytest.approx(0.0296)
    assert french.index.is_month_end.all()


def test_idle_builds_leave_no_stray_files(copy):
    time_before = time.time_ns()
    build_catalog(copy)
    new = [p for p in copy.rglob("*") if p.is_file() and p.stat().st_mtime_ns > time_before]
    assert [p.name for p in new] in ([], [".build.lock"])
