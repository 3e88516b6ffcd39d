"""Kilowatch's SDK for Python: profiles, traces, logs and health checks, with the standard library alone.

    from kilowatch import profile_cpu, profile_memory

    @profile_cpu
    def model_inference(data): ...

Nothing here blocks or raises into its host: what cannot be sent waits in bounded queues, and what does not fit is
counted in stats(). Without configure() and without KILOWATCH_… variables everything works locally and nothing is
sent. docs/sdk-python.md is the manual.

    stepping ─▶ cpu_profiler, memory_profiler ─▶ profiles ─┐
    trace ─▶ logs, otlp ───────────────────────────────────┴▶ export ─▶ HTTP          health ─▶ logs (for JSON)
"""

from __future__ import annotations

import atexit
import dataclasses
import os
import time
from collections.abc import Callable
from typing import Any, TypeVar, overload

from . import otlp as _otlp
from . import settings as _settings
from . import trace as _trace
from .cpu_profiler import CpuProfiler as _CpuProfiler
from .export import Exporter, ExportStats, HttpTransport, Refused, Request, Transport
from .health import HealthChecks, HealthMiddleware, http_probe, verdict_of
from .logs import JsonFormatter
from .memory_profiler import MemoryProfiler as _MemoryProfiler
from .otlp import OtlpLogHandler
from .profiles import Profile
from .profiles import ProfileStore as _ProfileStore
from .settings import Settings
from .trace import (Span, SpanContext, bind, current, extract, format_traceparent, format_tracestate, inject,
                    parse_traceparent, parse_tracestate, span, tags, use)

__all__ = [
    "ExportStats", "Exporter", "HealthChecks", "HealthMiddleware", "HttpTransport", "JsonFormatter", "OtlpLogHandler",
    "Profile", "Refused", "Request", "Settings", "Span", "SpanContext", "Transport", "bind", "configure", "current",
    "extract", "flush", "format_traceparent", "format_tracestate", "http_probe", "inject", "parse_traceparent",
    "parse_tracestate", "profile_cpu", "profile_memory", "profiles", "shutdown", "span", "stats", "tags", "use",
    "verdict_of",
]

F = TypeVar("F", bound=Callable[..., Any])

_store = _ProfileStore()
_cpu = _CpuProfiler(_store)
_memory = _MemoryProfiler(_store)
_span_batcher: _otlp.Batcher | None = None
_otlp_exporter: Exporter | None = None


def configure(*, profile_transport: Transport | None = None, otlp_transport: Transport | None = None,
              **changes: Any) -> Settings:
    """Changes settings (the fields of Settings) and, with them, where telemetry goes. Returns the new ones.

    A transport replaces HTTP to the URL of the same kind: anything with send(request). What waits for an earlier
    receiver is dropped and counted. Errors: TypeError for an unknown setting, ValueError for a bad one.
    """
    now = dataclasses.replace(_settings.get(), **changes)
    if profile_transport is None and now.profile_url:
        profile_transport = HttpTransport(now.profile_url, headers=now.headers)
    if otlp_transport is None and now.otlp_url:
        otlp_transport = HttpTransport(now.otlp_url, headers=now.headers)
    _settings.put(now)
    _connect(Exporter(profile_transport) if profile_transport else None,
             Exporter(otlp_transport) if otlp_transport else None)
    return now


def _connect(profile_exporter: Exporter | None, otlp_exporter: Exporter | None) -> None:
    global _span_batcher, _otlp_exporter
    for batcher in (_span_batcher, _otlp.log_batcher):
        if batcher is not None:
            batcher.close()
    for exporter in (_store.exporter, _otlp_exporter):
        if exporter is not None:
            exporter.close()
    _store.exporter, _otlp_exporter = profile_exporter, otlp_exporter
    if otlp_exporter is None:
        _span_batcher = _otlp.log_batcher = None
        _trace.set_span_listener(None)
        return
    spans = _Spans(otlp_exporter)
    _span_batcher, _otlp.log_batcher = spans.batcher, _otlp.Batcher(otlp_exporter, "logRecords")
    _trace.set_span_listener(spans.ended)


