"""The two web servers of a lab: Voilà for dashboards, JupyterLab for research."""

from nautilus_lab.server._jupyterlab import JupyterLabServer
from nautilus_lab.server._voila import VoilaServer

__all__ = ["JupyterLabServer", "VoilaServer"]
