import { enter, listen, make, span } from "./page.js";

// How old the data is, by the browser's own clock: when kernel, gateway or node fall silent, the
// age goes on growing here, and past the limit a veil covers the page.
function render({ model, el }) {
  enter(model, el, "age");
  const badge = make("div", "nl-age-badge", el);
  make("span", "nl-age-label", badge, "data");
  const age = make("span", "nl-age-value", badge, "–");
  make("span", "nl-age-label", badge, "quotes");
  const quotes = make("span", "nl-quotes-value", badge, "–");

  const veil = make("div", "nl-veil");
  veil.setAttribute("role", "alert");
  const box = make("div", "nl-veil-box", veil);
  const head = make("div", "nl-veil-head", box);
  const why = make("div", "nl-veil-why", box);

  let news = { ...model.get("state"), at: Date.now(), tick: performance.now() };
  let told = false; // whether this very page ever heard from its kernel

  // Two clocks: the monotonic one may sleep with the machine, the other may be set.
  const since = () =>
    Math.max(0, (Date.now() - news.at) / 1000, (performance.now() - news.tick) / 1000);

  const show = () => {
    const silent = since();
    const limit = model.get("stale_after_s");
    const seen = news.age_s !== null && news.age_s !== undefined;
    const now = seen ? news.age_s + silent : Infinity;
    const quoted = news.quote_age_s === null || news.quote_age_s === undefined
      ? Infinity
      : news.quote_age_s + silent;
    age.textContent = span(now);
    quotes.textContent = span(quoted);
    badge.classList.toggle("nl-stale", !(now <= limit));
    quotes.classList.toggle("nl-late", !(quoted <= limit));
    const root = el.closest(".nl-dashboard") ?? document.querySelector(".nl-dashboard");
    const stale = !(now <= limit);
    if (root && veil.parentNode !== root) root.appendChild(veil);
    root?.classList.toggle("nl-is-stale", stale);
    veil.hidden = !stale;
    if (!stale) return;
    const lost = silent > limit;
    if (lost && told) {
      head.textContent = `STALE – this page lost its kernel ${span(silent)} ago`;
      why.textContent = "Reload the page. The numbers below are the last that were seen.";
    } else if (!seen) {
      head.textContent = news.headline || "Waiting for the trading node";
      why.textContent = news.detail || "Connecting…";
    } else {
      head.textContent = `STALE – no data for ${span(now)}`;
      why.textContent = news.detail || "The numbers below are the last that were seen.";
    }
    veil.classList.toggle("nl-waiting", !seen && !(lost && told));
  };

  show();
  const timer = setInterval(show, 200);
  const end = listen(model, (message) => {
    if (message.kind !== "state") return;
    told = true;
    news = { ...message.state, at: Date.now(), tick: performance.now() };
    show();
  });
  return () => {
    clearInterval(timer);
    veil.remove();
    end();
  };
}

export const AgeBadge = { render };
