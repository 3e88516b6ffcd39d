"""Exemplars: scraped from OpenMetrics text and pushed by remote write, found again by query_exemplars as Prometheus answers
it; they are there after a restart and kill -9; the bound on how many there are acts on a reload."""

import json
import time
import unittest

from harness import EndToEndTest, Server, wait_until
from remote_write import field, integer, number, snappy

CONFIG = """\
global: {{scrape_interval: 200ms}}
collectors: {{host: {{enabled: false}}, process: {{enabled: false}}}}
storage: {{exemplars: {{max_exemplars: {bound}}}}}
scrape_configs:
  - job_name: api
    static_configs: [{{targets: ['{address}']}}]
"""
OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TEXT = """\
# TYPE latency_seconds histogram
latency_seconds_bucket{{le="1.0"}} 8 # {{trace_id="abc",span="é"}} 0.67 {at}
latency_seconds_bucket{{le="+Inf"}} 8
latency_seconds_count 8
latency_seconds_sum 3.0
# TYPE requests counter
requests_total 8 # {{trace_id="def"}} 1.0
# EOF
"""


def pushed(at: int, exemplars: list[tuple[str, float, int]], has_sample: bool = True) -> bytes:
    labels = field(1, field(1, b"__name__") + field(2, b"jobs_total")) + field(1, field(1, b"job") + field(2, b"push"))
    body = labels + (field(2, number(1, 1.0) + integer(2, at)) if has_sample else b"")
    for trace, value, timestamp in exemplars:
        body += field(3, field(1, field(1, b"trace_id") + field(2, trace.encode())) + number(2, value) +
                      integer(3, timestamp))
    return field(1, body)


