// Routing and notifications: the tree, a simulation in it, what was sent, a test of a receiver, and why.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { assertAccessible, assertNoSidewaysScrolling, open } from "./ui.mjs";

const ONLY_OURS = {
  skip:
    process.env.KW_WEB_BASE_URL === undefined ? false : "needs our receivers",
};

const sent = (page) =>
  page.getByRole("list", { name: "Notifications" }).getByRole("listitem");

describe("Routing", ONLY_OURS, () => {
  it("shows the tree, and simulates an alert by keyboard", async (t) => {
    const page = await open(t, "alerting/routing");
    const tree = page
      .getByRole("region", { name: "Routes" })
      .getByRole("list", { name: "Routes" });
    await tree.getByText('severity="critical"').waitFor();
    assert.match(await tree.innerText(), /waits 0\.1s/);
    assert.match(await tree.innerText(), /repeats after 4h/);
    assert.equal(await tree.getByText("Matched").count(), 0);
    await page.keyboard.press("/");
    await page.keyboard.insertText('alertname="Disk" severity=critical');
    await page.keyboard.press("Tab");
    await page.getByLabel("Lasts, in hours").fill("1");
    await page.keyboard.press("Enter");
    const told = page.getByRole("region", { name: "Receiver refusing" });
    await told.getByText("Told", { exact: true }).waitFor();
    await told.getByText("webhook[0]").first().waitFor();
    await told.getByText("Told of the end").waitFor();
    await page.getByRole("region", { name: "Receiver on-call" }).waitFor();
    assert.equal(await tree.getByText("Matched").count(), 3);
  });

  it("says what it cannot read", async (t) => {
    const page = await open(t, "alerting/routing");
    await page.getByRole("button", { name: "Simulate" }).click();
    await page.getByText("Write the labels of an alert").waitFor();
    await page.getByLabel("Labels").fill("no label");
    await page.getByRole("button", { name: "Simulate" }).click();
    await page.getByText(/Write labels as name="value"/).waitFor();
  });
});

describe("Notifications", ONLY_OURS, () => {
  it("list what was sent with its answer, and filter it", async (t) => {
    const page = await open(t, "alerting/notifications");
    await sent(page).filter({ hasText: "delivered" }).first().waitFor();
    await page
      .getByRole("combobox", { name: "Outcome" })
      .selectOption("refused");
    await page.waitForURL(/outcome=refused/);
    const refused = sent(page).filter({ hasText: "refusing" }).first();
    await refused.waitFor();
    assert.match(await refused.innerText(), /404|405/);
    await page
      .getByRole("combobox", { name: "Receiver" })
      .selectOption("nobody");
    await page.getByText("Nothing was sent").waitFor();
  });

  it("lead to why, in the link too", async (t) => {
    const page = await open(t, "alerting/notifications");
    await sent(page)
      .filter({ hasText: "delivered" })
      .filter({ hasText: "TargetDown" }) // other tests' alerts are told of too
      .first()
      .getByRole("button", { name: /^Why/ })
      .first()
      .click();
    const dialog = page.getByRole("dialog", { name: /^Why: alert/ });
    await dialog.getByText("TargetDown").first().waitFor();
    await dialog.getByRole("region", { name: "Route to refusing" }).waitFor();
    const life = dialog.getByRole("list", { name: "Life" });
    await life.getByText(/began to hold/).waitFor();
    await life.getByText("delivered").first().waitFor();
    await page.reload();
    await dialog.getByText("TargetDown").first().waitFor();
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    await page.waitForURL((url) => !url.search.includes("alert="));
  });

  it("test a receiver", async (t) => {
    const page = await open(t, "alerting/notifications");
    await page.getByRole("button", { name: "Test on-call" }).click();
    await page.getByText("The test of on-call arrived").waitFor();
    await page.getByRole("button", { name: "Test refusing" }).click();
    await page.getByText("A test of refusing failed").waitFor();
    assert.equal(
      await page.getByRole("button", { name: "Test nobody" }).count(),
      0,
    );
  });

  for (const scheme of ["light", "dark"])
    for (const width of [1440, 390])
      it(`pass axe and fit, ${scheme} at ${width} px`, async (t) => {
        const page = await open(t, "alerting/notifications", { scheme, width });
        await sent(page).first().waitFor();
        await assertAccessible(page, "notifications");
        await assertNoSidewaysScrolling(page);
        await sent(page).getByRole("button", { name: /^Why/ }).first().click();
        await page.getByRole("list", { name: "Life" }).waitFor();
        await assertAccessible(page, "why");
        await assertNoSidewaysScrolling(page);
        await page.keyboard.press("Escape");
        await page.getByRole("link", { name: "Routing" }).click();
        await page
          .getByLabel("Labels")
          .fill('alertname="Disk" severity=critical');
        await page.getByRole("button", { name: "Simulate" }).click();
        await page.getByRole("region", { name: "Receiver on-call" }).waitFor();
        await assertAccessible(page, "routing");
        await assertNoSidewaysScrolling(page);
      });
});
