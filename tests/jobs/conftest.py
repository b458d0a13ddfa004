import nbformat
import pytest

RESEARCH = {"name": "nautilus-research", "display_name": "Research", "language": "python"}


@pytest.fixture
def notebook(workspace):
    """Write a notebook of the workspace: its cells, and a parameters cell before them."""

    def write(name, *sources, parameters="", kernel=RESEARCH):
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        if parameters:
            tagged = nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})
            cells.insert(0, tagged)
        path = workspace / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        content = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
        nbformat.write(content, path)
        return path

    return write
