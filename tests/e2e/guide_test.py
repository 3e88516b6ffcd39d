"""The guide's configuration and system queries, verbatim, on a running server with real clients."""

import json
import time
import unittest

from guide_texts import GUIDE_CONFIG
from harness import ROOT, EndToEndTest, free_port, wait_until

# A short interval, so that rate() has its two samples soon.
QUICK_CONFIG = """\
global:
  scrape_interval: 1s
collectors:
  scrape_interval: 1s
"""

SYSTEM_QUERIES = [
    "rate(process_cpu_seconds_total[5m])",
    "process_resident_memory_bytes",
    "node_filesystem_avail_bytes",
    "rate(node_network_transmit_bytes_total[5m])",
    "rate(node_network_receive_bytes_total[5m])",
    "node_netstat_Tcp_CurrEstab",
]


class GuideConfiguration(EndToEndTest):
    # guide: G001, G191, G192, G193, G195
    def test_loads_verbatim_and_shows_its_two_targets_down(self) -> None:
        server = self.serve(GUIDE_CONFIG)

        def targets() -> dict[str, dict]:
            active = server.get("/api/v1/targets")["activeTargets"]
            return {t["labels"]["job"]: t for t in active if t["labels"]["job"] in ("api", "model-service")}

        self.assertEqual({job: t["scrapeUrl"] for job, t in targets().items()}, {
            "api": "http://localhost:8000/metrics", "model-service": "http://localhost:8001/metrics"})
        wait_until(lambda: all(t["health"] == "down" and t["lastError"] for t in targets().values()),
                   "both targets are down, with the reason", 30)
        self.assertEqual(server.series_value('up{job="api"}'), 0)
        self.assertIn("scrape_interval: 15s", server.get("/api/v1/status/config")["yaml"])


class SystemQueries(EndToEndTest):
    # guide: G017, G018, G019, G020, G021, G022, P19
    def test_every_system_query_of_the_guide_returns_live_series(self) -> None:
        server = self.serve(QUICK_CONFIG)
        for query in SYSTEM_QUERIES:
            with self.subTest(query):
                wait_until(lambda q=query: server.query(q), f"{query} has series", 30)
        cores = server.query("rate(process_cpu_seconds_total[5m])")
        self.assertTrue(all(0 <= float(s["value"][1]) < 64 for s in cores), cores)


class ExampleConfiguration(EndToEndTest):
    # guide: G017, G018, G019, G020, G021, G022, P19
    def test_every_system_query_is_live_a_minute_after_the_start(self) -> None:
        example = (ROOT / "packaging" / "kilowatch.example.yml").read_text(encoding="utf-8")
        started = time.monotonic()
        server = self.serve(example)
        for query in SYSTEM_QUERIES:
            left = started + 60 - time.monotonic()
            wait_until(lambda q=query: server.query(q), f"{query} has series within a minute of the start", left)


class RealClients(EndToEndTest):
    def test_promtool_asks_and_accepts_our_metrics(self) -> None:
        server = self.serve(QUICK_CONFIG)
        wait_until(lambda: len(server.query("up")) >= 1, "something is scraped")
        url = server.url
        self.assertIn("up{", self.tool("promtool", "query", "instant", url, "up"))
        answer = self.tool("promtool", "query", "range", "-o", "json", url, "up", "--step=1s")
        self.assertTrue(json.loads(answer))
        self.assertIn("up", self.tool("promtool", "query", "series", "--match=up", url))
        self.assertIn("up", self.tool("promtool", "query", "labels", url, "__name__"))
        metrics = server.request("/metrics")[1]
        self.assertEqual(self.tool("promtool", "check", "metrics", stdin=metrics), "")


class Exporters(EndToEndTest):
    """Debian's exporters beside a private PostgreSQL and a private Redis, all on free ports."""

    # guide: G001, G031, G032, G034
    def test_node_postgres_and_redis_exporters_are_scraped(self) -> None:
        postgres, redis = self.start_postgres(), self.start_redis()
        ports = {name: free_port() for name in ("node", "postgres", "redis")}
        self.program("node", ["prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{ports['node']}"])
        self.program("postgres", ["prometheus-postgres-exporter",
                                  f"--web.listen-address=127.0.0.1:{ports['postgres']}"],
                     {"DATA_SOURCE_NAME": f"postgresql://postgres@127.0.0.1:{postgres}/postgres?sslmode=disable"})
        self.program("redis", ["prometheus-redis-exporter", f"-redis.addr=redis://127.0.0.1:{redis}",
                               f"-web.listen-address=127.0.0.1:{ports['redis']}"])
        jobs = "".join(f"  - job_name: {name}\n    static_configs: [{{targets: ['127.0.0.1:{port}']}}]\n"
                       for name, port in ports.items())
        server = self.serve("global: {scrape_interval: 2s, scrape_timeout: 2s}\nscrape_configs:\n" + jobs)
        wait_until(lambda: len(server.query('up{job=~"node|postgres|redis"} == 1')) == 3, "all three are up", 60)
        self.assertGreater(server.series_value('count({job="node"})'), 200)
        for query in ("pg_up == 1", "redis_up == 1", "redis_memory_used_bytes > 0", "redis_connected_clients > 0",
                      'pg_stat_database_blks_hit{datname="postgres"}'):
            wait_until(lambda q=query: server.query(q), f"{query} answers", 30)
        types = server.get("/api/v1/metadata", metric="node_cpu_seconds_total")
        self.assertEqual(types["node_cpu_seconds_total"][0]["type"], "counter")


if __name__ == "__main__":
    unittest.main(verbosity=2)
