"""Features of installed packages."""

import pytest

from nautilus_lab.exceptions import InputError
from nautilus_lab.features import FeatureEngine, plugin_features

MODULE = """
from nautilus_lab.features import FeatureRegistry
CARRY = FeatureRegistry()
CARRY.define(title="Twice", name="{name}", group="g", inputs=("close",), warm_up=0, history=1,
             reference="r")(lambda close: 2 * close)
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)

    def installed(package, module, named):
        (tmp_path / f"{package}.py").write_text(module)
        info = tmp_path / f"{package}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[nautilus_lab.features]\n{package} = {named}\n")

    return installed


def test_without_plugins_there_are_none():
    assert len(plugin_features()) == 0


def test_a_package_brings_its_features_along(install):
    install("senti_carry", MODULE.format(name="carry_twice"), "senti_carry:CARRY")
    engine = FeatureEngine()
    for feature in plugin_features().values():
        engine.registry.add(feature)
    assert engine.check("carry_twice").ok
    assert "carry_twice" not in FeatureEngine().registry


@pytest.mark.parametrize(
    ("module", "named", "said"),
    [
        ("1 / 0", "senti_bad:CARRY", "can be imported; got senti_bad = senti_bad:CARRY: ZeroDiv"),
        ("", "senti_bad:CARRY", "can be imported; got .* AttributeError"),
        ("CARRY = 3", "senti_bad:CARRY", "name a FeatureRegistry; got .* int"),
    ],
)
def test_a_plugin_that_is_none_is_named(install, monkeypatch, module, named, said):
    monkeypatch.delitem(__import__("sys").modules, "senti_bad", raising=False)
    install("senti_bad", module, named)
    with pytest.raises(InputError, match=said):
        plugin_features()


def test_two_plugins_with_one_name_are_named(install):
    for package in ("senti_one", "senti_two"):
        install(package, MODULE.format(name="both"), f"{package}:CARRY")
    with pytest.raises(InputError, match="both, again in senti_two:CARRY"):
        plugin_features()
