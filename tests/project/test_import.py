import json
import subprocess
import sys

HEAVY = {
    "pandas",
    "numpy",
    "vectorbt",
    "riskfolio",
    "nautilus_trader",
    "plotly",
    "numba",
    "skfolio",
}


def loaded_by(statement):
    code = f"import json, sys\n{statement}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in json.loads(done.stdout)}


def test_importing_the_project_loads_nothing_heavy():
    assert loaded_by("import nautilus_lab") & HEAVY == set()


def test_importing_the_project_loads_no_third_party_package_at_all():
    bare = loaded_by("")
    assert loaded_by("import nautilus_lab") - bare - set(sys.stdlib_module_names) == {
        "nautilus_lab"
    }


def test_the_client_and_the_widgets_load_no_pandas_and_no_nautilus():
    assert loaded_by("import nautilus_lab.client, nautilus_lab.widgets") & HEAVY == set()


def test_the_command_line_starts_without_the_heavy_libraries():
    assert loaded_by("import nautilus_lab.cli") & HEAVY == set()


WITHOUT = """
import sys
sys.modules |= {"vectorbt": None, "dbnomics": None}  # as if they were not installed
import nautilus_lab as nl
lab = nl.Lab()
prices = lab.marketdata.prices(["AAPL", "MSFT"], start="2020")
lab.backtesting.run(nl.strategies.buy_and_hold, prices)
lab.backtesting.sweep(nl.strategies.moving_average_cross, prices, {"fast": [5, 10], "slow": [20]})
lab.portfolio.optimise(prices.pct_change().dropna())
print("all done")
"""


def test_the_core_works_without_the_packages_of_unusual_licences(workspace, catalog):
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("all done\n", 0), done.stderr
