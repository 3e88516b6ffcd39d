"""OTLP as JSON: what a receiver gets of spans and log records, in batches, and what is dropped is counted."""

import json
import logging
import threading
import time
import unittest
import unittest.mock

import kilowatch
from kilowatch import export, otlp
from kilowatch.export import Request


class Kept:
    """A transport that keeps what it is given."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def send(self, request: Request) -> None:
        self.requests.append(request)

    def items(self, path: str) -> list[dict]:
        found = []
        for request in self.requests:
            if request.path == path:
                body = json.loads(request.body)
                outer, inner, last = (("resourceSpans", "scopeSpans", "spans") if path == "/v1/traces" else
                                      ("resourceLogs", "scopeLogs", "logRecords"))
                found += [item for one in body[outer] for scope in one[inner] for item in scope[last]]
        return found


def plain(values: list[dict]) -> dict:
    return {entry["key"]: next(iter(entry["value"].values()), None) for entry in values}


class Export(unittest.TestCase):
    def setUp(self) -> None:
        self.kept = Kept()
        kilowatch.configure(otlp_transport=self.kept, service="api", environment="test", model_version="7")
        self.addCleanup(kilowatch.configure, service="python", environment="", model_version="")
        self.logger = logging.Logger("app")
        self.logger.addHandler(kilowatch.OtlpLogHandler())

    def test_spans(self) -> None:
        parent = kilowatch.parse_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
        with kilowatch.use(parent), kilowatch.bind(request_id="r-1"):
            with kilowatch.span("GET /forecast", kind="server", status=200, cached=False, ratio=0.5) as span:
                pass
            with self.assertRaises(OSError), kilowatch.span("query"):
                raise OSError("gone")
        self.assertTrue(kilowatch.flush(20))
        first, second = self.kept.items("/v1/traces")
        self.assertEqual((first["traceId"], first["spanId"], first["parentSpanId"], first["kind"], first["name"]),
                         (parent.trace_id, span.context.span_id, parent.span_id, 2, "GET /forecast"))
        self.assertEqual(first["attributes"], [
            {"key": "request_id", "value": {"stringValue": "r-1"}}, {"key": "status", "value": {"intValue": "200"}},
            {"key": "cached", "value": {"boolValue": False}}, {"key": "ratio", "value": {"doubleValue": 0.5}}])
        self.assertEqual(first["startTimeUnixNano"], str(span.start_ns))
        self.assertEqual(first["endTimeUnixNano"], str(span.end_ns))
        self.assertEqual((first["status"], second["status"]), ({}, {"code": 2, "message": "OSError: gone"}))
        resource = json.loads(self.kept.requests[0].body)["resourceSpans"][0]["resource"]
        self.assertEqual(plain(resource["attributes"]), {
            "service.name": "api", "deployment.environment.name": "test", "model_version": "7"})

    def test_logs_carry_the_span(self) -> None:
        with kilowatch.span("request") as span:
            self.logger.warning("zone %s", "NO2", extra={"status": 200})
        self.logger.error("no span", extra={"trace_id": "abc123"})
        self.assertTrue(kilowatch.flush(20))
        first, second = self.kept.items("/v1/logs")
        self.assertEqual((first["traceId"], first["spanId"], first["severityNumber"], first["severityText"]),
                         (span.context.trace_id, span.context.span_id, 13, "WARNING"))
        self.assertEqual(first["body"], {"stringValue": "zone NO2"})
        self.assertEqual(plain(first["attributes"]), {"status": "200", "logger.name": "app"})
        self.assertNotIn("traceId", second)  # abc123 is no W3C id
        self.assertEqual(plain(second["attributes"])["trace_id"], "abc123")

    def test_what_is_not_sampled_is_not_sent(self) -> None:
        with kilowatch.use(kilowatch.SpanContext("a" * 32, "b" * 16, sampled=False)), kilowatch.span("quiet"):
            pass
        self.assertTrue(kilowatch.flush(20))
        self.assertEqual(self.kept.items("/v1/traces"), [])

    def test_many_spans_go_in_batches(self) -> None:
        for i in range(1100):
            with kilowatch.span(f"s{i}"):
                pass
        self.assertTrue(kilowatch.flush(20))
        # The collector's thread and flush() may each have sent some: batches have no order, spans are not lost.
        self.assertCountEqual([span["name"] for span in self.kept.items("/v1/traces")], [f"s{i}" for i in range(1100)])
        self.assertGreaterEqual(len(self.kept.requests), 3)

    def test_flush_waits_for_the_batch_that_the_collector_is_writing(self) -> None:
        writes, goes_on = threading.Event(), threading.Event()
        write = otlp.resource_json

        def slow(found: object) -> object:
            if threading.current_thread() is not threading.main_thread():
                writes.set()
                goes_on.wait(20)
            return write(found)

        with unittest.mock.patch.object(otlp, "resource_json", slow):
            for i in range(otlp.BATCH_ITEMS_MAX):
                with kilowatch.span(f"s{i}"):
                    pass
            self.assertTrue(writes.wait(20))
            threading.Timer(0.2, goes_on.set).start()
            self.assertTrue(kilowatch.flush(20))
        self.assertEqual(len(self.kept.items("/v1/traces")), otlp.BATCH_ITEMS_MAX)

    def test_after_configure_without_a_receiver_nothing_is_sent(self) -> None:
        kilowatch.configure()
        with kilowatch.span("alone"):
            self.logger.info("alone")
        self.assertTrue(kilowatch.flush(20))
        self.assertEqual(self.kept.requests, [])


class Values(unittest.TestCase):
    def test_any_value(self) -> None:
        rows = [
            (None, {}), (True, {"boolValue": True}), (-1, {"intValue": "-1"}), (2**63, {"stringValue": str(2**63)}),
            (float("nan"), {"doubleValue": "NaN"}), (float("-inf"), {"doubleValue": "-Infinity"}),
            ("t", {"stringValue": "t"}),
            ([1, "a"], {"arrayValue": {"values": [{"intValue": "1"}, {"stringValue": "a"}]}}),
            ({"a": 1}, {"kvlistValue": {"values": [{"key": "a", "value": {"intValue": "1"}}]}})]
        for value, want in rows:
            with self.subTest(value):
                self.assertEqual(otlp.any_value(value), want)

    def test_severities(self) -> None:
        self.assertEqual([otlp.severity_of(level) for level in (1, 10, 20, 25, 30, 40, 50)], [5, 5, 9, 9, 13, 17, 21])


class Bounds(unittest.TestCase):
    def test_what_does_not_fit_is_counted(self) -> None:
        exporter = export.Exporter(Kept())
        self.addCleanup(exporter.close)
        batcher = otlp.Batcher(exporter, "spans")
        self.addCleanup(batcher.close)
        batcher._thread = unittest.mock.sentinel.none  # no collector: what is added stays
        for _ in range(otlp.WAITING_ITEMS_MAX + 10):
            batcher.add({"name": "x"})
        self.assertEqual((batcher.dropped, len(batcher._items)), (10, otlp.WAITING_ITEMS_MAX))
        batcher.flush()
        self.assertTrue(exporter.flush(20))
        self.assertEqual(exporter.stats().sent, 4)

    def test_the_collector_sends_a_full_batch_by_itself(self) -> None:
        kept = Kept()
        exporter = export.Exporter(kept)
        self.addCleanup(exporter.close)
        batcher = otlp.Batcher(exporter, "logRecords")
        self.addCleanup(batcher.close)
        for i in range(otlp.BATCH_ITEMS_MAX):
            batcher.add({"severityNumber": 9})
        deadline = time.monotonic() + 20
        while not exporter.stats().offered and time.monotonic() < deadline:
            time.sleep(0.002)
        self.assertTrue(exporter.flush(20))
        self.assertEqual(len(kept.items("/v1/logs")), otlp.BATCH_ITEMS_MAX)


if __name__ == "__main__":
    unittest.main(verbosity=2)
