import io

import numpy as np
import pytest

from nautilus_lab.exceptions import InputError
from nautilus_lab.factors.scale import (
    FactorMatrix,
    ProgressBar,
    clusters,
    evaluate_many,
    most_correlated,
    scan,
)


@pytest.fixture
def told():
    return io.StringIO()


def test_the_memory_is_told_before_the_first_chunk_and_the_bar_fills(planted, told):
    matrix = FactorMatrix(planted)
    scan(matrix, planted[0], progress=ProgressBar(file=told))
    first, bars = told.getvalue().split("\n", 1)
    assert first.startswith("scan: about ")
    assert first.endswith(" MB at its peak")
    begun, done = bars.strip().split("\r")
    assert begun.startswith("scan [" + "-" * 30 + "] 0/1 ...")
    assert done.startswith("scan [" + "#" * 30 + "] 1/1 done in ")


def test_the_time_that_is_left_goes_by_what_this_run_has_done(told, monkeypatch):
    now = iter([100.0, 110.0, 120.0])
    monkeypatch.setattr("time.monotonic", lambda: next(now))
    bar = ProgressBar(file=told)
    for done in (6, 8, 10):  # six were done by an earlier run
        bar(done, 10)
    lines = told.getvalue().split("\r")[1:]
    assert [line.split("] ")[1].strip() for line in lines] == [
        "6/10 ...",
        "8/10 10 s left",
        "10/10 done in 20 s",
    ]


def test_each_work_tells_its_own_name(planted, prices, told):
    matrix = FactorMatrix(planted)
    most_correlated(matrix, [0], progress=ProgressBar(file=told))
    clusters(matrix, progress=ProgressBar(file=told))
    scores = np.random.default_rng(0).standard_normal((2, *prices.shape))
    evaluate_many(scores, prices, progress=ProgressBar(file=told))
    for work in ("most_correlated", "clusters", "evaluate_many"):
        assert f"{work}: about " in told.getvalue()


def test_a_work_that_does_not_fit_is_refused_before_it_is_told_of(planted, told):
    with pytest.raises(InputError, match="scan must fit into max_bytes=1,000"):
        scan(FactorMatrix(planted), planted[0], max_bytes=1_000, progress=ProgressBar(file=told))
    assert told.getvalue() == ""
