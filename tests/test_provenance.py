"""What a reader must be told about a frame stays with the frame."""

import pandas as pd
import pytest

from nautilus_lab.provenance import SURVIVORS_ONLY, Provenance, mark, provenance

STOCKS = Provenance(source="skfolio 1.12 sp500_dataset", notices=(SURVIVORS_ONLY,))
REPLAY = Provenance(source="replay", simulated=True)


@pytest.fixture
def frame():
    index = pd.date_range("2020-01-01", periods=4, tz="UTC")
    return pd.DataFrame({"A": [1.0, 2.0, 3.0, 4.0], "B": [4.0, 3.0, 2.0, 1.0]}, index=index)


def test_a_mark_is_read_back(frame):
    assert provenance(mark(frame, STOCKS)) == STOCKS
    assert provenance(mark(frame["A"], REPLAY)) == REPLAY


def test_the_frame_that_was_given_is_not_marked(frame):
    mark(frame, STOCKS)
    assert frame.attrs == {}
    assert provenance(frame) == Provenance()


def test_marking_again_replaces_the_mark_and_keeps_other_attributes(frame):
    frame.attrs["mine"] = 1
    again = mark(mark(frame, STOCKS), REPLAY)
    assert provenance(again) == REPLAY
    assert again.attrs["mine"] == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f[["A"]],
        lambda f: f["A"],
        lambda f: f.iloc[1:3],
        lambda f: f.loc["2020-01-02":],
        lambda f: f * 2,
        lambda f: 1 - f,
        lambda f: f.pct_change(),
        lambda f: f.dropna(),
        lambda f: f.copy(),
        lambda f: f.resample("2D").last(),
        lambda f: f.shift(1),
        lambda f: f.rename(columns={"A": "C"}),
        lambda f: f.mean(),
        lambda f: f.sort_index(ascending=False),
    ],
)
def test_selections_and_arithmetic_keep_the_mark(frame, change):
    assert provenance(change(mark(frame, STOCKS))) == STOCKS


def test_a_parquet_file_keeps_the_mark(frame, tmp_path):
    mark(frame, STOCKS).to_parquet(tmp_path / "frame.parquet")
    assert provenance(pd.read_parquet(tmp_path / "frame.parquet")) == STOCKS


def test_several_frames_are_simulated_if_one_is_and_say_every_notice_once(frame):
    other = Provenance(source="arch", notices=("Adjusted.", SURVIVORS_ONLY), simulated=False)
    joined = provenance(mark(frame, STOCKS), mark(frame, other), mark(frame, REPLAY), frame)
    assert joined == Provenance(
        source="skfolio 1.12 sp500_dataset, arch, replay",
        notices=(SURVIVORS_ONLY, "Adjusted."),
        simulated=True,
    )


def test_nothing_is_known_of_a_frame_without_a_mark(frame):
    assert provenance() == provenance(frame) == Provenance()
    assert Provenance().caption == ""


def test_the_caption_says_simulated_first():
    both = Provenance(notices=("Adjusted.",), simulated=True)
    assert both.caption == "SIMULATED DATA Adjusted."
    assert STOCKS.caption == SURVIVORS_ONLY
