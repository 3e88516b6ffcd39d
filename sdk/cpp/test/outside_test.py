"""Installs the SDK, builds a project of its own against the package, runs it, and looks at what it shows and sends.

    cmake --install ──▶ prefix ──find_package──▶ outside/ ──▶ /metrics, profiles, logs, OTLP
"""

import gzip
import http.server
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading
import unittest
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
BUILD = pathlib.Path(os.environ["KW_SDK_BUILD"])  # the SDK's build folder
COMPILER = os.environ["KW_CXX"]


class Receiver(http.server.BaseHTTPRequestHandler):
    """Keeps the bodies of OTLP requests, unpacked, by path."""

    received: dict[str, list[bytes]] = {}

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.received.setdefault(self.path, []).append(body)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def run(*command: object) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{command}:\n{done.stdout}\n{done.stderr}")
    return done.stdout


class OutsideProject(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="kw-sdk-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        run("cmake", "--install", BUILD, "--prefix", cls.folder / "prefix")
        run("cmake", "-G", "Ninja", "-S", HERE / "outside", "-B", cls.folder / "build",
            f"-DCMAKE_PREFIX_PATH={cls.folder / 'prefix'}", f"-DCMAKE_CXX_COMPILER={COMPILER}",
            "-DCMAKE_BUILD_TYPE=RelWithDebInfo")
        run("cmake", "--build", cls.folder / "build")
        cls.program = cls.folder / "build" / "outside"

    def setUp(self) -> None:
        Receiver.received = {}
        self.receiver = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        threading.Thread(target=self.receiver.serve_forever, daemon=True).start()
        self.addCleanup(self.receiver.server_close)
        self.addCleanup(self.receiver.shutdown)
        self.log = (self.folder / "log").open("w+", encoding="utf-8")
        self.addCleanup(self.log.close)
        self.process = subprocess.Popen(
            [self.program], stdin=subprocess.PIPE, stdout=self.log, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.receiver.server_port}",
                 "no_proxy": "127.0.0.1"})
        self.addCleanup(self.finish)
        self.port = int(self.process.stderr.readline().split()[1])
        self.assertNotEqual(self.port, 0)

    def finish(self) -> int:
        """Ends the program as its user would; its status."""
        if not self.process.stdin.closed:
            self.process.stdin.close()
        status = self.process.wait(30)
        self.process.stderr.close()
        return status

    def get(self, target: str, accept: str = "*/*") -> tuple[str, bytes]:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{target}", headers={"Accept": accept})
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
            return answer.headers["Content-Type"], answer.read()

    def test_shows_metrics_in_three_forms(self) -> None:
        for _ in range(100):  # the first request ends soon
            kind, text = self.get("/metrics")
            if b'http_requests_total{status="200"}' in text:
                break
        self.assertTrue(kind.startswith("text/plain; version=0.0.4"))
        self.assertIn(b'http_requests_total{status="200"} ', text)
        self.assertIn(b"process_resident_memory_bytes ", text)
        _, text = self.get("/metrics", "application/openmetrics-text; version=1.0.0")
        self.assertRegex(text, rb'model_inference_duration_seconds_bucket\{le="[^"]+"\} \d+ # \{trace_id="[0-9a-f]{32}"')
        self.assertTrue(text.endswith(b"# EOF\n"))
        kind, body = self.get("/metrics", "application/vnd.google.protobuf;"
                              "proto=io.prometheus.client.MetricFamily;encoding=delimited")
        self.assertIn("vnd.google.protobuf", kind)
        self.assertIn(b"model_inference_duration_seconds", body)

    def test_profiles_name_model_inference(self) -> None:
        _, packed = self.get("/debug/pprof/profile?seconds=1")
        self.assertIn(b"model_inference", gzip.decompress(packed))
        _, legacy = self.get("/debug/pprof/profile?seconds=1&format=legacy")
        if not shutil.which("google-pprof") or not shutil.which("nm"):
            self.skipTest("google-pprof (google-perftools, binutils) is not installed")
        profile = self.folder / "profile"
        profile.write_bytes(legacy)
        table = run("google-pprof", "--text", self.program, profile)
        line = next((one for one in table.splitlines() if "model_inference" in one), "")
        self.assertTrue(line, table)
        cumulative = float(line.split()[4].rstrip("%"))
        self.assertGreater(cumulative, 50, table)

    def test_sends_all_signals_and_ends(self) -> None:
        self.get("/debug/pprof/profile?seconds=1")  # meanwhile it works
        self.assertEqual(self.finish(), 0)
        self.assertEqual({"/v1/traces", "/v1/logs", "/v1/metrics"}, set(Receiver.received))
        spans = b"".join(Receiver.received["/v1/traces"])
        for text in (b"GET /forecast", b"service.name", b"request_id", b"r-1", b"model_version", b"environment"):
            self.assertIn(text, spans)
        self.assertIn(b"Request processed", b"".join(Receiver.received["/v1/logs"]))
        self.assertIn(b"http_requests_total", b"".join(Receiver.received["/v1/metrics"]))
        self.log.seek(0)
        lines = [json.loads(line) for line in self.log]
        self.assertGreater(len(lines), 1)
        for line in lines:
            self.assertEqual(("INFO", "api", "Request processed"), (line["level"], line["service"], line["message"]))
            self.assertRegex(line["timestamp"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")
            self.assertRegex(line["trace_id"], r"^[0-9a-f]{32}$")
            self.assertEqual(("r-1", "/forecast"), (line["metadata"]["request_id"], line["metadata"]["endpoint"]))


class Page(unittest.TestCase):
    def test_shows_the_program_that_is_tested(self) -> None:
        page = (ROOT / "docs" / "sdk-cpp.md").read_text(encoding="utf-8")
        blocks = re.findall(r"^```text\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
        for file in ("main.cc", "CMakeLists.txt"):
            text = (HERE / "outside" / file).read_text(encoding="utf-8")
            self.assertIn(text, blocks, f"docs/sdk-cpp.md must show sdk/cpp/test/outside/{file} as it is")


if __name__ == "__main__":
    unittest.main()
