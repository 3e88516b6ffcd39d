// The server that the browser tests run against: build/release/kilowatch (or KW_BINARY), unless KW_WEB_BASE_URL
// names a server, whose API then stands behind web/dist. Resolves to { url, stop, name }.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { serveDist } from "./serve_dist.mjs";

const BINARY =
  process.env.KW_BINARY ??
  fileURLToPath(new URL("../../build/release/kilowatch", import.meta.url));
const READY_SECONDS = 60;

// `self` is scraped, `gone` refuses every connection, one target of `chosen` is dropped by relabelling.
function configuration(port, deadPort) {
  return `global:
  scrape_interval: 1s
  scrape_timeout: 1s
  evaluation_interval: 1s
rule_files: [rules.yml]
# Both are told of what fires: one takes it (an endpoint that answers 200 to any POST), the other refuses.
alertmanager:
  route:
    receiver: on-call
    group_by: [alertname]
    group_wait: 100ms
    routes:
      - receiver: refusing
        matchers: ['severity = critical']
        continue: true
      - receiver: on-call
        matchers: ['severity =~ "critical|warning"']
  receivers:
    - name: on-call
      webhook_configs: [{url: 'http://127.0.0.1:${port}/api/v1/labels'}]
    - name: refusing
      webhook_configs: [{url: 'http://127.0.0.1:${port}/no/such/path'}]
    - name: nobody
notifications: {fallback_receiver: on-call}
scrape_configs:
  - job_name: self
    static_configs:
      - targets: ['127.0.0.1:${port}']
        labels: {site: test}
  - job_name: gone
    static_configs:
      - targets: ['127.0.0.1:${deadPort}']
  - job_name: chosen
    static_configs:
      - targets: ['127.0.0.1:${port}', 'dropped.invalid:80']
    relabel_configs:
      - source_labels: [__address__]
        regex: 'dropped.*'
        action: drop
`;
}

// One alert fires, one waits, one is quiet; one rule records, and one fails since both sides have many series.
const RULES = `groups:
  - name: availability
    rules:
      - alert: TargetDown
        expr: up{job="gone"} == 0
        labels: {severity: critical}
        annotations:
          summary: '{{ $labels.job }} does not answer'
          runbook_url: https://example.org/runbooks/target-down
      - alert: SoonFull
        expr: up{job="self"} == 1
        for: 1h
        labels: {severity: warning}
        annotations: {summary: 'Only for the test'}
      - alert: NeverFires
        expr: up > 1
        for: 90s
  - name: recorded
    interval: 2s
    rules:
      - record: job:up:avg
        expr: avg by (job) (up)
      - record: job:broken
        expr: up * on () up
`;

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

async function seriesOf(url, query) {
  const response = await fetch(
    new URL(`api/v1/query?query=${encodeURIComponent(query)}`, url),
  );
  const answer = await response.json();
  return answer.data?.result ?? [];
}

// Until a rate of what is scraped exists, and the dead target is known to be down.
async function waitUntilReady(url, hasGone) {
  const deadline = Date.now() + READY_SECONDS * 1000;
  let last = "nothing";
  while (Date.now() < deadline) {
    try {
      const rates = await seriesOf(url, "rate(process_cpu_seconds_total[1m])");
      const down = hasGone ? await seriesOf(url, 'up{job="gone"} == 0') : [1];
      if (rates.length > 0 && down.length > 0) return;
      last = `${rates.length} rates, ${down.length} down`;
    } catch (error) {
      last = String(error);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(
    `after ${READY_SECONDS} s the server had no series to test with (${last})`,
  );
}

async function startKilowatch(prefix) {
  const folder = mkdtempSync(join(tmpdir(), "kilowatch-web-server-"));
  const [port, deadPort] = [await freePort(), await freePort()];
  writeFileSync(join(folder, "prometheus.yml"), configuration(port, deadPort));
  writeFileSync(join(folder, "rules.yml"), RULES);
  const url = `http://127.0.0.1:${port}${prefix}/`;
  const child = spawn(
    BINARY,
    [
      "serve",
      `--config.file=${join(folder, "prometheus.yml")}`,
      `--storage.path=${join(folder, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      ...(prefix === "" ? [] : [`--web.external-url=${url}`]),
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  let log = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (text) => {
      log = (log + text).slice(-20_000);
    });
  const exited = new Promise((resolve) => child.on("exit", resolve));
  const stop = async () => {
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), 15_000);
    await exited;
    clearTimeout(timer);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    // Under a prefix the targets' own /metrics is elsewhere: only the API must answer.
    await Promise.race([
      prefix === "" ? waitUntilReady(url, true) : waitUntilAnswers(url),
      exited.then((code) =>
        Promise.reject(
          new Error(`kilowatch serve ended with ${code}:\n${log}`),
        ),
      ),
    ]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, stop, name: "kilowatch serve" };
}

async function waitUntilAnswers(url) {
  const deadline = Date.now() + READY_SECONDS * 1000;
  for (;;) {
    try {
      const response = await fetch(new URL("-/ready", url));
      if (response.ok) return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    if (Date.now() > deadline)
      throw new Error("the server did not become ready");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

export async function startServer(prefix = "") {
  const upstream = process.env.KW_WEB_BASE_URL;
  if (upstream === undefined) {
    if (existsSync(BINARY)) return startKilowatch(prefix);
    throw new Error(
      `${BINARY} is missing: run ./kw build, or set KW_WEB_BASE_URL to a running server`,
    );
  }
  const served = await serveDist(upstream, prefix);
  return { url: served.url, stop: served.close, name: upstream };
}
