"""What ./kw up costs: the platform, its PostgreSQL and Redis, and Kilowatch, as they are after the start; and what a
scrape of a PostgreSQL with 5 000 statements takes.

    ./kw bench demo                a minute to settle, a minute to measure
    ./kw bench demo --quiet        the same without the platform's users
    ./kw bench statements

CPU is user and system time of all processes, those included that ended meanwhile, in percent of one core. Memory is
the sum of the processes' proportional sets (a page that PostgreSQL's processes share counts once) and of their resident
ones (where it counts for each).
"""

from __future__ import annotations

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

ROOT = pathlib.Path(__file__).resolve().parents[1]
KILOWATCH = ROOT / "build" / "release" / "kilowatch"
PLATFORM = ROOT / "build" / "release" / "energy-forecast"
TICKS = os.sysconf("SC_CLK_TCK")
PLATFORM_PORTS = ("api", "model", "gateway", "world", "control", "postgres", "redis")
STATEMENTS = 5000


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(condition, what: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
        except OSError:
            pass
        if time.monotonic() > deadline:
            sys.exit(f"after {seconds} s still not: {what}")
        time.sleep(0.1)


def query(port: int, text: str) -> list[dict]:
    url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": text})
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)["data"]["result"]


def ready(port: int) -> bool:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=5) as answer:
        return answer.status == 200


def family(roots: list[int]) -> list[int]:
    """The processes and all that descend from them."""
    children: dict[int, list[int]] = {}
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(path.parent.name))
    found, queue = [], list(roots)
    while queue:
        pid = queue.pop()
        found.append(pid)
        queue.extend(children.get(pid, []))
    return found


def cpu_seconds(pids: list[int]) -> float:
    """Their own, and that of their children that ended and were waited for."""
    ticks = 0
    for pid in pids:
        try:
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        ticks += sum(int(fields[i]) for i in (11, 12, 13, 14))
    return ticks / TICKS


def memory_mb(pids: list[int], key: str) -> float:
    kilobytes = 0
    for pid in pids:
        try:
            text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        kilobytes += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith(key + ":"))
    return kilobytes / 1024


def start(arguments: list[str], log: pathlib.Path) -> subprocess.Popen[bytes]:
    with open(log, "ab") as out:
        return subprocess.Popen(arguments, stdout=out, stderr=out, stdin=subprocess.DEVNULL)


