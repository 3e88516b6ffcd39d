// Incidents: the real server's alert opens one; people see, open, move, resolve and close it, by mouse and keyboard.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  assertAccessible,
  assertNoSidewaysScrolling,
  BASE_URL,
  go,
  open,
} from "./ui.mjs";

const IS_KILOWATCH = process.env.KW_WEB_BASE_URL === undefined;
const ONLY_OURS = { skip: IS_KILOWATCH ? false : "needs our incidents" };
const REFUSED = /422/; // the browser's words on a move that the server refuses

const items = (page) =>
  page.getByRole("list", { name: "Incidents" }).getByRole("listitem");
const itemOf = (page, title) =>
  page
    .getByRole("list", { name: "Incidents" })
    .getByRole("heading", { name: new RegExp(title) });

// An incident by the API; resolves to its name.
async function opened(page, title, severity = "SEV2") {
  const answer = await page.request.post(
    new URL("api/kw/v1/incidents", BASE_URL).href,
    { data: { title, severity, services: ["self"], by: "ann" } },
  );
  assert.equal(answer.status(), 200, await answer.text());
  return `INC-${(await answer.json()).data.id}`;
}

describe("Incidents", ONLY_OURS, () => {
  // guide: G092, G104, G108
  it("are opened by an alert, with its timeline", async (t) => {
    const page = await open(t, "incidents");
    await itemOf(page, "TargetDown in gone").waitFor();
    const item = items(page).filter({ hasText: "TargetDown in gone" });
    assert.match(await item.innerText(), /SEV1 Critical/);
    await item.getByRole("link").click();
    await page.getByText("class Service downtime", { exact: true }).waitFor();
    const timeline = page.getByRole("list", { name: "Timeline" });
    await timeline.getByText("TargetDown fires", { exact: true }).waitFor();
    assert.equal(
      await page.locator("[aria-current=step]").textContent(),
      "detection (now)",
    );
    await timeline.getByRole("link", { name: "Explore" }).first().click();
    await page.waitForURL(/explore\?q1=/);
  });

  // guide: G109
  it("are opened by hand, and filtered", async (t) => {
    const page = await open(t, "incidents");
    await page.getByRole("button", { name: "Open an incident" }).click();
    const dialog = page.getByRole("dialog", { name: "Open an incident" });
    await dialog.getByLabel("What is wrong").fill("Customers complain");
    await dialog.getByLabel("Severity").selectOption("SEV4");
    await dialog.getByLabel("Services, separated by commas").fill("shop, api");
    await dialog.getByLabel("Who you are").fill("ann");
    await dialog.getByRole("button", { name: "Open it" }).click();
    await page.getByRole("heading", { name: "Customers complain" }).waitFor();
    await page.getByText("shop, api").first().waitFor();
    await go(page, "incidents?q=customers");
    await itemOf(page, "Customers complain").waitFor();
    assert.equal(
      await items(page).filter({ hasText: "TargetDown" }).count(),
      0,
    );
    await page.getByRole("searchbox").fill("no such incident");
    await page.getByText("No incident passes the filter").waitFor();
  });

  it("go through their phases to a post-mortem", async (t) => {
    const page = await open(t, "incidents", { tolerate: REFUSED });
    const name = await opened(page, "Errors in self");
    await go(page, `incidents/${name}`);
    await page.getByRole("button", { name: "Acknowledge" }).click();
    await page.getByText("assessment (now)").waitFor();
    await page
      .getByRole("textbox", { name: "Comment" })
      .fill("a rollback runs");
    await page.getByRole("button", { name: "Comment" }).click();
    await page
      .getByRole("list", { name: "Timeline" })
      .getByText("a rollback runs")
      .waitFor();
    await page.getByRole("textbox", { name: "Another step" }).fill("Roll back");
    await page.keyboard.press("Enter");
    const step = page.getByRole("checkbox", { name: "Roll back" });
    await step.focus();
    await page.keyboard.press("Space");
    await page.waitForFunction(
      () => document.querySelector("input[type=checkbox]")?.checked,
    );
    await page.getByRole("button", { name: "Change", exact: true }).click();
    const change = page.getByRole("dialog", { name: "Change the incident" });
    await change.getByLabel("Severity").selectOption("SEV1");
    await change.getByLabel("Users affected").fill("1200");
    await change.getByLabel("Whose it is").fill("cleo");
    await change.getByRole("button", { name: "Save" }).click();
    await page.getByText("1,200").waitFor();
    await page.getByText("with cleo").waitFor();
    await page.getByText("SEV1 Critical").waitFor();
    await page.getByLabel("Title").fill("Roll back to 1.4");
    await page.getByLabel("Address").fill("https://example.org/changes/12");
    await page.getByRole("button", { name: "Add link" }).click();
    assert.equal(
      await page
        .getByRole("link", { name: "Roll back to 1.4" })
        .getAttribute("href"),
      "https://example.org/changes/12",
    );
    await page
      .getByRole("textbox", { name: "Expression that must hold" })
      .fill("vector(0)");
    await page.getByRole("button", { name: "Add check" }).click();
    await page.getByText("not checked yet").waitFor();
    for (const phase of ["mitigation", "resolution"]) {
      await page.getByRole("button", { name: `Move to ${phase}` }).click();
      await page.getByText(`${phase} (now)`).waitFor();
    }
    await page.getByRole("button", { name: "Resolve", exact: true }).click();
    const dialog = page.getByRole("dialog", { name: "Resolve the incident" });
    await dialog.getByRole("button", { name: "Resolve the incident" }).click();
    await page.getByText(/check vector\(0\) is not green/).waitFor();
    await page.getByRole("button", { name: "Resolve", exact: true }).click();
    await dialog.getByRole("textbox").fill("the check is wrong");
    await dialog.getByRole("button", { name: "Resolve the incident" }).click();
    await page.getByText("post-mortem (now)").waitFor();
    await page.getByText(/# Post-mortem INC-/).waitFor();
    await page.getByLabel("What is to be done").fill("Mend the check");
    await page.getByLabel("Owner").fill("ben");
    await page.getByLabel("Due").fill("2027-01-31");
    await page.getByLabel("Rule that will verify it").fill("NeverFires");
    await page.getByRole("button", { name: "Add action item" }).click();
    await page
      .getByText(/ben, until 2027-01-31, verified by NeverFires/)
      .waitFor();
    await page.getByText("inactive", { exact: true }).first().waitFor();
    await page.getByRole("button", { name: "Edit" }).click();
    const editor = page.getByRole("textbox", {
      name: "Post-mortem as Markdown",
    });
    await editor.fill("# What we learnt");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("# What we learnt").waitFor();
    await page.getByRole("button", { name: "Close", exact: true }).click();
    const closing = page.getByRole("dialog", { name: "Close the incident" });
    await closing.getByRole("button", { name: "Close the incident" }).click();
    await page.getByText("Closed", { exact: true }).first().waitFor();
  });

  for (const scheme of ["light", "dark"])
    for (const width of [1440, 390])
      it(`pass axe, ${scheme} at ${width} px`, async (t) => {
        const page = await open(t, "incidents", { scheme, width });
        await itemOf(page, "TargetDown in gone").waitFor();
        await assertAccessible(page, "the list");
        await assertNoSidewaysScrolling(page);
        await page.getByRole("button", { name: "Open an incident" }).click();
        await assertAccessible(page, "the dialog");
        await page.keyboard.press("Escape");
        await items(page)
          .filter({ hasText: "TargetDown in gone" })
          .getByRole("link")
          .click();
        await page
          .getByRole("list", { name: "Timeline" })
          .getByText("TargetDown fires", { exact: true })
          .waitFor();
        await assertAccessible(page, "one incident");
        await assertNoSidewaysScrolling(page);
      });
});
