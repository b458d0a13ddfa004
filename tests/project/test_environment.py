import re
import tomllib

import pytest
import yaml

OWNERS = {
    "jupyterlab", "ipywidgets", "voila", "nautilus-trader", "pandas", "numpy", "statsmodels",
    "riskfolio-lib", "vectorbt", "ib-async", "fredapi", "alpha-vantage", "sec-edgar-api",
    "yfinance", "dbnomics", "redis", "sqlalchemy", "papermill", "pytest", "nbval",
}  # fmt: skip


def name_of(requirement):
    return re.sub(r"[-_.]+", "-", re.match(r"[A-Za-z0-9._-]+", requirement)[0]).lower()


@pytest.fixture(scope="module")
def pyproject(repository):
    return tomllib.loads((repository / "pyproject.toml").read_text("utf-8"))


@pytest.fixture(scope="module")
def lock(repository):
    return (repository / "requirements.lock").read_text("utf-8")


@pytest.fixture(scope="module")
def locked(lock):
    return {name_of(name) for name in re.findall(r"^([A-Za-z0-9][^=\s]*)==", lock, re.M)}


def test_the_owners_twenty_packages_are_all_dependencies(pyproject):
    assert len(OWNERS) == 20
    assert {name_of(each) for each in pyproject["project"]["dependencies"]} >= OWNERS


def test_conda_asks_for_the_same_python_and_for_the_project_itself(repository, pyproject):
    environment = yaml.safe_load((repository / "environment.yml").read_text("utf-8"))
    *plain, by_pip = environment["dependencies"]
    assert plain == [f"python {pyproject['project']['requires-python']}", "pip"]
    assert by_pip == {"pip": ["-e ."]}
    assert environment["name"] == pyproject["project"]["name"]


def test_the_interpreter_of_the_repository_is_one_the_project_supports(repository, pyproject):
    wanted = (repository / ".python-version").read_text("utf-8").strip()
    assert wanted == "3.13"
    assert pyproject["project"]["requires-python"] == ">=3.12,<3.15"


def test_the_lock_holds_every_dependency_and_every_group(pyproject, locked):
    asked = list(pyproject["project"]["dependencies"])
    for group in pyproject["dependency-groups"].values():
        asked += group
    assert {name_of(each) for each in asked} <= locked


def test_what_the_viewer_needs_is_in_the_core_too(pyproject):
    core = set(pyproject["project"]["dependencies"])
    assert set(pyproject["project"]["optional-dependencies"]["viewer"]) <= core


def test_nautilus_is_pinned_alike_wherever_it_is_asked_for(pyproject):
    (extra,) = pyproject["project"]["optional-dependencies"]["nautilus-ib"]
    core = [d for d in pyproject["project"]["dependencies"] if d.startswith("nautilus-trader")]
    assert core == ["nautilus-trader==1.231.0"]
    assert extra == "nautilus-trader[ib]==1.231.0"


def test_every_locked_package_carries_hashes(lock):
    entries = re.split(r"\n(?=\S)", lock.strip())
    assert len(entries) > 200
    bare = [e.splitlines()[0] for e in entries if not re.search(r"--hash=sha256:[0-9a-f]{64}", e)]
    assert bare == []


def test_the_lock_names_no_index_and_no_file(lock):
    assert not re.search(r"://|^\s*(-i|--index|--extra|--find|-f|-e)\b| @ |/", lock, re.M)
