// The audit: what was changed by whom, filtered and opened.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  assertAccessible,
  assertNoSidewaysScrolling,
  BASE_URL,
  open,
} from "./ui.mjs";

const ONLY_OURS = {
  skip:
    process.env.KW_WEB_BASE_URL === undefined ? false : "changes the server",
};

const changes = (page) =>
  page.getByRole("list", { name: "Changes" }).getByRole("listitem");

async function silence(comment, by) {
  const startsAt = new Date().toISOString();
  const endsAt = new Date(Date.now() + 3_600_000).toISOString();
  const matchers = [{ name: "audited", value: by, isRegex: false }];
  const answer = await fetch(new URL("api/v2/silences", BASE_URL), {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      matchers,
      startsAt,
      endsAt,
      comment,
      createdBy: by,
    }),
  });
  assert.equal(answer.status, 200);
  return (await answer.json()).silenceID;
}

describe("Audit", ONLY_OURS, () => {
  it("lists who did what, with what it was before and after", async (t) => {
    const id = await silence("works on the audit", "ada");
    const removed = await fetch(new URL(`api/v2/silence/${id}`, BASE_URL), {
      method: "DELETE",
    });
    assert.equal(removed.status, 200);
    const page = await open(t, "audit");
    await page.getByLabel("Object").fill(id);
    await page.getByRole("button", { name: "Filter" }).click();
    await page.waitForURL(/object=/);
    await page.waitForFunction(
      () =>
        document.querySelectorAll('[aria-label="Changes"] > li').length === 2,
    );
    const ended = changes(page).first();
    assert.match(await ended.innerText(), /change\s+silence/);
    const made = changes(page).nth(1);
    assert.match(await made.innerText(), /create\s+silence/);
    assert.match(await made.innerText(), /by ada, from api/);
    await made.getByText(/changes$/).click();
    await made.getByText("works on the audit").waitFor();
    // The filter is in the link; what nothing passes says so.
    await page.reload();
    await changes(page).nth(1).waitFor();
    await page.getByLabel("Who").fill("nobody at all");
    await page.keyboard.press("Enter");
    await page.getByText("No change passes the filter").waitFor();
  });

  it("turns pages", async (t) => {
    for (let i = 0; i < 51; i += 1) await silence(`page ${i}`, "paul");
    const page = await open(t, "audit?actor=paul");
    await page.getByRole("button", { name: "Older" }).click();
    await page.waitForURL(/before=/);
    await page.waitForFunction(
      () =>
        document.querySelectorAll('[aria-label="Changes"] > li').length === 1,
    );
    await page.getByRole("button", { name: "Newest" }).click();
    await page.waitForFunction(
      () =>
        document.querySelectorAll('[aria-label="Changes"] > li').length === 50,
    );
  });

  it("is reached from the navigation, narrow and dark too", async (t) => {
    await silence("narrow", "nina");
    const page = await open(t, "explore", {
      width: 390,
      height: 844,
      scheme: "dark",
    });
    await page.getByRole("link", { name: "Audit" }).click();
    await page.getByRole("heading", { name: "Audit", level: 1 }).waitFor();
    await changes(page).first().waitFor();
    await changes(page)
      .first()
      .getByText(/changes?$/)
      .click();
    await assertNoSidewaysScrolling(page);
    await assertAccessible(page, "dark and narrow");
    await page.emulateMedia({ colorScheme: "light" });
    await assertAccessible(page, "light and narrow");
  });
});
