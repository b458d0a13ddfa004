"""Strategies by name and version: what was published is what is run."""

import hashlib
import os
import stat
import sys
import threading

import pytest
from nautilus_trader.config import StrategyConfig
from nautilus_trader.trading.strategy import Strategy

from nautilus_lab.exceptions import InputError, StoreError, StrategyFailed
from nautilus_lab.strategies.nautilus import HoldTargets, HoldTargetsConfig, StrategyRegistry
from nautilus_lab.strategies.nautilus import _registry as registry_module

SOURCE = """
from nautilus_trader.config import StrategyConfig
from nautilus_trader.trading.strategy import Strategy


class TiltConfig(StrategyConfig, frozen=True):
    window: int = 20


class Tilt(Strategy):
    pass
"""


@pytest.fixture
def registry(tmp_path):
    return StrategyRegistry(tmp_path / "strategies")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "tilt.py"
    path.write_text(SOURCE)
    return path


def test_what_comes_along_is_there_without_being_published(registry):
    (version,) = registry.versions()
    assert (version.name, version.version, version.built_in) == ("hold-targets", "1", True)
    assert registry.load(version) == (HoldTargets, HoldTargetsConfig)
    assert not registry.folder.exists()


def test_a_published_version_is_found_and_loaded_with_its_configuration(registry, file):
    made = registry.publish(file, "tilt", "1.0")
    assert made.content_hash == hashlib.sha256(file.read_bytes()).hexdigest()
    assert registry.find("tilt", "1.0") == made
    kind, config = registry.load(made)
    assert (kind.__name__, config.__name__) == ("Tilt", "TiltConfig")
    assert issubclass(kind, Strategy)
    assert config().window == 20


def test_publishing_executes_nothing(registry, file, tmp_path):
    file.write_text(f"open({str(tmp_path / 'owned')!r}, 'w')\n{SOURCE}")
    registry.publish(file, "tilt", "1")
    assert not (tmp_path / "owned").exists()


def test_what_is_published_is_a_copy_that_its_owner_alone_may_read(registry, file):
    registry.publish(file, "tilt", "1")
    file.write_text("changed")
    copy = registry.folder / "tilt" / "1" / "strategy.py"
    assert copy.read_text() == SOURCE
    assert stat.S_IMODE(copy.stat().st_mode) == 0o400
    assert stat.S_IMODE(copy.parent.parent.stat().st_mode) == 0o700


def test_a_version_is_published_once(registry, file):
    first = registry.publish(file, "tilt", "1")
    assert registry.publish(file, "tilt", "1") == first
    file.write_text(SOURCE + "# better\n")
    with pytest.raises(InputError, match="must stay what it was"):
        registry.publish(file, "tilt", "1")
    assert registry.publish(file, "tilt", "2").content_hash != first.content_hash


def test_many_who_publish_the_same_version_at_once_agree_on_one(registry, file):
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(registry.publish(file, "tilt", "1")))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one.published_ns for one in found}) == 1
    assert [p.name for p in (registry.folder / "tilt").iterdir()] == ["1"]


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Tilt",
        "../tilt",
        "tilt/1",
        "tilt.1",
        "-tilt",
        "tilt-",
        "ti--lt",
        "t" * 33,
        "ti\nlt",
        "ß",
    ],
)
def test_names_that_could_lead_elsewhere_are_refused(registry, file, name):
    with pytest.raises(InputError, match="lower-case letters"):
        registry.publish(file, name, "1")


@pytest.mark.parametrize("version", ["", ".", "..", "../1", "1/2", "1..2", "-1", "1" * 33, "1 2"])
def test_versions_that_could_lead_elsewhere_are_refused(registry, file, version):
    with pytest.raises(InputError, match="a version must be"):
        registry.publish(file, "tilt", version)


@pytest.mark.parametrize("name", ["hold-targets", "manual", "external", "internal"])
def test_names_that_are_taken_are_refused(registry, file, name):
    with pytest.raises(InputError, match="name of its own"):
        registry.publish(file, name, "2")


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        ("", "must hold one Strategy"),
        ("class Tilt(Strategy): pass\nclass Lean(Strategy): pass", "must hold one Strategy"),
        ("class Tilt(", "valid Python"),
        ("x = '\0'", "valid Python"),
        ("(" * 500 + ")" * 500, "must not nest so deep|valid Python"),
        ("\ud800", None),
    ],
)
def test_a_file_that_is_no_strategy_is_refused(registry, file, source, rule):
    file.write_bytes(source.encode("utf-8", "surrogatepass"))
    with pytest.raises(InputError, match=rule):
        registry.publish(file, "tilt", "1")
    assert not registry.folder.exists()


