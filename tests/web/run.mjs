// Runs the browser tests: node tests/web/run.mjs [FILE…]. Starts the server, waits until it has series, runs
// every *.test.mjs one after the other against it, and stops it. The last lines count the cases.
// Exit code 77 (skipped, to CTest): there is no browser.
import { existsSync, readdirSync } from "node:fs";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { fileURLToPath } from "node:url";
import { startServer } from "./server.mjs";

const CHROMIUM = process.env.KW_CHROMIUM ?? "/usr/bin/chromium";
const here = fileURLToPath(new URL(".", import.meta.url));

if (
  !existsSync(CHROMIUM) ||
  !existsSync(`${here}../../web/node_modules/playwright-core`)
) {
  console.log(
    `skipped: ${CHROMIUM} and web/node_modules are needed (./kw test installs both)`,
  );
  process.exit(77);
}

const named = process.argv.slice(2);
const files = readdirSync(here)
  .filter(
    (name) =>
      name.endsWith(".test.mjs") &&
      (named.length === 0 || named.includes(name)),
  )
  .sort()
  .map((name) => here + name);

const started = performance.now();
const server = await startServer();
process.env.KW_WEB_URL = server.url;
console.log(`testing the UI of ${server.name} at ${server.url}`);
let ran = 0;
let failed = 0;
let skipped = 0;
const stream = run({ files, concurrency: 1, timeout: 900_000 });
const isCase = (data) => data.details?.type !== "suite" && data.nesting > 0;
stream.on("test:pass", (data) => {
  if (!isCase(data)) return;
  ran += 1;
  if (data.skip !== undefined) skipped += 1;
});
stream.on("test:fail", (data) => {
  if (!isCase(data) && data.details?.error?.failureType === "subtestsFailed")
    return;
  ran += 1;
  failed += 1;
});
const report = stream.compose(new spec());
report.pipe(process.stdout);
await new Promise((resolve) => report.on("end", resolve));
await server.stop();
const seconds = ((performance.now() - started) / 1000).toFixed(3);
console.log(`\nRan ${ran} tests in ${seconds}s\n`);
console.log(
  failed === 0
    ? `OK (skipped=${skipped})`
    : `FAILED (failures=${failed}, skipped=${skipped})`,
);
process.exit(failed === 0 && ran > 0 ? 0 : 1);
