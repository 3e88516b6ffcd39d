// Debian's Chromium through playwright-core, which is installed beside the UI (web/node_modules).
import { createRequire } from "node:module";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const require = createRequire(
  new URL("../../web/package.json", import.meta.url),
);
const { chromium } = require("playwright-core");

export const AXE_SOURCE = readFileSync(
  require.resolve("axe-core/axe.min.js"),
  "utf8",
);

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-dev-shm-usage",
];

// Resolves to { context, close }: a browser with a profile of its own.
export async function openBrowser({
  width = 1440,
  height = 900,
  scheme = "light",
  zone = "UTC",
} = {}) {
  const profile = mkdtempSync(join(tmpdir(), "kilowatch-web-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.KW_CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: FLAGS,
    viewport: { width, height },
    colorScheme: scheme,
    timezoneId: zone,
    reducedMotion: "reduce",
  });
  return {
    context,
    close: async () => {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}
