"""W3C trace context: which trace the running code belongs to, and how that travels in HTTP headers.

The current span lives in a context variable: threads start without one, asyncio tasks start with their
creator's. `span()` opens a child of it (or a new trace), `use()` adopts what a caller sent, `inject()` writes the
current one into outgoing headers. Logs, profiles and the OTLP export read it from here.

Invariants
  1. A SpanContext has a valid, non-zero trace id and span id in lower-case hex; nothing else can be built.
  2. A traceparent or tracestate that breaks the grammar is as if it were not there; a tracestate that is
     damaged leaves its traceparent standing.
  3. Finishing a span never raises: what an exporter does with it is the exporter's.

Source: W3C Recommendation "Trace Context" of 2021 (level 1): version 00; of the flags only `sampled` is known, and
the others are sent as zero. A higher version is read as far as version 00 goes.
"""

from __future__ import annotations

import contextvars
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Union

TRACESTATE_MEMBERS_MAX = 32  # the specification's
SPAN_ATTRIBUTES_MAX = 128
SAMPLED = 0x01

AttributeValue = Union[str, bool, int, float]

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII | re.DOTALL)
_KEY = re.compile(r"[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13}", re.ASCII)
_VALUE = re.compile(r"[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]", re.ASCII)
_HEX_32 = re.compile(r"[0-9a-f]{32}", re.ASCII)
_HEX_16 = re.compile(r"[0-9a-f]{16}", re.ASCII)


@dataclass(frozen=True)
class SpanContext:
    """What identifies a span to others. `tracestate` is kept as it came, first member first."""

    trace_id: str  # 32 lower-case hex digits, not all zero
    span_id: str  # 16 lower-case hex digits, not all zero
    sampled: bool = True
    tracestate: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if not _HEX_32.fullmatch(self.trace_id) or not self.trace_id.strip("0"):
            raise ValueError(f"trace id {self.trace_id!r}: want 32 lower-case hex digits, not all zero")
        if not _HEX_16.fullmatch(self.span_id) or not self.span_id.strip("0"):
            raise ValueError(f"span id {self.span_id!r}: want 16 lower-case hex digits, not all zero")


def parse_traceparent(text: str) -> SpanContext | None:
    """The context that a traceparent header names, or None where it breaks the grammar."""
    match = _TRACEPARENT.fullmatch(text.strip(" \t"))
    if match is None:
        return None
    version, trace_id, span_id, flags, rest = match.groups()
    if version == "ff" or (version == "00" and rest is not None):
        return None
    if not trace_id.strip("0") or not span_id.strip("0"):
        return None
    return SpanContext(trace_id, span_id, bool(int(flags, 16) & SAMPLED))


def format_traceparent(context: SpanContext) -> str:
    return f"00-{context.trace_id}-{context.span_id}-{SAMPLED if context.sampled else 0:02x}"


def parse_tracestate(text: str) -> tuple[tuple[str, str], ...] | None:
    """The members of a tracestate header, or None where one breaks the grammar, a key is there twice or there
    are more than 32. Empty members between commas are allowed and left out."""
    members: list[tuple[str, str]] = []
    seen: set[str] = set()
    for part in text.split(",", 4 * TRACESTATE_MEMBERS_MAX):
        # Spaces before a member are optional white space; trailing ones too, since a value cannot end in one.
        part = part.strip(" \t")
        if not part:
            continue
        key, equals, value = part.partition("=")
        if not equals or not _KEY.fullmatch(key) or not _VALUE.fullmatch(value) or key in seen:
            return None
        seen.add(key)
        members.append((key, value))
        if len(members) > TRACESTATE_MEMBERS_MAX:
            return None
    return tuple(members)


def format_tracestate(members: Iterable[tuple[str, str]]) -> str:
    return ",".join(f"{key}={value}" for key, value in members)


