import { enter, make } from "./page.js";

// A mark for a corner of a chart.
export function simulatedMark(parent, simulated) {
  const mark = make("div", "nl-simulated-mark", parent, "SIMULATED");
  mark.title = "Prices and fills come from a simulator or a replay, not from a market";
  mark.hidden = !simulated;
  return mark;
}

function render({ model, el }) {
  enter(model, el, "simulated");
  const box = make("div", "nl-simulated-banner", el);
  make("b", "", box, "SIMULATED");
  const text = make("span", "", box);
  const show = () => {
    text.textContent = model.get("text");
    box.style.visibility = model.get("simulated") ? "visible" : "hidden";
  };
  model.on("change:simulated change:text", show);
  show();
  return () => model.off("change:simulated change:text", show);
}

export const SimulatedBanner = { render };
