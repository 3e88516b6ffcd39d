// Alerting: rules and alerts of the real server; silences against Alertmanager's API, which the test answers.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  assertAccessible,
  assertNoSidewaysScrolling,
  BASE_URL,
  go,
  open,
  waitForGraph,
} from "./ui.mjs";

const IS_KILOWATCH = process.env.KW_WEB_BASE_URL === undefined;
const NOT_FOUND = /404/; // a server that does not notify
const ONLY_OURS = { skip: IS_KILOWATCH ? false : "needs our rules" };

const rulesOf = (page, group) =>
  page.getByRole("list", { name: `Rules of ${group}` });
const ruleOf = (page, group, name) =>
  rulesOf(page, group)
    .getByRole("listitem")
    .filter({ has: page.getByRole("heading", { name, exact: true }) });

// Alertmanager's API as a table of silences; every request that changes something is in `sent`.
async function notifying(page, { refuse } = {}) {
  const sent = [];
  const silences = [];
  const status = (silence) =>
    Date.parse(silence.endsAt) <= Date.now()
      ? "expired"
      : Date.parse(silence.startsAt) > Date.now() + 5000
        ? "pending"
        : "active";
  // What the server's own rules fire, as a notifier has it: with external labels. One more is of another server.
  const answer = await page.request.get(
    new URL("api/v1/alerts", BASE_URL).href,
  );
  const { data } = await answer.json();
  const other = { alertname: "TargetDown", job: "db", severity: "critical" };
  const alerts = [
    ...data.alerts.filter(({ state }) => state === "firing"),
    { labels: other },
  ].map(({ labels }) => ({
    labels: { ...labels, cluster: "test" },
    annotations: {},
    startsAt: "2026-01-01T00:00:00Z",
    endsAt: "2026-01-02T00:00:00Z",
    updatedAt: "2026-01-01T00:00:00Z",
    fingerprint: `f-${labels.job}`,
    receivers: [{ name: "on-call" }],
  }));
  const json = (route, body, code = 200) =>
    route.fulfill({
      status: code,
      contentType: "application/json",
      body: JSON.stringify(body),
    });
  await page.route("**/api/v2/**", async (route) => {
    const request = route.request();
    const path = new URL(request.url()).pathname.replace(/.*\/api\/v2/, "");
    if (path === "/alerts") {
      const withStatus = alerts.map((alert) => {
        const by = silences.filter(
          (silence) =>
            status(silence) === "active" &&
            silence.matchers.every(
              ({ name, value }) => alert.labels[name] === value,
            ),
        );
        return {
          ...alert,
          status: {
            state: by.length > 0 ? "suppressed" : "active",
            silencedBy: by.map(({ id }) => id),
            inhibitedBy: [],
            mutedBy: [],
          },
        };
      });
      return json(route, withStatus);
    }
    if (path === "/silences" && request.method() === "POST") {
      const body = request.postDataJSON();
      sent.push({ method: "POST", body });
      if (refuse !== undefined) return json(route, refuse, 400);
      const at = silences.findIndex(({ id }) => id === body.id);
      const id = body.id ?? `s${silences.length + 1}`;
      const kept = { ...body, id, updatedAt: body.startsAt };
      if (at >= 0) silences[at] = kept;
      else silences.push(kept);
      return json(route, { silenceID: id });
    }
    if (path === "/silences")
      return json(
        route,
        silences.map((silence) => ({
          ...silence,
          status: { state: status(silence) },
        })),
      );
    if (request.method() === "DELETE") {
      const id = path.split("/").pop();
      sent.push({ method: "DELETE", id });
      silences.find((each) => each.id === id).endsAt = new Date().toISOString();
      return route.fulfill({ status: 200, body: "" });
    }
    return json(route, "not found", 404);
  });
  return sent;
}

