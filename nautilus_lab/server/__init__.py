"""The two web servers of a lab: Voilà for dashboards, JupyterLab for research."""

from nautilus_lab.server._jupyterlab import JupyterLabServer
from nautilus_lab.server._voila import VoilaServer
from nautilus_lab.server._workbench import Workbench

__all__ = ["JupyterLabServer", "VoilaServer", "Workbench"]
