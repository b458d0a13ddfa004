"""Voilà: the dashboards."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

from nautilus_lab.exceptions import InputError
from nautilus_lab.server._child import ChildSettings
from nautilus_lab.server._process import WebServer


class VoilaServer(WebServer):
    """Serves the notebooks of a folder as live pages, one thin kernel each.

    A page's kernel ends with the page. Pages load nothing from other machines, and whoever opens
    one must have the token.

    Parameters
    ----------
    root : path
        The folder of dashboards.
    workspace : path, optional
        The lab whose nodes they show; found from `root` upwards when not given.
    host : str, default="127.0.0.1"
        An address of this machine.
    port : int, default=0
        0 takes a free one; `start` tells which.
    token : str, optional
        A new one when not given.
    log : path, optional
        Where the server writes its log; a temporary file when not given.
    theme : {"dark", "light"}, default="dark"
        Colours of the pages around the widgets.
    cull_idle_s : int, default=120
        Seconds after which a kernel without activity is ended.
    """

    _module = "nautilus_lab.server._voila_child"
    _name = "Voilà"
    _probe = "/voila/tree"

    def __init__(
        self,
        root: Path | str,
        *,
        workspace: Path | str | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        token: str | None = None,
        log: Path | str | None = None,
        theme: Literal["dark", "light"] = "dark",
        cull_idle_s: int = 120,
    ) -> None:
        super().__init__(root, workspace=workspace, host=host, port=port, token=token, log=log)
        if not cull_idle_s > 0:
            raise InputError("cull_idle_s must be positive", value=cull_idle_s)
        self.theme = theme
        self.cull_idle_s = cull_idle_s

    def page_url(self, notebook: str) -> str:
        """Return the address of one dashboard, with the token: ``page_url("risk.ipynb")``."""
        if not (self.root / notebook).is_file():
            known = sorted(path.name for path in self.root.glob("*.ipynb"))
            raise InputError("a dashboard must be in the folder", value=notebook, remedy=f"{known}")
        return self._address(f"/voila/render/{notebook}") if self.alive else ""

    def _settings(self) -> ChildSettings:
        return replace(super()._settings(), theme=self.theme, cull_idle_s=self.cull_idle_s)
