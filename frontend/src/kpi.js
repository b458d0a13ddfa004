import { enter, flash, listen, make, number } from "./page.js";

function render({ model, el }) {
  enter(model, el, "kpis");
  const row = make("div", "nl-kpi-row", el);
  const cards = new Map();
  for (const spec of model.get("cards")) {
    const card = make("div", "nl-card", row);
    make("div", "nl-card-label", card, spec.label);
    const value = make("div", "nl-card-value", card, "–");
    value.dataset.key = spec.key;
    const note = make("div", "nl-card-note", card, spec.unit);
    cards.set(spec.key, { spec, value, note, last: null });
  }
  const show = (values, notes) => {
    for (const [key, now] of Object.entries(values ?? {})) {
      const card = cards.get(key);
      if (!card || now === card.last) continue;
      card.value.textContent = number(now, card.spec.digits, card.spec.signed);
      if (card.spec.coloured) {
        card.value.classList.toggle("nl-up", now > 0);
        card.value.classList.toggle("nl-down", now < 0);
      }
      if (card.last !== null && Number.isFinite(now)) {
        flash(card.value, now > card.last ? "nl-flash-up" : "nl-flash-down");
      }
      card.last = now;
    }
    for (const [key, text] of Object.entries(notes ?? {})) {
      const card = cards.get(key);
      if (card) card.note.textContent = text;
    }
  };
  show(model.get("values"), model.get("notes"));
  return listen(model, (message) => {
    if (message.kind === "values") show(message.values, message.notes);
  });
}

export const KpiRow = { render };
