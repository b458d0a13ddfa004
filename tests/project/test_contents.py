import ast
import importlib
from pathlib import Path

import pytest

import nautilus_lab

PACKAGE = Path(nautilus_lab.__file__).parent
PACKAGES = sorted(
    ".".join(("nautilus_lab", *path.parent.relative_to(PACKAGE).parts))
    for path in PACKAGE.rglob("__init__.py")
    if path.parent != PACKAGE
)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_lists_what_it_imports_and_nothing_else(package):
    tree = ast.parse((PACKAGE.parent / package.replace(".", "/") / "__init__.py").read_text())
    listed, imported, other = set(), set(), []
    for node in tree.body[1:]:  # the docstring first
        if isinstance(node, ast.ImportFrom):
            imported |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Assign) and node.targets[0].id == "__all__":
            listed = set(ast.literal_eval(node.value))
        else:
            other.append(type(node).__name__)
    assert ast.get_docstring(tree)
    assert listed == imported - {"annotations"}
    assert other == []
    module = importlib.import_module(package)
    assert [name for name in listed if not hasattr(module, name)] == []


def test_every_folder_of_modules_is_a_package():
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").exists()] == []


def test_the_top_package_finds_everything_it_lists():
    for name in (*nautilus_lab.__all__, *nautilus_lab._ROOMS):
        assert getattr(nautilus_lab, name) is not None
    assert set(nautilus_lab.__all__) == set(nautilus_lab._HOMES)


def test_an_unknown_name_is_an_attribute_error_that_names_it():
    with pytest.raises(AttributeError, match="no attribute 'momentun'"):
        nautilus_lab.momentun  # noqa: B018
