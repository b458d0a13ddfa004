import { enter, exact, listen, make, number } from "./page.js";

// fields that a type of order may have -> their labels
const labels = {
  limit_price: "Limit",
  trigger_price: "Trigger",
  activation_price: "Activation",
  trailing_offset: "Trails by",
  limit_offset: "Limit off by",
};

const words = (text) => text.replaceAll("_", " ").toLowerCase();

function render({ model, el }) {
  enter(model, el, "ticket");
  const panel = make("div", "nl-panel", el);
  const head = make("div", "nl-panel-head", panel);
  make("span", "nl-panel-title", head, model.get("title"));
  const form = make("form", "nl-form", panel);
  const answer = make("div", "nl-answer", panel);
  answer.setAttribute("role", "status");
  const { prices, times, offsets, algorithms } = model.get("form");

  // --- fields ----------------------------------------------------------------------------------

  const field = (label, input, key, parent = form) => {
    const box = make("label", "nl-field", parent);
    make("span", "", box, label);
    box.appendChild(input);
    input.name = key;
    return input;
  };
  const select = (values, name = words) => {
    const input = make("select", "nl-input");
    for (const value of values) make("option", "", input, name(value)).value = value;
    return input;
  };
  const entry = (hint, value = "") => {
    const input = make("input", "nl-input");
    input.autocomplete = "off";
    input.maxLength = 128;
    input.placeholder = hint;
    input.value = value;
    return input;
  };
  const box = (label, key, parent) => {
    const whole = make("label", "nl-check", parent);
    const input = make("input", "", whole);
    input.type = "checkbox";
    input.name = key;
    make("span", "", whole, label);
    return input;
  };

  const instrument = field("Instrument", make("select", "nl-input"), "instrument");
  const sides = make("div", "nl-sides", form);
  sides.setAttribute("role", "radiogroup");
  const market = make("div", "nl-market", form);
  let side = "BUY";
  const buttons = ["BUY", "SELL"].map((name) => {
    const button = make("button", "nl-side", sides, name === "BUY" ? "Buy" : "Sell");
    button.type = "button";
    button.dataset.side = name;
    button.setAttribute("role", "radio");
    button.onclick = () => choose(name);
    button.onkeydown = (event) => {
      if (!event.key.startsWith("Arrow")) return;
      event.preventDefault();
      choose(side === "BUY" ? "SELL" : "BUY").focus();
    };
    return button;
  });
  const quantity = field("Quantity", entry("units"), "quantity");
  quantity.required = true;
  const type = field("Type", select(Object.keys(prices)), "order_type");
  const priced = Object.entries(labels).map(([key, label]) => field(label, entry("price"), key));
  const offset = field("Offsets in", select(offsets), "offset_type");
  const tif = field(
    "Valid",
    select(times, (name) => (name.length > 3 ? words(name) : name)),
    "time_in_force",
  );
  const minutes = field("Ends in, min", entry("minutes"), "minutes");
  const algorithm = field("Worked by", select(["", ...Object.keys(algorithms)], String), "algorithm");
  algorithm.options[0].textContent = "the venue";
  const told = Object.entries(algorithms).flatMap(([name, parameters]) =>
    parameters.map((one) => {
      const hint = one.required ? one.kind : `${one.kind}, optional`;
      let input;
      if (one.kind === "flag") {
        input = make("input", "nl-tick");
        input.type = "checkbox";
        input.checked = one.default === "on";
      } else {
        input = one.kind === "choice" ? select(one.choices) : entry(hint, one.default);
      }
      field(one.label, input, one.key);
      return { name, key: one.key, input };
    }),
  );
  const profit = field("Take-profit", entry("price, optional"), "take_profit");
  const loss = field("Stop-loss", entry("price, optional"), "stop_loss");
  const checks = make("div", "nl-checks", form);
  const post = box("post only", "post_only", checks);
  const reduce = box("reduce only", "reduce_only", checks);
  const emulate = box("hold in the node", "emulate", checks);
  const notice = make("div", "nl-notice", form);
  const send = make("button", "nl-send", form, "");

  // --- what is shown of them -------------------------------------------------------------------

  let quote = null;
  let chosen = ""; // the instrument, as the kernel was told
  const seen = (input) => !(input.closest("label") ?? input).hidden;
  const put = (input, visible) => ((input.closest("label") ?? input).hidden = !visible);
  const show = () => {
    if (instrument.value !== chosen) {
      chosen = instrument.value;
      model.send({ kind: "chosen", instrument: chosen });
    }
    const { needs, may } = prices[type.value];
    for (const input of priced) {
      put(input, needs.includes(input.name) || may.includes(input.name));
      input.placeholder = needs.includes(input.name) ? "price" : "price, optional";
      input.required = needs.includes(input.name);
    }
    const trails = needs.includes("trailing_offset");
    put(offset, trails);
    put(minutes, tif.value === "GTD");
    for (const { name, input } of told) put(input, name === algorithm.value);
    const bracket = !algorithm.value && !trails;
    put(profit, bracket);
    put(loss, bracket);
    put(post, needs.includes("limit_price") || may.includes("limit_price"));
    put(emulate, !type.value.startsWith("MARKET") || type.value === "MARKET_IF_TOUCHED");
    for (const button of buttons) {
      const on = button.dataset.side === side;
      button.classList.toggle("nl-on", on);
      button.setAttribute("aria-checked", on);
      button.tabIndex = on ? 0 : -1;
    }
    notice.textContent = model.get("notice");
    notice.hidden = !model.get("notice");
    const closed = model.get("closed");
    send.dataset.side = side;
    send.disabled = Boolean(closed);
    send.textContent =
      closed || `${side === "BUY" ? "Buy" : "Sell"} ${quantity.value || "…"} ${instrument.value}`;
    value();
  };
  const value = () => {
    const own = quote?.name === instrument.value ? quote : null;
    market.replaceChildren();
    if (!own) return void make("span", "nl-muted", market, "no quote");
    for (const [name, price, size] of [
      ["bid", own.bid, own.bid_size],
      ["ask", own.ask, own.ask_size],
    ]) {
      const part = make("span", "nl-market-side", market);
      make("b", "", part, exact(price, 2));
      make("span", "nl-muted", part, ` ${name} ${exact(size)}`);
    }
    const limit = priced.find((input) => input.name === "limit_price");
    const at = seen(limit) && limit.value ? Number(limit.value) : side === "BUY" ? own.ask : own.bid;
    const worth = Number(quantity.value) * at;
    if (quantity.value && Number.isFinite(worth)) {
      make("span", "nl-market-worth", market, `≈ ${number(worth, 0)}`);
    }
  };
  const choose = (name) => {
    side = name;
    show();
    return buttons.find((button) => button.dataset.side === name);
  };
  const offer = () => {
    // What was chosen stays chosen while its quotes are away: an order never goes elsewhere.
    const kept = instrument.value;
    const names = [...model.get("instruments")];
    if (kept && !names.includes(kept)) names.push(kept);
    instrument.replaceChildren();
    for (const name of names) make("option", "", instrument, name).value = name;
    if (kept) instrument.value = kept;
    show();
  };

  // --- sending ---------------------------------------------------------------------------------

  form.oninput = show;
  form.onsubmit = (event) => {
    event.preventDefault();
    if (model.get("closed") || send.classList.contains("nl-waiting")) return;
    send.classList.add("nl-waiting");
    answer.dataset.level = "";
    answer.textContent = "sent …";
    const text = (input) => (input.type === "checkbox" ? (input.checked ? "on" : "") : input.value);
    const fields = { side };
    const inputs = [instrument, quantity, type, ...priced, offset, tif, minutes, algorithm];
    for (const input of [...inputs, profit, loss, post, reduce, emulate]) {
      if (seen(input)) fields[input.name] = text(input);
    }
    const shown = told.filter(({ name }) => name === algorithm.value);
    const parameters = Object.fromEntries(shown.map(({ key, input }) => [key, text(input)]));
    model.send({ kind: "submit", fields, parameters });
  };
  offer();
  model.on("change:instruments", offer);
  model.on("change:closed change:notice", show);
  const end = listen(model, (message) => {
    if (message.kind === "market") {
      quote = message;
      value();
    }
    if (message.kind === "answer") {
      send.classList.remove("nl-waiting");
      answer.dataset.level = message.level;
      answer.textContent = message.text;
    }
  });
  return () => {
    model.off("change:instruments", offer);
    model.off("change:closed change:notice", show);
    end();
  };
}

export const OrderTicket = { render };
