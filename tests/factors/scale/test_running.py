import os
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.factors.scale import (
    FactorMatrix,
    SignPlan,
    clusters,
    evaluate_many,
    most_correlated,
    near_duplicates,
    scan,
)

ROWS = 150_000  # three chunks


@pytest.fixture(scope="module")
def many():
    values = np.random.default_rng(1).standard_normal((ROWS, 5)).astype(np.float32)
    return FactorMatrix(values)


LINE = [0.1, -0.2, 0.3, 0.0, 0.15]


class LikeDask:
    """What a Dask client has in common with an executor, its callbacks from another thread."""

    def __init__(self):
        self.threads = ThreadPoolExecutor(2)
        self.sent = []

    def submit(self, function, *arguments):
        self.sent.append(function.__name__)
        return self.threads.submit(function, *arguments)

    def scatter(self, data):  # pragma: no cover - never asked for
        raise AssertionError(data)


def test_what_has_submit_is_an_executor(planted, prices):
    client = LikeDask()
    matrix = FactorMatrix(planted)
    plan = SignPlan.at(0.95, recall=0.999, bits=8)
    line = np.random.default_rng(0).standard_normal(120)
    np.testing.assert_array_equal(
        scan(matrix, line, executor=client).ic["spearman"], scan(matrix, line).ic["spearman"]
    )
    near = most_correlated(matrix, [1, 2], executor=client)
    np.testing.assert_array_equal(near.rows, most_correlated(matrix, [1, 2]).rows)
    for settings in ({}, {"plan": plan}):
        found = near_duplicates(matrix, executor=client, **settings)
        here = near_duplicates(matrix, **settings)
        np.testing.assert_array_equal(found.left, here.left)
        np.testing.assert_array_equal(found.rho, here.rho)
        np.testing.assert_array_equal(
            clusters(matrix, executor=client, **settings).representative,
            clusters(matrix, **settings).representative,
        )
    scores = np.random.default_rng(0).standard_normal((9, *prices.shape))
    np.testing.assert_array_equal(
        evaluate_many(scores, prices, executor=client).ic, evaluate_many(scores, prices).ic
    )
    assert {"scan_chunk", "neighbours_chunk", "table_chunk", "exact_chunk", "panel_chunk"} <= set(
        client.sent
    )


@pytest.mark.processes
@pytest.mark.slow
def test_other_processes_give_the_same_numbers(planted, tmp_path):
    matrix = FactorMatrix(planted)
    plan = SignPlan.at(0.95, recall=0.999, bits=8)
    line = np.random.default_rng(0).standard_normal(120)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        found = scan(matrix, line, executor=pool)
        pairs = near_duplicates(matrix, plan=plan, executor=pool, folder=tmp_path / "pairs")
    np.testing.assert_array_equal(found.ic["pearson"], scan(matrix, line).ic["pearson"])
    np.testing.assert_array_equal(pairs.left, near_duplicates(matrix, plan=plan).left)


def test_an_error_in_a_task_comes_out_and_ends_the_work(many):
    class Failing:
        def submit(self, function, *arguments):
            future = Future()
            future.set_exception(MemoryError("no room"))
            return future

    with pytest.raises(MemoryError, match="no room"):
        scan(many, LINE, executor=Failing())


def test_progress_tells_of_all_stages_together(planted):
    told = []
    plan = SignPlan.at(0.95, recall=0.999, bits=8)
    near_duplicates(FactorMatrix(planted), plan=plan, progress=lambda *done: told.append(done))
    assert told[0] == (0, 1 + plan.tables)
    assert told[-1] == (1 + plan.tables, 1 + plan.tables)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


class Stop(Exception):
    pass


def stop_after(count):
    def told(done, _):
        if done >= count:
            raise Stop

    return told


def test_a_stopped_scan_goes_on_where_it_was(many, tmp_path):
    whole = scan(many, LINE)
    with pytest.raises(Stop):
        scan(many, LINE, folder=tmp_path, progress=stop_after(2))
    assert sorted(path.name for path in tmp_path.glob("*.npz")) == [
        "chunk-000000.npz",
        "chunk-000001.npz",
    ]
    told = []
    found = scan(many, LINE, folder=tmp_path, progress=lambda *done: told.append(done))
    assert told == [(2, 3), (3, 3)]
    for method in ("pearson", "spearman"):
        np.testing.assert_array_equal(found.ic[method], whole.ic[method])


