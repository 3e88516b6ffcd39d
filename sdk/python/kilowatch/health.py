"""What a /health endpoint needs: checks with time-outs, in parallel, remembered for a moment.

    checks = HealthChecks()

    @checks.check("database")
    async def check_db():
        return await pool.fetchval("SELECT 1") == 1

The decorated function is what the guide's snippet awaits. Awaiting one starts all checks of the group together, so
that a snippet that awaits them one after the other takes as long as the slowest, not as their sum. HealthMiddleware
makes the answer of such a snippet 503 when a component in it is unhealthy.

Invariants
  1. Awaiting a check takes at most its time-out, whatever the check does: one that is late is "degraded", is
     cancelled, and is not started again while it still hangs. (A coroutine that blocks its event loop cannot be
     helped; give blocking work as a plain function, which gets a thread of its own.)
  2. Within `cache_seconds` (at most 5) a check runs once, however many ask.
  3. A check never raises: what it raises is the reason in its result.
  4. Health of a whole: unhealthy if a part is, else degraded if a part is, else healthy.

Threads: one event loop uses a group at a time; another loop begins afresh.
"""

from __future__ import annotations

import asyncio
import http.client
import inspect
import json
import threading
import time
import urllib.parse
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import logs

CACHE_SECONDS_MAX = 5.0
HISTORY_MAX = 100
BODY_BYTES_MAX = 1 << 20
DEPTH_MAX = 8

HEALTHY, DEGRADED, UNHEALTHY = "healthy", "degraded", "unhealthy"
_WORDS = {
    **dict.fromkeys(("healthy", "ok", "okay", "up", "pass", "passed", "passing", "ready", "alive", "true", "green",
                     "available", "connected"), HEALTHY),
    **dict.fromkeys(("degraded", "warn", "warning", "yellow", "slow", "partial", "starting"), DEGRADED),
}

Check = Callable[[], Any]  # plain or async; gives a bool, a word, or a mapping


def worst(verdicts: list[str]) -> str:
    """The verdict of a whole; healthy where it has no parts."""
    return UNHEALTHY if UNHEALTHY in verdicts else DEGRADED if DEGRADED in verdicts else HEALTHY


def verdict_of(value: object, depth: int = DEPTH_MAX) -> str | None:
    """What a value says about health, or None where it says nothing.

    A bool and a word speak for themselves; a word that is not known is unhealthy. A mapping is as its `status`
    (or `state`, `health`, `healthy`, `ok`, `up`) and, if it has them, the worst of its `components` (or `checks`);
    without any of these, the worst of the parts in it that say something. None and numbers say nothing.
    """
    if isinstance(value, bool):
        return HEALTHY if value else UNHEALTHY
    if isinstance(value, str):
        return _WORDS.get(value.strip().lower(), UNHEALTHY)
    if depth == 0:
        return None
    if isinstance(value, (list, tuple)):
        return _worst_said([verdict_of(inner, depth - 1) for inner in value])
    if not isinstance(value, Mapping):
        return None
    said = [verdict_of(value[name], depth - 1)
            for name in ("status", "state", "health", "healthy", "ok", "up") if name in value]
    parts = [verdict_of(part, depth - 1) for name in ("components", "checks")
             for part in ([value[name]] if name in value else [])]
    if said or parts:
        return _worst_said(said + parts)
    # Texts of such a mapping may be anything (a version, a host): only bools and what is nested count.
    return _worst_said([verdict_of(inner, depth - 1) if not isinstance(inner, str) else
                        _WORDS.get(inner.strip().lower()) for inner in value.values()])


def _worst_said(verdicts: list[str | None]) -> str | None:
    said = [verdict for verdict in verdicts if verdict is not None]
    return worst(said) if said else None


@dataclass(frozen=True)
class Result:
    """What a check said. `as_json()` is its component in the body of /health."""

    status: str
    duration_ms: float
    reason: str = ""
    said: Mapping[str, Any] = field(default_factory=dict)  # the check's own mapping

    def as_json(self) -> dict[str, Any]:
        out = {**self.said, "status": self.status, "duration_ms": round(self.duration_ms, 3)}
        if self.reason:
            out["reason"] = self.reason
        return out


@dataclass
class _Entry:
    name: str
    run: Check
    timeout_seconds: float
    result: Result | None = None
    finished: float = 0.0  # on the monotonic clock, when `result` came
    waiter: asyncio.Task[Result] | None = None  # the round that all who ask now share
    task: asyncio.Future[Any] | None = None  # the check itself, which may outlive its time-out
    history: deque[tuple[float, str]] = field(default_factory=lambda: deque(maxlen=HISTORY_MAX))


