import { clock, enter, listen, make } from "./page.js";

function render({ model, el }) {
  enter(model, el, "status");
  const bar = make("div", "nl-status-bar", el);
  make("span", "nl-brand", bar, model.get("title"));
  const trader = make("span", "nl-chip", bar);
  const node = make("span", "nl-pill", bar);
  const dot = make("i", "nl-dot", node);
  const state = make("span", "nl-node-state", node);
  const who = make("span", "nl-status-who", bar);
  const detail = make("span", "nl-status-detail", bar);
  const time = make("span", "nl-clock", bar);

  const show = (now) => {
    trader.textContent = now.trader || "no trader";
    state.textContent = now.epoch ? `node ${now.node} · epoch ${now.epoch}` : `node ${now.node}`;
    who.textContent = now.who ?? "";
    node.dataset.level = now.level;
    dot.title = now.node;
    detail.textContent = now.detail ?? "";
  };
  show(model.get("state"));
  const tick = () => (time.textContent = `${clock(Date.now() / 1000)} UTC`);
  tick();
  const timer = setInterval(tick, 1000);
  const end = listen(model, (message) => {
    if (message.kind === "state") show(message.state);
  });
  return () => {
    clearInterval(timer);
    end();
  };
}

export const StatusBar = { render };
