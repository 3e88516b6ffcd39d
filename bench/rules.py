"""./kw bench rules: rules at work, beside Debian's prometheus on the same data.

About 100 000 series (120 instances) are pushed, a quarter of an hour of them up to now. 1 000 rules in 100 groups of ten are
evaluated every 15 s: rates, ratios and quantiles of an instance, alerts over them, and sums over all instances. CPU is
the server's own user and system time over whole rounds, divided by them, so that what it does beside is in it on both
sides. Then 10 000 alerts that pend: the server is stopped and started, and takes over since when each is active.
"""

from __future__ import annotations

import pathlib
import re
import sys
import time
import urllib.request

INTERVAL_S = 15
GROUPS = 100
ROUNDS = 8
ALERTS = 10_000


def group_rules(group: int) -> list[str]:
    """Ten rules: nine of an instance, and one over all of them."""
    of = f'instance="10.0.0.{group + 1}:9100"'
    record = [
        ("cpu", f"sum by (mode) (rate(node_cpu_seconds_total{{{of}}}[5m]))"),
        ("requests", f"sum by (route, status) (rate(http_requests_total{{{of}}}[5m]))"),
        ("errors", f'sum(rate(http_requests_total{{{of},status=~"5.."}}[5m])) / sum(rate(http_requests_total{{{of}}}[5m]))'),
        ("p95", f"histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket{{{of}}}[5m])))"),
        ("p99", f"histogram_quantile(0.99, sum by (le, route) (rate(http_request_duration_seconds_bucket{{{of}}}[5m])))"),
        ("memory", f"1 - node_memory_MemAvailable_bytes{{{of}}} / node_memory_MemTotal_bytes{{{of}}}"),
        ("network", f"sum(rate(node_network_receive_bytes_total{{{of}}}[5m]))"),
    ]
    every = ("sum by (route) (rate(http_requests_total[5m]))", "max by (job) (process_resident_memory_bytes)",
             "avg by (mode) (rate(node_cpu_seconds_total[5m]))", "count by (job) (up or process_start_time_seconds)")
    lines = [f"  - record: instance:{name}\n    expr: '{expr}'\n" for name, expr in record]
    lines.append(f"  - alert: Slow\n    expr: 'instance:p95 > 0.5'\n    for: 5m\n    labels: {{group: g{group}}}\n"
                 "    annotations: {summary: '{{ $labels.instance }} takes {{ $value }}'}\n")
    lines.append(f"  - alert: Disk\n    labels: {{group: g{group}}}\n    expr: 'node_filesystem_avail_bytes{{{of}}} / node_filesystem_size_bytes < 0.05'\n"
                 "    for: 5m\n")
    # Every fifth group looks at everything once; the others at another series of the instance.
    lines.append(f"  - record: fleet:{group}\n    expr: '{every[group % len(every)]}'\n" if group % 5 == 0 else
                 f"  - record: instance:load\n    expr: 'node_load1{{{of}}}'\n")
    return [re.sub(r"(?m)^(  - record: .*\n.*\n)$", rf"\1    labels: {{group: g{group}}}\n", line) for line in lines]


def rule_file() -> str:
    return "groups:\n" + "".join(f"- name: g{group}\n  interval: {INTERVAL_S}s\n  rules:\n" +
                                 "".join(group_rules(group)) for group in range(GROUPS))


def own_metric(server, name: str, **labels: str) -> float:
    """The sum over its series."""
    with urllib.request.urlopen(server.url + "/metrics", timeout=60) as answer:
        text = answer.read().decode()
    wanted = [f'{key}="{value}"' for key, value in labels.items()]
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
               if re.match(rf"{name}[{{ ]", line) and all(label in line for label in wanted))


def measure_rounds(server, push) -> dict[str, float]:
    (server.folder / "rules.yml").write_text(rule_file(), encoding="utf-8")
    server.start()
    try:
        return rounds_of(server, push)
    finally:
        server.stop()