def extract(headers: Mapping[str, str] | Iterable[tuple[str, str]]) -> SpanContext | None:
    """The caller's context in the headers of a request, whose names may have any case. Two traceparent headers
    are none; several tracestate headers are one list, in their order."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    parents: list[str] = []
    states: list[str] = []
    for name, value in pairs:
        lower = name.lower()
        if lower == "traceparent":
            parents.append(value)
        elif lower == "tracestate":
            states.append(value)
    if len(parents) != 1:
        return None
    context = parse_traceparent(parents[0])
    if context is None or not states:
        return context
    return replace(context, tracestate=parse_tracestate(",".join(states)) or ())


def inject(headers: MutableMapping[str, str]) -> None:
    """Writes the current span into the headers of an outgoing request; without one it leaves them alone."""
    context = current()
    if context is None:
        return
    headers["traceparent"] = format_traceparent(context)
    if context.tracestate:
        headers["tracestate"] = format_tracestate(context.tracestate)


@dataclass
class Span:
    """A piece of work with a name and two times. Made by `span()`; attributes may be set until it ends."""

    name: str
    context: SpanContext
    parent_span_id: str | None
    kind: str = "internal"  # internal, server, client, producer, consumer
    start_ns: int = 0  # since the Unix epoch
    end_ns: int = 0
    attributes: dict[str, AttributeValue] = field(default_factory=dict)
    error: str | None = None  # type and message of the exception that left the span
    attributes_dropped: int = 0

    def set(self, name: str, value: AttributeValue) -> None:
        """Sets an attribute; past 128 of them a new one is dropped and counted."""
        if name not in self.attributes and len(self.attributes) >= SPAN_ATTRIBUTES_MAX:
            self.attributes_dropped += 1
            return
        self.attributes[name] = value


_current: contextvars.ContextVar[SpanContext | None] = contextvars.ContextVar("kilowatch_span", default=None)
_tags: contextvars.ContextVar[Mapping[str, str]] = contextvars.ContextVar("kilowatch_tags", default={})

# Who is told of each ended span: the OTLP export, once configure() has switched it on.
_on_end: Callable[[Span], None] | None = None


def set_span_listener(listener: Callable[[Span], None] | None) -> None:
    """Has `listener` called with every sampled span that ends. It must neither raise nor wait."""
    global _on_end
    _on_end = listener


def current() -> SpanContext | None:
    return _current.get()


def tags() -> Mapping[str, str]:
    """The tags that `bind()` set for the running code."""
    return _tags.get()


def _random_hex(size: int) -> str:
    while True:  # all zero is not an id: once in 2^64
        text = os.urandom(size).hex()
        if text.strip("0"):
            return text


@contextmanager
def use(context: SpanContext | None) -> Iterator[None]:
    """Makes `context` (a caller's, from `extract()`) the current one inside the block."""
    token = _current.set(context)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def bind(**values: str) -> Iterator[None]:
    """Adds tags (request_id, user_id, model_version, data_version, environment, or others) to what is logged,
    traced and profiled inside the block."""
    token = _tags.set({**_tags.get(), **{name: str(value) for name, value in values.items()}})
    try:
        yield
    finally:
        _tags.reset(token)


def _words_of(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"[:1024] if str(error) else type(error).__name__
    except Exception:  # an exception whose str() raises must not replace itself
        return type(error).__name__


@contextmanager
def span(name: str, kind: str = "internal", **attributes: AttributeValue) -> Iterator[Span]:
    """Opens a child of the current span, or a new trace, for the block. An exception passes through and marks it."""
    parent = _current.get()
    context = SpanContext(
        parent.trace_id if parent else _random_hex(16), _random_hex(8), parent.sampled if parent else True,
        parent.tracestate if parent else ())
    opened = Span(name, context, parent.span_id if parent else None, kind, time.time_ns())
    for key, text in _tags.get().items():
        opened.set(key, text)
    for key, value in attributes.items():
        opened.set(key, value)
    started = time.monotonic_ns()
    token = _current.set(context)
    try:
        yield opened
    except BaseException as error:
        opened.error = _words_of(error)
        raise
    finally:
        _current.reset(token)
        # The length is of the monotonic clock, so that a clock set back gives no negative span.
        opened.end_ns = opened.start_ns + time.monotonic_ns() - started
        listener = _on_end
        if listener is not None and context.sampled:
            listener(opened)