def measure_demo(quiet: bool, settle_s: int = 60, measure_s: int = 60) -> dict:
    run = pathlib.Path(tempfile.mkdtemp(prefix="kw-demo-"))
    run.chmod(0o755)  # PostgreSQL's own user must reach its data
    ports = {name: free_port() for name in PLATFORM_PORTS}
    options = ["--requests-per-second=0"] if quiet else []
    platform = start([str(PLATFORM), "run", f"--run-folder={run / 'platform'}", *options,
                      *(f"--{name}-port={port}" for name, port in ports.items())], run / "platform.log")
    processes = [platform]
    try:
        began = time.monotonic()
        wait_for(lambda: "ready" in (run / "platform.log").read_text().splitlines(), "the platform is ready", 180)
        started_s = time.monotonic() - began
        port = free_port()
        config = subprocess.run([sys.executable, str(ROOT / "tools" / "kw" / "platform_config.py"), str(run), str(port)],
                                check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        processes.append(start([str(KILOWATCH), "serve", f"--config.file={config}", f"--storage.path={run / 'data'}",
                                f"--web.listen-address=127.0.0.1:{port}"], run / "kilowatch.log"))
        wait_for(lambda: ready(port), "Kilowatch is ready", 60)
        time.sleep(settle_s)

        def simulated() -> float:
            return float(query(port, 'max(simulated_time_seconds{job="api"})')[0]["value"][1])

        parts = {"kilowatch": [processes[1].pid], "platform": [platform.pid]}
        before = {name: cpu_seconds(family(roots)) for name, roots in parts.items()}
        clock, began = simulated(), time.monotonic()
        time.sleep(measure_s)
        seconds = time.monotonic() - began
        result = {"load of the machine": os.getloadavg()[0], "start of the platform, s": started_s,
                  "simulated hours a minute": (simulated() - clock) / seconds / 60}
        for name, roots in parts.items():
            pids = family(roots)
            result[f"CPU of {name}, % of a core"] = (cpu_seconds(pids) - before[name]) / seconds * 100
            result[f"memory of {name}, MB"] = memory_mb(pids, "Pss")
            result["… resident, MB"] = result.get("… resident, MB", 0.0) + memory_mb(pids, "Rss")
        result["CPU, % of a core"] = sum(value for key, value in result.items() if key.startswith("CPU of"))
        result["memory, MB"] = sum(value for key, value in result.items() if key.startswith("memory of"))
        result["targets up"] = len(query(port, "up == 1"))
        result["series"] = float(query(port, "prometheus_tsdb_head_series")[0]["value"][1])
        return result
    finally:
        for process in reversed(processes):
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait(60)
        shutil.rmtree(run, ignore_errors=True)


def measure_statements(scrapes: int = 20) -> dict:
    programs = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs:
        sys.exit("postgresql is not installed; ./kw test installs it")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="kw-statements-"))
    user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    if user:
        shutil.chown(folder, "postgres", "postgres")
    port, data = free_port(), folder / "data"
    subprocess.run([*user, str(programs[-1] / "initdb"), "-D", str(data), "-A", "trust", "-U", "postgres"], check=True,
                   stdout=subprocess.DEVNULL)
    processes = [start([*user, str(programs[-1] / "postgres"), "-D", str(data), "-p", str(port), "-h", "127.0.0.1",
                        "-k", str(folder), "-c", "shared_preload_libraries=pg_stat_statements",
                        "-c", f"pg_stat_statements.max={2 * STATEMENTS}"], pathlib.Path(os.devnull))]
    psql = ["psql", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "-Atq", "-v", "ON_ERROR_STOP=1"]
    own = pathlib.Path(tempfile.mkdtemp(prefix="kw-statements-kw-"))
    try:
        wait_for(lambda: subprocess.run([*psql, "-c", "SELECT 1"], capture_output=True, check=False).returncode == 0,
                 "PostgreSQL answers", 60)
        # 50 tables, each asked with lists of 1 to 100: a list of another length is another statement.
        tables, lengths = 50, STATEMENTS // 50
        make = "".join(f"CREATE TABLE t{i} (a int);\n" for i in range(tables))
        texts = "".join(f"SELECT count(*) FROM t{i} WHERE a IN ({', '.join(['1'] * (n + 1))});\n" for i in range(tables)
                        for n in range(lengths))
        script = "CREATE EXTENSION pg_stat_statements;\n" + make + texts
        subprocess.run([*psql, "-f", "-"], input=script.encode(), check=True, stdout=subprocess.DEVNULL)
        distinct = int(subprocess.run([*psql, "-c", "SELECT count(*) FROM pg_stat_statements"], check=True,
                                      stdout=subprocess.PIPE, text=True).stdout)
        kilowatch = free_port()
        (own / "prometheus.yml").write_text(f"""\
global: {{scrape_interval: 1s}}
collectors:
  host: {{enabled: false}}
  postgres:
    - dsn: postgresql://postgres@127.0.0.1:{port}/postgres
""", encoding="utf-8")
        processes.append(start([str(KILOWATCH), "serve", f"--config.file={own / 'prometheus.yml'}",
                                f"--storage.path={own / 'data'}", f"--web.listen-address=127.0.0.1:{kilowatch}"],
                               own / "log"))
        wait_for(lambda: query(kilowatch, "pg_up == 1"), "the collector has asked", 60)
        time.sleep(scrapes)
        taken = [float(value) * 1000 for _, value in query(kilowatch, 'scrape_duration_seconds{job="postgres"}[1m]')[0]["values"]]
        return {"load of the machine": os.getloadavg()[0], "statements": distinct, "scrapes": len(taken),
                "median, ms": statistics.median(taken), "slowest, ms": max(taken),
                "series": float(query(kilowatch, 'count({job="postgres"})')[0]["value"][1])}
    finally:
        for process in processes[1:]:
            process.send_signal(signal.SIGTERM)
        # The server itself: runuser keeps an interrupt to itself.
        os.kill(int((data / "postmaster.pid").read_text().splitlines()[0]), signal.SIGINT)
        for process in processes:
            process.wait(60)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(own, ignore_errors=True)


def report(title: str, result: dict) -> None:
    print(f"\n{title}")
    for name, value in result.items():
        print(f"  {name:32} {value:12.1f}")
