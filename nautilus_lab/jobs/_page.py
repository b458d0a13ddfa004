"""A notebook as one HTML file that asks nothing of any other machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbformat import NotebookNode

_PLOTLY = "application/vnd.plotly.v1+json"
_WIDGET = "application/vnd.jupyter.widget-view+json"

# JupyterLab's own look without its four script hosts. The browser is told to refuse any address,
# so that markup inside an output cannot bring one back. Without MathJax, formulas stay as typed.
_TEMPLATE = """
{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js -%}
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' blob:;
 style-src 'unsafe-inline'; img-src data: blob:; font-src data:; worker-src blob:">
{% if resources.plotly %}<script>{{ resources.plotly }}</script>{% endif %}
{%- endblock -%}
{%- block jupyter_widgets %}{% endblock -%}
{%- block html_head_js_mathjax %}{% endblock -%}
{%- block html_head_js_mermaidjs %}{% endblock -%}
"""


def write_page(notebook: Path, page: Path, *, title: str) -> None:
    """Write the notebook, code and results, as a page that stands alone.

    Parameters
    ----------
    notebook : Path
        An executed notebook.
    page : Path
        Where the page goes; replaced when it is there.
    title : str
        The page's title.
    """
    import nbformat
    from nbconvert import HTMLExporter

    content = nbformat.read(notebook, as_version=4)
    content.metadata["title"] = title
    content.metadata.pop("widgets", None)
    for data in _shown(content, _WIDGET):
        data["text/html"] = "<em>A live widget: open the notebook to see it move.</em>"
    exporter = HTMLExporter(raw_template=_TEMPLATE)
    body, _ = exporter.from_notebook_node(content, {"plotly": _drawn(content)})
    page.write_text(body, "utf-8")


def _shown(content: NotebookNode, kind: str) -> list[dict[str, Any]]:
    """Return the outputs that have the MIME type `kind`: MIME type -> data."""
    return [
        output.data
        for cell in content.cells
        for output in cell.get("outputs", ())
        if kind in output.get("data", {})
    ]


def _drawn(content: NotebookNode) -> str:
    """Give each plotly output its markup; return plotly's own script when there was any."""
    figures = _shown(content, _PLOTLY)
    if not figures:
        return ""
    from plotly.offline import get_plotlyjs

    for number, data in enumerate(figures):
        data["text/html"] = _markup(data.pop(_PLOTLY), f"figure-{number}")
    return str(get_plotlyjs())


def _markup(figure: dict[str, Any], name: str) -> str:
    parts = [
        json.dumps(figure.get(part, empty)).replace("</", "<\\/")
        for part, empty in (("data", []), ("layout", {}))
    ]
    config = json.dumps({"responsive": True, "displaylogo": False})
    return (
        f'<div id="{name}"></div>'
        f"<script>Plotly.newPlot({json.dumps(name)}, {', '.join(parts)}, {config})</script>"
    )
