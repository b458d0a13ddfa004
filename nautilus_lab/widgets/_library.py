"""The browser side of the widgets: one module, sent once per kernel."""

from __future__ import annotations

from importlib.resources import files
from typing import Any, ClassVar, Literal, TypeAlias

import anywidget
import traitlets as t

Theme: TypeAlias = Literal["auto", "dark", "light"]

# A view's own module: it takes the library out of the model that holds it, and renders.
_STUB = """
async function library(model) {
  const id = model.get("library");
  const known = (globalThis.__nautilusLab ??= new Map());
  if (!known.has(id)) {
    known.set(id, (async () => {
      const source = (await model.widget_manager.get_model(id)).get("source");
      const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
      try {
        return await import(/* webpackIgnore: true */ url);
      } finally {
        URL.revokeObjectURL(url);
      }
    })());
  }
  return known.get(id);
}
export default {
  async render(context) {
    const views = await library(context.model);
    return views[context.model.get("view")].render(context);
  },
};
"""


class _Library(anywidget.AnyWidget):
    """Holds the bundle; is never shown."""

    _esm = "export default {}"
    source = t.Unicode().tag(sync=True)


class LabWidget(anywidget.AnyWidget):
    """What every widget here is built on: a view of the shared library, a theme, a handshake.

    A view that opens says so, and is answered with all there is; afterwards only news is sent.
    """

    _esm = _STUB
    _shared: ClassVar[_Library | None] = None

    view = t.Unicode().tag(sync=True)
    library = t.Unicode().tag(sync=True)
    theme = t.Enum(("auto", "dark", "light"), default_value="auto").tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        super().__init__(view=type(self).__name__, library=_shared_library().model_id, **traits)
        self.on_msg(self._heard)

    def _heard(self, _widget: object, content: dict[str, Any], _buffers: object) -> None:
        if content.get("kind") == "ready":
            self._send_all()
        else:
            self._take(content)

    def _send_all(self) -> None:
        """Tell a view that has just opened all there is."""

    def _take(self, content: dict[str, Any]) -> None:
        """Take what a view says beside that it is ready."""


def _shared_library() -> _Library:
    # Closed by Widget.close_all(), as notebooks do: then a new one is needed.
    if LabWidget._shared is None or LabWidget._shared.comm is None:
        source = files("nautilus_lab.widgets").joinpath("static", "widgets.js").read_text("utf-8")
        LabWidget._shared = _Library(source=source)
    return LabWidget._shared
