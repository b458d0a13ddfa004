// A page's client of the stream gateway: one trader's picture, kept true. See docs/protocol.md.
//   const stream = new Stream({ urls: ["ws://127.0.0.1:8765/stream"], token: async () => "..." });
//   stream.onEvent = (event) => show(event);
//   stream.connect(); await stream.command("orders.cancel_all"); stream.ageMs > 5000 // stale

const FINAL = [1009, 4000, 4003, 4004, 4006]; // the same again would only be refused again
export class Stream {
  states = new Map(); // topic -> its latest envelope
  orders = new Map(); // client order id -> its latest envelope
  node = { state: "unknown" };
  connection = "disconnected"; // connecting, connected, reconnecting, error
  onEvent = (event) => {}; // every order, fill and breach, once and in order
  onChange = (what, detail) => {}; // "connection", "node", "snapshot", "states"
  #at = [null, null]; // epoch and seq of the last event in the picture
  #seen = new Set(); // ids of events
  #commands = new Map(); // id -> what settles its promise
  #attempt = 0;
  #made = -Infinity; // when the newest message was made, on this page's clock, ms

  constructor({ urls, token, trader = "", patterns = [">"], attempts = 10, baseMs = 500, capMs = 20000 }) {
    Object.assign(this, { urls, token, trader, patterns, attempts, baseMs, capMs });
  }
  get ageMs() { return Math.max(0, performance.now() - this.#made); }
  connect() { this.close(); this.#attempt = 0; this.#become("connecting"); this.#open(); }
  close() { this.#drop(); this.#become("disconnected"); }
  // The result's body. An error of type "OutcomeUnknown" may have been done: look, do not ask anew.
  command(name, body = {}, { version = 1, timeoutMs = 5000, onAck = () => {} } = {}) {
    const id = crypto.getRandomValues(new Uint32Array(4)).join("-"), deadline_ns = (Date.now() + timeoutMs) * 1e6;
    return new Promise((resolve, reject) => {
      if (this.connection !== "connected") return reject(failure("NotReachable", "no gateway is connected", id));
      this.#commands.set(id, { resolve, reject, onAck });
      this.#send({ kind: "command", id, name, version, deadline_ns, body, trader: this.trader, timeout_s: timeoutMs / 1e3 });
    });
  }
  async #open() {
    const others = this.urls.filter((url) => url !== this.url);
    this.url = others[Math.floor(Math.random() * others.length)] ?? this.urls[0];
    const socket = (this.socket = new WebSocket(this.url)), opened = new Promise((done) => (socket.onopen = done));
    this.#watch(this.silentMs = 10000);
    socket.onmessage = ({ data }) => socket === this.socket && this.#take(JSON.parse(data));
    socket.onclose = ({ code, reason }) => socket === this.socket && this.#lost(FINAL.includes(code), `${code} ${reason}`);
    const token = await Promise.resolve().then(this.token).catch(() => ""); // anew: it may have been renewed
    await opened;
    if (socket === this.socket) this.#send({ kind: "hello", protocol: 1, token, encoding: "json", client: "stream.js" });
  }
  #take(frame) {
    if (frame.kind === "welcome") {
      this.silentMs = 3000 * frame.heartbeat_s; // a gateway that misses three heartbeats is dead
      this.#subscribe();
    } else if (frame.kind === "snapshot") {
      this.states = new Map(frame.states.map((state) => [state.topic, state]));
      this.orders = new Map(frame.orders.map((order) => [order.body.client_order_id, order]));
      const incomplete = this.#at[0] !== null && !frame.resumed; // events may be missing before it
      [this.synced, this.#attempt] = [true, 0];
      this.#apply(frame, frame.seq, "snapshot", { incomplete });
    } else if (frame.kind === "delta" && this.synced) {
      if (frame.epoch !== this.#at[0] || frame.after !== this.#at[1]) return this.#subscribe(); // a gap
      for (const state of frame.states) this.states.set(state.topic, state);
      this.#apply(frame, frame.upto, "states", frame.states);
    } else if (frame.kind === "node") { this.#become("connected"); this.onChange("node", (this.node = frame)); }
    else if (frame.kind === "ack") this.#commands.get(frame.id)?.onAck();
    else if (frame.kind === "result") {
      const { resolve, reject } = this.#commands.get(frame.id) ?? {};
      if (frame.ok) resolve?.(frame.body); else reject?.(failure(frame.error_type, frame.error, frame.id, frame.remedy));
      this.#commands.delete(frame.id);
    }
    if (frame.data_ts) this.#made = performance.now() - (frame.ts - frame.data_ts) / 1e6;
    this.#watch(this.silentMs);
  }
  #apply({ kind, epoch, events, states, ts }, seq, what, detail) {
    this.#at = [epoch, seq];
    for (const event of events.filter(({ id }) => !this.#seen.has(id))) {
      if (this.#seen.add(event.id).size > 5000) this.#seen.delete(this.#seen.keys().next().value);
      if (kind === "delta" && event.body.kind === "orderupdated") this.orders.set(event.body.client_order_id, event);
      this.onEvent(event);
    }
    for (const made of [...events, ...states]) this.#made = Math.max(this.#made, performance.now() - (ts - made.ts) / 1e6);
    this.onChange(what, detail);
  }
  #subscribe() {
    this.synced = false;
    this.#send({ kind: "subscribe", trader: this.trader, patterns: this.patterns, epoch: this.#at[0], seq: this.#at[1] });
  }
  #send(frame) { this.socket.send(JSON.stringify(frame)); }
  #watch(ms) { clearTimeout(this.silence); this.silence = setTimeout(() => this.#lost(false, "silence"), ms); }
  #drop() {
    [this.silence, this.retry].forEach(clearTimeout);
    [this.socket, this.synced] = [this.socket?.close(), false];
    for (const [id, { reject }] of this.#commands) reject(failure("OutcomeUnknown", "the connection ended first", id));
    this.#commands.clear();
  }
  #lost(final, why) {
    this.#drop();
    if (final || this.#attempt >= this.attempts) return this.#become("error", why);
    this.#become("reconnecting", why); // after a random wait: not all pages of a dead gateway at once
    this.retry = setTimeout(() => this.#open(), Math.random() * Math.min(this.capMs, this.baseMs * 2 ** this.#attempt++));
  }
  #become(state, why = "") { if (state !== this.connection) this.onChange("connection", { state: (this.connection = state), why }); }
}
const failure = (type, rule, id, remedy = "") => Object.assign(new Error(rule), { type, id, remedy });
