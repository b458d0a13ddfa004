// What every view shares: the style sheet, the theme, numbers and times as text.
import structure from "../node_modules/tabulator-tables/dist/css/tabulator_simple.min.css";
import style from "./style.css";

export function enter(model, el, name) {
  if (!document.getElementById("nautilus-lab-style")) {
    const sheet = document.createElement("style");
    sheet.id = "nautilus-lab-style";
    sheet.textContent = structure.replace(/\/\*#.*?\*\//g, "") + style;
    document.head.appendChild(sheet);
  }
  el.classList.add("nl", `nl-${name}`, `nl-theme-${model.get("theme")}`);
  return el;
}

// Asks the kernel for the present once the view can take it, and listens.
export function listen(model, handle) {
  const take = (message) => handle(message);
  model.on("msg:custom", take);
  model.send({ kind: "ready" });
  return () => model.off("msg:custom", take);
}

export function make(tag, className, parent, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  parent?.appendChild(element);
  return element;
}

export function token(el, name) {
  return getComputedStyle(el).getPropertyValue(`--nl-${name}`).trim();
}

const formats = new Map();

export function number(value, digits = 2, signed = false) {
  if (typeof value !== "number" || !Number.isFinite(value)) return "–";
  const key = `${digits}${signed}`;
  if (!formats.has(key)) {
    formats.set(
      key,
      new Intl.NumberFormat("en-GB", {
        minimumFractionDigits: digits,
        maximumFractionDigits: digits,
        signDisplay: signed ? "exceptZero" : "negative",
      }),
    );
  }
  return formats.get(key).format(value).replace("-", "−");
}

// A number with all the decimals it has, up to what a float keeps of a price.
export function exact(value, digits = 0) {
  if (typeof value !== "number" || !Number.isFinite(value)) return "–";
  const key = `exact${digits}`;
  if (!formats.has(key)) {
    formats.set(
      key,
      new Intl.NumberFormat("en-GB", { minimumFractionDigits: digits, maximumFractionDigits: 8 }),
    );
  }
  return formats.get(key).format(value).replace("-", "−");
}

export function clock(seconds) {
  return new Date(seconds * 1000).toISOString().slice(11, 19);
}

export function span(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}

// Adds a class for a moment; used to show which number has just changed.
export function flash(element, className) {
  element.classList.remove("nl-flash-up", "nl-flash-down");
  void element.offsetWidth;
  element.classList.add(className);
}

const CONFIRM_MS = 4000;

// Makes a button ask before it acts: a second press within four seconds confirms the first.
// `question` is a function where it is another one each time.
export function twice(button, label, question, act, ready = () => true) {
  let timer = 0;
  const rest = () => {
    clearTimeout(timer);
    button.classList.remove("nl-armed");
    button.textContent = label;
  };
  button.onclick = () => {
    if (button.classList.contains("nl-armed")) {
      rest();
      act();
    } else if (ready()) {
      button.classList.add("nl-armed");
      button.textContent = typeof question === "function" ? question() : question;
      timer = setTimeout(rest, CONFIRM_MS);
    }
  };
  button.onkeydown = (event) => {
    // A key that is held down presses again and again: that confirms nothing.
    if (event.repeat) event.preventDefault();
    if (event.key === "Escape") rest();
  };
  button.onblur = rest;
}
