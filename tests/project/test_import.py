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
