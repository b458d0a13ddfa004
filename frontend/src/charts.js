import {
  AreaSeries,
  BaselineSeries,
  CandlestickSeries,
  ColorType,
  CrosshairMode,
  LineStyle,
  createChart,
} from "lightweight-charts";
import { enter, listen, make, number, token } from "./page.js";
import { simulatedMark } from "./simulated.js";

function frame({ model, el }, name) {
  enter(model, el, name);
  const panel = make("div", "nl-panel", el);
  const head = make("div", "nl-panel-head", panel);
  const title = make("span", "nl-panel-title", head, model.get("title"));
  const showTitle = () => (title.textContent = model.get("title"));
  model.on("change:title", showTitle);
  const middle = make("span", "nl-panel-controls", head);
  const last = make("span", "nl-last", head);
  const mark = simulatedMark(head, model.get("simulated"));
  const box = make("div", "nl-chart", panel);
  box.style.height = `${model.get("height")}px`;
  const stamp = make("div", "nl-watermark", box, "SIMULATED");
  const empty = make("div", "nl-empty", box, "no data yet");
  const showMark = () => (mark.hidden = stamp.hidden = !model.get("simulated"));
  showMark();
  model.on("change:simulated", showMark);

  const digits = model.get("digits");
  const chart = createChart(box, {
    autoSize: true,
    layout: {
      background: { type: ColorType.Solid, color: "transparent" },
      textColor: token(el, "muted"),
      fontFamily: token(el, "font"),
      fontSize: 11,
      attributionLogo: true,
    },
    grid: { vertLines: { color: token(el, "grid") }, horzLines: { color: token(el, "grid") } },
    rightPriceScale: { borderColor: token(el, "line"), scaleMargins: { top: 0.12, bottom: 0.1 } },
    timeScale: {
      borderColor: token(el, "line"),
      timeVisible: true,
      secondsVisible: true,
      rightOffset: 4,
      maxBarSpacing: 26,
      lockVisibleTimeRangeOnResize: true,
    },
    crosshair: { mode: CrosshairMode.Normal },
    localization: { priceFormatter: (price) => number(price, digits) },
  });
  const end = () => {
    model.off("change:simulated", showMark);
    model.off("change:title", showTitle);
  };
  return { chart, middle, last, empty, end };
}

// --- a line: equity, or one price ------------------------------------------------------------

const LineChart = {
  render(context) {
    const { model, el } = context;
    const { chart, last, empty, end } = frame(context, "line");
    const [up, down, accent] = ["up", "down", "accent"].map((name) => token(el, name));
    const common = { lineWidth: 2, priceLineVisible: true, priceLineStyle: LineStyle.Dotted };
    let base = model.get("base");
    const series =
      base === null
        ? chart.addSeries(AreaSeries, {
            ...common,
            lineColor: accent,
            topColor: `${accent}40`,
            bottomColor: `${accent}05`,
          })
        : chart.addSeries(BaselineSeries, {
            ...common,
            baseValue: { type: "price", price: base },
            topLineColor: up,
            topFillColor1: `${up}38`,
            topFillColor2: `${up}08`,
            bottomLineColor: down,
            bottomFillColor1: `${down}08`,
            bottomFillColor2: `${down}38`,
          });
    let line = null;
    const rebase = (value) => {
      if (value === null || value === undefined) return;
      base = value;
      series.applyOptions({ baseValue: { type: "price", price: value } });
      line?.applyOptions({ price: value });
      line ??= series.createPriceLine({
        price: value,
        color: token(el, "muted"),
        lineWidth: 1,
        lineStyle: LineStyle.Dashed,
        axisLabelVisible: true,
        title: "start",
      });
    };
    let newest = 0;
    const show = (point) => {
      last.textContent = number(point.value, model.get("digits"));
      newest = point.time;
      empty.hidden = true;
    };
    const all = (points) => {
      series.setData(points);
      empty.hidden = points.length > 0;
      newest = 0;
      last.textContent = "";
      if (points.length) {
        show(points[points.length - 1]);
        chart.timeScale().fitContent();
      }
    };
    rebase(base);
    all(model.get("points"));
    const quit = listen(model, (message) => {
      if (message.kind === "all") {
        rebase(message.base);
        all(message.points);
      } else if (message.kind === "points") {
        rebase(message.base);
        for (const point of message.points) {
          if (point.time < newest) continue;
          series.update(point);
          show(point);
        }
      }
    });
    return () => {
      quit();
      end();
      chart.remove();
    };
  },
};

// --- candles of one instrument ---------------------------------------------------------------

const PriceChart = {
  render(context) {
    const { model, el } = context;
    const { chart, middle, last, empty, end } = frame(context, "price");
    const [up, down] = ["up", "down"].map((name) => token(el, name));
    const series = chart.addSeries(CandlestickSeries, {
      upColor: up,
      downColor: down,
      wickUpColor: up,
      wickDownColor: down,
      borderVisible: false,
    });
    const select = make("select", "nl-select", middle);
    select.setAttribute("aria-label", "instrument");
    const offer = () => {
      const chosen = model.get("instrument");
      select.replaceChildren(
        ...model.get("choices").map((name) => {
          const option = make("option", "", null, name);
          option.selected = name === chosen;
          return option;
        }),
      );
      select.hidden = select.options.length < 2;
    };
    const choose = () => {
      model.set("instrument", select.value);
      model.save_changes();
    };
    select.addEventListener("change", choose);
    model.on("change:choices change:instrument", offer);
    offer();

    let newest = 0;
    let before = null;
    const show = (bar) => {
      last.textContent = number(bar.close, model.get("digits"));
      last.classList.toggle("nl-up", before !== null && bar.close > before);
      last.classList.toggle("nl-down", before !== null && bar.close < before);
      before = bar.close;
      newest = bar.time;
      empty.hidden = true;
    };
    const all = (bars) => {
      before = null;
      newest = 0;
      series.setData(bars);
      empty.hidden = bars.length > 0;
      if (bars.length) {
        show(bars[bars.length - 1]);
        chart.timeScale().applyOptions({ barSpacing: bars.length < 40 ? 12 : 7 });
        chart.timeScale().scrollToRealTime();
      } else {
        last.textContent = "";
      }
    };
    all(model.get("bars"));
    const quit = listen(model, (message) => {
      if (message.kind === "all") all(message.bars);
      else if (message.kind === "bars") {
        for (const bar of message.bars) {
          if (bar.time < newest) continue;
          series.update(bar);
          show(bar);
        }
      }
    });
    return () => {
      quit();
      end();
      model.off("change:choices change:instrument", offer);
      chart.remove();
    };
  },
};

export { LineChart, PriceChart };
