// Bundles src/ into nautilus_lab/widgets/static and gathers the licences of what is in it.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "..", "nautilus_lab", "widgets", "static");

// A test compares this with the sources, so that a bundle is never older than they are.
const hash = createHash("sha256");
const sources = readdirSync(join(here, "src")).sort();
for (const name of sources) hash.update(readFileSync(join(here, "src", name)));
for (const name of ["build.mjs", "package-lock.json"]) hash.update(readFileSync(join(here, name)));

await build({
  entryPoints: [join(here, "src", "index.js")],
  outfile: join(out, "widgets.js"),
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  legalComments: "none",
  charset: "utf8",
  loader: { ".css": "text" },
  banner: {
    js:
      `/* nautilus_lab widgets, sources ${hash.digest("hex").slice(0, 16)}; ` +
      "third-party licences: LICENSES.txt */",
  },
  logLevel: "warning",
});

const parts = [];
for (const [name, notice] of [
  [
    "lightweight-charts",
    "NOTICE: TradingView Lightweight Charts™\n" +
      "Copyright (c) 2026 TradingView, Inc. https://www.tradingview.com/\n",
  ],
  ["fancy-canvas", ""],
  ["tabulator-tables", ""],
]) {
  const folder = join(here, "node_modules", name);
  const about = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  let text;
  try {
    text = readFileSync(join(folder, "LICENSE"), "utf8");
  } catch {
    text = `${about.license} licence, as named in its package.json; author: ${about.author}\n`;
  }
  parts.push(`${name} ${about.version} (${about.license})\n${"=".repeat(70)}\n${notice}\n${text}`);
}
writeFileSync(join(out, "LICENSES.txt"), parts.join("\n\n").replace(/[ \t]+$/gm, "").trimEnd() + "\n");
