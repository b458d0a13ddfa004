"""JupyterLab as a child process; see `JupyterLabServer`."""

from __future__ import annotations

import os
from pathlib import Path

from jupyterlab.labapp import LabApp
from traitlets.config import Config

from nautilus_lab.server._child import end_busy, heard, is_taken, say
from nautilus_lab.server._security import CONTENT_SECURITY_POLICY


def main() -> None:
    """Serve until the parent or a signal says to stop."""
    settings = heard()
    if is_taken(settings.host, settings.port):
        end_busy(settings.host, settings.port)
    # Neither in argv nor in the environment we were started with, which others may read, and out
    # of the environment of kernels; given this way the server also keeps it out of its log.
    os.environ["JUPYTER_TOKEN"] = settings.token
    server = LabApp.initialize_server(
        argv=[
            f"--ServerApp.ip={settings.host}",
            f"--ServerApp.port={settings.port}",
            "--ServerApp.port_retries=0",
            f"--ServerApp.root_dir={settings.root}",
            "--ServerApp.open_browser=False",
            "--ServerApp.quit_button=False",
            "--ServerApp.allow_remote_access=False",
            # In a container everybody is root; the token and loopback guard all the same.
            f"--ServerApp.allow_root={os.geteuid() == 0}",
            "--IdentityProvider.cookie_options=samesite=Strict",
            # overrides.json answers the question about news before it is asked
            f"--LabApp.app_settings_dir={Path(__file__).with_name('lab_settings')}",
            "--LabApp.extension_manager=readonly",
            "--LabApp.news_url=None",
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        ],
        config=Config(
            {
                "ServerApp": {
                    # Dashboards have a server of their own: in here a page could run any code.
                    "jpserver_extensions": {"voila.server_extension": False},
                    "tornado_settings": {
                        "headers": {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
                    },
                }
            }
        ),
    )
    del os.environ["JUPYTER_TOKEN"]
    server.io_loop.add_callback(say, port=server.port)
    server.start()


if __name__ == "__main__":
    main()
