// Keyboard alone, and what axe finds.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  assertAccessible,
  editorOf,
  go,
  graphOf,
  open,
  waitForGraph,
} from "./ui.mjs";

const focusedName = (page) =>
  page.evaluate(() => {
    const element = document.activeElement;
    return element?.getAttribute("aria-label") ?? element?.textContent ?? "";
  });

describe("Keyboard", () => {
  it("writes, runs and reads a graph without a pointer", async (t) => {
    // Steps of a second: with the 15 s of an hour, a server that has just started may have no point yet.
    const page = await open(t, "explore?from=now-5m");
    await editorOf(page).waitFor();
    await page.keyboard.press("/");
    assert.equal(await focusedName(page), "Expression of query A");
    await page.keyboard.type("up");
    await page.keyboard.press("Escape");
    await page.keyboard.press("Control+Enter");
    await waitForGraph(page);
    const graph = graphOf(page);
    for (
      let i = 0;
      i < 20 && !/^Graph of/.test(await focusedName(page));
      i += 1
    )
      await page.keyboard.press("Tab");
    assert.match(await focusedName(page), /^Graph of query A/i);
    await page.keyboard.press("End");
    const spoken = graph.locator("[aria-live]");
    assert.match(await spoken.innerText(), /\d\d:\d\d:\d\d: up\{.*\}: /);
    const before = await spoken.innerText();
    await page.keyboard.press("ArrowDown");
    assert.notEqual(await spoken.innerText(), before, "another series");
    await page.keyboard.press("-");
    await page.waitForURL(/from=\d{4}-/);
  });

  it("leaves the editor with Tab and moves in the legend with arrows", async (t) => {
    const page = await open(t, "explore?q1=up&from=now-5m&to=now");
    await waitForGraph(page);
    await editorOf(page).focus();
    await page.keyboard.press("Tab");
    assert.notEqual(await focusedName(page), "Expression of query A");
    const rows = page
      .getByRole("region", { name: "Legend" })
      .locator("tbody")
      .getByRole("button");
    await rows.first().focus();
    await page.keyboard.press("ArrowDown");
    assert.equal(
      await rows
        .nth(1)
        .evaluate((element) => element === document.activeElement),
      true,
    );
    await page.keyboard.press("Space");
    assert.equal(await rows.nth(1).getAttribute("aria-pressed"), "false");
  });

  it("goes to pages, explains itself, and skips the navigation", async (t) => {
    const page = await open(t, "explore");
    await page.getByRole("heading", { name: "Explore", level: 1 }).waitFor();
    await page.keyboard.press("g");
    await page.keyboard.press("t");
    await page.getByRole("heading", { name: "Targets", level: 1 }).waitFor();
    assert.equal(await page.evaluate(() => document.activeElement?.id), "main");
    await page.keyboard.press("?");
    const dialog = page.getByRole("dialog", { name: "Keyboard shortcuts" });
    await dialog.waitFor();
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    await page.reload();
    await page.getByRole("heading", { name: "Targets", level: 1 }).waitFor();
    await page.keyboard.press("Tab");
    assert.equal(await focusedName(page), "Skip to content");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement?.id), "main");
  });

  it("opens and closes the range picker and gives the focus back", async (t) => {
    const page = await open(t, "explore?q1=up");
    const button = page.getByRole("button", { name: /^Time range:/ });
    await button.focus();
    await page.keyboard.press("Enter");
    await page.getByRole("dialog", { name: "Time range" }).waitFor();
    await page.keyboard.press("Escape");
    await page
      .getByRole("dialog", { name: "Time range" })
      .waitFor({ state: "detached" });
    assert.equal(
      await button.evaluate((element) => element === document.activeElement),
      true,
    );
  });
});

const PAGES = [
  "explore",
  "explore?q1=up&q2=up&q2.tab=table&layout=side",
  "incidents",
  "targets",
  "status",
  "status/tsdb",
  "status/config",
  "status/flags",
];

for (const [name, view] of [
  ["light and wide", { scheme: "light" }],
  ["dark and narrow", { scheme: "dark", width: 390, height: 844 }],
]) {
  describe(`Accessibility, ${name}`, () => {
    it("of every page", async (t) => {
      const page = await open(t, "explore", { ...view, tolerate: /404/ });
      for (const path of PAGES) {
        await go(page, path);
        await page.waitForLoadState("networkidle");
        await assertAccessible(page, path);
      }
    });

    it("of what opens", async (t) => {
      const page = await open(t, "explore?q1=up", view);
      await page.getByRole("button", { name: /^Time range:/ }).click();
      await assertAccessible(page, "range picker");
      await page.keyboard.press("Escape");
      await page.getByRole("button", { name: /^Step:/ }).focus();
      await page.keyboard.press("?");
      await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
      await assertAccessible(page, "shortcuts");
    });
  });
}
