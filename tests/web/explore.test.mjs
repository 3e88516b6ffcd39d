// Explore: write, see, complete, mend, link, compare.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  assertNoSidewaysScrolling,
  drawnPixels,
  editorOf,
  go,
  graphOf,
  open,
  typeQuery,
  waitForGraph,
} from "./ui.mjs";

// Two series that lie apart, whatever the server holds.
const TWO_LINES =
  'label_replace(vector(1), "n", "1", "", "") or label_replace(vector(2), "n", "2", "", "")';
const REFUSED = /status of 4\d\d/; // the browser's own words on an answer that we expect

describe("Explore", () => {
  // guide: G005
  it("draws the graph of an expression", async (t) => {
    const page = await open(t, "explore");
    await typeQuery(page, "rate(process_cpu_seconds_total[1m])");
    await page.getByRole("button", { name: "Run" }).click();
    await waitForGraph(page);
    assert.match(
      await page
        .getByText(/[\d,]+ series · [\d,]+ ms/)
        .first()
        .innerText(),
      /^[1-9]/,
    );
    assert.match(page.url(), /q1=rate/);
    const legend = page.getByRole("region", { name: "Legend" });
    assert.ok(
      (await legend.getByRole("button", { pressed: true }).count()) > 0,
    );
  });

  it("names the series under the pointer, with its value", async (t) => {
    const page = await open(t, "explore?q1=up&from=now-5m&to=now");
    await waitForGraph(page);
    const box = await graphOf(page).boundingBox();
    await page.mouse.move(box.x + box.width - 40, box.y + box.height / 2);
    const tooltip = page.getByTestId("tooltip");
    await tooltip.waitFor();
    assert.match(
      await tooltip.innerText(),
      /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\s+(0|1)\s+up\{/,
    );
  });

  it("hides and shows series", async (t) => {
    const page = await open(
      t,
      `explore?q1=${encodeURIComponent(TWO_LINES)}&from=now-5m&to=now`,
    );
    await waitForGraph(page);
    const first = page
      .getByRole("region", { name: "Legend" })
      .locator("tbody")
      .getByRole("button")
      .first();
    const before = await drawnPixels(page);
    assert.ok(before > 0, "series 1 is drawn");
    await first.click();
    assert.equal(await first.getAttribute("aria-pressed"), "false");
    await page.mouse.move(0, 0);
    await page.waitForTimeout(50);
    assert.ok((await drawnPixels(page)) < before, "series 1 is gone");
    await first.click({ modifiers: ["Control"] });
    const pressed = page
      .getByRole("region", { name: "Legend" })
      .getByRole("button", { pressed: true });
    assert.equal(await pressed.count(), 1);
  });

  it("zooms by dragging, and back goes back", async (t) => {
    const page = await open(t, "explore?q1=up&from=now-30m&to=now");
    await waitForGraph(page);
    const box = await graphOf(page).boundingBox();
    await page.mouse.move(box.x + box.width * 0.5, box.y + 60);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.8, box.y + 60, { steps: 4 });
    await page.mouse.up();
    await page.waitForURL(/from=\d{4}-/);
    await page.goBack();
    await page.waitForURL(/from=now-30m/);
    await page
      .getByRole("button", { name: /^Time range: Last 30 minutes/ })
      .waitFor();
  });

  it("completes a metric name from the server", async (t) => {
    const page = await open(t, "explore");
    const editor = editorOf(page);
    await editor.click();
    await page.keyboard.type("process_resident_mem", { delay: 20 });
    const option = page.getByRole("option", {
      name: /process_resident_memory_bytes/,
    });
    await option.waitFor();
    // CodeMirror takes no key for the list in its first 75 ms, so that nobody accepts what just popped up.
    await page.waitForTimeout(200);
    await page.keyboard.press("Tab");
    assert.match(await editor.innerText(), /process_resident_memory_bytes/);
  });

  it("completes label names and functions", async (t) => {
    const page = await open(t, "explore");
    const editor = editorOf(page);
    await editor.click();
    await page.keyboard.type("up{jo", { delay: 20 });
    await page.getByRole("option", { name: /^job/ }).waitFor();
    await page.keyboard.press("Escape");
    await page.keyboard.press("ControlOrMeta+a");
    await page.keyboard.type("histogram_quan", { delay: 20 });
    await page
      .getByRole("option", { name: /histogram_quantile/ })
      .first()
      .waitFor();
  });

  it("finds a metric by its meaning and asks for it", async (t) => {
    const page = await open(t, "explore");
    await page.getByRole("button", { name: "Browse metrics" }).click();
    const dialog = page.getByRole("dialog", { name: "Metrics" });
    await dialog
      .getByRole("searchbox", { name: "Search metrics" })
      .fill("process_cpu counter");
    await dialog
      .getByRole("button", { name: /^process_cpu_seconds_total/ })
      .click();
    await dialog.waitFor({ state: "detached" });
    await waitForGraph(page);
    assert.match(
      await editorOf(page).innerText(),
      /^rate\(process_cpu_seconds_total\[5m\]\)/,
    );
    await page.getByText(/process_cpu_seconds_total · counter · /).waitFor();
  });

  it("marks where the error is", async (t) => {
    const page = await open(t, "explore", { tolerate: REFUSED });
    await typeQuery(page, "sum(up)\n  by by (job)");
    await page.keyboard.press("Shift+Enter");
    const alert = page.getByRole("alert").filter({ hasText: /parse error/ });
    await alert.waitFor();
    const locate = alert.getByRole("button", { name: /^Line 2, column \d+$/ });
    await locate.click();
    assert.equal(
      await page.locator(".kw-error-mark, .kw-error-end").count(),
      1,
    );
    assert.equal(
      await editorOf(page).evaluate(
        (element) => element === document.activeElement,
      ),
      true,
    );
  });

  it("formats an expression, or says why not", async (t) => {
    const page = await open(t, "explore", { tolerate: REFUSED });
    await typeQuery(page, "sum(rate(process_cpu_seconds_total [5m]))by(job)");
    await page.getByRole("button", { name: "Format expression" }).click();
    await page.waitForFunction(() =>
      document
        .querySelector(".cm-content")
        ?.textContent?.includes("sum by (job)"),
    );
    await typeQuery(page, "sum(");
    await page.getByRole("button", { name: "Format expression" }).click();
    await page
      .getByRole("alert")
      .filter({ hasText: "cannot be formatted" })
      .waitFor();
  });

  it("restores the view of a link", async (t) => {
    const link =
      "explore?q1=up&q1.title=Who+answers&q1.tab=table&q2=process_resident_memory_bytes&q2.stack=1&q2.unit=none" +
      "&q3=down&q3.off=1&from=now-15m&to=now&step=30s&refresh=1m&tz=utc&layout=side";
    const page = await open(t, link);
    const panel = page.getByRole("region", { name: "Who answers" });
    await panel.getByRole("table").waitFor();
    assert.equal(
      await panel
        .getByRole("radio", { name: "Table" })
        .getAttribute("aria-checked"),
      "true",
    );
    await page
      .getByRole("button", { name: "Time range: Last 15 minutes UTC" })
      .waitFor();
    await page.getByRole("button", { name: "Step: Step: 30s" }).waitFor();
    assert.equal(await page.getByLabel("Refresh").inputValue(), "1m");
    assert.equal(
      await page
        .getByRole("radio", { name: "Side by side" })
        .getAttribute("aria-checked"),
      "true",
    );
    const second = page.getByRole("region", { name: "Query B" });
    await graphOf(second).waitFor();
    assert.equal(
      await second.getByRole("checkbox", { name: "Stacked" }).isChecked(),
      true,
    );
    assert.equal(await second.getByLabel("Unit").inputValue(), "none");
    const third = page.getByRole("region", { name: "Query C" });
    await third.getByRole("button", { name: "Enable query" }).waitFor();
    assert.equal(await third.getByRole("radio", { name: "Graph" }).count(), 0);
  });

  it("reads links of Prometheus' pages", async (t) => {
    for (const path of ["graph", "query"]) {
      const page = await open(
        t,
        `${path}?g0.expr=up&g0.tab=0&g0.range_input=2h&g0.step_input=30`,
      );
      await page.waitForURL(/\/explore\?q1=up/);
      await waitForGraph(page);
      await page
        .getByRole("button", { name: /^Time range: Last 2 hours/ })
        .waitFor();
    }
  });

  it("shows two queries side by side, adds, duplicates, disables and removes", async (t) => {
    const page = await open(
      t,
      "explore?q1=up&q2=process_resident_memory_bytes&layout=side&from=now-5m&to=now",
    );
    await graphOf(page).nth(1).waitFor();
    const [left, right] = [
      await graphOf(page).nth(0).boundingBox(),
      await graphOf(page).nth(1).boundingBox(),
    ];
    assert.ok(
      Math.abs(left.y - right.y) < 60 && right.x > left.x + left.width,
      "they stand beside each other",
    );
    await assertNoSidewaysScrolling(page);

    await page.getByRole("button", { name: "Add query" }).click();
    await page.getByRole("region", { name: "Query C" }).waitFor();
    await page
      .getByRole("region", { name: "Query A" })
      .getByRole("button", { name: "Duplicate query" })
      .click();
    assert.match(await editorOf(page, "B").innerText(), /^up/);
    assert.match(await editorOf(page, "C").innerText(), /^process_resident/);
    await page
      .getByRole("region", { name: "Query B" })
      .getByRole("button", { name: "Disable query" })
      .click();
    await page
      .getByRole("region", { name: "Query B" })
      .getByRole("button", { name: "Enable query" })
      .waitFor();
    await page
      .getByRole("region", { name: "Query A" })
      .getByRole("button", { name: "Remove query" })
      .click();
    await page
      .getByRole("region", { name: "Query A" })
      .getByRole("button", { name: "Enable query" })
      .waitFor();
    assert.match(await editorOf(page, "B").innerText(), /^process_resident/);
  });

  it("keeps what was typed in one query when another is removed", async (t) => {
    const page = await open(t, "explore?q1=up&q2=up");
    await typeQuery(page, "typed_and_not_run", "B");
    await page
      .getByRole("region", { name: "Query A" })
      .getByRole("button", { name: "Remove query" })
      .click();
    await page
      .getByRole("region", { name: "Query B" })
      .waitFor({ state: "detached" });
    assert.match(await editorOf(page, "A").innerText(), /typed_and_not_run/);
  });

  // guide: G035, P01
  it("splits pasted text into titled queries", async (t) => {
    const page = await open(t, "explore");
    const text =
      '# CPU Usage\nrate(process_cpu_seconds_total[5m])\n\n# Who answers\nup{job!="#"}\nprocess_resident_memory_bytes\n';
    await editorOf(page).click();
    await page.evaluate((pasted) => {
      const data = new DataTransfer();
      data.setData("text/plain", pasted);
      document.activeElement.dispatchEvent(
        new ClipboardEvent("paste", {
          clipboardData: data,
          bubbles: true,
          cancelable: true,
        }),
      );
    }, text);
    await page.getByRole("region", { name: "CPU Usage" }).waitFor();
    await page
      .getByRole("region", { name: "Who answers", exact: true })
      .waitFor();
    await page.getByRole("region", { name: "Who answers (2)" }).waitFor();
    assert.match(await editorOf(page, "B").innerText(), /up\{job!="#"\}/);
    await graphOf(page).nth(2).waitFor();
  });

  it("shows the instant answer as a table that sorts", async (t) => {
    const page = await open(t, "explore?q1=up&q1.tab=table");
    const table = page.getByRole("table");
    await table.waitFor();
    await table
      .getByRole("columnheader", { name: "value" })
      .getByRole("button")
      .click();
    assert.equal(
      await table
        .getByRole("columnheader", { name: /value/ })
        .getAttribute("aria-sort"),
      "descending",
    );
    const values = await table
      .locator("tbody tr td:last-child")
      .allInnerTexts();
    assert.deepEqual(values, values.toSorted().toReversed());
  });

  it("stays alive with thousands of series and says what it draws", async (t) => {
    const many = JSON.stringify(
      Array.from({ length: 3000 }, (_, i) => ({
        metric: { __name__: "many", i: String(i) },
        values: Array.from({ length: 100 }, (__, j) => [
          1_700_000_000 + j * 15,
          String(i + j),
        ]),
      })),
    );
    const page = await open(t, "explore");
    await page.route("**/api/v1/query_range", (route) =>
      route.fulfill({
        contentType: "application/json",
        body: `{"status":"success","data":{"resultType":"matrix","result":${many}}}`,
      }),
    );
    await go(page, "explore?q1=many&from=1700000000&to=1700001485&step=15s");
    await waitForGraph(page);
    await page
      .getByText("Drawn are the 100 series with the highest peaks of 3,000.")
      .waitFor();
    await page.getByTitle("300,000 samples").waitFor();
    const before = Date.now();
    await page.getByRole("button", { name: "Draw 1,000" }).click();
    await page
      .getByText("Drawn are the 1,000 series with the highest peaks of 3,000.")
      .waitFor();
    assert.ok(
      Date.now() - before < 5000,
      "the page answers within five seconds",
    );
  });

  it("stops a running query", async (t) => {
    const page = await open(t, "explore");
    await page.route("**/api/v1/query_range", () => undefined); // never answers
    await typeQuery(page, "up");
    await page.keyboard.press("Control+Enter");
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByText("Stopped").waitFor();
    await page.getByRole("button", { name: "Run" }).waitFor();
  });

  it("shows warnings, infos and an unreachable server", async (t) => {
    const page = await open(t, "explore", { tolerate: /ERR_FAILED/ });
    await page.route("**/api/v1/query_range", (route) =>
      route.fulfill({
        contentType: "application/json",
        body: '{"status":"success","data":{"resultType":"matrix","result":[]},"warnings":["half is missing"],"infos":["not a counter"]}',
      }),
    );
    await typeQuery(page, "up");
    await page.keyboard.press("Control+Enter");
    await page.getByText("half is missing").waitFor();
    await page.getByText("not a counter").waitFor();
    await page.getByText("No series match in this range").waitFor();
    await page.unroute("**/api/v1/query_range");
    await page.route("**/api/v1/query_range", (route) => route.abort());
    await page.getByRole("button", { name: "Run" }).click();
    await page
      .getByRole("alert")
      .filter({ hasText: "cannot be reached" })
      .waitFor();
  });

  it("chooses a range, absolute and relative", async (t) => {
    const page = await open(t, "explore?q1=up");
    await page.getByRole("button", { name: /^Time range:/ }).click();
    await page.getByRole("button", { name: "Last 15 minutes" }).click();
    await page.waitForURL(/from=now-15m/);
    await page.getByRole("button", { name: /^Time range:/ }).click();
    const dialog = page.getByRole("dialog", { name: "Time range" });
    await dialog.getByRole("radio", { name: "UTC" }).click();
    await dialog.getByLabel("From").fill("2026-01-01 00:00:00");
    await dialog.getByLabel("To").fill("2025-01-01 00:00:00");
    await dialog.getByRole("button", { name: "Apply" }).click();
    await dialog.getByText("The start must be before the end.").waitFor();
    await dialog.getByLabel("To").fill("2026-01-02 00:00:00");
    await dialog.getByRole("button", { name: "Apply" }).click();
    await page.waitForURL(/from=2026-01-01T00%3A00%3A00.000Z/);
    assert.match(page.url(), /tz=utc/);
  });
});