def test_a_class_is_chosen_by_name_where_there_are_several(registry, file):
    file.write_text(SOURCE + "\nclass Lean(Strategy):\n    pass\n")
    kind, config = registry.load(registry.publish(file, "lean", "1", strategy="Lean"))
    assert (kind.__name__, config.__name__) == ("Lean", "TiltConfig")
    with pytest.raises(InputError, match="must hold one"):
        registry.publish(file, "lean", "2", strategy="Lein")


def test_files_that_are_too_large_or_no_files_are_refused(registry, file, tmp_path):
    file.write_text(SOURCE + "#" * (1 << 20))
    with pytest.raises(InputError, match="at most 1048576 bytes"):
        registry.publish(file, "tilt", "1")
    os.mkfifo(tmp_path / "pipe.py")
    for path in (tmp_path, tmp_path / "pipe.py", tmp_path / "none.py"):
        with pytest.raises(InputError, match="must be a"):
            registry.publish(path, "tilt", "1")


def test_there_is_an_end_to_what_may_be_published(registry, file, monkeypatch):
    monkeypatch.setattr(registry_module, "_MOST_VERSIONS", 2)
    for version in ("1", "2"):
        registry.publish(file, "tilt", version)
    assert registry.publish(file, "tilt", "2")  # it is there
    with pytest.raises(InputError, match="at most 2 versions"):
        registry.publish(file, "tilt", "3")


def changed(registry, file, text):
    """Publish a strategy, then change its source behind the registry's back."""
    made = registry.publish(file, "tilt", "1")
    copy = registry.folder / "tilt" / "1" / "strategy.py"
    copy.chmod(0o600)
    copy.write_text(text)
    return made


def test_a_source_that_was_changed_since_is_not_executed(registry, file, tmp_path):
    owned = tmp_path / "owned"
    made = changed(registry, file, SOURCE + f"open({str(owned)!r}, 'w')\n")
    with pytest.raises(StrategyFailed, match="must be what was published"):
        registry.load(made)
    assert not owned.exists()


@pytest.mark.parametrize(
    "source",
    ["import nowhere\n", "raise SystemExit(1)\n", "raise KeyboardInterrupt\n", "1 / 0\n"],
)
def test_a_source_that_cannot_be_imported_is_one_error_and_leaves_no_module(registry, file, source):
    file.write_text(source + SOURCE)
    made, before = registry.publish(file, "tilt", "1"), set(sys.modules)
    with pytest.raises(StrategyFailed, match="must be importable"):
        registry.load(made)
    assert sys.modules.keys() == before


def test_a_class_that_only_looks_like_a_strategy_is_refused_when_it_is_loaded(registry, file):
    file.write_text("class Strategy: pass\nclass Tilt(Strategy): pass\n")
    made = registry.publish(file, "tilt", "1", strategy="Tilt")
    with pytest.raises(StrategyFailed, match="must hold a Strategy of Nautilus"):
        registry.load(made)


def test_a_strategy_without_a_configuration_has_nautilus_own(registry, file):
    file.write_text(
        "from nautilus_trader.trading.strategy import Strategy\nclass Tilt(Strategy): pass\n"
    )
    assert registry.load(registry.publish(file, "tilt", "1"))[1] is StrategyConfig


@pytest.mark.parametrize(
    "text",
    [
        "{",
        '{"name": "tilt", "version": "2", "content_hash": "", "strategy": "Tilt"}',
        '{"name": "tilt", "version": "1", "content_hash": "", "strategy": "os:system", '
        '"built_in": true}',
    ],
)
def test_a_manifest_that_was_tampered_with_is_one_error(registry, file, text):
    registry.publish(file, "tilt", "1")
    manifest = registry.folder / "tilt" / "1" / "version.json"
    manifest.chmod(0o600)
    manifest.write_text(text)
    with pytest.raises(StoreError, match="published strategy must be"):
        registry.find("tilt", "1")


def test_an_unknown_version_names_those_there_are(registry, file):
    registry.publish(file, "tilt", "1")
    with pytest.raises(InputError, match="must be published") as caught:
        registry.find("tilt", "2")
    assert "hold-targets 1, tilt 1" in caught.value.remedy


def test_two_versions_of_one_name_are_loaded_side_by_side(registry, file):
    one = registry.publish(file, "tilt", "1")
    file.write_text(SOURCE.replace("20", "50"))
    two = registry.publish(file, "tilt", "2")
    configs = [registry.load(version)[1] for version in (one, two, one)]
    assert [config().window for config in configs] == [20, 50, 20]
