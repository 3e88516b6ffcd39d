// The images of the documentation, taken from a running server: what ./kw up starts, some minutes old.
//
//   node tests/web/screenshots.mjs [http://localhost:9090]
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { openBrowser } from "./browser.mjs";

const base = (process.argv[2] ?? "http://localhost:9090").replace(/\/*$/, "/");
const folder = fileURLToPath(new URL("../../docs/images/", import.meta.url));
mkdirSync(folder, { recursive: true });

const explore = `explore?${new URLSearchParams({
  q1: 'sum by (mode) (rate(node_cpu_seconds_total{mode!="idle"}[1m]))',
  "q1.title": "CPU by mode",
  q2: "rate(process_cpu_seconds_total[1m])",
  "q2.title": "CPU of the server",
  from: "now-15m",
})}`;

const SHOTS = [
  { name: "explore-light", path: explore, scheme: "light" },
  { name: "explore-dark", path: explore, scheme: "dark" },
  { name: "alerting-light", path: "alerting/rules", scheme: "light" },
  { name: "incident-light", path: "incidents/INC-1", scheme: "light" },
  { name: "targets-light", path: "targets", scheme: "light" },
  {
    name: "explore-narrow",
    path: explore,
    scheme: "light",
    width: 390,
    height: 844,
  },
];

for (const { name, path, ...view } of SHOTS) {
  const browser = await openBrowser(view);
  const page = await browser.context.newPage();
  await page.goto(base + path);
  await page.waitForLoadState("networkidle");
  await page.screenshot({ path: `${folder}${name}.png` });
  await browser.close();
  console.log(`docs/images/${name}.png`);
}
