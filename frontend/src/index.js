// Every view that a widget can name; the Python side loads this once per kernel.
export { AgeBadge } from "./age.js";
export { AlertsPanel } from "./alerts.js";
export { LineChart, PriceChart } from "./charts.js";
export { TradingControls } from "./controls.js";
export { Grid } from "./grid.js";
export { KpiRow } from "./kpi.js";
export { Pulse } from "./pulse.js";
export { SimulatedBanner } from "./simulated.js";
export { StatusBar } from "./status.js";
export { OrderTicket } from "./ticket.js";
