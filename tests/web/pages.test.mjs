// Targets, Status, and what all pages share: themes, narrow windows, a path prefix.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { startServer } from "./server.mjs";
import { assertNoSidewaysScrolling, go, open, waitForGraph } from "./ui.mjs";

const IS_KILOWATCH = process.env.KW_WEB_BASE_URL === undefined;
const NOT_FOUND = /404/; // servers other than ours have no configuration warnings
const NARROW = { width: 390, height: 844 };
const PAGES = [
  "explore",
  "explore?q1=up&q2=process_resident_memory_bytes",
  "alerting",
  "alerting/rules",
  "alerting/silences",
  "incidents",
  "targets",
  "status",
  "status/tsdb",
  "status/config",
  "status/flags",
];

describe("Targets", () => {
  it("shows pools, health, labels and errors", async (t) => {
    const page = await open(t, "targets");
    const tables = page.getByRole("table", { name: /^Targets of/ });
    await tables.first().waitFor();
    await page.getByText("Up", { exact: true }).first().waitFor();
    const discovered = page.getByText("Discovered labels").first();
    await discovered.click();
    await page.getByText("__address__=").first().waitFor();
    if (!IS_KILOWATCH) return;
    const gone = page.getByRole("table", { name: "Targets of gone" });
    await gone.getByText("Down", { exact: true }).waitFor();
    assert.match(await gone.getByRole("alert").innerText(), /refused|connect/i);
    await page.getByText("Dropped targets").click();
    await page.getByText('"dropped.invalid:80"').first().waitFor();
  });

  it("filters by text and health, in the link too", async (t) => {
    const page = await open(t, "targets");
    await page.getByRole("table").first().waitFor();
    const all = await page.getByRole("table").count();
    await page
      .getByRole("searchbox", { name: "Filter targets" })
      .fill("no such target");
    await page.getByText("No target passes the filter").waitFor();
    assert.match(page.url(), /q=no\+such\+target/);
    await page.getByRole("searchbox", { name: "Filter targets" }).fill("");
    await page.getByRole("radio", { name: "Up", exact: true }).click();
    assert.match(page.url(), /health=up/);
    await page.getByRole("table").first().waitFor();
    assert.ok((await page.getByRole("table").count()) <= all);
    await page.reload();
    await page.getByRole("table").first().waitFor();
    assert.equal(
      await page
        .getByRole("radio", { name: "Up", exact: true })
        .getAttribute("aria-checked"),
      "true",
    );
    assert.equal(
      await page.getByText("Down", { exact: true }).count(),
      1,
      "only the control itself",
    );
  });

  it("leads to the target in Explore", async (t) => {
    const page = await open(t, "targets");
    await page
      .getByRole("table")
      .first()
      .getByRole("link", { name: "Explore" })
      .first()
      .click();
    await page.waitForURL(/explore\?q1=up/);
    await waitForGraph(page);
  });
});

describe("Status", () => {
  it("shows build, runtime, storage, configuration and flags", async (t) => {
    const page = await open(t, "status", { tolerate: NOT_FOUND });
    await page
      .getByRole("table", { name: "Runtime" })
      .getByRole("rowheader", { name: "Start time" })
      .waitFor();
    await page
      .getByRole("table", { name: "Build" })
      .getByRole("rowheader", { name: "Version", exact: true })
      .waitFor();
    const tabs = page.getByRole("navigation", { name: "Status" });
    await tabs.getByRole("link", { name: "Storage" }).click();
    await page
      .getByRole("table", { name: "Series by metric name" })
      .getByRole("rowheader")
      .first()
      .waitFor();
    assert.equal(
      await tabs
        .getByRole("link", { name: "Storage" })
        .getAttribute("aria-current"),
      "page",
    );
    await tabs.getByRole("link", { name: "Configuration" }).click();
    assert.match(
      await page
        .getByRole("region", { name: "Configuration as YAML" })
        .innerText(),
      /scrape_configs:/,
    );
    await tabs.getByRole("link", { name: "Flags" }).click();
    await page
      .getByRole("searchbox", { name: "Filter flags" })
      .fill("config.file");
    const flags = page.getByRole("table", { name: "Flags" });
    await flags
      .getByRole("rowheader", { name: "--config.file", exact: true })
      .waitFor();
  });

  it("shows configuration keys without effect", async (t) => {
    const page = await open(t, "explore");
    await page.route("**/api/kw/v1/status/warnings", (route) =>
      route.fulfill({
        contentType: "application/json",
        body: '{"status":"success","data":{"warnings":[{"file":"prometheus.yml","line":7,"key":"tracing","message":"is not active yet."}]}}',
      }),
    );
    await page.getByRole("link", { name: "Status" }).click();
    await page.getByText("Configuration keys without effect (1)").waitFor();
    await page.getByText("prometheus.yml:7").waitFor();
  });

  it("copies the configuration", async (t) => {
    const page = await open(t, "status/config");
    await page
      .context()
      .grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.getByRole("region", { name: "Configuration as YAML" }).waitFor();
    await page.getByRole("button", { name: "Copy YAML" }).click();
    await page.getByRole("button", { name: "Copied" }).waitFor();
    assert.match(
      await page.evaluate(() => navigator.clipboard.readText()),
      /scrape_configs:/,
    );
  });
});

