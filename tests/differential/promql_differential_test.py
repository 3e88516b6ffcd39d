"""Kilowatch beside Debian's prometheus, on the same samples at the same timestamps.

Loads generated series into Prometheus (promtool tsdb create-blocks-from openmetrics) and, by remote write, into a
kilowatch server, asks both the guide's queries and random ones, and prints every difference with its query. The
first half of the queries is answered from memory, the second from blocks. Exit 77: not installed. --count N random
queries (1000; 20000 with KW_FULL=1), --seed S.

Prometheus 2.x differs from 3 by design; the data keep clear of it:
  - ranges and lookback include their left edge: samples, evaluation times and subquery grids never meet there;
  - rate() caps its extrapolation to a counter's zero before it looks at the threshold: counters begin before
    every window and stay far from zero;
  - `.` in a regular expression does not match a newline: no label has one.
The generator keeps clear of three more:
  - atan2 keeps the metric's name in 2.x and drops it in 3;
  - subqueries inside subqueries, whose grids meet at left edges;
  - predict_linear of a selector with `@` loses points of a range query in 2.x.
Three are allowed for where values are compared (allowed_difference):
  - the variance of a single infinity is 0 in 2.x, NaN in 3;
  - parts of the date that is not a number are not a number here, and those of some date there;
  - a remainder, and a deviation of times, are small numbers out of large ones, whose last digits depend on the order of
    a sum: 1e-7 there.
"""

import argparse
import json
import math
import os
import pathlib
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import remote_write  # noqa: E402

START_MS = 1_700_000_003_217  # off every grid that a query can have
STEP_MS = 15_000
SAMPLE_COUNT = 8 * 60  # two hours
END_MS = START_MS + SAMPLE_COUNT * STEP_MS
TOLERANCE = 1e-9  # relative to the sum of absolute values
TOLERANCE_OF_SMALL_OUT_OF_LARGE = 1e-7
NOISE = 1e-12  # what is left of numbers around 1 that cancel each other out

GUIDE_QUERIES = [
    "up",
    "rate(process_cpu_seconds_total[5m])",
    '100 - (avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[5m])) * 100)',
    "(1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes) * 100",
    "sum(rate(http_requests_total[5m]))",
    "sum by (status) (rate(http_requests_total[5m]))",
    'sum(rate(http_requests_total{status=~"5.."}[5m])) / sum(rate(http_requests_total[5m]))',
    "histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))",
    "histogram_quantile(0.99, sum by (le, handler) (rate(http_request_duration_seconds_bucket[5m])))",
    "histogram_quantile(0.5, rate(http_request_duration_seconds_bucket[10m]))",
    "topk(3, sum by (handler) (rate(http_requests_total[5m])))",
    "node_load1 > on (instance) count by (instance) (node_cpu_seconds_total{mode=\"idle\"})",
    "predict_linear(node_memory_MemAvailable_bytes[30m], 3600)",
    "deriv(node_memory_MemAvailable_bytes[15m])",
    "avg_over_time(node_load1[10m]) / avg_over_time(node_load1[1h])",
    "max_over_time(rate(http_requests_total[1m])[10m:1m])",
    "absent(up{job=\"nothing\"})",
    "changes(up[30m])",
    "sum without (mode) (increase(node_cpu_seconds_total[10m]))",
    'label_replace(up, "host", "$1", "instance", "(.*):.*")',
    "count_values(\"state\", up)",
    "quantile by (job) (0.9, node_load1)",
    "stddev by (job) (node_load1)",
]


