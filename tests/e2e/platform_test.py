"""The watched platform: it forecasts, shows every metric that the guide names, and each fault on command shows.

One platform for all tests, on free ports, an hour in a second. KW_PLATFORM_BINARY names the program (CTest sets it).
Skipped where PostgreSQL or Redis are not installed.
"""

from __future__ import annotations

import glob
import gzip
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve()
sys.path[:0] = [str(HERE.parent), str(HERE.parents[1] / "guide")]

from guide_queries import TEXT, queries, verdict  # noqa: E402
from harness import ROOT, Process, Server, free_port, wait_until  # noqa: E402
from notifications_test import ALERTMANAGER, Receivers  # noqa: E402

PLATFORM = os.environ.get("KW_PLATFORM_BINARY", str(ROOT / "build" / "release" / "energy-forecast"))
SERIES = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*?)\})? (\S+)", re.MULTILINE)
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
TAGS = ("request_id", "user_id", "model_version", "data_version", "environment")

# The guide's names and those of checklist section 14 and 20, by the job that has them.
GUIDE = {
    "api": ["http_requests_total", "http_request_duration_seconds_bucket", "process_cpu_seconds_total",
            "process_resident_memory_bytes", "model_prediction_accuracy_percent", "auth_login_failed_total",
            "api_key_requests_total", "security_events_total", "data_access_total", "encryption_enabled",
            "audit_events_total", "active_users", "database_queries_total", "database_query_duration_seconds_bucket",
            "database_pool_connections", "cache_operations_total", "cache_operation_duration_seconds_bucket",
            "health_component_up", "weather_feed_age_seconds", "log_messages_total"],
    "model": ["model_inference_duration_seconds_bucket", "model_inference_total", "model_version_info",
              "model_training_status", "model_feature_importance", "model_drift_score",
              "model_training_duration_seconds", "model_size_bytes", "gpu_utilization_percent", "gpu_devices",
              "model_training_memory_bytes", "model_inference_batch_size_bucket", "http_requests_total"],
    "gateway": ["http_requests_total", "http_request_duration_seconds_bucket", "process_cpu_seconds_total"],
}


# The catalogue of the guide's metrics: a query for each of its figures, and what is plausible.
RATE_BY_ENDPOINT = "sum by (le, endpoint) (rate(http_request_duration_seconds_bucket[5m]))"
CATALOGUE = {
    "G173 CPU Usage": ('100 * (1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[5m])))', -1, 101),
    "G174 Memory Utilization": ("100 * (1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes)", 0, 100),
    "G175 Disk I/O, bytes read": ("rate(node_disk_read_bytes_total[5m])", 0, 1e12),
    "G175 Disk I/O, bytes written": ("rate(node_disk_written_bytes_total[5m])", 0, 1e12),
    "G175 Disk I/O, operations": ("rate(node_disk_reads_completed_total[5m]) + rate(node_disk_writes_completed_total[5m])",
                                  0, 1e9),
    "G175 Disk I/O, busy percent": ("100 * rate(node_disk_io_time_seconds_total[5m])", 0, 110),
    "G176 Network Traffic, in": ("rate(node_network_receive_bytes_total[5m])", 0, 1e12),
    "G176 Network Traffic, out": ("rate(node_network_transmit_bytes_total[5m])", 0, 1e12),
    **{f"G177 Request Latency, {q}": (f"histogram_quantile({q}, {RATE_BY_ENDPOINT})", 0.00001, 30) for q in (0.5, 0.95, 0.99)},
    "G178 Error Rates, ratio": ('sum(rate(http_requests_total{status=~"5.."}[5m])) / sum(rate(http_requests_total[5m]))', 0, 1),
    "G178 Error Rates, a second": ('sum by (job) (rate(http_requests_total{status=~"5.."}[5m]))', 0, 1000),
    "G179 Active Users": ('active_users{job="api"}', 1, 1000),
    "G180 Cache Hit Ratio": ("rate(redis_keyspace_hits_total[5m]) / (rate(redis_keyspace_hits_total[5m]) + "
                             "rate(redis_keyspace_misses_total[5m]))", 0, 1),
    "G181 Inference Time": ("histogram_quantile(0.95, sum by (le, model_version) "
                            "(rate(model_inference_duration_seconds_bucket[5m])))", 0.00001, 1),
    "G182 Prediction Accuracy": ("avg by (zone, horizon) (model_prediction_accuracy_percent)", 50, 100),
    "G183 Model Drift": ('model_drift_score{feature!="",method!=""}', 0, 100),
    "G184 Resource Usage, CPU": ('rate(process_cpu_seconds_total{job="model-service"}[5m])', 0, 64),
    "G184 Resource Usage, memory": ('process_resident_memory_bytes{job="model-service"}', 1e6, 1e10),
    "G184 Resource Usage, GPU": ('gpu_devices{job="model-service"}', 0, 16),
    "G185 Query Performance, mean": ("rate(pg_stat_statements_seconds_total[5m]) / (rate(pg_stat_statements_calls_total[5m]) > 0)",
                                     0, 10),
    "G185 Query Performance, top": ("topk(5, sum by (queryid) (pg_stat_statements_seconds_total))", 0, 1e6),
    "G185 Query Performance, 0.95": ("histogram_quantile(0.95, sum by (le, operation) "
                                     "(rate(database_query_duration_seconds_bucket[5m])))", 0.00001, 30),
    "G235 request duration as a native histogram": (
        'histogram_count(http_request_duration_seconds{job="api",endpoint="/forecast"})', 1, 1e9),
    "G238 inference as a native histogram": ("histogram_count(sum(model_inference_duration_seconds))", 1, 1e9),
    "G247 Training Time": ("model_training_duration_seconds", 0.01, 14400),
    "G248 Model Size": ("model_size_bytes", 1000, 1e9),
    "G249 Memory Usage of training": ("model_training_memory_bytes", 1e5, 1e10),
    "G250 GPU Utilization, no GPU shown as such": ('gpu_utilization_percent{gpu="none"}', 0, 0),
    "P31 one info series, of the version that serves": ("count(model_version_info)", 1, 1),
    "P31 the version joined to what the target shows": (
        "process_resident_memory_bytes * on (job, instance) group_left (version) model_version_info", 1e6, 1e10),
    "P33 features of the version that serves, no other": (
        "count(count by (model_version) (model_feature_importance))", 1, 1),
    "P33 within a budget": ("count(model_feature_importance)", 5, 64),
    "P33 the top of them": ("topk(5, model_feature_importance)", 0, 1),
    "G186 Connection Pool, states": ('database_pool_connections{state=~"used|idle|max"}', 0, 1000),
    "G186 Connection Pool, waiting": ("database_pool_waiting", 0, 1000),
    "G186 Connection Pool, percent": ("100 * sum(pg_stat_activity_count) / max(pg_settings_max_connections)", 0.1, 100),
    "G187 Lock Contention, locks": ("sum by (mode) (pg_locks_count)", 0, 10000),
    "G187 Lock Contention, waiting": ("pg_blocked_sessions", 0, 1000),
    "G187 Lock Contention, blockers": ("pg_blocking_sessions", 0, 1000),
}


