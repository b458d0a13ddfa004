import json
import subprocess
import sys
import zipfile

import pytest
from jupyter_client.kernelspec import KernelSpecManager

KERNELS = ("nautilus-node", "nautilus-research")


@pytest.mark.parametrize("name", KERNELS)
def test_a_kernel_is_registered_in_the_environment_as_the_repository_has_it(repository, name):
    found = KernelSpecManager().get_kernel_spec(name)
    written = json.loads((repository / "kernels" / name / "kernel.json").read_text("utf-8"))
    assert found.argv == written["argv"]
    assert found.display_name == written["display_name"]
    assert found.env == written.get("env", {})
    assert found.interrupt_mode == written.get("interrupt_mode", "signal")


@pytest.mark.parametrize("name", KERNELS)
def test_a_kernel_shows_a_logo_in_the_launcher(repository, name):
    folder = repository / "kernels" / name
    for size in (32, 64):
        head = (folder / f"logo-{size}x{size}.png").read_bytes()[:24]
        assert head[:8] == b"\x89PNG\r\n\x1a\n"
        assert [int.from_bytes(head[at : at + 4]) for at in (16, 20)] == [size, size]
    assert (folder / "logo-svg.svg").read_text("utf-8").startswith("<svg")


def test_the_node_kernel_holds_blas_to_one_thread_and_is_interrupted_by_message():
    node = KernelSpecManager().get_kernel_spec("nautilus-node")
    assert {node.env[f"{name}_NUM_THREADS"] for name in ("OMP", "OPENBLAS", "MKL")} == {"1"}
    assert node.interrupt_mode == "message"
    # -P: a module in the folder of a notebook is none of the node's.
    assert node.argv[1:4] == ["-P", "-m", "nautilus_lab.trading.node"]


def test_the_wheel_carries_both_kernels_and_the_marker_of_types(repository, tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=repository, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for kernel in KERNELS:
        assert any(name.endswith(f"share/jupyter/kernels/{kernel}/kernel.json") for name in names)
    assert "nautilus_lab/py.typed" in names