def make_series(rng):
    """Label sets and their samples: counters that restart far from zero, gauges with gaps, buckets."""
    series = []

    def add(name, labels, points):
        series.append((dict(labels, __name__=name), points))

    def counter(rate):
        value, points = rng.uniform(1e6, 2e6), []
        restart = rng.randrange(SAMPLE_COUNT) if rng.random() < 0.3 else -1
        for i in range(SAMPLE_COUNT):
            value = value - 5e5 if i == restart else value + rate * rng.random() * 15
            points.append((START_MS + i * STEP_MS, value))
        return points

    def gauge(level, has_gaps):
        points = []
        for i in range(SAMPLE_COUNT):
            level += rng.uniform(-1, 1)
            if has_gaps and (i // 40) % 3 == 1:
                continue
            points.append((START_MS + i * STEP_MS, round(level, 3)))
        return points

    for host in range(4):
        labels = {"job": "node", "instance": f"host{host}:9100"}
        add("up", labels, [(START_MS + i * STEP_MS, float(rng.random() > 0.05)) for i in range(SAMPLE_COUNT)])
        add("node_load1", labels, gauge(20, host == 3))
        add("node_memory_MemTotal_bytes", labels, [(START_MS + i * STEP_MS, 16e9) for i in range(SAMPLE_COUNT)])
        add("node_memory_MemAvailable_bytes", labels, gauge(8e3, False))
        add("process_cpu_seconds_total", labels, counter(0.2))
        for core in range(2):
            for mode in ("idle", "user", "system"):
                add("node_cpu_seconds_total", dict(labels, cpu=str(core), mode=mode), counter(0.7))
    for instance in range(2):
        for handler in ("/", "/api", "/login"):
            for status in ("200", "404", "500"):
                labels = {"job": "web", "instance": f"web{instance}:8000", "handler": handler, "status": status}
                add("http_requests_total", labels, counter(5))
            totals = [counter(3) for _ in range(5)]
            for b, le in enumerate(("0.1", "0.5", "1", "5", "+Inf")):
                points = [(t, sum(totals[k][i][1] for k in range(b + 1))) for i, (t, _) in enumerate(totals[0])]
                labels = {"job": "web", "instance": f"web{instance}:8000", "handler": handler, "le": le}
                add("http_request_duration_seconds_bucket", labels, points)
    return series


class Generator:
    """Random valid queries of the language that 2.42 and 3 share."""

    COUNTERS = ["node_cpu_seconds_total", "http_requests_total", "process_cpu_seconds_total"]
    GAUGES = ["node_load1", "up"]
    RANGES = ["90s", "2m", "5m", "7m30s", "20m"]

    def __init__(self, rng):
        self.rng = rng
        self.in_subquery = False

    def pick(self, *choices):
        return self.rng.choice(choices)

    def matchers(self, name):
        options = ['job="node"', 'instance=~"host.:.*"', 'instance!="host1:9100"', 'job!~"w.*"', 'job=~"web|node"']
        if name == "node_cpu_seconds_total":
            options += ['mode="idle"', 'cpu!="0"', 'mode=~"user|system"']
        if name == "http_requests_total":
            options = ['status=~"5.."', 'handler="/api"', 'status!="200"', 'handler=~"/.+"']
        chosen = self.rng.sample(options, self.rng.choice([0, 0, 1, 2]))
        return "{" + ",".join(chosen) + "}" if chosen else ""

    def moved(self):
        choice = self.rng.random()
        if choice < 0.75:
            return ""
        if choice < 0.92:
            return " offset " + self.pick("1m", "7m", "-2m", "20m")
        return f" @ {(END_MS - 1_234_567) / 1000}" + self.pick("", " offset 3m")

    def selector(self, names=None):
        name = self.rng.choice(names or self.GAUGES + self.COUNTERS)
        return name + self.matchers(name)

    def range(self, names=None):
        return f"{self.selector(names)}[{self.rng.choice(self.RANGES)}]{self.moved()}"

    def rollup(self, depth):
        choice = self.rng.random()
        if choice < 0.4:
            return f"{self.pick('rate', 'increase', 'irate', 'resets')}({self.range(self.COUNTERS)})"
        if choice < 0.8 or depth <= 0:
            function = self.pick("avg_over_time", "sum_over_time", "min_over_time", "max_over_time",
                                 "count_over_time", "last_over_time", "present_over_time", "stddev_over_time",
                                 "stdvar_over_time", "delta", "idelta", "changes", "deriv")
            return f"{function}({self.range(self.GAUGES)})"
        if choice < 0.86:
            return f"quantile_over_time({self.pick('0.5', '0.9', '0', '1')}, {self.range(self.GAUGES)})"
        if choice < 0.9 or self.in_subquery:
            window = f"{self.selector(self.GAUGES)}[{self.rng.choice(self.RANGES)}]"
            return f"predict_linear({window}, {self.pick('60', '600', '3600')})"
        function = self.pick("avg_over_time", "sum_over_time", "max_over_time", "count_over_time", "delta")
        step = self.pick("1m", "30s", "17s", "")
        self.in_subquery = True
        inner = self.vector(depth - 1)
        self.in_subquery = False
        return f"{function}(({inner})[{self.pick('3m', '10m')}:{step}]{self.moved()})"

    def function(self, depth):
        inner = self.vector(depth - 1)
        choice = self.rng.random()
        if choice < 0.5:
            function = self.pick("abs", "ceil", "floor", "exp", "sqrt", "ln", "log2", "log10", "round", "sgn", "sort",
                                 "sort_desc", "atan", "cos", "sin", "tanh", "deg", "rad", "timestamp", "absent")
            if function in ("sin", "cos"):  # of a large number they show nothing but its rounding
                inner = self.selector(self.GAUGES)
            return f"{function}({inner})"
        if choice < 0.65:
            return f"clamp({inner}, {self.pick('0', '-5', '1')}, {self.pick('2', '100', '1e6')})"
        if choice < 0.75:
            return f"round({inner}, {self.pick('0.1', '5', '10')})"
        if choice < 0.85:
            return f'label_replace({inner}, "{self.pick("x", "job")}", "{self.pick("$1", "a-$1")}", ' \
                   f'"instance", "(.*):.*")'
        if choice < 0.9:
            return f'label_join({inner}, "{self.pick("x", "job")}", "-", "job", "instance")'
        if choice < 0.95:
            return f"{self.pick('minute', 'hour', 'day_of_week', 'month', 'year', 'days_in_month')}({inner})"
        return f"vector(scalar({inner}))"

    def grouping(self):
        labels = self.rng.sample(["job", "instance", "mode", "status", "handler", "cpu"], self.rng.choice([0, 1, 2]))
        return self.pick("", f" by ({', '.join(labels)})", f" without ({', '.join(labels)})")

    def aggregation(self, depth):
        inner = self.vector(depth - 1)
        choice = self.rng.random()
        if choice < 0.75:
            op = self.pick("sum", "avg", "min", "max", "count", "group", "stddev", "stdvar")
            return f"{op}{self.grouping()}({inner})"
        if choice < 0.9:
            return f"quantile{self.grouping()}({self.pick('0.5', '0.9', '0.25')}, {inner})"
        # Only where no two values are alike, since either server may choose among equals.
        return f"{self.pick('topk', 'bottomk')}({self.pick('1', '3', '100')}, rate({self.selector(self.COUNTERS)}[5m]))"

    def binary(self, depth):
        left, right = self.vector(depth - 1), self.vector(depth - 1)
        choice = self.rng.random()
        arithmetic = self.pick("+", "-", "*", "/", "%", "^")
        comparison = self.pick("==", "!=", ">", "<", ">=", "<=")
        number = self.pick("0", "1", "2.5", "100", "-3", "time()", "pi()")
        if choice < 0.3:
            return f"({left}) {arithmetic} {number}"
        if choice < 0.4:
            return f"{number} {arithmetic} ({left})"
        if choice < 0.5:
            return f"({left}) {comparison}{self.pick('', ' bool')} {number}"
        if arithmetic == "%":  # of large numbers it shows nothing but their rounding
            arithmetic = "-"
        matching = self.pick("", " on (instance)", " on (job, instance)", " ignoring (mode, cpu)")
        if choice < 0.65:
            return f"({left}) {self.pick('and', 'or', 'unless')}{matching} ({right})"
        if choice < 0.8:
            one = f"sum by (job, instance) ({right})"
            return f"({left}) {arithmetic} on (job, instance) group_left{self.pick('', ' ()')} {one}"
        if choice < 0.9:
            return f"sum by (job) ({left}) {comparison}{self.pick('', ' bool')} sum by (job) ({right})"
        return f"({left}) {arithmetic}{matching} ({right})"

    def vector(self, depth):
        choice = self.rng.random()
        if depth <= 0 or choice < 0.15:
            return self.pick(self.selector() + self.moved(), self.rollup(0))
        if choice < 0.4:
            return self.rollup(depth)
        if choice < 0.6:
            return self.aggregation(depth)
        if choice < 0.75:
            return self.function(depth)
        if choice < 0.8:
            return f"-({self.vector(depth - 1)})"
        return self.binary(depth)

    def query(self):
        return self.vector(self.rng.choice([1, 2, 2, 3]))


def selector_text(labels):
    pairs = ",".join(f"{name}={json.dumps(value)}" for name, value in labels.items() if name != "__name__")
    return labels["__name__"] + "{" + pairs + "}"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Peer:
    """A server with an API like Prometheus', running until stop()."""

    def __init__(self, folder, command):
        self.log_path = os.path.join(folder, "log")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        with open(self.log_path, "w") as log:
            self.process = subprocess.Popen([*command, f"--web.listen-address=127.0.0.1:{port}"],
                                            stdout=log, stderr=log)
        for _ in range(200):
            try:
                urllib.request.urlopen(self.url + "/-/ready", timeout=2).read()
                return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError(f"{command[0]} does not become ready; its log: " + open(self.log_path).read()[-2000:])

    def ask(self, path, parameters):
        body = urllib.parse.urlencode(parameters).encode()
        try:
            with urllib.request.urlopen(self.url + path, body, timeout=60) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            return json.load(error)

    def stop(self):
        self.process.terminate()
        self.process.wait()


def start_prometheus(folder, series):
    text = os.path.join(folder, "data.om")
    with open(text, "w") as out:
        for name in sorted({labels["__name__"] for labels, _ in series}):
            out.write(f"# TYPE {name} unknown\n")
            for labels, points in series:
                if labels["__name__"] != name:
                    continue
                for t, value in points:
                    out.write(f"{selector_text(labels)} {value!r} {t / 1000:.3f}\n")
        out.write("# EOF\n")
    data = os.path.join(folder, "data")
    subprocess.run(["promtool", "tsdb", "create-blocks-from", "openmetrics", text, data], check=True,
                   stdout=subprocess.DEVNULL)
    config = os.path.join(folder, "prometheus.yml")
    with open(config, "w") as out:
        out.write("global:\n  evaluation_interval: 1m\n")
    return Peer(folder, ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={data}",
                         "--storage.tsdb.retention.time=100y"])


