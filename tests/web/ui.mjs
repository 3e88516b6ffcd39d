// What the tests share: a browser per file, a page per test that fails the test on any error it reports, and
// the controls by role and name.
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { AXE_SOURCE, openBrowser } from "./browser.mjs";

export const BASE_URL = process.env.KW_WEB_URL ?? "";

let browser;
before(async () => {
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
});

// A page of its own that fails the test on any error it reports; `tolerate` names the browser's words on
// answers that the test expects to be refused.
export async function open(t, path, options = {}) {
  const {
    base = BASE_URL,
    tolerate = /(?!)/,
    width = 1440,
    height = 900,
    scheme = "light",
  } = options;
  const page = await browser.context.newPage();
  page.setDefaultTimeout(30_000);
  await page.setViewportSize({ width, height });
  await page.emulateMedia({ colorScheme: scheme });
  const problems = [];
  page.on("pageerror", (error) => problems.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error" && !tolerate.test(message.text()))
      problems.push(`console: ${message.text()}`);
  });
  t.after(async () => {
    await page.evaluate(() => localStorage.clear()).catch(() => undefined);
    await page.close();
    assert.deepEqual(problems, []);
  });
  await go(page, path, base);
  return page;
}

// Loads a path and waits until the page of it is there.
export async function go(page, path, base = BASE_URL) {
  await page.goto(new URL(path, base).href);
  await page.getByRole("heading", { level: 1 }).waitFor();
}

export function editorOf(page, letter = "A") {
  return page.getByRole("textbox", { name: `Expression of query ${letter}` });
}

export async function typeQuery(page, text, letter = "A") {
  const editor = editorOf(page, letter);
  await editor.click();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.insertText(text);
  return editor;
}

export const graphOf = (scope) =>
  scope.getByRole("application", { name: /^Graph of/ });

// How many pixels of the page's canvases are of the colour of series 1: something is drawn.
export async function drawnPixels(page) {
  return page.evaluate(() => {
    const canvas = document.querySelector("main canvas");
    if (!(canvas instanceof HTMLCanvasElement) || canvas.width === 0) return 0;
    const probe = document.createElement("span");
    probe.style.color = "var(--series-1)";
    document.body.append(probe);
    const [red = 0, green = 0, blue = 0] = (
      getComputedStyle(probe).color.match(/\d+/g) ?? []
    ).map(Number);
    probe.remove();
    const { data } = canvas
      .getContext("2d")
      .getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let i = 0; i < data.length; i += 4) {
      const near =
        Math.abs(data[i] - red) +
          Math.abs(data[i + 1] - green) +
          Math.abs(data[i + 2] - blue) <
        40;
      if (near && data[i + 3] > 150) count += 1;
    }
    return count;
  });
}

export async function waitForGraph(page) {
  await graphOf(page).first().waitFor();
  await page.waitForFunction(() => {
    const canvas = document.querySelector("main canvas");
    return canvas instanceof HTMLCanvasElement && canvas.width > 0;
  });
}

export async function assertNoSidewaysScrolling(page) {
  const [content, window] = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    innerWidth,
  ]);
  assert.ok(
    content <= window,
    `the page is ${content} px wide in a window of ${window}`,
  );
}

// WCAG 2.2 A and AA by axe.
export async function assertAccessible(page, what) {
  await page.evaluate(AXE_SOURCE);
  const violations = await page.evaluate(async () => {
    const tags = [
      "wcag2a",
      "wcag2aa",
      "wcag21a",
      "wcag21aa",
      "wcag22aa",
      "best-practice",
    ];
    const result = await globalThis.axe.run(document, {
      runOnly: { type: "tag", values: tags },
    });
    return result.violations.flatMap(({ id, help, nodes }) =>
      nodes.map(
        (node) =>
          `${id}: ${help}: ${node.target.join(" ")}: ${node.any.map((each) => each.message).join("; ")}`,
      ),
    );
  });
  assert.deepEqual(violations, [], what);
}