describe("Rules", ONLY_OURS, () => {
  it("show state, expression, alerts, errors and the last evaluation", async (t) => {
    const page = await open(t, "alerting/rules");
    const down = ruleOf(page, "availability", "TargetDown");
    await down.getByText("Firing", { exact: true }).first().waitFor();
    assert.match(await down.innerText(), /up\{job="gone"\} == 0/);
    assert.match(await down.innerText(), /severity="critical"/);
    assert.match(await down.innerText(), /evaluated .*took/s);
    assert.equal(
      await down.getByRole("link", { name: /^https/ }).getAttribute("href"),
      "https://example.org/runbooks/target-down",
    );
    await down.getByText("1 alert", { exact: true }).click();
    await down.getByRole("table").getByText('"gone"').waitFor();
    const soon = ruleOf(page, "availability", "SoonFull");
    await soon.getByText("Pending", { exact: true }).first().waitFor();
    assert.match(await soon.innerText(), /for 1h/);
    const never = ruleOf(page, "availability", "NeverFires");
    await never.getByText("Inactive", { exact: true }).waitFor();
    assert.match(await never.innerText(), /for 1m 30s/);
    const broken = ruleOf(page, "recorded", "job:broken");
    assert.match(
      await broken.getByRole("alert").innerText(),
      /many-to-many|matching/,
    );
  });

  it("are filtered by text and state, in the link too", async (t) => {
    const page = await open(t, "alerting/rules");
    await rulesOf(page, "recorded").waitFor();
    await page.getByRole("radio", { name: "Failing" }).click();
    assert.match(page.url(), /state=failing/);
    await ruleOf(page, "recorded", "job:broken").waitFor();
    assert.equal(await rulesOf(page, "availability").count(), 0);
    await page.getByRole("radio", { name: "All", exact: true }).click();
    await page
      .getByRole("searchbox", { name: "Filter rules" })
      .fill("severity=warning");
    await ruleOf(page, "availability", "SoonFull").waitFor();
    assert.equal(
      await rulesOf(page, "availability").getByRole("heading").count(),
      1,
    );
    await page.reload();
    await ruleOf(page, "availability", "SoonFull").waitFor();
    await page
      .getByRole("searchbox", { name: "Filter rules" })
      .fill("no such rule");
    await page.getByText("No rule passes the filter").waitFor();
  });

  it("lead to their expression in Explore", async (t) => {
    const page = await open(t, "alerting/rules");
    await ruleOf(page, "availability", "TargetDown")
      .getByRole("link", { name: "Explore" })
      .click();
    await page.waitForURL(/explore\?q1=up/);
    await waitForGraph(page);
  });
});

describe("Alerts", ONLY_OURS, () => {
  it("are grouped by name, and shown though nobody notifies", async (t) => {
    const page = await open(t, "alerting", { tolerate: NOT_FOUND });
    await page.route("**/api/v2/**", (route) => route.fulfill({ status: 404 }));
    await page.reload();
    const down = page.getByRole("region", { name: "TargetDown" });
    await down.getByText("gone does not answer").waitFor();
    await down.getByText("1 firing").waitFor();
    assert.equal(
      await page.getByRole("button", { name: "Silence" }).count(),
      0,
    );
    await page.getByRole("radio", { name: "Pending" }).click();
    await page.getByRole("region", { name: "SoonFull" }).waitFor();
    assert.equal(await down.count(), 0);
    await page
      .getByRole("region", { name: "SoonFull" })
      .getByRole("link", { name: "Rule" })
      .click();
    await ruleOf(page, "availability", "SoonFull").waitFor();
    await go(page, "alerting/silences");
    await page.getByText("This server does not notify").waitFor();
  });

  it("are silenced, and say so", async (t) => {
    const page = await open(t, "alerting", { tolerate: NOT_FOUND });
    const sent = await notifying(page);
    await page.reload();
    const down = page.getByRole("region", { name: "TargetDown" });
    await down.getByText("to on-call").waitFor();
    await down.getByRole("button", { name: "Silence" }).click();
    const dialog = page.getByRole("dialog", { name: "New silence" });
    assert.equal(
      await dialog.getByLabel("Condition 1", { exact: true }).inputValue(),
      'alertname="TargetDown"',
    );
    await dialog.getByRole("button", { name: "Silence", exact: true }).click();
    await dialog.getByText("Say why").waitFor();
    assert.deepEqual(sent, []);
    await dialog.getByLabel("Who", { exact: true }).fill("ann");
    await dialog.getByLabel("Why", { exact: true }).fill("it is being moved");
    await dialog
      .getByRole("heading", { name: "Matches 1 alert now" })
      .waitFor();
    await dialog.getByRole("button", { name: "For 8h" }).click();
    await dialog.getByRole("button", { name: "Silence", exact: true }).click();
    await dialog.waitFor({ state: "detached" });
    await down.getByText("Silenced", { exact: true }).waitFor();
    const { body } = sent[0];
    assert.equal(
      Date.parse(body.endsAt) - Date.parse(body.startsAt),
      8 * 3600 * 1000,
    );
    assert.deepEqual(
      [body.createdBy, body.comment],
      ["ann", "it is being moved"],
    );
    await page.getByRole("radio", { name: "Suppressed" }).click();
    await down.waitFor();
  });
});

