import { enter, listen, make } from "./page.js";

const CONFIRM_MS = 4000;
// what may be asked for -> its words; all but the first are confirmed by a second press
const actions = [
  ["cancel_all", "Cancel all", "cancel all?"],
  ["reduce_only", "Reduce only", "reduce only?"],
  ["halt", "Halt", "halt now?"],
  ["resume", "Resume", "resume?"],
];

// What the trader may do now, and the buttons that change it.
function render({ model, el }) {
  enter(model, el, "controls");
  const panel = make("div", "nl-panel nl-controls-panel", el);
  const state = make("span", "nl-trading-state", panel);
  const why = make("span", "nl-trading-why", panel);
  const reason = make("input", "nl-input nl-reason", panel);
  reason.placeholder = "reason, for the audit trail";
  const answer = make("span", "nl-answer", panel);
  answer.setAttribute("role", "status");
  const buttons = actions.map(([name, label, question]) => {
    const button = make("button", "nl-act", panel, label);
    button.type = "button";
    button.dataset.action = name;
    let armed = 0;
    button.onclick = () => {
      clearTimeout(armed);
      if (!button.classList.contains("nl-armed")) {
        button.classList.add("nl-armed");
        button.textContent = question;
        armed = setTimeout(rest, CONFIRM_MS);
        return;
      }
      rest();
      answer.textContent = "sent …";
      answer.dataset.level = "";
      model.send({ kind: "act", action: name, reason: reason.value });
    };
    const rest = () => {
      button.classList.remove("nl-armed");
      button.textContent = label;
    };
    return button;
  });
  const show = () => {
    const now = model.get("state");
    state.textContent = (now.state || "unknown").replaceAll("_", " ");
    state.dataset.state = now.state;
    why.textContent = now.reason ? `${now.reason}${now.by ? ` · ${now.by}` : ""}` : "";
    for (const button of buttons) {
      const name = button.dataset.action;
      button.hidden = name === "resume" ? now.state === "ACTIVE" : now.state === { halt: "HALTED", reduce_only: "REDUCE_ONLY" }[name];
      button.disabled = !model.get("enabled");
    }
    reason.disabled = !model.get("enabled");
  };
  show();
  model.on("change:enabled", show);
  const end = listen(model, (message) => {
    if (message.kind === "state") {
      model.set("state", message.state);
      show();
    }
    if (message.kind === "answer") {
      answer.dataset.level = message.level;
      answer.textContent = message.text;
      if (message.level === "ok") reason.value = "";
    }
  });
  return () => {
    model.off("change:enabled", show);
    end();
  };
}

export const TradingControls = { render };
