import re

import nbformat
import pytest

from nautilus_lab.jobs._page import write_page

# what a browser fetches by itself, unlike an address that a reader may click
FETCHED = re.compile(
    r"""<(?:script|img|iframe|link|source)\b[^>]*?\b(?:src|href)\s*=\s*["']?((?:https?:)?//[^"'\s>]+)"""
    r"""|@import\s+(?:url\()?["']?((?:https?:)?//[^"')\s]+)""",
    re.IGNORECASE,
)
FIGURE = {
    "data": [{"type": "scatter", "y": [1, 3, 2]}],
    "layout": {"title": {"text": "</script><b>equity"}},
}


@pytest.fixture
def executed(tmp_path):
    """A notebook as a run leaves it: figures, a widget, a picture of somebody else's."""
    outputs = [
        nbformat.v4.new_output("display_data", {"application/vnd.plotly.v1+json": FIGURE}),
        nbformat.v4.new_output("display_data", {"application/vnd.plotly.v1+json": FIGURE}),
        nbformat.v4.new_output("stream", text="41 rows"),
        nbformat.v4.new_output(
            "display_data",
            {"application/vnd.jupyter.widget-view+json": {"model_id": "a"}, "text/plain": "Grid()"},
        ),
    ]
    cells = [
        nbformat.v4.new_markdown_cell("# Equity\n\n[a link](https://example.com) and $x^2$"),
        nbformat.v4.new_code_cell("study", outputs=outputs, execution_count=1),
    ]
    content = nbformat.v4.new_notebook(cells=cells)
    content.metadata["widgets"] = {
        "application/vnd.jupyter.widget-state+json": {"state": {}, "version_major": 2}
    }
    nbformat.write(content, tmp_path / "run.ipynb")
    return tmp_path / "run.ipynb"


def test_the_page_asks_nothing_of_another_machine(executed, tmp_path):
    write_page(executed, tmp_path / "run.html", title="A <run>")
    page = (tmp_path / "run.html").read_text("utf-8")
    assert FETCHED.findall(page) == []
    assert "cdnjs.cloudflare.com" not in re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert "unpkg.com" not in page
    assert "default-src 'none'" in page
    assert "<title>A &lt;run&gt;</title>" in page
    assert "41 rows" in page
    assert "Grid()" not in page
    assert "A live widget" in page


def test_a_page_without_figures_carries_no_plotting_library(tmp_path):
    plain = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("Nothing to draw")])
    nbformat.write(plain, tmp_path / "plain.ipynb")
    write_page(tmp_path / "plain.ipynb", tmp_path / "plain.html", title="plain")
    assert (tmp_path / "plain.html").stat().st_size < 1_000_000


@pytest.mark.browser
def test_a_browser_draws_the_figures_of_the_page_without_a_network(executed, tmp_path, page):
    write_page(executed, tmp_path / "run.html", title="run")
    page.goto((tmp_path / "run.html").as_uri())
    page.wait_for_selector("#figure-1 .main-svg")
    assert page.locator("#figure-0 .scatterlayer .trace").count() == 1
    asked = "fetch('https://example.com').then(() => 'sent', () => 'refused')"
    assert page.evaluate(asked) == "refused"
