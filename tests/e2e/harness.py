"""What the end-to-end tests share: real servers on free loopback ports, stopped by their process ids.

KW_BINARY names the kilowatch binary (CTest sets it). Every process that a test starts is killed when the test
ends, however it ends, and its log is printed when the test fails.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("KW_BINARY", str(ROOT / "build" / "release" / "kilowatch"))
FULL = os.environ.get("KW_FULL") == "1"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition: Callable[[], object], what: str, seconds: float = 30) -> object:
    """Polls until `condition` gives something true; the last exception or value is in the failure."""
    deadline = time.monotonic() + seconds
    last: object = None
    while time.monotonic() < deadline:
        try:
            last = condition()
            if last:
                return last
        except (OSError, AssertionError, urllib.error.URLError, KeyError, IndexError) as error:
            last = error
        time.sleep(0.05)
    raise AssertionError(f"after {seconds} s still not: {what} (last: {last!r})")


class Process:
    """A program in the background with its output in a file."""

    def __init__(self, name: str, arguments: list[str], folder: pathlib.Path, env: dict[str, str] | None = None):
        self.name = name
        self.log_path = folder / f"{name}.log"
        self.log_file = open(self.log_path, "ab")
        self.popen = subprocess.Popen(
            arguments, stdout=self.log_file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            env={**os.environ, **(env or {})})

    def log(self) -> str:
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def alive(self) -> bool:
        return self.popen.poll() is None

    def stop(self, sig: int = signal.SIGTERM, seconds: float = 30) -> int:
        if self.alive():
            self.popen.send_signal(sig)
            try:
                self.popen.wait(seconds)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()
                raise AssertionError(f"{self.name} did not stop within {seconds} s of signal {sig}") from None
        self.log_file.close()
        return self.popen.returncode


class Server:
    """A kilowatch serve: `url` once it is ready. The data directory outlives a restart."""

    def __init__(self, folder: pathlib.Path, config: str, flags: list[str] | None = None):
        self.folder = folder
        self.config_path = folder / "prometheus.yml"
        self.config_path.write_text(config, encoding="utf-8")
        self.flags = flags or []
        self.process: Process | None = None
        self.url = ""

    def start(self, wait_ready: bool = True) -> "Server":
        log_path = self.folder / "kilowatch.log"
        offset = log_path.stat().st_size if log_path.exists() else 0
        self.process = Process("kilowatch", [
            BINARY, "serve", f"--config.file={self.config_path}", f"--storage.path={self.folder / 'data'}",
            "--web.listen-address=127.0.0.1:0", "--web.enable-lifecycle", *self.flags], self.folder)

        def address() -> str | None:
            self.must_live()
            found = re.search(r"msg=listening address=(\S+)", self.process.log()[offset:])
            return found.group(1) if found else None

        self.url = "http://" + str(wait_until(address, "kilowatch listens", 60))
        if wait_ready:
            wait_until(lambda: self.ready(), "kilowatch is ready", 60)
        return self

    def must_live(self) -> None:
        if not self.process.alive():
            self.process.log_file.close()
            raise SystemError(f"kilowatch ended with {self.process.popen.returncode}:\n{self.process.log()}")

    def ready(self) -> bool:
        self.must_live()
        return self.status("/-/ready") == 200

    def stop(self) -> int:
        return self.process.stop()

    def kill(self) -> None:
        self.process.stop(signal.SIGKILL)

    def request(self, path: str, data: bytes | None = None, headers: dict[str, str] | None = None,
                method: str | None = None) -> tuple[int, bytes, dict[str, str]]:
        request = urllib.request.Request(self.url + path, data=data, headers=headers or {}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read(), dict(answer.headers)
        except urllib.error.HTTPError as error:
            return error.code, error.read(), dict(error.headers)

    def status(self, path: str) -> int:
        return self.request(path)[0]

    def get(self, path: str, **parameters: object) -> object:
        """The data of an API answer; fails unless it is a success."""
        query = urllib.parse.urlencode({k: str(v) for k, v in parameters.items()})
        status, body, _ = self.request(path + ("?" + query if query else ""))
        answer = json.loads(body)
        if status != 200 or answer["status"] != "success":
            raise AssertionError(f"{path} {parameters}: {status} {answer}")
        return answer["data"]

    def query(self, text: str, **parameters: object) -> list[dict]:
        return self.get("/api/v1/query", query=text, **parameters)["result"]

    def series_value(self, text: str, **parameters: object) -> float:
        """The value of the only series that `text` gives."""
        result = self.query(text, **parameters)
        if len(result) != 1:
            raise AssertionError(f"{text}: {len(result)} series, want 1: {result}")
        return float(result[0]["value"][1])


class Exporter:
    """A target that answers what the test says: `body` and `content_type` may change between scrapes."""

    def __init__(self, body: str | bytes | Callable[[], str | bytes],
                 content_type: str = "text/plain; version=0.0.4"):
        self.body = body
        self.content_type = content_type
        self.scrapes = 0
        self.accept = ""  # what the last scrape asked for
        exporter = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:  # noqa: N802 (the base class's name)
                text = exporter.body() if callable(exporter.body) else exporter.body
                payload = text if isinstance(text, bytes) else text.encode()
                exporter.scrapes += 1
                exporter.accept = self.headers.get("Accept", "")
                self.send_response(200)
                self.send_header("Content-Type", exporter.content_type)
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class EndToEndTest(unittest.TestCase):
    """A test with a folder of its own and processes that end with it."""

    def setUp(self) -> None:
        self.stack = contextlib.ExitStack()
        self.addCleanup(self.stack.close)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="kw-e2e-"))
        self.stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.processes: list[Process] = []
        self.last_logs: list[str] = []
        self.stack.callback(self._end_processes)

    def _end_processes(self) -> None:
        for process in self.processes:
            if process.alive():
                process.popen.kill()
                process.popen.wait()
            if not process.log_file.closed:
                process.log_file.close()

    def run(self, result: unittest.TestResult | None = None) -> unittest.TestResult | None:
        before = len(result.failures) + len(result.errors) if result else 0
        outcome = super().run(result)
        if result and len(result.failures) + len(result.errors) > before:
            for text in self.last_logs:
                print(text)
        return outcome

    def tearDown(self) -> None:
        self.last_logs = [f"--- {p.name} ---\n{p.log()[-6000:]}" for p in self.processes if p.log_path.exists()]

    def serve(self, config: str, flags: list[str] | None = None, folder: str = "kw") -> Server:
        path = self.folder / folder
        path.mkdir(exist_ok=True)
        server = Server(path, config, flags)
        self.restart(server)
        return server

    def restart(self, server: Server) -> None:
        server.start()
        self.processes.append(server.process)

    def program(self, name: str, arguments: list[str], env: dict[str, str] | None = None) -> Process:
        if shutil.which(arguments[0]) is None:
            self.skipTest(f"{arguments[0]} is not installed; ./kw test installs it")
        process = Process(name, arguments, self.folder, env)
        self.processes.append(process)
        return process

    def exporter(self, body: str | bytes | Callable[[], str | bytes],
                 content_type: str = "text/plain; version=0.0.4") -> Exporter:
        made = Exporter(body, content_type)
        self.stack.callback(made.close)
        return made

    def start_postgres(self, *settings: str) -> int:
        """A private PostgreSQL with a superuser `postgres` and no passwords on loopback; returns its port."""
        programs = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))
        if not programs:
            self.skipTest("postgresql is not installed; ./kw test installs it")
        folder = pathlib.Path(tempfile.mkdtemp(prefix="kw-e2e-pg-"))
        self.stack.callback(shutil.rmtree, folder, ignore_errors=True)
        # PostgreSQL refuses to run as root.
        as_postgres: list[str] = []
        if os.getuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
            as_postgres = ["runuser", "-u", "postgres", "--"]
        data, port = folder / "data", free_port()
        self.tool(*as_postgres, str(programs[-1] / "initdb"), "-D", str(data), "-A", "trust", "-U", "postgres")
        options = [part for setting in ("fsync=off", *settings) for part in ("-c", setting)]
        self.program("postgresql", [*as_postgres, str(programs[-1] / "postgres"), "-D", str(data), "-p", str(port),
                                    "-h", "127.0.0.1", "-k", str(folder), *options])
        return port

    def start_redis(self, *arguments: str) -> int:
        """A private Redis that keeps nothing; returns its port."""
        port = free_port()
        self.program("redis-server", ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "",
                                      "--dir", str(self.folder), *arguments])
        return port

    def tool(self, *arguments: str, stdin: bytes | None = None, expect: int | None = 0) -> str:
        """Runs a program to its end; returns its output. `expect` None: any exit code."""
        if shutil.which(arguments[0]) is None:
            self.skipTest(f"{arguments[0]} is not installed; ./kw test installs it")
        done = subprocess.run(arguments, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=120, check=False)
        text = done.stdout.decode(errors="replace")
        if expect is not None:
            self.assertEqual(done.returncode, expect, f"{arguments}: {text}")
        return text
