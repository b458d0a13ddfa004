import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

TARGETS = ("lab", "demo", "test", "check", "notebooks", "bench", "faults", "docs", "lock", "clean")


@pytest.mark.parametrize("target", TARGETS)
def test_a_chore_is_a_line_or_two(repository, target):
    makefile = (repository / "Makefile").read_text("utf-8")
    recipe = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", makefile, re.M)
    assert 1 <= len(recipe[1].splitlines()) <= 2


def test_ci_runs_check_and_test_and_nothing_else(repository):
    script = (repository / ".ci" / "run").read_text("utf-8")
    assert script.count("make") == 1
    assert "CI=true exec make check test" in script
    assert os.access(repository / ".ci" / "run", os.X_OK)


@pytest.mark.parametrize(("goals", "told"), [([], True), (["setup"], True), (["demo"], False)])
def test_make_ends_by_saying_how_the_command_comes_onto_the_path(repository, goals, told):
    made = ["-o", ".venv/.packages", "-o", "data/manifest.json"]  # they are there: not to be made
    chore = ["make", "-s", *made, *goals, *(["-n"] if "demo" in goals else [])]
    done = subprocess.run(chore, cwd=repository, capture_output=True, text=True, check=True)
    assert ("source .venv/bin/activate" in done.stdout) == told
    for page in ("README.md", "docs/install.md", "docs/command_line.md"):
        assert "source .venv/bin/activate" in (repository / page).read_text("utf-8"), page


@pytest.fixture
def clone(repository, tmp_path):
    """What `scripts/setup` reads, with an interpreter wanted that nobody has."""
    folder = tmp_path / "clone"
    (folder / "scripts").mkdir(parents=True)
    shutil.copy(repository / "scripts" / "setup", folder / "scripts")
    shutil.copy(repository / "requirements.lock", folder)
    (folder / ".python-version").write_text("3.99\n")
    return folder


def test_a_missing_interpreter_is_one_clear_error_and_leaves_nothing(clone):
    before = sorted(clone.rglob("*"))
    done = subprocess.run([clone / "scripts" / "setup"], capture_output=True, text=True)
    assert done.returncode == 1
    (message,) = done.stderr.splitlines()
    assert "Python 3.99 is needed (.python-version) and was not found" in message
    assert "pyenv install 3.99" in message
    assert sorted(clone.rglob("*")) == before


def test_a_uv_that_cannot_be_fetched_is_one_clear_error_and_leaves_nothing(clone, tmp_path):
    programs = tmp_path / "programs"  # no uv, and a Python that has no venv
    programs.mkdir()
    for name in ("bash", "dirname", "tr", "rm", "env"):
        (programs / name).symlink_to(shutil.which(name))
    python = programs / "python3.99"
    answers = '*version_info*) echo 3.99 ;; *sys.executable*) echo "$0" ;; *) exit 1 ;;'
    python.write_text(f'#!/bin/bash\ncase "$*" in {answers} esac\n')
    python.chmod(0o755)
    before = sorted(clone.rglob("*"))
    done = subprocess.run(
        [clone / "scripts" / "setup"],
        capture_output=True,
        text=True,
        env={"PATH": str(programs), "HOME": str(tmp_path)},
    )
    assert done.returncode == 1
    *_, message = done.stderr.splitlines()
    assert "uv could not be fetched. Install it and run make again" in message
    assert sorted(clone.rglob("*")) == before


@pytest.fixture
def bare_machine(repository, tmp_path):
    """Run `scripts/test-needs` where what tests drive is missing; return what apt was asked."""

    def run(*, user):
        programs = tmp_path / "bare"
        programs.mkdir()
        (programs / "bash").symlink_to(shutil.which("bash"))
        asked = tmp_path / "asked"
        scripts = {"id": f"echo {user}", "apt-get": f'echo "$*" >> {asked}'}
        for name, body in scripts.items():
            (programs / name).write_text(f"#!{programs}/bash\n{body}\n")
            (programs / name).chmod(0o755)
        done = subprocess.run(
            [programs / "bash", repository / "scripts" / "test-needs"],
            capture_output=True,
            text=True,
            env={"PATH": str(programs)},
        )
        return done, asked.read_text() if asked.exists() else ""

    return run


def test_root_on_debian_gets_what_the_tests_need(bare_machine):
    done, asked = bare_machine(user=0)
    assert done.returncode == 0
    assert asked.splitlines() == [
        "update",
        "install --yes --no-install-recommends "
        "redis-server chromium fonts-liberation nodejs node-ws postgresql",
    ]


def test_anybody_else_is_told_the_line_and_nothing_is_installed(bare_machine):
    done, asked = bare_machine(user=1000)
    assert done.returncode == 0
    assert asked == ""
    assert "sudo apt-get install redis-server chromium" in done.stderr


def test_the_environment_holds_compiled_bytecode(repository):
    packages = next(Path(repository / ".venv" / "lib").glob("python3*")) / "site-packages"
    assert list(packages.glob("pandas/__pycache__/__init__.*.pyc")) != []
    assert list((repository / "nautilus_lab" / "__pycache__").glob("lab.*.pyc")) != []


@pytest.mark.xdist_group("processes")
def test_tests_of_a_group_run_on_one_worker(request):
    if "PYTEST_XDIST_WORKER" not in os.environ:
        pytest.skip("one process runs them all")
    # How pytest-xdist tells the group to whoever hands out tests.
    assert request.node.nodeid.endswith("@processes")