class OtlpReceiver:
    """Takes OTLP/HTTP traces; `spans` are (service, name, trace id, attributes)."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, str, str, dict[str, str]]] = []
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # noqa: N802 (the base class's name)
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                if self.path == "/v1/traces":
                    receiver.spans.extend(spans_of(body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def fields(data: bytes) -> dict[int, list]:
    """A protobuf message: field number -> values (bytes or int)."""
    found: dict[int, list] = {}
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        key = varint()
        kind = key & 7
        if kind == 0:
            value: object = varint()
        else:
            length = varint() if kind == 2 else 8 if kind == 1 else 4
            value = data[at:at + length]
            at += length
        found.setdefault(key >> 3, []).append(value)
    return found


def attributes(messages: list[bytes]) -> dict[str, str]:
    result = {}
    for message in messages:
        pair = fields(message)
        value = fields(pair[2][0])
        result[pair[1][0].decode()] = value[1][0].decode() if 1 in value else str(value)
    return result


def spans_of(body: bytes) -> list[tuple[str, str, str, dict[str, str]]]:
    found = []
    for resource_spans in fields(body).get(1, []):
        parts = fields(resource_spans)
        service = attributes(fields(parts[1][0]).get(1, []))["service.name"]
        for scope in parts.get(2, []):
            for span in fields(scope).get(2, []):
                span_fields = fields(span)
                found.append((service, span_fields[5][0].decode(), span_fields[1][0].hex(),
                              attributes(span_fields.get(9, []))))
    return found


def packed(data: bytes) -> list[int]:
    """A packed list of varints."""
    numbers, value, shift = [], 0, 0
    for byte in data:
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            numbers.append(value)
            value = shift = 0
    return numbers


def sampled_functions(profile: bytes) -> set[str]:
    """The names of all functions in the stacks of a pprof profile's samples."""
    message = fields(gzip.decompress(profile))
    texts = [text.decode() for text in message[6]]
    names = {one[1][0]: texts[one[2][0]] for one in map(fields, message.get(5, []))}
    locations = {one[1][0]: [names[fields(line)[1][0]] for line in one.get(4, [])] for one in map(fields, message.get(4, []))}
    found: set[str] = set()
    for sample in map(fields, message.get(2, [])):
        ids = [number for part in sample[1] for number in (packed(part) if isinstance(part, bytes) else [part])]
        found.update(name for number in ids for name in locations[number])
    return found


