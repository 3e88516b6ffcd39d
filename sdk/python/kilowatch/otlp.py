"""Spans and log records to an OTLP/HTTP receiver, as JSON, in batches.

    span ends, record is logged ──▶ batch (512 items or 5 s) ──▶ Exporter ──▶ POST /v1/traces, /v1/logs

An item is turned into its JSON where it happens, which costs some 5 to 15 µs, so that nothing of the host's is kept
alive. A thread that collects the batches is started with the first item.

Invariants
  1. add() neither waits for the network nor raises.
  2. At most 2048 items wait in a batcher; one more is dropped and counted. Batches wait in the Exporter's bounded
     queue.

Source: OTLP 1.x, "OTLP/HTTP", JSON encoding of protobuf: ids are hex, 64-bit integers are strings, enums numbers.
"""

from __future__ import annotations

import json
import logging
import math
import os
import threading
import time
import weakref
from collections.abc import Mapping
from typing import Any

from . import logs, settings, trace
from .export import Exporter, Request

BATCH_ITEMS_MAX = 512
WAITING_ITEMS_MAX = 2048
BATCH_SECONDS = 5.0

_KINDS = {"internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}


def any_value(value: Any) -> dict[str, Any]:
    """An AnyValue of a JSON-like value."""
    if value is None:
        return {}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)} if -(2**63) <= value < 2**63 else {"stringValue": str(value)}
    if isinstance(value, float):
        # JSON has no NaN; protobuf's JSON writes them as these texts.
        return {"doubleValue": value if math.isfinite(value) else
                "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}
    if isinstance(value, Mapping):
        return {"kvlistValue": {"values": key_values(value)}}
    if isinstance(value, (list, tuple)):
        return {"arrayValue": {"values": [any_value(inner) for inner in value]}}
    return {"stringValue": logs.text_of(value)}


def key_values(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": any_value(value)} for key, value in values.items()]


def span_json(span: trace.Span) -> dict[str, Any]:
    """A Span of OTLP's."""
    out: dict[str, Any] = {
        "traceId": span.context.trace_id, "spanId": span.context.span_id,
        "traceState": trace.format_tracestate(span.context.tracestate),
        "name": logs.text_of(span.name), "kind": _KINDS.get(span.kind, 1),
        "startTimeUnixNano": str(span.start_ns), "endTimeUnixNano": str(span.end_ns),
        "attributes": key_values({key: logs.json_value(value) for key, value in span.attributes.items()}),
        "status": {"code": 2, "message": logs.text_of(span.error)} if span.error is not None else {}}
    if span.parent_span_id:
        out["parentSpanId"] = span.parent_span_id
    if span.attributes_dropped:
        out["droppedAttributesCount"] = span.attributes_dropped
    return out


def severity_of(levelno: int) -> int:
    """OTLP's severity number: DEBUG 5, INFO 9, WARN 13, ERROR 17, FATAL 21."""
    for least, number in ((logging.CRITICAL, 21), (logging.ERROR, 17), (logging.WARNING, 13), (logging.INFO, 9)):
        if levelno >= least:
            return number
    return 5


def log_json(record: logging.LogRecord) -> dict[str, Any]:
    """A LogRecord of OTLP's. A trace id that is no W3C id stays an attribute, which is where it can be found."""
    attributes = logs.attributes_of(record)
    attributes["logger.name"] = logs.text_of(record.name)
    out: dict[str, Any] = {
        "timeUnixNano": str(int(record.created * 1e9)), "observedTimeUnixNano": str(time.time_ns()),
        "severityNumber": severity_of(record.levelno), "severityText": logs.text_of(record.levelname),
        "body": {"stringValue": logs.message_of(record)}}
    context = trace.current()
    trace_id = logs.trace_id_of(record)
    if context is not None and trace_id == context.trace_id:
        out.update(traceId=context.trace_id, spanId=context.span_id, flags=1 if context.sampled else 0)
    elif trace_id:
        attributes["trace_id"] = trace_id
    out["attributes"] = key_values(attributes)
    return out


def resource_json(now: settings.Settings) -> dict[str, Any]:
    names = {"service": "service.name", "environment": "deployment.environment.name",
             "instance": "service.instance.id"}
    return {"attributes": key_values({names.get(key, key): value for key, value in now.identity().items()})}


class Batcher:
    """Collects the items of one signal ("spans" or "logRecords") into requests. Any thread."""

    def __init__(self, exporter: Exporter, signal: str) -> None:
        self._exporter = exporter
        self._signal = signal
        self.dropped = 0
        self.errors = 0
        self._start_afresh()
        _batchers.add(self)

    def _start_afresh(self) -> None:
        self._condition = threading.Condition()  # a reentrant lock: see cpu_profiler.py
        self._handing = threading.RLock()  # while items that were taken are not with the exporter yet
        self._items: list[dict[str, Any]] = []
        self._thread: threading.Thread | None = None
        self._closed = False

    def add(self, item: dict[str, Any]) -> None:
        with self._condition:
            if len(self._items) >= WAITING_ITEMS_MAX or self._closed:
                self.dropped += 1
                return
            self._items.append(item)
            if self._thread is None:
                thread = threading.Thread(target=self._run, name=f"kilowatch-otlp-{self._signal}", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # no thread can be started: the next add() tries again
                    self.errors += 1
                else:
                    self._thread = thread
            if len(self._items) >= BATCH_ITEMS_MAX:
                self._condition.notify_all()

    def flush(self) -> None:
        """Hands what was collected to the exporter, now; what another thread is handing to it is there afterwards, too."""
        with self._handing:
            while True:
                with self._condition:
                    items, self._items = self._items[:BATCH_ITEMS_MAX], self._items[BATCH_ITEMS_MAX:]
                if not items:
                    return
                self._exporter.offer(self._request(items))

    def close(self) -> None:
        self.flush()
        with self._condition:
            self._closed = True
            self._condition.notify_all()

    def _request(self, items: list[dict[str, Any]]) -> Request:
        outer, inner, path = (("resourceSpans", "scopeSpans", "/v1/traces") if self._signal == "spans" else
                              ("resourceLogs", "scopeLogs", "/v1/logs"))
        body = {outer: [{"resource": resource_json(settings.get()),
                         inner: [{"scope": {"name": "kilowatch"}, self._signal: items}]}]}
        return Request(path, "application/json", json.dumps(body, ensure_ascii=False, allow_nan=False).encode())

    def _run(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._closed or len(self._items) >= BATCH_ITEMS_MAX, BATCH_SECONDS)
                if self._closed:
                    return
            try:
                self.flush()
            except Exception:  # one batch that cannot be written must not end the rest
                self.errors += 1


class OtlpLogHandler(logging.Handler):
    """A logging.Handler that sends records to the receiver that configure(otlp_url=…) names; without one it
    drops them."""

    def emit(self, record: logging.LogRecord) -> None:
        batcher = log_batcher
        if batcher is None or record.name.startswith("kilowatch"):
            return
        try:
            batcher.add(log_json(record))
        except Exception:
            batcher.errors += 1


log_batcher: Batcher | None = None  # set by configure()

_batchers: weakref.WeakSet[Batcher] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for batcher in list(_batchers):
        batcher._start_afresh()


os.register_at_fork(after_in_child=_after_fork_in_child)
