"""Kilowatch beside Debian's prometheus and victoria-metrics: the same data, the same machine, one run.

    ./kw bench                     everything at about 100 000 series
    ./kw bench push                one part: push (with restart and queries), disk, scrape
    ./kw bench --instances 12      smaller
    ./kw bench demo                what ./kw up costs, without the others (--quiet: without users); demo.py says more
    ./kw bench rules               1 000 rules, and 10 000 alerts over a restart; rules.py says more
    ./kw bench statements          a scrape of a PostgreSQL with 5 000 statements

Figures are per server and, in the last columns, the ratio to the first server: above 1 the first is better. CPU is the
server's own user and system time, so that the load generator and the other servers do not count; servers run
one after the other. The result is also written to build/bench/result.json.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Callable

import demo
import rules

ROOT = pathlib.Path(__file__).resolve().parents[1]
LOAD = ROOT / "build" / "release" / "bench" / "kw_load"
KILOWATCH = ROOT / "build" / "release" / "kilowatch"
TICKS = os.sysconf("SC_CLK_TCK")
EMPTY_CONFIG = "global: {scrape_interval: 1h}\n"

QUERIES = {
    "p95 latency, 10 min": ("range", "histogram_quantile(0.95, sum(rate(http_request_duration_seconds_bucket[5m])) by (le))"),
    "p99 by route": ("range", "histogram_quantile(0.99, sum by (le, route) (rate(http_request_duration_seconds_bucket[5m])))"),
    "5xx rate per series": ("range", 'rate(http_requests_total{status=~"5.."}[5m])'),
    "topk of routes": ("range", "topk(5, sum by (route) (rate(http_requests_total[5m])))"),
    "quantile_over_time": ("instant", "quantile_over_time(0.9, model_prediction_accuracy_percent[10m])"),
    "count by job of all": ("instant", 'count by (job) ({__name__=~".+"})'),
    "cpu of one instance": ("instant", 'rate(process_cpu_seconds_total{instance="10.0.0.1:9100"}[5m])'),
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """One server under test: how it is started, and where it takes pushes and queries."""

    def __init__(self, name: str, folder: pathlib.Path, config: str = EMPTY_CONFIG):
        self.name, self.folder, self.port = name, folder, free_port()
        folder.mkdir(parents=True, exist_ok=True)
        self.config = folder / "prometheus.yml"
        self.config.write_text(config, encoding="utf-8")
        self.data = folder / "data"
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        if self.name == "kilowatch":
            return [str(KILOWATCH), "serve", f"--config.file={self.config}", f"--storage.path={self.data}",
                    f"--web.listen-address=127.0.0.1:{self.port}"]
        if self.name == "prometheus":
            return ["prometheus", f"--config.file={self.config}", f"--storage.tsdb.path={self.data}",
                    f"--web.listen-address=127.0.0.1:{self.port}", "--web.enable-remote-write-receiver"]
        return ["victoria-metrics", f"-storageDataPath={self.data}", f"-httpListenAddr=127.0.0.1:{self.port}",
                f"-promscrape.config={self.config}", "-retentionPeriod=15d", "-search.disableCache",
                "-promscrape.config.strictParse=false"]

    def start(self) -> float:
        """Seconds until it answers queries."""
        started = time.monotonic()
        log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        ready = "/health" if self.name == "victoria-metrics" else "/-/ready"
        while True:
            try:
                with urllib.request.urlopen(self.url + ready, timeout=5) as answer:
                    if answer.status == 200:
                        return time.monotonic() - started
            except OSError:
                pass
            if self.process.poll() is not None:
                sys.exit(f"{self.name} ended; see {self.folder / 'log'}:\n" + (self.folder / "log").read_text()[-3000:])
            if time.monotonic() - started > 300:
                sys.exit(f"{self.name} is not ready after 300 s")
            time.sleep(0.01)

    def stop(self, sig: int = signal.SIGTERM) -> None:
        self.process.send_signal(sig)
        self.process.wait()

    def cpu_s(self) -> float:
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory_bytes(self) -> int:
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        return 0

    def disk_bytes(self, counts: Callable[[pathlib.Path], bool] = lambda _: True) -> int:
        return sum(f.stat().st_blocks * 512 for f in self.data.rglob("*")
                   if f.is_file() and counts(f.relative_to(self.data)))

    def query(self, kind: str, text: str, **parameters: object) -> tuple[int, dict]:
        path = "/api/v1/query_range" if kind == "range" else "/api/v1/query"
        query = urllib.parse.urlencode({"query": text, "nocache": "1", **parameters})
        with urllib.request.urlopen(f"{self.url}{path}?{query}", timeout=300) as answer:
            body = answer.read()
        return len(body), json.loads(body)["data"]


def push(server: Server, instances: int, steps: int, interval_s: int, start_s: int) -> dict:
    cpu = server.cpu_s()
    started = time.monotonic()
    output = subprocess.run([LOAD, "push", f"{server.url}/api/v1/write", str(instances), str(steps), str(interval_s),
                             str(start_s)], check=True, stdout=subprocess.PIPE)
    result = json.loads(output.stdout)
    result["wall_s"] = time.monotonic() - started
    result["cpu_s"] = server.cpu_s() - cpu
    return result


# Families whose samples are counted after the kill, with their series per instance (generator/fleet.cc).
COUNTED = {"http_requests_total": 14 * 6, "http_request_duration_seconds_bucket": 14 * 12}


def samples_lost(server: Server, instances: int, steps: int, at_s: float, window_s: int) -> int:
    lost = 0
    for family, series in COUNTED.items():
        _, data = server.query("instant", f"sum(count_over_time({family}[{window_s}s]))", time=at_s)
        held = int(float(data["result"][0]["value"][1])) if data["result"] else 0
        lost += series * instances * steps - held
    return lost


def settle(server: Server, seconds: float = 3) -> None:
    """Waits until background work has calmed down: less than a tenth of a core for a second."""
    deadline = time.monotonic() + 60
    time.sleep(seconds)
    while time.monotonic() < deadline:
        before = server.cpu_s()
        time.sleep(1)
        if server.cpu_s() - before < 0.1:
            return


def measure_pushed(server: Server, options: argparse.Namespace) -> dict:
    interval_s = 15
    window_s = options.steps * interval_s
    start_s = int(time.time()) - window_s - 90
    end_s = start_s + window_s
    server.start()
    idle = server.memory_bytes()
    pushed = push(server, options.instances, options.steps, interval_s, start_s)
    row: dict[str, object] = {
        "series": pushed["series"], "samples": pushed["samples"],
        "push: samples per CPU-second": pushed["samples"] / pushed["cpu_s"],
        "push: samples per second": pushed["samples"] / pushed["wall_s"],
    }
    row["memory per series, bytes"] = (server.memory_bytes() - idle) / pushed["series"]
    settle(server)
    row["resident memory, MB"] = server.memory_bytes() / 1e6
    queries: dict[str, dict] = {}
    for name, (kind, text) in QUERIES.items():
        parameters = {"start": end_s - 600.5, "end": end_s - 0.5, "step": "5"} if kind == "range" else {"time": end_s - 0.5}
        times, cpu = [], server.cpu_s()
        for _ in range(options.repeat):
            began = time.monotonic()
            size, data = server.query(kind, text, **parameters)
            times.append(time.monotonic() - began)
        queries[name] = {"cpu_ms": (server.cpu_s() - cpu) / options.repeat * 1000,
                         "p50_ms": statistics.median(times) * 1000, "bytes": size, "series": len(data["result"])}
    row["queries"] = queries
    # Killed at once after one more acknowledged step: what was acknowledged must be there.
    push(server, options.instances, 1, interval_s, end_s + interval_s)
    server.stop(signal.SIGKILL)
    row["restart after kill -9, s"] = server.start()
    row["acknowledged samples lost, of counted"] = samples_lost(server, options.instances, options.steps + 1,
                                                                end_s + interval_s + 1, window_s + 120)
    server.stop()
    shutil.rmtree(server.data, ignore_errors=True)
    return row


def measure_disk(server: Server, options: argparse.Namespace) -> dict:
    """Five hours of fewer series, so that each has moved samples from its log to its long-lived files. Measured on
    a database that has calmed down and was closed in an orderly way."""
    interval_s, steps = 15, 1200
    start_s = int(time.time()) - steps * interval_s - 90
    server.start()
    pushed = push(server, max(1, options.instances // 10), steps, interval_s, start_s)
    settle(server, 15)
    _, data = server.query("instant", "count(http_requests_total)", time=start_s + steps * interval_s)
    assert data["result"], f"{server.name} has lost what was pushed"
    server.stop()
    row = {"disk: samples": pushed["samples"],
           "disk: bytes per sample": server.disk_bytes() / pushed["samples"],
           "disk: of which not in the log": server.disk_bytes(lambda path: "wal" not in path.parts) / pushed["samples"]}
    shutil.rmtree(server.data, ignore_errors=True)
    return row


def measure_scraped(name: str, folder: pathlib.Path, options: argparse.Namespace) -> dict:
    port = free_port()
    load = subprocess.Popen([LOAD, "serve", str(port), str(options.instances), "1"], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE)
    load.stdout.readline()
    relabel = ("    relabel_configs: [{source_labels: [__param_i], target_label: instance},"
               " {source_labels: [__param_i], regex: '(.*)', target_label: __metrics_path__, replacement: '/$1/metrics'},"
               " {regex: '__param_i', action: labeldrop}]\n")
    targets = "".join(f"      - {{targets: ['127.0.0.1:{port}'], labels: {{__param_i: '{i}'}}}}\n"
                      for i in range(options.instances))
    server = Server(name, folder, "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n"
                    f"  - job_name: fleet\n    static_configs:\n{targets}{relabel}")
    server.start()

    def scraped() -> float:
        _, data = server.query("instant", 'sum(sum_over_time(scrape_samples_scraped{job="fleet"}[10m]))')
        return float(data["result"][0]["value"][1]) if data["result"] else 0.0

    time.sleep(6)  # the first scrapes make the series; what counts is the steady state
    before, cpu = scraped(), server.cpu_s()
    time.sleep(options.scrape_seconds)
    cpu = server.cpu_s() - cpu
    samples = scraped() - before
    memory = server.memory_bytes()
    server.stop()
    load.stdin.close()
    load.wait()
    shutil.rmtree(server.data, ignore_errors=True)
    return {"scrape: samples per CPU-second": samples / cpu if cpu else 0, "scrape: samples": samples,
            "scrape: resident memory, MB": memory / 1e6}


def report(rows: dict[str, dict]) -> None:
    names = list(rows)
    higher_is_better = ("per CPU-second", "per second")
    ours = rows[names[0]]

    def line(title: str, values: list[float | None], up: bool) -> None:
        cells = "".join(f"{'-' if v is None else f'{v:,.2f}' if v < 100 else f'{v:,.0f}':>16}" for v in values)
        ratios = ""
        for value in values[1:]:
            good = value is not None and value > 0 and values[0]
            ratio = (values[0] / value if up else value / values[0]) if good else None
            ratios += f"{'-' if ratio is None else f'{ratio:.2f}x':>10}"
        print(f"{title:<44}{cells}{ratios}")

    print(f"{'':<44}" + "".join(f"{n:>16}" for n in names) + "".join(f"{'vs ' + n[:6]:>10}" for n in names[1:]))
    for key in ours:
        if key == "queries":
            continue
        line(key, [rows[n].get(key) for n in names], key.endswith(higher_is_better) or "samples per" in key)
    for query in ours.get("queries", {}):
        for unit in ("cpu_ms", "p50_ms"):
            line(f"{query}, {unit}", [rows[n]["queries"][query][unit] for n in names], False)
        sizes = {rows[n]["queries"][query]["series"] for n in names}
        if len(sizes) > 1:
            print(f"{'':<4}the servers disagree on the number of series: {sizes}")


def measure_rules(options: argparse.Namespace) -> None:
    """Prints what rules cost Kilowatch and Debian's prometheus."""
    names = [name for name in options.servers.split(",") if name != "victoria-metrics"]

    def push_until_now(server: Server) -> None:
        steps = options.steps
        push(server, options.instances, steps, 15, int(time.time()) - steps * 15)

    folder = pathlib.Path(tempfile.mkdtemp(prefix="kw-bench-"))
    try:
        rows = rules.measure(Server, push_until_now, names, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    rules.report(rows)


def main() -> int:
    parser = argparse.ArgumentParser(prog="./kw bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=["push", "disk", "scrape", "demo", "rules", "statements", []], default=[])
    parser.add_argument("--instances", type=int, default=120, help="of some 830 series each (default 120)")
    parser.add_argument("--steps", type=int, default=60, help="of 15 s that are pushed (default 60)")
    parser.add_argument("--repeat", type=int, default=7, help="runs of each query (default 7)")
    parser.add_argument("--scrape-seconds", type=int, default=20)
    parser.add_argument("--servers", default="kilowatch,prometheus,victoria-metrics")
    parser.add_argument("--quiet", action="store_true", help="demo: without the platform's users")
    options = parser.parse_args()
    if "demo" in options.parts:
        demo.report("./kw up", demo.measure_demo(options.quiet))
    if "statements" in options.parts:
        demo.report("A scrape of PostgreSQL", demo.measure_statements())
    if "rules" in options.parts:
        measure_rules(options)
    if options.parts and not set(options.parts) - {"demo", "rules", "statements"}:
        return 0
    names = options.servers.split(",")
    for name in names:
        if name != "kilowatch" and shutil.which(name) is None:
            sys.exit(f"{name} is not installed; ./kw bench installs it")
    rows: dict[str, dict] = {name: {} for name in names}
    folder = pathlib.Path(tempfile.mkdtemp(prefix="kw-bench-"))
    try:
        for name in names:
            if not options.parts or "push" in options.parts:
                print(f"… {name}: push, restart, queries", file=sys.stderr)
                rows[name].update(measure_pushed(Server(name, folder / name), options))
            if not options.parts or "disk" in options.parts:
                print(f"… {name}: disk", file=sys.stderr)
                rows[name].update(measure_disk(Server(name, folder / f"{name}-disk"), options))
            if not options.parts or "scrape" in options.parts:
                print(f"… {name}: scrape", file=sys.stderr)
                rows[name].update(measure_scraped(name, folder / f"{name}-scrape", options))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report(rows)
    result = ROOT / "build" / "bench" / "result.json"
    result.parent.mkdir(parents=True, exist_ok=True)
    result.write_text(json.dumps(rows, indent=2), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
