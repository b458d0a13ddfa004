"""Voilà as a child process; see `VoilaServer`."""

from __future__ import annotations

import logging
import tempfile

from jupyter_server.log import log_request
from tornado import httpserver, ioloop, netutil
from traitlets.config import Config
from voila.app import Voila

from nautilus_lab.server._child import busy, end_busy, heard, say
from nautilus_lab.server._security import CONTENT_SECURITY_POLICY, TokenIdentityProvider

# Without the last one nothing renders; others bring warnings and requests of their own.
_EXTENSIONS = [
    "@jupyter-widgets/jupyterlab-manager",
    "anywidget",
    "@voila-dashboards/widgets-manager8",
]


class LabVoila(Voila):  # type: ignore[misc]
    """Voilà on the one port it was given, telling its parent which that is."""

    def listen(self) -> None:
        """Bind, tell, and serve until told to stop."""
        host, port = str(self.ip), int(self.port)
        try:
            sockets = netutil.bind_sockets(port, host)
        except OSError as error:
            self.stop()
            if busy(error):
                end_busy(host, port)
            raise
        server = httpserver.HTTPServer(self.app)
        server.add_sockets(sockets)
        self.ioloop = ioloop.IOLoop.current()
        self.ioloop.add_callback(say, port=sockets[0].getsockname()[1])
        try:
            self.ioloop.start()
        except KeyboardInterrupt:
            self.log.info("stopping")
        finally:
            self.stop()


def main() -> None:
    """Serve until the parent or a signal says to stop."""
    settings = heard()
    config = Config(
        {
            "Voila": {
                "ip": settings.host,
                "port": settings.port,
                "root_dir": settings.root,
                "token": settings.token,
                "open_browser": False,
                "identity_provider_class": TokenIdentityProvider,
                "log_level": logging.INFO,
                "tornado_settings": {
                    "headers": {"Content-Security-Policy": CONTENT_SECURITY_POLICY},
                    "log_function": log_request,  # which leaves the token out
                },
            },
            "TokenIdentityProvider": {"cookie_options": {"samesite": "Strict"}},
            "VoilaConfiguration": {
                "template": "nautilus",
                "theme": settings.theme,
                "classic_tree": True,
                "allow_template_override": "NO",
                "allow_theme_override": "NO",
                "extension_allowlist": _EXTENSIONS,
                "show_tracebacks": False,
                "strip_sources": True,
            },
            "MappingKernelManager": {
                "cull_idle_timeout": settings.cull_idle_s,
                "cull_interval": min(30, settings.cull_idle_s),
                "cull_connected": False,
            },
            "KernelManager": {
                "autorestart": False,  # one that ends by itself has lost its page
                # Files of ours instead of ports that anybody may try, where their paths fit.
                "transport": "ipc" if len(tempfile.gettempdir()) < 30 else "tcp",
            },
        }
    )
    # No files of configuration: what serves pages to others is set here and nowhere else.
    app = LabVoila(config=config, config_file_paths=[])
    app.initialize([])
    app.start()


if __name__ == "__main__":
    main()
