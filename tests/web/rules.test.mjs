// Rules written on the page: a group is made, changed, removed; one of a file is only shown; backfill.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { assertAccessible, assertNoSidewaysScrolling, open } from "./ui.mjs";

const ONLY_OURS = {
  skip: process.env.KW_WEB_BASE_URL === undefined ? false : "needs our rules",
};
// The editor asks whether a text is good: the browser tells of every answer that it is not.
const REFUSED = { tolerate: /400 \(Bad Request\)/ };

const rulesOf = (page, group) =>
  page.getByRole("list", { name: `Rules of ${group}` });
const textOf = (dialog) => dialog.getByRole("textbox", { name: /^Text/ });

async function newGroup(page, name, text) {
  await page.getByRole("button", { name: "New group" }).click();
  const dialog = page.getByRole("dialog", { name: "New rule group" });
  await dialog.getByRole("textbox", { name: "Name" }).fill(name);
  await textOf(dialog).fill(text);
  return dialog;
}

async function removeGroup(page, name) {
  await page
    .getByRole("button", { name: `Change the group ${name}`, exact: true })
    .click();
  const dialog = page.getByRole("dialog", { name: `Change ${name}` });
  await dialog.getByRole("button", { name: "Remove…" }).click();
  await dialog.getByRole("button", { name: "Remove it for good" }).click();
  await dialog.waitFor({ state: "detached" });
  await rulesOf(page, name).waitFor({ state: "detached" });
}