class HealthChecks:
    """A group of checks that are asked together."""

    def __init__(self, timeout_seconds: float = 2.0, cache_seconds: float = CACHE_SECONDS_MAX) -> None:
        if not 0 <= cache_seconds <= CACHE_SECONDS_MAX:
            raise ValueError(f"cache_seconds is {cache_seconds}; want 0 to {CACHE_SECONDS_MAX:g}")
        if not 0 < timeout_seconds <= 60:
            raise ValueError(f"timeout_seconds is {timeout_seconds}; want more than 0 and at most 60")
        self._timeout_seconds = timeout_seconds
        self._cache_seconds = cache_seconds
        self._entries: dict[str, _Entry] = {}

    def check(self, name: str, timeout_seconds: float | None = None) -> Callable[[Check], Callable[
            [], Awaitable[dict[str, Any]]]]:
        """Adds the decorated function to the group; what stands for it then is awaited and gives its component."""
        def decorate(run: Check) -> Callable[[], Awaitable[dict[str, Any]]]:
            return self.add(name, run, timeout_seconds)

        return decorate

    def add(self, name: str, run: Check, timeout_seconds: float | None = None) -> Callable[
            [], Awaitable[dict[str, Any]]]:
        """As `check()`, for a function that exists: checks.add("weather", http_probe("https://…"))."""
        if name in self._entries:
            raise ValueError(f"there is a check {name!r} already")
        entry = _Entry(name, run, timeout_seconds or self._timeout_seconds)
        self._entries[name] = entry

        async def ask() -> dict[str, Any]:
            for other in self._entries.values():
                self._start(other)
            return (await self._result(entry)).as_json()

        ask.__name__ = getattr(run, "__name__", name)
        return ask

    async def body(self) -> tuple[int, dict[str, Any]]:
        """The HTTP status (503 when unhealthy) and body of /health, of all checks of the group."""
        entries = list(self._entries.values())
        for entry in entries:
            self._start(entry)
        results = [await self._result(entry) for entry in entries]
        status = worst([result.status for result in results])
        components = {entry.name: result.as_json() for entry, result in zip(entries, results)}
        return 503 if status == UNHEALTHY else 200, {"status": status, "components": components}

    def history(self) -> dict[str, list[tuple[float, str]]]:
        """By check, when (seconds since the epoch) its status became what; the last 100 changes."""
        return {entry.name: list(entry.history) for entry in self._entries.values()}

    def _start(self, entry: _Entry) -> None:
        loop = asyncio.get_running_loop()
        waiter = entry.waiter
        if waiter is not None and waiter.get_loop() is not loop:
            entry.waiter = entry.task = waiter = None
        fresh = entry.result is not None and time.monotonic() - entry.finished < self._cache_seconds
        if not fresh and (waiter is None or waiter.done()):
            entry.waiter = loop.create_task(self._round(entry), name=f"health {entry.name}")

    async def _result(self, entry: _Entry) -> Result:
        waiter = entry.waiter
        if waiter is not None and not waiter.done():
            # Whoever asks may go away (a client that hung up): the round goes on for the others.
            return await asyncio.shield(waiter)
        assert entry.result is not None
        return entry.result

    async def _round(self, entry: _Entry) -> Result:
        started = time.monotonic()
        if entry.task is not None and not entry.task.done():
            result = Result(DEGRADED, 0.0, "the last run of this check still hangs")
        else:
            entry.task = _started(entry)
            done, _ = await asyncio.wait({entry.task}, timeout=entry.timeout_seconds)
            duration_ms = (time.monotonic() - started) * 1000
            if done:
                result = _result_of(entry.task, duration_ms)
            else:
                if isinstance(entry.task, asyncio.Task):
                    entry.task.cancel()  # and not awaited: it may not listen. A thread cannot be cancelled
                entry.task.add_done_callback(_take_exception)
                result = Result(DEGRADED, duration_ms, f"no answer within {entry.timeout_seconds:g} s")
        if entry.result is None or entry.result.status != result.status:
            entry.history.append((time.time(), result.status))
        entry.result, entry.finished = result, time.monotonic()
        return result


def _take_exception(future: asyncio.Future[Any]) -> None:
    if not future.cancelled():
        future.exception()  # seen, so that asyncio does not complain of it


