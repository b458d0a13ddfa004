import { enter, listen, make, number } from "./page.js";

// type of order -> which prices it needs
const prices = {
  MARKET: [],
  LIMIT: ["limit"],
  STOP_MARKET: ["trigger"],
  STOP_LIMIT: ["trigger", "limit"],
  MARKET_IF_TOUCHED: ["trigger"],
  LIMIT_IF_TOUCHED: ["trigger", "limit"],
  TRAILING_STOP_MARKET: ["offset"],
};

function render({ model, el }) {
  enter(model, el, "ticket");
  const panel = make("div", "nl-panel", el);
  const head = make("div", "nl-panel-head", panel);
  make("span", "nl-panel-title", head, model.get("title"));
  const form = make("form", "nl-form", panel);

  const field = (label, input) => {
    const box = make("label", "nl-field", form);
    make("span", "", box, label);
    box.appendChild(input);
    return input;
  };
  const select = (values) => {
    const input = make("select", "nl-input");
    for (const value of values) {
      make("option", "", input, value.replaceAll("_", " ").toLowerCase()).value = value;
    }
    return input;
  };
  const entry = (hint) => {
    const input = make("input", "nl-input");
    input.inputMode = "decimal";
    input.autocomplete = "off";
    input.placeholder = hint;
    return input;
  };

  const instrument = field("Instrument", make("select", "nl-input"));
  const sides = make("div", "nl-sides", form);
  const market = make("div", "nl-market", form);
  const side = { value: "BUY" };
  const buttons = ["BUY", "SELL"].map((name) => {
    const button = make("button", "nl-side", sides, name === "BUY" ? "Buy" : "Sell");
    button.type = "button";
    button.dataset.side = name;
    button.onclick = () => choose(name);
    return button;
  });
  const type = field("Type", select(Object.keys(prices)));
  const quantity = field("Quantity", entry("units"));
  const limit = field("Limit price", entry("price"));
  const trigger = field("Trigger price", entry("price"));
  const offset = field("Trailing offset", entry("price"));
  const tif = field("Valid", select(["GTC", "DAY", "IOC", "FOK"]));
  const algorithm = field("Algorithm", select(["none", "TWAP", "VWAP", "POV", "SMART"]));
  const minutes = field("Over, minutes", entry("minutes"));
  const send = make("button", "nl-send", form, "");
  const answer = make("div", "nl-answer", panel);
  answer.setAttribute("role", "status");

  const show = () => {
    const wanted = prices[type.value];
    limit.parentElement.hidden = !wanted.includes("limit");
    trigger.parentElement.hidden = !wanted.includes("trigger");
    offset.parentElement.hidden = !wanted.includes("offset");
    minutes.parentElement.hidden = ["none", "SMART"].includes(algorithm.value);
    for (const button of buttons) button.classList.toggle("nl-on", button.dataset.side === side.value);
    send.dataset.side = side.value;
    send.disabled = !model.get("enabled");
    send.textContent = model.get("enabled")
      ? `${side.value === "BUY" ? "Buy" : "Sell"} ${quantity.value || "…"} ${instrument.value || ""}`
      : model.get("disabled_reason") || "no orders from this page";
  };
  const choose = (name) => {
    side.value = name;
    show();
  };
  const instruments = () => {
    const chosen = instrument.value;
    instrument.replaceChildren();
    for (const name of model.get("instruments")) make("option", "", instrument, name).value = name;
    if (model.get("instruments").includes(chosen)) instrument.value = chosen;
    show();
  };
  const quote = ({ bid, ask, name } = {}) => {
    if (name && name !== instrument.value) return;
    market.textContent = `${number(bid)} / ${number(ask)}`;
  };
  form.oninput = show;
  instrument.onchange = () => {
    quote();
    model.send({ kind: "chosen", instrument: instrument.value });
    show();
  };
  form.onsubmit = (event) => {
    event.preventDefault();
    if (!model.get("enabled") || send.classList.contains("nl-waiting")) return;
    send.classList.add("nl-waiting");
    answer.dataset.level = "";
    answer.textContent = "sent …";
    const wanted = prices[type.value];
    model.send({
      kind: "submit",
      instrument: instrument.value,
      side: side.value,
      order_type: type.value,
      quantity: quantity.value,
      limit_price: wanted.includes("limit") ? limit.value : "",
      trigger_price: wanted.includes("trigger") ? trigger.value : "",
      trailing_offset: wanted.includes("offset") ? offset.value : "",
      time_in_force: tif.value,
      algorithm: algorithm.value === "none" ? "" : algorithm.value,
      minutes: minutes.parentElement.hidden ? "" : minutes.value,
    });
  };
  instruments();
  model.on("change:instruments", instruments);
  model.on("change:enabled change:disabled_reason", show);
  const end = listen(model, (message) => {
    if (message.kind === "quote") quote(message);
    if (message.kind === "answer") {
      send.classList.remove("nl-waiting");
      answer.dataset.level = message.level;
      answer.textContent = message.text;
    }
  });
  return () => {
    model.off("change:instruments", instruments);
    model.off("change:enabled change:disabled_reason", show);
    end();
  };
}

export const OrderTicket = { render };
