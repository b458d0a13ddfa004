import {
  FormatModule,
  InteractionModule,
  ResizeColumnsModule,
  SortModule,
  Tabulator,
} from "tabulator-tables";
import { clock, enter, flash, listen, make, number } from "./page.js";

Tabulator.registerModule([FormatModule, InteractionModule, ResizeColumnsModule, SortModule]);

const escaped = (text) => {
  const span = document.createElement("span");
  span.textContent = text ?? "";
  return span.innerHTML;
};

// kind of column -> how a value becomes a cell
const kinds = {
  text: (value) => escaped(value),
  time: (value) => (value ? clock(value) : "–"),
  number: (value, column) => number(value, column.digits, false),
  signed: (value, column, element) => {
    element.classList.toggle("nl-up", value > 0);
    element.classList.toggle("nl-down", value < 0);
    return number(value, column.digits, true);
  },
  side: (value, column, element) => {
    element.classList.toggle("nl-up", value === "BUY");
    element.classList.toggle("nl-down", value === "SELL");
    return escaped(value);
  },
  status: (value) =>
    `<span class="nl-tag" data-status="${escaped(value)}">${escaped(String(value).replaceAll("_", " ").toLowerCase())}</span>`,
  // a button that tells the kernel which row was meant; the value is its label, nothing hides it
  action: (value) => (value ? `<button type="button" class="nl-act nl-small">${escaped(value)}</button>` : ""),
  bar: (value, column, element, row) => {
    const share = Number.isFinite(value) ? Math.min(1, Math.max(0, value)) : 0;
    return (
      `<span class="nl-bar" data-level="${escaped(row.level)}"><i style="width:${(share * 100).toFixed(1)}%"></i></span>` +
      `<span class="nl-bar-text">${number(value * 100, 1)} %</span>`
    );
  },
};

function render({ model, el }) {
  enter(model, el, "grid");
  const panel = make("div", "nl-panel", el);
  const head = make("div", "nl-panel-head", panel);
  make("span", "nl-panel-title", head, model.get("title"));
  const count = make("span", "nl-panel-note", head);
  const box = make("div", "nl-table", panel);
  const empty = make("div", "nl-empty", panel, model.get("empty"));

  const known = new Map(); // id -> row as shown
  const specs = model.get("columns");
  let built = false;
  let waiting = [];
  const table = new Tabulator(box, {
    index: "id",
    layout: "fitColumns",
    height: `${model.get("height")}px`,
    addRowPos: model.get("newest_first") ? "top" : "bottom",
    headerSortTristate: true,
    initialSort: model.get("sort_by") ? [{ column: model.get("sort_by"), dir: "asc" }] : [],
    data: model.get("rows"),
    columns: specs.map((spec) => ({
      title: spec.label,
      field: spec.key,
      hozAlign: ["number", "signed", "bar"].includes(spec.kind) ? "right" : "left",
      headerHozAlign: ["number", "signed", "bar"].includes(spec.kind) ? "right" : "left",
      widthGrow: spec.width,
      minWidth: 40,
      resizable: "header",
      headerSort: spec.kind !== "action",
      cellClick:
        spec.kind === "action"
          ? (event, cell) => {
              if (!event.target.closest("button")) return;
              model.send({ kind: "press", id: cell.getRow().getData().id, key: spec.key });
            }
          : undefined,
      formatter: (cell) => {
        const element = cell.getElement();
        return kinds[spec.kind](cell.getValue(), spec, element, cell.getRow().getData());
      },
    })),
  });

  const tally = () => {
    count.textContent = known.size ? String(known.size) : "";
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
  const take = async (message) => {
    if (message.kind === "all") {
      known.clear();
      await table.replaceData(model.get("newest_first") ? [...message.rows].reverse() : message.rows);
      for (const row of message.rows) known.set(row.id, row);
    } else if (message.kind === "rows") {
      for (const id of message.gone) {
        if (known.delete(id)) await table.deleteRow(id);
      }
      const changed = message.rows.filter((row) => known.has(row.id));
      const added = message.rows.filter((row) => !known.has(row.id));
      if (changed.length) await table.updateData(changed);
      for (const row of changed) mark(row, known.get(row.id));
      if (added.length) await table.addData(added, model.get("newest_first"));
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
    for (const row of model.get("rows")) known.set(row.id, row);
    tally();
    for (const message of waiting.splice(0)) enqueue(message);
  });
  const end = listen(model, enqueue);
  return () => {
    end();
    table.destroy();
  };
}

export const Grid = { render };