def start_kilowatch(folder, series):
    config = os.path.join(folder, "kilowatch.yml")
    with open(config, "w") as out:
        out.write("collectors: {host: {enabled: false}, process: {enabled: false}}\n")
    server = Peer(folder, [os.environ["KW_BINARY"], "serve", f"--config.file={config}",
                           f"--storage.path={os.path.join(folder, 'data')}", "--storage.tsdb.retention.time=0"])
    # In one request: what comes behind the flush that the server begins with stays in memory for some minutes.
    body = b"".join(remote_write.series(labels, points) for labels, points in series)
    request = urllib.request.Request(server.url + "/api/v1/write", remote_write.snappy(body), remote_write.HEADERS)
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 204, answer.read()
    return server


def wait_for_blocks(server):
    """The samples are years old: the server moves them into blocks within seconds. Should it have begun to in the middle
    of the request, the rest is asked for from memory."""
    for tenth in range(600):
        text = urllib.request.urlopen(server.url + "/metrics", timeout=10).read().decode()
        values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        in_blocks = float(values["prometheus_tsdb_blocks_loaded"]) > 0
        if in_blocks and (float(values["prometheus_tsdb_head_series"]) == 0 or tenth > 200):
            return
        time.sleep(0.1)
    raise RuntimeError("the samples did not become blocks; the server's log: " + open(server.log_path).read()[-2000:])


