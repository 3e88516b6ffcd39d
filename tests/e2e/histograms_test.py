"""Native histograms from the wire to the query: scraped as protobuf, converted from text, pushed by remote write; their
quantiles are right, also after a kill -9, a restart, and a move into blocks."""

import time
import unittest

import remote_write
from harness import EndToEndTest, Server, wait_until
from remote_write import deltas, field, integer, number, span, varint, zigzag

PROTOBUF = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
CONFIG = """\
global: {{scrape_interval: 200ms, scrape_native_histograms: {native}, convert_classic_histograms_to_nhcb: {convert}}}
collectors: {{host: {{enabled: false}}, process: {{enabled: false}}}}
scrape_configs:
  - job_name: api
    static_configs: [{{targets: ['{address}']}}]
"""


def delimited(family: bytes) -> bytes:
    return varint(len(family)) + family


class Growing:
    """Each scrape finds ten more observations in (1, 2] and ten in (2, 4]: three quarters are below 2 * sqrt(2)."""

    def __init__(self) -> None:
        self.scrapes = 0

    def protobuf(self) -> bytes:
        self.scrapes += 1
        count = 10 * self.scrapes
        classic = b"".join(field(3, integer(1, up_to) + number(2, bound))
                           for bound, up_to in ((2.0, count), (4.0, 2 * count)))
        histogram = (integer(1, 2 * count) + number(2, 4.5 * count) + classic + integer(5, zigzag(0)) +
                     number(6, 2.0 ** -128) + field(12, span(1, 2)) + field(13, deltas([count, count])))
        latency = (field(1, b"latency_seconds") + field(2, b"How long requests took.") + integer(3, 4) +
                   field(4, field(1, field(1, b"path") + field(2, b"/")) + field(7, histogram)))
        requests = field(1, b"requests_total") + integer(3, 0) + field(4, field(3, number(1, float(2 * count))))
        return delimited(latency) + delimited(requests)

    def text(self) -> str:
        self.scrapes += 1
        count = 10 * self.scrapes
        return ("# TYPE latency_seconds histogram\n"
                f'latency_seconds_bucket{{le="2"}} {count}\n'
                f'latency_seconds_bucket{{le="4"}} {2 * count}\n'
                f'latency_seconds_bucket{{le="+Inf"}} {2 * count}\n'
                f"latency_seconds_sum {4.5 * count}\nlatency_seconds_count {2 * count}\n")


class NativeHistograms(EndToEndTest):
    QUANTILE = "histogram_quantile(0.75, sum(rate(latency_seconds[5m])))"

    def scraped(self, server: Server, at_least: int) -> None:
        wait_until(lambda: server.series_value("count_over_time(latency_seconds[5m])") >= at_least,
                   "histograms are scraped")

    def expect_quantile(self, server: Server, **parameters: object) -> None:
        self.assertAlmostEqual(server.series_value(self.QUANTILE, **parameters), 2 * 2 ** 0.5, places=9)

    # guide: G023
    def test_scraped_as_protobuf(self) -> None:
        exporter = self.exporter(Growing().protobuf, PROTOBUF)
        server = self.serve(CONFIG.format(native="true", convert="false", address=exporter.address),
                            ["--web.enable-admin-api"])
        self.scraped(server, 5)
        self.assertTrue(exporter.accept.startswith("application/vnd.google.protobuf;"), exporter.accept)
        self.expect_quantile(server)
        self.assertEqual(server.query("latency_seconds_bucket"), [])
        self.assertEqual(server.get("/api/v1/metadata", metric="latency_seconds")["latency_seconds"][0]["help"],
                         "How long requests took.")
        # The newest histogram as the API writes it.
        histogram = server.query("latency_seconds")[0]["histogram"][1]
        self.assertEqual([bucket[1:3] for bucket in histogram["buckets"]], [["1", "2"], ["2", "4"]])

        held = server.series_value("count_over_time(latency_seconds[5m])")
        at = time.time()
        before = server.series_value("histogram_count(sum(increase(latency_seconds[5m])))", time=at)
        server.kill()
        self.restart(server)
        self.assertGreaterEqual(server.series_value("count_over_time(latency_seconds[5m])"), held)
        self.assertGreaterEqual(
            server.series_value("histogram_count(sum(increase(latency_seconds[5m])))", time=at), before * 0.999)
        self.expect_quantile(server)

        # Deleting moves what is in memory into blocks.
        answer = server.request("/api/v1/admin/tsdb/delete_series?match[]=requests_total", method="POST")
        self.assertEqual(answer[0], 204, answer)
        self.assertTrue(server.get("/api/v1/status/tsdb/blocks")["blocks"])
        self.assertGreaterEqual(server.series_value("count_over_time(latency_seconds[5m])"), held)
        self.expect_quantile(server, time=at)
        self.expect_quantile(server)
        self.assertEqual(server.stop(), 0)
        self.restart(server)
        self.expect_quantile(server)

    def test_classic_ones_are_scraped_without_the_key(self) -> None:
        exporter = self.exporter(Growing().protobuf, PROTOBUF)
        server = self.serve(CONFIG.format(native="false", convert="false", address=exporter.address))
        wait_until(lambda: server.query("latency_seconds_bucket"), "the classic form is scraped")
        self.assertNotIn("protobuf", exporter.accept)
        self.assertEqual(server.query("latency_seconds"), [])
        self.assertEqual(len(server.query('latency_seconds_bucket{le=~"2.0|4.0|[+]Inf"}')), 3)

    def test_text_is_converted(self) -> None:
        exporter = self.exporter(Growing().text)
        server = self.serve(CONFIG.format(native="false", convert="true", address=exporter.address))
        self.scraped(server, 5)
        # Buckets of custom bounds are linear: three quarters are below the middle of (2, 4].
        self.assertAlmostEqual(server.series_value(self.QUANTILE), 3, places=9)
        self.assertEqual(server.query("latency_seconds_bucket"), [])

    def test_pushed_by_remote_write(self) -> None:
        server = self.serve("collectors: {host: {enabled: false}, process: {enabled: false}}\n")
        now = int(time.time() * 1000)

        def push(*series: bytes) -> tuple[int, bytes, dict[str, str]]:
            return server.request("/api/v1/write", remote_write.snappy(b"".join(series)), remote_write.HEADERS)

        labels = {"__name__": "latency_seconds", "job": "pushed"}
        for minute in range(5):
            at = now - (5 - minute) * 60_000
            count = 10 * (minute + 1)
            answer = push(remote_write.histogram_series(labels, at, 0, 1, [count, count], 4.5 * count))
            self.assertEqual(answer[0], 204, answer)
        self.assertAlmostEqual(server.series_value("histogram_quantile(0.75, sum(rate(latency_seconds[6m])))"),
                               2 * 2 ** 0.5, places=9)
        refused = push(remote_write.histogram_series(labels, now, 0, 1, [1, 2], 1, count=7),
                       remote_write.series({"__name__": "beside", "job": "pushed"}, [(now, 1.0)]))
        self.assertEqual(refused[0], 400)
        self.assertIn(b"1 of 2 samples refused, 1 stored", refused[1])
        self.assertIn(b"3 observations found in buckets, but the Count field is 7", refused[1])
        self.assertEqual(server.series_value("beside"), 1)
        server.kill()
        self.restart(server)
        self.assertEqual(server.series_value("histogram_count(latency_seconds)"), 100)


if __name__ == "__main__":
    unittest.main()