def test_a_stopped_search_for_duplicates_goes_on_where_it_was(planted, tmp_path):
    matrix, plan = FactorMatrix(planted), SignPlan.at(0.95, recall=0.999, bits=8)
    with pytest.raises(Stop):
        near_duplicates(matrix, plan=plan, folder=tmp_path, progress=stop_after(5))
    told = []
    found = near_duplicates(
        matrix, plan=plan, folder=tmp_path, progress=lambda *done: told.append(done)
    )
    assert (5, 1 + plan.tables) in told
    assert len(told) == plan.tables + 1 - 5 + 3
    np.testing.assert_array_equal(found.left, near_duplicates(matrix, plan=plan).left)


@pytest.mark.processes
def test_a_scan_killed_by_sigkill_goes_on_where_it_was(many, tmp_path):
    program = textwrap.dedent(
        f"""
        import sys, time
        import numpy as np
        from nautilus_lab.factors.scale import FactorMatrix, scan

        def told(done, total):
            if done == 2:
                print("two are done", flush=True)
                time.sleep(60)

        values = np.random.default_rng(1).standard_normal(({ROWS}, 5)).astype(np.float32)
        scan(FactorMatrix(values), {LINE}, folder={str(tmp_path)!r}, progress=told)
        """
    )
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "two are done\n"
    os.kill(child.pid, signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    child.stdout.close()
    (tmp_path / "chunk-000002.part").write_bytes(b"PK: killed while it was written")
    told = []
    found = scan(many, LINE, folder=tmp_path, progress=lambda *done: told.append(done))
    assert told == [(2, 3), (3, 3)]
    np.testing.assert_array_equal(found.ic["spearman"], scan(many, LINE).ic["spearman"])


def test_a_finished_work_is_read_and_not_done_again(many, tmp_path):
    first = scan(many, LINE, folder=tmp_path)
    written = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.npz")}
    time.sleep(0.01)
    again = scan(many, LINE, folder=tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.npz")} == written
    np.testing.assert_array_equal(again.ic["spearman"], first.ic["spearman"])


def changed(matrix):
    values = matrix.values.copy()
    values[140_000, 2] += 1e-3
    return FactorMatrix(values)


@pytest.mark.parametrize(
    ("another", "words"),
    [
        (lambda m, folder: scan(changed(m), LINE, folder=folder), "other inputs"),
        (lambda m, folder: scan(m, [*LINE[:4], 0.16], folder=folder), "other inputs"),
        (lambda m, folder: scan(m, LINE, folder=folder, methods=["pearson"]), "other settings"),
        (lambda m, folder: most_correlated(m, [0], folder=folder), "another work: scan"),
        (lambda m, folder: scan(m, LINE, folder=folder, executor=LikeDask()), "other chunks"),
    ],
    ids=["a value", "a return", "methods", "work", "executor"],
)
def test_a_folder_of_another_work_is_refused(many, tmp_path, another, words):
    scan(many, LINE, folder=tmp_path)
    with pytest.raises(InputError, match=f"gone on with by the work that began it; got .*{words}"):
        another(many, tmp_path)


def test_a_torn_chunk_is_named(many, tmp_path):
    scan(many, LINE, folder=tmp_path)
    path = tmp_path / "chunk-000001.npz"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(StoreError, match=r"chunk-000001\.npz"):
        scan(many, LINE, folder=tmp_path)
    path.unlink()
    assert len(scan(many, LINE, folder=tmp_path).names) == ROWS


def test_two_do_not_work_in_one_folder(many, tmp_path):
    def another(done, _):
        if done == 1:
            scan(many, LINE, folder=tmp_path)

    with pytest.raises(InputError, match="one process at a time works in a folder"):
        scan(many, LINE, folder=tmp_path, progress=another)


def test_a_folder_that_cannot_be_is_refused(many, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="must be writable"):
        scan(many, LINE, folder=tmp_path / "file")


@pytest.mark.parametrize("text", ["{", "[]", '"scan"'])
def test_a_manifest_that_is_torn_is_told(tmp_path, text):
    matrix = FactorMatrix(np.array([[1.0, 2.0, 4.0, 3.0, 5.0]]))
    scan(matrix, LINE, folder=tmp_path)
    (tmp_path / "manifest.json").write_text(text, "utf-8")
    with pytest.raises(StoreError, match="manifest"):
        scan(matrix, LINE, folder=tmp_path)