class _Spans:
    """Ended spans into their batcher."""

    def __init__(self, exporter: Exporter) -> None:
        self.batcher = _otlp.Batcher(exporter, "spans")

    def ended(self, ended: Span) -> None:
        try:
            self.batcher.add(_otlp.span_json(ended))
        except Exception:
            self.batcher.errors += 1


@overload
def profile_cpu(function: F) -> F: ...
@overload
def profile_cpu() -> Callable[[F], F]: ...
def profile_cpu(function: Any = None) -> Any:
    """Decorator: samples the CPU time of the function's calls (plain, async, generators). See cpu_profiler.py."""
    return _cpu.decorate if function is None else _cpu.decorate(function)


@overload
def profile_memory(function: F) -> F: ...
@overload
def profile_memory(*, duty: float = 0.05) -> Callable[[F], F]: ...
def profile_memory(function: Any = None, *, duty: float = 0.05) -> Any:
    """Decorator: peak and allocated bytes of the function's calls, by stack. `duty` is the share of time in which
    calls may be traced; 1 traces every call. See memory_profiler.py."""
    def decorate(inner: F) -> F:
        return _memory.decorate(inner, duty)

    return decorate if function is None else decorate(function)


def profiles(kind: str | None = None) -> list[Profile]:
    """The last profiles of this process, the oldest first, of a kind ("cpu", "memory") or of both. What the CPU
    profiler has seen up to now is among them."""
    if kind != "memory":
        _cpu.flush()
    if kind != "cpu":
        _memory.flush(5.0)
    return _store.recent(kind)


def flush(timeout_seconds: float = 5.0) -> bool:
    """Ends the current windows and batches and waits until they are sent. False: the time was up."""
    deadline = time.monotonic() + timeout_seconds
    _cpu.flush()
    done = _memory.flush(timeout_seconds)
    for batcher in (_span_batcher, _otlp.log_batcher):
        if batcher is not None:
            batcher.flush()
    for exporter in (_store.exporter, _otlp_exporter):
        if exporter is not None:
            done = exporter.flush(max(deadline - time.monotonic(), 0)) and done
    return done


def stats() -> dict[str, int | ExportStats]:
    """What was sent, dropped and failed: of the profilers since the start, of the rest since the last configure()."""
    out: dict[str, int | ExportStats] = {
        "cpu_profiler_errors": _cpu.errors, "memory_profiler_errors": _memory.errors,
        "memory_profiles_dropped": _memory.dropped}
    for name, batcher in (("spans", _span_batcher), ("logs", _otlp.log_batcher)):
        if batcher is not None:
            out[f"{name}_dropped"], out[f"{name}_errors"] = batcher.dropped, batcher.errors
    for name, exporter in (("profile_export", _store.exporter), ("otlp_export", _otlp_exporter)):
        if exporter is not None:
            out[name] = exporter.stats()
    return out


def shutdown(timeout_seconds: float | None = None) -> None:
    """Gives what is left `timeout_seconds` (default: exit_flush_seconds of the settings) to be sent. The end of
    the process does this by itself."""
    flush(_settings.get().exit_flush_seconds if timeout_seconds is None else timeout_seconds)


def _after_fork_in_child() -> None:
    _store.forget_lock()
    _cpu.restart_after_fork()
    _memory.restart_after_fork()


os.register_at_fork(after_in_child=_after_fork_in_child)
atexit.register(shutdown)
if _settings.get().profile_url or _settings.get().otlp_url:
    try:
        configure()
    except ValueError as _error:  # a bad variable must not stop the host's import
        import warnings

        warnings.warn(f"kilowatch: {_error}; nothing is sent", stacklevel=2)
