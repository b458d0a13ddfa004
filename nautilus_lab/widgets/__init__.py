"""What dashboards are made of: charts, grids, cards, and marks of age and simulation."""

from nautilus_lab.widgets._alerts import AlertsPanel
from nautilus_lab.widgets._asking import Answer
from nautilus_lab.widgets._charts import LineChart, PriceChart
from nautilus_lab.widgets._controls import TradingControls
from nautilus_lab.widgets._factor_study import FactorStudyPanel
from nautilus_lab.widgets._features import FeaturesDashboard, features_dashboard
from nautilus_lab.widgets._grid import Column, Grid
from nautilus_lab.widgets._kpi import Kpi, KpiRow
from nautilus_lab.widgets._risk import RiskDashboard, risk_dashboard
from nautilus_lab.widgets._status import AgeBadge, Pulse, SimulatedBanner, StatusBar
from nautilus_lab.widgets._ticket import OrderTicket
from nautilus_lab.widgets._trading import TradingDashboard, trading_dashboard

__all__ = [
    "AgeBadge",
    "AlertsPanel",
    "Answer",
    "Column",
    "FactorStudyPanel",
    "FeaturesDashboard",
    "Grid",
    "Kpi",
    "KpiRow",
    "LineChart",
    "OrderTicket",
    "PriceChart",
    "Pulse",
    "RiskDashboard",
    "SimulatedBanner",
    "StatusBar",
    "TradingControls",
    "TradingDashboard",
    "features_dashboard",
    "risk_dashboard",
    "trading_dashboard",
]
