"""The way out: requests wait in a bounded queue and a daemon thread sends them.

    offer() ──▶ queue, bounded in requests and bytes ──▶ worker ──▶ Transport (HTTP, or one of your own)
                     └─ full: the oldest goes, counted

Invariants
  1. offer() neither waits for the network nor raises: it takes one lock that is never held over I/O.
  2. At most `requests_max` requests and `bytes_max` bytes wait, however long the receiver is away.
  3. offered = sent + dropped_full + dropped_refused + dropped_closed + waiting + the one on its way, at any time.
  4. A request that failed for a reason that may pass (no connection, time-out, 408, 429, 5xx) is sent again after
     a pause that doubles from 1 s to 30 s; one that was refused (other statuses) is dropped and counted.

Threads: offer() and stats() from any thread; the worker alone sends. After a fork the child starts with an empty
queue and no worker: what the parent queued is the parent's.
"""

from __future__ import annotations

import collections
import dataclasses
import os
import socket
import ssl
import threading
import time
import urllib.parse
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

RESPONSE_HEAD_BYTES_MAX = 16 << 10
PAUSE_SECONDS_MIN = 1.0
PAUSE_SECONDS_MAX = 30.0


@dataclass(frozen=True)
class Request:
    """One POST that waits to be sent. `path` with its query is below the transport's URL."""

    path: str
    content_type: str
    body: bytes
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)


class Refused(Exception):
    """The receiver will not take this request, now or later."""


class Transport(Protocol):
    """Sends one request, or raises: Refused where sending again is no use, anything else where it may be."""

    def send(self, request: Request) -> None: ...


class HttpTransport:
    """POSTs to a base URL over a connection of its own for each request, all of it within `timeout_seconds`.

    Redirects are not followed and proxies not used, so that what the process knows goes only where it was told to.
    """

    def __init__(self, url: str, timeout_seconds: float = 5.0, headers: Mapping[str, str] | None = None) -> None:
        """Errors: ValueError where `url` is not http(s)://host[:port][/path] or a header cannot be sent."""
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"url {url!r}: want http://host[:port][/path] or https://…, without a query")
        if parts.username is not None:
            raise ValueError(f"url of {parts.hostname}: a password in it; give it in headers, as Authorization")
        if not url.isascii() or any(c <= " " or c == "\x7f" for c in url):
            raise ValueError(f"url {url!r}: want printable ASCII; write other characters as %XX")
        self._host = parts.hostname
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._base = parts.path.rstrip("/")
        self._authority = parts.netloc
        self._headers = dict(headers or {})
        for name, value in self._headers.items():
            if not (name + value).isascii() or any(c in "\r\n\0" for c in name + value):
                raise ValueError(f"header {name!r}: want ASCII without line ends")
        self._timeout_seconds = timeout_seconds

    def send(self, request: Request) -> None:
        deadline = time.monotonic() + self._timeout_seconds

        def left() -> float:
            seconds = deadline - time.monotonic()
            if seconds <= 0:
                raise TimeoutError(f"no answer within {self._timeout_seconds} s")
            return seconds

        headers = {**self._headers, **request.headers, "Content-Type": request.content_type}
        head = f"POST {self._base}{request.path} HTTP/1.1\r\nHost: {self._authority}\r\nConnection: close\r\n"
        head += f"User-Agent: kilowatch-python\r\nContent-Length: {len(request.body)}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
        with socket.create_connection((self._host, self._port), timeout=left()) as plain:
            plain.settimeout(left())
            connection = self._tls.wrap_socket(plain, server_hostname=self._host) if self._tls else plain
            try:
                connection.settimeout(left())
                connection.sendall(head.encode("ascii") + request.body)  # the time-out is of the whole body
                answer = b""
                while b"\r\n" not in answer:
                    connection.settimeout(left())  # a receiver that drips bytes ends at the deadline too
                    got = connection.recv(4096)
                    if not got:
                        raise ConnectionError("the connection closed before a status came")
                    answer += got
                    if len(answer) > RESPONSE_HEAD_BYTES_MAX:
                        raise ConnectionError(f"no status in {RESPONSE_HEAD_BYTES_MAX} bytes")
            finally:
                connection.close()
        self._judge(answer)

    @staticmethod
    def _judge(answer: bytes) -> None:
        words = answer.split(b"\r\n", 1)[0].split(b" ", 2)
        if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
            raise Refused(f"not an HTTP answer: {answer[:40]!r}")
        status = int(words[1])
        if 200 <= status < 300:
            return
        if status in (408, 429) or status >= 500:
            raise ConnectionError(f"status {status}")
        raise Refused(f"status {status}")