class Exemplars(EndToEndTest):
    def setUp(self) -> None:
        super().setUp()
        self.at = int(time.time())
        self.target = self.exporter(TEXT.format(at=f"{self.at}.123"), content_type=OPEN_METRICS)

    def found(self, server: Server, query: str, **parameters: object) -> list[dict]:
        return server.get("/api/v1/query_exemplars", query=query, **parameters)

    def push(self, server: Server, message: bytes) -> None:
        status, _, _ = server.request("/api/v1/write", data=snappy(message), headers={
            "Content-Type": "application/x-protobuf", "Content-Encoding": "snappy"})
        self.assertEqual(status, 204)

    def test_scraped_and_pushed_ones_are_found(self) -> None:
        server = self.serve(CONFIG.format(bound=100, address=self.target.address))
        wait_until(lambda: self.found(server, "latency_seconds_bucket"), "the first exemplar is there")
        self.assertEqual(self.found(server, "rate(latency_seconds_bucket[5m]) > 0"), [{
            "seriesLabels": {"__name__": "latency_seconds_bucket", "instance": self.target.address, "job": "api",
                             "le": "1.0"},
            "exemplars": [{"labels": {"span": "é", "trace_id": "abc"}, "value": "0.67",
                           "timestamp": self.at + 0.123}]}])
        self.assertEqual(self.found(server, "latency_seconds_bucket", start=self.at + 1, end=self.at + 2), [])
        # One without a time has its scrape's, and so there is a new one each time.
        wait_until(lambda: len(self.found(server, "requests_total")[0]["exemplars"]) >= 3, "three scrapes have been")

        at = self.at * 1000
        self.push(server, pushed(at, [("one", 1.0, at), ("one", 1.0, at), ("old", 1.0, at - 5), ("two", 2.5, at + 5)]))
        both = self.found(server, "sum(jobs_total) / latency_seconds_bucket")
        self.assertEqual([one["seriesLabels"]["__name__"] for one in both], ["jobs_total", "latency_seconds_bucket"])
        self.assertEqual([(one["labels"]["trace_id"], one["value"]) for one in both[0]["exemplars"]],
                         [("one", "1"), ("two", "2.5")])
        # As upstream answers a query without selectors.
        status, body, _ = server.request("/api/v1/query_exemplars", data=b"query=1%2B1", headers={
            "Content-Type": "application/x-www-form-urlencoded"})
        self.assertEqual((status, json.loads(body)), (200, {"status": "success"}))

    def test_a_converted_histogram_has_those_of_its_buckets(self) -> None:
        config = CONFIG.replace("job_name: api", "job_name: api\n    convert_classic_histograms_to_nhcb: true")
        server = self.serve(config.format(bound=100, address=self.target.address))
        series = wait_until(lambda: self.found(server, "latency_seconds"), "the histogram's exemplar is there")
        self.assertEqual(series[0]["exemplars"], [{"labels": {"span": "é", "trace_id": "abc"}, "value": "0.67",
                                                   "timestamp": self.at + 0.123}])

    def test_the_command_line_lists_them(self) -> None:
        server = self.serve(CONFIG.format(bound=100, address=self.target.address))
        self.push(server, pushed(self.at * 1000, [("one", 1.5, self.at * 1000)]))
        table = self.tool("query", "exemplars", server.url, "rate(jobs_total[5m])")
        self.assertRegex(table, r'SERIES +TIME +VALUE +LABELS\njobs_total\{job="push"\} .+ 1\.5 +\{trace_id="one"\}\n')
        answer = json.loads(self.tool("query", "exemplars", "--format=json", f"--start={self.at}", server.url,
                                      "jobs_total"))
        self.assertEqual(answer, self.found(server, "jobs_total"))
        self.assertEqual(json.loads(self.tool("query", "exemplars", "--format=json", f"--end={self.at - 1}", server.url,
                                              "jobs_total")), [])

    def test_errors_are_bad_data(self) -> None:
        server = self.serve(CONFIG.format(bound=3, address=self.target.address))
        for parameters, message in (("query=up&start=2&end=1", "end timestamp must not be before start timestamp"),
                                    ("query=up%7B", "parse error"), ("query=up&start=x", 'invalid parameter "start"')):
            status, body, _ = server.request("/api/v1/query_exemplars?" + parameters)
            self.assertEqual((status, json.loads(body)["errorType"]), (400, "bad_data"))
            self.assertIn(message, json.loads(body)["error"])

    def test_the_bound_acts_on_a_reload(self) -> None:
        server = self.serve(CONFIG.format(bound=3, address=self.target.address))
        at = self.at * 1000
        self.push(server, pushed(at, [(str(i), float(i), at + i) for i in range(5)]))

        def count() -> int:
            return sum(len(one["exemplars"]) for one in self.found(server, '{__name__=~".+"}'))

        wait_until(lambda: count() == 3, "three are kept")
        server.config_path.write_text(CONFIG.format(bound=0, address=self.target.address), encoding="utf-8")
        self.assertEqual(server.request("/-/reload", data=b"")[0], 200)
        wait_until(lambda: count() == 0, "none are kept")

    def test_they_are_there_after_a_restart_and_kill_9(self) -> None:
        def values() -> list[str]:
            series = self.found(server, "jobs_total")
            return [one["value"] for one in series[0]["exemplars"]] if series else []

        # Without the counter, whose exemplars are new ones with each scrape.
        target = self.exporter(TEXT.split("# TYPE requests")[0].format(at=f"{self.at}.123") + "# EOF\n",
                               content_type=OPEN_METRICS)
        server = self.serve(CONFIG.format(bound=100, address=target.address))
        at = self.at * 1000
        wait_until(lambda: self.found(server, "latency_seconds_bucket"), "a scraped one is there")
        scraped = self.found(server, "latency_seconds_bucket")
        self.push(server, pushed(at, [("one", 1.0, at)]))
        server.kill()  # at once: what was acknowledged or returned is in the log
        self.restart(server)
        self.assertEqual(values(), ["1"])
        self.assertEqual(self.found(server, "latency_seconds_bucket"), scraped)
        for value in range(2, 12):
            self.push(server, pushed(at, [("more", float(value), at + value)], has_sample=value % 2 == 0))
            if value % 5 == 0:
                server.kill()
                self.restart(server)
        self.assertEqual(values(), [str(value) for value in range(1, 12)])
        server.stop()
        server.config_path.write_text("storage: {exemplars: {max_exemplars: 4}}\n", encoding="utf-8")
        self.restart(server)
        self.assertEqual(values(), ["8", "9", "10", "11"])


if __name__ == "__main__":
    unittest.main()
