"""JupyterLab: where research is done."""

from __future__ import annotations

from nautilus_lab.server._process import WebServer


class JupyterLabServer(WebServer):
    """Serves JupyterLab for one user, asking nothing of other machines.

    News, updates and the extension manager are off. Kernels end with the server, except those
    that a supervisor keeps: a trading node is none of its children.

    Parameters
    ----------
    root : path
        The folder that is opened.
    workspace : path, optional
        The lab that notebooks find; from their own folder upwards when not given.
    host : str, default="127.0.0.1"
        An address of this machine.
    port : int, default=0
        0 takes a free one; `start` tells which.
    token : str, optional
        A new one when not given.
    log : path, optional
        Where the server writes its log; a temporary file when not given.
    """

    _module = "nautilus_lab.server._jupyterlab_child"
    _name = "JupyterLab"
    _probe = "/api/status"

    def page_url(self, notebook: str) -> str:
        """Return the address that opens a notebook, with the token."""
        return self._address(f"/lab/tree/{notebook}") if self.alive else ""