@dataclass(frozen=True)
class ExportStats:
    """Counts since the exporter was made, in requests; `waiting` and `waiting_bytes` are of now."""

    offered: int = 0
    sent: int = 0
    dropped_full: int = 0
    dropped_refused: int = 0
    dropped_closed: int = 0
    failures: int = 0  # attempts that failed; the request may have been sent later
    waiting: int = 0
    waiting_bytes: int = 0
    last_error: str = ""


class Exporter:
    """A bounded queue with a worker. See the top of this file for its invariants."""

    def __init__(self, transport: Transport, requests_max: int = 256, bytes_max: int = 8 << 20,
                 pause: Callable[[float], None] | None = None) -> None:
        """`pause(seconds)` waits between attempts: tests pass one of their own to make hours pass."""
        self._transport = transport
        self._requests_max = requests_max
        self._bytes_max = bytes_max
        self._wait_between = pause
        self._counts: dict[str, int] = collections.defaultdict(int)
        self._last_error = ""
        self._closed = False
        self._start_afresh()
        _exporters.add(self)

    def _start_afresh(self) -> None:
        self._condition = threading.Condition()  # its lock is reentrant: a log line may come at any allocation
        self._queue: collections.deque[Request] = collections.deque()
        self._queue_bytes = 0
        self._sending = False
        self._thread: threading.Thread | None = None

    def offer(self, request: Request) -> bool:
        """Queues a request. False: it was dropped at once (too large for the queue, or closed)."""
        with self._condition:
            self._counts["offered"] += 1
            if self._closed:
                self._counts["dropped_closed"] += 1
                return False
            size = len(request.body)
            if size > self._bytes_max:
                self._counts["dropped_full"] += 1
                return False
            # The newest says most about now: the oldest makes room.
            while self._queue and (len(self._queue) >= self._requests_max or
                                   self._queue_bytes + size > self._bytes_max):
                self._queue_bytes -= len(self._queue.popleft().body)
                self._counts["dropped_full"] += 1
            self._queue.append(request)
            self._queue_bytes += size
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="kilowatch-export", daemon=True)
                try:
                    self._thread.start()
                except RuntimeError as error:  # no thread can be started: the next offer() tries again
                    self._thread = None
                    self._last_error = str(error)
            self._condition.notify_all()
        return True

    def flush(self, timeout_seconds: float) -> bool:
        """Waits until all that was offered is sent or dropped. False: the time was up."""
        with self._condition:
            return self._condition.wait_for(lambda: not self._queue and not self._sending, timeout_seconds)

    def close(self) -> None:
        """Takes no more and lets the worker end after the attempt that it is in; what waits is dropped."""
        with self._condition:
            self._closed = True
            self._counts["dropped_closed"] += len(self._queue)
            self._queue.clear()
            self._queue_bytes = 0
            self._condition.notify_all()

    def stats(self) -> ExportStats:
        with self._condition:
            return ExportStats(**self._counts, waiting=len(self._queue), waiting_bytes=self._queue_bytes,
                               last_error=self._last_error)

    def _run(self) -> None:
        pause_seconds = PAUSE_SECONDS_MIN
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._queue or self._closed)
                if self._closed:
                    return
                request = self._queue.popleft()
                self._queue_bytes -= len(request.body)
                self._sending = True
            outcome = "sent"
            message = ""
            try:
                self._transport.send(request)
            except Refused as error:
                outcome, message = "dropped_refused", str(error)
            except Exception as error:  # whatever a transport raises must not end the worker
                outcome, message = "failures", f"{type(error).__name__}: {error}"
            with self._condition:
                self._sending = False
                self._counts[outcome] += 1
                if message:
                    self._last_error = message[:500]
                if outcome != "failures":
                    pause_seconds = PAUSE_SECONDS_MIN
                    self._condition.notify_all()
                    continue
                self._put_back(request)
                self._condition.notify_all()
            if self._wait_between is not None:
                self._wait_between(pause_seconds)
            else:
                with self._condition:
                    self._condition.wait_for(lambda: self._closed, pause_seconds)
            pause_seconds = min(2 * pause_seconds, PAUSE_SECONDS_MAX)

    def _put_back(self, request: Request) -> None:
        """Puts a request that failed back to the front, unless newer ones took its place meanwhile."""
        if self._closed:
            self._counts["dropped_closed"] += 1
        elif len(self._queue) >= self._requests_max or self._queue_bytes + len(request.body) > self._bytes_max:
            self._counts["dropped_full"] += 1
        else:
            self._queue.appendleft(request)
            self._queue_bytes += len(request.body)


_exporters: weakref.WeakSet[Exporter] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for exporter in list(_exporters):
        exporter._start_afresh()


os.register_at_fork(after_in_child=_after_fork_in_child)
