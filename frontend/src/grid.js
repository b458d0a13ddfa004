import {
  FormatModule,
  InteractionModule,
  ResizeColumnsModule,
  ResizeTableModule,
  SortModule,
  Tabulator,
} from "tabulator-tables";
import { clock, enter, exact, flash, listen, make, number, twice } from "./page.js";

Tabulator.registerModule([
  FormatModule,
  InteractionModule,
  ResizeColumnsModule,
  ResizeTableModule,
  SortModule,
]);

const numeric = new Set(["number", "exact", "signed", "bar"]);
const ANSWER_MS = 8000;
const LEAST_PX = 40;
const CHARACTER_PX = 6.6;
const PADDING_PX = 14;

// kind of column -> how a value becomes a cell; what comes from outside only ever becomes text
const kinds = {
  text: (value, column, element) => {
    element.title = value ?? "";
    return document.createTextNode(value ?? "");
  },
  time: (value) => (value ? clock(value) : "–"),
  number: (value, column) => number(value, column.digits, false),
  exact: (value, column) => exact(value, column.digits),
  signed: (value, column, element) => {
    element.classList.toggle("nl-up", value > 0);
    element.classList.toggle("nl-down", value < 0);
    return number(value, column.digits, true);
  },
  side: (value, column, element) => {
    element.classList.toggle("nl-up", value === "BUY");
    element.classList.toggle("nl-down", value === "SELL");
    return document.createTextNode(value ?? "");
  },
  status: (value) => {
    if (!value) return document.createTextNode("");
    const tag = make("span", "nl-tag", null, String(value).replaceAll("_", " ").toLowerCase());
    tag.dataset.status = value;
    return tag;
  },
  // a button that tells the kernel which row was meant; the value is its label
  action: (value, column, element, row, press) => {
    if (!value) return document.createTextNode("");
    const button = make("button", "nl-act nl-small", null, value);
    button.type = "button";
    button.setAttribute("aria-label", `${value} ${row.id}`);
    const act = () => press(button, row.id, column.key);
    if (column.confirm) twice(button, value, `${value}?`, act);
    else button.onclick = act;
    return button;
  },
  bar: (value, column, element, row) => {
    const share = Number.isFinite(value) ? Math.min(1, Math.max(0, value)) : 0;
    const whole = document.createElement("div");
    const bar = make("span", "nl-bar", whole);
    bar.dataset.level = row.level ?? "";
    make("i", "", bar).style.width = `${(share * 100).toFixed(1)}%`;
    make("span", "nl-bar-text", whole, `${number(value * 100, 1)} %`);
    return whole;
  },
};

function render({ model, el }) {
  enter(model, el, "grid");
  const panel = make("div", "nl-panel nl-table-panel", el);
  const head = make("div", "nl-panel-head", panel);
  make("span", "nl-panel-title", head, model.get("title"));
  const count = make("span", "nl-panel-note", head);
  const answer = make("span", "nl-answer", head);
  answer.setAttribute("role", "status");
  const box = make("div", "nl-table", panel);
  // A table grows with its panel, and is never lower than was asked for.
  box.style.minHeight = `${model.get("height")}px`;
  const empty = make("div", "nl-empty", panel, model.get("empty"));

  const known = new Map(); // id -> row as shown
  const pressed = new Map(); // id -> its button, until something is heard of the row
  const specs = model.get("columns");
  const newest = model.get("newest_first");
  const order = model.get("sort_by");
  let built = false;
  let waiting = [];
  const press = (button, id, key) => {
    button.disabled = true;
    pressed.set(id, button);
    model.send({ kind: "press", id, key });
  };
  const heard = (id) => {
    const button = pressed.get(id);
    if (button) button.disabled = false;
    pressed.delete(id);
  };
  const table = new Tabulator(make("div", "", box), {
    index: "id",
    layout: "fitColumns",
    height: "100%",
    addRowPos: newest ? "top" : "bottom",
    headerSortTristate: true,
    initialSort: order
      ? [{ column: order.replace(/^-/, ""), dir: order.startsWith("-") ? "desc" : "asc" }]
      : [],
    columns: specs.map((spec) => ({
      title: spec.label,
      field: spec.key,
      hozAlign: numeric.has(spec.kind) ? "right" : "left",
      headerHozAlign: numeric.has(spec.kind) ? "right" : "left",
      widthGrow: spec.width,
      minWidth: Math.max(LEAST_PX, Math.round(spec.fits * CHARACTER_PX + PADDING_PX)),
      resizable: "header",
      headerSort: spec.kind !== "action",
      formatter: (cell) =>
        kinds[spec.kind](cell.getValue(), spec, cell.getElement(), cell.getRow().getData(), press),
    })),
  });

  const tally = () => {
    const most = model.get("most_rows");
    count.textContent = known.size >= most ? `the last ${most}` : known.size || "";
    empty.hidden = known.size > 0;
  };
  const mark = (row, before) => {
    for (const spec of specs) {
      const [was, now] = [before[spec.key], row[spec.key]];
      if (!spec.flash || was === now || typeof now !== "number") continue;
      const cell = table.getRow(row.id)?.getCell(spec.key);
      if (cell) flash(cell.getElement(), now > was ? "nl-flash-up" : "nl-flash-down");
    }
  };
  const placed = (rows) => (newest ? [...rows].reverse() : [...rows]);
  const take = async (message) => {
    if (message.kind === "all") {
      known.clear();
      pressed.clear();
      await table.replaceData(placed(message.rows));
      for (const row of message.rows) known.set(row.id, row);
    } else if (message.kind === "rows") {
      const gone = message.gone.filter((id) => known.delete(id));
      for (const id of gone) pressed.delete(id);
      if (gone.length) await table.deleteRow(gone);
      const changed = message.rows.filter((row) => known.has(row.id));
      const added = message.rows.filter((row) => !known.has(row.id));
      if (changed.length) await table.updateData(changed);
      for (const row of changed) mark(row, known.get(row.id));
      if (added.length) await table.addData(placed(added), newest);
      for (const row of message.rows) known.set(row.id, { ...known.get(row.id), ...row });
      const sorted = table.getSorters();
      const moved = ({ field }) => added.length || changed.some((row) => field in row);
      if (sorted.some(moved)) {
        table.setSort(sorted.map(({ field, dir }) => ({ column: field, dir })));
      }
    }
    tally();
  };
  // One message after another: Tabulator's changes are promises.
  let last = Promise.resolve();
  const enqueue = (message) => {
    if (!built) waiting.push(message);
    else last = last.then(() => take(message)).catch((error) => console.error(error));
  };
  table.on("tableBuilt", () => {
    built = true;
    for (const message of [{ kind: "all", rows: model.get("rows") }, ...waiting.splice(0)]) {
      enqueue(message);
    }
  });
  let fading = 0;
  const end = listen(model, (message) => {
    if (message.kind !== "answer") return enqueue(message);
    heard(message.of);
    clearTimeout(fading);
    answer.dataset.level = message.level;
    answer.textContent = answer.title = message.text;
    if (message.level === "ok") fading = setTimeout(() => (answer.textContent = ""), ANSWER_MS);
  });
  return () => {
    clearTimeout(fading);
    end();
    table.destroy();
  };
}

export const Grid = { render };