def rounds_of(server, push) -> dict[str, float]:
    push(server)
    before = own_metric(server, "prometheus_rule_evaluation_failures_total")
    # One round first: caches are warm, the series of the rules exist.
    time.sleep(INTERVAL_S)
    evaluations, missed = (own_metric(server, f"prometheus_rule_{what}_total")
                           for what in ("evaluations", "group_iterations_missed"))
    cpu, began = server.cpu_s(), time.monotonic()
    time.sleep(ROUNDS * INTERVAL_S)
    cpu, wall = server.cpu_s() - cpu, time.monotonic() - began
    evaluations = own_metric(server, "prometheus_rule_evaluations_total") - evaluations
    rounds = evaluations / (GROUPS * 10)
    return {
        "rules evaluated a round": evaluations / (wall / INTERVAL_S),
        "CPU a round, ms": cpu / rounds * 1000,
        "of one core, %": cpu / wall * 100,
        "memory, MiB": server.memory_bytes() / 2**20,
        "evaluations that failed": own_metric(server, "prometheus_rule_evaluation_failures_total") - before,
        "groups missed": own_metric(server, "prometheus_rule_group_iterations_missed_total") - missed,
        "samples written a round": own_metric(server, "prometheus_rule_group_last_evaluation_samples"),
    }


def wait_for(what: str, condition) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"after 120 s still not: {what}")
        time.sleep(0.1)


def alert_count(server, which: str = "ALERTS_FOR_STATE") -> int:
    result = server.query("instant", f"count({which})")[1]["result"]
    return int(result[0]["value"][1]) if result else 0


def measure_restart(server, push) -> dict[str, float]:
    """10 000 series of the fleet pend."""
    (server.folder / "rules.yml").write_text(
        "groups:\n- name: many\n  interval: 2s\n  rules:\n  - alert: Pends\n    for: 1h\n"
        # What was pushed may be older than the lookback by then.
        f"    expr: 'topk({ALERTS}, last_over_time(http_request_duration_seconds_bucket[1h]))'\n"
        "    annotations: {summary: '{{ $labels.instance }}'}\n", encoding="utf-8")
    server.start()
    try:
        return restart_of(server, push)
    finally:
        server.stop()


def restart_of(server, push) -> dict[str, float]:
    push(server)
    wait_for(f"{ALERTS} alerts pend", lambda: alert_count(server) >= ALERTS)
    server.stop()
    started, started_s = time.monotonic(), int(time.time()) + 1
    ready_s = server.start()
    # They are written only once their state is restored, with the third evaluation.
    wait_for("the alerts are restored", lambda: alert_count(server, f"timestamp(ALERTS_FOR_STATE) > {started_s}") >= ALERTS)
    return {
        "alerts that pend": alert_count(server),
        "start until ready, s": ready_s,
        "start until all are restored and written, s": time.monotonic() - started,
        # Later versions than Debian's tell.
        "of that, restoring their state, s": own_metric(server, "prometheus_rule_group_last_restore_duration_seconds"),
    }


CONFIG = "global: {scrape_interval: 1h, evaluation_interval: 15s}\nrule_files: [rules.yml]\n"


def measure(make_server, push, names: list[str], folder: pathlib.Path) -> dict[str, dict[str, float]]:
    """`make_server(name, folder, config)`; `push(server)` fills it up to now."""
    rows: dict[str, dict[str, float]] = {}
    for name in names:
        print(f"… {name}: {GROUPS * 10} rules, then {ALERTS} alerts over a restart", file=sys.stderr)
        rows[name] = measure_rounds(make_server(name, folder / f"{name}-rules", CONFIG), push)
        print(rows[name], file=sys.stderr)
        rows[name].update(measure_restart(make_server(name, folder / f"{name}-alerts", CONFIG), push))
        print(rows[name], file=sys.stderr)
    return rows


def report(rows: dict[str, dict[str, float]]) -> None:
    names = list(rows)
    print("| " + " | ".join(["", *names, *(f"{name} / {names[0]}" for name in names[1:])]) + " |")
    print("|" + "---|" * (2 * len(names)))
    for what, first in rows[names[0]].items():
        values = [rows[name][what] for name in names]
        ratios = [f"{value / first:.2f}" if first else "" for value in values[1:]]
        print("| " + " | ".join([what, *(f"{value:,.3g}" if value < 1000 else f"{value:,.0f}" for value in values),
                                 *ratios]) + " |")
