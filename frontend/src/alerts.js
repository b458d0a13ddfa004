import { clock, enter, listen, make, number, span } from "./page.js";

const SILENT_S = 8; // news comes every two seconds
const SOON_S = 30;
const ANSWER_MS = 8000;
const LONGEST_NOTE = 500;
const words = { critical: "CRITICAL", warning: "WARNING", info: "INFO" };
const columns = [
  ["severity", "Severity"],
  ["what", "Limit or rule"],
  ["trader", "Trader"],
  ["value", "Value of bound"],
  ["since", "Since, UTC"],
  ["level", "Level"],
  ["then", "Unless acknowledged"],
  ["act", ""],
];

const lasted = (seconds) =>
  seconds < 100 ? `${Math.round(seconds)} s` : span(seconds);

// Text that may be long: one line of it, the whole where the mouse rests.
function put(cell, text) {
  if (cell.textContent === text) return;
  cell.textContent = text;
  cell.title = text;
}

// The open alerts, whether anybody is told of them, and the form that acknowledges one.
function render({ model, el }) {
  enter(model, el, "alerts");
  const panel = make("section", "nl-panel nl-alerts-panel", el);
  panel.setAttribute("aria-label", "open alerts");
  const head = make("div", "nl-panel-head", panel);
  make("span", "nl-panel-title", head, "Open alerts");
  const counts = make("span", "nl-alert-counts", head);
  const note = make("span", "nl-panel-note", head);
  const answer = make("span", "nl-answer", head);
  answer.setAttribute("role", "status");
  const pill = make("span", "nl-monitor", head);
  make("span", "nl-dot", pill);
  const monitor = make("span", "nl-monitor-text", pill);
  const band = make("div", "nl-alerts-band", panel);
  band.setAttribute("role", "alert");
  const loud = make("b", "", band);
  const why = make("span", "", band);
  const empty = make("div", "nl-alerts-empty", panel);
  const table = make("div", "nl-alerts-table", panel);
  const header = make("div", "nl-alert-line nl-alert-header", table);
  for (const [key, label] of columns) make("span", `nl-alert-${key}`, header, label);
  const body = make("div", "nl-alerts-body", table);

  const known = new Map(); // id -> its row on the page
  let rows = [];
  let news = { state: model.get("state"), tick: performance.now(), date: Date.now() };
  let open = ""; // the id of the one that is unfolded

  // By the kernel's clock, which deadlines are told in; the browser's may be set otherwise.
  const passed = () =>
    Math.max(0, (Date.now() - news.date) / 1000, (performance.now() - news.tick) / 1000);
  const now = () => news.state.now + passed();

  const fold = (id) => {
    known.get(open)?.box.classList.remove("nl-unfolded");
    open = open === id ? "" : id;
    const one = known.get(open);
    if (!one) return;
    one.box.classList.add("nl-unfolded");
    one.more.hidden = false;
    if (model.get("who")) one.input.focus();
    one.box.scrollIntoView({ block: "nearest" });
  };

  const added = (id) => {
    const box = make("div", "nl-alert");
    const line = make("div", "nl-alert-line", box);
    const cells = {};
    for (const [key] of columns) cells[key] = make("span", `nl-alert-${key}`, line);
    const tag = make("span", "nl-severity", cells.severity);
    const what = make("b", "", cells.what);
    const scope = make("span", "nl-muted", cells.what);
    const button = make("button", "nl-act nl-small", cells.act, "Acknowledge …");
    button.type = "button";
    button.onclick = (event) => {
      event.stopPropagation();
      fold(id);
    };
    line.onclick = () => fold(id);
    const more = make("div", "nl-alert-more", box);
    more.hidden = true;
    const facts = make("div", "nl-alert-facts", more);
    const fact = (label) => {
      make("span", "nl-muted", facts, label);
      return make("span", "nl-alert-fact", facts);
    };
    const told = { found: fact("found"), remedy: fact("do"), by: fact("raised by"), id: fact("id") };
    const form = make("form", "nl-alert-form", more);
    const who = make("span", "nl-alert-who", form);
    const input = make("input", "nl-input", form);
    input.placeholder = "what was found or done; it is kept";
    input.maxLength = LONGEST_NOTE;
    input.setAttribute("aria-label", "note");
    const send = make("button", "nl-act", form, "Acknowledge");
    send.type = "submit";
    const refused = make("span", "nl-answer", form);
    refused.setAttribute("role", "status");
    form.onsubmit = (event) => {
      event.preventDefault();
      if (send.disabled || !model.get("who")) return;
      send.disabled = true;
      refused.dataset.level = "";
      refused.textContent = "sent …";
      model.send({ kind: "acknowledge", id, note: input.value });
    };
    form.onkeydown = (event) => {
      if (event.key === "Escape") fold(id);
    };
    const looks = make("span", "nl-muted", more);
    return { box, cells, tag, what, scope, button, more, told, form, who, input, send, refused, looks };
  };

  const tick = (one, row) => {
    const { cells } = one;
    const age = Math.max(0, now() - row.since);
    const times = row.count > 1 ? ` · ×${number(row.count, 0)}` : "";
    put(cells.since, `${clock(row.since)} · ${lasted(Math.floor(age))}${times}`);
    if (row.climbs === null) {
      cells.then.dataset.soon = row.rank ? "never" : "past";
      put(cells.then, row.then);
      return;
    }
    const left = row.climbs - now();
    cells.then.dataset.soon = left < 0 ? "past" : left < SOON_S ? "soon" : "";
    // A second or two is what the monitor takes; after that nobody lets it climb.
    const when = left >= 0 ? `in ${lasted(Math.ceil(left))}` : left > -5 ? "now" : `${lasted(-left)} overdue`;
    put(cells.then, `${when} → ${row.then}`);
  };

  const fill = (one, row) => {
    const { cells, told } = one;
    one.box.dataset.severity = row.severity;
    one.tag.dataset.severity = row.severity;
    put(one.tag, words[row.severity] ?? row.severity);
    put(one.what, row.what);
    put(one.scope, row.scope);
    cells.what.title = [row.what, row.scope].filter(Boolean).join(" · ");
    put(cells.trader, row.trader);
    put(cells.value, [row.level, row.detail].filter(Boolean).join(": "));
    put(cells.level, row.rank || "–");
    put(told.found, row.detail || "–");
    put(told.remedy, row.remedy || "–");
    put(told.by, row.component);
    put(told.id, row.id);
    tick(one, row);
  };

  const rights = () => {
    const who = model.get("who");
    for (const [id, one] of known) {
      one.form.hidden = !who;
      one.looks.hidden = Boolean(who);
      one.button.textContent = who ? "Acknowledge …" : "Details …";
      put(one.who, `as ${who}`);
      put(one.looks, `this page looks only: nautilus-lab alerts ack ${id} --note TEXT`);
    }
  };

  const list = () => {
    const wanted = new Set(rows.map((row) => row.id));
    for (const [id, one] of known) {
      if (wanted.has(id)) continue;
      one.box.remove();
      known.delete(id);
      if (open === id) open = "";
    }
    let before = body.firstChild;
    for (const row of rows) {
      if (!known.has(row.id)) known.set(row.id, added(row.id));
      const one = known.get(row.id);
      fill(one, row);
      // Only what stands elsewhere is moved: a form that is being filled in stays as it is.
      if (one.box === before) before = before.nextSibling;
      else body.insertBefore(one.box, before);
    }
    rights();
  };

  const show = () => {
    const { state } = news;
    const silent = passed();
    const lost = silent > SILENT_S;
    loud.textContent = lost ? "This list does not follow any more" : state.loud;
    why.textContent = lost
      ? `the page heard from its kernel ${span(silent)} ago; reload it`
      : state.why;
    why.title = why.textContent;
    band.hidden = !loud.textContent;
    panel.dataset.level = lost ? "down" : state.level;
    pill.dataset.level = lost ? "down" : state.level;
    put(monitor, lost ? "not known" : state.monitor);
    counts.replaceChildren();
    for (const [severity, count] of state.counts) {
      if (!count) continue;
      const tag = make("span", "nl-severity", counts, `${number(count, 0)} ${severity}`);
      tag.dataset.severity = severity;
    }
    const part =
      state.total > state.shown
        ? `${number(state.shown, 0)} of ${number(state.total, 0)} shown, the most severe and latest`
        : "";
    const past = rows.length && (lost || !state.known) ? "as they were seen last" : "";
    note.textContent = [past, part].filter(Boolean).join(" · ");
    table.hidden = rows.length === 0;
    empty.hidden = rows.length > 0;
    empty.textContent = !state.known
      ? state.loud
        ? "no alerts are known, which does not mean that there are none"
        : "asking …"
      : state.loud
        ? "no open alerts are known; as things are that does not mean that all is well"
        : `no open alerts · ${state.monitor}`;
  };

  let fading = 0;
  const heard = (message) => {
    const one = known.get(message.of);
    clearTimeout(fading);
    answer.dataset.level = message.level;
    answer.textContent = answer.title = message.text;
    if (message.level === "ok") fading = setTimeout(() => (answer.textContent = ""), ANSWER_MS);
    if (!one) return;
    one.send.disabled = false;
    one.refused.dataset.level = message.level;
    put(one.refused, message.text);
  };
  const end = listen(model, (message) => {
    if (message.kind === "answer") return heard(message);
    if (message.kind !== "news") return;
    news = { state: message.state, tick: performance.now(), date: Date.now() };
    if (message.rows) {
      rows = message.rows;
      list();
    }
    show();
  });
  model.on("change:who", rights);
  rows = model.get("rows");
  list();
  show();
  const timer = setInterval(() => {
    show();
    for (const row of rows) tick(known.get(row.id), row);
  }, 1000);
  return () => {
    clearInterval(timer);
    clearTimeout(fading);
    model.off("change:who", rights);
    end();
  };
}

export const AlertsPanel = { render };