describe("Silences", () => {
  it("are written, changed and ended", async (t) => {
    const page = await open(t, "explore");
    const sent = await notifying(page);
    await go(page, "alerting/silences");
    await page.getByText("Nothing is silenced").waitFor();
    await page.getByRole("button", { name: "New silence" }).click();
    const dialog = page.getByRole("dialog");
    await dialog
      .getByLabel("Condition 1", { exact: true })
      .fill('severity=~"crit.*"');
    await dialog
      .getByRole("heading", { name: /^Matches [12] alerts? now$/ })
      .waitFor();
    await dialog.getByRole("button", { name: "Add a condition" }).click();
    await dialog
      .getByLabel("Condition 2", { exact: true })
      .fill("no condition");
    await dialog.getByLabel("Who", { exact: true }).fill("ann");
    await dialog.getByLabel("Why", { exact: true }).fill("Maintenance");
    await page.keyboard.press("Tab");
    await dialog.getByRole("button", { name: "Silence", exact: true }).click();
    await dialog.getByText("Write a condition like").waitFor();
    await dialog.getByLabel("Condition 2", { exact: true }).fill("job=db");
    await dialog
      .getByRole("heading", { name: "Matches 1 alert now" })
      .waitFor();
    await dialog.getByRole("button", { name: "Silence", exact: true }).click();
    const item = page
      .getByRole("list", { name: "Silences" })
      .getByRole("listitem")
      .filter({ hasText: "Maintenance" });
    await item.getByText('severity=~"crit.*"').waitFor();
    assert.deepEqual(sent[0].body.matchers, [
      { name: "severity", value: "crit.*", isRegex: true, isEqual: true },
      { name: "job", value: "db", isRegex: false, isEqual: true },
    ]);
    await item.getByRole("button", { name: "Change: Maintenance" }).click();
    const change = page.getByRole("dialog", { name: "Change the silence" });
    await change
      .getByLabel("Condition 1", { exact: true })
      .fill('severity="critical"');
    await change.getByRole("button", { name: "Save" }).click();
    await item.getByText("silences 1 alert").waitFor();
    assert.equal(sent[1].body.id, "s1");
    await item.getByRole("button", { name: "End: Maintenance" }).click();
    await page.getByText("Nothing is silenced").waitFor();
    assert.deepEqual(sent[2], { method: "DELETE", id: "s1" });
    await page.getByRole("radio", { name: "Ended" }).click();
    await page
      .getByRole("button", { name: "Write again: Maintenance" })
      .click();
    assert.equal(
      await page
        .getByRole("dialog", { name: "New silence" })
        .getByLabel("Who", { exact: true })
        .inputValue(),
      "ann",
    );
  });

  it("say what the server refuses", async (t) => {
    const page = await open(t, "explore", { tolerate: /400/ });
    await notifying(page, { refuse: "silence invalid: too long" });
    await go(page, "alerting/silences");
    await page.getByRole("button", { name: "New silence" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Condition 1", { exact: true }).fill("job=db");
    await dialog.getByLabel("Who", { exact: true }).fill("ann");
    await dialog.getByLabel("Why", { exact: true }).fill("why");
    await page.keyboard.press("Enter");
    await dialog.getByLabel("For", { exact: true }).press("Enter");
    await dialog.getByText("silence invalid: too long").first().waitFor();
  });

  for (const [scheme, width] of [
    ["light", 1440],
    ["dark", 390],
  ])
    it(`pass axe with the dialog open, ${scheme} at ${width} px`, async (t) => {
      const page = await open(t, "explore", { scheme, width });
      await notifying(page);
      await go(page, "alerting/silences");
      await page.getByRole("button", { name: "New silence" }).click();
      await page
        .getByRole("dialog")
        .getByRole("button", { name: "Silence", exact: true })
        .click();
      await page.getByText("Say why").waitFor();
      await assertAccessible(page, "the dialog");
      await assertNoSidewaysScrolling(page);
    });
});

describe("Every part of Alerting", ONLY_OURS, () => {
  for (const scheme of ["light", "dark"])
    for (const width of [1440, 390])
      it(`passes axe, ${scheme} at ${width} px`, async (t) => {
        const page = await open(t, "explore", { scheme, width });
        await notifying(page);
        for (const path of ["alerting", "alerting/rules"]) {
          await go(page, path);
          await page.getByText("Firing", { exact: true }).first().waitFor();
          await assertAccessible(page, path);
          await assertNoSidewaysScrolling(page);
        }
      });
});