describe("Every page", () => {
  it("has no sideways scrolling at 390 px", async (t) => {
    const page = await open(t, "explore", { ...NARROW, tolerate: NOT_FOUND });
    for (const path of PAGES) {
      await go(page, path);
      await page.waitForLoadState("networkidle");
      await assertNoSidewaysScrolling(page);
    }
  });

  it("has its navigation at the bottom at 390 px", async (t) => {
    const page = await open(t, "explore", NARROW);
    const box = await page
      .getByRole("navigation", { name: "Main" })
      .boundingBox();
    assert.ok(box.y > 700, `at ${box.y}`);
    const items = page
      .getByRole("navigation", { name: "Main" })
      .locator("ul a, button:visible");
    for (const item of await items.all()) {
      const { x, width } = await item.boundingBox();
      assert.ok(x >= 0 && x + width <= 390, await item.innerText());
    }
    await page.getByRole("link", { name: "Targets" }).click();
    await page.getByRole("heading", { name: "Targets", level: 1 }).waitFor();
  });

  it("opens the range picker inside the window at 390 px", async (t) => {
    const page = await open(t, "explore?q1=up", NARROW);
    await page.getByRole("button", { name: /^Time range:/ }).click();
    const box = await page
      .getByRole("dialog", { name: "Time range" })
      .boundingBox();
    assert.ok(
      box.x >= 0 && box.x + box.width <= 390 && box.y >= 0,
      JSON.stringify(box),
    );
    await assertNoSidewaysScrolling(page);
  });
});

describe("Themes", () => {
  const background = (page) =>
    page.evaluate(() => getComputedStyle(document.body).backgroundColor);

  it("follow the system, and a choice that is kept", async (t) => {
    const page = await open(t, "targets", { scheme: "dark" });
    const dark = await background(page);
    await page.getByRole("radio", { name: "Light theme" }).click();
    const light = await background(page);
    assert.notEqual(light, dark);
    await page.reload();
    assert.equal(await background(page), light, "kept over a reload");
    await page.getByRole("radio", { name: "Theme of the system" }).click();
    assert.equal(await background(page), dark);
    await page.emulateMedia({ colorScheme: "light" });
    assert.equal(await background(page), light, "follows the system");
  });
});

describe("Paths", () => {
  it("lead somewhere or say that they do not", async (t) => {
    const page = await open(t, "");
    await page.waitForURL(/\/explore$/);
    await page.waitForFunction(() => document.title === "Explore · Kilowatch");
    await page.goto(new URL("config", page.url()).href);
    await page.waitForURL(/\/status\/config$/);
    await page.goto(new URL("nowhere", new URL("./", page.url())).href);
    await page.getByText("There is no page /status/nowhere").waitFor();
  });

  it("work under a prefix", async (t) => {
    const server = await startServer("/plant/kw");
    t.after(() => server.stop());
    const page = await open(t, "explore?q1=vector(1)", {
      base: server.url,
      tolerate: NOT_FOUND,
    });
    await waitForGraph(page);
    assert.equal(
      await page.getByRole("link", { name: "Targets" }).getAttribute("href"),
      "/plant/kw/targets",
    );
    await page.getByRole("link", { name: "Status" }).click();
    await page.waitForURL(/\/plant\/kw\/status$/);
    await page.getByRole("table", { name: "Build" }).waitFor();
    await page.reload();
    await page.getByRole("table", { name: "Build" }).waitFor();
  });
});
