import { listen } from "./page.js";

// Answers the kernel's pings, so that it knows a page is there. The answer is given while the
// ping is handled: timers of a hidden tab may sleep for a minute, messages come through.
function render({ model, el }) {
  el.style.display = "none";
  const end = listen(model, (message) => {
    if (message.kind === "ping") model.send({ kind: "pong", id: message.id });
  });
  return end;
}

export const Pulse = { render };
