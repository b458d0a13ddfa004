"""The versions of strategies that may be deployed, each with the hash of its source."""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import linecache
import os
import re
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

import msgspec
from nautilus_trader.config import StrategyConfig
from nautilus_trader.trading.strategy import Strategy

from nautilus_lab.exceptions import InputError, StoreError, StrategyFailed
from nautilus_lab.platform.rundir import write_whole

# A name becomes a folder and a part of order ids, a version a folder: neither can lead elsewhere.
_NAME = re.compile(r"[a-z](?:[a-z0-9]|-(?=[a-z0-9])){0,31}")
_VERSION = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z+_-]|\.(?=[0-9A-Za-z])){0,31}")
_LARGEST_SOURCE = 1 << 20  # bytes
_MOST_VERSIONS = 1_000  # of all names together
_SOURCE = "strategy.py"
_MANIFEST = "version.json"
# Ids of Nautilus and of the node that are no deployment's.
_RESERVED = frozenset({"manual", "external", "internal"})


class StrategyVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version of one strategy.

    Attributes
    ----------
    name, version : str
        What it is deployed by.
    content_hash : str
        SHA-256 of its source, in hexadecimal digits.
    strategy : str
        The class: its name within the source, or ``module:Class`` of one that comes along.
    config : str
        The class of its configuration, likewise; empty is Nautilus' own `StrategyConfig`.
    published_ns : int
        When, UNIX ns; 0 of one that comes along.
    built_in : bool
        Whether it came with the package.
    """

    name: str
    version: str
    content_hash: str
    strategy: str
    config: str = ""
    published_ns: int = 0
    built_in: bool = False


# (name, version) -> the classes
BUILT_IN: Mapping[tuple[str, str], tuple[str, str]] = MappingProxyType(
    {
        ("hold-targets", "1"): (
            "nautilus_lab.strategies.nautilus._on_quotes:HoldTargets",
            "nautilus_lab.strategies.nautilus._on_quotes:HoldTargetsConfig",
        ),
    }
)


class StrategyRegistry:
    """Strategies by name and version: those that come along and those that were published.

    A version is published once: its source is copied whole, and the same name and version with
    another source is refused. Nothing is executed when it is published. What is loaded later is
    executed in the process that loads it, with all of that process' rights: whoever may publish
    and deploy is trusted.

    Parameters
    ----------
    folder : path
        Where published sources are kept; made when the first is published.
    built_in : mapping, optional
        (name, version) -> the classes, as ``module:Class``.
    """

    def __init__(
        self,
        folder: Path,
        *,
        built_in: Mapping[tuple[str, str], tuple[str, str]] = BUILT_IN,
    ) -> None:
        self.folder = folder
        self._built_in = dict(built_in)

    def publish(
        self, path: Path, name: str, version: str, *, strategy: str = ""
    ) -> StrategyVersion:
        """Copy the source at `path` and register it as `version` of `name`.

        Parameters
        ----------
        path : path
            A Python file with one class whose base is a `Strategy` and at most one whose base is a
            `StrategyConfig`.
        name : str
            Lower-case letters, digits and single hyphens, at most 32.
        version : str
            Letters, digits and ``. + - _``, at most 32: ``"1.2"``.
        strategy : str, optional
            Which class, of a file that has several.

        Returns
        -------
        StrategyVersion
            Also when the same source was published before.

        Raises
        ------
        InputError
            When name, version or source break a rule, or the version has another source.
        StoreError
            When the copy cannot be written.
        """
        _require_plain(name, version)
        if any(name == built_in for built_in, _ in self._built_in) or name in _RESERVED:
            raise InputError(
                "a published strategy must have a name of its own",
                value=name,
                remedy="choose another; this one is taken by what comes along",
            )
        source = _read_source(path)
        classes = _classes_in(source, path, strategy)
        made = StrategyVersion(
            name=name,
            version=version,
            content_hash=hashlib.sha256(source).hexdigest(),
            strategy=classes[0],
            config=classes[1],
            published_ns=time.time_ns(),
        )
        earlier = self._published(name, version)
        if earlier is None:
            self._require_room()
            earlier = self._place(made, source)
        if earlier.content_hash != made.content_hash or earlier.strategy != made.strategy:
            raise InputError(
                f"version {version} of {name} must stay what it was published as",
                value=f"{earlier.content_hash[:12]} then, {made.content_hash[:12]} now",
                remedy="publish it as another version",
            )
        return earlier

    def find(self, name: str, version: str) -> StrategyVersion:
        """Return one version.

        Raises
        ------
        InputError
            When there is none of that name and version.
        """
        _require_plain(name, version)
        found = self._of_built_in(name, version) or self._published(name, version)
        if found is None:
            known = ", ".join(f"{one.name} {one.version}" for one in self.versions())
            raise InputError(
                "a strategy must be published before it is deployed",
                value=f"{name} {version}",
                remedy=f"one of {known}; or nautilus-lab strategy publish FILE",
            )
        return found

    def versions(self) -> tuple[StrategyVersion, ...]:
        """Return every version, by name and then in the order of publication."""
        found = [self._of_built_in(*key) for key in self._built_in]
        if self.folder.is_dir():
            for manifest in self.folder.glob(f"*/*/{_MANIFEST}"):
                version, name = manifest.parent.name, manifest.parent.parent.name
                if _NAME.fullmatch(name) and _VERSION.fullmatch(version):
                    found.append(self._published(name, version))
        return tuple(sorted(filter(None, found), key=lambda one: (one.name, one.published_ns)))

    def load(self, wanted: StrategyVersion) -> tuple[type[Strategy], type[StrategyConfig]]:
        """Execute the source of `wanted` and return its two classes.

        What is hashed is what is executed: the file is read once.

        Raises
        ------
        StrategyFailed
            When the source is not what was published, cannot be imported, or lacks its classes.
        """
        if wanted.built_in:
            classes = [_imported(path) for path in (wanted.strategy, wanted.config)]
        else:
            module = self._executed(wanted)
            classes = [getattr(module, name, None) for name in (wanted.strategy, wanted.config)]
            if not wanted.config:
                classes[1] = StrategyConfig
        for found, base in zip(classes, (Strategy, StrategyConfig), strict=True):
            if not (isinstance(found, type) and issubclass(found, base)):
                raise StrategyFailed(
                    f"a strategy's file must hold a {base.__name__} of Nautilus",
                    value=f"{wanted.name} {wanted.version}: {found!r}",
                    remedy="publish it again with strategy=NAME OF THE CLASS",
                )
        return classes[0], classes[1]

    def __repr__(self) -> str:
        return f"StrategyRegistry({str(self.folder)!r}, {len(self.versions())} versions)"

    def _of_built_in(self, name: str, version: str) -> StrategyVersion | None:
        classes = self._built_in.get((name, version))
        if classes is None:
            return None
        found = importlib.util.find_spec(classes[0].partition(":")[0])
        source = Path(found.origin).read_bytes() if found and found.origin else b""
        return StrategyVersion(
            name=name,
            version=version,
            content_hash=hashlib.sha256(source).hexdigest(),
            strategy=classes[0],
            config=classes[1],
            built_in=True,
        )

    def _published(self, name: str, version: str) -> StrategyVersion | None:
        path = self.folder / name / version / _MANIFEST
        try:
            found = msgspec.json.decode(path.read_bytes(), type=StrategyVersion)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            raise StoreError(
                f"a published strategy must be readable: {error}",
                value=str(path),
                remedy="publish it as another version",
            ) from None
        # What stands in the file is not trusted with more than it was written for.
        if (found.name, found.version, found.built_in) != (name, version, False):
            raise StoreError(
                "a published strategy must be what its folder says",
                value=f"{path}: {found.name} {found.version}",
                remedy="publish it as another version",
            )
        return found

    def _require_room(self) -> None:
        count = len(self.versions()) - len(self._built_in)
        if count >= _MOST_VERSIONS:
            raise InputError(
                f"at most {_MOST_VERSIONS} versions of strategies may be published",
                value=count,
                remedy=f"remove folders of {self.folder} that no node has deployed",
            )

    def _place(self, made: StrategyVersion, source: bytes) -> StrategyVersion:
        folder = self.folder / made.name
        try:
            for new in (self.folder, folder):
                new.mkdir(mode=0o700, parents=True, exist_ok=True)
            scratch = Path(tempfile.mkdtemp(dir=folder, prefix=".new-"))
            try:
                write_whole(scratch / _SOURCE, source, 0o400)
                write_whole(scratch / _MANIFEST, msgspec.json.encode(made), 0o400)
                os.rename(scratch, folder / made.version)
            except OSError:
                # Somebody else was faster: then theirs is the version.
                other = self._published(made.name, made.version)
                if other is None:
                    raise
                return other
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
        except OSError as error:
            raise StoreError(
                f"a published strategy must be written: {error.strerror}",
                value=str(folder),
                remedy="check the disk and the folder's owner",
            ) from None
        return made

    def _executed(self, wanted: StrategyVersion) -> ModuleType:
        path = self.folder / wanted.name / wanted.version / _SOURCE
        try:
            source = path.read_bytes()
        except OSError as error:
            raise StrategyFailed(
                f"a strategy's source must be readable: {error.strerror}",
                value=str(path),
                remedy="publish it as another version",
            ) from None
        if (found := hashlib.sha256(source).hexdigest()) != wanted.content_hash:
            raise StrategyFailed(
                "a strategy's code must be what was published",
                value=f"{wanted.name} {wanted.version} has {found[:12]}, not "
                f"{wanted.content_hash[:12]}",
                remedy="find out who changed it; publish it as another version",
            )
        plain = re.sub(r"\W", "_", f"{wanted.name}_{wanted.version}")
        name = f"nautilus_lab_published_{plain}_{wanted.content_hash[:12]}"
        module = ModuleType(name)
        module.__file__ = str(path)
        # Types written as text are looked up there: of configurations, of dataclasses.
        before = sys.modules.get(name)
        sys.modules[name] = module
        try:
            exec(compile(source, str(path), "exec"), module.__dict__)
        except BaseException as error:
            if before is None:
                del sys.modules[name]
            else:
                sys.modules[name] = before
            raise StrategyFailed(
                f"a strategy's file must be importable: {type(error).__name__}: {error}",
                value=f"{wanted.name} {wanted.version}",
                remedy="run the file by itself; install what it lacks in the node's environment",
            ) from error
        linecache.checkcache(str(path))
        return module


def _require_plain(name: str, version: str) -> None:
    if not _NAME.fullmatch(name):
        raise InputError(
            "a strategy's name must be lower-case letters, digits and single hyphens, at most 32",
            value=name,
            remedy='write "pairs-trade"',
        )
    if not _VERSION.fullmatch(version):
        raise InputError(
            "a version must be letters, digits and . + - _, at most 32",
            value=version,
            remedy='write "1.2"',
        )


def _read_source(path: Path) -> bytes:
    try:
        # Not a pipe or a device: these need not end, or wait for somebody.
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise InputError("a strategy must be a file", value=str(path), remedy="name a .py file")
        with Path(path).open("rb") as file:
            source = file.read(_LARGEST_SOURCE + 1)
    except OSError as error:
        raise InputError(
            f"a strategy must be a readable file: {error.strerror}",
            value=str(path),
            remedy="name a .py file",
        ) from None
    if len(source) > _LARGEST_SOURCE:
        raise InputError(
            f"a strategy's source must be at most {_LARGEST_SOURCE} bytes",
            value=str(path),
            remedy="load its data from elsewhere",
        )
    return source


def _classes_in(source: bytes, path: Path, wanted: str) -> tuple[str, str]:
    """Return the names of the strategy's class and of its configuration's, without executing."""
    try:
        tree = ast.parse(source, str(path))
    except (SyntaxError, ValueError) as error:
        raise InputError(
            f"a strategy must be valid Python: {error}", value=str(path), remedy="mend the line"
        ) from None
    except RecursionError:
        raise InputError("a strategy must not nest so deep", value=str(path)) from None
    bases = {
        node.name: [ast.unparse(base).rpartition(".")[2] for base in node.bases]
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    }
    strategies = [n for n, of in bases.items() if any(base.endswith("Strategy") for base in of)]
    configs = [n for n, of in bases.items() if any(base.endswith("StrategyConfig") for base in of)]
    if wanted:
        strategies = [name for name in bases if name == wanted]
        configs = [n for n in configs if len(configs) == 1 or n == f"{wanted}Config"]
    if len(strategies) != 1 or len(configs) > 1:
        raise InputError(
            "a strategy's file must hold one Strategy and at most one StrategyConfig",
            value=f"{path}: {', '.join(strategies + configs) or 'none'}",
            remedy="name the class: publish(..., strategy='MyStrategy')",
        )
    return strategies[0], configs[0] if configs else ""


def _imported(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name, None)