def _started(entry: _Entry) -> asyncio.Future[Any]:
    if inspect.iscoroutinefunction(entry.run) or inspect.iscoroutinefunction(getattr(entry.run, "__call__", None)):
        return asyncio.ensure_future(entry.run())
    return _in_thread(entry.run)


def _in_thread(run: Check) -> asyncio.Future[Any]:
    """Runs a blocking check in a daemon thread of its own: a pool's threads would be joined when the process ends,
    and one that hangs would hang it."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()

    def settle(value: Any, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(value)

    def work() -> None:
        value, error = None, None
        try:
            value = run()
        except Exception as raised:
            error = raised
        try:
            loop.call_soon_threadsafe(settle, value, error)
        except RuntimeError:
            pass  # the loop has closed; nobody waits

    threading.Thread(target=work, name="kilowatch-health", daemon=True).start()
    return future


def _result_of(task: asyncio.Future[Any], duration_ms: float) -> Result:
    if task.cancelled():
        return Result(UNHEALTHY, duration_ms, "the check was cancelled")
    error = task.exception()
    if error is not None:
        return Result(UNHEALTHY, duration_ms, f"{type(error).__name__}: {logs.text_of(error)[:500]}")
    value = task.result()
    said = logs.json_value(dict(value)) if isinstance(value, Mapping) else {}
    verdict = verdict_of(value)
    if verdict is None:
        reason = f"the check gave {logs.text_of(value)[:200]}; want a bool, a word or a status"
        return Result(UNHEALTHY, duration_ms, reason, said)
    reason = value[:200] if isinstance(value, str) and verdict != HEALTHY else ""
    return Result(verdict, duration_ms, reason, said)


def http_probe(url: str, timeout_seconds: float = 1.5) -> Check:
    """A check that GETs a URL (an external API, the model service's /health): healthy for a 2xx whose body, if it
    is JSON with a status, says so too. Errors: ValueError where `url` is not http(s)."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"url {url!r}: want http://… or https://…")
    host, port = parts.hostname, parts.port
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def probe() -> dict[str, Any]:
        make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = make(host, port, timeout=timeout_seconds)
        try:
            connection.request("GET", path, headers={"Accept": "application/json", "User-Agent": "kilowatch-python"})
            answer = connection.getresponse()
            body = answer.read(BODY_BYTES_MAX)
        finally:
            connection.close()
        verdict = HEALTHY if 200 <= answer.status < 300 else UNHEALTHY
        if verdict == HEALTHY and "json" in (answer.getheader("Content-Type") or ""):
            said = _loads(body)
            if isinstance(said, dict) and ("status" in said or "components" in said):
                verdict = verdict_of(said) or HEALTHY
        return {"status": verdict, "http_status": answer.status}

    return probe


def _loads(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


class HealthMiddleware:
    """ASGI middleware that gives the answer of a health endpoint the HTTP status that its body deserves.

    The guide's snippet always answers 200 and "status": "healthy". With
        app.add_middleware(HealthMiddleware)
    the same snippet answers 503 and "unhealthy" when a component in it is, and "degraded" when one is late. Any
    other path, and a body that is no JSON object or over 1 MiB, passes as it is.
    """

    def __init__(self, app: Any, path: str = "/health") -> None:
        self._app = app
        self._path = path

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] != self._path or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        start: dict[str, Any] | None = None
        body = b""
        passing = False

        async def judge(message: dict[str, Any]) -> None:
            nonlocal start, body, passing
            if passing:
                await send(message)
            elif message["type"] == "http.response.start":
                start = message
            elif message["type"] == "http.response.body" and start is not None:
                body += message.get("body", b"")
                more = message.get("more_body", False)
                if more and len(body) <= BODY_BYTES_MAX:
                    return
                passing = True
                head, text = (start, body) if more else judged(start, body)
                await send(head)
                await send({"type": "http.response.body", "body": text, "more_body": more})
            else:
                await send(message)

        await self._app(scope, receive, judge)


def judged(start: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
    """The start message and body of a health answer, with the status that its components deserve."""
    said = _loads(body) if start["status"] == 200 else None
    if not isinstance(said, dict):
        return start, body
    verdict = verdict_of(said)
    if verdict is None:
        return start, body
    if verdict_of(said.get("status")) != verdict:
        said["status"] = verdict
        body = json.dumps(said, ensure_ascii=False).encode()
    headers = [(name, value) for name, value in start.get("headers", []) if name.lower() != b"content-length"]
    headers.append((b"content-length", str(len(body)).encode()))
    return {**start, "status": 503 if verdict == UNHEALTHY else 200, "headers": headers}, body
