"""Kilowatch beside Debian's prometheus-alertmanager: a flood of firing alerts on the same routes.

    python3 bench/alerts.py                  10 000 alerts, 50 teams
    python3 bench/alerts.py --alerts 50000

The alerts are posted in batches of 1 000 to /api/v2/alerts, three times, then asked for. CPU is the server's own user
and system time. Groups wait for an hour, so that nothing is sent. Servers run one after the other.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[1]
KILOWATCH = ROOT / "build" / "release" / "kilowatch"
TICKS = os.sysconf("SC_CLK_TCK")
TEAM_COUNT = 50
BATCH = 1000


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def configuration() -> str:
    """A route for each team with one below for critical alerts, and an inhibition rule."""
    routes = "".join(f"""\
    - receiver: team{i}
      matchers: ['{f'team = team{i}' if i % 2 == 0 else f'team =~ "team{i}|x"'}']
      routes: [{{receiver: team{i}, matchers: ['severity = critical']}}]
""" for i in range(TEAM_COUNT))
    return ("route:\n  receiver: default\n  group_by: [alertname, service]\n  group_wait: 1h\n  routes:\n" + routes +
            "inhibit_rules:\n  - source_matchers: ['severity = critical']\n    target_matchers: ['severity = warning']\n"
            "    equal: [service, instance]\nreceivers:\n  - name: default\n" +
            "".join(f"  - name: team{i}\n" for i in range(TEAM_COUNT)))


def alerts(count: int) -> list[dict]:
    return [{"labels": {"alertname": f"Alert{i % 20}", "instance": f"host{i}:9100", "job": "node",
                        "service": f"service{i % 100}", "severity": "critical" if i % 3 == 0 else "warning",
                        "team": f"team{i % TEAM_COUNT}"},
             "annotations": {"summary": "something is wrong"}, "generatorURL": "http://localhost:9090/graph"}
            for i in range(count)]


class Server:
    def __init__(self, command: list[str], port: int, log: pathlib.Path):
        self.url = f"http://127.0.0.1:{port}"
        self.log_file = log.open("wb")
        self.process = subprocess.Popen(command, stdout=self.log_file, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + 60
        while True:
            try:
                self.ask("/-/ready")
                return
            except (urllib.error.URLError, OSError):
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise SystemExit(f"{command[0]} does not answer:\n{log.read_text()}") from None
                time.sleep(0.1)

    def ask(self, path: str, body: object = None) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.read()

    def cpu_seconds(self) -> float:
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident_mb(self) -> float:
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        self.log_file.close()


def measure(server: Server, count: int) -> dict[str, float]:
    """Seconds of wall and CPU time, and resident MB."""
    batches = [alerts(count)[start:start + BATCH] for start in range(0, count, BATCH)]
    figures: dict[str, float] = {}
    for name in ("new alerts, posted", "the same again", "and again"):
        cpu, begin = server.cpu_seconds(), time.monotonic()
        for batch in batches:
            server.ask("/api/v2/alerts", batch)
        figures[f"{name}, s"] = time.monotonic() - begin
        figures[f"{name}, CPU s"] = server.cpu_seconds() - cpu
    for name, path in (("all alerts, asked for", "/api/v2/alerts"), ("all groups, asked for", "/api/v2/alerts/groups")):
        cpu, begin = server.cpu_seconds(), time.monotonic()
        answer = json.loads(server.ask(path))
        figures[f"{name}, s"] = time.monotonic() - begin
        figures[f"{name}, CPU s"] = server.cpu_seconds() - cpu
        found = len(answer) if path.endswith("alerts") else sum(len(group["alerts"]) for group in answer)
        if found != count:
            raise SystemExit(f"{server.url}{path} gives {found} alerts, posted {count}")
    figures["resident memory, MB"] = server.resident_mb()
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alerts", type=int, default=10_000, help="how many (default 10000)")
    options = parser.parse_args()
    rows: dict[str, dict[str, float]] = {}
    for name in ("Kilowatch", "Alertmanager"):
        with tempfile.TemporaryDirectory() as folder_name:
            folder, port = pathlib.Path(folder_name), free_port()
            (folder / "alertmanager.yml").write_text(configuration(), encoding="utf-8")
            (folder / "kw.yml").write_text("global: {scrape_interval: 1h}\n", encoding="utf-8")
            command = {"Kilowatch": [str(KILOWATCH), "serve", f"--config.file={folder}/kw.yml",
                                     f"--alertmanager.config.file={folder}/alertmanager.yml",
                                     f"--storage.path={folder}/data", f"--web.listen-address=127.0.0.1:{port}"],
                       "Alertmanager": ["prometheus-alertmanager", f"--config.file={folder}/alertmanager.yml",
                                        f"--storage.path={folder}/data", f"--web.listen-address=127.0.0.1:{port}",
                                        "--cluster.listen-address="]}[name]
            server = Server(command, port, folder / "log")
            try:
                rows[name] = measure(server, options.alerts)
            finally:
                server.stop()
    print("| | Kilowatch | Alertmanager | ratio |\n|---|---:|---:|---:|")
    for key, ours in rows["Kilowatch"].items():
        theirs = rows["Alertmanager"][key]
        print(f"| {key} | {ours:.2f} | {theirs:.2f} | {theirs / max(ours, 0.01):.1f} |")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