def fetch(url: str, method: str = "GET", headers: dict[str, str] | None = None,
          body: bytes | None = None) -> tuple[int, str]:
    request = urllib.request.Request(url, data=body, headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


class PlatformTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        if not glob.glob("/usr/lib/postgresql/*/bin/initdb") or not shutil.which("redis-server"):
            raise unittest.SkipTest("PostgreSQL or Redis is not installed; ./kw test installs them")
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="kw-platform-"))
        cls.folder.chmod(0o755)  # the database's own user must reach it
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.receiver = OtlpReceiver()
        cls.addClassCleanup(cls.receiver.server.server_close)
        cls.addClassCleanup(cls.receiver.server.shutdown)
        cls.ports = {name: free_port() for name in ("api", "model", "gateway", "world", "control", "postgres", "redis")}
        cls.process = Process("platform", [
            PLATFORM, "run", f"--run-folder={cls.folder / 'run'}", "--speed=3600", "--requests-per-second=25",
            "--start=2026-06-08T06:00:00Z", "--history-weeks=8", f"--otlp={cls.receiver.url}",
            *(f"--{name}-port={port}" for name, port in cls.ports.items())], cls.folder)
        cls.addClassCleanup(cls.stop)

        def ready() -> bool:
            if not cls.process.alive():
                raise SystemError(f"the platform ended:\n{cls.process.log()}")
            return "ready" in cls.process.log()

        wait_until(ready, "the platform is ready", 120)
        cls.state = json.loads((cls.folder / "run" / "platform.json").read_text())
        cls.key = {"X-Api-Key": cls.state["demo"]["api_key"]}

    @classmethod
    def stop(cls) -> None:
        children = []
        state = cls.folder / "run" / "platform.json"
        if state.exists():
            children = json.loads(state.read_text())["processes"].values()
        code = cls.process.stop(signal.SIGTERM, 60)
        if code != 0:
            print(cls.process.log())
        left = [pid for pid in children if pathlib.Path(f"/proc/{pid}").exists()]
        if code != 0 or left:
            raise AssertionError(f"the platform ended with {code}; still there: {left}")

    def url(self, process: str, path: str) -> str:
        return f"http://127.0.0.1:{self.ports[process]}{path}"

    def series(self, process: str) -> list[tuple[str, dict[str, str], float]]:
        status, text = fetch(self.url(process, "/metrics"))
        self.assertEqual(status, 200)
        return [(name, dict(LABEL.findall(labels)), float(value)) for name, labels, value in SERIES.findall(text)]

    def total(self, process: str, name: str, **labels: str) -> float:
        """The sum of a name's series that have these labels."""
        return sum(value for found, has, value in self.series(process)
                   if found == name and labels.items() <= has.items())

    def fault(self, name: str, seconds: int = 60) -> None:
        status, text = fetch(self.url("control", f"/faults/{name}?for={seconds}s"), "POST")
        self.assertEqual(status, 200, text)
        self.addCleanup(fetch, self.url("control", f"/faults/{name}"), "DELETE")

    def assert_grows(self, process: str, name: str, by: float = 1, seconds: float = 20, **labels: str) -> None:
        before = self.total(process, name, **labels)
        wait_until(lambda: self.total(process, name, **labels) >= before + by,
                   f"{name}{labels} grows by {by}", seconds)

    def mean_during(self, process: str, name: str, seconds: float, **labels: str) -> float:
        """The mean of a histogram's observations over some seconds."""
        count, total = self.total(process, name + "_count", **labels), self.total(process, name + "_sum", **labels)
        wait_until(lambda: self.total(process, name + "_count", **labels) >= count + 5, f"5 observations of {name}", 20)
        time.sleep(seconds)
        return ((self.total(process, name + "_sum", **labels) - total) /
                (self.total(process, name + "_count", **labels) - count))

    def health(self) -> tuple[int, dict]:
        status, text = fetch(self.url("api", "/health"))
        return status, json.loads(text)

    def wait_healthy(self) -> None:
        wait_until(lambda: self.health()[0] == 200, "the API is healthy", 40)

    # What it is for

    def test_forecast_crosses_the_gateway(self) -> None:
        status, text = fetch(self.url("gateway", "/forecast?zone=berlin&horizon=48"), headers=self.key)
        self.assertEqual(status, 200, text)
        answer = json.loads(text)
        self.assertEqual(len(answer["points"]), 48)
        for point in answer["points"]:
            self.assertTrue(1000 < point["p10_mw"] <= point["p90_mw"] < 20000, point)
            self.assertTrue(1000 < point["mean_mw"] < 20000, point)
        self.assertRegex(answer["model_version"], r"^v\d{4}$")
        status, text = fetch(self.url("gateway", "/actuals?zone=lisbon"), headers=self.key)
        self.assertEqual(status, 200)
        self.assertGreater(len(json.loads(text)["actuals"]), 20)

    def test_bad_input_has_a_reason(self) -> None:
        login = json.dumps({"user": 7}).encode()
        rows = [("GET", "/forecast?zone=atlantis", self.key, None, 400, "want one of melbourne"),
                ("GET", "/forecast", self.key, None, 400, "zone"),
                ("GET", "/forecast?zone=berlin&horizon=0", self.key, None, 400, "from 1 to 48"),
                ("GET", "/forecast?zone=berlin&horizon=4x", self.key, None, 400, "from 1 to 48"),
                ("GET", "/forecast?zone=berlin", {}, None, 401, "log in"),
                ("GET", "/forecast?zone=berlin", {"X-Api-Key": "ef_no"}, None, 401, "not valid"),
                ("GET", "/forecast?zone=berlin", {"Authorization": "Bearer a.1.b"}, None, 401, "token"),
                ("GET", "/actuals?zone=berlin&from=yesterday", self.key, None, 400, "from: want a time"),
                ("GET", "/actuals?zone=berlin&from=0&to=9000", self.key, None, 400, "60 days"),
                ("POST", "/actuals", self.key, b"{}", 403, "operators"),
                ("POST", "/login", {}, b"{", 400, "want {"),
                ("POST", "/login", {}, login, 400, "want {"),
                ("GET", "/customers?zone=berlin", self.key, None, 403, "analysts"),
                ("DELETE", "/keys?key_id=%27", self.key, None, 400, "12 digits"),
                ("GET", "/nothing", {}, None, 404, "there is no GET /nothing")]
        for method, path, headers, body, want, reason in rows:
            with self.subTest(path=path):
                status, text = fetch(self.url("gateway", path), method, headers, body)
                self.assertEqual(status, want, text)
                self.assertIn(reason, json.loads(text)["error"])

    def test_login_and_keys(self) -> None:
        demo = self.state["demo"]
        body = json.dumps({"user": demo["user"], "password": demo["password"]}).encode()
        audited = self.total("api", "audit_events_total", action="create_key", outcome="granted")
        status, text = fetch(self.url("gateway", "/login"), "POST", body=body)
        self.assertEqual(status, 200, text)
        bearer = {"Authorization": "Bearer " + json.loads(text)["token"]}
        status, text = fetch(self.url("gateway", "/keys"), "POST", bearer, b"")
        self.assertEqual(status, 201, text)
        made = json.loads(text)
        self.assertEqual(fetch(self.url("gateway", "/forecast?zone=berlin"),
                               headers={"X-Api-Key": made["key"]})[0], 200)
        self.assertEqual(fetch(self.url("gateway", f"/keys?key_id={made['key_id']}"), "DELETE", bearer)[0], 200)
        self.assertEqual(fetch(self.url("gateway", "/keys?key_id=000000000000"), "DELETE", bearer)[0], 404)
        self.assertEqual(self.total("api", "audit_events_total", action="create_key", outcome="granted"), audited + 1)

    # guide: G225
    def test_health_has_the_guides_body(self) -> None:
        wait_until(lambda: self.health()[1]["status"] == "healthy", "all components are healthy", 30)
        status, body = self.health()
        self.assertEqual(status, 200)
        self.assertEqual(body["components"], dict.fromkeys(("database", "cache", "model", "external_api"), True))

    # guide: G179, G183, G235, G236, G237, G238, G247, G248, G249, G250, P31, P32, P33
    def test_every_name_of_the_guide_is_there(self) -> None:
        for process, names in GUIDE.items():
            wait_until(lambda: not set(names) - {name for name, _, _ in self.series(process)},
                       f"{process} has all of {names}", 30)
        self.assertEqual(self.total("model", "model_training_status"), 2)
        accuracies = [value for name, _, value in self.series("api") if name == "model_prediction_accuracy_percent"]
        self.assertTrue(all(70 < value <= 100 for value in accuracies), accuracies)
        info = [labels for name, labels, value in self.series("model") if name == "model_version_info"]
        self.assertEqual(len(info), 1)
        self.assertLessEqual({"model", "version", "data_version"}, set(info[0]))
        self.assertAlmostEqual(self.total("model", "model_feature_importance"), 1, places=5)
        self.assertIn("all", {labels["service"] for name, labels, _ in self.series("api") if name == "encryption_enabled"})

    def start_kilowatch(self, name: str, files: dict[str, str] | None = None, config: str = "",
                        flags: list[str] | None = None) -> Server:
        """A server that watches the platform, once both jobs of the guide are up; `files` are beside its configuration."""
        folder = self.folder / name
        folder.mkdir()
        for file, text in (files or {}).items():
            (folder / file).write_text(text, encoding="utf-8")
        jobs = "".join(f"  - job_name: {job}\n    static_configs:\n      - targets: ['127.0.0.1:{self.ports[port]}']\n"
                       for job, port in (("api", "api"), ("model-service", "model"), ("gateway", "gateway")))
        interval = "global:\n  scrape_interval: 1s\n  scrape_timeout: 1s\n  evaluation_interval: 1s\n"
        server = Server(folder, f"{interval}{config}scrape_configs:\n{jobs}", flags)
        server.start()
        self.addCleanup(server.stop)
        wait_until(lambda: len(server.query('up{job=~"api|model-service"} == 1')) == 2, "both jobs of the guide are up", 10)
        return server

    def start_as_up(self, name: str) -> Server:
        """A server as ./kw up starts it, with its own configuration for a running platform and shorter intervals."""
        folder = self.folder / name
        (folder / "platform").mkdir(parents=True)
        shutil.copy(self.folder / "run" / "platform.json", folder / "platform")
        subprocess.run([sys.executable, str(ROOT / "tools" / "kw" / "platform_config.py"), str(folder), "9090"],
                       check=True, stdout=subprocess.DEVNULL)
        config = (folder / "kilowatch.yml").read_text().replace("scrape_interval: 15s", (
            "scrape_interval: 2s\n  evaluation_interval: 2s\n"
            "  scrape_native_histograms: true\n  always_scrape_classic_histograms: true"))
        server = Server(folder, config.replace("scrape_timeout: 10s", "scrape_timeout: 2s"))
        server.start()
        self.addCleanup(server.stop)
        return server

    # guide: G001, G023, G024, G025, G026, G027, G028, G029, G030, G031, G032, G033, G034, G145, G146, G147, G148, G149
    # guide: G150, G164, G191, G193, P09, P10, P17, P19
    def test_every_query_of_the_guides_text_is_answered(self) -> None:
        server = self.start_as_up("guide")
        wait_until(lambda: len(server.query('up{job=~"api|model-service"} == 1')) == 2, "both jobs of the guide are up", 30)
        for query in queries(TEXT.read_text(encoding="utf-8")):
            with self.subTest(f"{query.title}: {query.text}"):
                wait_until(lambda q=query: not verdict(q, server.query), f"{query.text} has a plausible answer", 90)

    # guide: G173, G174, G175, G176, G177, G178, G179, G180, G181, G182, G183, G184, G185, G186, G187, G231, G235, G238
    # guide: G247, G248, G249, G250, P31, P33
    def test_every_figure_of_the_catalogue_is_live(self) -> None:
        server = self.start_as_up("catalogue")
        for what, (text, low, high) in CATALOGUE.items():
            if "node_disk" in text and not pathlib.Path("/proc/diskstats").read_text().strip():
                continue  # a container without disks
            with self.subTest(what):
                def plausible(asked: str = text) -> list[float]:
                    values = [float(series["value"][1]) for series in server.query(asked)]
                    return [value for value in values if value == value]  # without traffic a ratio is NaN
                values = wait_until(plausible, f"{what}: {text} has an answer", 90)
                self.assertTrue(all(low <= value <= high for value in values), values)
        self.assertEqual({s["metric"]["component"] for s in server.query('health_component_status{service="api"} == 1')},
                         {"database", "cache", "model", "external_api"})
        self.assertEqual(server.series_value('health_component_status{service="model",component="model"}'), 1)

    # guide: G151, P07
    def test_counters_begin_at_zero(self) -> None:
        have = {(name, labels.get("endpoint"), labels.get("status")) for name, labels, _ in self.series("api")}
        self.assertIn(("http_requests_total", "/forecast", "500"), have)
        self.assertIn(("http_requests_total", "/customers", "503"), have)
        self.assertTrue(any(name == "security_events_total" and labels == {"type": "suspicious", "reason": "forbidden"}
                            for name, labels, _ in self.series("api")))

    # guide: G079, G080, G081, G082, G083, G235
    def test_a_trace_crosses_all_with_the_five_tags(self) -> None:
        def whole() -> bool:
            by_trace: dict[str, set[str]] = {}
            for service, name, trace, has in list(self.receiver.spans):
                if all(has.get(tag) for tag in TAGS):
                    by_trace.setdefault(trace, set()).add(f"{service} {has.get('db.system', name.split('?')[0])}")
            wanted = {"world user forecast", "gateway GET /forecast", "api GET /forecast", "api postgresql",
                      "api redis", "model-service POST /predict", "model-service model_inference"}
            return any(wanted <= spans for spans in by_trace.values())
        wait_until(whole, "a trace of user, gateway, api, database, cache and model service, with all tags", 40)
        without = {(service, name, tag) for service, name, _, has in list(self.receiver.spans)
                   for tag in TAGS if not has.get(tag)}
        self.assertEqual(without, set(), "every span has the five tags")

    def test_a_profile_of_the_model_service_names_its_inference(self) -> None:
        issued = int(self.total("model", "simulated_time_seconds")) // 1800
        history = [5000.0 + i % 48 for i in range(9 * 48)]
        body = json.dumps({"zone": "berlin", "issued": issued, "first": issued - len(history) + 1, "load": history,
                           "temperature": [15.0] * len(history), "forecast": [15.0] * 48}).encode()
        done = threading.Event()

        def ask() -> None:
            while not done.is_set():
                fetch(self.url("model", "/predict"), "POST", {"Content-Type": "application/json"}, body)

        status, text = fetch(self.url("model", "/predict"), "POST", {"Content-Type": "application/json"}, body)
        self.assertEqual(status, 200, text)
        users = [threading.Thread(target=ask, daemon=True) for _ in range(4)]
        for user in users:
            user.start()
        try:
            def shown() -> bool:
                with urllib.request.urlopen(self.url("model", "/debug/pprof/profile?seconds=5"), timeout=60) as answer:
                    return any("model_inference" in name for name in sampled_functions(answer.read()))
            wait_until(shown, "a sampled stack has model_inference", 60)

            def shown_by_pprof() -> bool:
                url = self.url("model", "/debug/pprof/profile?seconds=5&format=legacy")
                profile = self.folder / "model.profile"
                with urllib.request.urlopen(url, timeout=60) as answer:
                    profile.write_bytes(answer.read())
                table = subprocess.run(["google-pprof", "--text", PLATFORM, str(profile)], capture_output=True,
                                       text=True, timeout=120, check=True).stdout
                return "model_inference" in table
            wait_until(shown_by_pprof, "google-pprof shows model_inference", 120)
        finally:
            done.set()
            for user in users:
                user.join(30)

    # guide: G070, G071, G072
    def test_logs_have_the_guides_form(self) -> None:
        """The guide writes entries in two forms: the gateway's have its second."""
        for service, of_entry in (("api", "details"), ("gateway", "metadata")):
            lines = (self.folder / "run" / f"{service}.log").read_text().splitlines()
            entry = next(json.loads(line) for line in reversed(lines[:-1]) if "Request processed" in line)
            self.assertLessEqual({"timestamp", "level", "service", "trace_id", "message", of_entry}, set(entry))
            self.assertEqual(entry["service"], service)
            self.assertLessEqual({"request_id", "duration_ms", "endpoint", "status"}, set(entry[of_entry]))

    # guide: G072, G235, P37
    def test_milliseconds_of_logs_are_the_seconds_of_metrics(self) -> None:
        """Of every forecast since the start: the log's sum lies between the metric's before and after it was read."""
        def observed() -> float:
            return self.total("api", "http_request_duration_seconds_sum", endpoint="/forecast")

        def logged() -> float:
            lines = (self.folder / "run" / "api.log").read_text().split("\n")[:-1]  # the last may be half written
            return sum(json.loads(line)["details"]["duration_ms"] for line in lines
                       if '"Request processed"' in line and '"/forecast"' in line) / 1000

        before = wait_until(observed, "forecasts are observed", 30)
        wait_until(lambda: logged() >= before * 0.999999, "the log has all that the metric had", 30)
        seconds = logged()
        wait_until(lambda: observed() * 1.000001 >= seconds, "the metric has all that the log has", 30)

    # Faults on command

    def test_the_command_lists_plays_and_ends_faults(self) -> None:
        run = self.folder / "of-the-command"
        run.mkdir()
        (run / "platform").symlink_to(self.folder / "run")

        def command(*arguments: str, want: int = 0) -> str:
            done = subprocess.run([ROOT / "kw", "fault", *arguments], env=os.environ | {"KW_RUN": str(run)},
                                  capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(done.returncode == 0, want == 0, done.stdout + done.stderr)
            return done.stdout + done.stderr

        listed = command()
        for fault in json.loads(fetch(self.url("control", "/faults"))[1]):
            self.assertIn(f"{fault['name']} ", listed)
            self.assertIn(fault["symptom"], listed)

        def active() -> float:
            return self.total("api", "fault_active", fault="latency")

        command("latency", "--for", "5m")
        wait_until(lambda: active() == 1, "the fault is played", 20)
        command("latency", "--end")
        wait_until(lambda: active() == 0, "the fault is ended", 20)
        self.assertIn("nonsense", command("nonsense", want=1))
        self.assertIn("unknown argument '--until'", command("latency", "--until", want=2))

    def test_fault_errors(self) -> None:
        server = self.start_kilowatch("fault-errors")
        of_guide = 'sum(rate(http_requests_total{status=~"5.."}[5m]))'

        def rate() -> float:
            return sum(float(series["value"][1]) for series in server.query(of_guide))

        before = rate()
        self.fault("errors")
        self.assert_grows("api", "http_requests_total", 3, status="500", endpoint="/forecast")
        wait_until(lambda: rate() > before + 0.01, "the guide's rate of errors moves within a minute", 60)

    # guide: G037, G038, G169, G170
    def test_a_fault_becomes_messages_an_incident_and_a_postmortem(self) -> None:
        receivers = Receivers()
        self.addCleanup(receivers.server.server_close)
        self.addCleanup(receivers.server.shutdown)
        # The guide's alert with a shorter `for`; its window too, or its end would be five minutes after the fault's.
        rules = (ROOT / "packs/energy-forecast/rules/guide_critical_alerts.yml").read_text(encoding="utf-8")
        server = self.start_kilowatch(
            "fault-story", {"rules.yml": rules.replace("for: 5m", "for: 3s").replace("[5m]", "[20s]"),
                            "alertmanager.yml": ALERTMANAGER.format(url=receivers.url)},
            "rule_files: [rules.yml]\n",
            [f"--alertmanager.config.file={self.folder / 'fault-story' / 'alertmanager.yml'}"])

        def states() -> set[str]:
            return {alert["state"] for alert in server.get("/api/v1/alerts")["alerts"]
                    if alert["labels"]["alertname"] == "HighErrorRate"}

        def post(path: str, **body: object) -> None:
            status, answer, _ = server.request(f"/api/kw/v1/incidents/{path}", json.dumps(body).encode(),
                                               {"Content-Type": "application/json"})
            self.assertEqual(status, 200, answer)

        self.fault("errors", 300)
        wait_until(lambda: "pending" in states(), "the guide's alert pends", 60)
        wait_until(lambda: "firing" in states(), "it fires at its `for`", 60)
        for path in ("/v2/enqueue", "/slack"):
            wait_until(lambda path=path: receivers.of(path), f"{path} is told", 60)
        trigger = receivers.of("/v2/enqueue")[0]
        self.assertEqual((trigger["event_action"], trigger["payload"]["summary"]),
                         ("trigger", "High error rate detected"))
        self.assertEqual(receivers.of("/slack")[0]["attachments"][0]["text"], "High error rate detected")

        def of_api() -> list[dict]:
            return [one for one in server.get("/api/kw/v1/incidents")["incidents"] if "api" in one["impact"]["services"]]

        name = f"INC-{wait_until(of_api, 'an incident of the API stands', 60)[0]['id']}"
        self.assertEqual(server.get(f"/api/kw/v1/incidents/{name}")["incident"]["severity"], "SEV2")
        wait_until(lambda: "fault errors begins" in {entry["title"] for entry in (
            server.get(f"/api/kw/v1/incidents/{name}").get("timeline") or {"entries": []})["entries"]},
                   "the fault is in its timeline", 60)
        post(f"{name}/acknowledge", by="anna")

        fetch(self.url("control", "/faults/errors"), "DELETE")
        wait_until(lambda: any(event["event_action"] == "resolve" and event["dedup_key"] == trigger["dedup_key"]
                               for event in receivers.of("/v2/enqueue")), "PagerDuty hears of the end", 120)
        wait_until(lambda: any(message["attachments"][0]["title"].startswith("[RESOLVED]")
                               for message in receivers.of("/slack")), "Slack hears of the end", 60)
        post(f"{name}/move", phase="mitigation", by="anna")
        post(f"{name}/move", phase="resolution", by="anna")
        post(f"{name}/resolve", by="anna")
        draft = wait_until(lambda: server.get(f"/api/kw/v1/incidents/{name}")["incident"].get("postmortem"),
                           "the post-mortem is drafted", 60)
        for want in (f"# Post-mortem {name}", "fault errors begins", "anna"):
            self.assertIn(want, draft)
        self.assertGreater(server.get(f"/api/kw/v1/incidents/{name}")["incident"]["impact"]["users"], 0)

    def test_fault_latency(self) -> None:
        self.fault("latency")
        wait_until(lambda: self.mean_during("api", "http_request_duration_seconds", 1, endpoint="/forecast") > 0.2,
                   "forecasts take over 0.2 s", 20)

    def test_fault_memory_growth(self) -> None:
        self.fault("memory-growth")
        self.assert_grows("api", "process_resident_memory_bytes", 16e6)

    def test_fault_cpu_burn(self) -> None:
        self.fault("cpu-burn")
        self.assert_grows("api", "process_cpu_seconds_total", 1)

    def test_fault_cache_flush(self) -> None:
        self.fault("cache-flush")
        self.assert_grows("api", "cache_operations_total", 2, operation="flush", result="ok")
        self.assert_grows("api", "cache_operations_total", 3, operation="get", result="miss")

    def test_fault_slow_query(self) -> None:
        self.fault("slow-query")
        wait_until(lambda: self.mean_during("api", "database_query_duration_seconds", 1) > 0.25,
                   "queries take over 0.25 s", 30)

    def test_fault_lock_contention(self) -> None:
        self.fault("lock-contention")
        wait_until(lambda: self.total("api", "database_lock_waiters") > 0, "sessions wait for a lock", 30)

    def test_fault_pool_exhaustion(self) -> None:
        self.fault("pool-exhaustion")
        wait_until(lambda: self.total("api", "database_pool_connections", state="used") ==
                   self.total("api", "database_pool_connections", state="max"), "the pool is used up", 20)
        self.assert_grows("api", "database_pool_timeouts_total")

    def test_fault_log_storm(self) -> None:
        self.fault("log-storm")
        self.assert_grows("api", "log_messages_total", 500, level="WARNING")

    def test_fault_brute_force(self) -> None:
        self.fault("brute-force")
        self.assert_grows("api", "auth_login_failed_total", 5)
        self.assert_grows("api", "security_events_total", 1, type="suspicious", reason="brute_force")

    def test_fault_sensitive_access(self) -> None:
        self.fault("sensitive-access")
        self.assert_grows("api", "data_access_total", 3, type="sensitive")
        self.assert_grows("api", "security_events_total", 2, reason="off_hours_access")

    def test_fault_weather_late(self) -> None:
        self.fault("weather-late")
        wait_until(lambda: max(value for name, _, value in self.series("api") if name == "weather_feed_age_seconds")
                   > 8 * 3600 + 1800, "the weather is late", 30)
        wait_until(lambda: self.health()[1]["status"] == "degraded", "the health says degraded", 20)

    def test_fault_input_drift(self) -> None:
        before = self.total("model", "model_drift_score", feature="temperature_change")
        self.fault("input-drift")
        wait_until(lambda: self.total("model", "model_drift_score", feature="temperature_change") > max(1.0, 1.5 * before),
                   "temperature_change drifts", 40)

    def test_fault_bad_model(self) -> None:
        def version() -> str:
            return next(labels["version"] for name, labels, _ in self.series("model") if name == "model_version_info")

        def accuracy() -> float:
            return min(value for name, labels, value in self.series("api")
                       if name == "model_prediction_accuracy_percent" and labels["horizon"] == "3h")

        good = version()
        self.fault("bad-model")
        wait_until(lambda: version() != good, "another version serves", 40)
        wait_until(lambda: accuracy() < 93, "the accuracy falls", 40)
        fetch(self.url("control", "/faults/bad-model"), "DELETE")
        wait_until(lambda: version() == good, "the good version serves again", 20)

    def test_fault_model_down(self) -> None:
        self.fault("model-down")
        wait_until(lambda: self.health()[0] == 503 and self.health()[1]["components"]["model"] is False,
                   "the health says that the model is away", 30)
        wait_until(lambda: self.total("api", "health_component_up", component="model") == 0, "so does the metric", 10)
        fetch(self.url("control", "/faults/model-down"), "DELETE")
        self.wait_healthy()

    def test_fault_database_down(self) -> None:
        self.fault("database-down")
        wait_until(lambda: self.health()[1]["components"]["database"] is False, "the database is away", 30)
        self.assert_grows("api", "database_queries_total", 1, status="error")
        fetch(self.url("control", "/faults/database-down"), "DELETE")
        self.wait_healthy()
        wait_until(lambda: fetch(self.url("gateway", "/forecast?zone=berlin"), headers=self.key)[0] == 200,
                   "forecasts are served again", 20)

    def test_a_cache_that_goes_away_and_comes_back(self) -> None:
        redis = json.loads((self.folder / "run" / "platform.json").read_text())["processes"]["redis"]
        os.kill(redis, signal.SIGSTOP)
        self.addCleanup(os.kill, redis, signal.SIGCONT)
        wait_until(lambda: self.health()[1]["components"]["cache"] is False, "the cache is away", 30)
        wait_until(lambda: self.total("api", "health_component_up", component="cache") == 0, "so says the metric", 20)
        wait_until(lambda: fetch(self.url("gateway", "/forecast?zone=berlin"), headers=self.key)[0] == 200,
                   "forecasts are served without it", 30)
        os.kill(redis, signal.SIGCONT)
        self.wait_healthy()
        wait_until(lambda: self.total("api", "health_component_up", component="cache") == 1, "the metric too", 20)

    def test_unknown_faults_are_refused(self) -> None:
        self.assertEqual(fetch(self.url("control", "/faults/none"), "POST")[0], 404)
        self.assertEqual(fetch(self.url("control", "/faults/errors?for=never"), "POST")[0], 400)
        status, text = fetch(self.url("control", "/faults"))
        self.assertEqual(status, 200)
        tested = {name.removeprefix("test_fault_").replace("_", "-") for name in dir(self) if name.startswith("test_fault_")}
        self.assertEqual({fault["name"] for fault in json.loads(text)}, tested)  # each fault has its test


if __name__ == "__main__":
    unittest.main()