def answer_of(reply):
    """As (error, {labels: {milliseconds: value}})."""
    if reply["status"] != "success":
        return reply["error"], None
    data = reply["data"]
    if data["resultType"] == "scalar":
        t, value = data["result"]
        return None, {(): {round(t * 1000): float(value)}}
    out = {}
    for one in data["result"]:
        points = one.get("values") or [one["value"]]
        out[tuple(sorted(one["metric"].items()))] = {round(t * 1000): float(v) for t, v in points}
    return None, out


def same_value(a, b, tolerance=TOLERANCE):
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return a == b or abs(a - b) <= tolerance * (abs(a) + abs(b)) + NOISE


DATE_FUNCTIONS = ("minute(", "hour(", "day_of_week(", "month(", "year(", "days_in_month(")


def allowed_difference(query, here, there):
    if "stddev" in query or "stdvar" in query:
        if math.isnan(here):
            return True
        if "time" in query and same_value(here, there, TOLERANCE_OF_SMALL_OUT_OF_LARGE):
            return True
    if " % " in query and same_value(here, there, TOLERANCE_OF_SMALL_OUT_OF_LARGE):
        return True
    return math.isnan(here) and any(function in query for function in DATE_FUNCTIONS)


def difference(query, ours, peers):
    (our_error, our_series), (peer_error, peer_series) = ours, peers
    if our_error or peer_error:
        return None if our_error and peer_error else f"error here: {our_error}; there: {peer_error}"
    if our_series.keys() != peer_series.keys():
        only_ours = list(our_series.keys() - peer_series.keys())[:3]
        only_peer = list(peer_series.keys() - our_series.keys())[:3]
        return f"series only here: {only_ours}; only there: {only_peer}"
    for labels, points in our_series.items():
        others = peer_series[labels]
        if points.keys() != others.keys():
            return f"{labels}: times only here {sorted(points.keys() - others.keys())[:3]}, " \
                   f"only there {sorted(others.keys() - points.keys())[:3]}"
        for t, value in points.items():
            if not same_value(value, others[t]) and not allowed_difference(query, value, others[t]):
                return f"{labels} at {t}: {value!r} here, {others[t]!r} there"
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=20000 if os.environ.get("KW_FULL") == "1" else 1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if not shutil.which("prometheus") or not shutil.which("promtool"):
        print("skipped: prometheus is not installed (apt-get install prometheus)")
        return 77
    rng = random.Random(options.seed)
    series = make_series(rng)
    generator = Generator(rng)
    queries = GUIDE_QUERIES + [generator.query() for _ in range(options.count)]

    asked = []
    for i, query in enumerate(queries):
        # Off the grids of samples and subqueries by a few hundred milliseconds.
        at = END_MS - rng.randrange(0, 1200) * 1000 - 3_217 - rng.randrange(100, 900)
        if at % 1000 == START_MS % 1000:  # a window or a step of whole seconds would meet samples
            at -= 1
        if i % 2 == 0:
            asked.append(("/api/v1/query", {"query": query, "time": at / 1000}))
        else:
            start, step = at - 5 * 60_000, rng.choice([13_000, 30_000, 61_000])
            asked.append(("/api/v1/query_range",
                          {"query": query, "start": start / 1000, "end": at / 1000, "step": step / 1000}))

    differences = failures = empty = 0
    with tempfile.TemporaryDirectory() as ours, tempfile.TemporaryDirectory() as theirs:
        servers = []
        try:
            servers.append(start_kilowatch(ours, series))
            servers.append(start_prometheus(theirs, series))
            server, peer = servers
            for number, (path, parameters) in enumerate(asked):
                if number == len(asked) // 2:
                    wait_for_blocks(server)
                here, there = answer_of(server.ask(path, parameters)), answer_of(peer.ask(path, parameters))
                failures += bool(here[0] and there[0])
                empty += here[1] == {}
                why = difference(parameters["query"], here, there)
                if why:
                    differences += 1
                    print(f"DIFFERENT {parameters['query']}\n    {parameters}\n    {why}")
        finally:
            for one in servers:
                one.stop()
    print(f"{len(queries)} queries with seed {options.seed}: {differences} different; {failures} refused by both, "
          f"{empty} with an empty answer")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
