// Follows a stream with Debian's node-ws: follow.js URL TOKEN EVENTS prints what it saw as JSON.
const WebSocket = require("ws");
const [url, token, wanted] = process.argv.slice(2);
const seen = { seqs: [], trades: [], states: {}, gaps: 0, kinds: [] };
let at = null;

const socket = new WebSocket(url);
const say = (frame) => socket.send(JSON.stringify(frame));
socket.on("open", () => say({ kind: "hello", protocol: 1, token, encoding: "json", client: "ws" }));
socket.on("close", (code, reason) => {
  console.log(JSON.stringify({ ...seen, code, reason: reason.toString() }));
});
socket.on("message", (data, isBinary) => {
  const frame = JSON.parse(data);
  if (isBinary || !seen.kinds.includes(frame.kind)) seen.kinds.push(frame.kind);
  if (frame.kind === "welcome") say({ kind: "subscribe", patterns: ["trading.>", "market.>"] });
  if (frame.kind === "snapshot") at = frame.seq;
  if (frame.kind === "delta") {
    if (frame.after !== at) seen.gaps += 1;
    at = frame.upto;
  }
  for (const event of frame.events ?? []) {
    seen.seqs.push(event.seq);
    if (event.body.kind === "orderfilled") seen.trades.push(event.body.trade_id);
  }
  for (const state of frame.states ?? []) seen.states[state.topic] = state.body.bid;
  if (frame.kind === "snapshot") console.error("ready");
  if (seen.trades.length >= Number(wanted)) socket.close(1000);
});
