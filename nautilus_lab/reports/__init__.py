"""Reports in HTML, PDF, XLSX, CSV and JSON from one source, with lineage and completeness."""

from nautilus_lab.reports._account import AccountDay
from nautilus_lab.reports._capital import CapitalFigure, capital_figures
from nautilus_lab.reports._completeness import Completeness
from nautilus_lab.reports._daily import Breach, daily_risk_report
from nautilus_lab.reports._lineage import DataUsed, Lineage, code_version, data_used
from nautilus_lab.reports._report import Cell, Column, Report, Section
from nautilus_lab.reports._surveillance import surveillance_report
from nautilus_lab.reports._told import Adjustment, ToldAlert
from nautilus_lab.reports._trader import TraderDay, read_day

__all__ = [
    "AccountDay",
    "Adjustment",
    "Breach",
    "CapitalFigure",
    "Cell",
    "Column",
    "Completeness",
    "DataUsed",
    "Lineage",
    "Report",
    "Section",
    "ToldAlert",
    "TraderDay",
    "capital_figures",
    "code_version",
    "daily_risk_report",
    "data_used",
    "read_day",
    "surveillance_report",
]