describe("The rule editor", ONLY_OURS, () => {
  it("makes, changes and removes a group, and says what is wrong where", async (t) => {
    const page = await open(t, "alerting/rules", REFUSED);
    const dialog = await newGroup(
      page,
      "shop/eu",
      "interval: 1s\nrules:\n- record: shop:up\n  expr: sum(up\n",
    );
    const state = dialog.getByRole("status").first();
    await state.getByText("unclosed left parenthesis").waitFor();
    assert.match(await state.innerText(), /rules\[0\]\.expr/);
    const make = dialog.getByRole("button", { name: "Make the group" });
    assert.equal(await make.isDisabled(), true);
    await dialog.getByRole("button", { name: "Line 4" }).click();
    assert.equal(
      await textOf(dialog).evaluate((area) =>
        area.value.slice(area.selectionStart, area.selectionEnd),
      ),
      "  expr: sum(up",
    );
    await page.keyboard.press("End");
    await page.keyboard.type(")");
    await state.getByText("Good: 1 rule").waitFor();
    await dialog
      .getByRole("heading", { name: "shop:up now: 1 series" })
      .waitFor();
    await make.click();
    await dialog.waitFor({ state: "detached" });
    await rulesOf(page, "shop/eu").getByText("sum(up)").waitFor();
    await page.getByText("Through the API or this page").waitFor();

    await page
      .getByRole("button", { name: "Change the group shop/eu" })
      .click();
    const change = page.getByRole("dialog", { name: "Change shop/eu" });
    assert.equal(
      await textOf(change).inputValue(),
      "interval: 1s\nrules:\n- record: shop:up\n  expr: sum(up)\n",
    );
    await textOf(change).fill(
      "rules:\n- record: shop:up\n  expr: count(up)\n- alert: TargetDown\n  expr: up == 0\n",
    );
    // That the name stands elsewhere too is worth a note, and no error.
    await change.getByText("Note: line 4: TargetDown stands in").waitFor();
    await change.getByRole("button", { name: "Save" }).click();
    await change.waitFor({ state: "detached" });
    await rulesOf(page, "shop/eu").getByText("count(up)").waitFor();
    await removeGroup(page, "shop/eu");
  });

  it("is used with the keyboard alone", async (t) => {
    const page = await open(t, "alerting/rules", REFUSED);
    await page.getByRole("button", { name: "New group" }).focus();
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog", { name: "New rule group" });
    await dialog.waitFor();
    await page.keyboard.press("Tab");
    await page.keyboard.type("keys");
    await dialog.getByText("Good: 1 rule").waitFor();
    await page.keyboard.press("Enter");
    await dialog.waitFor({ state: "detached" });
    await rulesOf(page, "keys").waitFor();
    const change = page.getByRole("button", { name: "Change the group keys" });
    await change.focus();
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await removeGroup(page, "keys");
  });

  it("shows a group of a file and does not change it", async (t) => {
    const page = await open(t, "alerting/rules");
    await page
      .getByRole("button", { name: "View the group availability" })
      .click();
    const dialog = page.getByRole("dialog", {
      name: "Rule group availability",
    });
    await dialog.getByText(/It stands in .*rules\.yml/).waitFor();
    assert.match(await textOf(dialog).inputValue(), /- alert: TargetDown/);
    assert.equal(await textOf(dialog).isEditable(), false);
    for (const name of ["Save", "Remove…"])
      assert.equal(await dialog.getByRole("button", { name }).count(), 0);
  });

  it("backfills a group and shows how far it is", async (t) => {
    const page = await open(t, "alerting/rules", REFUSED);
    const dialog = await newGroup(
      page,
      "past",
      "interval: 10s\nrules:\n- record: past:one\n  expr: vector(1)\n",
    );
    await dialog.getByText("Good: 1 rule").waitFor();
    await dialog.getByRole("button", { name: "Make the group" }).click();
    await dialog.waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Backfill the group past" }).click();
    const fill = page.getByRole("dialog", { name: "Backfill past" });
    await fill.getByLabel("Rules").selectOption("past:one");
    const until = await fill.getByLabel("Until").inputValue();
    await fill.getByLabel("Until").fill("");
    await fill.getByRole("button", { name: "Backfill", exact: true }).click();
    await fill.getByText("Say from when until when.").waitFor();
    await fill.getByLabel("Until").fill(until);
    await fill.getByRole("button", { name: "Backfill", exact: true }).click();
    await fill.waitFor({ state: "detached" });
    const job = page
      .getByRole("region", { name: "Backfills" })
      .getByRole("listitem")
      .filter({ hasText: "past" });
    await job.getByText("Done", { exact: true }).waitFor();
    assert.match(await job.innerText(), /8,64\d samples written/);
    await removeGroup(page, "past");
  });

  for (const scheme of ["light", "dark"]) {
    for (const width of [1440, 390]) {
      it(`fits and is accessible in ${scheme} at ${width} px`, async (t) => {
        const page = await open(t, "alerting/rules", {
          ...REFUSED,
          scheme,
          width,
        });
        const dialog = await newGroup(
          page,
          `look ${scheme} ${width}`,
          "rules:\n- record: a:very:long:name:of:a:series:that:is:recorded\n  expr: sum by (job, instance) (rate(process_cpu_seconds_total[5m]))\n- alert: A\n  expr: up ==\n",
        );
        await dialog.getByRole("button", { name: "Line 5" }).waitFor();
        await assertNoSidewaysScrolling(page);
        await assertAccessible(page, "with an error");
        await textOf(dialog).fill("rules:\n- record: a\n  expr: up\n");
        await dialog.getByText("Good: 1 rule").waitFor();
        await dialog
          .getByRole("heading", { name: /^a now: \d+ series/ })
          .waitFor();
        await assertAccessible(page, "with a preview");
        if (process.env.KW_WEB_SHOTS !== undefined)
          await page.screenshot({
            path: `${process.env.KW_WEB_SHOTS}/rules-${scheme}-${width}.png`,
          });
        await page.keyboard.press("Escape");
        await assertAccessible(page, "the page");
        await assertNoSidewaysScrolling(page);
        if (process.env.KW_WEB_SHOTS !== undefined)
          await page.screenshot({
            path: `${process.env.KW_WEB_SHOTS}/page-${scheme}-${width}.png`,
          });
      });
    }
  }
});
