import { clock, enter, listen, make, twice } from "./page.js";

const orders = (count) => (count === 1 ? "1 order" : `${count} orders`);
// what may be asked for -> its label, and the question that the second press answers, which says
// what becomes of the orders that work
const buttons = {
  cancel_all: ["Cancel all", (count) => `cancel ${orders(count)}?`],
  reduce_only: ["Reduce only", () => "reduce only?"],
  halt: ["Halt", (count) => `halt, and leave ${orders(count)} working?`],
  halt_and_cancel: ["Halt and cancel all", (count) => `halt, and cancel ${orders(count)}?`],
  kill: ["Kill", (count) => `kill, and cancel ${orders(count)}?`],
  ask_resume: ["Ask to resume", () => "ask another person?"],
  resume: ["Resume", () => "resume trading?"],
};
// trading state -> what it means, and which buttons lead nowhere from it
const states = {
  ACTIVE: ["", ["ask_resume", "resume"]],
  REDUCE_ONLY: [
    "only what makes a position smaller goes through, and cancels",
    ["reduce_only", "ask_resume"],
  ],
  HALTED: [
    "nothing but cancels goes through",
    ["halt", "halt_and_cancel", "reduce_only", "ask_resume"],
  ],
  KILLED: [
    "nothing but cancels goes through, until one asks and another resumes",
    ["halt", "halt_and_cancel", "reduce_only", "kill"],
  ],
  UNKNOWN: ["the node has not said what it may do", []],
};

// What the trader may do now, and the buttons that change it.
function render({ model, el }) {
  enter(model, el, "controls");
  const panel = make("div", "nl-panel nl-controls-panel", el);
  const state = make("span", "nl-trading-state", panel);
  const text = make("span", "nl-trading-text", panel);
  const means = make("b", "", text);
  const why = make("span", "nl-trading-why", text);
  const answer = make("span", "nl-answer", panel);
  answer.setAttribute("role", "status");
  const reason = make("input", "nl-input nl-reason", panel);
  reason.placeholder = "reason, for the audit trail";
  reason.maxLength = 200;
  reason.setAttribute("aria-label", "reason");
  reason.oninput = () => {
    if (reason.classList.contains("nl-wanted")) say("", "");
    reason.classList.remove("nl-wanted");
  };

  const say = (level, text) => {
    answer.dataset.level = level;
    answer.textContent = answer.title = text;
  };
  const ask = (action) => {
    say("", "sent …");
    model.send({ kind: "act", action, reason: reason.value });
  };
  const shown = Object.entries(buttons).map(([action, [label, question]]) => {
    const button = make("button", "nl-act", panel, label);
    button.type = "button";
    button.dataset.action = action;
    // Only cancels need no reason.
    const ready = () => {
      const wanted = action !== "cancel_all" && !reason.value.trim();
      reason.classList.toggle("nl-wanted", wanted);
      if (wanted) {
        reason.focus();
        say("warn", `say why first: ${label} needs a reason`);
      }
      return !wanted;
    };
    const asked = () => question(model.get("state").working);
    twice(button, label, asked, () => ask(action), ready);
    return button;
  });
  const show = () => {
    const now = model.get("state");
    const [meaning, leadsNowhere] = states[now.state] ?? states.UNKNOWN;
    const since = now.since ? ` · since ${clock(now.since)}` : "";
    state.textContent = now.state.replaceAll("_", " ");
    panel.dataset.state = now.state;
    // The whole page shows that orders do not go through.
    const root = el.closest(".nl-dashboard") ?? document.querySelector(".nl-dashboard");
    if (root) root.dataset.trading = now.state;
    means.textContent = meaning;
    why.textContent = now.reason ? `${now.reason}${now.by ? ` · ${now.by}` : ""}${since}` : "";
    why.title = why.textContent;
    const may = model.get("actions");
    for (const button of shown) {
      button.hidden = leadsNowhere.includes(button.dataset.action);
      button.disabled = !may.includes(button.dataset.action);
    }
    reason.hidden = !may.some((action) => action !== "cancel_all");
  };
  show();
  model.on("change:actions", show);
  const end = listen(model, (message) => {
    if (message.kind === "state") {
      model.set("state", message.state);
      show();
    }
    if (message.kind === "answer") {
      say(message.level, message.text);
      if (message.level === "ok") reason.value = "";
    }
  });
  // The page may be put together after this part of it.
  requestAnimationFrame(show);
  return () => {
    model.off("change:actions", show);
    end();
  };
}

export const TradingControls = { render };
