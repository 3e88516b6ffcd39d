"""Every query of the guide, taken out of its text, asked of a running server: each must give a plausible answer.

    ./kw up                                                          in one terminal
    python3 tests/guide/guide_queries.py [URL [GUIDE.md]]            in another; http://localhost:9090

The text is tests/guide/queries.md: the headings of the guide and all its blocks that hold a query, word for word;
guide_queries_test.py compares it with the guide where that lies beside the tree. A query that has no bounds below is an
error, so that none is left out when the text grows. A server that has just started needs some minutes: the rules read
rates, and an accuracy is known when its actuals have arrived.
"""

from __future__ import annotations

import json
import pathlib
import re
import sys
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass

TEXT = pathlib.Path(__file__).resolve().parent / "queries.md"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(?:#{2,3} .+|\d+\. \*\*.+\*\*)$")
THRESHOLD = re.compile(r"\s[<>]\s*[\d.e]+$")


@dataclass(frozen=True)
class Query:
    title: str  # of the comment, the panel or the alert
    text: str   # word for word; an alert's without its threshold, since one that does not fire answers nothing


# What is plausible: (least, most) of every value. NaN is none: a ratio of something that nobody asked (P07).
PLAUSIBLE = {
    "rate(process_cpu_seconds_total[5m])": (0, 64),
    "process_cpu_seconds_total": (0, 1e9),
    "process_resident_memory_bytes": (1e5, 1e11),
    "node_filesystem_avail_bytes": (0, 1e16),
    "rate(node_network_transmit_bytes_total[5m])": (0, 1e12),
    "rate(node_network_receive_bytes_total[5m])": (0, 1e12),
    "node_network_transmit_bytes_total": (0, 1e18),
    "node_netstat_Tcp_CurrEstab": (1, 1e6),
    "histogram_quantile(0.95, sum(rate(http_request_duration_seconds_bucket[5m])) by (le))": (0.0001, 10),
    "histogram_quantile(0.95, http_request_duration_seconds_bucket)": (0.00001, 100),
    "rate(http_requests_total[5m])": (0, 1e4),
    'rate(http_requests_total{status=~"5.."}[5m])': (0, 1e4),
    "histogram_quantile(0.95, sum(rate(model_inference_duration_seconds_bucket[5m])) by (le))": (0.00001, 1),
    "model_inference_duration_seconds": (0.00001, 1),
    "model_prediction_accuracy_percent": (50, 100),
    "model_version_info": (1, 1),
    "model_training_status": (0, 3),
    "model_feature_importance": (0, 1),
    "pg_stat_activity_count": (0, 1000),
    "rate(pg_stat_statements_total[5m])": (0, 1e5),
    "pg_stat_database_blks_hit / (pg_stat_database_blks_hit + pg_stat_database_blks_read)": (0, 1),
    "redis_memory_used_bytes": (1e5, 1e10),
    "redis_keyspace_hits_total / (redis_keyspace_hits_total + redis_keyspace_misses_total)": (0, 1),
    "redis_connected_clients": (1, 1e4),
    "rate(auth_login_failed_total[5m])": (0, 1000),
    "rate(api_key_requests_total[5m])": (0, 1000),
    'rate(security_events_total{type="suspicious"}[5m])': (0, 1000),
    'rate(data_access_total{type="sensitive"}[5m])': (0, 1000),
    'encryption_enabled{service="all"}': (0, 1),
    "rate(audit_events_total[5m])": (0, 1000),
    "error_rate": (0, 1),
    "api_latency_p95": (0.00001, 10),
    "cpu_usage": (0, 100.5),
    "cache_hit_rate": (0, 1),
}

# What the guide writes and PromQL answers with nothing, and what is asked instead (docs/pack-energy-forecast.md).
ADAPTED = {
    # P05: a classic histogram has no series of its bare name; its quantile stands for it.
    "model_inference_duration_seconds":
        "histogram_quantile(0.95, sum by (le) (rate(model_inference_duration_seconds_bucket[5m])))",
}


def depth(heading: str) -> int:
    return len(heading) - len(heading.lstrip("#")) or 4


def excerpt(guide: str) -> str:
    """All blocks of the guide that hold a query, with the headings above them."""
    kept: list[str] = []
    headings: list[str] = []  # above the block, those not yet kept
    block: list[str] | None = None
    for line in guide.splitlines():
        if block is not None:
            block.append(line)
            if line == "```":
                if queries("\n".join(block)):
                    kept += [line for heading in headings for line in (heading, "")] + [*block, ""]
                    headings = []
                block = None
        elif line.startswith("```"):
            block = [line]
        elif HEADING.match(line):
            headings = [one for one in headings if depth(one) < depth(line)] + [line]
    return "\n".join(kept)


def queries(text: str) -> list[Query]:
    """The queries of all blocks: expressions under # titles, panels of `Title: expression`, `expr:` of alerts."""
    found = []
    for language, body in FENCE.findall(text):
        lines = [line.strip() for line in body.splitlines() if line.strip()]
        title = ""
        for line in lines:
            if language == "prometheus":
                if line.startswith("#"):
                    title = line.lstrip("# ")
                else:
                    found.append(Query(title, line))
            elif language == "grafana" and not line.startswith("#"):
                found.append(Query(*line.split(": ", 1)))
            elif language == "yaml":
                if named := re.match(r"(?:- )?alert: (.+)", line):
                    title = named.group(1)
                elif line.startswith("expr: "):
                    found.append(Query(title, THRESHOLD.sub("", line.removeprefix("expr: "))))
    return found


def verdict(query: Query, ask: Callable[[str], list[dict]]) -> str:
    """What is wrong with the answer, or nothing. Errors: KeyError for a query without bounds."""
    low, high = PLAUSIBLE[query.text]
    values = [float(series["value"][1]) for series in ask(ADAPTED.get(query.text, query.text))]
    values = [value for value in values if value == value]
    if not values:
        return "no answer"
    if not all(low <= value <= high for value in values):
        return f"{min(values):g} to {max(values):g}, want {low:g} to {high:g}"
    return ""


def main(arguments: list[str]) -> int:
    url = (arguments[0] if arguments else "http://localhost:9090").rstrip("/")
    text = pathlib.Path(arguments[1] if len(arguments) > 1 else TEXT).read_text(encoding="utf-8")

    def ask(expression: str) -> list[dict]:
        with urllib.request.urlopen(f"{url}/api/v1/query?" + urllib.parse.urlencode({"query": expression}), timeout=30) as answer:
            return json.load(answer)["data"]["result"]

    wrong = 0
    for query in queries(text):
        what = verdict(query, ask)
        wrong += bool(what)
        print(f"{'ok' if not what else 'WRONG':<6} {query.title}: {query.text}" + (f": {what}" if what else ""))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
